"""Adding and reconfiguring a person: every path through the forms, and the stored data."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_USER, ConfigFlowResult
from homeassistant.const import CONF_NAME
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.facial_therapy.config_flow import ADD_PERSON
from custom_components.facial_therapy.const import (
    CONF_ELIGIBILITY,
    CONF_KIND,
    CONF_LEDGER_BEGUN,
    CONF_NOTIFY,
    CONF_PERSON,
    CONF_PROFILE,
    CONF_SKIN_TYPE,
    DOMAIN,
    KIND_PERSON,
)
from custom_components.facial_therapy.core.gate.screening import Condition
from custom_components.facial_therapy.core.model import Modality, SkinType
from custom_components.facial_therapy.core.person import Eligibility, Hold, Screening, Verdict
from custom_components.facial_therapy.flows.person import NAME_MAX, PROFILE_MAX
from custom_components.facial_therapy.flows.screening import CONDITIONS, SHARED_CONDITIONS
from custom_components.facial_therapy.storage.ledger_file import LedgerError
from custom_components.facial_therapy.storage.serialize import eligibility_in, eligibility_out
from tests.integration.world import PROFILE, World, person_entry

FIRST = {"adult": True, "skin_type": "ii", "confirmed": True}
NOTHING = {"confirmed": True}
MASK, WAND = Modality.MASK, Modality.WAND


@pytest.fixture(autouse=True)
def _nothing_is_set_up(request: pytest.FixtureRequest) -> Iterator[None]:
    """Nothing is set up once an entry has been created, unless a test has a world."""
    if "world" in request.fixturenames:
        yield
        return
    with (
        patch("custom_components.facial_therapy.async_setup", return_value=True),
        patch("custom_components.facial_therapy.async_setup_entry", return_value=True),
        patch("custom_components.facial_therapy.async_unload_entry", return_value=True),
        patch("custom_components.facial_therapy.async_remove_entry"),
    ):
        yield


async def begin(hass: HomeAssistant) -> ConfigFlowResult:
    """Add a person."""
    return await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}, data=ADD_PERSON
    )


async def submit(
    hass: HomeAssistant, step: ConfigFlowResult, step_id: str, **values: Any
) -> ConfigFlowResult:
    """Fill in the form that is expected."""
    assert (step["type"], step.get("step_id")) == (FlowResultType.FORM, step_id)
    return await hass.config_entries.flow.async_configure(step["flow_id"], values)


async def add(
    hass: HomeAssistant,
    details: dict[str, Any] | None = None,
    first: dict[str, Any] | None = None,
    mask: dict[str, Any] | None = None,
    wand: dict[str, Any] | None = None,
) -> ConfigFlowResult:
    """Answer everything, by default with nothing that applies, and return what follows."""
    step = await submit(hass, await begin(hass), "person", **{CONF_NAME: "Ada"} | (details or {}))
    step = await submit(hass, step, "screening", **FIRST | (first or {}))
    step = await submit(hass, step, "screening_mask", **NOTHING | (mask or {}))
    return await submit(hass, step, "screening_wand", **NOTHING | (wand or {}))


async def choose(hass: HomeAssistant, entry: MockConfigEntry, step_id: str) -> ConfigFlowResult:
    """Open what can be changed about a person, and choose."""
    menu = await entry.start_reconfigure_flow(hass)
    assert (menu["type"], menu["step_id"]) == (FlowResultType.MENU, "reconfigure")
    assert step_id in menu["menu_options"]
    return await hass.config_entries.flow.async_configure(
        menu["flow_id"], {"next_step_id": step_id}
    )


def eligibility_of(entry: MockConfigEntry) -> Eligibility:
    """Return a person's stored eligibility."""
    return eligibility_in(entry.data[CONF_ELIGIBILITY])


def done(step: ConfigFlowResult) -> bool:
    return (step["type"], step["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")


def added(hass: HomeAssistant, **how: Any) -> MockConfigEntry:
    """A person who is there already."""
    entry = person_entry(**how)
    entry.add_to_hass(hass)
    return entry


# --- adding ---------------------------------------------------------------------------------------


async def test_a_person_is_a_name_a_random_number_and_two_verdicts(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    freezer.move_to("2026-11-24 19:00:00+00:00")
    with patch("secrets.randbelow", return_value=41) as randbelow:
        created = await add(hass, {CONF_NAME: "  Ada \n Lovelace "})

    assert created["type"] is FlowResultType.CREATE_ENTRY
    assert (created["title"], created["description"]) == ("Ada Lovelace", None)
    assert created["data"].keys() == {CONF_KIND, CONF_PROFILE, CONF_SKIN_TYPE, CONF_ELIGIBILITY}
    assert (created["data"][CONF_PROFILE], created["data"][CONF_SKIN_TYPE]) == (42, "ii")
    assert created["result"].unique_id == "person_42"
    now = dt_util.utcnow()
    clear = Screening(verdict=Verdict.CLEAR, screened_at=now, expires_at=now + timedelta(days=90))
    blue = Screening(
        verdict=Verdict.CLEAR, screened_at=now, expires_at=now + timedelta(days=90), blue=True
    )
    assert eligibility_in(created["data"][CONF_ELIGIBILITY]) == Eligibility(
        adult=True, screenings={MASK: blue, WAND: clear}
    )
    randbelow.assert_called_once_with(PROFILE_MAX)


async def test_a_person_may_be_linked_to_home_assistant(hass: HomeAssistant) -> None:
    hass.states.async_set("person.ada", "home")
    hass.states.async_set("notify.ada", "unknown")
    created = await add(hass, {CONF_PERSON: "person.ada", CONF_NOTIFY: "notify.ada"})
    assert (created["data"][CONF_PERSON], created["data"][CONF_NOTIFY]) == (
        "person.ada",
        "notify.ada",
    )

    step = await submit(
        hass,
        await begin(hass),
        "person",
        **{CONF_NAME: "Bo", CONF_PERSON: "person.ada", CONF_NOTIFY: "notify.gone"},
    )
    assert step["errors"] == {CONF_PERSON: "person_taken", CONF_NOTIFY: "entity_missing"}
    step = await submit(hass, step, "person", **{CONF_NAME: "Bo", CONF_PERSON: "person.gone"})
    assert step["errors"] == {CONF_PERSON: "entity_missing"}
    assert (await submit(hass, step, "person", **{CONF_NAME: "Bo"}))["step_id"] == "screening"


async def test_no_two_people_share_a_number(hass: HomeAssistant) -> None:
    added(hass, profile=42)
    with patch("secrets.randbelow", side_effect=[41, 41, 7]):
        created = await add(hass, {CONF_NAME: "Grace"})
    assert created["data"][CONF_PROFILE] == 8


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("", "name_length"),
        (" \t\n", "name_length"),
        ("a" * (NAME_MAX + 1), "name_length"),
        ("Ada", "name_taken"),
        (" aDA ", "name_taken"),
    ],
)
async def test_a_person_recovers_from_every_bad_name(
    hass: HomeAssistant, name: str, error: str
) -> None:
    added(hass)
    failed = await submit(hass, await begin(hass), "person", **{CONF_NAME: name})
    assert failed["errors"] == {CONF_NAME: error}
    assert (await submit(hass, failed, "person", **{CONF_NAME: "b" * NAME_MAX}))[
        "step_id"
    ] == "screening"


async def test_a_name_that_somebody_else_got_during_the_screening_is_refused_at_the_end(
    hass: HomeAssistant,
) -> None:
    step = await submit(hass, await begin(hass), "person", **{CONF_NAME: "Ada"})
    step = await submit(hass, step, "screening", **FIRST)
    step = await submit(hass, step, "screening_mask", **NOTHING)
    added(hass)
    step = await submit(hass, step, "screening_wand", **NOTHING)
    assert (step["step_id"], step["errors"]) == ("person", {CONF_NAME: "name_taken"})


async def test_every_question_is_asked_once() -> None:
    asked = [*SHARED_CONDITIONS, *CONDITIONS[MASK], *CONDITIONS[WAND]]
    assert sorted(asked) == sorted(Condition)


async def test_nothing_goes_on_unconfirmed_or_under_age(hass: HomeAssistant) -> None:
    step = await submit(hass, await begin(hass), "person", **{CONF_NAME: "Ada"})
    step = await submit(hass, step, "screening", skin_type="ii", treated_on="2999-01-01")
    assert step["errors"] == {
        "adult": "not_adult",
        "confirmed": "not_confirmed",
        "treated_on": "date_future",
    }
    step = await submit(hass, step, "screening", **FIRST)
    step = await submit(hass, step, "screening_mask", conditions=["melasma"])
    assert step["errors"] == {"confirmed": "not_confirmed"}
    step = await submit(hass, step, "screening_mask", **NOTHING)
    step = await submit(hass, step, "screening_wand", confirmed=False)
    assert step["errors"] == {"confirmed": "not_confirmed"}


@pytest.mark.parametrize(
    ("answers", "verdicts", "shown"),
    [
        ({"first": {"conditions": ["epilepsy"]}}, ("blocked", "blocked"), "unfit_both"),
        ({"mask": {"conditions": ["retinal_disease"]}}, ("blocked", "clear"), "unfit_mask"),
        ({"wand": {"conditions": ["implanted_electronics"]}}, ("clear", "blocked"), "unfit_wand"),
        ({"mask": {"conditions": ["melasma"]}}, ("clear", "clear"), None),
    ],
)
async def test_each_condition_has_its_verdict_and_message(
    hass: HomeAssistant, answers: dict[str, Any], verdicts: tuple[str, str], shown: str | None
) -> None:
    created = await add(hass, **answers)
    kept = eligibility_in(created["data"][CONF_ELIGIBILITY]).screenings
    assert (kept[MASK].verdict, kept[WAND].verdict) == verdicts
    assert created["description"] == shown
    assert kept[MASK].blue is ("melasma" not in str(answers))
    assert not [condition for condition in Condition if condition.value in str(created["data"])]


async def test_a_clinicians_date_is_asked_where_needed_and_allows_the_device(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    freezer.move_to("2026-11-24 19:00:00+00:00")
    step = await add(hass, wand={"conditions": ["metal_in_face"]})
    assert [str(field) for field in (step["data_schema"] or {}).schema] == ["wand_clinician_on"]  # type: ignore[union-attr]
    step = await submit(hass, step, "clinician", wand_clinician_on="2026-11-26")
    assert step["errors"] == {"wand_clinician_on": "date_future"}
    step = await submit(hass, step, "clinician", wand_clinician_on="2025-11-20")
    assert step["errors"] == {"wand_clinician_on": "date_old"}
    created = await submit(hass, step, "clinician", wand_clinician_on="2026-11-01")
    kept = eligibility_in(created["data"][CONF_ELIGIBILITY]).screenings
    assert (kept[WAND].verdict, str(kept[WAND].clinician_on)) == (Verdict.CLINICIAN, "2026-11-01")
    assert (kept[MASK].verdict, kept[MASK].clinician_on) == (Verdict.CLEAR, None)


async def test_without_a_clinicians_date_it_is_not_for_them(hass: HomeAssistant) -> None:
    step = await add(hass, first={"conditions": ["diabetes"]})
    created = await submit(hass, step, "clinician")
    assert created["description"] == "unfit_both"


async def test_what_was_done_to_the_face_is_kept_as_a_time_only(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    await hass.config.async_set_time_zone("Europe/Vienna")
    freezer.move_to("2026-11-24 19:00:00+00:00")
    created = await add(
        hass, first={"treatments": ["peel", "botulinum"], "treated_on": "2026-11-20"}
    )
    end_of_day = dt_util.parse_datetime("2026-11-21T00:00:00+01:00", raise_on_error=True)
    block = Hold(until=end_of_day + timedelta(days=14), hard_until=end_of_day + timedelta(days=2))
    assert eligibility_in(created["data"][CONF_ELIGIBILITY]).holds == {MASK: block, WAND: block}
    assert "peel" not in str(created["data"])


# --- later ----------------------------------------------------------------------------------------


async def test_a_person_is_renamed_and_linked_and_nothing_else_changes(hass: HomeAssistant) -> None:
    hass.states.async_set("person.ada", "home")
    ada, _ = added(hass), added(hass, name="Grace", profile=2)
    before = dict(ada.data)
    form = await choose(hass, ada, "details")
    form = await submit(hass, form, "details", **{CONF_NAME: "GRACE"})
    assert form["errors"] == {CONF_NAME: "name_taken"}
    form = await submit(hass, form, "details", **{CONF_NAME: " "})
    assert form["errors"] == {CONF_NAME: "name_length"}
    assert done(
        await submit(hass, form, "details", **{CONF_NAME: "ADA", CONF_PERSON: "person.ada"})
    )
    assert ada.title == "ADA"
    assert ada.data == before | {CONF_PERSON: "person.ada"}
    assert done(
        await submit(hass, await choose(hass, ada, "details"), "details", **{CONF_NAME: "ADA"})
    )
    assert ada.data == before


async def test_the_skin_type_is_changed(hass: HomeAssistant) -> None:
    ada = added(hass)
    assert done(
        await submit(hass, await choose(hass, ada, "skin_type"), "skin_type", skin_type="iv")
    )
    assert ada.data[CONF_SKIN_TYPE] == "iv"


@pytest.mark.parametrize("by", ["skin_type", "screening"])
async def test_a_lighter_skin_type_holds_a_day_later_and_a_darker_one_at_once(
    world: World, by: str
) -> None:
    entry = world.hass.config_entries.async_get_known_entry(world.person.person_id)
    assert isinstance(entry, MockConfigEntry)
    world.hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_SKIN_TYPE: "iv"})

    async def say(skin_type: str) -> None:
        step = await choose(world.hass, entry, by)
        step = await submit(
            world.hass,
            step,
            by,
            **(({} if by == "skin_type" else FIRST) | {"skin_type": skin_type}),
        )
        if by == "screening":
            step = await submit(world.hass, step, "screening_mask", **NOTHING)
            step = await submit(world.hass, step, "screening_wand", **NOTHING)
        assert done(step)

    def held() -> SkinType | None:
        return world.person.skin_type

    await say("ii")
    assert (entry.data[CONF_SKIN_TYPE], held()) == ("ii", SkinType.IV)
    world.freezer.tick(timedelta(hours=23))
    await say("ii")  # the same again restarts nothing
    with patch(
        "homeassistant.util.dt.utcnow", return_value=dt_util.utcnow() + timedelta(days=2)
    ):  # nor does a wall clock that is put forward
        assert held() is SkinType.IV
    world.freezer.tick(timedelta(hours=1))
    assert held() is SkinType.II
    await say("vi")
    assert held() is SkinType.VI


async def test_screening_again_replaces_the_verdicts_and_keeps_what_has_to_be_waited_for(
    hass: HomeAssistant,
) -> None:
    until = dt_util.utcnow() + timedelta(days=9)
    ada = added(
        hass,
        how=Eligibility(
            redness_until=until,
            red_flag_at=until,
            holds={MASK: Hold(until=until, hard_until=until)},
        ),
    )
    step = await choose(hass, ada, "screening")
    step = await submit(hass, step, "screening", **FIRST)
    step = await submit(hass, step, "screening_mask", conditions=["retinal_disease"], **NOTHING)
    shown = await submit(hass, step, "screening_wand", **NOTHING)
    assert (shown["type"], shown["reason"]) == (FlowResultType.ABORT, "unfit_mask")
    kept = eligibility_of(ada)
    assert (kept.adult, kept.screenings[MASK].verdict, kept.screenings[WAND].verdict) == (
        True,
        Verdict.BLOCKED,
        Verdict.CLEAR,
    )
    assert (kept.redness_until, kept.red_flag_at, kept.holds) == (
        until,
        until,
        {MASK: Hold(until=until, hard_until=until)},
    )
    assert ada.data[CONF_SKIN_TYPE] == "ii"


async def test_a_rest_is_added_and_ended_as_early_as_it_may(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    await hass.config.async_set_time_zone("UTC")
    freezer.move_to("2026-11-24 19:00:00+00:00")
    ada = added(hass)
    assert "unblock" not in (await ada.start_reconfigure_flow(hass))["menu_options"]
    form = await submit(hass, await choose(hass, ada, "block"), "block", treated_on="2026-11-25")
    assert form["errors"] == {"treatments": "nothing_chosen", "treated_on": "date_future"}
    assert done(await submit(hass, form, "block", treatments=["filler"]))
    assert eligibility_of(ada).holds[MASK].until.isoformat() == "2026-12-09T00:00:00+00:00"

    form = await choose(hass, ada, "unblock")
    assert form["description_placeholders"] is not None
    assert "00:00" in form["description_placeholders"]["ends_at"]
    assert done(await submit(hass, form, "unblock"))
    assert eligibility_of(ada).holds[MASK].until.isoformat() == "2026-11-27T00:00:00+00:00"
    freezer.move_to("2026-11-28 19:00:00+00:00")
    assert done(await submit(hass, await choose(hass, ada, "unblock"), "unblock"))
    assert eligibility_of(ada).holds == {}


async def test_a_red_flag_is_cleared_by_a_person_and_after_its_week_only(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    freezer.move_to("2026-11-24 19:00:00+00:00")
    ada = added(hass)
    assert "clear" not in (await ada.start_reconfigure_flow(hass))["menu_options"]
    assert done(
        await submit(hass, await choose(hass, ada, "report"), "report", reaction="red_flag")
    )
    assert eligibility_of(ada).red_flag_at == dt_util.utcnow()

    form = await submit(hass, await choose(hass, ada, "clear"), "clear")
    assert form["errors"] == {"confirmed": "not_confirmed"}
    form = await submit(hass, form, "clear", confirmed=True)
    assert form["errors"] == {"base": "too_early"}
    assert form["description_placeholders"] is not None
    assert "2026-12-01" in form["description_placeholders"]["allowed_at"]
    freezer.move_to("2026-12-01 19:00:00+00:00")
    assert done(await submit(hass, form, "clear", confirmed=True))
    assert eligibility_of(ada).red_flag_at is None


@pytest.mark.parametrize("reaction", ["redness", "skin_not_fine"])
async def test_a_report_is_stored_as_a_time(hass: HomeAssistant, reaction: str) -> None:
    ada = added(hass)
    assert done(await submit(hass, await choose(hass, ada, "report"), "report", reaction=reaction))
    kept = eligibility_of(ada)
    assert [kept.redness_until is not None, kept.not_fine_until is not None] == [
        reaction == "redness",
        reaction == "skin_not_fine",
    ]


# --- erasing --------------------------------------------------------------------------------------


async def erase(world: World) -> ConfigFlowResult:
    entry = world.hass.config_entries.async_get_known_entry(world.person.person_id)
    assert isinstance(entry, MockConfigEntry)
    form = await choose(world.hass, entry, "erase")
    form = await submit(world.hass, form, "erase")
    assert form["errors"] == {"confirmed": "not_confirmed"}
    return await submit(world.hass, form, "erase", confirmed=True)


async def test_what_is_known_of_a_person_is_erased_but_for_what_still_counts(world: World) -> None:
    entry = world.hass.config_entries.async_get_known_entry(world.person.person_id)
    until = dt_util.utcnow() + timedelta(days=2)
    data = {
        **entry.data,
        CONF_SKIN_TYPE: "ii",
        CONF_PERSON: "person.ada",
        CONF_ELIGIBILITY: eligibility_out(Eligibility(adult=True, redness_until=until)),
    }
    world.hass.config_entries.async_update_entry(entry, data=data, options={"wanted": 1})
    erased = await erase(world)
    assert (erased["type"], erased["reason"]) == (FlowResultType.ABORT, "erased")
    assert entry.data == {
        CONF_KIND: KIND_PERSON,
        CONF_LEDGER_BEGUN: True,
        CONF_PROFILE: PROFILE,
        CONF_ELIGIBILITY: eligibility_out(Eligibility(redness_until=until)),
    }
    assert entry.options == {}


async def test_nothing_is_erased_while_a_session_lives(world: World) -> None:
    await world.run()
    busy = await erase(world)
    assert busy["errors"] == {"base": "busy"}
    assert world.person.eligibility.adult


async def test_nothing_is_erased_if_the_disk_does_not_take_it(world: World) -> None:
    with patch(
        "custom_components.facial_therapy.storage.ledger.Ledger._async_rewrite",
        side_effect=LedgerError("full"),
    ):
        failed = await erase(world)
    assert failed["errors"] == {"base": "not_erased"}
    assert world.person.eligibility.adult

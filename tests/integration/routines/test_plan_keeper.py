"""A person's plan through Home Assistant: chosen in a form, shown, skipped, and due."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER, FlowType
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest

from custom_components.facial_therapy.config_flow import ADD_PERSON
from custom_components.facial_therapy.const import CONF_NOTIFY, CONF_WHEN_DUE, DOMAIN
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.refusal import RefusedError
from custom_components.facial_therapy.core.routine.run import RoutineRun
from custom_components.facial_therapy.core.routine.transitions import RoutineState
from custom_components.facial_therapy.core.schedule.plan import Phase, Plan
from custom_components.facial_therapy.flows.person import GUIDE
from custom_components.facial_therapy.storage.codec import decode, encode
from tests.integration.entities import all_enabled
from tests.integration.house import House, furnished

MONDAY_NOON = datetime(2026, 11, 23, 20, tzinfo=UTC)  # in the tests' time zone, eight hours behind
PLAN = {
    "program": "fine_lines",
    "evenings": 3,
    "devices": ["mask", "wand"],
    "opens": "20:00:00",
    "closes": "23:00:00",
    "when_due": "off",
}


@pytest.fixture
async def house(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> AsyncGenerator[House]:
    """A house with both devices, every entity enabled, on a Monday at noon."""
    freezer.move_to(MONDAY_NOON)
    with all_enabled():
        async with furnished(hass, freezer, tmp_path) as found:
            yield found


async def ask(house: House, **changes: Any) -> Any:
    """Fill in the form of the plan."""
    flow = await house.person.start_reconfigure_flow(house.hass)
    form = await house.hass.config_entries.flow.async_configure(
        flow["flow_id"], {"next_step_id": "plan"}
    )
    assert form["type"] is FlowResultType.FORM
    done = await house.hass.config_entries.flow.async_configure(
        flow["flow_id"], {**PLAN, **changes}
    )
    await house.hass.async_block_till_done()
    return done


def clock(text: str) -> str:
    """Return a time as weekday and clock in the tests' time zone."""
    at = dt_util.parse_datetime(text)
    assert at is not None
    return dt_util.as_local(at).strftime("%a %H:%M")


async def test_three_questions_make_a_plan_and_the_next_session_follows(house: House) -> None:
    assert house.shown("sensor", "next_session") == "unknown"
    assert (await ask(house))["reason"] == "reconfigure_successful"
    assert clock(house.shown("sensor", "next_session")) == "Mon 20:00"
    assert house.shown("select", "plan") == "fine_lines"
    assert house.shown("binary_sensor", "session_due") == "off"


async def test_adding_a_person_leads_to_three_questions_that_make_a_working_plan(
    house: House,
) -> None:
    flows = house.hass.config_entries.flow
    form = await flows.async_init(DOMAIN, context={"source": SOURCE_USER}, data=ADD_PERSON)
    for answers in (
        {"name": "Eve"},
        {"adult": True, "skin_type": "ii", "confirmed": True},
        {"confirmed": True},
        {"confirmed": True},
    ):
        form = await flows.async_configure(form["flow_id"], answers)
    assert form["type"] is FlowResultType.CREATE_ENTRY
    kind, flow_id = form["next_flow"]
    assert kind is FlowType.CONFIG_FLOW
    guide = await flows.async_configure(flow_id)
    assert (guide["type"], guide["step_id"]) == (FlowResultType.FORM, "first_plan")
    assert [str(key) for key in guide["data_schema"].schema] == ["program", "evenings", "devices"]  # type: ignore[union-attr]
    placeholders = guide["description_placeholders"] or {}
    assert placeholders["person"] == "Eve"
    assert "**Fine lines**: three evenings" in placeholders["programs"]
    form = await flows.async_configure(
        flow_id, {"program": "uneven_tone", "evenings": 2, "devices": ["wand"]}
    )
    assert form["errors"] == {"devices": "plan_wrong_modality"}
    done = await flows.async_configure(
        flow_id, {"program": "first_use", "evenings": 2, "devices": ["mask", "wand"]}
    )
    assert done["reason"] == "reconfigure_successful"
    await house.hass.async_block_till_done()
    following = house.hass.states.get("sensor.eve_next_session")
    assert following is not None
    assert clock(following.state) == "Mon 20:00"
    begun = await house.act("start_routine", person="Eve")
    assert (begun["step"], begun["next"]) == ("cleanse", "gel")


async def test_a_person_who_closes_the_three_questions_has_no_plan_and_can_make_one_later(
    house: House,
) -> None:
    flow = await house.hass.config_entries.flow.async_init(
        DOMAIN,
        context={"source": SOURCE_RECONFIGURE, "entry_id": house.person.entry_id},
        data=GUIDE,
    )
    house.hass.config_entries.flow.async_abort(flow["flow_id"])
    assert house.routines.plan.weekly_plan.plans == ()
    assert (await ask(house))["reason"] == "reconfigure_successful"


@pytest.mark.parametrize(
    ("changes", "field", "error"),
    [
        ({"program": "uneven_tone", "devices": ["wand"]}, "devices", "plan_wrong_modality"),
        ({"devices": []}, "devices", "plan_wrong_modality"),
        ({"closes": "20:10:00"}, "closes", "plan_out_of_bounds"),
        ({"closes": "01:00:00"}, "closes", "plan_out_of_bounds"),
    ],
)
async def test_impossible_answers_are_reported_at_their_field_and_change_nothing(
    house: House, changes: dict[str, Any], field: str, error: str
) -> None:
    form = await ask(house, **changes)
    assert (form["type"], form["errors"]) == (FlowResultType.FORM, {field: error})
    assert house.routines.plan.weekly_plan.plans == ()


async def test_the_form_of_a_plan_is_aborted_while_the_person_is_not_loaded(house: House) -> None:
    await house.hass.config_entries.async_unload(house.person.entry_id)
    flow = await house.person.start_reconfigure_flow(house.hass)
    done = await house.hass.config_entries.flow.async_configure(
        flow["flow_id"], {"next_step_id": "plan"}
    )
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "not_loaded")


async def to_next_phase(house: House) -> None:
    """Let the two weeks of first use pass."""
    house.freezer.move_to(MONDAY_NOON + timedelta(weeks=2, minutes=-1))
    await house.pass_time(120, 60)


def phases(house: House) -> tuple[str | None, str | None]:
    """Return the phase of the plan, and the proposed one."""
    state = house.hass.states.get("sensor.ada_next_session")
    assert state is not None
    return state.attributes["phase"], state.attributes["next_phase"]


async def accept(house: House, how: str) -> None:
    """Accept the next phase in one of the ways that a person has."""
    if how == "action":
        assert (await house.act("accept_next_phase", wand_every_weeks=2))["phase"] == "maintenance"
    elif how == "button":
        await house.hass.services.async_call(
            "button", "press", {"entity_id": "button.ada_accept_next_phase"}, blocking=True
        )
    else:
        flow = await house.person.start_reconfigure_flow(house.hass)
        form = await house.hass.config_entries.flow.async_configure(
            flow["flow_id"], {"next_step_id": "next_phase"}
        )
        assert form["description_placeholders"] == {"program": "First use"}
        done = await house.hass.config_entries.flow.async_configure(
            flow["flow_id"], {"wand_every_weeks": 2}
        )
        assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    await house.hass.async_block_till_done()


@pytest.mark.parametrize(("how", "every"), [("action", 2), ("button", 1), ("menu", 2)])
async def test_the_next_phase_is_proposed_when_it_is_due_and_begins_when_a_person_accepts_it(
    house: House, how: str, every: int
) -> None:
    assert phases(house) == (None, None)
    await ask(house, program="first_use", evenings=2)
    assert phases(house) == ("build_up", None)
    with pytest.raises(ServiceValidationError) as caught:
        await house.act("accept_next_phase")
    assert caught.value.translation_key == "no_next_phase"
    await to_next_phase(house)
    assert phases(house) == ("build_up", "maintenance")
    house.freezer.tick(timedelta(weeks=3))
    await house.pass_time(120, 60)
    assert phases(house) == ("build_up", "maintenance")  # never by itself
    await accept(house, how)
    await house.restart()
    assert phases(house) == ("maintenance", None)
    plan = house.routines.plan.weekly_plan.on(dt_util.now().date())
    assert plan is not None
    assert plan.wand_every_weeks == every


@pytest.mark.parametrize("every", [0, 3, 1.5, -1, float("nan"), float("inf"), "often"])
async def test_in_maintenance_the_wand_is_planned_every_week_or_every_two(
    house: House, every: object
) -> None:
    await ask(house, program="first_use", evenings=2)
    await to_next_phase(house)
    with pytest.raises(ServiceValidationError) as caught:
        await house.act("accept_next_phase", wand_every_weeks=every)
    assert "wand_every_weeks" in (caught.value.translation_placeholders or {}).values()
    assert phases(house) == ("build_up", "maintenance")


@pytest.mark.parametrize(("when_due", "messages"), [("off", 0), ("remind", 1), ("propose", 1)])
async def test_the_next_phase_is_notified_once_a_week(
    house: House, when_due: str, messages: int
) -> None:
    notified: list[str] = []

    async def notify(call: ServiceCall) -> None:
        notified.append(call.data["message"])

    house.hass.services.async_register("notify", "send_message", notify)
    house.hass.config_entries.async_update_entry(
        house.person, data={**house.person.data, CONF_NOTIFY: "notify.phone"}
    )
    await ask(house, program="first_use", evenings=2, when_due=when_due)
    await to_next_phase(house)
    await house.pass_time(300, 60)
    await house.restart()
    await house.pass_time(300, 60)
    assert (
        notified.count("The next phase of your plan is due. It begins when you accept it.")
        == messages
    )
    house.freezer.tick(timedelta(weeks=1))
    await house.pass_time(120, 60)
    assert (
        notified.count("The next phase of your plan is due. It begins when you accept it.")
        == 2 * messages
    )


async def test_a_phase_that_is_not_due_any_more_cannot_be_accepted(house: House) -> None:
    await ask(house, program="first_use", evenings=2)
    await to_next_phase(house)
    flow = await house.person.start_reconfigure_flow(house.hass)
    await accept(house, "button")
    done = await house.hass.config_entries.flow.async_configure(
        flow["flow_id"], {"next_step_id": "next_phase"}
    )
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "no_next_phase")


async def test_skipping_tonight_moves_the_next_session_and_survives_a_restart(house: House) -> None:
    await ask(house)
    answer = await house.act("skip_planned")
    assert (answer["skipped"], clock(answer["next"])) == ("2026-11-23", "Wed 20:00")
    await house.restart()
    assert clock(house.shown("sensor", "next_session")) == "Wed 20:00"


async def test_travel_freezes_the_plan_until_its_last_day(house: House) -> None:
    await ask(house)
    answer = await house.act("skip_planned", date="2026-11-23", until="2026-11-29", reason="travel")
    assert clock(answer["next"]) == "Mon 20:00"
    state = house.hass.states.get("sensor.ada_next_session")
    assert state is not None
    assert (state.attributes["goal"], state.attributes["done"], state.attributes["streak"]) == (
        0,
        0,
        0,
    )


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"date": "2026-11-01"}, "date"),
        ({"date": "2027-11-01"}, "date"),
        ({"until": "2026-11-01"}, "until"),
        ({"until": "2028-01-01"}, "until"),
    ],
)
async def test_only_evenings_of_the_next_weeks_can_be_skipped(
    house: House, data: dict[str, str], field: str
) -> None:
    await ask(house)
    with pytest.raises(ServiceValidationError) as caught:
        await house.act("skip_planned", **data)
    assert caught.value.translation_placeholders is not None
    assert (caught.value.translation_key, caught.value.translation_placeholders["field"]) == (
        "out_of_bounds",
        field,
    )
    assert house.routines.plan.weekly_plan.skipped == frozenset()


async def test_the_calendar_shows_what_is_planned_and_why_what_is_skipped(house: House) -> None:
    await ask(house)
    await house.act("skip_planned")
    state = house.hass.states.get("calendar.ada_plan")
    assert state is not None
    assert state.attributes["message"] == "Fine lines, mask"
    answer = await house.hass.services.async_call(
        "calendar",
        "get_events",
        {
            "entity_id": "calendar.ada_plan",
            "start_date_time": "2026-11-23 00:00:00",
            "end_date_time": "2026-11-30 00:00:00",
        },
        blocking=True,
        return_response=True,
    )
    assert answer is not None
    events: Any = answer["calendar.ada_plan"]
    shown = [
        (clock(event["start"]), event["summary"], event["description"])
        for event in events["events"]
    ]
    assert shown == [
        ("Mon 20:00", "Fine lines, wand", "Skipped"),
        ("Mon 20:00", "Fine lines, mask", "Skipped"),
        ("Wed 20:00", "Fine lines, mask", "Planned"),
        ("Fri 20:00", "Fine lines, wand", "Planned"),
        ("Fri 20:00", "Fine lines, mask", "Planned"),
    ]


async def test_the_calendar_shows_the_dose_of_what_was_done(house: House) -> None:
    await house.act("start_routine", steps=[{"act": "mask", "program": "first_use"}])
    house.devices[Modality.MASK].put_on()
    await house.pass_time(140, 1)
    answer = await house.hass.services.async_call(
        "calendar",
        "get_events",
        {
            "entity_id": "calendar.ada_plan",
            "start_date_time": "2026-11-23 00:00:00",
            "end_date_time": "2026-11-24 00:00:00",
        },
        blocking=True,
        return_response=True,
    )
    assert answer is not None
    events: Any = answer["calendar.ada_plan"]
    (event,) = events["events"]
    assert event["summary"] == "First use, mask"
    assert event["description"].startswith("Done: ")
    assert event["description"].endswith(" J/cm², Completed")


async def test_the_plan_is_chosen_and_paused_by_its_select(house: House) -> None:
    for option, expected in (
        ("blemish_prone", "blemish_prone"),
        ("none", "none"),
        ("puffiness", "puffiness"),
    ):
        await house.hass.services.async_call(
            "select",
            "select_option",
            {"entity_id": "select.ada_plan", "option": option},
            blocking=True,
        )
        await house.hass.async_block_till_done()
        assert house.shown("select", "plan") == expected
    plan = house.routines.plan.weekly_plan.on(dt_util.now().date())
    assert plan is not None
    assert (plan.phase, plan.modalities) == (Phase.BUILD_UP, frozenset(Modality))


async def test_pausing_without_a_plan_changes_nothing(house: House) -> None:
    await house.routines.plan.async_choose(None)
    assert house.routines.plan.weekly_plan.plans == ()
    with pytest.raises(RefusedError):
        await house.routines.plan.async_choose("eternal_youth")


async def to_evening(house: House) -> None:
    """Move to eight in the evening."""
    house.freezer.move_to(MONDAY_NOON + timedelta(hours=8))
    await house.pass_time(120, 60)


async def test_the_routine_of_the_plan_begins_and_its_buttons_confirm_and_skip(
    house: House,
) -> None:
    await ask(house)
    await to_evening(house)
    assert house.shown("binary_sensor", "session_due") == "on"
    answer = await house.act("start_routine")
    assert answer["step"] == "cleanse"
    assert house.shown("binary_sensor", "session_due") == "off"
    for entity_id in ("button.ada_confirm_step", "button.ada_skip_step"):
        await house.hass.services.async_call(
            "button", "press", {"entity_id": entity_id}, blocking=True
        )
    assert house.results == ["cleanse done", "gel skipped"]
    event = house.hass.states.get("event.ada_routine_event")
    assert event is not None
    assert (event.attributes["event_type"], event.attributes["text"]) == (
        "armed_wand",
        "Put the wand on your forehead",
    )
    assert (event.attributes["zone"], event.attributes["next"]) == (None, "rinse")


async def test_an_action_for_all_entities_confirms_and_skips_nothing(house: House) -> None:
    await house.act("start_routine", steps=[{"act": "cleanse"}, {"act": "serum"}])
    await house.hass.services.async_call("button", "press", {"entity_id": "all"}, blocking=True)
    assert house.results == []
    assert house.state() is RoutineState.HAND


async def test_the_routine_of_the_plan_can_start_before_its_evening(house: House) -> None:
    await ask(house)
    assert (await house.act("start_routine"))["step"] == "cleanse"
    assert [step.act.value for step in house.run.steps] == [  # type: ignore[union-attr]
        "cleanse",
        "gel",
        "wand",
        "rinse",
        "mask",
        "serum",
    ]


@pytest.mark.parametrize(
    ("when_due", "messages"),
    [
        ("off", []),
        ("remind", ["Your evening is due."]),
        ("propose", ["Begin your evening? Yes also says that your skin is fine today."]),
    ],
)
async def test_a_due_plan_reminds_or_proposes_once_as_chosen_and_starts_nothing(
    house: House, when_due: str, messages: list[str]
) -> None:
    notified: list[ServiceCall] = []

    async def notify(call: ServiceCall) -> None:
        notified.append(call)

    house.hass.services.async_register("notify", "send_message", notify)
    house.hass.config_entries.async_update_entry(
        house.person, data={**house.person.data, CONF_NOTIFY: "notify.phone"}
    )
    await ask(house, when_due=when_due)
    assert house.person.data[CONF_WHEN_DUE] == when_due
    await to_evening(house)
    await house.pass_time(300, 60)
    assert [call.data["message"] for call in notified] == messages
    assert house.run is None
    assert house.flowing == set()


async def test_without_a_notify_target_the_reminder_is_a_persistent_notification(
    house: House,
) -> None:
    await ask(house, when_due="remind")
    await to_evening(house)
    notifications = house.hass.data["persistent_notification"]
    assert [each["message"] for each in notifications.values()] == ["Your evening is due."]


async def test_plan_and_run_are_saved_and_a_damaged_plan_costs_only_the_plan(
    house: House, hass_storage: dict[str, Any]
) -> None:
    await ask(house)
    await house.act("skip_planned", reason="illness")
    await house.act("start_routine", finish_by="23:00:00")
    await house.act("confirm_step")
    run = house.run
    assert run is not None
    assert decode(RoutineRun, encode(run)) == run
    weekly_plan = house.routines.plan.weekly_plan
    assert decode(Plan, encode(weekly_plan)) == weekly_plan
    person_id = house.person.entry_id
    assert hass_storage[f"{DOMAIN}.run.{person_id}"]["data"]["run"]["state"] == run.state
    hass_storage[f"{DOMAIN}.plan.{person_id}"]["data"] = {"plans": [{"program": 7}]}
    await house.restart()
    assert house.routines.plan.weekly_plan.plans == ()
    assert house.state() is RoutineState.SUSPENDED
    assert house.results == ["cleanse done"]


async def test_erasing_and_removing_a_person_forgets_their_plan(
    house: House, hass_storage: dict[str, Any]
) -> None:
    await ask(house)
    flow = await house.person.start_reconfigure_flow(house.hass)
    await house.hass.config_entries.flow.async_configure(flow["flow_id"], {"next_step_id": "erase"})
    await house.hass.config_entries.flow.async_configure(flow["flow_id"], {"confirmed": True})
    await house.hass.async_block_till_done()
    assert house.routines.plan.weekly_plan.plans == ()
    await ask(house)
    await house.hass.config_entries.async_remove(house.person.entry_id)
    for store in ("plan", "run", "announced"):
        assert f"{DOMAIN}.{store}.{house.person.entry_id}" not in hass_storage


async def test_a_person_has_at_most_eight_entities_that_are_enabled(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> None:
    async with furnished(hass, freezer, tmp_path) as found:
        entries = er.async_entries_for_config_entry(er.async_get(hass), found.person.entry_id)
        enabled = sorted(
            entry.unique_id.removeprefix(f"{found.person.entry_id}_")
            for entry in entries
            if entry.disabled_by is None
        )
    assert enabled == [
        "charge_total",
        "confirm_step",
        "fluence_red",
        "next_session",
        "plan",
        "routine_step",
        "sessions_this_week",
        "skip_step",
    ]

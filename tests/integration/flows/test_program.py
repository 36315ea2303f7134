"""Custom programs: made in the UI, refused by field and bound, selected, changed and deleted."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.recipes import BUILT_IN
from custom_components.facial_therapy.core.session_parameters import MANUAL
from custom_components.facial_therapy.people.programs import PROGRAM
from tests.integration.entities import all_enabled
from tests.integration.house import House, furnished
from tests.integration.routines.test_plan_keeper import MONDAY_NOON, ask
from tests.integration.world import person_entry

GLOW: dict[str, Any] = {"name": "Glow", "red": 10.0, "minutes": 5, "per_week": 2}
LIFT: dict[str, Any] = {
    "name": "Lift",
    "current_ua": 50,
    "frequency_hz": 8.3,
    "minutes": 2,
    "per_week": 2,
}
NAN = float("nan")


@pytest.fixture
async def house(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> AsyncGenerator[House]:
    """A house with both devices and a person of skin type II; an unknown type halves limits."""
    freezer.move_to(MONDAY_NOON)
    with all_enabled():
        async with furnished(hass, freezer, tmp_path) as found:
            hass.config_entries.async_update_entry(
                found.person, data={**found.person.data, "skin_type": "ii"}
            )
            yield found


def fields(form: Any) -> Any:
    """What a form asks for."""
    return form["data_schema"].schema


async def fill(house: House, numbers: dict[str, Any], kind: str = "mask") -> Any:
    """Go to the numbers and fill them in."""
    flows = house.hass.config_entries.subentries
    menu = await flows.async_init((house.person.entry_id, PROGRAM), context={"source": SOURCE_USER})
    assert menu["type"] is FlowResultType.MENU
    form = await flows.async_configure(menu["flow_id"], {"next_step_id": kind})
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, kind)
    return await flows.async_configure(menu["flow_id"], numbers)


async def make(house: House, numbers: dict[str, Any], kind: str = "mask") -> Any:
    """Make a program."""
    preview = await fill(house, numbers, kind)
    assert preview["type"] is FlowResultType.MENU, preview
    made = await house.hass.config_entries.subentries.async_configure(
        preview["flow_id"], {"next_step_id": "keep"}
    )
    await house.hass.async_block_till_done()
    return made


def choices(house: House, modality: Modality) -> list[str]:
    """The programs that can be chosen on a device."""
    entity_id = er.async_get(house.hass).async_get_entity_id(
        "select", DOMAIN, f"{house.entries[modality].data['mac']}_program"
    )
    assert entity_id is not None
    state = house.hass.states.get(entity_id)
    assert state is not None
    options: list[str] = state.attributes["options"]
    return options


async def test_the_dose_is_shown_before_a_program_is_kept(house: House) -> None:
    preview = await fill(house, GLOW)
    # 10 mW/cm² x 300 s = 3 J/cm² nominal
    assert (preview["step_id"], preview["menu_options"]) == ("preview", ["keep", "mask"])
    shown = preview["description_placeholders"]
    assert (shown["dose"], shown["counted"], shown["share"], shown["day"]) == (
        "3 J/cm²",
        "3.6 J/cm²",
        "8",
        "50 J/cm²",
    )
    assert house.person.subentries == {}


async def test_numbers_can_be_changed_after_the_dose_was_seen_and_are_still_there(
    house: House,
) -> None:
    preview = await fill(house, GLOW)
    form = await house.hass.config_entries.subentries.async_configure(
        preview["flow_id"], {"next_step_id": "mask"}
    )
    shown = {
        str(key): key.description["suggested_value"] for key in fields(form) if key.description
    }
    assert shown == GLOW


async def test_a_custom_program_is_chosen_started_planned_and_called_by_its_name(
    house: House,
) -> None:
    assert (await make(house, GLOW))["type"] is FlowResultType.CREATE_ENTRY
    assert (await make(house, LIFT, "wand"))["type"] is FlowResultType.CREATE_ENTRY
    assert choices(house, Modality.MASK) == [*BUILT_IN, "Glow", MANUAL]
    assert "Lift" in choices(house, Modality.WAND)
    assert "Glow" not in choices(house, Modality.WAND)
    started = await house.act(
        "start_session",
        device_id=house.coordinator(Modality.MASK).device_entry.id,  # type: ignore[union-attr]
        program="Glow",
    )
    assert (started["program"], started["irradiance_mw_cm2"], started["duration_s"]) == (
        "Glow",
        {"red": 10},
        300,
    )
    await house.hass.services.async_call(DOMAIN, "stop_all", blocking=True)
    assert (await ask(house, program="Glow"))["reason"] == "reconfigure_successful"
    assert house.shown("select", "plan") == "Glow"
    assert house.shown("sensor", "next_session") != "unknown"
    await house.restart()
    assert house.shown("select", "plan") == "Glow"


async def test_a_program_that_is_chosen_belongs_to_its_person(house: House) -> None:
    await make(house, GLOW)
    mask = house.coordinator(Modality.MASK)
    other = person_entry("Eve", 815)
    other.add_to_hass(house.hass)
    assert await house.hass.config_entries.async_setup(other.entry_id)
    await mask.async_set(person_id="Ada")
    await mask.async_set(program="Glow")
    await mask.async_set(person_id="Eve")
    assert mask.controls.settings.program == "first_use"
    with pytest.raises(ServiceValidationError) as caught:
        await house.act(
            "start_session",
            device_id=mask.device_entry.id,  # type: ignore[union-attr]
            person="Eve",
            program="Glow",
        )
    assert caught.value.translation_key == "unknown_program"


@pytest.mark.parametrize(
    ("kind", "changes", "field", "error"),
    [
        ("mask", {"name": " "}, "name", "name_length"),
        ("mask", {"name": "x" * 65}, "name", "name_length"),
        ("mask", {"name": "manual"}, "name", "name_taken"),
        ("mask", {"name": "FIRST_USE"}, "name", "name_taken"),
        ("mask", {"red": 30.0}, "red", "out_of_bounds"),
        ("mask", {"red": NAN}, "red", "out_of_bounds"),
        ("mask", {"minutes": 11}, "minutes", "out_of_bounds"),
        ("mask", {"minutes": 0}, "minutes", "out_of_bounds"),
        ("mask", {"minutes": NAN}, "minutes", "out_of_bounds"),
        ("mask", {"per_week": 5}, "per_week", "out_of_bounds"),
        ("mask", {"per_week": NAN}, "per_week", "out_of_bounds"),
        ("mask", {"red": 0}, "base", "does_not_fit"),
        ("wand", {"current_ua": 1e9}, "current_ua", "out_of_bounds"),
        ("wand", {"current_ua": float("inf")}, "current_ua", "out_of_bounds"),
        ("wand", {"frequency_hz": 0}, "frequency_hz", "out_of_bounds"),
        ("wand", {"minutes": 6}, "minutes", "out_of_bounds"),
    ],
)
async def test_what_does_not_fit_says_field_and_bound_and_nothing_is_lost(
    house: House, kind: str, changes: dict[str, Any], field: str, error: str
) -> None:
    good = GLOW if kind == "mask" else LIFT
    form = await fill(house, good | changes, kind)
    assert (form["type"], form["errors"]) == (FlowResultType.FORM, {field: error})
    if error == "out_of_bounds":
        shown = form["description_placeholders"]
        assert float(shown["minimum"]) < float(shown["maximum"])
        assert not shown["problem"]
    if error == "does_not_fit":
        assert form["description_placeholders"]["problem"]
    preview = await house.hass.config_entries.subentries.async_configure(form["flow_id"], good)
    assert preview["type"] is FlowResultType.MENU
    assert house.person.subentries == {}


async def test_a_name_is_unique_in_any_case(house: House) -> None:
    await make(house, GLOW)
    assert (await fill(house, GLOW | {"name": "gLOW "}))["errors"] == {"name": "name_taken"}


async def test_a_change_holds_from_the_next_session_on_and_the_name_stays(house: House) -> None:
    await make(house, LIFT, "wand")
    (subentry,) = house.person.subentries.values()
    flows = house.hass.config_entries.subentries
    form = await flows.async_init(
        (house.person.entry_id, PROGRAM),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": subentry.subentry_id},
    )
    assert "name" not in fields(form)
    preview = await flows.async_configure(
        form["flow_id"],
        {key: value for key, value in LIFT.items() if key != "name"} | {"current_ua": 40},
    )
    done = await flows.async_configure(preview["flow_id"], {"next_step_id": "keep"})
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    (subentry,) = house.person.subentries.values()
    assert (subentry.title, subentry.data["current_ua"]) == ("Lift", 40)


async def test_a_session_goes_on_when_its_program_is_deleted_and_a_plan_says_why_nothing_follows(
    house: House,
) -> None:
    await make(house, GLOW)
    await ask(house, program="Glow", devices=["mask"])
    mask = house.coordinator(Modality.MASK)
    await house.act("start_session", device_id=mask.device_entry.id, program="Glow")  # type: ignore[union-attr]
    house.devices[Modality.MASK].put_on()
    await house.pass_time(6)
    (subentry,) = house.person.subentries.values()
    house.hass.config_entries.async_remove_subentry(house.person, subentry.subentry_id)
    await house.pass_time(2)
    assert house.flowing == {Modality.MASK}
    assert "Glow" not in choices(house, Modality.MASK)
    assert house.shown("sensor", "next_session") == "unknown"
    refused = await house.act("check_session", device_id=mask.device_entry.id, program="Glow")  # type: ignore[union-attr]
    assert "unknown_program" in {reason["reason"] for reason in refused["reasons"]}
    await house.hass.services.async_call(DOMAIN, "stop_all", blocking=True)
    with pytest.raises(ServiceValidationError) as caught:
        await house.act(
            "start_routine", steps=[{"act": "cleanse"}, {"act": "mask", "program": "Glow"}]
        )
    assert caught.value.translation_key == "unknown_program"

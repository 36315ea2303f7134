"""Custom routines: steps in order, checked before they are stored, started by name."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.facial_therapy.people.routines import ROUTINE
from tests.integration.house import House, furnished
from tests.integration.routines.test_plan_keeper import MONDAY_NOON

SUNDAY: dict[str, Any] = {
    "name": "Sunday",
    "steps": ["cleanse", "gel", "wand", "rinse", "serum", "mask"],
    "optional": ["serum"],
    "program": "first_use",
    "if_refused": "skip",
}


@pytest.fixture
async def house(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> AsyncGenerator[House]:
    """A house with both devices."""
    freezer.move_to(MONDAY_NOON)
    async with furnished(hass, freezer, tmp_path) as found:
        yield found


async def make(house: House, **changes: Any) -> Any:
    """Make a routine."""
    flows = house.hass.config_entries.subentries
    form = await flows.async_init((house.person.entry_id, ROUTINE), context={"source": SOURCE_USER})
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "user")
    return await flows.async_configure(form["flow_id"], SUNDAY | changes)


async def test_the_form_suggests_a_routine_for_the_devices_of_the_home(house: House) -> None:
    form = await house.hass.config_entries.subentries.async_init(
        (house.person.entry_id, ROUTINE), context={"source": SOURCE_USER}
    )
    shown: Any = {
        str(key): key.description["suggested_value"]
        for key in form["data_schema"].schema  # type: ignore[union-attr]
        if key.description
    }
    assert shown["steps"] == ["cleanse", "gel", "wand", "rinse", "mask", "serum"]
    made = await house.hass.config_entries.subentries.async_configure(
        form["flow_id"], {"name": "As proposed", **shown}
    )
    assert made["type"] is FlowResultType.CREATE_ENTRY


async def test_a_custom_routine_runs_in_its_order(house: House) -> None:
    assert (await make(house))["type"] is FlowResultType.CREATE_ENTRY
    begun = await house.act("start_routine", routine=" sunday")
    assert (begun["step"], begun["next"]) == ("cleanse", "gel")
    assert house.run is not None
    assert [step.act.value for step in house.run.steps] == SUNDAY["steps"]
    assert [step.act.value for step in house.run.steps if step.optional] == ["serum"]
    assert house.run.routine == "Sunday"


@pytest.mark.parametrize(
    ("changes", "field", "error"),
    [
        ({"name": " "}, "name", "name_length"),
        ({"name": "x" * 65}, "name", "name_length"),
        ({"steps": [], "optional": []}, "steps", "no_steps"),
        ({"steps": ["gel", "wand", "mask"], "optional": []}, "steps", "not_rinsed"),
        ({"steps": ["gel", "wand", "rinse", "mask"], "optional": ["rinse"]}, "steps", "not_rinsed"),
        ({"steps": ["cleanse"]}, "optional", "not_a_step"),
        ({"program": "uneven_tone"}, "program", "wrong_modality"),
    ],
)
async def test_an_invalid_routine_is_refused_at_its_field_and_keeps_the_input(
    house: House, changes: dict[str, Any], field: str, error: str
) -> None:
    form = await make(house, **changes)
    assert (form["type"], form["errors"]) == (FlowResultType.FORM, {field: error})
    assert house.person.subentries == {}
    made = await house.hass.config_entries.subentries.async_configure(form["flow_id"], SUNDAY)
    assert made["type"] is FlowResultType.CREATE_ENTRY
    assert (await make(house, name="SUNDAY"))["errors"] == {"name": "name_taken"}


async def test_a_routine_is_put_in_another_order_and_one_that_goes_on_stays_as_it_began(
    house: House,
) -> None:
    await make(house)
    await house.act("start_routine", routine="Sunday")
    (subentry,) = house.person.subentries.values()
    flows = house.hass.config_entries.subentries
    form = await flows.async_init(
        (house.person.entry_id, ROUTINE),
        context={"source": SOURCE_RECONFIGURE, "subentry_id": subentry.subentry_id},
    )
    numbers = {key: value for key, value in SUNDAY.items() if key != "name"} | {
        "steps": ["mask", "serum"],
        "if_refused": "end",
    }
    done = await flows.async_configure(form["flow_id"], numbers)
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    assert house.run is not None
    assert len(house.run.steps) == 6
    await house.act("stop_routine")
    begun = await house.act("start_routine", routine="Sunday")
    assert (begun["step"], begun["next"]) == ("mask", "serum")
    assert {step.if_refused.value for step in house.run.steps} == {"end"}


async def test_a_routine_that_is_not_there_any_more_is_refused_by_its_name(house: House) -> None:
    await make(house)
    (subentry,) = house.person.subentries.values()
    house.hass.config_entries.async_remove_subentry(house.person, subentry.subentry_id)
    with pytest.raises(ServiceValidationError) as caught:
        await house.act("start_routine", routine="Sunday")
    assert caught.value.translation_key == "unknown_routine"
    assert house.run is None

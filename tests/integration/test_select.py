"""What the switch starts, and for whom."""

from homeassistant.components.select import ATTR_OPTION, ATTR_OPTIONS
from homeassistant.const import STATE_UNKNOWN
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.facial_therapy.core.model import Modality
from tests.integration.entities import act, state
from tests.integration.world import World, person_entry

MASK = [
    "fine_lines",
    "sagging_jawline",
    "blemish_prone",
    "uneven_tone",
    "puffiness",
    "first_use",
    "manual",
]
WAND = ["fine_lines", "sagging_jawline", "puffiness", "first_use", "manual"]


@pytest.mark.parametrize(("modality", "programs"), [(Modality.MASK, MASK), (Modality.WAND, WAND)])
async def test_a_device_offers_the_programs_that_it_has_a_recipe_for(
    world: World, programs: list[str]
) -> None:
    shown = state(world, "select", "program")
    assert shown.attributes[ATTR_OPTIONS] == programs
    assert shown.state == "first_use"
    await act(world, "select.select_option", "select", "program", {ATTR_OPTION: "fine_lines"})
    assert world.coordinator.data.settings.program == "fine_lines"
    assert state(world, "select", "program").state == "fine_lines"


async def test_the_only_person_is_chosen_and_a_second_one_has_to_be(world: World) -> None:
    assert state(world, "select", "person").state == "Ada"
    bo = person_entry("Bo", 4712)
    bo.add_to_hass(world.hass)
    assert await world.hass.config_entries.async_setup(bo.entry_id)
    await world.hass.async_block_till_done()
    shown = state(world, "select", "person")
    assert shown.attributes[ATTR_OPTIONS] == ["Ada", "Bo"]
    assert shown.state == STATE_UNKNOWN
    await act(world, "select.select_option", "select", "person", {ATTR_OPTION: "Bo"})
    assert world.coordinator.data.settings.person_id == bo.entry_id
    world.hass.config_entries.async_update_entry(bo, title="Beau")
    await world.hass.async_block_till_done()
    assert state(world, "select", "person").state == "Beau"
    await world.hass.config_entries.async_remove(bo.entry_id)
    await world.hass.async_block_till_done()
    assert state(world, "select", "person").state == STATE_UNKNOWN


@pytest.mark.parametrize("key", ["program", "person"])
async def test_an_option_that_does_not_exist_is_refused(world: World, key: str) -> None:
    with pytest.raises(ServiceValidationError):
        await act(world, "select.select_option", "select", key, {ATTR_OPTION: "nobody"})


@pytest.mark.parametrize(("key", "option"), [("program", "fine_lines"), ("person", "Ada")])
async def test_no_setting_changes_during_a_session(world: World, key: str, option: str) -> None:
    await world.run()
    with pytest.raises(ServiceValidationError) as refused:
        await act(world, "select.select_option", "select", key, {ATTR_OPTION: option})
    assert refused.value.translation_key == "busy"

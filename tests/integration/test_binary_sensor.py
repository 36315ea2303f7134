"""Whether a device is ready, on the skin, and sound."""

from collections.abc import Iterator

from homeassistant.const import STATE_UNAVAILABLE
import pytest

from custom_components.facial_therapy.core.model import Fault, Modality
from tests.integration.entities import all_enabled, state
from tests.integration.world import World


@pytest.fixture(autouse=True)
def _all_enabled() -> Iterator[None]:
    """Enable the entities that are disabled by default."""
    with all_enabled():
        yield


async def test_ready_says_why_not(world: World) -> None:
    shown = state(world, "binary_sensor", "ready")
    assert (shown.state, shown.attributes["reason"]) == ("on", None)
    await world.coordinator.async_start(world.ask())
    await world.hass.async_block_till_done()
    shown = state(world, "binary_sensor", "ready")
    assert (shown.state, shown.attributes["reason"]) == ("off", "busy")


async def test_without_a_person_nothing_is_ready(world: World) -> None:
    await world.hass.config_entries.async_remove(world.person.person_id)
    await world.hass.async_block_till_done()
    shown = state(world, "binary_sensor", "ready")
    assert (shown.state, shown.attributes["reason"]) == ("off", "no_person")


@pytest.mark.parametrize(("modality", "key"), [(Modality.MASK, "worn"), (Modality.WAND, "contact")])
async def test_skin_is_seen(world: World, key: str) -> None:
    assert state(world, "binary_sensor", key).state == "off"
    world.device.put_on()
    world.device.report()
    await world.hass.async_block_till_done()
    assert state(world, "binary_sensor", key).state == "on"
    world.device.disconnect()
    await world.hass.async_block_till_done()
    assert state(world, "binary_sensor", key).state == STATE_UNAVAILABLE


async def test_a_fault_is_a_problem_with_a_name_and_stays_one_while_the_node_is_off(
    world: World,
) -> None:
    assert state(world, "binary_sensor", "fault").state == "off"
    await world.run()
    assert world.device.session is not None
    world.device.temperature_c = 42
    world.device.report()
    await world.hass.async_block_till_done()
    shown = state(world, "binary_sensor", "fault")
    assert (shown.state, shown.attributes["fault"]) == ("on", Fault.OVER_TEMPERATURE)
    world.device.disconnect()
    await world.hass.async_block_till_done()
    assert state(world, "binary_sensor", "fault").state == "on"

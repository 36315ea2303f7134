"""Stop, confirm, resume."""

from collections.abc import Iterator

from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.facial_therapy.core.model import Fault
from custom_components.facial_therapy.core.session import SessionState
from tests.integration.entities import all_enabled, press
from tests.integration.world import World


@pytest.fixture(autouse=True)
def _all_enabled() -> Iterator[None]:
    """Enable the entities that are disabled by default."""
    with all_enabled():
        yield


async def test_stop_ends_whatever_runs_and_is_harmless_otherwise(world: World) -> None:
    await press(world, "stop")
    await world.run()
    await press(world, "stop")
    assert world.coordinator.state is SessionState.IDLE
    assert world.device.session is None


async def test_confirm_clears_a_fault_whose_cause_is_gone(world: World) -> None:
    admin = await world.signed_in()
    world.device.temperature_c = 42
    world.device.latch(Fault.OVER_TEMPERATURE)
    await world.hass.async_block_till_done()
    with pytest.raises(ServiceValidationError) as refused:
        await press(world, "confirm", admin)
    assert refused.value.translation_key == "faulted"
    world.device.temperature_c = 30
    world.device.press()
    await press(world, "confirm", admin)
    assert world.coordinator.state is SessionState.IDLE


async def test_confirm_without_a_fault_is_refused_in_words(world: World) -> None:
    admin = await world.signed_in()
    with pytest.raises(ServiceValidationError) as refused:
        await press(world, "confirm", admin)
    assert refused.value.translation_key == "wrong_state"


async def test_resume_goes_on_with_a_paused_session(world: World) -> None:
    await world.run()
    await world.coordinator.async_pause()
    await press(world, "resume")
    assert world.coordinator.state is SessionState.RUNNING


@pytest.mark.parametrize("key", ["resume", "confirm"])
async def test_an_action_for_everything_neither_resumes_nor_confirms(
    world: World, key: str
) -> None:
    await world.run()
    if key == "resume":
        await world.coordinator.async_pause()
    else:
        world.device.latch(Fault.WORN_STUCK)
    await world.hass.async_block_till_done()
    before = world.coordinator.state
    world.device.commands.clear()
    buttons = [
        state.entity_id
        for state in world.hass.states.async_all("button")
        if not state.entity_id.endswith("stop")
    ]
    assert len(buttons) == 5
    await world.hass.services.async_call("button", "press", {"entity_id": "all"}, blocking=True)
    await world.hass.async_block_till_done()
    assert world.coordinator.state in (before, SessionState.IDLE)
    assert not {"resume", "clear"} & set(world.device.commands)

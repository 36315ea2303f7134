"""The session switch."""

import asyncio

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.facial_therapy.core.model import Channel
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.core.session_parameters import MANUAL
from tests.integration.entities import act, entity_id, state
from tests.integration.world import World


async def test_on_arms_the_selected_program_and_the_switch_stays_on_until_the_session_has_ended(
    world: World,
) -> None:
    await act(world, "switch.turn_on", "switch", "session")
    live = world.coordinator.data.session
    assert live is not None
    assert live.program == "first_use"
    assert live.person.name == "Ada"
    assert world.coordinator.state is SessionState.ARMED
    assert state(world, "switch", "session").state == "on"
    world.device.put_on()
    await world.pass_time(130)
    assert state(world, "sensor", "session").state == "idle"
    assert state(world, "switch", "session").state == "off"


async def test_off_stops(world: World) -> None:
    await world.run()
    await act(world, "switch.turn_off", "switch", "session")
    assert world.device.session is None
    assert state(world, "switch", "session").state == "off"


async def test_a_second_session_is_refused_in_words(world: World) -> None:
    await act(world, "switch.turn_on", "switch", "session")
    with pytest.raises(ServiceValidationError) as refused:
        await act(world, "switch.turn_on", "switch", "session")
    assert refused.value.translation_key == "busy"


async def test_a_node_that_is_off_is_refused_in_words(world: World) -> None:
    world.device.disconnect()
    with pytest.raises(ServiceValidationError) as refused:
        await act(world, "switch.turn_on", "switch", "session")
    assert refused.value.translation_key == "device_offline"


async def test_a_manual_session_of_a_mask_is_red_until_a_light_is_set(
    world: World,
) -> None:
    await world.coordinator.async_set(program=MANUAL)
    await act(world, "switch.turn_on", "switch", "session")
    live = world.coordinator.live
    assert live is not None
    assert live.permitted is not None
    assert set(live.permitted.request.irradiance_mw_cm2) == {Channel.RED}


async def test_a_manual_session_uses_the_selected_lights_and_is_refused_with_the_binding_reason(
    world: World,
) -> None:
    await world.coordinator.async_set(program=MANUAL, share={Channel.RED: 0.5, Channel.BLUE: 0.5})
    with pytest.raises(ServiceValidationError) as refused:
        await act(world, "switch.turn_on", "switch", "session")
    assert refused.value.translation_key == "skin_type"


async def test_off_is_heard_with_the_link_down_and_not_reported_done_before_it_is(
    world: World,
) -> None:
    await world.run()
    world.device.disconnect()
    await world.hass.async_block_till_done()
    # Nothing here may wait for Home Assistant to settle: it waits for the action, and the action
    # for the time that the test moves.
    stopping = asyncio.create_task(
        world.hass.services.async_call(
            "switch",
            "turn_off",
            {"entity_id": entity_id(world, "switch", "session")},
            blocking=True,
        )
    )
    for _ in range(20):
        await asyncio.sleep(0)
    world.freezer.tick(3)
    async_fire_time_changed(world.hass)
    with pytest.raises(HomeAssistantError) as unconfirmed:
        await stopping
    assert unconfirmed.value.translation_key == "stop_unconfirmed"
    assert state(world, "switch", "session").state == "on"
    world.device.connect()
    await world.pass_time(2)
    await world.hass.async_block_till_done(wait_background_tasks=True)
    assert state(world, "switch", "session").state == "off"

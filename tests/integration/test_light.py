"""The channels of a mask as lights."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta

from homeassistant.components.light.const import ATTR_BRIGHTNESS, ATTR_BRIGHTNESS_PCT
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.facial_therapy.core.model import Channel
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.core.session_parameters import MANUAL
from tests.integration.entities import act, all_enabled, entity_id, state
from tests.integration.world import World

ALLOWED_RED = 14.583
"""35 mW/cm² over 1.2, times 0.5 for skin that is not known."""


@pytest.fixture(autouse=True)
def _all_enabled() -> Iterator[None]:
    """Enable the entities that are disabled by default."""
    with all_enabled():
        yield


@pytest.fixture
async def manual(world: World) -> World:
    """The world with the manual program selected."""
    await world.coordinator.async_set(program=MANUAL)
    return world


def levels(world: World) -> dict[Channel, float]:
    """Return what the living session was permitted."""
    live = world.coordinator.data.session
    assert live is not None
    assert live.permitted is not None
    return dict(live.permitted.request.irradiance_mw_cm2)


async def test_a_light_arms_a_manual_session_at_its_share_and_is_on_from_then(
    manual: World,
) -> None:
    await act(manual, "light.turn_on", "light", "red", {ATTR_BRIGHTNESS: 51})
    assert manual.coordinator.state is SessionState.ARMED
    assert levels(manual) == {Channel.RED: pytest.approx(ALLOWED_RED / 5, abs=0.001)}
    shown = state(manual, "light", "red")
    assert shown.state == "on"
    assert shown.attributes[ATTR_BRIGHTNESS] == 51
    assert state(manual, "light", "near_infrared").state == "off"


async def test_a_light_without_brightness_is_full(manual: World) -> None:
    await act(manual, "light.turn_on", "light", "red")
    assert levels(manual) == {Channel.RED: ALLOWED_RED}


async def test_a_second_light_joins_before_anything_has_flowed(manual: World) -> None:
    await act(manual, "light.turn_on", "light", "red", {ATTR_BRIGHTNESS_PCT: 50})
    await act(manual, "light.turn_on", "light", "near_infrared", {ATTR_BRIGHTNESS_PCT: 50})
    assert levels(manual).keys() == {Channel.RED, Channel.NEAR_INFRARED}
    assert [state(manual, "light", key).state for key in ("red", "near_infrared", "amber")] == [
        "on",
        "on",
        "off",
    ]


async def test_a_light_of_a_running_session_goes_down_but_never_above_what_was_permitted(
    manual: World,
) -> None:
    await act(manual, "light.turn_on", "light", "red", {ATTR_BRIGHTNESS: 100})
    manual.device.put_on()
    await manual.pass_time(5)
    await act(manual, "light.turn_on", "light", "red", {ATTR_BRIGHTNESS: 50})
    assert manual.device.session is not None
    assert manual.device.session.level == pytest.approx(0.5, abs=0.01)
    with pytest.raises(ServiceValidationError) as refused:
        await act(manual, "light.turn_on", "light", "red", {ATTR_BRIGHTNESS: 200})
    assert refused.value.translation_key == "out_of_bounds"
    assert refused.value.translation_placeholders is not None
    assert refused.value.translation_placeholders["field"] == "channels.red"
    assert manual.device.session.level == pytest.approx(0.5, abs=0.01)


async def test_the_last_light_that_goes_off_ends_the_session(manual: World) -> None:
    await act(manual, "light.turn_on", "light", "red")
    await act(manual, "light.turn_off", "light", "red")
    assert manual.coordinator.state is SessionState.IDLE
    assert state(manual, "light", "red").state == "off"


async def test_a_light_of_a_session_stays_there_with_the_link_down_so_that_off_is_heard(
    manual: World,
) -> None:
    await act(manual, "light.turn_on", "light", "red")
    manual.device.put_on()
    await manual.pass_time(5)
    manual.device.disconnect()
    await manual.hass.async_block_till_done()
    assert state(manual, "light", "red").state == "on"
    # Nothing here may wait for Home Assistant to settle: it waits for the action, and the action
    # for the time that the test moves.
    off = {"entity_id": entity_id(manual, "light", "red")}
    stopping = asyncio.create_task(
        manual.hass.services.async_call("light", "turn_off", off, blocking=True)
    )
    for _ in range(20):
        await asyncio.sleep(0)
    assert manual.coordinator.state is SessionState.STOPPING
    async_fire_time_changed(manual.hass, dt_util.utcnow() + timedelta(seconds=3))
    with pytest.raises(HomeAssistantError) as unconfirmed:
        await stopping
    assert unconfirmed.value.translation_key == "stop_unconfirmed"


async def test_turning_off_a_light_that_is_off_changes_nothing(manual: World) -> None:
    await act(manual, "light.turn_off", "light", "red")
    assert manual.device.commands == []


async def test_one_of_two_running_lights_goes_off_alone_and_shows_it(manual: World) -> None:
    await act(manual, "light.turn_on", "light", "red", {ATTR_BRIGHTNESS_PCT: 50})
    await act(manual, "light.turn_on", "light", "near_infrared", {ATTR_BRIGHTNESS_PCT: 50})
    manual.device.put_on()
    await manual.pass_time(5)
    await act(manual, "light.turn_off", "light", "red")
    await manual.pass_time(2)
    assert manual.coordinator.state is SessionState.RUNNING
    assert manual.device.session is not None
    assert manual.device.session.channels_on == frozenset({Channel.NEAR_INFRARED})
    assert state(manual, "light", "near_infrared").state == "on"
    assert state(manual, "light", "red").state == "off"


async def test_another_program_makes_the_lights_read_only(world: World) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await act(world, "light.turn_on", "light", "red")
    assert refused.value.translation_key == "not_manual"
    await act(world, "switch.turn_on", "switch", "session")
    shown = state(world, "light", "red")
    assert shown.state == "on"
    assert shown.attributes[ATTR_BRIGHTNESS] == pytest.approx(7 / ALLOWED_RED * 255, abs=1)


async def test_blue_is_refused_for_an_unknown_skin_type(manual: World) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await act(manual, "light.turn_on", "light", "blue")
    assert refused.value.translation_key == "skin_type"

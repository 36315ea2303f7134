"""The lights of a live session: what a person sets stays until they change it."""

from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.facial_therapy.core.device import NodeState
from custom_components.facial_therapy.core.model import Channel, Modality
from custom_components.facial_therapy.core.refusal import RefusedError
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.core.session_parameters import MANUAL
from tests.integration.entities import entity_id, state
from tests.integration.world import World

BRIGHTNESS = "brightness"


@pytest.fixture
async def manual(world: World) -> World:
    """The world with the manual program selected."""
    await world.coordinator.async_set(program=MANUAL)
    return world


async def switch(world: World, way: str, *channels: str, **data: int) -> None:
    """Turn lights on or off in one action."""
    ids = [entity_id(world, "light", channel) for channel in channels]
    await world.hass.services.async_call(
        "light", f"turn_{way}", {"entity_id": ids, **data}, blocking=True
    )
    await world.hass.async_block_till_done()


def channels_on(world: World) -> frozenset[Channel] | None:
    """Return the channels that the device was asked to switch on."""
    assert world.device.session is not None
    return world.device.session.channels_on


def shown(world: World) -> list[str]:
    """Return whether red and near-infrared are on."""
    return [state(world, "light", channel).state for channel in ("red", "near_infrared")]


async def flowing(world: World, **data: int) -> None:
    """Let red and near-infrared flow."""
    await switch(world, "on", "red", "near_infrared", **({BRIGHTNESS: 128} | data))
    world.device.put_on()
    await world.pass_time(5)


async def test_lights_of_one_action_make_one_session(manual: World) -> None:
    await flowing(manual)
    assert shown(manual) == ["on", "on"]
    assert manual.device.state is NodeState.RUNNING


async def test_all_lights_that_go_off_in_one_action_end_the_session(manual: World) -> None:
    await flowing(manual)
    await switch(manual, "off", "red", "near_infrared")
    assert manual.device.session is None
    assert shown(manual) == ["off", "off"]


async def test_a_dark_light_stays_dark_when_another_is_set(manual: World) -> None:
    await flowing(manual)
    await switch(manual, "off", "red")
    await switch(manual, "on", "near_infrared", **{BRIGHTNESS: 64})
    assert channels_on(manual) == frozenset({Channel.NEAR_INFRARED})
    assert shown(manual) == ["off", "on"]


async def test_a_dark_light_comes_back_under_what_was_permitted(manual: World) -> None:
    await flowing(manual)
    await switch(manual, "off", "red")
    await switch(manual, "on", "red", **{BRIGHTNESS: 100})
    assert channels_on(manual) == frozenset({Channel.RED, Channel.NEAR_INFRARED})
    assert state(manual, "light", "red").attributes[BRIGHTNESS] == 100


async def test_a_refused_level_changes_neither_the_session_nor_the_next_one(
    manual: World,
) -> None:
    await flowing(manual)
    with pytest.raises(ServiceValidationError):
        await switch(manual, "on", "red", **{BRIGHTNESS: 255})
    assert state(manual, "light", "red").attributes[BRIGHTNESS] == 128
    assert manual.coordinator.controls.settings.share[Channel.RED] == pytest.approx(128 / 255)


async def test_a_light_shows_the_level_of_the_session_and_not_the_one_of_the_next(
    world: World,
) -> None:
    await world.coordinator.async_start(world.ask(irradiance_mw_cm2={Channel.RED: 14.583 / 2}))
    await world.hass.async_block_till_done()
    assert state(world, "light", "red").attributes[BRIGHTNESS] == 128


async def test_the_lights_are_read_only_while_another_program_runs_even_if_manual_is_selected(
    manual: World,
) -> None:
    await manual.coordinator.async_start(
        manual.ask(program="first_use", duration_s=None, irradiance_mw_cm2=None)
    )
    with pytest.raises(ServiceValidationError) as refused:
        await switch(manual, "on", "red", **{BRIGHTNESS: 10})
    assert refused.value.translation_key == "not_manual"
    assert "set" not in manual.device.commands


@pytest.mark.parametrize("lost", [True, False], ids=["over a new connection", "after a pause"])
async def test_a_light_that_was_turned_off_stays_off_over_a_pause_and_a_lost_link(
    manual: World, *, lost: bool
) -> None:
    await flowing(manual)
    await switch(manual, "off", "red")
    sent = manual.device.commands.count("set")
    await interrupt(manual, lost=lost)
    await manual.coordinator.async_resume()
    await put_on_again(manual)
    assert manual.device.state is NodeState.RUNNING
    assert channels_on(manual) == frozenset({Channel.NEAR_INFRARED})
    assert shown(manual) == ["off", "on"]
    assert manual.device.commands.count("set") == sent


@pytest.mark.parametrize("lost", [True, False], ids=["over a new connection", "after a pause"])
@pytest.mark.parametrize("modality", [Modality.WAND])
async def test_a_current_that_was_lowered_stays_low_over_a_pause_and_a_lost_link(
    manual: World, *, lost: bool
) -> None:
    await manual.coordinator.async_start(manual.ask())
    manual.device.put_on()
    await manual.pass_time(7)
    await manual.coordinator.async_set(current_ua=25)
    sent = manual.device.commands.count("set")
    await interrupt(manual, lost=lost)
    await manual.coordinator.async_resume()
    await put_on_again(manual)
    assert manual.device.state is NodeState.RUNNING
    assert manual.device.session is not None
    assert manual.device.session.level == 0.5
    assert manual.device.commands.count("set") == sent


async def test_levels_stay_low_over_a_reload_and_are_lowered_from_there(manual: World) -> None:
    await flowing(manual)
    await switch(manual, "off", "red")
    for _ in range(3):
        await manual.coordinator.async_lower()
    await manual.pass_time(1)
    assert manual.device.session is not None
    level, sent = manual.device.session.level, manual.device.commands.count("set")
    assert level == pytest.approx(0.75**3, abs=0.001)
    assert await manual.hass.config_entries.async_reload(manual.entry.entry_id)
    await manual.pass_time(2)
    assert manual.state() is SessionState.SUSPENDED
    await manual.coordinator.async_resume()
    with pytest.raises(RefusedError):  # nobody here knows yet how low it is
        await manual.coordinator.async_lower()
    await put_on_again(manual)
    assert manual.state() is SessionState.RUNNING
    assert channels_on(manual) == frozenset({Channel.NEAR_INFRARED})
    assert shown(manual) == ["off", "on"]
    assert manual.device.session.level == level
    assert manual.device.commands.count("set") == sent
    await manual.coordinator.async_lower()
    assert manual.device.session.level == pytest.approx(level * 0.75, abs=0.001)


async def interrupt(world: World, *, lost: bool) -> None:
    """Lose and find the connection, or pause."""
    if lost:
        world.device.disconnect()
        await world.pass_time(2)
        world.device.connect()
    else:
        await world.coordinator.async_pause()
    await world.pass_time(1)


async def put_on_again(world: World) -> None:
    """Take the device off and put it on, and let it flow for seven seconds."""
    world.device.take_off()
    await world.pass_time(1)
    world.device.put_on()
    await world.pass_time(7)

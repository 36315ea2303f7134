"""What the lights of a living session are set to by hand, and that it is kept."""

from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.facial_therapy.core.model import MANUAL, Channel, Modality, NodeState
from tests.integration.entities import entity_id, state
from tests.integration.world import World

BRIGHTNESS = "brightness"


@pytest.fixture
async def manual(world: World) -> World:
    """The world with the manual program selected."""
    await world.shell.manual.async_set(program=MANUAL)
    return world


async def turn(world: World, way: str, *channels: str, **data: int) -> None:
    """Turn lights on or off in one action."""
    ids = [entity_id(world, "light", channel) for channel in channels]
    await world.hass.services.async_call(
        "light", f"turn_{way}", {"entity_id": ids, **data}, blocking=True
    )
    await world.hass.async_block_till_done()


def lit(world: World) -> frozenset[Channel] | None:
    """Return what the device was told to light."""
    assert world.device.session is not None
    return world.device.session.lit


def shown(world: World) -> list[str]:
    """Return whether red and near-infrared are on."""
    return [state(world, "light", channel).state for channel in ("red", "near_infrared")]


async def flowing(world: World, **data: int) -> None:
    """Let red and near-infrared flow."""
    await turn(world, "on", "red", "near_infrared", **({BRIGHTNESS: 128} | data))
    world.device.put_on()
    await world.pass_time(5)


async def test_lights_of_one_action_make_one_session(manual: World) -> None:
    await flowing(manual)
    assert shown(manual) == ["on", "on"]
    assert manual.device.state is NodeState.RUNNING


async def test_all_lights_that_go_off_in_one_action_end_the_session(manual: World) -> None:
    await flowing(manual)
    await turn(manual, "off", "red", "near_infrared")
    assert manual.device.session is None
    assert shown(manual) == ["off", "off"]


async def test_a_dark_light_stays_dark_when_another_is_set(manual: World) -> None:
    await flowing(manual)
    await turn(manual, "off", "red")
    await turn(manual, "on", "near_infrared", **{BRIGHTNESS: 64})
    assert lit(manual) == frozenset({Channel.NEAR_INFRARED})
    assert shown(manual) == ["off", "on"]


async def test_a_dark_light_comes_back_under_what_was_permitted(manual: World) -> None:
    await flowing(manual)
    await turn(manual, "off", "red")
    await turn(manual, "on", "red", **{BRIGHTNESS: 100})
    assert lit(manual) == frozenset({Channel.RED, Channel.NEAR_INFRARED})
    assert state(manual, "light", "red").attributes[BRIGHTNESS] == 100


async def test_a_refused_level_changes_neither_the_session_nor_the_next_one(
    manual: World,
) -> None:
    await flowing(manual)
    with pytest.raises(ServiceValidationError):
        await turn(manual, "on", "red", **{BRIGHTNESS: 255})
    assert state(manual, "light", "red").attributes[BRIGHTNESS] == 128
    assert manual.shell.manual.settings.share[Channel.RED] == pytest.approx(128 / 255)


async def test_a_light_shows_the_level_of_the_session_and_not_of_the_next_one(
    world: World,
) -> None:
    await world.shell.async_start(world.ask(irradiance_mw_cm2={Channel.RED: 14.583 / 2}))
    await world.hass.async_block_till_done()
    assert state(world, "light", "red").attributes[BRIGHTNESS] == 128


async def test_lights_are_read_only_in_a_session_of_another_program_even_if_manual_is_selected(
    manual: World,
) -> None:
    await manual.shell.async_start(
        manual.ask(program="first_use", duration_s=None, irradiance_mw_cm2=None)
    )
    with pytest.raises(ServiceValidationError) as refused:
        await turn(manual, "on", "red", **{BRIGHTNESS: 10})
    assert refused.value.translation_key == "not_manual"
    assert "set" not in manual.device.commands


@pytest.mark.parametrize("lost", [True, False], ids=["over a new connection", "after a pause"])
async def test_what_was_set_by_hand_outlives_a_pause_and_a_lost_link(
    manual: World,
    lost: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    await flowing(manual)
    await turn(manual, "off", "red")
    if lost:
        manual.device.disconnect()
        await manual.pass_time(2)
        manual.device.connect()
    else:
        await manual.shell.async_pause()
    await manual.pass_time(1)
    assert manual.device.session is not None
    manual.device.session.lit = (
        None  # a node that takes the session over a new connection begins at its peaks
    )
    await manual.shell.async_resume()
    await manual.pass_time(5)
    assert lit(manual) == frozenset({Channel.NEAR_INFRARED})
    assert shown(manual) == ["off", "on"]


@pytest.mark.parametrize("modality", [Modality.WAND])
async def test_a_current_that_was_lowered_by_hand_stays_low_over_a_new_connection(
    manual: World,
) -> None:
    await manual.shell.async_start(manual.ask())
    manual.device.put_on()
    await manual.pass_time(7)
    await manual.shell.manual.async_set(current_ua=25)
    manual.device.disconnect()
    await manual.pass_time(2)
    manual.device.connect()
    await manual.pass_time(1)
    assert manual.device.session is not None
    manual.device.session.level = 1
    await manual.shell.async_resume()
    await manual.pass_time(7)
    assert manual.device.session.level == 0.5

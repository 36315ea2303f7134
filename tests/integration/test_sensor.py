"""The sensors of a device."""

from collections.abc import Iterator
from datetime import timedelta

from homeassistant.components.sensor import ATTR_OPTIONS
from homeassistant.const import STATE_UNKNOWN
from homeassistant.util import dt as dt_util
import pytest

from custom_components.facial_therapy.core.model import Fault, Modality
from custom_components.facial_therapy.core.refusal import Reason, Refusal
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.sensor import DESCRIPTIONS
from tests.integration.entities import all_enabled, state
from tests.integration.world import World


@pytest.fixture(autouse=True)
def _all_enabled() -> Iterator[None]:
    """Enable the entities that are disabled by default."""
    with all_enabled():
        yield


async def test_the_session_sensor_shows_every_state_that_there_is(world: World) -> None:
    shown = state(world, "sensor", "session")
    assert shown.state == "idle"
    assert shown.attributes[ATTR_OPTIONS] == [each.value for each in SessionState]


async def test_the_session_sensor_follows_a_session_and_a_lost_link(world: World) -> None:
    await world.coordinator.async_start(world.ask())
    await world.hass.async_block_till_done()
    assert state(world, "sensor", "session").state == "armed"
    world.device.put_on()
    await world.pass_time(5)
    assert state(world, "sensor", "session").state == "running"
    ends = dt_util.parse_datetime(state(world, "sensor", "session_ends").state)
    assert ends is not None
    assert abs(ends - dt_util.utcnow() - timedelta(seconds=55)) < timedelta(seconds=2)
    world.device.disconnect()
    await world.hass.async_block_till_done()
    assert state(world, "sensor", "session").state == "lost"
    assert state(world, "sensor", "session_ends").state == STATE_UNKNOWN


async def test_a_fault_is_a_state(world: World) -> None:
    world.device.latch(Fault.OVER_TEMPERATURE)
    await world.hass.async_block_till_done()
    assert state(world, "sensor", "session").state == "fault"


async def test_what_was_delivered_is_shown_when_the_session_has_ended(world: World) -> None:
    assert state(world, "sensor", "fluence").state == STATE_UNKNOWN
    await world.run()
    await world.pass_time(60)
    assert world.coordinator.state is SessionState.IDLE
    assert float(state(world, "sensor", "fluence").state) == pytest.approx(
        world.device.history[-1].delivered.total, abs=0.001
    )


@pytest.mark.parametrize("modality", [Modality.WAND])
async def test_a_wand_shows_charge_temperature_and_impedance(world: World) -> None:
    assert float(state(world, "sensor", "temperature").state) == 33
    assert state(world, "sensor", "impedance").state == STATE_UNKNOWN
    await world.run()
    await world.pass_time(60)
    assert float(state(world, "sensor", "charge").state) == pytest.approx(
        world.device.history[-1].delivered.total, abs=0.001
    )


@pytest.mark.parametrize(
    ("hours", "expected"),
    [((), None), ((2,), 2), ((5, 2), 5), ((None,), None), ((5, None), None)],
)
async def test_ready_at_is_when_every_reason_has_passed_by_itself(
    world: World, hours: tuple[int | None, ...], expected: int | None
) -> None:
    now = dt_util.utcnow().replace(microsecond=0)
    refusals = tuple(
        Refusal(
            reason=Reason.BUSY, allowed_at=None if hour is None else now + timedelta(hours=hour)
        )
        for hour in hours
    )
    description = next(description for description in DESCRIPTIONS if description.key == "ready_at")
    snapshot = world.coordinator.data.__replace__(refusals=refusals)
    assert description.value_fn(snapshot) == (
        None if expected is None else now + timedelta(hours=expected)
    )
    assert description.attributes_fn(snapshot) == {"reason": "busy" if hours else None}


async def test_ready_at_names_the_reason_that_binds(world: World) -> None:
    world.device.disconnect()
    await world.hass.async_block_till_done()
    shown = state(world, "sensor", "ready_at")
    assert shown.state == STATE_UNKNOWN
    assert shown.attributes["reason"] == "device_offline"

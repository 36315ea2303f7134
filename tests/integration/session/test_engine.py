"""`session.engine`: a start whose device is lost, silent or stopped while it is being written."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from unittest.mock import patch

import pytest

from custom_components.facial_therapy.core.ledger.record import Record
from custom_components.facial_therapy.core.model import Outcome
from custom_components.facial_therapy.core.refusal import Reason, RefusedError
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.devices.port import DeviceError, Problem
from custom_components.facial_therapy.session.view import LiveSession
from tests.integration.world import World


@contextmanager
def after_writing(world: World, happens: Callable[[], Awaitable[None]]) -> Iterator[None]:
    """Let something happen between the reservation of a session and its start."""
    write = world.coordinator.bookkeeping.async_open

    async def write_first(live: LiveSession) -> None:
        await write(live)
        await happens()

    with patch.object(world.coordinator.bookkeeping, "async_open", write_first):
        yield


def only_record(world: World) -> Record:
    """Return the only record of the person."""
    (record,) = world.coordinator.bookkeeping.ledger.newest_first(world.person.person_id)
    return record


async def test_a_session_whose_device_is_lost_before_start_was_sent_is_void_at_once(
    world: World,
) -> None:
    async def lose() -> None:
        world.device.disconnect()

    with after_writing(world, lose), pytest.raises(DeviceError) as raised:
        await world.coordinator.async_start(world.ask())
    assert raised.value.problem is Problem.DEVICE_OFFLINE
    await world.hass.async_block_till_done()
    assert "start" not in world.device.commands
    assert (world.state(), world.coordinator.live) == (SessionState.IDLE, None)
    record = only_record(world)
    assert (record.open, record.outcome, record.counted.total) == (False, Outcome.VOID, 0)
    world.device.connect()
    await world.pass_time(2)
    await world.coordinator.async_start(world.ask())
    assert world.state() is SessionState.ARMED


async def test_a_start_that_is_not_answered_counts_in_full_until_the_node_reports(
    world: World,
) -> None:
    async def fall_silent() -> None:
        world.device.silent = True

    with after_writing(world, fall_silent), pytest.raises(DeviceError) as raised:
        await world.coordinator.async_start(world.ask())
    assert raised.value.problem is Problem.NO_ANSWER
    await world.hass.async_block_till_done()
    assert world.state() is SessionState.LOST
    record = only_record(world)
    assert record.open
    assert record.counted == record.worst_case
    world.device.silent = False
    world.device.connect()
    await world.pass_time(2)
    assert world.state() is SessionState.IDLE
    assert (only_record(world).open, only_record(world).outcome) == (False, Outcome.VOID)


async def test_a_session_that_is_stopped_before_start_was_sent_is_refused_and_void(
    world: World,
) -> None:
    with after_writing(world, world.coordinator.async_stop), pytest.raises(RefusedError) as raised:
        await world.coordinator.async_start(world.ask())
    assert raised.value.binding.reason is Reason.WRONG_STATE
    await world.hass.async_block_till_done(wait_background_tasks=True)
    assert "start" not in world.device.commands
    assert world.state() is SessionState.IDLE
    assert only_record(world).outcome is Outcome.VOID

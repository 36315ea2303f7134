"""The end of a lease: it follows from the renewal that was sent, with or without an answer."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest

from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.refusal import Reason, Refusal, RefusedError
from custom_components.facial_therapy.devices.node import NodeDevice
from custom_components.facial_therapy.devices.port import DeviceError, Problem

LEASE_S = 10
SESSION = "00000000000000c1"
ANSWER = {"boot": "1", "uptime_ms": "1", "state": "running", "session": SESSION, "record": "2"}


class Wire:
    """A channel that answers when the test says so."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Have heard from the node just now."""
        self.stamp_at = hass.loop.time()
        self.sent: list[tuple[str, Mapping[str, object]]] = []
        self.answer: asyncio.Future[dict[str, str]] = hass.loop.create_future()

    async def async_command(
        self, name: str, arguments: Mapping[str, object] | None = None
    ) -> dict[str, str]:
        """Send, and wait for the test."""
        self.sent.append((name, arguments or {}))
        return await self.answer


def seconds(at: datetime | None) -> float:
    """How far ahead a bound is."""
    assert at is not None
    return (at - dt_util.utcnow()).total_seconds()


async def sent(command: Any) -> asyncio.Task[Any]:
    """Send a command whose answer is not there yet."""
    task: asyncio.Task[Any] = asyncio.ensure_future(command)
    await asyncio.sleep(0)
    return task


@pytest.fixture(name="wire")
async def wire_fixture(hass: HomeAssistant) -> Wire:
    """The open channel of a device."""
    return Wire(hass)


@pytest.fixture(name="device")
async def device_fixture(hass: HomeAssistant, wire: Wire) -> NodeDevice:
    """A device whose channel is open."""
    device = NodeDevice(hass, "aa:bb:cc:dd:ee:ff", Modality.MASK)
    device._channel = wire  # type: ignore[assignment]
    return device


async def test_a_renewal_raises_the_bound_when_it_is_sent(device: NodeDevice, wire: Wire) -> None:
    wire.stamp_at -= 2
    task = await sent(device.async_renew(SESSION))
    assert wire.sent[0][0] == "renew_lease"
    assert seconds(device.lease_ends_at) == pytest.approx(LEASE_S - 2, abs=0.2)
    wire.answer.set_result(ANSWER)
    await task
    assert seconds(device.lease_ends_at) == pytest.approx(LEASE_S - 2, abs=0.2)


async def test_a_renewal_never_lowers_the_bound(device: NodeDevice, wire: Wire) -> None:
    device._lease_ends_at = dt_util.utcnow() + timedelta(seconds=9)
    wire.stamp_at -= 5
    task = await sent(device.async_renew(SESSION))
    assert seconds(device.lease_ends_at) == pytest.approx(9, abs=0.2)
    wire.answer.set_result(ANSWER)
    await task


async def test_a_bound_stays_raised_when_no_answer_comes(device: NodeDevice, wire: Wire) -> None:
    task = await sent(device.async_renew(SESSION))
    wire.answer.set_exception(DeviceError(Problem.NO_ANSWER))
    with pytest.raises(DeviceError):
        await task
    assert seconds(device.lease_ends_at) == pytest.approx(LEASE_S, abs=0.2)


async def test_a_refused_renewal_raises_nothing(device: NodeDevice, wire: Wire) -> None:
    before = dt_util.utcnow() + timedelta(seconds=4)
    device._lease_ends_at = before
    task = await sent(device.async_renew(SESSION))
    wire.answer.set_exception(RefusedError(Refusal(reason=Reason.STALE)))
    with pytest.raises(RefusedError):
        await task
    assert device.lease_ends_at == before


async def test_a_resume_counts_from_the_last_moment_in_which_the_node_may_take_it(
    device: NodeDevice, wire: Wire
) -> None:
    task = await sent(device.async_resume(SESSION))
    assert seconds(device.lease_ends_at) == pytest.approx(LEASE_S + 1.5, abs=0.2)
    wire.answer.set_result(ANSWER)
    await task
    assert seconds(device.lease_ends_at) == pytest.approx(LEASE_S, abs=0.2)


async def test_a_pause_ends_the_bound_and_adopting_begins_none(
    device: NodeDevice, wire: Wire
) -> None:
    device._lease_ends_at = dt_util.utcnow() + timedelta(seconds=9)
    wire.answer.set_result(ANSWER)
    await device.async_pause(SESSION)
    assert device.lease_ends_at is None
    await device.async_adopt(SESSION, "00000000000000e5")
    assert device.lease_ends_at is None
    assert wire.sent[-1] == (
        "adopt_session",
        {"session": SESSION, "resume_key": "00000000000000e5"},
    )

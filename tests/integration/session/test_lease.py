"""`session.lease`: renew the lease of a session, and send stop until the node confirms it."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.device import NodeState
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.refusal import Reason, Refusal, RefusedError
from custom_components.facial_therapy.devices.port import Answer, DeviceError, Problem
from custom_components.facial_therapy.session.lease import STOP_RETRY_S, LeaseKeeper
from custom_components.facial_therapy.timers import Timers

OURS = "a" * 16
ANSWER = Answer(boot=1, uptime_ms=1, state=NodeState.IDLE, session_id=None, record=1)
NO_ANSWER = DeviceError(Problem.NO_ANSWER)
REFUSED = RefusedError(Refusal(reason=Reason.STALE))


@dataclass(slots=True)
class Node:
    """A device that counts its commands and fails as it is asked to."""

    renewed: list[str] = field(default_factory=list)
    stops: int = 0
    failure: Exception | None = None
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)
    lease_ends_at: datetime | None = None

    async def _answer(self) -> Answer:
        await self.may_answer.wait()
        if self.failure is not None:
            raise self.failure
        return ANSWER

    async def async_renew(self, session_id: str) -> Answer:
        """Renew the lease of a session."""
        self.renewed.append(session_id)
        return await self._answer()

    async def async_stop(self) -> Answer:
        """End any session."""
        self.stops += 1
        return await self._answer()


@dataclass(slots=True)
class Port:
    """Names the session to renew, and notes confirmations."""

    session_id: str | None = OURS
    confirmed: list[Answer] = field(default_factory=list)

    def session_to_renew(self) -> str | None:
        """Return the session whose lease is renewed."""
        return self.session_id

    def stop_confirmed(self, answer: Answer) -> None:
        """Take note of a confirmed stop."""
        self.confirmed.append(answer)


@dataclass(slots=True)
class Bench:
    """A lease keeper between its node and its port."""

    hass: HomeAssistant
    freezer: FrozenDateTimeFactory
    node: Node
    port: Port
    keeper: LeaseKeeper
    interval_s: float

    async def pass_time(self, seconds: float) -> None:
        """Let the timers of so much time run, up to half a second early, and what follows."""
        self.freezer.tick(timedelta(seconds=seconds))
        async_fire_time_changed(self.hass)
        await self.go_on()

    @staticmethod
    async def go_on() -> None:
        """Let everything run that waits for no timer."""
        for _ in range(10):
            await asyncio.sleep(0)


@pytest.fixture(params=Modality)
def bench(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, request: pytest.FixtureRequest
) -> Bench:
    """Return a keeper that has nothing to do yet."""
    modality: Modality = request.param
    node, port = Node(), Port()
    node.may_answer.set()
    keeper = LeaseKeeper(node, modality, Timers(hass), port)
    return Bench(hass, freezer, node, port, keeper, limits.RENEW_S[modality])


# --- the lease ------------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", Modality)
def test_a_lease_outlives_a_renewal_that_is_lost(modality: Modality) -> None:
    assert limits.RENEW_S[modality] * 2 < limits.LEASE_S[modality]


async def test_a_lease_is_renewed_at_its_interval_until_that_ceases(bench: Bench) -> None:
    bench.keeper.renew()
    bench.keeper.renew()  # does not renew twice as often, nor later
    for count in (1, 2, 3):
        await bench.pass_time(bench.interval_s)
        assert bench.node.renewed == [OURS] * count
    bench.keeper.cease()
    await bench.pass_time(bench.interval_s * 2)
    assert len(bench.node.renewed) == 3


async def test_nothing_is_renewed_while_no_session_is_named(bench: Bench) -> None:
    bench.port.session_id = None
    bench.keeper.renew()
    await bench.pass_time(bench.interval_s)
    assert bench.node.renewed == []
    bench.port.session_id = OURS
    await bench.pass_time(bench.interval_s)
    assert bench.node.renewed == [OURS]


@pytest.mark.parametrize("failure", [NO_ANSWER, REFUSED], ids=["no answer", "refused"])
async def test_a_renewal_that_fails_is_followed_by_the_next_one(
    bench: Bench, failure: Exception
) -> None:
    bench.keeper.renew()
    bench.node.failure = failure
    await bench.pass_time(bench.interval_s)
    await bench.pass_time(bench.interval_s)
    assert bench.node.renewed == [OURS] * 2
    bench.keeper.cease()


async def test_only_one_renewal_is_under_way(bench: Bench) -> None:
    bench.node.may_answer.clear()
    bench.keeper.renew()
    for _ in range(3):
        await bench.pass_time(bench.interval_s)
    assert bench.node.renewed == [OURS]
    bench.node.may_answer.set()
    await bench.go_on()
    await bench.pass_time(bench.interval_s)
    assert bench.node.renewed == [OURS] * 2
    bench.keeper.cease()


# --- stop -----------------------------------------------------------------------------------------


async def test_a_stop_is_confirmed_once_with_the_answer_of_the_node(bench: Bench) -> None:
    assert not bench.keeper.stopping
    await bench.keeper.async_stop()
    assert (bench.node.stops, bench.port.confirmed) == (1, [ANSWER])
    assert not bench.keeper.stopping
    await bench.keeper.async_confirm()  # nothing is left to be confirmed
    assert bench.node.stops == 1


@pytest.mark.parametrize("failure", [NO_ANSWER, REFUSED], ids=["no answer", "refused"])
async def test_a_stop_is_sent_until_the_node_confirms_it(bench: Bench, failure: Exception) -> None:
    bench.node.failure = failure
    stopping = asyncio.create_task(bench.keeper.async_stop())
    await bench.go_on()
    for sent in (1, 2, 3, 4):
        assert (bench.node.stops, bench.keeper.stopping) == (sent, True)
        await bench.pass_time(STOP_RETRY_S)
    assert bench.port.confirmed == []
    bench.node.failure = None
    await bench.pass_time(STOP_RETRY_S)
    assert stopping.done()
    assert (bench.port.confirmed, bench.keeper.stopping) == ([ANSWER], False)


async def test_another_stop_is_sent_at_once_and_waits_for_the_same_confirmation(
    bench: Bench,
) -> None:
    bench.node.failure = NO_ANSWER
    first = asyncio.create_task(bench.keeper.async_stop())
    await bench.go_on()
    assert bench.node.stops == 1
    bench.node.failure = None
    second = asyncio.create_task(bench.keeper.async_stop())
    await bench.go_on()  # before the next try is due
    assert bench.node.stops == 2
    assert first.done()
    assert second.done()
    assert bench.port.confirmed == [ANSWER]


async def test_a_waiting_caller_learns_when_the_lease_ends_while_stop_is_still_sent(
    bench: Bench,
) -> None:
    bench.node.failure = NO_ANSWER
    bench.node.lease_ends_at = dt_util.utcnow() + timedelta(seconds=7)
    stopping = asyncio.create_task(bench.keeper.async_stop())
    await bench.go_on()
    waiting = asyncio.create_task(bench.keeper.async_confirm())
    await bench.go_on()
    await bench.pass_time(limits.STOP_CONFIRM_S - 1)
    assert not waiting.done()
    await bench.pass_time(1)
    error = waiting.exception()
    assert isinstance(error, DeviceError)
    zero_at = dt_util.as_local(bench.node.lease_ends_at).strftime("%H:%M:%S")
    assert (error.problem, error.placeholders) == (Problem.STOP_UNCONFIRMED, {"zero_at": zero_at})
    assert bench.keeper.stopping
    bench.node.failure = None
    await bench.pass_time(STOP_RETRY_S)
    assert stopping.done()
    assert bench.port.confirmed == [ANSWER]


async def test_a_stop_that_is_cancelled_leaves_nobody_waiting(bench: Bench) -> None:
    bench.node.failure = NO_ANSWER
    stopping = asyncio.create_task(bench.keeper.async_stop())
    await bench.go_on()
    waiting = asyncio.create_task(bench.keeper.async_confirm())
    await bench.go_on()
    stopping.cancel()
    await bench.go_on()
    assert waiting.done()
    assert not bench.keeper.stopping
    bench.node.failure = None
    await bench.keeper.async_stop()
    assert bench.port.confirmed == [ANSWER]

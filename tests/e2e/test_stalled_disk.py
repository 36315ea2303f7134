"""The ledger's disk stalls while both devices run: Stop is answered as if it did not."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
import contextlib
from pathlib import Path
import statistics

import pytest

from tests.real.household import DOMAIN, Household
from tests.real.messages import Messages
from tests.real.session import begin_both, wait_settled
from tests.real.trial import put_on
from tests.real.watch import REPOSITORY, now_ns

AT_MOST_MS = 50
"""From the message on the websocket to its answer."""
ROUNDS = 3
SLOW = REPOSITORY / "tests" / "real" / "slow_disk"

type Say = Callable[[str], None]


class Disk:
    """The disk of the ledger."""

    def __init__(self, folder: Path) -> None:
        """Take the file that says how long a write lasts."""
        self.stall = folder / "stall"
        self._waiting = folder / "waiting"

    def takes(self, seconds: str) -> None:
        """Let each write take so many seconds, `inf` for ever."""
        self.stall.write_text(seconds)

    @property
    def stalled(self) -> bool:
        """Whether a write is waiting."""
        return self._waiting.exists()

    async def wait_stalled(self) -> None:
        """Wait until a write is waiting."""
        async with asyncio.timeout(5):
            while True:
                if self.stalled:
                    return
                # A file tells nobody that it is there.
                await asyncio.sleep(0.005)


@pytest.fixture(scope="module")
async def disk(
    household: Household, tmp_path_factory: pytest.TempPathFactory
) -> AsyncGenerator[Disk]:
    """Return the disk of a Home Assistant that runs."""
    disk = Disk(tmp_path_factory.mktemp("disk"))
    await household.home.stop()
    environment = {"PYTHONPATH": str(SLOW), "FACIAL_THERAPY_STALL": str(disk.stall)}
    await household.home.start(environment)
    yield disk
    disk.takes("0")


async def _answered(asked: Awaitable[object]) -> float:
    """Return after how many milliseconds a message was answered."""
    asked_ns = now_ns()
    await asked
    return (now_ns() - asked_ns) / 1e6


async def _round_trip(messages: Messages) -> float:
    """Return how long a message takes that does nothing, in milliseconds: what the machine adds."""
    return statistics.median([await _answered(messages.call("ping")) for _ in range(9)])


async def _zero(household: Household, called_ns: int) -> list[float]:
    """Return after how many milliseconds the output of each device was zero."""
    return [
        (await household.witness.wait_dark(station.node.name, called_ns) - called_ns) / 1e6
        for station in household.stations.values()
    ]


async def _off(household: Household) -> None:
    for station in household.stations.values():
        await put_on(station, on=False)


async def test_stop_is_answered_within_50_ms_while_the_disk_takes_a_second(
    household: Household, disk: Disk, say: Say
) -> None:
    """One device after the other, so that the second is stopped while the first settles."""
    answered: dict[str, list[float]] = {"mask": [], "wand": []}
    async with household.messages() as messages:
        for _ in range(ROUNDS):
            disk.takes("0")
            await begin_both(household, messages)
            disk.takes("1")
            for station in household.stations.values():
                called_ns = now_ns()
                answered[station.modality].append(
                    await _answered(
                        messages.act(f"{DOMAIN}.stop_session", device_id=station.device_id)
                    )
                )
                assert (await household.witness.wait_dark(station.node.name, called_ns)) > 0
                assert not (await household.witness.level(station.node.name)).flowing
                await disk.wait_stalled()
            for station in household.stations.values():
                account = await wait_settled(household, station, timeout_s=40)
                assert account.outcome == "stopped"
            await _off(household)
        round_trip_ms = await _round_trip(messages)
    for modality, after_ms in answered.items():
        figures = ", ".join(f"{one:.1f}" for one in after_ms)
        say(f"{modality}, a write takes 1 s: stop_session answered after {figures} ms")
    say(f"a message that does nothing: {round_trip_ms:.1f} ms")
    for after_ms in answered.values():
        assert statistics.median(after_ms) <= AT_MOST_MS


async def test_stop_all_is_answered_within_50_ms_while_the_disk_never_answers(
    household: Household, disk: Disk, say: Say
) -> None:
    """Both devices are off and free while their ends wait for the disk, and are settled then."""
    async with household.messages() as messages, contextlib.AsyncExitStack() as stack:
        disk.takes("0")
        stack.callback(disk.takes, "0")
        await begin_both(household, messages)
        disk.takes("inf")
        called_ns = now_ns()
        after_ms = await _answered(messages.act(f"{DOMAIN}.stop_all"))
        zero_ms = await _zero(household, called_ns)
        figures = ", ".join(f"{one:.1f}" for one in zero_ms)
        say(f"a disk that never answers: stop_all answered after {after_ms:.1f} ms, zero {figures}")
        again_ms = await _answered(messages.act(f"{DOMAIN}.stop_all"))
        say(f"and once more: {again_ms:.1f} ms; a message: {await _round_trip(messages):.1f} ms")
        for station in household.stations.values():
            await household.wait_session(messages, station, "idle")
        await asyncio.sleep(3)  # longer than the end of a session waits for the ledger
        assert disk.stalled
        for station in household.stations.values():
            assert not (await household.witness.level(station.node.name)).flowing
        disk.takes("0")
        for station in household.stations.values():
            assert (await wait_settled(household, station)).outcome == "stopped"
        assert after_ms <= AT_MOST_MS
        assert again_ms <= AT_MOST_MS
        await _off(household)

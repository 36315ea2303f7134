"""Home Assistant goes away in the middle of a session: the lease ends the output, and nothing resumes by itself."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.real.household import Household, Station
from tests.real.trial import put_on
from tests.real.watch import now_ns

LEASE_S = {"mask": 10, "wand": 5}
SESSION = {
    "mask": {"program": "manual", "duration_s": 120, "channels": {"red": 14}},
    "wand": {"program": "manual", "duration_s": 120, "current_ua": 100, "frequency_hz": 8.3},
}

type Fault = Callable[[Household, Station], Awaitable[None]]


async def _begin(household: Household, station: Station) -> None:
    """Start a session and wait until output flows."""
    async with household.messages() as messages:
        await messages.act("facial_therapy.start_session", {"device_id": station.device_id, "person": "Ada", **SESSION[station.modality]})
        began_ns = now_ns()
        await put_on(station, on=True)
        await household.witness.wait_lit(station.node.name, began_ns)
        await household.wait_session(messages, station, "running")


async def _kill(household: Household, _station: Station) -> None:
    await household.home.kill()


async def _freeze(household: Household, _station: Station) -> None:
    household.home.freeze()


async def _stall(_household: Household, station: Station) -> None:
    station.link.stall()


async def _start_again(household: Household, _station: Station) -> None:
    await household.home.start()


async def _thaw(household: Household, _station: Station) -> None:
    household.home.thaw()


async def _release(_household: Household, station: Station) -> None:
    station.link.release()


RECOVERY: dict[Fault, Fault] = {_kill: _start_again, _freeze: _thaw, _stall: _release}


@pytest.mark.parametrize("fault", [_kill, _freeze, _stall])
@pytest.mark.parametrize("modality", ["mask", "wand"])
async def test_output_is_zero_within_the_lease(household: Household, modality: str, fault: Fault, say: Callable[[str], None]) -> None:
    """Killed, frozen, or behind a network that holds its renewals and lets them go later: zero within the lease, and zero it stays."""
    station = household.stations[modality]
    await _begin(household, station)
    lost_ns = now_ns()
    await fault(household, station)
    dark_ns = await household.witness.wait_dark(station.node.name, lost_ns, timeout_s=LEASE_S[modality] + 5)
    assert (dark_ns - lost_ns) / 1e9 <= LEASE_S[modality]
    await RECOVERY[fault](household, station)
    async with household.messages() as messages:
        await household.wait_session(messages, station, "idle", "suspended", timeout_s=30)
    # Long enough for a renewal that was held to do harm.
    await asyncio.sleep(2)
    assert (await household.witness.above(station.node.name, dark_ns + 1)).longest_s == 0
    say(f"{modality}, {fault.__name__.strip('_')}: zero after {(dark_ns - lost_ns) / 1e9:.2f} s")

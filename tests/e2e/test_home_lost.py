"""Home Assistant is lost during a session: the lease ends the output, nothing resumes."""

import asyncio
from collections.abc import Callable

import pytest

from tests.real.household import Household, Station
from tests.real.link import Way
from tests.real.messages import Messages
from tests.real.session import begin_both, last_account, wait_settled
from tests.real.trial import SKIN, last_record, node_doses, put_on
from tests.real.watch import now_ns

LEASE_S = {"mask": 10, "wand": 5}
# Longer than a command that was held could still be obeyed, and than an interval of renewal.
QUIET_S = 4

type Say = Callable[[str], None]


async def _zero_within_the_lease(
    household: Household, station: Station, fault: str, lost_ns: int, say: Say
) -> int:
    """Wait until output is zero, insist on the lease, return when it became zero."""
    dark_ns = await household.witness.wait_dark(
        station.node.name, lost_ns, timeout_s=LEASE_S[station.modality] + 10
    )
    say(
        f"{station.modality}, {fault}: zero after {(dark_ns - lost_ns) / 1e9:.2f} s"
        f" (lease {LEASE_S[station.modality]} s)"
    )
    assert (dark_ns - lost_ns) / 1e9 <= LEASE_S[station.modality]
    return dark_ns


async def _dark_since(household: Household, station: Station, dark_ns: int) -> None:
    """Insist on no output after a time, though the device stays on the skin."""
    async with station.direct() as direct:
        await direct.wait_state(f"Simulated {SKIN[station.modality]}", lambda on: on is True)
    assert (await household.witness.above(station.node.name, dark_ns + 1)).longest_s == 0


async def _settled_to_the_node(household: Household, station: Station, outcome: str) -> None:
    """Insist that the ledger holds what the node itself counted."""
    account = await wait_settled(household, station)
    record = await last_record(station)
    assert record["entry_session"] == account.session_id
    assert account.outcome == outcome
    assert account.delivered is not None
    delivered = node_doses(station.modality, record["delivered"])
    if station.modality == "wand":
        assert account.delivered["charge_ma_min"] == pytest.approx(delivered[5], rel=1e-3)
    else:
        assert account.delivered["fluence_j_cm2"]["red"] == pytest.approx(delivered[1], rel=1e-3)
    assert sum(delivered.values()) > 0


async def _suspended_until_it_is_stopped(
    household: Household, messages: Messages, dark_ns: dict[str, int]
) -> None:
    """Insist that both sessions wait for a person, and end when asked to."""
    for station in household.stations.values():
        await household.wait_session(messages, station, "suspended", timeout_s=40)
    await asyncio.sleep(QUIET_S)
    for station in household.stations.values():
        await household.wait_session(messages, station, "suspended")
        await _dark_since(household, station, dark_ns[station.modality])
        await messages.act("facial_therapy.stop_session", device_id=station.device_id)
        await household.wait_session(messages, station, "idle")
        await _settled_to_the_node(household, station, "stopped")
        await put_on(station, on=False)


async def test_frozen_home_assistant_is_zero_within_the_lease_and_resumes_nothing(
    household: Household, say: Say
) -> None:
    """SIGSTOP: its sockets stay open, only the lease can tell."""
    async with household.messages() as messages:
        await begin_both(household, messages)
    lost_ns = now_ns()
    household.home.freeze()
    dark_ns = {
        station.modality: await _zero_within_the_lease(household, station, "frozen", lost_ns, say)
        for station in household.stations.values()
    }
    household.home.thaw()
    async with household.messages() as messages:
        await _suspended_until_it_is_stopped(household, messages, dark_ns)


async def test_renewals_that_waited_in_a_stalled_network_extend_nothing(
    household: Household, say: Say
) -> None:
    """Bytes sent into the stall arrive later, all at once."""
    async with household.messages() as messages:
        await begin_both(household, messages)
        lost_ns = now_ns()
        for station in household.stations.values():
            station.link.stall()
        dark_ns = {
            station.modality: await _zero_within_the_lease(
                household, station, "stalled", lost_ns, say
            )
            for station in household.stations.values()
        }
        for station in household.stations.values():
            assert station.link.held(Way.TO_NODE) > 0
            station.link.release()
        await _suspended_until_it_is_stopped(household, messages, dark_ns)


async def test_killed_home_assistant_comes_back_to_a_session_that_waits_for_a_person(
    household: Household, say: Say
) -> None:
    """SIGKILL, and a new start on the same directory: adopted, and nothing runs."""
    async with household.messages() as messages:
        await begin_both(household, messages)
    lost_ns = now_ns()
    await household.home.kill()
    dark_ns = {
        station.modality: await _zero_within_the_lease(household, station, "killed", lost_ns, say)
        for station in household.stations.values()
    }
    killed = {
        station.modality: last_account(household, station)
        for station in household.stations.values()
    }
    assert [account.outcome for account in killed.values()] == [None, None]
    await household.home.start()
    async with household.messages() as messages:
        for station in household.stations.values():
            await household.wait_session(messages, station, "suspended", timeout_s=40)
            assert last_account(household, station) == killed[station.modality]
        await _suspended_until_it_is_stopped(household, messages, dark_ns)
        for station in household.stations.values():
            assert (
                last_account(household, station).session_id == killed[station.modality].session_id
            )

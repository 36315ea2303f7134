"""Home Assistant comes back to a session that the node still holds: a person resumes it.

Both devices go through every loss in one session each. Nothing lights before a person has resumed
and the device was taken off and put on again.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
import json
import os
import secrets
from typing import Any

import pytest

from tests.real import flows
from tests.real.direct import Client, Reply
from tests.real.household import DOMAIN, Household, Station
from tests.real.messages import Messages
from tests.real.session import (
    arm,
    begin,
    begin_both,
    last_account,
    pace,
    read_ledger,
    rest,
    wait_settled,
)
from tests.real.trial import RAMP_S, RED, WAND, last_record, node_doses, planned_doses, put_on, wear
from tests.real.watch import now_ns

LONG = bool(os.environ.get("FACIAL_THERAPY_LONG"))
DURATION_S = 70
IRRADIANCE_MW_CM2 = 14
CURRENT_UA = 100
LOWERED_UA = 75
"""What `lower_session` makes of it."""
SESSION: dict[str, dict[str, Any]] = {
    "mask": {"duration_s": DURATION_S, "channels": {"red": IRRADIANCE_MW_CM2}},
    "wand": {"duration_s": DURATION_S, "current_ua": CURRENT_UA},
}
TOLERANCE = 0.02
LEASE_S = {"mask": 10, "wand": 5}
RISEN_S = 6
"""Longer than either ramp: what flows now is the level."""
QUIET_S = 2
"""Longer than a command that was held could still be obeyed."""
KEPT_S = 600
"""How long the node keeps a suspended session."""

pytestmark = pytest.mark.timeout(900 if LONG else 300)

type Say = Callable[[str], None]


@dataclass(slots=True)
class Kept:
    """The session of one device, from its first output on."""

    station: Station
    session_id: str
    records: int
    """How many sessions of the device the ledger has with it."""
    began_ns: int
    starts_ns: list[int] = field(default_factory=list)
    """When output began after a new off-to-on edge."""


def _records(household: Household, station: Station) -> int:
    return sum(account.mac == station.mac for account in read_ledger(household))


async def _risen(kept: Kept) -> None:
    """Wait until the ramp of the newest output has ended."""
    await asyncio.sleep(max(0.0, RISEN_S - (now_ns() - kept.starts_ns[-1]) / 1e9))


async def _all(*waited: Awaitable[object]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for one in waited:
            tasks.create_task(_awaited(one))


async def _awaited(waited: Awaitable[object]) -> None:
    await waited


# --- sessions found armed or running --------------------------------------------------------------


async def test_a_session_that_is_found_running_or_armed_is_stopped(
    household: Household, messages: Messages, say: Say
) -> None:
    """Half-open links: the nodes still hold their client and its lease when the next one comes."""
    mask, wand = household.mask, household.wand
    await begin(household, messages, mask)
    await arm(household, messages, wand)
    lost_ns = now_ns()
    for station in household.stations.values():
        station.link.open_half()
    dark_ns = await household.witness.wait_dark(mask.node.name, lost_ns)
    say(f"mask, found running: zero {(dark_ns - lost_ns) / 1e9:.2f} s after the loss (lease 10 s)")
    assert (dark_ns - lost_ns) / 1e9 <= LEASE_S["mask"]
    assert (await wait_settled(household, mask)).outcome == "stopped"
    assert (await last_record(mask))["outcome"] == "stopped"
    await household.wait_session(messages, wand, "idle")
    assert (await wait_settled(household, wand)).outcome == "void"
    await put_on(wand, on=True)
    await asyncio.sleep(QUIET_S)
    assert (await household.witness.above(wand.node.name, lost_ns)).longest_s == 0
    assert (await household.witness.above(mask.node.name, dark_ns + 1)).longest_s == 0
    for station in household.stations.values():
        station.link.cut()
    await rest(household, messages)


# --- nobody resumes -------------------------------------------------------------------------------


@pytest.mark.skipif(not LONG, reason="FACIAL_THERAPY_LONG: the node keeps a session for 10 minutes")
async def test_a_session_that_nobody_resumes_is_partial_after_10_minutes(
    household: Household, say: Say
) -> None:
    """Killed: the mask is adopted and waits, the wand stays out of reach."""
    async with household.messages() as messages:
        await begin_both(household, messages)
        await asyncio.sleep(RISEN_S)
    household.wand.link.down()
    await household.home.kill()
    lost_ns = now_ns()
    await household.home.start()
    async with household.messages() as messages:
        await household.wait_session(messages, household.mask, "suspended", timeout_s=40)
        left_s = KEPT_S - (now_ns() - lost_ns) / 1e9
        await household.wait_session(messages, household.mask, "idle", timeout_s=left_s + 10)
        ended_s = (now_ns() - lost_ns) / 1e9
        say(f"mask, adopted and not resumed: over {ended_s:.1f} s after the loss")
        assert abs(ended_s - KEPT_S) <= 10
        household.wand.link.up()
        for station in household.stations.values():
            account = await wait_settled(household, station, timeout_s=40)
            record = await last_record(station)
            assert (account.outcome, record["outcome"]) == ("partial", "partial")
            assert record["entry_session"] == account.session_id
            dark = await household.witness.above(station.node.name, lost_ns + 10_000_000_000)
            assert dark.longest_s == 0
        await rest(household, messages)


# --- every loss in one session --------------------------------------------------------------------


@pytest.fixture(scope="module")
async def sessions(household: Household) -> dict[str, Kept]:
    """Return a session of each device whose output is on; that of the wand has been lowered."""
    sessions: dict[str, Kept] = {}

    async def start(messages: Messages, station: Station) -> None:
        on_ns = await begin(household, messages, station, **SESSION[station.modality])
        session_id = last_account(household, station).session_id
        records = _records(household, station)
        sessions[station.modality] = Kept(station, session_id, records, on_ns, [on_ns])

    async with household.messages() as messages:
        await _all(*(start(messages, station) for station in household.stations.values()))
        await messages.act(f"{DOMAIN}.lower_session", device_id=household.wand.device_id)
    return sessions


async def _resumed(household: Household, messages: Messages, kept: Kept, dark_ns: int) -> None:
    """Resume a session that was adopted; insist that only a new off-to-on edge begins output."""
    station, name = kept.station, kept.station.node.name
    await household.wait_session(messages, station, "suspended", "paused", timeout_s=40)
    await pace(household, station)  # resuming is refused while another edge would be flicker
    async with station.direct() as direct:
        assert (await direct.line("Telemetry"))["worn"] == "1"
        await asyncio.sleep(QUIET_S)
        await household.wait_session(messages, station, "suspended", "paused")
        await messages.act(f"{DOMAIN}.resume_session", device_id=station.device_id)
        await household.wait_session(messages, station, "armed")
        await asyncio.sleep(QUIET_S)
        await wear(direct, station, on=False)
        assert (await household.witness.above(name, dark_ns + 1)).longest_s == 0
        edge_ns = now_ns()
        await direct.simulate(**{"worn" if station.modality == "mask" else "contact": True})
        on_ns = await household.witness.wait_flowing(name, dark_ns + 1)
        assert on_ns >= edge_ns
        kept.starts_ns.append(on_ns)
        await household.wait_session(messages, station, "running")
    account = last_account(household, station)
    assert (account.session_id, account.outcome) == (kept.session_id, None)
    assert _records(household, station) == kept.records


async def _dark(household: Household, station: Station, lost_ns: int, what: str, say: Say) -> int:
    """Insist that output is zero within the lease; return when it became zero."""
    dark_ns = await household.witness.wait_dark(station.node.name, lost_ns)
    after_s = (dark_ns - lost_ns) / 1e9
    lease_s = LEASE_S[station.modality]
    say(f"{station.modality}, {what}: zero after {after_s:.3f} s (lease {lease_s} s)")
    assert after_s <= lease_s
    return dark_ns


async def _restarted(household: Household) -> None:
    await household.home.restart()


async def _killed(household: Household) -> None:
    await household.home.kill()
    await household.home.start()


async def _reloaded(household: Household) -> None:
    async with household.messages() as messages:
        for entry in await flows.entries(messages, DOMAIN):
            if entry["title"] in {one.info.friendly_name for one in household.stations.values()}:
                path = f"/api/config/config_entries/entry/{entry['entry_id']}/reload"
                await household.home.request("POST", path)


async def _half_open(household: Household) -> None:
    """Cut off Home Assistant until the leases have ended, of which the nodes hear nothing."""

    async def lapsed(station: Station) -> None:
        async with station.direct() as direct:
            await direct.line("Telemetry", lambda values: values["state"] == "suspended", 20)

    for station in household.stations.values():
        station.link.open_half(refuse=True)
    await _all(*(lapsed(station) for station in household.stations.values()))
    async with household.messages() as messages:
        for station in household.stations.values():
            await household.wait_session(messages, station, "lost")
            station.link.up()


LOSSES: dict[str, Callable[[Household], Awaitable[None]]] = {
    "restarted": _restarted,
    "device entries reloaded": _reloaded,
    "killed": _killed,
    "cut off with half-open links": _half_open,
}


@pytest.mark.parametrize("loss", LOSSES)
async def test_a_session_is_adopted_and_goes_on_only_after_a_person_and_a_new_edge(
    household: Household, sessions: dict[str, Kept], loss: str, say: Say
) -> None:
    """The same record, and the level that the node had."""
    for kept in sessions.values():
        await _risen(kept)
        assert (await household.witness.level(kept.station.node.name)).flowing
    lost_ns = now_ns()
    async with asyncio.TaskGroup() as tasks:
        ends = {
            modality: tasks.create_task(_dark(household, kept.station, lost_ns, loss, say))
            for modality, kept in sessions.items()
        }
        tasks.create_task(_awaited(LOSSES[loss](household)))
    async with household.messages() as messages:
        await _all(
            *(
                _resumed(household, messages, kept, ends[modality].result())
                for modality, kept in sessions.items()
            )
        )
        await _risen(sessions["wand"])
        level = await household.witness.level(household.wand.node.name)
        say(f"wand, lowered to {LOWERED_UA} uA, {loss} and resumed: {level.nominal[WAND]:.1f} uA")
        assert level.nominal[WAND] == pytest.approx(LOWERED_UA, rel=0.01)
        assert all(
            ppm <= CURRENT_UA * 1000 * LOWERED_UA / CURRENT_UA * 1.01
            for _, _, ppm in await household.witness.changes(household.wand.node.name, lost_ns)
        )


# --- a second Home Assistant ----------------------------------------------------------------------


async def _start(client: Client, station: Station, session: str) -> Reply:
    """Try to start a session, or to begin one again, without having been given its resume key."""
    record = int((await client.telemetry())["record"])
    arguments: dict[str, Any] = {
        "session": session,
        "resume_key": secrets.token_hex(8),
        "last_record": record,
        "profile": 1,
        "skin_permille": 500,
        "duration_s": 60,
        "lease_ms": 5000,
        "window_s": 60,
        "epoch_s": 1_800_000_000,
    }
    if station.modality == "mask":
        arguments |= {"channels": [RED], "peaks_uw_cm2": [20_000], "budgets_uj_cm2": [1_000_000]}
    else:
        arguments |= {"peak_ua": 200, "period_us": 100_000, "zone_s": 60, "budget_uc": 10_000}
    return await client.command("start_session", **arguments)


def _resume_key(household: Household, session_id: str) -> str:
    """Return the key of a session, which nobody but Home Assistant has: it is in the ledger."""
    ledger = household.home.directory / ".storage" / f"{DOMAIN}.ledger"
    for line in reversed(ledger.read_text().splitlines()):
        entry = json.loads(line.rpartition(" ")[0])
        if entry.get("session_id") == session_id:
            key: str = entry["resumable"]["resume_key"]
            return key
    raise LookupError(session_id)


async def _intrude(client: Client, kept: Kept) -> dict[str, str]:
    """Try everything that would take a session over, or change it; return the answers."""
    station, session = kept.station, kept.session_id
    level: dict[str, object] = {"channels": [RED], "levels_uw_cm2": [20_000]}
    if station.modality == "wand":
        level = {"level_ua": 100}
    replies = {
        "adopt": await client.command(
            "adopt_session", session=session, resume_key=secrets.token_hex(8)
        ),
        "start": await _start(client, station, secrets.token_hex(8)),
        "start again": await _start(client, station, session),
        "level": await client.command("set_levels", session=session, **level),
        "pause": await client.command("pause_session", session=session),
        "resume": await client.command("resume_session", session=session),
    }
    return {name: reply.reason for name, reply in replies.items()}


async def test_a_second_home_assistant_is_refused_while_the_first_is_connected(
    household: Household, messages: Messages, sessions: dict[str, Kept], say: Say
) -> None:
    """Another client with the node's encryption key, while output is on and while it is paused."""
    for kept in sessions.values():
        station, name = kept.station, kept.station.node.name
        await _risen(kept)
        before = await household.witness.level(name)
        async with (
            Client("127.0.0.1", station.link.port, key=station.key) as second,
            station.direct() as direct,
        ):
            running = await _intrude(second, kept)
            key = _resume_key(household, kept.session_id)
            stolen = await second.command("adopt_session", session=kept.session_id, resume_key=key)
            assert stolen.reason == "wrong_state"  # even with the key: output is on
            assert (await household.witness.level(name)).ppm == before.ppm
            await messages.act(f"{DOMAIN}.pause_session", device_id=station.device_id)
            dark_ns = await household.witness.wait_dark(name, now_ns())
            await household.wait_session(messages, station, "paused")
            paused = await _intrude(second, kept)
            assert (await direct.line("Telemetry"))["state"] == "paused"
            await asyncio.sleep(0.5)
            assert (await household.witness.above(name, dark_ns + 1)).longest_s == 0
            await pace(household, station)
            await messages.act(f"{DOMAIN}.resume_session", device_id=station.device_id)
            kept.starts_ns.append(await household.witness.wait_flowing(name, dark_ns + 1))
            await household.wait_session(messages, station, "running")
        say(f"{station.modality}, a second client while it runs: {running}")
        say(f"{station.modality}, a second client while it is paused: {paused}")
        for answers in (running, paused):
            assert answers["adopt"] == "wrong_key"
            assert {answers["start"], answers["start again"]} == {"busy"}
            assert {answers["level"], answers["pause"], answers["resume"]} == {"not_client"}


# --- how it ends ----------------------------------------------------------------------------------


async def test_a_node_that_reboots_while_home_assistant_is_away_ends_the_session_in_one_record(
    household: Household, messages: Messages, sessions: dict[str, Kept], say: Say
) -> None:
    """What a reboot leaves open counts in full, and nothing lights."""
    kept = sessions["wand"]
    station = kept.station
    await _risen(kept)
    lost_ns = now_ns()
    station.link.down()
    dark_ns = await _dark(household, station, lost_ns, "cut off", say)
    await household.wait_session(messages, station, "lost")
    await station.node.reboot()
    station.link.up()
    await household.wait_session(messages, station, "idle")
    account = await wait_settled(household, station)
    record = await last_record(station)
    say(f"wand, rebooted meanwhile: {account.outcome}, node {record['outcome']}")
    assert (record["entry_session"], record["outcome"]) == (kept.session_id, "unclosed")
    assert account.session_id == kept.session_id
    assert account.outcome == "uncertain"
    assert account.delivered is not None
    assert account.delivered["charge_ma_min"] == pytest.approx(
        account.planned["charge_ma_min"], rel=0.01
    )
    assert _records(household, station) == kept.records
    await put_on(station, on=True)
    await asyncio.sleep(QUIET_S)
    assert (await household.witness.above(station.node.name, dark_ns + 1)).longest_s == 0
    await put_on(station, on=False)


async def test_a_resumed_session_delivers_its_plan_in_one_record(
    household: Household, messages: Messages, sessions: dict[str, Kept], say: Say
) -> None:
    """Plan, node, ledger and witness agree; each new output costs half a ramp."""
    kept = sessions["mask"]
    station = kept.station
    await household.wait_session(messages, station, "idle", timeout_s=DURATION_S + 20)
    account = await wait_settled(household, station)
    record = await last_record(station)
    ramps_s = (len(kept.starts_ns) - 1) * RAMP_S["mask"] / 2
    [planned] = planned_doses("mask", {RED: IRRADIANCE_MW_CM2}, DURATION_S - ramps_s).values()
    assert account.delivered is not None
    measures = {
        "node": node_doses("mask", record["delivered"])[RED],
        "ledger": account.delivered["fluence_j_cm2"]["red"],
        "witness": (await household.witness.dose(station.node.name, kept.began_ns))[RED],
    }
    figures = ", ".join(f"{name} {dose:.4f}" for name, dose in measures.items())
    whole = account.planned["fluence_j_cm2"]["red"]
    say(
        f"mask, {len(kept.starts_ns)} times output: planned {planned:.4f} ({whole:.4f} without "
        f"ramps), {figures} J/cm2"
    )
    for dose in measures.values():
        assert dose == pytest.approx(planned, rel=TOLERANCE)
    assert (record["entry_session"], record["outcome"]) == (kept.session_id, "completed")
    assert (account.session_id, account.outcome) == (kept.session_id, "completed")
    assert _records(household, station) == kept.records
    spans = (await household.witness.above(station.node.name, kept.began_ns)).spans_s
    assert len(spans) == len(kept.starts_ns)
    await put_on(station, on=False)

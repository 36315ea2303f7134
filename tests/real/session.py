"""Sessions for tests: start one with output, bring everything to rest, read the ledger."""

import asyncio
from dataclasses import dataclass
import json
from typing import Any
from zlib import crc32

from .direct import Direct
from .household import DOMAIN, Household, Station
from .messages import CallError, Messages
from .trial import wear
from .watch import now_ns

# Each device has its own person, so that both can be in use at once.
PERSON = {"mask": "Ada", "wand": "Bea"}
MANUAL: dict[str, dict[str, Any]] = {
    "mask": {"program": "manual", "duration_s": 120, "channels": {"red": 14}},
    "wand": {"program": "manual", "duration_s": 120, "current_ua": 100, "frequency_hz": 8.3},
}
# A mask that lights up a fourth time within this latches a fault. From docs/safety.md, with a
# second more.
_EDGES = 3
_EDGES_WINDOW_S = 31
_AFTER_A_SESSION = {
    "dose_day",
    "dose_week",
    "blue_week",
    "sessions_day",
    "sessions_week",
    "rest",
    "rest_blue",
    "treatment_day",
}
_RESTING = {
    "worn": False,
    "contact": False,
    "charging": False,
    "button": False,
    "temperature": 33,
    "impedance": 2000,
}


@dataclass(frozen=True, slots=True)
class Account:
    """What the ledger says of one session."""

    session_id: str
    mac: str
    planned: dict[str, Any]
    delivered: dict[str, Any] | None
    outcome: str | None


def read_ledger(household: Household) -> list[Account]:
    """Read the ledger file itself and check every line, oldest session first."""
    accounts: dict[str, Account] = {}
    path = household.home.directory / ".storage" / f"{DOMAIN}.ledger"
    for line in path.read_text().splitlines() if path.exists() else []:
        text, _, crc = line.rpartition(" ")
        if int(crc, 16) != crc32(text.encode()):
            raise ValueError(line)
        entry = json.loads(text)
        if entry["kind"] == "session":
            outcome = None if entry["delivered"] is None else entry["outcome"]
            accounts[entry["session_id"]] = Account(
                entry["session_id"], entry["mac"], entry["planned"], entry["delivered"], outcome
            )
    return list(accounts.values())


def last_account(household: Household, station: Station) -> Account:
    """Return what the ledger says of the newest session of a node."""
    return [account for account in read_ledger(household) if account.mac == station.mac][-1]


async def wait_settled(household: Household, station: Station, timeout_s: float = 20) -> Account:
    """Wait until the newest session of a node is settled in the ledger's file."""
    async with asyncio.timeout(timeout_s):
        while True:
            account = last_account(household, station)
            if account.outcome is not None:
                return account
            # A file tells nobody that it has grown.
            await asyncio.sleep(0.05)


async def wait_ready(
    household: Household, messages: Messages, station: Station, timeout_s: float = 30
) -> None:
    """Wait until a device could start, except for the rest after an earlier session."""
    ready = await household.entity(messages, station, "ready", "binary_sensor", timeout_s)
    await messages.wait_state(
        ready,
        lambda state: (
            state["state"] == "on" or state["attributes"].get("reason") in _AFTER_A_SESSION
        ),
        timeout_s,
    )


async def wait_still_worn(
    household: Household, messages: Messages, station: Station, timeout_s: float = 30
) -> None:
    """Wait until a device that was worn all the time is back: it has to come off first."""
    ready = await household.entity(messages, station, "ready", "binary_sensor", timeout_s)
    await messages.wait_state(
        ready, lambda state: state["attributes"].get("reason") == "still_worn", timeout_s
    )


async def pace(household: Household, station: Station) -> None:
    """Wait until the mask may light up once more without breaking the rule against flicker."""
    if station.modality != "mask":
        return
    since_ns = now_ns() - _EDGES_WINDOW_S * 1_000_000_000
    began_s = [
        start
        for start, _ in (await household.witness.above(station.node.name, since_ns)).spans_s
        if start > 0
    ]
    if len(began_s) >= _EDGES:
        await asyncio.sleep(began_s[-_EDGES])


async def arm(household: Household, messages: Messages, station: Station, **changes: Any) -> None:
    """Arm a manual session of a device that nobody wears."""
    await wait_ready(household, messages, station)
    await pace(household, station)
    data = {
        "device_id": station.device_id,
        "person": PERSON[station.modality],
        **MANUAL[station.modality],
        **changes,
    }
    await messages.act(f"{DOMAIN}.start_session", data)


async def begin(household: Household, messages: Messages, station: Station, **changes: Any) -> int:
    """Start a manual session, put the device on, and return when output began to flow."""
    async with station.direct() as direct:
        return await begin_with(household, messages, station, direct, **changes)


async def begin_with(
    household: Household, messages: Messages, station: Station, direct: Direct, **changes: Any
) -> int:
    """Start a manual session over a connection to the node that is open already."""
    await wear(direct, station, on=False)
    await arm(household, messages, station, **changes)
    began_ns = now_ns()
    await wear(direct, station, on=True)
    flowing_ns = await household.witness.wait_flowing(station.node.name, began_ns)
    await household.wait_session(messages, station, "running")
    return flowing_ns


async def begin_both(household: Household, messages: Messages) -> None:
    """Let output flow from both devices."""
    async with asyncio.TaskGroup() as tasks:
        for station in household.stations.values():
            tasks.create_task(begin(household, messages, station))


async def rest(household: Household, messages: Messages) -> None:
    """Stop every session, take everything off, and reset all sensors to their values at boot."""
    try:
        await messages.act(f"{DOMAIN}.stop_all")
    except CallError as error:
        # A device that is out of reach at the moment: Home Assistant goes on trying.
        if error.translation_key != "stop_unconfirmed":
            raise
    for station in household.stations.values():
        async with station.direct() as direct:
            await direct.simulate(
                **{
                    name: value
                    for name, value in _RESTING.items()
                    if f"Simulated {name}" in direct.entities
                }
            )
            await wear(direct, station, on=False)
        await wait_ready(household, messages, station)

"""What only the node knows refuses alike in Ready, in `check_session` and at the start."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.real import flows
from tests.real.household import DOMAIN, Household, Station
from tests.real.messages import CallError, Messages
from tests.real.session import MANUAL, PERSON, begin_with
from tests.real.trial import wear
from tests.real.watch import now_ns

ALIKE = timedelta(seconds=2)
"""Two clocks that are read one after the other, and whole seconds rounded up."""
EDGES = 3
"""As often light may begin in 30 s."""

type Say = Callable[[str], None]


@pytest.fixture(scope="module")
async def timed(household: Household) -> Household:
    """Return the household with the sensors that say when a device is ready."""
    async with household.messages() as messages:
        for station in household.stations.values():
            ready_at = await household.entity(messages, station, "ready_at")
            await messages.call(
                "config/entity_registry/update", entity_id=ready_at, disabled_by=None
            )
            for entry in await flows.entries(messages, DOMAIN):
                if entry["title"] == station.info.friendly_name:
                    path = f"/api/config/config_entries/entry/{entry['entry_id']}/reload"
                    await household.home.request("POST", path)
            ready = await household.entity(messages, station, "ready", "binary_sensor")
            await messages.wait_state(ready, lambda state: state["state"] == "on")
            await messages.wait_state(ready_at, lambda _: True)
    return household


async def _node_at(station: Station, reason: str) -> datetime:
    """Return until when the node itself says that it refuses a start for this reason."""
    async with station.direct() as direct:
        line = await direct.line("Telemetry", lambda values: f"{reason}:" in values["refuses"])
        waits = dict(pair.split(":") for pair in line["refuses"].split(","))
    return datetime.now(UTC) + timedelta(seconds=int(waits[reason]))


async def _agreed(
    household: Household, messages: Messages, station: Station, person: str, reason: str
) -> datetime:
    """Insist that all who are asked give this reason and the same time; return the time."""
    await household.select_person(messages, station, person)
    ready = await household.entity(messages, station, "ready", "binary_sensor")
    ready_at = await household.entity(messages, station, "ready_at")
    await messages.wait_state(
        ready,
        lambda state: state["state"] == "off" and state["attributes"].get("reason") == reason,
    )
    shown = await messages.wait_state(
        ready_at, lambda state: state["attributes"].get("reason") == reason
    )
    request: dict[str, Any] = {
        "device_id": station.device_id,
        "person": person,
        **MANUAL[station.modality],
    }
    answer = await messages.act(f"{DOMAIN}.check_session", request, response=True)
    checked = answer["reasons"][0]
    with pytest.raises(CallError) as refused:
        await messages.act(f"{DOMAIN}.start_session", request)
    times = {
        "node": await _node_at(station, reason),
        "Ready": datetime.fromisoformat(shown["state"]),
        "check_session": datetime.fromisoformat(checked["allowed_at"]),
    }
    assert not answer["allowed"]
    assert checked["reason"] == refused.value.translation_key == reason
    # What the start says names its time as a person reads it.
    assert refused.value.message.endswith(checked["message"])
    assert datetime.fromisoformat(checked["allowed_at"]) > datetime.now(UTC)
    assert max(times.values()) - min(times.values()) <= ALIKE, times
    return times["check_session"]


def _refused(station: Station, person: str, reason: str, at: datetime, say: Say) -> None:
    left_s = (at - datetime.now(UTC)).total_seconds()
    say(f"{station.modality}, {person}: {reason} for {left_s:.0f} s, by every way of asking")


async def test_a_supply_that_broke_down_and_light_that_would_flicker_and_another_profile(
    timed: Household, messages: Messages, say: Say
) -> None:
    """Ready comes back when it was promised, and then a session starts."""
    mask, wand = timed.mask, timed.wand
    await wand.node.break_down()
    at = await _agreed(timed, messages, wand, PERSON["wand"], "brown_out")
    _refused(wand, PERSON["wand"], "brown_out", at, say)

    async with mask.direct() as direct:
        await begin_with(timed, messages, mask, direct)
        for _ in range(EDGES - 1):
            await wear(direct, mask, on=False)
            await timed.wait_session(messages, mask, "suspended")
            dark_ns = now_ns()
            await wear(direct, mask, on=True)
            await timed.witness.wait_flowing(mask.node.name, dark_ns)
            await timed.wait_session(messages, mask, "running")
        await messages.act(f"{DOMAIN}.stop_session", device_id=mask.device_id)
        await wear(direct, mask, on=False)
    other = PERSON["wand"]
    at = await _agreed(timed, messages, mask, other, "profile_gap")
    _refused(mask, other, "profile_gap", at, say)
    at = await _agreed(timed, messages, mask, PERSON["mask"], "too_soon")
    _refused(mask, PERSON["mask"], "too_soon", at, say)

    ready = await timed.entity(messages, mask, "ready", "binary_sensor")
    await messages.wait_state(ready, lambda state: state["state"] == "on", timeout_s=40)
    late_s = (datetime.now(UTC) - at).total_seconds()
    say(f"mask: ready {late_s:.1f} s after it was promised")
    assert abs(late_s) <= ALIKE.total_seconds()
    await messages.act(
        f"{DOMAIN}.start_session",
        {"device_id": mask.device_id, "person": PERSON["mask"], **MANUAL["mask"]},
    )
    await messages.act(f"{DOMAIN}.stop_session", device_id=mask.device_id)

"""One short session on real parts, measured three ways: planned, delivered, witnessed."""

import asyncio
from dataclasses import dataclass
from typing import Any

from .direct import Direct
from .household import Household, Station
from .messages import Messages
from .timeline import Timeline
from .watch import now_ns

TOLERANCE = 0.02
DURATION_S = 20

# The ramp from zero belongs to the session: half of it is lost. From docs/safety.md, not from the
# code under trial.
RAMP_S = {"mask": 3.0, "wand": 5.0}
RED, NEAR_INFRARED, WAND = 1, 2, 5
"""Channel numbers of the contract."""

MANUAL: dict[str, dict[str, Any]] = {
    "mask": {
        "program": "manual",
        "duration_s": DURATION_S,
        "channels": {"red": 14, "near_infrared": 14},
    },
    "wand": {"program": "manual", "duration_s": DURATION_S, "current_ua": 100, "frequency_hz": 8.3},
}
SKIN = {"mask": "worn", "wand": "contact"}
UNIT = {"mask": "J/cm2", "wand": "mA min"}

type Doses = dict[int, float]
"""By channel number."""

LEVELS: dict[str, Doses] = {"mask": {RED: 14, NEAR_INFRARED: 14}, "wand": {WAND: 100}}
"""Of the manual sessions: mW/cm2, and uA."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one session."""

    device: str
    modality: str
    program: str
    outcome: str
    planned: Doses
    delivered: Doses
    witnessed: Doses

    @property
    def agrees(self) -> bool:
        """Whether it ran to its end and all three measures of every channel agree."""
        return bool(self.planned) and not self.disagreements

    @property
    def disagreements(self) -> list[str]:
        """Why it does not agree: how it ended, and which measure differs, for each channel."""
        found = [] if self.outcome == "completed" else [f"ended as {self.outcome}, not completed"]
        for channel in sorted({*self.planned, *self.delivered, *self.witnessed}):
            measures = {
                name: getattr(self, name).get(channel, 0.0)
                for name in ("planned", "delivered", "witnessed")
            }
            if _close(*measures.values()):
                continue
            apart = [
                name
                for name in measures
                if _close(*(value for other, value in measures.items() if other != name))
            ]
            ordered = sorted(measures, key=lambda name: name not in apart)
            said = ", ".join(f"{name} {measures[name]:.5f}" for name in ordered)
            found.append(f"channel {channel}: {said} {UNIT[self.modality]}")
        return found

    def as_json(self) -> dict[str, object]:
        """Return the session with the doses of its channels added up."""
        return {
            "device": self.device,
            "modality": self.modality,
            "program": self.program,
            "outcome": self.outcome,
            "planned": round(sum(self.planned.values()), 6),
            "delivered": round(sum(self.delivered.values()), 6),
            "witnessed": round(sum(self.witnessed.values()), 6),
            "unit": UNIT[self.modality],
        }


def _close(*measures: float) -> bool:
    """Whether measures are within the tolerance of each other."""
    return max(measures) - min(measures) <= TOLERANCE * max(measures)


def planned_doses(modality: str, levels: Doses, duration_s: float) -> Doses:
    """Return what a session should give: mW/cm2 become J/cm2, uA become mA min."""
    time_s = duration_s - RAMP_S[modality] / 2
    return {
        channel: level * time_s / (60_000 if modality == "wand" else 1000)
        for channel, level in levels.items()
    }


def node_doses(modality: str, field: str) -> Doses:
    """Read the doses in a line of the contract: uJ/cm2, or uC for the wand."""
    per_unit = 60_000 if modality == "wand" else 1_000_000
    pairs = (pair.split(":") for pair in field.split(",") if field != "-")
    return {int(channel): int(value) / per_unit for channel, value in pairs}


async def last_record(station: Station) -> dict[str, str]:
    """Ask the node itself for its newest record."""
    async with station.client() as client:
        newest = int((await client.telemetry())["record"])
        return (await client.command("read_history", record=newest, profile=1)).values


async def wear(direct: Direct, station: Station, *, on: bool) -> None:
    """Simulate skin at the device, and wait until the node has felt it."""
    await direct.simulate(**{SKIN[station.modality]: on})
    await direct.line("Telemetry", lambda values: values["worn"] == str(int(on)))


async def put_on(station: Station, *, on: bool) -> None:
    """Simulate skin at the device."""
    async with station.direct() as direct:
        await wear(direct, station, on=on)


async def run(
    household: Household, messages: Messages, station: Station, person: str, timeline: Timeline
) -> Trial:
    """Arm a manual session, put the device on, and measure until it has ended."""
    name = station.node.name
    since_ns = now_ns()
    sensor = await household.entity(messages, station, "session")
    async with (
        messages.subscribe("subscribe_events", event_type="state_changed") as events,
        asyncio.TaskGroup() as tasks,
    ):
        following = tasks.create_task(_follow(events, sensor, station.modality, timeline))
        await messages.act(
            "facial_therapy.start_session",
            {"device_id": station.device_id, "person": person, **MANUAL[station.modality]},
            response=True,
        )
        await messages.wait_state(sensor, lambda state: state["state"] == "armed")
        level = await household.witness.level(name)
        timeline.note(
            "witness",
            f"{station.modality}: output {'ON' if level.flowing else 'off'} while armed",
        )
        timeline.note("person", f"{station.modality}: {SKIN[station.modality]} (simulated)")
        await put_on(station, on=True)
        flowing_ns = await household.witness.wait_flowing(name, since_ns)
        timeline.note("witness", f"{station.modality}: output flows", flowing_ns)
        await messages.wait_state(sensor, lambda state: state["state"] == "idle", DURATION_S + 20)
        dark_ns = await household.witness.wait_dark(name, now_ns())
        timeline.note(
            "witness",
            f"{station.modality}: output is zero",
            (await household.witness.level(name)).last_zero_ns or dark_ns,
        )
        await put_on(station, on=False)
        following.cancel()
    planned = planned_doses(station.modality, LEVELS[station.modality], DURATION_S)
    return await measure(household, station, "manual", planned, since_ns, timeline)


async def measure(  # noqa: PLR0913, PLR0917 - both sides of a comparison
    household: Household,
    station: Station,
    program: str,
    planned: Doses,
    since_ns: int,
    timeline: Timeline,
) -> Trial:
    """Compare a device's last session with the node's record and the witness since a time."""
    record = await last_record(station)
    timeline.note(
        "node",
        f"{station.modality}: record {record['entry']}, {record['outcome']},"
        f" output for {int(record['output_ms']) / 1000:.1f} s",
    )
    return Trial(
        device=station.info.friendly_name,
        modality=station.modality,
        program=program,
        outcome=record["outcome"],
        planned=planned,
        delivered=node_doses(station.modality, record["delivered"]),
        witnessed={
            channel: dose
            for channel, dose in (await household.witness.dose(station.node.name, since_ns)).items()
            if dose
        },
    )


async def _follow(
    events: asyncio.Queue[Any], sensor: str, modality: str, timeline: Timeline
) -> None:
    """Note every state of the session sensor."""
    while True:
        data = (await events.get())["data"]
        if data["entity_id"] == sensor and data["new_state"]["state"] != (
            data["old_state"] or {}
        ).get("state"):
            timeline.note("home assistant", f"{modality}: session {data['new_state']['state']}")

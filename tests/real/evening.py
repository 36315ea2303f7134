"""An evening on real parts: a routine with both devices, and a refused one in its gap."""

import asyncio
from collections.abc import AsyncGenerator
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

from . import flows
from .household import DOMAIN, Household, Station
from .messages import CallError, Messages, State
from .timeline import Timeline
from .trial import RED, WAND, Doses, Trial, measure, planned_doses, put_on
from .watch import now_ns

PERSON = "Ada"
OTHER = "Bea"
PROGRAM = "first_use"
STEPS: list[dict[str, Any]] = [
    {"act": "cleanse"},
    {"act": "gel"},
    {"act": "wand", "program": PROGRAM},
    {"act": "rinse"},
    {"act": "mask", "program": PROGRAM},
    {"act": "serum"},
]
SHORT: dict[str, Any] = {
    "mask_sessions_week": 4,
    "mask_duration": 1,
    "wand_duration": 1,
    "share": 100,
    "wand_starting_phase": False,
    "half_blue": False,
}
"""The shortest sessions that a person can choose, in minutes: in the demo a person waits for
the gap anyway, and nobody can shorten that."""
# Worked out by hand from docs/safety.md: a skin type that is not known gets half of the light.
LEVELS: dict[str, Doses] = {"wand": {WAND: 75}, "mask": {RED: 7}}
DURATION_S = {"wand": 60, "mask": 60}
GAP_S = 300
CUES = (
    "cleanse",
    "gel",
    "armed_wand",
    "forehead",
    "cheeks",
    "jawline",
    "rinse",
    "gap",
    "armed_mask",
    "running_mask",
    "serum",
    "completed",
)
CUES_REFUSED = ("cleanse", "armed_mask", "serum", "completed")
PASSING = {"starting", "leaving"}
"""The lines printed between the sessions."""


class EveningError(Exception):
    """The evening went another way than it should."""


def expect(found: object, wanted: object, what: str) -> None:
    """Insist on something, whatever Python is optimized for."""
    if found != wanted:
        msg = f"{what}: {found}, not {wanted}"
        raise EveningError(msg)


class PersonEvening:
    """One person's routine in a running Home Assistant."""

    def __init__(
        self, household: Household, messages: Messages, name: str, timeline: Timeline
    ) -> None:
        """Describe it."""
        self._household = household
        self._messages = messages
        self._timeline = timeline
        self.name = name
        self.cues: list[str] = []
        """The cues, in order."""
        self._entities: dict[str, str] = {}

    async def prepare(self) -> None:
        """Choose short sessions and enable the event of every cue.

        Home Assistant reloads the person half a minute later.
        """
        entry_id = next(
            entry["entry_id"]
            for entry in await flows.entries(self._messages, DOMAIN)
            if entry["title"] == self.name
        )
        form = flows.expect(await flows.options(self._household.home, entry_id), "form", "init")
        flows.expect(
            await flows.submit(self._household.home, form, SHORT, of="options/flow"), "create_entry"
        )
        for entity in await self._messages.call("config/entity_registry/list"):
            if entity["config_entry_id"] == entry_id and entity["translation_key"] in {
                "routine",
                "routine_step",
            }:
                self._entities[entity["translation_key"]] = entity["entity_id"]
        await self._messages.call(
            "config/entity_registry/update", entity_id=self._entities["routine"], disabled_by=None
        )
        await self._messages.wait_state(
            self._entities["routine"], lambda state: state["state"] != "unavailable", 60
        )

    @contextlib.asynccontextmanager
    async def followed(self) -> AsyncGenerator[None]:
        """Listen to every cue at the event entity that an automation would speak from."""
        async with self._messages.subscribe(
            "subscribe_events", event_type="state_changed"
        ) as events:
            following = asyncio.create_task(self._follow(events))
            try:
                yield
            finally:
                following.cancel()

    async def _follow(self, events: asyncio.Queue[Any]) -> None:
        """Note every cue."""
        while True:
            data = (await events.get())["data"]
            if (
                data["entity_id"] == self._entities["routine"]
                and (cue := data["new_state"]["attributes"].get("event_type")) is not None
            ):
                said = data["new_state"]["attributes"]
                zone = f" [zone {said['zone']}]" if said["zone"] else ""
                self._timeline.note("home assistant", f'{self.name}: {cue}: "{said["text"]}"{zone}')
                if cue not in PASSING:
                    self.cues.append(cue)

    async def begin(self, steps: list[dict[str, Any]]) -> None:
        """Start a routine."""
        answer = await self._messages.act(
            f"{DOMAIN}.start_routine", {"person": self.name, "steps": steps}, response=True
        )
        self._timeline.note(
            "person",
            f"{self.name} begins a routine: {', '.join(step['act'] for step in steps)};"
            f" done at {answer['ends_at'][11:19]} UTC",
        )

    async def until(self, cue: str, timeout_s: float = 20) -> State:
        """Wait until something is said, return the state of the routine's sensor."""
        return await self._messages.wait_state(
            self._entities["routine_step"], lambda state: state["state"] == cue, timeout_s
        )

    async def confirm(self, what: str) -> dict[str, Any]:
        """Confirm the step that waits for it."""
        await self.until(what)
        self._timeline.note("person", f"{self.name} confirms: {what}")
        return await self._act("confirm_step")

    async def hurry(self) -> None:
        """Try to continue before the gap has passed."""
        try:
            await self._act("confirm_step")
        except CallError as error:
            expect(error.translation_key, "gap", f"{self.name}'s hurry")
            self._timeline.note(
                "home assistant",
                f"{self.name} may not hurry: {error.message.removeprefix('Validation error: ')}",
            )
        else:
            expect("allowed", "refused", f"{self.name}'s hurry")

    async def skip(self, what: str) -> dict[str, Any]:
        """Leave the step out."""
        await self.until(what)
        self._timeline.note("person", f"{self.name} leaves the step out: {what}")
        return await self._act("skip_step")

    async def _act(self, action: str) -> dict[str, Any]:
        answer: dict[str, Any] = await self._messages.act(
            f"{DOMAIN}.{action}", {"person": self.name}, response=True
        )
        return answer

    async def give(self, station: Station, after: str) -> Trial:
        """Put the device on, wait for the cue after its session, and measure it."""
        modality, since_ns = station.modality, now_ns()
        await self.until(f"armed_{modality}", GAP_S + 30)
        expect(
            (await self._household.witness.above(station.node.name, since_ns)).spans_s,
            [],
            f"{modality} flows before it is on the skin",
        )
        self._timeline.note("person", f"{self.name} puts the {modality} on (simulated)")
        await put_on(station, on=True)
        flowing_ns = await self._household.witness.wait_flowing(station.node.name, since_ns)
        self._timeline.note("witness", f"{modality}: output flows", flowing_ns)
        await self.until(after, DURATION_S[modality] + 20)
        self._timeline.note(
            "witness",
            f"{modality}: output is zero",
            (await self._household.witness.level(station.node.name)).last_zero_ns,
        )
        await put_on(station, on=False)
        planned = planned_doses(modality, LEVELS[modality], DURATION_S[modality])
        return await measure(self._household, station, PROGRAM, planned, since_ns, self._timeline)


async def run(
    household: Household, messages: Messages, timeline: Timeline
) -> AsyncGenerator[Trial]:
    """Go through both evenings, and yield the dose of each session.

    Raises:
        EveningError: A cue, a result, a reason or a gap is not what it should be.
    """
    begun_ns = now_ns()
    evening, other = (
        PersonEvening(household, messages, name, timeline) for name in (PERSON, OTHER)
    )
    await asyncio.gather(evening.prepare(), other.prepare())
    async with evening.followed(), other.followed():
        await evening.begin(STEPS)
        await evening.confirm("cleanse")
        await evening.confirm("gel")
        yield await evening.give(household.wand, "rinse")
        await evening.confirm("rinse")
        gap = await evening.until("gap")
        timeline.note(
            "home assistant",
            f"{PERSON}: the mask may begin at {gap['attributes']['until'][11:19]} UTC",
        )
        await evening.hurry()
        await _refused(messages, other, timeline)
        yield await evening.give(household.mask, "serum")
        answer = await evening.confirm("serum")
        await evening.until("completed")
    expect([step["result"] for step in answer["steps"]], ["done"] * len(STEPS), f"{PERSON}'s steps")
    expect(tuple(evening.cues), CUES, f"{PERSON}'s cues")
    expect(tuple(other.cues), CUES_REFUSED, f"{OTHER}'s cues")
    spans = {
        station.modality: (await household.witness.above(station.node.name, begun_ns)).spans_s
        for station in household.stations.values()
    }
    gap_s = spans["mask"][0][0] - spans["wand"][-1][1]
    timeline.note(
        "witness",
        f"{gap_s:.1f} s between wand and mask, {len(spans['wand'])} and {len(spans['mask'])}"
        f" times of output",
    )
    expect(max(gap_s, GAP_S), gap_s, "seconds between wand and mask")


async def _refused(messages: Messages, evening: PersonEvening, timeline: Timeline) -> None:
    """Go through an evening whose wand is refused for the week: it is skipped with its gel."""
    for days in (5, 3):
        given = {
            "modality": "wand",
            "duration_s": 90,
            "current_ua": 75,
            "started_at": (datetime.now(UTC) - timedelta(days=days)).isoformat(),
        }
        await messages.act(f"{DOMAIN}.log_session", {"person": evening.name, **given})
        timeline.note(
            "person", f"{evening.name} logs an external session with a wand, {days} days ago"
        )
    await evening.begin(STEPS)
    answer = await evening.confirm("cleanse")
    left_out = [(step["act"], step["result"], step["reason"]) for step in answer["steps"][1:]]
    for act, result, reason in left_out:
        timeline.note(
            "home assistant", f"{evening.name}: {act} {result}{f', {reason}' if reason else ''}"
        )
    expect(
        left_out,
        [
            ("gel", "dropped", None),
            ("wand", "refused", "sessions_week"),
            ("rinse", "dropped", None),
        ],
        f"{evening.name}'s wand",
    )
    await evening.skip("armed_mask")
    answer = await evening.confirm("serum")
    await evening.until("completed")
    expect(answer["outcome"], "completed", f"{evening.name}'s evening")

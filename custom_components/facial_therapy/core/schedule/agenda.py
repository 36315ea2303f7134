"""The next session of a plan, and the calendar of planned, done and skipped sessions.

Whether a session may start is for `safety.permit` to say, so it is asked (`refusals`) before
anything is proposed: what it would refuse at its time is put off within the evening, or left out.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final

from ..model import Modality
from ..refusal import Refusal
from ..routine.steps import Flow, earliest
from .plan import (
    DAY,
    Adherence,
    CountedSession,
    Evenings,
    Plan,
    Why,
    adherence,
    evening_of,
    kept,
    streak,
    window,
)

LOOK_AHEAD: Final = timedelta(weeks=8)
"""No further is looked for the next session: longer than any rest, and than a build-up with the
wand every two weeks."""
PUT_OFF: Final = 3
"""How often one session is put off within an evening before it is left out."""

type Refusals = Callable[[Modality, str, datetime], tuple[Refusal, ...]]
"""Why a program would be refused if its session of a modality began at a time (UTC), all reasons;
empty: it would not."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """One session that would be permitted at its time."""

    modality: Modality
    program: str
    at: datetime
    """UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedEvening:
    """An evening on which something may take place."""

    day: date
    """Local."""
    opens_at: datetime
    closes_at: datetime
    """UTC."""
    proposals: tuple[Proposal, ...]
    """In their order, at least one."""
    left_out: tuple[tuple[Modality, Refusal], ...] = ()
    """Planned sessions that would be refused, and why."""

    @property
    def at(self) -> datetime:
        """When its first session may begin, UTC."""
        return self.proposals[0].at


@dataclass(frozen=True, slots=True)
class CompletedSession(CountedSession):
    """A session in the ledger, counted or not."""

    ended_at: datetime
    program: str
    session_id: str
    counts: bool = True


class Kind(StrEnum):
    """Of an entry in the calendar."""

    PLANNED = "planned"
    DONE = "done"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the calendar."""

    kind: Kind
    day: date
    """Local: of the evening that it belongs to."""
    modality: Modality
    program: str
    begins_at: datetime
    ends_at: datetime
    """UTC."""
    why: Why | None = None
    """Why it was skipped."""
    session_id: str | None = None
    """Of a session that was done."""


class Agenda:
    """A person's plans and completed sessions, in the time zone of their Home Assistant."""

    def __init__(self, weekly_plan: Plan, done: Iterable[CompletedSession], zone: tzinfo) -> None:
        """Take the plans, the sessions in any order, and the time zone."""
        self._plan = weekly_plan
        self._zone = zone
        self._done = tuple(done)
        self._kept: Evenings = kept(
            weekly_plan, (session for session in self._done if session.counts), zone
        )

    def adherence(self, now: datetime) -> Adherence:
        """Return how much of the goal was met in the week of a time."""
        return adherence(self._plan, self._kept, self._today(now))

    def streak(self, now: datetime) -> int:
        """Return for how many weeks on end the goal was kept whole."""
        return streak(self._plan, self._kept, self._today(now))

    def _today(self, now: datetime) -> date:
        return now.astimezone(self._zone).date()

    # --- what comes next --------------------------------------------------------------------------

    def upcoming(self, now: datetime, refusals: Refusals) -> Iterator[PlannedEvening]:
        """Yield the evenings from now on with a session that would be permitted.

        Args:
            now: UTC and aware; nothing is proposed for an earlier time.
            refusals: Asked of every session that is proposed, at the very time at which it is.
        """
        today = self._today(now)
        day = today - DAY  # its evening may go on after midnight
        while day <= today + LOOK_AHEAD:
            if (
                self._plan.why_not(day) is None
                and (evening := self._evening(day, now, refusals)) is not None
            ):
                yield evening
            day += DAY

    def _evening(self, day: date, now: datetime, refusals: Refusals) -> PlannedEvening | None:
        plan = self._plan.on(day)
        if plan is None:
            return None
        opens_at, closes_at = window(plan, day, self._zone)
        at, last = max(now, opens_at), None
        proposals: list[Proposal] = []
        left_out: list[tuple[Modality, Refusal]] = []
        for modality in self._plan.planned(day):
            if modality in self._kept.get(day, ()):
                continue
            begins_at, refusal = _first_allowed(
                modality, plan.program, earliest(last, modality, at), closes_at, refusals
            )
            if begins_at is not None:
                proposals.append(Proposal(modality, plan.program, begins_at))
                at = begins_at + timedelta(seconds=plan.recipe.longest_s(modality))
                last = Flow(modality, at)
            elif refusal is not None:
                left_out.append((modality, refusal))
        if not proposals:
            return None
        return PlannedEvening(
            day=day,
            opens_at=opens_at,
            closes_at=closes_at,
            proposals=tuple(proposals),
            left_out=tuple(left_out),
        )

    # --- the calendar -----------------------------------------------------------------------------

    def entries(self, first: date, last: date, now: datetime) -> list[Entry]:
        """Return the calendar of some local days, both included, in the order of time.

        An evening that is over and on which nothing was given is skipped, with its reason or as
        `missed`; one that is still to come is planned unless it was skipped or is frozen.
        """
        found = [
            Entry(
                kind=Kind.DONE,
                day=day,
                modality=session.modality,
                program=session.program,
                begins_at=session.started_at,
                ends_at=max(session.ended_at, session.started_at + timedelta(seconds=1)),
                session_id=session.session_id,
            )
            for session in self._done
            if first <= (day := evening_of(self._plan, session.started_at, self._zone)) <= last
        ]
        day = first
        while day <= last:
            found += self._left(day, now)
            day += DAY
        return sorted(found, key=lambda entry: (entry.begins_at, entry.modality != Modality.WAND))

    def _left(self, day: date, now: datetime) -> Iterator[Entry]:
        """Yield the sessions that were planned for a day and not done."""
        plan = self._plan.on(day)
        if plan is None:
            return
        opens_at, closes_at = window(plan, day, self._zone)
        why = self._plan.why_not(day) or (Why.MISSED if closes_at <= now else None)
        for modality in self._plan.planned(day):
            if modality not in self._kept.get(day, ()):
                kind = Kind.PLANNED if why is None else Kind.SKIPPED
                yield Entry(
                    kind=kind,
                    day=day,
                    modality=modality,
                    program=plan.program,
                    begins_at=opens_at,
                    ends_at=closes_at,
                    why=why,
                )


def _first_allowed(
    modality: Modality, program: str, at: datetime, closes_at: datetime, refusals: Refusals
) -> tuple[datetime | None, Refusal | None]:
    """Return the first time in an evening at which a session would be permitted, or why not."""
    refusal: Refusal | None = None
    for _ in range(PUT_OFF):
        if at >= closes_at:
            break
        found = refusals(modality, program, at)
        if not found:
            return at, None
        refusal = found[0]
        times = [each.allowed_at for each in found if each.allowed_at is not None]
        if len(times) < len(found):
            break
        at = max(at + timedelta(seconds=1), *times)
    return None, refusal

"""A person's weekly plan: which evenings, what comes next, and how much of the goal was met.

A plan is about local evenings, so the time zone of the person's Home Assistant is an argument
(`zone`), and evenings stay at their wall time when clocks change. A missed
session is never made up for, and more than planned counts no more than planned.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from itertools import combinations
from typing import Final

from ..limits import REST, REST_BLUE, REST_WAND_STARTING, STARTING_PHASE, Bound
from ..model import Channel, Modality
from ..recipes import BUILT_IN, Program
from ..refusal import Reason, Refusal, RefusedError

DAY: Final = timedelta(days=1)
WEEK: Final = timedelta(weeks=1)
EVENINGS: Final = Bound(minimum=0, maximum=6, unit="1", source="")
"""A week has a day of rest; none at all is a plan that pauses."""
WAND_EVERY_WEEKS: Final = Bound(minimum=1, maximum=2, unit="1", source="")
WINDOW: Final = Bound(minimum=30, maximum=240, unit="min", source="")
"""How long an evening is. Up to four hours the rest of 44 h between two wand sessions fits two
days. No limits of safety: whether a session may start is for `safety.permit` to say."""


class Phase(StrEnum):
    """Of a plan."""

    BUILD_UP = "build_up"
    MAINTENANCE = "maintenance"
    """Maintenance: light as before, the wand weekly or every two weeks."""


class Why(StrEnum):
    """Why a planned evening did not take place."""

    SKIPPED = "skipped"
    """By the person."""
    TRAVEL = "travel"
    ILLNESS = "illness"
    MISSED = "missed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Freeze:
    """Days without a goal, both ends included."""

    first: date
    last: date
    why: Why


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekPlan:
    """The sessions of every week from a day on."""

    begins_on: date
    """Local. It holds until the next plan begins."""
    program: str
    """Key of a program: the concern."""
    custom: Program | None = None
    """The program as it was when the plan was made, if the person has made it: editing it rewrites
    nothing that was planned."""
    modalities: frozenset[Modality]
    """What there is to give it with."""
    evenings: tuple[int, ...]
    """Days of the week, 0 is Monday."""
    opens: time
    closes: time
    """Local wall time of an evening; one that closes before it opens ends the day after."""
    phase: Phase = Phase.BUILD_UP
    wand_every_weeks: int = 1
    """In maintenance."""
    starting_phase: bool = False
    """The person has chosen the starting phase with the wand: more often, for eight weeks."""

    @property
    def recipe(self) -> Program:
        """The program of the plan."""
        return self.custom or BUILT_IN[self.program]

    @property
    def programmed(self) -> frozenset[Modality]:
        """The modalities of the plan that its program has a recipe for."""
        return self.modalities & self.recipe.modalities

    def days(self, modality: Modality, day: date) -> tuple[int, ...]:
        """Return a modality's weekdays in the week of a day, as far apart as possible."""
        program = self.recipe
        if modality not in self.modalities:
            return ()
        if modality is Modality.MASK and program.mask is not None:
            blue = Channel.BLUE in program.mask.irradiance_mw_cm2
            return _spread(
                self.evenings, program.mask.per_week, (REST_BLUE if blue else REST[modality])[0]
            )
        if modality is Modality.MASK or program.wand is None:
            return ()
        if self.phase is Phase.MAINTENANCE:
            weeks = (monday(day) - monday(self.begins_on)).days // 7
            return _spread(self.evenings, 1, WEEK) if weeks % self.wand_every_weeks == 0 else ()
        if self.starting_phase and day - self.begins_on < STARTING_PHASE:
            return _spread(self.evenings, program.wand.per_week_starting, REST_WAND_STARTING)
        return _spread(self.evenings, program.wand.per_week, REST[modality][0])


def check(plan: WeekPlan) -> None:
    """Refuse a plan that no week can hold.

    Raises:
        RefusedError: `unknown_program`; `wrong_modality` without a device that its program has
            something for; `out_of_bounds` for
            `evenings` (0 to 6 different days), `window` (30 to 240 min) or `wand_every_weeks` (1 or
            2). Nothing has changed.
    """
    if plan.custom is None and plan.program not in BUILT_IN:
        raise RefusedError(
            Refusal(reason=Reason.UNKNOWN_PROGRAM, field="program", detail=plan.program)
        )
    if not plan.programmed:
        raise RefusedError(
            Refusal(reason=Reason.WRONG_MODALITY, field="devices", detail=plan.program)
        )
    if len({day for day in plan.evenings if day in range(7)}) != len(
        plan.evenings
    ) or not EVENINGS.contains(len(plan.evenings)):
        raise _outside(EVENINGS, field="evenings")
    if not WINDOW.contains(_length(plan) / timedelta(minutes=1)):
        raise _outside(WINDOW, field="window")
    if (
        not WAND_EVERY_WEEKS.contains(plan.wand_every_weeks)
        or not float(plan.wand_every_weeks).is_integer()
    ):
        raise _outside(WAND_EVERY_WEEKS, field="wand_every_weeks")


def _outside(bound: Bound, *, field: str) -> RefusedError:
    return RefusedError(
        Refusal(
            reason=Reason.OUT_OF_BOUNDS,
            field=field,
            minimum=bound.minimum,
            maximum=bound.maximum,
            unit=bound.unit,
        )
    )


def evenings(count: int) -> tuple[int, ...]:
    """Return so many evenings spread over the week: what the guided set-up proposes."""
    return _spread(tuple(range(7)), count, timedelta())


def _spread(days: tuple[int, ...], count: int, rest: timedelta) -> tuple[int, ...]:
    """Return up to `count` weekdays, spread as evenly as possible and never nearer than a rest.

    Of equal choices the earliest.
    """
    for many in range(min(count, len(days)), 0, -1):
        best = max(
            combinations(sorted(days), many),
            key=lambda chosen: (
                min(_gaps(chosen)),
                -sum(gap * gap for gap in _gaps(chosen)),
                [-day for day in chosen],
            ),
        )
        if min(_gaps(best)) * DAY >= rest:
            return best
    return ()


def _gaps(days: tuple[int, ...]) -> list[int]:
    """Return the days between ascending weekdays, over the end of the week too."""
    return [following - day for day, following in zip(days, (*days[1:], days[0] + 7), strict=True)]


def _length(plan: WeekPlan) -> timedelta:
    opens, closes = (
        timedelta(hours=at.hour, minutes=at.minute, seconds=at.second)
        for at in (plan.opens, plan.closes)
    )
    return closes - opens if closes > opens else closes - opens + DAY


# --- a plan over time -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A person's plans one after the other, so that a new one does not rewrite the past."""

    plans: tuple[WeekPlan, ...] = ()
    """Ascending by `begins_on`, one a day."""
    skipped: frozenset[date] = frozenset()
    """Evenings that the person has skipped."""
    freezes: tuple[Freeze, ...] = ()

    def on(self, day: date) -> WeekPlan | None:
        """Return the plan that holds on a day."""
        return next((plan for plan in reversed(self.plans) if plan.begins_on <= day), None)

    def planned(self, day: date) -> tuple[Modality, ...]:
        """Return the sessions planned for an evening, the wand first; skipped or not."""
        plan = self.on(day)
        return (
            ()
            if plan is None
            else tuple(
                modality
                for modality in (Modality.WAND, Modality.MASK)
                if day.weekday() in plan.days(modality, day)
            )
        )

    def why_not(self, day: date) -> Why | None:
        """Return why nothing takes place on an evening."""
        frozen = next(
            (freeze.why for freeze in self.freezes if freeze.first <= day <= freeze.last), None
        )
        return frozen or (Why.SKIPPED if day in self.skipped else None)

    def goal(self, day: date) -> tuple[Modality, ...]:
        """Return the goal of an evening: its sessions unless frozen, skipped or not."""
        return self.planned(day) if self.why_not(day) in (None, Why.SKIPPED) else ()

    def begun(self, plan: WeekPlan) -> Plan:
        """Return the plans with one that holds from its day on, instead of any later one.

        Raises:
            RefusedError: As `check`.
        """
        check(plan)
        return replace(
            self,
            plans=(*(before for before in self.plans if before.begins_on < plan.begins_on), plan),
        )

    def next_phase(self, today: date) -> WeekPlan | None:
        """Return the next phase if it is due, for the person to accept from today on."""
        plan = self.on(today)
        if plan is None or plan.phase is Phase.MAINTENANCE or not plan.evenings:
            return None
        first = plan
        for before in reversed(self.plans[: self.plans.index(plan)]):
            if (before.program, before.phase) != (plan.program, plan.phase):
                break
            first = before
        if (weeks := plan.recipe.build_up_weeks) is None or today < first.begins_on + weeks * WEEK:
            return None
        return replace(plan, begins_on=today, phase=Phase.MAINTENANCE)


def window(plan: WeekPlan, day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return when the evening of a local day opens and closes, UTC.

    It is never shorter than planned where the clocks skip an hour of it.
    """
    opens = datetime.combine(day, plan.opens, zone).astimezone(UTC)
    closes = datetime.combine(
        day if plan.closes > plan.opens else day + DAY, plan.closes, zone
    ).astimezone(UTC)
    return opens, max(closes, opens + _length(plan)) if closes <= opens else closes


def monday(day: date) -> date:
    """Return the first day of the week of a day."""
    return day - day.weekday() * DAY


def evening_of(weekly_plan: Plan, at: datetime, zone: tzinfo) -> date:
    """Return the day whose evening a time belongs to, after midnight perhaps the day before."""
    day = at.astimezone(zone).date()
    yesterday = weekly_plan.on(day - DAY)
    if (
        yesterday is not None
        and weekly_plan.planned(day - DAY)
        and at < window(yesterday, day - DAY, zone)[1]
    ):
        return day - DAY
    return day


# --- completed sessions ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CountedSession:
    """A session that counts."""

    modality: Modality
    started_at: datetime
    """UTC and aware."""


type Evenings = dict[date, set[Modality]]
"""The sessions of every evening."""


def kept(weekly_plan: Plan, given: Iterable[CountedSession], zone: tzinfo) -> Evenings:
    """Return the sessions of every evening."""
    found: Evenings = {}
    for session in given:
        found.setdefault(evening_of(weekly_plan, session.started_at, zone), set()).add(
            session.modality
        )
    return found


@dataclass(frozen=True, slots=True)
class Adherence:
    """How much of a week's goal was kept."""

    done: int
    goal: int
    """Sessions."""

    @property
    def share(self) -> float | None:
        """0 to 1; None if there was nothing to keep."""
        return self.done / self.goal if self.goal else None


def adherence(weekly_plan: Plan, on: Evenings, day: date) -> Adherence:
    """Return how much of the goal was met in the week of a day, at most all of it."""
    days = [monday(day) + offset * DAY for offset in range(7)]
    goal = [modality for each in days for modality in weekly_plan.goal(each)]
    given = [modality for each in days for modality in on.get(each, ())]
    return Adherence(
        sum(min(given.count(modality), goal.count(modality)) for modality in Modality), len(goal)
    )


def streak(weekly_plan: Plan, on: Evenings, today: date) -> int:
    """Return for how many weeks on end the goal was kept whole.

    The week that runs counts as soon as its goal is kept, and breaks nothing before it has ended. A
    week without a goal (travel, illness) neither counts nor breaks.
    """
    weeks = 0
    if not weekly_plan.plans:
        return weeks
    day = monday(today)
    while day >= monday(weekly_plan.plans[0].begins_on):
        share = adherence(weekly_plan, on, day).share
        if share == 1:
            weeks += 1
        elif share is not None and day != monday(today):
            break
        day -= WEEK
    return weeks

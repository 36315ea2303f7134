"""A routine as one person goes through it on one evening.

A run is a value that can be written down (every change of it is), and knows all that a restart
needs. What happens to it is the table of `routine`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from ..limits import COUNTS_FROM_SHARE
from ..model import Modality
from ..refusal import Reason, Refusal, RefusedError
from .steps import Act, Flow, IfRefused, Step, Steps, check, earliest, fit
from .transitions import TABLE, Leads, Outcome, Result, RoutineEffect, RoutineEvent, RoutineState

RETRY: Final = timedelta(seconds=5)
"""A session that may not begin yet is asked for again no sooner."""
# --- a session that has ended ---------------------------------------------------------------------

DONE_FROM_SHARE: Final = 0.7
"""A session that delivered this share of its dose counts as done for a routine."""


def result_of(share: float) -> Result:
    """Return what became of a step whose session delivered a share of its planned dose, 0 to 1."""
    if share >= DONE_FROM_SHARE:
        return Result.DONE
    return Result.PARTIAL if share >= COUNTS_FROM_SHARE else Result.STOPPED


# --- a run ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What became of one step."""

    index: int
    result: Result
    at: datetime
    """UTC."""
    reason: Reason | None = None
    """Why it was refused; None if it was not, or it was dropped because it was late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RoutineRun:
    """A routine that is gone through."""

    person_id: str
    routine: str
    """Key of the routine."""
    steps: Steps
    """As they were when it began: editing a routine changes no evening that goes on."""
    began_at: datetime
    window_ends_at: datetime
    """The run ends then at the latest. All times are UTC and aware."""
    finish_by: datetime | None = None
    """When it should be done: optional steps are dropped for it."""
    state: RoutineState = RoutineState.HAND
    index: int = -1
    """Index of the step; the number of steps once the run has ended."""
    rests_until: datetime | None = None
    """Waiting, or a gap: until then."""
    flow: Flow | None = None
    """What a device delivered last in this run."""
    gel: bool = False
    """Gel is on the face."""
    rinsed: bool = False
    """The person has confirmed that none is."""
    reason: Reason | None = None
    """What a person has to put right, or why it may not begin yet."""
    marks: tuple[Mark, ...] = ()
    outcome: Outcome | None = None

    @property
    def marked(self) -> frozenset[int]:
        """The positions of the steps of which it is known what became of them."""
        return frozenset(mark.index for mark in self.marks)

    @property
    def step(self) -> Step | None:
        """The current step; None once the run has ended."""
        return self.steps[self.index] if self.state is not RoutineState.OVER else None

    @property
    def next_step(self) -> Step | None:
        """What comes after; None at the last step."""
        return next(
            (
                self.steps[index]
                for index in range(self.index + 1, len(self.steps))
                if index not in self.marked
            ),
            None,
        )


type WhyNot = Callable[[Step, datetime], Refusal | None]
"""Why the session of a device step would be refused for good if it began at a time (UTC); None: it
would not, or that is not known."""


def _may(_step: Step, _at: datetime) -> None:
    """Know nothing ahead: a refusal comes when the session is asked for."""


def begin(run: RoutineRun, why_not: WhyNot = _may) -> tuple[RoutineRun, tuple[RoutineEffect, ...]]:
    """Begin a routine at its first step.

    Args:
        run: A new one. The durations of its device steps are those of their sessions.
        why_not: Asked before gel is put on.

    Raises:
        RefusedError: As `steps.check`; nothing has changed.
    """
    check(run.steps)
    return _next(run, run.began_at, why_not)


def advance(  # noqa: PLR0913 - an event with everything that it brings
    run: RoutineRun,
    event: RoutineEvent,
    now: datetime,
    *,
    refusal: Refusal | None = None,
    result: Result | None = None,
    why_not: WhyNot = _may,
) -> tuple[RoutineRun, tuple[RoutineEffect, ...]]:
    """Return the run after an event, and what has to be done.

    Args:
        run: As it is.
        event: What has happened.
        now: UTC and aware.
        refusal: With the four answers to a start that was refused: why.
        result: With `ENDED`: what became of the step, as `result_of`; None: as the row says.
        why_not: Asked before gel is put on, so that no face is prepared for a session that will be
            refused.

    Raises:
        RefusedError: A person's event that the state does not allow: `gap` with the time, `busy`
            while a session is being stopped, else `wrong_state`.
            Nothing has changed.
    """
    row = TABLE[run.state][event]
    if row is None:
        raise RefusedError(_not_now(run))
    if run.state is RoutineState.OVER or (
        event is RoutineEvent.ELAPSED and run.rests_until is not None and now < run.rests_until
    ):
        return run, ()
    run = _felt(run, event, now)
    if row.to is RoutineState.SUSPENDED and result is Result.STOPPED:
        result = None  # so little can be tried again the same night
    if (result := result or row.result) is not None and run.index not in run.marked:
        run = replace(
            run,
            marks=(
                *run.marks,
                Mark(
                    index=run.index,
                    result=result,
                    at=now,
                    reason=refusal.reason if refusal else None,
                ),
            ),
        )
    run = replace(
        run,
        outcome=run.outcome or row.outcome,
        reason=refusal.reason if refusal else run.reason if row.to is run.state else None,
    )
    if row.to is Leads.AS_IT_SAYS and run.steps[run.index].if_refused is IfRefused.END:
        return _over(run, Outcome.REFUSED)
    if row.to is Leads.AGAIN and run.index not in run.marked:
        return _enter(run, now)
    if isinstance(row.to, Leads):
        return _next(run, now, why_not)
    if row.to is RoutineState.OVER:
        return _over(run, Outcome.STOPPED)
    rests_until = run.rests_until if row.to is run.state else None
    if row.to is RoutineState.GAP and refusal is not None:
        rests_until = max(refusal.allowed_at or now, now + RETRY)
    return replace(run, state=row.to, rests_until=rests_until), row.effects


def _felt(run: RoutineRun, event: RoutineEvent, now: datetime) -> RoutineRun:
    """Note what the skin got: light or current, and gel that is put on or rinsed off."""
    act = run.steps[run.index].act
    if act.modality is not None:
        flowed = run.flow is not None and run.flow.modality is act.modality
        if event is RoutineEvent.ENERGIZED or (event is RoutineEvent.ENDED and flowed):
            wand = act is Act.WAND
            return replace(
                run,
                flow=Flow(act.modality, now),
                gel=run.gel or wand,
                rinsed=run.rinsed and not wand,
            )
        if event is RoutineEvent.CONFIRM and run.reason is Reason.GEL_NOT_RINSED:
            return replace(run, rinsed=True)
    elif (
        event is RoutineEvent.CONFIRM
        and run.state is RoutineState.HAND
        and act in (Act.GEL, Act.RINSE)
    ):
        return replace(run, gel=act is Act.GEL, rinsed=act is Act.RINSE)
    return run


def _not_now(run: RoutineRun) -> Refusal:
    """Return why a person's event is refused."""
    if run.state is RoutineState.GAP:
        return Refusal(reason=Reason.GAP, allowed_at=run.rests_until)
    if run.state in (RoutineState.STRANDED, RoutineState.LEAVING, RoutineState.ENDING):
        return Refusal(reason=Reason.BUSY)
    return Refusal(reason=Reason.WRONG_STATE, detail=run.state)


def _over(run: RoutineRun, outcome: Outcome) -> tuple[RoutineRun, tuple[RoutineEffect, ...]]:
    return replace(
        run,
        state=RoutineState.OVER,
        index=len(run.steps),
        outcome=run.outcome or outcome,
        rests_until=None,
        reason=None,
    ), ()


def _next(
    run: RoutineRun, now: datetime, why_not: WhyNot
) -> tuple[RoutineRun, tuple[RoutineEffect, ...]]:
    """Enter the next step that is not dropped; after the last one, or the window, the run ends."""
    run = _drop_refused(_drop_late(replace(run, index=run.index + 1), now), now, why_not)
    left = _left(run)
    if not left:
        return _over(run, Outcome.COMPLETED)
    if now >= run.window_ends_at:
        return _over(run, Outcome.LATE)
    return _enter(replace(run, index=left[0]), now)


def _left(run: RoutineRun) -> tuple[int, ...]:
    """Return the positions of the steps that are still to come, the one at `index` included."""
    return tuple(index for index in range(run.index, len(run.steps)) if index not in run.marked)


def _drop(
    run: RoutineRun,
    dropped: Iterable[int],
    now: datetime,
    result: Result = Result.DROPPED,
    reason: Reason | None = None,
) -> RoutineRun:
    return replace(
        run,
        marks=(
            *run.marks,
            *(Mark(index=index, result=result, at=now, reason=reason) for index in dropped),
        ),
    )


def _drop_late(run: RoutineRun, now: datetime) -> RoutineRun:
    """Drop what has to go to be done in time."""
    if run.finish_by is None:
        return run
    left = _left(run)
    fitting = fit(
        tuple(run.steps[index] for index in left), now, run.finish_by, last=run.flow, gel=run.gel
    )
    return _drop(run, (left[position] for position in fitting.dropped), now)


def _drop_refused(run: RoutineRun, now: datetime, why_not: WhyNot) -> RoutineRun:
    """Leave out gel together with a wand that will be refused, unless that ends the routine."""
    left = _left(run)
    if not left or run.steps[left[0]].act is not Act.GEL:
        return run
    wand = next((index for index in left if run.steps[index].act is Act.WAND), None)
    if (
        wand is None
        or run.steps[wand].if_refused is IfRefused.END
        or (refusal := why_not(run.steps[wand], now)) is None
    ):
        return run
    needless = [
        index for index in left if run.steps[index].act in (Act.GEL, Act.RINSE) and not run.gel
    ]
    return _drop(_drop(run, [wand], now, Result.REFUSED, refusal.reason), needless, now)


def _enter(run: RoutineRun, now: datetime) -> tuple[RoutineRun, tuple[RoutineEffect, ...]]:
    """Enter the step at `index`."""
    step = run.steps[run.index]
    run = replace(run, rests_until=None, reason=None)
    if step.act is Act.WAIT:
        return replace(
            run, state=RoutineState.WAITING, rests_until=now + timedelta(seconds=step.duration_s)
        ), ()
    if (modality := step.act.modality) is None:
        return replace(run, state=RoutineState.HAND), ()
    if modality is Modality.MASK and run.gel:
        return advance(
            replace(run, state=RoutineState.STARTING),
            RoutineEvent.REFUSED,
            now,
            refusal=Refusal(reason=Reason.GEL_NOT_RINSED),
        )
    begins_at = earliest(run.flow, modality, now)
    if begins_at > now:
        return replace(run, state=RoutineState.GAP, rests_until=begins_at, reason=Reason.GAP), ()
    return replace(run, state=RoutineState.STARTING), (RoutineEffect.START,)

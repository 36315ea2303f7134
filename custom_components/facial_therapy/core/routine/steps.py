"""The steps of a routine, how long they take, and what has to go for it to end in time.

A routine is an ordered list of steps, by hand or on a device. Light wants bare skin: gel that is on
the face has to be rinsed off before a mask, and between two modalities there is a gap; steps by
hand count towards it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import combinations
from typing import Final

from ..limits import GAP_MASK_TO_WAND, GAP_WAND_TO_MASK, Bound
from ..model import Modality
from ..refusal import Reason, Refusal, RefusedError

STEPS: Final = Bound(minimum=1, maximum=12, unit="1", source="")
DURATION_S: Final = Bound(minimum=1, maximum=3600, unit="s", source="")
"""Bounds of a routine that an evening can hold; no limits of safety."""
PUT_ON_S: Final = 30
"""What it takes to put a device on, for planning."""


class Act(StrEnum):
    """The act of a step."""

    CLEANSE = "cleanse"
    GEL = "gel"
    WAND = "wand"
    RINSE = "rinse"
    MASK = "mask"
    SERUM = "serum"
    WAIT = "wait"

    @property
    def modality(self) -> Modality | None:
        """What delivers it; None for a step by hand."""
        return Modality(self) if self in (Act.WAND, Act.MASK) else None


class IfRefused(StrEnum):
    """What becomes of the routine if the session of a step is refused."""

    SKIP = "skip"
    END = "end"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing to do."""

    act: Act
    duration_s: float
    """How long it takes: a session, a wait, or about as long by hand."""
    program: str | None = None
    """Of a device step: key of a program."""
    device: str | None = None
    """Of a device step: config entry of the device; None: the only one of its modality."""
    optional: bool = False
    """It may go when it is late."""
    if_refused: IfRefused = IfRefused.SKIP


type Steps = tuple[Step, ...]


def check(steps: Steps) -> None:
    """Refuse a routine that could not be gone through.

    Raises:
        RefusedError: `out_of_bounds` (1 to 12 steps, 1 to 3600 s each), or `bad_routine` with
            `detail` the rule: `program` (a step on a device without a
            program, or one by hand with one), `twice` (a modality more than once), `rinse` (a mask
            after gel or wand without rinsing, or rinsing may be left out). Nothing has changed.
    """
    if not STEPS.contains(len(steps)):
        raise RefusedError(
            Refusal(
                reason=Reason.OUT_OF_BOUNDS,
                field="steps",
                minimum=STEPS.minimum,
                maximum=STEPS.maximum,
            )
        )
    gel = False
    done: set[Modality] = set()
    for step in steps:
        if not DURATION_S.contains(step.duration_s):
            bound = DURATION_S
            raise RefusedError(
                Refusal(
                    reason=Reason.OUT_OF_BOUNDS,
                    field="duration_s",
                    minimum=bound.minimum,
                    maximum=bound.maximum,
                    unit=bound.unit,
                )
            )
        modality = step.act.modality
        if (modality is None) is not (step.program is None):
            raise _bad(rule="program")
        if modality in done:
            raise _bad(rule="twice")
        if modality is not None:
            done.add(modality)
        if step.act is Act.MASK and gel:
            raise _bad(rule="rinse")
        if step.act in (Act.GEL, Act.WAND):
            gel = True
        elif step.act is Act.RINSE and not step.optional:
            gel = False


def _bad(*, rule: str) -> RefusedError:
    return RefusedError(Refusal(reason=Reason.BAD_ROUTINE, field="steps", detail=rule))


# --- how long it takes ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Flow:
    """What a device delivered last."""

    modality: Modality
    ended_at: datetime
    """UTC and aware."""


def gap(before: Modality, after: Modality) -> timedelta:
    """Return the gap between two sessions of a routine; none within one modality."""
    if before is after:
        return timedelta()
    return GAP_WAND_TO_MASK[0] if before is Modality.WAND else GAP_MASK_TO_WAND[0]


def earliest(last: Flow | None, modality: Modality, at: datetime) -> datetime:
    """Return when a session may begin after the last ones: not before `at`."""
    return at if last is None else max(at, last.ended_at + gap(last.modality, modality))


def times(
    steps: Steps, begins_at: datetime, last: Flow | None = None
) -> Iterator[tuple[Step, datetime, datetime]]:
    """Yield every step with its begin and end, UTC, gaps and putting devices on included."""
    at = begins_at
    for step in steps:
        if (modality := step.act.modality) is not None:
            at = earliest(last, modality, at + timedelta(seconds=PUT_ON_S))
        ends_at = at + timedelta(seconds=step.duration_s)
        yield step, at, ends_at
        at = ends_at
        if modality is not None:
            last = Flow(modality, ends_at)


def ends_at(steps: Steps, begins_at: datetime, last: Flow | None = None) -> datetime:
    """Return when steps are done that begin at a time, UTC."""
    return max((end for _, _, end in times(steps, begins_at, last)), default=begins_at)


# --- finish by ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """How a routine fits before the time at which it should be done."""

    starts_at: datetime
    """When the kept steps have to begin at the latest; in the past if it is too late."""
    ends_at: datetime
    """When they are done if they begin now."""
    kept: tuple[int, ...]
    dropped: tuple[int, ...]
    """Positions in the steps that were given, in order."""
    late: timedelta
    """By how much it will be late all the same; zero if it fits."""


def fit(
    steps: Steps, now: datetime, finish_by: datetime, *, last: Flow | None = None, gel: bool = False
) -> Fit:
    """Return which steps are kept so that a routine that begins now is done in time.

    As few optional steps as will do are dropped, the later of several; gel goes with its wand, and
    rinsing with the gel. If even without all of them it does not fit, they are all dropped, and
    `late` says by how much.

    Args:
        steps: The remaining steps; the durations of device steps are those of their sessions.
        now: UTC and aware.
        finish_by: UTC and aware.
        last: What a device delivered last in this routine.
        gel: Gel is on the face: rinsing stays.
    """
    everything = range(len(steps))
    optional = [index for index in reversed(everything) if steps[index].optional]
    kept: tuple[int, ...] = ()
    done = now
    for count in range(len(optional) + 1):
        for dropped in combinations(optional, count):
            kept = _without(steps, frozenset(dropped), gel=gel)
            done = ends_at(tuple(steps[index] for index in kept), now, last)
            if done <= finish_by:
                return _fit(everything, kept, now, done, finish_by)
    return _fit(
        everything, kept, now, done, finish_by
    )  # the last tried was without all that is optional


def _without(steps: Steps, dropped: frozenset[int], *, gel: bool) -> tuple[int, ...]:
    """Return steps without some of them, and without gel and rinsing that nothing needs."""
    kept: list[int] = []
    acts = [step.act for index, step in enumerate(steps) if index not in dropped]
    for index, step in enumerate(steps):
        needless = (step.act is Act.GEL and Act.WAND not in acts) or (
            step.act is Act.RINSE and not gel
        )
        if index in dropped or (needless and Act.WAND in [step.act for step in steps]):
            continue
        kept.append(index)
        gel = (gel or step.act in (Act.GEL, Act.WAND)) and step.act is not Act.RINSE
    return tuple(kept)


def _fit(
    everything: range, kept: tuple[int, ...], now: datetime, done: datetime, finish_by: datetime
) -> Fit:
    return Fit(
        starts_at=finish_by - (done - now),
        ends_at=done,
        kept=kept,
        dropped=tuple(index for index in everything if index not in kept),
        late=max(timedelta(), done - finish_by),
    )

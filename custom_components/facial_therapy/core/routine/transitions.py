"""One run of a routine: states x events.

    hand, waiting, gap --> starting --> armed --> running --> next step ... --> over
                            ^  |  (device off)       |
                            |  '--> off, asked       '--> held
                            '--------'

Rules:

1. A device step is entered only when the one before has ended: no two devices have output at once.
2. Only a person continues a run that a restart has left in `SUSPENDED`, `STRANDED` or `ADOPTED`,
    and only once it is known that no session lives.
3. `STOP` is accepted in every state.
4. Every event but waiting brings the end nearer: confirmed, skipped, refused, dropped or late, each
    step is left once.
5. A step that is refused for good is skipped or ends the routine, as the step says, with the
    reason. A refusal that a person can resolve waits for the person.

The steps are in `steps`, and `run` goes through them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class RoutineState(StrEnum):
    """What a person sees; options of the routine's sensor."""

    HAND = "hand"
    """By hand; waits to be confirmed."""
    WAITING = "waiting"
    """A wait."""
    GAP = "gap"
    """A device step that may not begin yet."""
    STARTING = "starting"
    """A session was asked for."""
    OFF = "off"
    """Its device is off."""
    ASKED = "asked"
    """A device step that waits for a person: they can resolve a refusal, or it was not put on in
    time."""
    ARMED = "armed"
    """Waits to be put on."""
    RUNNING = "running"
    HELD = "held"
    """The session is suspended or paused."""
    LEAVING = "leaving"
    """Skipped; its session is being stopped."""
    ENDING = "ending"
    """Stopped; its session is being stopped."""
    STRANDED = "stranded"
    """A restart came, and it is not known yet that its session has ended."""
    SUSPENDED = "suspended"
    """A restart came; waits for a person."""
    ADOPTED = "adopted"
    """A restart came, and its session was adopted: paused until a person resumes it."""
    OVER = "over"


class RoutineEvent(StrEnum):
    """What can happen."""

    # a person
    CONFIRM = "confirm"
    SKIP = "skip"
    STOP = "stop"
    # the clock
    ELAPSED = "elapsed"
    """A wait or a gap has ended."""
    LATE = "late"
    """The window of the routine has ended."""
    # the device
    FOUND = "found"
    """The device that was off is back."""
    ACCEPTED = "accepted"
    """Its session is armed."""
    ENERGIZED = "energized"
    HELD = "held"
    ENDED = "ended"
    """No session of this step lives."""
    FAULTED = "faulted"
    # the answer to a start that is refused, see `refused`
    REFUSED = "refused"
    HINDERED = "hindered"
    OFFLINE = "offline"
    EARLY = "early"
    # the runner
    RESTARTED = "restarted"
    ADOPTED = "adopted"
    """The session that was paused by a restart is ours again."""


PERSONS: Final = frozenset({RoutineEvent.CONFIRM, RoutineEvent.SKIP})
"""Events that may be refused. `STOP` is not among them."""


class RoutineEffect(StrEnum):
    """What the runner carries out."""

    START = "start"
    """Ask for the session of the step; the answer is an event."""
    STOP_SESSION = "stop_session"
    """Until it has ended, which is an event."""
    RESUME = "resume"
    """Deliver the rest of the session that is held."""


class Result(StrEnum):
    """What became of a step."""

    DONE = "done"
    SKIPPED = "skipped"
    """By a person."""
    REFUSED = "refused"
    DROPPED = "dropped"
    """It was late, or nothing needs it any more."""
    PARTIAL = "partial"
    """Its session delivered 20 to 70 % of its dose."""
    STOPPED = "stopped"
    """Its session delivered less than that."""


class Outcome(StrEnum):
    """How a routine ended."""

    COMPLETED = "completed"
    STOPPED = "stopped"
    REFUSED = "refused"
    LATE = "late"
    """The window ended before its last step."""
    FAULT = "fault"


class Leads(StrEnum):
    """Where a row leads if not to a fixed state."""

    NEXT = "next"
    """To the next step."""
    AGAIN = "again"
    """Into the same step once more."""
    AS_IT_SAYS = "as_it_says"
    """To the next step or to the end, as the step says."""


@dataclass(frozen=True, slots=True)
class Row:
    """Where an event leads, what has to be done, and what became of the step or the routine."""

    to: RoutineState | Leads
    effects: tuple[RoutineEffect, ...] = ()
    result: Result | None = None
    outcome: Outcome | None = None


_DONE: Final = Row(Leads.NEXT, result=Result.DONE)
_SKIPPED: Final = Row(Leads.NEXT, result=Result.SKIPPED)
_START: Final = Row(RoutineState.STARTING, (RoutineEffect.START,))
_STOPPED: Final = Row(RoutineState.OVER, outcome=Outcome.STOPPED)
_LATE: Final = Row(RoutineState.OVER, outcome=Outcome.LATE)
_RESTARTED: Final = Row(RoutineState.SUSPENDED)
_STRANDED: Final = Row(RoutineState.STRANDED, (RoutineEffect.STOP_SESSION,))
_ADOPTED: Final = Row(RoutineState.ADOPTED)
_LEAVE: Final = Row(RoutineState.LEAVING, (RoutineEffect.STOP_SESSION,), Result.SKIPPED)
_END: Final = Row(RoutineState.ENDING, (RoutineEffect.STOP_SESSION,), outcome=Outcome.STOPPED)
_FAULT: Final = Row(RoutineState.ENDING, (RoutineEffect.STOP_SESSION,), outcome=Outcome.FAULT)
_REFUSE: Final = None


def _events(state: RoutineState, **rows: Row | None) -> Mapping[RoutineEvent, Row | None]:
    """Complete a set of rows: an event not named changes nothing, or is refused if a person's."""
    complete: dict[RoutineEvent, Row | None] = {
        event: _REFUSE if event in PERSONS else Row(state) for event in RoutineEvent
    }
    complete.update({RoutineEvent(event): row for event, row in rows.items()})
    return MappingProxyType(complete)


def _session(state: RoutineState, **rows: Row | None) -> Mapping[RoutineEvent, Row | None]:
    """Return the row set of a state in which a session may live."""
    named = {
        "skip": _LEAVE,
        "stop": _END,
        "faulted": _FAULT,
        "restarted": _STRANDED,
        "adopted": _ADOPTED,
    }
    return _events(state, **named | rows)


def _quiet(state: RoutineState, **rows: Row | None) -> Mapping[RoutineEvent, Row | None]:
    """Return the row set of a state in which none does."""
    named = {"skip": _SKIPPED, "stop": _STOPPED, "late": _LATE, "restarted": _RESTARTED}
    return _events(state, **named | rows)


TABLE: Final[Mapping[RoutineState, Mapping[RoutineEvent, Row | None]]] = MappingProxyType(
    {
        RoutineState.HAND: _quiet(RoutineState.HAND, confirm=_DONE),
        RoutineState.WAITING: _quiet(RoutineState.WAITING, confirm=_DONE, elapsed=_DONE),
        RoutineState.GAP: _quiet(RoutineState.GAP, elapsed=_START),
        RoutineState.STARTING: _session(
            RoutineState.STARTING,
            accepted=Row(RoutineState.ARMED),
            energized=Row(RoutineState.RUNNING),
            refused=Row(Leads.AS_IT_SAYS, result=Result.REFUSED),
            hindered=Row(RoutineState.ASKED),
            offline=Row(RoutineState.OFF),
            early=Row(RoutineState.GAP),
        ),
        RoutineState.OFF: _quiet(RoutineState.OFF, confirm=_START, found=_START, adopted=_ADOPTED),
        RoutineState.ASKED: _quiet(RoutineState.ASKED, confirm=_START, adopted=_ADOPTED),
        RoutineState.ARMED: _session(
            RoutineState.ARMED,
            energized=Row(RoutineState.RUNNING),
            held=Row(RoutineState.HELD),
            ended=Row(RoutineState.ASKED),  # it was not put on in time
            late=Row(RoutineState.ENDING, (RoutineEffect.STOP_SESSION,), outcome=Outcome.LATE),
        ),
        RoutineState.RUNNING: _session(
            RoutineState.RUNNING, held=Row(RoutineState.HELD), ended=_DONE
        ),  # what runs at the end of the window comes to its end
        RoutineState.HELD: _session(
            RoutineState.HELD,
            confirm=Row(RoutineState.HELD, (RoutineEffect.RESUME,)),
            energized=Row(RoutineState.RUNNING),
            ended=_DONE,
        ),
        RoutineState.LEAVING: _session(
            RoutineState.LEAVING,
            skip=Row(RoutineState.LEAVING),
            accepted=Row(RoutineState.LEAVING, (RoutineEffect.STOP_SESSION,)),
            energized=Row(RoutineState.LEAVING, (RoutineEffect.STOP_SESSION,)),
            adopted=Row(RoutineState.LEAVING, (RoutineEffect.STOP_SESSION,)),
            ended=Row(Leads.NEXT),
        ),
        RoutineState.ENDING: _session(
            RoutineState.ENDING,
            skip=_REFUSE,
            stop=Row(RoutineState.ENDING, (RoutineEffect.STOP_SESSION,)),
            faulted=Row(RoutineState.ENDING),
            accepted=Row(RoutineState.ENDING, (RoutineEffect.STOP_SESSION,)),
            energized=Row(RoutineState.ENDING, (RoutineEffect.STOP_SESSION,)),
            adopted=Row(RoutineState.ENDING, (RoutineEffect.STOP_SESSION,)),
            ended=Row(RoutineState.OVER),
            restarted=Row(RoutineState.ENDING, (RoutineEffect.STOP_SESSION,)),
        ),
        RoutineState.STRANDED: _session(
            RoutineState.STRANDED,
            skip=_REFUSE,
            energized=_STRANDED,
            ended=Row(RoutineState.SUSPENDED),
            late=Row(RoutineState.ENDING, (RoutineEffect.STOP_SESSION,), outcome=Outcome.LATE),
        ),
        RoutineState.SUSPENDED: _quiet(
            RoutineState.SUSPENDED,
            confirm=Row(Leads.AGAIN),
            energized=_STRANDED,
            adopted=_ADOPTED,
        ),
        RoutineState.ADOPTED: _session(
            RoutineState.ADOPTED,
            confirm=Row(RoutineState.ADOPTED, (RoutineEffect.RESUME,)),
            energized=Row(RoutineState.RUNNING),
            ended=Row(RoutineState.SUSPENDED),
            late=Row(RoutineState.ENDING, (RoutineEffect.STOP_SESSION,), outcome=Outcome.LATE),
        ),
        RoutineState.OVER: _events(RoutineState.OVER),
    }
)
"""For every state and every event where it leads; None: refused."""

"""The life of one session on one device: a table of states and events.

               start                put on                  end of plan
    idle ----------------> armed ------------> running ---------------------> idle
      |  (device off)        ^                  |    |
      '------> waiting ------'            pause |    | contact, lease, client, watchdog
                                                v    v
                                          paused      suspended ---- 10 min ----> idle

Rules:

1. Output may be on in `RUNNING` only. The lease is renewed only where output may be on or may
   begin: `ARMED`, `RUNNING`, `SUSPENDED` (contact may be found again).
2. The table is complete: every state answers every event, by staying or by refusing a person.
3. `STOP` is accepted in every state, and the state that follows renews nothing.
4. Only the node's own report of output (`ENERGIZED`) leads to `RUNNING`, and from `LOST`,
   `STOPPING` and `FAULT` not even that.
5. To energize: write, then act. To switch off: act, then write. The effects of a row are carried
   out in the order of the row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from .refusal import Reason, Refusal, RefusedError


class SessionState(StrEnum):
    """The state that a person sees: the options of the session sensor."""

    IDLE = "idle"
    WAITING = "waiting"
    """Requested while the device is off."""
    ARMED = "armed"
    """Permitted, written to the ledger, and waiting for the device to be put on."""
    RUNNING = "running"
    SUSPENDED = "suspended"
    PAUSED = "paused"
    STOPPING = "stopping"
    """Stopped here; the node has not confirmed zero output yet."""
    LOST = "lost"
    """The device does not answer: its lease ends the output."""
    FAULT = "fault"

    @property
    def may_flow(self) -> bool:
        """Whether output may be on."""
        return self is SessionState.RUNNING

    @property
    def renews(self) -> bool:
        """Whether the lease is renewed."""
        return self in _RENEWS

    @property
    def lives(self) -> bool:
        """Whether there is a session that has not ended."""
        return self not in _ENDED


_RENEWS: Final = frozenset({SessionState.ARMED, SessionState.RUNNING, SessionState.SUSPENDED})
_ENDED: Final = frozenset({SessionState.IDLE, SessionState.FAULT})


class SessionEvent(StrEnum):
    """What can happen to a session."""

    # a person or an automation
    START = "start"
    WAIT = "wait"
    """Start while the device is off."""
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    CLEAR = "clear"
    # the node, about the session that we know
    REARMED = "rearmed"
    """Waits to be put on."""
    ENERGIZED = "energized"
    """Output is on."""
    SUSPENDED = "suspended"
    PAUSED = "paused"
    ENDED = "ended"
    """The node has closed the record, or confirmed zero output after a stop."""
    FAULTED = "faulted"
    CLEARED = "cleared"
    # the connection and Home Assistant
    LOST = "lost"
    FOUND = "found"
    REFUSED = "refused"
    """The node refused a start or an adoption, or the session could not be written."""
    EXPIRED = "expired"
    """The window of a waiting session has passed, or its end has and the node says nothing."""


PERSONS: Final = frozenset(
    {
        SessionEvent.START,
        SessionEvent.WAIT,
        SessionEvent.PAUSE,
        SessionEvent.RESUME,
        SessionEvent.CLEAR,
    }
)
"""Events that may be refused. `STOP` is not one of them."""


class SessionEffect(StrEnum):
    """What the engine carries out, in the order of the row."""

    WRITE = "write"
    """Reserve the session in the ledger at its full planned dose, and read it back."""
    ARM = "arm"
    """Send start."""
    ADOPT = "adopt"
    """Make this connection the client of the session that the node still holds."""
    SEND_PAUSE = "send_pause"
    SEND_RESUME = "send_resume"
    SEND_CLEAR = "send_clear"
    SEND_STOP = "send_stop"
    """Send stop until the node confirms zero output; again at once if it is being sent already."""
    SETTLE = "settle"
    """Settle the ledger to the dose that the node delivered."""


@dataclass(frozen=True, slots=True)
class Row:
    """Where an event leads, and what the engine carries out."""

    state: SessionState
    effects: tuple[SessionEffect, ...] = ()


_START: Final = Row(SessionState.ARMED, (SessionEffect.WRITE, SessionEffect.ARM))
_STOP: Final = Row(SessionState.STOPPING, (SessionEffect.SEND_STOP,))
_END: Final = Row(SessionState.IDLE, (SessionEffect.SETTLE,))
_FAULT: Final = Row(SessionState.FAULT, (SessionEffect.SEND_STOP, SessionEffect.SETTLE))
_FAULT_IDLE: Final = Row(SessionState.FAULT, (SessionEffect.SEND_STOP,))
_IDLE: Final = Row(SessionState.IDLE)
_REFUSE: Final = None


def _events(state: SessionState, **rows: Row | None) -> Mapping[SessionEvent, Row | None]:
    """Complete a state: an event that is not named stays, and a person's event is refused."""
    complete: dict[SessionEvent, Row | None] = {
        event: _REFUSE if event in PERSONS else Row(state) for event in SessionEvent
    }
    complete.update({SessionEvent(event): row for event, row in rows.items()})
    return MappingProxyType(complete)


TABLE: Final[Mapping[SessionState, Mapping[SessionEvent, Row | None]]] = MappingProxyType(
    {
        SessionState.IDLE: _events(
            SessionState.IDLE,
            start=_START,
            wait=Row(SessionState.WAITING),
            stop=_STOP,  # also for a session that somebody else started
            energized=_STOP,  # our last session: ended here, output on there
            faulted=_FAULT_IDLE,
        ),
        SessionState.WAITING: _events(
            SessionState.WAITING,
            start=_START,
            stop=_IDLE,
            faulted=_FAULT_IDLE,
            refused=_IDLE,
            expired=_IDLE,
        ),
        SessionState.ARMED: _events(
            SessionState.ARMED,
            stop=_STOP,
            energized=Row(SessionState.RUNNING),
            suspended=Row(SessionState.SUSPENDED),
            paused=Row(SessionState.PAUSED),
            ended=_END,
            faulted=_FAULT,
            lost=Row(SessionState.LOST),
            refused=_END,
            expired=_STOP,
        ),
        SessionState.RUNNING: _events(
            SessionState.RUNNING,
            pause=Row(SessionState.PAUSED, (SessionEffect.SEND_PAUSE,)),
            stop=_STOP,
            rearmed=Row(SessionState.ARMED),
            suspended=Row(SessionState.SUSPENDED),
            paused=Row(SessionState.PAUSED),
            ended=_END,
            faulted=_FAULT,
            lost=Row(SessionState.LOST),
            refused=_STOP,
            expired=_STOP,
        ),
        SessionState.SUSPENDED: _events(
            SessionState.SUSPENDED,
            pause=Row(SessionState.PAUSED, (SessionEffect.SEND_PAUSE,)),
            resume=Row(SessionState.SUSPENDED, (SessionEffect.SEND_RESUME,)),
            stop=_STOP,
            rearmed=Row(SessionState.ARMED),
            energized=Row(SessionState.RUNNING),
            paused=Row(SessionState.PAUSED),
            ended=_END,
            faulted=_FAULT,
            lost=Row(SessionState.LOST),
            refused=_STOP,  # an adoption
            expired=_STOP,
        ),
        SessionState.PAUSED: _events(
            SessionState.PAUSED,
            resume=Row(SessionState.PAUSED, (SessionEffect.SEND_RESUME,)),
            stop=_STOP,
            rearmed=Row(SessionState.ARMED),
            energized=Row(SessionState.RUNNING),
            suspended=Row(SessionState.SUSPENDED),
            ended=_END,
            faulted=_FAULT,
            lost=Row(SessionState.LOST),
            refused=_STOP,  # an adoption
            expired=_STOP,
        ),
        SessionState.STOPPING: _events(
            SessionState.STOPPING,
            stop=_STOP,
            ended=_END,
            faulted=_FAULT,
            found=_STOP,
            expired=_END,  # no output can be on any more; it counts in full until the node reports
        ),
        SessionState.LOST: _events(
            SessionState.LOST,
            stop=_STOP,
            rearmed=_STOP,  # nothing begins by itself after a lost connection
            energized=_STOP,
            suspended=Row(SessionState.SUSPENDED, (SessionEffect.ADOPT,)),
            paused=Row(SessionState.PAUSED, (SessionEffect.ADOPT,)),
            ended=_END,
            faulted=_FAULT,
            expired=_STOP,
        ),
        SessionState.FAULT: _events(
            SessionState.FAULT,
            stop=_FAULT_IDLE,
            clear=Row(SessionState.FAULT, (SessionEffect.SEND_CLEAR,)),
            energized=_FAULT_IDLE,
            cleared=_IDLE,
        ),
    }
)
"""For every state and every event the row; None: refused."""


def step(state: SessionState, event: SessionEvent) -> Row:
    """Return the row of an event.

    Raises:
        RefusedError: A person's event that the state does not allow: `busy` for a start while there
            is a session, `faulted` for one while a fault is latched, else `wrong_state`. Nothing
            has changed.
    """
    row = TABLE[state][event]
    if row is not None:
        return row
    if event in (SessionEvent.START, SessionEvent.WAIT):
        reason = Reason.FAULTED if state is SessionState.FAULT else Reason.BUSY
        raise RefusedError(Refusal(reason=reason))
    raise RefusedError(Refusal(reason=Reason.WRONG_STATE, detail=state))

"""The life of one session on one device: states x events, and nothing else.

               start                put on                  end of plan
    idle ----------------> armed ------------> running ---------------------> idle
      |  (device off)        ^                  |    |
      '------> waiting ------'            pause |    | contact, lease, owner, guard
                                                v    v
                                          paused      suspended ---- 10 min ----> idle

Rules:

1. Output may flow in `RUNNING` only, and the lease is renewed only where it may flow or may begin
    to: `ARMED`, `RUNNING`, `SUSPENDED` (a contact that is
   found again).
2. The table is complete: every state answers every event, if only by staying, or by refusing a
    person.
3. `STOP` is accepted in every state, and the state that follows renews nothing.
4. Nothing leads to `RUNNING` but the node's own word that output flows (`ENERGIZED`), and from
    `LOST`, `STOPPING` and `FAULT` not even that.
5. To energize: write, then act. To deenergize: act, then write. The order of the effects is that
    order.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from .model import Reason, Refusal, RefusedError


class SessionState(StrEnum):
    """What a person sees; the options of the session sensor."""

    IDLE = "idle"
    WAITING = "waiting"
    """Wanted, but the device is off."""
    ARMED = "armed"
    """Permitted, written down, and waiting to be put on."""
    RUNNING = "running"
    SUSPENDED = "suspended"
    PAUSED = "paused"
    STOPPING = "stopping"
    """Stopped here; the node has not confirmed zero yet."""
    LOST = "lost"
    """The device does not answer: its lease ends what flows."""
    FAULT = "fault"

    @property
    def may_flow(self) -> bool:
        """Whether output may flow."""
        return self is SessionState.RUNNING

    @property
    def renews(self) -> bool:
        """Whether the lease is kept alive."""
        return self in (SessionState.ARMED, SessionState.RUNNING, SessionState.SUSPENDED)

    @property
    def lives(self) -> bool:
        """Whether a session exists that has not ended."""
        return self not in (SessionState.IDLE, SessionState.FAULT)


class SessionEvent(StrEnum):
    """What can happen."""

    # a person or an automation
    START = "start"
    WAIT = "wait"
    """Start, with the device off."""
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    CLEAR = "clear"
    # the node, of the session that we know
    REARMED = "rearmed"
    """Waits to be put on."""
    ENERGIZED = "energized"
    """Output flows."""
    SUSPENDED = "suspended"
    PAUSED = "paused"
    ENDED = "ended"
    """The node has closed the record, or confirmed zero after a stop."""
    FAULTED = "faulted"
    CLEARED = "cleared"
    # the channel and the shell
    LOST = "lost"
    FOUND = "found"
    REFUSED = "refused"
    """A start that was refused by the node, or could not be written down."""
    EXPIRED = "expired"
    """The window of a waiting session is over, or its end has passed and the node has not said so.
    """


PERSONS: Final = frozenset(
    {
        SessionEvent.START,
        SessionEvent.WAIT,
        SessionEvent.PAUSE,
        SessionEvent.RESUME,
        SessionEvent.CLEAR,
    }
)
"""Events that may be refused. `STOP` is not among them."""


class SessionEffect(StrEnum):
    """What the shell carries out, in the order of the row."""

    WRITE = "write"
    """Open the session in the ledger, at its full planned dose, and read it back."""
    ARM = "arm"
    """Send start."""
    SEND_PAUSE = "send_pause"
    SEND_RESUME = "send_resume"
    SEND_CLEAR = "send_clear"
    SEND_STOP = "send_stop"
    """Again and again until the node confirms zero."""
    SETTLE = "settle"
    """Settle the ledger to what the node says it delivered."""


@dataclass(frozen=True, slots=True)
class Row:
    """Where an event leads, and what has to be done on the way."""

    state: SessionState
    effects: tuple[SessionEffect, ...] = ()


_START = Row(SessionState.ARMED, (SessionEffect.WRITE, SessionEffect.ARM))
_STOP = Row(SessionState.STOPPING, (SessionEffect.SEND_STOP,))
_END = Row(SessionState.IDLE, (SessionEffect.SETTLE,))
_FAULT = Row(SessionState.FAULT, (SessionEffect.SEND_STOP, SessionEffect.SETTLE))
_REFUSE: Final = None


def _events(state: SessionState, **rows: Row | None) -> Mapping[SessionEvent, Row | None]:
    """Return a complete row set: what is not named stays, a person's event that is not named is refused."""
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
            stop=_STOP,  # also what somebody else started
            energized=_STOP,  # ended here, flowing there
            faulted=Row(SessionState.FAULT, (SessionEffect.SEND_STOP,)),
        ),
        SessionState.WAITING: _events(
            SessionState.WAITING,
            start=_START,
            stop=_END,
            energized=_STOP,
            faulted=_FAULT,
            refused=_END,
            expired=_END,
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
            expired=_STOP,
        ),
        SessionState.STOPPING: _events(
            SessionState.STOPPING,
            stop=_STOP,
            ended=_END,
            faulted=_FAULT,
            found=_STOP,
            expired=_END,  # nothing of it can flow or be resumed any more; it counts in full until the node tells
        ),
        SessionState.LOST: _events(
            SessionState.LOST,
            stop=_STOP,
            rearmed=_STOP,  # nothing begins by itself after a lost link
            energized=_STOP,
            suspended=Row(SessionState.SUSPENDED),
            paused=Row(SessionState.PAUSED),
            ended=_END,
            faulted=_FAULT,
            expired=_STOP,
        ),
        SessionState.FAULT: _events(
            SessionState.FAULT,
            stop=Row(SessionState.FAULT, (SessionEffect.SEND_STOP,)),
            clear=Row(SessionState.FAULT, (SessionEffect.SEND_CLEAR,)),
            energized=Row(SessionState.FAULT, (SessionEffect.SEND_STOP,)),
            cleared=Row(SessionState.IDLE),
        ),
    }
)
"""For every state and every event where it leads; None: refused."""


def step(state: SessionState, event: SessionEvent) -> Row:
    """Return where an event leads and what has to be done.

    Raises:
        RefusedError: A person's event that the state does not allow: `busy` for a start while a
            session lives, `faulted` for one while a fault is
            latched, else `wrong_state`. Nothing has changed.
    """
    row = TABLE[state][event]
    if row is not None:
        return row
    if event in (SessionEvent.START, SessionEvent.WAIT):
        raise RefusedError(
            Refusal(reason=Reason.FAULTED if state is SessionState.FAULT else Reason.BUSY)
        )
    raise RefusedError(Refusal(reason=Reason.WRONG_STATE, detail=state))

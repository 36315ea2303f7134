"""The session of a step: whether a device has it, what its state means, and what it delivered."""

from dataclasses import dataclass
from typing import Final

from ..coordinator import FacialTherapyCoordinator
from ..core.ledger.record import Record
from ..core.model import Outcome
from ..core.routine.run import RoutineRun, result_of
from ..core.routine.transitions import Result, RoutineEvent, RoutineState
from ..core.session import SessionState

IN_SESSION: Final = (
    RoutineState.ARMED,
    RoutineState.RUNNING,
    RoutineState.HELD,
    RoutineState.ADOPTED,
    RoutineState.LEAVING,
    RoutineState.ENDING,
)
"""States in which a session of the step is known to live."""
FOLLOWED: Final = (
    *IN_SESSION,
    RoutineState.OFF,
    RoutineState.ASKED,
    RoutineState.STRANDED,
    RoutineState.SUSPENDED,
)
"""States in which the device of the step is followed."""
_LEAVING: Final = (RoutineState.LEAVING, RoutineState.ENDING)
_WAITING: Final = (RoutineState.ARMED, RoutineState.HELD, RoutineState.ADOPTED)
_FINISHED: Final = (
    RoutineState.RUNNING,
    RoutineState.HELD,
    RoutineState.ADOPTED,
    RoutineState.STRANDED,
)
"""States in which the end of the session says what became of the step."""
_PAUSED: Final = (SessionState.SUSPENDED, SessionState.PAUSED, SessionState.LOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSession:
    """A step, its session and its device at one moment."""

    run: RoutineRun
    session_id: str | None
    """Of the step; None if none was accepted, or a restart came before it was saved."""
    coordinator: FacialTherapyCoordinator | None
    """Of the step's device; None if that is not loaded, or the step needs none."""
    record: Record | None
    """The session in the ledger."""
    asking: bool = False
    """Whether a start is under way."""

    @property
    def lives(self) -> bool:
        """Whether the device has the session of the step."""
        live = None if self.coordinator is None else self.coordinator.live
        if live is None:
            return False
        if self.session_id is None and self.run.state is RoutineState.STRANDED:
            return live.person.person_id == self.run.person_id  # its id was not saved any more
        return live.session_id == self.session_id

    @property
    def adopted(self) -> bool:
        """Whether the device has it paused, so that a person can resume it."""
        return (
            self.lives
            and self.session_id is not None
            and self.run.index not in self.run.marked
            and self.coordinator is not None
            and self.coordinator.state in _PAUSED
        )

    @property
    def settled(self) -> bool:
        """Whether nothing more can become known about it."""
        return self.record is None or not self.record.open

    @property
    def result(self) -> Result | None:
        """What became of the step by the dose that it delivered; None: not known, or not yet."""
        if self.run.state not in _FINISHED:
            return None
        if self.record is not None and not self.record.open:
            return result_of(self.record.share)
        last = None if self.coordinator is None else self.coordinator.last
        if last is None or last.session_id != self.session_id or last.permitted is None:
            return None
        planned = last.permitted.planned.total
        return result_of(last.delivered.total / planned if planned else 0)

    @property
    def event(self) -> RoutineEvent | None:
        """What the state of the device means for the run; None: nothing new."""
        if self.coordinator is None:
            return RoutineEvent.RESTARTED if self.run.state in IN_SESSION else None
        if self.run.state in IN_SESSION:
            return self._living(self.coordinator)
        if self.adopted:
            return RoutineEvent.ADOPTED
        return self._after_restart(self.coordinator)

    def _living(self, coordinator: FacialTherapyCoordinator) -> RoutineEvent | None:
        """Return the event while a session of the step is known to live."""
        state = coordinator.state
        if state is SessionState.FAULT and self.run.state is not RoutineState.ENDING:
            return RoutineEvent.FAULTED
        if not self.lives:
            return None if self.asking else self._gone(coordinator)
        if state is SessionState.STOPPING and self.run.state not in _LEAVING:
            # A person who stops the device wants no other one to go on. A session that Home
            # Assistant itself interrupts waits for a person.
            live = coordinator.live
            interrupted = live is not None and live.outcome is Outcome.INTERRUPTED
            return RoutineEvent.RESTARTED if interrupted else RoutineEvent.STOP
        if state is SessionState.RUNNING and self.run.state in _WAITING:
            return RoutineEvent.ENERGIZED
        held = self.run.state is RoutineState.RUNNING and state in _PAUSED
        return RoutineEvent.HELD if held else None

    def _gone(self, coordinator: FacialTherapyCoordinator) -> RoutineEvent:
        """Return whether the session has ended, or was lost in a reload of its device."""
        last = coordinator.last
        seen = last is not None and last.session_id == self.session_id
        ended = seen or self.session_id is None or self.run.state in _LEAVING
        return RoutineEvent.ENDED if ended else RoutineEvent.RESTARTED

    def _after_restart(self, coordinator: FacialTherapyCoordinator) -> RoutineEvent | None:
        """Return the event while it is not known that a session of the step lives."""
        reports = coordinator.telemetry is not None and not coordinator.closed
        if self.run.state is RoutineState.OFF:
            # A session whose start was not answered blocks another one until it is settled.
            back = coordinator.telemetry is not None and coordinator.live is None
            return RoutineEvent.FOUND if back else None
        if self.run.state is RoutineState.ASKED:
            return None
        if self.lives:  # nobody confirmed that it may go on: it is stopped
            stopping = coordinator.state is SessionState.STOPPING
            return None if stopping else RoutineEvent.ENERGIZED
        ended = self.run.state is RoutineState.STRANDED and reports and self.settled
        return RoutineEvent.ENDED if ended else None

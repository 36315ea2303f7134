"""What the engine knows of a device's session, and what the entities show of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ..core.device import Device, ProfileCounters, Telemetry
from ..core.gate.request import SessionRequest
from ..core.model import NO_LIGHT, ByChannel, Dose, Fault, Outcome
from ..core.person import Person
from ..core.refusal import Refusal
from ..core.session import SessionState
from ..core.session_parameters import PermittedSession
from ..devices.port import Answer
from ..people.actor import HOME_ASSISTANT, Who
from .settings import Settings

NOTHING: Final = Dose()


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    """One session, from its request to its end. Times are aware UTC."""

    session_id: str
    """16 hex digits."""
    person: Person
    program: str
    request: SessionRequest | None = None
    """As it was requested; None after a restart."""
    permitted: PermittedSession | None = None
    """None while it waits for its device, or if a restart could not rebuild it."""
    resume_key: str = ""
    """16 hex digits that adopt the session over another connection; only the ledger keeps them."""
    started_at: datetime
    """When it was requested."""
    started_by: str | None = None
    """User id; None for an automation."""
    changed_by: Who = HOME_ASSISTANT
    """Who caused its newest change of state."""
    window_ends_at: datetime | None = None
    """While waiting, armed, suspended or paused: when it ends if nothing happens."""
    ends_at: datetime | None = None
    """While running: when it will end."""
    ends_by: datetime | None = None
    """No later than this it ends, pauses included; None before its first output."""
    level_mw_cm2: ByChannel | None = None
    """Levels that a person set for its lights; a missing channel is off. None: as permitted."""
    level_ua: float | None = None
    """Current that a person set. None: as permitted."""
    zone: int | None = None
    """Wand: number of the zone that the node announced last, from 1."""
    adopted: bool = False
    """This connection took it over: it continues only after it was taken off and put on again."""
    delivered: Dose = NOTHING
    """Nominal, as the node reports."""
    outcome: Outcome | None = None
    ended_at: datetime | None = None

    @property
    def event_data(self) -> dict[str, Any]:
        """The data of its events, as JSON: doses in J/cm² of all channels or mA·min."""
        permitted = self.permitted
        return {
            "session_id": self.session_id,
            "person": self.person.name,
            "program": self.program,
            "by": self.changed_by.by.value,
            "user_id": self.changed_by.user_id,
            "outcome": self.outcome and self.outcome.value,
            "planned": permitted and permitted.planned.total,
            "delivered": self.delivered.total,
            "window_ends_at": self.window_ends_at and self.window_ends_at.isoformat(),
            "duration_s": permitted and permitted.request.duration_s,
        }

    @property
    def lit_mw_cm2(self) -> ByChannel:
        """The levels of its lights; empty while it is not permitted."""
        if self.level_mw_cm2 is not None:
            return self.level_mw_cm2
        return NO_LIGHT if self.permitted is None else self.permitted.request.irradiance_mw_cm2


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionView:
    """Everything the engine knows. Only the engine replaces it."""

    state: SessionState = SessionState.IDLE
    live: LiveSession | None = None
    last: LiveSession | None = None
    """The session that ended last."""
    fault: Fault | None = None
    """A fault that Home Assistant found, not the node."""
    report: Telemetry | None = None
    """The newest report; None while the device is not connected."""
    answer: Answer | None = None
    """To the newest command of this connection or, if that is younger, of this session."""
    accepted: bool | None = False
    """Whether the node has accepted the live session; None: it was asked and has not answered."""
    seen_off: bool = False
    """The worn sensor was seen off since output was last on, as far as Home Assistant knows."""
    profiles: Mapping[int, ProfileCounters] | None = None
    """What the node counts for our people, by profile, only enrolled ones; None: not read yet."""

    @property
    def newest_record(self) -> int | None:
        """The newest record number that the node has reported; None before any."""
        return max(
            (known.record for known in (self.answer, self.report) if known is not None),
            default=None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything the entities show."""

    state: SessionState
    connected: bool
    device: Device | None
    telemetry: Telemetry | None
    """The report when the snapshot was made; not every report makes one."""
    session: LiveSession | None
    last: LiveSession | None
    fault: Fault | None
    refusals: tuple[Refusal, ...]
    """Why the selected session can't start now, the reason that lasts longest first."""
    settings: Settings

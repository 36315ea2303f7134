"""What the shell shows of a device, and what is asked of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from ..core.model import (
    NO_LIGHT,
    ByChannel,
    Channel,
    Device,
    Dose,
    Fault,
    Outcome,
    PermittedSession,
    Person,
    Refusal,
    Telemetry,
)
from ..core.session import SessionState
from ..people.actor import HOME_ASSISTANT, Who
from .settings import Settings

NOTHING: Final = Dose()


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRequest:
    """What somebody asked for, before it is resolved for the person and the device."""

    person: Person
    program: str
    """Key of a program, or `MANUAL`: then the numbers count."""
    duration_s: float | None = None
    irradiance_mw_cm2: Mapping[Channel, float] | None = None
    current_ua: float | None = None
    frequency_hz: float | None = None
    window_s: float | None = None
    """The arming window; None: the default one."""
    gel_rinsed: bool = False
    """The person has confirmed that the gel of the wand is off."""
    wait_s: float | None = None
    """How long to hold it waiting if the device is off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    """A session as a person sees it."""

    session_id: str
    person: Person
    program: str
    plan: PermittedSession | None
    """None while it waits for its device, or if a restart interrupted it."""
    started_at: datetime
    """When it was asked for, UTC."""
    started_by: str | None
    """User id, None for an automation."""
    turned_by: Who = HOME_ASSISTANT
    """Who brought about its newest turn."""
    window_ends_at: datetime | None = None
    """Waiting or armed: until then."""
    ends_at: datetime | None = None
    """Running: when it will end."""
    level_mw_cm2: ByChannel | None = None
    """What its lights were set to by hand; a channel that is not in it is dark. None: as planned.
    """
    level_ua: float | None = None
    """What its current was set to by hand. None: as planned."""
    delivered: Dose = NOTHING
    """Nominal, as the node says."""
    outcome: Outcome | None = None
    ended_at: datetime | None = None

    @property
    def told(self) -> dict[str, Any]:
        """What an automation is told of it: JSON, doses in J/cm² of all channels or mA·min, times in ISO 8601."""
        return {
            "session_id": self.session_id,
            "person": self.person.name,
            "program": self.program,
            "by": self.turned_by.by.value,
            "user_id": self.turned_by.user_id,
            "outcome": self.outcome and self.outcome.value,
            "planned": self.plan and self.plan.planned.total,
            "delivered": self.delivered.total,
            "window_ends_at": self.window_ends_at and self.window_ends_at.isoformat(),
            "duration_s": self.plan and self.plan.request.duration_s,
        }

    @property
    def lit_mw_cm2(self) -> ByChannel:
        """What its lights are set to; empty while there is no plan."""
        planned = NO_LIGHT if self.plan is None else self.plan.request.irradiance_mw_cm2
        return planned if self.level_mw_cm2 is None else self.level_mw_cm2


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """All that the entities show."""

    state: SessionState
    connected: bool
    device: Device | None
    telemetry: Telemetry | None
    """The newest report when the snapshot was made; it is not renewed by every report."""
    session: LiveSession | None
    """The living one."""
    last: LiveSession | None
    """The one that ended last."""
    fault: Fault | None
    refusals: tuple[Refusal, ...]
    """Why nothing could start now, the binding reason first; empty: ready."""
    settings: Settings

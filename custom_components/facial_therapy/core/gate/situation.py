"""Everything that the gate looks at besides the request."""

from dataclasses import dataclass
from datetime import datetime

from ..device import Device, ProfileCounters, Telemetry
from ..ledger.history import History
from ..model import Fault
from ..person import Person
from ..session import SessionState


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A person, a device, and everything known of both now."""

    device: Device
    telemetry: Telemetry | None
    """The newest report; None while the device is offline."""
    person: Person
    """As the person is now: skin type, options and eligibility count from here."""
    history: History
    """What the person has had, on every device. Its `at` is the ledger's time, which no step
    of the wall clock moves."""
    now: datetime
    """UTC and aware, by the wall clock; `allowed_at` of a refusal is in this time."""
    state: SessionState = SessionState.IDLE
    """Of the device's engine."""
    fault: Fault | None = None
    """Latched by Home Assistant itself; the node's own is in its telemetry."""
    profile: ProfileCounters | None = None
    """What the node counts for this person; None if they are not enrolled, or it is not known."""
    seen_off: bool = False
    """The worn sensor has been seen off since output last flowed."""
    ledger_readable: bool = True
    ledger_failure: str | None = None
    """Why the ledger could not be written the last time; None if it could."""
    resuming: bool = False
    """The request continues this person's own suspended or paused session, which the history leaves
    out. The node then judges by itself what it has counted."""

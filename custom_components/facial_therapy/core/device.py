"""What a node says: of itself, of what it is doing, and of what it has counted for a person."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from .model import NO_LIGHT, ByChannel, Dose, Fault, Grade, Modality
from .refusal import Refusal


class EyeShield(StrEnum):
    """What keeps light out of the eyes."""

    NONE = "none"
    FIXED = "fixed"
    SENSED = "sensed"


class NodeState(StrEnum):
    """What the node says it is doing. Output flows in `RAMPING` and `RUNNING` only."""

    IDLE = "idle"
    ARMED = "armed"
    RAMPING = "ramping"
    RUNNING = "running"
    SUSPENDED = "suspended"
    PAUSED = "paused"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """What a node says of itself; constant until it reboots."""

    modality: Modality
    contract: tuple[int, int]
    """(major, minor)."""
    firmware: str
    grade: Grade
    uncertainty: float
    """U as a share, 0.2 = 20 %."""
    full_mw_cm2: ByChannel = NO_LIGHT
    """Nominal irradiance at 100 % drive, one entry per channel that the mask has."""
    peak_mw_cm2: ByChannel = NO_LIGHT
    """The node's own ceilings, nominal."""
    peak_ua: float = 0
    """The wand's own ceiling of peak current."""
    eye_shield: EyeShield = EyeShield.NONE
    worn_sensor: bool = False
    """Worn (mask) or contact (wand) is sensed; without it the node's button confirms."""
    contact_area_mm2: float = 0
    duration_s: float
    """The node's own ceiling of a session."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telemetry:
    """One report of the node."""

    received_at: datetime
    number: int
    """Rising within a boot."""
    boot: int
    uptime_ms: int
    """Modulo 2^32."""
    state: NodeState
    session_id: str | None
    record: int
    """The newest record number of the node."""
    worn: bool | None
    """Worn or in contact; None without a sensor."""
    temperature_c: float | None = None
    impedance_ohm: int | None = None
    charging: bool = False
    fault: Fault | None = None
    cause: str | None = None
    """Why it is suspended: contact, lease, client, output_watchdog."""
    output_s: float = 0
    """How long output has flowed in this session."""
    left_s: float = 0
    """How long it will flow yet."""
    lease_s: float = 0
    window_s: float = 0
    """Rest of the arming window, or of the 10 min of a suspended or paused session; less if its
    60 min end before."""
    level_mw_cm2: ByChannel = NO_LIGHT
    level_ua: float = 0
    zone: int | None = None
    """Wand: number of the zone of a session, from 1."""
    delivered: Dose
    button: bool = False
    """The node's button has been held for 3 s and still is: a person can be enrolled."""
    profiles: tuple[int, int] = (0, 0)
    """How many are enrolled, and a number that rises within a boot whenever they or their counters
    change: then `async_profile` answers differently."""
    refuses: tuple[Refusal, ...] = ()
    """What refuses any start on the node now, with the time; `profile_gap` not for the profile
    of the last output. `faulted` without a `fault`: it is still worn since then."""
    needs_button: bool = False
    """Armed, but only a press of the node's button starts: it was switched off, and a person has to
    vouch for the time."""

    @property
    def flowing(self) -> bool:
        """Whether the node says that output flows."""
        return self.state in (NodeState.RAMPING, NodeState.RUNNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfileCounters:
    """Worst-case doses that the node has counted for one person.

    An open session counts at its full budgets.

    Windows roll over 24 h and 168 h of the node's own age: time in which it was switched off may be
    missing, so that they are never too small.
    """

    profile: int
    fluence_day_j_cm2: float = 0
    fluence_week_j_cm2: float = 0
    """Mask: all channels."""
    blue_week_j_cm2: float = 0
    charge_day_ma_min: float = 0
    charge_week_ma_min: float = 0
    """Wand."""
    sessions_day: int
    sessions_week: int
    rest_s: float
    """Remaining hard rest; 0 if none."""
    rest_blue_s: float
    """Mask: remaining hard rest before another session with blue."""
    last_used: bool = False
    """The last output was for this profile: the gap between two profiles does not hold for it."""
    refuses: tuple[Refusal, ...] = ()
    """What refuses the smallest session of this profile on the node now, with the time."""
    read_at: datetime | None = None
    """When the node said so, UTC: `rest_s` counts from here. None: just now."""

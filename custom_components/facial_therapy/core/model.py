"""The words of this integration as values.

All of them are frozen. Light is nominal at the skin unless a name says `worst_case`. Times are
aware UTC `datetime`. A bare number carries its unit as a suffix.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

MANUAL: Final = "manual"
"""The program name of a session whose levels the person sets."""


class Modality(StrEnum):
    """What a device gives: light or current."""

    MASK = "mask"
    WAND = "wand"


class Channel(StrEnum):
    """One color of a mask."""

    RED = "red"
    """633 nm."""
    NEAR_INFRARED = "near_infrared"
    """830 nm, invisible."""
    BLUE = "blue"
    """415 nm."""
    AMBER = "amber"
    """590 nm."""


class Grade(StrEnum):
    """How well the irradiance of a mask, or the current of a wand, is known."""

    MEASURED = "measured"
    DECLARED = "declared"
    NONE = "none"


class EyeShield(StrEnum):
    """What keeps light out of the eyes."""

    NONE = "none"
    FIXED = "fixed"
    SENSED = "sensed"


class SkinType(StrEnum):
    """Fitzpatrick type; not answered counts as type VI."""

    I = "i"  # noqa: E741 - the Roman numeral is the field's own word
    II = "ii"
    III = "iii"
    IV = "iv"
    V = "v"
    VI = "vi"
    UNKNOWN = "unknown"


class NodeState(StrEnum):
    """What the node says it is doing. Output flows in `RAMPING` and `RUNNING` only."""

    IDLE = "idle"
    ARMED = "armed"
    RAMPING = "ramping"
    RUNNING = "running"
    SUSPENDED = "suspended"
    PAUSED = "paused"
    FAULT = "fault"


class Outcome(StrEnum):
    """How a session ended."""

    COMPLETED = "completed"
    PARTIAL = "partial"
    """Suspended or paused until it ran out."""
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"
    """Home Assistant went away in the middle."""
    FAULT = "fault"
    VOID = "void"
    """Never energized: counts nothing."""
    UNCERTAIN = "uncertain"
    """Counted at its full planned dose until the node tells."""


class Fault(StrEnum):
    """A bad thing that latches until a person clears it."""

    OVER_TEMPERATURE = "over_temperature"
    TEMPERATURE_SENSOR = "temperature_sensor"
    WORN_STUCK = "worn_stuck"
    OVER_CURRENT = "over_current"
    NET_CHARGE = "net_charge"
    FLICKER = "flicker"
    STORE = "store"
    OUTPUT_WATCHDOG = "output_watchdog"
    OVERDOSE = "overdose"
    """The node reports more than was planned."""
    FOREIGN_SESSION = "foreign_session"
    """The node runs a session that we did not start."""
    UNKNOWN = "unknown"
    """A fault of the node that this release has no word for."""


class Reason(StrEnum):
    """Why something is refused. The values are translation keys and words of the device contract."""

    # the request itself
    OUT_OF_BOUNDS = "out_of_bounds"
    BAD_CHANNEL = "bad_channel"
    WRONG_MODALITY = "wrong_modality"
    UNKNOWN_PROGRAM = "unknown_program"
    UNKNOWN_PERSON = "unknown_person"
    NO_PERSON = "no_person"
    NOTHING_SELECTED = "nothing_selected"
    BAD_TIME = "bad_time"
    IN_FUTURE = "in_future"
    TOO_LONG_AGO = "too_long_ago"
    """Of a session that was given elsewhere: it does not count any more."""
    NOT_MANUAL = "not_manual"
    """Numbers were given, but the program brings its own."""
    # the device
    DEVICE_OFFLINE = "device_offline"
    DEVICE_NOT_LOADED = "device_not_loaded"
    STALE_TELEMETRY = "stale_telemetry"
    WRONG_CONTRACT = "wrong_contract"
    EYE_SHIELD_MISSING = "eye_shield_missing"
    NOT_CALIBRATED = "not_calibrated"
    CHARGING = "charging"
    SENSOR_NOT_READY = "sensor_not_ready"
    STILL_WORN = "still_worn"
    """Not taken off since output last flowed: the node would take its sensor for stuck."""
    TOO_HOT = "too_hot"
    FAULTED = "faulted"
    STORE_FAILED = "store_failed"
    # the moment
    BUSY = "busy"
    WRONG_STATE = "wrong_state"
    NOT_CLIENT = "not_client"
    STALE = "stale"
    WRONG_BOOT = "wrong_boot"
    BAD_SESSION = "bad_session"
    WRONG_KEY = "wrong_key"
    """Whoever wants to adopt a session does not have its resume key."""
    LEASE_ALIVE = "lease_alive"
    """A session is adopted only after its lease has ended."""
    NO_RECORD = "no_record"
    UNSEEN_SESSION = "unseen_session"
    BUTTON_NEEDED = "button_needed"
    BROWN_OUT = "brown_out"
    """The node's supply broke down less than a minute ago."""
    TOO_SOON = "too_soon"
    """On and off so often that the light would flicker."""
    CLOCK_UNTRUSTED = "clock_untrusted"
    # the person on this device
    NOT_ENROLLED = "not_enrolled"
    PROFILES_FULL = "profiles_full"
    PROFILE_GAP = "profile_gap"
    """Somebody else has just used it."""
    # windows and rest, of the node and of the ledger
    DOSE_DAY = "dose_day"
    DOSE_WEEK = "dose_week"
    BLUE_WEEK = "blue_week"
    SESSIONS_DAY = "sessions_day"
    SESSIONS_WEEK = "sessions_week"
    REST = "rest"
    REST_BLUE = "rest_blue"
    TREATMENT_DAY = "treatment_day"
    OTHER_SESSION = "other_session"
    """The person has a session on another device."""
    GAP = "gap"
    """Too soon after the other modality."""
    GEL_NOT_RINSED = "gel_not_rinsed"
    LEDGER_UNREADABLE = "ledger_unreadable"
    # the person
    NOT_ADULT = "not_adult"
    NOT_SCREENED = "not_screened"
    SCREENING_EXPIRED = "screening_expired"
    SCREENING_BLOCKED = "screening_blocked"
    ON_HOLD = "on_hold"
    """Something was done to the face, or is taken, that has to be waited for."""
    REDNESS = "redness"
    RED_FLAG = "red_flag"
    SKIN_NOT_FINE = "skin_not_fine"
    SKIN_TYPE = "skin_type"
    # routines and plans
    BAD_ROUTINE = "bad_routine"
    NO_NEXT_PHASE = "no_next_phase"
    NO_PLAN = "no_plan"
    UNKNOWN_ROUTINE = "unknown_routine"

    @property
    def shown(self) -> str:
        """The word for attributes, diagnostics and answers to automations, which are recorded: what tells of somebody's health is only `personal` there."""
        return PERSONAL if self in _TELLING else self.value


PERSONAL: Final = "personal"
_TELLING: Final = frozenset(
    {
        Reason.SCREENING_BLOCKED,
        Reason.ON_HOLD,
        Reason.REDNESS,
        Reason.RED_FLAG,
        Reason.SKIN_NOT_FINE,
        Reason.SKIN_TYPE,
    },
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One reason not to do something, with what would be allowed."""

    reason: Reason
    field: str | None = None
    """The word of the request that it is about, as the action spells it."""
    minimum: float | None = None
    maximum: float | None = None
    """What would be allowed now, both ends included, in `unit`."""
    unit: str = ""
    detail: str = ""
    """A value to show: the unknown program, the fault; of `out_of_bounds` the row of docs/safety.md
    that bounds, or `node` for the device's own ceiling."""
    allowed_at: datetime | None = None
    """The earliest time at which this reason would be gone; None if time alone does not help."""


class RefusedError(Exception):
    """Something is refused; nothing has changed.

    `refusals` has at least one entry, the binding one first.
    """

    def __init__(self, *refusals: Refusal) -> None:
        """Take the refusals, the binding one first."""
        super().__init__(", ".join(refusal.reason for refusal in refusals))
        self.refusals = refusals

    @property
    def binding(self) -> Refusal:
        """The refusal that would hold longest."""
        return self.refusals[0]


type ByChannel = Mapping[Channel, float]
"""A number per channel; a channel that is not in it is dark."""

NO_LIGHT: Final[ByChannel] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """What skin got or is to get, nominal: fluence per channel for light, charge for current."""

    fluence_j_cm2: ByChannel = NO_LIGHT
    charge_ma_min: float = 0

    @property
    def total(self) -> float:
        """One number to show: the fluence of all channels in J/cm², or the charge in mA·min."""
        return sum(self.fluence_j_cm2.values()) + self.charge_ma_min


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
    """What is left of the arming window, or of the 10 min of a suspended or paused session (less if
    its 60 min end before)."""
    level_mw_cm2: ByChannel = NO_LIGHT
    level_ua: float = 0
    zone: int | None = None
    """Wand: number of the zone of a session, from 1."""
    delivered: Dose
    button: bool = False
    """The node's button has been held for 3 s and still is: a profile can be enrolled."""
    profiles: tuple[int, int] = (0, 0)
    """How many are enrolled, and a number that rises within a boot whenever they or their counters
    change: ask `async_profile` again for your own people."""
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
    """What the node has counted for one person, charged (nominal times one plus the uncertainty), an open session at its full budgets.

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
    """What is left of the hard rest; 0 if none."""
    rest_blue_s: float
    """Mask: what is left of it before another session with blue."""
    last_used: bool = False
    """The last output was for this profile: the gap between two profiles does not hold for it."""
    refuses: tuple[Refusal, ...] = ()
    """What refuses the smallest session of this profile on the node now, with the time."""


class Verdict(StrEnum):
    """What a screening found for a modality."""

    CLEAR = "clear"
    BLOCKED = "blocked"
    """Not for this person; nothing overrides it."""
    CLINICIAN = "clinician"
    """Only since a clinician has agreed, on the date that goes with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """What is kept of a person's screening for one modality: the verdict and its dates, never an answer."""

    verdict: Verdict
    screened_at: datetime
    """UTC and aware."""
    expires_at: datetime
    """UTC and aware."""
    clinician_on: date | None = None
    """When a clinician agreed; None unless that was needed."""
    blue: bool = False
    """Mask: whether blue light was found fit for this person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A modality that has to wait; of what for, nothing is kept. Both are UTC and aware."""

    until: datetime
    hard_until: datetime
    """Before this not even the person may end it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    """What stands for and against treating a person at all. Whatever has not been answered or said counts as the worst."""

    adult: bool = False
    """Has confirmed to be 18 or older."""
    screenings: Mapping[Modality, Screening] = field(default_factory=lambda: MappingProxyType({}))
    holds: Mapping[Modality, Hold] = field(default_factory=lambda: MappingProxyType({}))
    redness_until: datetime | None = None
    """Until when light waits after redness was reported."""
    red_flag_at: datetime | None = None
    """When a warning sign was reported that a person has not cleared; None if there is none."""
    not_fine_until: datetime | None = None
    """Until when "is your skin fine today?" counts as answered with no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What holds for a person instead of a default, always inside the hard ceilings; what stands here is the defaults."""

    mask_sessions_week: int = 4
    """1 to 6; more than 4 raise the week's fluence too."""
    wand_starting_phase: bool = False
    """The first weeks with the wand, with more sessions and less rest."""
    half_blue: bool = False
    """Skin type IV: blue light at half its fluence instead of none."""
    mask_duration_s: int = 600
    wand_duration_s: int = 300
    """Sessions are no longer than this; never more than the default."""
    share: float = 1
    """0.25 to 1 of the irradiance and the current that are allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whose skin it is."""

    person_id: str
    """The id of the person's config entry."""
    name: str
    profile: int
    """The random token that stands for this person on the nodes, 1 to 2^31 - 1."""
    skin_type: SkinType = SkinType.UNKNOWN
    sessions: Mapping[Modality, int] = field(default_factory=lambda: MappingProxyType({}))
    """How many sessions of each modality count so far, for the first three at half."""
    eligibility: Eligibility = field(default_factory=Eligibility)
    """Nothing answered: may not start."""
    options: Options = field(default_factory=Options)
    """As they hold now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionParameters:
    """What somebody asks for, in physical units; nothing of it has been checked.

    A built-in program has been resolved for the person before it becomes a request; whatever a
    person asks for by numbers is not scaled.
    """

    modality: Modality
    person: Person
    program: str
    """Key of a built-in program, or `MANUAL`."""
    duration_s: float
    irradiance_mw_cm2: ByChannel = NO_LIGHT
    """Mask only: at least one channel."""
    current_ua: float | None = None
    """Wand only: peak."""
    frequency_hz: float | None = None
    """Wand only."""
    zone_s: int = 60
    """Wand only: how long it stays in one place of the face before the cue to move on."""
    gel_rinsed: bool = False
    """Mask only: the person has confirmed that the gel of the wand is off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PermittedSession:
    """A request that `safety.permit` has let through, with the dose it amounts to."""

    request: SessionParameters
    planned: Dose
    """Nominal."""
    worst_case: Dose
    """What the limits compare: times (1 + U)."""
    skin_factor: float
    lease_s: float
    window_s: float

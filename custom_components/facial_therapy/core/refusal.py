"""Why something is refused, and until when."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final


class Reason(StrEnum):
    """Why something is refused. The values are translation keys and words of the contract."""

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
    """Of an external session: it does not count any more."""
    NOT_MANUAL = "not_manual"
    """The request has numbers, but the program brings its own."""
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
    """Not taken off since output last flowed: the node would treat its sensor as stuck."""
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
    """The resume key does not belong to the session that is to be adopted."""
    LEASE_ALIVE = "lease_alive"
    """A session can be adopted only after its lease has ended."""
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
    """A treatment of the face or a medicine pauses sessions."""
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
        """The word for attributes, diagnostics and answers to automations, which are recorded.

        What reveals somebody's health is only `personal` there.
        """
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


@dataclass(frozen=True, slots=True)
class Refused:
    """The gate's no, as a value.

    Raises:
        ValueError: There is no refusal in it.
    """

    refusals: tuple[Refusal, ...]
    """At least one, the one that holds longest first."""

    def __post_init__(self) -> None:
        """Refuse a no without a reason."""
        if not self.refusals:
            message = "refused without a reason"
            raise ValueError(message)

    @property
    def binding(self) -> Refusal:
        """The refusal that holds longest."""
        return self.refusals[0]

    @property
    def error(self) -> RefusedError:
        """The same as an exception, for callers that raise."""
        return RefusedError(*self.refusals)

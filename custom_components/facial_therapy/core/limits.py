"""Every number that bounds a session, with unit and source; nothing else.

`default` is what holds for everybody, `hard` the ceiling that no option passes; the firmware has
its own copy of the hard ones. A limit changes in one commit here, in the firmware's `limits.h`, in
`docs/safety.md` (each `source` is a row there) and in the CHANGELOG under "Safety"; contract tests
insist. All limits of light and current compare worst-case values: nominal times (1 + U). They are
engineering limits inside published exposures; no clinician has reviewed them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
import math
import sys
from types import MappingProxyType
from typing import Final

from .model import Channel, Grade, Modality, SkinType


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """An allowed interval, both ends included, in `unit`; `source` is the row of docs/safety.md."""

    minimum: float
    maximum: float
    unit: str
    source: str

    def contains(self, value: float) -> bool:
        """Tell whether a value is inside; NaN is not."""
        return self.minimum <= value <= self.maximum


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A default inside its hard ceiling.

    Raises:
        ValueError: The default is not inside the hard bound.
    """

    default: Bound
    hard: Bound

    def __post_init__(self) -> None:
        """Refuse a table that contradicts itself."""
        if not (
            self.hard.minimum <= self.default.minimum <= self.default.maximum <= self.hard.maximum
        ):
            message = f"{self.default.source}: default outside the hard bound"
            raise ValueError(message)


def _limit(source: str, unit: str, minimum: float, default: float, hard: float) -> Limit:
    return Limit(
        default=Bound(minimum=minimum, maximum=default, unit=unit, source=source),
        hard=Bound(minimum=minimum, maximum=hard, unit=unit, source=source),
    )


# --- light ----------------------------------------------------------------------------------------

IRRADIANCE: Final[Mapping[Channel, Limit]] = MappingProxyType(
    {
        Channel.RED: _limit("L1", "mW/cm²", 0.001, 35, 80),
        Channel.NEAR_INFRARED: _limit("L2", "mW/cm²", 0.001, 35, 80),
        Channel.BLUE: _limit("L3", "mW/cm²", 0.001, 20, 40),
        Channel.AMBER: _limit("L4", "mW/cm²", 0.001, 20, 50),
    }
)
"""Worst-case irradiance of one channel."""

TOTAL_IRRADIANCE: Final = _limit("L5", "mW/cm²", 0, 70, 120)
"""Worst-case irradiance of all channels together."""

EXPOSURE_LIMIT: Final[Mapping[Channel, float]] = MappingProxyType(
    {Channel.RED: 200, Channel.NEAR_INFRARED: 364, Channel.BLUE: 200, Channel.AMBER: 200}
)
"""EL in mW/cm², the laser skin limit beyond 10 s (ICNIRP 2013, as reported second-hand), by which
the channels add up."""

EXPOSURE_RATIO: Final = _limit("L6", "1", 0, 0.30, 0.50)
"""Sum of worst-case E / EL."""

FLUENCE: Final[Mapping[Channel, Limit]] = MappingProxyType(
    {
        Channel.RED: _limit("L8", "J/cm²", 0, 25, 60),
        Channel.NEAR_INFRARED: _limit("L9", "J/cm²", 0, 25, 60),
        Channel.BLUE: _limit("L10", "J/cm²", 0, 15, 30),
        Channel.AMBER: _limit("L11", "J/cm²", 0, 10, 30),
    }
)
"""Worst-case fluence of one channel in a session."""

FLUENCE_SESSION: Final = _limit("L12", "J/cm²", 0, 50, 100)
FLUENCE_DAY: Final = _limit("L13", "J/cm²", 0, 50, 100)
FLUENCE_WEEK: Final = _limit("L14", "J/cm²", 0, 200, 300)
"""Worst-case fluence of all channels; hard windows roll over 24 h and 168 h, default ones over 20 h
and 160 h."""
FLUENCE_WEEK_OPTION_J_CM2: Final = 260
"""The week's fluence that goes with the option of six sessions."""
BLUE_WEEK: Final = _limit("L15", "J/cm²", 0, 45, 90)

# --- current --------------------------------------------------------------------------------------

CURRENT: Final = _limit("M1", "µA", 1, 300, 500)
"""Worst-case peak current."""
CURRENT_START_UA: Final = 50
CURRENT_DENSITY_UA_MM2: Final = 20.0
"""2 mA/cm² of contact area, hard (M3)."""
FREQUENCY: Final = Limit(
    default=Bound(minimum=1, maximum=30, unit="Hz", source="M5"),
    hard=Bound(minimum=1, maximum=300, unit="Hz", source="M5"),
)
"""Biphasic, symmetric."""
HALF_PERIOD_CHARGE: Final = _limit("M20", "µC", 0, 150, 150)
"""Peak times half period."""
NET_CHARGE: Final = _limit("M6", "µA", 0, 10, 10)
"""Mean over whole periods; by default also at most 1 % of each period."""
NET_CHARGE_PERIOD_SHARE: Final = 0.01
CHARGE: Final = _limit("M15", "mA·min", 0, 1.5, 7.5)
"""Worst case, of a session and of a day."""
ZONE_S: Final = _limit("M14", "s", 1, 60, 180)
IMPEDANCE_OHM: Final = Limit(
    default=Bound(minimum=500, maximum=15_000, unit="Ω", source="M8"),
    hard=Bound(minimum=200, maximum=20_000, unit="Ω", source="M8"),
)
"""The window in which the wand believes in skin."""
CONTACTS: Final = 20
"""Contacts of a wand session before it pauses (M11)."""

# --- a session ------------------------------------------------------------------------------------

DURATION: Final[Mapping[Modality, Limit]] = MappingProxyType(
    {Modality.MASK: _limit("L7", "s", 1, 600, 1200), Modality.WAND: _limit("M13", "s", 1, 300, 900)}
)
SESSIONS_DAY: Final[Mapping[Modality, Limit]] = MappingProxyType(
    {Modality.MASK: _limit("L16", "1", 0, 1, 2), Modality.WAND: _limit("M16", "1", 0, 1, 1)}
)
SESSIONS_WEEK: Final[Mapping[Modality, Limit]] = MappingProxyType(
    {Modality.MASK: _limit("L17", "1", 0, 4, 7), Modality.WAND: _limit("M17", "1", 0, 2, 5)}
)
SESSIONS_WEEK_MASK_OPTION: Final = 6
SESSIONS_WEEK_WAND_STARTING: Final = 3
STARTING_PHASE: Final = timedelta(weeks=8)
REST: Final[Mapping[Modality, tuple[timedelta, timedelta]]] = MappingProxyType(
    {
        Modality.MASK: (timedelta(hours=20), timedelta(hours=6)),
        Modality.WAND: (timedelta(hours=44), timedelta(hours=20)),
    }
)
"""(default, hard) rest between two sessions of a modality (L18, M18)."""
REST_BLUE: Final = (timedelta(hours=48), timedelta(hours=20))
REST_WAND_STARTING: Final = timedelta(hours=20)
DAY_HARD: Final = timedelta(hours=24)
DAY_DEFAULT: Final = timedelta(hours=20)
WEEK_HARD: Final = timedelta(hours=168)
WEEK_DEFAULT: Final = timedelta(hours=160)
FIRST_SESSIONS: Final = 3
FIRST_SESSIONS_SHARE: Final = 0.5
"""The first three sessions of a modality: fluence or charge limits at half (L19)."""
COUNTS_FROM_SHARE: Final = 0.2
"""Below 20 % of its plan a session counts its dose, but neither as a session nor for rest."""

CLOCK_SET: Final = datetime(2026, 1, 1, tzinfo=UTC)
"""A clock that shows an earlier time was never set (X10)."""

# --- between modalities ---------------------------------------------------------------------------

GAP_WAND_TO_MASK: Final = (timedelta(minutes=5), timedelta(minutes=2))
GAP_MASK_TO_WAND: Final = (timedelta(minutes=10), timedelta(minutes=10))
GEL_ASKED: Final = timedelta(hours=4)
"""How long after the wand a person is asked whether the gel is off, unless light has followed since
(X2)."""
TREATMENT_DAY: Final = timedelta(minutes=30)
"""Of both modalities together, within the day of the default windows (X3)."""

# --- calibration and skin -------------------------------------------------------------------------

UNCERTAINTY: Final[Mapping[Grade, float]] = MappingProxyType(
    {Grade.MEASURED: 0.20, Grade.DECLARED: 0.50, Grade.NONE: 0.50}
)
"""The least U that a grade may claim; declared is exactly this."""
DECLARED_DURATION_S: Final = 600
UNCALIBRATED_DURATION_S: Final = 60
UNCALIBRATED_FLUENCE_J_CM2: Final = 6.0
"""What a session without calibration counts: 60 s at 100 mW/cm²; red only, refused for the wand
(L28)."""
PROGRAM_UNCERTAINTY: Final = 0.20
"""Built-in programs are scaled by 1.2 / (1 + U), so that a coarser calibration lowers the drive and
the worst-case value stays."""

SKIN_FACTOR: Final[Mapping[SkinType, float]] = MappingProxyType(
    {
        SkinType.I: 1.0,
        SkinType.II: 1.0,
        SkinType.III: 1.0,
        SkinType.IV: 0.75,
        SkinType.V: 0.5,
        SkinType.VI: 0.5,
        SkinType.UNKNOWN: 0.5,
    }
)
"""Scales every limit of light (L26)."""
DARK_SKIN: Final = frozenset({SkinType.IV, SkinType.V, SkinType.VI, SkinType.UNKNOWN})
"""No blue (L25)."""

# --- temperature, drive, time ---------------------------------------------------------------------

TEMPERATURE_WARN_C: Final = 38.0
TEMPERATURE_DERATE_C: Final = 39.0
TEMPERATURE_STOP_C: Final = 40.0
TEMPERATURE_LATCH_C: Final = 41.0
"""At the skin; hardware cuts at 43 °C at the latest (L21)."""
RAMP_S: Final[Mapping[Modality, Limit]] = MappingProxyType(
    {
        Modality.MASK: Limit(
            default=Bound(minimum=3, maximum=3, unit="s", source="L23"),
            hard=Bound(minimum=1, maximum=60, unit="s", source="L23"),
        ),
        Modality.WAND: Limit(
            default=Bound(minimum=5, maximum=5, unit="s", source="M11"),
            hard=Bound(minimum=2, maximum=60, unit="s", source="M11"),
        ),
    }
)
PWM_HZ: Final = Limit(
    default=Bound(minimum=10_000, maximum=40_000, unit="Hz", source="L23"),
    hard=Bound(minimum=3_000, maximum=40_000, unit="Hz", source="L23"),
)
OFF_BEFORE_ON_S: Final = 3
ON_EDGES: Final = 3
ON_EDGES_WINDOW_S: Final = 30
"""More on-edges than that within the window latch: a mask must not flicker."""
CUT_OFF_MS: Final = 50
"""Wand: zero within this, no ramp (M12)."""

LEASE_S: Final[Mapping[Modality, float]] = MappingProxyType({Modality.MASK: 10, Modality.WAND: 5})
RENEW_S: Final[Mapping[Modality, float]] = MappingProxyType({Modality.MASK: 3, Modality.WAND: 1})
"""How often Home Assistant renews (L27)."""
WINDOW_S: Final[Mapping[Modality, Limit]] = MappingProxyType(
    {Modality.MASK: _limit("L30", "s", 1, 60, 1800), Modality.WAND: _limit("M21", "s", 1, 60, 300)}
)
"""The arming window; an automation may ask for up to the hard one."""
CONTACT_WINDOW_S: Final[Mapping[Modality, float]] = MappingProxyType(
    {Modality.MASK: 20, Modality.WAND: 5}
)
"""Contact lost and found again within this ramps up from zero."""
KEPT_S: Final = 600
"""How long a suspended or paused session is kept."""
SESSION_LIFE_S: Final = 3600
"""How long a session lives from its first output, pauses included (L31)."""
TELEMETRY_STALE_S: Final[Mapping[Modality, float]] = MappingProxyType(
    {Modality.MASK: 5, Modality.WAND: 3}
)
"""Older telemetry counts as none; the node sends one every second while a session lives."""
TELEMETRY_IDLE_STALE_S: Final = 30
STOP_CONFIRM_S: Final = 2
"""A stop that is not confirmed by then raises, and goes on trying."""

# --- people ---------------------------------------------------------------------------------------

SCREENING_HOLDS: Final = (timedelta(days=90), timedelta(days=180))
"""(default, hard) time for which the answers of a screening hold (X4)."""
SCREENING_REMINDER: Final = timedelta(days=14)
CLINICIAN_HOLDS: Final = timedelta(days=365)
"""How old a clinician's word may be when the questions are answered (X5)."""
ON_HOLD: Final = timedelta(days=14)
DATED_BLOCK_HARD: Final = timedelta(days=2)
DATED_BLOCK_MAXIMUM: Final = timedelta(days=366)
"""The longest block that may be asked for."""
ISOTRETINOIN_BLOCK: Final = timedelta(days=182)
"""Default and hard (X5)."""
REDNESS_LOCK: Final = timedelta(hours=72)
"""Light waits after redness (X8)."""
RED_FLAG_LATCH: Final = timedelta(days=7)
"""Before that a warning sign cannot be cleared (X6)."""
SKIN_NOT_FINE: Final = timedelta(hours=20)
"""How long "not fine today" holds: the next evening asks again (X8)."""
LOOSENED_AFTER: Final = timedelta(hours=24)
"""An option that allows more holds after this (X9)."""
ADULT_YEARS: Final = 18

OPTION_SESSIONS_WEEK: Final = Bound(
    minimum=1, maximum=SESSIONS_WEEK_MASK_OPTION, unit="1", source="X9"
)
OPTION_DURATION_S: Final[Mapping[Modality, Bound]] = MappingProxyType(
    {
        modality: Bound(minimum=60, maximum=limit.default.maximum, unit="s", source="X9")
        for modality, limit in DURATION.items()
    }
)
OPTION_SHARE: Final = Bound(minimum=0.25, maximum=1, unit="1", source="X9")
HALF_BLUE_SHARE: Final = 0.5
"""Blue for skin type IV, if the person has opted for it (L25)."""


def number(value: object) -> float:
    """Return a finite number as it is, and NaN for everything else.

    Text, None, truth values, infinity and numbers too large for a float are NaN.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if -sys.float_info.max <= value <= sys.float_info.max else math.nan

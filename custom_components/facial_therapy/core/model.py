"""The values that every rule speaks of: modality, channel, skin type, dose, outcome, fault.

Light is nominal at the skin unless a name says `worst_case`. A bare number carries its unit as a
suffix.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Modality(StrEnum):
    """What a device delivers: light or current."""

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


class SkinType(StrEnum):
    """Fitzpatrick type; not answered counts as type VI."""

    I = "i"  # noqa: E741 - the Roman numeral is the field's own word
    II = "ii"
    III = "iii"
    IV = "iv"
    V = "v"
    VI = "vi"
    UNKNOWN = "unknown"


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
    """Counted at its full planned dose until the node reports."""


class Fault(StrEnum):
    """A fault latches until a person clears it."""

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


type ByChannel = Mapping[Channel, float]
"""A number per channel; a channel that is not in it is dark."""

NO_LIGHT: Final[ByChannel] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Dose:
    """A dose, nominal: fluence per channel for light, charge for current."""

    fluence_j_cm2: ByChannel = NO_LIGHT
    charge_ma_min: float = 0

    @property
    def total(self) -> float:
        """One number to show: the fluence of all channels in J/cm², or the charge in mA·min."""
        return sum(self.fluence_j_cm2.values()) + self.charge_ma_min

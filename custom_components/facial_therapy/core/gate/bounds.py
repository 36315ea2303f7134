"""Bounds: what a session may have, in the numbers that a person sets.

Every bound is *nominal*: (hard ceiling or default, whichever is smaller) x skin factor / (1 + U),
the device's own ceiling where that is smaller, rounded to what the wire carries (µW/cm², µA, s) on
the safe side. Its `source` is the row of docs/safety.md that bounds, or `node` for the device's own
ceiling. If the maximum is below the minimum, nothing is allowed.
"""

from dataclasses import dataclass
import math
from types import MappingProxyType
from typing import Final, Self

from .. import limits
from ..device import Device, EyeShield
from ..dose import uncertainty
from ..limits import Bound, Limit
from ..model import Channel, Grade, Modality
from ..person import Person

NODE: Final = "node"
"""The source of a bound that is the device's own."""
OPTION: Final = "X9"
"""The source of a bound that the person has chosen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How the limits, which are worst case, scale for one person on one device."""

    uncertainty: float
    """U of the device: worst case is nominal times (1 + U)."""
    light: float
    """Turns a limit of light into a nominal one: skin factor / (1 + U)."""
    blue: float
    """Share of the fluence of blue light: half where only an option allows it, else all."""
    share: float
    """Share of irradiance and current that the person has chosen."""
    phase: float
    """Share of the dose of a session: half in the first three, else all."""
    window: float
    """Share of the worst-case dose of a day and a week: phase, and for light the skin factor."""

    @classmethod
    def of(cls, device: Device, person: Person) -> Self:
        """Return the scale of a person on a device.

        Source: docs/safety.md, L19, L25, L26, L28, X9.
        """
        skin = limits.SKIN_FACTOR[person.skin_type]
        error = uncertainty(device)
        dose = phase(device, person)
        return cls(
            uncertainty=error,
            light=skin / (1 + error),
            blue=limits.HALF_BLUE_SHARE if person.skin_type in limits.DARK_SKIN else 1,
            share=person.options.share,
            phase=dose,
            window=dose * (skin if device.modality is Modality.MASK else 1),
        )


def irradiance(channel: Channel, device: Device, scale: Scale) -> Bound:
    """Return the nominal irradiance that one channel may have, in mW/cm².

    Its maximum is 100 % of a manual light.

    Source: docs/safety.md, L1 to L4, L26, L28, X9.
    """
    return _bound(
        limits.IRRADIANCE[channel],
        scale.light * scale.share,
        3,
        (device.peak_mw_cm2.get(channel, 0), NODE),
        (device.full_mw_cm2.get(channel, 0), NODE),
    )


def current(device: Device, scale: Scale) -> Bound:
    """Return the nominal peak current that is allowed, in µA.

    Source: docs/safety.md, M1, M3, M15, X9.
    """
    nominal = scale.share / (1 + scale.uncertainty)
    density = limits.CURRENT_DENSITY_UA_MM2 * max(0, device.contact_area_mm2) * nominal
    return _bound(limits.CURRENT, nominal, 0, (density, "M3"), (device.peak_ua, NODE))


def duration(device: Device, person: Person) -> Bound:
    """Return the time that a session may take by itself, in seconds.

    Source: docs/safety.md, L7, M13, L28, X9.
    """
    graded = {
        Grade.MEASURED: math.inf,
        Grade.DECLARED: limits.DECLARED_DURATION_S,
        Grade.NONE: limits.UNCALIBRATED_DURATION_S,
    }
    return _bound(
        limits.DURATION[device.modality],
        1,
        0,
        (graded[device.grade], "L28"),
        (device.duration_s, NODE),
        (longest(device.modality, person), OPTION),
    )


def longest(modality: Modality, person: Person) -> float:
    """Return the time in seconds that a person wants a session to take at most.

    Source: docs/safety.md, X9.
    """
    return (
        person.options.mask_duration_s
        if modality is Modality.MASK
        else person.options.wand_duration_s
    )


def frequency() -> Bound:
    """Return the frequency that a wand's waveform may have, in Hz.

    Source: docs/safety.md, M5.
    """
    limit = limits.FREQUENCY
    return Bound(
        minimum=max(limit.default.minimum, limit.hard.minimum),
        maximum=min(limit.default.maximum, limit.hard.maximum),
        unit=limit.default.unit,
        source=limit.default.source,
    )


def window(modality: Modality) -> Bound:
    """Return the arming window that may be asked for, in seconds: up to the hard one.

    Source: docs/safety.md, L30, M21.
    """
    return limits.WINDOW_S[modality].hard


def total_irradiance(scale: Scale) -> Bound:
    """Return the nominal irradiance of all channels together that is allowed, in mW/cm².

    Source: docs/safety.md, L5, L26, L28, X9.
    """
    return _bound(limits.TOTAL_IRRADIANCE, scale.light * scale.share, 3)


def exposure_ratio(scale: Scale) -> Bound:
    """Return the nominal sum of E / EL that is allowed.

    Source: docs/safety.md, L6, L26, L28.
    """
    return _bound(limits.EXPOSURE_RATIO, scale.light, 6)


def light_seconds(limit: Limit, fluence_j_cm2_per_s: float, scale: Scale) -> Bound:
    """Return the time in seconds for which light stays inside a limit of fluence.

    Blue light that only an option allows stays inside half of its limit.

    Source: docs/safety.md, L8 to L12, L19, L25, L26, L28.
    """
    half = scale.blue if limit is limits.FLUENCE[Channel.BLUE] else 1
    return _seconds(limit, scale.light * scale.phase * half, fluence_j_cm2_per_s)


def current_seconds(charge_ma_min_per_s: float, scale: Scale) -> Bound:
    """Return the time in seconds for which a current stays inside the limit of charge.

    Source: docs/safety.md, M15, L19, L28.
    """
    return _seconds(limits.CHARGE, scale.phase / (1 + scale.uncertainty), charge_ma_min_per_s)


def slowest(current_ua: float, scale: Scale) -> Bound:
    """Return the frequency in Hz that keeps the charge of half a period inside its limit.

    Source: docs/safety.md, M20, M5.
    """
    ceiling = min(limits.HALF_PERIOD_CHARGE.default.maximum, limits.HALF_PERIOD_CHARGE.hard.maximum)
    least = current_ua * (1 + scale.uncertainty) / (2 * ceiling)  # µA / µC = 1/s
    return Bound(
        minimum=round(least, 6),
        maximum=frequency().maximum,
        unit="Hz",
        source=limits.HALF_PERIOD_CHARGE.hard.source,
    )


def phase(device: Device, person: Person) -> float:
    """Return the allowed share of time and dose: half in the first three sessions, else all.

    Source: docs/safety.md, L19.
    """
    return (
        limits.FIRST_SESSIONS_SHARE
        if person.sessions.get(device.modality, 0) < limits.FIRST_SESSIONS
        else 1
    )


def best_device(modality: Modality, channels: tuple[Channel, ...]) -> Device:
    """Return the best possible device of a modality.

    A refusal for it holds for every device, also for one that has not reported yet.
    """
    full = MappingProxyType(
        {channel: limits.IRRADIANCE[channel].hard.maximum for channel in channels}
    )
    return Device(
        modality=modality,
        contract=(1, 0),
        firmware="",
        grade=Grade.MEASURED,
        uncertainty=limits.UNCERTAINTY[Grade.MEASURED],
        full_mw_cm2=full,
        peak_mw_cm2=full,
        peak_ua=limits.CURRENT.hard.maximum,
        eye_shield=EyeShield.SENSED,
        worn_sensor=True,
        contact_area_mm2=limits.CURRENT.hard.maximum
        / limits.CURRENT_DENSITY_UA_MM2
        * (1 + limits.UNCERTAINTY[Grade.MEASURED]),
        duration_s=limits.DURATION[modality].hard.maximum,
    )


def _down(value: float, digits: int) -> float:
    """Round down, but take 249.999 999 9 for the 250 that it is; never below zero."""
    scale = 10.0**digits
    return max(0, math.floor(value * scale + 1e-6)) / scale


def _bound(limit: Limit, scale: float, digits: int, *others: tuple[float, str]) -> Bound:
    """Return the smallest ceiling, rounded down.

    Default and hard ceiling count times `scale`; the others are pairs of ceiling and source. One
    that is no number, or below zero, allows nothing.
    """
    maximum = min(limit.default.maximum, limit.hard.maximum) * scale
    source = limit.default.source
    for ceiling, origin in others:
        if (allowed := max(0, ceiling)) < maximum:  # max(0, NaN) is 0
            maximum, source = allowed, origin
    return Bound(
        minimum=limit.default.minimum,
        maximum=_down(maximum, digits),
        unit=limit.default.unit,
        source=source,
    )


def _seconds(limit: Limit, scale: float, dose_per_s: float) -> Bound:
    """Return the time for which a nominal dose rate stays inside a dose limit times `scale`.

    No longer than any session may take.
    """
    longest = limits.DURATION[Modality.MASK].hard.maximum
    allowed = min(limit.default.maximum, limit.hard.maximum) * scale
    seconds = min(allowed / dose_per_s, longest) if dose_per_s > 0 else longest
    return Bound(minimum=1, maximum=_down(seconds, 0), unit="s", source=limit.default.source)

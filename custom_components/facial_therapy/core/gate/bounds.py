"""What would be allowed, in the numbers that a person sets.

Every bound is *nominal*: (hard ceiling or default, whichever is smaller) x skin factor / (1 + U),
the device's own ceiling where that is smaller, rounded to what the wire carries (µW/cm², µA, s) on
the safe side. Its `source` is the row of docs/safety.md that bounds, or `node` for the device's own
ceiling. A maximum below the minimum: nothing is allowed.
"""

import math
from types import MappingProxyType
from typing import Final

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


def irradiance(channel: Channel, device: Device, person: Person) -> Bound:
    """Return the nominal irradiance that one channel may have, in mW/cm².

    Its maximum is 100 % of a manual light.

    Source: docs/safety.md, L1 to L4, L26, L28, X9.
    """
    limit = limits.IRRADIANCE[channel]
    node = min(
        _ceiling(device.peak_mw_cm2.get(channel, 0)), _ceiling(device.full_mw_cm2.get(channel, 0))
    )
    return _bound(
        limit.default.minimum,
        limit,
        _light_scale(device, person) * person.options.share,
        3,
        (node, NODE),
    )


def current(device: Device, person: Person) -> Bound:
    """Return the nominal peak current that is allowed, in µA.

    Source: docs/safety.md, M1, M3, M15, X9.
    """
    scale = person.options.share / (1 + uncertainty(device))
    density = (limits.CURRENT_DENSITY_UA_MM2 * _ceiling(device.contact_area_mm2) * scale, "M3")
    return _bound(
        limits.CURRENT.default.minimum, limits.CURRENT, scale, 0, density, (device.peak_ua, NODE)
    )


def duration(device: Device, person: Person) -> Bound:
    """Return the time that a session may take by itself, in seconds.

    Source: docs/safety.md, L7, M13, L28, X9.
    """
    limit = limits.DURATION[device.modality]
    graded = {
        Grade.MEASURED: math.inf,
        Grade.DECLARED: limits.DECLARED_DURATION_S,
        Grade.NONE: limits.UNCALIBRATED_DURATION_S,
    }
    return _bound(
        limit.default.minimum,
        limit,
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


def total_irradiance(device: Device, person: Person) -> Bound:
    """Return the nominal irradiance of all channels together that is allowed, in mW/cm².

    Source: docs/safety.md, L5, L26, L28, X9.
    """
    return _bound(
        0, limits.TOTAL_IRRADIANCE, _light_scale(device, person) * person.options.share, 3
    )


def exposure_ratio(device: Device, person: Person) -> Bound:
    """Return the nominal sum of E / EL that is allowed.

    Source: docs/safety.md, L6, L26, L28.
    """
    return _bound(0, limits.EXPOSURE_RATIO, _light_scale(device, person), 6)


def light_seconds(
    limit: Limit, fluence_j_cm2_per_s: float, device: Device, person: Person
) -> Bound:
    """Return the time in seconds for which light stays inside a limit of fluence.

    Blue light that only an option allows stays inside half of its limit.

    Source: docs/safety.md, L8 to L12, L19, L25, L26, L28.
    """
    half = (
        limits.HALF_BLUE_SHARE
        if limit is limits.FLUENCE[Channel.BLUE] and person.skin_type in limits.DARK_SKIN
        else 1
    )
    return _seconds(
        limit, _light_scale(device, person) * phase(device, person) * half, fluence_j_cm2_per_s
    )


def current_seconds(charge_ma_min_per_s: float, device: Device, person: Person) -> Bound:
    """Return the time in seconds for which a current stays inside the limit of charge.

    Source: docs/safety.md, M15, L19, L28.
    """
    return _seconds(
        limits.CHARGE, phase(device, person) / (1 + uncertainty(device)), charge_ma_min_per_s
    )


def slowest(current_ua: float, device: Device) -> Bound:
    """Return the frequency in Hz that keeps the charge of half a period inside its limit.

    Source: docs/safety.md, M20, M5.
    """
    ceiling = min(limits.HALF_PERIOD_CHARGE.default.maximum, limits.HALF_PERIOD_CHARGE.hard.maximum)
    least = current_ua * (1 + uncertainty(device)) / (2 * ceiling)  # µA / µC = 1/s
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

    A request that is refused for it is refused for every device, even one that has not reported.
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


def _light_scale(device: Device, person: Person) -> float:
    """What turns a worst-case limit of light into the nominal one of this person on this device."""
    return limits.SKIN_FACTOR[person.skin_type] / (1 + uncertainty(device))


def _ceiling(value: float) -> float:
    """A ceiling that is no number, or below zero, allows nothing."""
    return max(0, value)  # max(0, NaN) is 0


def _down(value: float, digits: int) -> float:
    """Round down, but take 249.999 999 9 for the 250 that it is; never below zero."""
    scale = 10.0**digits
    return max(0, math.floor(value * scale + 1e-6)) / scale


def _bound(
    minimum: float, limit: Limit, scale: float, digits: int, *others: tuple[float, str]
) -> Bound:
    """Return the smallest ceiling, rounded down.

    Default and hard ceiling count times `scale`; the others are pairs of ceiling and source.
    """
    custom = (min(limit.default.maximum, limit.hard.maximum) * scale, limit.default.source)
    maximum, source = min(
        (custom, *((_ceiling(value), source) for value, source in others)),
        key=lambda candidate: candidate[0],
    )
    return Bound(
        minimum=minimum, maximum=_down(maximum, digits), unit=limit.default.unit, source=source
    )


def _seconds(limit: Limit, scale: float, dose_per_s: float) -> Bound:
    """Return the time for which a nominal dose rate stays inside a dose limit times `scale`.

    No longer than any session may take.
    """
    longest = limits.DURATION[Modality.MASK].hard.maximum
    allowed = min(limit.default.maximum, limit.hard.maximum) * scale
    seconds = min(allowed / dose_per_s, longest) if dose_per_s > 0 else longest
    return Bound(minimum=1, maximum=_down(seconds, 0), unit="s", source=limit.default.source)

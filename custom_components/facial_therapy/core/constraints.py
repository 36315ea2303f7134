"""What may be asked for: one small function per rule, each of which can only refuse.

Every bound here is *nominal*, what a person sets: (hard ceiling or default, whichever is smaller) x skin factor / (1 + U), the device's own ceiling where that
is smaller, rounded to what the wire carries (µW/cm², µA, s) on the safe side. A number that is none (NaN, infinity, text, nothing) is inside no bound.

A constraint sees a `Case` and yields refusals. It knows nothing of the other constraints, so each holds by itself, and one more can only tighten.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
import math
import sys
from typing import Final

from . import limits
from .dose import charge_ma_min, fluence_j_cm2, uncertainty
from .limits import Bound
from .model import Channel, Device, EyeShield, Grade, Modality, Person, Reason, Refusal, Request, Telemetry

NODE: Final = "node"
"""The source of a bound that is the device's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A device as it is now."""

    device: Device
    telemetry: Telemetry | None
    """The newest report; None if the device is not connected or has not reported yet."""
    now: datetime
    """UTC and aware."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Moment):
    """A request to a device as it is now. Its numbers are finite, or NaN for whatever is no number."""

    request: Request
    """As it was asked."""
    light: Mapping[Channel, float]
    """Nominal mW/cm², the channels that exist at all."""
    duration_s: float
    current_ua: float | None
    frequency_hz: float | None
    window_s: float
    """The arming window."""

    @property
    def lit(self) -> Mapping[Channel, float]:
        """The light that has a level above zero; what has not is refused by `irradiance`."""
        return {channel: level for channel, level in self.light.items() if level > 0}

    @property
    def share(self) -> float:
        """How much of the dose limits of a session is allowed: half in the first three of a modality (L19)."""
        return limits.FIRST_SESSIONS_SHARE if self.request.person.sessions.get(self.device.modality, 0) < limits.FIRST_SESSIONS else 1


type Constraint = Callable[[Case], Iterator[Refusal]]
"""A rule: a case in, what speaks against it out."""


def number(value: object) -> float:
    """Return a finite number as it is; NaN for everything else: text, None, truth values, NaN, infinity, whatever is too large for a float."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if -sys.float_info.max <= value <= sys.float_info.max else math.nan


# --- what would be allowed -----------------------------------------------------------------------------------------------------


def allowed_irradiance(channel: Channel, device: Device, person: Person) -> Bound:
    """Return the nominal irradiance of one channel that is allowed by itself, in mW/cm²; 100 % of a manual light is its maximum.

    Source: docs/safety.md, L1 to L4, L26, L28.
    """
    limit = limits.IRRADIANCE[channel]
    node = min(_ceiling(device.peak_mw_cm2.get(channel, 0)), _ceiling(device.full_mw_cm2.get(channel, 0)))
    return _bound(limit.default.minimum, limit, _light_scale(device, person), 3, (node, NODE))


def allowed_current(device: Device) -> Bound:
    """Return the nominal peak current that is allowed, in µA.

    Source: docs/safety.md, M1, M3, M15.
    """
    scale = 1 / (1 + uncertainty(device))
    density = (limits.CURRENT_DENSITY_UA_MM2 * _ceiling(device.contact_area_mm2) * scale, "M3")
    return _bound(limits.CURRENT.default.minimum, limits.CURRENT, scale, 0, density, (device.peak_ua, NODE))


def allowed_duration(device: Device) -> Bound:
    """Return the time that a session may take by itself, in seconds.

    Source: docs/safety.md, L7, M13, L28.
    """
    limit = limits.DURATION[device.modality]
    graded = {Grade.MEASURED: math.inf, Grade.DECLARED: limits.DECLARED_DURATION_S, Grade.NONE: limits.UNCALIBRATED_DURATION_S}
    return _bound(limit.default.minimum, limit, 1, 0, (graded[device.grade], "L28"), (device.duration_s, NODE))


def allowed_frequency() -> Bound:
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


def allowed_window(modality: Modality) -> Bound:
    """Return the arming window that may be asked for, in seconds: up to the hard one.

    Source: docs/safety.md, L30, M21.
    """
    return limits.WINDOW_S[modality].hard


def _light_scale(device: Device, person: Person) -> float:
    """What turns a charged limit of light into the nominal one of this person on this device."""
    return limits.SKIN_FACTOR[person.skin_type] / (1 + uncertainty(device))


def _ceiling(value: float) -> float:
    """A ceiling that is no number allows nothing."""
    return 0 if math.isnan(value) else value


def _down(value: float, digits: int) -> float:
    """Round down, but let 249.999 999 9 be the 250 that it is; below zero there is nothing to allow."""
    scale = 10.0**digits
    return max(0, math.floor(value * scale + 1e-6)) / scale


def _bound(minimum: float, limit: limits.Limit, scale: float, digits: int, *others: tuple[float, str]) -> Bound:
    """The smallest of default, hard ceiling (both times `scale`) and (ceiling, source) of others, rounded down."""
    own = (min(limit.default.maximum, limit.hard.maximum) * scale, limit.default.source)
    maximum, source = min((own, *((_ceiling(value), source) for value, source in others)), key=lambda candidate: candidate[0])
    return Bound(minimum=minimum, maximum=_down(maximum, digits), unit=limit.default.unit, source=source)


def _seconds(limit: limits.Limit, scale: float, dose_per_s: float) -> Bound:
    """The time for which a nominal dose rate stays inside a dose limit (both times `scale`); no longer than any session may take."""
    longest = limits.DURATION[Modality.MASK].hard.maximum
    allowed = min(limit.default.maximum, limit.hard.maximum) * scale
    seconds = min(allowed / dose_per_s, longest) if dose_per_s > 0 else longest
    return Bound(minimum=1, maximum=_down(seconds, 0), unit="s", source=limit.default.source)


def _check(field: str, value: float, bound: Bound) -> Iterator[Refusal]:
    if not bound.holds(value):
        yield _outside(field, bound)


def _at_most(field: str, value: float, bound: Bound) -> Iterator[Refusal]:
    """For what is derived from several numbers: whether each is too small is said where it is checked by itself."""
    if not value <= bound.maximum:  # also NaN
        yield _outside(field, bound)


def _outside(field: str, bound: Bound) -> Refusal:
    return Refusal(reason=Reason.OUT_OF_BOUNDS, field=field, minimum=bound.minimum, maximum=bound.maximum, unit=bound.unit, detail=bound.source)


def _field(channel: object) -> str:
    return f"channels.{channel}"


# --- the request itself --------------------------------------------------------------------------------------------------------


def modality(case: Case) -> Iterator[Refusal]:
    """Light for a mask, current for a wand, and nothing of the other."""
    if case.request.modality is not case.device.modality:
        yield Refusal(reason=Reason.WRONG_MODALITY, detail=case.device.modality)
    if case.device.modality is Modality.WAND and case.request.irradiance_mw_cm2:
        yield Refusal(reason=Reason.WRONG_MODALITY, field="channels", detail=case.device.modality)
    if case.device.modality is Modality.MASK:
        for field, value in (("current_ua", case.current_ua), ("frequency_hz", case.frequency_hz)):
            if value is not None:
                yield Refusal(reason=Reason.WRONG_MODALITY, field=field, detail=case.device.modality)


def selection(case: Case) -> Iterator[Refusal]:
    """A mask needs a channel, a wand its current and frequency."""
    if case.device.modality is Modality.MASK and not case.request.irradiance_mw_cm2:
        yield Refusal(reason=Reason.NOTHING_SELECTED, field="channels")
    if case.device.modality is Modality.WAND:
        for field, value in (("current_ua", case.current_ua), ("frequency_hz", case.frequency_hz)):
            if value is None:
                yield Refusal(reason=Reason.NOTHING_SELECTED, field=field)


def channels(case: Case) -> Iterator[Refusal]:
    """Channels that exist, and that the mask has."""
    if case.device.modality is Modality.MASK:
        for channel in case.request.irradiance_mw_cm2:
            if channel not in case.device.full_mw_cm2:
                yield Refusal(reason=Reason.BAD_CHANNEL, field=_field(channel), detail=str(channel))


def duration(case: Case) -> Iterator[Refusal]:
    """L7, M13, L28: the time of a session."""
    yield from _check("duration_s", case.duration_s, allowed_duration(case.device))


def irradiance(case: Case) -> Iterator[Refusal]:
    """L1 to L4: each channel by itself."""
    for channel, level in case.light.items():
        if channel in case.device.full_mw_cm2:
            yield from _check(_field(channel), level, allowed_irradiance(channel, case.device, case.request.person))


def peak_current(case: Case) -> Iterator[Refusal]:
    """M1, M3: the peak, also for the area that touches the skin."""
    if case.current_ua is not None:
        yield from _check("current_ua", case.current_ua, allowed_current(case.device))


def frequency(case: Case) -> Iterator[Refusal]:
    """M5: the waveform."""
    if case.frequency_hz is not None:
        yield from _check("frequency_hz", case.frequency_hz, allowed_frequency())


def window(case: Case) -> Iterator[Refusal]:
    """L30, M21: how long an armed device may wait to be put on."""
    yield from _check("window_s", case.window_s, allowed_window(case.device.modality))


# --- device and person ---------------------------------------------------------------------------------------------------------


def calibration(case: Case) -> Iterator[Refusal]:
    """L28: without calibration red only, and no wand; an uncertainty that is no number is no calibration."""
    if math.isinf(uncertainty(case.device)) or (case.device.grade is Grade.NONE and case.device.modality is Modality.WAND):
        yield Refusal(reason=Reason.NOT_CALIBRATED)
    elif case.device.grade is Grade.NONE:
        for channel in case.light:
            if channel is not Channel.RED:
                yield Refusal(reason=Reason.NOT_CALIBRATED, field=_field(channel))


def eye_shield(case: Case) -> Iterator[Refusal]:
    """L24: no near-infrared and no blue without an eye shield."""
    if case.device.eye_shield is EyeShield.NONE:
        for channel in (Channel.NEAR_INFRARED, Channel.BLUE):
            if channel in case.light:
                yield Refusal(reason=Reason.EYE_SHIELD_MISSING, field=_field(channel))


def skin(case: Case) -> Iterator[Refusal]:
    """L25: no blue for skin types IV to VI, nor where the type is not known."""
    if Channel.BLUE in case.light and case.request.person.skin_type in limits.DARK_SKIN:
        yield Refusal(reason=Reason.SKIN_TYPE, field=_field(Channel.BLUE), detail=case.request.person.skin_type)


# --- what it adds up to --------------------------------------------------------------------------------------------------------


def total_irradiance(case: Case) -> Iterator[Refusal]:
    """L5: all channels together."""
    bound = _bound(0, limits.TOTAL_IRRADIANCE, _light_scale(case.device, case.request.person), 3)
    yield from _at_most("channels", round(sum(case.lit.values()), 6), bound)


def exposure_ratio(case: Case) -> Iterator[Refusal]:
    """L6: the sum of E / EL; minimum and maximum are nominal too, and have no unit."""
    bound = _bound(0, limits.EXPOSURE_RATIO, _light_scale(case.device, case.request.person), 6)
    yield from _at_most("channels", round(sum(level / limits.EXPOSURE_LIMIT[channel] for channel, level in case.lit.items()), 9), bound)


def fluence(case: Case) -> Iterator[Refusal]:
    """L8 to L11, L19: fluence of each channel, said as the time for which its level would be allowed."""
    scale = _light_scale(case.device, case.request.person) * case.share
    for channel, level in case.lit.items():
        yield from _at_most("duration_s", case.duration_s, _seconds(limits.FLUENCE[channel], scale, fluence_j_cm2(level, 1)))


def fluence_session(case: Case) -> Iterator[Refusal]:
    """L12, L19: fluence of all channels together."""
    scale = _light_scale(case.device, case.request.person) * case.share
    yield from _at_most("duration_s", case.duration_s, _seconds(limits.FLUENCE_SESSION, scale, fluence_j_cm2(sum(case.lit.values()), 1)))


def charge(case: Case) -> Iterator[Refusal]:
    """M15, L19: charge, said as the time for which the current would be allowed."""
    if case.current_ua is not None:
        scale = case.share / (1 + uncertainty(case.device))
        yield from _at_most("duration_s", case.duration_s, _seconds(limits.CHARGE, scale, charge_ma_min(case.current_ua, 1)))


def half_period_charge(case: Case) -> Iterator[Refusal]:
    """M20: charged peak times half a period, said as the least frequency for the current."""
    if case.current_ua is not None and case.frequency_hz is not None:
        ceiling = min(limits.HALF_PERIOD_CHARGE.default.maximum, limits.HALF_PERIOD_CHARGE.hard.maximum)
        least = case.current_ua * (1 + uncertainty(case.device)) / (2 * ceiling)  # µA / µC = 1/s
        if not round(least, 6) <= case.frequency_hz:
            allowed = allowed_frequency()
            yield _outside("frequency_hz", Bound(minimum=least, maximum=allowed.maximum, unit=allowed.unit, source="M20"))


REQUEST: Final[tuple[Constraint, ...]] = (
    modality,
    selection,
    channels,
    duration,
    irradiance,
    peak_current,
    frequency,
    window,
    calibration,
    eye_shield,
    skin,
    total_irradiance,
    exposure_ratio,
    fluence,
    fluence_session,
    charge,
    half_period_charge,
)
"""What is wrong with a request whatever the device is doing: first what it says, then whether device and person suit it, then what it adds up to."""

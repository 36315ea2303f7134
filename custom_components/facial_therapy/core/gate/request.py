"""What may be asked for: one small function per rule, each of which can only refuse.

A constraint sees a `Case` and yields refusals. It knows nothing of the other constraints, so each
holds by itself, and one more can only tighten. What would be allowed comes from `allowed`. A number
that is none (NaN, infinity, text, nothing) is inside no bound.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
import math
from typing import Final

from .. import limits
from ..dose import charge_ma_min, fluence_j_cm2, uncertainty
from ..limits import Bound
from ..model import (
    Channel,
    Device,
    EyeShield,
    Grade,
    Modality,
    Person,
    Reason,
    Refusal,
    SessionParameters,
    SkinType,
    Telemetry,
)
from . import bounds


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A device as it is now."""

    device: Device
    telemetry: Telemetry | None
    """The newest report; None if the device is not connected or has not reported yet."""
    now: datetime
    """UTC and aware."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn(Moment):
    """A person who wants to use a device as it is now."""

    person: Person
    ledger_at: datetime | None = None
    """The ledger's time, which no step of the wall clock moves; None where only the wall clock is
    known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case(Turn):
    """A request to a device as it is now. Its numbers are finite, or NaN for whatever is no number."""

    request: SessionParameters
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


type Constraint = Callable[[Case], Iterator[Refusal]]
"""A rule: a case in, what speaks against it out."""


def _check(field: str, value: float, bound: Bound) -> Iterator[Refusal]:
    if not bound.contains(value):
        yield _outside(field, bound)


def _at_most(field: str, value: float, bound: Bound) -> Iterator[Refusal]:
    """For what is derived from several numbers: whether each is too small is said where it is checked by itself."""
    if not value <= bound.maximum:  # also NaN
        yield _outside(field, bound)


def _outside(field: str, bound: Bound) -> Refusal:
    return Refusal(
        reason=Reason.OUT_OF_BOUNDS,
        field=field,
        minimum=bound.minimum,
        maximum=bound.maximum,
        unit=bound.unit,
        detail=bound.source,
    )


def _field(channel: object) -> str:
    return f"channels.{channel}"


# --- the request itself ---------------------------------------------------------------------------


def modality(case: Case) -> Iterator[Refusal]:
    """Light for a mask, current for a wand, and nothing of the other."""
    if case.request.modality is not case.device.modality:
        yield Refusal(reason=Reason.WRONG_MODALITY, detail=case.device.modality)
    if case.device.modality is Modality.WAND and case.request.irradiance_mw_cm2:
        yield Refusal(reason=Reason.WRONG_MODALITY, field="channels", detail=case.device.modality)
    if case.device.modality is Modality.MASK:
        for field, value in (("current_ua", case.current_ua), ("frequency_hz", case.frequency_hz)):
            if value is not None:
                yield Refusal(
                    reason=Reason.WRONG_MODALITY, field=field, detail=case.device.modality
                )


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
    yield from _check("duration_s", case.duration_s, bounds.duration(case.device, case.person))


def irradiance(case: Case) -> Iterator[Refusal]:
    """L1 to L4: each channel by itself."""
    for channel, level in case.light.items():
        if channel in case.device.full_mw_cm2:
            yield from _check(
                _field(channel), level, bounds.irradiance(channel, case.device, case.person)
            )


def peak_current(case: Case) -> Iterator[Refusal]:
    """M1, M3: the peak, also for the area that touches the skin."""
    if case.current_ua is not None:
        yield from _check("current_ua", case.current_ua, bounds.current(case.device, case.person))


def frequency(case: Case) -> Iterator[Refusal]:
    """M5: the waveform."""
    if case.frequency_hz is not None:
        yield from _check("frequency_hz", case.frequency_hz, bounds.frequency())


def window(case: Case) -> Iterator[Refusal]:
    """L30, M21: how long an armed device may wait to be put on."""
    yield from _check("window_s", case.window_s, bounds.window(case.device.modality))


# --- device and person ----------------------------------------------------------------------------


def calibration(case: Case) -> Iterator[Refusal]:
    """L28: without calibration red only, and no wand; an uncertainty that is no number is no calibration."""
    if math.isinf(uncertainty(case.device)) or (
        case.device.grade is Grade.NONE and case.device.modality is Modality.WAND
    ):
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
    """L25: no blue for skin types IV to VI, nor where the type is not known (IV: half, if the person has opted for it), nor where screening found it unfit."""
    if Channel.BLUE not in case.light:
        return
    dark = case.person.skin_type in limits.DARK_SKIN and not (
        case.person.skin_type is SkinType.IV and case.person.options.half_blue
    )
    screening = case.person.eligibility.screenings.get(Modality.MASK)
    if dark or screening is None or not screening.blue:
        yield Refusal(reason=Reason.SKIN_TYPE, field=_field(Channel.BLUE))


# --- what it adds up to ---------------------------------------------------------------------------


def total_irradiance(case: Case) -> Iterator[Refusal]:
    """L5: all channels together."""
    yield from _at_most(
        "channels",
        round(sum(case.lit.values()), 6),
        bounds.total_irradiance(case.device, case.person),
    )


def exposure_ratio(case: Case) -> Iterator[Refusal]:
    """L6: the sum of E / EL."""
    ratio = sum(level / limits.EXPOSURE_LIMIT[channel] for channel, level in case.lit.items())
    yield from _at_most(
        "channels", round(ratio, 9), bounds.exposure_ratio(case.device, case.person)
    )


def fluence(case: Case) -> Iterator[Refusal]:
    """L8 to L11, L19: fluence of each channel, said as the time for which its level would be allowed."""
    for channel, level in case.lit.items():
        yield from _at_most(
            "duration_s",
            case.duration_s,
            bounds.light_seconds(
                limits.FLUENCE[channel], fluence_j_cm2(level, 1), case.device, case.person
            ),
        )


def fluence_session(case: Case) -> Iterator[Refusal]:
    """L12, L19: fluence of all channels together."""
    together = fluence_j_cm2(sum(case.lit.values()), 1)
    yield from _at_most(
        "duration_s",
        case.duration_s,
        bounds.light_seconds(limits.FLUENCE_SESSION, together, case.device, case.person),
    )


def charge(case: Case) -> Iterator[Refusal]:
    """M15, L19: charge, said as the time for which the current would be allowed."""
    if case.current_ua is not None:
        yield from _at_most(
            "duration_s",
            case.duration_s,
            bounds.current_seconds(charge_ma_min(case.current_ua, 1), case.device, case.person),
        )


def half_period_charge(case: Case) -> Iterator[Refusal]:
    """M20: charged peak times half a period, said as the least frequency for the current."""
    if case.current_ua is not None and case.frequency_hz is not None:
        bound = bounds.slowest(case.current_ua, case.device)
        if case.frequency_hz < bound.minimum:
            yield _outside("frequency_hz", bound)


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
"""What is wrong with a request whatever the device is doing: first what it says, then whether
device and person suit it, then what it adds up to."""

"""Errors of a request, whatever the device is doing: one small function per rule.

What would be allowed comes from `bounds`. Anything that is not a number (NaN, infinity, text,
nothing) is inside no bound.
"""

from collections.abc import Iterator
import math
from typing import Final

from .. import limits
from ..device import EyeShield
from ..dose import charge_ma_min, fluence_j_cm2, uncertainty
from ..limits import Bound
from ..model import Channel, Grade, Modality, SkinType
from ..refusal import Reason, Refusal
from . import bounds
from .request import NormalizedRequest
from .situation import Situation


def _check(field: str, value: float, bound: Bound) -> Iterator[Refusal]:
    if not bound.contains(value):
        yield _outside(field, bound)


def _at_most(field: str, value: float, bound: Bound) -> Iterator[Refusal]:
    """Check a number derived from others, which are checked for being too small by themselves."""
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


def same_person(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """Rule 9: the named person is the one whose budget counts, or nothing starts."""
    if request.parameters.person.person_id != situation.person.person_id:
        yield Refusal(reason=Reason.UNKNOWN_PERSON, field="person")


def modality(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """Light for a mask, current for a wand, and nothing of the other."""
    if request.parameters.modality is not situation.device.modality:
        yield Refusal(reason=Reason.WRONG_MODALITY, detail=situation.device.modality)
    if situation.device.modality is Modality.WAND and request.parameters.irradiance_mw_cm2:
        yield Refusal(
            reason=Reason.WRONG_MODALITY, field="channels", detail=situation.device.modality
        )
    if situation.device.modality is Modality.MASK:
        for field, value in (
            ("current_ua", request.current_ua),
            ("frequency_hz", request.frequency_hz),
        ):
            if value is not None:
                yield Refusal(
                    reason=Reason.WRONG_MODALITY, field=field, detail=situation.device.modality
                )


def selection(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """A mask needs a channel, a wand its current and frequency."""
    if situation.device.modality is Modality.MASK and not request.parameters.irradiance_mw_cm2:
        yield Refusal(reason=Reason.NOTHING_SELECTED, field="channels")
    if situation.device.modality is Modality.WAND:
        for field, value in (
            ("current_ua", request.current_ua),
            ("frequency_hz", request.frequency_hz),
        ):
            if value is None:
                yield Refusal(reason=Reason.NOTHING_SELECTED, field=field)


def channels(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """Channels that exist, and that the mask has."""
    if situation.device.modality is Modality.MASK:
        for channel in request.parameters.irradiance_mw_cm2:
            if channel not in situation.device.full_mw_cm2:
                yield Refusal(reason=Reason.BAD_CHANNEL, field=_field(channel), detail=str(channel))


def duration(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """L7, M13, L28: the time of a session."""
    yield from _check(
        "duration_s", request.duration_s, bounds.duration(situation.device, situation.person)
    )


def irradiance(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """L1 to L4: each channel by itself."""
    for channel, level in request.light.items():
        if channel in situation.device.full_mw_cm2:
            yield from _check(
                _field(channel),
                level,
                bounds.irradiance(channel, situation.device, situation.person),
            )


def peak_current(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """M1, M3: the peak, also for the area that touches the skin."""
    if request.current_ua is not None:
        yield from _check(
            "current_ua", request.current_ua, bounds.current(situation.device, situation.person)
        )


def frequency(request: NormalizedRequest, _situation: Situation) -> Iterator[Refusal]:
    """M5: the waveform."""
    if request.frequency_hz is not None:
        yield from _check("frequency_hz", request.frequency_hz, bounds.frequency())


def window(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """L30, M21: how long an armed device may wait to be put on."""
    yield from _check("window_s", request.window_s, bounds.window(situation.device.modality))


# --- device and person ----------------------------------------------------------------------------


def calibration(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """L28: without calibration red only, and no wand. An uncertainty must be a number."""
    if math.isinf(uncertainty(situation.device)) or (
        situation.device.grade is Grade.NONE and situation.device.modality is Modality.WAND
    ):
        yield Refusal(reason=Reason.NOT_CALIBRATED)
    elif situation.device.grade is Grade.NONE:
        for channel in request.light:
            if channel is not Channel.RED:
                yield Refusal(reason=Reason.NOT_CALIBRATED, field=_field(channel))


def eye_shield(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """L24: no near-infrared and no blue without an eye shield."""
    if situation.device.eye_shield is EyeShield.NONE:
        for channel in (Channel.NEAR_INFRARED, Channel.BLUE):
            if channel in request.light:
                yield Refusal(reason=Reason.EYE_SHIELD_MISSING, field=_field(channel))


def skin(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """L25: no blue for skin types IV to VI, an unknown type, or where screening found it unfit.

    Type IV may opt for half.
    """
    if Channel.BLUE not in request.light:
        return
    dark = situation.person.skin_type in limits.DARK_SKIN and not (
        situation.person.skin_type is SkinType.IV and situation.person.options.half_blue
    )
    screening = situation.person.eligibility.screenings.get(Modality.MASK)
    if dark or screening is None or not screening.blue:
        yield Refusal(reason=Reason.SKIN_TYPE, field=_field(Channel.BLUE))


# --- what it adds up to ---------------------------------------------------------------------------


def total_irradiance(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """L5: all channels together."""
    yield from _at_most(
        "channels",
        round(sum(request.lit.values()), 6),
        bounds.total_irradiance(situation.device, situation.person),
    )


def exposure_ratio(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """L6: the sum of E / EL."""
    ratio = sum(level / limits.EXPOSURE_LIMIT[channel] for channel, level in request.lit.items())
    yield from _at_most(
        "channels", round(ratio, 9), bounds.exposure_ratio(situation.device, situation.person)
    )


def fluence(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """L8 to L11, L19: fluence of each channel, as the time for which its level would be allowed."""
    for channel, level in request.lit.items():
        yield from _at_most(
            "duration_s",
            request.duration_s,
            bounds.light_seconds(
                limits.FLUENCE[channel], fluence_j_cm2(level, 1), situation.device, situation.person
            ),
        )


def fluence_session(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """L12, L19: fluence of all channels together."""
    together = fluence_j_cm2(sum(request.lit.values()), 1)
    yield from _at_most(
        "duration_s",
        request.duration_s,
        bounds.light_seconds(limits.FLUENCE_SESSION, together, situation.device, situation.person),
    )


def charge(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """M15, L19: charge, said as the time for which the current would be allowed."""
    if request.current_ua is not None:
        yield from _at_most(
            "duration_s",
            request.duration_s,
            bounds.current_seconds(
                charge_ma_min(request.current_ua, 1), situation.device, situation.person
            ),
        )


def half_period_charge(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """M20: worst-case peak times half a period, said as the least frequency for the current."""
    if request.current_ua is not None and request.frequency_hz is not None:
        bound = bounds.slowest(request.current_ua, situation.device)
        if request.frequency_hz < bound.minimum:
            yield _outside("frequency_hz", bound)


CONSTRAINTS: Final = (
    same_person,
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
"""First what the request says, then whether device and person suit it, then what it adds up to."""

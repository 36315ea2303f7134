"""What a request is in physical units, for one person on one device.

`resolve_program` fits a recipe to skin, calibration and phase, and to nothing else; `permit` then
says yes or no. It leaves out or replaces light only where the recipe says so: blemish-prone without
blue for skin types IV to VI, puffiness in red without an eye shield. Everything else that does not
fit (a channel that the mask lacks, near-infrared without an eye shield, a mask or wand without
calibration) is refused by `permit`, so that a program never quietly becomes another one. What a
custom program is used as it is, and refused rather than scaled.
"""

from dataclasses import replace
import math
from types import MappingProxyType

from ..device import Device, EyeShield
from ..dose import uncertainty
from ..limits import DARK_SKIN, PROGRAM_UNCERTAINTY, SKIN_FACTOR
from ..model import ByChannel, Modality
from ..person import Person
from ..recipes import NO_CUSTOM_PROGRAMS, Light, Programs, named
from ..refusal import Reason, Refusal, RefusedError
from ..session_parameters import MANUAL, SessionParameters
from ..zones import zone_s
from .bounds import longest, phase
from .request import SessionRequest


def resolve_program(
    program_key: str, person: Person, device: Device, custom: Programs = NO_CUSTOM_PROGRAMS
) -> SessionParameters:
    """Return a program in physical units, for this person on this device.

    Of a built-in one light is base x skin factor x 1.2 / (1 + U), current is base x 1.2 / (1 + U)
    (the skin factor is for light), so that a coarser calibration lowers the drive and the
    worst-case value stays. Both are rounded down to what the wire carries: whole µW/cm² and whole
    µA. In the first three sessions of the modality half of the time; the frequency never changes.
    A person who has opted for less gets that share of the level, and no more than their time. A
    custom program is used as it is.

    Args:
        program_key: A key of `BUILT_IN` or of `custom`.
        person: Skin type, options and the number of sessions so far matter.
        device: Modality, calibration and eye shield matter.
        custom: What the person has made.

    Returns:
        The request: mask irradiance in mW/cm² per channel, or wand current in µA and frequency in
        Hz; seconds.

    Raises:
        RefusedError: `unknown_program`, or `wrong_modality` if the program has no recipe for this
            device. Nothing has changed.
    """
    program = named(program_key, custom)
    recipe = program.mask if device.modality is Modality.MASK else program.wand
    if recipe is None:
        raise RefusedError(
            Refusal(reason=Reason.WRONG_MODALITY, field="program", detail=program_key)
        )
    calibration = (1 + PROGRAM_UNCERTAINTY) / (1 + uncertainty(device))
    duration_s: float = recipe.duration_s
    if not program.custom:
        duration_s = min(duration_s * phase(device, person), longest(device.modality, person))
    request = SessionParameters(
        modality=device.modality, person=person, program=program_key, duration_s=duration_s
    )
    if isinstance(recipe, Light):
        levels = _base(recipe, person, device)
        if not program.custom:
            scale = SKIN_FACTOR[person.skin_type] * calibration * person.options.share
            levels = MappingProxyType(
                {channel: _whole(level * scale * 1000) / 1000 for channel, level in levels.items()}
            )
        return replace(request, irradiance_mw_cm2=levels)
    current_ua: float = recipe.current_ua
    if not program.custom:
        current_ua = _whole(current_ua * calibration * person.options.share)
    if math.isfinite(duration_s):  # the gate refuses anything else
        request = replace(request, zone_s=zone_s(duration_s))
    return replace(request, current_ua=current_ua, frequency_hz=recipe.frequency_hz)


def resolve(
    request: SessionRequest, device: Device, custom: Programs = NO_CUSTOM_PROGRAMS
) -> SessionParameters:
    """Return a request in physical units: its program resolved, or the numbers of a manual one.

    Args:
        request: A manual one needs `duration_s`: the gate refuses it otherwise.
        device: Modality, calibration and eye shield matter.
        custom: The programs that the person has made.

    Raises:
        RefusedError: `unknown_program`, `not_manual` if numbers are given for a program, or
            `wrong_modality` if the program has no recipe for this device. Nothing has changed.
    """
    if request.program == MANUAL:
        return SessionParameters(
            modality=device.modality,
            person=request.person,
            program=MANUAL,
            duration_s=math.nan if request.duration_s is None else request.duration_s,
            irradiance_mw_cm2=request.irradiance_mw_cm2 or {},
            current_ua=request.current_ua,
            frequency_hz=request.frequency_hz,
            gel_rinsed=request.gel_rinsed,
        )
    named(request.program, custom)
    for field, value in (
        ("duration_s", request.duration_s),
        ("channels", request.irradiance_mw_cm2),
        ("current_ua", request.current_ua),
        ("frequency_hz", request.frequency_hz),
    ):
        if value is not None:
            raise RefusedError(Refusal(reason=Reason.NOT_MANUAL, field=field))
    return replace(
        resolve_program(request.program, request.person, device, custom),
        gel_rinsed=request.gel_rinsed,
    )


def _base(light: Light, person: Person, device: Device) -> ByChannel:
    if light.dark_skin_mw_cm2 is not None and person.skin_type in DARK_SKIN:
        return light.dark_skin_mw_cm2
    if light.no_eye_shield_mw_cm2 is not None and device.eye_shield is EyeShield.NONE:
        return light.no_eye_shield_mw_cm2
    return light.irradiance_mw_cm2


def _whole(value: float) -> int:
    """Round down, but let 27 999.999 999 9 be the 28 000 that it is."""
    return math.floor(value + 1e-6)

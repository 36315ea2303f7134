"""The built-in programs, and what they are for one person on one device.

`resolve` fits a recipe to skin, calibration and phase, and to nothing else; `safety.permit` then says yes or no. It leaves out or replaces light only where the
recipe itself says so: blemish-prone without blue for skin types IV to VI, puffiness in red without an eye shield. Everything else that does not fit (a channel
that the mask lacks, near-infrared without an eye shield, a mask or wand without calibration) is refused by `permit`, so that a program never quietly becomes
another one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
import math
from types import MappingProxyType
from typing import Final

from .allowed import longest, phase
from .dose import uncertainty
from .limits import DARK_SKIN, PROGRAM_UNCERTAINTY, SKIN_FACTOR
from .model import ByChannel, Channel, Device, EyeShield, Modality, Person, Reason, Refusal, RefusedError, Request
from .zones import zone_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """The recipe for a mask."""

    irradiance_mw_cm2: ByChannel
    """Base, nominal at the skin, for skin types I to III and U = 0.20."""
    dark_skin_mw_cm2: ByChannel | None = None
    """Base for skin types IV to VI, where it differs."""
    no_eye_shield_mw_cm2: ByChannel | None = None
    """Base for a mask without an eye shield, where it differs."""
    duration_s: int
    per_week: int
    """Sessions a week."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """The recipe for a wand."""

    current_ua: int
    """Base, nominal peak, for U = 0.20."""
    frequency_hz: float
    duration_s: int
    per_week: int
    """Sessions a week."""
    per_week_starting: int
    """Sessions a week in the starting phase, at most eight weeks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A named recipe, for a mask and, where it has one, for a wand."""

    key: str
    mask: Light
    wand: Current | None = None
    build_up_weeks: int
    """After so many weeks a plan proposes to keep up what was reached."""


def _levels(**channels: float) -> ByChannel:
    return MappingProxyType({Channel(name): level for name, level in channels.items()})


BUILT_IN: Final[Mapping[str, Program]] = MappingProxyType(
    {
        program.key: program
        for program in (
            Program(
                key="fine_lines",
                mask=Light(irradiance_mw_cm2=_levels(red=28, near_infrared=28), duration_s=600, per_week=3),
                wand=Current(current_ua=200, frequency_hz=8.3, duration_s=300, per_week=2, per_week_starting=2),
                build_up_weeks=12,
            ),
            Program(
                key="sagging_jawline",
                mask=Light(irradiance_mw_cm2=_levels(red=28, near_infrared=28), duration_s=600, per_week=3),
                wand=Current(current_ua=250, frequency_hz=8.3, duration_s=300, per_week=2, per_week_starting=3),
                build_up_weeks=8,
            ),
            Program(
                key="blemish_prone",
                mask=Light(irradiance_mw_cm2=_levels(blue=16, red=28), dark_skin_mw_cm2=_levels(red=28), duration_s=600, per_week=2),
                build_up_weeks=8,
            ),
            Program(key="uneven_tone", mask=Light(irradiance_mw_cm2=_levels(amber=14, red=14), duration_s=480, per_week=2), build_up_weeks=8),
            Program(
                key="puffiness",
                mask=Light(irradiance_mw_cm2=_levels(near_infrared=14), no_eye_shield_mw_cm2=_levels(red=14), duration_s=300, per_week=2),
                wand=Current(current_ua=100, frequency_hz=1, duration_s=300, per_week=2, per_week_starting=2),
                build_up_weeks=4,
            ),
            Program(
                key="first_use",
                mask=Light(irradiance_mw_cm2=_levels(red=14), duration_s=240, per_week=2),
                wand=Current(current_ua=75, frequency_hz=8.3, duration_s=180, per_week=1, per_week_starting=1),
                build_up_weeks=2,
            ),
        )
    }
)
"""By key. Cosmetic goals only; the numbers are engineering judgement inside published exposures (docs/safety.md, "Built-in programs")."""


def resolve(program_key: str, person: Person, device: Device) -> Request:
    """Return what a built-in program is for this person on this device; whether it may start is for `safety.permit` to say.

    Light is base x skin factor x 1.2 / (1 + U), current is base x 1.2 / (1 + U) (the skin factor is for light), so that a coarser calibration lowers the drive
    and the charged value stays. Both are rounded down to what the wire carries: whole µW/cm² and whole µA. In the first three sessions of the modality half
    of the time; the frequency never changes. A person who has opted for less gets that share of the level, and no more than their time.

    Args:
        program_key: A key of `BUILT_IN`.
        person: Skin type, options and the number of sessions so far matter.
        device: Modality, calibration and eye shield matter.

    Returns:
        The request: mask irradiance in mW/cm² per channel, or wand current in µA and frequency in Hz; seconds.

    Raises:
        RefusedError: `unknown_program`, or `wrong_modality` if the program has no recipe for this device. Nothing has changed.
    """
    program = BUILT_IN.get(program_key)
    if program is None:
        raise RefusedError(Refusal(reason=Reason.UNKNOWN_PROGRAM, field="program", detail=program_key))
    calibration = (1 + PROGRAM_UNCERTAINTY) / (1 + uncertainty(device))
    share = phase(device, person)
    if device.modality is Modality.MASK:
        scale = SKIN_FACTOR[person.skin_type] * calibration * person.options.share
        base = _base(program.mask, person, device)
        return Request(
            modality=Modality.MASK,
            person=person,
            program=program_key,
            duration_s=min(program.mask.duration_s * share, longest(Modality.MASK, person)),
            irradiance_mw_cm2=MappingProxyType({channel: _whole(level * scale * 1000) / 1000 for channel, level in base.items()}),
        )
    if program.wand is None:
        raise RefusedError(Refusal(reason=Reason.WRONG_MODALITY, field="program", detail=program_key))
    duration_s = min(program.wand.duration_s * share, longest(Modality.WAND, person))
    return Request(
        modality=Modality.WAND,
        person=person,
        program=program_key,
        duration_s=duration_s,
        zone_s=zone_s(duration_s),
        current_ua=_whole(program.wand.current_ua * calibration * person.options.share),
        frequency_hz=program.wand.frequency_hz,
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

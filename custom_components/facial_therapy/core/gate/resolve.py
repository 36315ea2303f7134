"""The built-in programs, what people make themselves, and what they are for one person on one device.

`resolve` fits a recipe to skin, calibration and phase, and to nothing else; `permit` then says yes
or no. It leaves out or replaces light only where the recipe itself says so: blemish-prone without
blue for skin types IV to VI, puffiness in red without an eye shield. Everything else that does not
fit (a channel that the mask lacks, near-infrared without an eye shield, a mask or wand without
calibration) is refused by `permit`, so that a program never quietly becomes another one. What a
person has made themselves is taken as it is, and refused rather than scaled.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
import math
from types import MappingProxyType
from typing import Final

from ..dose import uncertainty
from ..limits import DARK_SKIN, PROGRAM_UNCERTAINTY, SKIN_FACTOR
from ..model import (
    ByChannel,
    Channel,
    Device,
    EyeShield,
    Modality,
    Person,
    Reason,
    Refusal,
    RefusedError,
    SessionParameters,
)
from ..zones import zone_s
from .bounds import longest, phase


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
    """A named recipe, for a mask, for a wand, or for both."""

    key: str
    """Of a program that a person has made: its name."""
    mask: Light | None = None
    wand: Current | None = None
    build_up_weeks: int | None = None
    """After so many weeks a plan proposes to keep up what was reached; None: never."""
    custom: bool = False
    """Made by a person: taken as it is."""

    @property
    def modalities(self) -> frozenset[Modality]:
        """What it has a recipe for."""
        recipes = {Modality.MASK: self.mask, Modality.WAND: self.wand}
        return frozenset(modality for modality, recipe in recipes.items() if recipe is not None)

    def per_week(self, modality: Modality) -> int:
        """Return its sessions a week; 0 for what it has no recipe for."""
        recipe = self.mask if modality is Modality.MASK else self.wand
        return 0 if recipe is None else recipe.per_week

    def longest_s(self, modality: Modality) -> int:
        """Return how long its session takes at most, for anybody on any device; 0 for what it has no recipe for."""
        recipe = self.mask if modality is Modality.MASK else self.wand
        return 0 if recipe is None else recipe.duration_s


type Programs = Mapping[str, Program]
"""By key."""


def _levels(**channels: float) -> ByChannel:
    return MappingProxyType({Channel(name): level for name, level in channels.items()})


BUILT_IN: Final[Programs] = MappingProxyType(
    {
        program.key: program
        for program in (
            Program(
                key="fine_lines",
                mask=Light(
                    irradiance_mw_cm2=_levels(red=28, near_infrared=28), duration_s=600, per_week=3
                ),
                wand=Current(
                    current_ua=200,
                    frequency_hz=8.3,
                    duration_s=300,
                    per_week=2,
                    per_week_starting=2,
                ),
                build_up_weeks=12,
            ),
            Program(
                key="sagging_jawline",
                mask=Light(
                    irradiance_mw_cm2=_levels(red=28, near_infrared=28), duration_s=600, per_week=3
                ),
                wand=Current(
                    current_ua=250,
                    frequency_hz=8.3,
                    duration_s=300,
                    per_week=2,
                    per_week_starting=3,
                ),
                build_up_weeks=8,
            ),
            Program(
                key="blemish_prone",
                mask=Light(
                    irradiance_mw_cm2=_levels(blue=16, red=28),
                    dark_skin_mw_cm2=_levels(red=28),
                    duration_s=600,
                    per_week=2,
                ),
                build_up_weeks=8,
            ),
            Program(
                key="uneven_tone",
                mask=Light(irradiance_mw_cm2=_levels(amber=14, red=14), duration_s=480, per_week=2),
                build_up_weeks=8,
            ),
            Program(
                key="puffiness",
                mask=Light(
                    irradiance_mw_cm2=_levels(near_infrared=14),
                    no_eye_shield_mw_cm2=_levels(red=14),
                    duration_s=300,
                    per_week=2,
                ),
                wand=Current(
                    current_ua=100, frequency_hz=1, duration_s=300, per_week=2, per_week_starting=2
                ),
                build_up_weeks=4,
            ),
            Program(
                key="first_use",
                mask=Light(irradiance_mw_cm2=_levels(red=14), duration_s=240, per_week=2),
                wand=Current(
                    current_ua=75, frequency_hz=8.3, duration_s=180, per_week=1, per_week_starting=1
                ),
                build_up_weeks=2,
            ),
        )
    }
)
"""By key. Cosmetic goals only; the numbers are engineering judgement inside published exposures
(docs/safety.md, "Built-in programs")."""


NO_CUSTOM_PROGRAMS: Final[Programs] = MappingProxyType({})


def named(key: str, custom: Programs = NO_CUSTOM_PROGRAMS) -> Program:
    """Return a program by its key: a built-in one, else one that the person has made.

    Raises:
        RefusedError: `unknown_program`.
    """
    if (program := BUILT_IN.get(key) or custom.get(key)) is None:
        raise RefusedError(Refusal(reason=Reason.UNKNOWN_PROGRAM, field="program", detail=key))
    return program


def resolve(
    program_key: str, person: Person, device: Device, custom: Programs = NO_CUSTOM_PROGRAMS
) -> SessionParameters:
    """Return what a program is for this person on this device; whether it may start is for `permit` to say.

    Of a built-in one light is base x skin factor x 1.2 / (1 + U), current is base x 1.2 / (1 + U)
    (the skin factor is for light), so that a coarser calibration lowers the drive and the charged
    value stays. Both are rounded down to what the wire carries: whole µW/cm² and whole µA. In the
    first three sessions of the modality half of the time; the frequency never changes. A person who
    has opted for less gets that share of the level, and no more than their time. One that a person
    has made is taken as it is.

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
    if math.isfinite(duration_s):  # what is no number is for the gate to refuse
        request = replace(request, zone_s=zone_s(duration_s))
    return replace(request, current_ua=current_ua, frequency_hz=recipe.frequency_hz)


def _base(light: Light, person: Person, device: Device) -> ByChannel:
    if light.dark_skin_mw_cm2 is not None and person.skin_type in DARK_SKIN:
        return light.dark_skin_mw_cm2
    if light.no_eye_shield_mw_cm2 is not None and device.eye_shield is EyeShield.NONE:
        return light.no_eye_shield_mw_cm2
    return light.irradiance_mw_cm2


def _whole(value: float) -> int:
    """Round down, but let 27 999.999 999 9 be the 28 000 that it is."""
    return math.floor(value + 1e-6)

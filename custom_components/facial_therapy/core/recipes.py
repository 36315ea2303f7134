"""The programs: recipes for mask and wand, the built-in ones as data.

Cosmetic goals only; the numbers are engineering judgement inside published exposures
(docs/safety.md, "Built-in programs").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from .model import ByChannel, Channel, Modality
from .refusal import Reason, Refusal, RefusedError


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
    """After so many weeks a plan proposes its maintenance phase; None: never."""
    custom: bool = False
    """Made by a person: used as it is."""

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
        """Return how long its session takes at most, in seconds; 0 if it has no recipe."""
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

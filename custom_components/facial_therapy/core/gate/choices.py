"""Skin type and options as a person chose them: stricter applies now, looser after 24 hours.

Source: docs/safety.md, X9.
"""

from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from .. import limits
from ..model import Modality, SkinType
from ..person import Options
from ..refusal import Reason, Refusal, RefusedError

# --- skin type ------------------------------------------------------------------------------------

DARKER: Final = (
    SkinType.I,
    SkinType.II,
    SkinType.III,
    SkinType.IV,
    SkinType.V,
    SkinType.VI,
    SkinType.UNKNOWN,
)
"""From what allows most to what allows least; not answered counts as the darkest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skin:
    """A skin type as it was answered: a darker one applies now, a lighter one after a day."""

    wanted: SkinType = SkinType.UNKNOWN
    before: SkinType = SkinType.UNKNOWN
    """What held when it was answered."""
    loosened_at: datetime | None = None
    """When the answer holds; None: it does."""

    def at(self, now: datetime) -> SkinType:
        """Return what holds now."""
        if self.loosened_at is None or now >= self.loosened_at:
            return self.wanted
        return max(self.wanted, self.before, key=DARKER.index)


def answered(skin: Skin, wanted: SkinType, now: datetime) -> Skin:
    """Return the skin type after a person has answered again: the same answer restarts nothing.

    Source: docs/safety.md, X9.
    """
    if wanted is skin.wanted:
        return skin
    before = skin.at(now)
    loosens = DARKER.index(wanted) < DARKER.index(before)
    return Skin(
        wanted=wanted, before=before, loosened_at=now + limits.LOOSENED_AFTER if loosens else None
    )


# --- options --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Options as they were chosen: stricter ones apply immediately, looser ones after a day."""

    wanted: Options = field(default_factory=Options)
    before: Options = field(default_factory=Options)
    """What held when they were chosen."""
    loosened_at: datetime | None = None
    """When all of it holds; None: it does."""

    def options(self, now: datetime) -> Options:
        """Return what holds now, never beyond what may be chosen at all."""
        if self.loosened_at is None or now >= self.loosened_at:
            return within(self.wanted)
        return tightest(within(self.wanted), within(self.before))


def choose(choice: Choice, wanted: Options, now: datetime) -> Choice:
    """Return the choice after a person has chosen.

    A change restarts the day for every option that is not loosened yet; choosing the same does not.

    Raises:
        RefusedError: `out_of_bounds`, with the option. Nothing has changed.

    Source: docs/safety.md, X9.
    """
    for name, bound in BOUNDS.items():
        if not bound.contains(value := getattr(wanted, name)):
            raise RefusedError(
                Refusal(
                    reason=Reason.OUT_OF_BOUNDS,
                    field=name,
                    minimum=bound.minimum,
                    maximum=bound.maximum,
                    unit=bound.unit,
                    detail=f"{value}",
                )
            )
    if wanted == choice.wanted:
        return choice
    before = choice.options(now)
    loosens = tightest(wanted, before) != wanted
    return Choice(
        wanted=wanted, before=before, loosened_at=now + limits.LOOSENED_AFTER if loosens else None
    )


BOUNDS: Final = MappingProxyType(
    {
        "mask_sessions_week": limits.OPTION_SESSIONS_WEEK,
        "mask_duration_s": limits.OPTION_DURATION_S[Modality.MASK],
        "wand_duration_s": limits.OPTION_DURATION_S[Modality.WAND],
        "share": limits.OPTION_SHARE,
    }
)
"""The options that are numbers; the others are yes or no."""


def tightest(one: Options, other: Options) -> Options:
    """Return the stricter of each option: less is stricter, and no is."""
    return Options(
        **{
            each.name: min(getattr(one, each.name), getattr(other, each.name))
            for each in fields(Options)
        }
    )


def within(options: Options) -> Options:
    """Return options with values out of bounds replaced by their defaults."""
    default = Options()
    return replace(
        options,
        **{
            name: getattr(default, name)
            for name, bound in BOUNDS.items()
            if not bound.contains(getattr(options, name))
        },
    )

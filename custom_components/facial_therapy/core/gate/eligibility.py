"""Whether a person may be treated at all, and with what options.

Every rule is a constraint of its own, as in `request`. What a person, an automation or a clock does
to an `Eligibility` is a function that returns a new one. Whatever is reported makes it stricter at
once; nothing but a person makes it milder, and no function here does so before the hard time is
over.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from .. import limits
from ..model import (
    Eligibility,
    Hold,
    Modality,
    Options,
    Reason,
    Refusal,
    RefusedError,
    Screening,
    SkinType,
    Verdict,
)
from .request import Turn

# --- may they start -------------------------------------------------------------------------------


def adult(turn: Turn) -> Iterator[Refusal]:
    """X5: 18 or older, confirmed."""
    if not turn.person.eligibility.adult:
        yield Refusal(reason=Reason.NOT_ADULT)


def screened(turn: Turn) -> Iterator[Refusal]:
    """X4, X7: who has not been asked may not start. A screening of the future is none: a clock was wrong, and how long it holds is not known."""
    screening = _screening(turn)
    if screening is None or screening.screened_at > turn.now:
        yield Refusal(reason=Reason.NOT_SCREENED, detail=turn.device.modality)


def unexpired(turn: Turn) -> Iterator[Refusal]:
    """X4: answers grow old, by the stored date and by the hard limit."""
    screening = _screening(turn)
    if screening is not None and turn.now >= min(
        screening.expires_at, screening.screened_at + max(limits.SCREENING_HOLDS)
    ):
        yield Refusal(reason=Reason.SCREENING_EXPIRED, detail=turn.device.modality)


def fit(turn: Turn) -> Iterator[Refusal]:
    """X5: nothing overrides a block; a clinician's word without its date is none."""
    screening = _screening(turn)
    if screening is None or screening.verdict is Verdict.CLEAR:
        return
    if screening.verdict is Verdict.BLOCKED or screening.clinician_on is None:
        yield Refusal(reason=Reason.SCREENING_BLOCKED, detail=turn.device.modality)


def on_hold(turn: Turn) -> Iterator[Refusal]:
    """X5: after a peel or the like."""
    block = turn.person.eligibility.holds.get(turn.device.modality)
    if block is not None:
        yield from _until(Reason.ON_HOLD, max(block.until, block.hard_until), turn)


def redness(turn: Turn) -> Iterator[Refusal]:
    """X8: no light on skin that is red."""
    if turn.device.modality is Modality.MASK:
        yield from _until(Reason.REDNESS, turn.person.eligibility.redness_until, turn)


def red_flag(turn: Turn) -> Iterator[Refusal]:
    """X6: both modalities, until a person has cleared it; time alone does not."""
    if turn.person.eligibility.red_flag_at is not None:
        yield Refusal(reason=Reason.RED_FLAG)


def skin_fine(turn: Turn) -> Iterator[Refusal]:
    """X8: "is your skin fine today?", answered with no."""
    yield from _until(Reason.SKIN_NOT_FINE, turn.person.eligibility.not_fine_until, turn)


CONSTRAINTS: Final = (adult, screened, unexpired, fit, on_hold, redness, red_flag, skin_fine)
"""What stands against a person's turn at a device, whatever is asked of it."""


def against(turn: Turn) -> tuple[Refusal, ...]:
    """Return all that stands against a person's turn, in the order of the rules; empty if nothing does."""
    return tuple(refusal for rule in CONSTRAINTS for refusal in rule(turn))


def _screening(turn: Turn) -> Screening | None:
    return turn.person.eligibility.screenings.get(turn.device.modality)


def _until(reason: Reason, until: datetime | None, turn: Turn) -> Iterator[Refusal]:
    """Whatever has to be waited for; a wall clock that is put forward does not end it."""
    now = turn.now if turn.ledger_at is None else min(turn.now, turn.ledger_at)
    if until is not None and now < until:
        yield Refusal(reason=reason, allowed_at=until)


# --- what is reported, only ever stricter ---------------------------------------------------------


def blocked(eligibility: Eligibility, modalities: Iterable[Modality], block: Hold) -> Eligibility:
    """Return a standing in which these modalities wait; a block that is there is never shortened, and of what for nothing is kept."""
    holds = dict(eligibility.holds)
    for modality in modalities:
        there = holds.get(modality, block)
        holds[modality] = Hold(
            until=max(there.until, block.until), hard_until=max(there.hard_until, block.hard_until)
        )
    return replace(eligibility, holds=MappingProxyType(holds))


def reddened(eligibility: Eligibility, now: datetime) -> Eligibility:
    """Return a standing in which light waits for 72 h from now."""
    return replace(
        eligibility, redness_until=_later(eligibility.redness_until, now + limits.REDNESS_LOCK)
    )


def flagged(eligibility: Eligibility, now: datetime) -> Eligibility:
    """Return a standing in which nothing starts before a person has cleared it, which they can 7 days from now."""
    return replace(eligibility, red_flag_at=_later(eligibility.red_flag_at, now))


def not_fine(eligibility: Eligibility, now: datetime) -> Eligibility:
    """Return a standing in which nothing starts today: for 20 h from now."""
    return replace(
        eligibility, not_fine_until=_later(eligibility.not_fine_until, now + limits.SKIN_NOT_FINE)
    )


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return one if other is None else _later(one, other)


def screened_anew(
    eligibility: Eligibility, screenings: Mapping[Modality, Screening]
) -> Eligibility:
    """Return the standing of an adult after a screening; what has been reported and has to be waited for stays."""
    return replace(eligibility, adult=True, screenings=MappingProxyType(dict(screenings)))


# --- what a person takes back ---------------------------------------------------------------------


def unblocked(eligibility: Eligibility, now: datetime) -> Eligibility:
    """Return a standing in which dated blocks end as early as they may: after their hard time, and no sooner than any other loosening."""
    earliest = now + limits.LOOSENED_AFTER
    holds = {
        modality: replace(block, until=min(block.until, max(block.hard_until, earliest)))
        for modality, block in eligibility.holds.items()
        if now < max(block.until, block.hard_until)
    }
    return replace(eligibility, holds=MappingProxyType(holds))


def cleared(eligibility: Eligibility, now: datetime) -> Eligibility:
    """Return a standing without its red flag.

    Raises:
        RefusedError: `red_flag`, before its 7 days are over, with the time at which they are.
            Nothing has changed.
    """
    if eligibility.red_flag_at is not None and now < (
        at := eligibility.red_flag_at + limits.RED_FLAG_LATCH
    ):
        raise RefusedError(Refusal(reason=Reason.RED_FLAG, allowed_at=at))
    return replace(eligibility, red_flag_at=None)


def erased(eligibility: Eligibility, now: datetime) -> Eligibility:
    """Return what is left of a standing when a person's data is erased: what still has to be waited for, which nobody can read anything from."""
    return Eligibility(
        holds=MappingProxyType(
            {
                modality: block
                for modality, block in eligibility.holds.items()
                if now < max(block.until, block.hard_until)
            }
        ),
        redness_until=_still(eligibility.redness_until, now),
        red_flag_at=eligibility.red_flag_at,
        not_fine_until=_still(eligibility.not_fine_until, now),
    )


def _still(until: datetime | None, now: datetime) -> datetime | None:
    return until if until is not None and now < until else None


def inherited(eligibility: Eligibility, left: Iterable[Eligibility]) -> Eligibility:
    """Return a standing that waits for what others have left behind as well: it may be the same face under another name."""
    for other in left:
        for modality, block in other.holds.items():
            eligibility = blocked(eligibility, [modality], block)
        eligibility = replace(
            eligibility,
            redness_until=_latest(eligibility.redness_until, other.redness_until),
            red_flag_at=_latest(eligibility.red_flag_at, other.red_flag_at),
            not_fine_until=_latest(eligibility.not_fine_until, other.not_fine_until),
        )
    return eligibility


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
    """A skin type as it was answered: a darker one than before holds at once, a lighter one a day later."""

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
    """Options as they were chosen: what allows more than before holds a day later, what allows less at once."""

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
    """Return the choice after a person has chosen: a change restarts the day for everything that is not yet loosened, choosing the same again does not.

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
    """Return options that are inside their bounds: what is not counts as the default."""
    default = Options()
    return replace(
        options,
        **{
            name: getattr(default, name)
            for name, bound in BOUNDS.items()
            if not bound.contains(getattr(options, name))
        },
    )

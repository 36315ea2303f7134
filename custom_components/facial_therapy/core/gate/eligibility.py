"""Whether a person may be treated at all, and with what options.

Each rule yields refusals. What a person, an automation or a clock does
to an `Eligibility` is a function that returns a new one. Whatever is reported makes it stricter at
once; nothing but a person makes it milder, and no function here does so before the hard time is
over.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from .. import limits
from ..model import Modality
from ..person import Eligibility, Hold, Screening, Verdict
from ..refusal import Reason, Refusal, RefusedError
from .situation import Situation

# --- may they start -------------------------------------------------------------------------------


def adult(situation: Situation) -> Iterator[Refusal]:
    """X5: 18 or older, confirmed."""
    if not situation.person.eligibility.adult:
        yield Refusal(reason=Reason.NOT_ADULT)


def screened(situation: Situation) -> Iterator[Refusal]:
    """X4, X7: nobody starts without a screening.

    One that is dated ahead counts as none: a clock was wrong, and nobody knows how long it holds.
    """
    screening = _screening(situation)
    if screening is None or screening.screened_at > situation.now:
        yield Refusal(reason=Reason.NOT_SCREENED, detail=situation.device.modality)


def unexpired(situation: Situation) -> Iterator[Refusal]:
    """X4: answers grow old, by the stored date and by the hard limit."""
    screening = _screening(situation)
    if screening is not None and situation.now >= min(
        screening.expires_at, screening.screened_at + max(limits.SCREENING_HOLDS)
    ):
        yield Refusal(reason=Reason.SCREENING_EXPIRED, detail=situation.device.modality)


def fit(situation: Situation) -> Iterator[Refusal]:
    """X5: nothing overrides a block; a clinician's word without its date is none."""
    screening = _screening(situation)
    if screening is None or screening.verdict is Verdict.CLEAR:
        return
    if screening.verdict is Verdict.BLOCKED or screening.clinician_on is None:
        yield Refusal(reason=Reason.SCREENING_BLOCKED, detail=situation.device.modality)


def on_hold(situation: Situation) -> Iterator[Refusal]:
    """X5: after a peel or the like."""
    block = situation.person.eligibility.holds.get(situation.device.modality)
    if block is not None:
        yield from _until(Reason.ON_HOLD, max(block.until, block.hard_until), situation)


def redness(situation: Situation) -> Iterator[Refusal]:
    """X8: no light on skin that is red."""
    if situation.device.modality is Modality.MASK:
        yield from _until(Reason.REDNESS, situation.person.eligibility.redness_until, situation)


def red_flag(situation: Situation) -> Iterator[Refusal]:
    """X6: both modalities, until a person has cleared it; time alone does not."""
    if situation.person.eligibility.red_flag_at is not None:
        yield Refusal(reason=Reason.RED_FLAG)


def skin_fine(situation: Situation) -> Iterator[Refusal]:
    """X8: "is your skin fine today?", answered with no."""
    yield from _until(Reason.SKIN_NOT_FINE, situation.person.eligibility.not_fine_until, situation)


CONSTRAINTS: Final = (adult, screened, unexpired, fit, on_hold, redness, red_flag, skin_fine)
"""Rules against treating a person with a device at all."""


def _screening(situation: Situation) -> Screening | None:
    return situation.person.eligibility.screenings.get(situation.device.modality)


def _until(reason: Reason, until: datetime | None, situation: Situation) -> Iterator[Refusal]:
    """Refuse until a time; a wall clock that is put forward does not end it."""
    if until is not None and min(situation.now, situation.history.at) < until:
        yield Refusal(reason=reason, allowed_at=until)


# --- reports, which are only ever stricter --------------------------------------------------------


def held(eligibility: Eligibility, modalities: Iterable[Modality], block: Hold) -> Eligibility:
    """Add a hold for some modalities; an earlier one is never shortened, and no cause is stored."""
    holds = dict(eligibility.holds)
    for modality in modalities:
        there = holds.get(modality, block)
        holds[modality] = Hold(
            until=max(there.until, block.until), hard_until=max(there.hard_until, block.hard_until)
        )
    return replace(eligibility, holds=MappingProxyType(holds))


def reddened(eligibility: Eligibility, now: datetime) -> Eligibility:
    """Add 72 h without light from now."""
    return replace(
        eligibility, redness_until=_later(eligibility.redness_until, now + limits.REDNESS_LOCK)
    )


def flagged(eligibility: Eligibility, now: datetime) -> Eligibility:
    """Latch a red flag: nothing starts until a person clears it, in 7 days at the earliest."""
    return replace(eligibility, red_flag_at=_later(eligibility.red_flag_at, now))


def not_fine(eligibility: Eligibility, now: datetime) -> Eligibility:
    """Add 20 h without sessions from now."""
    return replace(
        eligibility, not_fine_until=_later(eligibility.not_fine_until, now + limits.SKIN_NOT_FINE)
    )


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None else max(one, other)


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return one if other is None else _later(one, other)


def rescreened(eligibility: Eligibility, screenings: Mapping[Modality, Screening]) -> Eligibility:
    """Return the eligibility of an adult after a screening; holds and reports stay."""
    return replace(eligibility, adult=True, screenings=MappingProxyType(dict(screenings)))


# --- what a person takes back ---------------------------------------------------------------------


def released(eligibility: Eligibility, now: datetime) -> Eligibility:
    """End holds as early as allowed: after their hard time, and not within 24 hours from now."""
    earliest = now + limits.LOOSENED_AFTER
    holds = {
        modality: replace(block, until=min(block.until, max(block.hard_until, earliest)))
        for modality, block in eligibility.holds.items()
        if now < max(block.until, block.hard_until)
    }
    return replace(eligibility, holds=MappingProxyType(holds))


def cleared(eligibility: Eligibility, now: datetime) -> Eligibility:
    """Clear the red flag.

    Raises:
        RefusedError: `red_flag`, before its 7 days have passed, with the time of their end.
            Nothing has changed.
    """
    if eligibility.red_flag_at is not None and now < (
        at := eligibility.red_flag_at + limits.RED_FLAG_LATCH
    ):
        raise RefusedError(Refusal(reason=Reason.RED_FLAG, allowed_at=at))
    return replace(eligibility, red_flag_at=None)


def erased(eligibility: Eligibility, now: datetime) -> Eligibility:
    """Return what remains when a person's data is erased: the waiting times, without a cause."""
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
    """Merge the holds inherited from removed people: it may be the same face under another name."""
    for other in left:
        for modality, block in other.holds.items():
            eligibility = held(eligibility, [modality], block)
        eligibility = replace(
            eligibility,
            redness_until=_latest(eligibility.redness_until, other.redness_until),
            red_flag_at=_latest(eligibility.red_flag_at, other.red_flag_at),
            not_fine_until=_latest(eligibility.not_fine_until, other.not_fine_until),
        )
    return eligibility

"""What a person may still have: rest, gaps, and the windows of a day and a week.

Each rule yields refusals and knows nothing of the others, so each holds by itself, and one more can
only tighten. A refusal names the row of docs/safety.md (`detail`), the rest of now in the worst
case (`maximum`), and in `allowed_at` the first moment at which this rule would no longer refuse.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from .. import limits
from ..ledger.record import Record
from ..model import Modality
from ..refusal import Reason, Refusal
from .request import NormalizedRequest
from .situation import Situation
from .windows import WINDOWS, blue, flowed, starting, wall


def _rested(
    situation: Situation, reason: Reason, needed: timedelta, source: str, sessions: list[Record]
) -> Iterator[Refusal]:
    if sessions and situation.history.at < (
        free_at := max(record.over_at for record in sessions) + needed
    ):
        yield Refusal(reason=reason, detail=source, allowed_at=wall(situation, free_at))


def rest(_request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """L18, M18: the time since the last session of the modality that counts."""
    default, hard = limits.REST[situation.device.modality]
    if situation.device.modality is Modality.WAND and starting(situation):
        default = limits.REST_WAND_STARTING
    sessions = [
        record
        for record in situation.history.records
        if record.modality is situation.device.modality and record.counts
    ]
    yield from _rested(
        situation,
        Reason.REST,
        max(default, hard),
        "L18" if situation.device.modality is Modality.MASK else "M18",
        sessions,
    )


def rest_blue(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """L18: the time since the last session with blue light that counts."""
    if blue(request.adding) != 0:
        yield from _rested(
            situation,
            Reason.REST_BLUE,
            max(limits.REST_BLUE),
            "L18",
            [
                record
                for record in situation.history.records
                if record.counts and blue(record.counted) > 0
            ],
        )


def clock_untrusted(_request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """X10: a clock that shows a time before this release was never set, so nothing can be dated."""
    if situation.now < limits.CLOCK_SET:
        yield Refusal(reason=Reason.CLOCK_UNTRUSTED, detail="X10")


def other_session(_request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """X1: never two devices at once."""
    if situation.history.other_session is not None:
        yield Refusal(reason=Reason.OTHER_SESSION, detail=situation.history.other_session.modality)


def gap(_request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """X2: the time between the modalities."""
    default, hard = (
        limits.GAP_WAND_TO_MASK
        if situation.device.modality is Modality.MASK
        else limits.GAP_MASK_TO_WAND
    )
    others = [
        record
        for record in situation.history.records
        if record.modality is not situation.device.modality and flowed(record)
    ]
    yield from _rested(situation, Reason.GAP, max(default, hard), "X2", others)


def gel_not_rinsed(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """X2: no light through gel.

    Nobody is asked who has had light since the wand, or some hours after it.
    """
    if situation.device.modality is Modality.MASK and not request.parameters.gel_rinsed:
        wands = [
            record
            for record in situation.history.records
            if record.modality is Modality.WAND and flowed(record)
        ]
        rinsed = [
            record
            for record in situation.history.records
            if record.modality is Modality.MASK
            and flowed(record)
            and wands
            and record.started_at >= wands[-1].over_at
        ]
        yield from _rested(
            situation, Reason.GEL_NOT_RINSED, limits.GEL_ASKED, "X2", [] if rinsed else wands
        )


CONSTRAINTS: Final[Mapping[str, Callable[[NormalizedRequest, Situation], Iterator[Refusal]]]] = (
    MappingProxyType(
        {
            **{
                rule.__name__: rule
                for rule in (clock_untrusted, other_session, gap, gel_not_rinsed, rest, rest_blue)
            },
            **WINDOWS,
        }
    )
)
"""Every rule by its name."""

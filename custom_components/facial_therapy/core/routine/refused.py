"""What a refused start means for a routine: wait, ask the person, or go on without the step."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from ..refusal import Reason, Refusal
from .transitions import RoutineEvent

WORTH_WAITING: Final = timedelta(minutes=15)
"""A reason that passes within this time is waited for; it is longer than any gap."""
HINDRANCES: Final = frozenset(
    {
        Reason.BUSY,
        Reason.BUTTON_NEEDED,
        Reason.CHARGING,
        Reason.DEVICE_NOT_LOADED,
        Reason.BROWN_OUT,
        Reason.GAP,
        Reason.GEL_NOT_RINSED,
        Reason.NOT_ENROLLED,
        Reason.OTHER_SESSION,
        Reason.SENSOR_NOT_READY,
        Reason.STALE,
        Reason.STALE_TELEMETRY,
        Reason.STILL_WORN,
        Reason.STORE_FAILED,
        Reason.PROFILE_GAP,
        Reason.TOO_HOT,
        Reason.TOO_SOON,
        Reason.UNSEEN_SESSION,
        Reason.WRONG_BOOT,
        Reason.WRONG_STATE,
    }
)
"""What a person can put right within the evening."""


def refused(refusals: Iterable[Refusal], now: datetime) -> tuple[RoutineEvent, Refusal]:
    """Return what the refusal of a start means for a routine, and the refusal that decides it.

    What holds for good counts more than what a person can put right, that more than a device that
    is off, and that more than what passes in a few minutes.

    Args:
        refusals: At least one; the binding one first.
        now: UTC and aware.
    """
    decisive = min(refusals, key=lambda refusal: _MEANINGS.index(_meaning(refusal, now)))
    return _meaning(decisive, now), decisive


_MEANINGS: Final = (
    RoutineEvent.REFUSED,
    RoutineEvent.HINDERED,
    RoutineEvent.OFFLINE,
    RoutineEvent.EARLY,
)


def _meaning(refusal: Refusal, now: datetime) -> RoutineEvent:
    if refusal.allowed_at is not None and refusal.allowed_at <= now + WORTH_WAITING:
        return RoutineEvent.EARLY
    if refusal.reason is Reason.DEVICE_OFFLINE:
        return RoutineEvent.OFFLINE
    return RoutineEvent.HINDERED if refusal.reason in HINDRANCES else RoutineEvent.REFUSED

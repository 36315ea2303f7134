"""`core.routine.refused`: which of several refusals decides, and what it means."""

from datetime import UTC, datetime, timedelta
from typing import Final

from custom_components.facial_therapy.core.refusal import Reason, Refusal
from custom_components.facial_therapy.core.routine.refused import refused
from custom_components.facial_therapy.core.routine.transitions import RoutineEvent

START: Final = datetime(2026, 11, 2, 20, 30, tzinfo=UTC)


def test_of_several_refusals_the_one_that_holds_for_good_decides() -> None:
    offline, busy, skin = (
        Refusal(reason=reason) for reason in (Reason.DEVICE_OFFLINE, Reason.BUSY, Reason.SKIN_TYPE)
    )
    soon = Refusal(reason=Reason.REST, allowed_at=START + timedelta(minutes=15))
    late = Refusal(reason=Reason.REST, allowed_at=START + timedelta(minutes=16))
    assert refused([offline, busy, soon, skin], START) == (RoutineEvent.REFUSED, skin)
    assert refused([offline, late], START) == (RoutineEvent.REFUSED, late)
    assert refused([offline, busy, soon], START) == (RoutineEvent.HINDERED, busy)
    assert refused([soon, offline], START) == (RoutineEvent.OFFLINE, offline)
    assert refused([soon], START) == (RoutineEvent.EARLY, soon)

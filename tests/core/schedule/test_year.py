"""A year of plans, each evening 45 min early or late: no default of a day, week or rest refuses."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, time, timedelta
import random
from typing import Final
from zoneinfo import ZoneInfo

import pytest

from custom_components.facial_therapy.core.device import Device
from custom_components.facial_therapy.core.gate import resolve
from custom_components.facial_therapy.core.ledger.index import LedgerIndex
from custom_components.facial_therapy.core.ledger.record import Record
from custom_components.facial_therapy.core.model import Modality, Outcome
from custom_components.facial_therapy.core.person import Options
from custom_components.facial_therapy.core.refusal import Refused, RefusedError
from custom_components.facial_therapy.core.session_parameters import SessionParameters
from tests.core import answer, eligibility, mask, node, person, screening, wand

HOME: Final = ZoneInfo("Europe/Berlin")
"""With its two days of daylight saving."""
BEGIN: Final = date(2026, 11, 2)
"""A Monday."""
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
LATE: Final = timedelta(minutes=45)

type Session = tuple[datetime, Device, str]
type Evenings = tuple[str, Device, time, tuple[int, ...]]
type Plan = tuple[tuple[Evenings, ...], Options, int]
"""What on which evenings, the person's options, and for how many days."""

LIGHT: Final = ("fine_lines", mask(), time(20, 30), (MON, WED, FRI, SUN))
CURRENT: Final = ("fine_lines", wand(), time(20, 0), (TUE, FRI))
SIX: Final = ("fine_lines", mask(), time(20, 30), (MON, TUE, WED, THU, FRI, SAT))
THRICE: Final = ("sagging_jawline", wand(), time(20, 0), (MON, WED, FRI))
PLANS: Final[dict[str, Plan]] = {
    "light four times": ((LIGHT,), Options(), 365),
    "wand twice": ((CURRENT,), Options(), 365),
    "light six times": ((SIX,), Options(mask_sessions_week=6), 365),
    "both": ((CURRENT, LIGHT), Options(), 365),
    "wand three times in the starting phase": ((THRICE,), Options(wand_starting_phase=True), 55),
}


def evenings(
    plan: tuple[Evenings, ...], jitter: random.Random | None, days: int
) -> Iterator[Session]:
    """Yield the sessions of a plan; without a generator alternately early and late."""
    for number in range(days):
        day = BEGIN + timedelta(days=number)
        off = jitter.uniform(-1, 1) * LATE if jitter else LATE * (1 if number % 2 else -1)
        for name, device, clock, weekdays in plan:
            if day.weekday() in weekdays:
                yield (
                    datetime.combine(day, clock, HOME).astimezone(tz=ZoneInfo("UTC")) + off,
                    device,
                    name,
                )


def live(what: Plan, jitter: random.Random | None) -> int:
    """Live through a plan, every session delivered in full; return how many there were."""
    plan, options, days = what
    books, number = LedgerIndex(), 0
    for at, device, name in evenings(plan, jitter, days):
        number += 1
        asked = dict.fromkeys(
            Modality,
            screening(screened_at=at - timedelta(days=7), expires_at=at + timedelta(days=7)),
        )
        whose = replace(
            person(sessions=books.totals("p1").sessions, options=options),
            eligibility=eligibility(screenings=asked),
        )
        request: SessionParameters = replace(
            resolve.resolve_program(name, whose, device), gel_rinsed=True
        )
        granted = answer(
            request,
            device,
            node(received_at=at),
            at,
            history=books.history("p1", at, mac=device.modality),
        )
        if isinstance(granted, Refused):
            raise granted.error
        ended_at = at + timedelta(seconds=request.duration_s + 30)
        books.put(
            Record(
                session_id=str(number),
                mac=device.modality,
                modality=device.modality,
                person_id="p1",
                program=name,
                started_at=at,
                duration_s=request.duration_s,
                planned=granted.planned,
                worst_case=granted.worst_case,
                uncertainty=0.2,
                delivered=granted.planned,
                output_s=request.duration_s,
                outcome=Outcome.COMPLETED,
                ended_at=ended_at,
            )
        )
    return number


@pytest.mark.parametrize("which", PLANS)
@pytest.mark.parametrize("seed", [None, *range(8)])
def test_a_year_of_a_plan_has_no_refusal(which: str, seed: int | None) -> None:
    sessions = live(PLANS[which], None if seed is None else random.Random(seed))  # noqa: S311 - to be repeated
    plan, _, days = PLANS[which]
    assert sessions >= days // 7 * sum(len(weekdays) for *_, weekdays in plan)


def test_a_seventh_evening_is_refused() -> None:
    """The year is not free of refusals because nothing ever is refused."""
    with pytest.raises(RefusedError):
        live((((*SIX[:3], tuple(range(7))),), Options(mask_sessions_week=6), 14), None)

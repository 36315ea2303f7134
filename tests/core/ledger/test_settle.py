"""`core.ledger.settle`: how records settle, and that a session without output costs nothing."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from hypothesis import given, strategies as st
import pytest

from custom_components.facial_therapy.core.ledger.history import History
from custom_components.facial_therapy.core.ledger.record import LONGEST, Source
from custom_components.facial_therapy.core.ledger.settle import foreign, over, settled, voided
from custom_components.facial_therapy.core.model import Dose, Grade, Modality, Outcome
from tests.core import NOW, least, light, mask, node, refusals, wand

from .test_record import record, red

MINUTE: Final = timedelta(minutes=1)


def test_a_settled_record_says_what_was_delivered_how_it_ended_and_when() -> None:
    done = settled(record(), delivered=red(12), outcome=Outcome.STOPPED, ended_at=NOW, output_s=240)
    assert (done.delivered, done.output_s, done.ended_at) == (red(12), 240, NOW)
    assert (done.outcome, done.open, done.treated_s) == (Outcome.STOPPED, False, 240)
    assert done.counted.total == pytest.approx(12 * 1.2)


def test_a_second_settling_can_only_raise_the_dose() -> None:
    once = settled(record(), delivered=red(12), outcome=Outcome.STOPPED, ended_at=NOW)
    for later in (
        settled(once, delivered=red(5), outcome=Outcome.STOPPED, ended_at=NOW),
        voided(once, NOW),
    ):
        assert (later.delivered, later.outcome) == (red(12), Outcome.STOPPED)
    assert settled(
        voided(record(), NOW), delivered=red(12), outcome=Outcome.STOPPED, ended_at=NOW
    ).delivered == red(12)


def test_an_ended_session_counts_in_full_until_the_node_reports_it() -> None:
    ended = over(record(), at_least=red(3), ended_at=NOW)
    assert (ended.at_least, ended.ended_at, ended.open) == (red(3), NOW, True)
    assert ended.counted == record().worst_case
    assert not ended.lives(NOW)


COSTS_NOTHING: Final[tuple[dict[str, Any], ...]] = (
    {"output_s": 0.0},
    {"output_s": None},
    {"output_s": 600.0},
)


@pytest.mark.parametrize("changes", COSTS_NOTHING)
@pytest.mark.parametrize("grade", Grade)
@pytest.mark.parametrize("outcome", [Outcome.VOID, Outcome.STOPPED, Outcome.FAULT])
def test_a_session_that_delivered_nothing_costs_nothing(
    outcome: Outcome, grade: Grade, changes: dict[str, Any]
) -> None:
    void = settled(record(grade=grade), delivered=Dose(), outcome=outcome, ended_at=NOW, **changes)
    assert (void.void, void.counted.total, void.treated_s, void.counts) == (True, 0, 0, False)


def test_a_session_that_had_output_is_not_void_whatever_it_is_called() -> None:
    odd = settled(record(), delivered=red(30), outcome=Outcome.VOID, ended_at=NOW, output_s=600)
    assert (odd.void, odd.counts, odd.treated_s) == (False, True, 600)


@given(st.integers(1, 9), st.sampled_from(Modality))
def test_starts_that_the_node_refused_leave_the_whole_budget(
    number: int, modality: Modality
) -> None:
    voids = tuple(
        voided(
            record(f"{index}", modality=modality, started_at=NOW - MINUTE, worst_case=red(50)), NOW
        )
        for index in range(number)
    )
    past = History(at=NOW, records=voids)
    request = replace(light(red=29, duration_s=600), gel_rinsed=False)
    assert refusals(request, mask(), node(), history=past) == ()
    assert least(wand(), node(), history=past) == ()


def test_a_void_session_of_light_says_nothing_of_the_gel_of_the_wand() -> None:
    gel = settled(
        record("w", modality=Modality.WAND, started_at=NOW - 60 * MINUTE),
        delivered=Dose(charge_ma_min=0.5),
        outcome=Outcome.COMPLETED,
        ended_at=NOW - 55 * MINUTE,
        output_s=300,
    )
    void = voided(record("v", started_at=NOW - 10 * MINUTE), NOW - 9 * MINUTE)
    (refusal,) = refusals(light(), mask(), node(), history=History(at=NOW, records=(gel, void)))
    assert refusal.reason.value == "gel_not_rinsed"


def test_a_session_that_was_not_started_here_counts_as_its_node_reports() -> None:
    imported = foreign(
        "a",
        "m",
        mask(uncertainty=0.3),
        person_id=None,
        profile=7,
        planned=red(30),
        delivered=red(10),
        output_s=200,
        outcome=Outcome.STOPPED,
        ended_at=NOW,
    )
    assert (imported.source, imported.profile, imported.person_id) == (Source.UNKNOWN, 7, None)
    assert imported.started_at == NOW - timedelta(seconds=200)
    assert imported.counted.total == pytest.approx(10 * 1.3)
    assert imported.worst_case.total == pytest.approx(30 * 1.3)


def test_no_session_lives_longer_than_its_window_and_an_hour() -> None:
    assert LONGEST == {
        Modality.MASK: timedelta(minutes=30 + 60),
        Modality.WAND: timedelta(minutes=5 + 60),
    }

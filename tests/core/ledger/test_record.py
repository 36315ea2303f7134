"""`core.ledger`: records, their union, and the worst case of unknown doses."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from hypothesis import given, strategies as st
import pytest

from custom_components.facial_therapy.core.ledger.record import (
    AUTOMATION,
    LONGEST,
    Record,
    Source,
    merge,
    unaccustomed,
)
from custom_components.facial_therapy.core.ledger.unknown import ceiling, shortfall
from custom_components.facial_therapy.core.model import Channel, Dose, Grade, Modality, Outcome
from tests.core import NOW

DAY: Final = timedelta(days=1)
NOBODY: Final = "nobody"


def red(fluence: float) -> Dose:
    return Dose(fluence_j_cm2={Channel.RED: fluence})


def record(session_id: str = "a", **changes: Any) -> Record:
    """An open session of 30 J/cm² of red, 36 in the worst case."""
    values: dict[str, Any] = {
        "session_id": session_id,
        "mac": "m",
        "modality": Modality.MASK,
        "person_id": "ada",
        "profile": 1,
        "program": "manual",
        "started_at": NOW,
        "duration_s": 600,
        "planned": red(30),
        "worst_case": red(36),
        "uncertainty": 0.2,
    }
    return Record(**values | changes)


def settled(session_id: str = "a", fluence: float = 30, **changes: Any) -> Record:
    return record(
        session_id,
        **{
            "delivered": red(fluence),
            "output_s": 300,
            "outcome": Outcome.COMPLETED,
            "ended_at": NOW,
        }
        | changes,
    )


# --- a record -------------------------------------------------------------------------------------


def test_an_open_session_counts_in_full_and_is_shown_as_a_range() -> None:
    unsettled = record(at_least=red(12))
    assert (
        unsettled.open,
        unsettled.share,
        unsettled.counts,
        unsettled.counted,
        unsettled.treated_s,
    ) == (True, 1, True, red(36), 600)
    assert unsettled.bounds == (red(12), red(30))
    assert record(at_least=red(31)).bounds == (red(31), red(31))


def test_a_settled_session_counts_what_was_delivered_with_its_uncertainty() -> None:
    ended = settled(fluence=10)
    assert (ended.open, ended.bounds, ended.treated_s) == (False, (red(10), red(10)), 300)
    assert ended.share == pytest.approx(1 / 3)
    assert ended.counted == red(12)
    assert settled(fluence=1, grade=Grade.NONE, uncertainty=0.5).counted == red(6)
    assert settled(fluence=0, planned=Dose()).share == 0


@pytest.mark.parametrize(("fluence", "counts"), [(5.99, False), (6, True)])
def test_a_fifth_of_the_plan_makes_a_session(fluence: float, counts: bool) -> None:
    assert settled(fluence=fluence).counts is counts


def test_what_may_still_flow_is_over_when_no_session_lives_that_long() -> None:
    unsettled = record()
    assert unsettled.over_at == NOW + LONGEST[Modality.MASK] == NOW + timedelta(seconds=1800 + 3600)
    assert LONGEST[Modality.WAND] == timedelta(seconds=300 + 3600)
    assert unsettled.lives(unsettled.over_at - timedelta(seconds=1))
    assert not unsettled.lives(unsettled.over_at)
    assert not record(ended_at=NOW).lives(NOW)
    assert not settled().lives(NOW - DAY)


# --- the union ------------------------------------------------------------------------------------

doses: Final = st.builds(
    lambda light, charge: Dose(fluence_j_cm2=light, charge_ma_min=charge),
    st.dictionaries(st.sampled_from(Channel), st.floats(0, 60)),
    st.floats(0, 7),
)
tellings: Final = st.builds(
    Record,
    session_id=st.just("a"),
    mac=st.sampled_from([None, "m"]),
    modality=st.just(Modality.MASK),
    person_id=st.sampled_from([None, "ada", "eve"]),
    profile=st.integers(0, 3),
    program=st.sampled_from(["", "manual"]),
    source=st.sampled_from(Source),
    started_at=st.integers(0, 5).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    started_by=st.sampled_from([None, AUTOMATION, "user"]),
    duration_s=st.floats(0, 1200),
    planned=doses,
    worst_case=doses,
    grade=st.sampled_from(Grade),
    uncertainty=st.sampled_from([0.2, 0.5]),
    at_least=doses,
    delivered=st.one_of(st.none(), doses),
    output_s=st.one_of(st.none(), st.floats(0, 1200)),
    outcome=st.sampled_from(Outcome),
    ended_at=st.one_of(
        st.none(), st.integers(0, 5).map(lambda minutes: NOW + timedelta(minutes=minutes))
    ),
    sessions=st.integers(1, 3),
)


@given(tellings, tellings, tellings)
def test_the_union_is_commutative_associative_and_idempotent(
    one: Record, two: Record, three: Record
) -> None:
    assert merge(one, two) == merge(two, one)
    assert merge(merge(one, two), three) == merge(one, merge(two, three))
    assert merge(merge(one, two), two) == merge(one, two)


@given(tellings, tellings)
def test_the_union_is_never_below_what_either_says_was_delivered(one: Record, two: Record) -> None:
    both = merge(one, two)
    for telling in (one, two):
        if telling.delivered is not None and both.delivered is not None:
            assert all(
                both.delivered.fluence_j_cm2[channel] >= fluence
                for channel, fluence in telling.delivered.fluence_j_cm2.items()
            )
            assert both.delivered.charge_ma_min >= telling.delivered.charge_ma_min


def test_a_node_settles_what_we_started_and_says_nothing_of_who_started_it() -> None:
    ours = record(started_by="user", person_id="ada")
    theirs = settled(
        fluence=20, person_id=None, source=Source.UNKNOWN, program="", outcome=Outcome.STOPPED
    )
    both = merge(ours, theirs)
    assert (both.person_id, both.program, both.source, both.started_by) == (
        "ada",
        "manual",
        Source.DEVICE,
        "user",
    )
    assert (both.delivered, both.outcome, both.open) == (red(20), Outcome.STOPPED, False)
    assert (
        merge(both, replace(theirs, delivered=red(25))).delivered
        == merge(both, replace(theirs, delivered=red(25), ended_at=NOW)).delivered
        == red(25)
    )
    assert merge(both, replace(theirs, delivered=red(5))).delivered == red(20)


def test_of_two_ends_the_later_holds_since_rest_counts_from_it() -> None:
    early, late = settled(), settled(ended_at=NOW + timedelta(minutes=3))
    assert merge(early, late).ended_at == merge(late, early).ended_at == late.ended_at
    assert merge(record(), late).ended_at == late.ended_at


# --- unknown doses --------------------------------------------------------------------------------


def reported(light: float, blue: float, sessions: int, *known: Record) -> Record | None:
    sums = Dose(fluence_j_cm2={Channel.RED: light, Channel.BLUE: blue})
    return shortfall(
        "x", "ada", Modality.MASK, NOW, mac="m", reported=sums, sessions=sessions, known=known
    )


def test_a_week_at_its_ceiling_has_every_sum_of_it() -> None:
    light, charge = (ceiling("x", "ada", modality, NOW, mac="m") for modality in Modality)
    assert (
        sum(light.counted.fluence_j_cm2.values()),
        light.counted.fluence_j_cm2[Channel.BLUE],
        light.sessions,
    ) == (300, 90, 7)
    assert (charge.counted.charge_ma_min, charge.sessions) == (7.5, 5)
    assert (light.source, light.over_at, light.open, light.bounds[0]) == (
        Source.UNKNOWN,
        NOW,
        True,
        Dose(),
    )


def test_what_a_node_has_counted_and_nobody_knows_is_a_session_of_now() -> None:
    missing = reported(30, 10, 2, settled(fluence=10), settled("b", mac="other"))
    assert missing is not None
    assert missing.counted.fluence_j_cm2 == {Channel.RED: 18, Channel.BLUE: 10}
    assert (missing.sessions, missing.over_at, missing.mac, missing.source) == (
        1,
        NOW,
        "m",
        Source.UNKNOWN,
    )
    assert reported(30, 10, 2, settled(fluence=10), missing) is None


@pytest.mark.parametrize(
    ("light", "blue", "sessions"), [(12, 0, 1), (12.1, 0, 1), (5, 0, 0), (0, 0, 0)]
)
def test_a_node_that_has_counted_no_more_than_the_ledger_adds_nothing(
    light: float, blue: float, sessions: int
) -> None:
    assert reported(light, blue, sessions, settled(fluence=10)) is None


def test_a_session_that_is_not_known_counts_even_without_a_dose() -> None:
    missing = reported(12, 0, 3, settled(fluence=10))
    assert missing is not None
    assert missing.sessions == 2


def test_blue_that_is_not_known_counts_though_the_sum_is() -> None:
    missing = reported(0, 8, 1, settled(fluence=10))
    assert missing is not None
    assert missing.counted.fluence_j_cm2 == {Channel.RED: 0, Channel.BLUE: 8}


def test_charge_that_is_not_known_is_a_session_of_the_wand() -> None:
    missing = shortfall(
        "x",
        "ada",
        Modality.WAND,
        NOW,
        mac="w",
        reported=Dose(charge_ma_min=2),
        sessions=1,
        known=(),
    )
    assert missing is not None
    assert missing.counted == Dose(charge_ma_min=2)


def test_sessions_that_were_stopped_at_once_differ_by_the_nodes_rounding_only() -> None:
    unit = 1 / 60_000
    known = [
        settled(
            name,
            mac="w",
            modality=Modality.WAND,
            planned=Dose(charge_ma_min=0.2),
            delivered=Dose(charge_ma_min=unit),
        )
        for name in "abcde"
    ]
    sums = Dose(charge_ma_min=5 * 2 * unit)
    assert all(each.counted.charge_ma_min == pytest.approx(1.2 * unit) for each in known)
    assert (
        shortfall("x", "ada", Modality.WAND, NOW, mac="w", reported=sums, sessions=0, known=known)
        is None
    )
    more = shortfall(
        "x",
        "ada",
        Modality.WAND,
        NOW,
        mac="w",
        reported=Dose(charge_ma_min=sums.charge_ma_min + 6 * unit),
        sessions=0,
        known=known,
    )
    assert more is not None
    assert not more.counts


@pytest.mark.parametrize(
    ("changes", "before", "new"),
    [
        ({}, [], True),
        ({}, [{}], False),
        ({}, [{"planned": red(31)}, {"planned": red(1)}], False),
        ({"planned": red(31)}, [{}], True),
        ({"program": "first_use"}, [{}], True),
        ({"program": "first_use"}, [{}, {"program": "first_use", "planned": red(1)}], False),
        ({}, [{"modality": Modality.WAND, "planned": red(40)}], True),
        ({}, [{"delivered": red(1)}], True),  # too little to be a session
    ],
)
def test_a_program_is_new_to_a_skin_the_first_time_and_with_a_higher_dose(
    changes: dict[str, Any], before: list[dict[str, Any]], *, new: bool
) -> None:
    assert unaccustomed(record(**changes), [record("b", **each) for each in before]) is new

"""`core.ledger`: records, their union, and the books of everybody."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from hypothesis import given, strategies as st
import pytest

from custom_components.facial_therapy.core.ledger import AUTOMATION, KEPT, LONGEST, Books, Record, Source, Totals, merge
from custom_components.facial_therapy.core.model import Channel, Dose, Grade, Modality, Outcome

from . import NOW

DAY: Final = timedelta(days=1)
NOBODY: Final = "nobody"


def red(fluence: float) -> Dose:
    return Dose(fluence_j_cm2={Channel.RED: fluence})


def record(session_id: str = "a", **changes: Any) -> Record:
    """An open session of 30 J/cm² of red, charged 36."""
    values: dict[str, Any] = {
        "session_id": session_id,
        "mac": "m",
        "modality": Modality.MASK,
        "person_id": "ada",
        "subject": 1,
        "program": "manual",
        "started_at": NOW,
        "duration_s": 600,
        "planned": red(30),
        "charged": red(36),
        "uncertainty": 0.2,
    }
    return Record(**values | changes)


def settled(session_id: str = "a", fluence: float = 30, **changes: Any) -> Record:
    return record(session_id, **{"delivered": red(fluence), "output_s": 300, "outcome": Outcome.COMPLETED, "ended_at": NOW} | changes)


# --- a record ---------------------------------------------------------------------------------------------------------------------------


def test_an_open_session_counts_in_full_and_is_shown_as_a_range() -> None:
    unsettled = record(at_least=red(12))
    assert (unsettled.open, unsettled.share, unsettled.counts, unsettled.taken, unsettled.treated_s) == (True, 1, True, red(36), 600)
    assert unsettled.bounds == (red(12), red(30))
    assert record(at_least=red(31)).bounds == (red(31), red(31))


def test_a_settled_session_counts_what_was_delivered_with_its_uncertainty() -> None:
    ended = settled(fluence=10)
    assert (ended.open, ended.bounds, ended.treated_s) == (False, (red(10), red(10)), 300)
    assert ended.share == pytest.approx(1 / 3)
    assert ended.taken == red(12)
    assert settled(fluence=1, grade=Grade.NONE, uncertainty=0.5).taken == red(6)
    assert settled(fluence=0, planned=Dose()).share == 0


@pytest.mark.parametrize(("fluence", "counts"), [(5.99, False), (6, True)])
def test_a_fifth_of_the_plan_makes_a_session(fluence: float, counts: bool) -> None:  # noqa: FBT001 - a column
    assert settled(fluence=fluence).counts is counts


def test_what_may_still_flow_is_over_when_no_session_lives_that_long() -> None:
    unsettled = record()
    assert unsettled.over_at == NOW + LONGEST[Modality.MASK] == NOW + timedelta(seconds=1800 + 1200 + 1200)
    assert LONGEST[Modality.WAND] == timedelta(seconds=300 + 900 + 1200)
    assert unsettled.lives(unsettled.over_at - timedelta(seconds=1))
    assert not unsettled.lives(unsettled.over_at)
    assert not record(ended_at=NOW).lives(NOW)
    assert not settled().lives(NOW - DAY)


# --- the union --------------------------------------------------------------------------------------------------------------------------

doses: Final = st.builds(
    lambda light, charge: Dose(fluence_j_cm2=light, charge_ma_min=charge), st.dictionaries(st.sampled_from(Channel), st.floats(0, 60)), st.floats(0, 7)
)
tellings: Final = st.builds(
    Record,
    session_id=st.just("a"),
    mac=st.sampled_from([None, "m"]),
    modality=st.just(Modality.MASK),
    person_id=st.sampled_from([None, "ada", "eve"]),
    subject=st.integers(0, 3),
    program=st.sampled_from(["", "manual"]),
    source=st.sampled_from(Source),
    started_at=st.integers(0, 5).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    started_by=st.sampled_from([None, AUTOMATION, "user"]),
    duration_s=st.floats(0, 1200),
    planned=doses,
    charged=doses,
    grade=st.sampled_from(Grade),
    uncertainty=st.sampled_from([0.2, 0.5]),
    at_least=doses,
    delivered=st.one_of(st.none(), doses),
    output_s=st.one_of(st.none(), st.floats(0, 1200)),
    outcome=st.sampled_from(Outcome),
    ended_at=st.one_of(st.none(), st.integers(0, 5).map(lambda minutes: NOW + timedelta(minutes=minutes))),
    sessions=st.integers(1, 3),
)


@given(tellings, tellings, tellings)
def test_the_union_is_commutative_associative_and_idempotent(one: Record, two: Record, three: Record) -> None:
    assert merge(one, two) == merge(two, one)
    assert merge(merge(one, two), three) == merge(one, merge(two, three))
    assert merge(merge(one, two), two) == merge(one, two)


@given(tellings, tellings)
def test_the_union_is_never_below_what_either_says_was_delivered(one: Record, two: Record) -> None:
    both = merge(one, two)
    for telling in (one, two):
        if telling.delivered is not None and both.delivered is not None:
            assert all(both.delivered.fluence_j_cm2[channel] >= fluence for channel, fluence in telling.delivered.fluence_j_cm2.items())
            assert both.delivered.charge_ma_min >= telling.delivered.charge_ma_min


def test_a_node_settles_what_we_started_and_says_nothing_of_who_started_it() -> None:
    ours = record(started_by="user", person_id="ada")
    theirs = settled(fluence=20, person_id=None, source=Source.UNKNOWN, program="", outcome=Outcome.STOPPED)
    both = merge(ours, theirs)
    assert (both.person_id, both.program, both.source, both.started_by) == ("ada", "manual", Source.DEVICE, "user")
    assert (both.delivered, both.outcome, both.open) == (red(20), Outcome.STOPPED, False)
    assert merge(both, replace(theirs, delivered=red(25))).delivered == merge(both, replace(theirs, delivered=red(25), ended_at=NOW)).delivered == red(25)
    assert merge(both, replace(theirs, delivered=red(5))).delivered == red(20)


# --- the books --------------------------------------------------------------------------------------------------------------------------


def books(*records: Record) -> Books:
    filled = Books()
    for entry in records:
        filled.put(entry)
    return filled


def test_a_history_holds_eight_days_on_every_device_the_oldest_end_first() -> None:
    old = settled("old", ended_at=NOW - KEPT)
    late = settled("late", ended_at=NOW - DAY, mac="other")
    early = settled("early", ended_at=NOW - 2 * DAY)
    other = settled("hers", person_id="eve")
    history = books(old, late, early, other).history("ada", NOW)
    assert history.records == (early, late)
    assert history.at == NOW
    assert history.first_at == {Modality.MASK: NOW}
    assert books().history(NOBODY, NOW).records == ()


def test_a_session_on_another_device_is_elsewhere_while_it_may_go_on() -> None:
    live = record("a", mac="m")
    assert books(live).history("ada", NOW, mac="other").elsewhere == live
    assert books(live).history("ada", NOW).elsewhere == live
    assert books(live).history("ada", NOW, mac="m").elsewhere is None
    assert books(live).history("ada", NOW + LONGEST[Modality.MASK], mac="other").elsewhere is None
    assert books(live).history("ada", NOW, without="a").records == ()


def test_open_sessions_of_a_device_are_told_in_their_order() -> None:
    filled = books(record("a"), record("b"), settled("c"), record("d", mac="other"), record("e", mac=None))
    assert [entry.session_id for entry in filled.open_sessions("m")] == ["a", "b"]
    filled.put(settled("a"))
    assert [entry.session_id for entry in filled.open_sessions("m")] == ["b"]
    assert filled.open_sessions(NOBODY) == []
    assert list(filled.records) == ["a", "b", "c", "d", "e"]


def test_totals_count_what_is_settled_and_sessions_that_count() -> None:
    filled = books(record("a"), settled("b", 10), settled("c", 1), settled("d", 5, person_id=None))
    totals = filled.totals("ada")
    assert (totals.delivered, totals.sessions) == (red(11), {Modality.MASK: 2, Modality.WAND: 0})
    filled.put(settled("a", 0, outcome=Outcome.VOID))
    assert filled.totals("ada").sessions[Modality.MASK] == 1
    assert filled.totals(NOBODY).delivered == Dose()


def test_the_first_session_is_found_again_when_it_turns_out_not_to_count() -> None:
    filled = books(record("a", started_at=NOW - 3 * DAY), record("b", started_at=NOW - DAY))
    assert filled.totals("ada").first_at == {Modality.MASK: NOW - 3 * DAY}
    filled.put(settled("a", 0, started_at=NOW - 3 * DAY, outcome=Outcome.VOID))
    assert filled.totals("ada").first_at == {Modality.MASK: NOW - DAY}
    filled.put(settled("b", 0, started_at=NOW - DAY, outcome=Outcome.VOID))
    assert filled.totals("ada").first_at == {}


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.one_of(st.none(), st.floats(0, 30)), st.sampled_from(["ada", "eve", None])), max_size=20))
def test_totals_are_those_of_the_records_whatever_was_amended_on_the_way(entries: list[tuple[str, float | None, str | None]]) -> None:
    filled, model = Books(), {}
    for session_id, fluence, person_id in entries:
        entry = record(session_id, person_id=person_id) if fluence is None else settled(session_id, fluence, person_id=person_id)
        filled.put(entry)
        model[session_id] = entry
    for whose in ("ada", "eve"):
        own = [entry for entry in model.values() if entry.person_id == whose]
        assert filled.totals(whose).delivered.total == pytest.approx(sum(entry.delivered.total for entry in own if entry.delivered), abs=1e-5)
        assert filled.totals(whose).sessions[Modality.MASK] == sum(entry.counts for entry in own)
        assert sorted(entry.session_id for entry in filled.newest_first(whose)) == sorted(entry.session_id for entry in own)


def test_the_newest_session_is_told_first() -> None:
    filled = books(settled("a", ended_at=NOW - DAY), settled("b"), settled("c", ended_at=NOW - 2 * DAY))
    assert [entry.session_id for entry in filled.newest_first("ada")] == ["b", "a", "c"]
    assert list(filled.newest_first(NOBODY)) == []


# --- people who come and go ---------------------------------------------------------------------------------------------------------------


def test_what_a_removed_person_was_given_counts_for_whoever_is_added_within_eight_days() -> None:
    filled = books(settled("a", person_id="ada", ended_at=NOW - DAY))
    filled.add_person("ada", None, NOW)
    filled.add_person("eve", NOW + 7 * DAY)
    filled.add_person("mia", NOW + KEPT)
    filled.add_person("zoe", NOW - timedelta(seconds=1))
    assert [entry.session_id for entry in filled.history("eve", NOW).records] == ["a"]
    assert filled.history("mia", NOW).records == filled.history("zoe", NOW).records == ()
    filled.add_person("eve", NOW + 7 * DAY, NOW + 7 * DAY)
    filled.add_person("kim", NOW + 7 * DAY)
    assert [entry.session_id for entry in filled.history("kim", NOW).records] == ["a"]
    assert filled.people["ada"] == (None, NOW)


def test_who_is_erased_leaves_the_doses_of_eight_days_and_nothing_else() -> None:
    old, late = settled("old", ended_at=NOW - KEPT), settled("late", ended_at=NOW - DAY, started_by="user")
    unsettled = record("open", started_at=NOW - timedelta(minutes=5))
    filled = books(old, late, unsettled, record("very", started_at=NOW - 20 * DAY))
    filled.erase("ada", NOW)
    filled.erase(NOBODY, NOW)
    assert sorted(filled.records) == ["late", "open"]
    assert {(entry.program, entry.started_by) for entry in filled.records.values()} == {("", None)}
    assert [entry.session_id for entry in filled.open_sessions("m")] == ["open"]
    filled.add_person("eve", NOW + DAY)
    assert {entry.session_id for entry in filled.history("eve", NOW + DAY).records} == {"late", "open"}


# --- age ----------------------------------------------------------------------------------------------------------------------------------


def test_what_is_dropped_lives_on_in_the_totals_and_is_carried_into_new_books() -> None:
    filled = books(
        settled("a", 10, started_at=NOW - 400 * DAY, ended_at=NOW - 400 * DAY),
        record("lost", started_at=NOW - 400 * DAY),
        settled("nobody", person_id=None, ended_at=NOW - 400 * DAY),
        settled("small", 1, ended_at=NOW - 400 * DAY),
        settled("b", 20),
    )
    before = filled.totals("ada")
    assert filled.drop(NOW - 396 * DAY) == 4
    assert list(filled.records) == ["b"]
    assert filled.open_sessions("m") == []
    assert filled.totals("ada") == before
    again = Books()
    again.carry("ada", filled.carried("ada"))
    again.put(filled.records["b"])
    assert again.totals("ada") == before
    again.put(settled("b", 0, outcome=Outcome.VOID))
    assert again.totals("ada").first_at == {Modality.MASK: NOW - 400 * DAY}
    again.carry("ada", Totals(delivered=red(1), sessions={Modality.MASK: 1}, first_at={Modality.MASK: NOW - 500 * DAY}))
    assert again.totals("ada").first_at == {Modality.MASK: NOW - 500 * DAY}
    assert again.drop(NOW - 396 * DAY) == 0

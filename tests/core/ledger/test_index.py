"""`core.books`: the books of everybody."""

from datetime import timedelta
from typing import Final

from hypothesis import given, strategies as st
import pytest

from custom_components.facial_therapy.core.ledger.history import Totals
from custom_components.facial_therapy.core.ledger.index import KEPT, LedgerIndex
from custom_components.facial_therapy.core.ledger.record import LONGEST, Record
from custom_components.facial_therapy.core.model import Dose, Modality, Outcome
from tests.core import NOW

from .test_record import record, red, settled

DAY: Final = timedelta(days=1)
NOBODY: Final = "nobody"

# --- the books ------------------------------------------------------------------------------------


def books(*records: Record) -> LedgerIndex:
    filled = LedgerIndex()
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


def test_a_session_on_another_device_blocks_while_it_may_go_on() -> None:
    live = record("a", mac="m")
    assert books(live).history("ada", NOW, mac="other").other_session == live
    assert books(live).history("ada", NOW).other_session == live
    assert books(live).history("ada", NOW, mac="m").other_session is None
    assert (
        books(live).history("ada", NOW + LONGEST[Modality.MASK], mac="other").other_session is None
    )
    assert books(live).history("ada", NOW, without="a").records == ()


def test_open_sessions_of_a_device_are_returned_in_order() -> None:
    filled = books(
        record("a"), record("b"), settled("c"), record("d", mac="other"), record("e", mac=None)
    )
    assert [entry.session_id for entry in filled.open_sessions("m")] == ["a", "b"]
    filled.put(settled("a"))
    assert [entry.session_id for entry in filled.open_sessions("m")] == ["b"]
    assert filled.open_sessions(NOBODY) == []
    assert list(filled.records) == ["a", "b", "c", "d", "e"]


def test_a_session_of_an_unknown_person_is_listed_for_eight_days() -> None:
    stray = settled("a", person_id=None)
    filled = books(stray, settled("b"), settled("c", person_id=None, mac="other"))
    assert filled.unclaimed("m", NOW) == [stray]
    assert filled.unclaimed("m", stray.over_at + KEPT) == []


def test_totals_count_what_is_settled_and_sessions_that_count() -> None:
    filled = books(record("a"), settled("b", 10), settled("c", 1), settled("d", 5, person_id=None))
    totals = filled.totals("ada")
    assert (totals.delivered, totals.sessions) == (red(11), {Modality.MASK: 2, Modality.WAND: 0})
    filled.put(settled("a", 0, outcome=Outcome.VOID))
    assert filled.totals("ada").sessions[Modality.MASK] == 1
    assert filled.totals(NOBODY).delivered == Dose()


def test_the_first_session_is_found_again_if_the_earlier_one_does_not_count() -> None:
    filled = books(record("a", started_at=NOW - 3 * DAY), record("b", started_at=NOW - DAY))
    assert filled.totals("ada").first_at == {Modality.MASK: NOW - 3 * DAY}
    filled.put(settled("a", 0, started_at=NOW - 3 * DAY, outcome=Outcome.VOID))
    assert filled.totals("ada").first_at == {Modality.MASK: NOW - DAY}
    filled.put(settled("b", 0, started_at=NOW - DAY, outcome=Outcome.VOID))
    assert filled.totals("ada").first_at == {}


@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcd"),
            st.one_of(st.none(), st.floats(0, 30)),
            st.sampled_from(["ada", "eve", None]),
        ),
        max_size=20,
    )
)
def test_totals_are_those_of_the_records_whatever_was_amended_on_the_way(
    entries: list[tuple[str, float | None, str | None]],
) -> None:
    filled, model = LedgerIndex(), {}
    for session_id, fluence, person_id in entries:
        entry = (
            record(session_id, person_id=person_id)
            if fluence is None
            else settled(session_id, fluence, person_id=person_id)
        )
        filled.put(entry)
        model[session_id] = entry
    for whose in ("ada", "eve"):
        custom = [entry for entry in model.values() if entry.person_id == whose]
        assert filled.totals(whose).delivered.total == pytest.approx(
            sum(entry.delivered.total for entry in custom if entry.delivered), abs=1e-5
        )
        assert filled.totals(whose).sessions[Modality.MASK] == sum(entry.counts for entry in custom)
        assert sorted(entry.session_id for entry in filled.newest_first(whose)) == sorted(
            entry.session_id for entry in custom
        )


def test_the_newest_session_comes_first() -> None:
    filled = books(
        settled("a", ended_at=NOW - DAY), settled("b"), settled("c", ended_at=NOW - 2 * DAY)
    )
    assert [entry.session_id for entry in filled.newest_first("ada")] == ["b", "a", "c"]
    assert list(filled.newest_first(NOBODY)) == []


# --- people who come and go -----------------------------------------------------------------------


def test_doses_of_a_removed_person_count_for_a_person_added_within_eight_days() -> None:
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
    old, late = (
        settled("old", ended_at=NOW - KEPT),
        settled("late", ended_at=NOW - DAY, started_by="user"),
    )
    unsettled = record("open", started_at=NOW - timedelta(minutes=5))
    filled = books(old, late, unsettled, record("very", started_at=NOW - 20 * DAY))
    filled.erase("ada", NOW)
    filled.erase(NOBODY, NOW)
    assert sorted(filled.records) == ["late", "open"]
    assert {(entry.program, entry.started_by) for entry in filled.records.values()} == {("", None)}
    assert [entry.session_id for entry in filled.open_sessions("m")] == ["open"]
    filled.add_person("eve", NOW + DAY)
    assert {entry.session_id for entry in filled.history("eve", NOW + DAY).records} == {
        "late",
        "open",
    }


# --- age ------------------------------------------------------------------------------------------


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
    again = LedgerIndex()
    again.carry("ada", filled.carried("ada"))
    again.put(filled.records["b"])
    assert again.totals("ada") == before
    again.put(settled("b", 0, outcome=Outcome.VOID))
    assert again.totals("ada").first_at == {Modality.MASK: NOW - 400 * DAY}
    again.carry(
        "ada",
        Totals(
            delivered=red(1), sessions={Modality.MASK: 1}, first_at={Modality.MASK: NOW - 500 * DAY}
        ),
    )
    assert again.totals("ada").first_at == {Modality.MASK: NOW - 500 * DAY}
    assert again.drop(NOW - 396 * DAY) == 0

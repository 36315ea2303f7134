"""`core.agenda`: what comes next, put off or left out as the gate says, and the calendar."""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import pytest

from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.refusal import Reason, Refusal
from custom_components.facial_therapy.core.schedule.agenda import (
    Agenda,
    CompletedSession,
    PlannedEvening,
    Refusals,
)
from custom_components.facial_therapy.core.schedule.plan import Adherence, Freeze, Plan, Why

from .test_plan import BERLIN, MASK, WAND, plan

NOON: Final = datetime(
    2026, 9, 7, 10, tzinfo=UTC
)  # noon in Berlin, on a Monday on which wand and mask are planned
NINE: Final = datetime(2026, 9, 7, 19, tzinfo=UTC)


def everything(_modality: Modality, _program: str, _at: datetime) -> tuple[Refusal, ...]:
    return ()


def until(at: datetime, *modalities: Modality, **changes: Any) -> Refusals:
    """Refuse some modalities until a time."""

    def refusals(modality: Modality, _program: str, when: datetime) -> tuple[Refusal, ...]:
        refusal = Refusal(**{"reason": Reason.REST, "allowed_at": at, **changes})
        return (refusal,) if modality in modalities and when < at else ()

    return refusals


def done(modality: Modality, at: datetime, **changes: Any) -> CompletedSession:
    values: dict[str, Any] = {
        "ended_at": at + timedelta(minutes=5),
        "program": "fine_lines",
        "session_id": at.isoformat(),
    }
    return CompletedSession(modality, at, **values | changes)


def agenda(*sessions: CompletedSession, **changes: Any) -> Agenda:
    return Agenda(Plan(**{"plans": (plan(),), **changes}), sessions, BERLIN)


def upcoming(of: Agenda, now: datetime = NOON, refusals: Refusals = everything) -> PlannedEvening:
    return next(of.upcoming(now, refusals))


def listed(evening: PlannedEvening) -> list[tuple[str, str]]:
    return [
        (proposal.modality.value, proposal.at.astimezone(BERLIN).strftime("%a %H:%M"))
        for proposal in evening.proposals
    ]


# --- what comes next ------------------------------------------------------------------------------


def test_the_next_evening_begins_when_it_opens_and_light_waits_for_the_gap_after_the_wand() -> None:
    evening = upcoming(agenda())
    assert listed(evening) == [
        ("wand", "Mon 21:00"),
        ("mask", "Mon 21:10"),
    ]  # five minutes of wand, five of gap
    assert (evening.at, evening.opens_at, evening.closes_at) == (
        NINE,
        NINE,
        NINE + timedelta(hours=2),
    )
    assert {proposal.program for proposal in evening.proposals} == {"fine_lines"}


def test_in_an_evening_that_is_open_it_begins_now_and_after_it_the_next_follows() -> None:
    assert listed(upcoming(agenda(), NINE + timedelta(minutes=90)))[0] == ("wand", "Mon 22:30")
    assert listed(upcoming(agenda(), NINE + timedelta(hours=2))) == [("mask", "Wed 21:00")]


def test_after_midnight_the_evening_before_is_still_the_next() -> None:
    night = agenda(plans=(plan(opens=time(23), closes=time(1)),))
    evening = upcoming(night, datetime(2026, 9, 7, 22, 30, tzinfo=UTC))
    assert (evening.day, listed(evening)[0]) == (date(2026, 9, 7), ("wand", "Tue 00:30"))


def test_a_session_of_tonight_is_not_proposed_again() -> None:
    assert listed(upcoming(agenda(done(WAND, NINE)), NINE + timedelta(minutes=10))) == [
        ("mask", "Mon 21:10")
    ]
    both = agenda(done(WAND, NINE), done(MASK, NINE + timedelta(minutes=10)))
    assert listed(upcoming(both, NINE + timedelta(minutes=30))) == [("mask", "Wed 21:00")]
    aborted = agenda(done(WAND, NINE, counts=False))
    assert listed(upcoming(aborted, NINE + timedelta(minutes=10)))[0] == ("wand", "Mon 21:10")


@pytest.mark.parametrize(
    "changes",
    [
        {"skipped": frozenset({date(2026, 9, 7)})},
        {"freezes": (Freeze(first=date(2026, 9, 1), last=date(2026, 9, 7), why=Why.TRAVEL),)},
    ],
)
def test_when_tonight_is_skipped_or_frozen_the_next_evening_follows(
    changes: dict[str, Any],
) -> None:
    assert listed(upcoming(agenda(**changes))) == [("mask", "Wed 21:00")]


def test_what_would_be_refused_is_put_off_within_the_evening() -> None:
    evening = upcoming(agenda(), refusals=until(NINE + timedelta(minutes=20), WAND))
    assert listed(evening) == [("wand", "Mon 21:20"), ("mask", "Mon 21:30")]


def test_what_would_be_refused_all_evening_is_left_out_with_its_reason() -> None:
    evening = upcoming(agenda(), refusals=until(NINE + timedelta(hours=2), WAND))
    assert listed(evening) == [("mask", "Mon 21:00")]
    assert [(modality, refusal.reason) for modality, refusal in evening.left_out] == [
        (WAND, Reason.REST)
    ]


def test_an_evening_on_which_everything_would_be_refused_is_not_proposed() -> None:
    blocked = upcoming(agenda(), refusals=until(NINE + timedelta(days=3), WAND, MASK))
    assert listed(blocked)[0] == ("wand", "Fri 21:00")


def test_what_no_time_takes_away_is_never_proposed() -> None:
    def never(_modality: Modality, _program: str, _at: datetime) -> tuple[Refusal, ...]:
        return (Refusal(reason=Reason.NOT_SCREENED), Refusal(reason=Reason.REST, allowed_at=NINE))

    assert list(agenda().upcoming(NOON, never)) == []


def test_a_gate_that_never_keeps_its_word_is_not_asked_for_ever() -> None:
    asked = []

    def liar(modality: Modality, _program: str, at: datetime) -> tuple[Refusal, ...]:
        asked.append(modality)
        return (Refusal(reason=Reason.REST, allowed_at=at),)

    assert (
        list(
            agenda(plans=(plan(evenings=(0,), modalities=frozenset({MASK})),)).upcoming(NOON, liar)
        )
        == []
    )
    assert len(asked) == 3 * 9


def test_too_near_the_end_of_an_evening_nothing_is_proposed_for_it() -> None:
    """The wand begins a minute before eleven; the light after it would be another evening's."""
    assert listed(upcoming(agenda(), NINE + timedelta(minutes=119))) == [("wand", "Mon 22:59")]


def test_without_a_plan_nothing_comes() -> None:
    assert list(Agenda(Plan(), (), BERLIN).upcoming(NOON, everything)) == []


# --- the calendar ---------------------------------------------------------------------------------


def lines(
    of: Agenda, now: datetime, first: str = "2026-09-07", last: str = "2026-09-13"
) -> list[str]:
    found = of.entries(date.fromisoformat(first), date.fromisoformat(last), now)
    local: Callable[[datetime], str] = lambda at: at.astimezone(BERLIN).strftime("%a %H:%M")  # noqa: E731 - one line of a test
    return [
        f"{local(entry.begins_at)} {entry.modality} {entry.kind} {entry.why or ''}".rstrip()
        for entry in found
    ]


def test_the_calendar_shows_what_is_planned() -> None:
    assert lines(agenda(), NOON) == [
        "Mon 21:00 wand planned",
        "Mon 21:00 mask planned",
        "Wed 21:00 mask planned",
        "Fri 21:00 wand planned",
        "Fri 21:00 mask planned",
    ]


def test_the_calendar_shows_what_was_done_and_why_what_was_not() -> None:
    week = agenda(
        done(WAND, NINE + timedelta(minutes=3)),
        done(MASK, NINE + timedelta(days=1), counts=False),
        skipped=frozenset({date(2026, 9, 9)}),
        freezes=(Freeze(first=date(2026, 9, 11), last=date(2026, 9, 12), why=Why.ILLNESS),),
    )
    assert lines(week, NINE + timedelta(hours=2)) == [
        "Mon 21:00 mask skipped missed",
        "Mon 21:03 wand done",
        "Tue 21:00 mask done",
        "Wed 21:00 mask skipped skipped",
        "Fri 21:00 wand skipped illness",
        "Fri 21:00 mask skipped illness",
    ]
    assert lines(week, NINE + timedelta(hours=2), "2026-09-08", "2026-09-08") == [
        "Tue 21:00 mask done"
    ]
    entry = week.entries(date(2026, 9, 7), date(2026, 9, 7), NOON)[-1]
    assert (entry.session_id, entry.ends_at - entry.begins_at, entry.program) == (
        (NINE + timedelta(minutes=3)).isoformat(),
        timedelta(minutes=5),
        "fine_lines",
    )


def test_the_calendar_before_the_plan_shows_only_what_was_done() -> None:
    assert lines(
        agenda(done(MASK, NINE - timedelta(days=7))), NOON, "2026-08-31", "2026-09-06"
    ) == ["Mon 21:00 mask done"]


def test_adherence_and_streak_are_those_of_the_week_of_now() -> None:
    week = agenda(
        done(WAND, NINE),
        done(MASK, NINE + timedelta(days=2)),
        done(MASK, NINE + timedelta(days=4), counts=False),
    )
    assert week.adherence(NINE + timedelta(days=6)) == Adherence(2, 5)
    assert week.streak(NINE + timedelta(days=6)) == 0

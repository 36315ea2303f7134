"""`core.schedule.plan`: which evenings and when, and three months of streak by hand."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, Final
from zoneinfo import ZoneInfo

import pytest

from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.recipes import BUILT_IN
from custom_components.facial_therapy.core.refusal import RefusedError
from custom_components.facial_therapy.core.schedule.plan import (
    Adherence,
    CountedSession,
    Freeze,
    Phase,
    Plan,
    WeekPlan,
    Why,
    adherence,
    check,
    evening_of,
    evenings,
    kept,
    monday,
    streak,
    window,
)

BERLIN: Final = ZoneInfo("Europe/Berlin")
WAND, MASK = Modality.WAND, Modality.MASK
BOTH: Final = frozenset(Modality)
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def plan(**changes: Any) -> WeekPlan:
    """Return fine lines on Monday, Wednesday, Friday and Sunday from nine to eleven."""
    values: dict[str, Any] = {
        "begins_on": date(2026, 9, 7),
        "program": "fine_lines",
        "modalities": BOTH,
        "evenings": (0, 2, 4, 6),
        "opens": time(21),
        "closes": time(23),
    }
    return WeekPlan(**values | changes)


def named(days: tuple[int, ...]) -> str:
    return " ".join(DAYS[day] for day in days)


# --- which evenings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, ""),
        (1, "mon"),
        (2, "mon thu"),
        (3, "mon wed fri"),
        (4, "mon tue thu sat"),
        (5, "mon tue wed thu sat"),
        (6, "mon tue wed thu fri sat"),
    ],
)
def test_the_guided_setup_spreads_evenings_over_the_week(count: int, expected: str) -> None:
    assert named(evenings(count)) == expected


# program, evenings; mask; wand in build-up, in the starting phase, in maintenance
WEEKS: Final = (
    ("fine_lines", (0, 2, 4, 6), "mon wed fri", ("mon fri", "mon fri", "mon")),
    ("fine_lines", (0, 1), "mon tue", ("mon", "mon tue", "mon")),
    ("fine_lines", (5,), "sat", ("sat", "sat", "sat")),
    ("sagging_jawline", (0, 2, 4, 6), "mon wed fri", ("mon fri", "mon wed fri", "mon")),
    ("sagging_jawline", (0, 1, 2), "mon tue wed", ("mon wed", "mon tue wed", "mon")),
    ("blemish_prone", (0, 1, 2, 3, 4), "mon thu", ("", "", "")),
    ("blemish_prone", (3, 4), "thu", ("", "", "")),
)


@pytest.mark.parametrize(("program", "on", "light", "current"), WEEKS)
def test_sessions_are_as_far_apart_as_the_evenings_allow(
    program: str, on: tuple[int, ...], light: str, current: tuple[str, str, str]
) -> None:
    week = plan(program=program, evenings=on)
    day = week.begins_on
    assert named(week.days(MASK, day)) == light
    phases = (week, replace(week, starting_phase=True), replace(week, phase=Phase.MAINTENANCE))
    assert tuple(named(phase.days(WAND, day)) for phase in phases) == current
    assert named(replace(week, phase=Phase.MAINTENANCE).days(MASK, day)) == light


@pytest.mark.parametrize("program", BUILT_IN)
def test_no_week_of_any_program_holds_more_than_it_says_or_two_sessions_too_near(
    program: str,
) -> None:
    for count in range(7):
        week = plan(program=program, evenings=evenings(count))
        wand, mask = week.days(WAND, week.begins_on), week.days(MASK, week.begins_on)
        recipe = BUILT_IN[program]
        assert len(mask) <= recipe.per_week(MASK)
        assert len(wand) <= recipe.per_week(WAND)
        assert all(after - before >= 2 for before, after in pairwise(wand))


def test_the_starting_phase_ends_after_eight_weeks() -> None:
    week = plan(program="sagging_jawline", starting_phase=True)
    assert len(week.days(WAND, week.begins_on + timedelta(weeks=8) - timedelta(days=1))) == 3
    assert len(week.days(WAND, week.begins_on + timedelta(weeks=8))) == 2


def test_maintenance_has_the_wand_every_week_or_every_two() -> None:
    weekly = plan(phase=Phase.MAINTENANCE)
    every_two = replace(weekly, wand_every_weeks=2)
    weeks = [weekly.begins_on + timedelta(weeks=week) for week in range(5)]
    assert [len(weekly.days(WAND, day)) for day in weeks] == [1, 1, 1, 1, 1]
    assert [len(every_two.days(WAND, day)) for day in weeks] == [1, 0, 1, 0, 1]


def test_only_what_there_is_a_device_for_is_planned() -> None:
    assert plan(modalities=frozenset({MASK})).days(WAND, date(2026, 9, 7)) == ()
    assert plan(modalities=frozenset({WAND})).days(MASK, date(2026, 9, 7)) == ()


# --- what a plan may be ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"program": "eternal_youth"}, "unknown_program", "program"),
        ({"modalities": frozenset()}, "wrong_modality", "devices"),
        ({"program": "uneven_tone", "modalities": frozenset({WAND})}, "wrong_modality", "devices"),
        ({"evenings": (0, 1, 2, 3, 4, 5, 6)}, "out_of_bounds", "evenings"),
        ({"evenings": (0, 0)}, "out_of_bounds", "evenings"),
        ({"evenings": (7,)}, "out_of_bounds", "evenings"),
        ({"closes": time(21, 29)}, "out_of_bounds", "window"),
        ({"closes": time(1, 1)}, "out_of_bounds", "window"),
        ({"closes": time(21)}, "out_of_bounds", "window"),
        ({"wand_every_weeks": 3}, "out_of_bounds", "wand_every_weeks"),
        ({"wand_every_weeks": 0}, "out_of_bounds", "wand_every_weeks"),
    ],
)
def test_a_plan_that_no_week_can_hold_is_refused_with_its_field(
    changes: dict[str, Any], reason: str, field: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        check(plan(**changes))
    assert (caught.value.binding.reason, caught.value.binding.field) == (reason, field)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"evenings": ()},
        {"closes": time(21, 30)},
        {"closes": time(1)},
        {"modalities": frozenset({MASK})},
    ],
)
def test_a_plan_that_fits_into_a_week_is_accepted(changes: dict[str, Any]) -> None:
    check(plan(**changes))


# --- the clock on the wall ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "opens", "closes", "expected"),
    [
        ("2026-09-07", "21:00", "23:00", ("2026-09-07T19:00", "2026-09-07T21:00")),
        ("2026-11-02", "21:00", "23:00", ("2026-11-02T20:00", "2026-11-02T22:00")),
        ("2026-09-07", "23:00", "01:00", ("2026-09-07T21:00", "2026-09-07T23:00")),
        # summer time ends at 03:00 on October 25th, and begins at 02:00 on March 29th
        ("2026-10-24", "23:00", "01:00", ("2026-10-24T21:00", "2026-10-24T23:00")),
        ("2026-10-25", "01:00", "04:00", ("2026-10-24T23:00", "2026-10-25T03:00")),
        ("2027-03-28", "01:30", "04:00", ("2027-03-28T00:30", "2027-03-28T02:00")),
        ("2027-03-28", "02:30", "03:00", ("2027-03-28T01:30", "2027-03-28T02:00")),
        ("2027-03-28", "02:30", "03:30", ("2027-03-28T01:30", "2027-03-28T02:30")),
    ],
)
def test_an_evening_stays_at_its_wall_time(
    day: str, opens: str, closes: str, expected: tuple[str, str]
) -> None:
    found = window(
        plan(opens=time.fromisoformat(opens), closes=time.fromisoformat(closes)),
        date.fromisoformat(day),
        BERLIN,
    )
    assert [when.strftime("%Y-%m-%dT%H:%M") for when in found] == list(expected)
    assert all(when.tzinfo is UTC for when in found)


def test_after_midnight_it_is_still_the_evening_before_while_that_is_open() -> None:
    weekly_plan = Plan(plans=(plan(opens=time(23), closes=time(1)),))
    monday_night = datetime(2026, 9, 7, 22, 30, tzinfo=UTC)  # half past midnight in Berlin
    assert evening_of(weekly_plan, monday_night, BERLIN) == date(2026, 9, 7)
    assert evening_of(weekly_plan, monday_night + timedelta(hours=1), BERLIN) == date(2026, 9, 8)
    assert evening_of(weekly_plan, monday_night + timedelta(days=1), BERLIN) == date(
        2026, 9, 9
    )  # Tuesday has no evening
    assert evening_of(Plan(), monday_night, BERLIN) == date(2026, 9, 8)


# --- a plan over time -----------------------------------------------------------------------------


def test_a_new_plan_rewrites_nothing_that_was_planned_before() -> None:
    weekly_plan = Plan().begun(plan()).begun(plan(begins_on=date(2026, 9, 16), evenings=(5,)))
    assert weekly_plan.planned(date(2026, 9, 6)) == ()
    assert weekly_plan.planned(date(2026, 9, 14)) == (WAND, MASK)
    assert weekly_plan.planned(date(2026, 9, 16)) == ()
    assert weekly_plan.planned(date(2026, 9, 19)) == (WAND, MASK)
    assert (
        len(weekly_plan.begun(plan(begins_on=date(2026, 9, 10))).plans) == 2
    )  # in the place of the later one
    with pytest.raises(RefusedError):
        weekly_plan.begun(plan(program="nothing"))


def test_skipped_and_frozen_evenings_say_why_and_only_frozen_ones_lower_the_goal() -> None:
    weekly_plan = Plan(
        plans=(plan(),),
        skipped=frozenset({date(2026, 9, 9)}),
        freezes=(Freeze(first=date(2026, 9, 11), last=date(2026, 9, 14), why=Why.TRAVEL),),
    )
    days = [date(2026, 9, 7) + timedelta(days=offset) for offset in range(10)]
    assert [weekly_plan.why_not(day) for day in days] == [
        None,
        None,
        "skipped",
        None,
        "travel",
        "travel",
        "travel",
        "travel",
        None,
        None,
    ]
    assert [len(weekly_plan.goal(day)) for day in days] == [2, 0, 1, 0, 0, 0, 0, 0, 0, 1]


def test_the_next_phase_is_proposed_when_the_build_up_is_over_and_not_again() -> None:
    changed = plan(begins_on=date(2026, 10, 1), evenings=(1, 3))
    weekly_plan = Plan(plans=(plan(), changed))
    assert weekly_plan.next_phase(date(2026, 11, 29)) is None
    proposed = weekly_plan.next_phase(
        date(2026, 11, 30)
    )  # twelve weeks after September 7th: changing evenings resets nothing
    assert proposed == replace(changed, begins_on=date(2026, 11, 30), phase=Phase.MAINTENANCE)
    assert weekly_plan.begun(proposed).next_phase(date(2027, 3, 1)) is None
    other = Plan(plans=(plan(program="puffiness"), plan(begins_on=date(2026, 10, 1))))
    assert other.next_phase(date(2026, 12, 23)) is None
    assert other.next_phase(date(2026, 12, 24)) is not None
    assert Plan(plans=(plan(evenings=()),)).next_phase(date(2027, 3, 1)) is None
    assert Plan().next_phase(date(2027, 3, 1)) is None


# --- three months by hand -------------------------------------------------------------------------
# Fine lines on Monday, Wednesday, Friday and Sunday: light on Monday, Wednesday and Friday, the
# wand on Monday and Friday, a goal of 5 a week. From November 9th on maintenance with the wand
# every two weeks, on Monday: a goal of 4, then 3. Travel from Wednesday, September 30th to Sunday,
# October 11th; ill from October 27th to 28th (Wednesday's light goes). Wednesday, September 16th
# and Friday, October 23rd were skipped. w: wand, m: mask, b: both. Then done / goal, and the streak
# at the end of the week, on Sunday night.
MONTHS: Final = """
2026-09-07  b . m . b . .   5/5  1
2026-09-14  b . . . b . .   4/5  0
2026-09-21  b . m . b . m   5/5  1
2026-09-28  b . . . . . .   2/2  2
2026-10-05  . . . . . . .   0/0  2
2026-10-12  . b . m . b .   5/5  3
2026-10-19  b . m . . . .   3/5  0
2026-10-26  b . . . b . .   4/4  1
2026-11-02  m m m . m . .   3/5  0
2026-11-09  b . m . m . .   4/4  1
2026-11-16  m . m . m . w   3/3  2
2026-11-23  m . m . m . .   3/4  0
2026-11-30  . . . . . . .   0/3  0
"""
PLAN: Final = Plan(
    plans=(plan(), plan(begins_on=date(2026, 11, 9), phase=Phase.MAINTENANCE, wand_every_weeks=2)),
    skipped=frozenset({date(2026, 9, 16), date(2026, 10, 23)}),
    freezes=(
        Freeze(first=date(2026, 9, 30), last=date(2026, 10, 11), why=Why.TRAVEL),
        Freeze(first=date(2026, 10, 27), last=date(2026, 10, 28), why=Why.ILLNESS),
    ),
)
LETTERS: Final = {".": (), "w": (WAND,), "m": (MASK,), "b": (WAND, MASK)}


def three_months() -> tuple[list[CountedSession], list[tuple[date, Adherence, int]]]:
    """Return sessions at half past nine in Berlin, and the expectation for every week."""
    given, expected = [], []
    for line in MONTHS.strip().splitlines():
        first, *marks, share, weeks = line.split()
        done, goal = share.split("/")
        expected.append((date.fromisoformat(first), Adherence(int(done), int(goal)), int(weeks)))
        for offset, mark in enumerate(marks):
            at = datetime.combine(
                date.fromisoformat(first) + timedelta(days=offset), time(21, 30), BERLIN
            ).astimezone(UTC)
            given += [CountedSession(modality, at) for modality in LETTERS[mark]]
    return given, expected


@pytest.mark.parametrize(("first", "share", "weeks"), three_months()[1])
def test_three_months_of_adherence_and_streak_worked_out_by_hand(
    first: date, share: Adherence, weeks: int
) -> None:
    on = kept(PLAN, three_months()[0], BERLIN)
    for offset in range(7):
        assert adherence(PLAN, on, first + timedelta(days=offset)) == share
    so_far = {day: modalities for day, modalities in on.items() if day <= first + timedelta(days=6)}
    following = monday(first) + timedelta(days=7)
    assert streak(PLAN, so_far, following) == weeks  # the week has ended


def test_the_week_that_runs_breaks_no_streak_and_counts_as_soon_as_it_is_kept() -> None:
    on = kept(PLAN, three_months()[0], BERLIN)
    wednesday = {day: modalities for day, modalities in on.items() if day <= date(2026, 11, 18)}
    assert streak(PLAN, wednesday, date(2026, 11, 18)) == 1
    friday = {day: modalities for day, modalities in on.items() if day <= date(2026, 11, 20)}
    assert streak(PLAN, friday, date(2026, 11, 20)) == 2


def test_without_a_plan_there_is_nothing_to_keep() -> None:
    assert adherence(Plan(), {}, date(2026, 9, 7)).share is None
    assert streak(Plan(), {}, date(2026, 9, 7)) == 0


def test_more_than_the_goal_counts_no_more_than_the_goal() -> None:
    every_day = {date(2026, 9, 7) + timedelta(days=offset): {WAND, MASK} for offset in range(7)}
    assert adherence(Plan(plans=(plan(),)), every_day, date(2026, 9, 7)) == Adherence(5, 5)
    assert adherence(Plan(plans=(plan(),)), every_day, date(2026, 9, 7)).share == 1

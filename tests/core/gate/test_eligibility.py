"""`core.gate.eligibility`: who may not start, until when, and what makes it milder."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from hypothesis import given, strategies as st
import pytest

from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.gate import bounds, resolve
from custom_components.facial_therapy.core.gate.choices import (
    BOUNDS,
    DARKER,
    Choice,
    Skin,
    answered,
    choose,
    tightest,
    within,
)
from custom_components.facial_therapy.core.gate.eligibility import (
    cleared,
    erased,
    flagged,
    held,
    inherited,
    not_fine,
    reddened,
    released,
    rescreened,
)
from custom_components.facial_therapy.core.gate.permit import eligible
from custom_components.facial_therapy.core.model import Channel, Grade, Modality, SkinType
from custom_components.facial_therapy.core.person import Eligibility, Hold, Options, Person, Verdict
from custom_components.facial_therapy.core.refusal import Reason, Refusal, RefusedError
from tests.core import (
    NOTHING,
    NOW,
    current,
    eligibility,
    light,
    mask,
    node,
    person,
    refusals,
    screening,
    situation,
    wand,
)

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
SECOND: Final = timedelta(seconds=1)
MASK, WAND = Modality.MASK, Modality.WAND
BOTH: Final = (MASK, WAND)


@given(answers=st.lists(st.tuples(st.sampled_from(SkinType), st.integers(0, 30)), min_size=1))
def test_no_skin_type_is_lighter_than_any_that_held_in_the_last_day(
    answers: list[tuple[SkinType, int]],
) -> None:
    skin, now = Skin(wanted=SkinType.IV), NOW
    held = [(NOW, skin.at(NOW))]
    for wanted, hours in answers:
        now += hours * HOUR
        before = skin.at(now)
        skin = answered(skin, wanted, now)
        assert DARKER.index(skin.at(now)) >= DARKER.index(before)
        assert DARKER.index(skin.at(now)) >= DARKER.index(wanted)
        assert skin.at(now + DAY) is wanted
        assert answered(skin, wanted, now + SECOND) == skin
        held.append((now, skin.at(now)))
    assert set(DARKER) == set(SkinType)


def found(how: Eligibility, modality: Modality = MASK, now: datetime = NOW) -> tuple[Refusal, ...]:
    """Return every reason against a small session of a person of this eligibility."""
    somebody = person(how=how)
    asked, device = (
        (light(whose=somebody), mask()) if modality is MASK else (current(whose=somebody), wand())
    )
    report = node(received_at=now)
    refused = refusals(asked, device, report, now, history=replace(NOTHING, at=now))
    about = situation(device, person=somebody, now=now, history=replace(NOTHING, at=now))
    assert refused == eligible(about)  # known before anything is asked for
    return refused


def reasons(
    how: Eligibility, modality: Modality = MASK, now: datetime = NOW
) -> list[tuple[Reason, datetime | None]]:
    return [(refusal.reason, refusal.allowed_at) for refusal in found(how, modality, now)]


# --- one rule at a time ---------------------------------------------------------------------------


@pytest.mark.parametrize("modality", BOTH)
def test_a_screened_adult_may_start(modality: Modality) -> None:
    assert reasons(eligibility(), modality) == []


@pytest.mark.parametrize("modality", BOTH)
def test_nobody_who_has_not_been_asked_may_start(modality: Modality) -> None:
    assert reasons(Eligibility(), modality) == [
        (Reason.NOT_ADULT, None),
        (Reason.NOT_SCREENED, None),
    ]
    assert reasons(eligibility(adult=False), modality) == [(Reason.NOT_ADULT, None)]
    assert reasons(eligibility(screenings={}), modality) == [(Reason.NOT_SCREENED, None)]


def test_a_screening_for_the_other_modality_is_none() -> None:
    only_light = eligibility(screenings={MASK: screening()})
    assert reasons(only_light, MASK) == []
    assert reasons(only_light, WAND) == [(Reason.NOT_SCREENED, None)]


def test_a_screening_of_the_future_is_none() -> None:
    assert reasons(eligibility(screenings={MASK: screening(screened_at=NOW + SECOND)})) == [
        (Reason.NOT_SCREENED, None)
    ]


def test_a_screening_holds_until_it_expires_and_never_longer_than_the_hard_time() -> None:
    until = eligibility(
        screenings={MASK: screening(screened_at=NOW - 80 * DAY, expires_at=NOW + SECOND)}
    )
    assert reasons(until) == []
    assert reasons(until, now=NOW + SECOND) == [(Reason.SCREENING_EXPIRED, None)]
    forever = eligibility(
        screenings={MASK: screening(screened_at=NOW - 180 * DAY, expires_at=NOW + 999 * DAY)}
    )
    assert reasons(forever) == [(Reason.SCREENING_EXPIRED, None)]
    assert reasons(forever, now=NOW - SECOND) == []


def test_a_block_of_the_screening_has_no_override() -> None:
    for verdict, clinician_on in (
        (Verdict.BLOCKED, None),
        (Verdict.BLOCKED, date(2026, 10, 1)),
        (Verdict.CLINICIAN, None),
    ):
        unfit = eligibility(
            screenings={
                MASK: screening(verdict=verdict, clinician_on=clinician_on),
                WAND: screening(),
            }
        )
        assert reasons(unfit, MASK) == [(Reason.SCREENING_BLOCKED, None)]
        assert reasons(unfit, WAND) == []


def test_a_clinicians_date_opens() -> None:
    assert (
        reasons(
            eligibility(
                screenings={
                    MASK: screening(verdict=Verdict.CLINICIAN, clinician_on=date(2026, 10, 1))
                }
            )
        )
        == []
    )


UNTIL: Final[tuple[tuple[str, Reason, Modality, Callable[[datetime], Eligibility]], ...]] = (
    (
        "block of light",
        Reason.ON_HOLD,
        MASK,
        lambda at: eligibility(holds={MASK: Hold(until=at, hard_until=NOW)}),
    ),
    (
        "block of current",
        Reason.ON_HOLD,
        WAND,
        lambda at: eligibility(holds={WAND: Hold(until=at, hard_until=NOW)}),
    ),
    (
        "hard block",
        Reason.ON_HOLD,
        MASK,
        lambda at: eligibility(holds={MASK: Hold(until=NOW, hard_until=at)}),
    ),
    ("redness", Reason.REDNESS, MASK, lambda at: eligibility(redness_until=at)),
    ("not fine, mask", Reason.SKIN_NOT_FINE, MASK, lambda at: eligibility(not_fine_until=at)),
    ("not fine, wand", Reason.SKIN_NOT_FINE, WAND, lambda at: eligibility(not_fine_until=at)),
)


@pytest.mark.parametrize(
    ("reason", "modality", "how"), [row[1:] for row in UNTIL], ids=[row[0] for row in UNTIL]
)
def test_what_holds_until_a_time_says_so_and_is_gone_then(
    reason: Reason, modality: Modality, how: Callable[[datetime], Eligibility]
) -> None:
    at = NOW + 72 * HOUR
    assert reasons(how(at), modality) == [(reason, at)]
    assert reasons(how(at), modality, at - SECOND) == [(reason, at)]
    assert reasons(how(at), modality, at) == []


def test_what_is_about_one_modality_leaves_the_other() -> None:
    at = NOW + HOUR
    assert (
        reasons(eligibility(holds={MASK: Hold(until=at, hard_until=at)}, redness_until=at), WAND)
        == []
    )
    assert reasons(eligibility(holds={WAND: Hold(until=at, hard_until=at)}), MASK) == []


@pytest.mark.parametrize("modality", BOTH)
def test_a_red_flag_holds_until_a_person_clears_it_however_long_that_takes(
    modality: Modality,
) -> None:
    flag = eligibility(red_flag_at=NOW)
    for now in (NOW, NOW + 8 * DAY, NOW + 80 * DAY):
        assert reasons(flag, modality, now) == [(Reason.RED_FLAG, None)]


def test_what_holds_longest_comes_first() -> None:
    how = eligibility(redness_until=NOW + HOUR, not_fine_until=NOW + 2 * HOUR, red_flag_at=NOW)
    assert [reason for reason, _ in reasons(how)] == [
        Reason.RED_FLAG,
        Reason.SKIN_NOT_FINE,
        Reason.REDNESS,
    ]


def test_all_health_reasons_have_the_same_name_outside() -> None:
    assert {reason.value for reason in Reason if reason.shown == "personal"} == {
        "screening_blocked",
        "on_hold",
        "redness",
        "red_flag",
        "skin_not_fine",
        "skin_type",
    }
    assert Reason.NOT_SCREENED.shown == "not_screened"


def test_whether_a_person_is_eligible_can_be_asked_without_a_request() -> None:
    about = situation(telemetry=None, person=person(how=reddened(eligibility(adult=False), NOW)))
    assert [refusal.reason for refusal in eligible(about)] == [Reason.NOT_ADULT, Reason.REDNESS]
    assert eligible(replace(about, person=person())) == ()


def test_a_new_screening_replaces_the_verdicts_and_keeps_reports() -> None:
    before = flagged(reddened(Eligibility(), NOW), NOW)
    after = rescreened(before, {MASK: screening()})
    assert (after.adult, after.screenings) == (True, {MASK: screening()})
    assert (after.redness_until, after.red_flag_at) == (before.redness_until, before.red_flag_at)


# --- reports --------------------------------------------------------------------------------------


def test_redness_locks_light_for_three_days_and_a_red_flag_both_for_seven_and_a_person() -> None:
    assert reasons(reddened(eligibility(), NOW)) == [(Reason.REDNESS, NOW + timedelta(hours=72))]
    assert reasons(reddened(eligibility(), NOW), WAND) == []
    flag = flagged(eligibility(), NOW)
    early = NOW + 7 * DAY - SECOND
    with pytest.raises(RefusedError) as refused:
        cleared(flag, early)
    assert (refused.value.binding.reason, refused.value.binding.allowed_at) == (
        Reason.RED_FLAG,
        NOW + 7 * DAY,
    )
    assert cleared(flag, NOW + 7 * DAY) == eligibility()
    assert cleared(eligibility(), NOW) == eligibility()


def test_not_fine_today_holds_until_the_next_evening() -> None:
    assert reasons(not_fine(eligibility(), NOW)) == [
        (Reason.SKIN_NOT_FINE, NOW + timedelta(hours=20))
    ]


def test_a_second_report_never_shortens_the_first() -> None:
    late = NOW + DAY
    for report in (reddened, flagged, not_fine):
        assert report(report(eligibility(), late), NOW) == report(eligibility(), late)
        assert report(report(eligibility(), NOW), late) == report(eligibility(), late)


def test_a_block_is_never_shortened_by_another() -> None:
    long, short = (
        Hold(until=NOW + 14 * DAY, hard_until=NOW + 2 * DAY),
        Hold(until=NOW + 3 * DAY, hard_until=NOW + 3 * DAY),
    )
    both = Hold(until=NOW + 14 * DAY, hard_until=NOW + 3 * DAY)
    assert held(held(eligibility(), BOTH, long), BOTH, short).holds == dict.fromkeys(BOTH, both)
    assert held(held(eligibility(), [MASK], short), [MASK], long).holds == {MASK: both}


def test_a_block_is_ended_after_its_hard_time_and_a_day_at_the_earliest() -> None:
    block = Hold(until=NOW + 14 * DAY, hard_until=NOW + 2 * DAY)
    there = held(eligibility(), BOTH, block)
    assert released(there, NOW).holds[MASK].until == NOW + 2 * DAY
    assert released(there, NOW + 5 * DAY).holds[WAND].until == NOW + 6 * DAY
    assert (
        released(there, NOW + 13.5 * DAY).holds[WAND].until == NOW + 14 * DAY
    )  # never later than it would have been
    assert released(there, NOW + 14 * DAY).holds == {}
    half_a_year = held(eligibility(), BOTH, Hold(until=NOW + 182 * DAY, hard_until=NOW + 182 * DAY))
    assert released(half_a_year, NOW) == half_a_year


def test_erasing_forgets_what_was_said_and_keeps_what_has_to_be_waited_for() -> None:
    block = Hold(until=NOW + DAY, hard_until=NOW + DAY)
    how = flagged(not_fine(reddened(held(eligibility(), [MASK], block), NOW), NOW), NOW)
    left = erased(how, NOW)
    assert (left.adult, left.screenings) == (False, {})
    assert (left.holds, left.redness_until, left.red_flag_at, left.not_fine_until) == (
        {MASK: block},
        how.redness_until,
        how.red_flag_at,
        how.not_fine_until,
    )
    assert erased(how, NOW + DAY).holds == {}
    assert Reason.RED_FLAG in [reason for reason, _ in reasons(left)]


def test_a_new_person_inherits_the_holds_of_removed_people() -> None:
    soon, late = (
        Hold(until=NOW + DAY, hard_until=NOW + DAY),
        Hold(until=NOW + 3 * DAY, hard_until=NOW + HOUR),
    )
    left = [
        eligibility(holds={MASK: soon}, redness_until=NOW + DAY),
        Eligibility(red_flag_at=NOW),
        Eligibility(not_fine_until=NOW + HOUR, holds={MASK: late}),
    ]
    new = inherited(eligibility(redness_until=NOW + HOUR), left)
    assert new.holds == {MASK: Hold(until=NOW + 3 * DAY, hard_until=NOW + DAY)}
    assert (new.redness_until, new.red_flag_at, new.not_fine_until) == (NOW + DAY, NOW, NOW + HOUR)
    assert (new.adult, new.screenings) == (True, eligibility().screenings)
    assert inherited(eligibility(), []) == eligibility()


@pytest.mark.parametrize(
    ("reason", "modality", "how"), [row[1:] for row in UNTIL], ids=[row[0] for row in UNTIL]
)
def test_a_wall_clock_that_is_put_forward_ends_no_waiting(
    reason: Reason, modality: Modality, how: Callable[[datetime], Eligibility]
) -> None:
    at, ahead = NOW + HOUR, NOW + 2 * HOUR
    somebody = person(how=how(at))
    asked, device = (
        (light(whose=somebody), mask()) if modality is MASK else (current(whose=somebody), wand())
    )
    refused = refusals(
        asked, device, node(received_at=ahead), ahead, history=replace(NOTHING, at=NOW)
    )
    assert (reason, at) in [(refusal.reason, refusal.allowed_at) for refusal in refused]


moments: Final = st.datetimes(
    min_value=datetime(2026, 1, 1),  # noqa: DTZ001 - Hypothesis adds the time zone itself
    max_value=datetime(2027, 12, 31),  # noqa: DTZ001 - the same
    timezones=st.just(UTC),
)
REPORTS: Final[tuple[Callable[[Eligibility, datetime], Eligibility], ...]] = (
    reddened,
    flagged,
    not_fine,
    lambda how, now: held(how, BOTH, Hold(until=now + 14 * DAY, hard_until=now + 2 * DAY)),
    lambda how, now: held(how, [WAND], Hold(until=now, hard_until=now)),
)


@given(
    st.lists(st.tuples(st.sampled_from(REPORTS), moments), max_size=6),
    st.sampled_from(REPORTS),
    moments,
    moments,
    st.sampled_from(BOTH),
)
def test_no_report_ever_takes_a_refusal_away(
    before: list[tuple[Callable[[Eligibility, datetime], Eligibility], datetime]],
    report: Callable[[Eligibility, datetime], Eligibility],
    reported_at: datetime,
    now: datetime,
    modality: Modality,
) -> None:
    how = eligibility(
        screenings=dict.fromkeys(BOTH, screening(screened_at=now, expires_at=now + DAY))
    )
    for earlier, at in before:
        how = earlier(how, at)
    stricter = {
        refusal.reason: refusal.allowed_at
        for refusal in found(report(how, reported_at), modality, now)
    }
    for refusal in found(how, modality, now):
        there = stricter[refusal.reason]
        assert there == refusal.allowed_at or (
            there is not None and refusal.allowed_at is not None and there >= refusal.allowed_at
        )


# --- blue -----------------------------------------------------------------------------------------


def refused_blue(whose: Person, duration_s: float = 60) -> list[tuple[Reason, float | None]]:
    asked = light(blue=5, duration_s=duration_s, whose=whose)
    return [
        (refusal.reason, refusal.maximum)
        for refusal in refusals(asked, mask(), node(), NOW, history=NOTHING)
    ]


def test_no_blue_where_screening_found_it_unfit_whatever_the_skin_and_the_option() -> None:
    unfit = eligibility(screenings={MASK: screening(blue=False)})
    for skin_type in SkinType:
        assert refused_blue(
            person(skin_type=skin_type, how=unfit, options=Options(half_blue=True))
        ) == [(Reason.SKIN_TYPE, None)]


def test_blue_for_type_four_is_there_by_option_and_at_half() -> None:
    four = SkinType.IV
    assert refused_blue(person(skin_type=four)) == [(Reason.SKIN_TYPE, None)]
    # 15 J/cm² x 0.75 / 1.2 x 0.5 = 4.6875 at 5 mW/cm²: 937 s, more than a session; at half again in
    # the first three, 468
    opted = person(skin_type=four, options=Options(half_blue=True))
    assert refused_blue(opted, 600) == []
    new = person(skin_type=four, options=Options(half_blue=True), done=0)
    assert refused_blue(new, 468) == []
    assert refused_blue(new, 469) == [(Reason.OUT_OF_BOUNDS, 468)]
    for darker in (SkinType.V, SkinType.VI, SkinType.UNKNOWN):
        assert refused_blue(person(skin_type=darker, options=Options(half_blue=True))) == [
            (Reason.SKIN_TYPE, None)
        ]
    assert refused_blue(person(skin_type=SkinType.III, done=0), 600) == []


# --- options --------------------------------------------------------------------------------------


def test_the_options_begin_at_the_defaults() -> None:
    options = Options()
    assert options.mask_sessions_week == limits.SESSIONS_WEEK[MASK].default.maximum
    assert (options.mask_duration_s, options.wand_duration_s) == tuple(
        limits.DURATION[modality].default.maximum for modality in BOTH
    )
    assert (options.wand_starting_phase, options.half_blue, options.share) == (False, False, 1)


@pytest.mark.parametrize("grade", [Grade.MEASURED, Grade.DECLARED])
def test_less_is_less_and_programs_follow_it(grade: Grade) -> None:
    less = person(options=Options(share=0.5, mask_duration_s=300, wand_duration_s=120))
    for device, key in ((mask(grade=grade), "fine_lines"), (wand(grade=grade), "fine_lines")):
        asked, plain = (
            resolve.resolve_program(key, less, device),
            resolve.resolve_program(key, person(), device),
        )
        assert refusals(asked, device, node(), NOW, history=NOTHING) == ()
        assert asked.duration_s == (300 if device.modality is MASK else 120) < plain.duration_s
        assert all(
            level <= plain.irradiance_mw_cm2[channel] / 2
            for channel, level in asked.irradiance_mw_cm2.items()
        )
        assert (asked.current_ua or 0) <= (plain.current_ua or 0) / 2
    scale = bounds.Scale.of(mask(), less)
    assert bounds.irradiance(Channel.RED, mask(), scale).maximum == 14.583
    assert bounds.total_irradiance(scale).maximum == 29.166
    assert bounds.current(wand(), bounds.Scale.of(wand(), less)).maximum == 125
    assert (bounds.duration(mask(), less).maximum, bounds.duration(mask(), less).source) == (
        300,
        "X9",
    )
    assert [
        refusal.detail
        for refusal in refusals(
            light(red=14, duration_s=301, whose=less), mask(), node(), NOW, history=NOTHING
        )
    ] == ["X9"]


def test_what_allows_more_holds_a_day_later_and_what_allows_less_at_once() -> None:
    wanted = Options(mask_sessions_week=6, half_blue=True, share=0.5)
    choice = choose(Choice(), wanted, NOW)
    assert choice.loosened_at == NOW + DAY
    assert choice.options(NOW) == choice.options(NOW + DAY - SECOND) == Options(share=0.5)
    assert choice.options(NOW + DAY) == wanted


def test_choosing_less_needs_no_day() -> None:
    choice = choose(Choice(), Options(mask_duration_s=300), NOW)
    assert (choice.loosened_at, choice.options(NOW)) == (None, Options(mask_duration_s=300))


def test_choosing_the_same_again_restarts_nothing_and_another_choice_restarts_the_day() -> None:
    choice = choose(Choice(), Options(mask_sessions_week=6), NOW)
    assert choose(choice, Options(mask_sessions_week=6), NOW + HOUR) == choice
    other = choose(choice, Options(mask_sessions_week=6, half_blue=True), NOW + 23 * HOUR)
    assert other.options(NOW + 46 * HOUR) == Options()
    assert other.options(NOW + 47 * HOUR) == Options(mask_sessions_week=6, half_blue=True)


def test_a_looser_setting_that_is_withdrawn_never_applies() -> None:
    back = choose(choose(Choice(), Options(mask_sessions_week=6), NOW), Options(), NOW + HOUR)
    assert back.loosened_at is None
    assert back.options(NOW + 2 * DAY) == Options()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("mask_sessions_week", 0),
        ("mask_sessions_week", 7),
        ("mask_duration_s", 601),
        ("mask_duration_s", 59),
        ("wand_duration_s", 301),
        ("share", 0.24),
        ("share", 1.01),
        ("share", float("nan")),
        ("share", float("inf")),
    ],
)
def test_an_option_outside_its_bound_is_refused_by_its_name_and_counts_for_nothing(
    field: str, value: float
) -> None:
    wild: dict[str, Any] = {field: value}
    with pytest.raises(RefusedError) as refused:
        choose(Choice(), Options(**wild), NOW)
    assert (refused.value.binding.reason, refused.value.binding.field) == (
        Reason.OUT_OF_BOUNDS,
        field,
    )
    assert refused.value.binding.maximum == BOUNDS[field].maximum
    assert within(Options(**wild)) == Choice(wanted=Options(**wild)).options(NOW) == Options()


anything: Final = st.builds(
    Options,
    mask_sessions_week=st.integers(1, 6),
    wand_starting_phase=st.booleans(),
    half_blue=st.booleans(),
    mask_duration_s=st.integers(60, 600),
    wand_duration_s=st.integers(60, 300),
    share=st.floats(0.25, 1),
)


@given(
    st.lists(st.tuples(anything, st.timedeltas(timedelta(0), 3 * DAY)), max_size=8),
    st.timedeltas(timedelta(0), 2 * DAY),
)
def test_nothing_is_looser_than_every_choice_of_the_last_day(
    choices: list[tuple[Options, timedelta]], later: timedelta
) -> None:
    """Whatever holds was wanted the whole last day, or is stricter than that."""
    now, choice, held = NOW, Choice(), [(NOW - 9 * DAY, Options())]
    for wanted, wait in choices:
        now += wait
        choice = choose(choice, wanted, now)
        held.append((now, wanted))
    now += later
    wished = [
        wanted
        for index, (_, wanted) in enumerate(held)
        if index + 1 == len(held) or held[index + 1][0] > now - DAY
    ]
    for each in fields(Options):
        assert getattr(choice.options(now), each.name) <= max(
            getattr(wanted, each.name) for wanted in wished
        )
        assert getattr(choice.options(now), each.name) <= getattr(held[-1][1], each.name)


@given(anything, anything)
def test_the_tightest_of_two_is_no_looser_than_either(one: Options, other: Options) -> None:
    assert tightest(one, other) == tightest(other, one)
    assert tightest(one, tightest(one, other)) == tightest(one, other)
    assert replace(tightest(one, other), share=1).share == 1

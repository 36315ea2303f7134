"""`core.gate.budget` and `.windows`: each rule at its edge, and when it no longer refuses."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from hypothesis import given, strategies as st
import pytest

from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.gate.budget import CONSTRAINTS
from custom_components.facial_therapy.core.gate.measure import amounts
from custom_components.facial_therapy.core.gate.permit import used
from custom_components.facial_therapy.core.gate.request import NormalizedRequest, normalized
from custom_components.facial_therapy.core.gate.situation import Situation
from custom_components.facial_therapy.core.ledger.history import History
from custom_components.facial_therapy.core.ledger.record import Record
from custom_components.facial_therapy.core.ledger.unknown import ceiling
from custom_components.facial_therapy.core.model import Channel, Dose, Modality, Outcome, SkinType
from custom_components.facial_therapy.core.person import Options, Person
from custom_components.facial_therapy.core.refusal import Reason, Refusal
from tests.core import (
    NOTHING,
    NOW,
    current,
    least,
    light,
    mask,
    node,
    permitted,
    person,
    refusals,
    situation,
    wand,
)

HOUR: Final = timedelta(hours=1)
SECOND: Final = timedelta(seconds=1)
MODALITIES: Final = tuple(Modality)


def delivered_before(ago: timedelta, modality: Modality = Modality.MASK, **changes: Any) -> Record:
    """Return a settled session that ended a while ago, by default 20 J/cm² or 0.5 mA·min."""
    dose = (
        Dose(fluence_j_cm2={Channel.RED: 20.0})
        if modality is Modality.MASK
        else Dose(charge_ma_min=0.5)
    )
    dose = changes.pop("dose", dose)
    minutes = 10 if modality is Modality.MASK else 5
    values: dict[str, Any] = {
        "session_id": f"{int(ago.total_seconds()):016x}",
        "mac": "m",
        "modality": modality,
        "person_id": "p1",
        "program": "manual",
        "started_at": NOW - ago - timedelta(minutes=minutes),
        "duration_s": minutes * 60,
        "planned": dose,
        "worst_case": dose,
        "delivered": dose,
        "output_s": minutes * 60,
        "outcome": Outcome.COMPLETED,
        "ended_at": NOW - ago,
    }
    return Record(**values | changes)


def history(*records: Record, **changes: Any) -> History:
    return History(
        at=NOW, records=tuple(sorted(records, key=lambda record: record.over_at)), **changes
    )


class Question(NamedTuple):
    """A request for a dose in a situation: the arguments of a rule."""

    request: NormalizedRequest
    situation: Situation


def question(
    modality: Modality = Modality.MASK,
    whose: Person | None = None,
    records: tuple[Record, ...] = (),
    *,
    adding: Dose | None = None,
    gel_rinsed: bool = True,
    **changes: Any,
) -> Question:
    if adding is None:
        adding = (
            Dose(fluence_j_cm2={Channel.RED: 20.0})
            if modality is Modality.MASK
            else Dose(charge_ma_min=0.5)
        )
    device = mask() if modality is Modality.MASK else wand()
    asked_for = light() if modality is Modality.MASK else current(duration_s=600)
    about = situation(
        device,
        **{"person": whose or person(), "history": history(*records), **changes},
    )
    request = normalized(replace(asked_for, gel_rinsed=gel_rinsed), about, None)
    return Question(replace(request, amounts=amounts(adding, 1, request.duration_s)), about)


def asked(rule: str, about: Question) -> list[Refusal]:
    return list(CONSTRAINTS[rule](*about))


def at(about: Question, later: timedelta) -> Question:
    """The same claim, some time later, and nothing else has happened."""
    then = about.situation
    return about._replace(
        situation=replace(
            then, now=then.now + later, history=replace(then.history, at=then.history.at + later)
        )
    )


def budget(
    whose: Person, modality: Modality, now: datetime, *, history: History
) -> tuple[Refusal, ...]:
    """Return every reason against the smallest session."""
    return least(
        mask() if modality is Modality.MASK else wand(),
        node(received_at=now),
        now,
        whose=whose,
        history=history,
    )


RED50: Final = Dose(fluence_j_cm2={Channel.RED: 50.0})
BLUE15: Final = Dose(fluence_j_cm2={Channel.BLUE: 15.0})
SIX: Final = replace(person(), options=Options(mask_sessions_week=6))
STARTING: Final = replace(person(), options=Options(wand_starting_phase=True))
FIRST: Final = person(done=2)
DARK: Final = person(skin_type=SkinType.VI)


def lots(
    number: int, dose: Dose, spread: timedelta = 20 * HOUR, **changes: Any
) -> tuple[Record, ...]:
    """So many sessions that ended 1 h, 21 h, 41 h ... ago."""
    return tuple(
        delivered_before(HOUR + spread * index, dose=dose, **changes) for index in range(number)
    )


WEAK: Final = Dose(charge_ma_min=0.1)
J40: Final = Dose(fluence_j_cm2={Channel.RED: 40.0})
J30: Final = Dose(fluence_j_cm2={Channel.RED: 30.0})
CASES: Final[tuple[tuple[str, Question, Reason, str, float, timedelta], ...]] = (
    # rule, a question that it alone refuses, reason, row, remaining dose, time until allowed
    (
        "fluence_day_default",
        question(records=(delivered_before(2 * HOUR, dose=J40),)),
        Reason.DOSE_DAY,
        "L13",
        10,
        18 * HOUR,
    ),
    (
        "fluence_day_hard",
        question(
            records=(delivered_before(21 * HOUR, dose=J40), delivered_before(22 * HOUR, dose=RED50))
        ),
        Reason.DOSE_DAY,
        "L13",
        10,
        2 * HOUR,
    ),
    (
        "fluence_day_default",
        question(whose=DARK, records=(delivered_before(2 * HOUR),)),
        Reason.DOSE_DAY,
        "L13",
        5,
        18 * HOUR,
    ),
    (
        "fluence_day_default",
        question(whose=FIRST, records=(delivered_before(2 * HOUR),)),
        Reason.DOSE_DAY,
        "L13",
        5,
        18 * HOUR,
    ),
    (
        "fluence_week_default",
        question(records=lots(5, J40)),
        Reason.DOSE_WEEK,
        "L14",
        0,
        (160 - 81) * HOUR,
    ),
    (
        "fluence_week_default",
        question(whose=SIX, records=lots(7, J40, spread=HOUR)),
        Reason.DOSE_WEEK,
        "L14",
        0,
        (160 - 7) * HOUR,
    ),
    (
        "fluence_week_hard",
        question(records=lots(6, RED50, spread=timedelta(minutes=1))),
        Reason.DOSE_WEEK,
        "L14",
        0,
        167 * HOUR + timedelta(minutes=-5),
    ),
    (
        "blue_week_default",
        question(adding=BLUE15, records=lots(3, BLUE15)),
        Reason.BLUE_WEEK,
        "L15",
        0,
        (160 - 41) * HOUR,
    ),
    (
        "blue_week_default",
        question(whose=person(skin_type=SkinType.IV), adding=BLUE15, records=lots(2, BLUE15)),
        Reason.BLUE_WEEK,
        "L15",
        3.75,
        (160 - 21) * HOUR,
    ),
    (
        "blue_week_hard",
        question(adding=BLUE15, records=lots(6, BLUE15)),
        Reason.BLUE_WEEK,
        "L15",
        0,
        (168 - 101) * HOUR,
    ),
    (
        "charge_day_default",
        question(
            Modality.WAND,
            adding=Dose(charge_ma_min=1.2),
            records=(delivered_before(2 * HOUR, Modality.WAND),),
        ),
        Reason.DOSE_DAY,
        "M15",
        1,
        18 * HOUR,
    ),
    (
        "charge_day_hard",
        question(
            Modality.WAND,
            records=(delivered_before(21 * HOUR, Modality.WAND, dose=Dose(charge_ma_min=7.1)),),
        ),
        Reason.DOSE_DAY,
        "M15",
        0.4,
        3 * HOUR,
    ),
    (
        "sessions_day_mask_default",
        question(records=(delivered_before(2 * HOUR),)),
        Reason.SESSIONS_DAY,
        "L16",
        0,
        18 * HOUR,
    ),
    (
        "sessions_day_mask_hard",
        question(records=(delivered_before(21 * HOUR), delivered_before(22 * HOUR))),
        Reason.SESSIONS_DAY,
        "L16",
        0,
        2 * HOUR,
    ),
    (
        "sessions_day_wand_default",
        question(Modality.WAND, records=(delivered_before(2 * HOUR, Modality.WAND),)),
        Reason.SESSIONS_DAY,
        "M16",
        0,
        18 * HOUR,
    ),
    (
        "sessions_week_mask_default",
        question(records=lots(4, J30)),
        Reason.SESSIONS_WEEK,
        "L17",
        0,
        (160 - 61) * HOUR,
    ),
    (
        "sessions_week_mask_default",
        question(whose=SIX, records=lots(6, J30)),
        Reason.SESSIONS_WEEK,
        "L17",
        0,
        (160 - 101) * HOUR,
    ),
    (
        "sessions_week_mask_hard",
        question(records=lots(7, J30)),
        Reason.SESSIONS_WEEK,
        "L17",
        0,
        (168 - 121) * HOUR,
    ),
    (
        "sessions_week_wand_default",
        question(Modality.WAND, records=lots(2, WEAK, modality=Modality.WAND)),
        Reason.SESSIONS_WEEK,
        "M17",
        0,
        139 * HOUR,
    ),
    (
        "sessions_week_wand_default",
        question(Modality.WAND, whose=STARTING, records=lots(3, WEAK, modality=Modality.WAND)),
        Reason.SESSIONS_WEEK,
        "M17",
        0,
        119 * HOUR,
    ),
    (
        "sessions_week_wand_hard",
        question(Modality.WAND, records=lots(5, WEAK, modality=Modality.WAND)),
        Reason.SESSIONS_WEEK,
        "M17",
        0,
        87 * HOUR,
    ),
    ("rest", question(records=(delivered_before(19 * HOUR),)), Reason.REST, "L18", 0, HOUR),
    (
        "rest",
        question(Modality.WAND, records=(delivered_before(43 * HOUR, Modality.WAND),)),
        Reason.REST,
        "M18",
        0,
        HOUR,
    ),
    (
        "rest",
        question(
            Modality.WAND, whose=STARTING, records=(delivered_before(19 * HOUR, Modality.WAND),)
        ),
        Reason.REST,
        "M18",
        0,
        HOUR,
    ),
    (
        "rest_blue",
        question(adding=BLUE15, records=(delivered_before(47 * HOUR, dose=BLUE15),)),
        Reason.REST_BLUE,
        "L18",
        0,
        HOUR,
    ),
    (
        "gap",
        question(records=(delivered_before(timedelta(minutes=4), Modality.WAND),)),
        Reason.GAP,
        "X2",
        0,
        timedelta(minutes=1),
    ),
    (
        "gap",
        question(Modality.WAND, records=(delivered_before(timedelta(minutes=9)),)),
        Reason.GAP,
        "X2",
        0,
        timedelta(minutes=1),
    ),
    (
        "gel_not_rinsed",
        question(gel_rinsed=False, records=(delivered_before(3 * HOUR, Modality.WAND),)),
        Reason.GEL_NOT_RINSED,
        "X2",
        0,
        HOUR,
    ),
    (
        "treatment_day",
        question(
            Modality.WAND, records=(delivered_before(2 * HOUR, duration_s=1201, output_s=1201),)
        ),
        Reason.TREATMENT_DAY,
        "X3",
        599,
        18 * HOUR,
    ),
)


@pytest.mark.parametrize(
    ("rule", "about", "reason", "source", "left", "wait"),
    CASES,
    ids=[f"{index}-{case[0]}" for index, case in enumerate(CASES)],
)
def test_a_rule_refuses_until_the_moment_that_it_names(  # noqa: PLR0913, PLR0917 - the columns of the table
    rule: str, about: Question, reason: Reason, source: str, left: float, wait: timedelta
) -> None:
    (refused,) = asked(rule, about)
    assert (refused.reason, refused.detail, refused.allowed_at) == (reason, source, NOW + wait)
    assert refused.maximum in (None, left)
    assert asked(rule, at(about, wait)) == []
    assert asked(rule, at(about, wait - SECOND))


def test_every_rule_has_a_case_of_its_own() -> None:
    assert {case[0] for case in CASES} | {"other_session", "clock_untrusted"} == set(CONSTRAINTS)


def test_a_session_on_another_device_refuses_as_long_as_it_may_go_on() -> None:
    other_session = delivered_before(timedelta(0), Modality.WAND, delivered=None, ended_at=None)
    (refused,) = asked(
        "other_session", question(history=history(other_session, other_session=other_session))
    )
    assert (refused.reason, refused.detail, refused.allowed_at) == (
        Reason.OTHER_SESSION,
        "wand",
        None,
    )
    assert asked("other_session", question()) == []


def test_a_clock_that_was_never_set_is_not_believed() -> None:
    unset = datetime(1970, 1, 1, 0, 5, tzinfo=NOW.tzinfo)
    assert [
        refused.reason
        for refused in asked("clock_untrusted", question(now=unset, history=History(at=unset)))
    ] == [Reason.CLOCK_UNTRUSTED]
    assert asked("clock_untrusted", question()) == []


def test_the_edge_of_a_window_is_inside_the_limit() -> None:
    assert (
        asked("fluence_day_default", question(adding=J30, records=(delivered_before(HOUR),))) == []
    )
    assert asked(
        "fluence_day_default",
        question(
            adding=Dose(fluence_j_cm2={Channel.RED: 30.01}), records=(delivered_before(HOUR),)
        ),
    )


def test_a_window_says_when_enough_has_left_it_and_not_when_all_has() -> None:
    records = (
        delivered_before(10 * HOUR, dose=J30),
        delivered_before(5 * HOUR, dose=Dose(fluence_j_cm2={Channel.RED: 10.0})),
    )
    (refused,) = asked("fluence_day_default", question(records=records))
    assert refused.allowed_at == NOW + 10 * HOUR


def test_below_a_fifth_of_its_plan_a_session_counts_its_dose_but_neither_as_one_nor_for_rest() -> (
    None
):
    small = delivered_before(HOUR, planned=RED50, delivered=Dose(fluence_j_cm2={Channel.RED: 9.9}))
    about = question(records=(small,), adding=J40)
    assert asked("rest", about) == asked("sessions_day_mask_default", about) == []
    assert asked("fluence_day_default", question(records=(small,), adding=RED50))


def test_what_is_not_settled_counts_in_full_and_until_it_must_be_over() -> None:
    unknown = delivered_before(
        timedelta(0), dose=J40, delivered=None, ended_at=None, started_at=NOW - HOUR
    )
    (refused,) = asked("fluence_day_default", question(records=(unknown,)))
    assert (refused.maximum, refused.allowed_at) == (
        10,
        unknown.started_at + timedelta(seconds=1800 + 3600) + 20 * HOUR,
    )


def test_a_void_session_counts_nothing() -> None:
    void = delivered_before(
        timedelta(minutes=1), delivered=Dose(), outcome=Outcome.VOID, output_s=0
    )
    assert [
        name for name, rule in CONSTRAINTS.items() if list(rule(*question(records=(void,))))
    ] == []


def test_records_of_the_future_still_count() -> None:
    """After a wall clock was put back: the window does not open."""
    assert asked("fluence_day_default", question(records=(delivered_before(-5 * HOUR, dose=J40),)))


def test_light_after_the_wand_says_that_the_gel_is_off() -> None:
    wand_, mask_ = delivered_before(3 * HOUR, Modality.WAND), delivered_before(2 * HOUR)
    assert asked("gel_not_rinsed", question(gel_rinsed=False, records=(wand_, mask_))) == []
    assert asked(
        "gel_not_rinsed", question(gel_rinsed=False, records=(delivered_before(4 * HOUR), wand_))
    )
    assert (
        asked("gel_not_rinsed", question(Modality.WAND, gel_rinsed=False, records=(wand_,))) == []
    )
    assert asked("gel_not_rinsed", question(gel_rinsed=False)) == []


def test_the_starting_phase_is_eight_weeks_from_the_first_session_and_only_where_it_is_chosen() -> (
    None
):
    records = (delivered_before(21 * HOUR, Modality.WAND),)
    begun = {Modality.WAND: NOW - timedelta(weeks=8) + SECOND}
    assert (
        asked(
            "rest",
            question(Modality.WAND, whose=STARTING, history=history(*records, first_at=begun)),
        )
        == []
    )
    assert asked(
        "rest", question(Modality.WAND, whose=person(), history=history(*records, first_at=begun))
    )
    assert asked(
        "rest",
        question(
            Modality.WAND,
            whose=STARTING,
            history=history(*records, first_at={Modality.WAND: NOW - timedelta(weeks=8)}),
        ),
    )


@pytest.mark.parametrize(
    ("chosen", "fluence"), [(0, 0), (3, 200), (4, 200), (5, 230), (6, 260), (99, 260)]
)
def test_an_option_moves_sessions_and_dose_of_the_week_inside_its_table_only(
    chosen: int, fluence: float
) -> None:
    whose = replace(person(), options=Options(mask_sessions_week=chosen))
    sessions = min(chosen, 6)
    week = tuple(
        delivered_before(
            HOUR * (index + 1),
            dose=Dose(fluence_j_cm2={Channel.RED: (fluence - 20) / max(1, sessions - 1)}),
        )
        for index in range(max(0, sessions - 1))
    )
    if sessions:
        assert asked("sessions_week_mask_default", question(whose=whose, records=week)) == []
        assert asked("fluence_week_default", question(whose=whose, records=week)) == []
        assert asked(
            "fluence_week_default",
            question(whose=whose, records=week, adding=Dose(fluence_j_cm2={Channel.RED: 20.1})),
        )
    assert asked(
        "sessions_week_mask_default",
        question(whose=whose, records=(*week, delivered_before(HOUR * 20))),
    )


def test_a_week_at_its_ceiling_leaves_nothing_for_a_week() -> None:
    everything = tuple(ceiling(modality.value, "p1", modality, NOW) for modality in Modality)
    for later in (timedelta(), 100 * HOUR, 159 * HOUR):
        for modality in Modality:
            assert budget(
                person(), modality, NOW + later, history=History(at=NOW + later, records=everything)
            )
    assert (
        budget(
            person(),
            Modality.MASK,
            NOW + 168 * HOUR,
            history=History(at=NOW + 168 * HOUR, records=everything),
        )
        == ()
    )


# --- the gate -------------------------------------------------------------------------------------


def test_the_gate_returns_every_reason_and_the_one_that_lasts_longest_first() -> None:
    found = refusals(
        light(red=20),
        mask(),
        node(),
        NOW,
        history=history(
            delivered_before(HOUR, dose=J40), delivered_before(timedelta(minutes=1), Modality.WAND)
        ),
    )
    assert [refusal.reason for refusal in found[:1]] == [Reason.DOSE_DAY] or found[0].reason in (
        Reason.REST,
        Reason.SESSIONS_DAY,
    )
    assert [refusal.allowed_at for refusal in found] == sorted(
        (refusal.allowed_at for refusal in found if refusal.allowed_at), reverse=True
    )
    assert {refusal.reason for refusal in found} == {
        Reason.DOSE_DAY,
        Reason.REST,
        Reason.SESSIONS_DAY,
        Reason.GAP,
        Reason.GEL_NOT_RINSED,
    }


def test_a_refusal_ends_by_the_wall_clock_even_if_the_ledger_has_another_time() -> None:
    ahead = History(at=NOW + 5 * HOUR, records=(delivered_before(-4 * HOUR),))
    (refused,) = (
        refusal
        for refusal in refusals(light(red=20), mask(), node(), NOW, history=ahead)
        if refusal.reason is Reason.REST
    )
    assert refused.allowed_at == NOW + 19 * HOUR


def test_a_permitted_session_counts_in_the_windows_of_the_next() -> None:
    plan = permitted(light(red=20), mask(), node(), NOW, history=NOTHING)
    assert sum(plan.worst_case.fluence_j_cm2.values()) == pytest.approx(14.4)
    assert (
        refusals(light(red=20), mask(), node(), NOW, history=history(delivered_before(21 * HOUR)))
        == ()
    )


def test_a_person_sees_their_worst_case_use_of_each_window_and_its_ceiling() -> None:
    assert used(person(), Modality.MASK, NOW, history=NOTHING, window="fluence_day_default") == (
        0,
        50,
        "J/cm²",
    )
    once = history(delivered_before(2 * HOUR, planned=RED50, delivered=RED50))
    amount, most, unit = used(
        person(skin_type=SkinType.IV),
        Modality.MASK,
        NOW,
        history=once,
        window="fluence_day_default",
    )
    assert amount == pytest.approx(once.records[0].counted.total)
    assert (most, unit) == (37.5, "J/cm²")
    assert used(person(), Modality.WAND, NOW, history=once, window="charge_day_default")[0] == 0
    assert (
        used(
            person(),
            Modality.MASK,
            NOW,
            history=history(delivered_before(21 * HOUR)),
            window="fluence_day_default",
        )[0]
        == 0
    )


def test_the_budget_of_a_person_says_when_something_could_start() -> None:
    assert budget(person(), Modality.MASK, NOW, history=NOTHING) == ()
    (refused, *_) = budget(
        person(), Modality.WAND, NOW, history=history(delivered_before(2 * HOUR, Modality.WAND))
    )
    assert (refused.reason, refused.allowed_at) == (Reason.REST, NOW + 42 * HOUR)
    assert (
        budget(
            person(), Modality.MASK, NOW, history=history(delivered_before(2 * HOUR, Modality.WAND))
        )
        == ()
    )  # the gel is asked for at the start
    full = history(
        delivered_before(
            2 * HOUR, planned=Dose(fluence_j_cm2={Channel.RED: 300.0}), delivered=RED50
        )
    )
    assert [refusal.reason for refusal in budget(person(), Modality.MASK, NOW, history=full)] == [
        Reason.DOSE_DAY
    ]


records_: Final = st.lists(
    st.builds(
        lambda modality, ago, dose, blue, settled, share: delivered_before(
            timedelta(minutes=ago),
            modality,
            session_id=f"{ago:08x}{round(dose * 1000):08x}",
            dose=Dose(fluence_j_cm2={Channel.RED: dose, Channel.BLUE: blue})
            if modality is Modality.MASK
            else Dose(charge_ma_min=dose / 20),
            **({} if settled else {"delivered": None, "ended_at": None}),
            **({"planned": RED50} if share else {}),
        ),
        st.sampled_from(Modality),
        st.integers(-600, 11_000),
        st.floats(0, 60),
        st.sampled_from([0.0, 5.0, 15.0]),
        st.booleans(),
        st.booleans(),
    ),
    max_size=9,
    unique_by=lambda record: record.session_id,
)
claims: Final = st.builds(
    lambda modality, whose, records, share, blue, rinsed: question(
        modality,
        whose,
        tuple(records),
        adding=Dose(fluence_j_cm2={Channel.RED: 40 * share, Channel.BLUE: blue})
        if modality is Modality.MASK
        else Dose(charge_ma_min=1.5 * share),
        gel_rinsed=rinsed,
    ),
    st.sampled_from(Modality),
    st.builds(
        lambda skin_type, done, week, starting: replace(
            person(skin_type=skin_type, done=done),
            options=Options(mask_sessions_week=week, wand_starting_phase=starting),
        ),
        st.sampled_from(SkinType),
        st.integers(0, 4),
        st.integers(1, 6),
        st.booleans(),
    ),
    records_,
    st.floats(0.01, 1),
    st.sampled_from([0.0, 0.0, 8.0]),
    st.booleans(),
)


@given(claims)
def test_at_the_moment_that_is_named_a_rule_no_longer_refuses_and_a_second_before_it_does(
    about: Question,
) -> None:
    for name, rule in CONSTRAINTS.items():
        for refused in rule(*about):
            assert refused.allowed_at is not None, name
            wait = refused.allowed_at - NOW
            assert wait > timedelta(0), name
            assert list(rule(*at(about, wait))) == [], name
            assert list(rule(*at(about, wait - SECOND))), name


@given(claims, st.data())
def test_one_more_session_never_permits_what_was_refused(
    about: Question, data: st.DataObject
) -> None:
    more = data.draw(records_)
    ids = {record.session_id for record in about.situation.history.records}
    longer = tuple(
        sorted(
            (
                *about.situation.history.records,
                *(record for record in more if record.session_id not in ids),
            ),
            key=lambda record: record.over_at,
        )
    )
    past = replace(about.situation.history, records=longer)
    fuller = about._replace(situation=replace(about.situation, history=past))
    for name, rule in CONSTRAINTS.items():
        if name != "gel_not_rinsed" and list(rule(*about)):  # light after the wand answers that one
            assert list(rule(*fuller)), name


def test_the_table_of_limits_holds_a_session_in_a_day_and_a_day_in_a_week() -> None:
    """A window refuses only after a delivery, so one session has to fit into every window."""
    for kind in ("default", "hard"):
        session, day, week = (
            getattr(limit, kind).maximum
            for limit in (limits.FLUENCE_SESSION, limits.FLUENCE_DAY, limits.FLUENCE_WEEK)
        )
        assert session <= day <= week
        assert (
            getattr(limits.FLUENCE[Channel.BLUE], kind).maximum
            <= getattr(limits.BLUE_WEEK, kind).maximum
        )
        assert all(
            getattr(limits.DURATION[modality], kind).maximum <= limits.TREATMENT_DAY.total_seconds()
            for modality in MODALITIES
        )
    assert (
        refusals(current(duration_s=301), wand(), node(), NOW, history=NOTHING)[0].detail == "M13"
    )

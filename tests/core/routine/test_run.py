"""`core.routine.run`: runs step by step, with refusals and delays, and what is announced."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

import pytest

from custom_components.facial_therapy.core.refusal import Reason, Refusal, RefusedError
from custom_components.facial_therapy.core.routine.cues import CUES, cue
from custom_components.facial_therapy.core.routine.refused import refused
from custom_components.facial_therapy.core.routine.run import (
    Mark,
    RoutineRun,
    advance,
    begin,
    result_of,
)
from custom_components.facial_therapy.core.routine.steps import IfRefused, Step, Steps
from custom_components.facial_therapy.core.routine.transitions import (
    Outcome,
    Result,
    RoutineEffect,
    RoutineEvent,
    RoutineState,
)

from .test_steps import EVENING, at, steps

START: Final = at("21:00:00")


class Evening:
    """A routine under way, with its clock."""

    def __init__(self, given: Steps | str = EVENING, why_not: Any = None, **changes: Any) -> None:
        """Begin it at nine."""
        self.now = START
        self.why_not = why_not or (lambda _step, _at: None)
        parts = steps(given) if isinstance(given, str) else given
        run = RoutineRun(
            **{
                "person_id": "p1",
                "routine": "r1",
                "steps": parts,
                "began_at": START,
                "window_ends_at": at("23:00:00"),
                **changes,
            }
        )
        self.run, self.effects = begin(run, self.why_not)
        self.cues = [cue(self.run)]

    def take(self, *events: RoutineEvent | Reason, after_s: float = 1) -> Evening:
        """Let events happen one after the other; a reason is a start that is refused for it."""
        for event in events:
            self.now += timedelta(seconds=after_s)
            answer, refusal = (
                refused([Refusal(reason=event)], self.now)
                if isinstance(event, Reason)
                else (event, None)
            )
            self.run, self.effects = advance(
                self.run, answer, self.now, refusal=refusal, why_not=self.why_not
            )
            self.cues.append(cue(self.run))
        return self

    def session(self, seconds: float = 60) -> Evening:
        """Go through a session that was asked for."""
        assert self.effects == (RoutineEffect.START,)
        return self.take(RoutineEvent.ACCEPTED, RoutineEvent.ENERGIZED).take(
            RoutineEvent.ENDED, after_s=seconds
        )

    def to_gap(self) -> Evening:
        """Go on to the gap before the mask."""
        return (
            self.take(RoutineEvent.CONFIRM, RoutineEvent.CONFIRM)
            .session(300)
            .take(RoutineEvent.CONFIRM)
        )

    def to_mask(self) -> Evening:
        """Go on to the start of the mask."""
        return self.to_gap().take(RoutineEvent.ELAPSED, after_s=300)

    @property
    def state(self) -> RoutineState:
        """Where it is; a call, since it changes between two looks."""
        return self.run.state

    @property
    def results(self) -> list[str]:
        """What became of the steps so far, with the reason."""
        return [
            f"{self.run.steps[mark.index].act} {mark.result} {mark.reason or ''}".rstrip()
            for mark in self.run.marks
        ]


def test_a_whole_evening_step_by_step() -> None:
    evening = Evening().to_mask().session(600).take(RoutineEvent.CONFIRM)
    assert evening.cues == [
        "cleanse",
        "gel",
        "starting",
        "armed_wand",
        "forehead",
        "rinse",
        "gap",
        "starting",
        "armed_mask",
        "running_mask",
        "serum",
        "completed",
    ]
    assert evening.results == [f"{act} done" for act in EVENING.split()]
    assert (evening.state, evening.run.outcome, evening.run.step, evening.run.next_step) == (
        RoutineState.OVER,
        Outcome.COMPLETED,
        None,
        None,
    )


def test_it_knows_what_comes_next() -> None:
    evening = Evening()
    assert evening.run.next_step == step_of(evening, 1)
    evening.to_gap()
    assert [evening.run.step, evening.run.next_step] == [step_of(evening, 4), step_of(evening, 5)]
    evening.take(RoutineEvent.SKIP)
    assert [evening.run.step, evening.run.next_step] == [step_of(evening, 5), None]


def step_of(evening: Evening, index: int) -> Step:
    return evening.run.steps[index]


def test_the_mask_waits_five_minutes_after_the_wand_and_nobody_can_hurry_it() -> None:
    evening = Evening().to_gap()
    ended = evening.now - timedelta(seconds=1)
    assert (evening.state, evening.run.rests_until, evening.run.reason) == (
        RoutineState.GAP,
        ended + timedelta(minutes=5),
        Reason.GAP,
    )
    with pytest.raises(RefusedError) as caught:
        evening.take(RoutineEvent.CONFIRM)
    assert (caught.value.binding.reason, caught.value.binding.allowed_at) == (
        Reason.GAP,
        ended + timedelta(minutes=5),
    )
    assert evening.state is RoutineState.GAP
    assert (
        evening.take(RoutineEvent.ELAPSED, after_s=297).state is RoutineState.GAP
    )  # a timer that was early
    evening.take(RoutineEvent.ELAPSED)
    assert (evening.state, evening.effects, evening.run.rests_until) == (
        RoutineState.STARTING,
        (RoutineEffect.START,),
        None,
    )


def test_the_wand_waits_ten_minutes_after_the_mask() -> None:
    evening = Evening("mask wand").session(600)
    assert (evening.state, evening.run.rests_until) == (
        RoutineState.GAP,
        evening.now + timedelta(minutes=10),
    )


def test_the_gap_counts_from_the_end_of_a_session_that_was_skipped_while_it_ran() -> None:
    evening = Evening("wand rinse mask").take(
        RoutineEvent.ACCEPTED, RoutineEvent.ENERGIZED, RoutineEvent.SKIP
    )
    assert (evening.state, evening.effects) == (RoutineState.LEAVING, (RoutineEffect.STOP_SESSION,))
    evening.take(RoutineEvent.ENDED, after_s=7).take(RoutineEvent.CONFIRM)
    assert evening.run.rests_until == evening.now - timedelta(seconds=1) + timedelta(minutes=5)
    assert evening.results == ["wand skipped", "rinse done"]


def test_a_wait_may_be_cut_short_and_ends_by_itself() -> None:
    evening = Evening("wait serum")
    assert (evening.state, evening.run.rests_until) == (
        RoutineState.WAITING,
        START + timedelta(seconds=120),
    )
    assert evening.take(RoutineEvent.CONFIRM).results == ["wait done"]
    assert Evening("wait serum").take(RoutineEvent.ELAPSED, after_s=120).cues == [
        "waiting",
        "serum",
    ]


def test_without_rinsing_the_mask_is_refused_and_the_routine_goes_on() -> None:
    evening = (
        Evening().take(RoutineEvent.CONFIRM, RoutineEvent.CONFIRM).session().take(RoutineEvent.SKIP)
    )
    assert evening.results == [
        "cleanse done",
        "gel done",
        "wand done",
        "rinse skipped",
        "mask refused gel_not_rinsed",
    ]
    assert evening.state is RoutineState.HAND
    assert (
        Evening("gel rinse mask serum").take(RoutineEvent.CONFIRM, RoutineEvent.SKIP).results[-1]
        == "mask refused gel_not_rinsed"
    )
    assert Evening("gel rinse mask serum").take(
        RoutineEvent.CONFIRM, RoutineEvent.CONFIRM
    ).effects == (RoutineEffect.START,)


def test_a_wand_leaves_gel_on_the_face_even_if_the_step_of_the_gel_was_skipped() -> None:
    assert (
        Evening("gel wand rinse mask")
        .take(RoutineEvent.SKIP)
        .session()
        .take(RoutineEvent.SKIP)
        .results[-1]
        == "mask refused gel_not_rinsed"
    )


# --- refused --------------------------------------------------------------------------------------


def test_a_refused_wand_is_skipped_with_its_reason_and_gel_is_never_put_on() -> None:
    def weekly_cap(step: Step, when: datetime) -> Refusal | None:
        assert when.tzinfo is not None
        return Refusal(reason=Reason.STORE_FAILED) if step.act == "wand" else None

    evening = Evening(why_not=weekly_cap).take(RoutineEvent.CONFIRM)
    assert evening.results == [
        "cleanse done",
        "wand refused store_failed",
        "gel dropped",
        "rinse dropped",
    ]
    assert evening.effects == (RoutineEffect.START,)
    assert evening.session().take(RoutineEvent.CONFIRM).run.outcome is Outcome.COMPLETED


def test_what_is_refused_ahead_and_ends_the_routine_is_left_for_the_person_to_meet() -> None:
    given = tuple(replace(each, if_refused=IfRefused.END) for each in steps(EVENING))
    evening = Evening(given, why_not=lambda _step, _at: Refusal(reason=Reason.SKIN_TYPE)).take(
        RoutineEvent.CONFIRM
    )
    assert cue(evening.run) == "gel"
    evening.take(RoutineEvent.CONFIRM, Reason.SKIN_TYPE)
    assert (evening.state, evening.run.outcome) == (RoutineState.OVER, Outcome.REFUSED)
    assert evening.results[-1] == "wand refused skin_type"


def test_gel_without_a_wand_asks_nobody() -> None:
    assert Evening(
        "gel serum", why_not=lambda _step, _at: Refusal(reason=Reason.SKIN_TYPE)
    ).cues == ["gel"]


def test_gel_that_was_put_on_is_rinsed_when_the_wand_is_refused_after_all() -> None:
    evening = Evening().take(RoutineEvent.CONFIRM, RoutineEvent.CONFIRM, Reason.SKIN_TYPE)
    assert evening.results[-1] == "wand refused skin_type"
    assert cue(evening.run) == "rinse"
    assert evening.take(RoutineEvent.CONFIRM).effects == (
        RoutineEffect.START,
    )  # nothing flowed, so there is no gap


@pytest.mark.parametrize(
    ("reason", "state"),
    [
        (Reason.DEVICE_OFFLINE, RoutineState.OFF),
        (Reason.STILL_WORN, RoutineState.ASKED),
        (Reason.BUSY, RoutineState.ASKED),
        (Reason.OTHER_SESSION, RoutineState.ASKED),
        (Reason.TOO_SOON, RoutineState.ASKED),
        (Reason.SKIN_TYPE, RoutineState.HAND),
    ],
)
def test_a_refused_start_waits_for_what_can_be_mended_and_skips_what_cannot(
    reason: Reason, state: RoutineState
) -> None:
    evening = Evening("mask serum").take(reason)
    assert evening.state is state
    assert evening.run.reason is (None if state is RoutineState.HAND else reason)


def test_a_session_that_may_not_begin_yet_is_asked_for_at_its_time_and_not_in_a_loop() -> None:
    evening = Evening("mask")
    for allowed_at, expected in ((START + timedelta(seconds=90), 90), (START, 15), (None, 15)):
        refusal = Refusal(reason=Reason.PROFILE_GAP, allowed_at=allowed_at)
        run, effects = advance(
            evening.run, RoutineEvent.EARLY, START + timedelta(seconds=10), refusal=refusal
        )
        assert (run.state, effects, run.rests_until) == (
            RoutineState.GAP,
            (),
            START + timedelta(seconds=expected),
        )


def test_gel_of_an_hour_ago_is_asked_for_before_light() -> None:
    evening = Evening("mask").take(Reason.GEL_NOT_RINSED)
    assert (evening.state, evening.run.reason, evening.run.rinsed) == (
        RoutineState.ASKED,
        Reason.GEL_NOT_RINSED,
        False,
    )
    evening.take(RoutineEvent.CONFIRM)
    assert (evening.effects, evening.run.rinsed) == ((RoutineEffect.START,), True)


def test_rinsing_is_confirmed_by_the_person_and_undone_by_gel_and_wand() -> None:
    evening = Evening("rinse gel wand rinse mask").take(RoutineEvent.CONFIRM)
    assert evening.run.rinsed
    assert not evening.take(RoutineEvent.CONFIRM).run.rinsed
    assert not evening.session().run.rinsed
    assert evening.take(RoutineEvent.CONFIRM).run.rinsed
    assert not Evening("rinse wand").take(RoutineEvent.CONFIRM).session().run.rinsed


# --- the device -----------------------------------------------------------------------------------


def test_a_wand_that_is_off_is_waited_for_until_the_end_of_the_window() -> None:
    evening = Evening("wand serum").take(Reason.DEVICE_OFFLINE)
    assert cue(evening.run) == "off_wand"
    assert evening.take(RoutineEvent.FOUND).effects == (RoutineEffect.START,)
    given_up = Evening("wand serum").take(Reason.DEVICE_OFFLINE, RoutineEvent.LATE)
    assert (given_up.state, given_up.run.outcome, given_up.effects) == (
        RoutineState.OVER,
        Outcome.LATE,
        (),
    )


def test_a_session_that_was_not_put_on_in_time_is_armed_again_by_a_person_only() -> None:
    evening = Evening("mask").take(RoutineEvent.ACCEPTED, RoutineEvent.ENDED)
    assert (evening.state, evening.effects, cue(evening.run)) == (
        RoutineState.ASKED,
        (),
        "asked_mask",
    )
    assert evening.take(RoutineEvent.CONFIRM).effects == (RoutineEffect.START,)


def test_a_session_that_is_held_is_resumed_by_the_person_or_ends_as_it_is() -> None:
    evening = Evening("mask serum").take(
        RoutineEvent.ACCEPTED, RoutineEvent.ENERGIZED, RoutineEvent.HELD
    )
    assert (evening.state, cue(evening.run)) == (RoutineState.HELD, "held_mask")
    assert evening.take(RoutineEvent.CONFIRM).effects == (RoutineEffect.RESUME,)
    assert evening.take(RoutineEvent.ENERGIZED, RoutineEvent.HELD, RoutineEvent.ENDED).results == [
        "mask done"
    ]


def test_a_fault_stops_the_session_and_ends_the_routine() -> None:
    evening = Evening().take(
        RoutineEvent.CONFIRM,
        RoutineEvent.CONFIRM,
        RoutineEvent.ACCEPTED,
        RoutineEvent.ENERGIZED,
        RoutineEvent.FAULTED,
    )
    assert (evening.state, evening.effects) == (RoutineState.ENDING, (RoutineEffect.STOP_SESSION,))
    evening.take(RoutineEvent.ENDED)
    assert (evening.state, evening.run.outcome) == (RoutineState.OVER, Outcome.FAULT)


def test_stop_while_a_session_runs_waits_for_its_end() -> None:
    evening = Evening("mask").take(RoutineEvent.ACCEPTED, RoutineEvent.ENERGIZED, RoutineEvent.STOP)
    assert (evening.state, evening.effects) == (RoutineState.ENDING, (RoutineEffect.STOP_SESSION,))
    assert evening.take(RoutineEvent.ENDED).run.outcome is Outcome.STOPPED


# --- a restart ------------------------------------------------------------------------------------


def test_after_a_restart_it_is_where_it_was_and_waits_for_a_person() -> None:
    evening = Evening().take(RoutineEvent.CONFIRM, RoutineEvent.RESTARTED)
    assert (evening.state, cue(evening.run), evening.run.step) == (
        RoutineState.SUSPENDED,
        "suspended",
        step_of(evening, 1),
    )
    evening.take(
        RoutineEvent.ELAPSED, RoutineEvent.FOUND, RoutineEvent.ACCEPTED, RoutineEvent.ENDED
    )
    assert evening.state is RoutineState.SUSPENDED
    assert cue(evening.take(RoutineEvent.CONFIRM).run) == "gel"


def test_a_restart_in_a_session_stops_it_and_begins_nothing_before_it_has_ended() -> None:
    evening = Evening("mask serum").take(
        RoutineEvent.ACCEPTED, RoutineEvent.ENERGIZED, RoutineEvent.RESTARTED
    )
    assert (evening.state, evening.effects) == (
        RoutineState.STRANDED,
        (RoutineEffect.STOP_SESSION,),
    )
    for event in (RoutineEvent.CONFIRM, RoutineEvent.SKIP):
        with pytest.raises(RefusedError) as caught:
            evening.take(event)
        assert caught.value.binding.reason is Reason.BUSY
    assert evening.take(RoutineEvent.ENDED).effects == ()
    assert evening.take(RoutineEvent.CONFIRM).effects == (RoutineEffect.START,)
    assert evening.take(Reason.SKIN_TYPE).results == ["mask refused skin_type"]


def test_a_session_that_is_adopted_after_a_restart_is_followed_to_its_end() -> None:
    evening = Evening("mask serum").take(
        RoutineEvent.ACCEPTED,
        RoutineEvent.ENERGIZED,
        RoutineEvent.RESTARTED,
        RoutineEvent.ADOPTED,
    )
    assert (evening.state, cue(evening.run)) == (RoutineState.ADOPTED, "held_mask")
    assert evening.take(RoutineEvent.CONFIRM).effects == (RoutineEffect.RESUME,)
    assert cue(evening.take(RoutineEvent.ENERGIZED).run) == "running_mask"
    assert evening.take(RoutineEvent.ENDED).results == ["mask done"]
    assert cue(evening.run) == "serum"


@pytest.mark.parametrize(
    ("share", "results", "then"),
    [
        (0.0, [], "starting"),  # it can be tried again the same night
        (0.19, [], "starting"),
        (0.2, ["mask partial"], "serum"),
        (0.69, ["mask partial"], "serum"),
        (0.7, ["mask done"], "serum"),
        (1.0, ["mask done"], "serum"),
    ],
)
def test_a_session_that_nobody_resumes_says_what_it_delivered_and_waits_for_a_person(
    share: float, results: list[str], then: str
) -> None:
    evening = Evening("mask serum").take(
        RoutineEvent.ACCEPTED, RoutineEvent.ENERGIZED, RoutineEvent.ADOPTED
    )
    evening.run, evening.effects = advance(
        evening.run, RoutineEvent.ENDED, evening.now, result=result_of(share)
    )
    assert (evening.state, evening.effects) == (RoutineState.SUSPENDED, ())
    assert evening.results == results
    assert cue(evening.take(RoutineEvent.CONFIRM).run) == then


@pytest.mark.parametrize(
    ("share", "result"), [(0.1, "stopped"), (0.2, "partial"), (0.7, "done"), (1.0, "done")]
)
def test_a_step_that_ends_early_is_not_called_done(share: float, result: str) -> None:
    evening = Evening("mask serum").take(RoutineEvent.ACCEPTED, RoutineEvent.ENERGIZED)
    evening.run, _ = advance(evening.run, RoutineEvent.ENDED, evening.now, result=result_of(share))
    assert (evening.results, cue(evening.run)) == ([f"mask {result}"], "serum")


def test_a_step_that_was_skipped_before_the_restart_stays_skipped() -> None:
    evening = Evening("mask serum").take(
        RoutineEvent.ACCEPTED,
        RoutineEvent.SKIP,
        RoutineEvent.RESTARTED,
        RoutineEvent.ENDED,
        RoutineEvent.CONFIRM,
    )
    assert (evening.results, cue(evening.run)) == (["mask skipped"], "serum")
    again = Evening("mask serum").take(
        RoutineEvent.ACCEPTED,
        RoutineEvent.SKIP,
        RoutineEvent.RESTARTED,
        RoutineEvent.ENDED,
        RoutineEvent.SKIP,
    )
    assert again.results == ["mask skipped"]


# --- late -----------------------------------------------------------------------------------------


def test_optional_steps_go_as_it_gets_late() -> None:
    """At 22:08 there is time without the wand, and the mask alone would end at 22:22:30.

    The person cleanses until 22:12, and the serum stays.
    """
    evening = Evening(
        "cleanse gel wand? rinse mask serum?", began_at=at("22:08:00"), finish_by=at("22:30:00")
    )
    assert evening.results == ["serum dropped"]
    evening.now = at("22:12:00")
    evening.take(RoutineEvent.CONFIRM)
    assert evening.results == [
        "serum dropped",
        "cleanse done",
        "gel dropped",
        "wand dropped",
        "rinse dropped",
    ]
    assert evening.effects == (RoutineEffect.START,)


def test_after_its_window_it_goes_no_further_but_what_runs_comes_to_its_end() -> None:
    evening = Evening("mask serum").take(
        RoutineEvent.ACCEPTED, RoutineEvent.ENERGIZED, RoutineEvent.LATE
    )
    assert evening.state is RoutineState.RUNNING
    evening.now = at("23:00:00")
    evening.take(RoutineEvent.ENDED)
    assert (evening.state, evening.run.outcome, evening.results) == (
        RoutineState.OVER,
        Outcome.LATE,
        ["mask done"],
    )
    armed = Evening("mask serum").take(RoutineEvent.ACCEPTED, RoutineEvent.LATE)
    assert (armed.state, armed.effects) == (RoutineState.ENDING, (RoutineEffect.STOP_SESSION,))
    assert armed.take(RoutineEvent.ENDED).run.outcome is Outcome.LATE


@pytest.mark.parametrize("event", RoutineEvent)
def test_when_it_is_over_nothing_changes_it(event: RoutineEvent) -> None:
    evening = Evening("serum").take(RoutineEvent.CONFIRM)
    over = evening.run
    if event in {RoutineEvent.CONFIRM, RoutineEvent.SKIP}:
        with pytest.raises(RefusedError) as caught:
            evening.take(event)
        assert (caught.value.binding.reason, caught.value.binding.detail) == (
            Reason.WRONG_STATE,
            "over",
        )
    else:
        assert evening.take(event).effects == ()
    assert evening.run == over


def test_a_routine_that_cannot_be_gone_through_does_not_begin() -> None:
    with pytest.raises(RefusedError):
        Evening("wand mask")


def test_a_mark_says_when() -> None:
    assert Evening("serum").take(RoutineEvent.CONFIRM).run.marks == (
        Mark(index=0, result=Result.DONE, at=START + timedelta(seconds=1)),
    )


# --- cues -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", RoutineState)
@pytest.mark.parametrize("word", ["cleanse", "gel", "wand", "rinse", "mask", "serum", "wait"])
def test_there_is_something_to_say_wherever_a_routine_may_be(
    state: RoutineState, word: str
) -> None:
    run = replace(Evening(word).run, state=state)
    if state is RoutineState.HAND and word in {"wand", "mask", "wait"}:
        return  # not by hand
    if state.value in {"off", "asked", "armed", "running", "held", "adopted"} and word not in {
        "wand",
        "mask",
    }:
        return  # not on a device
    assert cue(run) in CUES
    assert len(set(CUES)) == len(CUES)


def test_a_wand_that_runs_is_told_of_by_the_zone_that_its_node_counts() -> None:
    run = replace(Evening("wand").run, state=RoutineState.RUNNING)
    assert [cue(run, number) for number in (1, 2, 3)] == ["forehead", "cheeks", "jawline"]

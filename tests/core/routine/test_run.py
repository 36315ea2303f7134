"""`core.routine.run`: runs step by step, with refusals, delays and announcements."""

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


class DrivenRun:
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

    def take(self, *events: RoutineEvent | Reason, after_s: float = 1) -> DrivenRun:
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

    def session(self, seconds: float = 60) -> DrivenRun:
        """Go through a session that was asked for."""
        assert self.effects == (RoutineEffect.START,)
        return self.take(RoutineEvent.ACCEPTED, RoutineEvent.ENERGIZED).take(
            RoutineEvent.ENDED, after_s=seconds
        )

    def to_gap(self) -> DrivenRun:
        """Go on to the gap before the mask."""
        return (
            self.take(RoutineEvent.CONFIRM, RoutineEvent.CONFIRM)
            .session(300)
            .take(RoutineEvent.CONFIRM)
        )

    def to_mask(self) -> DrivenRun:
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
    driven = DrivenRun().to_mask().session(600).take(RoutineEvent.CONFIRM)
    assert driven.cues == [
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
    assert driven.results == [f"{act} done" for act in EVENING.split()]
    assert (driven.state, driven.run.outcome, driven.run.step, driven.run.next_step) == (
        RoutineState.OVER,
        Outcome.COMPLETED,
        None,
        None,
    )


def test_it_knows_what_comes_next() -> None:
    driven = DrivenRun()
    assert driven.run.next_step == step_of(driven, 1)
    driven.to_gap()
    assert [driven.run.step, driven.run.next_step] == [step_of(driven, 4), step_of(driven, 5)]
    driven.take(RoutineEvent.SKIP)
    assert [driven.run.step, driven.run.next_step] == [step_of(driven, 5), None]


def step_of(driven: DrivenRun, index: int) -> Step:
    return driven.run.steps[index]


def test_the_mask_waits_five_minutes_after_the_wand_and_nobody_can_hurry_it() -> None:
    driven = DrivenRun().to_gap()
    ended = driven.now - timedelta(seconds=1)
    assert (driven.state, driven.run.rests_until, driven.run.reason) == (
        RoutineState.GAP,
        ended + timedelta(minutes=5),
        Reason.GAP,
    )
    with pytest.raises(RefusedError) as caught:
        driven.take(RoutineEvent.CONFIRM)
    assert (caught.value.binding.reason, caught.value.binding.allowed_at) == (
        Reason.GAP,
        ended + timedelta(minutes=5),
    )
    assert driven.state is RoutineState.GAP
    assert (
        driven.take(RoutineEvent.ELAPSED, after_s=297).state is RoutineState.GAP
    )  # a timer that was early
    driven.take(RoutineEvent.ELAPSED)
    assert (driven.state, driven.effects, driven.run.rests_until) == (
        RoutineState.STARTING,
        (RoutineEffect.START,),
        None,
    )


def test_the_wand_waits_ten_minutes_after_the_mask() -> None:
    driven = DrivenRun("mask wand").session(600)
    assert (driven.state, driven.run.rests_until) == (
        RoutineState.GAP,
        driven.now + timedelta(minutes=10),
    )


def test_the_gap_counts_from_the_end_of_a_session_that_was_skipped_while_it_ran() -> None:
    driven = DrivenRun("wand rinse mask").take(
        RoutineEvent.ACCEPTED, RoutineEvent.ENERGIZED, RoutineEvent.SKIP
    )
    assert (driven.state, driven.effects) == (RoutineState.LEAVING, (RoutineEffect.STOP_SESSION,))
    driven.take(RoutineEvent.ENDED, after_s=7).take(RoutineEvent.CONFIRM)
    assert driven.run.rests_until == driven.now - timedelta(seconds=1) + timedelta(minutes=5)
    assert driven.results == ["wand skipped", "rinse done"]


def test_a_wait_may_be_cut_short_and_ends_by_itself() -> None:
    driven = DrivenRun("wait serum")
    assert (driven.state, driven.run.rests_until) == (
        RoutineState.WAITING,
        START + timedelta(seconds=120),
    )
    assert driven.take(RoutineEvent.CONFIRM).results == ["wait done"]
    assert DrivenRun("wait serum").take(RoutineEvent.ELAPSED, after_s=120).cues == [
        "waiting",
        "serum",
    ]


def test_without_rinsing_the_mask_is_refused_and_the_routine_goes_on() -> None:
    driven = (
        DrivenRun()
        .take(RoutineEvent.CONFIRM, RoutineEvent.CONFIRM)
        .session()
        .take(RoutineEvent.SKIP)
    )
    assert driven.results == [
        "cleanse done",
        "gel done",
        "wand done",
        "rinse skipped",
        "mask refused gel_not_rinsed",
    ]
    assert driven.state is RoutineState.HAND
    assert (
        DrivenRun("gel rinse mask serum").take(RoutineEvent.CONFIRM, RoutineEvent.SKIP).results[-1]
        == "mask refused gel_not_rinsed"
    )
    assert DrivenRun("gel rinse mask serum").take(
        RoutineEvent.CONFIRM, RoutineEvent.CONFIRM
    ).effects == (RoutineEffect.START,)


def test_a_wand_leaves_gel_on_the_face_even_if_the_step_of_the_gel_was_skipped() -> None:
    assert (
        DrivenRun("gel wand rinse mask")
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

    driven = DrivenRun(why_not=weekly_cap).take(RoutineEvent.CONFIRM)
    assert driven.results == [
        "cleanse done",
        "wand refused store_failed",
        "gel dropped",
        "rinse dropped",
    ]
    assert driven.effects == (RoutineEffect.START,)
    assert driven.session().take(RoutineEvent.CONFIRM).run.outcome is Outcome.COMPLETED


def test_what_is_refused_ahead_and_ends_the_routine_is_left_for_the_person_to_meet() -> None:
    given = tuple(replace(each, if_refused=IfRefused.END) for each in steps(EVENING))
    driven = DrivenRun(given, why_not=lambda _step, _at: Refusal(reason=Reason.SKIN_TYPE)).take(
        RoutineEvent.CONFIRM
    )
    assert cue(driven.run) == "gel"
    driven.take(RoutineEvent.CONFIRM, Reason.SKIN_TYPE)
    assert (driven.state, driven.run.outcome) == (RoutineState.OVER, Outcome.REFUSED)
    assert driven.results[-1] == "wand refused skin_type"


def test_gel_without_a_wand_asks_nobody() -> None:
    assert DrivenRun(
        "gel serum", why_not=lambda _step, _at: Refusal(reason=Reason.SKIN_TYPE)
    ).cues == ["gel"]


def test_gel_that_was_put_on_is_rinsed_when_the_wand_is_refused_after_all() -> None:
    driven = DrivenRun().take(RoutineEvent.CONFIRM, RoutineEvent.CONFIRM, Reason.SKIN_TYPE)
    assert driven.results[-1] == "wand refused skin_type"
    assert cue(driven.run) == "rinse"
    assert driven.take(RoutineEvent.CONFIRM).effects == (
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
def test_a_refused_start_waits_if_a_person_can_help_and_is_skipped_if_not(
    reason: Reason, state: RoutineState
) -> None:
    driven = DrivenRun("mask serum").take(reason)
    assert driven.state is state
    assert driven.run.reason is (None if state is RoutineState.HAND else reason)


def test_a_session_that_may_not_begin_yet_is_asked_for_at_its_time_and_not_in_a_loop() -> None:
    driven = DrivenRun("mask")
    for allowed_at, expected in ((START + timedelta(seconds=90), 90), (START, 15), (None, 15)):
        refusal = Refusal(reason=Reason.PROFILE_GAP, allowed_at=allowed_at)
        run, effects = advance(
            driven.run, RoutineEvent.EARLY, START + timedelta(seconds=10), refusal=refusal
        )
        assert (run.state, effects, run.rests_until) == (
            RoutineState.GAP,
            (),
            START + timedelta(seconds=expected),
        )


def test_gel_of_an_hour_ago_is_asked_for_before_light() -> None:
    driven = DrivenRun("mask").take(Reason.GEL_NOT_RINSED)
    assert (driven.state, driven.run.reason, driven.run.rinsed) == (
        RoutineState.ASKED,
        Reason.GEL_NOT_RINSED,
        False,
    )
    driven.take(RoutineEvent.CONFIRM)
    assert (driven.effects, driven.run.rinsed) == ((RoutineEffect.START,), True)


def test_rinsing_is_confirmed_by_the_person_and_undone_by_gel_and_wand() -> None:
    driven = DrivenRun("rinse gel wand rinse mask").take(RoutineEvent.CONFIRM)
    assert driven.run.rinsed
    assert not driven.take(RoutineEvent.CONFIRM).run.rinsed
    assert not driven.session().run.rinsed
    assert driven.take(RoutineEvent.CONFIRM).run.rinsed
    assert not DrivenRun("rinse wand").take(RoutineEvent.CONFIRM).session().run.rinsed


# --- the device -----------------------------------------------------------------------------------


def test_a_wand_that_is_off_is_waited_for_until_the_end_of_the_window() -> None:
    driven = DrivenRun("wand serum").take(Reason.DEVICE_OFFLINE)
    assert cue(driven.run) == "off_wand"
    assert driven.take(RoutineEvent.FOUND).effects == (RoutineEffect.START,)
    abandoned = DrivenRun("wand serum").take(Reason.DEVICE_OFFLINE, RoutineEvent.LATE)
    assert (abandoned.state, abandoned.run.outcome, abandoned.effects) == (
        RoutineState.OVER,
        Outcome.LATE,
        (),
    )


def test_a_session_that_was_not_put_on_in_time_is_armed_again_by_a_person_only() -> None:
    driven = DrivenRun("mask").take(RoutineEvent.ACCEPTED, RoutineEvent.ENDED)
    assert (driven.state, driven.effects, cue(driven.run)) == (
        RoutineState.ASKED,
        (),
        "asked_mask",
    )
    assert driven.take(RoutineEvent.CONFIRM).effects == (RoutineEffect.START,)


def test_a_session_that_is_held_is_resumed_by_the_person_or_ends_as_it_is() -> None:
    driven = DrivenRun("mask serum").take(
        RoutineEvent.ACCEPTED, RoutineEvent.ENERGIZED, RoutineEvent.HELD
    )
    assert (driven.state, cue(driven.run)) == (RoutineState.HELD, "held_mask")
    assert driven.take(RoutineEvent.CONFIRM).effects == (RoutineEffect.RESUME,)
    assert driven.take(RoutineEvent.ENERGIZED, RoutineEvent.HELD, RoutineEvent.ENDED).results == [
        "mask done"
    ]


def test_a_fault_stops_the_session_and_ends_the_routine() -> None:
    driven = DrivenRun().take(
        RoutineEvent.CONFIRM,
        RoutineEvent.CONFIRM,
        RoutineEvent.ACCEPTED,
        RoutineEvent.ENERGIZED,
        RoutineEvent.FAULTED,
    )
    assert (driven.state, driven.effects) == (RoutineState.ENDING, (RoutineEffect.STOP_SESSION,))
    driven.take(RoutineEvent.ENDED)
    assert (driven.state, driven.run.outcome) == (RoutineState.OVER, Outcome.FAULT)


def test_stop_while_a_session_runs_waits_for_its_end() -> None:
    driven = DrivenRun("mask").take(
        RoutineEvent.ACCEPTED, RoutineEvent.ENERGIZED, RoutineEvent.STOP
    )
    assert (driven.state, driven.effects) == (RoutineState.ENDING, (RoutineEffect.STOP_SESSION,))
    assert driven.take(RoutineEvent.ENDED).run.outcome is Outcome.STOPPED


# --- a restart ------------------------------------------------------------------------------------


def test_after_a_restart_it_is_where_it_was_and_waits_for_a_person() -> None:
    driven = DrivenRun().take(RoutineEvent.CONFIRM, RoutineEvent.RESTARTED)
    assert (driven.state, cue(driven.run), driven.run.step) == (
        RoutineState.SUSPENDED,
        "suspended",
        step_of(driven, 1),
    )
    driven.take(RoutineEvent.ELAPSED, RoutineEvent.FOUND, RoutineEvent.ACCEPTED, RoutineEvent.ENDED)
    assert driven.state is RoutineState.SUSPENDED
    assert cue(driven.take(RoutineEvent.CONFIRM).run) == "gel"


def test_a_restart_in_a_session_stops_it_and_begins_nothing_before_it_has_ended() -> None:
    driven = DrivenRun("mask serum").take(
        RoutineEvent.ACCEPTED, RoutineEvent.ENERGIZED, RoutineEvent.RESTARTED
    )
    assert (driven.state, driven.effects) == (
        RoutineState.STRANDED,
        (RoutineEffect.STOP_SESSION,),
    )
    for event in (RoutineEvent.CONFIRM, RoutineEvent.SKIP):
        with pytest.raises(RefusedError) as caught:
            driven.take(event)
        assert caught.value.binding.reason is Reason.BUSY
    assert driven.take(RoutineEvent.ENDED).effects == ()
    assert driven.take(RoutineEvent.CONFIRM).effects == (RoutineEffect.START,)
    assert driven.take(Reason.SKIN_TYPE).results == ["mask refused skin_type"]


def test_a_session_that_is_adopted_after_a_restart_is_followed_to_its_end() -> None:
    driven = DrivenRun("mask serum").take(
        RoutineEvent.ACCEPTED,
        RoutineEvent.ENERGIZED,
        RoutineEvent.RESTARTED,
        RoutineEvent.ADOPTED,
    )
    assert (driven.state, cue(driven.run)) == (RoutineState.ADOPTED, "held_mask")
    assert driven.take(RoutineEvent.CONFIRM).effects == (RoutineEffect.RESUME,)
    assert cue(driven.take(RoutineEvent.ENERGIZED).run) == "running_mask"
    assert driven.take(RoutineEvent.ENDED).results == ["mask done"]
    assert cue(driven.run) == "serum"


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
    driven = DrivenRun("mask serum").take(
        RoutineEvent.ACCEPTED, RoutineEvent.ENERGIZED, RoutineEvent.ADOPTED
    )
    driven.run, driven.effects = advance(
        driven.run, RoutineEvent.ENDED, driven.now, result=result_of(share)
    )
    assert (driven.state, driven.effects) == (RoutineState.SUSPENDED, ())
    assert driven.results == results
    assert cue(driven.take(RoutineEvent.CONFIRM).run) == then


@pytest.mark.parametrize(
    ("share", "result"), [(0.1, "stopped"), (0.2, "partial"), (0.7, "done"), (1.0, "done")]
)
def test_a_step_that_ends_early_is_not_called_done(share: float, result: str) -> None:
    driven = DrivenRun("mask serum").take(RoutineEvent.ACCEPTED, RoutineEvent.ENERGIZED)
    driven.run, _ = advance(driven.run, RoutineEvent.ENDED, driven.now, result=result_of(share))
    assert (driven.results, cue(driven.run)) == ([f"mask {result}"], "serum")


def test_a_step_that_was_skipped_before_the_restart_stays_skipped() -> None:
    driven = DrivenRun("mask serum").take(
        RoutineEvent.ACCEPTED,
        RoutineEvent.SKIP,
        RoutineEvent.RESTARTED,
        RoutineEvent.ENDED,
        RoutineEvent.CONFIRM,
    )
    assert (driven.results, cue(driven.run)) == (["mask skipped"], "serum")
    again = DrivenRun("mask serum").take(
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
    driven = DrivenRun(
        "cleanse gel wand? rinse mask serum?", began_at=at("22:08:00"), finish_by=at("22:30:00")
    )
    assert driven.results == ["serum dropped"]
    driven.now = at("22:12:00")
    driven.take(RoutineEvent.CONFIRM)
    assert driven.results == [
        "serum dropped",
        "cleanse done",
        "gel dropped",
        "wand dropped",
        "rinse dropped",
    ]
    assert driven.effects == (RoutineEffect.START,)


def test_after_its_window_it_goes_no_further_but_what_runs_comes_to_its_end() -> None:
    driven = DrivenRun("mask serum").take(
        RoutineEvent.ACCEPTED, RoutineEvent.ENERGIZED, RoutineEvent.LATE
    )
    assert driven.state is RoutineState.RUNNING
    driven.now = at("23:00:00")
    driven.take(RoutineEvent.ENDED)
    assert (driven.state, driven.run.outcome, driven.results) == (
        RoutineState.OVER,
        Outcome.LATE,
        ["mask done"],
    )
    armed = DrivenRun("mask serum").take(RoutineEvent.ACCEPTED, RoutineEvent.LATE)
    assert (armed.state, armed.effects) == (RoutineState.ENDING, (RoutineEffect.STOP_SESSION,))
    assert armed.take(RoutineEvent.ENDED).run.outcome is Outcome.LATE


@pytest.mark.parametrize("event", RoutineEvent)
def test_when_it_is_over_nothing_changes_it(event: RoutineEvent) -> None:
    driven = DrivenRun("serum").take(RoutineEvent.CONFIRM)
    over = driven.run
    if event in {RoutineEvent.CONFIRM, RoutineEvent.SKIP}:
        with pytest.raises(RefusedError) as caught:
            driven.take(event)
        assert (caught.value.binding.reason, caught.value.binding.detail) == (
            Reason.WRONG_STATE,
            "over",
        )
    else:
        assert driven.take(event).effects == ()
    assert driven.run == over


def test_a_routine_that_cannot_be_gone_through_does_not_begin() -> None:
    with pytest.raises(RefusedError):
        DrivenRun("wand mask")


def test_a_mark_says_when() -> None:
    assert DrivenRun("serum").take(RoutineEvent.CONFIRM).run.marks == (
        Mark(index=0, result=Result.DONE, at=START + timedelta(seconds=1)),
    )


# --- cues -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", RoutineState)
@pytest.mark.parametrize("word", ["cleanse", "gel", "wand", "rinse", "mask", "serum", "wait"])
def test_there_is_something_to_say_wherever_a_routine_may_be(
    state: RoutineState, word: str
) -> None:
    run = replace(DrivenRun(word).run, state=state)
    if state is RoutineState.HAND and word in {"wand", "mask", "wait"}:
        return  # not by hand
    if state.value in {"off", "asked", "armed", "running", "held", "adopted"} and word not in {
        "wand",
        "mask",
    }:
        return  # not on a device
    assert cue(run) in CUES
    assert len(set(CUES)) == len(CUES)


def test_a_running_wand_is_announced_by_the_zone_that_its_node_counts() -> None:
    run = replace(DrivenRun("wand").run, state=RoutineState.RUNNING)
    assert [cue(run, number) for number in (1, 2, 3)] == ["forehead", "cheeks", "jawline"]

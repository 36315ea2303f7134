"""Anything in any order: a run ends, never two outputs at once, none alone after a restart."""

from datetime import datetime, timedelta
from typing import Final, override

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.refusal import Reason, Refusal, RefusedError
from custom_components.facial_therapy.core.routine.refused import refused
from custom_components.facial_therapy.core.routine.run import RoutineRun, advance, begin
from custom_components.facial_therapy.core.routine.steps import Act, Steps, check, gap
from custom_components.facial_therapy.core.routine.transitions import (
    RoutineEffect,
    RoutineEvent,
    RoutineState,
)

from .test_steps import at, step, steps

BEGAN: Final = at("21:00:00")
REFUSALS: Final = (
    Reason.DEVICE_OFFLINE,
    Reason.STILL_WORN,
    Reason.BUSY,
    Reason.GAP,
    Reason.SKIN_TYPE,
    Reason.STORE_FAILED,
)

MAY_LIVE: Final = {
    RoutineState.STARTING,
    RoutineState.ARMED,
    RoutineState.RUNNING,
    RoutineState.HELD,
    RoutineState.LEAVING,
    RoutineState.ENDING,
    RoutineState.STRANDED,
    RoutineState.ADOPTED,
}


@st.composite
def routines(draw: st.DrawFn) -> Steps:
    """Draw steps that can be gone through."""
    if draw(st.booleans()):
        return steps(
            draw(
                st.sampled_from(
                    ["wand rinse mask", "gel wand rinse mask", "mask wand", "mask gel wand?"]
                )
            )
        )
    given = tuple(
        step(draw(st.sampled_from(Act)), optional=draw(st.booleans()))
        for _ in range(draw(st.integers(1, 8)))
    )
    try:
        check(given)
    except RefusedError:
        return steps("cleanse gel wand? rinse mask serum?")
    return given


class Household(RuleBasedStateMachine):
    """A wand and a mask that obey, or end, fail and come back at will; the runner on paper."""

    def __init__(self) -> None:
        """Wait for the routine."""
        super().__init__()
        self.now = BEGAN
        self.run: RoutineRun
        self.armed: set[Modality] = set()
        self.flowing: set[Modality] = set()
        self.flowed: list[tuple[Modality, datetime]] = []
        self.asked = False
        """A session was asked for and not answered yet."""
        self.stopping = False
        self.person = True
        """A person did something since the last restart."""

    @initialize(
        given=routines(), minutes=st.integers(1, 120), finish=st.none() | st.integers(0, 60)
    )
    def begins(self, given: Steps, minutes: int, finish: int | None) -> None:
        """Somebody begins a routine."""
        finish_by = None if finish is None else BEGAN + timedelta(minutes=finish)
        new = RoutineRun(
            person_id="p",
            routine="r",
            steps=given,
            began_at=BEGAN,
            window_ends_at=BEGAN + timedelta(minutes=minutes),
            finish_by=finish_by,
        )
        self.take(*begin(new))

    def take(self, run: RoutineRun, effects: tuple[RoutineEffect, ...]) -> None:
        """Carry out what has to be done."""
        self.run = run
        for effect in effects:
            if effect is RoutineEffect.START:
                assert not self.armed | self.flowing, "asked for a session while another lives"
                assert self.person, "asked for a session after a restart without a person"
                self.asked = True
            if effect is RoutineEffect.STOP_SESSION:
                self.stopping = True

    def announce(self, event: RoutineEvent, reason: Reason | None = None) -> None:
        """Let the routine know."""
        refusal = (
            None
            if reason is None
            else Refusal(reason=reason, allowed_at=self.now + timedelta(seconds=30))
        )
        try:
            self.take(*advance(self.run, event, self.now, refusal=refusal))
        except RefusedError:
            assert event in {RoutineEvent.CONFIRM, RoutineEvent.SKIP}

    @property
    def modality(self) -> Modality:
        """Of the step."""
        assert self.run.step is not None
        assert self.run.step.act.modality is not None
        return self.run.step.act.modality

    @rule(seconds=st.sampled_from([1, 29, 61, 300, 601, 3601]))
    def time_passes(self, seconds: int) -> None:
        """The clock of the coordinator."""
        self.now += timedelta(seconds=seconds)
        self.announce(RoutineEvent.ELAPSED)  # also a timer that somebody forgot
        if self.now >= self.run.window_ends_at:
            self.announce(RoutineEvent.LATE)

    @precondition(lambda self: self.asked)
    @rule(seconds=st.integers(1, 600))
    def a_session_goes_well(self, seconds: int) -> None:
        """As it should, so that many evenings come to a second device."""
        self.the_start_is_answered(None)
        if self.armed and not self.stopping:
            self.it_is_put_on()
            self.it_runs(seconds)
            self.it_ends()
            self.a_person_acts(RoutineEvent.CONFIRM)

    @rule(
        event=st.sampled_from(
            [
                RoutineEvent.CONFIRM,
                RoutineEvent.CONFIRM,
                RoutineEvent.CONFIRM,
                RoutineEvent.SKIP,
                RoutineEvent.STOP,
            ]
        )
    )
    def a_person_acts(self, event: RoutineEvent) -> None:
        """Confirm, skip or stop."""
        self.person = True
        self.announce(event)

    @precondition(lambda self: self.asked)
    @rule(reason=st.none() | st.sampled_from(REFUSALS))
    def the_start_is_answered(self, reason: Reason | None) -> None:
        """Accepted or refused."""
        self.asked = False
        if reason is not None:
            self.announce(refused([Refusal(reason=reason)], self.now)[0], reason)
            return
        self.armed.add(self.modality)
        self.announce(RoutineEvent.ACCEPTED)

    @precondition(lambda self: self.armed and not self.stopping)
    @rule()
    def it_is_put_on(self) -> None:
        """Output begins; of a session that was adopted, because a person has resumed it."""
        self.person |= self.run.state is RoutineState.ADOPTED
        modality = self.armed.pop()
        self.flowing.add(modality)
        for before, ended in self.flowed:
            assert self.now >= ended + gap(before, modality)
        self.announce(RoutineEvent.ENERGIZED)

    @precondition(lambda self: self.flowing)
    @rule(seconds=st.integers(0, 600))
    def it_runs(self, seconds: int) -> None:
        """Output goes on."""
        self.now += timedelta(seconds=seconds)

    @precondition(lambda self: self.flowing)
    @rule(event=st.sampled_from([RoutineEvent.HELD, RoutineEvent.FAULTED]))
    def it_is_held_or_fails(self, event: RoutineEvent) -> None:
        """Contact is lost, or worse."""
        self.armed |= self.flowing if event is RoutineEvent.HELD else set()
        self.stopped()
        self.announce(event)

    def stopped(self) -> None:
        """Output is zero."""
        self.flowed += [(modality, self.now) for modality in self.flowing]
        self.flowing.clear()

    @precondition(lambda self: (self.armed or self.flowing or self.stopping) and not self.asked)
    @rule()
    def it_ends(self) -> None:
        """Its time, its window or its stop: no session lives any more."""
        self.stopped()
        self.armed.clear()
        self.stopping = False
        self.announce(RoutineEvent.ENDED)

    @precondition(lambda self: self.run.state is RoutineState.OFF)
    @rule()
    def the_device_is_back(self) -> None:
        """It was off."""
        self.announce(RoutineEvent.FOUND)

    @rule()
    def home_assistant_restarts(self) -> None:
        """Whatever was asked for and not answered is gone, and what lives goes on for its lease."""
        self.person, self.asked = False, False
        self.announce(RoutineEvent.RESTARTED)

    @precondition(lambda self: (self.armed or self.flowing) and not self.stopping)
    @rule()
    def home_assistant_restarts_and_adopts_the_session(self) -> None:
        """What runs is paused, and is ours again; nobody has done anything since."""
        self.person, self.asked = False, False
        self.armed |= self.flowing
        self.stopped()
        self.announce(RoutineEvent.ADOPTED)

    @invariant()
    def never_two_at_once(self) -> None:
        """No two modalities give, or may begin to."""
        assert len(self.armed | self.flowing) <= 1

    @invariant()
    def what_lives_is_the_session_of_the_step(self) -> None:
        """No step by hand, gap or end is entered while a session lives: it is stopped first."""
        if self.armed | self.flowing:
            assert self.run.state in MAY_LIVE

    @invariant()
    def every_step_is_left_once(self) -> None:
        """And no step is entered again after it was left."""
        if hasattr(self, "run"):
            marks = [mark.index for mark in self.run.marks]
            assert len(set(marks)) == len(marks)
            assert (self.run.state is RoutineState.OVER) == (
                self.run.outcome is not None and self.run.step is None
            )

    @override
    def teardown(self) -> None:
        """From anywhere it ends: with time alone, if sessions end and starts are answered."""
        if not hasattr(self, "run"):
            return
        for _ in range(30):
            if self.asked:
                self.the_start_is_answered(None)
            if self.armed or self.flowing or self.stopping:
                self.it_ends()
            self.time_passes(3601)
        assert self.run.state is RoutineState.OVER


TestHousehold = Household.TestCase
TestHousehold.settings = settings(max_examples=250, stateful_step_count=40)

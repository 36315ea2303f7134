"""`core.session`: the table, written out by hand, and the rules that hold on every row."""

from itertools import pairwise
from typing import Final

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
import pytest

from custom_components.facial_therapy.core.refusal import Reason, RefusedError
from custom_components.facial_therapy.core.session import (
    PERSONS,
    TABLE,
    Row,
    SessionEffect,
    SessionEvent,
    SessionState,
    step,
)

# A cell is the next state and, behind a slash, the effects in their order: w write, a arm, d adopt,
# p send pause, r send resume, c send clear, s send stop, l settle. "." stays without effects, "-"
# is refused. Stopping and expired: 10 min and a lease after the stop no output can be on and
# nothing can be resumed. The session counts in full, and a node that comes back with output on is
# stopped from idle.
EFFECTS: Final = {
    "w": "write",
    "a": "arm",
    "d": "adopt",
    "p": "send_pause",
    "r": "send_resume",
    "c": "send_clear",
    "s": "send_stop",
    "l": "settle",
}

PERSON: Final = """
            start     wait     pause     resume        stop         clear
idle        armed/wa  waiting  -         -             stopping/s   -
waiting     armed/wa  -        -         -             idle         -
armed       -         -        -         -             stopping/s   -
running     -         -        paused/p  -             stopping/s   -
suspended   -         -        paused/p  suspended/r   stopping/s   -
paused      -         -        -         paused/r      stopping/s   -
stopping    -         -        -         -             stopping/s   -
lost        -         -        -         -             stopping/s   -
fault       -         -        -         -             fault/s      fault/c
"""

NODE: Final = """
            rearmed     energized   suspended    paused    ended   faulted   cleared
idle        .           stopping/s  .            .         .       fault/s   .
waiting     .           .           .            .         .       fault/s   .
armed       .           running     suspended    paused    idle/l  fault/sl  .
running     armed       .           suspended    paused    idle/l  fault/sl  .
suspended   armed       running     .            paused    idle/l  fault/sl  .
paused      armed       running     suspended    .         idle/l  fault/sl  .
stopping    .           .           .            .         idle/l  fault/sl  .
lost        stopping/s  stopping/s  suspended/d  paused/d  idle/l  fault/sl  .
fault       .           fault/s     .            .         .       .         idle
"""

CONNECTION: Final = """
            lost   found       refused     expired
idle        .      .           .           .
waiting     .      .           idle        idle
armed       lost   .           idle/l      stopping/s
running     lost   .           stopping/s  stopping/s
suspended   lost   .           stopping/s  stopping/s
paused      lost   .           stopping/s  stopping/s
stopping    .      stopping/s  .           idle/l
lost        .      .           .           stopping/s
fault       .      .           .           .
"""


def written_down() -> dict[tuple[str, str], str]:
    """Return the cells of the three tables by (state, event)."""
    cells: dict[tuple[str, str], str] = {}
    for table in (PERSON, NODE, CONNECTION):
        head, *rows = table.strip().splitlines()
        events = head.split()
        for row in rows:
            state, *values = row.split()
            cells |= {(state, event): value for event, value in zip(events, values, strict=True)}
    return cells


CELLS: Final = written_down()


def test_the_table_is_complete() -> None:
    assert set(CELLS) == {
        (state.value, event.value) for state in SessionState for event in SessionEvent
    }
    assert set(TABLE) == set(SessionState)
    assert all(set(events) == set(SessionEvent) for events in TABLE.values())


@pytest.mark.parametrize(("state", "event"), CELLS)
def test_every_event_leads_where_it_is_written_that_it_leads(state: str, event: str) -> None:
    cell = CELLS[state, event]
    if cell == "-":
        with pytest.raises(RefusedError) as caught:
            step(SessionState(state), SessionEvent(event))
        expected = {"start": Reason.BUSY, "wait": Reason.BUSY}.get(event, Reason.WRONG_STATE)
        if state == "fault" and event in {"start", "wait"}:
            expected = Reason.FAULTED
        assert [refusal.reason for refusal in caught.value.refusals] == [expected]
        assert caught.value.binding.detail == (state if expected is Reason.WRONG_STATE else "")
        return
    following, _, letters = cell.partition("/")
    row = step(SessionState(state), SessionEvent(event))
    assert row.state.value == (state if following == "." else following)
    assert [effect.value for effect in row.effects] == [EFFECTS[letter] for letter in letters]


ROWS: Final = [
    (state, event, TABLE[state][event]) for state in SessionState for event in SessionEvent
]
ACCEPTED: Final = [(state, event, row) for state, event, row in ROWS if row is not None]


@pytest.mark.parametrize("state", SessionState)
def test_output_may_flow_in_running_only_and_then_the_lease_is_renewed(state: SessionState) -> None:
    assert state.may_flow is (state.value == "running")
    assert state.renews is (state.value in {"armed", "running", "suspended"})
    assert state.lives is (state.value not in {"idle", "fault"})


@pytest.mark.parametrize(("state", "event", "row"), ROWS)
def test_only_what_a_person_asks_for_is_ever_refused_and_stop_never(
    state: SessionState, event: SessionEvent, row: Row | None
) -> None:
    assert row is not None or event in PERSONS, state
    assert event is not SessionEvent.STOP or row is not None


@pytest.mark.parametrize(("state", "event", "row"), ACCEPTED)
def test_output_begins_only_by_a_report_of_the_node(
    state: SessionState, event: SessionEvent, row: Row
) -> None:
    if row.state.may_flow and not state.may_flow:
        assert event is SessionEvent.ENERGIZED
        assert state in {SessionState.ARMED, SessionState.SUSPENDED, SessionState.PAUSED}


@pytest.mark.parametrize(("state", "event", "row"), ACCEPTED)
def test_the_lease_is_renewed_only_where_output_may_flow_or_begin(
    state: SessionState, event: SessionEvent, row: Row
) -> None:
    if (
        row.state.renews and not state.renews
    ):  # by a start, or by the node's word of a session that we know
        assert event in {
            SessionEvent.START,
            SessionEvent.REARMED,
            SessionEvent.ENERGIZED,
            SessionEvent.SUSPENDED,
        }
        assert state not in {SessionState.STOPPING, SessionState.FAULT}


@pytest.mark.parametrize("state", SessionState)
def test_after_stop_nothing_is_renewed_and_stop_is_sent_unless_nothing_was_ever_armed(
    state: SessionState,
) -> None:
    row = step(state, SessionEvent.STOP)
    assert not row.state.renews
    assert not row.state.may_flow
    assert SessionEffect.SEND_STOP in row.effects or state is SessionState.WAITING


@pytest.mark.parametrize(("state", "event", "row"), ACCEPTED)
def test_a_session_is_written_before_it_is_armed_and_stopped_before_it_is_settled(
    state: SessionState, event: SessionEvent, row: Row
) -> None:
    order = [SessionEffect.WRITE, SessionEffect.ARM, SessionEffect.SEND_STOP, SessionEffect.SETTLE]
    assert all(
        order.index(earlier) < order.index(later) for earlier, later in pairwise(row.effects)
    ), (state, event)
    assert (
        (SessionEffect.ARM in row.effects)
        == (SessionEffect.WRITE in row.effects)
        == (event is SessionEvent.START)
    )


@pytest.mark.parametrize(("state", "event", "row"), ACCEPTED)
def test_leaving_a_session_either_stops_or_settles_it(
    state: SessionState, event: SessionEvent, row: Row
) -> None:
    if state.lives and not row.state.lives and state is not SessionState.WAITING:
        # nothing is reserved for a session that waits for its device
        assert SessionEffect.SETTLE in row.effects, event
    if (
        state.renews
        and not row.state.renews
        and row.state not in {SessionState.PAUSED, SessionState.LOST, SessionState.IDLE}
    ):
        assert row.effects[0] is SessionEffect.SEND_STOP, event


@pytest.mark.parametrize(("state", "event", "row"), ACCEPTED)
def test_a_session_is_adopted_only_where_its_node_holds_it_without_output(
    state: SessionState, event: SessionEvent, row: Row
) -> None:
    held = event in {SessionEvent.SUSPENDED, SessionEvent.PAUSED}
    adopts = state is SessionState.LOST and held
    assert (SessionEffect.ADOPT in row.effects) == adopts
    assert not adopts or row.effects == (SessionEffect.ADOPT,)


class Lifetime(RuleBasedStateMachine):
    """An engine on paper: a ledger entry that is open or not, and the commands sent."""

    def __init__(self) -> None:
        """Begin idle."""
        super().__init__()
        self.state = SessionState.IDLE
        self.open = False
        self.started = False
        """Whether a start was accepted since the last stop, loss, fault or end."""

    def carry_out(self, event: SessionEvent) -> None:
        """Take a step and do what it says."""
        try:
            row = step(self.state, event)
        except RefusedError:
            assert event in PERSONS
            return
        for effect in row.effects:
            if effect is SessionEffect.WRITE:
                assert not self.open
                self.open = True
            if effect is SessionEffect.ARM:
                assert self.open
                self.started = True
            if effect is SessionEffect.SETTLE:
                self.open = False
        self.state = row.state
        if row.state in {SessionState.IDLE, SessionState.STOPPING, SessionState.FAULT}:
            self.started = False

    @rule(event=st.sampled_from(SessionEvent))
    def anything(self, event: SessionEvent) -> None:
        """Anything happens."""
        self.carry_out(event)

    @rule()
    def begins(self) -> None:
        """A session begins, so that many do."""
        self.carry_out(SessionEvent.START)
        self.carry_out(SessionEvent.ENERGIZED)

    @rule()
    def stops(self) -> None:
        """Stop is accepted in every state."""
        self.carry_out(SessionEvent.STOP)
        assert not self.state.renews

    @precondition(lambda self: self.state is SessionState.LOST)
    @rule()
    def comes_back_running(self) -> None:
        """A node that comes back with output flowing is stopped."""
        self.carry_out(SessionEvent.FOUND)
        self.carry_out(SessionEvent.ENERGIZED)
        assert self.state is SessionState.STOPPING

    @invariant()
    def nothing_flows_that_was_not_started(self) -> None:
        """After a stop, a fault or an end, nothing flows or is renewed before another start."""
        assert self.started or not (self.state.may_flow or self.state.renews)

    @invariant()
    def what_may_flow_is_written_down(self) -> None:
        """No output without an open entry, and no open entry after the session."""
        if self.state in {
            SessionState.ARMED,
            SessionState.RUNNING,
            SessionState.SUSPENDED,
            SessionState.PAUSED,
            SessionState.LOST,
        }:
            assert self.open
        if self.state in {SessionState.IDLE, SessionState.WAITING, SessionState.FAULT}:
            assert not self.open


TestLifetime = Lifetime.TestCase
TestLifetime.settings = settings(max_examples=200, stateful_step_count=40)

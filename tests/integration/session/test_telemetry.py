"""`session.telemetry`: which event a report stands for, written out by hand for every case."""

from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any, Final

import pytest

from custom_components.facial_therapy.core.device import NodeState, Telemetry
from custom_components.facial_therapy.core.dose import planned
from custom_components.facial_therapy.core.gate.request import SessionRequest
from custom_components.facial_therapy.core.model import Channel, Dose, Fault
from custom_components.facial_therapy.core.session import SessionEvent, SessionState
from custom_components.facial_therapy.core.session_parameters import (
    PermittedSession,
    SessionParameters,
)
from custom_components.facial_therapy.devices.port import Answer
from custom_components.facial_therapy.session.telemetry import Happening, interpret, observe
from custom_components.facial_therapy.session.view import LiveSession, SessionView
from tests.core import NOW, current, light, node, person

OURS, FOREIGN = "a" * 16, "b" * 16
SECOND: Final = timedelta(seconds=1)
EVENTS: Final = {
    ".": None,
    "R": SessionEvent.REARMED,
    "E": SessionEvent.ENERGIZED,
    "S": SessionEvent.SUSPENDED,
    "P": SessionEvent.PAUSED,
    "N": SessionEvent.ENDED,
    "F": SessionEvent.FAULTED,
    "C": SessionEvent.CLEARED,
}
NODE_STATES: Final = ("armed", "ramping", "running", "suspended", "paused", "idle", "fault")

# By state: a report of our session, of a session that somebody else started, and without one. While
# idle and in a fault there is no session, and ours is the last one. One column per node state.
NEWS: Final = """
            ours     foreign  none
idle        .EE...F  ......F  ......F
waiting     ......F  ......F  ......F
armed       .EESPNF  NNNNNNF  NNNNNNF
running     R..SPNF  NNNNNNF  NNNNNNF
suspended   REE.PNF  NNNNNNF  NNNNNNF
paused      REES.NF  NNNNNNF  NNNNNNF
stopping    .....NF  NNNNNNF  NNNNNNF
lost        REESPNF  NNNNNNF  NNNNNNF
fault       CEECCC.  CCCCCC.  CCCCCC.
"""
"""A report that was made after the newest answer, while no command is under way."""
QUIET: Final = "......F"
"""A report older than the newest answer, or while a command is under way: only a fault counts."""
ENDED_STATES: Final = (SessionState.IDLE, SessionState.FAULT)


def expected() -> dict[tuple[SessionState, str, NodeState], SessionEvent | None]:
    """Return the table by session state, whose session it is, and node state."""
    head, *rows = NEWS.strip().splitlines()
    cells = {}
    for row in rows:
        state, *columns = row.split()
        for whose, column in zip(head.split(), columns, strict=True):
            for node_state, event in zip(NODE_STATES, column, strict=True):
                cells[SessionState(state), whose, NodeState(node_state)] = EVENTS[event]
    return cells


def session(**changes: Any) -> LiveSession:
    """Return a session without a plan, which nothing watches."""
    values: dict[str, Any] = {"session_id": OURS, "person": person(), "program": "manual"}
    return LiveSession(**{"started_at": NOW, **values, **changes})


def permitted(request: SessionParameters | None = None) -> PermittedSession:
    """Return a permitted session: red light of 20 mW/cm² for 10 minutes, unless asked otherwise."""
    request = request or light()
    dose = planned(request)
    return PermittedSession(
        request=request, planned=dose, worst_case=dose, skin_factor=1, lease_s=10, window_s=60
    )


def answered(report: Telemetry, *, later_ms: int = 0, boot: int = 1) -> Answer:
    """Return an answer that was made so long after a report."""
    uptime_ms = (report.uptime_ms + later_ms) & 0xFFFF_FFFF
    return Answer(boot=boot, uptime_ms=uptime_ms, state=NodeState.IDLE, session_id=None, record=1)


def view_in(state: SessionState, report: Telemetry, **changes: Any) -> SessionView:
    """Return a view in a state that has a report."""
    ended = state in ENDED_STATES
    values: dict[str, Any] = {
        "live": None if ended else session(),
        "last": session() if ended else None,
        "accepted": True,
    }
    return SessionView(state=state, report=report, **values | changes)


def reported(whose: str, state: NodeState) -> Telemetry:
    """Return a report of somebody's session."""
    session_id = {"ours": OURS, "foreign": FOREIGN, "none": None}[whose]
    return node(state=state, session_id=session_id)


def event_of(view: SessionView, *, commanding: bool = False) -> SessionEvent | None:
    """Return the event of the newest report."""
    happening = interpret(view, commanding=commanding)
    return None if happening is None else happening.event


CASES: Final = tuple(product(("ours", "foreign", "none"), map(NodeState, NODE_STATES)))


def test_the_table_has_every_state_of_session_and_node() -> None:
    assert set(expected()) == {(state, *case) for state in SessionState for case in CASES}
    assert set(NODE_STATES) == set(NodeState)


@pytest.mark.parametrize("state", SessionState)
def test_a_report_after_the_newest_answer_stands_for_the_event_in_the_table(
    state: SessionState,
) -> None:
    for whose, node_state in CASES:
        report = reported(whose, node_state)
        for changes in (
            {},
            {"answer": answered(report)},
            {"answer": answered(report, later_ms=-1)},
            {"answer": answered(report, later_ms=5000, boot=2)},
        ):
            event = event_of(view_in(state, report, **changes))
            assert event is expected()[state, whose, node_state], (whose, node_state, changes)


@pytest.mark.parametrize("state", [state for state in SessionState if state not in ENDED_STATES])
@pytest.mark.parametrize("commanding", [True, False], ids=["commanding", "old"])
def test_of_an_older_report_or_while_a_command_is_under_way_only_a_fault_counts(
    *, state: SessionState, commanding: bool
) -> None:
    for whose, node_state in CASES:
        report = reported(whose, node_state)
        answer = answered(report, later_ms=0 if commanding else 1)
        event = event_of(view_in(state, report, answer=answer), commanding=commanding)
        assert event is EVENTS[QUIET[NODE_STATES.index(node_state)]], (whose, node_state)


@pytest.mark.parametrize("state", ENDED_STATES)
def test_without_a_session_a_report_counts_whatever_was_answered_or_is_commanded(
    state: SessionState,
) -> None:
    for whose, node_state in CASES:
        report = reported(whose, node_state)
        view = view_in(state, report, answer=answered(report, later_ms=1))
        assert event_of(view, commanding=True) is expected()[state, whose, node_state]


def test_the_uptime_of_a_node_wraps_without_making_a_report_old() -> None:
    report = replace(reported("ours", NodeState.RUNNING), uptime_ms=3)
    newer = view_in(SessionState.ARMED, report, answer=answered(report, later_ms=-10))
    assert event_of(newer) is SessionEvent.ENERGIZED
    report = replace(report, uptime_ms=0xFFFF_FFFF)
    older = view_in(SessionState.ARMED, report, answer=answered(report, later_ms=10))
    assert event_of(older) is None


@pytest.mark.parametrize("accepted", [False, None], ids=["not asked", "no answer yet"])
def test_a_node_that_has_not_accepted_a_session_has_not_ended_it(*, accepted: bool | None) -> None:
    report = reported("none", NodeState.IDLE)
    assert event_of(view_in(SessionState.ARMED, report, accepted=accepted)) is None
    assert event_of(view_in(SessionState.LOST, report, accepted=accepted)) is SessionEvent.ENDED


@pytest.mark.parametrize("state", [state for state in SessionState if state not in ENDED_STATES])
def test_a_fault_counts_by_its_name_alone(state: SessionState) -> None:
    report = replace(reported("none", NodeState.IDLE), fault=Fault.FLICKER)
    assert event_of(view_in(state, report)) is SessionEvent.FAULTED


def test_a_fault_of_the_node_lasts_until_neither_state_nor_name_reports_it() -> None:
    report = reported("none", NodeState.IDLE)
    named = replace(report, fault=Fault.FLICKER)
    assert event_of(view_in(SessionState.FAULT, named)) is None
    assert event_of(view_in(SessionState.FAULT, report)) is SessionEvent.CLEARED


def test_a_fault_that_home_assistant_found_is_not_cleared_by_a_report() -> None:
    view = view_in(SessionState.FAULT, reported("none", NodeState.IDLE), fault=Fault.OVERDOSE)
    assert event_of(view) is None


@pytest.mark.parametrize("commanding", [True, False])
@pytest.mark.parametrize("later_ms", [0, 1], ids=["news", "old"])
def test_our_session_is_checked_in_every_report(*, later_ms: int, commanding: bool) -> None:
    live = session(permitted=permitted())
    report = replace(
        reported("ours", NodeState.RUNNING), delivered=Dose(fluence_j_cm2={Channel.RED: 13})
    )
    answer = answered(report, later_ms=later_ms)
    view = view_in(SessionState.RUNNING, report, live=live, answer=answer)
    found = Happening(SessionEvent.FAULTED, Fault.OVERDOSE)
    assert interpret(view, commanding=commanding) == found
    assert interpret(replace(view, fault=Fault.OVERDOSE), commanding=True) is None
    foreign = replace(report, session_id=FOREIGN)
    assert event_of(replace(view, report=foreign), commanding=True) is None
    stated = replace(report, state=NodeState.FAULT, fault=Fault.FLICKER)
    node_found = Happening(SessionEvent.FAULTED)  # the node latches and keeps its own
    assert interpret(replace(view, report=stated), commanding=commanding) == node_found


def test_without_a_report_nothing_happens() -> None:
    view = replace(view_in(SessionState.LOST, node()), report=None)
    assert interpret(view, commanding=False) is None


# --- observations ---------------------------------------------------------------------------------


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("worn", [True, False, None])
@pytest.mark.parametrize("state", NodeState)
def test_the_sensor_was_seen_off_until_output_is_on(
    *, state: NodeState, worn: bool | None, before: bool
) -> None:
    output_on = state in (NodeState.RAMPING, NodeState.RUNNING)
    view = observe(SessionView(seen_off=before), node(state=state, worn=worn))
    assert view.seen_off is (not output_on and (before or worn is False))


def test_a_report_of_another_session_changes_nothing_of_ours() -> None:
    before = SessionView(state=SessionState.RUNNING, live=session(ends_at=NOW), accepted=None)
    dose = Dose(fluence_j_cm2={Channel.RED: 9})
    for session_id in (FOREIGN, None):
        report = node(state=NodeState.RUNNING, session_id=session_id, delivered=dose, left_s=50)
        assert observe(before, report) == replace(before, report=report)


@pytest.mark.parametrize("state", [state for state in SessionState if state not in ENDED_STATES])
def test_a_report_of_our_session_has_its_dose_and_says_that_the_node_accepted_it(
    state: SessionState,
) -> None:
    before = SessionView(state=state, live=session(), accepted=None)
    report = node(
        state=NodeState.RUNNING,
        session_id=OURS,
        delivered=Dose(fluence_j_cm2={Channel.RED: 9}),
        left_s=50,
        zone=2,
    )
    view = observe(before, report)
    assert view.accepted
    assert view.live is not None
    assert (view.live.delivered, view.live.zone) == (report.delivered, 2)
    end = NOW + 50 * SECOND if state is SessionState.RUNNING else None
    assert view.live.ends_at == end


@pytest.mark.parametrize("state", SessionState)
@pytest.mark.parametrize("node_state", NodeState)
def test_a_window_is_used_only_from_the_state_that_it_belongs_to(
    state: SessionState, node_state: NodeState
) -> None:
    window = NOW - 100 * SECOND
    before = SessionView(state=state, live=session(window_ends_at=window))
    report = node(state=node_state, session_id=OURS, window_s=50, left_s=50)
    view = observe(before, report)
    assert view.live is not None
    output_on = node_state in (NodeState.RAMPING, NodeState.RUNNING)
    counted = node_state.value == state.value and node_state in (
        NodeState.ARMED,
        NodeState.SUSPENDED,
        NodeState.PAUSED,
    )
    if output_on and state is SessionState.RUNNING:
        assert view.live.window_ends_at is None
    else:
        assert view.live.window_ends_at == (NOW + 50 * SECOND if counted else window)


@pytest.mark.parametrize("node_state", NodeState)
@pytest.mark.parametrize("request_known", [True, False], ids=["this run", "after a restart"])
def test_the_levels_of_a_session_from_before_a_restart_are_the_ones_of_the_running_node(
    *, request_known: bool, node_state: NodeState
) -> None:
    request = SessionRequest(person=person(), program="manual") if request_known else None
    known = not request_known and node_state is NodeState.RUNNING
    lights = session(permitted=permitted(), request=request)
    levels = {Channel.RED: 5.0, Channel.BLUE: 0.0}
    report = node(state=node_state, session_id=OURS, level_mw_cm2=levels)
    for state in (SessionState.SUSPENDED, SessionState.RUNNING):
        seen = observe(SessionView(state=state, live=lights), report).live
        assert seen is not None
        assert seen.level_mw_cm2 == ({Channel.RED: 5} if known else None)
    wand = session(permitted=permitted(current(current_ua=100)), request=request)
    report = node(state=node_state, session_id=OURS, level_ua=40)
    seen = observe(SessionView(state=SessionState.RUNNING, live=wand), report).live
    assert seen is not None
    assert seen.level_ua == (40 if known else None)


def test_a_known_level_is_not_read_from_a_report_again() -> None:
    lights = session(permitted=permitted(), level_mw_cm2={Channel.RED: 5})
    report = node(state=NodeState.RUNNING, session_id=OURS, level_mw_cm2={Channel.RED: 2.5})
    seen = observe(SessionView(state=SessionState.RUNNING, live=lights), report).live
    assert seen is not None
    assert seen.level_mw_cm2 == {Channel.RED: 5}


@pytest.mark.parametrize(
    ("by_s", "moves"), [(1.5, False), (-1.5, False), (1.6, True), (-1.6, True)]
)
def test_a_promised_time_moves_only_by_more_than_a_second_and_a_half(
    *, by_s: float, moves: bool
) -> None:
    end = NOW + 50 * SECOND
    running = SessionView(state=SessionState.RUNNING, live=session(ends_at=end))
    report = node(state=NodeState.RUNNING, session_id=OURS, left_s=50 + by_s)
    view = observe(running, report)
    assert view.live is not None
    assert view.live.ends_at == (end + by_s * SECOND if moves else end)
    paused = SessionView(state=SessionState.PAUSED, live=session(window_ends_at=end))
    report = node(state=NodeState.PAUSED, session_id=OURS, window_s=50 + by_s)
    view = observe(paused, report)
    assert view.live is not None
    assert view.live.window_ends_at == (end + by_s * SECOND if moves else end)

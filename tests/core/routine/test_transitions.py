"""`core.routine.transitions`: the table written out by hand, and what holds for every row."""

from typing import Final

import pytest

from custom_components.facial_therapy.core.routine.transitions import (
    PERSONS,
    TABLE,
    Leads,
    RoutineEffect,
    RoutineEvent,
    RoutineState,
    Row,
)

# A cell is where it leads ("." stays, "-" is refused), then / the effects (a start, s stop the
# session, r resume), then = what became of the step (d done, s skipped, r refused), then ! the
# outcome of the routine (s stopped, l late, f fault).
PERSON: Final = """
            confirm      skip          stop          elapsed      late
hand        next=d       next=s        over!s        .            over!l
waiting     next=d       next=s        over!s        next=d       over!l
gap         -            next=s        over!s        starting/a   over!l
starting    -            leaving/s=s   ending/s!s    .            .
off         starting/a   next=s        over!s        .            over!l
asked       starting/a   next=s        over!s        .            over!l
armed       -            leaving/s=s   ending/s!s    .            ending/s!l
running     -            leaving/s=s   ending/s!s    .            .
held        held/r       leaving/s=s   ending/s!s    .            .
leaving     -            .             ending/s!s    .            .
ending      -            -             ending/s      .            .
stranded    -            -             ending/s!s    .            ending/s!l
suspended   again        next=s        over!s        .            over!l
adopted     adopted/r    leaving/s=s   ending/s!s    .            ending/s!l
over        -            -             .             .            .
"""

DEVICE: Final = """
            found        accepted     energized    held    ended      faulted
hand        .            .            .            .       .          .
waiting     .            .            .            .       .          .
gap         .            .            .            .       .          .
starting    .            armed        running      .       .          ending/s!f
off         starting/a   .            .            .       .          .
asked       .            .            .            .       .          .
armed       .            .            running      held    asked      ending/s!f
running     .            .            .            held    next=d     ending/s!f
held        .            .            running      .       next=d     ending/s!f
leaving     .            leaving/s    leaving/s    .       next       ending/s!f
ending      .            ending/s     ending/s     .       over       .
stranded    .            .            stranded/s   .       suspended  ending/s!f
suspended   .            .            stranded/s   .       .          .
adopted     .            .            running      .       suspended  ending/s!f
over        .            .            .            .       .          .
"""

ANSWER: Final = """
            refused        hindered   offline   early   restarted    adopted
hand        .              .          .         .       suspended    .
waiting     .              .          .         .       suspended    .
gap         .              .          .         .       suspended    .
starting    as_it_says=r   asked      off       gap     stranded/s   adopted
off         .              .          .         .       suspended    adopted
asked       .              .          .         .       suspended    adopted
armed       .              .          .         .       stranded/s   adopted
running     .              .          .         .       stranded/s   adopted
held        .              .          .         .       stranded/s   adopted
leaving     .              .          .         .       stranded/s   leaving/s
ending      .              .          .         .       ending/s     ending/s
stranded    .              .          .         .       stranded/s   adopted
suspended   .              .          .         .       .            adopted
adopted     .              .          .         .       stranded/s   .
over        .              .          .         .       .            .
"""

LETTERS: Final = {
    "a": "start",
    "s": "stop_session",
    "r": "resume",
    "=d": "done",
    "=s": "skipped",
    "=r": "refused",
    "!s": "stopped",
    "!l": "late",
    "!f": "fault",
}


def written_down() -> dict[tuple[str, str], str]:
    """Return the cells of the three tables by (state, event)."""
    cells: dict[tuple[str, str], str] = {}
    for table in (PERSON, DEVICE, ANSWER):
        head, *rows = table.strip().splitlines()
        for row in rows:
            state, *values = row.split()
            cells |= {
                (state, event): value for event, value in zip(head.split(), values, strict=True)
            }
    return cells


CELLS: Final = written_down()


def spelled(state: RoutineState, row: Row | None) -> str:
    """Return a row as the tables write it."""
    if row is None:
        return "-"
    words = {word: letter for letter, word in LETTERS.items() if len(letter) == 1}
    marks = {word: letter for letter, word in LETTERS.items() if letter.startswith("=")}
    ends = {word: letter for letter, word in LETTERS.items() if letter.startswith("!")}
    effects = "".join(words[effect] for effect in row.effects)
    text = (
        f"/{effects}" * bool(effects)
        + (marks[row.result] if row.result else "")
        + (ends[row.outcome] if row.outcome else "")
    )
    return "." if row.to is state and not text else f"{row.to}{text}"


def test_the_table_is_complete() -> None:
    assert set(CELLS) == {
        (state.value, event.value) for state in RoutineState for event in RoutineEvent
    }
    assert set(TABLE) == set(RoutineState)


@pytest.mark.parametrize(("state", "event"), CELLS)
def test_every_event_leads_where_it_is_written_that_it_leads(state: str, event: str) -> None:
    assert (
        spelled(RoutineState(state), TABLE[RoutineState(state)][RoutineEvent(event)])
        == CELLS[state, event]
    )


ROWS: Final = [(state, event, row) for state in RoutineState for event, row in TABLE[state].items()]
ACCEPTED: Final = [(state, event, row) for state, event, row in ROWS if row is not None]
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


@pytest.mark.parametrize(("state", "event", "row"), ROWS)
def test_only_what_a_person_asks_for_is_ever_refused_and_stop_never(
    state: RoutineState, event: RoutineEvent, row: Row | None
) -> None:
    assert row is not None or event in PERSONS, state


@pytest.mark.parametrize(("state", "event", "row"), ACCEPTED)
def test_a_session_starts_only_where_none_lives_by_a_person_the_clock_or_a_returned_device(
    state: RoutineState, event: RoutineEvent, row: Row
) -> None:
    if RoutineEffect.START in row.effects:
        assert row.to is RoutineState.STARTING
        assert state not in MAY_LIVE
        assert event in {RoutineEvent.CONFIRM, RoutineEvent.ELAPSED, RoutineEvent.FOUND}


@pytest.mark.parametrize(("state", "event", "row"), ACCEPTED)
def test_the_next_step_is_entered_only_where_no_session_lives_or_when_it_has_ended(
    state: RoutineState, event: RoutineEvent, row: Row
) -> None:
    if row.to in {*Leads, RoutineState.OVER} and state in MAY_LIVE:
        assert event is RoutineEvent.ENDED or (state, event) == (
            RoutineState.STARTING,
            RoutineEvent.REFUSED,
        )


@pytest.mark.parametrize(("state", "event", "row"), ACCEPTED)
def test_leaving_a_session_stops_it(state: RoutineState, event: RoutineEvent, row: Row) -> None:
    if (
        state in MAY_LIVE
        and row.to in {RoutineState.LEAVING, RoutineState.ENDING, RoutineState.STRANDED}
        and row.to is not state
    ):
        assert row.effects == (RoutineEffect.STOP_SESSION,), event


@pytest.mark.parametrize("event", set(RoutineEvent) - PERSONS - {RoutineEvent.STOP})
def test_nothing_but_a_person_leads_out_of_what_a_restart_left(event: RoutineEvent) -> None:
    for state in (RoutineState.SUSPENDED, RoutineState.STRANDED, RoutineState.ADOPTED):
        row = TABLE[state][event]
        assert row is not None
        assert RoutineEffect.START not in row.effects
        if (state, event) == (RoutineState.ADOPTED, RoutineEvent.ENERGIZED):
            continue  # a person has resumed it on the device: nothing else makes it run
        assert row.to in {
            RoutineState.SUSPENDED,
            RoutineState.STRANDED,
            RoutineState.ADOPTED,
            RoutineState.ENDING,
            RoutineState.OVER,
        }


def test_a_session_that_was_adopted_runs_only_if_a_person_resumes_it() -> None:
    """Confirming resumes it, which arms; only output that begins leads to `running`."""
    for event, row in TABLE[RoutineState.ADOPTED].items():
        assert row is not None
        assert (RoutineEffect.RESUME in row.effects) == (event is RoutineEvent.CONFIRM)
        assert (row.to is RoutineState.RUNNING) == (event is RoutineEvent.ENERGIZED)

"""`core.gate.device_rules`: what the device, its node and the ledger say against any start."""

from dataclasses import replace
from datetime import datetime, timedelta
import math
from typing import Any, Final

import pytest

from custom_components.facial_therapy.core.device import Device, NodeState
from custom_components.facial_therapy.core.ledger.history import History
from custom_components.facial_therapy.core.model import Fault
from custom_components.facial_therapy.core.refusal import Reason, Refusal
from custom_components.facial_therapy.core.session import SessionState
from tests.core import NOW, counters, least, light, mask, node, refusals, wand

LIVE: Final = (
    NodeState.ARMED,
    NodeState.RAMPING,
    NodeState.RUNNING,
    NodeState.SUSPENDED,
    NodeState.PAUSED,
)


def test_an_idle_cool_node_is_ready_even_while_worn() -> None:
    assert least(mask(), node()) == ()
    assert least(mask(), node(worn=True)) == ()
    assert least(mask(), node(worn=None)) == ()
    assert least(wand(), node(temperature_c=None)) == ()


def test_a_device_without_a_report_is_offline_and_nothing_else() -> None:
    assert [refusal.reason for refusal in least(mask(), None)] == [Reason.DEVICE_OFFLINE]


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_refuses_by_its_name(fault: Fault) -> None:
    for state in (NodeState.FAULT, NodeState.IDLE):
        assert [
            (refusal.reason, refusal.detail)
            for refusal in least(mask(), node(state=state, fault=fault))
        ] == [(Reason.FAULTED, fault)]


def test_a_fault_without_a_name_refuses_too() -> None:
    assert [
        (refusal.reason, refusal.detail) for refusal in least(mask(), node(state=NodeState.FAULT))
    ] == [(Reason.FAULTED, "unknown")]


@pytest.mark.parametrize("device", [mask(), wand()], ids=["mask", "wand"])
def test_nothing_starts_while_charging(device: Any) -> None:
    assert [refusal.reason for refusal in least(device, node(charging=True))] == [Reason.CHARGING]


@pytest.mark.parametrize("state", LIVE)
def test_a_node_with_a_live_session_is_busy(state: NodeState) -> None:
    assert [refusal.reason for refusal in least(mask(), node(state=state))] == [Reason.BUSY]


@pytest.mark.parametrize(
    ("temperature_c", "expected"),
    [
        (20.0, []),
        (38.0, []),
        (39.99, []),
        (40.0, [Reason.TOO_HOT]),
        (41.0, [Reason.TOO_HOT]),
        (math.nan, [Reason.SENSOR_NOT_READY]),
        (math.inf, [Reason.SENSOR_NOT_READY]),
        (-math.inf, [Reason.SENSOR_NOT_READY]),
        (None, [Reason.SENSOR_NOT_READY]),
    ],
)
def test_a_mask_starts_below_forty_degrees_and_with_a_sensor_only(
    temperature_c: float | None, expected: list[Reason]
) -> None:
    assert [
        refusal.reason for refusal in least(mask(), node(temperature_c=temperature_c))
    ] == expected


def test_stale_reports_refuse_a_start_sooner_while_a_session_lives() -> None:
    old = node(received_at=NOW - timedelta(seconds=31))
    assert [refusal.reason for refusal in least(mask(), old)] == [Reason.STALE_TELEMETRY]
    live = node(received_at=NOW - timedelta(seconds=6), state=NodeState.PAUSED)
    assert [refusal.reason for refusal in least(mask(), live)] == [
        Reason.STALE_TELEMETRY,
        Reason.BUSY,
    ]
    ahead = node(received_at=NOW + timedelta(seconds=2))
    assert [refusal.reason for refusal in least(mask(), ahead)] == [Reason.STALE_TELEMETRY]


# --- what the engine and the ledger say -----------------------------------------------------------


def found(*arguments: Any, **changes: Any) -> list[tuple[Reason, str]]:
    return [(refusal.reason, refusal.detail) for refusal in least(*arguments, **changes)]


@pytest.mark.parametrize("state", SessionState)
def test_the_engine_is_busy_where_its_table_refuses_a_start(state: SessionState) -> None:
    expected = {
        SessionState.IDLE: [],
        SessionState.WAITING: [],
        SessionState.FAULT: [Reason.FAULTED],
    }.get(state, [Reason.BUSY])
    assert [reason for reason, _ in found(mask(), node(), state=state)] == expected


def test_a_waiting_session_leaves_no_room_for_another_while_the_device_is_off() -> None:
    reasons = [reason for reason, _ in found(mask(), None, state=SessionState.WAITING)]
    assert reasons == [Reason.DEVICE_OFFLINE, Reason.BUSY]
    assert found(mask(), None) == [(Reason.DEVICE_OFFLINE, "")]


def test_a_fault_that_home_assistant_latched_refuses_by_its_name() -> None:
    latched: dict[str, Any] = {"fault": Fault.OVERDOSE, "state": SessionState.FAULT}
    assert found(mask(), node(), **latched) == [(Reason.FAULTED, Fault.OVERDOSE)]
    assert found(mask(), node(), state=SessionState.FAULT) == [(Reason.FAULTED, Fault.UNKNOWN)]
    assert found(mask(), node(fault=Fault.FLICKER), fault=Fault.OVERDOSE) == [
        (Reason.FAULTED, Fault.OVERDOSE)
    ]
    assert (Reason.FAULTED, Fault.OVERDOSE) in found(mask(), None, fault=Fault.OVERDOSE)


def test_a_ledger_that_cannot_be_read_or_written_refuses_everything() -> None:
    assert found(mask(), node(), ledger_readable=False) == [(Reason.LEDGER_UNREADABLE, "")]
    assert found(mask(), node(), ledger_failure="disk full") == [(Reason.STORE_FAILED, "disk full")]


def test_a_device_that_was_not_removed_since_its_output_is_still_worn() -> None:
    assert found(mask(), node(worn=True), seen_off=False) == [(Reason.STILL_WORN, "")]
    for report, seen_off in ((node(worn=True), True), (node(worn=None), False), (node(), False)):
        assert found(mask(), report, seen_off=seen_off) == []


def test_only_people_whom_the_node_counts_are_enrolled() -> None:
    assert found(mask(), node(), profile=None) == [(Reason.NOT_ENROLLED, "")]
    assert found(mask(), node(), profile=counters(profile=2)) == [(Reason.NOT_ENROLLED, "")]
    assert found(mask(), None, profile=None) == [(Reason.DEVICE_OFFLINE, "")]


# --- what only the node knows ---------------------------------------------------------------------

SECOND: Final = timedelta(seconds=1)
GAP: Final = Refusal(reason=Reason.PROFILE_GAP, allowed_at=NOW + SECOND)
FLICKER: Final = Refusal(reason=Reason.TOO_SOON, allowed_at=NOW + 2 * SECOND)
BUTTON: Final = Refusal(reason=Reason.BUTTON_NEEDED)


def test_what_refuses_a_start_on_the_node_refuses_here_with_the_same_time() -> None:
    report = node(refuses=(GAP, FLICKER, BUTTON))
    assert least(mask(), report) == (BUTTON, FLICKER, GAP)
    assert least(mask(), report, profile=counters(last_used=True)) == (BUTTON, FLICKER)
    assert GAP in least(mask(), report, profile=None)


def test_what_the_node_has_said_ends_at_the_time_that_it_named() -> None:
    report = node(refuses=(GAP, FLICKER), received_at=NOW + SECOND)
    later: dict[str, Any] = {"now": NOW + SECOND, "history": History(at=NOW + SECOND)}
    assert least(mask(), report, **later) == (FLICKER,)
    assert least(mask(), report, profile=counters(refuses=(GAP,)), **later) == (FLICKER,)


def test_what_the_node_counts_for_a_person_refuses_that_person() -> None:
    week = Refusal(reason=Reason.DOSE_WEEK, allowed_at=NOW + timedelta(days=2))
    assert least(mask(), node(), profile=counters(refuses=(week,))) == (week,)


@pytest.mark.parametrize(("device", "row"), [(mask(), "L18"), (wand(), "M18")])
def test_the_rest_that_the_node_counts_holds_from_when_it_was_asked(
    device: Device, row: str
) -> None:
    def rest(read_at: datetime | None) -> list[tuple[Reason, str, datetime | None]]:
        resting = counters(rest_s=60, rest_blue_s=60, read_at=read_at)
        return [
            (refusal.reason, refusal.detail, refusal.allowed_at)
            for refusal in least(device, node(), profile=resting)
        ]

    assert rest(None) == [(Reason.REST, row, NOW + 60 * SECOND)]
    assert rest(NOW - 59 * SECOND) == [(Reason.REST, row, NOW + SECOND)]
    assert rest(NOW - 60 * SECOND) == []


def test_the_rest_from_blue_light_that_the_node_counts_holds_for_blue_light_only() -> None:
    resting = counters(rest_blue_s=60)
    (refusal,) = refusals(light(blue=1), mask(), node(), profile=resting)
    assert (refusal.reason, refusal.allowed_at) == (Reason.REST_BLUE, NOW + 60 * SECOND)
    assert refusals(light(red=1), mask(), node(), profile=resting) == ()


# --- a session that is resumed --------------------------------------------------------------------


@pytest.mark.parametrize("state", [SessionState.SUSPENDED, SessionState.PAUSED])
def test_a_session_is_not_in_its_own_way_when_it_is_resumed(state: SessionState) -> None:
    known = counters(rest_s=60, refuses=(GAP,))
    report = node(state=NodeState(state.value), worn=True, refuses=(FLICKER,))
    resumed: dict[str, Any] = {
        "resuming": True,
        "state": state,
        "profile": known,
        "seen_off": False,
    }
    assert least(mask(), report, **resumed) == ()
    reasons = [reason for reason, _ in found(mask(), report, state=state)]
    assert reasons == [Reason.BUSY, Reason.TOO_SOON]
    hot = replace(report, temperature_c=40.0)
    assert [reason for reason, _ in found(mask(), hot, **resumed)] == [Reason.TOO_HOT]


@pytest.mark.parametrize("state", SessionState)
def test_nothing_but_a_suspended_or_paused_session_is_resumed(state: SessionState) -> None:
    reasons = [reason for reason, _ in found(mask(), node(), state=state, resuming=True)]
    if state not in (SessionState.SUSPENDED, SessionState.PAUSED):
        assert reasons in ([Reason.BUSY], [Reason.FAULTED])
    for running in (NodeState.ARMED, NodeState.RAMPING, NodeState.RUNNING):
        report = node(state=running)
        resumed = found(mask(), report, state=SessionState.PAUSED, resuming=True)
        assert resumed == [(Reason.BUSY, "")]

"""`core.safety`: the gate, its order, and the watch over a live session."""

from datetime import timedelta
import math
from typing import Any, Final

import pytest

from custom_components.facial_therapy.core.gate import eligibility
from custom_components.facial_therapy.core.gate.permit import (
    CONSTRAINTS,
    READINESS,
    ordered,
    permit,
    readiness,
    refusals,
    stale,
    watch,
)
from custom_components.facial_therapy.core.gate.request import REQUEST
from custom_components.facial_therapy.core.model import (
    Channel,
    Dose,
    EyeShield,
    Fault,
    Grade,
    Modality,
    NodeState,
    PermittedSession,
    Reason,
    Refusal,
    RefusedError,
    SkinType,
)
from tests.core import NOTHING, NOW, current, light, mask, node, person, wand

LIVE: Final = (
    NodeState.ARMED,
    NodeState.RAMPING,
    NodeState.RUNNING,
    NodeState.SUSPENDED,
    NodeState.PAUSED,
)


# --- the gate -------------------------------------------------------------------------------------


def test_a_permitted_mask_session_is_the_request_as_it_was_with_its_dose() -> None:
    request = light(red=20, near_infrared=10, whose=person(skin_type=SkinType.I))
    plan = permit(request, mask(), node(), NOW, history=NOTHING)
    assert plan.request is request
    assert plan.planned == Dose(fluence_j_cm2={Channel.RED: 12, Channel.NEAR_INFRARED: 6})
    assert plan.worst_case.fluence_j_cm2 == pytest.approx(
        {Channel.RED: 14.4, Channel.NEAR_INFRARED: 7.2}
    )
    assert (plan.skin_factor, plan.lease_s, plan.window_s) == (1, 10, 60)


def test_a_permitted_wand_session_is_the_request_as_it_was_with_its_dose() -> None:
    request = current(current_ua=200, whose=person(skin_type=SkinType.IV))
    plan = permit(request, wand(), node(temperature_c=None), NOW, history=NOTHING, window_s=300)
    assert plan.request is request
    assert plan.planned == Dose(charge_ma_min=1)
    assert plan.worst_case == Dose(charge_ma_min=1.2)
    assert (plan.skin_factor, plan.lease_s, plan.window_s) == (0.75, 5, 300)


def test_a_session_without_calibration_is_charged_six_joules() -> None:
    plan = permit(
        light(red=20, duration_s=60),
        mask(grade=Grade.NONE, uncertainty=0.5),
        node(),
        NOW,
        history=NOTHING,
    )
    assert plan.planned.fluence_j_cm2 == {Channel.RED: 1.2}
    assert plan.worst_case.fluence_j_cm2 == {Channel.RED: 6}


def test_a_refused_session_raises_with_everything_that_refusals_finds() -> None:
    arguments: Any = (
        light(red=99, blue=5, duration_s=601),
        mask(eye_shield=EyeShield.NONE),
        node(charging=True),
        NOW,
    )
    with pytest.raises(RefusedError) as caught:
        permit(*arguments, history=NOTHING, window_s=0)
    assert caught.value.refusals == refusals(*arguments, history=NOTHING, window_s=0)
    assert {refusal.reason for refusal in caught.value.refusals} == {
        Reason.OUT_OF_BOUNDS,
        Reason.EYE_SHIELD_MISSING,
        Reason.CHARGING,
    }
    assert caught.value.binding.reason is Reason.OUT_OF_BOUNDS


def test_what_the_request_gets_wrong_comes_before_what_passes_by() -> None:
    assert (*REQUEST, *eligibility.CONSTRAINTS, *READINESS) == CONSTRAINTS
    refused = refusals(light(duration_s=601), mask(), None, NOW, history=NOTHING)
    assert [refusal.reason for refusal in refused] == [Reason.OUT_OF_BOUNDS, Reason.DEVICE_OFFLINE]


def test_the_refusal_that_holds_longest_comes_first_and_equals_keep_their_order() -> None:
    soon = Refusal(reason=Reason.BUSY, allowed_at=NOW + timedelta(minutes=5))
    later = Refusal(reason=Reason.TOO_HOT, allowed_at=NOW + timedelta(hours=5))
    also_later = Refusal(reason=Reason.CHARGING, allowed_at=NOW + timedelta(hours=5))
    never = Refusal(reason=Reason.BAD_CHANNEL)
    nor_this = Refusal(reason=Reason.SKIN_TYPE)
    assert ordered(iter([soon, never, later, nor_this, also_later])) == (
        never,
        nor_this,
        later,
        also_later,
        soon,
    )
    assert ordered(iter([])) == ()


# --- the moment -----------------------------------------------------------------------------------


def test_an_idle_cool_node_is_ready_even_while_worn() -> None:
    assert readiness(mask(), node(), NOW, person()) == ()
    assert readiness(mask(), node(worn=True), NOW, person()) == ()
    assert readiness(mask(), node(worn=None), NOW, person()) == ()
    assert readiness(wand(), node(temperature_c=None), NOW, person()) == ()


def test_a_device_without_a_report_is_offline_and_nothing_else() -> None:
    assert [refusal.reason for refusal in readiness(mask(), None, NOW, person())] == [
        Reason.DEVICE_OFFLINE
    ]


@pytest.mark.parametrize("fault", Fault)
def test_a_fault_refuses_by_its_name(fault: Fault) -> None:
    for state in (NodeState.FAULT, NodeState.IDLE):
        assert [
            (refusal.reason, refusal.detail)
            for refusal in readiness(mask(), node(state=state, fault=fault), NOW, person())
        ] == [(Reason.FAULTED, fault)]


def test_a_fault_without_a_name_refuses_too() -> None:
    assert [
        (refusal.reason, refusal.detail)
        for refusal in readiness(mask(), node(state=NodeState.FAULT), NOW, person())
    ] == [(Reason.FAULTED, "unknown")]


@pytest.mark.parametrize("device", [mask(), wand()], ids=["mask", "wand"])
def test_nothing_starts_while_charging(device: Any) -> None:
    assert [
        refusal.reason for refusal in readiness(device, node(charging=True), NOW, person())
    ] == [Reason.CHARGING]


@pytest.mark.parametrize("state", LIVE)
def test_a_node_with_a_live_session_is_busy(state: NodeState) -> None:
    assert [refusal.reason for refusal in readiness(mask(), node(state=state), NOW, person())] == [
        Reason.BUSY
    ]


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
        refusal.reason
        for refusal in readiness(mask(), node(temperature_c=temperature_c), NOW, person())
    ] == expected


@pytest.mark.parametrize(
    ("modality", "lives", "age_s", "expected"),
    [
        (Modality.MASK, True, 5, False),
        (Modality.MASK, True, 5.001, True),
        (Modality.WAND, True, 3, False),
        (Modality.WAND, True, 3.001, True),
        (Modality.MASK, False, 30, False),
        (Modality.MASK, False, 30.001, True),
        (Modality.WAND, False, 30, False),
        (Modality.WAND, False, 30.001, True),
        (Modality.MASK, True, -1, False),
        (Modality.MASK, False, -1.001, True),
        (Modality.WAND, True, -86_400, True),
    ],
)
def test_a_report_is_stale_when_it_is_too_old_or_from_the_future(
    modality: Modality, *, lives: bool, age_s: float, expected: bool
) -> None:
    telemetry = node(received_at=NOW - timedelta(seconds=age_s))
    assert stale(telemetry, modality, lives, NOW) is expected


def test_stale_reports_refuse_a_start_sooner_while_a_session_lives() -> None:
    old = node(received_at=NOW - timedelta(seconds=31))
    assert [refusal.reason for refusal in readiness(mask(), old, NOW, person())] == [
        Reason.STALE_TELEMETRY
    ]
    live = node(received_at=NOW - timedelta(seconds=6), state=NodeState.PAUSED)
    assert [refusal.reason for refusal in readiness(mask(), live, NOW, person())] == [
        Reason.STALE_TELEMETRY,
        Reason.BUSY,
    ]
    ahead = node(received_at=NOW + timedelta(seconds=2))
    assert [refusal.reason for refusal in readiness(mask(), ahead, NOW, person())] == [
        Reason.STALE_TELEMETRY
    ]


# --- the watch ------------------------------------------------------------------------------------


def light_plan() -> PermittedSession:
    """Red 20 mW/cm² for 600 s: 12 J/cm²."""
    return permit(light(red=20), mask(), node(), NOW, history=NOTHING)


def current_plan() -> PermittedSession:
    """200 uA for 300 s: 1 mA min."""
    return permit(current(current_ua=200), wand(), node(), NOW, history=NOTHING)


def running(**changes: Any) -> Any:
    return node(**{"state": NodeState.RUNNING, "session_id": "0123456789abcdef", **changes})


def red(value: float) -> dict[Channel, float]:
    return {Channel.RED: value}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, None),
        (
            {"level_mw_cm2": red(20), "delivered": Dose(fluence_j_cm2=red(11)), "output_s": 550},
            None,
        ),
        # 12 * 1.02 + 0.02
        ({"delivered": Dose(fluence_j_cm2=red(12.259))}, None),
        ({"delivered": Dose(fluence_j_cm2=red(12.261))}, Fault.OVERDOSE),
        ({"delivered": Dose(fluence_j_cm2={Channel.BLUE: 0.0})}, None),
        ({"delivered": Dose(fluence_j_cm2={Channel.BLUE: 0.001})}, Fault.OVERDOSE),
        ({"delivered": Dose(fluence_j_cm2=red(math.nan))}, Fault.OVERDOSE),
        ({"delivered": Dose(charge_ma_min=0.001)}, Fault.OVERDOSE),
        # 20 * 1.01
        ({"level_mw_cm2": red(20.2)}, None),
        ({"level_mw_cm2": red(20.21)}, Fault.OVERDOSE),
        ({"level_mw_cm2": {Channel.NEAR_INFRARED: 0.001}}, Fault.OVERDOSE),
        ({"level_mw_cm2": red(math.nan)}, Fault.OVERDOSE),
        ({"level_ua": 1}, Fault.OVERDOSE),
        ({"output_s": 602}, None),
        ({"output_s": 602.1}, Fault.OVERDOSE),
        ({"output_s": math.inf}, Fault.OVERDOSE),
        ({"output_s": math.nan}, Fault.OVERDOSE),
        ({"temperature_c": 40.99}, None),
        ({"temperature_c": 41.0}, Fault.OVER_TEMPERATURE),
        ({"temperature_c": math.nan}, Fault.TEMPERATURE_SENSOR),
        ({"temperature_c": math.inf}, Fault.TEMPERATURE_SENSOR),
        ({"temperature_c": None}, None),
        ({"fault": Fault.OUTPUT_WATCHDOG}, Fault.OUTPUT_WATCHDOG),
        ({"fault": Fault.UNKNOWN, "temperature_c": 50.0}, Fault.UNKNOWN),
        ({"state": NodeState.FAULT}, Fault.UNKNOWN),
    ],
)
def test_watching_a_mask(changes: dict[str, Any], expected: Fault | None) -> None:
    assert watch(light_plan(), running(**changes), NOW) is expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"level_ua": 200, "delivered": Dose(charge_ma_min=1), "output_s": 300}, None),
        # 1 * 1.02 + 200 / 60 000
        ({"delivered": Dose(charge_ma_min=1.0233)}, None),
        ({"delivered": Dose(charge_ma_min=1.0234)}, Fault.OVERDOSE),
        ({"delivered": Dose(charge_ma_min=math.nan)}, Fault.OVERDOSE),
        ({"level_ua": 202}, None),
        ({"level_ua": 203}, Fault.OVERDOSE),
        ({"level_ua": math.nan}, Fault.OVERDOSE),
        ({"level_mw_cm2": red(1)}, Fault.OVERDOSE),
        ({"output_s": 302.1}, Fault.OVERDOSE),
    ],
)
def test_watching_a_wand(changes: dict[str, Any], expected: Fault | None) -> None:
    assert watch(current_plan(), running(**changes), NOW) is expected


def test_an_old_report_of_something_wrong_is_still_one() -> None:
    assert (
        watch(light_plan(), running(output_s=700, received_at=NOW - timedelta(hours=1)), NOW)
        is Fault.OVERDOSE
    )

"""`core.gate.safety`: fresh reports, and the watch over a live session."""

from datetime import timedelta
import math
from typing import Any, Final

import pytest

from custom_components.facial_therapy.core.device import NodeState
from custom_components.facial_therapy.core.gate.safety import stale, watch
from custom_components.facial_therapy.core.model import Channel, Dose, Fault, Modality
from custom_components.facial_therapy.core.session_parameters import PermittedSession
from tests.core import NOTHING, NOW, current, light, mask, node, permitted, wand

LIVE: Final = (
    NodeState.ARMED,
    NodeState.RAMPING,
    NodeState.RUNNING,
    NodeState.SUSPENDED,
    NodeState.PAUSED,
)


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


# --- the watch ------------------------------------------------------------------------------------


def light_plan() -> PermittedSession:
    """Red 20 mW/cm² for 600 s: 12 J/cm²."""
    return permitted(light(red=20), mask(), node(), NOW, history=NOTHING)


def current_plan() -> PermittedSession:
    """200 uA for 300 s: 1 mA min."""
    return permitted(current(current_ua=200), wand(), node(), NOW, history=NOTHING)


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

"""`core.gate.request`: a request in the numbers that the rules compare."""

import pytest

from custom_components.facial_therapy.core.gate.measure import Measure
from custom_components.facial_therapy.core.gate.request import normalized
from custom_components.facial_therapy.core.model import Channel
from tests.core import current, light, mask, situation, wand


def test_a_mask_session_adds_its_worst_case_to_the_windows() -> None:
    request = normalized(light(red=20, blue=10, duration_s=600), situation(mask()), None)
    assert request.planned.fluence_j_cm2 == {Channel.RED: 12, Channel.BLUE: 6}
    assert request.amounts == pytest.approx(
        {
            Measure.LIGHT: 21.6,
            Measure.BLUE: 7.2,
            Measure.CHARGE: 0,
            Measure.SESSIONS: 1,
            Measure.TREATMENT: 600,
        }
    )


def test_a_wand_session_adds_its_worst_case_to_the_windows() -> None:
    request = normalized(current(current_ua=200, duration_s=300), situation(wand()), None)
    assert request.planned.charge_ma_min == 1
    assert request.amounts == {
        Measure.LIGHT: 0,
        Measure.BLUE: 0,
        Measure.CHARGE: 1.2,
        Measure.SESSIONS: 1,
        Measure.TREATMENT: 300,
    }

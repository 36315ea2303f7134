"""`core.dose`: light and current as numbers."""

import math

import pytest

from custom_components.facial_therapy.core.dose import (
    charge_ma_min,
    fluence_j_cm2,
    planned,
    uncertainty,
    worst_case,
)
from custom_components.facial_therapy.core.model import Channel, Dose, Grade

from . import current, light, mask, wand


def test_thirty_five_milliwatts_for_ten_minutes_are_21_joules() -> None:
    assert fluence_j_cm2(35, 600) == 21


def test_half_a_milliampere_for_fifteen_minutes_are_seven_and_a_half_milliampere_minutes() -> None:
    assert charge_ma_min(500, 900) == 7.5


def test_the_planned_dose_is_nominal_and_has_one_entry_per_channel() -> None:
    assert planned(light(red=28, near_infrared=14, duration_s=300)) == Dose(
        fluence_j_cm2={Channel.RED: 8.4, Channel.NEAR_INFRARED: 4.2}
    )
    assert planned(current(current_ua=250, duration_s=300)) == Dose(charge_ma_min=1.25)


@pytest.mark.parametrize(
    ("grade", "claimed", "expected"),
    [
        (Grade.MEASURED, 0.20, 0.20),
        (Grade.MEASURED, 0.35, 0.35),
        (Grade.MEASURED, 0.0, 0.20),
        (Grade.MEASURED, -1.0, 0.20),
        (Grade.DECLARED, 0.50, 0.50),
        (Grade.DECLARED, 0.20, 0.50),
        (Grade.NONE, 0.0, 0.50),
        (Grade.MEASURED, math.nan, math.inf),
        (Grade.MEASURED, math.inf, math.inf),
        (Grade.DECLARED, -math.inf, math.inf),
    ],
)
def test_no_device_claims_less_uncertainty_than_its_grade_may(
    grade: Grade, claimed: float, expected: float
) -> None:
    assert uncertainty(mask(grade=grade, uncertainty=claimed)) == expected


def test_the_worst_case_dose_is_the_nominal_one_times_one_plus_u() -> None:
    assert worst_case(
        Dose(fluence_j_cm2={Channel.RED: 10, Channel.BLUE: 5}), mask(uncertainty=0.25)
    ).fluence_j_cm2 == {Channel.RED: 12.5, Channel.BLUE: 6.25}
    assert worst_case(Dose(charge_ma_min=1), wand(grade=Grade.DECLARED)).charge_ma_min == 1.5


@pytest.mark.parametrize(("nominal", "expected"), [(0, 0), (0.001, 6), (1.4, 6), (4, 6), (8, 12)])
def test_light_without_calibration_counts_as_six_joules_at_least_once_it_was_on(
    nominal: float, expected: float
) -> None:
    assert worst_case(
        Dose(fluence_j_cm2={Channel.RED: nominal}), mask(grade=Grade.NONE, uncertainty=0.5)
    ).fluence_j_cm2 == {Channel.RED: expected}


def test_what_is_no_number_stays_none() -> None:
    assert math.isnan(
        worst_case(
            Dose(fluence_j_cm2={Channel.RED: math.nan}), mask(grade=Grade.NONE)
        ).fluence_j_cm2[Channel.RED]
    )
    assert math.isnan(planned(light(red=math.nan)).fluence_j_cm2[Channel.RED])

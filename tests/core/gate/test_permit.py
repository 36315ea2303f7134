"""`core.gate.permit`: what the gate answers, and in which order."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import pytest

from custom_components.facial_therapy.core.device import EyeShield, NodeState
from custom_components.facial_therapy.core.gate.permit import lasting, ordered
from custom_components.facial_therapy.core.model import Channel, Dose, Grade, SkinType
from custom_components.facial_therapy.core.refusal import Reason, Refusal, Refused
from tests.core import (
    NOTHING,
    NOW,
    answer,
    current,
    light,
    mask,
    node,
    permitted,
    person,
    refusals,
    wand,
)

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
    plan = permitted(request, mask(), node(), NOW, history=NOTHING)
    assert plan.request is request
    assert plan.planned == Dose(fluence_j_cm2={Channel.RED: 12, Channel.NEAR_INFRARED: 6})
    assert plan.worst_case.fluence_j_cm2 == pytest.approx(
        {Channel.RED: 14.4, Channel.NEAR_INFRARED: 7.2}
    )
    assert (plan.skin_factor, plan.lease_s, plan.window_s) == (1, 10, 60)


def test_a_permitted_wand_session_is_the_request_as_it_was_with_its_dose() -> None:
    request = current(current_ua=200, whose=person(skin_type=SkinType.IV))
    plan = permitted(request, wand(), node(temperature_c=None), NOW, history=NOTHING, window_s=300)
    assert plan.request is request
    assert plan.planned == Dose(charge_ma_min=1)
    assert plan.worst_case == Dose(charge_ma_min=1.2)
    assert (plan.skin_factor, plan.lease_s, plan.window_s) == (0.75, 5, 300)


def test_a_session_without_calibration_counts_as_six_joules() -> None:
    plan = permitted(
        light(red=20, duration_s=60),
        mask(grade=Grade.NONE, uncertainty=0.5),
        node(),
        NOW,
        history=NOTHING,
    )
    assert plan.planned.fluence_j_cm2 == {Channel.RED: 1.2}
    assert plan.worst_case.fluence_j_cm2 == {Channel.RED: 6}


def test_a_refused_session_names_everything_that_speaks_against_it() -> None:
    refused = answer(
        light(red=99, blue=5, duration_s=601),
        mask(eye_shield=EyeShield.NONE),
        node(charging=True),
        window_s=0,
    )
    assert isinstance(refused, Refused)
    assert {refusal.reason for refusal in refused.refusals} == {
        Reason.OUT_OF_BOUNDS,
        Reason.EYE_SHIELD_MISSING,
        Reason.CHARGING,
    }
    assert refused.binding.reason is Reason.OUT_OF_BOUNDS
    assert refused.error.refusals == refused.refusals


def test_what_the_request_gets_wrong_comes_before_what_passes_by() -> None:
    refused = refusals(light(duration_s=601), mask(), None)
    assert [refusal.reason for refusal in refused] == [Reason.OUT_OF_BOUNDS, Reason.DEVICE_OFFLINE]


def test_a_session_of_another_person_than_the_situation_is_of_is_refused() -> None:
    request = light(whose=replace(person(), person_id="p2"))
    (refusal,) = refusals(request, mask(), node(), person=person())
    assert (refusal.reason, refusal.field) == (Reason.UNKNOWN_PERSON, "person")


def test_waiting_helps_against_what_the_device_or_time_takes_away_and_nothing_else() -> None:
    offline = Refusal(reason=Reason.DEVICE_OFFLINE)
    soon = Refusal(reason=Reason.REST, allowed_at=NOW + timedelta(minutes=5))
    late = Refusal(reason=Reason.GAP, allowed_at=NOW + timedelta(minutes=5, seconds=1))
    never = Refusal(reason=Reason.NOT_ADULT)
    until = NOW + timedelta(minutes=5)
    assert lasting(Refused((offline,)), until) == ()
    assert lasting(Refused((offline, soon)), until) == ()
    assert lasting(Refused((never, late, offline, soon)), until) == (never, late)


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

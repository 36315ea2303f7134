"""`core.model`: what the values can tell of themselves."""

import pytest

from custom_components.facial_therapy.core.model import (
    Channel,
    Dose,
    NodeState,
    Person,
    Reason,
    Refusal,
    RefusedError,
    SkinType,
)

from . import node


def test_the_binding_refusal_is_the_first_and_the_text_names_all_reasons() -> None:
    error = RefusedError(Refusal(reason=Reason.BUSY), Refusal(reason=Reason.TOO_HOT))
    assert error.binding.reason is Reason.BUSY
    assert str(error) == "busy, too_hot"


def test_the_total_of_a_dose_is_its_light_or_its_charge() -> None:
    assert Dose().total == 0
    assert Dose(fluence_j_cm2={Channel.RED: 8, Channel.BLUE: 4}).total == 12
    assert Dose(charge_ma_min=1.5).total == 1.5


@pytest.mark.parametrize("state", NodeState)
def test_output_flows_in_ramping_and_running_only(state: NodeState) -> None:
    assert node(state=state).flowing is (state.value in {"ramping", "running"})


def test_nobody_who_has_not_answered_counts_as_light_skinned_or_experienced() -> None:
    somebody = Person(person_id="p", name="Bo", profile=2)
    assert somebody.skin_type is SkinType.UNKNOWN
    assert somebody.sessions == {}

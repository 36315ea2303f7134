"""`core.gate.screening`: which answer blocks what, and what a clinician's date allows."""

from datetime import date, timedelta
from typing import Final

import pytest

from custom_components.facial_therapy.core.gate.screening import (
    EFFECTS,
    Condition,
    Treatment,
    block_after,
    needs_clinician,
    screen,
)
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.person import Verdict
from tests.core import NOW

TODAY: Final = date(2026, 11, 2)
MASK, WAND = Modality.MASK, Modality.WAND

# What each answer does to mask and wand, written out a second time: b blocked, c with a clinician's
# date, - nothing; + blue stays fit, 0 not.
TABLE: Final = {
    "epilepsy": "bb+",
    "pregnancy": "bb+",
    "cancer": "bb+",
    "open_skin": "bb+",
    "diabetes": "cc+",
    "past_skin_cancer": "cc+",
    "breastfeeding": "cc+",
    "photosensitizing_medicine": "b-+",
    "light_disorder": "b-+",
    "retinal_disease": "b-+",
    "tattoo": "c-+",
    "melasma": "--0",
    "implanted_electronics": "-b+",
    "body_worn_device": "-c+",
    "metal_in_face": "-c+",
    "heart_condition": "-c+",
}
WITHOUT: Final = {"b": Verdict.BLOCKED, "c": Verdict.BLOCKED, "-": Verdict.CLEAR}
WITH: Final = {"b": Verdict.BLOCKED, "c": Verdict.CLINICIAN, "-": Verdict.CLEAR}


def test_every_condition_has_its_row() -> None:
    assert {condition.value for condition in Condition} == set(TABLE)
    assert set(EFFECTS) == set(Condition)


@pytest.mark.parametrize("condition", Condition)
@pytest.mark.parametrize("column", [0, 1], ids=["mask", "wand"])
def test_what_each_answer_does_with_and_without_a_clinician(
    condition: Condition, column: int
) -> None:
    modality, effect = (MASK, WAND)[column], TABLE[condition.value][column]
    assert screen([condition], modality, None, NOW, TODAY).verdict is WITHOUT[effect]
    assert screen([condition], modality, TODAY, NOW, TODAY).verdict is WITH[effect]
    assert needs_clinician([condition], modality) is (effect == "c")
    assert screen([condition], modality, TODAY, NOW, TODAY).clinician_on == (
        TODAY if effect == "c" else None
    )


@pytest.mark.parametrize("condition", Condition)
def test_blue_is_for_the_mask_and_never_with_melasma(condition: Condition) -> None:
    assert screen([condition], MASK, None, NOW, TODAY).blue is (TABLE[condition.value][2] == "+")
    assert not screen([condition], WAND, None, NOW, TODAY).blue


def test_nothing_said_is_clear_for_ninety_days() -> None:
    for modality in Modality:
        found = screen([], modality, None, NOW, TODAY)
        assert (found.verdict, found.screened_at, found.expires_at, found.clinician_on) == (
            Verdict.CLEAR,
            NOW,
            NOW + timedelta(days=90),
            None,
        )


def test_a_block_beside_what_a_clinician_could_allow_stays_a_block() -> None:
    both = [Condition.DIABETES, Condition.EPILEPSY]
    assert screen(both, MASK, TODAY, NOW, TODAY).verdict is Verdict.BLOCKED
    assert not needs_clinician(both, MASK)


@pytest.mark.parametrize(
    ("agreed", "verdict"),
    [
        (TODAY - timedelta(days=365), Verdict.CLINICIAN),
        (TODAY - timedelta(days=366), Verdict.BLOCKED),
        (TODAY + timedelta(days=1), Verdict.BLOCKED),
        (None, Verdict.BLOCKED),
    ],
)
def test_a_clinicians_word_is_of_the_last_year_and_not_of_tomorrow(
    agreed: date | None, verdict: Verdict
) -> None:
    assert screen([Condition.DIABETES], WAND, agreed, NOW, TODAY).verdict is verdict


@pytest.mark.parametrize("treatment", Treatment)
def test_a_face_rests_for_two_weeks_and_after_isotretinoin_for_half_a_year(
    treatment: Treatment,
) -> None:
    block = block_after(treatment, NOW)
    days, hard_days = (182, 182) if treatment is Treatment.ISOTRETINOIN else (14, 2)
    assert (block.until, block.hard_until) == (
        NOW + timedelta(days=days),
        NOW + timedelta(days=hard_days),
    )

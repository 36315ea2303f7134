"""Screening: answers in, a verdict per modality out. The answers are stored nowhere.

Source of the table: docs/safety.md, X5; the union of what manufacturers and trials exclude.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from .. import limits
from ..model import Modality
from ..person import Hold, Screening, Verdict


class Condition(StrEnum):
    """What a person is asked about. The values are translation keys of the questions."""

    # whichever device it is
    EPILEPSY = "epilepsy"
    PREGNANCY = "pregnancy"
    CANCER = "cancer"
    OPEN_SKIN = "open_skin"
    DIABETES = "diabetes"
    PAST_SKIN_CANCER = "past_skin_cancer"
    BREASTFEEDING = "breastfeeding"
    # light
    PHOTOSENSITIZING_MEDICINE = "photosensitizing_medicine"
    LIGHT_DISORDER = "light_disorder"
    RETINAL_DISEASE = "retinal_disease"
    TATTOO = "tattoo"
    MELASMA = "melasma"
    # current
    IMPLANTED_ELECTRONICS = "implanted_electronics"
    BODY_WORN_DEVICE = "body_worn_device"
    METAL_IN_FACE = "metal_in_face"
    HEART_CONDITION = "heart_condition"


class Treatment(StrEnum):
    """Treatments that pause sessions. The values are translation keys of the questions."""

    BOTULINUM = "botulinum"
    FILLER = "filler"
    PEEL = "peel"
    LASER = "laser"
    SURGERY = "surgery"
    RETINOID = "retinoid"
    SUNBURN = "sunburn"
    ISOTRETINOIN = "isotretinoin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What a condition does."""

    blocked: frozenset[Modality] = frozenset()
    """Never for this person."""
    clinician: frozenset[Modality] = frozenset()
    """Only with the date on which a clinician agreed."""
    no_blue: bool = False


_BOTH: Final = frozenset(Modality)
_MASK: Final = frozenset({Modality.MASK})
_WAND: Final = frozenset({Modality.WAND})

EFFECTS: Final[Mapping[Condition, Effect]] = MappingProxyType(
    {
        Condition.EPILEPSY: Effect(blocked=_BOTH),
        Condition.PREGNANCY: Effect(blocked=_BOTH),
        Condition.CANCER: Effect(blocked=_BOTH),
        Condition.OPEN_SKIN: Effect(blocked=_BOTH),
        Condition.DIABETES: Effect(clinician=_BOTH),
        Condition.PAST_SKIN_CANCER: Effect(clinician=_BOTH),
        Condition.BREASTFEEDING: Effect(clinician=_BOTH),
        Condition.PHOTOSENSITIZING_MEDICINE: Effect(blocked=_MASK),
        Condition.LIGHT_DISORDER: Effect(blocked=_MASK),
        Condition.RETINAL_DISEASE: Effect(blocked=_MASK),
        Condition.TATTOO: Effect(clinician=_MASK),
        Condition.MELASMA: Effect(no_blue=True),
        Condition.IMPLANTED_ELECTRONICS: Effect(blocked=_WAND),
        Condition.BODY_WORN_DEVICE: Effect(clinician=_WAND),
        Condition.METAL_IN_FACE: Effect(clinician=_WAND),
        Condition.HEART_CONDITION: Effect(clinician=_WAND),
    }
)


def needs_clinician(conditions: Iterable[Condition], modality: Modality) -> bool:
    """Tell whether a clinician's date would make a difference: not where the verdict is no."""
    effects = [EFFECTS[condition] for condition in conditions]
    return any(modality in effect.clinician for effect in effects) and not any(
        modality in effect.blocked for effect in effects
    )


def screen(
    conditions: Iterable[Condition],
    modality: Modality,
    clinician_on: date | None,
    now: datetime,
    today: date,
) -> Screening:
    """Return the verdict of a screening for one modality.

    Args:
        conditions: What the person has said of themselves.
        modality: Light or current.
        clinician_on: The date on which a clinician has agreed; None if none has. One in the future
            or older than `CLINICIAN_HOLDS` counts as none.
        now: UTC and aware.
        today: The date where the person is.

    Returns:
        `clear`, `blocked` (also where a clinician would have to agree and has not), or `clinician`
        with the date. It holds for 90 days.

    Source: docs/safety.md, X4, X5, L25.
    """
    given = list(conditions)
    agreed = (
        clinician_on is not None and clinician_on <= today <= clinician_on + limits.CLINICIAN_HOLDS
    )
    if any(modality in EFFECTS[condition].blocked for condition in given):
        verdict = Verdict.BLOCKED
    elif not needs_clinician(given, modality):
        verdict = Verdict.CLEAR
    else:
        verdict = Verdict.CLINICIAN if agreed else Verdict.BLOCKED
    return Screening(
        verdict=verdict,
        screened_at=now,
        expires_at=now + min(limits.SCREENING_HOLDS),
        clinician_on=clinician_on if verdict is Verdict.CLINICIAN else None,
        blue=modality is Modality.MASK
        and not any(EFFECTS[condition].no_blue for condition in given),
    )


def block_after(treatment: Treatment, treated_at: datetime) -> Hold:
    """Return how long a face rests after a treatment.

    Source: docs/safety.md, X5: 14 days (hard 2), isotretinoin 6 months (hard).
    """
    if treatment is Treatment.ISOTRETINOIN:
        until = treated_at + limits.ISOTRETINOIN_BLOCK
        return Hold(until=until, hard_until=until)
    return Hold(until=treated_at + limits.ON_HOLD, hard_until=treated_at + limits.DATED_BLOCK_HARD)

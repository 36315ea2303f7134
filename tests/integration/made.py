"""What people have made themselves, as their entry keeps it."""

from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigSubentry
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.people.programs import PROGRAM
from custom_components.facial_therapy.people.routines import ROUTINE
from tests.integration.house import House

NUMBERS: dict[Modality, dict[str, Any]] = {
    Modality.MASK: {"irradiance_mw_cm2": {"red": 10.0}, "duration_s": 240, "per_week": 2},
    Modality.WAND: {"current_ua": 50, "frequency_hz": 8.3, "duration_s": 120, "per_week": 1},
}


def make_program(
    house: House,
    name: str,
    modality: Modality = Modality.MASK,
    *,
    person: MockConfigEntry | None = None,
) -> ConfigSubentry:
    """Make a small program for somebody, for Ada if nobody else is said."""
    subentry = ConfigSubentry(
        data=MappingProxyType({"modality": modality.value, **NUMBERS[modality]}),
        subentry_type=PROGRAM,
        title=name,
        unique_id=f"{PROGRAM}_{name}",
    )
    house.hass.config_entries.async_add_subentry(person or house.person, subentry)
    return subentry


def make_routine(house: House, name: str) -> ConfigSubentry:
    """Make a routine for Ada, which begins by hand."""
    data = {
        "steps": ["cleanse", "mask", "serum"],
        "optional": ["serum"],
        "program": "first_use",
        "if_refused": "skip",
    }
    subentry = ConfigSubentry(
        data=MappingProxyType(data),
        subentry_type=ROUTINE,
        title=name,
        unique_id=f"{ROUTINE}_{name}",
    )
    house.hass.config_entries.async_add_subentry(house.person, subentry)
    return subentry

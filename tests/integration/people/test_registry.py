"""People by name, and what a person has made that can't be read."""

import logging
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigSubentry
import pytest

from custom_components.facial_therapy.const import CONF_PERSON, LOGGER
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.refusal import Reason, RefusedError
from custom_components.facial_therapy.people.names import name_key
from custom_components.facial_therapy.people.programs import PROGRAM, custom_programs
from custom_components.facial_therapy.people.registry import find_person
from custom_components.facial_therapy.people.routines import (
    ROUTINE,
    custom_routine,
    custom_routines,
)
from custom_components.facial_therapy.people.tracked_lights import TRACKED_LIGHT
from tests.integration.world import World


def reason(world: World, reference: str | None) -> Reason:
    with pytest.raises(RefusedError) as refused:
        find_person(world.hass, reference)
    return refused.value.binding.reason


@pytest.mark.parametrize("name", ["İpek", "Anne-Marie", "Zoë", "  Ada  Lovelace "])
@pytest.mark.parametrize("said", [str.lower, str.upper, str, lambda name: f" {name}  "])
async def test_a_person_is_found_by_their_name_in_any_case_and_spacing(
    world: World, name: str, said: Any
) -> None:
    await world.somebody_else(name)
    if name_key(said(name)) == name_key(name):
        assert find_person(world.hass, said(name)).name == name


async def test_a_name_is_the_same_in_every_unicode_form(world: World) -> None:
    await world.somebody_else("Zoe\u0308")
    assert find_person(world.hass, "zoë").name == "Zoe\u0308"


async def test_a_name_that_two_people_have_is_nobodys(world: World) -> None:
    eve = await world.somebody_else()
    entry = world.hass.config_entries.async_get_known_entry(eve.person_id)
    world.hass.config_entries.async_update_entry(entry, title="ada ")
    assert reason(world, "Ada") is Reason.NO_PERSON
    assert find_person(world.hass, eve.person_id).person_id == eve.person_id


@pytest.mark.parametrize("blank", ["", "  "])
async def test_a_blank_name_finds_nobody(world: World, blank: str) -> None:
    entry = world.hass.config_entries.async_get_known_entry(world.person.person_id)
    world.hass.config_entries.async_update_entry(entry, title=blank)
    assert reason(world, "") is Reason.UNKNOWN_PERSON
    assert find_person(world.hass, None).person_id == entry.entry_id


async def test_a_person_is_found_by_their_person_entity(world: World) -> None:
    entry = world.hass.config_entries.async_get_known_entry(world.person.person_id)
    world.hass.config_entries.async_update_entry(
        entry, data={**entry.data, CONF_PERSON: "person.ada"}
    )
    assert find_person(world.hass, "person.ada").person_id == entry.entry_id


MASK_PROGRAM = {
    "modality": "mask",
    "irradiance_mw_cm2": {"red": 20.0},
    "duration_s": 600,
    "per_week": 3,
}
CUSTOM_ROUTINE = {
    "steps": ["cleanse", "mask"],
    "optional": [],
    "program": "fine_lines",
    "if_refused": "skip",
}
LIGHT = {
    "entity": "light.panel",
    "channel": "red",
    "irradiance_mw_cm2": 10.0,
    "duration_s": 600,
    "switch_off": False,
}


def add(world: World, kind: str, title: str, data: dict[str, Any]) -> None:
    world.hass.config_entries.async_add_subentry(
        world.hass.config_entries.async_get_known_entry(world.person.person_id),
        ConfigSubentry(
            data=MappingProxyType(data), subentry_type=kind, title=title, unique_id=title
        ),
    )


@pytest.mark.parametrize(
    ("kind", "good", "wrong"),
    [
        (PROGRAM, MASK_PROGRAM, {"duration_s": "600"}),
        (PROGRAM, MASK_PROGRAM, {"modality": "lamp"}),
        (PROGRAM, MASK_PROGRAM, {"irradiance_mw_cm2": {"green": 1}}),
        (ROUTINE, CUSTOM_ROUTINE, {"steps": ["dance"]}),
        (ROUTINE, CUSTOM_ROUTINE, {"optional": None}),
        (TRACKED_LIGHT, LIGHT, {"irradiance_mw_cm2": float("nan")}),
        (TRACKED_LIGHT, LIGHT, {"channel": 7}),
    ],
)
async def test_one_that_cannot_be_read_is_left_out_and_logged_once(
    world: World,
    caplog: pytest.LogCaptureFixture,
    kind: str,
    good: dict[str, Any],
    wrong: dict[str, Any],
) -> None:
    add(world, PROGRAM, "My light", MASK_PROGRAM)
    add(world, ROUTINE, "My evening", CUSTOM_ROUTINE)
    add(world, kind, "Broken", good | wrong)
    person_id = world.person.person_id
    await world.hass.config_entries.async_reload(person_id)
    await world.hass.async_block_till_done()
    assert list(custom_programs(world.hass, person_id)) == ["My light"]
    assert list(custom_programs(world.hass, person_id)["My light"].modalities) == [Modality.MASK]
    assert list(custom_routines(world.hass, person_id)) == ["My evening"]
    assert custom_routine(world.hass, person_id, " my EVENING")[0] == "My evening"
    lines = [
        each.getMessage()
        for each in caplog.records
        if each.name == LOGGER.name and each.levelno >= logging.WARNING
    ]
    assert len(lines) == 1
    assert lines[0].startswith(f"Failed to read the {kind} Broken of Ada")
    await world.run()
    await world.coordinator.async_stop()
    assert world.device.session is None

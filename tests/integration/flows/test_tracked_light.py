"""Tracking a light of another integration for a person, and refused input."""

import json
from pathlib import Path
import re
from typing import Any

from homeassistant.config_entries import SOURCE_RECONFIGURE, SOURCE_USER
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import entity_registry as er
import pytest

import custom_components.facial_therapy
from custom_components.facial_therapy.people.tracked_lights import TRACKED_LIGHT
from tests.integration.entities import entity_id
from tests.integration.world import World

PANEL: dict[str, Any] = {
    "entity": "light.panel",
    "channel": "red",
    "irradiance_mw_cm2": 30.0,
    "minutes": 10,
    "switch_off": True,
}
WORDS = json.loads(
    (Path(custom_components.facial_therapy.__file__).parent / "translations/en.json").read_text()
)["config_subentries"][TRACKED_LIGHT]


@pytest.fixture(autouse=True)
def panel(world: World) -> er.RegistryEntry:
    """A light of another integration, and one that has no registry entry."""
    registered = er.async_get(world.hass).async_get_or_create(
        "light", "hue", "panel", suggested_object_id="panel"
    )
    world.hass.states.async_set("light.panel", "off", {"friendly_name": "LED panel"})
    world.hass.states.async_set("switch.plug", "off")
    return registered


async def add(world: World, **changes: Any) -> Any:
    """Declare a light for Ada."""
    handler = (world.person.person_id, TRACKED_LIGHT)
    step = await world.hass.config_entries.subentries.async_init(
        handler, context={"source": SOURCE_USER}
    )
    assert (step["type"], step["step_id"]) == (FlowResultType.FORM, "user")
    return await world.hass.config_entries.subentries.async_configure(
        step["flow_id"], PANEL | changes
    )


def subentries(world: World) -> list[Any]:
    """What Ada has."""
    return list(
        world.hass.config_entries.async_get_known_entry(world.person.person_id).subentries.values()
    )


async def test_a_light_is_added_by_what_does_not_change_when_it_is_renamed(
    world: World, panel: er.RegistryEntry
) -> None:
    assert (await add(world))["type"] is FlowResultType.CREATE_ENTRY
    (subentry,) = subentries(world)
    assert subentry.title == "LED panel"
    assert subentry.data == {
        "entity": panel.id,
        "channel": "red",
        "irradiance_mw_cm2": 30,
        "duration_s": 600,
        "switch_off": True,
    }


async def test_a_switch_without_a_registry_entry_is_added_by_its_name(world: World) -> None:
    assert (await add(world, entity="switch.plug"))["type"] is FlowResultType.CREATE_ENTRY
    assert subentries(world)[0].data["entity"] == "switch.plug"


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"entity": "light.nothing"}, {"entity": "unknown_light"}),
        ({"irradiance_mw_cm2": float("nan")}, {"irradiance_mw_cm2": "irradiance_bounds"}),
        ({"minutes": float("nan")}, {"minutes": "minutes_bounds"}),
        ({"irradiance_mw_cm2": 100.0, "minutes": 10}, {"minutes": "minutes_bounds"}),
        (
            {"channel": "blue", "irradiance_mw_cm2": 200.0, "minutes": 2},
            {"minutes": "minutes_bounds"},
        ),
    ],
)
async def test_what_makes_no_sense_is_refused_by_its_field_and_nothing_is_lost(
    world: World, changes: dict[str, Any], errors: dict[str, str]
) -> None:
    step = await add(world, **changes)
    assert (step["type"], step["errors"]) == (FlowResultType.FORM, errors)
    assert subentries(world) == []
    again = await world.hass.config_entries.subentries.async_configure(step["flow_id"], PANEL)
    assert again["type"] is FlowResultType.CREATE_ENTRY


async def test_the_bound_that_is_named_is_allowed(world: World) -> None:
    step = await add(world, irradiance_mw_cm2=100.0, minutes=10)
    most = float(step["description_placeholders"]["minutes"])
    assert most == 6  # 6 min x 100 mW/cm2 x 1.5 = 54 J/cm2, of 60
    again = await world.hass.config_entries.subentries.async_configure(
        step["flow_id"], PANEL | {"irradiance_mw_cm2": 100.0, "minutes": most}
    )
    assert again["type"] is FlowResultType.CREATE_ENTRY


async def test_no_entity_of_ours_or_of_our_nodes_can_be_tracked(world: World) -> None:
    node = er.async_get(world.hass).async_get_or_create(
        "light", "esphome", "raw", config_entry=world.esphome, suggested_object_id="raw"
    )
    world.hass.states.async_set(node.entity_id, "off")
    world.esphome.mock_state(world.hass, world.entry.state)
    for governed in (
        entity_id(world, "light", "red"),
        entity_id(world, "switch", "session"),
        node.entity_id,
    ):
        assert (await add(world, entity=governed))["errors"] == {"entity": "governed_light"}


async def test_a_light_is_tracked_once_for_a_person(world: World) -> None:
    await add(world)
    assert (await add(world))["errors"] == {"entity": "already_tracked"}


async def test_a_light_is_changed(world: World) -> None:
    await add(world)
    (subentry,) = subentries(world)
    handler = (world.person.person_id, TRACKED_LIGHT)
    step = await world.hass.config_entries.subentries.async_init(
        handler, context={"source": SOURCE_RECONFIGURE, "subentry_id": subentry.subentry_id}
    )
    assert step["data_schema"] is not None
    suggested = {str(key): key.description["suggested_value"] for key in step["data_schema"].schema}
    assert suggested == PANEL
    refused = await world.hass.config_entries.subentries.async_configure(
        step["flow_id"], PANEL | {"entity": "light.nothing"}
    )
    assert refused["errors"] == {"entity": "unknown_light"}
    done = await world.hass.config_entries.subentries.async_configure(
        step["flow_id"], PANEL | {"minutes": 5}
    )
    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    assert subentries(world)[0].data["duration_s"] == 300


async def test_a_device_has_nothing_to_watch(world: World) -> None:
    assert world.entry.supported_subentry_types == {}


def test_every_word_of_the_flow_is_there_and_used() -> None:
    source = (
        Path(custom_components.facial_therapy.__file__).parent / "flows/tracked_light.py"
    ).read_text()
    assert WORDS["step"].keys() == {"user", "reconfigure"}
    for step in WORDS["step"].values():
        assert step["data"].keys() == step["data_description"].keys() == PANEL.keys()
    assert WORDS["error"].keys() == set(
        re.findall(
            r'"(unknown_light|governed_light|already_tracked|too_bright|\w+_bounds)"', source
        )
    )
    assert WORDS["initiate_flow"].keys() == {"user", "reconfigure"}

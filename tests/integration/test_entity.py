"""All entities of a device: their device, number, availability, and actions that they ignore."""

from typing import Any

from homeassistant.const import STATE_UNAVAILABLE, EntityCategory
from homeassistant.core import Context
from homeassistant.helpers import (
    area_registry as ar,
    device_registry as dr,
    entity_registry as er,
    label_registry as lr,
)
import pytest

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.core.session_parameters import MANUAL
from tests.integration.entities import entity_id, state
from tests.integration.world import MACS, World

MASK = {
    "binary_sensor": {"ready": True, "worn": False, "fault": False},
    "button": {"stop": True, "confirm": True, "resume": False},
    "event": {"session": False},
    "light": {"red": True, "near_infrared": True, "blue": False, "amber": True},
    "number": {"duration": True},
    "select": {"program": True, "person": True},
    "sensor": {
        "session": True,
        "session_ends": True,
        "ready_at": False,
        "temperature": False,
        "fluence": False,
    },
    "switch": {"session": True},
}
WAND = MASK | {
    "binary_sensor": {"ready": True, "contact": False, "fault": False},
    "light": {},
    "number": {"duration": True, "intensity": True, "frequency": True},
    "sensor": {
        "session": True,
        "session_ends": True,
        "ready_at": False,
        "temperature": False,
        "impedance": False,
        "charge": False,
    },
}
ALWAYS = {
    "button.stop",
    "select.program",
    "select.person",
    "sensor.session",
    "sensor.session_ends",
    "switch.session",
    "binary_sensor.ready",
    "number.duration",
}


def entries(world: World) -> list[er.RegistryEntry]:
    """Return all our entities of the device."""
    return er.async_entries_for_config_entry(er.async_get(world.hass), world.entry.entry_id)


@pytest.mark.parametrize(("modality", "expected"), [(Modality.MASK, MASK), (Modality.WAND, WAND)])
async def test_a_device_has_the_entities_that_fit_it_and_at_most_twelve_are_enabled(
    world: World, expected: dict[str, dict[str, bool]]
) -> None:
    found: dict[str, dict[str, bool]] = {platform: {} for platform in expected}
    for entry in entries(world):
        found[entry.domain][entry.unique_id.removeprefix(f"{MACS[world.modality]}_")] = (
            entry.disabled_by is None
        )
    assert found == expected
    assert sum(entry.disabled_by is None for entry in entries(world)) <= 12


@pytest.mark.parametrize("modality", list(Modality))
async def test_every_entity_is_on_the_device_of_its_node_and_makes_no_second_one(
    world: World,
) -> None:
    assert {entry.device_id for entry in entries(world)} == {world.device_id}
    assert all(entry.has_entity_name and entry.translation_key for entry in entries(world))
    assert not dr.async_entries_for_config_entry(dr.async_get(world.hass), world.entry.entry_id)


async def test_settings_and_every_way_to_stop_are_available_while_the_node_is_off(
    world: World,
) -> None:
    world.device.disconnect()
    await world.hass.async_block_till_done()
    available = {
        f"{entry.domain}.{entry.translation_key}"
        for entry in entries(world)
        if not entry.disabled_by and _shown(world, entry) != STATE_UNAVAILABLE
    }
    assert available == ALWAYS
    world.device.connect()
    await world.hass.async_block_till_done()
    assert all(
        _shown(world, entry) != STATE_UNAVAILABLE
        for entry in entries(world)
        if not entry.disabled_by
    )


def _shown(world: World, entry: er.RegistryEntry) -> str:
    shown = world.hass.states.get(entry.entity_id)
    assert shown is not None
    return shown.state


async def test_nothing_of_a_running_session_changes_every_second(world: World) -> None:
    await world.run()
    changes: list[Any] = []
    world.hass.bus.async_listen("state_changed", changes.append)
    for _ in range(20):
        await world.pass_time(1)
        world.device.report()
        await world.hass.async_block_till_done()
    assert world.coordinator.state is SessionState.RUNNING
    assert changes == []


async def test_entities_move_to_the_nodes_device_when_esphome_makes_it_again(world: World) -> None:
    registry = dr.async_get(world.hass)
    registry.async_remove_device(world.device_id)
    await world.hass.async_block_till_done()
    assert {entry.device_id for entry in entries(world)} == {None}
    assert await world.hass.config_entries.async_reload(world.entry.entry_id)
    registry.async_get_or_create(
        config_entry_id=world.esphome.entry_id, identifiers={("esphome", "something else")}
    )
    await world.hass.async_block_till_done()
    assert {entry.device_id for entry in entries(world)} == {None}
    device = registry.async_get_or_create(
        config_entry_id=world.esphome.entry_id,
        connections={(dr.CONNECTION_NETWORK_MAC, MACS[world.modality])},
    )
    await world.hass.async_block_till_done()
    assert {entry.device_id for entry in entries(world) if not entry.disabled_by} == {device.id}
    assert state(world, "sensor", "session").state == "idle"


@pytest.mark.parametrize(
    "action",
    ["light.turn_on", "light.toggle", "switch.turn_on", "switch.toggle", "button.press"],
)
async def test_an_action_for_everything_reaches_nothing_that_starts(
    world: World, action: str
) -> None:
    await world.coordinator.async_set(program=MANUAL)
    domain, _, name = action.partition(".")
    await world.hass.services.async_call(domain, name, {"entity_id": "all"}, blocking=True)
    await world.hass.async_block_till_done()
    assert world.coordinator.state is SessionState.IDLE
    assert "start" not in world.device.commands
    assert "clear" not in world.device.commands


async def test_an_action_for_everything_still_stops(world: World) -> None:
    await world.run()
    await world.hass.services.async_call("light", "turn_off", {"entity_id": "all"}, blocking=True)
    await world.hass.async_block_till_done()
    assert world.coordinator.state is SessionState.IDLE


async def test_a_script_that_lights_everything_and_then_names_us_means_us(world: World) -> None:
    await world.coordinator.async_set(program=MANUAL)
    context = Context()
    await world.hass.services.async_call(
        "light", "turn_on", {"entity_id": "all"}, blocking=True, context=context
    )
    assert state(world, "sensor", "session").state == "idle"
    await world.hass.services.async_call(
        "light",
        "turn_on",
        {"entity_id": entity_id(world, "light", "red")},
        blocking=True,
        context=context,
    )
    assert world.coordinator.state is SessionState.ARMED


@pytest.mark.parametrize("target", ["area_id", "device_id", "label_id"])
async def test_turning_on_the_lights_of_a_place_reaches_none_of_ours(
    world: World, target: str
) -> None:
    await world.coordinator.async_set(program=MANUAL)
    area = ar.async_get(world.hass).async_create("Bathroom")
    label = lr.async_get(world.hass).async_create("Evening")
    dr.async_get(world.hass).async_update_device(
        world.device_id, area_id=area.id, labels={label.label_id}
    )
    named = {"area_id": area.id, "device_id": world.device_id, "label_id": label.label_id}[target]
    for action in ("turn_on", "toggle"):
        await world.hass.services.async_call("light", action, {target: named}, blocking=True)
    await world.hass.async_block_till_done()
    assert world.coordinator.state is SessionState.IDLE
    assert "start" not in world.device.commands


@pytest.mark.parametrize("modality", list(Modality))
async def test_what_only_sets_or_clears_is_configuration_and_what_shows_the_node_is_diagnostic(
    world: World,
) -> None:
    for entry in entries(world):
        expected = {
            "light": EntityCategory.CONFIG,
            "number": EntityCategory.CONFIG,
            "button": EntityCategory.CONFIG if entry.translation_key == "confirm" else None,
        }.get(
            entry.domain,
            EntityCategory.DIAGNOSTIC
            if entry.translation_key in ("temperature", "impedance", "fault")
            else None,
        )
        assert entry.entity_category is expected, entry.entity_id
        assert entry.platform == DOMAIN

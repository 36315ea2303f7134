"""Sentences about lights in general never reach a mask."""

from typing import Any

from homeassistant.components.conversation import async_converse
from homeassistant.components.homeassistant.exposed_entities import async_should_expose
from homeassistant.const import EVENT_CALL_SERVICE
from homeassistant.core import Context
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.core.session_parameters import MANUAL
from tests.integration.world import World

LAMP = "light.bathroom_lamp"


@pytest.fixture
async def heard(world: World) -> list[dict[str, Any]]:
    """Record calls of actions; a mask with manual selected and a lamp are in the bathroom."""
    for integration in ("homeassistant", "conversation"):
        assert await async_setup_component(world.hass, integration, {})
    await world.coordinator.async_set(program=MANUAL)
    area = ar.async_get(world.hass).async_create("Bathroom")
    dr.async_get(world.hass).async_update_device(world.device_id, area_id=area.id)
    lamp = er.async_get(world.hass).async_get_or_create(
        "light", "hue", "lamp", suggested_object_id="bathroom_lamp"
    )
    er.async_get(world.hass).async_update_entity(lamp.entity_id, area_id=area.id)
    world.hass.states.async_set(LAMP, "off")
    await world.hass.async_block_till_done()
    calls: list[dict[str, Any]] = []
    world.hass.bus.async_listen(EVENT_CALL_SERVICE, lambda event: calls.append(dict(event.data)))
    return calls


@pytest.mark.parametrize(
    "sentence",
    [
        "turn on the lights in the bathroom",
        "turn on the bathroom lights",
        "turn on all the lights in the bathroom",
        "illuminate the bathroom",
        "turn on all the lights",
    ],
)
async def test_turning_on_the_lights_by_voice_reaches_none_of_ours(
    world: World, heard: list[dict[str, Any]], sentence: str
) -> None:
    await async_converse(world.hass, sentence, None, Context(), language="en")
    await world.hass.async_block_till_done()
    ours = {
        entry.entity_id
        for entry in er.async_entries_for_config_entry(
            er.async_get(world.hass), world.entry.entry_id
        )
    }
    named = {entity_id for call in heard for entity_id in call["service_data"].get("entity_id", [])}
    assert not ours & named
    assert (
        sentence == "turn on all the lights" or LAMP in named
    )  # so that silence is not taken for restraint
    assert world.coordinator.state is SessionState.IDLE
    assert "start" not in world.device.commands


async def test_no_light_and_no_number_of_ours_is_exposed_to_voice_by_default(
    world: World, heard: list[dict[str, Any]]
) -> None:
    assert heard == []
    entries = er.async_entries_for_config_entry(er.async_get(world.hass), world.entry.entry_id)
    exposed = {
        entry.domain
        for entry in entries
        if entry.platform == DOMAIN
        and async_should_expose(world.hass, "conversation", entry.entity_id)
    }
    assert not exposed & {"light", "number", "button", "select"}

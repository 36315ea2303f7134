"""Finding and using the entities of the small world."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from unittest.mock import PropertyMock, patch

from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import Context, State
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity

from custom_components.facial_therapy.const import DOMAIN
from tests.integration.world import World


def entity_id(world: World, platform: str, key: str) -> str:
    """Return the id of an entity of the device."""
    found = er.async_get(world.hass).async_get_entity_id(
        platform, DOMAIN, f"{world.coordinator.mac}_{key}"
    )
    assert found is not None
    return found


def state(world: World, platform: str, key: str) -> State:
    """Return what an entity shows."""
    shown = world.hass.states.get(entity_id(world, platform, key))
    assert shown is not None
    return shown


@contextmanager
def all_enabled() -> Iterator[None]:
    """Enable every entity from the start; enabling one later reloads the entry after 30 s."""
    with patch.object(Entity, "entity_registry_enabled_default", PropertyMock(return_value=True)):
        yield


async def act(
    world: World, action: str, platform: str, key: str, data: Mapping[str, Any] | None = None
) -> None:
    """Call an action of a platform on an entity, as a dashboard does."""
    domain, _, name = action.partition(".")
    await world.hass.services.async_call(
        domain,
        name,
        {ATTR_ENTITY_ID: entity_id(world, platform, key), **(data or {})},
        blocking=True,
    )
    await world.hass.async_block_till_done()


async def press(world: World, key: str, context: Context | None = None) -> None:
    """Press a button, as somebody if it is said who."""
    await world.hass.services.async_call(
        "button",
        "press",
        {ATTR_ENTITY_ID: entity_id(world, "button", key)},
        blocking=True,
        context=context,
    )
    await world.hass.async_block_till_done()

"""The demo's dashboard: every entity of both devices and the person, and the simulated skin to play with."""

from typing import Any

from .household import DOMAIN, Household
from .messages import Messages

URL = "facial-therapy"
# The device's name is in the heading already.
_NAME = {"type": "entity"}

type Card = dict[str, Any]


def _section(title: str, icon: str, cards: list[Card]) -> Card:
    """Return a section with a heading."""
    return {"type": "grid", "cards": [{"type": "heading", "heading": title, "icon": icon}, *cards]}


def _tiles(entities: list[dict[str, Any]]) -> list[Card]:
    """Return a tile for each entity."""
    return [{"type": "tile", "entity": entity["entity_id"], "name": _NAME} for entity in entities]


def _rows(title: str, entities: list[dict[str, Any]]) -> Card:
    """Return one card with a row for each entity; a toggle for all of them at once is no use here."""
    rows = [{"entity": entity["entity_id"], "name": _NAME} for entity in entities]
    return {"type": "entities", "title": title, "show_header_toggle": False, "entities": rows}


def _config(household: Household, entities: list[dict[str, Any]]) -> Card:
    """Return the dashboard's configuration."""
    shown = [entity for entity in entities if entity["disabled_by"] is None and entity["hidden_by"] is None]
    sections: list[Card] = []
    for modality, icon in (("mask", "mdi:face-mask"), ("wand", "mdi:magic-staff")):
        station = household.stations[modality]
        own = [entity for entity in shown if entity["device_id"] == station.device_id]
        ours = [entity for entity in own if entity["platform"] == DOMAIN]
        primary = [entity for entity in ours if entity["entity_category"] is None]
        settings = [entity for entity in ours if entity["entity_category"] is not None]
        skin = [entity for entity in own if entity["platform"] != DOMAIN]
        cards = [*_tiles(primary), _rows("Settings", settings), _rows("Skin and sensors (simulated)", skin)]
        sections.append(_section(station.info.friendly_name, icon, cards))
    at_nodes = {station.device_id for station in household.stations.values()}
    people = [entity for entity in shown if entity["platform"] == DOMAIN and entity["device_id"] not in at_nodes]
    if people:
        sections.append(_section("People", "mdi:account", _tiles(people)))
    history = [entity["entity_id"] for entity in shown if entity["platform"] == DOMAIN and entity["entity_id"].startswith("sensor.")]
    if history:
        sections.append(_section("History", "mdi:history", [{"type": "history-graph", "entities": history, "hours_to_show": 1}]))
    return {"views": [{"type": "sections", "title": "Tonight", "path": "tonight", "max_columns": 4, "sections": sections}]}


async def write(household: Household, messages: Messages) -> None:
    """Make the dashboard, or bring it up to date, and make it the first page."""
    if not any(board["url_path"] == URL for board in await messages.call("lovelace/dashboards/list")):
        await messages.call(
            "lovelace/dashboards/create", url_path=URL, title="Facial therapy", icon="mdi:face-woman-shimmer", mode="storage", show_in_sidebar=True
        )
    entities = await messages.call("config/entity_registry/list")
    await messages.call("lovelace/config/save", url_path=URL, config=_config(household, entities))
    await messages.call("frontend/set_system_data", key="core", value={"default_panel": URL})

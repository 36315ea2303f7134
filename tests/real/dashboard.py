"""The demo's dashboard: a session for each device, its settings, and the simulated skin."""

from collections.abc import Iterable
from typing import Any

from .household import DOMAIN, Household, Station
from .messages import Messages

URL = "facial-therapy"
TITLE = "Facial therapy"
VIEW = "tonight"

# The device's name is in the heading already.
_NAME = {"type": "entity"}
_SIMULATED = "Simulated "
_ICONS = {"mask": "mdi:face-mask", "wand": "mdi:magic-staff"}
_COLORS = {
    "red": "red",
    "near_infrared": "deep-purple",
    "blue": "blue",
    "amber": "amber",
    "ready": "green",
    "stop": "red",
    "fault": "red",
}
_SENSOR_ICONS = {
    "Worn": "mdi:face-man",
    "Contact": "mdi:hand-back-right",
    "Temperature": "mdi:thermometer",
    "Warm": "mdi:thermometer-alert",
}
_SIMULATED_ICONS = {
    "worn": "mdi:face-man",
    "contact": "mdi:hand-back-right",
    "charging": "mdi:power-plug",
    "button": "mdi:gesture-tap-button",
}
_WIDE = {"columns": "full"}
# In this order, above everything else.
_SESSION = (
    "sensor.session",
    "button.stop",
    "switch.session",
    "select.program",
    "select.person",
    "sensor.session_ends",
    "button.resume",
    "button.confirm",
)

type Card = dict[str, Any]
type Entity = dict[str, Any]
type Entities = dict[str, Entity]
"""By domain and translation key, `sensor.session`."""


def _heading(title: str, icon: str, *badges: Card) -> Card:
    """Return the head of a section."""
    return {"type": "heading", "heading": title, "icon": icon, "badges": list(badges)}


def _section(*cards: Card) -> Card:
    """Return a section."""
    return {"type": "grid", "cards": list(cards)}


def _domain(entity: Entity) -> str:
    """Return what kind of entity it is."""
    return str(entity["entity_id"]).split(".", maxsplit=1)[0]


def _tile(entity: Entity, **options: Any) -> Card:
    """Return a tile; one press is enough for what only acts."""
    card: Card = {"type": "tile", "entity": entity["entity_id"], "name": _NAME}
    if color := _COLORS.get(entity["translation_key"] or ""):
        card["color"] = color
    match _domain(entity):
        case "button":
            # The time of the last press tells nobody anything.
            card |= {"hide_state": True, "tap_action": {"action": "toggle"}}
        case "switch":
            card |= {
                "features": [{"type": "toggle"}],
                "features_position": "inline",
                "grid_options": _WIDE,
            }
        case "select":
            card |= {"features": [{"type": "select-options"}], "hide_state": True}
        case "light":
            card |= {
                "features": [{"type": "light-brightness"}],
                "features_position": "inline",
                "grid_options": _WIDE,
            }
        case "number":
            card |= {
                "features": [{"type": "numeric-input", "style": "slider"}],
                "features_position": "inline",
                "grid_options": _WIDE,
            }
    return card | options


def _badge(entity: Entity, **options: Any) -> Card:
    """Return what a heading says of an entity."""
    return {
        "type": "entity",
        "entity": entity["entity_id"],
        "color": _COLORS.get(entity["translation_key"] or "", "state"),
        **options,
    }


def _when(sensor: str, *states: str) -> list[Card]:
    """Return the condition that the session is in one of these states."""
    return [{"condition": "state", "entity": sensor, "state": list(states)}]


def _action(name: str, icon: str, action: str, station: Station, sensor: str, *states: str) -> Card:
    """Return a tile that calls an action of ours on a device."""
    perform = {
        "action": "perform-action",
        "perform_action": f"{DOMAIN}.{action}",
        "target": {"device_id": station.device_id},
    }
    return {
        "type": "tile",
        "entity": sensor,
        "name": name,
        "icon": icon,
        "hide_state": True,
        "tap_action": perform,
        "icon_tap_action": perform,
        "visibility": _when(sensor, *states),
    }


def _known(entity: Entity) -> list[Card]:
    """Show a tile only while there is something to show."""
    return [{"condition": "state", "entity": entity["entity_id"], "state_not": "unknown"}]


def _session_section(station: Station, ours: Entities, sensors: Iterable[Entity]) -> Card:
    """Return the cards that begin and end a session."""
    sensor = ours["sensor.session"]["entity_id"]
    options: dict[str, Card] = {
        "sensor.session": {"name": "State"},
        "sensor.session_ends": {"visibility": _known(ours["sensor.session_ends"])},
        "button.confirm": {"visibility": _when(sensor, "fault")},
    }
    tiles = [_tile(ours[key], **options.get(key, {})) for key in _SESSION if key in ours]
    actions = [
        _action("Pause", "mdi:pause", "pause_session", station, sensor, "running"),
        _action("Resume", "mdi:play", "resume_session", station, sensor, "paused", "suspended"),
    ]
    # In a session it cannot be ready for another one, which says nothing.
    badges = [_badge(ours["binary_sensor.ready"], visibility=_when(sensor, "idle", "fault"))]
    badges += [
        _badge(entity, icon=_SENSOR_ICONS.get(entity["original_name"], "mdi:eye"))
        for entity in sensors
    ]
    card = {"type": "custom:facial-therapy-card", "device": station.device_id}
    return _section(
        _heading(station.info.friendly_name, _ICONS[station.modality], *badges),
        card,
        *tiles,
        *actions,
    )


def _simulated(station: Station, world: Iterable[Entity]) -> list[Card]:
    """Return the skin, the charger and the button that a person plays with."""
    switches = [entity for entity in world if _domain(entity) == "switch"]
    numbers = [entity for entity in world if entity not in switches]
    cards: list[Card] = [
        {
            **_heading(station.info.friendly_name, _ICONS[station.modality]),
            "heading_style": "subtitle",
        }
    ]
    for entity in (*switches, *numbers):
        name = entity["original_name"].removeprefix(_SIMULATED)
        options: Card = {"name": name.capitalize()}
        if entity in switches:
            options |= {
                "icon": _SIMULATED_ICONS[name],
                "tap_action": {"action": "toggle"},
                "features": [],
                "grid_options": {},
            }
        cards.append(_tile(entity, **options))
    return cards


def _config(household: Household, entities: list[Entity]) -> Card:
    """Return the dashboard's configuration."""
    shown = [
        entity
        for entity in entities
        if entity["disabled_by"] is None and entity["hidden_by"] is None
    ]
    sessions: list[Card] = []
    settings: list[Card] = []
    simulated: list[Card] = [_heading("Simulated skin", "mdi:flask-outline")]
    sensors: list[str] = []
    for station in (household.mask, household.wand):
        of_device = [entity for entity in shown if entity["device_id"] == station.device_id]
        ours = {
            f"{_domain(entity)}.{entity['translation_key']}": entity
            for entity in of_device
            if entity["platform"] == DOMAIN
        }
        others = [entity for entity in of_device if entity["platform"] != DOMAIN]
        world = [entity for entity in others if entity["original_name"].startswith(_SIMULATED)]
        sessions.append(
            _session_section(station, ours, [entity for entity in others if entity not in world])
        )
        rest = [
            _tile(entity)
            for key, entity in ours.items()
            if key not in {*_SESSION, "binary_sensor.ready"}
        ]
        settings.append(
            _section(
                _heading(f"{station.info.friendly_name}, program Manual", "mdi:tune-variant"), *rest
            )
        )
        simulated += _simulated(station, world)
        sensors.append(ours["sensor.session"]["entity_id"])
    log = {
        "type": "logbook",
        "target": {"entity_id": sensors},
        "hours_to_show": 12,
        "grid_options": {"rows": 4},
    }
    tonight = [_heading("Tonight", "mdi:history"), log]
    at_nodes = {station.device_id for station in household.stations.values()}
    personal = [
        entity
        for entity in shown
        if entity["platform"] == DOMAIN and entity["device_id"] not in at_nodes
    ]
    # Nobody has a plan yet, so that nothing comes next.
    if people := [
        _tile(
            entity,
            **(
                {"visibility": _known(entity)}
                if entity["translation_key"] == "next_session"
                else {}
            ),
        )
        for entity in personal
    ]:
        tonight += [_heading("People", "mdi:account"), *people]
    text = "Mask and wand are simulated: start a session, then tap *Worn* or *Contact*."
    view = {
        "type": "sections",
        "title": TITLE,
        "path": VIEW,
        "max_columns": 3,
        "header": {
            "layout": "start",
            "badges_position": "bottom",
            "card": {"type": "markdown", "text_only": True, "content": f"## Good evening\n{text}"},
        },
        "sections": [*sessions, _section(*simulated), *settings, _section(*tonight)],
    }
    return {"views": [view]}


async def write(household: Household, messages: Messages) -> None:
    """Make the dashboard, or bring it up to date, and make it the first page."""
    if not any(
        board["url_path"] == URL for board in await messages.call("lovelace/dashboards/list")
    ):
        await messages.call(
            "lovelace/dashboards/create",
            url_path=URL,
            title=TITLE,
            icon="mdi:face-woman-shimmer",
            mode="storage",
            show_in_sidebar=True,
        )
    entities = await messages.call("config/entity_registry/list")
    await messages.call("lovelace/config/save", url_path=URL, config=_config(household, entities))
    await messages.call("frontend/set_system_data", key="core", value={"default_panel": URL})

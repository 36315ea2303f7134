"""The logbook: what a session or a routine did, by whom and through what.

A turn becomes one event of Home Assistant's bus, a handful a session; whose skin it is and why
something was refused stay out of it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID, ATTR_NAME, Platform
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.translation import async_get_cached_translations

from .const import DOMAIN, SIGNAL_ROUTINE, SIGNAL_SESSION

EVENT_TURN: Final = f"{DOMAIN}_turn"
OF_A_SESSION: Final = (
    "armed",
    "started",
    "suspended",
    "paused",
    "resumed",
    "ended",
    "refused",
    "fault",
)
OF_A_ROUTINE: Final = ("routine_started", "routine_finished")
ATTR_MESSAGE: Final = "message"
SAID: Final = ("voice", "automation", "device")
"""Through what; a user speaks for themselves, and what Home Assistant did nobody did."""
PROGRAMS: Final = "selector.program.options."
SESSION_OUTCOMES: Final = "entity.event.session.state_attributes.outcome.state."
ROUTINE_OUTCOMES: Final = "entity.sensor.routine_step.state."


@callback
def async_setup_logbook(hass: HomeAssistant) -> None:
    """Write down the turns of sessions and routines as they are announced."""

    @callback
    def of_a_session(entry_id: str, turn: str, data: Mapping[str, Any]) -> None:
        if turn in OF_A_SESSION:
            where = {ATTR_ENTITY_ID: data[ATTR_ENTITY_ID], ATTR_DEVICE_ID: data[ATTR_DEVICE_ID]}
            told(
                entry_id,
                turn,
                {**where, "program": data["program"], "outcome": data["outcome"]},
                data,
            )

    @callback
    def of_an_evening(entry_id: str, turn: str, data: Mapping[str, Any]) -> None:
        if turn in OF_A_ROUTINE:
            entity_id = er.async_get(hass).async_get_entity_id(
                Platform.SENSOR, DOMAIN, f"{entry_id}_routine_step"
            )
            told(entry_id, turn, {ATTR_ENTITY_ID: entity_id, "outcome": data.get("outcome")}, data)

    def told(entry_id: str, turn: str, what: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        hass.async_create_task(
            _async_fire(
                hass, entry_id, {"turn": turn, **what, "by": data.get("by")}, data.get("user_id")
            ),
            f"{EVENT_TURN} {turn}",
        )

    async_dispatcher_connect(hass, SIGNAL_SESSION, of_a_session)
    async_dispatcher_connect(hass, SIGNAL_ROUTINE, of_an_evening)


async def _async_fire(
    hass: HomeAssistant, entry_id: str, data: Mapping[str, Any], user_id: str | None
) -> None:
    user = await hass.auth.async_get_user(user_id) if user_id else None
    entry = hass.config_entries.async_get_entry(entry_id)
    named = {ATTR_NAME: entry.title if entry is not None else "", "user": user and user.name}
    hass.bus.async_fire(EVENT_TURN, {**data, **named}, context=Context(user_id=user_id))


@callback
def async_describe_events(
    hass: HomeAssistant,
    async_describe_event: Callable[[str, str, Callable[[Event], dict[str, Any]]], None],
) -> None:
    """Say what the logbook shows of a turn."""

    @callback
    def describe(event: Event) -> dict[str, Any]:
        data = event.data
        texts: dict[str, str] = {}
        for category in ("common", "entity", "selector"):
            texts |= async_get_cached_translations(hass, hass.config.language, category, DOMAIN)

        def text(path: str, key: str | None) -> str:
            return texts.get(f"component.{DOMAIN}.{path}{key}", key or "")

        user, by = data["user"], data["by"]
        who = [text("common.logbook_", "by_user").format(user=user)] if user else []
        who += [text("common.logbook_by_", by)] if by in SAID else []
        outcome = text(
            ROUTINE_OUTCOMES if data["turn"] in OF_A_ROUTINE else SESSION_OUTCOMES, data["outcome"]
        )
        message = text("common.logbook_", data["turn"]).format(
            program=text(PROGRAMS, data.get("program")), who=" ".join(who), outcome=outcome
        )
        return {
            ATTR_NAME: data[ATTR_NAME],
            ATTR_MESSAGE: " ".join(message.split()),
            ATTR_ENTITY_ID: data[ATTR_ENTITY_ID],
        }

    async_describe_event(DOMAIN, EVENT_TURN, describe)

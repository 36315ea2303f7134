"""Logbook entries of sessions and routines, with who caused them.

Each transition is one event on Home Assistant's bus, about five for a session. The person and the
reason of a refusal are not part of it.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID, ATTR_NAME, Platform
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.translation import async_get_cached_translations

from .const import DOMAIN, SIGNAL_ROUTINE, SIGNAL_SESSION

EVENT_TRANSITION: Final = f"{DOMAIN}_transition"
SESSION_TRANSITIONS: Final = (
    "armed",
    "started",
    "suspended",
    "paused",
    "resumed",
    "ended",
    "refused",
    "fault",
)
ROUTINE_TRANSITIONS: Final = ("routine_started", "routine_finished")
ATTR_MESSAGE: Final = "message"
NAMED_ORIGINS: Final = ("voice", "automation", "device")
"""The origins that an entry names: a user is named instead, and Home Assistant not at all."""
PROGRAMS: Final = "selector.program.options."
SESSION_OUTCOMES: Final = "entity.event.session.state_attributes.outcome.state."
ROUTINE_OUTCOMES: Final = "entity.sensor.routine_step.state."


@callback
def async_setup_logbook(hass: HomeAssistant) -> None:
    """Fire an event for each announced transition of a session or routine."""

    @callback
    def on_session(entry_id: str, transition: str, data: Mapping[str, Any]) -> None:
        if transition in SESSION_TRANSITIONS:
            source = {ATTR_ENTITY_ID: data[ATTR_ENTITY_ID], ATTR_DEVICE_ID: data[ATTR_DEVICE_ID]}
            fire(
                entry_id,
                transition,
                {**source, "program": data["program"], "outcome": data["outcome"]},
                data,
            )

    @callback
    def on_routine(entry_id: str, transition: str, data: Mapping[str, Any]) -> None:
        if transition in ROUTINE_TRANSITIONS:
            entity_id = er.async_get(hass).async_get_entity_id(
                Platform.SENSOR, DOMAIN, f"{entry_id}_routine_step"
            )
            fire(
                entry_id,
                transition,
                {ATTR_ENTITY_ID: entity_id, "outcome": data.get("outcome")},
                data,
            )

    def fire(
        entry_id: str, transition: str, fields: Mapping[str, Any], data: Mapping[str, Any]
    ) -> None:
        hass.async_create_task(
            _async_fire(
                hass,
                entry_id,
                {"transition": transition, **fields, "by": data.get("by")},
                data.get("user_id"),
            ),
            f"{EVENT_TRANSITION} {transition}",
        )

    async_dispatcher_connect(hass, SIGNAL_SESSION, on_session)
    async_dispatcher_connect(hass, SIGNAL_ROUTINE, on_routine)


async def _async_fire(
    hass: HomeAssistant, entry_id: str, data: Mapping[str, Any], user_id: str | None
) -> None:
    user = await hass.auth.async_get_user(user_id) if user_id else None
    entry = hass.config_entries.async_get_entry(entry_id)
    named = {ATTR_NAME: entry.title if entry is not None else "", "user": user and user.name}
    hass.bus.async_fire(EVENT_TRANSITION, {**data, **named}, context=Context(user_id=user_id))


@callback
def async_describe_events(
    hass: HomeAssistant,
    async_describe_event: Callable[[str, str, Callable[[Event], dict[str, Any]]], None],
) -> None:
    """Describe the events for the logbook."""

    @callback
    def describe(event: Event) -> dict[str, Any]:
        data = event.data
        texts: dict[str, str] = {}
        for category in ("common", "entity", "selector"):
            texts |= async_get_cached_translations(hass, hass.config.language, category, DOMAIN)

        def text(path: str, key: str | None) -> str:
            return texts.get(f"component.{DOMAIN}.{path}{key}", key or "")

        user, by = data["user"], data["by"]
        actor = [text("common.logbook_", "by_user").format(user=user)] if user else []
        actor += [text("common.logbook_by_", by)] if by in NAMED_ORIGINS else []
        outcome = text(
            ROUTINE_OUTCOMES if data["transition"] in ROUTINE_TRANSITIONS else SESSION_OUTCOMES,
            data["outcome"],
        )
        message = text("common.logbook_", data["transition"]).format(
            program=text(PROGRAMS, data.get("program")), actor=" ".join(actor), outcome=outcome
        )
        return {
            ATTR_NAME: data[ATTR_NAME],
            ATTR_MESSAGE: " ".join(message.split()),
            ATTR_ENTITY_ID: data[ATTR_ENTITY_ID],
        }

    async_describe_event(DOMAIN, EVENT_TRANSITION, describe)

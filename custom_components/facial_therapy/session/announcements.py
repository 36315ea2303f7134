"""The events of a device's sessions: for its entities, the logbook and automations."""

from collections.abc import Callable
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import Platform
from homeassistant.core import CALLBACK_TYPE, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util

from ..const import CONF_MAC, CONF_MODALITY, DOMAIN, SIGNAL_SESSION
from ..core.person import Person
from ..core.refusal import Refusal
from ..devices.discovery import node_device
from ..people.actor import DEVICE
from .view import LiveSession


class Announcements:
    """Announces what happens to the sessions of one device."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
        """Take the device's entry; nobody listens yet."""
        self._hass = hass
        self._entry = entry
        self._listeners: list[Callable[[str, LiveSession], None]] = []

    def add_listener(self, listener: Callable[[str, LiveSession], None]) -> CALLBACK_TYPE:
        """Call back with the name of an event and the session.

        The names: `armed`, `started`, `suspended`, `paused`, `resumed`, `adopted`, `zone`, `ended`,
        `refused`, `fault`, `enrolled`.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def announce(self, name: str, live: LiveSession, refusal: Refusal | None = None) -> None:
        """Call the listeners, and send the event to automations."""
        if name != "zone":
            for listener in tuple(self._listeners):
                listener(name, live)
        mac = self._entry.data[CONF_MAC]
        entity_id = er.async_get(self._hass).async_get_entity_id(
            Platform.SWITCH, DOMAIN, f"{mac}_session"
        )
        device = node_device(self._hass, mac)
        data = {
            "entity_id": entity_id,
            "device_id": device and device.id,
            "modality": self._entry.data[CONF_MODALITY],
            **live.event_data,
            "reason": refusal and refusal.reason.shown,
        }
        if name == "zone":
            data["zone"] = live.zone
        async_dispatcher_send(self._hass, SIGNAL_SESSION, self._entry.entry_id, name, data)

    def enrolled(self, person: Person) -> None:
        """Announce that a person was enrolled while the device's button was held."""
        now = dt_util.utcnow()
        live = LiveSession(
            session_id="", person=person, program="", started_at=now, changed_by=DEVICE
        )
        self.announce("enrolled", live)

"""What is told of a session as it turns: to our own entities, to the logbook, and to automations."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from homeassistant.const import Platform
from homeassistant.core import CALLBACK_TYPE, HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util

from ..const import DOMAIN, SIGNAL_SESSION
from ..core.model import Person, Refusal
from ..people.actor import DEVICE
from .view import LiveSession

if TYPE_CHECKING:
    from ..coordinator import FacialTherapyCoordinator


class Announcer:
    """Tells of the sessions of one device."""

    def __init__(self, hass: HomeAssistant, shell: FacialTherapyCoordinator) -> None:
        """Take the shell; nobody listens yet."""
        self._hass = hass
        self._shell = shell
        self._listeners: list[Callable[[str, LiveSession], None]] = []

    def add_listener(self, listener: Callable[[str, LiveSession], None]) -> CALLBACK_TYPE:
        """Call back with `armed`, `started`, `suspended`, `paused`, `resumed`, `ended`, `refused`, `fault` or `enrolled`, and the session."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def enrolled(self, person: Person) -> None:
        """The node knows a person from now on: somebody held its button."""
        self.tell(
            "enrolled",
            LiveSession(
                session_id="",
                person=person,
                program="",
                plan=None,
                started_at=dt_util.utcnow(),
                started_by=None,
                turned_by=DEVICE,
            ),
        )
        self._shell.publish()

    def tell(self, name: str, live: LiveSession, refusal: Refusal | None = None) -> None:
        """Call back the listeners, and announce it."""
        for listener in tuple(self._listeners):
            listener(name, live)
        self.announce(name, live, reason=refusal and refusal.reason.shown)

    def announce(self, name: str, live: LiveSession, **more: Any) -> None:  # noqa: ANN401 - JSON
        """Announce a turn of a session to automations, with what they may want of it."""
        entity_id = er.async_get(self._hass).async_get_entity_id(
            Platform.SWITCH, DOMAIN, f"{self._shell.mac}_session"
        )
        device = self._shell.device_entry
        where = {
            "entity_id": entity_id,
            "device_id": device and device.id,
            "modality": self._shell.modality.value,
        }
        async_dispatcher_send(
            self._hass,
            SIGNAL_SESSION,
            self._shell.config_entry.entry_id,
            name,
            {**where, **live.told, **more},
        )

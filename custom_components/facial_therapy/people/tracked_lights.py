"""Tracked lights: lights of other integrations whose on-time counts for a person.

They are never switched on. Their state is read again whenever something may have changed, and the
ledger is brought in line with it. So a restart, a rename and a full disk need no code of their own.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
import secrets
from typing import TYPE_CHECKING, Any, Final

from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigSubentry,
)
from homeassistant.const import ATTR_ENTITY_ID, SERVICE_TURN_OFF, STATE_OFF, STATE_ON
from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send
from homeassistant.helpers.event import EventStateChangedData, async_track_state_change_event

from ..const import LOGGER, SIGNAL_ANNOUNCED
from ..core.ledger import tracked_light
from ..core.ledger.record import Record, Source
from ..core.ledger.tracked_light import TrackedLight
from ..core.model import Channel
from ..storage.codec import decode
from ..storage.fields import MalformedError
from ..storage.ledger import LEDGER
from ..storage.ledger_file import LedgerError
from ..text.notify import async_notify_person
from ..timers import Timers
from .actor import By

if TYPE_CHECKING:
    from .registry import PersonConfigEntry

TRACKED_LIGHT: Final = "tracked_light"
"""The type of its subentry."""
CONF_CHANNEL: Final = "channel"
CONF_ENTITY: Final = "entity"
"""The registry id of the entity, so that a rename changes nothing; its entity id if it has none."""
CONF_IRRADIANCE: Final = "irradiance_mw_cm2"
CONF_DURATION: Final = "duration_s"
CONF_SWITCH_OFF: Final = "switch_off"
RETRY_S: Final = 30
"""After a ledger that could not be written."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredLight:
    """A tracked light, as its subentry stores it."""

    channel: Channel
    entity: str
    irradiance_mw_cm2: float
    duration_s: float
    switch_off: bool


def declared(subentry: ConfigSubentry) -> TrackedLight:
    """Return a light as the person declared it.

    Raises:
        MalformedError: A key is missing or wrong.
    """
    stored = decode(_StoredLight, dict(subentry.data))
    return TrackedLight(
        light_id=subentry.subentry_id,
        channel=stored.channel,
        irradiance_mw_cm2=stored.irradiance_mw_cm2,
        duration_s=stored.duration_s,
    )


@callback
def async_track_lights(hass: HomeAssistant, entry: PersonConfigEntry) -> None:
    """Track a person's lights as long as their entry is loaded."""
    trackers: dict[str, tuple[Mapping[str, Any], LightTracker]] = {}

    @callback
    def follow() -> None:
        """Track the lights there are now: they come, go and change without a reload."""
        wanted = {
            subentry.subentry_id: subentry
            for subentry in entry.subentries.values()
            if subentry.subentry_type == TRACKED_LIGHT
        }
        for light_id, (data, tracker) in list(trackers.items()):
            if light_id not in wanted or wanted[light_id].data != data:
                tracker.close(forgotten=light_id not in wanted)
                del trackers[light_id]
        for light_id in wanted.keys() - trackers.keys():
            with suppress(MalformedError):  # `check_subentries` logs it
                tracker = LightTracker(hass, entry, wanted[light_id])
                trackers[light_id] = (wanted[light_id].data, tracker)

    @callback
    def changed(_change: ConfigEntryChange, other: ConfigEntry) -> None:
        if other is entry:
            follow()

    @callback
    def close() -> None:
        for _, tracker in trackers.values():
            tracker.close(forgotten=False)

    entry.async_on_unload(async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, changed))
    entry.async_on_unload(close)
    follow()


class LightTracker:
    """Tracks one light."""

    def __init__(
        self, hass: HomeAssistant, entry: PersonConfigEntry, subentry: ConfigSubentry
    ) -> None:
        """Start tracking."""
        self._hass = hass
        self._entry = entry
        self._subentry = subentry
        self._light = declared(subentry)
        self._ledger = hass.data[LEDGER]
        self._timers = Timers(hass)
        self._lock = asyncio.Lock()
        self._seen: str | None = None
        """The session that was tracked from its beginning."""
        self._reminded: str | None = None
        """The session at whose planned end the person was reminded."""
        self._unsubscribe: CALLBACK_TYPE | None = None
        self._tracked: str | None = None
        self._forgotten = False
        self._follow_entity()
        self._unsubscribe_registry = hass.bus.async_listen(
            er.EVENT_ENTITY_REGISTRY_UPDATED, self._renamed
        )
        self._look()

    @property
    def _entity_id(self) -> str:
        """Its entity id of now."""
        reference: str = self._subentry.data[CONF_ENTITY]
        return er.async_resolve_entity_id(er.async_get(self._hass), reference) or reference

    @callback
    def _follow_entity(self) -> None:
        if (entity_id := self._entity_id) != self._tracked:
            if self._unsubscribe is not None:
                self._unsubscribe()
            self._tracked = entity_id
            self._unsubscribe = async_track_state_change_event(self._hass, entity_id, self._changed)

    @callback
    def _renamed(self, _event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        if self._entity_id != self._tracked:
            self._follow_entity()
            self._look()

    @callback
    def _changed(self, _event: Event[EventStateChangedData]) -> None:
        self._look()

    @callback
    def close(self, *, forgotten: bool) -> None:
        """Watch no more; a light that a person has removed is settled as if it were off now."""
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._unsubscribe_registry()
        self._timers.cancel_all()
        if forgotten:
            self._forgotten = True
            self._look()

    @callback
    def _look(self) -> None:
        self._hass.async_create_task(
            self._async_look(), f"facial_therapy looks at {self._subentry.title}"
        )

    def _is_on(self) -> bool | None:
        """Return whether it is on; None if nobody knows."""
        if self._forgotten:
            return False
        state = self._hass.states.get(self._entity_id)
        return {STATE_ON: True, STATE_OFF: False}.get(state.state) if state is not None else None

    def _open(self) -> Record | None:
        """Return its open record, also one that a restart has left."""
        for record in self._ledger.newest_first(self._entry.entry_id):
            if (
                record.source is Source.TRACKED
                and record.program == self._light.light_id
                and record.open
            ):
                return record
        return None

    async def _async_look(self) -> None:
        """Bring the ledger in line with the states of the lights."""
        async with self._lock:
            try:
                record = await self._async_reconcile(self._open())
            except LedgerError as error:
                LOGGER.error("Failed to record the on-time of %s: %s", self._entity_id, error)
                self._timers.later("look", RETRY_S, self._look)
                return
            if record is None:
                self._timers.cancel("look")
            else:
                self._timers.later(
                    "look",
                    max(0.0, (tracked_light.due_at(record) - self._ledger.dated()).total_seconds()),
                    self._look,
                )

    async def _async_reconcile(self, record: Record | None) -> Record | None:
        """Open, extend or settle the record, and return it if it stays open."""
        on, now = self._is_on(), self._ledger.dated()
        if record is None:
            if not on:
                return None
            record = tracked_light.opened(
                self._light, self._entry.runtime_data.person, secrets.token_hex(8), now
            )
            await self._ledger.async_open(self._hass, record)
            self._seen = record.session_id
            self._announce("tracked_on")
            return record
        seen = record.session_id == self._seen
        if on is False or (on is None and now >= tracked_light.due_at(record)):
            await self._ledger.async_merge(
                self._hass,
                tracked_light.settled(self._light, record, now, seen=seen and on is False),
            )
            self._announce("tracked_off")
            return None
        if now < tracked_light.due_at(record):
            return record
        record = tracked_light.extended(self._light, record, now)
        await self._ledger.async_merge(self._hass, record)
        await self._async_due(record)
        return record

    async def _async_due(self, record: Record) -> None:
        """Remind the person once of its planned end, and switch it off if they want that."""
        if self._reminded != record.session_id:
            self._reminded = record.session_id
            self._announce("tracked_due")
            await async_notify_person(
                self._hass,
                self._entry,
                "tracked",
                self._subentry.subentry_id,
                light=self._subentry.title,
            )
        if self._subentry.data[CONF_SWITCH_OFF]:
            domain = self._entity_id.partition(".")[0]
            try:
                await self._hass.services.async_call(
                    domain, SERVICE_TURN_OFF, {ATTR_ENTITY_ID: self._entity_id}, blocking=True
                )
            except HomeAssistantError as error:
                LOGGER.warning("Failed to switch off %s: %s", self._entity_id, error)

    @callback
    def _announce(self, event_type: str) -> None:
        async_dispatcher_send(
            self._hass,
            f"{SIGNAL_ANNOUNCED}_{self._entry.entry_id}",
            event_type,
            By.HOME_ASSISTANT.value,
            None,
        )

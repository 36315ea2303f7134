"""What all entities of a person have in common: they sit on the person's own service device, and show the ledger."""

from dataclasses import dataclass
from datetime import datetime
from typing import override

from homeassistant.core import callback
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.event import async_track_time_change

from .const import DOMAIN, SIGNAL_LEDGER
from .core.ledger import Totals
from .people import PersonConfigEntry
from .store import LEDGER, Ledger


@dataclass(frozen=True, kw_only=True)
class PersonDescription(EntityDescription):
    """What every entity of a person says of itself; `key` is also its translation key."""


def person_device(entry: PersonConfigEntry) -> DeviceInfo:
    """Return the person as a device: a service, not a thing."""
    return DeviceInfo(identifiers={(DOMAIN, entry.entry_id)}, name=entry.title, entry_type=DeviceEntryType.SERVICE)


class PersonEntity(Entity):
    """An entity on the person's device."""

    _attr_has_entity_name = True
    _attr_should_poll = False
    entity_description: PersonDescription

    def __init__(self, entry: PersonConfigEntry, description: PersonDescription) -> None:
        """Take the person's entry and the description."""
        self.entity_description = description
        self.entry = entry
        self._attr_device_info = person_device(entry)
        self._attr_unique_id = f"{entry.entry_id}_{description.key}"
        self._attr_translation_key = description.key

    @property
    def ledger(self) -> Ledger:
        """The ledger."""
        return self.hass.data[LEDGER]

    @property
    def totals(self) -> Totals:
        """What the person was given in all."""
        return self.ledger.totals(self.entry.entry_id)

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the ledger, and the day."""
        await super().async_added_to_hass()
        self.async_on_remove(async_dispatcher_connect(self.hass, SIGNAL_LEDGER, self.async_write_ha_state))
        self.async_on_remove(async_track_time_change(self.hass, self._day_begins, hour=0, minute=0, second=0))

    @callback
    def _day_begins(self, _now: datetime) -> None:
        self.async_write_ha_state()

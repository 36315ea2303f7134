"""Base classes of the entities of devices and people."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, override

from homeassistant.const import (
    ATTR_ENTITY_ID,
    ATTR_SERVICE_DATA,
    ENTITY_MATCH_ALL,
    EVENT_CALL_SERVICE,
)
from homeassistant.core import Event, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.device_registry import DeviceEntryType, DeviceInfo
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.event import async_track_time_change
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .const import DOMAIN, SIGNAL_LEDGER
from .coordinator import FacialTherapyCoordinator
from .core.ledger.history import Totals
from .core.model import Modality
from .people.registry import PersonConfigEntry
from .routines.person import PersonRoutines, all_routines
from .session.view import Snapshot
from .storage.ledger import LEDGER, Ledger

DOSE_UNIT: Final[Mapping[Modality, str]] = MappingProxyType(
    {Modality.MASK: "J/cm²", Modality.WAND: "mA·min"}
)


def always(_data: Snapshot) -> bool:
    """Return True: the entity is available whether the device is on or off."""
    return True


@dataclass(frozen=True, kw_only=True)
class FacialTherapyDescription(EntityDescription):
    """Describes an entity of a device; `key` is also its translation key."""

    available_fn: Callable[[Snapshot], bool] = lambda data: data.connected
    modality: Modality | None = None
    """Only devices of this modality have the entity; None: all."""


class FacialTherapyEntity(CoordinatorEntity[FacialTherapyCoordinator]):
    """An entity of a device, which shows the coordinator's snapshot."""

    _attr_has_entity_name = True
    entity_description: FacialTherapyDescription

    def __init__(
        self, coordinator: FacialTherapyCoordinator, description: FacialTherapyDescription
    ) -> None:
        """Attach the entity to the node's own device."""
        super().__init__(coordinator)
        self.entity_description = description
        # A `device_info` would make a second device, since a device belongs to one config entry.
        self.device_entry = coordinator.device_entry
        self._attr_unique_id = f"{coordinator.mac}_{description.key}"
        self._attr_translation_key = description.key

    @property
    @override
    def available(self) -> bool:
        """Return whether the shown state is current."""
        return super().available and self.entity_description.available_fn(self.coordinator.data)

    @override
    async def async_added_to_hass(self) -> None:
        """Wait for the node's device if there is none yet."""
        await super().async_added_to_hass()
        if self.device_entry is None:
            self.async_on_remove(
                self.hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, self._move_to_device)
            )

    @callback
    def _move_to_device(self, _event: Event[Any]) -> None:
        """Move to the node's device once ESPHome has made it, at the node's first connection."""
        if self.device_entry is None and (device := self.coordinator.device_entry) is not None:
            er.async_get(self.hass).async_update_entity(self.entity_id, device_id=device.id)


class OnlyNamed(Entity):
    """An entity that ignores actions on `all`.

    An action on an area skips entities with a category, but one on `all` does not, and an entity
    does not learn how it was targeted.
    """

    _all_context: str | None = None
    """Id of the context of the newest action on `all`."""

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the targets of actions."""
        await super().async_added_to_hass()
        self.async_on_remove(self.hass.bus.async_listen(EVENT_CALL_SERVICE, self._note_target))

    @callback
    def _note_target(self, event: Event[Any]) -> None:
        """Remember an action on `all` before it is called; a later one of a script may name us."""
        if str(event.data[ATTR_SERVICE_DATA].get(ATTR_ENTITY_ID)).lower() == ENTITY_MATCH_ALL:
            self._all_context = event.context.id
        elif event.context.id == self._all_context:
            self._all_context = None

    @property
    def meant(self) -> bool:
        """Whether the current action is not one on `all`."""
        return self._context is None or self._context.id != self._all_context


class NamedEntity(OnlyNamed, FacialTherapyEntity):
    """An entity of a device that ignores actions on `all`."""


def fitting[DescriptionT: FacialTherapyDescription](
    coordinator: FacialTherapyCoordinator, descriptions: tuple[DescriptionT, ...]
) -> Iterator[DescriptionT]:
    """Return the descriptions that fit a device."""
    return (
        description
        for description in descriptions
        if description.modality in (None, coordinator.modality)
    )


@dataclass(frozen=True, kw_only=True)
class PersonDescription(EntityDescription):
    """Describes an entity of a person; `key` is also its translation key."""


def person_device(entry: PersonConfigEntry) -> DeviceInfo:
    """Return the person as a device of type service."""
    return DeviceInfo(
        identifiers={(DOMAIN, entry.entry_id)}, name=entry.title, entry_type=DeviceEntryType.SERVICE
    )


class PersonEntity(Entity):
    """An entity of a person."""

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
        """The person's totals."""
        return self.ledger.totals(self.entry.entry_id)

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the ledger and the start of a day."""
        await super().async_added_to_hass()
        self.async_on_remove(
            async_dispatcher_connect(self.hass, SIGNAL_LEDGER, self._ledger_changed)
        )
        self.async_on_remove(
            async_track_time_change(self.hass, self._day_begins, hour=0, minute=0, second=0)
        )

    @callback
    def _ledger_changed(self, person_ids: frozenset[str] | None) -> None:
        if person_ids is None or self.entry.entry_id in person_ids:
            self.async_write_ha_state()

    @callback
    def _day_begins(self, _now: datetime) -> None:
        self.async_write_ha_state()


class RoutineEntity(PersonEntity):
    """An entity of a person's plan or routine."""

    @property
    def routines(self) -> PersonRoutines:
        """The person's plan and routine."""
        return all_routines(self.hass)[self.entry.entry_id]

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the plan and the routine."""
        await super().async_added_to_hass()
        self.async_on_remove(self.routines.add_listener(self.async_write_ha_state))

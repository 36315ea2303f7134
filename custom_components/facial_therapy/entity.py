"""What all entities of a device have in common: they sit on the node's own device, and show the shell's snapshot."""

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
from .core.ledger.record import Totals
from .core.model import Modality
from .people.registry import PersonConfigEntry
from .routines.person import PersonRoutines, all_routines
from .session.view import Snapshot
from .storage.ledger import LEDGER, Ledger

DOSE_UNIT: Final[Mapping[Modality, str]] = MappingProxyType(
    {Modality.MASK: "J/cm²", Modality.WAND: "mA·min"}
)


def always(_data: Snapshot) -> bool:
    """Say that an entity shows what Home Assistant itself knows, whether the device is on or off."""
    return True


@dataclass(frozen=True, kw_only=True)
class FacialTherapyDescription(EntityDescription):
    """What every entity of ours says of itself; `key` is also its translation key."""

    available_fn: Callable[[Snapshot], bool] = lambda data: data.connected
    modality: Modality | None = None
    """Only devices of this modality have it; None: all."""


class FacialTherapyEntity(CoordinatorEntity[FacialTherapyCoordinator]):
    """An entity on the node's own device."""

    _attr_has_entity_name = True
    entity_description: FacialTherapyDescription

    def __init__(
        self, coordinator: FacialTherapyCoordinator, description: FacialTherapyDescription
    ) -> None:
        """Take the shell and the description."""
        super().__init__(coordinator)
        self.entity_description = description
        # Naming the node in a `device_info` would make a second device: one belongs to a single
        # config entry.
        self.device_entry = coordinator.device_entry
        self._attr_unique_id = f"{coordinator.mac}_{description.key}"
        self._attr_translation_key = description.key

    @property
    @override
    def available(self) -> bool:
        """Return whether what is shown is true now."""
        return super().available and self.entity_description.available_fn(self.coordinator.data)

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the node's device while there is none."""
        await super().async_added_to_hass()
        if self.device_entry is None:
            self.async_on_remove(
                self.hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, self._move_to_device)
            )

    @callback
    def _move_to_device(self, _event: Event[Any]) -> None:
        """Move to the node's device once ESPHome has made it: a node that is added to ESPHome again gets it at its first connection."""
        if self.device_entry is None and (device := self.coordinator.device_entry) is not None:
            er.async_get(self.hass).async_update_entity(self.entity_id, device_id=device.id)


class OnlyNamed(Entity):
    """An entity that acts only if it is named: "everything on" is not meant for anybody's face.

    An action on an area passes by what has an entity category; one on `all` does not, and an entity
    is not told how it was found.
    """

    _all_context: str | None = None
    """The context of the newest action that was for `all`."""

    @override
    async def async_added_to_hass(self) -> None:
        """Look at the targets of actions."""
        await super().async_added_to_hass()
        self.async_on_remove(self.hass.bus.async_listen(EVENT_CALL_SERVICE, self._look_at_target))

    @callback
    def _look_at_target(self, event: Event[Any]) -> None:
        """Remember an action for `all`, which is announced before it is carried out; a later one of the same script may name us."""
        if str(event.data[ATTR_SERVICE_DATA].get(ATTR_ENTITY_ID)).lower() == ENTITY_MATCH_ALL:
            self._all_context = event.context.id
        elif event.context.id == self._all_context:
            self._all_context = None

    @property
    def meant(self) -> bool:
        """Whether the action that is being carried out named this entity."""
        return self._context is None or self._context.id != self._all_context


class NamedEntity(OnlyNamed, FacialTherapyEntity):
    """An entity of a device that acts only if it is named."""


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
    """What every entity of a person says of itself; `key` is also its translation key."""


def person_device(entry: PersonConfigEntry) -> DeviceInfo:
    """Return the person as a device: a service, not a thing."""
    return DeviceInfo(
        identifiers={(DOMAIN, entry.entry_id)}, name=entry.title, entry_type=DeviceEntryType.SERVICE
    )


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
        self.async_on_remove(
            async_dispatcher_connect(self.hass, SIGNAL_LEDGER, self.async_write_ha_state)
        )
        self.async_on_remove(
            async_track_time_change(self.hass, self._day_begins, hour=0, minute=0, second=0)
        )

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

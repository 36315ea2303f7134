"""What all entities of a device have in common: they sit on the node's own device, and show the shell's snapshot."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, override

from homeassistant.const import ATTR_ENTITY_ID, ATTR_SERVICE_DATA, ENTITY_MATCH_ALL, EVENT_CALL_SERVICE
from homeassistant.core import Event, callback
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.entity import Entity, EntityDescription
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .coordinator import FacialTherapyCoordinator
from .core.model import Modality, RefusedError
from .devices import DeviceError
from .errors import translated
from .snapshot import Snapshot

DOSE_UNIT: Final[Mapping[Modality, str]] = MappingProxyType({Modality.MASK: "J/cm²", Modality.WAND: "mA·min"})


@contextmanager
def translated_errors() -> Iterator[None]:
    """Tell the caller in their words why something was refused, or that the device did not answer."""
    try:
        yield
    except (RefusedError, DeviceError) as error:
        raise translated(error) from error


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

    def __init__(self, coordinator: FacialTherapyCoordinator, description: FacialTherapyDescription) -> None:
        """Take the shell and the description."""
        super().__init__(coordinator)
        self.entity_description = description
        # Naming the node in a `device_info` would make a second device: one belongs to a single config entry.
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
            self.async_on_remove(self.hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, self._move_to_device))

    @callback
    def _move_to_device(self, _event: Event[Any]) -> None:
        """Move to the node's device once ESPHome has made it: a node that is added to ESPHome again gets it at its first connection."""
        if self.device_entry is None and (device := self.coordinator.device_entry) is not None:
            er.async_get(self.hass).async_update_entity(self.entity_id, device_id=device.id)


class OnlyNamed(Entity):
    """An entity that acts only if it is named: "everything on" is not meant for anybody's face.

    An action on an area passes by what has an entity category; one on `all` does not, and an entity is not told how it was found.
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


def fitting[DescriptionT: FacialTherapyDescription](coordinator: FacialTherapyCoordinator, descriptions: tuple[DescriptionT, ...]) -> Iterator[DescriptionT]:
    """Return the descriptions that fit a device."""
    return (description for description in descriptions if description.modality in (None, coordinator.modality))

"""Binary sensors: ready, worn, contact and fault of a device, and the due session of a person."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast, override

from homeassistant.components.binary_sensor import BinarySensorEntity, BinarySensorEntityDescription
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import CONF_KIND, KIND_PERSON
from .coordinator import DeviceConfigEntry
from .core.model import Modality
from .entity import (
    FacialTherapyDescription,
    FacialTherapyEntity,
    PersonDescription,
    RoutineEntity,
    always,
    fitting,
)
from .people.registry import PersonConfigEntry
from .session.view import Snapshot

PARALLEL_UPDATES = 0  # nothing is polled

ATTR_REASON: Final = "reason"
ATTR_FAULT: Final = "fault"


@dataclass(frozen=True, kw_only=True)
class FacialTherapyBinarySensorDescription(BinarySensorEntityDescription, FacialTherapyDescription):
    """A binary sensor of a device."""

    value_fn: Callable[[Snapshot], bool | None]
    attributes_fn: Callable[[Snapshot], Mapping[str, Any] | None] = lambda _: None


DESCRIPTIONS: Final = (
    FacialTherapyBinarySensorDescription(
        key="ready",
        available_fn=always,
        value_fn=lambda data: not data.refusals,
        attributes_fn=lambda data: {
            ATTR_REASON: data.refusals[0].reason.shown if data.refusals else None
        },
    ),
    FacialTherapyBinarySensorDescription(
        key="worn",
        modality=Modality.MASK,
        entity_registry_enabled_default=False,
        value_fn=lambda data: None if data.telemetry is None else data.telemetry.worn,
    ),
    FacialTherapyBinarySensorDescription(
        key="contact",
        modality=Modality.WAND,
        entity_registry_enabled_default=False,  # the node has one, too
        value_fn=lambda data: None if data.telemetry is None else data.telemetry.worn,
    ),
    FacialTherapyBinarySensorDescription(
        key="fault",
        device_class=BinarySensorDeviceClass.PROBLEM,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,  # the session sensor says `fault` too
        available_fn=lambda data: data.connected or data.fault is not None,
        value_fn=lambda data: data.fault is not None,
        attributes_fn=lambda data: {ATTR_FAULT: data.fault and data.fault.value},
    ),
)


@dataclass(frozen=True, kw_only=True)
class PersonBinarySensorDescription(BinarySensorEntityDescription, PersonDescription):
    """A binary sensor of a person."""


DUE: Final = PersonBinarySensorDescription(key="session_due", entity_registry_enabled_default=False)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: DeviceConfigEntry | PersonConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the binary sensors of a device or a person."""
    if entry.data[CONF_KIND] == KIND_PERSON:
        async_add_entities([DueSensor(cast("PersonConfigEntry", entry), DUE)])
        return
    coordinator = cast("DeviceConfigEntry", entry).runtime_data
    async_add_entities(
        FacialTherapyBinarySensor(coordinator, description)
        for description in fitting(coordinator, DESCRIPTIONS)
    )


class DueSensor(RoutineEntity, BinarySensorEntity):
    """Whether a planned session is due now."""

    entity_description: PersonBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool:
        """Return whether a session is due."""
        return self.routines.due.evening is not None


class FacialTherapyBinarySensor(FacialTherapyEntity, BinarySensorEntity):
    """A binary sensor of a device."""

    _unrecorded_attributes = frozenset({ATTR_FAULT, ATTR_REASON})
    entity_description: FacialTherapyBinarySensorDescription

    @property
    @override
    def is_on(self) -> bool | None:
        """Return the value; None for a node without this sensor."""
        return self.entity_description.value_fn(self.coordinator.data)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """Return the reason or the fault behind the state."""
        return self.entity_description.attributes_fn(self.coordinator.data)

"""Sensors of a device's session: state, end, dose and temperature."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import EntityCategory, UnitOfTemperature
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import CONF_KIND, KIND_PERSON
from .coordinator import DeviceConfigEntry
from .core.model import Modality
from .core.session import SessionState
from .entity import DOSE_UNIT, FacialTherapyDescription, FacialTherapyEntity, always, fitting
from .people.registry import PersonConfigEntry
from .person_sensor import (
    DESCRIPTIONS as PERSON_DESCRIPTIONS,
    ROUTINE_DESCRIPTIONS,
    PersonSensor,
    RoutineSensor,
)
from .session.view import Snapshot

PARALLEL_UPDATES = 0  # nothing is polled

ATTR_REASON: Final = "reason"
ATTR_NEEDS_BUTTON: Final = "needs_button"
"""Armed, and the button of the node has to be pressed to begin."""


@dataclass(frozen=True, kw_only=True)
class FacialTherapySensorDescription(SensorEntityDescription, FacialTherapyDescription):
    """A sensor of a device. Snapshots follow the state, so no sensor changes every second."""

    value_fn: Callable[[Snapshot], str | float | datetime | None]
    attributes_fn: Callable[[Snapshot], Mapping[str, Any] | None] = lambda _: None


def _ready_at(data: Snapshot) -> datetime | None:
    """Return when the device becomes ready; None if it is ready, or if waiting does not help."""
    times = [refusal.allowed_at for refusal in data.refusals]
    return max((at for at in times if at is not None), default=None) if None not in times else None


def _delivered(data: Snapshot) -> float | None:
    """Return the delivered dose of the current or last session, in J/cm² or mA·min."""
    session = data.session or data.last
    return None if session is None else session.delivered.total


DESCRIPTIONS: Final = (
    FacialTherapySensorDescription(
        key="session",
        device_class=SensorDeviceClass.ENUM,
        options=[state.value for state in SessionState],
        available_fn=always,
        value_fn=lambda data: data.state.value,
        attributes_fn=lambda data: {
            ATTR_NEEDS_BUTTON: data.telemetry is not None and data.telemetry.needs_button
        },
    ),
    FacialTherapySensorDescription(
        key="session_ends",
        device_class=SensorDeviceClass.TIMESTAMP,
        available_fn=always,
        value_fn=lambda data: None if data.session is None else data.session.ends_at,
    ),
    FacialTherapySensorDescription(
        key="ready_at",
        device_class=SensorDeviceClass.TIMESTAMP,
        entity_registry_enabled_default=False,
        available_fn=always,
        value_fn=_ready_at,
        attributes_fn=lambda data: {
            ATTR_REASON: data.refusals[0].reason.shown if data.refusals else None
        },
    ),
    FacialTherapySensorDescription(
        key="temperature",
        device_class=SensorDeviceClass.TEMPERATURE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        suggested_display_precision=1,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda data: None if data.telemetry is None else data.telemetry.temperature_c,
    ),
    FacialTherapySensorDescription(
        key="impedance",
        modality=Modality.WAND,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement="Ω",
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda data: None if data.telemetry is None else data.telemetry.impedance_ohm,
    ),
    FacialTherapySensorDescription(
        key="fluence",
        modality=Modality.MASK,
        native_unit_of_measurement=DOSE_UNIT[Modality.MASK],
        suggested_display_precision=1,
        entity_registry_enabled_default=False,
        available_fn=always,
        value_fn=_delivered,
    ),
    FacialTherapySensorDescription(
        key="charge",
        modality=Modality.WAND,
        native_unit_of_measurement=DOSE_UNIT[Modality.WAND],
        suggested_display_precision=2,
        entity_registry_enabled_default=False,
        available_fn=always,
        value_fn=_delivered,
    ),
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: DeviceConfigEntry | PersonConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the sensors of a device or a person."""
    if entry.data[CONF_KIND] == KIND_PERSON:
        person_entry = cast("PersonConfigEntry", entry)
        async_add_entities(
            PersonSensor(person_entry, description) for description in PERSON_DESCRIPTIONS
        )
        async_add_entities(
            RoutineSensor(person_entry, description) for description in ROUTINE_DESCRIPTIONS
        )
        return
    coordinator = cast("DeviceConfigEntry", entry).runtime_data
    async_add_entities(
        FacialTherapySensor(coordinator, description)
        for description in fitting(coordinator, DESCRIPTIONS)
    )


class FacialTherapySensor(FacialTherapyEntity, SensorEntity):
    """A sensor of a device."""

    _unrecorded_attributes = frozenset({ATTR_NEEDS_BUTTON, ATTR_REASON})
    entity_description: FacialTherapySensorDescription

    @property
    @override
    def native_value(self) -> str | float | datetime | None:
        """Return the value."""
        return self.entity_description.value_fn(self.coordinator.data)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """Return the reason, or whether the button is needed."""
        return self.entity_description.attributes_fn(self.coordinator.data)

"""Numbers: the duration of a manual session, and the current and frequency of a wand."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.number import (
    NumberDeviceClass,
    NumberEntity,
    NumberEntityDescription,
    NumberMode,
)
from homeassistant.const import EntityCategory, UnitOfElectricCurrent, UnitOfFrequency, UnitOfTime
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import DeviceConfigEntry
from .core import limits
from .core.model import Modality
from .entity import FacialTherapyDescription, FacialTherapyEntity, always, fitting
from .session.settings import Settings
from .text.errors import translated_errors

PARALLEL_UPDATES = 0  # the coordinator puts commands in order

MINUTE_S: Final = 60


@dataclass(frozen=True, kw_only=True)
class FacialTherapyNumberDescription(NumberEntityDescription, FacialTherapyDescription):
    """A number of a device."""

    available_fn: Callable[..., bool] = always
    entity_category: EntityCategory | None = EntityCategory.CONFIG
    value_fn: Callable[[Settings], float]
    change_fn: Callable[[float], Mapping[str, Any]]
    """Returns the changed settings for an entered value."""


def _duration(modality: Modality) -> FacialTherapyNumberDescription:
    return FacialTherapyNumberDescription(
        key="duration",
        modality=modality,
        device_class=NumberDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MINUTES,
        native_min_value=1,
        native_max_value=limits.DURATION[modality].default.maximum / MINUTE_S,
        native_step=0.5,
        value_fn=lambda settings: settings.duration_s / MINUTE_S,
        change_fn=lambda value: {"duration_s": value * MINUTE_S},
    )


DESCRIPTIONS: Final = (
    _duration(Modality.MASK),
    _duration(Modality.WAND),
    FacialTherapyNumberDescription(
        key="intensity",
        modality=Modality.WAND,
        device_class=NumberDeviceClass.CURRENT,
        native_unit_of_measurement=UnitOfElectricCurrent.MICROAMPERE,
        native_min_value=limits.CURRENT.default.minimum,
        native_max_value=limits.CURRENT.default.maximum,
        native_step=1,
        mode=NumberMode.SLIDER,
        value_fn=lambda settings: settings.current_ua,
        change_fn=lambda value: {"current_ua": value},
    ),
    FacialTherapyNumberDescription(
        key="frequency",
        modality=Modality.WAND,
        device_class=NumberDeviceClass.FREQUENCY,
        native_unit_of_measurement=UnitOfFrequency.HERTZ,
        native_min_value=limits.FREQUENCY.default.minimum,
        native_max_value=limits.FREQUENCY.default.maximum,
        native_step=0.1,
        value_fn=lambda settings: settings.frequency_hz,
        change_fn=lambda value: {"frequency_hz": value},
    ),
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: DeviceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the numbers of a device."""
    async_add_entities(
        SettingNumber(entry.runtime_data, description)
        for description in fitting(entry.runtime_data, DESCRIPTIONS)
    )


class SettingNumber(FacialTherapyEntity, NumberEntity):
    """A number of the next session; a lower intensity also lowers the current one."""

    entity_description: FacialTherapyNumberDescription

    @property
    @override
    def native_value(self) -> float:
        """Return the setting of the next manual session."""
        return self.entity_description.value_fn(self.coordinator.data.settings)

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Change the setting; NaN, which Home Assistant lets through, is out of bounds."""
        with translated_errors():
            await self.coordinator.async_set(**self.entity_description.change_fn(value))

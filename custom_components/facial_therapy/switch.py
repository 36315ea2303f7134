"""The session switch of a device."""

from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import LOGGER
from .coordinator import DeviceConfigEntry
from .entity import FacialTherapyDescription, NamedEntity, always
from .text.errors import translated_errors

PARALLEL_UPDATES = 0  # the coordinator puts commands in order; a stop must never queue


@dataclass(frozen=True, kw_only=True)
class FacialTherapySwitchDescription(SwitchEntityDescription, FacialTherapyDescription):
    """A switch of a device."""


SESSION: Final = FacialTherapySwitchDescription(key="session", available_fn=always)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: DeviceConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the switch of a device."""
    async_add_entities([SessionSwitch(entry.runtime_data, SESSION)])


class SessionSwitch(NamedEntity, SwitchEntity):
    """Arms the selected program, and stops any session."""

    entity_description: FacialTherapySwitchDescription

    @property
    @override
    def is_on(self) -> bool:
        """Return whether there is a session, until its stop is confirmed."""
        return self.coordinator.data.state.lives

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Arm the selected program for the selected person."""
        if not self.meant:
            LOGGER.info("Ignored turning on %s by an action on all entities", self.entity_id)
            return
        with translated_errors():
            await self.coordinator.async_start(self.coordinator.controls.selected(), self._context)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Stop the session."""
        with translated_errors():
            await self.coordinator.async_stop(self._context)

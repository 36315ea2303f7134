"""The session's history as it happens."""

from dataclasses import dataclass
from typing import Final, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .coordinator import DeviceConfigEntry
from .entity import DOSE_UNIT, FacialTherapyDescription, FacialTherapyEntity, always
from .snapshot import LiveSession

PARALLEL_UPDATES = 0  # nothing is polled

DIGITS: Final = 3
"""Of a dose: a thousandth of what a session gives."""


@dataclass(frozen=True, kw_only=True)
class FacialTherapyEventDescription(EventEntityDescription, FacialTherapyDescription):
    """An event of a device."""


SESSION: Final = FacialTherapyEventDescription(
    key="session",
    event_types=["armed", "started", "suspended", "paused", "resumed", "ended", "refused", "fault"],
    entity_registry_enabled_default=False,
    available_fn=always,
)


async def async_setup_entry(_hass: HomeAssistant, entry: DeviceConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Add the event of a device."""
    async_add_entities([SessionEvent(entry.runtime_data, SESSION)])


class SessionEvent(FacialTherapyEntity, EventEntity):
    """Every turn of every session of a device."""

    entity_description: FacialTherapyEventDescription

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the shell."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.add_session_listener(self._told))

    @callback
    def _told(self, event_type: str, session: LiveSession) -> None:
        """Report a turn: the program, by whom and what, and how it ended; whose skin it is and why it was refused stay out of the recorder."""
        who = session.turned_by
        attributes: dict[str, str | float | None] = {"program": session.program, "by": who.by.value, "user_id": who.user_id, "outcome": None}
        if event_type == "ended":
            attributes |= {
                "outcome": session.outcome and session.outcome.value,
                "planned": round(session.plan.planned.total, DIGITS) if session.plan else None,
                "delivered": round(session.delivered.total, DIGITS),
                "unit": DOSE_UNIT[self.coordinator.modality],
            }
        self._trigger_event(event_type, attributes)
        self.async_write_ha_state()

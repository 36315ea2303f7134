"""The session's history as it happens."""

from dataclasses import dataclass
from typing import Final, cast, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import CONF_KIND, KIND_PERSON, SIGNAL_TOLD
from .coordinator import DeviceConfigEntry
from .entity import DOSE_UNIT, FacialTherapyDescription, FacialTherapyEntity, always
from .people import PersonConfigEntry
from .person_entity import PersonDescription, PersonEntity
from .snapshot import LiveSession

PARALLEL_UPDATES = 0  # nothing is polled

DIGITS: Final = 3
"""Of a dose: a thousandth of what a session gives."""


@dataclass(frozen=True, kw_only=True)
class FacialTherapyEventDescription(EventEntityDescription, FacialTherapyDescription):
    """An event of a device."""


SESSION: Final = FacialTherapyEventDescription(
    key="session",
    event_types=["armed", "started", "suspended", "paused", "resumed", "ended", "refused", "fault", "enrolled"],
    entity_registry_enabled_default=False,
    available_fn=always,
)


@dataclass(frozen=True, kw_only=True)
class PersonEventDescription(EventEntityDescription, PersonDescription):
    """An event of a person."""


ELSEWHERE: Final = PersonEventDescription(
    key="elsewhere",
    event_types=["logged", "watched_on", "watched_due", "watched_off"],
    entity_registry_enabled_default=False,
)


async def async_setup_entry(_hass: HomeAssistant, entry: DeviceConfigEntry | PersonConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback) -> None:
    """Add the event of a device or a person."""
    if entry.data[CONF_KIND] == KIND_PERSON:
        async_add_entities([PersonEvent(cast("PersonConfigEntry", entry), ELSEWHERE)])
    else:
        async_add_entities([SessionEvent(cast("DeviceConfigEntry", entry).runtime_data, SESSION)])


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


class PersonEvent(PersonEntity, EventEntity):
    """What is counted for a person apart from our devices: sessions that are logged, lights that are watched."""

    entity_description: PersonEventDescription

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to what is told of the person."""
        await super().async_added_to_hass()
        self.async_on_remove(async_dispatcher_connect(self.hass, f"{SIGNAL_TOLD}_{self.entry.entry_id}", self._told))

    @callback
    def _told(self, event_type: str, by: str, user_id: str | None) -> None:
        """Report it, with who did it and nothing of what it was."""
        self._trigger_event(event_type, {"by": by, "user_id": user_id})
        self.async_write_ha_state()

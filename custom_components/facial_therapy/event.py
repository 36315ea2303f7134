"""Events of sessions, of routines, and of external sessions and tracked lights."""

from dataclasses import dataclass
from typing import Final, cast, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import CONF_KIND, KIND_PERSON, SIGNAL_ANNOUNCED
from .coordinator import DeviceConfigEntry
from .core.routine.cues import CUES
from .core.zones import ZONES
from .entity import (
    DOSE_UNIT,
    FacialTherapyDescription,
    FacialTherapyEntity,
    PersonDescription,
    PersonEntity,
    RoutineEntity,
    always,
)
from .people.registry import PersonConfigEntry
from .session.view import LiveSession
from .text.translator import Translator, async_translator

PARALLEL_UPDATES = 0  # nothing is polled

DIGITS: Final = 3
"""Decimal places of a dose."""


@dataclass(frozen=True, kw_only=True)
class FacialTherapyEventDescription(EventEntityDescription, FacialTherapyDescription):
    """An event of a device."""


SESSION: Final = FacialTherapyEventDescription(
    key="session",
    event_types=[
        "armed",
        "started",
        "suspended",
        "paused",
        "resumed",
        "adopted",
        "ended",
        "refused",
        "fault",
        "enrolled",
    ],
    entity_registry_enabled_default=False,
    available_fn=always,
)


@dataclass(frozen=True, kw_only=True)
class PersonEventDescription(EventEntityDescription, PersonDescription):
    """An event of a person."""


EXTERNAL: Final = PersonEventDescription(
    key="external_session",
    event_types=["logged", "tracked_on", "tracked_due", "tracked_off"],
    entity_registry_enabled_default=False,
)


ROUTINE: Final = PersonEventDescription(
    key="routine", event_types=list(CUES), entity_registry_enabled_default=False
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: DeviceConfigEntry | PersonConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the events of a device or a person."""
    if entry.data[CONF_KIND] == KIND_PERSON:
        person_entry = cast("PersonConfigEntry", entry)
        async_add_entities(
            [
                PersonEvent(person_entry, EXTERNAL),
                RoutineEvent(
                    person_entry, ROUTINE, await async_translator(hass, hass.config.language)
                ),
            ]
        )
    else:
        async_add_entities([SessionEvent(cast("DeviceConfigEntry", entry).runtime_data, SESSION)])


class SessionEvent(FacialTherapyEntity, EventEntity):
    """The events of a device's sessions."""

    entity_description: FacialTherapyEventDescription

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the sessions of the device."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.announcements.add_listener(self._on_event))

    @callback
    def _on_event(self, event_type: str, session: LiveSession) -> None:
        """Fire an event of a session, without the person and the reason of a refusal."""
        actor = session.changed_by
        attributes: dict[str, str | float | None] = {
            "program": session.program,
            "by": actor.by.value,
            "user_id": actor.user_id,
            "outcome": None,
        }
        if event_type == "ended":
            attributes |= {
                "outcome": session.outcome and session.outcome.value,
                "planned": round(session.permitted.planned.total, DIGITS)
                if session.permitted
                else None,
                "delivered": round(session.delivered.total, DIGITS),
                "unit": DOSE_UNIT[self.coordinator.modality],
            }
        self._trigger_event(event_type, attributes)
        self.async_write_ha_state()


class PersonEvent(PersonEntity, EventEntity):
    """The events of a person's external sessions and tracked lights."""

    entity_description: PersonEventDescription

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the person's external sessions and tracked lights."""
        await super().async_added_to_hass()
        self.async_on_remove(
            async_dispatcher_connect(
                self.hass, f"{SIGNAL_ANNOUNCED}_{self.entry.entry_id}", self._on_event
            )
        )

    @callback
    def _on_event(self, event_type: str, by: str, user_id: str | None) -> None:
        """Fire an event with who caused it, but without its dose."""
        self._trigger_event(event_type, {"by": by, "user_id": user_id})
        self.async_write_ha_state()


class RoutineEvent(RoutineEntity, EventEntity):
    """The cues of a person's routine, with the text to say aloud."""

    entity_description: PersonEventDescription

    def __init__(
        self, entry: PersonConfigEntry, description: PersonEventDescription, words: Translator
    ) -> None:
        """Take the person's entry, the description and the texts of Home Assistant's language."""
        super().__init__(entry, description)
        self._words = words
        self._last_cue: str | None = None

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the routine; the current cue is not repeated."""
        await super().async_added_to_hass()
        self._last_cue = self.routines.runner.cue
        self.async_on_remove(self.routines.add_listener(self._on_change))

    @callback
    def _on_change(self) -> None:
        """Fire an event when the cue changes."""
        cue, run = self.routines.runner.cue, self.routines.runner.run
        if cue is None or run is None or cue == self._last_cue:
            self._last_cue = cue
            return
        self._last_cue = cue
        following = run.next_step
        attributes = {
            "text": self._words.cue(cue),
            "zone": cue if cue in ZONES else None,
            "next": following and following.act.value,
        }
        self._trigger_event(cue, attributes)
        self.async_write_ha_state()

"""The session's history as it happens."""

from dataclasses import dataclass
from typing import Final, cast, override

from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import CONF_KIND, KIND_PERSON, SIGNAL_TOLD
from .coordinator import DeviceConfigEntry
from .core.routine.run import CUES
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
"""Of a dose: a thousandth of what a session gives."""


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


ELSEWHERE: Final = PersonEventDescription(
    key="elsewhere",
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
    """Add the event of a device or a person."""
    if entry.data[CONF_KIND] == KIND_PERSON:
        person_entry = cast("PersonConfigEntry", entry)
        async_add_entities(
            [
                PersonEvent(person_entry, ELSEWHERE),
                RoutineEvent(
                    person_entry, ROUTINE, await async_translator(hass, hass.config.language)
                ),
            ]
        )
    else:
        async_add_entities([SessionEvent(cast("DeviceConfigEntry", entry).runtime_data, SESSION)])


class SessionEvent(FacialTherapyEntity, EventEntity):
    """Every turn of every session of a device."""

    entity_description: FacialTherapyEventDescription

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the shell."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.announcer.add_listener(self._told))

    @callback
    def _told(self, event_type: str, session: LiveSession) -> None:
        """Report a turn: the program, by whom and what, and how it ended; whose skin it is and why it was refused stay out of the recorder."""
        who = session.turned_by
        attributes: dict[str, str | float | None] = {
            "program": session.program,
            "by": who.by.value,
            "user_id": who.user_id,
            "outcome": None,
        }
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
        self.async_on_remove(
            async_dispatcher_connect(self.hass, f"{SIGNAL_TOLD}_{self.entry.entry_id}", self._told)
        )

    @callback
    def _told(self, event_type: str, by: str, user_id: str | None) -> None:
        """Report it, with who did it and nothing of what it was."""
        self._trigger_event(event_type, {"by": by, "user_id": user_id})
        self.async_write_ha_state()


class RoutineEvent(RoutineEntity, EventEntity):
    """Every cue of a person's routine, with the words to say aloud: eyes are closed, and hands are full."""

    entity_description: PersonEventDescription

    def __init__(
        self, entry: PersonConfigEntry, description: PersonEventDescription, words: Translator
    ) -> None:
        """Take the person, and the language of Home Assistant."""
        super().__init__(entry, description)
        self._words = words
        self._said: str | None = None

    @override
    async def async_added_to_hass(self) -> None:
        """Report what is said from now on."""
        await super().async_added_to_hass()
        self._said = self.routines.runner.cue
        self.async_on_remove(self.routines.add_listener(self._told))

    @callback
    def _told(self) -> None:
        """Report a cue when it changes."""
        cue, run = self.routines.runner.cue, self.routines.runner.run
        if cue is None or run is None or cue == self._said:
            self._said = cue
            return
        self._said = cue
        following = run.next_step
        attributes = {
            "text": self._words.cue(cue),
            "zone": cue if cue in ZONES else None,
            "next": following and following.act.value,
        }
        self._trigger_event(cue, attributes)
        self.async_write_ha_state()

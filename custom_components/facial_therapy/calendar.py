"""A person's plan as a read-only calendar: planned, done and skipped sessions."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, override

from homeassistant.components.calendar import (
    CalendarEntity,
    CalendarEntityDescription,
    CalendarEvent,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .core.schedule.agenda import Entry, Kind
from .entity import DOSE_UNIT, PersonDescription, RoutineEntity
from .people.registry import PersonConfigEntry
from .text.translator import Translator, async_translator

PARALLEL_UPDATES = 0  # nothing is polled

AHEAD: Final = timedelta(days=14)
"""How far ahead the next event is searched."""


@dataclass(frozen=True, kw_only=True)
class PersonCalendarDescription(CalendarEntityDescription, PersonDescription):
    """A calendar of a person."""


PLAN: Final = PersonCalendarDescription(key="plan")


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PersonConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the calendar of a person."""
    async_add_entities(
        [PlanCalendar(entry, PLAN, await async_translator(hass, hass.config.language))]
    )


class PlanCalendar(RoutineEntity, CalendarEntity):
    """The plan of a person."""

    entity_description: PersonCalendarDescription

    def __init__(
        self, entry: PersonConfigEntry, description: PersonCalendarDescription, words: Translator
    ) -> None:
        """Take the person, and the language of Home Assistant."""
        super().__init__(entry, description)
        self._words = words

    @property
    @override
    def event(self) -> CalendarEvent | None:
        """Return the session that is planned now or next."""
        now = dt_util.utcnow()
        planned = [
            entry
            for entry in self._entries(now, now + AHEAD)
            if entry.kind is Kind.PLANNED and entry.ends_at > now
        ]
        return self._event(planned[0]) if planned else None

    @override
    async def async_get_events(
        self, hass: HomeAssistant, start_date: datetime, end_date: datetime
    ) -> list[CalendarEvent]:
        """Return the events between two times."""
        entries = self._entries(start_date, end_date)
        return [
            self._event(entry)
            for entry in entries
            if entry.ends_at > start_date and entry.begins_at < end_date
        ]

    def _entries(self, first: datetime, last: datetime) -> list[Entry]:
        days = [dt_util.as_local(at).date() for at in (first - timedelta(days=1), last)]
        return self.routines.forecast.agenda().entries(days[0], days[1], dt_util.utcnow())

    def _event(self, entry: Entry) -> CalendarEvent:
        """Return an entry of the agenda as an event, in the language of Home Assistant."""
        summary = f"{self._words.program(entry.program)}, {self._words.calendar(entry.modality)}"
        description = self._words.calendar(entry.why or entry.kind)
        record = self.ledger.get(entry.session_id) if entry.session_id else None
        if record is not None and record.delivered is not None:
            dose = f"{record.delivered.total:.3g} {DOSE_UNIT[entry.modality]}"
            description = f"{description}: {dose}, {self._words.outcome(record.outcome)}"
        return CalendarEvent(
            start=dt_util.as_local(entry.begins_at),
            end=dt_util.as_local(entry.ends_at),
            summary=summary,
            description=description,
        )

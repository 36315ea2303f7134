"""Whose skin it is: the person entries as values of the core."""

from dataclasses import dataclass
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .const import CONF_KIND, CONF_PERSON, CONF_SKIN_TYPE, CONF_STANDING, CONF_SUBJECT, DOMAIN, KIND_PERSON
from .core.model import Person, Reason, Refusal, RefusedError, SkinType
from .standing import choice_in, standing_in
from .store import LEDGER

type PersonConfigEntry = ConfigEntry[PersonRuntime]


@dataclass(frozen=True, slots=True)
class PersonRuntime:
    """What a loaded person entry carries."""

    hass: HomeAssistant
    entry: ConfigEntry[Any]

    @property
    def person(self) -> Person:
        """The person as of now."""
        return _person(self.hass, self.entry)


def _person(hass: HomeAssistant, entry: ConfigEntry[Any]) -> Person:
    return Person(
        person_id=entry.entry_id,
        name=entry.title,
        subject=entry.data[CONF_SUBJECT],
        skin_type=SkinType(entry.data.get(CONF_SKIN_TYPE, SkinType.UNKNOWN)),
        sessions=hass.data[LEDGER].sessions_of(entry.entry_id),
        standing=standing_in(entry.data.get(CONF_STANDING, {})),
        options=choice_in(entry.options).options(dt_util.utcnow()),
    )


def persons(hass: HomeAssistant) -> list[Person]:
    """Return every person who is not disabled, in the order in which they were added."""
    entries = hass.config_entries.async_entries(DOMAIN, include_disabled=False)
    return [_person(hass, entry) for entry in entries if entry.data.get(CONF_KIND) == KIND_PERSON]


def find_person(hass: HomeAssistant, reference: str | None) -> Person:
    """Return the person of a name (any case), of a `person.x` or of an entry id; without a reference the only one there is.

    Raises:
        RefusedError: `unknown_person`, or `no_person` if there is none or the choice is not clear.
    """
    everybody = persons(hass)
    if reference is None:
        if len(everybody) == 1:
            return everybody[0]
        raise RefusedError(Refusal(reason=Reason.NO_PERSON, field="person"))
    wanted = reference.strip().casefold()
    for person in everybody:
        if reference == person.person_id or wanted in (person.name.casefold(), _linked(hass, person)):
            return person
    raise RefusedError(Refusal(reason=Reason.UNKNOWN_PERSON, field="person", detail=reference))


def _linked(hass: HomeAssistant, person: Person) -> str | None:
    """Return the `person.x` that this person is in Home Assistant."""
    return hass.config_entries.async_get_known_entry(person.person_id).data.get(CONF_PERSON)

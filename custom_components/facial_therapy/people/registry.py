"""Whose skin it is: the person entries as values of the core."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..const import (
    CONF_ELIGIBILITY,
    CONF_KIND,
    CONF_LEDGER_BEGUN,
    CONF_PERSON,
    CONF_PROFILE,
    DOMAIN,
    KIND_PERSON,
)
from ..core.gate.eligibility import erased, flagged, not_fine, reddened
from ..core.model import Eligibility, Person, Reason, Refusal, RefusedError
from ..storage.ledger import LEDGER
from ..storage.serialize import choice_in, eligibility_in, eligibility_out, skin_in

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
    now = min(
        dt_util.utcnow(), hass.data[LEDGER].now()
    )  # a wall clock that is put forward loosens nothing
    return Person(
        person_id=entry.entry_id,
        name=entry.title,
        profile=entry.data[CONF_PROFILE],
        skin_type=skin_in(entry.data).at(now),
        sessions=hass.data[LEDGER].sessions_of(entry.entry_id),
        eligibility=eligibility_in(entry.data.get(CONF_ELIGIBILITY, {})),
        options=choice_in(entry.options).options(now),
    )


def is_person(entry: ConfigEntry[Any]) -> bool:
    """Tell whether an entry is of a person."""
    return entry.domain == DOMAIN and entry.data.get(CONF_KIND) == KIND_PERSON


def persons(hass: HomeAssistant) -> list[Person]:
    """Return every person who is not disabled, in the order in which they were added."""
    entries = hass.config_entries.async_entries(DOMAIN, include_disabled=False)
    return [_person(hass, entry) for entry in entries if is_person(entry)]


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
        if reference == person.person_id or wanted in (
            person.name.casefold(),
            _linked(hass, person),
        ):
            return person
    raise RefusedError(Refusal(reason=Reason.UNKNOWN_PERSON, field="person", detail=reference))


def person_of_user(hass: HomeAssistant, user_id: str | None) -> Person | None:
    """Return who a user is, through the `person.x` that both are."""
    if user_id is None:
        return None
    linked = {
        state.entity_id
        for state in hass.states.async_all("person")
        if state.attributes.get("user_id") == user_id
    }
    return next((person for person in persons(hass) if _linked(hass, person) in linked), None)


def _linked(hass: HomeAssistant, person: Person) -> str | None:
    """Return the `person.x` that this person is in Home Assistant."""
    return hass.config_entries.async_get_known_entry(person.person_id).data.get(CONF_PERSON)


# --- what is said of them -------------------------------------------------------------------------

REACTIONS: Final[Mapping[str, Callable[[Eligibility, datetime], Eligibility]]] = MappingProxyType(
    {"redness": reddened, "red_flag": flagged, "skin_not_fine": not_fine},
)
"""What can be reported of a skin, each of which only ever makes it stricter."""


@callback
def async_change_eligibility(
    hass: HomeAssistant, person: Person, change: Callable[[Eligibility, datetime], Eligibility]
) -> None:
    """Keep what has been said of a person; whoever follows the entry stops what may run no longer."""
    entry = hass.config_entries.async_get_known_entry(person.person_id)
    eligibility = change(eligibility_in(entry.data.get(CONF_ELIGIBILITY, {})), dt_util.utcnow())
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, CONF_ELIGIBILITY: eligibility_out(eligibility)}
    )


async def async_erase(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Erase what is known of a person: verdicts, skin type, options, links, and their sessions but for the last days, which still count.

    Raises:
        LedgerError: The sessions could not be erased; nothing has changed.
    """
    await hass.data[LEDGER].async_erase(hass, entry.entry_id)
    left = erased(eligibility_in(entry.data.get(CONF_ELIGIBILITY, {})), dt_util.utcnow())
    kept = {
        CONF_KIND: KIND_PERSON,
        CONF_LEDGER_BEGUN: True,
        CONF_PROFILE: entry.data[CONF_PROFILE],
        CONF_ELIGIBILITY: eligibility_out(left),
    }
    hass.config_entries.async_update_entry(entry, data=kept, options={})

"""People: their config entries as values of the core."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..const import (
    CONF_ELIGIBILITY,
    CONF_KIND,
    CONF_LEDGER_BEGUN,
    CONF_PERSON,
    CONF_PROFILE,
    DOMAIN,
    KIND_PERSON,
)
from ..core.gate.choices import Choice, Skin
from ..core.gate.eligibility import erased, flagged, not_fine, reddened
from ..core.person import Eligibility, Person
from ..core.refusal import Reason, Refusal, RefusedError
from ..storage.ledger import LEDGER
from ..storage.serialize import choice_in, eligibility_in, eligibility_out, skin_in
from .names import matching

type PersonConfigEntry = ConfigEntry[PersonRuntime]


@dataclass(frozen=True, slots=True)
class PersonRuntime[RoutinesT = Any]:
    """The `runtime_data` of a loaded person entry."""

    hass: HomeAssistant
    entry: ConfigEntry[Any]
    routines: RoutinesT
    """The plan and the routine, of a type that this layer does not know."""

    @property
    def person(self) -> Person:
        """The person as of now."""
        return _person(self.hass, self.entry)


def _person(hass: HomeAssistant, entry: ConfigEntry[Any]) -> Person:
    # A wall clock that is put forward loosens nothing.
    now, stored = min(dt_util.utcnow(), hass.data[LEDGER].now()), _stored(hass, entry)
    return Person(
        person_id=entry.entry_id,
        name=entry.title,
        profile=entry.data[CONF_PROFILE],
        skin_type=stored.skin.at(now),
        sessions=hass.data[LEDGER].sessions_of(entry.entry_id),
        eligibility=stored.eligibility,
        options=stored.choice.options(now),
    )


@dataclass(frozen=True, slots=True)
class _Stored:
    """What an entry stores of a person, decoded once for each change of the entry."""

    data: Mapping[str, Any]
    options: Mapping[str, Any]
    skin: Skin
    eligibility: Eligibility
    choice: Choice


_STORED: HassKey[dict[str, _Stored]] = HassKey(f"{DOMAIN}_people")


def _stored(hass: HomeAssistant, entry: ConfigEntry[Any]) -> _Stored:
    known = hass.data.setdefault(_STORED, {})
    stored = known.get(entry.entry_id)
    if stored is None or stored.data is not entry.data or stored.options is not entry.options:
        stored = known[entry.entry_id] = _Stored(
            entry.data,
            entry.options,
            skin_in(entry.data),
            eligibility_in(entry.data.get(CONF_ELIGIBILITY, {})),
            choice_in(entry.options),
        )
    return stored


def is_person(entry: ConfigEntry[Any]) -> bool:
    """Return whether an entry is a person's."""
    return entry.domain == DOMAIN and entry.data.get(CONF_KIND) == KIND_PERSON


def person_entries(hass: HomeAssistant) -> list[ConfigEntry[Any]]:
    """Return the entry of every person who is not disabled, in the order of adding."""
    entries = hass.config_entries.async_entries(DOMAIN, include_disabled=False)
    return [entry for entry in entries if is_person(entry)]


def persons(hass: HomeAssistant) -> list[Person]:
    """Return every person who is not disabled, in the order in which they were added."""
    return [_person(hass, entry) for entry in person_entries(hass)]


def find_person(hass: HomeAssistant, reference: str | None) -> Person:
    """Return the person with a name (any case), a `person.x` or an entry id.

    Without a reference it is the only person there is.

    Raises:
        RefusedError: `unknown_person`; or `no_person` if there is none, or several fit.
    """
    known = None if reference is None else hass.config_entries.async_get_entry(reference)
    if known is not None and is_person(known) and known.disabled_by is None:
        return _person(hass, known)
    found = entries = person_entries(hass)
    if reference is not None:
        names = [
            (name, entry)
            for entry in entries
            for name in (entry.title, entry.data.get(CONF_PERSON) or "")
        ]
        found = matching(reference, names)
        if not found:
            raise RefusedError(
                Refusal(reason=Reason.UNKNOWN_PERSON, field="person", detail=reference)
            )
    if len({entry.entry_id for entry in found}) != 1:
        raise RefusedError(Refusal(reason=Reason.NO_PERSON, field="person"))
    return _person(hass, found[0])


def person_of_user(hass: HomeAssistant, user_id: str | None) -> Person | None:
    """Return the person of a user, through the `person.x` that both are linked to."""
    if user_id is None:
        return None
    linked = {
        state.entity_id
        for state in hass.states.async_all("person")
        if state.attributes.get("user_id") == user_id
    }
    return next((person for person in persons(hass) if _linked(hass, person) in linked), None)


def _linked(hass: HomeAssistant, person: Person) -> str | None:
    """Return the `person.x` that this person is linked to in Home Assistant."""
    return hass.config_entries.async_get_known_entry(person.person_id).data.get(CONF_PERSON)


# --- eligibility ----------------------------------------------------------------------------------

REACTIONS: Final[Mapping[str, Callable[[Eligibility, datetime], Eligibility]]] = MappingProxyType(
    {"redness": reddened, "red_flag": flagged, "skin_not_fine": not_fine},
)
"""Skin reactions that can be reported; each only ever makes the eligibility stricter."""


@callback
def async_change_eligibility(
    hass: HomeAssistant, person: Person, change: Callable[[Eligibility, datetime], Eligibility]
) -> None:
    """Store a change of a person's eligibility; followers of the entry stop what it rules out."""
    entry = hass.config_entries.async_get_known_entry(person.person_id)
    eligibility = change(eligibility_in(entry.data.get(CONF_ELIGIBILITY, {})), dt_util.utcnow())
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, CONF_ELIGIBILITY: eligibility_out(eligibility)}
    )


async def async_erase(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Delete a person's screening results, skin type, options, links and sessions.

    The doses of the last 8 days and the holds stay, because they still count.

    Raises:
        LedgerError: The sessions could not be deleted; nothing has changed.
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

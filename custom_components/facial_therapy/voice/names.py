"""The names of a home as people say them: devices, programs, routines and people."""

from collections.abc import Iterable, Mapping

from homeassistant.core import HomeAssistant

from ..actions.spoken import sayable
from ..coordinator import all_coordinators
from ..core.recipes import BUILT_IN
from ..people.programs import custom_programs
from ..people.registry import persons
from ..people.routines import custom_routines
from ..text.translator import Translator
from .understand import Book, Names, device_words, words_around_names


def names_of(
    hass: HomeAssistant, books: Mapping[str, Book], languages: Iterable[Translator]
) -> Names:
    """Return the names of all devices, programs, routines and people.

    The name of a custom program or routine is left out if it is also the name of a built-in
    program, or if it could not be distinguished from the rest of a sentence.
    """
    devices: dict[str, set[str]] = {}
    custom: set[str] = set()
    for coordinator in all_coordinators(hass):
        entry, device = coordinator.config_entry, coordinator.device_entry
        titles = [entry.title]
        if device is not None:
            titles += [device.name_by_user or "", device.name or ""]
        names = {name for title in titles if (name := sayable(title))}
        custom |= names
        for name in names.union(device_words(books, coordinator.modality)):
            devices.setdefault(name, set()).add(entry.entry_id)
    people, around = persons(hass), words_around_names(books)
    programs = {sayable(words.program(key)): key for words in languages for key in BUILT_IN}
    program_names = {
        sayable(name) for person in people for name in custom_programs(hass, person.person_id)
    }
    routine_names = {
        sayable(name) for person in people for name in custom_routines(hass, person.person_id)
    }
    return Names(
        devices={name: frozenset(entry_ids) for name, entry_ids in devices.items()},
        programs=programs,
        persons={name: person.person_id for person in people if (name := sayable(person.name))},
        custom_devices=frozenset(custom),
        custom_programs=frozenset(
            name for name in program_names - programs.keys() if not around.issuperset(name.split())
        ),
        custom_routines=frozenset(
            name for name in routine_names if not around.issuperset(name.split())
        ),
    )

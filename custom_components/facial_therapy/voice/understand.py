"""Expand the sentence templates of every language with the names of the home, and parse matches.

Names are literal alternatives, never wildcards: a wildcard would also match "start the vacuum", and
a sentence that matches here reaches no other agent. Of two templates that are the same the first
one counts, so that the name of a custom program never hides a device or a built-in program.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
import re
from typing import Any, Final

from homeassistant.util.yaml import load_yaml_dict

from ..actions.spoken import sayable
from ..core.model import Modality

LANGUAGES: Final = ("en", "de")
ALWAYS: Final = "always"
SESSION: Final = "session"
"""Sentences without a name, while a session is in progress."""
ROUTINE: Final = "routine"
"""Sentences without a name, while a routine is in progress."""

type Book = Mapping[str, Any]
"""The sentences of one language, as in `sentences/*.yaml`."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the home as they are matched, see `sayable`."""

    devices: Mapping[str, frozenset[str]]
    """Config entry ids of the devices of each name."""
    programs: Mapping[str, str]
    """Key of each built-in program."""
    persons: Mapping[str, str]
    """Config entry id of each person."""
    custom_devices: frozenset[str] = frozenset()
    """The names of devices, which are the same in every language."""
    custom_programs: frozenset[str] = frozenset()
    """Names of custom programs of all people."""
    custom_routines: frozenset[str] = frozenset()
    """Names of custom routines of all people."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """The intent of a sentence template, and the slots that it has."""

    intent: str
    slots: frozenset[str]


@dataclass(frozen=True, slots=True)
class Understood:
    """The intent of a sentence and what it names; None for what it does not name."""

    intent: str
    devices: frozenset[str] | None = None
    """Config entry ids."""
    program: str | None = None
    """Spoken name."""
    routine: str | None = None
    """Spoken name; None: the planned routine."""
    person: str | None = None
    """Config entry id."""


def load() -> dict[str, Book]:
    """Return the sentences of every language; reads files."""
    return {
        language: load_yaml_dict(str(Path(__file__).parent / "sentences" / f"{language}.yaml"))
        for language in LANGUAGES
    }


def device_words(books: Mapping[str, Book], modality: Modality) -> list[str]:
    """Return the words for devices of a modality in every language."""
    return [sayable(word) for book in books.values() for word in book[modality]]


def words_around_names(books: Mapping[str, Book]) -> frozenset[str]:
    """Return the words around programs and routines; a custom name can't consist of them."""
    words: set[str] = set()
    for book in books.values():
        empty = {
            **book["rules"],
            **dict.fromkeys(("device", "program", "routine_name"), ""),
            "person": _any(book["me"]),
        }
        for templates in book[ALWAYS].values():
            for template in templates:
                filled, slots = _fill(template, empty)
                words |= (
                    set(sayable(filled).split()) if slots & {"program", "routine_name"} else set()
                )
    return frozenset(words)


def expanded(
    books: Mapping[str, Book], names: Names, sections: Iterable[str]
) -> dict[str, Sentence]:
    """Return the sentences of some sections by their template, with all names in it.

    Templates of a language contain only that language's words for devices, because Home Assistant
    parses all of them on the event loop after every change.
    """
    sentences: dict[str, Sentence] = {}
    for book in books.values():
        spoken = {sayable(word) for modality in Modality for word in book[modality]}
        filled = {
            **book["rules"],
            "device": _any(
                word for word in names.devices if word in names.custom_devices or word in spoken
            ),
            "program": _any([*names.programs, *names.custom_programs]),
            "routine_name": _any(names.custom_routines),
            "person": _any([*book["me"], *names.persons]),
        }
        for section in sections:
            for intent, templates in book[section].items():
                for unfilled in templates:
                    template, slots = _fill(unfilled, filled)
                    if names.custom_routines or "routine_name" not in slots:
                        sentences.setdefault(template, Sentence(intent, slots))
    return sentences


def _any(words: Iterable[str]) -> str:
    return f"({'|'.join(sorted(words, key=len, reverse=True))})"


def _fill(template: str, filled: Mapping[str, str]) -> tuple[str, frozenset[str]]:
    """Return a template with its slots and rules filled, and their names."""
    slots: set[str] = set()
    while found := re.search(r"<(\w+)>", template):
        slots.add(found[1])
        template = template.replace(found[0], filled[found[1]])
    return template, frozenset(slots)


def understood(sentence: Sentence, text: str, names: Names) -> Understood:
    """Return what a sentence names; a device or person inside a program's name does not count."""
    said = f" {sayable(text)} "
    routine = _longest(said, names.custom_routines) if "routine_name" in sentence.slots else None
    program = (
        _longest(said, [*names.programs, *names.custom_programs])
        if "program" in sentence.slots
        else None
    )
    said = said.replace(f" {routine or program or ''} ", " ", 1)
    device, person = _longest(said, names.devices), _longest(said, names.persons)
    return Understood(
        sentence.intent,
        names.devices.get(device or ""),
        program,
        routine,
        names.persons.get(person or ""),
    )


def _longest(said: str, names: Iterable[str]) -> str | None:
    return max((name for name in names if f" {name} " in said), key=len, default=None)

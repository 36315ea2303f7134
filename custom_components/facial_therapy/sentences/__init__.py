"""What people say, as data: one file for each language, written out with the names of the home.

Names are literal alternatives, never wildcards: a wildcard would also take "start the vacuum", and whatever is taken here reaches nobody else.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
import re
from typing import Any, Final

from homeassistant.util.yaml import load_yaml_dict

from ..core.model import Modality

LANGUAGES: Final = ("en", "de")
ALWAYS: Final = "always"
SESSION: Final = "session"
"""Said without a name: only while a session lives."""
ROUTINE: Final = "routine"
"""The same while a routine is gone through."""

type Book = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the home as they are said, in lower case."""

    devices: Mapping[str, frozenset[str]]
    """The config entries that a name may mean."""
    programs: Mapping[str, str]
    persons: Mapping[str, str]
    """The person's entry id."""
    own: frozenset[str] = frozenset()
    """What devices of this home are called by their owners, so in every language."""


@dataclass(frozen=True, slots=True)
class Heard:
    """A sentence that was understood; what it does not name is None."""

    intent: str
    devices: frozenset[str] | None = None
    program: str | None = None
    person: str | None = None


def load() -> dict[str, Book]:
    """Return the sentences of every language; reads files."""
    return {language: load_yaml_dict(str(Path(__file__).parent / f"{language}.yaml")) for language in LANGUAGES}


def sayable(name: str) -> str:
    """Return a name without what has a meaning in a template, in lower case."""
    return " ".join(re.sub(r"[^\w' -]|_", " ", name).casefold().split())


def device_words(books: Mapping[str, Book], modality: Modality) -> list[str]:
    """Return what devices of a modality are called in every language."""
    return [sayable(word) for book in books.values() for word in book[modality]]


def written_out(books: Mapping[str, Book], names: Names, sections: Iterable[str]) -> dict[str, str]:
    """Return the intent of every sentence, with all names in it.

    Sentences of a language have the device's words of that language only: Home Assistant parses all of them again at every change, on its event loop.
    """
    sentences: dict[str, str] = {}
    for book in books.values():
        spoken = {sayable(word) for modality in Modality for word in book[modality]}
        filled = {
            **book["rules"],
            "device": _any(word for word in names.devices if word in names.own or word in spoken),
            "program": _any(names.programs),
            "person": _any([*book["me"], *names.persons]),
        }
        for section in sections:
            for intent, templates in book[section].items():
                sentences |= {_fill(template, filled): intent for template in templates}
    return sentences


def _any(words: Iterable[str]) -> str:
    return f"({'|'.join(sorted(words, key=len, reverse=True))})"


def _fill(template: str, filled: Mapping[str, str]) -> str:
    while "<" in template:
        template = re.sub(r"<(\w+)>", lambda found: filled[found[1]], template)
    return template


def heard(intent: str, text: str, names: Names) -> Heard:
    """Return what a sentence of an intent names."""
    said = f" {sayable(text)} "
    return Heard(intent, _longest(said, names.devices), _longest(said, names.programs), _longest(said, names.persons))


def _longest[T](said: str, names: Mapping[str, T]) -> T | None:
    found = max((name for name in names if f" {name} " in said), key=len, default=None)
    return None if found is None else names[found]

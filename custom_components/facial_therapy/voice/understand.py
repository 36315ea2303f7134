"""What people say, as data: one file for each language, written out with the names of the home.

Names are literal alternatives, never wildcards: a wildcard would also take "start the vacuum", and
whatever is taken here reaches nobody else. Of two sentences that fit the first one counts, so that
what a person calls something of their own never takes a device's or a built-in program's sentence
away.
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
    custom: frozenset[str] = frozenset()
    """What devices of this home are called by their owners, so in every language."""
    made_programs: frozenset[str] = frozenset()
    """What people have called programs of their own; whose it is, is for whoever speaks to say."""
    made_routines: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Written:
    """What a sentence does, and what it can name."""

    intent: str
    slots: frozenset[str]


@dataclass(frozen=True, slots=True)
class Heard:
    """A sentence that was understood; what it does not name is None."""

    intent: str
    devices: frozenset[str] | None = None
    program: str | None = None
    """As it was said."""
    routine: str | None = None
    """As it was said; None: that of the evening."""
    person: str | None = None


def load() -> dict[str, Book]:
    """Return the sentences of every language; reads files."""
    return {
        language: load_yaml_dict(str(Path(__file__).parent / "sentences" / f"{language}.yaml"))
        for language in LANGUAGES
    }


def sayable(name: str) -> str:
    """Return a name without what has a meaning in a template, in lower case; `ß` stays, as it is matched sign by sign."""
    return " ".join(re.sub(r"[^\w' -]|_", " ", name).lower().split())


def device_words(books: Mapping[str, Book], modality: Modality) -> list[str]:
    """Return what devices of a modality are called in every language."""
    return [sayable(word) for book in books.values() for word in book[modality]]


def around_own_names(books: Mapping[str, Book]) -> frozenset[str]:
    """Return the words that stand around what people have called something of their own: a name of nothing else could not be told from them."""
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


def written_out(
    books: Mapping[str, Book], names: Names, sections: Iterable[str]
) -> dict[str, Written]:
    """Return what every sentence does, with all names in it.

    Sentences of a language have the device's words of that language only: Home Assistant parses all
    of them again at every change, on its event loop.
    """
    sentences: dict[str, Written] = {}
    for book in books.values():
        spoken = {sayable(word) for modality in Modality for word in book[modality]}
        filled = {
            **book["rules"],
            "device": _any(
                word for word in names.devices if word in names.custom or word in spoken
            ),
            "program": _any([*names.programs, *names.made_programs]),
            "routine_name": _any(names.made_routines),
            "person": _any([*book["me"], *names.persons]),
        }
        for section in sections:
            for intent, templates in book[section].items():
                for template in templates:
                    sentence, slots = _fill(template, filled)
                    if names.made_routines or "routine_name" not in slots:
                        sentences.setdefault(sentence, Written(intent, slots))
    return sentences


def _any(words: Iterable[str]) -> str:
    return f"({'|'.join(sorted(words, key=len, reverse=True))})"


def _fill(template: str, filled: Mapping[str, str]) -> tuple[str, frozenset[str]]:
    """Return a template with everything in it, and what that was."""
    slots: set[str] = set()
    while found := re.search(r"<(\w+)>", template):
        slots.add(found[1])
        template = template.replace(found[0], filled[found[1]])
    return template, frozenset(slots)


def heard(written: Written, text: str, names: Names) -> Heard:
    """Return what a sentence names. A device or a person inside of the name of a program is not named."""
    said = f" {sayable(text)} "
    routine = _longest(said, names.made_routines) if "routine_name" in written.slots else None
    program = (
        _longest(said, [*names.programs, *names.made_programs])
        if "program" in written.slots
        else None
    )
    said = said.replace(f" {routine or program or ''} ", " ", 1)
    device, person = _longest(said, names.devices), _longest(said, names.persons)
    return Heard(
        written.intent,
        names.devices.get(device or ""),
        program,
        routine,
        names.persons.get(person or ""),
    )


def _longest(said: str, names: Iterable[str]) -> str | None:
    return max((name for name in names if f" {name} " in said), key=len, default=None)

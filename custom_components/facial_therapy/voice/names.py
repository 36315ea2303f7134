"""What voice and language models share: who speaks, what they start, what it is called, and why not, said so that a whole room may hear it.

Both go through the actions, like everybody, with a context that says so.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..coordinator import FacialTherapyCoordinator, all_coordinators
from ..core.model import Modality
from ..core.person import Person
from ..core.recipes import BUILT_IN
from ..core.session_parameters import MANUAL
from ..people.actor import Spoken
from ..people.programs import custom_programs
from ..people.registry import find_person, person_of_user, persons
from ..people.routines import custom_routines
from ..text.translator import Translator
from .understand import Book, Names, around_own_names, device_words, sayable


def speaker(hass: HomeAssistant, context: Context | None, named: str | None = None) -> Person:
    """Return whom a sentence is for: who is named, else who is signed in, else the only person of the home.

    Raises:
        RefusedError: `no_person`: that is not clear; `unknown_person`: nobody has the name.
    """
    if (
        named is None
        and (person := person_of_user(hass, context.user_id if context else None)) is not None
    ):
        return person
    return find_person(hass, named)


def names_of(
    hass: HomeAssistant, books: Mapping[str, Book], languages: Iterable[Translator]
) -> Names:
    """Return what the home calls its devices, programs, routines and people.

    A person's own name that stands for a built-in program, or that nobody could tell from the rest
    of a sentence, is not listened to.
    """
    devices: dict[str, set[str]] = {}
    custom: set[str] = set()
    for shell in all_coordinators(hass):
        entry, device = shell.config_entry, shell.device_entry
        names = [
            entry.title,
            *([] if device is None else [device.name_by_user or "", device.name or ""]),
        ]
        called = {word for name in names if (word := sayable(name))}
        custom |= called
        for word in called.union(device_words(books, shell.modality)):
            devices.setdefault(word, set()).add(entry.entry_id)
    everybody, around = persons(hass), around_own_names(books)
    programs = {sayable(words.program(key)): key for words in languages for key in BUILT_IN}
    made_programs = {
        sayable(name) for person in everybody for name in custom_programs(hass, person.person_id)
    }
    made_routines = {
        sayable(name) for person in everybody for name in custom_routines(hass, person.person_id)
    }
    return Names(
        devices={word: frozenset(ids) for word, ids in devices.items()},
        programs=programs,
        persons={word: person.person_id for person in everybody if (word := sayable(person.name))},
        custom=frozenset(custom),
        made_programs=frozenset(
            word for word in made_programs - programs.keys() if not around.issuperset(word.split())
        ),
        made_routines=frozenset(
            word for word in made_routines if not around.issuperset(word.split())
        ),
    )


def custom_program(hass: HomeAssistant, person: Person, said: str) -> str | None:
    """Return the program of a person's own that is called like this aloud; None: they have none."""
    return next(
        (name for name in custom_programs(hass, person.person_id) if sayable(name) == said), None
    )


def custom_routine(hass: HomeAssistant, person: Person, said: str) -> str | None:
    """Return the routine of a person's own that is called like this aloud; None: they have none."""
    return next(
        (name for name in custom_routines(hass, person.person_id) if sayable(name) == said), None
    )


async def async_act(
    hass: HomeAssistant,
    action: str,
    context: Context | None,
    data: Mapping[str, Any],
    *,
    response: bool = False,
) -> dict[str, Any]:
    """Carry out an action of ours as the one who speaks.

    Raises:
        HomeAssistantError: As the action.
    """
    answer = await hass.services.async_call(
        DOMAIN,
        action,
        dict(data),
        blocking=True,
        context=Spoken.of(context),
        return_response=response,
    )
    return dict(answer or {})


def target(shell: FacialTherapyCoordinator) -> dict[str, Any]:
    """Return a device as the target of an action."""
    return {"device_id": shell.device_entry.id if shell.device_entry is not None else ""}


def chosen(shell: FacialTherapyCoordinator, person: Person, program: str | None) -> dict[str, Any]:
    """Return what is to be given: the program that is named, else what is selected on the device; never more than that.

    Raises:
        RefusedError: There is no such person.
    """
    program = program or shell.controls.settings.program
    data: dict[str, Any] = {**target(shell), "person": person.person_id, "program": program}
    if program != MANUAL:
        return data
    ask = shell.controls.manual()
    data["duration_s"] = ask.duration_s
    if shell.modality is Modality.MASK:
        return data | {
            "channels": {
                channel.value: level for channel, level in (ask.irradiance_mw_cm2 or {}).items()
            }
        }
    return data | {"current_ua": ask.current_ua, "frequency_hz": ask.frequency_hz}


def left_s(shell: FacialTherapyCoordinator) -> float | None:
    """Return how long a session still gives output; None if that is not known."""
    live, telemetry = shell.live, shell.telemetry
    if live is not None and live.ends_at is not None:
        return max(0.0, (live.ends_at - dt_util.utcnow()).total_seconds())
    if live is not None and telemetry is not None and telemetry.session_id == live.session_id:
        return telemetry.left_s
    return (
        live.permitted.request.duration_s
        if live is not None and live.permitted is not None
        else None
    )


def this_week() -> datetime:
    """Return when the week began: Monday at home."""
    today = dt_util.start_of_local_day()
    return dt_util.as_utc(today - timedelta(days=today.weekday()))

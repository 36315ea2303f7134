"""Custom programs: subentries of a person's entry as values of the core."""

from contextlib import suppress
from typing import Final

from homeassistant.core import HomeAssistant

from ..core.recipes import Program, Programs
from ..storage.fields import MalformedError
from ..storage.serialize import program_in

PROGRAM: Final = "program"
"""Type of the subentry; its title is the key of the program."""


def custom_programs(hass: HomeAssistant, person_id: str) -> Programs:
    """Return a person's custom programs by name, in the order in which they were made.

    A malformed one is left out; `async_check_subentries` logs it. A person who is gone has none.
    """
    programs: dict[str, Program] = {}
    entry = hass.config_entries.async_get_entry(person_id)
    for each in () if entry is None else entry.subentries.values():
        if each.subentry_type == PROGRAM:
            with suppress(MalformedError):
                programs[each.title] = program_in(each.title, each.data)
    return programs

"""What a person has made themselves: subentries of their entry as values of the core."""

from typing import Final

from homeassistant.core import HomeAssistant

from ..core.gate.resolve import Programs
from ..storage.serialize import program_in

PROGRAM: Final = "program"
"""Type of the subentry; its title is the key of the program."""


def custom_programs(hass: HomeAssistant, person_id: str) -> Programs:
    """Return what a person has made, by name, in the order in which it was made; nothing of a person who is gone."""
    if (entry := hass.config_entries.async_get_entry(person_id)) is None:
        return {}
    return {
        each.title: program_in(each.title, each.data)
        for each in entry.subentries.values()
        if each.subentry_type == PROGRAM
    }

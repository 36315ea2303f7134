"""A person's subentries: custom programs, custom routines and tracked lights."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry, ConfigSubentry

from ..const import LOGGER
from ..storage.fields import MalformedError
from ..storage.serialize import program_in
from .programs import PROGRAM
from .routines import ROUTINE, steps_in
from .tracked_lights import TRACKED_LIGHT, declared

READERS: Final[Mapping[str, Callable[[ConfigSubentry], object]]] = MappingProxyType(
    {
        PROGRAM: lambda subentry: program_in(subentry.title, subentry.data),
        ROUTINE: lambda subentry: steps_in(subentry.data),
        TRACKED_LIGHT: declared,
    }
)


def check_subentries(entry: ConfigEntry[Any]) -> None:
    """Log each malformed subentry of a person; look-ups leave it out."""
    for subentry in entry.subentries.values():
        if (read := READERS.get(subentry.subentry_type)) is not None:
            try:
                read(subentry)
            except MalformedError as error:
                LOGGER.warning(
                    "Failed to read the %s %s of %s, which is left out: %s",
                    subentry.subentry_type,
                    subentry.title,
                    entry.title,
                    error,
                )

"""The routines that a person has made: subentries of their entry as steps."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from homeassistant.core import HomeAssistant

from .core.model import Reason, Refusal, RefusedError
from .core.steps import Act, IfRefused, Step, Steps
from .evenings import DURATION_S

ROUTINE: Final = "routine"
"""Type of the subentry; its title is the name of the routine."""
CONF_IF_REFUSED: Final = "if_refused"
CONF_OPTIONAL: Final = "optional"
CONF_PROGRAM: Final = "program"
CONF_STEPS: Final = "steps"


def steps_in(data: Mapping[str, Any]) -> Steps:
    """Return the steps of a routine that a person has made, in their order."""
    optional: Iterable[str] = data[CONF_OPTIONAL]
    return tuple(
        Step(
            act=act,
            duration_s=DURATION_S[act],
            program=data[CONF_PROGRAM] if act.modality is not None else None,
            optional=act in optional,
            if_refused=IfRefused(data[CONF_IF_REFUSED]),
        )
        for act in map(Act, data[CONF_STEPS])
    )


def own_routine(hass: HomeAssistant, person_id: str, name: str) -> tuple[str, Steps]:
    """Return the name and the steps of a routine by its name, in any case.

    Raises:
        RefusedError: `unknown_routine`.
    """
    entry = hass.config_entries.async_get_entry(person_id)
    for each in () if entry is None else entry.subentries.values():
        if each.subentry_type == ROUTINE and each.title.casefold() == name.strip().casefold():
            return each.title, steps_in(each.data)
    raise RefusedError(Refusal(reason=Reason.UNKNOWN_ROUTINE, field="routine", detail=name))

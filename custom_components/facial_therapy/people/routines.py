"""The steps of a routine: that of a plan's evening, and those that a person has made, which are subentries of their entry."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from homeassistant.core import HomeAssistant

from ..core.model import Modality, Reason, Refusal, RefusedError
from ..core.routine.steps import Act, IfRefused, Step, Steps

ROUTINE: Final = "routine"
"""Type of the subentry; its title is the name of the routine."""
CONF_IF_REFUSED: Final = "if_refused"
CONF_OPTIONAL: Final = "optional"
CONF_PROGRAM: Final = "program"
CONF_STEPS: Final = "steps"
DURATION_S: Final = {
    Act.CLEANSE: 60,
    Act.GEL: 30,
    Act.WAND: 300,
    Act.RINSE: 60,
    Act.MASK: 600,
    Act.SERUM: 30,
    Act.WAIT: 60,
}
"""By hand about as long, for planning; a session takes the time of its program."""


def tonight(modalities: tuple[Modality, ...], program: str) -> Steps:
    """Return the steps of an evening with a wand, a mask or both: what a plan proposes."""
    wand, mask = Modality.WAND in modalities, Modality.MASK in modalities
    acts = [Act.CLEANSE, *[Act.GEL, Act.WAND, Act.RINSE] * wand, *[Act.MASK] * mask, Act.SERUM]
    return tuple(
        Step(
            act=act,
            duration_s=DURATION_S[act],
            program=program if act.modality is not None else None,
            optional=act is Act.SERUM,
        )
        for act in acts
    )


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


def custom_routines(hass: HomeAssistant, person_id: str) -> dict[str, Steps]:
    """Return what a person has made, by name, in the order in which it was made; nothing of a person who is gone."""
    if (entry := hass.config_entries.async_get_entry(person_id)) is None:
        return {}
    return {
        each.title: steps_in(each.data)
        for each in entry.subentries.values()
        if each.subentry_type == ROUTINE
    }


def custom_routine(hass: HomeAssistant, person_id: str, name: str) -> tuple[str, Steps]:
    """Return the name and the steps of a routine by its name, in any case.

    Raises:
        RefusedError: `unknown_routine`.
    """
    for title, steps in custom_routines(hass, person_id).items():
        if title.casefold() == name.strip().casefold():
            return title, steps
    raise RefusedError(Refusal(reason=Reason.UNKNOWN_ROUTINE, field="routine", detail=name))

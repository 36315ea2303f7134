"""The steps of routines: of a planned evening, and of a person's custom routines.

Custom routines are subentries of the person's entry.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from homeassistant.core import HomeAssistant

from ..core.model import Modality
from ..core.refusal import Reason, Refusal, RefusedError
from ..core.routine.steps import Act, IfRefused, Step, Steps
from ..storage.codec import decode
from ..storage.fields import MalformedError
from .names import matching

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
"""For planning: about as long by hand; a session takes the time of its program."""


def tonight(modalities: tuple[Modality, ...], program: str) -> Steps:
    """Return the steps that a plan proposes for an evening with a wand, a mask or both."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredRoutine:
    """A custom routine, as its subentry stores it."""

    steps: tuple[Act, ...]
    optional: tuple[Act, ...]
    program: str
    if_refused: IfRefused


def steps_in(data: Mapping[str, Any]) -> Steps:
    """Return the steps of a custom routine, in their order.

    Raises:
        MalformedError: A key is missing, or a step is none.
    """
    keys = (CONF_STEPS, CONF_OPTIONAL, CONF_PROGRAM, CONF_IF_REFUSED)
    stored = decode(_StoredRoutine, {key: data[key] for key in keys if key in data})
    return tuple(
        Step(
            act=act,
            duration_s=DURATION_S[act],
            program=stored.program if act.modality is not None else None,
            optional=act in stored.optional,
            if_refused=stored.if_refused,
        )
        for act in stored.steps
    )


def custom_routines(hass: HomeAssistant, person_id: str) -> dict[str, Steps]:
    """Return a person's custom routines by name, in the order in which they were made.

    A malformed one is left out; `async_check_subentries` logs it. A person who is gone has none.
    """
    routines: dict[str, Steps] = {}
    entry = hass.config_entries.async_get_entry(person_id)
    for each in () if entry is None else entry.subentries.values():
        if each.subentry_type == ROUTINE:
            with suppress(MalformedError):
                routines[each.title] = steps_in(each.data)
    return routines


def custom_routine(hass: HomeAssistant, person_id: str, name: str) -> tuple[str, Steps]:
    """Return the name and the steps of a custom routine.

    Raises:
        RefusedError: `unknown_routine`.
    """
    routines = custom_routines(hass, person_id)
    for title in matching(name, [(title, title) for title in routines]):
        return title, routines[title]
    raise RefusedError(Refusal(reason=Reason.UNKNOWN_ROUTINE, field="routine", detail=name))

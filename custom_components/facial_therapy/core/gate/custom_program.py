"""Custom programs: whether a session could ever be permitted, and the dose that it amounts to.

Nothing is scaled. Every limit of a session applies, by the gate's own rules and with its refusals.
The person's history does not, because a program is for later. The gate asks again at every start.
"""

from dataclasses import dataclass, replace
from datetime import datetime
import math
from types import MappingProxyType

from .. import limits
from ..device import Device
from ..dose import planned, worst_case
from ..model import Channel, Dose, Modality
from ..person import Person
from ..recipes import Program
from ..refusal import Reason, Refusal, RefusedError
from .permit import by_itself
from .resolve import resolve_program


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    """What a session amounts to."""

    planned: Dose
    """Nominal."""
    worst_case: Dose
    """What the limits compare."""
    day: float
    """Worst case: what a day allows for this person, J/cm² or mA·min."""
    from_the_start: bool
    """It fits the first three sessions of the modality too, in which half is allowed."""

    @property
    def share(self) -> float:
        """How much of a day it takes, 1 is all of it."""
        return self.worst_case.total / self.day


def check(program: Program, person: Person, device: Device, now: datetime) -> Worth:
    """Return what a session of a program amounts to for a person on a device.

    Args:
        program: One that a person has made, with a recipe for the device.
        person: Skin type, screening and options matter; the first three sessions count as
            over.
        device: What would give it, or the best that it could be.
        now: UTC and aware.

    Raises:
        RefusedError: All that no day would permit, `per_week` beyond what a week allows included.
            Nothing has changed.

    Source: docs/safety.md, every row of a session and of a week.
    """
    later = replace(
        person, sessions=MappingProxyType(dict.fromkeys(Modality, limits.FIRST_SESSIONS))
    )
    request = resolve_program(program.key, later, device, {program.key: program})
    found = by_itself(request, device, now)
    if found:
        raise RefusedError(*found)
    counted = worst_case(planned(request), device)
    most, per_week = (
        _most_a_week(counted, later, device.modality),
        program.per_week(device.modality),
    )
    if not 1 <= per_week <= most or not float(per_week).is_integer():
        raise RefusedError(
            Refusal(reason=Reason.OUT_OF_BOUNDS, field="per_week", minimum=1, maximum=most)
        )
    day = limits.CHARGE.default.maximum
    if device.modality is Modality.MASK:
        day = limits.FLUENCE_DAY.default.maximum * limits.SKIN_FACTOR[person.skin_type]
    beginner = replace(request, person=replace(person, sessions=MappingProxyType({})))
    return Worth(
        planned=planned(request),
        worst_case=counted,
        day=day,
        from_the_start=not by_itself(beginner, device, now),
    )


def _most_a_week(counted: Dose, person: Person, modality: Modality) -> int:
    """Return how many such sessions a week holds (L14, L15, L17, M17)."""
    if modality is Modality.WAND:
        starting = person.options.wand_starting_phase
        return (
            limits.SESSIONS_WEEK_WAND_STARTING
            if starting
            else math.floor(limits.SESSIONS_WEEK[modality].default.maximum)
        )
    skin, sessions = limits.SKIN_FACTOR[person.skin_type], person.options.mask_sessions_week
    most = min(
        sessions, math.floor(limits.FLUENCE_WEEK.default.maximum * skin / counted.total + 1e-9)
    )
    blue = counted.fluence_j_cm2.get(Channel.BLUE, 0)
    return (
        most
        if blue == 0
        else min(most, math.floor(limits.BLUE_WEEK.default.maximum * skin / blue + 1e-9))
    )

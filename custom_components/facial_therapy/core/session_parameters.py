"""A session in physical units: as it is asked for, and as the gate has permitted it."""

from dataclasses import dataclass
from typing import Final

from .model import NO_LIGHT, ByChannel, Dose, Modality
from .person import Person

MANUAL: Final = "manual"
"""The program name of a session whose levels the person sets."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionParameters:
    """What somebody asks for, in physical units; nothing of it has been checked.

    A built-in program has been resolved for the person before it becomes a request; whatever a
    person asks for by numbers is not scaled.
    """

    modality: Modality
    person: Person
    program: str
    """Key of a built-in program, or `MANUAL`."""
    duration_s: float
    irradiance_mw_cm2: ByChannel = NO_LIGHT
    """Mask only: at least one channel."""
    current_ua: float | None = None
    """Wand only: peak."""
    frequency_hz: float | None = None
    """Wand only."""
    zone_s: int = 60
    """Wand only: how long it stays in one place of the face before the cue to move on."""
    gel_rinsed: bool = False
    """Mask only: the person has confirmed that the gel of the wand is off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PermittedSession:
    """A request that `safety.permit` has let through, with the dose it amounts to."""

    request: SessionParameters
    planned: Dose
    """Nominal."""
    worst_case: Dose
    """What the limits compare: times (1 + U)."""
    skin_factor: float
    lease_s: float
    window_s: float

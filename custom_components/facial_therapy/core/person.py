"""A person: skin, eligibility and options."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType

from .model import Modality, SkinType


class Verdict(StrEnum):
    """What a screening found for a modality."""

    CLEAR = "clear"
    BLOCKED = "blocked"
    """Not for this person; nothing overrides it."""
    CLINICIAN = "clinician"
    """Allowed since a clinician has agreed, on the date that goes with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Screening:
    """The verdict of a person's screening for one modality, and its dates; never an answer."""

    verdict: Verdict
    screened_at: datetime
    """UTC and aware."""
    expires_at: datetime
    """UTC and aware."""
    clinician_on: date | None = None
    """When a clinician agreed; None unless that was needed."""
    blue: bool = False
    """Mask: whether blue light was found fit for this person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A pause of a modality, without its cause. Both times are UTC and aware."""

    until: datetime
    hard_until: datetime
    """Before this not even the person may end it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Eligibility:
    """Whether a person may be treated at all. What has not been answered counts as the worst."""

    adult: bool = False
    """Has confirmed to be 18 or older."""
    screenings: Mapping[Modality, Screening] = field(default_factory=lambda: MappingProxyType({}))
    holds: Mapping[Modality, Hold] = field(default_factory=lambda: MappingProxyType({}))
    redness_until: datetime | None = None
    """Until when light waits after redness was reported."""
    red_flag_at: datetime | None = None
    """When a warning sign was reported that a person has not cleared; None if there is none."""
    not_fine_until: datetime | None = None
    """Until when "is your skin fine today?" counts as answered with no."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """A person's own values in place of defaults, always inside the hard ceilings."""

    mask_sessions_week: int = 4
    """1 to 6; more than 4 raise the week's fluence too."""
    wand_starting_phase: bool = False
    """The first weeks with the wand, with more sessions and less rest."""
    half_blue: bool = False
    """Skin type IV: blue light at half its fluence instead of none."""
    mask_duration_s: int = 600
    wand_duration_s: int = 300
    """Sessions are no longer than this; never more than the default."""
    share: float = 1
    """0.25 to 1 of the irradiance and the current that are allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whose skin it is."""

    person_id: str
    """The id of the person's config entry."""
    name: str
    profile: int
    """The random token that stands for this person on the nodes, 1 to 2^31 - 1."""
    skin_type: SkinType = SkinType.UNKNOWN
    sessions: Mapping[Modality, int] = field(default_factory=lambda: MappingProxyType({}))
    """How many sessions of each modality count so far, for the first three at half."""
    eligibility: Eligibility = field(default_factory=Eligibility)
    """Nothing answered: may not start."""
    options: Options = field(default_factory=Options)
    """As they hold now."""

"""What the gate, and a person's totals, need of the ledger.

Times are aware UTC, in the ledger's own time (see `clock`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from ..model import Dose, Modality
from .record import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What the gate needs of one person."""

    at: datetime
    """Now, in the ledger's time."""
    records: tuple[Record, ...] = ()
    """Everything that may have flowed in the last 8 days, on all devices, the end that is longest
    ago first."""
    first_at: Mapping[Modality, datetime] = field(default_factory=lambda: MappingProxyType({}))
    """When the first session of a modality that counts was started."""
    other_session: Record | None = None
    """A session on another device that may still be going on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a person has had in all the years: it never falls."""

    delivered: Dose
    """Nominal, settled sessions only."""
    sessions: Mapping[Modality, int]
    """Sessions that count, open ones too."""
    first_at: Mapping[Modality, datetime]

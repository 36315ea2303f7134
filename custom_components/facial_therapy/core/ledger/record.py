"""The records: one session each, on any device, and the dose that counts now.

A record counts at its full planned dose until it is settled to the dose that the node reports. An
unknown dose counts at its worst case and is shown as a range. `merge` is the union with what a
node remembers: per session the larger.

Times are aware UTC, in the ledger's own time (see `clock`).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from .. import limits
from ..dose import greatest, worst_case_at
from ..model import NO_LIGHT, ByChannel, Dose, Grade, Modality, Outcome

AUTOMATION: Final = "automation"
"""`started_by` of a session that no user started."""


class Source(StrEnum):
    """Where a record comes from."""

    DEVICE = "device"
    """A governed device."""
    LOGGED = "logged"
    """An external session, logged by a person."""
    TRACKED = "tracked"
    """A light of another integration, counted by its on-time."""
    UNKNOWN = "unknown"
    """Counted because something is not known: a foreign session, a gap in a node's history, a
    ledger that was reset."""


LONGEST: Final[Mapping[Modality, timedelta]] = MappingProxyType(
    {
        modality: timedelta(seconds=limits.WINDOW_S[modality].hard.maximum + limits.SESSION_LIFE_S)
        for modality in Modality
    }
)
"""How long a session lives at most: the arming window, and 60 min from its first output. Until then
one whose end is not known may go on."""

_RANK: Final = (
    Outcome.UNCERTAIN,
    Outcome.VOID,
    Outcome.COMPLETED,
    Outcome.PARTIAL,
    Outcome.STOPPED,
    Outcome.INTERRUPTED,
    Outcome.FAULT,
)
"""Which of two outcomes stays: the later one in this row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumable:
    """What adopting a session after a restart needs; kept only while it is not settled."""

    resume_key: str
    """16 hex digits, known to the node and the ledger alone."""
    irradiance_mw_cm2: ByChannel = NO_LIGHT
    """Mask: nominal peaks."""
    current_ua: float | None = None
    """Wand: peak."""
    frequency_hz: float | None = None
    zone_s: int = 60
    skin_factor: float
    lease_s: float
    window_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One session in the ledger."""

    session_id: str
    """16 hex digits."""
    mac: str | None
    """The node; None if no governed device delivered it."""
    modality: Modality
    person_id: str | None
    """Config entry of the person; None if nobody knows whose it was."""
    profile: int = 0
    """The person's token on the nodes; 0 if there is none."""
    program: str
    source: Source = Source.DEVICE
    started_at: datetime
    """When it was permitted."""
    started_by: str | None = None
    """User id, or `automation`; None if it is not known."""
    duration_s: float = 0
    """Planned."""
    planned: Dose
    """Nominal."""
    worst_case: Dose
    """What the limits count while it stands at its full plan."""
    grade: Grade = Grade.MEASURED
    uncertainty: float = 0
    """U of the device when the session was permitted; its dose counts with it."""
    at_least: Dose = field(default_factory=Dose)
    """Nominal: what the node was seen to have delivered, while the session is not settled."""
    delivered: Dose | None = None
    """Nominal, as the node says; None until it is settled."""
    output_s: float | None = None
    """How long output flowed, as the node says; None until it is settled."""
    outcome: Outcome = Outcome.UNCERTAIN
    ended_at: datetime | None = None
    """When output was zero for good; None while it may still flow."""
    sessions: int = 1
    """How many sessions it stands for: more than one if a whole window counts at its ceiling.
    """
    resumable: Resumable | None = None
    """None once it is settled, and for sessions that no device of ours delivers."""

    @property
    def open(self) -> bool:
        """Whether the session still counts at its full plan."""
        return self.delivered is None

    @property
    def void(self) -> bool:
        """Whether the node has said that nothing was delivered: such a session costs nothing."""
        return self.delivered is not None and self.delivered.total == 0

    @property
    def over_at(self) -> datetime:
        """When the last of it may have flowed."""
        return self.started_at + LONGEST[self.modality] if self.ended_at is None else self.ended_at

    @property
    def bounds(self) -> tuple[Dose, Dose]:
        """Least and greatest delivered dose, nominal; equal once the record is settled."""
        return (
            (self.at_least, greatest(self.at_least, self.planned))
            if self.delivered is None
            else (self.delivered, self.delivered)
        )

    @property
    def counted(self) -> Dose:
        """What the limits count of it now, in the worst case.

        Source: docs/safety.md, L28.
        """
        return (
            self.worst_case
            if self.delivered is None
            else worst_case_at(self.delivered, self.grade, self.uncertainty)
        )

    @property
    def treated_s(self) -> float:
        """How long it counts as treatment, in seconds.

        Nothing if it was void, as planned until the node reports, then the time with output.

        Source: docs/safety.md, X3.
        """
        if self.void:
            return 0
        return self.duration_s if self.output_s is None else self.output_s

    @property
    def share(self) -> float:
        """Delivered share of the plan, 0 to 1; an open session counts as whole."""
        if self.delivered is None:
            return 1
        return self.delivered.total / self.planned.total if self.planned.total else 0

    @property
    def counts(self) -> bool:
        """Whether it counts as a session: 20 % of its plan or more, and a session to the node."""
        return self.sessions > 0 and not self.void and self.share >= limits.COUNTS_FROM_SHARE

    def lives(self, at: datetime) -> bool:
        """Tell whether it may still be going on."""
        return self.delivered is None and self.ended_at is None and at < self.over_at


def unaccustomed(record: Record, before: Iterable[Record]) -> bool:
    """Tell whether this is new to the skin: the first session of its program, or a larger dose.

    Args:
        record: A session.
        before: What the person had before it.
    """
    known = [each for each in before if each.modality is record.modality and each.counts]
    programs, most = (
        {each.program for each in known},
        max((each.planned.total for each in known), default=0),
    )
    return record.program not in programs or record.planned.total > most * (1 + 1e-6)


def merge(one: Record, other: Record) -> Record:
    """Return the union of two versions of one session: of each number the larger.

    It is commutative, associative and idempotent, so that histories may arrive late, twice and out
    of order. A settled telling settles an open one; of two settled ones the larger dose stays.
    """
    pair = (one, other)
    known = [record.delivered for record in pair if record.delivered is not None]
    flowed = [record.output_s for record in pair if record.output_s is not None]
    ends = [record.ended_at for record in pair if record.ended_at is not None]
    rough = max(pair, key=lambda record: (record.uncertainty, tuple(Grade).index(record.grade)))
    return replace(
        min(pair, key=_identity),
        person_id=min(
            (record.person_id for record in pair if record.person_id is not None), default=None
        ),
        started_at=min(record.started_at for record in pair),
        duration_s=max(record.duration_s for record in pair),
        planned=greatest(one.planned, other.planned),
        worst_case=greatest(one.worst_case, other.worst_case),
        grade=rough.grade,
        uncertainty=rough.uncertainty,
        at_least=greatest(one.at_least, other.at_least),
        delivered=greatest(known[0], known[-1]) if known else None,
        output_s=max(flowed, default=None),
        outcome=max((record.outcome for record in pair), key=_RANK.index),
        ended_at=max(ends, default=None),
        sessions=max(record.sessions for record in pair),
        resumable=None if known else _resumable(pair),
    )


def _resumable(pair: tuple[Record, Record]) -> Resumable | None:
    kept = (record.resumable for record in sorted(pair, key=_identity))
    return next((resumable for resumable in kept if resumable is not None), None)


def _identity(record: Record) -> tuple[bool, int, str, int, str, str, str]:
    """Order versions by source: our own before a node's version of a foreign session."""
    return (
        record.started_by is None,
        tuple(Source).index(record.source),
        record.started_by or "",
        record.profile,
        record.program,
        record.modality,
        record.mac or "",
    )

"""The records: one session each, on any device, and what of it counts now.

A record stands at its full planned dose until it is settled to what the node says it delivered;
what is not known counts at its worst case and is shown as a range. `merge` is the union with what a
node remembers: per session the larger. `History` is what the gate needs of one person; `books`
keeps them all.

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
from ..model import Channel, Dose, Grade, Modality, Outcome

SHORTFALL_SHARE: Final = 0.01
"""A node and the ledger may differ by this share: they round differently."""
ROUNDED_UP: Final[Mapping[Modality, float]] = MappingProxyType(
    {Modality.MASK: 1e-6, Modality.WAND: 1 / 60_000}
)
"""And by this much for each session, in J/cm² or mA·min: a node rounds every dose up to whole
µJ/cm² or µC, which is much of one that was stopped at once."""
AUTOMATION: Final = "automation"
"""`started_by` of a session that no user started."""


class Source(StrEnum):
    """Where a record comes from."""

    DEVICE = "device"
    """A governed device."""
    LOGGED = "logged"
    """Given elsewhere, and told by a person."""
    TRACKED = "tracked"
    """A light of another integration, charged by its on-time."""
    UNKNOWN = "unknown"
    """Charged because something is not known: a session around us, a gap in a node's history, a
    ledger that was begun anew."""


LONGEST: Final[Mapping[Modality, timedelta]] = MappingProxyType(
    {
        modality: timedelta(
            seconds=limits.WINDOW_S[modality].hard.maximum
            + limits.DURATION[modality].hard.maximum
            + 2 * limits.KEPT_S
        )
        for modality in Modality
    }
)
"""How long a session lives at the most: window, session, and kept twice. Until then one whose end
is not known may go on."""

_RANK: Final = (
    Outcome.UNCERTAIN,
    Outcome.VOID,
    Outcome.COMPLETED,
    Outcome.PARTIAL,
    Outcome.STOPPED,
    Outcome.INTERRUPTED,
    Outcome.FAULT,
)
"""Which outcome stays when two are told: the later one in this row."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One session in the ledger."""

    session_id: str
    """16 hex digits."""
    mac: str | None
    """The node; None if no governed device gave it."""
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
    """U of the device when it was permitted: what was delivered is charged with it."""
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
    """How many sessions it stands for: more than one if a whole window is charged at its ceiling.
    """

    @property
    def open(self) -> bool:
        """Whether the session still counts at its full plan."""
        return self.delivered is None

    @property
    def over_at(self) -> datetime:
        """When the last of it may have flowed."""
        return self.started_at + LONGEST[self.modality] if self.ended_at is None else self.ended_at

    @property
    def bounds(self) -> tuple[Dose, Dose]:
        """What was delivered at least and at most, nominal; the same twice once it is settled."""
        return (
            (self.at_least, greatest(self.at_least, self.planned))
            if self.delivered is None
            else (self.delivered, self.delivered)
        )

    @property
    def counted(self) -> Dose:
        """What the limits count of it now, charged.

        Source: docs/safety.md, L28.
        """
        return (
            self.worst_case
            if self.delivered is None
            else worst_case_at(self.delivered, self.grade, self.uncertainty)
        )

    @property
    def treated_s(self) -> float:
        """How long it counts as treatment, in seconds: planned until the node tells, then the time in which output flowed."""
        return self.duration_s if self.output_s is None else self.output_s

    @property
    def share(self) -> float:
        """What was delivered of the plan, 0 to 1; an open session counts as whole."""
        if self.delivered is None:
            return 1
        return self.delivered.total / self.planned.total if self.planned.total else 0

    @property
    def counts(self) -> bool:
        """Whether it counts as a session: 20 % of its plan or more. A dose of which a node says that it was no session does not."""
        return self.sessions > 0 and self.share >= limits.COUNTS_FROM_SHARE

    def lives(self, at: datetime) -> bool:
        """Tell whether it may still be going on."""
        return self.delivered is None and self.ended_at is None and at < self.over_at


def unaccustomed(record: Record, before: Iterable[Record]) -> bool:
    """Tell whether a skin has not had it like this yet: the first session of its program, or one that was to give more than any before.

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
    """Return what two tellings of one session amount to: per number the larger, and what only one of them knows.

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
    )


def _identity(record: Record) -> tuple[bool, int, str, int, str, str, str]:
    """Order tellings by who tells: our own before what a node says of a session that we did not start."""
    return (
        record.started_by is None,
        tuple(Source).index(record.source),
        record.started_by or "",
        record.profile,
        record.program,
        record.modality,
        record.mac or "",
    )


def ceiling(
    session_id: str, person_id: str, modality: Modality, at: datetime, *, mac: str | None = None
) -> Record:
    """Return a session that stands for a whole week at its hard ceiling, blue light included: what is charged where nothing is known."""
    blue = limits.BLUE_WEEK.hard.maximum
    light = Dose(
        fluence_j_cm2={Channel.RED: limits.FLUENCE_WEEK.hard.maximum - blue, Channel.BLUE: blue}
    )
    dose = light if modality is Modality.MASK else Dose(charge_ma_min=limits.CHARGE.hard.maximum)
    return _unknown(
        session_id,
        person_id,
        modality,
        at,
        mac=mac,
        dose=dose,
        sessions=round(limits.SESSIONS_WEEK[modality].hard.maximum),
    )


def shortfall(  # noqa: PLR0913 - what a node tells of a person
    session_id: str,
    person_id: str,
    modality: Modality,
    at: datetime,
    *,
    mac: str,
    told: Dose,
    sessions: int,
    known: Iterable[Record],
) -> Record | None:
    """Return a session for what a node has counted for a person and the ledger does not know; None if it knows as much.

    A node that is switched off for days has windows that reach further back than a week, so that
    everything known of it counts against what it tells.

    Args:
        session_id: Of the session that is returned.
        person_id: Whose.
        modality: Of the node.
        at: Now: what is not known is dated as if it had just ended.
        mac: The node.
        told: Charged, the sums of the node's week. Light: `BLUE` for blue, all other channels
            together under any other one.
        sessions: How many sessions it has counted in the week.
        known: The person's records, of any node.

    Returns:
        One unknown session with the difference, beyond one part in a hundred and a unit for each
        session, for rounding.
    """
    custom = [record for record in known if record.mac == mac and record.modality is modality]
    blue = max(
        0,
        told.fluence_j_cm2.get(Channel.BLUE, 0)
        - sum(record.counted.fluence_j_cm2.get(Channel.BLUE, 0) for record in custom),
    )
    light = max(
        blue,
        sum(told.fluence_j_cm2.values())
        - sum(sum(record.counted.fluence_j_cm2.values()) for record in custom),
    )
    charge = max(0, told.charge_ma_min - sum(record.counted.charge_ma_min for record in custom))
    more = max(0, sessions - sum(record.sessions * record.counts for record in custom))
    if (
        not more
        and light + charge <= told.total * SHORTFALL_SHARE + len(custom) * ROUNDED_UP[modality]
    ):
        return None
    missing = Dose(
        fluence_j_cm2={Channel.RED: light - blue, Channel.BLUE: blue}
        if modality is Modality.MASK
        else {},
        charge_ma_min=charge,
    )
    return _unknown(session_id, person_id, modality, at, mac=mac, dose=missing, sessions=more)


def _unknown(  # noqa: PLR0913 - what a record needs
    session_id: str,
    person_id: str,
    modality: Modality,
    at: datetime,
    *,
    mac: str | None,
    dose: Dose,
    sessions: int,
) -> Record:
    return Record(
        session_id=session_id,
        mac=mac,
        modality=modality,
        person_id=person_id,
        program="",
        source=Source.UNKNOWN,
        started_at=at,
        planned=dose,
        worst_case=dose,
        ended_at=at,
        sessions=sessions,
    )


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
    """What a person was given in all the years: it never falls."""

    delivered: Dose
    """Nominal, settled sessions only."""
    sessions: Mapping[Modality, int]
    """Sessions that count, open ones too."""
    first_at: Mapping[Modality, datetime]

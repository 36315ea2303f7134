"""Sessions that stand for unknown doses, at their worst case."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from .. import limits
from ..model import Channel, Dose, Modality
from .record import Record, Source

SHORTFALL_SHARE: Final = 0.01
"""A node and the ledger may differ by this share: they round differently."""
ROUNDED_UP: Final[Mapping[Modality, float]] = MappingProxyType(
    {Modality.MASK: 1e-6, Modality.WAND: 1 / 60_000}
)
"""And by this much for each session, in J/cm² or mA·min: a node rounds every dose up to whole
µJ/cm² or µC, which is much of one that was stopped at once."""


def ceiling(
    session_id: str, person_id: str, modality: Modality, at: datetime, *, mac: str | None = None
) -> Record:
    """Return a session that stands for a week at its hard ceiling, blue light included."""
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
    reported: Dose,
    sessions: int,
    known: Iterable[Record],
) -> Record | None:
    """Return a session for what a node has counted for a person and the ledger does not know.

    A node that is switched off for days has windows that reach further back than a week, so that
    everything known of it counts against what it reports.

    Args:
        session_id: Of the session that is returned.
        person_id: Whose.
        modality: Of the node.
        at: Now: an unknown dose is dated as if it had just ended.
        mac: The node.
        reported: The node's sums of the week, worst case. Light: `BLUE` for blue, all other
            channels together under any other one.
        sessions: How many sessions it has counted in the week.
        known: The person's records, of any node.

    Returns:
        One unknown session with the difference, beyond one part in a hundred and a unit for each
        session, for rounding.
    """
    custom = [record for record in known if record.mac == mac and record.modality is modality]
    blue = max(
        0,
        reported.fluence_j_cm2.get(Channel.BLUE, 0)
        - sum(record.counted.fluence_j_cm2.get(Channel.BLUE, 0) for record in custom),
    )
    light = max(
        blue,
        sum(reported.fluence_j_cm2.values())
        - sum(sum(record.counted.fluence_j_cm2.values()) for record in custom),
    )
    charge = max(0, reported.charge_ma_min - sum(record.counted.charge_ma_min for record in custom))
    more = max(0, sessions - sum(record.sessions * record.counts for record in custom))
    if (
        not more
        and light + charge <= reported.total * SHORTFALL_SHARE + len(custom) * ROUNDED_UP[modality]
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

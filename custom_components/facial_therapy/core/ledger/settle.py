"""Changes of a record: settled to its delivered dose, ended, or imported from a node.

The ledger of the integration and the tests' household both write what these functions return.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from ..device import Device
from ..dose import uncertainty, worst_case
from ..model import Dose, Outcome
from .record import Record, Source, merge


def settled(
    record: Record,
    *,
    delivered: Dose,
    outcome: Outcome,
    ended_at: datetime,
    output_s: float | None = None,
) -> Record:
    """Settle a record to its delivered nominal dose; of two settlements the larger stays.

    Args:
        record: The session as the ledger has it.
        delivered: As the node says; nothing, if the session never had output.
        outcome: How it ended.
        ended_at: When output was zero for good, in the ledger's time.
        output_s: How long output flowed, in seconds; None if the node did not say.
    """
    return merge(
        record,
        replace(record, delivered=delivered, outcome=outcome, ended_at=ended_at, output_s=output_s),
    )


def voided(record: Record, ended_at: datetime) -> Record:
    """Settle a record as a session that never had output: it costs nothing."""
    return settled(record, delivered=Dose(), outcome=Outcome.VOID, ended_at=ended_at, output_s=0)


def over(record: Record, *, at_least: Dose, ended_at: datetime) -> Record:
    """End a record whose delivered dose is not known: it counts in full until the node reports."""
    return merge(record, replace(record, at_least=at_least, ended_at=ended_at))


def foreign(  # noqa: PLR0913 - what a node remembers of a session
    session_id: str,
    mac: str,
    device: Device,
    *,
    person_id: str | None,
    profile: int,
    planned: Dose,
    delivered: Dose,
    output_s: float,
    outcome: Outcome,
    ended_at: datetime,
) -> Record:
    """Return the record of a session in a node's history that was not started here.

    Args:
        session_id: 16 hex digits.
        mac: The node.
        device: Its calibration turns the doses into the worst case.
        person_id: Of the person whose profile it was; None if nobody here has it.
        profile: The token that the session was for; 0 if there was none.
        planned: Nominal.
        delivered: Nominal.
        output_s: How long output flowed, in seconds.
        outcome: How it ended.
        ended_at: In the ledger's time.
    """
    return Record(
        session_id=session_id,
        mac=mac,
        modality=device.modality,
        person_id=person_id,
        profile=profile,
        program="",
        source=Source.UNKNOWN,
        started_at=ended_at - timedelta(seconds=output_s),
        duration_s=output_s,
        planned=planned,
        worst_case=worst_case(planned, device),
        grade=device.grade,
        uncertainty=uncertainty(device),
        delivered=delivered,
        output_s=output_s,
        outcome=outcome,
        ended_at=ended_at,
    )

"""A light outside of our control: the dose of its on-time, and the end of its planned time.

Nothing holds such a light to its plan. It counts from the moment it is seen on, for its planned
time at once, and for more as soon as it is on for longer; how bright it is set does not matter.
Its irradiance is declared, so it counts with the uncertainty of a data sheet.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from .. import limits
from ..dose import fluence_j_cm2, worst_case_at
from ..limits import Bound
from ..model import Channel, Dose, Grade, Modality, Outcome
from ..person import Person
from .record import Record, Source

LEAST_EXTENSION_S: Final = 600
"""A light that stays on is counted this far ahead at least. Engineering judgement: a line in the
ledger every ten minutes, not every second."""
IRRADIANCE: Final = Bound(minimum=0.1, maximum=200, unit="mW/cm²", source="")
"""What may be declared. No limit of safety: brighter lamps are not sold for a face."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackedLight:
    """A light or switch of another integration, as a person declared it."""

    light_id: str
    """The id of its subentry; the program of its records."""
    channel: Channel
    irradiance_mw_cm2: float
    """Nominal at the skin, declared."""
    duration_s: float
    """How long it is meant to be on."""

    def dose(self, duration_s: float) -> Dose:
        """Return the nominal dose of a time, in seconds."""
        return Dose(fluence_j_cm2={self.channel: fluence_j_cm2(self.irradiance_mw_cm2, duration_s)})


def longest_s(channel: Channel, irradiance_mw_cm2: float) -> float:
    """Return the longest time in seconds that may be planned for a tracked light.

    No longer than a session, and its worst-case fluence stays below its channel's hard ceiling.

    Source: docs/safety.md, L7 to L11, L28.
    """
    worst_case = fluence_j_cm2(irradiance_mw_cm2, 1) * (1 + limits.UNCERTAINTY[Grade.DECLARED])
    return min(
        limits.DURATION[Modality.MASK].hard.maximum,
        limits.FLUENCE[channel].hard.maximum / worst_case,
    )


def opened(light: TrackedLight, person: Person, session_id: str, at: datetime) -> Record:
    """Return the record of a light that is seen on: at its full plan, like every session."""
    planned = light.dose(light.duration_s)
    uncertainty = limits.UNCERTAINTY[Grade.DECLARED]
    return Record(
        session_id=session_id,
        mac=None,
        modality=Modality.MASK,
        person_id=person.person_id,
        profile=person.profile,
        program=light.light_id,
        source=Source.TRACKED,
        started_at=at,
        duration_s=light.duration_s,
        planned=planned,
        worst_case=worst_case_at(planned, Grade.DECLARED, uncertainty),
        grade=Grade.DECLARED,
        uncertainty=uncertainty,
    )


def due_at(record: Record) -> datetime:
    """Return when what has been counted is used up."""
    return record.started_at + timedelta(seconds=record.duration_s)


def extended(light: TrackedLight, record: Record, at: datetime) -> Record:
    """Return the record of a light that is still on: counted beyond `at`."""
    elapsed_s = (at - record.started_at).total_seconds()
    duration_s = elapsed_s + max(light.duration_s, LEAST_EXTENSION_S)
    planned = light.dose(duration_s)
    return replace(
        record,
        duration_s=duration_s,
        planned=planned,
        worst_case=worst_case_at(planned, record.grade, record.uncertainty),
    )


def settled(light: TrackedLight, record: Record, at: datetime, *, seen: bool) -> Record:
    """Return the record of a light that is off.

    Args:
        light: As it was declared.
        record: Its open record.
        at: When it was seen off.
        seen: Whether it was tracked all the time. If not, it may have gone off at any time: it
            counts as on until it was seen off, but for no longer
            than it has been counted for.
    """
    on_s = max(0.0, (at - record.started_at).total_seconds())
    if not seen:
        on_s = min(on_s, record.duration_s)
    outcome = (
        Outcome.INTERRUPTED
        if not seen
        else Outcome.COMPLETED
        if on_s >= light.duration_s
        else Outcome.STOPPED
    )
    return replace(
        record,
        delivered=light.dose(on_s),
        output_s=on_s,
        outcome=outcome,
        ended_at=record.started_at + timedelta(seconds=on_s),
    )

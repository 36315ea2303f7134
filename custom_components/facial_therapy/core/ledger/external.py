"""External sessions: what may be logged, and what it counts for."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from .. import limits
from ..dose import charge_ma_min, fluence_j_cm2, worst_case_at
from ..limits import Bound, number
from ..model import NO_LIGHT, ByChannel, Channel, Dose, Grade, Modality, Outcome
from ..person import Person
from ..refusal import Reason, Refusal, RefusedError
from .index import KEPT
from .record import Record, Source

DURATION: Final = Bound(minimum=1, maximum=7200, unit="s", source="")
IRRADIANCE: Final = Bound(minimum=0.1, maximum=400, unit="mW/cm²", source="")
CURRENT: Final = Bound(minimum=1, maximum=1000, unit="µA", source="M2")
"""Wider than anything of ours may give: what has happened is written down, whether it was wise or
not. No limits of safety."""
LATE: Final = timedelta(minutes=1)
"""A clock that is a little ahead is no future."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalSession:
    """What somebody logs. Nothing of it has been checked."""

    modality: Modality
    irradiance_mw_cm2: ByChannel | None = None
    current_ua: float | None = None
    duration_s: float
    started_at: datetime | None = None
    """UTC and aware; None: it has just ended."""


def record(
    given: ExternalSession, person: Person, session_id: str, now: datetime, *, started_by: str
) -> Record:
    """Return the settled record of an external session, with the uncertainty of a data sheet.

    Raises:
        RefusedError: It is not from the last 8 days, or something of it is no number in its bound,
            with field and bound. Nothing has changed.

    Source: docs/safety.md, L28.
    """
    if found := tuple(_refusals(given, now)):
        raise RefusedError(*found)
    started_at = (
        now - timedelta(seconds=given.duration_s) if given.started_at is None else given.started_at
    )
    dose = Dose(
        fluence_j_cm2={
            channel: fluence_j_cm2(level, given.duration_s)
            for channel, level in (given.irradiance_mw_cm2 or NO_LIGHT).items()
        },
        charge_ma_min=charge_ma_min(given.current_ua or 0, given.duration_s),
    )
    uncertainty = limits.UNCERTAINTY[Grade.DECLARED]
    return Record(
        session_id=session_id,
        mac=None,
        modality=given.modality,
        person_id=person.person_id,
        profile=person.profile,
        program="",
        source=Source.LOGGED,
        started_at=started_at,
        started_by=started_by,
        duration_s=given.duration_s,
        planned=dose,
        worst_case=worst_case_at(dose, Grade.DECLARED, uncertainty),
        grade=Grade.DECLARED,
        uncertainty=uncertainty,
        delivered=dose,
        output_s=given.duration_s,
        outcome=Outcome.COMPLETED,
        ended_at=started_at + timedelta(seconds=given.duration_s),
    )


def _refusals(given: ExternalSession, now: datetime) -> list[Refusal]:
    light = given.modality is Modality.MASK
    found = [*_outside("duration_s", given.duration_s, DURATION)]
    if light:
        found += [
            refusal
            for channel, level in (given.irradiance_mw_cm2 or {}).items()
            for refusal in _channel(channel, level)
        ]
    elif given.current_ua is not None:
        found += _outside("current_ua", given.current_ua, CURRENT)
    if (given.current_ua is not None) if light else bool(given.irradiance_mw_cm2):
        found.append(
            Refusal(
                reason=Reason.WRONG_MODALITY,
                field="current_ua" if light else "channels",
                detail=given.modality,
            )
        )
    if not given.irradiance_mw_cm2 if light else given.current_ua is None:
        found.append(
            Refusal(reason=Reason.NOTHING_SELECTED, field="channels" if light else "current_ua")
        )
    if not found:
        started_at = given.started_at or now - timedelta(seconds=given.duration_s)
        if started_at + timedelta(seconds=given.duration_s) > now + LATE:
            found.append(Refusal(reason=Reason.IN_FUTURE, field="started_at", allowed_at=None))
        elif started_at <= now - KEPT:
            found.append(
                Refusal(
                    reason=Reason.TOO_LONG_AGO, field="started_at", maximum=KEPT.days, unit="days"
                )
            )
    return found


def _channel(channel: Channel, level: float) -> list[Refusal]:
    if channel not in tuple(Channel):
        return [
            Refusal(reason=Reason.BAD_CHANNEL, field=f"channels.{channel}", detail=str(channel))
        ]
    return _outside(f"channels.{channel}", level, IRRADIANCE)


def _outside(field: str, value: float, bound: Bound) -> list[Refusal]:
    if bound.contains(number(value)):
        return []
    return [
        Refusal(
            reason=Reason.OUT_OF_BOUNDS,
            field=field,
            minimum=bound.minimum,
            maximum=bound.maximum,
            unit=bound.unit,
        )
    ]

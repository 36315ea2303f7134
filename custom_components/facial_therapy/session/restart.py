"""What the ledger keeps of a session so that it can be adopted after a restart."""

from datetime import timedelta

from ..core import limits
from ..core.dose import planned
from ..core.ledger.record import Record, Resumable
from ..core.model import Modality, Outcome
from ..core.person import Person
from ..core.session_parameters import PermittedSession, SessionParameters
from .view import LiveSession


def resumable(live: LiveSession) -> Resumable | None:
    """Return what adopting a permitted session needs; None if it is not permitted."""
    if (permitted := live.permitted) is None:
        return None
    request = permitted.request
    return Resumable(
        resume_key=live.resume_key,
        irradiance_mw_cm2=request.irradiance_mw_cm2,
        current_ua=request.current_ua,
        frequency_hz=request.frequency_hz,
        zone_s=request.zone_s,
        skin_factor=permitted.skin_factor,
        lease_s=permitted.lease_s,
        window_s=permitted.window_s,
    )


def restored(record: Record, person: Person | None) -> LiveSession:
    """Return the session of a record without an end, its plan rebuilt exactly.

    Args:
        record: As the ledger has it.
        person: Of the record, as they are now; None if they are gone.

    Returns:
        The session; without `permitted` if it was stopped or can't be rebuilt exactly: then nothing
        adopts it.
    """
    known = person or Person(person_id=record.person_id or "", name="", profile=record.profile)
    live = LiveSession(
        session_id=record.session_id,
        person=known,
        program=record.program,
        started_at=record.started_at,
        # First output came later, so that this is no later than the node's own bound.
        ends_by=record.started_at + timedelta(seconds=limits.SESSION_LIFE_S),
    )
    kept = record.resumable
    if kept is None or person is None or record.outcome is not Outcome.UNCERTAIN:
        return live
    request = SessionParameters(
        modality=record.modality,
        person=person,
        program=record.program,
        duration_s=record.duration_s,
        irradiance_mw_cm2=kept.irradiance_mw_cm2,
        current_ua=kept.current_ua,
        frequency_hz=kept.frequency_hz,
        zone_s=kept.zone_s,
        gel_rinsed=record.modality is Modality.MASK,
    )
    if planned(request) != record.planned:
        return live
    permitted = PermittedSession(
        request=request,
        planned=record.planned,
        worst_case=record.worst_case,
        skin_factor=kept.skin_factor,
        lease_s=kept.lease_s,
        window_s=kept.window_s,
    )
    return LiveSession(
        session_id=live.session_id,
        person=person,
        program=live.program,
        permitted=permitted,
        resume_key=kept.resume_key,
        started_at=live.started_at,
        started_by=record.started_by,
        ends_by=live.ends_by,
        adopted=True,
    )

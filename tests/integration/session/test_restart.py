"""`session.restart`: after a restart a session is rebuilt exactly, or only stopped."""

from dataclasses import replace
from datetime import timedelta
import json
from typing import Any, Final

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.dose import planned, worst_case
from custom_components.facial_therapy.core.ledger.record import Record
from custom_components.facial_therapy.core.model import Channel, Modality
from custom_components.facial_therapy.core.session_parameters import (
    PermittedSession,
    SessionParameters,
)
from custom_components.facial_therapy.session.restart import restored, resumable
from custom_components.facial_therapy.session.view import LiveSession
from custom_components.facial_therapy.storage.codec import decode, encode
from tests.core import NOW, mask, person, wand

ADA: Final = person()
SAME = settings(max_examples=200, deadline=None, derandomize=True, database=None)


def between(least: float, most: float) -> st.SearchStrategy[float]:
    """Return any number in a range."""
    return st.floats(least, most, allow_subnormal=False)


LIGHTS: Final = st.builds(
    SessionParameters,
    modality=st.just(Modality.MASK),
    person=st.just(ADA),
    program=st.sampled_from(("manual", "fine_lines")),
    duration_s=between(1, 1200),
    irradiance_mw_cm2=st.dictionaries(st.sampled_from(Channel), between(0.001, 80), min_size=1),
    gel_rinsed=st.just(value=True),
)
CURRENTS: Final = st.builds(
    SessionParameters,
    modality=st.just(Modality.WAND),
    person=st.just(ADA),
    program=st.sampled_from(("manual", "lift")),
    duration_s=between(1, 900),
    current_ua=between(1, 500),
    frequency_hz=between(0.1, 500),
    zone_s=st.integers(10, 120),
)
KEYS: Final = st.text("0123456789abcdef", min_size=16, max_size=16)


@st.composite
def sessions(draw: st.DrawFn) -> LiveSession:
    """Draw any permitted session."""
    request = draw(LIGHTS | CURRENTS)
    device = mask() if request.modality is Modality.MASK else wand()
    dose = planned(request)
    return LiveSession(
        session_id=draw(KEYS),
        resume_key=draw(KEYS),
        person=ADA,
        program=request.program,
        permitted=PermittedSession(
            request=request,
            planned=dose,
            worst_case=worst_case(dose, device),
            skin_factor=draw(between(0.1, 1)),
            lease_s=draw(between(1, 10)),
            window_s=draw(between(10, 600)),
        ),
        started_at=NOW,
        started_by=draw(st.none() | st.just("user")),
    )


def recorded(live: LiveSession) -> Record:
    """Return the record of a session, as it is read from the file again."""
    permitted = live.permitted
    assert permitted is not None
    record = Record(
        session_id=live.session_id,
        mac="98:35:69:00:00:01",
        modality=permitted.request.modality,
        person_id=live.person.person_id,
        profile=live.person.profile,
        program=live.program,
        started_at=live.started_at,
        started_by=live.started_by,
        duration_s=permitted.request.duration_s,
        planned=permitted.planned,
        worst_case=permitted.worst_case,
        resumable=resumable(live),
    )
    return decode(Record, json.loads(json.dumps(encode(record))))


@SAME
@given(live=sessions())
def test_a_session_is_rebuilt_exactly_from_the_ledger(live: LiveSession) -> None:
    again = restored(recorded(live), ADA)
    ends_by = NOW + timedelta(seconds=limits.SESSION_LIFE_S)
    assert again == replace(live, ends_by=ends_by, adopted=True)


@SAME
@given(live=sessions(), factor=st.sampled_from((0.5, 0.999, 1.001, 2)), data=st.data())
def test_a_session_whose_plan_does_not_fit_its_dose_is_only_stopped(
    live: LiveSession, factor: float, data: st.DataObject
) -> None:
    record = recorded(live)
    kept = record.resumable
    assert kept is not None
    damaged = [replace(record, duration_s=record.duration_s * factor)]
    if kept.current_ua is not None:
        damaged.append(_with(record, current_ua=kept.current_ua * factor))
        damaged.append(_with(record, current_ua=None, frequency_hz=None))
    for channel, level in kept.irradiance_mw_cm2.items():
        levels = {**kept.irradiance_mw_cm2, channel: level * factor}
        damaged.append(_with(record, irradiance_mw_cm2=levels))
        others = {one: at for one, at in kept.irradiance_mw_cm2.items() if one is not channel}
        damaged.append(_with(record, irradiance_mw_cm2=others))
    again = restored(data.draw(st.sampled_from(damaged)), ADA)
    assert (again.permitted, again.resume_key, again.adopted) == (None, "", False)
    assert again.session_id == live.session_id


def _with(record: Record, **changes: Any) -> Record:
    assert record.resumable is not None
    return replace(record, resumable=replace(record.resumable, **changes))


@SAME
@given(live=sessions())
def test_without_its_person_or_what_adopting_needs_a_session_is_only_stopped(
    live: LiveSession,
) -> None:
    record = recorded(live)
    for again in (restored(record, None), restored(replace(record, resumable=None), ADA)):
        assert (again.permitted, again.resume_key, again.adopted) == (None, "", False)
        assert (again.session_id, again.person.person_id) == (live.session_id, ADA.person_id)
        assert again.person.profile == ADA.profile
        assert again.ends_by == NOW + timedelta(seconds=limits.SESSION_LIFE_S)


def test_a_session_that_is_not_permitted_leaves_nothing_to_adopt_it_with() -> None:
    waiting = LiveSession(session_id="a" * 16, person=ADA, program="manual", started_at=NOW)
    assert resumable(waiting) is None


@pytest.mark.parametrize("damage", ["resume_key", "skin_factor", "lease_s", "window_s"])
def test_a_record_that_lacks_a_part_of_what_adopting_needs_does_not_read(damage: str) -> None:
    request = SessionParameters(
        modality=Modality.WAND, person=ADA, program="manual", duration_s=60, current_ua=50
    )
    dose = planned(request)
    permitted = PermittedSession(
        request=request, planned=dose, worst_case=dose, skin_factor=1, lease_s=5, window_s=60
    )
    live = LiveSession(
        session_id="a" * 16, person=ADA, program="manual", permitted=permitted, started_at=NOW
    )
    line = encode(recorded(live))
    del line["resumable"][damage]
    with pytest.raises(ValueError, match=damage):
        decode(Record, line)

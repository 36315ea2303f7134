"""Tests of the rules, without mocks: time is an argument. The values below are good ones."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from custom_components.facial_therapy.core.device import (
    Device,
    EyeShield,
    NodeState,
    ProfileCounters,
    Telemetry,
)
from custom_components.facial_therapy.core.gate.permit import permit
from custom_components.facial_therapy.core.gate.situation import Situation
from custom_components.facial_therapy.core.ledger.history import History
from custom_components.facial_therapy.core.model import Channel, Dose, Grade, Modality, SkinType
from custom_components.facial_therapy.core.person import (
    Eligibility,
    Options,
    Person,
    Screening,
    Verdict,
)
from custom_components.facial_therapy.core.refusal import Refusal, Refused
from custom_components.facial_therapy.core.session_parameters import (
    PermittedSession,
    SessionParameters,
)

NOW: Final = datetime(2026, 11, 2, 20, 30, tzinfo=UTC)
NOTHING: Final = History(at=NOW)
"""Somebody who has not been given anything in the last days."""


def screening(**changes: Any) -> Screening:
    """Return a clear screening of a week ago, blue included."""
    week = timedelta(days=7)
    values: dict[str, Any] = {
        "verdict": Verdict.CLEAR,
        "screened_at": NOW - week,
        "expires_at": NOW - week + timedelta(days=90),
        "blue": True,
    }
    return Screening(**values | changes)


def eligibility(**changes: Any) -> Eligibility:
    """Return the eligibility of an adult screened for both modalities, with nothing reported."""
    values: dict[str, Any] = {"adult": True, "screenings": dict.fromkeys(Modality, screening())}
    return Eligibility(**values | changes)


def person(  # noqa: PLR0913 - what a person can be
    *,
    skin_type: SkinType = SkinType.II,
    done: int = 10,
    sessions: Mapping[Modality, int] | None = None,
    how: Eligibility | None = None,
    options: Options | None = None,
    person_id: str = "p1",
) -> Person:
    """Return a screened adult with light skin and ten sessions of everything behind them."""
    counts = dict.fromkeys(Modality, done) if sessions is None else sessions
    return Person(
        person_id=person_id,
        name="Ada",
        profile=1,
        skin_type=skin_type,
        sessions=counts,
        eligibility=how or eligibility(),
        options=options or Options(),
    )


def mask(*, channels: Iterable[Channel] = Channel, **changes: Any) -> Device:
    """Return a mask with every channel, measured to 20 %, whose own ceilings are the hard ones."""
    hard = {Channel.RED: 80, Channel.NEAR_INFRARED: 80, Channel.BLUE: 40, Channel.AMBER: 50}
    peaks = {channel: hard[channel] for channel in channels}
    values: dict[str, Any] = {
        "modality": Modality.MASK,
        "contract": (1, 0),
        "firmware": "1.0.0",
        "grade": Grade.MEASURED,
        "uncertainty": 0.20,
        "full_mw_cm2": peaks,
        "peak_mw_cm2": peaks,
        "eye_shield": EyeShield.FIXED,
        "worn_sensor": True,
        "duration_s": 1200,
    }
    return Device(**values | changes)


def wand(**changes: Any) -> Device:
    """Return a wand with 25 mm², measured to 20 %, whose own ceilings are the hard ones."""
    values: dict[str, Any] = {
        "modality": Modality.WAND,
        "contract": (1, 0),
        "firmware": "1.0.0",
        "grade": Grade.MEASURED,
        "uncertainty": 0.20,
        "peak_ua": 500,
        "contact_area_mm2": 25,
        "worn_sensor": True,
        "duration_s": 900,
    }
    return Device(**values | changes)


def node(**changes: Any) -> Telemetry:
    """Return a report of just now: idle, cool, nothing wrong."""
    values: dict[str, Any] = {
        "received_at": NOW,
        "number": 7,
        "boot": 1,
        "uptime_ms": 1000,
        "state": NodeState.IDLE,
        "session_id": None,
        "record": 1,
        "worn": False,
        "temperature_c": 30.0,
        "delivered": Dose(),
    }
    return Telemetry(**values | changes)


def light(
    *, duration_s: Any = 600, whose: Person | None = None, **levels: Any
) -> SessionParameters:
    """Return a manual request for a mask, by default red 20 mW/cm² for 10 min."""
    channels: dict[Any, Any] = {Channel(name): level for name, level in levels.items()} or {
        Channel.RED: 20
    }
    return SessionParameters(
        modality=Modality.MASK,
        person=whose or person(),
        program="manual",
        duration_s=duration_s,
        irradiance_mw_cm2=channels,
    )


def current(
    *,
    current_ua: Any = 100,
    frequency_hz: Any = 8.3,
    duration_s: Any = 300,
    whose: Person | None = None,
) -> SessionParameters:
    """Return a manual request for a wand, by default 100 uA at 8.3 Hz for 5 min."""
    return SessionParameters(
        modality=Modality.WAND,
        person=whose or person(),
        program="manual",
        duration_s=duration_s,
        current_ua=current_ua,
        frequency_hz=frequency_hz,
    )


def counters(**changes: Any) -> ProfileCounters:
    """Return what a node counts for somebody who has had nothing: rested, and no profile gap."""
    values: dict[str, Any] = {
        "profile": 1,
        "sessions_day": 0,
        "sessions_week": 0,
        "rest_s": 0,
        "rest_blue_s": 0,
    }
    return ProfileCounters(**values | changes)


def situation(device: Device | None = None, **changes: Any) -> Situation:
    """Return a situation in which a sound request starts: mask idle and off, person enrolled."""
    values: dict[str, Any] = {
        "device": device or mask(),
        "telemetry": node(),
        "person": person(),
        "history": NOTHING,
        "now": NOW,
        "profile": counters(),
        "seen_off": True,
    }
    return Situation(**values | changes)


def answer(  # noqa: PLR0913 - all that a start depends on
    request: SessionParameters,
    device: Device,
    telemetry: Telemetry | None,
    now: datetime = NOW,
    *,
    history: History = NOTHING,
    window_s: float | None = None,
    **changes: Any,
) -> PermittedSession | Refused:
    """Ask the gate, in a situation that is good where nothing else is said."""
    return permit(
        request,
        situation(
            device,
            **{
                "telemetry": telemetry,
                "person": request.person,
                "history": history,
                "now": now,
                **changes,
            },
        ),
        window_s=window_s,
    )


def refusals(*arguments: Any, **keywords: Any) -> tuple[Refusal, ...]:
    """Return what the gate says against a request, asked by `answer`; empty if permitted."""
    answered = answer(*arguments, **keywords)
    return answered.refusals if isinstance(answered, Refused) else ()


def permitted(*arguments: Any, **keywords: Any) -> PermittedSession:
    """Return a session that the gate permits, as `answer` asks it."""
    answered = answer(*arguments, **keywords)
    assert isinstance(answered, PermittedSession), answered
    return answered


def least(
    device: Device, telemetry: Telemetry | None, now: datetime = NOW, **keywords: Any
) -> tuple[Refusal, ...]:
    """Return what the gate says against the smallest session that there is."""
    whose = keywords.pop("whose", None) or person()
    smallest = (
        replace(light(red=0.001, duration_s=1, whose=whose), gel_rinsed=True)
        if device.modality is Modality.MASK
        else current(current_ua=1, duration_s=1, whose=whose)
    )
    return refusals(smallest, device, telemetry, now, **keywords)

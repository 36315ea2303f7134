"""Every constraint is missed: for each there is a case in which the gate says something else without it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

import pytest

from custom_components.facial_therapy.core.gate import permit
from custom_components.facial_therapy.core.gate.budget import WINDOWS
from custom_components.facial_therapy.core.gate.permit import refusals
from custom_components.facial_therapy.core.ledger.record import History
from custom_components.facial_therapy.core.model import (
    Channel,
    Device,
    EyeShield,
    Fault,
    Grade,
    Hold,
    Modality,
    NodeState,
    Refusal,
    SessionParameters,
    SkinType,
    Telemetry,
    Verdict,
)
from tests.core import (
    NOTHING,
    NOW,
    current,
    eligibility,
    light,
    mask,
    node,
    person,
    screening,
    wand,
)

from .test_budget import CASES, MODALITIES, claim, given_before, history

DAY: Final = timedelta(days=1)

type Case = tuple[SessionParameters, Device, Telemetry | None, dict[str, Any]]


def asked(
    request: SessionParameters | None = None,
    device: Device | None = None,
    telemetry: Telemetry | None = None,
    **changes: Any,
) -> Case:
    return request or light(), device or mask(), telemetry or node(), changes


def of(**changes: Any) -> Case:
    """Somebody of whom something is known."""
    return asked(light(whose=person(how=eligibility(**changes))))


def screened(**changes: Any) -> Case:
    return of(screenings=dict.fromkeys(MODALITIES, screening(**changes)))


REFUSED: Final[dict[str, Case]] = {
    "modality": asked(current()),
    "selection": asked(current(current_ua=None), wand()),
    "channels": asked(light(red=1, amber=1), mask(channels=[Channel.RED])),
    "duration": asked(light(red=1, duration_s=601)),
    "irradiance": asked(light(red=29.2)),
    "peak_current": asked(current(current_ua=251, duration_s=60), wand()),
    "frequency": asked(current(frequency_hz=30.1), wand()),
    "window": asked(window_s=1801),
    "calibration": asked(light(amber=1, duration_s=60), mask(grade=Grade.NONE, uncertainty=0.5)),
    "eye_shield": asked(light(near_infrared=1), mask(eye_shield=EyeShield.NONE)),
    "skin": asked(light(blue=1, whose=person(skin_type=SkinType.V))),
    "total_irradiance": asked(light(red=29.166, near_infrared=29.166, amber=0.002, duration_s=60)),
    "exposure_ratio": asked(light(red=16.68, blue=16.666, amber=16.666, duration_s=60)),
    "fluence": asked(light(amber=16, duration_s=521)),
    "fluence_session": asked(
        light(red=27, near_infrared=27, amber=1, duration_s=379, whose=person(done=2))
    ),
    "charge": asked(current(current_ua=200, duration_s=188, whose=person(done=2)), wand()),
    "half_period_charge": asked(current(current_ua=251, frequency_hz=1, duration_s=60), wand()),
    "adult": of(adult=False),
    "screened": of(screenings={}),
    "unexpired": screened(expires_at=NOW),
    "fit": screened(verdict=Verdict.BLOCKED),
    "on_hold": of(holds={Modality.MASK: Hold(until=NOW + DAY, hard_until=NOW)}),
    "redness": of(redness_until=NOW + DAY),
    "red_flag": of(red_flag_at=NOW),
    "skin_fine": of(not_fine_until=NOW + DAY),
    "_online": (light(), mask(), None, {}),
    "_fresh": asked(telemetry=node(received_at=NOW - timedelta(minutes=1))),
    "_sound": asked(telemetry=node(fault=Fault.OVERDOSE)),
    "_unplugged": asked(telemetry=node(charging=True)),
    "_free": asked(telemetry=node(state=NodeState.RUNNING)),
    "_cool": asked(telemetry=node(temperature_c=40.0)),
}
"""For each constraint of request, person and device something that it refuses."""


def gate(case: Case, past: History = NOTHING) -> tuple[Refusal, ...]:
    request, device, telemetry, changes = case
    return refusals(request, device, telemetry, NOW, history=past, **changes)


def without(monkeypatch: pytest.MonkeyPatch, row: str, name: str) -> None:
    kept = tuple(
        rule
        for rule in getattr(permit, row)
        if rule not in (name, WINDOWS.get(name)) and getattr(rule, "__name__", "") != name
    )
    assert len(kept) == len(getattr(permit, row)) - 1, name
    monkeypatch.setattr(permit, row, kept)


@pytest.mark.parametrize("name", REFUSED)
def test_without_a_constraint_the_gate_is_wider(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = gate(REFUSED[name])
    without(monkeypatch, "CONSTRAINTS", name)
    after = gate(REFUSED[name])
    assert set(after) < set(before)


UNSET: Final = NOW.replace(year=2025)
BUDGETS: Final = {
    **{case[0]: case[1] for case in CASES},
    "other_session": claim(
        history=history(
            other_session=given_before(timedelta(0), Modality.WAND, delivered=None, ended_at=None)
        )
    ),
    "clock_untrusted": claim(now=UNSET, history=History(at=UNSET)),
}


@pytest.mark.parametrize("name", WINDOWS)
def test_without_a_window_the_budget_is_wider(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def told() -> list[Refusal]:
        return [refusal for rule in permit.BUDGET for refusal in rule(BUDGETS[name])]

    before = told()
    without(monkeypatch, "BUDGET", name)
    assert len(told()) < len(before)


def test_every_constraint_has_been_removed_once(
    record_property: Callable[[str, object], None],
) -> None:
    names = [getattr(rule, "__name__", "") for rule in permit.CONSTRAINTS]
    assert sorted(names) == sorted(REFUSED)
    assert sorted(WINDOWS) == sorted(BUDGETS)
    assert len(permit.BUDGET) == len(WINDOWS)
    record_property(
        f"removed in turn, each seen ({len(names) + len(WINDOWS)})", ", ".join([*names, *WINDOWS])
    )

"""Every constraint is needed: for each one, some answer of the gate changes without it."""

from collections.abc import Callable
from datetime import timedelta
from types import MappingProxyType
from typing import Any, Final

import pytest

from custom_components.facial_therapy.core.device import Device, EyeShield, NodeState, Telemetry
from custom_components.facial_therapy.core.gate import budget, permit
from custom_components.facial_therapy.core.ledger.history import History
from custom_components.facial_therapy.core.model import Channel, Fault, Grade, Modality, SkinType
from custom_components.facial_therapy.core.person import Hold, Verdict
from custom_components.facial_therapy.core.refusal import Reason, Refusal
from custom_components.facial_therapy.core.session_parameters import SessionParameters
from tests.core import (
    NOW,
    counters,
    current,
    eligibility,
    light,
    mask,
    node,
    person,
    refusals,
    screening,
    wand,
)

from .test_budget import CASES, MODALITIES, delivered_before, history, question

DAY: Final = timedelta(days=1)

type GateInput = tuple[SessionParameters, Device, Telemetry | None, dict[str, Any]]


def asked(
    request: SessionParameters | None = None,
    device: Device | None = None,
    telemetry: Telemetry | None = None,
    **changes: Any,
) -> GateInput:
    return request or light(), device or mask(), telemetry or node(), changes


def of(**changes: Any) -> GateInput:
    """Somebody of whom something is known."""
    return asked(light(whose=person(how=eligibility(**changes))))


def screened(**changes: Any) -> GateInput:
    return of(screenings=dict.fromkeys(MODALITIES, screening(**changes)))


REST: Final = Refusal(reason=Reason.TOO_SOON)
REFUSED: Final[dict[str, GateInput]] = {
    "same_person": asked(person=person(person_id="p2")),
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
    "online": (light(), mask(), None, {}),
    "fresh": asked(telemetry=node(received_at=NOW - timedelta(minutes=1))),
    "sound": asked(telemetry=node(fault=Fault.OVERDOSE)),
    "unplugged": asked(telemetry=node(charging=True)),
    "free": asked(telemetry=node(state=NodeState.RUNNING)),
    "cool": asked(telemetry=node(temperature_c=40.0)),
    "taken_off": asked(telemetry=node(worn=True), seen_off=False),
    "enrolled": asked(profile=None),
    "ledger_readable": asked(ledger_readable=False),
    "ledger_writable": asked(ledger_failure="No space left on device"),
    "node_refuses": asked(telemetry=node(refuses=(REST,))),
    "profile_refuses": asked(profile=counters(refuses=(REST,))),
    "node_rest": asked(profile=counters(rest_s=1)),
    "node_rest_blue": asked(light(blue=1), profile=counters(rest_blue_s=1)),
}
"""For each constraint but those of the budget something that it refuses."""


def gate(case: GateInput) -> tuple[Refusal, ...]:
    request, device, telemetry, changes = case
    return refusals(request, device, telemetry, **changes)


def without(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    kept = {each: rule for each, rule in permit.CONSTRAINTS.items() if each != name}
    assert len(kept) == len(permit.CONSTRAINTS) - 1, name
    monkeypatch.setattr(permit, "CONSTRAINTS", MappingProxyType(kept))


@pytest.mark.parametrize("name", REFUSED)
def test_without_a_constraint_the_gate_is_wider(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = gate(REFUSED[name])
    without(monkeypatch, name)
    after = gate(REFUSED[name])
    assert set(after) < set(before)


UNSET: Final = NOW.replace(year=2025)
BUDGETS: Final = {
    **{case[0]: case[1] for case in CASES},
    "other_session": question(
        history=history(
            other_session=delivered_before(
                timedelta(0), Modality.WAND, delivered=None, ended_at=None
            )
        )
    ),
    "clock_untrusted": question(now=UNSET, history=History(at=UNSET)),
}


@pytest.mark.parametrize("name", budget.CONSTRAINTS)
def test_without_a_rule_of_the_budget_the_gate_is_wider(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def found() -> list[Refusal]:
        return [refusal for rule in permit.CONSTRAINTS.values() for refusal in rule(*BUDGETS[name])]

    before = found()
    without(monkeypatch, name)
    assert len(found()) < len(before)


def test_every_constraint_has_been_removed_once(
    record_property: Callable[[str, object], None],
) -> None:
    assert sorted(permit.CONSTRAINTS) == sorted([*REFUSED, *BUDGETS])
    record_property(
        f"removed in turn, each seen ({len(permit.CONSTRAINTS)})", ", ".join(permit.CONSTRAINTS)
    )

"""Sensors of a person: delivered doses, sessions of the week, the plan and the routine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.util import dt as dt_util

from .core.model import Channel, Modality
from .core.routine.cues import CUES
from .entity import DOSE_UNIT, PersonDescription, PersonEntity, RoutineEntity
from .routines.runner import RoutineRunner


@dataclass(frozen=True, kw_only=True)
class PersonSensorDescription(SensorEntityDescription, PersonDescription):
    """A sensor of a person."""

    value_fn: Callable[[PersonSensor], float]


def _sessions_this_week(sensor: PersonSensor) -> int:
    """Return the sessions that count since Monday, on any device, external ones included."""
    today = dt_util.start_of_local_day()
    monday = dt_util.start_of_local_day(today - timedelta(days=today.weekday()))
    recent = takewhile(
        lambda record: record.over_at >= monday, sensor.ledger.newest_first(sensor.entry.entry_id)
    )
    return sum(
        record.sessions for record in recent if record.counts and record.started_at >= monday
    )


def _fluence(channel: Channel) -> PersonSensorDescription:
    return PersonSensorDescription(
        key=f"fluence_{channel.value}",
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=DOSE_UNIT[Modality.MASK],
        suggested_display_precision=1,
        entity_registry_enabled_default=channel is Channel.RED,
        value_fn=lambda sensor: round(sensor.totals.delivered.fluence_j_cm2.get(channel, 0), 3),
    )


DESCRIPTIONS: Final = (
    PersonSensorDescription(
        key="sessions_this_week", suggested_display_precision=0, value_fn=_sessions_this_week
    ),
    *(_fluence(channel) for channel in Channel),
    PersonSensorDescription(
        key="charge_total",
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=DOSE_UNIT[Modality.WAND],
        suggested_display_precision=2,
        value_fn=lambda sensor: round(sensor.totals.delivered.charge_ma_min, 4),
    ),
)


class PersonSensor(PersonEntity, SensorEntity):
    """A sensor of a person. It sums settled doses only, so that a total never falls."""

    entity_description: PersonSensorDescription

    @property
    @override
    def native_value(self) -> float:
        """Return the value from the ledger."""
        return self.entity_description.value_fn(self)


IDLE: Final = "idle"


STEPS: Final = (IDLE, *CUES)
"""Cues of a routine; `idle` before any."""


@dataclass(frozen=True, kw_only=True)
class RoutineSensorDescription(SensorEntityDescription, PersonDescription):
    """A sensor of a person's plan or routine."""

    value_fn: Callable[[RoutineSensor], str | datetime | None]
    attributes_fn: Callable[[RoutineSensor], Mapping[str, Any]]


def _next_session(sensor: RoutineSensor) -> datetime | None:
    evening = sensor.routines.forecast.next_evening(sensor.routines.person)
    return None if evening is None else evening.at


def _plan(sensor: RoutineSensor) -> Mapping[str, Any]:
    """Return the next evening, refused sessions with their reasons, and progress to the goal."""
    routines, now = sensor.routines, dt_util.utcnow()
    evening = routines.forecast.next_evening(routines.person)
    agenda = routines.forecast.agenda()
    week = agenda.adherence(now)
    plan = routines.plan.weekly_plan.on(dt_util.now().date())
    following = routines.plan.next_phase
    return {
        "phase": plan and plan.phase.value,
        "next_phase": following and following.phase.value,
        "devices": []
        if evening is None
        else [proposal.modality.value for proposal in evening.proposals],
        "left_out": {}
        if evening is None
        else {modality.value: refusal.reason.shown for modality, refusal in evening.left_out},
        "done": week.done,
        "goal": week.goal,
        "streak": agenda.streak(now),
    }


def _step(runner: RoutineRunner) -> Mapping[str, Any]:
    """Return when the step ends, the next step, and what prevents this one."""
    run = runner.run
    if run is None:
        return {"until": None, "next": None, "reason": None}
    return {
        "until": run.rests_until and run.rests_until.isoformat(),
        "next": run.next_step and run.next_step.act.value,
        "reason": run.reason and run.reason.shown,
    }


ROUTINE_DESCRIPTIONS: Final = (
    RoutineSensorDescription(
        key="next_session",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=_next_session,
        attributes_fn=_plan,
    ),
    RoutineSensorDescription(
        key="routine_step",
        device_class=SensorDeviceClass.ENUM,
        options=list(STEPS),
        value_fn=lambda sensor: sensor.routines.runner.cue or IDLE,
        attributes_fn=lambda sensor: _step(sensor.routines.runner),
    ),
)


class RoutineSensor(RoutineEntity, SensorEntity):
    """A sensor of a person's plan or routine."""

    _unrecorded_attributes = frozenset(
        {
            "phase",
            "next_phase",
            "devices",
            "left_out",
            "done",
            "goal",
            "streak",
            "until",
            "next",
            "reason",
        }
    )
    entity_description: RoutineSensorDescription

    @property
    @override
    def native_value(self) -> str | datetime | None:
        """Return the value from the plan or the routine."""
        return self.entity_description.value_fn(self)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        """Return the details."""
        return self.entity_description.attributes_fn(self)

"""What a person has been given, for their week and for statistics that last for years."""

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
from .entity import DOSE_UNIT, EveningEntity, PersonDescription, PersonEntity
from .routines.forecast import agenda_of, next_evening
from .routines.runner import Evenings


@dataclass(frozen=True, kw_only=True)
class PersonSensorDescription(SensorEntityDescription, PersonDescription):
    """A sensor of a person."""

    value_fn: Callable[[PersonSensor], float]


def _sessions_this_week(sensor: PersonSensor) -> int:
    """Return the sessions that count since Monday, on every device, wherever they were given."""
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
    """A sensor of a person. Doses are settled ones only, so that a total never falls."""

    entity_description: PersonSensorDescription

    @property
    @override
    def native_value(self) -> float:
        """Return what the ledger says."""
        return self.entity_description.value_fn(self)


IDLE: Final = "idle"


STEPS: Final = (IDLE, *CUES)
"""What a person is told; before any routine nothing."""


@dataclass(frozen=True, kw_only=True)
class EveningSensorDescription(SensorEntityDescription, PersonDescription):
    """A sensor of a person's evenings."""

    value_fn: Callable[[EveningSensor], str | datetime | None]
    attributes_fn: Callable[[EveningSensor], Mapping[str, Any]]


def _next_session(sensor: EveningSensor) -> datetime | None:
    evening = next_evening(sensor.hass, sensor.evenings.person, sensor.evenings.weekly_plan)
    return None if evening is None else evening.at


def _plan(sensor: EveningSensor) -> Mapping[str, Any]:
    """Return what comes, what is left out and why, and how much of the goal was kept."""
    evenings, now = sensor.evenings, dt_util.utcnow()
    evening = next_evening(sensor.hass, evenings.person, evenings.weekly_plan)
    agenda = agenda_of(sensor.hass, sensor.entry.entry_id, evenings.weekly_plan)
    week = agenda.adherence(now)
    plan, following = evenings.weekly_plan.on(dt_util.now().date()), evenings.next_phase
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


def _step(evenings: Evenings) -> Mapping[str, Any]:
    """Return until when it takes, what comes next, and what is to be mended."""
    run = evenings.run
    if run is None:
        return {"until": None, "next": None, "reason": None}
    return {
        "until": run.rests_until and run.rests_until.isoformat(),
        "next": run.next_step and run.next_step.act.value,
        "reason": run.reason and run.reason.shown,
    }


EVENING_DESCRIPTIONS: Final = (
    EveningSensorDescription(
        key="next_session",
        device_class=SensorDeviceClass.TIMESTAMP,
        value_fn=_next_session,
        attributes_fn=_plan,
    ),
    EveningSensorDescription(
        key="routine_step",
        device_class=SensorDeviceClass.ENUM,
        options=list(STEPS),
        value_fn=lambda sensor: sensor.evenings.cue or IDLE,
        attributes_fn=lambda sensor: _step(sensor.evenings),
    ),
)


class EveningSensor(EveningEntity, SensorEntity):
    """A sensor of a person's evenings."""

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
    entity_description: EveningSensorDescription

    @property
    @override
    def native_value(self) -> str | datetime | None:
        """Return what the plan or the routine says."""
        return self.entity_description.value_fn(self)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any]:
        """Return what goes with it."""
        return self.entity_description.attributes_fn(self)

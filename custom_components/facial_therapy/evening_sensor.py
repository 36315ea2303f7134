"""When a person's next session is, and where in their routine they are."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, override

from homeassistant.components.sensor import SensorDeviceClass, SensorEntity, SensorEntityDescription
from homeassistant.util import dt as dt_util

from .core.evening import CUES
from .evening_entity import EveningEntity
from .evenings import Evenings
from .person_entity import PersonDescription
from .prospects import agenda_of, next_evening

IDLE: Final = "idle"
STEPS: Final = (IDLE, *CUES)
"""What a person is told; before any routine nothing."""


@dataclass(frozen=True, kw_only=True)
class EveningSensorDescription(SensorEntityDescription, PersonDescription):
    """A sensor of a person's evenings."""

    value_fn: Callable[[EveningSensor], str | datetime | None]
    attributes_fn: Callable[[EveningSensor], Mapping[str, Any]]


def _next_session(sensor: EveningSensor) -> datetime | None:
    evening = next_evening(sensor.hass, sensor.evenings.person, sensor.evenings.course)
    return None if evening is None else evening.at


def _plan(sensor: EveningSensor) -> Mapping[str, Any]:
    """Return what comes, what is left out and why, and how much of the goal was kept."""
    evenings, now = sensor.evenings, dt_util.utcnow()
    evening = next_evening(sensor.hass, evenings.person, evenings.course)
    agenda = agenda_of(sensor.hass, sensor.entry.entry_id, evenings.course)
    week = agenda.adherence(now)
    plan, following = evenings.course.on(dt_util.now().date()), evenings.next_phase
    return {
        "phase": plan and plan.phase.value,
        "next_phase": following and following.phase.value,
        "devices": [] if evening is None else [proposal.modality.value for proposal in evening.proposals],
        "left_out": {} if evening is None else {modality.value: refusal.reason.shown for modality, refusal in evening.left_out},
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


DESCRIPTIONS: Final = (
    EveningSensorDescription(key="next_session", device_class=SensorDeviceClass.TIMESTAMP, value_fn=_next_session, attributes_fn=_plan),
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

    _unrecorded_attributes = frozenset({"phase", "next_phase", "devices", "left_out", "done", "goal", "streak", "until", "next", "reason"})
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

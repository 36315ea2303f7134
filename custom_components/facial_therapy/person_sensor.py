"""What a person has been given, for their week and for statistics that last for years."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import takewhile
from typing import Final, override

from homeassistant.components.sensor import SensorEntity, SensorEntityDescription, SensorStateClass
from homeassistant.util import dt as dt_util

from .core.model import Channel, Modality
from .entity import DOSE_UNIT
from .person_entity import PersonDescription, PersonEntity


@dataclass(frozen=True, kw_only=True)
class PersonSensorDescription(SensorEntityDescription, PersonDescription):
    """A sensor of a person."""

    value_fn: Callable[[PersonSensor], float]


def _sessions_this_week(sensor: PersonSensor) -> int:
    """Return the sessions that count since Monday, on every device, wherever they were given."""
    today = dt_util.start_of_local_day()
    monday = dt_util.start_of_local_day(today - timedelta(days=today.weekday()))
    recent = takewhile(lambda record: record.over_at >= monday, sensor.ledger.newest_first(sensor.entry.entry_id))
    return sum(record.sessions for record in recent if record.counts and record.started_at >= monday)


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
    PersonSensorDescription(key="sessions_this_week", suggested_display_precision=0, value_fn=_sessions_this_week),
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

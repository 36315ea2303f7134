"""How much of a session the recorder keeps: what changes is written, what only passes is not."""

from collections import Counter
import logging

from homeassistant.components.recorder.core import Recorder
from homeassistant.components.recorder.db_schema import Events, EventTypes, States, StatesMeta
from homeassistant.core import HomeAssistant
from homeassistant.helpers.recorder import get_instance, session_scope
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)
from sqlalchemy import select

from custom_components.facial_therapy.core.model import Channel
from tests.integration.world import World

DURATION_S = 600
MOST_ROWS = 30


@pytest.fixture(autouse=True)
def _custom(recorder_mock: Recorder, enable_custom_integrations: None) -> None:  # noqa: ARG001 - in this order
    """The recorder has to be there before anything else."""
    logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)


def rows(hass: HomeAssistant, since: float) -> Counter[str]:
    """Return how many rows there are of each source since a time."""
    states = (
        select(StatesMeta.entity_id)
        .join(States, States.metadata_id == StatesMeta.metadata_id)
        .where(States.last_updated_ts >= since)
    )
    events = (
        select(EventTypes.event_type)
        .join(Events, Events.event_type_id == EventTypes.event_type_id)
        .where(Events.time_fired_ts >= since)
    )
    with session_scope(hass=hass, read_only=True) as session:
        return Counter(row[0] for query in (states, events) for row in session.execute(query))


async def test_a_session_of_ten_minutes_leaves_few_rows(world: World) -> None:
    await async_wait_recording_done(world.hass)
    await world.pass_time(60)
    since = dt_util.utcnow().timestamp()
    await world.coordinator.async_start(
        world.ask(
            duration_s=DURATION_S, irradiance_mw_cm2={Channel.RED: 6.0, Channel.NEAR_INFRARED: 6.0}
        )
    )
    world.device.put_on()
    await world.pass_time(DURATION_S - 20)
    assert world.state() == "running"
    await world.pass_time(40)
    assert world.state() == "idle"
    await async_wait_recording_done(world.hass)
    counted = await get_instance(world.hass).async_add_executor_job(rows, world.hass, since)
    print(f"\n{counted.total()} rows of a session of {DURATION_S} s: {dict(counted.most_common())}")  # noqa: T201 - the figure
    assert 0 < counted.total() <= MOST_ROWS

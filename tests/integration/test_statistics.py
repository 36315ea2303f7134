"""Statistics of a person continue over restarts, compaction and deletion, and never decrease."""

from datetime import timedelta
import logging
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.recorder.core import Recorder
from homeassistant.components.recorder.statistics import statistics_during_period
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.recorder import get_instance
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
    do_adhoc_statistics,
)

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.storage.ledger import LEDGER
from tests.integration.world import World


@pytest.fixture(autouse=True)
def _custom(recorder_mock: Recorder, enable_custom_integrations: None) -> None:  # noqa: ARG001 - in this order
    """The recorder has to be there before anything else."""
    logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)


async def test_a_total_goes_on_over_a_restart_compaction_and_erasure(
    world: World, freezer: FrozenDateTimeFactory
) -> None:
    hass, person_id = world.hass, world.person.person_id
    assert await async_setup_component(hass, "sensor", {})
    entity_id = er.async_get(hass).async_get_entity_id("sensor", DOMAIN, f"{person_id}_fluence_red")
    assert entity_id is not None
    began_at = dt_util.utcnow().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    sums: list[float] = []

    async def log(days: int) -> None:
        given: dict[str, Any] = {"modality": "mask", "channels": {"red": 10}, "duration_s": 600}
        started_at = dt_util.utcnow() - timedelta(days=days, seconds=600)
        await hass.services.async_call(
            DOMAIN, "log_session", {**given, "started_at": started_at.isoformat()}, blocking=True
        )
        await hass.async_block_till_done()

    async def compile_hour(hour: int) -> None:
        await async_wait_recording_done(hass)
        do_adhoc_statistics(hass, start=began_at + timedelta(minutes=5 * hour))
        await async_wait_recording_done(hass)
        found = await get_instance(hass).async_add_executor_job(
            statistics_during_period,
            hass,
            began_at,
            None,
            {entity_id},
            "5minute",
            None,
            {"sum", "state"},
        )
        total = found[entity_id][-1]["sum"]
        assert total is not None
        sums.append(total)

    async def restart() -> None:
        assert await hass.config_entries.async_reload(person_id)
        await hass.async_block_till_done()

    async def rewrite() -> None:
        await hass.data[LEDGER].async_erase(hass, person_id)

    for step, between in enumerate((restart, rewrite, restart)):
        freezer.move_to(began_at + timedelta(minutes=5 * step, seconds=10))
        await log(days=7 - step)
        await compile_hour(step)
        await between()
    assert sums == sorted(sums)
    assert sums[-1] - sums[0] == pytest.approx(12)
    state = hass.states.get(entity_id)
    assert state is not None
    assert float(state.state) == pytest.approx(18)

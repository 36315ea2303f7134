"""What a person has been given: for their week, and in statistics that survive."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.helpers import device_registry as dr, entity_registry as er
from homeassistant.helpers.device_registry import DeviceEntryType
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.model import Modality
from tests.integration.world import World


def shown(world: World, key: str) -> str:
    """Return what a sensor of the person shows."""
    entity_id = er.async_get(world.hass).async_get_entity_id(
        "sensor", DOMAIN, f"{world.person.person_id}_{key}"
    )
    assert entity_id is not None
    state = world.hass.states.get(entity_id)
    assert state is not None
    return state.state


async def log(world: World, days: float = 0, **changes: Any) -> None:
    """Log ten minutes of red light."""
    given: dict[str, Any] = {
        "modality": "mask",
        "channels": {"red": 10},
        "duration_s": 600,
        **changes,
    }
    started_at = dt_util.utcnow() - timedelta(days=days, seconds=700)
    await world.hass.services.async_call(
        DOMAIN, "log_session", {**given, "started_at": started_at.isoformat()}, blocking=True
    )
    await world.hass.async_block_till_done()


async def test_a_person_is_a_service_with_few_entities(world: World) -> None:
    device = dr.async_get(world.hass).async_get_device_by_identifier(
        (DOMAIN, world.person.person_id), world.person.person_id
    )
    assert device is not None
    assert (device.entry_type, device.name) == (DeviceEntryType.SERVICE, "Ada")
    entities = er.async_entries_for_device(
        er.async_get(world.hass), device.id, include_disabled_entities=True
    )
    assert len([entity for entity in entities if entity.disabled_by is None]) <= 8
    assert {entity.domain for entity in entities} == {
        "binary_sensor",
        "button",
        "calendar",
        "event",
        "select",
        "sensor",
    }


async def test_totals_are_what_was_delivered_and_not_what_is_planned(world: World) -> None:
    assert shown(world, "fluence_red") == "0"
    await world.run()
    assert (shown(world, "fluence_red"), shown(world, "sessions_this_week")) == ("0", "1")
    await world.pass_time(60)
    delivered = world.device.history[-1].delivered.fluence_j_cm2
    assert float(shown(world, "fluence_red")) == pytest.approx(
        sum(level for channel, level in delivered.items() if channel == "red"), abs=0.001
    )
    assert shown(world, "sessions_this_week") == "1"


@pytest.mark.parametrize("modality", [Modality.WAND])
async def test_the_charge_of_the_wand_is_counted_in_all(world: World) -> None:
    await world.run()
    await world.pass_time(60)
    assert float(shown(world, "charge_total")) == pytest.approx(
        world.device.history[-1].delivered.charge_ma_min, abs=0.0001
    )


async def test_a_session_that_hardly_began_is_none_of_the_week(world: World) -> None:
    await world.coordinator.async_start(world.ask())
    world.device.put_on()
    await world.pass_time(3)
    await world.coordinator.async_stop()
    await world.pass_time(1)
    assert float(shown(world, "fluence_red")) > 0
    assert shown(world, "sessions_this_week") == "0"


async def test_the_week_begins_on_monday_by_itself(
    world: World, freezer: FrozenDateTimeFactory
) -> None:
    sunday = dt_util.start_of_local_day() + timedelta(days=6 - dt_util.now().weekday(), hours=20)
    freezer.move_to(sunday)
    await log(world, days=0)
    await log(world, days=2)
    assert shown(world, "sessions_this_week") == "2"
    freezer.move_to(sunday + timedelta(hours=4, seconds=1))
    async_fire_time_changed(world.hass, dt_util.utcnow())
    await world.hass.async_block_till_done()
    assert shown(world, "sessions_this_week") == "0"


async def test_totals_survive_a_reload_of_the_person(world: World) -> None:
    await log(world)
    before = shown(world, "fluence_red")
    assert float(before) == pytest.approx(6)
    assert await world.hass.config_entries.async_reload(world.person.person_id)
    await world.hass.async_block_till_done()
    assert shown(world, "fluence_red") == before

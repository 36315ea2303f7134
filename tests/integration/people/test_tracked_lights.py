"""Tracked lights: they count while they are on, and are never switched on."""

from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any
from unittest.mock import patch

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import EVENT_CALL_SERVICE
from homeassistant.core import Event, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.ledger.record import Record, Source
from custom_components.facial_therapy.core.model import Channel, Outcome
from custom_components.facial_therapy.core.refusal import Reason, RefusedError
from custom_components.facial_therapy.people.tracked_lights import TRACKED_LIGHT
from custom_components.facial_therapy.storage.ledger import LEDGER
from tests.integration.world import World

PANEL = "light.panel"
MINUTES = 10


@pytest.fixture(autouse=True)
async def calls(world: World) -> list[tuple[str, str]]:
    """A real template light, and every action that is called from now on."""
    assert await async_setup_component(world.hass, "homeassistant", {})
    assert await async_setup_component(
        world.hass, "input_boolean", {"input_boolean": {"panel": {}}}
    )
    panel = {
        "name": "Panel",
        "unique_id": "panel",
        "state": "{{ is_state('input_boolean.panel', 'on') }}",
        "turn_on": {
            "action": "input_boolean.turn_on",
            "target": {"entity_id": "input_boolean.panel"},
        },
        "turn_off": {
            "action": "input_boolean.turn_off",
            "target": {"entity_id": "input_boolean.panel"},
        },
    }
    assert await async_setup_component(world.hass, "template", {"template": [{"light": [panel]}]})
    await world.hass.async_block_till_done()
    called: list[tuple[str, str]] = []

    @callback
    def note(event: Event[Any]) -> None:
        if event.data["domain"] in ("light", "switch", "homeassistant"):
            called.append((event.data["domain"], event.data["service"]))

    world.hass.bus.async_listen(EVENT_CALL_SERVICE, note)
    return called


def add(world: World, *, switch_off: bool = False, entity: str | None = None) -> ConfigSubentry:
    """Declare the panel for Ada: 30 mW/cm² of red, ten minutes."""
    registered = er.async_get(world.hass).async_get(PANEL)
    assert registered is not None
    data = {
        "entity": entity or registered.id,
        "channel": "red",
        "irradiance_mw_cm2": 30.0,
        "duration_s": MINUTES * 60.0,
        "switch_off": switch_off,
    }
    subentry = ConfigSubentry(
        data=MappingProxyType(data),
        subentry_type=TRACKED_LIGHT,
        title="Panel",
        unique_id=registered.id,
    )
    world.hass.config_entries.async_add_subentry(
        world.hass.config_entries.async_get_known_entry(world.person.person_id), subentry
    )
    return subentry


async def switch(world: World, *, on: bool) -> None:
    """A person switches the panel, apart from Home Assistant's actions on lights."""
    await world.hass.services.async_call(
        "input_boolean",
        "turn_on" if on else "turn_off",
        {"entity_id": "input_boolean.panel"},
        blocking=True,
    )
    await world.hass.async_block_till_done()


async def wait(world: World, minutes: float) -> None:
    """Let time pass for the ledger and the timers."""
    world.freezer.tick(timedelta(minutes=minutes))
    async_fire_time_changed(world.hass)
    await world.hass.async_block_till_done()


def records(world: World) -> list[Record]:
    """Return the ledger's records of tracked lights, the newest first."""
    return [
        record
        for record in world.hass.data[LEDGER].newest_first(world.person.person_id)
        if record.source is Source.TRACKED
    ]


def notifications(world: World) -> dict[str, Any]:
    """Return the notifications of the household."""
    found: dict[str, Any] = world.hass.data.get("persistent_notification", {})
    return found


async def test_a_light_counts_at_its_full_plan_from_the_moment_it_is_seen_on(
    world: World, calls: list[tuple[str, str]]
) -> None:
    add(world)
    await world.hass.async_block_till_done()
    assert records(world) == []
    await switch(world, on=True)
    (record,) = records(world)
    assert record.open
    assert record.counted.fluence_j_cm2 == {Channel.RED: pytest.approx(27)}
    await wait(world, 4)
    await switch(world, on=False)
    (record,) = records(world)
    assert record.delivered is not None
    assert record.delivered.fluence_j_cm2[Channel.RED] == pytest.approx(30 * 240 / 1000, abs=0.1)
    assert record.outcome is Outcome.STOPPED
    assert notifications(world) == {}
    assert calls == []


async def test_a_light_that_was_on_already_counts_from_now(world: World) -> None:
    await switch(world, on=True)
    add(world)
    await world.hass.async_block_till_done()
    assert [record.open for record in records(world)] == [True]


async def test_a_light_is_dated_by_the_later_clock(world: World) -> None:
    ledger = world.hass.data[LEDGER]
    with patch.object(
        ledger,
        "_clock",
        ledger._clock.__replace__(began_at=ledger._clock.began_at - timedelta(days=2)),
    ):  # the wall clock was set after the start
        add(world)
        await switch(world, on=True)
        (record,) = records(world)
        assert ledger.dated() - record.started_at < timedelta(minutes=1)
        await switch(world, on=False)
        (record,) = records(world)
        assert record.ended_at is not None
        assert ledger.dated() - record.ended_at < timedelta(minutes=1)


async def test_nobody_gets_light_from_two_sides_at_once(world: World) -> None:
    add(world)
    await switch(world, on=True)
    with pytest.raises(RefusedError) as refused:
        await world.coordinator.async_start(world.ask())
    assert Reason.OTHER_SESSION in {refusal.reason for refusal in refused.value.refusals}


async def test_its_planned_end_is_announced_once_and_more_time_counts_ahead(
    world: World, calls: list[tuple[str, str]]
) -> None:
    add(world)
    await switch(world, on=True)
    await wait(world, MINUTES)
    (notification,) = notifications(world).values()
    assert "Panel" in notification["message"]
    assert not any(
        word in f"{notification['title']} {notification['message']}".lower()
        for word in ("therapy", "skin", "face", "dose", "session", "ada")
    )
    (record,) = records(world)
    assert record.open
    assert record.counted.fluence_j_cm2[Channel.RED] == pytest.approx(54, rel=0.01)
    notifications(world).clear()
    await wait(world, MINUTES)
    assert notifications(world) == {}
    assert records(world)[0].counted.fluence_j_cm2[Channel.RED] == pytest.approx(81, rel=0.01)
    await switch(world, on=False)
    (record,) = records(world)
    assert record.delivered is not None
    assert record.delivered.fluence_j_cm2[Channel.RED] == pytest.approx(36, rel=0.01)
    assert record.outcome is Outcome.COMPLETED
    assert calls == []


async def test_it_is_switched_off_at_its_end_where_that_is_wanted_and_never_on(
    world: World, calls: list[tuple[str, str]]
) -> None:
    add(world, switch_off=True)
    await switch(world, on=True)
    assert calls == []
    await wait(world, MINUTES)
    state = world.hass.states.get(PANEL)
    assert state is not None
    assert state.state == "off"
    assert calls == [("light", "turn_off")]
    (record,) = records(world)
    assert record.delivered is not None
    assert record.delivered.fluence_j_cm2[Channel.RED] == pytest.approx(18, rel=0.01)
    await wait(world, 60)
    assert len(records(world)) == 1


async def test_no_code_of_ours_could_switch_a_tracked_light_on() -> None:
    source = (
        Path(__file__).parents[3] / "custom_components/facial_therapy/people/tracked_lights.py"
    ).read_text()
    assert "turn_on" not in source.lower()
    assert "toggle" not in source.lower()


async def test_after_a_restart_it_goes_on_or_counts_until_it_is_seen_off(world: World) -> None:
    add(world)
    await switch(world, on=True)
    entry_id = world.person.person_id
    assert await world.hass.config_entries.async_unload(entry_id)
    await wait(world, 4)
    assert await world.hass.config_entries.async_setup(entry_id)
    await world.hass.async_block_till_done()
    assert [record.open for record in records(world)] == [True]
    assert await world.hass.config_entries.async_unload(entry_id)
    await switch(world, on=False)
    await wait(world, 2)
    assert await world.hass.config_entries.async_setup(entry_id)
    await world.hass.async_block_till_done()
    (record,) = records(world)
    assert record.delivered is not None
    assert record.delivered.fluence_j_cm2[Channel.RED] == pytest.approx(30 * 360 / 1000, abs=0.2)
    assert record.outcome is Outcome.INTERRUPTED


async def test_an_unavailable_light_counts_to_its_planned_end(world: World) -> None:
    add(world)
    await switch(world, on=True)
    world.hass.states.async_set(PANEL, "unavailable")
    await world.hass.async_block_till_done()
    assert [record.open for record in records(world)] == [True]
    await wait(world, MINUTES)
    (record,) = records(world)
    assert record.delivered is not None
    assert record.delivered.fluence_j_cm2[Channel.RED] == pytest.approx(18, abs=0.1)
    assert record.outcome is Outcome.INTERRUPTED


async def test_a_rename_changes_nothing(world: World) -> None:
    add(world)
    await world.hass.async_block_till_done()
    er.async_get(world.hass).async_update_entity(PANEL, new_entity_id="light.renamed")
    await world.hass.async_block_till_done()
    await switch(world, on=True)
    assert [record.open for record in records(world)] == [True]
    await switch(world, on=False)
    assert [record.open for record in records(world)] == [False]


async def test_a_light_that_is_no_longer_tracked_is_settled(world: World) -> None:
    subentry = add(world)
    await switch(world, on=True)
    entry = world.hass.config_entries.async_get_known_entry(world.person.person_id)
    world.hass.config_entries.async_remove_subentry(entry, subentry.subentry_id)
    await world.hass.async_block_till_done()
    assert [record.open for record in records(world)] == [False]
    await switch(world, on=False)
    await switch(world, on=True)
    assert len(records(world)) == 1


async def test_a_full_disk_is_tried_again(world: World) -> None:
    add(world)
    full = OSError(28, "No space left on device")
    with patch("custom_components.facial_therapy.storage.ledger_file.os.fsync", side_effect=full):
        await switch(world, on=True)
        assert records(world) == []
    await wait(world, 0.6)
    assert [record.open for record in records(world)] == [True]


async def test_its_events_do_not_name_the_light(world: World) -> None:
    registry = er.async_get(world.hass)
    entity_id = registry.async_get_entity_id(
        "event", DOMAIN, f"{world.person.person_id}_external_session"
    )
    assert entity_id is not None
    registry.async_update_entity(entity_id, disabled_by=None)
    await world.hass.config_entries.async_reload(world.person.person_id)
    await world.hass.async_block_till_done()
    add(world)
    events = []
    for on in (True, False):
        await switch(world, on=on)
        state = world.hass.states.get(entity_id)
        assert state is not None
        events.append(
            (state.attributes["event_type"], state.attributes["by"], state.attributes["user_id"])
        )
    assert events == [
        ("tracked_on", "home_assistant", None),
        ("tracked_off", "home_assistant", None),
    ]

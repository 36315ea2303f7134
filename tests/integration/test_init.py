"""Set up, unload and remove entries, and changes of the node's ESPHome entry: each only stops."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

from homeassistant.config_entries import (
    ConfigEntry,
    ConfigEntryDisabler,
    ConfigEntryState,
    ConfigFlow,
)
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
import pytest
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    MockModule,
    async_fire_time_changed,
    mock_config_flow,
    mock_integration,
    mock_platform,
)

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.device import NodeState
from custom_components.facial_therapy.core.ledger.record import Record
from custom_components.facial_therapy.core.model import Modality, Outcome
from custom_components.facial_therapy.core.refusal import Reason
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.devices.port import DeviceError, Problem
from custom_components.facial_therapy.storage.ledger import LEDGER
from tests.integration.world import World, person_entry

modalities = pytest.mark.parametrize("modality", list(Modality))


@pytest.fixture(name="world")
async def world_fixture(hass: HomeAssistant, world: World) -> AsyncGenerator[World]:
    """A loaded device and a person, with an ESPHome entry that is loaded too."""
    mock_integration(
        hass, MockModule("esphome", async_setup_entry=succeed, async_unload_entry=succeed)
    )
    mock_platform(hass, "esphome.config_flow")
    with mock_config_flow("esphome", ConfigFlow):
        assert await hass.config_entries.async_setup(world.esphome.entry_id)
        await hass.async_block_till_done()
        yield world


async def succeed(_hass: HomeAssistant, _entry: ConfigEntry) -> bool:
    """Set up or unload a node in ESPHome."""
    return True


def issues(world: World) -> set[str]:
    """The repairs of the device."""
    return {
        issue.translation_key or ""
        for (domain, _), issue in ir.async_get(world.hass).issues.items()
        if domain == DOMAIN
    }


def record(world: World) -> Record:
    """The only session in the ledger."""
    ledger = world.hass.data[LEDGER]
    [session_id] = ledger.session_ids()
    found = ledger.get(session_id)
    assert found is not None
    return found


def flowing(world: World) -> bool:
    """Return whether the node's output is on."""
    return world.device.state in (NodeState.RAMPING, NodeState.RUNNING)


def closed(world: World) -> bool:
    """Whether the coordinator has let go of its channel for good."""
    return world.coordinator.closed


def connected(world: World) -> bool:
    """Whether a channel is open."""
    return world.device.connected


async def stopping(world: World) -> None:
    """Let the longest time of an unconfirmed stop pass, for which Home Assistant itself waits."""
    for _ in range(8):
        world.freezer.tick(timedelta(seconds=0.5))
        world.device.advance(0.5)
        async_fire_time_changed(world.hass)
        for _ in range(20):
            await asyncio.sleep(0)
    await world.hass.async_block_till_done()
    await world.hass.async_block_till_done(wait_background_tasks=True)


async def leave(world: World, *, disabled: bool) -> None:
    """Take the node away from ESPHome."""
    if disabled:
        await world.hass.config_entries.async_set_disabled_by(
            world.esphome.entry_id, ConfigEntryDisabler.USER
        )
    else:
        await world.hass.config_entries.async_remove(world.esphome.entry_id)
    await stopping(world)


async def come_back(world: World, *, disabled: bool) -> None:
    """Give the node back to ESPHome: enabled, or added again."""
    if disabled:
        await world.hass.config_entries.async_set_disabled_by(world.esphome.entry_id, None)
    else:
        again = MockConfigEntry(
            domain="esphome",
            title="Node",
            data=world.esphome.data,
            unique_id=world.esphome.unique_id,
        )
        await world.hass.config_entries.async_add(again)
    await stopping(world)


@modalities
async def test_a_device_and_a_person_are_set_up(world: World) -> None:
    assert [entry.state for entry in world.hass.config_entries.async_entries(DOMAIN)] == [
        ConfigEntryState.LOADED
    ] * 2
    assert world.coordinator.state is SessionState.IDLE
    assert connected(world)
    assert not world.coordinator.data.refusals
    assert not issues(world)
    started = {
        "start_session",
        "check_session",
        "pause_session",
        "resume_session",
        "lower_session",
        "stop_session",
        "stop_all",
    }
    expected = started | {
        "get_history",
        "log_session",
        "confirm_step",
        "skip_planned",
        "accept_next_phase",
        "skip_step",
        "start_routine",
        "stop_routine",
        "block_person",
        "report_reaction",
    }
    assert world.hass.services.async_services_for_domain(DOMAIN).keys() == expected


@modalities
async def test_unloading_pauses_the_session_and_lets_go_of_the_device(world: World) -> None:
    await world.run()
    assert flowing(world)

    assert await world.hass.config_entries.async_unload(world.entry.entry_id)

    assert world.entry.state is ConfigEntryState.NOT_LOADED
    assert "pause" in world.device.commands
    assert not flowing(world)
    assert not connected(world)
    assert record(world).open
    renewals = world.device.commands.count("renew")
    await world.pass_time(10)
    assert world.device.commands.count("renew") == renewals


async def test_a_reload_resumes_nothing(world: World) -> None:
    await world.run()

    await world.hass.config_entries.async_reload(world.entry.entry_id)
    await world.pass_time(30)

    assert world.entry.state is ConfigEntryState.LOADED
    assert world.coordinator.state is SessionState.SUSPENDED
    assert connected(world)
    assert not flowing(world)
    assert world.device.commands.count("start") == 1
    assert world.device.commands.count("resume") == 0


@modalities
@pytest.mark.parametrize(
    ("disabled", "issue"), [(False, "esphome_removed"), (True, "esphome_disabled")]
)
async def test_a_node_that_leaves_esphome_is_stopped_and_closed_and_comes_back_idle(
    world: World, *, disabled: bool, issue: str
) -> None:
    await world.run()

    await leave(world, disabled=disabled)
    assert issues(world) == {issue}
    assert closed(world)
    assert world.device.session is None
    assert not connected(world)
    assert record(world).outcome is Outcome.INTERRUPTED
    assert [refusal.reason for refusal in world.coordinator.data.refusals] == [
        Reason.DEVICE_OFFLINE
    ]

    await come_back(world, disabled=disabled)
    assert world.entry.state is ConfigEntryState.LOADED
    assert not issues(world)
    assert not closed(world)
    assert connected(world)
    assert world.coordinator.state is SessionState.IDLE
    assert [refusal.reason for refusal in world.coordinator.data.refusals] == [
        Reason.STILL_WORN
    ]  # since the session that was stopped
    assert world.device.commands.count("start") == 1


@pytest.mark.parametrize("disabled", [False, True])
async def test_a_node_that_did_not_confirm_its_stop_comes_back_too(
    world: World, *, disabled: bool
) -> None:
    await world.run()
    world.device.silent = True

    await leave(world, disabled=disabled)
    await world.pass_time(15)
    assert closed(world)
    assert not flowing(world)  # its lease has ended it
    assert record(world).open

    world.device.silent = False
    await come_back(world, disabled=disabled)
    await world.pass_time(5)
    assert not closed(world)
    assert world.coordinator.state is SessionState.IDLE
    assert world.device.session is None
    assert record(world).outcome is Outcome.INTERRUPTED


async def test_reloading_the_esphome_entry_does_not_touch_a_session(world: World) -> None:
    await world.run()

    world.hass.config_entries.async_update_entry(
        world.esphome, title="Another name", data={**world.esphome.data, "port": 6054}
    )
    await world.pass_time(5)

    assert world.coordinator.state is SessionState.RUNNING
    assert flowing(world)


async def test_other_nodes_may_come_and_go(world: World) -> None:
    await world.run()
    for unique_id in (None, "98:35:69:00:00:09"):
        other = MockConfigEntry(domain="esphome", unique_id=unique_id)
        other.add_to_hass(world.hass)
        await world.hass.config_entries.async_remove(other.entry_id)
    await world.pass_time(2)

    assert world.coordinator.state is SessionState.RUNNING
    assert not issues(world)


async def test_a_node_that_leaves_while_its_device_is_unloaded_is_no_error(world: World) -> None:
    await world.hass.config_entries.async_unload(world.entry.entry_id)

    await leave(world, disabled=True)

    assert world.entry.state is ConfigEntryState.NOT_LOADED


@pytest.mark.parametrize(
    ("disabled", "issue"), [(False, "esphome_removed"), (True, "esphome_disabled")]
)
async def test_a_device_without_its_node_is_set_up_and_says_so_until_it_connects(
    world: World, *, disabled: bool, issue: str
) -> None:
    await world.hass.config_entries.async_unload(world.entry.entry_id)
    await leave(world, disabled=disabled)
    world.device.available = False

    await world.hass.config_entries.async_setup(world.entry.entry_id)
    await world.hass.async_block_till_done()
    assert world.entry.state is ConfigEntryState.LOADED
    assert issues(world) == {issue}

    world.device.connect()
    assert not issues(world)


async def test_a_firmware_that_does_not_fit_is_a_repair_until_it_does(world: World) -> None:
    world.device.disconnect()
    world.device._problem = DeviceError(Problem.WRONG_CONTRACT, version="9.0")
    world.device._on_connection(False)  # noqa: FBT003 - the port's signature
    [issue] = [
        issue for (domain, _), issue in ir.async_get(world.hass).issues.items() if domain == DOMAIN
    ]
    assert (issue.translation_key, issue.translation_placeholders) == (
        "wrong_contract",
        {"device": "Mask", "version": "9.0"},
    )

    world.device.connect()
    assert not issues(world)


@pytest.mark.parametrize("disabled", [False, True])
async def test_without_its_person_a_session_is_stopped_and_a_repair_says_that_there_is_nobody(
    world: World, *, disabled: bool
) -> None:
    await world.run()
    [person] = [
        entry
        for entry in world.hass.config_entries.async_entries(DOMAIN)
        if entry.entry_id != world.entry.entry_id
    ]

    if disabled:
        await world.hass.config_entries.async_set_disabled_by(
            person.entry_id, ConfigEntryDisabler.USER
        )
    else:
        await world.hass.config_entries.async_remove(person.entry_id)
    await world.hass.async_block_till_done(wait_background_tasks=True)
    assert not flowing(world)
    assert world.device.session is None
    assert issues(world) == {"no_person"}
    assert [refusal.reason for refusal in world.coordinator.data.refusals] == [Reason.NO_PERSON]

    world.device.profiles = [*world.device.profiles, 7]
    world.device.report()
    await world.hass.config_entries.async_add(person_entry("Grace", 7))
    assert not issues(world)
    world.device.take_off()
    world.device.report()
    await world.hass.async_block_till_done()
    assert not world.coordinator.data.refusals


async def test_nobody_is_missed_where_there_is_no_device(world: World) -> None:
    [person] = [
        entry
        for entry in world.hass.config_entries.async_entries(DOMAIN)
        if entry.entry_id != world.entry.entry_id
    ]
    await world.hass.config_entries.async_remove(person.entry_id)
    assert issues(world) == {"no_person"}

    await world.hass.config_entries.async_remove(world.entry.entry_id)
    assert not issues(world)


async def test_removing_a_device_stops_it_and_forgets_its_choices_and_repairs(
    world: World, hass_storage: dict[str, Any]
) -> None:
    await world.coordinator.async_set(program="manual")
    await world.pass_time(10)
    key = f"{DOMAIN}.settings.{world.entry.entry_id}"
    assert key in hass_storage
    await world.run()
    await leave(world, disabled=False)
    assert issues(world)

    await world.hass.config_entries.async_remove(world.entry.entry_id)

    assert not flowing(world)
    assert not issues(world)
    assert key not in hass_storage
    assert record(world).outcome is Outcome.INTERRUPTED


@modalities
async def test_home_assistant_pauses_its_sessions_before_it_stops(world: World) -> None:
    await world.run()
    at_stop: list[bool] = []
    world.hass.bus.async_listen_once(
        EVENT_HOMEASSISTANT_STOP, lambda _: at_stop.append(flowing(world))
    )

    await world.hass.async_stop(force=True)

    assert at_stop == [False]
    assert "pause" in world.device.commands
    assert record(world).open

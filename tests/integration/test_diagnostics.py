"""What a user sends to strangers: enough to find a mistake, and nothing about anybody."""

import json
from pathlib import Path
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
import pytest
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

import custom_components.facial_therapy
from custom_components.facial_therapy.const import CONF_PROFILE, DOMAIN
from custom_components.facial_therapy.core.model import Channel, Modality
from custom_components.facial_therapy.devices.port import DeviceError, Problem
from tests.integration.world import World

VERSION = json.loads(
    (Path(custom_components.facial_therapy.__file__).parent / "manifest.json").read_text()
)["version"]


@pytest.fixture(name="ask")
async def ask_fixture(hass: HomeAssistant, hass_client: ClientSessionGenerator) -> Any:
    """Download the diagnostics of an entry."""
    return lambda entry: get_diagnostics_for_config_entry(hass, hass_client, entry)


def person(world: World) -> ConfigEntry:
    """The entry of the person."""
    [found] = [
        entry
        for entry in world.hass.config_entries.async_entries(DOMAIN)
        if CONF_PROFILE in entry.data
    ]
    return found


@pytest.mark.parametrize("modality", list(Modality))
async def test_a_running_device_shows_what_it_does_and_nothing_about_anybody(
    world: World, ask: Any
) -> None:
    await world.run()
    live = world.coordinator.live
    assert live is not None

    diagnostics = await ask(world.entry)

    assert diagnostics["version"] == VERSION
    assert (diagnostics["kind"], diagnostics["state"], diagnostics["modality"]) == (
        "device",
        "loaded",
        world.modality.value,
    )
    assert diagnostics["channels"] == (
        [channel.value for channel in Channel] if world.modality is Modality.MASK else []
    )
    assert (
        diagnostics["session_state"],
        diagnostics["connected"],
        diagnostics["closed"],
        diagnostics["problem"],
    ) == ("running", True, False, None)
    assert diagnostics["description"]["contract"] == "1.0"
    assert diagnostics["telemetry"]["state"] == "running"
    assert diagnostics["session"]["planned_s"] == 60
    assert diagnostics["limits"]["duration"]["hard"]["maximum"] in (900, 1200)
    secrets = [
        live.session_id,
        live.person.name,
        str(live.person.profile),
        live.person.person_id,
        live.program,
    ]
    text = json.dumps(
        {key: diagnostics[key] for key in ("telemetry", "session", "last_session", "refusals")}
    )
    assert not [secret for secret in secrets if secret in text]
    everything = json.dumps(diagnostics)
    assert not [
        secret
        for secret in (
            world.coordinator.mac,
            world.coordinator.mac.replace(":", ""),
            "127.0.0.1",
            live.person.name,
        )
        if secret in everything
    ]
    keys = set(diagnostics["telemetry"]) | set(diagnostics["session"])
    assert not keys & {
        "owner",
        "session_id",
        "person",
        "program",
        "delivered",
        "impedance_ohm",
        "level_mw_cm2",
        "level_ua",
        "profile",
        "skin_factor",
    }


async def test_a_device_that_cannot_be_reached_shows_why_without_its_address(
    world: World, ask: Any
) -> None:
    world.device.disconnect()
    world.device._problem = DeviceError(
        Problem.CANNOT_CONNECT, error="Error connecting to 192.0.2.1:6053"
    )
    unreachable = await ask(world.entry)
    assert (unreachable["connected"], unreachable["problem"], unreachable["contract_found"]) == (
        False,
        "cannot_connect",
        None,
    )
    assert unreachable["refusals"] == [
        {"reason": "device_offline", "field": None, "minimum": None, "maximum": None, "unit": ""}
    ]
    assert "192.0.2.1" not in json.dumps(unreachable)

    world.device._problem = DeviceError(Problem.WRONG_CONTRACT, version="9.0")
    assert (await ask(world.entry))["contract_found"] == "9.0"


async def test_how_the_last_session_ended_is_shown(world: World, ask: Any) -> None:
    await world.run()
    await world.coordinator.async_stop()

    stopped = await ask(world.entry)

    assert stopped["session"] is None
    assert stopped["last_session"]["outcome"] == "stopped"


async def test_a_device_that_is_not_loaded_shows_only_its_entry(world: World, ask: Any) -> None:
    await world.hass.config_entries.async_unload(world.entry.entry_id)

    assert await ask(world.entry) == {
        "version": VERSION,
        "kind": "device",
        "state": "not_loaded",
        "modality": "mask",
        "channels": [channel.value for channel in Channel],
    }


async def test_nothing_is_known_about_a_person(world: World, ask: Any) -> None:
    assert await ask(person(world)) == {"version": VERSION, "kind": "person", "state": "loaded"}

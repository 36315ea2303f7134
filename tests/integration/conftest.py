"""Fixtures of the integration's tests."""

import asyncio
from collections.abc import AsyncGenerator
import os
from pathlib import Path
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest

import custom_components.facial_therapy  # noqa: F401 - imported before Home Assistant looks for it
from custom_components.facial_therapy.core.model import Modality
from tests.fake_device import MASK, WAND, FakeDevice
from tests.integration.world import PROFILE, World, device_entry, esphome_entry, person_entry


@pytest.fixture(autouse=True)
def _custom(enable_custom_integrations: None) -> None:
    """Let Home Assistant find us."""


@pytest.fixture(autouse=True)
async def enable_event_loop_debug() -> None:
    """Use the event loop's debug mode in long runs only: it takes half of the time."""
    asyncio.get_running_loop().set_debug(bool(os.environ.get("FACIAL_THERAPY_LONG")))


@pytest.fixture
def modality() -> Modality:
    """Override to test with the wand."""
    return Modality.MASK


@pytest.fixture
async def world(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, modality: Modality, tmp_path: Path
) -> AsyncGenerator[World]:
    """A loaded device and a person."""
    fake = FakeDevice(MASK if modality is Modality.MASK else WAND)
    fake.profiles = [PROFILE]
    esphome = esphome_entry(hass, modality)
    person, device = person_entry(), device_entry(modality)
    with (
        patch("custom_components.facial_therapy.coordinator.NodeDevice", return_value=fake),
        patch("custom_components.facial_therapy.ledger_path", return_value=tmp_path / "ledger"),
    ):
        person.add_to_hass(hass)
        assert await hass.config_entries.async_setup(person.entry_id)
        device.add_to_hass(hass)
        await hass.config_entries.async_setup(device.entry_id)
        await hass.async_block_till_done()
        fake.commands.clear()
        yield World(hass, freezer, fake, device, esphome, modality)

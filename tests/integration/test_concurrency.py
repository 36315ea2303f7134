"""Everybody at once: one face has one session."""

import asyncio
from unittest.mock import patch

import pytest

from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.refusal import Reason, RefusedError
from custom_components.facial_therapy.session.view import LiveSession
from custom_components.facial_therapy.storage.ledger import LEDGER
from tests.fake_device import WAND, FakeDevice
from tests.integration.world import PROFILE, World, device_entry, esphome_entry

EVE = 815
STARTS = 100


@pytest.fixture
async def wand(world: World) -> World:
    """A wand beside the mask."""
    fake, entry, esphome = (
        FakeDevice(WAND),
        device_entry(Modality.WAND),
        esphome_entry(world.hass, Modality.WAND),
    )
    fake.profiles = [PROFILE, EVE]
    with patch("custom_components.facial_therapy.coordinator.NodeDevice", return_value=fake):
        entry.add_to_hass(world.hass)
        assert await world.hass.config_entries.async_setup(entry.entry_id)
        await world.hass.async_block_till_done()
    return World(world.hass, world.freezer, fake, entry, esphome, Modality.WAND)


async def test_of_a_hundred_starts_on_two_devices_for_one_person_one_runs(
    world: World, wand: World
) -> None:
    answers = await asyncio.gather(
        *(one.coordinator.async_start(one.ask()) for one in (world, wand) * (STARTS // 2)),
        return_exceptions=True,
    )
    begun = [answer for answer in answers if isinstance(answer, LiveSession)]
    refused = [answer for answer in answers if isinstance(answer, RefusedError)]
    assert (len(begun), len(refused)) == (1, STARTS - 1)
    assert {refusal.binding.reason for refusal in refused} <= {Reason.BUSY, Reason.OTHER_SESSION}
    ledger = world.hass.data[LEDGER]
    assert ledger.session_ids() == [begun[0].session_id]
    assert sum(one.device.session is not None for one in (world, wand)) == 1


async def test_two_people_on_two_devices_are_not_in_each_others_way(
    world: World, wand: World
) -> None:
    eve = await world.somebody_else(profile=EVE)
    await asyncio.gather(
        world.coordinator.async_start(world.ask()),
        wand.coordinator.async_start(wand.ask(person=eve)),
    )
    assert world.device.session is not None
    assert wand.device.session is not None


async def test_a_start_that_cannot_be_written_reserves_nothing_on_the_other_device(
    world: World, wand: World
) -> None:
    with (
        patch("custom_components.facial_therapy.storage.ledger_file.LedgerFile.append", no_room),
        pytest.raises(RefusedError),
    ):
        await world.coordinator.async_start(world.ask())
    assert world.device.session is None
    refusals = wand.coordinator.check(wand.ask())
    assert [refusal.reason for refusal in refusals] == [Reason.STORE_FAILED]
    await world.hass.data[LEDGER].async_probe(world.hass)  # there is room again
    await wand.coordinator.async_start(wand.ask())
    assert wand.device.session is not None


def no_room(*_arguments: object) -> int:
    """Append to a ledger on a full disk."""
    raise OSError(28, "No space left on device")

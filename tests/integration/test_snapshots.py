"""Every entity of a mask, a wand and a person: its registry entry and its state, as snapshots.

After a change that is meant, review the difference and write them again:
`.work/homeassistant/bin/python -m pytest tests/integration/test_snapshots.py --snapshot-update`
"""

from collections.abc import AsyncGenerator
from pathlib import Path

import attr
from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion

from custom_components.facial_therapy.core.model import Modality
from tests.integration.entities import all_enabled
from tests.integration.house import House, furnished

EVENING = "2026-11-30 20:00:00+00:00"


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Return snapshots that leave out the ids that Home Assistant draws."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


@pytest.fixture
async def house(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> AsyncGenerator[House]:
    """Return both devices and a person, every entity enabled, on one evening."""
    freezer.move_to(EVENING)
    with all_enabled():
        async with furnished(hass, freezer, tmp_path) as house:
            yield house


def check(house: House, entry_id: str, snapshot: SnapshotAssertion) -> None:
    """Compare every entity of a config entry with its snapshot."""
    entries = er.async_entries_for_config_entry(er.async_get(house.hass), entry_id)
    assert entries
    for entry in sorted(entries, key=lambda entry: entry.entity_id):
        # A person's entities have the id of the entry in theirs.
        unique_id = entry.unique_id.replace(house.person.entry_id, "person")
        registered = attr.evolve(entry, unique_id=unique_id)
        assert registered == snapshot(name=f"{entry.entity_id}-entry")
        assert house.hass.states.get(entry.entity_id) == snapshot(name=f"{entry.entity_id}-state")


@pytest.mark.parametrize("modality", list(Modality))
async def test_the_entities_of_a_device(
    house: House, modality: Modality, snapshot: SnapshotAssertion
) -> None:
    check(house, house.entries[modality].entry_id, snapshot)


async def test_the_entities_of_a_person(house: House, snapshot: SnapshotAssertion) -> None:
    check(house, house.person.entry_id, snapshot)

"""The entities of a mask, a wand and a person, as Home Assistant registers and shows them.

After an intended change: `pytest tests/integration/test_entity_snapshots.py --snapshot-update`, and
read the difference of the `.ambr` file.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion

from custom_components.facial_therapy.core.model import Modality
from tests.integration.entities import all_enabled
from tests.integration.house import House, furnished
from tests.integration.world import person_entry

MONDAY_EVENING = "2026-11-30T19:00:00-08:00"
PERSON = "person"
OWNERS = ["mask", "wand", PERSON]


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Write states and registry entries as Home Assistant does, without ids that differ."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


@asynccontextmanager
async def home(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, folder: Path
) -> AsyncGenerator[House]:
    """Load a mask, a wand and a person whose config entry id is the same in every run."""
    freezer.move_to(MONDAY_EVENING)
    entry = person_entry()
    ada = MockConfigEntry(
        domain=entry.domain,
        title=entry.title,
        data=dict(entry.data),
        unique_id=entry.unique_id,
        minor_version=entry.minor_version,
        entry_id="ada",
    )
    with patch("tests.integration.house.person_entry", return_value=ada):
        async with furnished(hass, freezer, folder) as house:
            await house.pass_time(1)
            yield house


def entities_of(house: House, parent: str) -> list[er.RegistryEntry]:
    """Return the entities of a device or the person, in the order of their ids."""
    entry = house.person if parent == PERSON else house.entries[Modality(parent)]
    entries = er.async_entries_for_config_entry(er.async_get(house.hass), entry.entry_id)
    assert entries
    return sorted(entries, key=lambda entry: entry.entity_id)


@pytest.mark.parametrize("parent", OWNERS)
async def test_the_registered_entities_are_as_in_the_snapshot(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
    snapshot: SnapshotAssertion,
    parent: str,
) -> None:
    async with home(hass, freezer, tmp_path) as house:
        for entry in entities_of(house, parent):
            assert entry == snapshot(name=f"{entry.entity_id}-entry")


@pytest.mark.parametrize("parent", OWNERS)
async def test_the_states_are_as_in_the_snapshot_with_every_entity_enabled(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
    snapshot: SnapshotAssertion,
    parent: str,
) -> None:
    with all_enabled():
        async with home(hass, freezer, tmp_path) as house:
            for entry in entities_of(house, parent):
                state = hass.states.get(entry.entity_id)
                assert state is not None
                assert state == snapshot(name=f"{entry.entity_id}-state")

"""The store-damage matrix: every file of ours on a real disk, damaged in every way, at a start.

    .work/homeassistant/bin/python -m pytest -s tests/integration/storage/test_damage.py

The last test prints the matrix. Wherever the damage is, Home Assistant loads us, a session of the
other device runs and stops, and the log has exactly one line of ours about it.
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
import logging
import os
import sys
from typing import Any, Final
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest

from custom_components.facial_therapy.config_flow import ADD_PERSON
from custom_components.facial_therapy.const import CONF_ELIGIBILITY, DOMAIN, LOGGER
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.person import Eligibility
from custom_components.facial_therapy.core.refusal import Reason
from custom_components.facial_therapy.people.registry import find_person
from custom_components.facial_therapy.session.settings import Settings
from custom_components.facial_therapy.storage.ledger import LEDGER, Ledger
from tests.fake_device import MASK, WAND, FakeDevice
from tests.integration.storage.damages import (
    DAMAGES,
    LEDGER_DAMAGES,
    LEDGER_FILE,
    PLACE,
    PROPOSALS,
    REMAINDER,
    ROUTINES,
    SETTINGS,
    STORES,
    Home,
    damage,
)
from tests.integration.storage.test_ledger import record
from tests.integration.world import PROFILE, device_entry, esphome_entry, person_entry

# --- a home on a real disk ------------------------------------------------------------------------


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Use a folder of this test's own."""
    return hass_tmp_config_dir


@pytest.fixture
def hass_storage() -> dict[str, Any]:
    """Let stores use the disk, which the test harness otherwise keeps them from."""
    return {}


@pytest.fixture
async def home(hass: HomeAssistant, freezer: FrozenDateTimeFactory) -> AsyncGenerator[Home]:
    """Both devices and a person, before Home Assistant loads them."""
    nodes = {Modality.MASK: FakeDevice(MASK), Modality.WAND: FakeDevice(WAND)}
    for node in nodes.values():
        node.profiles = [PROFILE]
    made = Home(hass, freezer, person_entry(), {each: device_entry(each) for each in nodes}, nodes)
    made.storage.mkdir(exist_ok=True)
    for modality in nodes:
        esphome_entry(hass, modality)
    for entry in (made.person, *made.entries.values()):
        entry.add_to_hass(hass)
    with patch(
        "custom_components.facial_therapy.coordinator.NodeDevice",
        side_effect=lambda _hass, _mac, modality: nodes[modality],
    ):
        yield made


MATRIX: Final[dict[tuple[str, str], str]] = {}


def ours(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Our lines in the log that somebody has to look at."""
    return [
        each.getMessage()
        for each in caplog.records
        if each.name == LOGGER.name and each.levelno >= logging.WARNING
    ]


def loaded(home: Home) -> bool:
    entries = (home.person, *home.entries.values())
    return all(entry.state is ConfigEntryState.LOADED for entry in entries)


def shown(home: Home, modality: Modality, key: str) -> str:
    """The state of an entity of a device."""
    entity_id = er.async_get(home.hass).async_get_entity_id(
        "select", DOMAIN, f"{home.entries[modality].unique_id}_{key}"
    )
    state = home.hass.states.get(entity_id or "")
    assert state is not None
    return state.state


# --- the matrix -----------------------------------------------------------------------------------


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("store", [SETTINGS, ROUTINES, PROPOSALS])
async def test_a_damaged_preference_costs_the_preference_and_nothing_else(
    home: Home, caplog: pytest.LogCaptureFixture, store: str, how: str
) -> None:
    damage(STORES[store](home), how)
    await home.load()
    assert loaded(home)
    lines = ours(caplog)
    assert len(lines) == 1, lines
    assert lines[0].startswith("Failed to read")
    if store == SETTINGS:
        assert shown(home, Modality.MASK, "program") == Settings().program
    assert await home.stops(Modality.WAND)
    await home.act("stop_session", Modality.MASK)
    assert "stop" in home.nodes[Modality.MASK].commands
    assert ours(caplog) == lines
    assert not home.issues
    MATRIX[store, how] = "default"


@pytest.mark.parametrize("how", DAMAGES)
async def test_damaged_holds_of_removed_people_are_the_strictest_for_a_new_person(
    home: Home, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    damage(STORES[REMAINDER](home), how)
    await home.load()
    assert loaded(home)
    lines = ours(caplog)
    assert len(lines) == 1, lines
    assert home.issues == {"holds_unreadable"}
    assert await home.stops(Modality.WAND)
    added = await add(home)
    now = dt_util.utcnow()
    assert added.red_flag_at is not None
    assert added.holds.keys() == set(Modality)
    assert all(hold.hard_until > now + timedelta(days=180) for hold in added.holds.values())
    assert home.issues == {"holds_unreadable"}
    assert not find_person(home.hass, "Ada").eligibility.holds, "who was here keeps their own"
    if how not in ("future version", *PLACE):  # else it is said at each attempt
        assert ours(caplog) == lines
        home.freezer.tick(timedelta(days=8, seconds=1))
        assert not (await add(home, "Bo")).holds
        assert home.issues == set()
    MATRIX[REMAINDER, how] = "strictest hold, repair holds_unreadable"


async def add(home: Home, name: str = "Eve") -> Eligibility:
    """Add a person by the flow, and return their eligibility."""
    flow = home.hass.config_entries.flow
    step = await flow.async_init(DOMAIN, context={"source": SOURCE_USER}, data=ADD_PERSON)
    answers: list[dict[str, Any]] = [
        {"name": name},
        {"adult": True, "confirmed": True},
        {"confirmed": True},
        {"confirmed": True},
    ]
    for each in answers:
        step = await flow.async_configure(step["flow_id"], each)
    assert step["type"] is FlowResultType.CREATE_ENTRY
    await home.hass.async_block_till_done()
    return find_person(home.hass, name).eligibility


async def test_healthy_holds_are_inherited_as_they_are(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    STORES[REMAINDER](home)
    await home.load()
    added = await add(home)
    assert not added.holds
    assert added.not_fine_until is not None
    assert not home.issues
    assert not ours(caplog)


@pytest.mark.parametrize("how", LEDGER_DAMAGES)
async def test_a_damaged_ledger_starts_nothing_and_stops_everything(
    home: Home, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    path = home.storage / f"{DOMAIN}.ledger"
    ledger = Ledger(path)
    await ledger.async_load(home.hass)
    for number in range(3):
        await ledger.async_open(home.hass, record(f"{number:016x}", person_id="somebody"))
    LEDGER_DAMAGES[how](path)
    await home.load()
    assert loaded(home)
    assert [each.partition(",")[0] for each in ours(caplog)] == ["Failed to read the ledger"]
    repair = "ledger_too_new" if how == "future version" else "ledger_unreadable"
    assert home.issues == {repair}
    issue = ir.async_get(home.hass).async_get_issue(DOMAIN, repair)
    assert issue is not None
    assert issue.is_fixable is (how != "future version")
    for modality in Modality:
        with pytest.raises(HomeAssistantError) as refused:
            await home.act("start_session", modality, program="first_use")
        assert refused.value.translation_key == Reason.LEDGER_UNREADABLE
        await home.act("stop_session", modality)
        assert "stop" in home.nodes[modality].commands
    assert len(ours(caplog)) == 1
    MATRIX[LEDGER_FILE, how] = f"nothing starts, repair {repair}"


@pytest.mark.parametrize("how", LEDGER_DAMAGES)
async def test_stop_reaches_a_running_session_though_the_ledger_became_unreadable(
    home: Home, how: str
) -> None:
    await home.load()
    await home.run(Modality.WAND)
    LEDGER_DAMAGES[how](home.storage / f"{DOMAIN}.ledger")
    ledger = home.hass.data[LEDGER]
    await ledger.async_load(home.hass)
    assert ledger.unreadable
    await home.act("stop_session", Modality.WAND)
    assert not home.output_is_on(Modality.WAND)


@asynccontextmanager
async def unreadable_folder(home: Home) -> AsyncGenerator[None]:
    """Let nobody open anything in the folder of all stores, root neither: a link to itself."""
    aside = home.storage.with_name("aside")
    home.storage.rename(aside)
    home.storage.symlink_to(home.storage)
    try:
        yield
    finally:
        home.storage.unlink()
        aside.rename(home.storage)


async def test_an_unreadable_folder_leaves_stop_and_says_what_is_wrong(
    home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    for make in STORES.values():
        make(home)
    async with unreadable_folder(home):
        await home.load()
        assert loaded(home)
        assert home.issues == {"ledger_unreadable", "holds_unreadable"}
        heads = sorted(each.partition(",")[0].partition(":")[0] for each in ours(caplog))
        for label in (
            "the ledger",
            "the holds of",
            "the settings of Mask",
            "the plan of Ada",
            "the routine of Ada",
            "the reminders of Ada",
            "the op",
        ):
            assert sum(f"Failed to read {label}" in head for head in heads) == 1, heads
        for modality in Modality:
            await home.act("stop_session", modality)
            assert "stop" in home.nodes[modality].commands
        for store in (*STORES, LEDGER_FILE):
            MATRIX[store, "unreadable folder"] = "as for an unreadable file"


# --- protective data in the entry -----------------------------------------------------------------

ENTRY_DAMAGES: Final[Mapping[str, Any]] = {
    "wrong types": {"adult": "yes"},
    "missing key": None,
    "extra key": {"from_the_future": 1},
    "garbage": 5,
}


@pytest.mark.parametrize("how", ENTRY_DAMAGES)
async def test_a_damaged_eligibility_is_the_strictest_until_the_person_is_screened_again(
    home: Home, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    healthy, change = dict(home.person.data[CONF_ELIGIBILITY]), ENTRY_DAMAGES[how]
    if how == "missing key":
        del healthy["holds"]
    wrong = change if how == "garbage" else healthy | (change or {})
    home.hass.config_entries.async_update_entry(
        home.person, data={**home.person.data, CONF_ELIGIBILITY: wrong}
    )
    await home.load()
    assert loaded(home)
    assert len(ours(caplog)) == 1
    assert f"eligibility_unreadable_{home.person.entry_id}" in home.issues
    held = find_person(home.hass, "Ada").eligibility
    assert not held.adult
    assert held.red_flag_at is not None
    assert held.holds.keys() == set(Modality)
    for modality in Modality:
        with pytest.raises(HomeAssistantError):
            await home.act("start_session", modality, program="first_use")
        await home.act("stop_session", modality)
    await home.hass.config_entries.async_reload(home.person.entry_id)
    assert find_person(home.hass, "Ada").eligibility == held, "a restart loosens nothing"
    assert len(ours(caplog)) == 1
    MATRIX["eligibility (entry)", how] = "strictest hold, repair eligibility_unreadable"


def test_the_matrix_is_complete_and_is_shown() -> None:
    rows = sorted(f"| {store} | {how} | {what} |" for (store, how), what in MATRIX.items())
    sys.stdout.write("\n".join(["", "| store | damage | outcome |", "|---|---|---|", *rows, ""]))
    whole = 4 * len(DAMAGES) + len(LEDGER_DAMAGES) + 5 + len(ENTRY_DAMAGES)
    if "PYTEST_XDIST_WORKER" in os.environ:  # which has run some of the rows only
        assert len(rows) <= whole
    else:
        assert len(rows) in (0, whole)

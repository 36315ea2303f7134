"""What a ledger line costs a person: one agenda and one look ahead, however many show them."""

from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.facial_therapy.core.gate.eligibility import reddened
from custom_components.facial_therapy.core.model import Channel, Dose
from custom_components.facial_therapy.core.schedule.agenda import Agenda
from custom_components.facial_therapy.people.registry import async_change_eligibility
from custom_components.facial_therapy.storage.ledger import LEDGER
from tests.integration.entities import all_enabled
from tests.integration.house import House, furnished
from tests.integration.routines.test_plan_keeper import MONDAY_NOON, ask, clock
from tests.integration.world import completed


@pytest.fixture
async def house(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> AsyncGenerator[House]:
    """A house with both devices, every entity enabled, a plan, on a Monday at noon."""
    freezer.move_to(MONDAY_NOON)
    with all_enabled():
        async with furnished(hass, freezer, tmp_path) as found:
            await ask(found)
            yield found


@dataclass
class Counts:
    """How often the agenda was built, and how often the next evening was searched in it."""

    built: int = 0
    searched: int = 0


@pytest.fixture
def counts(house: House) -> Iterator[Counts]:  # noqa: ARG001 - the house is set up before
    """Count from now on."""
    found = Counts()
    build, search = Agenda.__init__, Agenda.upcoming

    def counted_build(agenda: Agenda, *args: Any) -> None:
        found.built += 1
        build(agenda, *args)

    def counted_search(agenda: Agenda, *args: Any) -> Any:
        found.searched += 1
        return search(agenda, *args)

    with (
        patch.object(Agenda, "__init__", counted_build),
        patch.object(Agenda, "upcoming", counted_search),
    ):
        yield found


async def write(house: House, days_ago: float) -> None:
    """Write a session of the person into the ledger."""
    dose = Dose(fluence_j_cm2={Channel.RED: 3})
    at = dt_util.utcnow() - timedelta(days=days_ago)
    record = completed(house.person.entry_id, at, dose)
    await house.hass.data[LEDGER].async_merge(house.hass, record)
    await house.hass.async_block_till_done()


@pytest.mark.parametrize("cards", [0, 1, 3])
async def test_a_ledger_line_builds_one_agenda_and_searches_the_next_evening_once(
    house: House, counts: Counts, hass_ws_client: WebSocketGenerator, cards: int
) -> None:
    """It was nine agendas and four searches, and three and two more with each card."""
    for _ in range(cards):
        client = await hass_ws_client(house.hass)
        await client.send_json_auto_id({"type": "facial_therapy/person"})
        assert (await client.receive_json())["success"]
    for days_ago in (7, 8, 9):
        counts.built = counts.searched = 0
        await write(house, days_ago)
        assert (counts.built, counts.searched) == (1, 1)


async def test_what_the_ledger_changes_is_shown_at_once(house: House) -> None:
    assert clock(house.shown("sensor", "next_session")) == "Mon 20:00"
    state = house.hass.states.get("sensor.ada_next_session")
    assert state is not None
    assert state.attributes["devices"] == ["wand", "mask"]
    await write(house, 0.5)
    state = house.hass.states.get("sensor.ada_next_session")
    assert state is not None
    assert state.attributes["devices"] == ["wand"]


async def test_what_is_reported_of_the_skin_is_shown_at_once(house: House) -> None:
    async_change_eligibility(house.hass, house.routines.person, reddened)
    await house.hass.async_block_till_done()
    state = house.hass.states.get("sensor.ada_next_session")
    assert state is not None
    assert state.attributes["devices"] == ["wand"]
    assert list(state.attributes["left_out"]) == ["mask"]


async def test_a_plan_that_is_chosen_is_shown_at_once(house: House, counts: Counts) -> None:
    await house.act("skip_planned")
    assert clock(house.shown("sensor", "next_session")) == "Wed 20:00"
    assert counts.built <= 2


async def test_a_minute_without_news_searches_once(house: House, counts: Counts) -> None:
    await house.pass_time(60, 60)
    assert (counts.built, counts.searched) == (0, 1)


async def test_a_new_day_builds_a_new_agenda(house: House, counts: Counts) -> None:
    house.freezer.move_to(MONDAY_NOON + timedelta(days=1))
    await house.pass_time(60, 60)
    assert counts.built == 1

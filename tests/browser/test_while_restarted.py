"""Home Assistant restarts while a page is open; after everything else, since others hold a connection to it. And what a session leaves in its database."""

import asyncio
import os
import sqlite3

from playwright.async_api import Browser, expect

from tests.real.household import Household
from tests.real.messages import Messages
from tests.real.session import pace
from tests.real.trial import put_on
from tests.real.watch import now_ns

from . import window as windows
from .test_card_session import RUNNING, card_of, open_cards, says, write_board

DURATION_S = 600 if os.environ.get("FACIAL_THERAPY_LONG") else 20
MOST_ROWS = 30
COMMITTED_S = 6
"""The recorder writes every 5 s."""


async def test_a_session_leaves_few_rows_in_the_recorder(household: Household, messages: Messages) -> None:
    """Everything of both devices and of both people, what the node tells Home Assistant itself included."""
    await pace(household, household.mask)
    await asyncio.sleep(COMMITTED_S)
    before = await asyncio.to_thread(_rows, household)
    program = {"person": "Ada", "program": "manual", "duration_s": DURATION_S, "channels": {"red": 10}}
    await messages.act("facial_therapy.start_session", {"device_id": household.mask.device_id, **program})
    await put_on(household.mask, on=True)
    await household.wait_session(messages, household.mask, "running")
    await household.wait_session(messages, household.mask, "idle", timeout_s=DURATION_S + 30)
    await put_on(household.mask, on=False)
    await asyncio.sleep(COMMITTED_S)
    after = await asyncio.to_thread(_rows, household)
    ours = {entity["entity_id"] for entity in await messages.call("config/entity_registry/list") if entity["platform"] in ("facial_therapy", "esphome")}
    rows = {entity_id: count - before.get(entity_id, 0) for entity_id, count in after.items() if entity_id in ours and count > before.get(entity_id, 0)}
    print(f"\na session of {DURATION_S} s: {sum(rows.values())} rows: {rows}")  # noqa: T201
    assert sum(rows.values()) <= MOST_ROWS


def _rows(household: Household) -> dict[str, int]:
    """Count the rows of every entity."""
    with sqlite3.connect(f"file:{household.home.directory}/home-assistant_v2.db?mode=ro", uri=True) as database:
        rows = "SELECT entity_id, COUNT(*) FROM states JOIN states_meta USING (metadata_id) GROUP BY entity_id"
        return dict(database.execute(rows).fetchall())


async def test_the_card_outlives_a_restart_of_home_assistant(browser: Browser, furnished: Household) -> None:
    station = furnished.mask
    async with furnished.messages() as messages:
        await write_board(furnished, messages, "restart")
    async with windows.window(browser, furnished.home) as window:
        await open_cards(window, "restart")
        card = card_of(window, station)
        await pace(furnished, station)
        began_ns = now_ns()
        await card.get_by_role("button", name="Start").click()
        await says(card, "Armed")
        await put_on(station, on=True)
        await says(card, *RUNNING)
        await furnished.witness.wait_lit(station.node.name, began_ns)
        stopped_ns = now_ns()
        await furnished.home.stop()
        await furnished.witness.wait_dark(station.node.name, stopped_ns)
        await says(card, "No connection")
        await expect(card.get_by_role("button", name="Stop")).to_be_enabled()
        await furnished.home.start()
        await says(card, "Ready", "Not ready", "Interrupted")
        await expect(card.get_by_role("button", name="Stop")).to_be_enabled()
        assert not (await furnished.witness.above(station.node.name, now_ns())).spans_s, "nothing resumes by itself"
    await put_on(station, on=False)

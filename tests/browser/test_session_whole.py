"""A whole session on the page (ten minutes in the long run), and a restart under the page."""

import asyncio
from collections import Counter
import os
import sqlite3

from playwright.async_api import Browser, expect
import pytest

from tests.real.household import Household, Station
from tests.real.messages import Messages
from tests.real.session import pace
from tests.real.trial import put_on
from tests.real.watch import now_ns

from . import window as windows
from .test_card import busy_s
from .test_card_session import card_of, open_cards, says, start, write_board

LONG = bool(os.environ.get("FACIAL_THERAPY_LONG"))
MINUTES = 10 if LONG else 1
COMMIT_S = 8
"""The recorder writes every five seconds."""
MOST_ROWS = 30
MOST_MAIN_THREAD_S = 6
"""Of a minute, with all that Home Assistant's own frontend does besides."""
OURS = "facial_therapy"


def rows(household: Household, since: float) -> Counter[str]:
    """Return the recorder's number of rows per entity and per kind of event since a time."""
    states = (
        "select meta.entity_id, count(*) from states join states_meta as meta using (metadata_id)"
        " where last_updated_ts >= ? group by 1"
    )
    events = (
        "select kind.event_type, count(*) from events join event_types as kind"
        " using (event_type_id) where time_fired_ts >= ? group by 1"
    )
    with sqlite3.connect(
        f"file:{household.home.directory / 'home-assistant_v2.db'}?mode=ro", uri=True
    ) as database:
        return Counter(
            dict([*database.execute(states, (since,)), *database.execute(events, (since,))])
        )


async def by_source(messages: Messages, counted: Counter[str]) -> dict[str, Counter[str]]:
    """Return the rows of ours, those of ESPHome, and all others."""
    platforms = {
        entity["entity_id"]: entity["platform"]
        for entity in await messages.call("config/entity_registry/list")
    }
    sources: dict[str, Counter[str]] = {OURS: Counter(), "esphome": Counter(), "other": Counter()}
    for what, count in counted.items():
        platform = platforms.get(what, OURS if what.startswith(OURS) else "other")
        sources[platform if platform in sources else "other"][what] += count
    return sources


async def show_cards(browser: Browser, household: Household, messages: Messages) -> None:
    """Make the board if no test before has."""
    boards = await messages.call("lovelace/dashboards/list")
    if not any(board["url_path"] == "cards-page" for board in boards):
        await write_board(household, messages)
    assert browser.is_connected()


async def test_a_whole_session_costs_few_rows_and_little_of_the_page(
    browser: Browser, household: Household, messages: Messages
) -> None:
    station: Station = household.mask
    await show_cards(browser, household, messages)
    async with windows.window(browser, household.home) as window:
        await open_cards(window)
        devtools = await window.page.context.new_cdp_session(window.page)
        await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
        card = card_of(window, station)
        await says(card, "Ready")
        await pace(household, station)
        since = float(await window.page.evaluate("Date.now()")) / 1000
        given = {
            "program": "manual",
            "channels": {"red": 6, "near_infrared": 6},
            "duration_s": 60 * MINUTES,
            "person": "Ada",
        }
        await messages.act(
            "facial_therapy.start_session", {"device_id": station.device_id, **given}
        )
        await says(card, "Armed")
        await put_on(station, on=True)
        await says(card, "Running")
        before_s, began_ns = await busy_s(devtools), now_ns()
        await expect(card.locator(".phase")).not_to_have_text(
            "Running", timeout=(MINUTES + 1) * 60_000
        )
        minutes = (now_ns() - began_ns) / 60e9
        busy = (await busy_s(devtools) - before_s) / minutes
    await put_on(station, on=False)
    await household.wait_session(messages, station, "idle")
    await asyncio.sleep(COMMIT_S)
    sources = await by_source(messages, rows(household, since))
    print(  # noqa: T201 - the figure
        f"\n{minutes:.1f} min in Home Assistant: {1000 * busy:.0f} ms of the main thread per"
        f" minute, load {os.getloadavg()[0]:.1f}"
    )
    for source, counted in sources.items():
        print(f"  {counted.total()} rows of {source}: {dict(counted.most_common())}")  # noqa: T201 - the figure
    assert minutes > 0.8 * MINUTES
    assert busy < MOST_MAIN_THREAD_S
    assert 0 < sources[OURS].total() <= MOST_ROWS
    assert sources["esphome"].total() <= MOST_ROWS


@pytest.mark.skipif(not LONG, reason="FACIAL_THERAPY_LONG is not set")
async def test_a_page_outlives_a_restart_of_home_assistant(
    browser: Browser, furnished: Household, messages: Messages
) -> None:
    """Nothing is reloaded, nothing goes on by itself, and everything works again."""
    station = furnished.wand
    await show_cards(browser, furnished, messages)
    async with windows.window(browser, furnished.home) as window:
        await open_cards(window)
        card = card_of(window, station)
        await says(card, "Ready")
        await window.page.evaluate("window.sameAsBefore = true")
        await start(card, furnished, station)
        await furnished.home.stop()
        stopped_ns = now_ns()
        await says(card, "No connection")
        await expect(card.get_by_role("button", name="Stop")).to_be_visible()
        await expect(card.get_by_role("button", name="Pause")).to_have_count(0)
        assert await furnished.witness.wait_dark(station.node.name, stopped_ns) - stopped_ns < 5e9
        await furnished.home.start()
        await says(card, "Ready", "Not ready", "Interrupted")  # has to be taken off first
        assert not (
            await furnished.witness.above(station.node.name, now_ns() - 1_000_000_000)
        ).spans_s
        if await card.get_by_role("button", name="Resume").is_visible():
            await card.get_by_role("button", name="Stop").click()
        await put_on(station, on=False)
        await says(card, "Ready")
        await start(card, furnished, station)
        await card.get_by_role("button", name="Stop").click()
        await put_on(station, on=False)
        await says(card, "Ready")
        assert await window.page.evaluate("window.sameAsBefore")

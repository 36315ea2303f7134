"""Card and dashboard are set up without a line of YAML: found in the card picker, suggested for our entities, and laid out in one click."""

import asyncio
from typing import Any

from playwright.async_api import expect
import pytest

from tests.real.household import Household
from tests.real.messages import Messages

from .window import Window

BOARD = "empty-page"
GENERATED = "generated-page"


@pytest.fixture(scope="module", autouse=True)
async def _boards(furnished: Household, messages: Messages) -> None:
    """Make a dashboard with an empty section, and one that is ours."""
    assert furnished.mask.device_id
    for url_path, title in ((BOARD, "Empty"), (GENERATED, "Generated")):
        await messages.call("lovelace/dashboards/create", url_path=url_path, title=title, mode="storage", show_in_sidebar=False)
    views = [{"type": "sections", "path": "empty", "title": "Empty", "sections": [{"type": "grid", "cards": []}]}]
    await messages.call("lovelace/config/save", url_path=BOARD, config={"views": views})
    await messages.call("lovelace/config/save", url_path=GENERATED, config={"strategy": {"type": "custom:facial-therapy"}})


async def test_the_card_is_added_through_the_picker_with_a_preview_and_a_form(window: Window, household: Household, messages: Messages) -> None:
    page = window.page
    await window.open(f"/{BOARD}/empty?edit=1")
    await page.locator("hui-grid-section .add").first.click()
    await page.get_by_role("tab", name="By card").click()
    await page.locator("hui-card-picker ha-input-search").first.click()
    await page.keyboard.type("Facial")
    picked = page.locator("hui-card-picker .card").filter(has_text="Facial Therapy").first
    await expect(picked.locator("facial-therapy-card")).to_be_visible()
    await picked.locator(".overlay").click()
    editor = page.locator("hui-dialog-edit-card")
    await expect(editor.locator("ha-selector-device")).to_be_visible()
    await expect(editor.locator("facial-therapy-card .phase").first).not_to_be_empty()
    await editor.get_by_role("button", name="Save").click()
    async with asyncio.timeout(10), messages.subscribe("subscribe_events", event_type="lovelace_updated") as updates:
        while not (cards := [card for card in await _cards(messages) if card["type"] == "custom:facial-therapy-card"]):
            await updates.get()
    [card] = cards
    assert card["device"] in {station.device_id for station in household.stations.values()}


async def _cards(messages: Messages) -> list[dict[str, Any]]:
    """Return the cards of the dashboard that was empty."""
    [section] = (await messages.call("lovelace/config", url_path=BOARD))["views"][0]["sections"]
    cards: list[dict[str, Any]] = section["cards"]
    return cards


async def test_the_card_is_suggested_for_our_entities_and_for_no_other(window: Window, household: Household, messages: Messages) -> None:
    ours = await household.entity(messages, household.mask, "session")
    await window.open_dashboard()
    suggest = """entity => {
        const card = customCards.find(each => each.type === "facial-therapy-card");
        return card.getEntitySuggestion(document.querySelector("home-assistant").hass, entity);
    }"""
    suggestion = await window.page.evaluate(suggest, ours)
    assert suggestion == {"config": {"type": "custom:facial-therapy-card", "device": household.mask.device_id}}
    assert await window.page.evaluate(suggest, "sun.sun") is None
    assert await window.page.evaluate(suggest, "sensor.not_there") is None


async def test_the_dashboard_is_offered_and_lays_out_what_there_is(window: Window, household: Household) -> None:
    await window.open(f"/{GENERATED}/tonight")
    await expect(window.page.locator("facial-therapy-card")).to_have_count(len(household.stations))
    offered = await window.page.evaluate("customStrategies.filter(each => each.strategyType === 'dashboard').map(each => each.type)")
    assert "facial-therapy" in offered
    await expect(window.page.locator("facial-therapy-routine-card").first.locator(".say")).not_to_be_empty()
    for path in ("week", "history", "devices", "safety"):
        await window.open(f"/{GENERATED}/{path}")
        await expect(window.page.locator("hui-sections-view :is(hui-grid-section, hui-card)").first).to_be_attached()
        await expect(window.page.locator("hui-error-card")).to_have_count(0)
        await expect(window.page.get_by_text("Entity not found")).to_have_count(0)
        if path == "week":
            await expect(window.page.locator("facial-therapy-week-card").first.locator(".days li").first).to_be_attached()

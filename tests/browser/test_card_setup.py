"""Card and dashboard are set up without YAML, from the picker and as a generated dashboard."""

import asyncio
from pathlib import Path
from typing import Any

from playwright.async_api import expect
import pytest

from tests.real.household import Household
from tests.real.messages import Messages

from .conftest import OF_THE_WAND
from .window import Window

PEOPLE = ("Ada", OF_THE_WAND)
BOARD = "empty-page"
GENERATED = "generated-page"
AXE = Path(__file__).resolve().parents[2] / ".work/axe/node_modules/axe-core/axe.min.js"
FIRST = {
    "tonight": "facial-therapy-routine-card .say",
    "week": "facial-therapy-week-card .days li",
    "history": "hui-history-graph-card",
    "devices": "hui-tile-card",
    "safety": "hui-markdown-card",
}
"""The parts that a loaded page of the dashboard has."""
TILE = ("ha-tile-container", "ha-tile-icon")


@pytest.fixture(scope="module", autouse=True)
async def _boards(furnished: Household, messages: Messages) -> None:
    """Make a dashboard with an empty section, and one that is ours."""
    assert furnished.mask.device_id
    for url_path, title in ((BOARD, "Empty"), (GENERATED, "Generated")):
        await messages.call(
            "lovelace/dashboards/create",
            url_path=url_path,
            title=title,
            mode="storage",
            show_in_sidebar=False,
        )
    views = [
        {
            "type": "sections",
            "path": "empty",
            "title": "Empty",
            "sections": [{"type": "grid", "cards": []}],
        }
    ]
    await messages.call("lovelace/config/save", url_path=BOARD, config={"views": views})
    await messages.call(
        "lovelace/config/save",
        url_path=GENERATED,
        config={"strategy": {"type": "custom:facial-therapy"}},
    )


async def test_the_card_is_added_through_the_picker_with_a_preview_and_a_form(
    window: Window, household: Household, messages: Messages
) -> None:
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
    async with (
        asyncio.timeout(10),
        messages.subscribe("subscribe_events", event_type="lovelace_updated") as updates,
    ):
        while not (
            cards := [
                card
                for card in await _cards(messages)
                if card["type"] == "custom:facial-therapy-card"
            ]
        ):
            await updates.get()
    [card] = cards
    assert card["device"] in {station.device_id for station in household.stations.values()}


async def _cards(messages: Messages) -> list[dict[str, Any]]:
    """Return the cards of the dashboard that was empty."""
    [section] = (await messages.call("lovelace/config", url_path=BOARD))["views"][0]["sections"]
    cards: list[dict[str, Any]] = section["cards"]
    return cards


async def test_the_card_is_suggested_for_our_entities_and_for_no_other(
    window: Window, household: Household, messages: Messages
) -> None:
    ours = await household.entity(messages, household.mask, "session")
    await window.open_dashboard()
    suggest = """entity => {
        const card = customCards.find(each => each.type === "facial-therapy-card");
        return card.getEntitySuggestion(document.querySelector("home-assistant").hass, entity);
    }"""
    suggestion = await window.page.evaluate(suggest, ours)
    assert suggestion == {
        "config": {"type": "custom:facial-therapy-card", "device": household.mask.device_id}
    }
    assert await window.page.evaluate(suggest, "sun.sun") is None
    assert await window.page.evaluate(suggest, "sensor.not_there") is None


async def test_the_dashboard_is_offered_and_lays_out_what_there_is(
    window: Window, household: Household
) -> None:
    await window.open(f"/{GENERATED}/tonight")
    await expect(window.page.locator("facial-therapy-card")).to_have_count(len(household.stations))
    offered = await window.page.evaluate(
        "customStrategies.filter(each => each.strategyType === 'dashboard').map(each => each.type)"
    )
    assert "facial-therapy" in offered
    await expect(
        window.page.locator("facial-therapy-routine-card").first.locator(".say")
    ).not_to_be_empty()
    await window.page.add_script_tag(path=AXE)
    for path in ("tonight", "week", "history", "devices", "safety"):
        # A click on a tab, so that the page with its checker stays.
        await window.page.evaluate(
            "path => { history.pushState(null, '', path);"
            " dispatchEvent(new CustomEvent('location-changed')); }",
            f"/{GENERATED}/{path}",
        )
        view = window.page.locator("hui-sections-view")
        await expect(view.locator(FIRST[path]).first).to_be_visible()
        await expect(window.page.locator("hui-error-card")).to_have_count(0)
        await expect(window.page.get_by_text("Entity not found")).to_have_count(0)
        found = await view.evaluate(
            "view => axe.run(view,"
            " {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
        )
        assert found["passes"], path
        reported = [
            (violation["id"], node["target"][0][-2:])
            for violation in found["violations"]
            for node in violation["nodes"]
        ]
        # A tile of Home Assistant names its button by a slot, which is taken for empty; nothing of
        # ours is in it.
        ours = [
            (rule, target)
            for rule, target in reported
            if not (rule == "aria-command-name" and target[0].startswith(TILE))
        ]
        assert ours == [], path


async def _views(window: Window, changed: str = "hass") -> dict[str, list[dict[str, Any]]]:
    """Return the cards of each page as they are laid out for a home, which may be changed."""
    views: dict[str, list[dict[str, Any]]] = await window.page.evaluate(
        f"""async () => {{
            const hass = document.querySelector("home-assistant").hass;
            const {{views}} = await customElements
              .get("ll-strategy-dashboard-facial-therapy").generate({{}}, {changed});
            return Object.fromEntries(views.map(
              view => [view.path, view.sections.flatMap(section => section.cards)]));
        }}"""
    )
    return views


async def test_tonight_is_calm_and_begins_with_the_person_whose_evening_comes(
    window: Window, household: Household, messages: Messages
) -> None:
    """Only devices and evenings are here; the rest of a person is on other pages."""
    await window.open(f"/{GENERATED}/tonight")
    await expect(window.page.locator("facial-therapy-card").first).to_be_visible()
    devices, evenings = (f"custom:facial-therapy-{kind}card" for kind in ("", "routine-"))
    views = await _views(window)
    assert [card["type"] for card in views["tonight"]] == [devices] * len(household.stations) + [
        evenings
    ] * len(PEOPLE)
    entities = await messages.call("config/entity_registry/list")
    enabled = {
        each["entity_id"]: each
        for each in entities
        if each["platform"] == "facial_therapy"
        and each["disabled_by"] is None
        and each["device_id"]
    }
    assert {card["entity"] for card in views["devices"] if card["type"] == "tile"} == set(enabled)

    step = next(
        entity_id
        for entity_id, each in enabled.items()
        if each["translation_key"] == "routine_step"
    )
    goes_on = (
        f"{{...hass, states: {{...hass.states,"
        f" '{step}': {{...hass.states['{step}'], state: 'cleanse'}}}}}}"
    )
    begun = [
        (card["type"], card.get("person")) for card in (await _views(window, goes_on))["tonight"]
    ]
    assert begun[0] == (evenings, enabled[step]["device_id"])
    assert begun[1][0] == devices


async def test_what_was_measured_is_drawn_as_far_back_as_the_last_session(
    window: Window, household: Household, messages: Messages
) -> None:
    """A few minutes are a dot in a whole evening."""
    session = await household.entity(messages, household.mask, "session")
    await window.open(f"/{GENERATED}/history")
    await expect(window.page.locator("hui-history-graph-card").first).to_be_visible()
    temperature = next(
        card["entities"]
        for card in (await _views(window))["history"]
        if card["type"] == "history-graph"
    )[0]
    for minutes, hours in ((10, 1), (100, 3), (6000, 24)):
        ended = f"new Date(Date.now() - {60_000 * minutes}).toISOString()"
        at = (
            f"{{...hass, states: {{...hass.states,"
            f" '{session}': {{...hass.states['{session}'], last_changed: {ended}}}}}}}"
        )
        graphs = [
            card
            for card in (await _views(window, at))["history"]
            if card["type"] == "history-graph"
        ]
        assert [graph["hours_to_show"] for graph in graphs if temperature in graph["entities"]] == [
            hours
        ]


async def test_the_dashboard_draws_weeks_and_what_a_session_measured(
    window: Window, household: Household, messages: Messages
) -> None:
    """The impedance is a sensor that somebody has to enable first."""
    session = await household.entity(messages, household.wand, "session")
    await window.open(f"/{GENERATED}/week")
    await expect(
        window.page.locator("facial-therapy-week-card").first.locator(".days li").first
    ).to_be_attached()
    measured_too = f"""{{
        ...hass,
        entities: {{...hass.entities, "{session}_ohm": {{...hass.entities["{session}"],
          entity_id: "{session}_ohm", translation_key: "impedance"}}}},
        states: {{...hass.states, "{session}_ohm": {{attributes: {{unit_of_measurement: "Ω"}}}}}},
    }}"""
    views = await _views(window, measured_too)
    assert [card["type"] for card in views["week"]] == ["custom:facial-therapy-week-card"] * len(
        PEOPLE
    )
    assert len({card["person"] for card in views["week"]}) == len(PEOPLE)
    states = await messages.states()
    drawn = {
        entity
        for card in views["history"]
        if card["type"] == "history-graph"
        for entity in card["entities"]
    }
    assert f"{session}_ohm" in drawn
    measured = {
        states[entity]["attributes"].get("unit_of_measurement")
        for entity in drawn - {f"{session}_ohm"}
    }
    assert "°C" in measured

"""Home Assistant's automation editor offers our triggers, conditions and actions."""

import asyncio
from collections.abc import AsyncGenerator
import contextlib
import json
from typing import Any

from playwright.async_api import Locator, Page, expect
import pytest

from tests.real.configuration import COMPONENT
from tests.real.household import Household
from tests.real.messages import CallError, Messages
from tests.real.session import MANUAL

from .window import Window

WORDS = json.loads((COMPONENT / "translations" / "en.json").read_text())
OF_A_PERSON = {
    "routine_step",
    "routine_finished",
    "session_due",
    "weekly_goal_reached",
    "is_due",
    "is_goal_reached",
}


def _names(kind: str, *, of_a_person: bool) -> set[str]:
    """Return what our triggers or conditions of a device, or of a person, are called."""
    return {
        words["name"] for key, words in WORDS[kind].items() if (key in OF_A_PERSON) is of_a_person
    }


async def offered(page: Page, what: str, place: str, target: str) -> Locator:
    """Ask for the triggers, conditions or actions of a target, and return those offered."""
    await page.get_by_role("button", name=f"Add {what}").click()
    dialog = page.locator("add-automation-element-dialog")
    await dialog.get_by_text(place, exact=True).click()
    await dialog.get_by_text(target, exact=True).click()
    found = dialog.locator("ha-automation-add-items ha-list-item-button")
    await expect(found.first).to_be_visible()
    return found


async def _called(found: Locator) -> set[str]:
    return {text.partition("\n")[0] for text in await found.all_inner_texts()}


async def _pick(found: Locator, name: str) -> None:
    """Pick one of those offered."""
    await found.filter(has_text=name).click()
    await expect(found.first).to_be_hidden()


async def _saved(window: Window, household: Household, name: str) -> dict[str, Any]:
    """Save the automation under a name, return what Home Assistant keeps of it."""
    await window.page.keyboard.press("Control+s")
    await expect(
        window.page.locator("ha-dialog").get_by_text("Save", exact=True).first
    ).to_be_visible()
    await window.page.keyboard.type(name)
    await window.page.get_by_role("button", name="Save").last.click()
    await window.page.wait_for_url("**/automation/edit/1*")
    number = window.page.url.rpartition("/")[2].partition("?")[0]
    kept: dict[str, Any] = await household.home.request(
        "GET", f"/api/config/automation/config/{number}"
    )
    return kept


@contextlib.asynccontextmanager
async def _runs(messages: Messages, name: str) -> AsyncGenerator[None]:
    """Insist that the block sets the automation off."""
    async with messages.subscribe("subscribe_events", event_type="automation_triggered") as events:
        yield
        async with asyncio.timeout(10):
            while (await events.get())["data"]["name"] != name:
                pass


async def test_for_the_mask_our_triggers_conditions_and_actions_are_offered_and_what_is_saved_runs(
    window: Window, household: Household, messages: Messages
) -> None:
    page, mask = window.page, {"device_id": household.mask.device_id}
    await window.open("/config/automation/edit/new")
    for event in ("armed", "refused"):  # one of which it will be, whatever the skin has had before
        found = await offered(page, "trigger", "Devices", "Mask")
        names = await _called(found)
        assert names >= _names("triggers", of_a_person=False)
        assert not names & _names("triggers", of_a_person=True)
        await _pick(found, f"Therapy session {event}")
    found = await offered(page, "condition", "Devices", "Mask")
    assert await _called(found) >= _names("conditions", of_a_person=False)
    await page.keyboard.press("Escape")
    await expect(found.first).to_be_hidden()
    found = await offered(page, "action", "Devices", "Mask")
    assert await _called(found) >= {
        WORDS["services"][f"{verb}_session"]["name"]
        for verb in ("start", "check", "pause", "resume", "lower", "stop")
    }
    await _pick(found, "Stop session")

    kept = await _saved(window, household, "No mask today")
    assert [(each["trigger"], each["target"]) for each in kept["triggers"]] == [
        (f"facial_therapy.session_{event}", mask) for event in ("armed", "refused")
    ]
    assert [(each["action"], each["target"]) for each in kept["actions"]] == [
        ("facial_therapy.stop_session", mask)
    ]
    async with _runs(messages, "No mask today"):
        with contextlib.suppress(CallError):
            await messages.act(
                "facial_therapy.start_session", {**mask, "person": "Ada", **MANUAL["mask"]}
            )
    await household.wait_session(messages, household.mask, "idle")


async def test_for_a_person_the_events_of_an_evening_are_offered_and_what_is_saved_runs(
    window: Window, household: Household, messages: Messages
) -> None:
    page = window.page
    await window.open("/config/automation/edit/new")
    found = await offered(page, "trigger", "Services", "Ada")
    names = await _called(found)
    assert names >= _names("triggers", of_a_person=True)
    assert not names & _names("triggers", of_a_person=False)
    await _pick(found, "Evening routine step changed")
    found = await offered(page, "condition", "Services", "Ada")
    assert await _called(found) >= _names("conditions", of_a_person=True)
    await page.keyboard.press("Escape")
    await expect(found.first).to_be_hidden()
    await _pick(await offered(page, "action", "Devices", "Wand"), "Stop session")

    kept = await _saved(window, household, "Evening begins")
    [person] = [
        device["id"]
        for device in await messages.call("config/device_registry/list")
        if device["name"] == "Ada"
    ]
    assert [(each["trigger"], each["target"]) for each in kept["triggers"]] == [
        ("facial_therapy.routine_step", {"device_id": person})
    ]
    async with _runs(messages, "Evening begins"):
        await messages.act(
            "facial_therapy.start_routine", {"person": "Ada", "steps": [{"act": "cleanse"}]}
        )
    await messages.act("facial_therapy.stop_routine", {"person": "Ada"})


@pytest.fixture(autouse=True)
async def _tidied(household: Household, messages: Messages) -> AsyncGenerator[None]:
    """Leave no automation behind."""
    yield
    for state in (await messages.states()).values():
        if state["entity_id"].startswith("automation."):
            await household.home.request(
                "DELETE", f"/api/config/automation/config/{state['attributes']['id']}"
            )

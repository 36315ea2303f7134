"""A session by hand, on the demo's dashboard."""

from playwright.async_api import expect
import pytest

from tests.real.household import Household
from tests.real.session import pace
from tests.real.watch import now_ns

from .window import Window


async def _say(window: Window, section: str, state: str) -> None:
    """Wait until the session of a device shows this state."""
    await expect(window.tile(section, "State").get_by_text(state, exact=True)).to_be_visible()


@pytest.mark.parametrize(
    ("section", "modality", "skin"), [("Mask", "mask", "Worn"), ("Wand", "wand", "Contact")]
)
async def test_a_session_is_armed_put_on_paused_resumed_and_stopped_by_hand(
    window: Window, household: Household, section: str, modality: str, skin: str
) -> None:
    name = household.stations[modality].node.name
    await window.open_dashboard()
    await pace(household, household.stations[modality])
    since_ns = now_ns()
    await window.tile(section, "Session").get_by_role("switch").click()
    await _say(window, section, "Armed")
    assert not (await household.witness.above(name, since_ns)).spans_s
    await window.tile("Simulated skin", skin).click()
    await _say(window, section, "Running")
    await household.witness.wait_flowing(name, since_ns)
    await window.tile(section, "Pause").click()
    await _say(window, section, "Paused")
    paused_ns = await household.witness.wait_dark(name, now_ns())
    await window.tile(section, "Resume").click()
    await _say(window, section, "Running")
    await household.witness.wait_flowing(name, paused_ns)
    await window.tile(section, "Stop").click()
    await _say(window, section, "Idle")
    assert not (await household.witness.level(name)).flowing


async def test_the_switch_ends_what_it_began(window: Window, household: Household) -> None:
    await window.open_dashboard()
    switch = window.tile("Mask", "Session").get_by_role("switch")
    await switch.click()
    await _say(window, "Mask", "Armed")
    await window.tile("Simulated skin", "Worn").click()
    await _say(window, "Mask", "Running")
    await switch.click()
    await _say(window, "Mask", "Idle")
    assert not (await household.witness.level(household.mask.node.name)).flowing


async def test_a_refused_start_says_why_and_names_the_bound(
    window: Window, household: Household
) -> None:
    await window.open_dashboard()
    since_ns = now_ns()
    async with household.mask.direct() as mask:
        await mask.simulate(temperature=40.5)
    await expect(window.section("Mask").get_by_text("40.5 °C")).to_be_visible()
    await window.tile("Mask", "Session").get_by_role("switch").click()
    await expect(
        window.page.get_by_text(
            "The device is too warm: it has to be below 40 °C. Let it cool down."
        ).first
    ).to_be_visible()
    await _say(window, "Mask", "Idle")
    assert not (await household.witness.above(household.mask.node.name, since_ns)).spans_s


async def test_home_assistant_has_nothing_to_complain_of(household: Household) -> None:
    lines = household.home.console().splitlines()
    levels = (" WARNING ", " ERROR ", " CRITICAL ")
    # That it is a custom integration, Home Assistant says of each.
    complaints = [
        line
        for line in lines
        if "facial_therapy" in line
        and any(level in line for level in levels)
        and "has not been tested" not in line
    ]
    assert complaints == []
    assert [
        line
        for line in lines
        if "/custom_components/facial_therapy/" in line and line.lstrip().startswith("File ")
    ] == []

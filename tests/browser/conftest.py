"""A household on real parts, and a window to it."""

from collections.abc import AsyncGenerator
import os
from pathlib import Path

from playwright.async_api import Browser, async_playwright, expect
import pytest

from tests.real import dashboard, namespace
from tests.real.household import PROGRAMS, Household
from tests.real.messages import Messages
from tests.real.trial import put_on

from . import window as windows
from .window import Window


def pytest_configure(config: pytest.Config) -> None:
    """Leave the machine's network before there is a socket."""
    if config.pluginmanager.has_plugin("homeassistant"):
        msg = "the browser tests run by themselves: pytest tests/browser"
        raise pytest.UsageError(msg)
    namespace.enter()


OF_THE_WAND = "Joan"
"""Current after light on one face has to wait for hours, so that each device has somebody of its
own."""


@pytest.fixture(scope="session")
async def furnished(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Household]:
    """Return a running household with a mask, a wand, a person and the demo's dashboard."""
    programs = Path(os.environ.get("FACIAL_THERAPY_NODES", PROGRAMS))
    if not (programs / "mask-host").exists():
        pytest.fail("the host nodes are not compiled: scripts/setup nodes")
    household = Household(tmp_path_factory.mktemp("household"), programs=programs)
    try:
        await household.start_nodes()
        await household.start_home()
        async with household.messages() as messages:
            await household.furnish(messages, "Ada")
            await household.add_person(OF_THE_WAND, enroll=False)
            await household.enroll_by_hand(messages, household.wand, OF_THE_WAND)
            await dashboard.write(household, messages)
        yield household
    finally:
        await household.stop()


@pytest.fixture(scope="session")
async def messages(furnished: Household) -> AsyncGenerator[Messages]:
    """Return a websocket beside the browser, to look and to tidy up."""
    async with furnished.messages() as messages:
        yield messages


async def wait_ready(household: Household, messages: Messages) -> None:
    """Wait until both devices could start a session, except for the rest after an earlier one."""
    for station in household.stations.values():
        ready = await household.entity(messages, station, "ready", "binary_sensor")
        await messages.wait_state(
            ready,
            lambda state: state["state"] == "on" or state["attributes"].get("reason") == "rest",
            60,  # the rule against flicker may hold for most of a minute
        )


async def tidy(household: Household, messages: Messages) -> None:
    """Leave nothing running, nothing worn and nothing warm."""
    await messages.act("facial_therapy.stop_all")
    for station in household.stations.values():
        await put_on(station, on=False)
        async with station.direct() as direct:
            await direct.simulate(temperature=33)
        await household.wait_session(messages, station, "idle")


@pytest.fixture
async def household(furnished: Household, messages: Messages) -> AsyncGenerator[Household]:
    """Return the household as every test finds and leaves it."""
    await wait_ready(furnished, messages)
    yield furnished
    await tidy(furnished, messages)


@pytest.fixture(scope="module")
async def evening(furnished: Household, messages: Messages) -> AsyncGenerator[Household]:
    """Return the household with a mask that runs and a wand that waits for the skin.

    One for all that look at it: light that begins for the fourth time within 30 s is a fault,
    however it was ended.
    """
    await wait_ready(furnished, messages)
    for station in furnished.stations.values():
        # One that outlasts everybody who looks.
        await messages.act(
            "select.select_option",
            {"option": "fine_lines"},
            entity_id=await furnished.entity(messages, station, "program", "select"),
        )
        await messages.act(
            "switch.turn_on",
            entity_id=await furnished.entity(messages, station, "session", "switch"),
        )
    await put_on(furnished.mask, on=True)
    await furnished.wait_session(messages, furnished.mask, "running")
    yield furnished
    await tidy(furnished, messages)


@pytest.fixture(scope="session")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Browser]:
    """Return a browser."""
    if windows.program() is None:
        pytest.fail("there is no browser: scripts/setup browser")
    async with async_playwright() as playwright:
        browser = await windows.launch(playwright, tmp_path_factory.mktemp("browser"))
        yield browser
        await browser.close()


@pytest.fixture
async def window(browser: Browser, household: Household) -> AsyncGenerator[Window]:
    """Return a window that must not have reported an error by the end of the test."""
    async with windows.window(browser, household.home) as window:
        yield window
    assert window.errors == []


async def begin_flow(window: Window) -> None:
    """Add the integration, as far as the question what it shall be."""
    await window.open("/config/integrations/dashboard")
    await window.page.get_by_role("button", name="Add integration").click()
    await expect(window.page.locator("ha-integration-list-item").first).to_be_visible()
    # On a phone it has not got the focus.
    await window.page.locator("dialog-add-integration ha-input-search").click()
    await window.page.keyboard.type("Facial")
    found = window.page.locator("ha-integration-list-item")
    await expect(found).to_have_count(1)
    await expect(found.get_by_text("Facial Therapy")).to_be_visible()
    await found.click()
    await expect(window.page.get_by_text("What would you like to add?")).to_be_visible()


@pytest.fixture
async def flow(window: Window) -> Window:
    """Return a window in which somebody adds the integration."""
    await begin_flow(window)
    return window

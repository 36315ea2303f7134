"""Take the pictures of the documentation: FACIAL_THERAPY_PICTURES=1 pytest FILE."""

import io
import os
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.async_api import Browser, Page, expect
import pytest

from tests.real.household import Household
from tests.real.messages import Messages

from . import moments
from .conftest import begin_flow
from .window import PHONE, window as open_window

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
MOST_BYTES = 300_000

pytestmark = pytest.mark.skipif(
    not os.environ.get("FACIAL_THERAPY_PICTURES"), reason="FACIAL_THERAPY_PICTURES is not set"
)


# Icons and texts that come after the frame around them.
DRAWN = """() => {
    const parts = {"ha-svg-icon": "path[d]", "ha-icon": "ha-svg-icon", "ha-markdown-element": "*"};
    const waits = each => each.localName in parts && each.checkVisibility()
      && !(each.shadowRoot ?? each).querySelector(parts[each.localName]);
    const missing = root => [...root.querySelectorAll("*")].some(
      each => waits(each) || (each.shadowRoot && missing(each.shadowRoot)));
    return !missing(document);
}"""


async def _take(page: Page, name: str, colors: int = 256, **options: Any) -> None:
    """Take a picture; 256 colors are plenty for a user interface, and 128 for one of cards."""
    await page.wait_for_load_state("networkidle")
    await page.evaluate("document.fonts.ready")
    await page.wait_for_function(DRAWN)
    # Nothing that moves is in the picture, what unfolds has, and nobody points at anything.
    await page.mouse.move(0, 0)
    await page.wait_for_timeout(1000)
    shot = Image.open(io.BytesIO(await page.screenshot(animations="disabled", **options)))
    IMAGES.mkdir(parents=True, exist_ok=True)
    path = IMAGES / f"{name}.png"
    shot.convert("RGB").quantize(colors, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < MOST_BYTES


DARK: dict[str, Any] = {"color_scheme": "dark"}
PLACES: dict[str, dict[str, Any]] = {
    "": {},
    "-dark": DARK,
    "-phone": PHONE,
    "-phone-dark": {**PHONE, **DARK},
}
OURS = "pictured-page"
PAGES = {
    "tonight": "facial-therapy-card .phase",
    "week": "facial-therapy-week-card .days li",
    "history": "hui-history-graph-card canvas",
    "devices": "hui-tile-card",
    "safety": "hui-markdown-card",
}


def _high(options: dict[str, Any], height_px: int) -> dict[str, Any]:
    """Return a window that is high enough for what matters of a page."""
    return {
        **options,
        "viewport": {
            "width": options.get("viewport", {"width": 1440})["width"],
            "height": height_px,
        },
    }


@pytest.mark.parametrize("place", PLACES)
async def test_adding_something_is_pictured(
    browser: Browser, household: Household, place: str
) -> None:
    async with open_window(browser, household.home, **PLACES[place]) as window:
        await begin_flow(window)
        await _take(window.page, f"config-flow{place}")
        await window.page.get_by_text("A person", exact=True).click()
        await expect(window.page.get_by_role("textbox", name="Name")).to_be_visible()
        await window.page.get_by_role("textbox", name="Name").fill("Grace")
        await window.page.get_by_role("button", name="Next", exact=True).click()
        await expect(window.page.get_by_text("Is it for you?", exact=True)).to_be_visible()
        await _take(window.page, f"config-flow-screening{place}")


@pytest.mark.parametrize("place", PLACES)
async def test_pages_of_a_session_are_pictured(
    browser: Browser, evening: Household, messages: Messages, place: str
) -> None:
    """Picture the demo's dashboard, the generated one, and the pages of a device and a person."""
    if not any(
        board["url_path"] == OURS for board in await messages.call("lovelace/dashboards/list")
    ):
        await messages.call(
            "lovelace/dashboards/create",
            url_path=OURS,
            title="Facial therapy",
            mode="storage",
            show_in_sidebar=False,
        )
        await messages.call(
            "lovelace/config/save",
            url_path=OURS,
            config={"strategy": {"type": "custom:facial-therapy"}},
        )
    [person] = [
        device["id"]
        for device in await messages.call("config/device_registry/list")
        if device["name"] == "Ada"
    ]
    # Armed for a minute only, and for nothing: nobody puts it on.
    await messages.act("facial_therapy.stop_session", {"device_id": evening.wand.device_id})
    await evening.wait_session(messages, evening.wand, "idle")
    await messages.act(
        "switch.turn_on",
        entity_id=await evening.entity(messages, evening.wand, "session", "switch"),
    )
    options, phone = PLACES[place], "phone" in place
    async with open_window(browser, evening.home, **options) as window:
        await window.open_dashboard()
        await expect(
            window.tile("Mask", "State").get_by_text("Running", exact=True)
        ).to_be_visible()
        await _take(window.page, f"dashboard{place}")
    async with open_window(
        browser, evening.home, **_high(options, 1800 if phone else 1200)
    ) as window:
        for path, shown in PAGES.items():
            await window.open(f"/{OURS}/{path}")
            await expect(window.page.locator(shown).first).to_be_visible()
            await _take(window.page, f"laid-out-{path}{place}")
    async with open_window(
        browser, evening.home, **_high(options, 1800 if phone else 1565)
    ) as window:
        await window.open(f"/config/devices/device/{evening.mask.device_id}")
        await expect(window.card("Sensors").get_by_text("Running")).to_be_visible()
        await _take(window.page, f"device-page{place}")
        await window.open(f"/config/devices/device/{person}")
        await expect(window.card("Sensors")).to_be_visible()
        await _take(window.page, f"person-page{place}")


SHEETS = {
    "card-light": (1360, 4, 320, False),
    "card-dark": (1360, 4, 320, True),
    "card-phone": (1230, 3, 380, False),
    "card-phone-dark": (1230, 3, 380, True),
    "card-wall": (1430, 2, 690, False),
}
"""Width of the picture, cards in a row, width of a card, dark."""
STRIP = ("ready", "armed", "running", "paused")


@pytest.mark.parametrize("name", SHEETS)
async def test_every_moment_of_the_card_is_pictured(browser: Browser, name: str) -> None:
    await _take_cards(browser, name, list(moments.MOMENTS), *SHEETS[name])


@pytest.mark.parametrize(("name", "dark"), [("card-session", False), ("card-session-dark", True)])
async def test_a_session_on_the_card_is_pictured(browser: Browser, name: str, dark: bool) -> None:
    await _take_cards(browser, name, list(STRIP), 1360, 4, 320, dark)


@pytest.mark.parametrize("tag", moments.CARDS)
@pytest.mark.parametrize(
    ("place", "card_px", "dark"),
    [("", 440, False), ("-dark", 440, True), ("-phone", 380, False), ("-phone-dark", 380, True)],
)
async def test_the_cards_of_a_person_are_pictured(
    browser: Browser,
    tag: str,
    place: str,
    card_px: int,
    dark: bool,
) -> None:
    name = f"{tag.removeprefix('facial-therapy-').removesuffix('-card')}{place}"
    await _take_cards(
        browser, f"card-{name}", list(moments.CARDS[tag]), 3 * card_px + 64, 3, card_px, dark, tag
    )


async def _take_cards(  # noqa: PLR0913, PLR0917 - a row of the table
    browser: Browser,
    name: str,
    shown: list[str],
    width_px: int,
    columns: int,
    card_px: int,
    dark: bool,
    tag: str = "facial-therapy-card",
) -> None:
    context = await browser.new_context(
        timezone_id="Europe/Amsterdam",
        reduced_motion="reduce",
        viewport={"width": width_px, "height": 400},
    )
    page = await context.new_page()
    await moments.open_page(page, dark=dark)
    await page.evaluate(
        "([columns, width]) => { document.querySelector('main').style ="
        " `--columns: ${columns}; --width: ${width}px`; }",
        [columns, card_px],
    )
    for moment in shown:
        await moments.show(
            page, moments.CARDS.get(tag, moments.MOMENTS)[moment], dark=dark, tag=tag
        )
    if shown == list(moments.MOMENTS):
        # What no device tells: a start that was refused after all, and a page that has lost Home
        # Assistant.
        await moments.show(page, moments.MOMENTS["ready"], dark=dark, fail=moments.CHARGING)
        await page.locator(tag).last.get_by_role("button", name="Start").click()
        await moments.show(page, moments.MOMENTS["running"], dark=dark)
        await page.evaluate("shown.fire('disconnected')")
    await page.wait_for_timeout(500)
    await page.set_viewport_size(
        {"width": width_px, "height": await page.evaluate("document.documentElement.scrollHeight")}
    )
    await page.wait_for_timeout(500)
    await _take(page, name, colors=128)
    await context.close()

"""Home Assistant's frontend in a browser window, signed in as the owner."""

from collections.abc import AsyncGenerator
import contextlib
import json
from pathlib import Path
import shutil
import time
from typing import Any

from playwright.async_api import Browser, ConsoleMessage, Error, Locator, Page, Playwright, expect

from tests.real import dashboard
from tests.real.home import Home

_PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
DESKTOP: dict[str, Any] = {"viewport": {"width": 1440, "height": 960}}
PHONE: dict[str, Any] = {
    "viewport": {"width": 412, "height": 915},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}
TIMEOUT_MS = 20_000
# What the frontend itself leaves uncaught: a bare object after it has shown why an action was
# refused, and a card that is left while it subscribes.
_NOBODYS = {"Object", "disconnected"}

expect.set_options(timeout=TIMEOUT_MS)


def program() -> str | None:
    """Return the browser of this machine."""
    return next((path for name in _PROGRAMS if (path := shutil.which(name))), None)


async def launch(playwright: Playwright, directory: Path) -> Browser:
    """Start the browser with an empty profile, behind everything whose time matters."""
    starter = directory / "browser"
    starter.write_text(f'#!/bin/sh\nexec nice -n 15 {program()} "$@"\n')
    starter.chmod(0o755)
    return await playwright.chromium.launch(executable_path=starter, args=_ARGUMENTS)


class Window:
    """One window, and what went wrong in it."""

    def __init__(self, home: Home, page: Page) -> None:
        """Listen to what the page complains of."""
        self.page = page
        self.errors: list[str] = []
        self._home = home
        page.on("console", self._on_console)
        page.on("pageerror", self._on_error)

    def _on_console(self, message: ConsoleMessage) -> None:
        """Keep errors, except for icons and pictures that come from the internet."""
        url = message.location["url"]
        if (
            message.type == "error"
            and "demo.home-assistant.io" not in url
            and ("/api/brands/" not in url or "facial_therapy" in url)
        ):
            self.errors.append(f"{message.text} ({url})")

    def _on_error(self, error: Error) -> None:
        """Keep what nobody caught."""
        if error.message not in _NOBODYS:
            self.errors.append(error.message)

    async def open(self, path: str) -> None:
        """Go to a page of Home Assistant."""
        await self.page.goto(f"{self._home.url}{path}")

    async def open_dashboard(self) -> None:
        """Go to the demo's dashboard and wait until its last card is there."""
        await self.open(f"/{dashboard.URL}/{dashboard.VIEW}")
        await expect(self.page.locator("hui-logbook-card")).to_be_attached()

    def section(self, heading: str) -> Locator:
        """Return the first section of a dashboard with this heading."""
        return (
            self.page.locator("hui-grid-section")
            .filter(has=self.page.locator("hui-heading-card").get_by_text(heading, exact=True))
            .first
        )

    def tile(self, section: str, name: str) -> Locator:
        """Return the tile with this name in a section of a dashboard."""
        return (
            self.section(section)
            .locator("hui-tile-card")
            .filter(has=self.page.get_by_text(name, exact=True))
        )

    def card(self, title: str) -> Locator:
        """Return a card of a device's page."""
        return self.page.locator("ha-card").filter(has=self.page.get_by_text(title, exact=True))


@contextlib.asynccontextmanager
async def window(
    browser: Browser, home: Home, token: str | None = None, **options: Any
) -> AsyncGenerator[Window]:
    """Open a window that is signed in as the owner, or with another token."""
    context = await browser.new_context(
        **{
            **DESKTOP,
            "locale": "en-US",
            "timezone_id": "Europe/Amsterdam",
            "reduced_motion": "reduce",
            **options,
        }
    )
    context.set_default_timeout(TIMEOUT_MS)
    tokens = {
        "access_token": token or await home.token(),
        "token_type": "Bearer",
        "expires_in": 1800,
        "expires": int(time.time() * 1000) + 1_800_000,
        "refresh_token": "",
        "hassUrl": home.url,
        "clientId": f"{home.url}/",
    }
    await context.add_init_script(
        f"localStorage.setItem('hassTokens', {json.dumps(json.dumps(tokens))})"
    )
    try:
        yield Window(home, await context.new_page())
    finally:
        await context.close()

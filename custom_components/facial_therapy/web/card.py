"""Serve the cards and the dashboard strategy, and load them on every page of the frontend.

The only file that uses `add_extra_js_url` and static paths of Home Assistant.
"""

from hashlib import sha256
from pathlib import Path
from typing import Final

from homeassistant.components.frontend import add_extra_js_url
from homeassistant.components.http.server import StaticPathConfig
from homeassistant.core import HomeAssistant

from ..const import DOMAIN

FOLDER: Final = Path(__file__).parent.parent / "frontend"
URL: Final = f"/{DOMAIN}_static"
SCRIPTS: Final = ("facial-therapy-card.js", "facial-therapy-dashboard.js", "routine.js", "week.js")
"""The cards and the dashboard; modules that they import are loaded once."""


async def async_setup_card(hass: HomeAssistant) -> None:
    """Serve the scripts and load them on every page; once, since a static path stays registered."""
    version = await hass.async_add_executor_job(_version)
    # Static paths need no sign-in; the scripts contain nothing personal.
    await hass.http.async_register_static_paths(
        [StaticPathConfig(f"{URL}/{version}", str(FOLDER), cache_headers=True)]
    )
    for script in SCRIPTS:
        add_extra_js_url(hass, f"{URL}/{version}/{script}")


def _version() -> str:
    """Return a hash of all scripts, so that browsers load changed ones and cache the others."""
    return sha256(
        b"".join(script.read_bytes() for script in sorted(FOLDER.glob("*.js")))
    ).hexdigest()[:12]

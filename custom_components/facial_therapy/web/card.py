"""The cards and the dashboard are files of ours: served under an address that changes with them, and loaded by every page."""

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
"""Each a card or the dashboard; what two of them import is loaded once."""


async def async_setup_card(hass: HomeAssistant) -> None:
    """Serve the scripts and load them on every page; once, since a static path stays registered."""
    version = await hass.async_add_executor_job(_version)
    # Anybody may fetch them, signed in or not: there is nothing personal in them.
    await hass.http.async_register_static_paths(
        [StaticPathConfig(f"{URL}/{version}", str(FOLDER), cache_headers=True)]
    )
    for script in SCRIPTS:
        add_extra_js_url(hass, f"{URL}/{version}/{script}")


def _version() -> str:
    """Return what a browser may keep them under: the same name is the same content, also of what they import."""
    return sha256(
        b"".join(script.read_bytes() for script in sorted(FOLDER.glob("*.js")))
    ).hexdigest()[:12]

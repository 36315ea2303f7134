"""Set up the parts that no session depends on; each of them may fail alone.

A part uses interfaces of Home Assistant that may change, or serves a frontend that may be missing.
It is imported off the event loop, and whatever it raises is logged as one warning.
"""

from dataclasses import dataclass
from inspect import isawaitable
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.importlib import async_import_module
from homeassistant.setup import async_when_setup

from .const import LOGGER


@dataclass(frozen=True, slots=True)
class OptionalPart:
    """A part of the integration, and where its setup function is."""

    name: str
    module: str
    """Relative to the integration's package."""
    setup: str
    """A function or coroutine function that takes `hass`."""
    needs: str | None = None
    """The integration of Home Assistant after which the part is set up; None: at once."""


PARTS: Final = (
    OptionalPart("logbook", "logbook", "async_setup_logbook"),
    OptionalPart("voice", "voice.conversation", "async_setup_voice", "conversation"),
    OptionalPart("LLM tools", "actions.llm_tools", "async_setup_llm_tools", "llm"),
    OptionalPart("device card data", "web.websocket", "async_setup_websocket", "websocket_api"),
    OptionalPart("person card data", "web.person_view", "async_setup_person_view", "websocket_api"),
    OptionalPart("cards", "web.card", "async_setup_card", "frontend"),
    OptionalPart("export", "web.export", "async_setup_export", "http"),
)


@callback
def async_setup_optional_parts(hass: HomeAssistant) -> None:
    """Set up every part as soon as what it needs is there, without waiting for any of them."""
    for part in PARTS:
        _async_schedule(hass, part)


@callback
def _async_schedule(hass: HomeAssistant, part: OptionalPart) -> None:
    async def set_up(_hass: HomeAssistant, _component: str) -> None:
        await _async_set_up(hass, part)

    if part.needs is None:
        hass.async_create_task(_async_set_up(hass, part), f"facial_therapy sets up {part.name}")
    else:
        async_when_setup(hass, part.needs, set_up)


async def _async_set_up(hass: HomeAssistant, part: OptionalPart) -> None:
    """Import a part and set it up."""
    try:
        module = await async_import_module(hass, f"{__package__}.{part.module}")
        if isawaitable(waiting := getattr(module, part.setup)(hass)):
            await waiting
    except Exception as error:  # noqa: BLE001 - whatever it is costs this part alone
        warn_part_failed(part.name, error)


def warn_part_failed(name: str, error: Exception) -> None:
    """Log that a part does not work, and why; its traceback only at debug level."""
    LOGGER.warning(
        "Failed to set up %s, everything else works: %s: %s", name, type(error).__name__, error
    )
    LOGGER.debug("Traceback of the failure of %s", name, exc_info=error)

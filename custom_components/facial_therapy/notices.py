"""What a person is told when nobody looks: by their notify entity, else in Home Assistant's own notifications."""

from typing import Any

from homeassistant.components import persistent_notification
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.translation import async_get_translations

from .const import CONF_NOTIFY, DOMAIN, LOGGER


async def async_tell(hass: HomeAssistant, entry: ConfigEntry[Any], key: str, about: str, **values: str) -> None:
    """Tell a person something, in words that a lock screen may show; a later word about the same takes the place of the earlier one."""
    words = await async_get_translations(hass, hass.config.language, "common", [DOMAIN])
    title = words.get(f"component.{DOMAIN}.common.{key}_title", "")
    message = words.get(f"component.{DOMAIN}.common.{key}_message", "").format(**values)
    if target := entry.data.get(CONF_NOTIFY):
        try:
            await hass.services.async_call("notify", "send_message", {ATTR_ENTITY_ID: target, "title": title, "message": message}, blocking=True)
        except HomeAssistantError as error:
            LOGGER.warning("%s could not be told: %s", target, error)
        else:
            return
    persistent_notification.async_create(hass, message, title, f"{DOMAIN}_{about}")

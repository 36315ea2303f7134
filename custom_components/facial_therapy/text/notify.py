"""Notifications of a person: by their notify entity, else as persistent notifications."""

from collections.abc import Mapping
from typing import Any, Final

from homeassistant.components import persistent_notification
from homeassistant.config_entries import ConfigEntry
from homeassistant.const import ATTR_ENTITY_ID, Platform
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import slugify

from ..const import CONF_NOTIFY, DOMAIN, LOGGER

MOBILE_APP: Final = "mobile_app"


async def async_notify_person(
    hass: HomeAssistant,
    entry: ConfigEntry[Any],
    key: str,
    about: str,
    *,
    buttons: Mapping[str, str] | None = None,
    **values: str,
) -> None:
    """Notify a person, in words that a lock screen may show.

    Args:
        hass: Home Assistant.
        entry: The person's config entry.
        key: Of the texts: `<key>_title` and `<key>_message`.
        about: A later notification about the same thing replaces the earlier one.
        buttons: The key of a button's text by the action of a press. Only phones have buttons.
        **values: Placeholders of the texts.
    """
    texts = await async_get_translations(hass, hass.config.language, "common", [DOMAIN])
    words = {
        part: texts.get(f"component.{DOMAIN}.common.{key}_{part}", "").format(**values)
        for part in ("title", "message")
    }
    if target := entry.data.get(CONF_NOTIFY):
        action, data = "send_message", {ATTR_ENTITY_ID: target, **words}
        if buttons and (phone := _phone(hass, target)):
            actions = [
                {"action": press, "title": texts.get(f"component.{DOMAIN}.common.{text}", text)}
                for press, text in buttons.items()
            ]
            action, data = (
                phone,
                {
                    **words,
                    "data": {
                        "tag": f"{DOMAIN}_{about}",
                        "visibility": "private",
                        "actions": actions,
                    },
                },
            )
        try:
            await hass.services.async_call(Platform.NOTIFY, action, data, blocking=True)
        except HomeAssistantError as error:
            LOGGER.warning("Failed to notify %s: %s", target, error)
        else:
            return
    persistent_notification.async_create(
        hass, words["message"], words["title"], f"{DOMAIN}_{about}"
    )


def _phone(hass: HomeAssistant, entity_id: str) -> str | None:
    """Return the action that can show buttons on a phone; None if the entity is no phone."""
    entity = er.async_get(hass).async_get(entity_id)
    if entity is None or entity.platform != MOBILE_APP or entity.config_entry_id is None:
        return None
    name = hass.config_entries.async_get_known_entry(entity.config_entry_id).data.get(
        "device_name", ""
    )
    action = f"{MOBILE_APP}_{slugify(name)}"
    return action if hass.services.has_service(Platform.NOTIFY, action) else None

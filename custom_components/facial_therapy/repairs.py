"""What a person has to mend: an issue names it, and goes away by itself when it is mended."""

from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import CONF_KIND, DOMAIN, KIND_DEVICE, KIND_PERSON


@callback
def async_node_gone(hass: HomeAssistant, entry: ConfigEntry[Any], *, disabled: bool) -> None:
    """The ESPHome entry of a device is removed or disabled."""
    key = "esphome_disabled" if disabled else "esphome_removed"
    async_clear_node_issues(hass, entry)
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{key}_{entry.entry_id}",
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key=key,
        translation_placeholders={"device": entry.title},
    )


@callback
def async_clear_node_issues(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """The ESPHome entry of a device is there."""
    for key in ("esphome_disabled", "esphome_removed", "wrong_contract"):
        ir.async_delete_issue(hass, DOMAIN, f"{key}_{entry.entry_id}")


@callback
def async_wrong_contract(hass: HomeAssistant, entry: ConfigEntry[Any], version: str) -> None:
    """The node's firmware does not speak a contract that this release knows."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"wrong_contract_{entry.entry_id}",
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key="wrong_contract",
        translation_placeholders={"device": entry.title, "version": version},
    )


@callback
def async_check_people(hass: HomeAssistant) -> None:
    """A device can only be used for somebody: say so as long as there is nobody."""
    kinds = {entry.data.get(CONF_KIND) for entry in hass.config_entries.async_entries(DOMAIN, include_ignore=False, include_disabled=False)}
    if KIND_DEVICE in kinds and KIND_PERSON not in kinds:
        ir.async_create_issue(hass, DOMAIN, "no_person", is_fixable=False, severity=ir.IssueSeverity.WARNING, translation_key="no_person")
    else:
        ir.async_delete_issue(hass, DOMAIN, "no_person")

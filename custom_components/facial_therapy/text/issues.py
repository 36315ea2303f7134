"""The repair issues of devices and people."""

from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util

from ..const import CONF_ELIGIBILITY, CONF_KIND, CONF_MAC, DOMAIN, KIND_DEVICE, KIND_PERSON
from ..core import limits
from ..storage.serialize import eligibility_in

SCREENING_ISSUES: Final = ("screening_missing", "screening_expired", "screening_expires")


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
def async_foreign_session(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """A node has given something that was not started here; it has been counted."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"foreign_session_{entry.entry_id}",
        data={"device": entry.title, "mac": entry.data[CONF_MAC]},
        is_fixable=True,
        is_persistent=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key="foreign_session",
        translation_placeholders={"device": entry.title},
    )


@callback
def async_check_people(hass: HomeAssistant) -> None:
    """A device can only be used for somebody: say so as long as there is nobody."""
    kinds = {
        entry.data.get(CONF_KIND)
        for entry in hass.config_entries.async_entries(
            DOMAIN, include_ignore=False, include_disabled=False
        )
    }
    if KIND_DEVICE in kinds and KIND_PERSON not in kinds:
        ir.async_create_issue(
            hass,
            DOMAIN,
            "no_person",
            is_fixable=False,
            severity=ir.IssueSeverity.WARNING,
            translation_key="no_person",
        )
    else:
        ir.async_delete_issue(hass, DOMAIN, "no_person")


@callback
def async_check_screening(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """A screening is missing, over, or over soon: say so until it has been done again."""
    eligibility, now = eligibility_in(entry.data.get(CONF_ELIGIBILITY, {})), dt_util.utcnow()
    expires_at = min(
        (screening.expires_at for screening in eligibility.screenings.values()), default=None
    )
    if not eligibility.adult or expires_at is None:
        key = "screening_missing"
    elif now >= expires_at:
        key = "screening_expired"
    elif now >= expires_at - limits.SCREENING_REMINDER:
        key = "screening_expires"
    else:
        key = None
    for other in SCREENING_ISSUES:
        if other != key:
            ir.async_delete_issue(hass, DOMAIN, f"{other}_{entry.entry_id}")
    if key is not None:
        ir.async_create_issue(
            hass,
            DOMAIN,
            f"{key}_{entry.entry_id}",
            is_fixable=False,
            learn_more_url=f"homeassistant://config/integrations/integration/{DOMAIN}",
            severity=ir.IssueSeverity.WARNING,
            translation_key=key,
            translation_placeholders={
                "person": entry.title,
                "date": dt_util.as_local(expires_at or now).date().isoformat(),
            },
        )


@callback
def async_clear_screening_issues(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """A person is removed."""
    for key in SCREENING_ISSUES:
        ir.async_delete_issue(hass, DOMAIN, f"{key}_{entry.entry_id}")

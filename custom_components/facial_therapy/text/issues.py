"""The repair issues of devices and people."""

from datetime import datetime
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
    """Report that the ESPHome entry of a device was removed or disabled."""
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
    """Clear the issues of a device whose ESPHome entry is back."""
    for key in ("esphome_disabled", "esphome_removed", "wrong_contract"):
        ir.async_delete_issue(hass, DOMAIN, f"{key}_{entry.entry_id}")


@callback
def async_wrong_contract(hass: HomeAssistant, entry: ConfigEntry[Any], version: str) -> None:
    """Report firmware whose contract this release does not know."""
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
    """Report a session that was not started here; it has been counted."""
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
    """Report that there are devices and nobody to use them, or clear that issue."""
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
    """Report a screening that is missing, expired or about to expire, or clear these issues."""
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
    if key in (None, "screening_expires"):  # screened since
        ir.async_delete_issue(hass, DOMAIN, f"eligibility_unreadable_{entry.entry_id}")
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
    """Clear the issues of a person who is removed."""
    for key in (*SCREENING_ISSUES, "eligibility_unreadable"):
        ir.async_delete_issue(hass, DOMAIN, f"{key}_{entry.entry_id}")


@callback
def async_eligibility_unreadable(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Report that a person's eligibility can't be read, until they have been screened again."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"eligibility_unreadable_{entry.entry_id}",
        is_fixable=False,
        is_persistent=True,
        severity=ir.IssueSeverity.ERROR,
        translation_key="eligibility_unreadable",
        translation_placeholders={"person": entry.title},
    )


@callback
def async_holds_unreadable(hass: HomeAssistant, until: datetime | None) -> None:
    """Report until when people inherit the strictest holds; clear the issue for None."""
    if until is None:
        ir.async_delete_issue(hass, DOMAIN, "holds_unreadable")
        return
    ir.async_create_issue(
        hass,
        DOMAIN,
        "holds_unreadable",
        is_fixable=False,
        severity=ir.IssueSeverity.ERROR,
        translation_key="holds_unreadable",
        translation_placeholders={"date": dt_util.as_local(until).date().isoformat()},
    )

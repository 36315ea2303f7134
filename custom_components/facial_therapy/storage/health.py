"""Repairs of the ledger: a broken file, a wrong clock, and decisions that only an admin makes."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
import voluptuous as vol

from ..const import CONF_KIND, CONF_PERSON, DOMAIN, KIND_PERSON
from .ledger import LEDGER, Ledger
from .ledger_file import LedgerError

CHECK_INTERVAL: Final = timedelta(seconds=10)
"""How often a failed write is tried again, and the clock is checked. Nothing starts until a line
could be written: anyone who has made room on the disk waits at most this long."""


@callback
def async_keep_ledger(hass: HomeAssistant, ledger: Ledger, changed: Callable[[], None]) -> None:
    """Create the repairs of the ledger, and clear them once their cause is gone.

    Args:
        hass: Home Assistant.
        ledger: It has been loaded.
        changed: Called when something may start that could not, or the other way round.
    """

    @callback
    def update() -> None:
        _issues(hass, ledger)
        changed()

    async def check(_now: datetime) -> None:
        if ledger.failure is not None:
            with suppress(LedgerError):
                await ledger.async_probe(hass)
        _issues(hass, ledger)

    ledger.add_listener(update)
    async_track_time_interval(
        hass,
        check,
        CHECK_INTERVAL,
        name="facial_therapy checks its ledger",
        cancel_on_shutdown=True,
    )
    _issues(hass, ledger)


@callback
def _issues(hass: HomeAssistant, ledger: Ledger) -> None:
    ahead = ledger.clock_ahead
    hours = f"{abs(ahead) / timedelta(hours=1):.1f}"
    warning = ir.IssueSeverity.WARNING
    damaged = ledger.unreadable and not ledger.too_new
    failed = ledger.failure is not None and not ledger.unreadable
    _issue(hass, "ledger_unreadable", there=damaged, fixable=True)
    _issue(hass, "ledger_too_new", there=ledger.too_new)
    _issue(hass, "store_failed", there=failed, error=ledger.failure or "")
    _issue(hass, "clock_forward", there=ahead > timedelta(0), severity=warning, hours=hours)
    _issue(hass, "clock_back", there=ahead < timedelta(0), severity=warning, hours=hours)


@callback
def _issue(
    hass: HomeAssistant,
    key: str,
    *,
    there: bool,
    fixable: bool = False,
    severity: ir.IssueSeverity = ir.IssueSeverity.ERROR,
    **placeholders: str,
) -> None:
    if there:
        ir.async_create_issue(
            hass,
            DOMAIN,
            key,
            is_fixable=fixable,
            severity=severity,
            translation_key=key,
            translation_placeholders=placeholders,
        )
    else:
        ir.async_delete_issue(hass, DOMAIN, key)


class ResetLedgerFlow(RepairsFlow):
    """Reset an unreadable ledger, with everybody's week at its ceiling. Only admins get here."""

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:  # noqa: ARG002 - the signature of a step
        """Go to the question."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask, then reset."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                await self.hass.data[LEDGER].async_reset(self.hass, set(_people(self.hass)))
            except LedgerError:
                errors["base"] = "store_failed"
            else:
                return self.async_create_entry(data={})
        return self.async_show_form(step_id="confirm", data_schema=vol.Schema({}), errors=errors)


class WhoseFlow(RepairsFlow):
    """Ask an admin whose session it was, if a device ran one for a profile of nobody here."""

    def __init__(self, device: str, mac: str) -> None:
        """Take the name and the MAC address of the device."""
        self._device = device
        self._mac = mac

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:  # noqa: ARG002 - the signature of a step
        """Ask only if a session is counted for nobody."""
        return await (
            self.async_step_whose()
            if self.hass.data[LEDGER].unclaimed(self._mac)
            else self.async_step_confirm()
        )

    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Let the user dismiss it."""
        if user_input is not None:
            return self.async_create_entry(data={})
        return self.async_show_form(
            step_id="confirm",
            data_schema=vol.Schema({}),
            description_placeholders={"device": self._device},
        )

    async def async_step_whose(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Ask whose it was, and count it for them."""
        errors: dict[str, str] = {}
        people, unclaimed = _people(self.hass), self.hass.data[LEDGER].unclaimed(self._mac)
        if user_input is not None:
            person_id = user_input.get(CONF_PERSON)
            if person_id is None or person_id in people:
                try:
                    for record in unclaimed if person_id else ():
                        await self.hass.data[LEDGER].async_merge(
                            self.hass, replace(record, person_id=person_id)
                        )
                except LedgerError:
                    errors["base"] = "store_failed"
                else:
                    return self.async_create_entry(data={})
            else:
                errors[CONF_PERSON] = "unknown_person"
        options = [
            SelectOptionDict(value=person_id, label=name) for person_id, name in people.items()
        ]
        return self.async_show_form(
            step_id="whose",
            data_schema=vol.Schema(
                {
                    vol.Optional(CONF_PERSON): SelectSelector(
                        SelectSelectorConfig(options=options, mode=SelectSelectorMode.LIST)
                    )
                }
            ),
            errors=errors,
            description_placeholders={"device": self._device, "sessions": str(len(unclaimed))},
        )


def _people(hass: HomeAssistant) -> dict[str, str]:
    """Return the name of every person by entry."""
    entries: list[Any] = hass.config_entries.async_entries(DOMAIN)
    return {
        entry.entry_id: entry.title for entry in entries if entry.data.get(CONF_KIND) == KIND_PERSON
    }

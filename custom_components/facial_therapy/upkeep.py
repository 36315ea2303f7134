"""What keeps the ledger usable beside the sessions: whether it can be read and written, whether its clock is right, and how an admin begins it anew."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.components.repairs import RepairsFlow, RepairsFlowResult
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.event import async_track_time_interval
import voluptuous as vol

from .const import CONF_KIND, DOMAIN, KIND_PERSON
from .ledger_file import LedgerError
from .store import LEDGER, Ledger

LOOK: Final = timedelta(minutes=1)
"""How often a full disk is tried again, and the clock is looked at."""


@callback
def async_keep_ledger(hass: HomeAssistant, ledger: Ledger, changed: Callable[[], None]) -> None:
    """Say what has to be mended about the ledger, and take it back when it is mended.

    Args:
        hass: Home Assistant.
        ledger: It has been loaded.
        changed: Called when something may start that could not, or the other way round.
    """

    @callback
    def tell() -> None:
        _issues(hass, ledger)
        changed()

    async def look(_now: datetime) -> None:
        if ledger.failure is not None:
            with suppress(LedgerError):
                await ledger.async_probe(hass)
        _issues(hass, ledger)

    ledger.add_listener(tell)
    async_track_time_interval(hass, look, LOOK, name="facial_therapy looks after its ledger", cancel_on_shutdown=True)
    _issues(hass, ledger)


@callback
def _issues(hass: HomeAssistant, ledger: Ledger) -> None:
    ahead = ledger.clock_ahead
    hours = f"{abs(ahead) / timedelta(hours=1):.1f}"
    _issue(hass, "ledger_unreadable", there=ledger.unreadable, fixable=True)
    _issue(hass, "store_failed", there=ledger.failure is not None and not ledger.unreadable, error=ledger.failure or "")
    _issue(hass, "clock_forward", there=ahead > timedelta(0), severity=ir.IssueSeverity.WARNING, hours=hours)
    _issue(hass, "clock_back", there=ahead < timedelta(0), severity=ir.IssueSeverity.WARNING, hours=hours)


@callback
def _issue(
    hass: HomeAssistant, key: str, *, there: bool, fixable: bool = False, severity: ir.IssueSeverity = ir.IssueSeverity.ERROR, **placeholders: str
) -> None:
    if there:
        ir.async_create_issue(hass, DOMAIN, key, is_fixable=fixable, severity=severity, translation_key=key, translation_placeholders=placeholders)
    else:
        ir.async_delete_issue(hass, DOMAIN, key)


class BeginAnewFlow(RepairsFlow):
    """An admin accepts that everybody's windows are at their ceiling, so that the ledger can begin anew. Home Assistant lets nobody else in here."""

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:  # noqa: ARG002 - the signature of a step
        """Lead to the question."""
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Ask, and do it."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                await self.hass.data[LEDGER].async_begin_anew(self.hass, _person_ids(self.hass))
            except LedgerError:
                errors["base"] = "store_failed"
            else:
                return self.async_create_entry(data={})
        return self.async_show_form(step_id="confirm", data_schema=vol.Schema({}), errors=errors)


def _person_ids(hass: HomeAssistant) -> set[str]:
    entries: list[Any] = hass.config_entries.async_entries(DOMAIN)
    return {entry.entry_id for entry in entries if entry.data.get(CONF_KIND) == KIND_PERSON}

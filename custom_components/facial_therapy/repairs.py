"""Repair flows."""

from homeassistant.components.repairs import RepairsFlow
from homeassistant.core import HomeAssistant

from .storage.health import ResetLedgerFlow, WhoseFlow


async def async_create_fix_flow(
    _hass: HomeAssistant, _issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the flow of an issue: sessions started outside, or a ledger that can't be read."""
    return WhoseFlow(str(data["device"]), str(data["mac"])) if data else ResetLedgerFlow()

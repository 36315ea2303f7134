"""What a person has to mend: an issue names it, and goes away by itself when it is mended."""

from homeassistant.components.repairs import RepairsFlow
from homeassistant.core import HomeAssistant

from .storage.health import ResetLedgerFlow, WhoseFlow


async def async_create_fix_flow(
    _hass: HomeAssistant, _issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return how an issue that is fixed here is fixed: sessions of a device that were not started here, or a ledger that cannot be read."""
    return WhoseFlow(str(data["device"]), str(data["mac"])) if data else ResetLedgerFlow()

"""What people who were removed still have to wait for: for 8 days, as with their doses, it counts for whoever is added next."""

from datetime import datetime
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..core.gate.eligibility import erased, inherited
from ..core.ledger.index import KEPT
from ..core.model import Eligibility
from ..storage.serialize import eligibility_in, eligibility_out

KEY: Final = f"{DOMAIN}.remainder"


def _store(hass: HomeAssistant) -> Store[list[dict[str, Any]]]:
    return Store(hass, 1, KEY)


async def _async_left(hass: HomeAssistant, now: datetime) -> list[dict[str, Any]]:
    """Return what is left of those who were removed in the last 8 days."""
    return [
        one
        for one in await _store(hass).async_load() or []
        if now < datetime.fromisoformat(one["removed_at"]) + KEPT
    ]


async def async_leave(hass: HomeAssistant, eligibility: Eligibility) -> None:
    """Keep what somebody who is removed has to wait for, without saying who it was; nothing if there is nothing."""
    now = dt_util.utcnow()
    if (rest := erased(eligibility, now)) != Eligibility():
        left = [
            *await _async_left(hass, now),
            {"removed_at": now.isoformat(), "eligibility": eligibility_out(rest)},
        ]
        await _store(hass).async_save(left)


async def async_inherit(hass: HomeAssistant, eligibility: Eligibility) -> Eligibility:
    """Return the standing of somebody new, who waits for what anybody has left behind."""
    return inherited(
        eligibility,
        [eligibility_in(one["eligibility"]) for one in await _async_left(hass, dt_util.utcnow())],
    )

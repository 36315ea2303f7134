"""Holds of removed people: for 8 days, as their doses, they apply to every person added.

They protect somebody, so a file that can't be read means the strictest holds for everybody who is
added within 8 days from then, and a repair that says so.
"""

from dataclasses import dataclass
from datetime import datetime
import os
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util

from ..const import CONF_ELIGIBILITY, DOMAIN, LOGGER
from ..core import limits
from ..core.gate.eligibility import erased, inherited
from ..core.ledger.index import KEPT
from ..core.model import Modality
from ..core.person import Eligibility, Hold
from ..storage.codec import encode
from ..storage.guarded_store import UnreadableStoreError, async_read
from ..storage.serialize import eligibility_is_damaged, eligibility_out
from ..text.issues import async_eligibility_unreadable, async_holds_unreadable

KEY: Final = f"{DOMAIN}.remainder"


@dataclass(frozen=True, slots=True, kw_only=True)
class RemovedPerson:
    """The holds of a removed person, without a name."""

    removed_at: datetime
    eligibility: Eligibility
    unknown: bool = False
    """It stands for everybody whose holds could not be read."""

    @property
    def until(self) -> datetime:
        """Time until which a new person inherits it."""
        return self.removed_at + KEPT


@dataclass(frozen=True, slots=True, kw_only=True)
class Remainder:
    """What the file holds."""

    removed: tuple[RemovedPerson, ...]


def strictest(now: datetime) -> Eligibility:
    """Return the strictest holds that anybody can have: what counts where they can't be read."""
    hold = Hold(until=now + limits.DATED_BLOCK_MAXIMUM, hard_until=now + limits.ISOTRETINOIN_BLOCK)
    return Eligibility(
        holds=MappingProxyType(dict.fromkeys(Modality, hold)),
        redness_until=now + limits.REDNESS_LOCK,
        red_flag_at=now,
        not_fine_until=now + limits.SKIN_NOT_FINE,
    )


def _store(hass: HomeAssistant) -> Store[dict[str, Any]]:
    return Store(hass, 1, KEY, private=True, atomic_writes=True)


async def async_check_removed(hass: HomeAssistant) -> tuple[RemovedPerson, ...]:
    """Return the people who were removed in the last 8 days, and update the repair about them.

    A damaged file is replaced by one that stands for everybody in it, at the strictest. A file of a
    newer release, or one that only can't be opened now, is kept and counts the same.
    """
    now = dt_util.utcnow()
    store = _store(hass)
    try:
        exists = await hass.async_add_executor_job(os.path.lexists, store.path)
        stored = await async_read(hass, store, Remainder)
        if stored is None and exists:
            reason = "it is empty"
            raise UnreadableStoreError(reason, damaged=True)  # noqa: TRY301 - as any other damage
    except UnreadableStoreError as error:
        LOGGER.error("Failed to read the holds of removed people, the strictest apply: %s", error)
        removed: tuple[RemovedPerson, ...] = (
            RemovedPerson(removed_at=now, eligibility=strictest(now), unknown=True),
        )
        if error.damaged:
            await _async_save(hass, removed)
    else:
        removed = () if stored is None else stored.removed
    removed = tuple(one for one in removed if now < one.until)
    async_holds_unreadable(hass, max((one.until for one in removed if one.unknown), default=None))
    return removed


async def _async_save(hass: HomeAssistant, removed: tuple[RemovedPerson, ...]) -> None:
    try:
        await _store(hass).async_save(encode(Remainder(removed=removed)))
    except Exception as error:  # noqa: BLE001 - whatever the disk says, a person is still removed
        LOGGER.error("Failed to save the holds of removed people: %s", error)


async def async_leave(hass: HomeAssistant, eligibility: Eligibility) -> None:
    """Keep the holds of a person who is being removed, if there are any."""
    now = dt_util.utcnow()
    if (rest := erased(eligibility, now)) != Eligibility():
        left = RemovedPerson(removed_at=now, eligibility=rest)
        await _async_save(hass, (*await async_check_removed(hass), left))


async def async_inherit(hass: HomeAssistant, eligibility: Eligibility) -> Eligibility:
    """Return the eligibility of a new person, with the holds of everybody removed lately."""
    return inherited(eligibility, [one.eligibility for one in await async_check_removed(hass)])


def async_protect(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Replace a person's eligibility by the strictest holds if it can't be read, with a repair.

    Otherwise answering the screening again would drop holds that nobody could read.
    """
    if not eligibility_is_damaged(entry.data.get(CONF_ELIGIBILITY, {})):
        return
    LOGGER.error("Failed to read the eligibility of %s, the strictest holds apply", entry.title)
    eligibility = strictest(dt_util.utcnow())
    hass.config_entries.async_update_entry(
        entry, data={**entry.data, CONF_ELIGIBILITY: eligibility_out(eligibility)}
    )
    async_eligibility_unreadable(hass, entry)

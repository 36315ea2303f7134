"""Stores of preferences: damage costs the preference, and nothing else.

A `GuardedStore` keeps one dataclass in a file of `.storage`. Whatever is wrong with that file, its
owner gets the default and the log gets one line. The ledger and the holds of removed people protect
somebody and are not read through this class.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from homeassistant.core import DOMAIN as HOMEASSISTANT_DOMAIN, HomeAssistant
from homeassistant.exceptions import UnsupportedStorageVersionError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.storage import Store

from ..const import DOMAIN, LOGGER
from .codec import decode, encode
from .fields import MalformedError

VERSION: Final = 1


class UnreadableStoreError(Exception):
    """A store exists and can't be read."""

    def __init__(self, reason: str, *, damaged: bool) -> None:
        """Remember why, and whether its data is lost: nobody will ever read it."""
        super().__init__(reason)
        self.damaged = damaged


async def async_read[T](
    hass: HomeAssistant, store: Store[dict[str, object]], kind: type[T]
) -> T | None:
    """Return what a store holds; None if there is no file.

    Raises:
        UnreadableStoreError: There is one that can't be read, or that holds something else.
    """
    before = _corruptions(hass, store.key)
    try:
        data = await store.async_load()
    except UnsupportedStorageVersionError:
        reason = "a newer release wrote it"
        raise UnreadableStoreError(reason, damaged=False) from None
    except Exception as error:
        # An OSError may be over at the next attempt. Anything else is a wrong envelope.
        unopened = isinstance(error, OSError) or isinstance(error.__cause__, OSError)
        reason = f"{type(error).__name__}: {error}"
        raise UnreadableStoreError(reason, damaged=not unopened) from error
    if data is None:
        if _corruptions(hass, store.key) != before:
            reason = "it is no JSON"
            raise UnreadableStoreError(reason, damaged=True)
        return None
    try:
        return decode(kind, data)
    except MalformedError as error:
        raise UnreadableStoreError(str(error), damaged=True) from None


def _corruptions(hass: HomeAssistant, key: str) -> set[str]:
    """Return the issues that Home Assistant has created about broken JSON in a store.

    It moves such a file aside and then returns None, as for no file.
    """
    return {
        issue_id
        for domain, issue_id in ir.async_get(hass).issues
        if domain == HOMEASSISTANT_DOMAIN and issue_id.startswith(f"storage_corruption_{key}_")
    }


class GuardedStore[T]:
    """One preference on disk."""

    def __init__(  # noqa: PLR0913 - each is one fact about the store
        self,
        hass: HomeAssistant,
        key: str,
        kind: type[T],
        default: Callable[[], T],
        *,
        label: str,
        check: Callable[[T], None] | None = None,
    ) -> None:
        """Prepare the store; nothing is read yet.

        Args:
            hass: Home Assistant.
            key: Name of the file in `.storage`, after the domain.
            kind: The dataclass that it holds.
            default: Makes the value that counts when there is none.
            label: What it holds, for the log: "the settings of Mask".
            check: Raises ValueError for a value that has the right types and is still impossible.
        """
        self._hass = hass
        self._kind = kind
        self._default = default
        self._label = label
        self._check = check
        self._store: Store[dict[str, object]] = Store(
            hass, VERSION, f"{DOMAIN}.{key}", private=True, atomic_writes=True
        )
        self._failing = False

    async def async_load(self) -> T:
        """Return the stored value, or the default if there is none or it can't be read."""
        try:
            value = await async_read(self._hass, self._store, self._kind)
            if value is not None and self._check is not None:
                self._check(value)
        except (UnreadableStoreError, ValueError) as error:
            LOGGER.warning("Failed to read %s, using the defaults: %s", self._label, error)
            return self._default()
        return self._default() if value is None else value

    async def async_save(self, value: T) -> None:
        """Write a value now; a failure is logged once until a write succeeds, and never raised."""
        with self._logged():
            await self._store.async_save(encode(value))
            self._failing = False

    def save_later(self, value: T, delay_s: float) -> None:
        """Write a value after a delay in seconds, or when Home Assistant stops."""
        with self._logged():
            data = encode(value)
            self._store.async_delay_save(lambda: data, delay_s)

    async def async_remove(self) -> None:
        """Delete the file."""
        with self._logged():
            await self._store.async_remove()

    @contextmanager
    def _logged(self) -> Iterator[None]:
        """Log the first of several failures to write, and go on."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - a preference never breaks its owner
            if not self._failing:
                LOGGER.warning("Failed to save %s: %s", self._label, error)
            self._failing = True

"""The ledger in memory and on disk, kept the same.

A line is written, synced and read back before it takes effect, and so before anything is energized.
A damaged file makes the whole ledger *unreadable*: not zero, but unknown, and nothing starts until
an admin resets it. One that a newer release wrote is *too new*: it is kept, and nothing starts
until that release is installed again.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
import time
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util

from ..const import LOGGER, SIGNAL_LEDGER
from ..core.ledger import clock
from ..core.ledger.index import LedgerIndex
from ..core.ledger.record import Record
from .ledger_file import Extent, LedgerError, LedgerFile, LedgerTooNewError
from .ledger_state import ClockLine, DeviceLine, LedgerState, Line, line_out

AGE: Final = timedelta(days=396)
"""13 months: older sessions live on in the totals only."""
SPARE: Final = 10_000
"""So many lines are appended before the file is compacted."""


def monotonic_s() -> float:
    """Return the monotonic clock, looked up at each call."""
    return time.monotonic()


class LedgerWriter:
    """The state, its file, and its two clocks: the wall's and the monotonic one."""

    def __init__(
        self,
        path: Path,
        *,
        wall: Callable[[], datetime] = dt_util.utcnow,
        monotonic: Callable[[], float] = monotonic_s,
    ) -> None:
        """Take the file's path, and in tests other clocks; nothing is read yet."""
        self._file = LedgerFile(path)
        self._wall = wall
        self._monotonic = monotonic
        self._lock = asyncio.Lock()
        self._state = LedgerState()
        self._clock = clock.begin(wall(), self._monotonic(), None)
        self._listeners: list[Callable[[], None]] = []
        self.unreadable = False
        """The file exists and can't be used: nothing may start."""
        self.too_new = False
        """It can't be used because a newer release wrote it."""
        self._announced: set[str | None] = set()
        self.failure: str | None = None
        """Why the last line could not be written; None once one could."""

    async def async_load(self, hass: HomeAssistant, *, begun: bool = False) -> None:
        """Read the file; a damaged, cut or too new one sets `unreadable`.

        A missing file is an empty ledger, or unreadable if the ledger had been begun. Sessions
        older than 13 months go into the totals, and a file of an older version is replaced by one
        of this version.
        """
        try:
            contents = await hass.async_add_executor_job(self._file.read)
            self._state = await hass.async_add_executor_job(LedgerState.read, contents)
        except (LedgerError, OSError, KeyError, TypeError, ValueError) as error:
            self.unreadable = True
            self.too_new = isinstance(error, LedgerTooNewError)
            LOGGER.error("Failed to read the ledger, so nothing can start: %s", error)
        if begun and not self.unreadable and not self._state.lines:
            self.unreadable = True
            LOGGER.error("The ledger is missing, so nothing can start")
        self._clock = clock.begin(self._wall(), self._monotonic(), self._state.newest)
        if not self.unreadable and (not self._state.extent.current or self._oldest_is_over()):
            with suppress(LedgerError):  # it is read and counted all the same
                await self._async_rewrite(hass, lambda index: index.drop(self.now() - AGE))

    def _oldest_is_over(self) -> bool:
        return any(
            record.over_at < self.now() - AGE for record in self._state.index.records.values()
        )

    # --- time -------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the ledger's time, UTC: windows are counted in it."""
        return self._clock.at(self._monotonic())

    def dated(self) -> datetime:
        """Return the date for something that happens now, UTC.

        It is the ledger's time, or the wall clock where that is ahead of it. A clock that is only
        set after Home Assistant has started would otherwise leave everything of this run too early
        in the next.
        """
        return max(self.now(), self._wall())

    @property
    def clock_ahead(self) -> timedelta:
        """How far the wall clock has been put forward; negative: back; zero: it is right."""
        return self._clock.ahead(self._wall(), self._monotonic())

    # --- listeners --------------------------------------------------------------------------------

    def add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call back when `unreadable` or `failure` has changed."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _set_failure(self, failure: str | None) -> None:
        """Remember why the last line could not be written; None: it could."""
        if failure != self.failure:
            self.failure = failure
            self._notify_listeners()

    def _notify_listeners(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    def _announce_later(self, hass: HomeAssistant, person_id: str | None) -> None:
        """Announce a change once, at the end of this pass of the loop.

        Args:
            hass: Home Assistant.
            person_id: Whose sessions have changed; None, or somebody who was removed: anybody's.
        """
        if not self._announced:
            hass.loop.call_soon(self._announce, hass)
        _added_at, removed_at = self._state.index.people.get(person_id or "", (None, None))
        self._announced.add(None if removed_at is not None else person_id)

    def _announce(self, hass: HomeAssistant) -> None:
        changed, self._announced = self._announced, set()
        person_ids = None if None in changed else frozenset(changed)
        async_dispatcher_send(hass, SIGNAL_LEDGER, person_ids)

    # --- writing ----------------------------------------------------------------------------------

    async def _async_append(self, hass: HomeAssistant, line: Line) -> None:
        """Write a line durably, read it back, and only then let it take effect.

        Raises:
            LedgerError: It could not be written, or was read back differently; nothing has changed.
        """
        async with self._lock:
            state, at = self._writable(), self.now()

            def write() -> Extent:
                return self._file.append(state.extent, line_out(line, at), state.entries())

            def apply(extent: Extent) -> None:
                state.extent = extent
                state.apply(line, at)

            await self._async_durably(hass.async_add_executor_job(write), apply)
            if state.lines > SPARE + 2 * len(state.index.records):
                with suppress(LedgerError):  # it is only longer than it need be
                    await self._async_replace(hass, lambda index: index.drop(self.now() - AGE))
        if isinstance(line, Record):
            self._announce_later(hass, line.person_id)
        elif not isinstance(line, DeviceLine | ClockLine):
            self._announce_later(hass, None)

    async def _async_rewrite(
        self, hass: HomeAssistant, change: Callable[[LedgerIndex], object]
    ) -> None:
        """Change the index and write it as a new file in the old one's place.

        Raises:
            LedgerError: Nothing has changed.
        """
        async with self._lock:
            self._writable()
            await self._async_replace(hass, change)
        self._announce_later(hass, None)

    async def _async_replace(
        self, hass: HomeAssistant, change: Callable[[LedgerIndex], object]
    ) -> None:
        at, before = self.now(), self._state

        def write() -> LedgerState:
            state = LedgerState()
            for line in list(before.lines_of_file()):
                state.apply(line, before.newest)
            change(state.index)
            state.newest = at
            entries = list(state.entries())
            state.extent = self._file.replace(entries, after=before.extent.last)
            state.lines = len(entries)
            return state

        def apply(state: LedgerState) -> None:
            self._state = state

        await self._async_durably(hass.async_add_executor_job(write), apply)

    async def _async_start_over(self, hass: HomeAssistant, state: LedgerState) -> None:
        """Replace an unreadable file, which is kept aside.

        Raises:
            LedgerError: It is still unreadable, or a newer release wrote it: then it is kept.
        """
        if self.too_new:
            message = "a newer release wrote the ledger"
            raise LedgerError(message)
        async with self._lock:
            state.newest = now = self.now()
            entries = list(state.entries())

            def write() -> Extent:
                self._file.keep_aside(f"unreadable-{now:%Y%m%dT%H%M%S}")
                return self._file.replace(entries)

            def apply(extent: Extent) -> None:
                state.extent, state.lines = extent, len(entries)
                self._state, self.unreadable = state, False
                self._notify_listeners()

            await self._async_durably(hass.async_add_executor_job(write), apply)

    def _writable(self) -> LedgerState:
        if self.unreadable:
            message = "the ledger is unreadable"
            raise LedgerError(message)
        return self._state

    async def _async_durably[T](
        self, writing: asyncio.Future[T], apply: Callable[[T], None]
    ) -> None:
        """Wait for the disk, then apply the written change.

        This holds when the caller is cancelled, too: memory and file must not differ.
        """
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            if writing.exception() is None:
                apply(writing.result())
            raise
        except (LedgerError, OSError, ValueError) as error:
            self._set_failure(str(error))
            raise LedgerError(str(error)) from error
        apply(writing.result())
        self._set_failure(None)

    async def async_probe(self, hass: HomeAssistant) -> None:
        """Try again to write a line after a failure; `failure` holds the result.

        Raises:
            LedgerError: It still can't be written.
        """
        await self._async_append(hass, ClockLine())

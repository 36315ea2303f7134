"""The durable ledger: the books of `core.books` over the file of `ledger_file`.

What is to be counted is written, synced and read back before it takes effect, and so before
anything is energized. A file that does not check makes the whole ledger *unreadable*: not zero, but
unknown, and nothing starts until an admin has it begun anew with everybody's windows at their
ceiling.
"""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
import secrets
import time
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN, SIGNAL_LEDGER
from ..core.ledger import clock
from ..core.ledger.history import History, Totals
from ..core.ledger.index import LedgerIndex
from ..core.ledger.record import Record, merge
from ..core.ledger.settle import over, settled
from ..core.ledger.unknown import ceiling, shortfall
from ..core.model import Dose, Modality, Outcome
from .ledger_file import (
    VERSION,
    DeviceMemory,
    LedgerError,
    LedgerFile,
    LedgerState,
    device_line,
    person_line,
    session_line,
)

FILE: Final = f"{DOMAIN}.ledger"
AGE: Final = timedelta(days=396)
"""13 months: what is older lives on in the totals only."""
SPARE: Final = 10_000
"""So many lines are appended before the file is written anew without what is out of date."""


def monotonic_s() -> float:
    """Return the monotonic clock, looked up anew each time."""
    return time.monotonic()


class Ledger:
    """The ledger in memory, and its file. It owns the two clocks: the wall's and the monotonic one."""

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
        self._pending: dict[str, Record] = {}
        """Being written: they count from the moment at which they were permitted."""
        self._clock = clock.begin(wall(), self._monotonic(), None)
        self._listeners: list[Callable[[], None]] = []
        self.unreadable = False
        """The file is there and does not check: nothing may start."""
        self.failure: str | None = None
        """Why the last line could not be written; None once one could."""

    async def async_load(self, hass: HomeAssistant, *, begun: bool = False) -> None:
        """Read the file; a corrupt one sets `unreadable`, and so does a missing or empty one that had been begun. Otherwise a missing one is an empty ledger.

        What is older than 13 months goes into the totals; a file of an older version becomes one of
        this.
        """
        try:
            self._state = await hass.async_add_executor_job(self._file.read)
        except LedgerError, OSError, KeyError, TypeError, ValueError:
            self.unreadable = True
        self.unreadable |= begun and not self._state.lines
        self._clock = clock.begin(self._wall(), self._monotonic(), self._state.newest)
        if not self.unreadable and (self._state.version < VERSION or self._oldest_is_over()):
            with suppress(LedgerError):  # it is read and counted all the same
                await self._async_rewrite(hass, lambda books: books.drop(self.now() - AGE))

    def _oldest_is_over(self) -> bool:
        return any(
            record.over_at < self.now() - AGE for record in self._state.books.records.values()
        )

    # --- time -------------------------------------------------------------------------------------

    def now(self) -> datetime:
        """Return the ledger's time, UTC: what windows are counted in."""
        return self._clock.at(self._monotonic())

    def dated(self) -> datetime:
        """Return what something of now is dated with, UTC: the ledger's time, or the wall clock where that is ahead of it.

        A clock that is only set after Home Assistant has begun would otherwise leave everything of
        this run too early in the next.
        """
        return max(self.now(), self._wall())

    @property
    def clock_ahead(self) -> timedelta:
        """How far the wall clock has been put forward; negative: back; zero: it is right."""
        return self._clock.ahead(self._wall(), self._monotonic())

    # --- writing ----------------------------------------------------------------------------------

    def add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call back when `unreadable` or `failure` has changed."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def _written(self, failure: str | None) -> None:
        """A line could be written, or could not."""
        if failure != self.failure:
            self.failure = failure
            self._tell()

    def _tell(self) -> None:
        for listener in tuple(self._listeners):
            listener()

    async def _async_append(self, hass: HomeAssistant, entry: dict[str, Any]) -> None:
        """Write a line durably, read it back, and only then let it take effect.

        Raises:
            LedgerError: It could not be written, or what is read back is not what was written;
                nothing has changed.
        """
        async with self._lock:
            state = self._writable()

            def take(length: int) -> None:
                state.length = length
                state.take(entry)

            entry["at"] = self.now().isoformat()
            await self._async_durably(
                hass.async_add_executor_job(self._file.append, state, entry), take
            )
            if state.lines > SPARE + 2 * len(state.books.records):
                with suppress(LedgerError):  # it is only longer than it need be
                    await self._async_replace(hass, lambda books: books.drop(self.now() - AGE))
        async_dispatcher_send(hass, SIGNAL_LEDGER)

    async def _async_rewrite(
        self, hass: HomeAssistant, change: Callable[[LedgerIndex], object]
    ) -> None:
        """Change the books and write them as a new file in the old one's place.

        Raises:
            LedgerError: Nothing has changed.
        """
        async with self._lock:
            self._writable()
            await self._async_replace(hass, change)
        async_dispatcher_send(hass, SIGNAL_LEDGER)

    async def _async_replace(
        self, hass: HomeAssistant, change: Callable[[LedgerIndex], object]
    ) -> None:
        at = self.now()

        def write() -> LedgerState:
            state = LedgerState()
            for entry in list(self._state.entries()):
                state.take(entry)
            change(state.books)
            state.newest = at
            entries = list(state.entries())
            state.length, state.lines = self._file.replace(entries), len(entries)
            return state

        def take(state: LedgerState) -> None:
            self._state = state

        await self._async_durably(hass.async_add_executor_job(write), take)

    def _writable(self) -> LedgerState:
        if self.unreadable:
            message = "the ledger is unreadable"
            raise LedgerError(message)
        return self._state

    async def _async_durably[T](
        self, writing: asyncio.Future[T], take: Callable[[T], None]
    ) -> None:
        """Wait for the disk, and let take effect what is on it, also when the caller is cancelled: memory and file must not differ."""
        try:
            await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            if writing.exception() is None:
                take(writing.result())
            raise
        except (LedgerError, OSError, ValueError) as error:
            self._written(str(error))
            raise LedgerError(str(error)) from error
        take(writing.result())
        self._written(None)

    async def async_probe(self, hass: HomeAssistant) -> None:
        """Try whether a ledger that could not be written can be now: `failure` tells.

        Raises:
            LedgerError: It can not.
        """
        await self._async_append(hass, {"kind": "ledger", "version": VERSION})

    # --- sessions ---------------------------------------------------------------------------------

    async def async_open(self, hass: HomeAssistant, record: Record) -> None:
        """Write a session: a permitted one at its full planned dose, or a logged, watched or unknown one as it is.

        It counts from this call on, so that nothing can be permitted while it is being written; if
        it cannot be, it does not.

        Raises:
            LedgerError: It is not in the ledger, and must not be energized.
        """
        self._pending[record.session_id] = record
        try:
            await self._async_append(hass, session_line(record))
        finally:
            del self._pending[record.session_id]

    async def async_amend(
        self, hass: HomeAssistant, session_id: str, *, planned: Dose, worst_case: Dose
    ) -> None:
        """Write a session's plan anew before a level rises. A plan never gets smaller.

        Raises:
            KeyError: No such session.
            LedgerError: It stays as it was, and nothing may rise.
        """
        record = self._state.books.records[session_id]
        await self._async_put(
            hass, merge(record, replace(record, planned=planned, worst_case=worst_case))
        )

    async def async_settle(  # noqa: PLR0913 - what a node tells
        self,
        hass: HomeAssistant,
        session_id: str,
        *,
        delivered: Dose,
        outcome: Outcome,
        ended_at: datetime,
        output_s: float | None = None,
    ) -> None:
        """Settle a session to what was delivered, nominal; of two settlings the larger dose stays.

        Raises:
            KeyError: No such session.
            LedgerError: It stays at its full planned dose.
        """
        record = self._state.books.records[session_id]
        await self._async_put(
            hass,
            settled(
                record,
                delivered=delivered,
                outcome=outcome,
                ended_at=ended_at,
                output_s=output_s,
            ),
        )

    async def async_over(
        self, hass: HomeAssistant, session_id: str, *, at_least: Dose, ended_at: datetime
    ) -> None:
        """Write down that nothing of a session can flow any more, though it is not known what it delivered: it counts in full until the node tells.

        Raises:
            KeyError: No such session.
            LedgerError: It counts as one that may still go on.
        """
        record = self._state.books.records[session_id]
        await self._async_put(hass, over(record, at_least=at_least, ended_at=ended_at))

    async def async_merge(self, hass: HomeAssistant, record: Record) -> None:
        """Take in what somebody else knows of a session, by its id: the union, per number the larger.

        Raises:
            LedgerError: The ledger is as it was.
        """
        known = self._state.books.records.get(record.session_id)
        await self._async_put(hass, record if known is None else merge(known, record))

    async def async_record_shortfall(  # noqa: PLR0913 - what a node tells of a person
        self,
        hass: HomeAssistant,
        person_id: str,
        modality: Modality,
        *,
        mac: str,
        told: Dose,
        sessions: int,
    ) -> Record | None:
        """Charge what a node has counted for a person in its week and the ledger does not know: see `core.ledger.shortfall`.

        Returns:
            The unknown session that was written; None if there is nothing to charge.

        Raises:
            LedgerError: Nothing has been charged.
        """
        missing = shortfall(
            secrets.token_hex(8),
            person_id,
            modality,
            self.dated(),
            mac=mac,
            told=told,
            sessions=sessions,
            known=self.newest_first(person_id),
        )
        if missing is not None:
            await self.async_open(hass, missing)
        return missing

    async def async_record_ceiling(
        self, hass: HomeAssistant, person_id: str, modality: Modality, *, mac: str
    ) -> Record:
        """Charge a week at its ceiling, now: for a gap in the history of a node, or a node that has begun anew.

        Raises:
            LedgerError: Nothing has been charged.
        """
        record = ceiling(secrets.token_hex(8), person_id, modality, self.dated(), mac=mac)
        await self.async_open(hass, record)
        return record

    async def _async_put(self, hass: HomeAssistant, record: Record) -> None:
        if record != self._state.books.records.get(record.session_id):
            await self._async_append(hass, session_line(record))

    def get(self, session_id: str) -> Record | None:
        """Return one session."""
        return self._state.books.records.get(session_id)

    def session_ids(self) -> list[str]:
        """Return every session, oldest first."""
        return list(self._state.books.records)

    def open_sessions(self, mac: str) -> list[Record]:
        """Return the sessions of a device that have not been settled, oldest first."""
        return self._state.books.open_sessions(mac)

    def unclaimed(self, mac: str) -> list[Record]:
        """Return what a device gave in the last 8 days to nobody who is known here, oldest first."""
        return self._state.books.unclaimed(mac, self.now())

    # --- devices ----------------------------------------------------------------------------------

    async def async_remember(self, hass: HomeAssistant, mac: str, memory: DeviceMemory) -> None:
        """Write what has to outlive a restart about a device, if it has changed.

        Raises:
            LedgerError: Nothing has changed.
        """
        if memory != self.device(mac):
            await self._async_append(hass, device_line(mac, memory))

    def device(self, mac: str) -> DeviceMemory:
        """Return what is remembered of a device."""
        return self._state.devices.get(mac, DeviceMemory())

    # --- people -----------------------------------------------------------------------------------

    def history(
        self,
        person_id: str,
        *,
        mac: str | None = None,
        without: str | None = None,
        ahead: timedelta = timedelta(),
    ) -> History:
        """Return what the gate needs of a person now, or some time ahead if nothing is added until then; see `Books.history`. What is being written counts."""
        history = self._state.books.history(person_id, self.now() + ahead, mac=mac, without=without)
        pending = tuple(
            record
            for record in self._pending.values()
            if record.person_id == person_id and record.session_id != without
        )
        other_session = history.other_session or next(
            (record for record in pending if record.mac != mac and record.lives(history.at)), None
        )
        return (
            replace(history, records=(*history.records, *pending), other_session=other_session)
            if pending
            else history
        )

    def totals(self, person_id: str) -> Totals:
        """Return what a person was given in all: it never falls."""
        return self._state.books.totals(person_id)

    def newest_first(self, person_id: str) -> Iterator[Record]:
        """Yield a person's sessions of the last 13 months, the one that ended last first."""
        return self._state.books.newest_first(person_id)

    def sessions_of(self, person_id: str) -> Mapping[Modality, int]:
        """Return how many sessions of each modality count for a person."""
        return self.totals(person_id).sessions

    async def async_people(self, hass: HomeAssistant, person_ids: set[str]) -> None:
        """Take in who there is: whoever is new counts from now, whoever is missing has been removed.

        Raises:
            LedgerError: Somebody is not written down; the next call tries again.
        """
        for person_id in sorted(person_ids):
            added_at, removed_at = self._state.books.people.get(person_id, (None, None))
            if added_at is None or removed_at is not None:
                await self._async_append(
                    hass, person_line(person_id, added_at or self.dated(), None)
                )
        for person_id, (added_at, removed_at) in list(self._state.books.people.items()):
            if person_id not in person_ids and removed_at is None:
                await self._async_append(hass, person_line(person_id, added_at, self.dated()))

    async def async_erase(self, hass: HomeAssistant, person_id: str) -> None:
        """Forget a person, on the disk too, apart from the doses of the last 8 days.

        Raises:
            LedgerError: Nothing has been forgotten.
        """
        await self._async_rewrite(hass, lambda books: books.erase(person_id, self.dated()))

    def export(self, person_id: str) -> list[dict[str, Any]]:
        """Return everything that the ledger has of a person, oldest first, as plain values."""
        return [session_line(record) for record in reversed(list(self.newest_first(person_id)))]

    async def async_begin_anew(self, hass: HomeAssistant, person_ids: set[str]) -> None:
        """Begin an unreadable ledger anew: the old file is kept aside, and everybody's windows are at their ceiling from now on.

        Raises:
            LedgerError: It is still unreadable.
        """
        async with self._lock:
            state = LedgerState()
            state.newest, at = self.now(), self.dated()
            for person_id in sorted(person_ids):
                state.take(person_line(person_id, at, None))
                for modality in Modality:
                    state.take(session_line(ceiling(secrets.token_hex(8), person_id, modality, at)))
            entries = list(state.entries())

            def write() -> int:
                self._file.keep_aside(f"unreadable-{self.now():%Y%m%dT%H%M%S}")
                return self._file.replace(entries)

            def take(length: int) -> None:
                state.length, state.lines = length, len(entries)
                self._state, self.unreadable = state, False
                self._tell()

            await self._async_durably(hass.async_add_executor_job(write), take)


LEDGER: HassKey[Ledger] = HassKey(f"{DOMAIN}_ledger")


def ledger_path(hass: HomeAssistant) -> Path:
    """Return where the ledger is."""
    return Path(hass.config.path(".storage", FILE))

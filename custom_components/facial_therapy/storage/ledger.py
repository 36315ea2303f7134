"""The household's ledger: every session of every person, and the state of each device."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
import secrets
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..core.ledger.history import History, Totals
from ..core.ledger.record import Record, merge
from ..core.ledger.settle import over, settled
from ..core.ledger.unknown import ceiling, shortfall
from ..core.model import Dose, Modality, Outcome
from .codec import encode
from .ledger_file import DeviceMemory
from .ledger_state import LedgerState, PersonLine, device_line
from .ledger_writer import LedgerWriter

FILE: Final = f"{DOMAIN}.ledger"


class Ledger(LedgerWriter):
    """The ledger: what it holds, and how sessions, devices and people are written to it."""

    def __init__(self, path: Path, **clocks: Any) -> None:  # noqa: ANN401 - those of LedgerWriter
        """Take the file's path, and in tests other clocks; nothing is read yet."""
        super().__init__(path, **clocks)
        self._pending: dict[str, Record] = {}
        """Being written: they count from the moment at which they were permitted."""

    # --- sessions ---------------------------------------------------------------------------------

    async def async_open(self, hass: HomeAssistant, record: Record) -> None:
        """Write a session.

        A permitted one is written at its full planned dose; an external, tracked or unknown one as
        it is. It counts from this call on, so that nothing can be permitted while it is being
        written. If it can't be written, it does not count.

        Raises:
            LedgerError: It is not in the ledger, and must not be energized.
        """
        self._pending[record.session_id] = record
        try:
            await self._async_append(hass, record)
        finally:
            del self._pending[record.session_id]

    async def async_amend(
        self, hass: HomeAssistant, session_id: str, *, planned: Dose, worst_case: Dose
    ) -> None:
        """Write a session's larger plan before a level rises. A plan never gets smaller.

        Raises:
            KeyError: No such session.
            LedgerError: It stays as it was, and nothing may rise.
        """
        record = self._state.index.records[session_id]
        larger = replace(record, planned=planned, worst_case=worst_case)
        await self._async_put(hass, merge(record, larger))

    async def async_settle(  # noqa: PLR0913 - the facts that a node reports
        self,
        hass: HomeAssistant,
        session_id: str,
        *,
        delivered: Dose,
        outcome: Outcome,
        ended_at: datetime,
        output_s: float | None = None,
    ) -> None:
        """Settle a session to its delivered dose, nominal; the larger of two settled doses stays.

        Output was off for good at `ended_at`, UTC, after it had been on for `output_s` seconds;
        None if only the node knows. A void session had no output, so it uses up no treatment time.

        Raises:
            KeyError: No such session.
            LedgerError: It stays at its full planned dose.
        """
        record = self._state.index.records[session_id]
        if outcome is Outcome.VOID and output_s is None:
            output_s = 0.0
        ended = settled(
            record, delivered=delivered, outcome=outcome, ended_at=ended_at, output_s=output_s
        )
        await self._async_put(hass, ended)

    async def async_over(
        self, hass: HomeAssistant, session_id: str, *, at_least: Dose, ended_at: datetime
    ) -> None:
        """Record that a session's output is off for good, while its delivered dose is not known.

        It counts in full until the node reports the dose.

        Raises:
            KeyError: No such session.
            LedgerError: It counts as one that may still go on.
        """
        record = self._state.index.records[session_id]
        await self._async_put(hass, over(record, at_least=at_least, ended_at=ended_at))

    async def async_merge(self, hass: HomeAssistant, record: Record) -> None:
        """Add what another source knows of a session, by its id: the union, per number the larger.

        Raises:
            LedgerError: The ledger is as it was.
        """
        known = self._state.index.records.get(record.session_id)
        await self._async_put(hass, record if known is None else merge(known, record))

    async def async_record_shortfall(  # noqa: PLR0913 - what a node counts for a person
        self,
        hass: HomeAssistant,
        person_id: str,
        modality: Modality,
        *,
        mac: str,
        reported: Dose,
        sessions: int,
    ) -> Record | None:
        """Count what a node has counted for a person in its week and the ledger lacks.

        Returns:
            The unknown session that was written; None if nothing is missing. See `shortfall`.

        Raises:
            LedgerError: Nothing has been counted.
        """
        missing = shortfall(
            secrets.token_hex(8),
            person_id,
            modality,
            self.dated(),
            mac=mac,
            reported=reported,
            sessions=sessions,
            known=self.newest_first(person_id),
        )
        if missing is not None:
            await self.async_open(hass, missing)
        return missing

    async def async_record_ceiling(
        self, hass: HomeAssistant, person_id: str, modality: Modality, *, mac: str
    ) -> Record:
        """Count a week at its ceiling from now: a node's history has a gap, or the node was reset.

        Raises:
            LedgerError: Nothing has been counted.
        """
        record = ceiling(secrets.token_hex(8), person_id, modality, self.dated(), mac=mac)
        await self.async_open(hass, record)
        return record

    async def _async_put(self, hass: HomeAssistant, record: Record) -> None:
        if record != self._state.index.records.get(record.session_id):
            await self._async_append(hass, record)

    def get(self, session_id: str) -> Record | None:
        """Return one session."""
        return self._state.index.records.get(session_id)

    def session_ids(self) -> list[str]:
        """Return every session, oldest first."""
        return list(self._state.index.records)

    def open_sessions(self, mac: str) -> list[Record]:
        """Return the sessions of a device that have not been settled, oldest first."""
        return self._state.index.open_sessions(mac)

    def unclaimed(self, mac: str) -> list[Record]:
        """Return a device's sessions of the last 8 days that are nobody's here, oldest first."""
        return self._state.index.unclaimed(mac, self.now())

    # --- devices ----------------------------------------------------------------------------------

    async def async_remember(self, hass: HomeAssistant, mac: str, memory: DeviceMemory) -> None:
        """Write what has to outlive a restart about a device, if it has changed.

        Raises:
            LedgerError: Nothing has changed.
        """
        if memory != self.device(mac):
            await self._async_append(hass, device_line(mac, memory))

    def device(self, mac: str) -> DeviceMemory:
        """Return the stored state of a device."""
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
        """Return what the gate needs of a person, sessions that are being written included.

        See `LedgerIndex.history`; with `ahead`, as it will be then if nothing is added.
        """
        history = self._state.index.history(person_id, self.now() + ahead, mac=mac, without=without)
        pending = [
            record
            for record in self._pending.values()
            if record.person_id == person_id and record.session_id != without
        ]
        if not pending:
            return history
        other_session = history.other_session or next(
            (record for record in pending if record.mac != mac and record.lives(history.at)), None
        )
        return replace(history, records=(*history.records, *pending), other_session=other_session)

    def totals(self, person_id: str) -> Totals:
        """Return a person's totals of all years; they never fall."""
        return self._state.index.totals(person_id)

    def newest_first(self, person_id: str) -> Iterator[Record]:
        """Yield a person's sessions of the last 13 months, the one that ended last first."""
        return self._state.index.newest_first(person_id)

    def sessions_of(self, person_id: str) -> Mapping[Modality, int]:
        """Return how many sessions of each modality count for a person."""
        return self.totals(person_id).sessions

    async def async_people(self, hass: HomeAssistant, person_ids: set[str]) -> None:
        """Record who is here: new people count from now on, missing ones have been removed.

        Raises:
            LedgerError: Somebody was not recorded; the next call tries again.
        """
        for person_id in sorted(person_ids):
            added_at, removed_at = self._state.index.people.get(person_id, (None, None))
            if added_at is None or removed_at is not None:
                await self._async_append(
                    hass, _person_line(person_id, added_at or self.dated(), None)
                )
        for person_id, (added_at, removed_at) in list(self._state.index.people.items()):
            if person_id not in person_ids and removed_at is None:
                await self._async_append(hass, _person_line(person_id, added_at, self.dated()))

    async def async_erase(self, hass: HomeAssistant, person_id: str) -> None:
        """Delete a person's sessions, on the disk too, apart from the doses of the last 8 days.

        Raises:
            LedgerError: Nothing has been deleted.
        """
        await self._async_rewrite(hass, lambda index: index.erase(person_id, self.dated()))

    def export(self, person_id: str) -> list[dict[str, Any]]:
        """Return everything that the ledger has of a person, oldest first, as JSON.

        What adopting a session needs is no data of the person, and its key stays in the ledger.
        """
        exported = []
        for record in reversed(list(self.newest_first(person_id))):
            values: dict[str, Any] = encode(record)
            del values["resumable"]
            exported.append(values)
        return exported

    # --- reset ------------------------------------------------------------------------------------

    async def async_reset(self, hass: HomeAssistant, person_ids: set[str]) -> None:
        """Replace an unreadable ledger, with everybody's week at its ceiling from now on.

        The old file is kept aside.

        Raises:
            LedgerError: It is still unreadable, or a newer release wrote it: then it is kept.
        """
        state, at = LedgerState(), self.dated()
        for person_id in sorted(person_ids):
            state.apply(_person_line(person_id, at, None), None)
            for modality in Modality:
                state.apply(ceiling(secrets.token_hex(8), person_id, modality, at), None)
        await self._async_start_over(hass, state)


def _person_line(
    person_id: str, added_at: datetime | None, removed_at: datetime | None
) -> PersonLine:
    return PersonLine(person_id=person_id, added_at=added_at, removed_at=removed_at)


LEDGER: HassKey[Ledger] = HassKey(f"{DOMAIN}_ledger")


def ledger_path(hass: HomeAssistant) -> Path:
    """Return where the ledger is."""
    return Path(hass.config.path(".storage", FILE))

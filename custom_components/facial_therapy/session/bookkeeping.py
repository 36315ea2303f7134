"""Ledger entries of one device: reserved before output, settled to the delivered dose.

The node's history is imported here: each of its records settles a reservation, or counts for the
person of its profile if the session was not started here.
"""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from ..const import CONF_MAC, CONF_MODALITY, LOGGER
from ..core.dose import uncertainty, worst_case
from ..core.ledger.index import KEPT
from ..core.ledger.record import AUTOMATION, Record, Source
from ..core.model import Channel, Dose, Fault, Modality, Outcome
from ..core.person import Person
from ..core.refusal import Reason, RefusedError
from ..devices.port import DeviceError, HistoryEntry, TherapyDevice
from ..people.registry import persons
from ..storage.ledger import LEDGER
from ..storage.ledger_file import DeviceMemory
from ..text.issues import async_foreign_session
from .restart import resumable
from .view import LiveSession, SessionView

NOBODY: Final = 1
"""A profile to name where it does not matter whose a record is."""


class Bookkeeping:
    """The ledger as one device uses it."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        device: TherapyDevice,
        living: Callable[[], str | None],
    ) -> None:
        """Take the device; the ledger has been loaded.

        Args:
            hass: Home Assistant.
            entry: The device's entry.
            device: Whose history is imported.
            living: Returns the session that may be on its way to the node. Any other one that is
                open here, and that the node has never heard of, is void.
        """
        self._hass = hass
        self._entry = entry
        self._mac: str = entry.data[CONF_MAC]
        self._modality = Modality(entry.data[CONF_MODALITY])
        self._device = device
        self._living = living
        self._lock = asyncio.Lock()
        self.ledger = hass.data[LEDGER]

    @property
    def memory(self) -> DeviceMemory:
        """The device's state in the ledger, which outlasts restarts."""
        return self.ledger.device(self._mac)

    @property
    def last_record(self) -> int:
        """The newest record number of the node that the ledger has imported."""
        return self.memory.last_record

    def unfinished(self) -> Record | None:
        """Return the newest session that has no end in the ledger and may still live."""
        now = self.ledger.now()
        for record in reversed(self.ledger.open_sessions(self._mac)):
            if record.source is Source.DEVICE:
                return record if record.lives(now) else None
        return None

    # --- one session ------------------------------------------------------------------------------

    async def async_open(self, live: LiveSession) -> None:
        """Reserve a permitted session at its full planned dose, and read it back.

        Raises:
            LedgerError: It is not in the ledger, and must not be energized.
        """
        device, permitted = self._device.description, live.permitted
        assert device is not None  # noqa: S101 - the session was permitted for it
        assert permitted is not None  # noqa: S101
        record = Record(
            session_id=live.session_id,
            mac=self._mac,
            modality=self._modality,
            person_id=live.person.person_id,
            profile=live.person.profile,
            program=live.program,
            started_at=self.ledger.dated(),
            started_by=live.started_by or AUTOMATION,
            duration_s=permitted.request.duration_s,
            planned=permitted.planned,
            worst_case=permitted.worst_case,
            grade=device.grade,
            uncertainty=uncertainty(device),
            resumable=resumable(live),
        )
        await self.ledger.async_open(self._hass, record)

    async def async_mark_stopped(self, live: LiveSession) -> None:
        """Keep that an unfinished session was stopped, so that nothing adopts it.

        Raises:
            LedgerError: Nothing has changed.
        """
        record = self.ledger.get(live.session_id)
        if record is not None and record.open:
            outcome = live.outcome or Outcome.STOPPED
            await self.ledger.async_merge(self._hass, replace(record, outcome=outcome))

    async def async_settle(self, live: LiveSession, view: SessionView) -> LiveSession:
        """Settle a session that has ended to what the node recorded.

        What the node can't tell now counts in full until it does.

        Returns:
            The session with its delivered dose and its outcome.

        Raises:
            LedgerError: It stays at its full planned dose.
        """
        try:
            await self.async_import(view, interrupted=live)
        except (RefusedError, DeviceError) as error:
            LOGGER.info("%s: history not imported yet: %s", self._entry.title, error)
        record = self.ledger.get(live.session_id)
        if record is None:
            return replace(live, outcome=Outcome.VOID)
        if record.open and view.accepted is False:
            await self._async_void(record)
        elif record.open:
            await self.ledger.async_over(
                self._hass,
                live.session_id,
                at_least=live.delivered,
                ended_at=self.ledger.dated(),
            )
        record = self.ledger.get(live.session_id) or record
        delivered = live.delivered if record.delivered is None else record.delivered
        return replace(live, delivered=delivered, outcome=record.outcome)

    async def _async_void(self, record: Record) -> None:
        """Settle a session that the node never accepted."""
        await self.ledger.async_settle(
            self._hass,
            record.session_id,
            delivered=Dose(),
            outcome=Outcome.VOID,
            ended_at=self.ledger.dated(),
            output_s=0,
        )

    async def async_remember(self, fault: Fault | None) -> None:
        """Keep a fault over restarts, or forget it.

        Raises:
            LedgerError: Nothing has changed.
        """
        await self._async_keep(fault=fault)

    async def _async_keep(self, **changes: Any) -> None:  # noqa: ANN401 - fields of DeviceMemory
        memory = replace(self.memory, **changes)
        await self.ledger.async_remember(self._hass, self._mac, memory)

    # --- the node's history -----------------------------------------------------------------------

    async def async_import(
        self, view: SessionView, *, interrupted: LiveSession | None = None
    ) -> None:
        """Import every record that the node has closed since the last time: per session the larger.

        Args:
            view: Has the node's newest record and the people it knows. A lost part of its history
                counts for all of them.
            interrupted: A session that Home Assistant may have cut short.

        Raises:
            RefusedError: The node refused to answer.
            DeviceError: The node did not answer; imported records stay.
            LedgerError: It could not be written; imported records stay.
        """
        if (newest := view.newest_record) is None:
            return
        async with self._lock:
            whole = not await self._async_was_reset(newest)
            if not whole:
                await self._async_record_ceiling(view.profiles or {})
                await self._async_keep(last_record=0, last_session=None)
            number = self.memory.last_record
            while number < newest:
                number += 1
                entry = await self._async_entry(number)
                if entry is None:
                    if whole:
                        await self._async_record_ceiling(view.profiles or {})
                    whole = False
                elif entry.outcome is not None:
                    await self._async_import_entry(entry, interrupted)
                elif entry.session_id is not None:
                    return  # it has not ended
                session_id = None if entry is None else entry.session_id
                await self._async_keep(last_record=number, last_session=session_id)
            if whole:
                await self._async_void_unknown()

    async def _async_void_unknown(self) -> None:
        """Void what the node has never heard of."""
        for record in self.ledger.open_sessions(self._mac):
            if record.source is Source.DEVICE and record.session_id != self._living():
                await self._async_void(record)

    async def _async_entry(self, number: int, profile: int = NOBODY) -> HistoryEntry | None:
        """Return one record of the node; None if the node does not hold it any more."""
        try:
            return await self._device.async_history(number, profile)
        except RefusedError as error:
            if error.binding.reason is Reason.NO_RECORD:
                return None
            raise

    async def _async_was_reset(self, newest: int) -> bool:
        """Whether the node was reset: its numbers went back, or ours stands for another session."""
        last = self.memory.last_record
        if newest < last:
            return True
        if (last_session := self.memory.last_session) is None:
            return False
        entry = await self._async_entry(last)
        return entry is not None and entry.session_id != last_session

    async def _async_record_ceiling(self, enrolled: Collection[int]) -> None:
        """Count a lost part of the node's history for everybody whom the node knows or knew."""
        LOGGER.warning("%s has lost a part of its history", self._entry.title)
        since = self.ledger.now() - KEPT
        for person in persons(self._hass):
            recent = takewhile(
                lambda record: record.over_at > since, self.ledger.newest_first(person.person_id)
            )
            if person.profile in enrolled or any(record.mac == self._mac for record in recent):
                await self.ledger.async_record_ceiling(
                    self._hass, person.person_id, self._modality, mac=self._mac
                )
        async_foreign_session(self._hass, self._entry)

    async def _async_import_entry(
        self, entry: HistoryEntry, interrupted: LiveSession | None
    ) -> None:
        """Settle one session to what the node recorded, or charge one that was not started here."""
        record = self.ledger.get(entry.session_id) if entry.session_id else None
        ended_at = self.ledger.dated() - timedelta(seconds=entry.age_s or 0)
        outcome = entry.outcome or Outcome.UNCERTAIN
        if record is None:
            await self._async_import_foreign(entry, outcome, ended_at)
            return
        cut_short = (
            interrupted is not None
            and interrupted.session_id == record.session_id
            and interrupted.outcome is Outcome.INTERRUPTED
        )
        if cut_short and outcome in (Outcome.STOPPED, Outcome.PARTIAL):
            outcome = Outcome.INTERRUPTED
        if record.open or record.bounds[1].total < entry.delivered.total:
            await self.ledger.async_settle(
                self._hass,
                record.session_id,
                delivered=entry.delivered,
                outcome=outcome,
                ended_at=ended_at,
                output_s=entry.output_s,
            )

    async def _async_import_foreign(
        self, entry: HistoryEntry, outcome: Outcome, ended_at: datetime
    ) -> None:
        """Charge a session that is not in the ledger to the person of its profile."""
        if outcome is Outcome.VOID or entry.session_id is None:
            return
        LOGGER.warning(
            "%s: record %s is of a session that was not started here",
            self._entry.title,
            entry.number,
        )
        device = self._device.description
        assert device is not None  # noqa: S101 - it has just answered
        person = await self._async_person_of(entry)
        await self.ledger.async_merge(
            self._hass,
            Record(
                session_id=entry.session_id,
                mac=self._mac,
                modality=self._modality,
                person_id=None if person is None else person.person_id,
                profile=0 if person is None else person.profile,
                program="",
                source=Source.UNKNOWN,
                started_at=ended_at - timedelta(seconds=entry.output_s),
                duration_s=entry.output_s,
                planned=entry.planned,
                worst_case=worst_case(entry.planned, device),
                grade=device.grade,
                uncertainty=uncertainty(device),
                delivered=entry.delivered,
                output_s=entry.output_s,
                outcome=outcome,
                ended_at=ended_at,
            ),
        )
        async_foreign_session(self._hass, self._entry)

    async def _async_person_of(self, entry: HistoryEntry) -> Person | None:
        """Ask the node for each of our people whether a record is theirs."""
        for person in persons(self._hass):
            answer = await self._async_entry(entry.number, person.profile)
            if answer is not None and answer.of_profile:
                return person
        return None

    async def async_compare(self, view: SessionView) -> None:
        """Charge what the node has counted for each person and the ledger does not know.

        The node has no session now.

        Raises:
            LedgerError: It could not be written.
        """
        async with self._lock:
            for person in persons(self._hass):
                if (counted := (view.profiles or {}).get(person.profile)) is None:
                    continue
                blue = counted.blue_week_j_cm2
                light = {Channel.RED: counted.fluence_week_j_cm2 - blue, Channel.BLUE: blue}
                missing = await self.ledger.async_record_shortfall(
                    self._hass,
                    person.person_id,
                    self._modality,
                    mac=self._mac,
                    reported=Dose(
                        fluence_j_cm2=light if self._modality is Modality.MASK else {},
                        charge_ma_min=counted.charge_week_ma_min,
                    ),
                    sessions=counted.sessions_week,
                )
                if missing is not None:
                    async_foreign_session(self._hass, self._entry)

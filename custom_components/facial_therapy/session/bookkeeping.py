"""What the ledger is told of one device: a session opened before it flows, and settled to what the node recorded."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant

from ..const import CONF_MAC, LOGGER
from ..core.dose import uncertainty
from ..core.ledger.index import KEPT
from ..core.ledger.record import AUTOMATION, Record, Source
from ..core.ledger.settle import foreign
from ..core.model import Channel, Dose, Fault, Modality, Outcome
from ..core.refusal import Reason, RefusedError
from ..core.session_parameters import PermittedSession
from ..devices.port import HistoryEntry, TherapyDevice
from ..people.registry import persons
from ..storage.ledger import LEDGER
from ..storage.ledger_file import DeviceMemory
from ..text.issues import async_foreign_session
from .view import LiveSession


class Accounts:
    """The ledger as one device uses it."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        modality: Modality,
        device: TherapyDevice,
    ) -> None:
        """Take the device and its entry; the ledger has been loaded."""
        self._hass = hass
        self._entry = entry
        self._mac: str = entry.data[CONF_MAC]
        self._modality = modality
        self._device = device
        self._lock = asyncio.Lock()
        self.ledger = hass.data[LEDGER]

    @property
    def memory(self) -> DeviceMemory:
        """What has outlived the last restart."""
        return self.ledger.device(self._mac)

    def orphan(self) -> Record | None:
        """Return the newest session that a restart left open."""
        return next(
            (
                record
                for record in reversed(self.ledger.open_sessions(self._mac))
                if record.source is Source.DEVICE
            ),
            None,
        )

    async def async_open(self, live: LiveSession, plan: PermittedSession) -> None:
        """Write a permitted session at its full planned dose, and read it back.

        Raises:
            LedgerError: It is not in the ledger, and must not be energized.
        """
        device = self._device.description
        assert device is not None  # noqa: S101 - it was permitted for it
        await self.ledger.async_open(
            self._hass,
            Record(
                session_id=live.session_id,
                mac=self._mac,
                modality=self._modality,
                person_id=live.person.person_id,
                profile=live.person.profile,
                program=live.program,
                started_at=self.ledger.dated(),
                started_by=live.started_by or AUTOMATION,
                duration_s=plan.request.duration_s,
                planned=plan.planned,
                worst_case=plan.worst_case,
                grade=device.grade,
                uncertainty=uncertainty(device),
            ),
        )

    async def async_void(self, session_id: str) -> None:
        """Settle a session that the node never accepted, if it was written at all.

        Raises:
            LedgerError: It stays at its full planned dose.
        """
        if (record := self.ledger.get(session_id)) is not None and record.open:
            await self.ledger.async_settle(
                self._hass,
                session_id,
                delivered=Dose(),
                outcome=Outcome.VOID,
                ended_at=self.ledger.dated(),
            )

    async def async_over(self, live: LiveSession) -> None:
        """Write down that nothing of a session can flow any more: it counts in full until the node tells.

        Raises:
            LedgerError: It counts as one that may still go on.
        """
        await self.ledger.async_over(
            self._hass, live.session_id, at_least=live.delivered, ended_at=self.ledger.dated()
        )

    # --- what the node has recorded ---------------------------------------------------------------

    async def async_import_history(
        self,
        newest: int,
        *,
        enrolled: Collection[int],
        interrupted: str | None,
        living: Callable[[], str | None],
    ) -> None:
        """Take every record that the node has closed since the last time into the ledger: the union, per session the larger.

        Args:
            newest: The node's newest record number.
            enrolled: The tokens that the node knows: whom a part of its history that is lost is
                charged to.
            interrupted: The id of a session that Home Assistant itself cut short.
            living: Tells the id of a session that may be on its way to the node by then. Any other
                one that is open here, and that the node has never
                heard of, is void.

        Raises:
            RefusedError: The node refused to tell.
            DeviceError: The node did not answer; what has been taken in stays.
            LedgerError: It could not be written; what has been taken in stays.
        """
        async with self._lock:
            whole = not await self._async_begun_anew(newest)
            if not whole:
                await self._async_record_ceiling(enrolled)
                await self.async_remember(last_record=0, last_session=None)
            number = self.memory.last_record
            while number < newest:
                number += 1
                entry = await self._async_entry(number)
                if entry is None:
                    if whole:
                        await self._async_record_ceiling(enrolled)
                    whole = False
                elif entry.outcome is not None:
                    await self._async_import(entry, interrupted)
                elif entry.session_id is not None:
                    return  # it lives
                await self.async_remember(
                    last_record=number, last_session=None if entry is None else entry.session_id
                )
            if whole:
                for record in self.ledger.open_sessions(self._mac):
                    if record.source is Source.DEVICE and record.session_id != living():
                        await self.async_void(record.session_id)

    async def _async_entry(self, number: int) -> HistoryEntry | None:
        """Return one record of the node; None if it does not hold it any more."""
        try:
            return await self._device.async_history(number)
        except RefusedError as error:
            if error.binding.reason is Reason.NO_RECORD:
                return None
            raise

    async def _async_begun_anew(self, newest: int) -> bool:
        """Return whether the node is not the one that we know: its numbers have gone back, or our newest one stands for another session."""
        last = self.memory.last_record
        if newest < last:
            return True
        if (last_session := self.memory.last_session) is None:
            return False
        entry = await self._async_entry(last)
        return entry is not None and entry.session_id != last_session

    async def _async_record_ceiling(self, enrolled: Collection[int]) -> None:
        """A part of the node's history is lost: nobody whom it knows, or has known, gets anything that it might have given already."""
        LOGGER.warning("%s has forgotten a part of its history", self._mac)
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

    async def _async_import(self, entry: HistoryEntry, interrupted: str | None) -> None:
        """Settle one session to what the node says, or charge one that was started around us."""
        record = self.ledger.get(entry.session_id) if entry.session_id else None
        ended_at = self.ledger.dated() - timedelta(seconds=entry.age_s or 0)
        outcome = entry.outcome or Outcome.UNCERTAIN
        if record is None:
            await self._async_import_foreign(entry, outcome, ended_at)
            return
        if interrupted == record.session_id and outcome in (Outcome.STOPPED, Outcome.PARTIAL):
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
        """Charge a session that is not in the ledger to whoever its token stands for."""
        if outcome is Outcome.VOID or entry.session_id is None:
            return
        LOGGER.warning(
            "%s: record %s is of a session that was not started here", self._mac, entry.number
        )
        device = self._device.description
        assert device is not None  # noqa: S101 - it has just told
        person = next(
            (person for person in persons(self._hass) if person.profile == entry.profile), None
        )
        await self.ledger.async_merge(
            self._hass,
            foreign(
                entry.session_id,
                self._mac,
                device,
                person_id=None if person is None else person.person_id,
                profile=entry.profile or 0,
                planned=entry.planned,
                delivered=entry.delivered,
                output_s=entry.output_s,
                outcome=outcome,
                ended_at=ended_at,
            ),
        )
        async_foreign_session(self._hass, self._entry)

    async def async_compare_windows(self, enrolled: Collection[int]) -> None:
        """Charge what the node has counted for each person and the ledger does not know. The node has no session.

        Raises:
            RefusedError: The node refused to tell.
            DeviceError: The node did not answer.
            LedgerError: It could not be written.
        """
        async with self._lock:
            for person in persons(self._hass):
                if person.profile in enrolled:
                    windows = await self._device.async_profile(person.profile)
                    blue = windows.blue_week_j_cm2
                    light = {Channel.RED: windows.fluence_week_j_cm2 - blue, Channel.BLUE: blue}
                    told = Dose(
                        fluence_j_cm2=light if self._modality is Modality.MASK else {},
                        charge_ma_min=windows.charge_week_ma_min,
                    )
                    missing = await self.ledger.async_record_shortfall(
                        self._hass,
                        person.person_id,
                        self._modality,
                        mac=self._mac,
                        told=told,
                        sessions=windows.sessions_week,
                    )
                    if missing is not None:
                        async_foreign_session(self._hass, self._entry)

    async def async_remember(
        self,
        *,
        last_record: int | None = None,
        last_session: str | None = None,
        fault: Fault | None = None,
        clear: bool = False,
    ) -> None:
        """Write what has to outlive a restart.

        Raises:
            LedgerError: Nothing has changed.
        """
        changes: dict[str, Any] = (
            {}
            if last_record is None
            else {"last_record": last_record, "last_session": last_session}
        )
        if fault is not None or clear:
            changes["fault"] = fault
        await self.ledger.async_remember(self._hass, self._mac, replace(self.memory, **changes))

"""What the ledger is told of one device: a session opened before it flows, and settled to what the node recorded."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

from homeassistant.core import HomeAssistant

from .const import LOGGER
from .core.dose import uncertainty
from .core.ledger import AUTOMATION, Record
from .core.model import Dose, Fault, Modality, Outcome, Plan
from .devices import HistoryEntry, TherapyDevice
from .ledger_file import DeviceMemory
from .snapshot import LiveSession
from .store import LEDGER


class Accounts:
    """The ledger as one device uses it."""

    def __init__(self, hass: HomeAssistant, mac: str, modality: Modality, device: TherapyDevice) -> None:
        """Take the device; the ledger has been loaded."""
        self._hass = hass
        self._mac = mac
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
        return next(reversed(self.ledger.open_sessions(self._mac)), None)

    async def async_open(self, live: LiveSession, plan: Plan) -> None:
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
                subject=live.person.subject,
                program=live.program,
                started_at=self.ledger.dated(),
                started_by=live.started_by or AUTOMATION,
                duration_s=plan.request.duration_s,
                planned=plan.planned,
                charged=plan.charged,
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
            await self.ledger.async_settle(self._hass, session_id, delivered=Dose(), outcome=Outcome.VOID, ended_at=self.ledger.dated())

    async def async_take_in(self, newest: int, *, interrupted: str | None) -> None:
        """Take every record that the node has closed since the last time into the ledger.

        Args:
            newest: The node's newest record number.
            interrupted: The id of a session that Home Assistant itself cut short.

        Raises:
            RefusedError: The node does not hold a record any more.
            DeviceError: The node did not answer; what has been taken in stays.
            LedgerError: It could not be written; what has been taken in stays.
        """
        async with self._lock:
            last = self.memory.last_record
            if newest < last:
                LOGGER.warning("%s has forgotten its history", self._mac)
                await self.async_remember(last_record=newest)
            for number in range(last + 1, newest + 1):
                entry = await self._device.async_history(number)
                if entry.outcome is None:
                    return  # it lives
                await self._async_take(entry, interrupted)
                await self.async_remember(last_record=number)

    async def _async_take(self, entry: HistoryEntry, interrupted: str | None) -> None:
        """Settle one session to what the node says."""
        record = self.ledger.get(entry.session_id) if entry.session_id else None
        if record is None:
            LOGGER.warning("%s: record %s is of a session that was not started here", self._mac, entry.number)
        elif record.open:
            outcome = entry.outcome or Outcome.UNCERTAIN
            if interrupted == record.session_id and outcome in (Outcome.STOPPED, Outcome.PARTIAL):
                outcome = Outcome.INTERRUPTED
            ended_at = self.ledger.dated() - timedelta(seconds=entry.age_s or 0)
            await self.ledger.async_settle(
                self._hass, record.session_id, delivered=entry.delivered, outcome=outcome, ended_at=ended_at, output_s=entry.output_s
            )

    async def async_remember(self, *, last_record: int | None = None, fault: Fault | None = None, clear: bool = False) -> None:
        """Write what has to outlive a restart.

        Raises:
            LedgerError: Nothing has changed.
        """
        changes: dict[str, Any] = {} if last_record is None else {"last_record": last_record}
        if fault is not None or clear:
            changes["fault"] = fault
        await self.ledger.async_remember(self._hass, self._mac, replace(self.memory, **changes))

"""The durable ledger: what every person has been given, on every device.

An append-only file of lines under `.storage`, each `<JSON> <checksum>`: a line is written, synced, and read back before anything is energized.
What a line says is never taken back; a later line of the same session amends it. A session stands at its full planned dose until it is settled
to what the node says it delivered.

The last line may be torn by a power cut: it was never acknowledged, so it is dropped. Any other line that does not check makes the whole ledger
*unreadable*: not zero, but unknown, and nothing starts.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
import json
import os
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from homeassistant.core import HomeAssistant
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .core import limits
from .core.model import Channel, Dose, Fault, Modality, Outcome

VERSION: Final = 1
FILE: Final = f"{DOMAIN}.ledger"


class LedgerError(Exception):
    """The ledger could not be written or read; nothing has been added to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One session in the ledger."""

    session_id: str
    """16 hex digits."""
    mac: str
    modality: Modality
    person_id: str
    """Config entry of the person."""
    subject: int
    program: str
    started_at: datetime
    """When it was permitted, UTC."""
    planned: Dose
    """Nominal."""
    charged: Dose
    """What the limits count, at the full plan."""
    delivered: Dose | None = None
    """Nominal, as the node says; None until it is settled."""
    outcome: Outcome = Outcome.UNCERTAIN
    ended_at: datetime | None = None
    """UTC; None until it is settled."""

    @property
    def open(self) -> bool:
        """Whether the session still counts at its full plan."""
        return self.delivered is None

    @property
    def share(self) -> float:
        """What was delivered of the plan, 0 to 1; an open session counts as whole."""
        if self.delivered is None:
            return 1
        return self.delivered.total / self.planned.total if self.planned.total else 0

    @property
    def counts(self) -> bool:
        """Whether it counts as a session: 20 % of its plan or more."""
        return self.share >= limits.COUNTS_FROM_SHARE


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMemory:
    """What has to outlive a restart about a device."""

    last_record: int = 1
    """The newest record of the node that has been taken in; record 1 is made at commissioning."""
    fault: Fault | None = None
    """A fault that we latched, not the node."""


def _dose_out(dose: Dose) -> dict[str, Any]:
    return {"fluence_j_cm2": {channel.value: value for channel, value in dose.fluence_j_cm2.items()}, "charge_ma_min": dose.charge_ma_min}


def _dose_in(data: Mapping[str, Any]) -> Dose:
    fluence = {Channel(channel): float(value) for channel, value in data["fluence_j_cm2"].items()}
    return Dose(fluence_j_cm2=fluence, charge_ma_min=float(data["charge_ma_min"]))


class Ledger:
    """The ledger in memory, and its file."""

    def __init__(self, path: Path) -> None:
        """Take the file's path; nothing is read yet."""
        self._path = path
        self._lock = asyncio.Lock()
        self._records: dict[str, Record] = {}
        self._devices: dict[str, DeviceMemory] = {}
        self.unreadable = False
        """The file is there and does not check: nothing may start."""

    async def async_load(self, hass: HomeAssistant) -> None:
        """Read the file; a missing one is an empty ledger, a corrupt one sets `unreadable`."""
        try:
            for entry in await hass.async_add_executor_job(self._read):
                self._take(entry)
        except LedgerError, OSError, KeyError, TypeError, ValueError:
            self.unreadable = True

    def _read(self) -> list[dict[str, Any]]:
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return []
        *lines, tail = raw.split(b"\n")
        if tail:  # never acknowledged
            with self._path.open("r+b") as file:
                file.truncate(len(raw) - len(tail))
                os.fsync(file.fileno())
        return [_checked(line) for line in lines]

    def _take(self, entry: Mapping[str, Any]) -> None:
        """Let one line take effect."""
        match entry["kind"]:
            case "ledger":
                if entry["version"] > VERSION:
                    message = "written by a newer version"
                    raise LedgerError(message)
            case "open":
                self._records[entry["session_id"]] = Record(
                    session_id=entry["session_id"],
                    mac=entry["mac"],
                    modality=Modality(entry["modality"]),
                    person_id=entry["person_id"],
                    subject=entry["subject"],
                    program=entry["program"],
                    started_at=datetime.fromisoformat(entry["started_at"]),
                    planned=_dose_in(entry["planned"]),
                    charged=_dose_in(entry["charged"]),
                )
            case "settle":
                self._records[entry["session_id"]] = replace(
                    self._records[entry["session_id"]],
                    delivered=_dose_in(entry["delivered"]),
                    outcome=Outcome(entry["outcome"]),
                    ended_at=datetime.fromisoformat(entry["ended_at"]),
                )
            case "device":
                fault = entry["fault"]
                self._devices[entry["mac"]] = DeviceMemory(last_record=entry["last_record"], fault=Fault(fault) if fault else None)
            case kind:
                message = f"unknown kind {kind}"
                raise LedgerError(message)

    async def _async_append(self, hass: HomeAssistant, entry: dict[str, Any]) -> None:
        """Write a line durably, read it back, and only then let it take effect.

        Raises:
            LedgerError: It could not be written, or what is read back is not what was written; nothing has changed.
        """
        async with self._lock:
            if self.unreadable:
                message = "the ledger is unreadable"
                raise LedgerError(message)
            # A cancelled caller must not leave a line in the file that memory does not have.
            writing = hass.async_add_executor_job(self._write, entry)
            try:
                await asyncio.shield(writing)
            except asyncio.CancelledError:
                await asyncio.wait([writing])
                if writing.exception() is None:
                    self._take(entry)
                raise
            except OSError as error:
                raise LedgerError(str(error)) from error
            self._take(entry)

    def _write(self, entry: dict[str, Any]) -> None:
        new = not self._path.exists()
        data = _line(entry)
        if new:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            data = _line({"kind": "ledger", "version": VERSION}) + data
        with self._path.open("ab+") as file:
            os.fchmod(file.fileno(), 0o600)
            before = file.seek(0, os.SEEK_END)
            try:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
                file.seek(before)
                _check_same(file.read(), data)
            except BaseException:
                file.truncate(before)
                raise
        if new:
            directory = os.open(self._path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    async def async_open(self, hass: HomeAssistant, record: Record) -> None:
        """Write a session at its full planned dose.

        Raises:
            LedgerError: It is not in the ledger, and must not be energized.
        """
        await self._async_append(
            hass,
            {
                "kind": "open",
                "session_id": record.session_id,
                "mac": record.mac,
                "modality": record.modality.value,
                "person_id": record.person_id,
                "subject": record.subject,
                "program": record.program,
                "started_at": record.started_at.isoformat(),
                "planned": _dose_out(record.planned),
                "charged": _dose_out(record.charged),
            },
        )

    async def async_settle(self, hass: HomeAssistant, session_id: str, *, delivered: Dose, outcome: Outcome, ended_at: datetime) -> None:
        """Settle a session to what was delivered, nominal.

        Raises:
            KeyError: No such session.
            LedgerError: It stays at its full planned dose.
        """
        if session_id not in self._records:
            raise KeyError(session_id)
        await self._async_append(
            hass,
            {
                "kind": "settle",
                "session_id": session_id,
                "delivered": _dose_out(delivered),
                "outcome": outcome.value,
                "ended_at": ended_at.isoformat(),
            },
        )

    async def async_remember(self, hass: HomeAssistant, mac: str, memory: DeviceMemory) -> None:
        """Write what has to outlive a restart about a device, if it has changed.

        Raises:
            LedgerError: Nothing has changed.
        """
        if memory != self.device(mac):
            fault = memory.fault.value if memory.fault else None
            await self._async_append(hass, {"kind": "device", "mac": mac, "last_record": memory.last_record, "fault": fault})

    def device(self, mac: str) -> DeviceMemory:
        """Return what is remembered of a device."""
        return self._devices.get(mac, DeviceMemory())

    def get(self, session_id: str) -> Record | None:
        """Return one session."""
        return self._records.get(session_id)

    def session_ids(self) -> list[str]:
        """Return every session, oldest first."""
        return list(self._records)

    def open_sessions(self, mac: str) -> list[Record]:
        """Return the sessions of a device that have not been settled, oldest first."""
        return [record for record in self._records.values() if record.mac == mac and record.open]

    def sessions_of(self, person_id: str) -> dict[Modality, int]:
        """Return how many sessions of each modality count for a person."""
        counted = [record.modality for record in self._records.values() if record.person_id == person_id and record.counts]
        return {modality: counted.count(modality) for modality in Modality}


def _check_same(read_back: bytes, written: bytes) -> None:
    if read_back != written:
        message = "read back something else"
        raise LedgerError(message)


def _line(entry: dict[str, Any]) -> bytes:
    text = json.dumps(entry, separators=(",", ":"), allow_nan=False).encode()
    return text + b" %08x\n" % crc32(text)


def _checked(line: bytes) -> dict[str, Any]:
    text, _, crc = line.rpartition(b" ")
    if crc != b"%08x" % crc32(text):
        message = "a line does not check"
        raise LedgerError(message)
    entry: dict[str, Any] = json.loads(text)
    return entry


LEDGER: HassKey[Ledger] = HassKey(f"{DOMAIN}_ledger")


def ledger_path(hass: HomeAssistant) -> Path:
    """Return where the ledger is."""
    return Path(hass.config.path(".storage", FILE))

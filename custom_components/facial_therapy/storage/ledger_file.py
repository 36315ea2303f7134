"""The lines of the ledger's file, and the file.

Each line is `<JSON> <checksum>`. A line is appended, synced and read back; a new file is written
beside the old one and takes its place in one step. So whoever reads the file at any moment, a
backup of Home Assistant too, finds it consistent. The last line may be torn by a power cut: it was
never acknowledged, so it is dropped. Nothing else that does not check is.

Everything that touches the disk blocks, and is called from the executor, one call at a time.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import datetime
from io import FileIO
import json
import math
import os
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from ..core import limits
from ..core.ledger.history import Totals
from ..core.ledger.index import LedgerIndex
from ..core.ledger.record import Record, Resumable, Source
from ..core.model import Channel, Dose, Fault, Grade, Modality, Outcome

VERSION: Final = 2
"""1: `open` and `settle` lines, without source, calibration and time of a session."""


class LedgerError(Exception):
    """The ledger could not be written or read; nothing has been added to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMemory:
    """What has to outlive a restart about a device."""

    last_record: int = 1
    """The newest record of the node that has been taken in; record 1 is made at commissioning."""
    last_session: str | None = None
    """Its session id: another one under that number is another node, or one that has begun anew."""
    fault: Fault | None = None
    """A fault that we latched, not the node."""


# --- lines ----------------------------------------------------------------------------------------


def _dose_out(dose: Dose | None) -> dict[str, Any] | None:
    if dose is None:
        return None
    return {
        "fluence_j_cm2": {channel.value: value for channel, value in dose.fluence_j_cm2.items()},
        "charge_ma_min": dose.charge_ma_min,
    }


def _number(value: Any) -> float:  # noqa: ANN401 - whatever stands in the file
    number = float(value)
    if not 0 <= number < math.inf:
        message = f"{number} is no dose"
        raise LedgerError(message)
    return number


def _dose_in(data: Mapping[str, Any]) -> Dose:
    fluence = {Channel(channel): _number(value) for channel, value in data["fluence_j_cm2"].items()}
    return Dose(fluence_j_cm2=fluence, charge_ma_min=_number(data["charge_ma_min"]))


def _time_in(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        message = f"{text} has no time zone"
        raise LedgerError(message)
    return at


def _optional[T, R](read: Callable[[T], R], value: T | None) -> R | None:
    return None if value is None else read(value)


def session_line(record: Record) -> dict[str, Any]:
    """Return a record as a line of the file."""
    line: dict[str, Any] = {"kind": "session"}
    for item in fields(record):
        value = getattr(record, item.name)
        line[item.name] = (
            _dose_out(value)
            if isinstance(value, Dose)
            else value.isoformat()
            if isinstance(value, datetime)
            else _resumable_out(value)
            if isinstance(value, Resumable)
            else value
        )
    return line


def _resumable_out(resumable: Resumable) -> dict[str, Any]:
    values = {item.name: getattr(resumable, item.name) for item in fields(resumable)}
    return {**values, "irradiance_mw_cm2": dict(resumable.irradiance_mw_cm2)}


def _resumable_in(data: Mapping[str, Any]) -> Resumable:
    levels = {Channel(one): _number(level) for one, level in data["irradiance_mw_cm2"].items()}
    return Resumable(**{**data, "irradiance_mw_cm2": levels})


def _session_in(line: Mapping[str, Any]) -> Record:
    return Record(
        session_id=line["session_id"],
        mac=line["mac"],
        modality=Modality(line["modality"]),
        person_id=line["person_id"],
        profile=line["profile"],
        program=line["program"],
        source=Source(line["source"]),
        started_at=_time_in(line["started_at"]),
        started_by=line["started_by"],
        duration_s=_number(line["duration_s"]),
        planned=_dose_in(line["planned"]),
        worst_case=_dose_in(line["worst_case"]),
        grade=Grade(line["grade"]),
        uncertainty=_number(line["uncertainty"]),
        at_least=_dose_in(line["at_least"]),
        delivered=_optional(_dose_in, line["delivered"]),
        output_s=_optional(_number, line["output_s"]),
        outcome=Outcome(line["outcome"]),
        ended_at=_optional(_time_in, line["ended_at"]),
        sessions=line["sessions"],
        resumable=_optional(_resumable_in, line["resumable"]),
    )


def _first_version_in(line: Mapping[str, Any]) -> Record:
    """Read a session of version 1, which kept U in the charged dose only, and no time: it counts as the longest one."""
    planned, worst_case = _dose_in(line["planned"]), _dose_in(line["worst_case"])
    modality = Modality(line["modality"])
    return Record(
        session_id=line["session_id"],
        mac=line["mac"],
        modality=modality,
        person_id=line["person_id"],
        profile=line["profile"],
        program=line["program"],
        started_at=_time_in(line["started_at"]),
        duration_s=limits.DURATION[modality].default.maximum,
        planned=planned,
        worst_case=worst_case,
        uncertainty=max(0, worst_case.total / planned.total - 1) if planned.total else 0,
    )


def _totals_in(line: Mapping[str, Any]) -> Totals:
    return Totals(
        delivered=_dose_in(line["delivered"]),
        sessions={Modality(modality): int(count) for modality, count in line["sessions"].items()},
        first_at={Modality(modality): _time_in(at) for modality, at in line["first_at"].items()},
    )


def _line(entry: Mapping[str, Any]) -> bytes:
    text = json.dumps(entry, separators=(",", ":"), allow_nan=False).encode()
    return text + b" %08x\n" % crc32(text)


def _checked(line: bytes) -> dict[str, Any]:
    text, _, crc = line.rpartition(b" ")
    if crc != b"%08x" % crc32(text):
        message = "a line does not check"
        raise LedgerError(message)
    entry: dict[str, Any] = json.loads(text)
    return entry


# --- what the file says ---------------------------------------------------------------------------


class LedgerState:
    """What the lines amount to."""

    def __init__(self) -> None:
        """Begin with no line."""
        self.books = LedgerIndex()
        self.devices: dict[str, DeviceMemory] = {}
        self.newest: datetime | None = None
        """The latest time of the ledger at which a line was written."""
        self.version = VERSION
        self.lines = 0
        self.length = 0
        """Bytes of the file that check; what stands behind them was never acknowledged."""

    def take(self, entry: Mapping[str, Any]) -> None:
        """Let one line take effect."""
        self.lines += 1
        first_version = (
            entry.get("started_at")
            if entry["kind"] == "open"
            else entry.get("ended_at")
            if entry["kind"] == "settle"
            else None
        )
        if (at := _optional(_time_in, entry.get("at", first_version))) is not None:
            self.newest = at if self.newest is None else max(self.newest, at)
        match entry["kind"]:
            case "ledger":
                if entry["version"] > VERSION:
                    message = "written by a newer version"
                    raise LedgerError(message)
                self.version = entry["version"]
            case "session":
                self.books.put(_session_in(entry))
            case "device":
                self.devices[entry["mac"]] = DeviceMemory(
                    last_record=entry["last_record"],
                    last_session=entry.get("last_session"),
                    fault=_optional(Fault, entry["fault"]),
                )
            case "person":
                self.books.add_person(
                    entry["person_id"],
                    _optional(_time_in, entry["added_at"]),
                    _optional(_time_in, entry["removed_at"]),
                )
            case "carried":
                self.books.carry(entry["person_id"], _totals_in(entry))
            case "open":
                self.books.put(_first_version_in(entry))
            case "settle":
                before = self.books.records[entry["session_id"]]
                delivered, ended_at = _dose_in(entry["delivered"]), _time_in(entry["ended_at"])
                self.books.put(
                    replace(
                        before,
                        delivered=delivered,
                        outcome=Outcome(entry["outcome"]),
                        ended_at=ended_at,
                    )
                )
            case kind:
                message = f"unknown kind {kind}"
                raise LedgerError(message)

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield the lines of a new file that says the same."""
        yield {"kind": "ledger", "version": VERSION, "at": self.newest and self.newest.isoformat()}
        for mac, memory in self.devices.items():
            yield device_line(mac, memory)
        for person_id, (added_at, removed_at) in self.books.people.items():
            yield person_line(person_id, added_at, removed_at)
            carried = self.books.carried(person_id)
            if carried.first_at or carried.delivered.total or any(carried.sessions.values()):
                yield {
                    "kind": "carried",
                    "person_id": person_id,
                    "delivered": _dose_out(carried.delivered),
                    "sessions": {
                        modality.value: count for modality, count in carried.sessions.items()
                    },
                    "first_at": {
                        modality.value: at.isoformat() for modality, at in carried.first_at.items()
                    },
                }
        for record in self.books.records.values():
            yield session_line(record)


def device_line(mac: str, memory: DeviceMemory) -> dict[str, Any]:
    """Return what is remembered of a device as a line of the file."""
    fault = memory.fault and memory.fault.value
    return {
        "kind": "device",
        "mac": mac,
        "last_record": memory.last_record,
        "last_session": memory.last_session,
        "fault": fault,
    }


def person_line(
    person_id: str, added_at: datetime | None, removed_at: datetime | None
) -> dict[str, Any]:
    """Return when a person came and went as a line of the file."""
    times = {
        "added_at": added_at and added_at.isoformat(),
        "removed_at": removed_at and removed_at.isoformat(),
    }
    return {"kind": "person", "person_id": person_id, **times}


# --- the file -------------------------------------------------------------------------------------


class LedgerFile:
    """The file itself."""

    def __init__(self, path: Path) -> None:
        """Take the path; nothing is read yet."""
        self._path = path

    def read(self) -> LedgerState:
        """Return what the file says; a missing one says nothing.

        Raises:
            LedgerError, OSError, KeyError, TypeError, ValueError: It does not check.
        """
        state = LedgerState()
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return state
        *lines, tail = raw.split(b"\n")
        for line in lines:
            state.take(_checked(line))
        state.length = len(raw) - len(tail)
        if tail:
            with (
                suppress(OSError),
                self._path.open("r+b") as file,
            ):  # else it is cut off before the next line is written
                file.truncate(state.length)
                os.fsync(file.fileno())
        return state

    def append(self, state: LedgerState, entry: Mapping[str, Any]) -> int:
        """Write a line behind what is known to check, and read it back.

        Returns:
            The new length of the file.

        Raises:
            LedgerError, OSError, ValueError: The line does not count; what is left of it is cut off
            now, or before the next one.
        """
        data = _line(entry)
        if not self._path.exists():
            return self.replace([*state.entries(), entry])
        with self._path.open(
            "rb+", buffering=0
        ) as file:  # a buffer would write what is refused once more when the file is cut
            if file.seek(0, os.SEEK_END) < state.length:
                message = "the file is shorter than it was"
                raise LedgerError(message)
            file.truncate(state.length)
            try:
                file.seek(state.length)
                _write(file, data)
                file.seek(state.length)
                _check_same(file.read(), data)
            except BaseException:
                file.truncate(state.length)
                raise
        return state.length + len(data)

    def replace(self, entries: Iterable[Mapping[str, Any]]) -> int:
        """Write a new file beside the old one and let it take its place in one step.

        Raises:
            LedgerError, OSError, ValueError: The old file is as it was.
        """
        data = b"".join(map(_line, entries))
        beside = self._path.with_name(self._path.name + ".new")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("wb+", buffering=0) as file:
            os.fchmod(file.fileno(), 0o600)
            _write(file, data)
            file.seek(0)
            _check_same(file.read(), data)
        beside.replace(self._path)
        directory = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
        return len(data)

    def keep_aside(self, name: str) -> None:
        """Keep the file as it is under a second name, if there is one."""
        aside = self._path.with_name(f"{self._path.name}.{name}")
        try:
            aside.hardlink_to(self._path)
        except FileNotFoundError:
            return
        except OSError:  # a file system without links
            self._path.rename(aside)


def _write(file: FileIO, data: bytes) -> None:
    """Write all of it, and wait until it is on the disk."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    os.fsync(file.fileno())


def _check_same(read_back: bytes, written: bytes) -> None:
    if read_back != written:
        message = "read back something else"
        raise LedgerError(message)

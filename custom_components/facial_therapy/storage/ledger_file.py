"""The ledger's file: numbered lines with checksums, appended durably, and a cut that is noticed.

Each line is `<JSON> <checksum>`. The first one is the header: the format's version, and the numbers
of the first and of the last line. It has a fixed width and is written over in place, after the
appended line is on the disk and before the append is acknowledged. So the file always ends at the
header's last line or after it:

- A power cut in an append leaves a torn line, or a whole one that the header does not know yet. The
  torn one was never acknowledged and is dropped, the whole one counts.
- A file that ends before the header's last line has been cut, wherever that was.

A new file is written beside the old one and takes its place in one step. So a reader of the whole
file, such as a backup of Home Assistant, finds it consistent.

Everything here blocks, and is called from the executor, one call at a time.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from io import FileIO
import json
import os
from pathlib import Path
from typing import Any, Final
from zlib import crc32

from ..core.model import Fault

VERSION: Final = 2
"""1: lines without numbers; see `ledger_first_version`."""
KIND_LEDGER: Final = "ledger"


class LedgerError(Exception):
    """The ledger could not be written or read; nothing has been added to it."""


class LedgerTooNewError(LedgerError):
    """A newer release wrote the ledger."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceMemory:
    """What has to outlive a restart about a device."""

    last_record: int = 1
    """The newest record of the node that has been imported; record 1 is made at commissioning."""
    last_session: str | None = None
    """Its session id: another one under that number is another node, or one that was reset."""
    fault: Fault | None = None
    """A fault that we latched, not the node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How far a file is known to be right."""

    length: int = 0
    """Bytes that check; whatever is behind them was never acknowledged."""
    first: int = 1
    """Number of the first line after the header."""
    last: int = 0
    """Number of the last line; numbers go on when the file is compacted."""
    current: bool = True
    """The file has this release's version; an older one is replaced instead of appended to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a file holds."""

    version: int
    entries: list[dict[str, Any]]
    """Its lines in order, without header and numbers."""
    extent: Extent


# --- lines ----------------------------------------------------------------------------------------


def _line(text: str) -> bytes:
    data = text.encode()
    return data + b" %08x\n" % crc32(data)


def _numbered(number: int, entry: Mapping[str, Any]) -> bytes:
    """Return an entry as a line.

    Raises:
        ValueError: It holds NaN or an infinite number.
    """
    return _line(json.dumps({"n": number, **entry}, separators=(",", ":"), allow_nan=False))


def _header(first: int, last: int) -> bytes:
    return _line(
        f'{{"kind":"{KIND_LEDGER}","version":{VERSION},"first":{first:>15},"last":{last:>15}}}'
    )


HEADER_LENGTH: Final = len(_header(1, 0))


def _checked(line: bytes) -> dict[str, Any]:
    """Return a line without its checksum.

    Raises:
        LedgerError: The checksum differs, or it holds no JSON object.
    """
    text, _, crc = line.rpartition(b" ")
    if crc != b"%08x" % crc32(text):
        message = "a line does not match its checksum"
        raise LedgerError(message)
    entry = json.loads(text)
    if not isinstance(entry, dict):
        message = "a line is no JSON object"
        raise LedgerError(message)
    return entry


# --- the file -------------------------------------------------------------------------------------


class LedgerFile:
    """The file itself."""

    def __init__(self, path: Path) -> None:
        """Take the path; nothing is read yet."""
        self._path = path

    def read(self) -> Contents:
        """Return what the file holds; a missing file holds nothing. A torn last line is cut off.

        Raises:
            LedgerTooNewError: A newer release wrote it.
            LedgerError, OSError, KeyError, TypeError, ValueError: It is damaged or cut.
        """
        try:
            raw = self._path.read_bytes()
        except FileNotFoundError:
            return Contents(version=VERSION, entries=[], extent=Extent())
        header, *lines, tail = raw.split(b"\n") if b"\n" in raw else (b"", b"")
        version, first, last = self._read_header(header)
        entries = [_checked(line) for line in lines]
        if version == VERSION:
            numbers = [entry.pop("n") for entry in entries]
            if numbers != list(range(first, first + len(entries))):
                message = "lines are missing"
                raise LedgerError(message)
            if len(entries) < last - first + 1:
                message = f"the file was cut after line {first + len(entries) - 1} of {last}"
                raise LedgerError(message)
        extent = Extent(
            length=len(raw) - len(tail),
            first=first,
            last=first + len(entries) - 1,
            current=version == VERSION,
        )
        if tail:
            self._cut(extent)
        return Contents(version=version, entries=entries, extent=extent)

    @staticmethod
    def _read_header(line: bytes) -> tuple[int, int, int]:
        """Return version, first and last number."""
        header = _checked(line)
        version = header["version"]
        if header["kind"] != KIND_LEDGER or type(version) is not int or version < 1:
            message = "the first line is no header"
            raise LedgerError(message)
        if version > VERSION:
            message = f"version {version} was written by a newer release"
            raise LedgerTooNewError(message)
        if version < VERSION:
            return version, 1, 0
        first, last = header["first"], header["last"]
        if type(first) is not int or type(last) is not int:
            message = "the header has no numbers"
            raise LedgerError(message)
        return version, first, last

    def _cut(self, extent: Extent) -> None:
        """Cut off unacknowledged data; if that fails, the next append does it."""
        with suppress(OSError), self._path.open("r+b") as file:
            file.truncate(extent.length)
            os.fsync(file.fileno())

    def append(
        self, extent: Extent, entry: Mapping[str, Any], before: Iterable[Mapping[str, Any]]
    ) -> Extent:
        """Write a line behind the verified part of the file, and read it back.

        Args:
            extent: How far the file is known to be right.
            entry: The line.
            before: All lines before it, for a file that has disappeared or is of an old version.

        Raises:
            LedgerError, OSError, ValueError: The line does not count; its rest is cut off now, or
                before the next one.
        """
        data = _numbered(extent.last + 1, entry)
        if not extent.current or not self._path.exists():
            return self.replace([*before, entry], after=extent.last)
        # Unbuffered: a buffer would write refused data once more when the file is cut.
        with self._path.open("rb+", buffering=0) as file:
            if file.seek(0, os.SEEK_END) < extent.length:
                message = "the file is shorter than it was"
                raise LedgerError(message)
            file.truncate(extent.length)
            try:
                file.seek(extent.length)
                _write(file, data)
                file.seek(extent.length)
                _check_same(file.read(), data)
                # Not synced by itself: the next append syncs it, and until then a power cut leaves
                # a file with one line more than the header knows, which is no damage.
                _overwrite_header(file, extent.first, extent.last + 1)
            except BaseException:
                file.truncate(extent.length)
                with suppress(OSError):
                    _overwrite_header(file, extent.first, extent.last)
                raise
        return Extent(length=extent.length + len(data), first=extent.first, last=extent.last + 1)

    def replace(self, entries: Iterable[Mapping[str, Any]], *, after: int = 0) -> Extent:
        """Write a new file beside the old one and let it take its place in one step.

        Args:
            entries: Its lines.
            after: The last number of the old file; numbers go on behind it.

        Raises:
            LedgerError, OSError, ValueError: The old file is as it was.
        """
        lines = [_numbered(number, entry) for number, entry in enumerate(entries, after + 1)]
        last = after + len(lines)
        data = b"".join([_header(after + 1, last), *lines])
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
        return Extent(length=len(data), first=after + 1, last=last)

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


def _overwrite_header(file: FileIO, first: int, last: int) -> None:
    """Write the header in place; its width never changes, so no line behind it moves."""
    header = _header(first, last)
    if len(header) != HEADER_LENGTH or os.pwrite(file.fileno(), header, 0) != HEADER_LENGTH:
        message = "the header could not be written"
        raise LedgerError(message)


def _check_same(read_back: bytes, written: bytes) -> None:
    if read_back != written:
        message = "read back something else"
        raise LedgerError(message)

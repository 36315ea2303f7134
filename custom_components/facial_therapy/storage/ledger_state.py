"""What the ledger's lines amount to, and the lines that say the same.

A line is flat JSON: `kind`, `at` (the ledger's time at which it was written, UTC), and the fields
of the dataclass of its kind.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from ..core.ledger.history import Totals
from ..core.ledger.index import LedgerIndex
from ..core.ledger.record import Record
from ..core.model import Dose, Fault, Modality
from . import ledger_first_version
from .codec import decode, encode
from .fields import MalformedError
from .ledger_file import VERSION, Contents, DeviceMemory, Extent


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceLine:
    """The stored state of a device."""

    mac: str
    last_record: int
    last_session: str | None
    fault: Fault | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonLine:
    """When a person was added and removed."""

    person_id: str
    added_at: datetime | None
    removed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CarriedLine:
    """Totals of a person's sessions that are no longer here one by one."""

    person_id: str
    delivered: Dose
    sessions: Mapping[Modality, int]
    first_at: Mapping[Modality, datetime]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockLine:
    """Nothing but the time of the line."""


type Line = Record | DeviceLine | PersonLine | CarriedLine | ClockLine

KINDS: Final[Mapping[str, type[Line]]] = MappingProxyType(
    {
        "session": Record,
        "device": DeviceLine,
        "person": PersonLine,
        "carried": CarriedLine,
        "clock": ClockLine,
    }
)
_NAMES: Final = MappingProxyType({kind: name for name, kind in KINDS.items()})


def line_out(line: Line, at: datetime | None) -> dict[str, Any]:
    """Return a line as JSON.

    Raises:
        MalformedError: It holds NaN, an infinite number or a naive time.
    """
    return {"kind": _NAMES[type(line)], "at": encode(at), **encode(line)}


def device_line(mac: str, memory: DeviceMemory) -> DeviceLine:
    """Return the line about a device."""
    return DeviceLine(
        mac=mac,
        last_record=memory.last_record,
        last_session=memory.last_session,
        fault=memory.fault,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stamp:
    """When a line was written; None if nobody had known the time."""

    at: datetime | None


class LedgerState:
    """The ledger in memory."""

    def __init__(self) -> None:
        """Start empty."""
        self.index = LedgerIndex()
        self.devices: dict[str, DeviceMemory] = {}
        self.newest: datetime | None = None
        """The latest ledger time at which a line was written."""
        self.lines = 0
        """How many lines were applied."""
        self.extent = Extent()
        """How far the file is known to be right."""

    @classmethod
    def read(cls, contents: Contents) -> LedgerState:
        """Return what a file amounts to.

        Raises:
            KeyError, MalformedError: A line is not what this release writes.
        """
        state = cls()
        state.extent = contents.extent
        for entry in contents.entries:
            if contents.version < VERSION:
                state._stamp(ledger_first_version.apply(entry, state.index, state.devices))
            else:
                state.apply_entry(entry)
        return state

    def apply_entry(self, entry: Mapping[str, Any]) -> None:
        """Apply a line as JSON.

        Raises:
            MalformedError: It is not what `line_out` returns.
        """
        fields = dict(entry)
        name, stamp = fields.pop("kind", None), decode(_Stamp, {"at": fields.pop("at", None)})
        if not isinstance(name, str) or name not in KINDS:
            message = "unknown kind of line"
            raise MalformedError(message, "kind")
        self.apply(decode(KINDS[name], fields), stamp.at)

    def apply(self, line: Line, at: datetime | None) -> None:
        """Apply one line that was written at a time."""
        self._stamp(at)
        self.lines += 1
        match line:
            case Record():
                self.index.put(line)
            case DeviceLine():
                self.devices[line.mac] = DeviceMemory(
                    last_record=line.last_record, last_session=line.last_session, fault=line.fault
                )
            case PersonLine():
                self.index.add_person(line.person_id, line.added_at, line.removed_at)
            case CarriedLine():
                self.index.carry(
                    line.person_id,
                    Totals(
                        delivered=line.delivered, sessions=line.sessions, first_at=line.first_at
                    ),
                )
            case ClockLine():
                pass

    def _stamp(self, at: datetime | None) -> None:
        if at is not None:
            self.newest = at if self.newest is None else max(self.newest, at)

    def lines_of_file(self) -> Iterator[Line]:
        """Yield the lines of a new file that says the same."""
        yield ClockLine()
        for mac, memory in self.devices.items():
            yield device_line(mac, memory)
        for person_id, (added_at, removed_at) in self.index.people.items():
            yield PersonLine(person_id=person_id, added_at=added_at, removed_at=removed_at)
            carried = self.index.carried(person_id)
            if carried.first_at or carried.delivered.total or any(carried.sessions.values()):
                yield CarriedLine(
                    person_id=person_id,
                    delivered=carried.delivered,
                    sessions=carried.sessions,
                    first_at=carried.first_at,
                )
        yield from self.index.records.values()

    def entries(self) -> Iterator[dict[str, Any]]:
        """Yield the same lines as JSON, all written at the newest time."""
        for line in self.lines_of_file():
            yield line_out(line, self.newest)

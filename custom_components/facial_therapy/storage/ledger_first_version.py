"""Lines of a ledger of version 1: `open` and `settle` instead of whole sessions.

They had neither source, calibration and duration of a session, nor numbers, nor the time of a line.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..core import limits
from ..core.ledger.index import LedgerIndex
from ..core.ledger.record import Record
from ..core.model import Dose, Fault, Modality, Outcome
from .codec import decode
from .fields import MalformedError
from .ledger_file import DeviceMemory


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A session that was permitted."""

    session_id: str
    mac: str
    modality: Modality
    person_id: str
    profile: int
    program: str
    started_at: datetime
    planned: Dose
    worst_case: Dose


@dataclass(frozen=True, slots=True, kw_only=True)
class _Settled:
    """What it delivered."""

    session_id: str
    delivered: Dose
    outcome: Outcome
    ended_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Device:
    """The stored state of a device."""

    mac: str
    last_record: int
    fault: Fault | None


def apply(
    entry: Mapping[str, Any], index: LedgerIndex, devices: dict[str, DeviceMemory]
) -> datetime | None:
    """Apply a line of version 1, and return its time.

    Such a session kept U in its worst case only, and no duration: it counts as the longest one.

    Raises:
        KeyError: A session was settled that had never been opened.
        MalformedError: The line is no line of version 1.
    """
    fields = {key: value for key, value in entry.items() if key != "kind"}
    match entry.get("kind"):
        case "open":
            opened = decode(_Opened, fields)
            index.put(_record(opened))
            return opened.started_at
        case "settle":
            settled = decode(_Settled, fields)
            index.put(
                replace(
                    index.records[settled.session_id],
                    delivered=settled.delivered,
                    outcome=settled.outcome,
                    ended_at=settled.ended_at,
                )
            )
            return settled.ended_at
        case "device":
            device = decode(_Device, fields)
            devices[device.mac] = DeviceMemory(last_record=device.last_record, fault=device.fault)
            return None
        case _:
            message = "unknown kind of line"
            raise MalformedError(message, "kind")


def _record(opened: _Opened) -> Record:
    planned, worst_case = opened.planned, opened.worst_case
    return Record(
        session_id=opened.session_id,
        mac=opened.mac,
        modality=opened.modality,
        person_id=opened.person_id,
        profile=opened.profile,
        program=opened.program,
        started_at=opened.started_at,
        duration_s=limits.DURATION[opened.modality].default.maximum,
        planned=planned,
        worst_case=worst_case,
        uncertainty=max(0, worst_case.total / planned.total - 1) if planned.total else 0,
    )

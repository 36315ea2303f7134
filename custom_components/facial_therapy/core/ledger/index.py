"""All records, indexed by person: a question about one person costs the same in any ledger.

Times are aware UTC, in the ledger's own time (see `clock`).
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from ..model import Channel, Dose, Modality
from .history import History, Totals
from .record import Record

KEPT: Final = timedelta(days=8)
"""How far back a history reaches: a week, and a day for whatever is dated a little late."""
MICRO: Final = 1_000_000


class _PersonIndex:
    """The records of one person."""

    def __init__(self) -> None:
        self.timeline: list[tuple[datetime, str]] = []
        """(over at, session id), sorted."""
        self.micro: dict[str, int] = {}
        """Settled dose in millionths, by channel and `charge`: whole numbers, so that adding and
        subtracting the same dose leaves nothing."""
        self.sessions: dict[Modality, int] = dict.fromkeys(Modality, 0)
        self.first_at: dict[Modality, datetime] = {}
        self.carried_first_at: dict[Modality, datetime] = {}
        """Of sessions that are no longer here one by one."""
        self.added_at: datetime | None = None
        self.removed_at: datetime | None = None


class LedgerIndex:
    """All records in memory. It neither reads a clock nor writes a file."""

    def __init__(self) -> None:
        """Begin empty."""
        self.records: dict[str, Record] = {}
        """By session id, in the order in which they were begun."""
        self._people: dict[str, _PersonIndex] = {}
        self._devices: dict[str, list[str]] = {}
        """Session ids by node that are not settled."""

    # --- records ----------------------------------------------------------------------------------

    def put(self, record: Record) -> None:
        """Take a record in, in place of an earlier one of the same session."""
        if (before := self.records.get(record.session_id)) is not None:
            self._take_out(before)
        self.records[record.session_id] = record
        if record.mac is not None and record.open:
            self._devices.setdefault(record.mac, []).append(record.session_id)
        if record.person_id is None:
            return
        book = self._people.setdefault(record.person_id, _PersonIndex())
        insort(book.timeline, (record.over_at, record.session_id))
        _add(book, record, 1)
        if record.counts:
            book.first_at[record.modality] = min(
                record.started_at, book.first_at.get(record.modality, record.started_at)
            )

    def _take_out(self, record: Record) -> None:
        if record.mac is not None and record.open:
            self._devices[record.mac].remove(record.session_id)
        if record.person_id is None:
            return
        book = self._people[record.person_id]
        del book.timeline[bisect_left(book.timeline, (record.over_at, record.session_id))]
        _add(book, record, -1)
        if record.counts and book.first_at[record.modality] == record.started_at:
            self._find_first(book, record.modality)

    def _find_first(self, book: _PersonIndex, modality: Modality) -> None:
        """Find the first session again; only asked for when the first one itself has changed."""
        here = (self.records[session_id] for _, session_id in book.timeline)
        starts = [
            record.started_at for record in here if record.modality is modality and record.counts
        ]
        starts += [book.carried_first_at[modality]] if modality in book.carried_first_at else []
        book.first_at.pop(modality, None)
        if starts:
            book.first_at[modality] = min(starts)

    def open_sessions(self, mac: str) -> list[Record]:
        """Return the sessions of a device that have not been settled, oldest first."""
        return [self.records[session_id] for session_id in self._devices.get(mac, ())]

    def unclaimed(self, mac: str, at: datetime) -> list[Record]:
        """Return a device's sessions of unknown people in the 8 days before `at`, oldest first."""
        return [
            record
            for record in self.records.values()
            if record.mac == mac and record.person_id is None and record.over_at > at - KEPT
        ]

    # --- people -----------------------------------------------------------------------------------

    @property
    def people(self) -> Mapping[str, tuple[datetime | None, datetime | None]]:
        """When each person was added and removed; None if unknown or not yet."""
        return {
            person_id: (book.added_at, book.removed_at) for person_id, book in self._people.items()
        }

    def add_person(
        self, person_id: str, at: datetime | None, removed_at: datetime | None = None
    ) -> None:
        """Note that a person was added, or removed, or is back."""
        book = self._people.setdefault(person_id, _PersonIndex())
        book.added_at, book.removed_at = at, removed_at

    def history(
        self, person_id: str, at: datetime, *, mac: str | None = None, without: str | None = None
    ) -> History:
        """Return what the gate needs of a person.

        Args:
            person_id: Whose; nobody knows them: an empty history.
            at: Now, in the ledger's time.
            mac: The device that asks: a session on it is not `other_session`.
            without: A session that is left out, the one that is to be amended.

        Returns:
            The history. It includes the last 8 days of people who were removed in the 8 days before
            this one was added.
        """
        recent = sorted(
            entry for whose in self._with_inherited(person_id) for entry in self._recent(whose, at)
        )
        records = tuple(
            self.records[session_id] for _, session_id in recent if session_id != without
        )
        other_session = next(
            (record for record in records if record.mac != mac and record.lives(at)), None
        )
        book = self._people.get(person_id)
        return History(
            at=at,
            records=records,
            first_at=MappingProxyType({} if book is None else dict(book.first_at)),
            other_session=other_session,
        )

    def _recent(self, person_id: str, at: datetime) -> list[tuple[datetime, str]]:
        book = self._people.get(person_id)
        return (
            []
            if book is None
            else book.timeline[bisect_right(book.timeline, (at - KEPT, "\uffff")) :]
        )

    def _with_inherited(self, person_id: str) -> set[str]:
        """The person, people removed in the 8 days before they were added, and so on."""
        found, ask = {person_id}, [person_id]
        while ask:
            book = self._people.get(ask.pop())
            if book is None or book.added_at is None:
                continue
            for other, theirs in self._people.items():
                if (
                    other not in found
                    and theirs.removed_at is not None
                    and timedelta(0) <= book.added_at - theirs.removed_at < KEPT
                ):
                    found.add(other)
                    ask.append(other)
        return found

    def newest_first(self, person_id: str) -> Iterator[Record]:
        """Yield a person's own sessions, the one that ended last first."""
        if (book := self._people.get(person_id)) is not None:
            for _, session_id in reversed(book.timeline):
                yield self.records[session_id]

    def totals(self, person_id: str) -> Totals:
        """Return what a person has had in total."""
        book = self._people.get(person_id) or _PersonIndex()
        fluence = {
            channel: book.micro[channel] / MICRO for channel in Channel if channel in book.micro
        }
        return Totals(
            delivered=Dose(
                fluence_j_cm2=MappingProxyType(fluence),
                charge_ma_min=book.micro.get("charge", 0) / MICRO,
            ),
            sessions=MappingProxyType(dict(book.sessions)),
            first_at=MappingProxyType(dict(book.first_at)),
        )

    # --- age --------------------------------------------------------------------------------------

    def drop(self, before: datetime) -> int:
        """Forget the sessions that ended before a time; the totals stay.

        Returns:
            How many were dropped. One whose end is not known is dropped when it must long be over.
        """
        old = [record for record in self.records.values() if record.over_at < before]
        for record in old:
            del self.records[record.session_id]
            if record.mac is not None and record.open:
                self._devices[record.mac].remove(record.session_id)
            if record.person_id is not None:
                book = self._people[record.person_id]
                del book.timeline[bisect_left(book.timeline, (record.over_at, record.session_id))]
                if record.counts:
                    book.carried_first_at[record.modality] = min(
                        record.started_at,
                        book.carried_first_at.get(record.modality, record.started_at),
                    )
        return len(old)

    def carried(self, person_id: str) -> Totals:
        """Return that part of a person's totals which no record here stands for any more."""
        whole, book = self.totals(person_id), self._people[person_id]
        here = _PersonIndex()
        for _, session_id in book.timeline:
            _add(here, self.records[session_id], 1)
        left = {key: amount - here.micro.get(key, 0) for key, amount in book.micro.items()}
        return replace(
            whole,
            delivered=Dose(
                fluence_j_cm2={
                    channel: left[channel] / MICRO for channel in Channel if left.get(channel)
                },
                charge_ma_min=left.get("charge", 0) / MICRO,
            ),
            sessions={
                modality: book.sessions[modality] - here.sessions[modality] for modality in Modality
            },
            first_at=MappingProxyType(dict(book.carried_first_at)),
        )

    def carry(self, person_id: str, totals: Totals) -> None:
        """Add totals that were carried over from forgotten sessions."""
        book = self._people.setdefault(person_id, _PersonIndex())
        for channel, fluence in totals.delivered.fluence_j_cm2.items():
            book.micro[channel] = book.micro.get(channel, 0) + round(fluence * MICRO)
        book.micro["charge"] = book.micro.get("charge", 0) + round(
            totals.delivered.charge_ma_min * MICRO
        )
        for modality, sessions in totals.sessions.items():
            book.sessions[modality] += sessions
        for modality, first_at in totals.first_at.items():
            book.carried_first_at[modality] = min(
                first_at, book.carried_first_at.get(modality, first_at)
            )
            book.first_at[modality] = min(first_at, book.first_at.get(modality, first_at))

    def erase(self, person_id: str, at: datetime) -> None:
        """Forget a person, apart from the last 8 days, which still protect the next person.

        The remainder has neither a name nor a program, and goes with the next `erase` or `drop`
        after its time.
        """
        book = self._people.pop(person_id, None)
        if book is None:
            return
        remainder = _PersonIndex()
        remainder.added_at, remainder.removed_at = book.added_at, book.removed_at or at
        self._people[person_id] = remainder
        for over_at, session_id in book.timeline:
            record = self.records.pop(session_id)
            if record.mac is not None and record.open:
                self._devices[record.mac].remove(session_id)
            if over_at > at - KEPT:
                self.put(replace(record, program="", started_by=None))


def _add(book: _PersonIndex, record: Record, sign: int) -> None:
    """Add what a record contributes to the totals, or take it back."""
    book.sessions[record.modality] += sign * record.sessions * record.counts
    if record.delivered is not None:
        for channel, fluence in record.delivered.fluence_j_cm2.items():
            book.micro[channel] = book.micro.get(channel, 0) + sign * round(fluence * MICRO)
        book.micro["charge"] = book.micro.get("charge", 0) + sign * round(
            record.delivered.charge_ma_min * MICRO
        )

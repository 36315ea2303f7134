"""A household over months, as it really is and as the ledger knows it.

It has three devices, two faces, a disk, and clocks that somebody plays with. Whatever happens,
`check` compares the two with numbers of its own: what the ledger counts in a hard window is never
less than what the face got, and nothing is permitted that would lead above a ceiling.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

from custom_components.facial_therapy.core.device import Device
from custom_components.facial_therapy.core.dose import planned, worst_case_at
from custom_components.facial_therapy.core.ledger import clock
from custom_components.facial_therapy.core.ledger.index import LedgerIndex
from custom_components.facial_therapy.core.ledger.record import Record, Source
from custom_components.facial_therapy.core.ledger.settle import foreign, settled, voided
from custom_components.facial_therapy.core.ledger.unknown import ceiling
from custom_components.facial_therapy.core.model import Channel, Dose, Modality, Outcome, SkinType
from custom_components.facial_therapy.core.person import Options, Person
from custom_components.facial_therapy.core.refusal import Refused
from custom_components.facial_therapy.core.session_parameters import SessionParameters

from . import NOW, answer, eligibility, mask, node, person, screening, wand

# The hard ceilings once more, so that a slip in limits.py or windows.py shows: worst-case J/cm²
# and mA·min, hours.
DAY: Final = timedelta(hours=24)
WEEK: Final = timedelta(hours=168)
LIGHT: Final = {DAY: 100.0, WEEK: 300.0}
BLUE: Final = {WEEK: 90.0}
CHARGE: Final = {DAY: 7.5}
SESSIONS: Final = {
    Modality.MASK: {DAY: 2, WEEK: 7},
    Modality.WAND: {timedelta(hours=20): 1, WEEK: 5},
}
REST: Final = {Modality.MASK: timedelta(hours=6), Modality.WAND: timedelta(hours=20)}
SKIN: Final = {SkinType.II: 1.0, SkinType.IV: 0.75, SkinType.VI: 0.5}
U: Final = 0.2
LEAVES: Final = timedelta(minutes=10)
"""A session that nobody goes on with ends by itself."""
ROUNDING: Final = 1e-6

type Write = Callable[[LedgerIndex], None]


@dataclass(slots=True)
class Flow:
    """What really reached a face."""

    face: str
    session_id: str
    modality: Modality
    dose: Dose
    """Worst case."""
    at: datetime
    """The last of it, in true time."""
    known: bool
    """Whether the ledger can know of it."""


@dataclass(slots=True)
class Session:
    """A session on a node."""

    session_id: str
    face: str
    planned: Dose
    duration_s: float
    share: float = 0


@dataclass(frozen=True, slots=True)
class Entry:
    """A session in the history of a node."""

    session: Session
    share: float
    ended_at: datetime


@dataclass(slots=True)
class Node:
    """A device: what runs on it, and what it remembers."""

    mac: str
    device: Device
    live: Session | None = None
    history: list[Entry] = field(default_factory=list)
    imported: int = 0
    """Number of entries that the ledger has imported, as it keeps it on disk."""


def times(dose: Dose, share: float) -> Dose:
    return Dose(
        fluence_j_cm2={channel: fluence * share for channel, fluence in dose.fluence_j_cm2.items()},
        charge_ma_min=dose.charge_ma_min * share,
    )


class Household:
    """Everything, and what can happen to it."""

    def __init__(self) -> None:
        self.now = NOW
        self.boot_at = NOW
        self.wall_off = timedelta(0)
        self.disk: list[Write] = []
        self.books = LedgerIndex()
        self.clock = clock.begin(NOW, 0, None)
        self.faces = {
            "ada": person(
                skin_type=SkinType.II,
                options=Options(mask_sessions_week=6, wand_starting_phase=True),
            ),
            "eve": person(skin_type=SkinType.IV),
        }
        self.ids = dict.fromkeys(self.faces, "")
        self.nodes = {
            name: Node(name, device)
            for name, device in (("mask", mask()), ("mask2", mask()), ("wand", wand()))
        }
        self.flows: list[Flow] = []
        self.number = 0
        self.newest: datetime | None = None
        self.happened: Counter[str] = Counter()
        for face in self.faces:
            self.move_in(face)

    # --- clocks and disk --------------------------------------------------------------------------

    @property
    def ledger_now(self) -> datetime:
        """The time in which windows are counted."""
        return self.clock.at((self.now - self.boot_at).total_seconds())

    @property
    def dated(self) -> datetime:
        """What a record is dated with: never before the wall clock."""
        return max(self.ledger_now, self.now + self.wall_off)

    def write(self, change: Write, crash: str = "") -> bool:
        """Write durably and apply a change, or crash around it; return whether the caller lives."""
        if crash != "before":
            self.disk.append(change)
            self.newest = self.ledger_now
        if crash:
            self.crash()
            return False
        change(self.books)
        return True

    def put(self, record: Record, crash: str = "") -> bool:
        """Write a record."""
        return self.write(lambda books: books.put(record), crash)

    def crash(self) -> None:
        """Go down without a word, and come back."""
        self.restart(timedelta(seconds=30), timedelta(0))

    def restart(self, off: timedelta, behind: timedelta) -> None:
        """Come back after a while, with a wall clock that may be behind.

        It is not ahead of the ledger's time and the time that has passed: it would be believed.
        """
        self.happened["restart"] += 1
        most = self.ledger_now + off
        self.pass_time(off)
        self.wall_off = min(self.wall_off, most - self.now) - behind
        self.boot_at = self.now
        self.books = LedgerIndex()
        for change in self.disk:
            change(self.books)
        self.clock = clock.begin(self.now + self.wall_off, 0, self.newest)

    def step_clock(self, step: timedelta) -> None:
        """Put the wall clock forward or back."""
        self.happened["clock step"] += 1
        self.wall_off += step

    def pass_time(self, time: timedelta) -> None:
        """Wait; what nobody goes on with ends."""
        self.now += time
        if time > LEAVES:
            for each in self.nodes.values():
                self.close(each)

    # --- people -----------------------------------------------------------------------------------

    def move_in(self, face: str) -> None:
        """A face gets another person entry: the old one is removed first."""
        self.happened["new entry"] += 1
        self.number += 1
        before, after, at = self.ids[face], f"{face}{self.number}", self.dated
        if before:
            self.write(
                lambda books: books.add_person(
                    before, books.people.get(before, (None, None))[0], at
                )
            )
        self.write(lambda books: books.add_person(after, at))
        self.ids[face] = after

    def whose(self, face: str) -> Person:
        """The person entry that a face has now, screened a week ago by the wall clock."""
        screened_at = self.now + self.wall_off - timedelta(days=7)
        asked = dict.fromkeys(
            Modality,
            screening(screened_at=screened_at, expires_at=screened_at + timedelta(days=90)),
        )
        return replace(
            self.faces[face], person_id=self.ids[face], eligibility=eligibility(screenings=asked)
        )

    # --- sessions ---------------------------------------------------------------------------------

    def request(self, each: Node, face: str, size: float, *, blue: bool) -> SessionParameters:
        """Ask for a share of the dose that one session may have."""
        whose = self.whose(face)
        if each.device.modality is Modality.WAND:
            return SessionParameters(
                modality=Modality.WAND,
                person=whose,
                program="manual",
                duration_s=300,
                current_ua=250 * size,
                frequency_hz=8.3,
            )
        scale = SKIN[whose.skin_type] * size
        light = (
            {Channel.RED: 20 * scale, Channel.BLUE: 16 * scale}
            if blue
            else {Channel.RED: 28 * scale, Channel.NEAR_INFRARED: 28 * scale}
        )
        return SessionParameters(
            modality=Modality.MASK,
            person=whose,
            program="manual",
            duration_s=600,
            irradiance_mw_cm2=light,
            gel_rinsed=True,
        )

    def start(  # noqa: PLR0913 - all that can go wrong in a start
        self, name: str, face: str, size: float, *, blue: bool, crash: str = "", runs: bool = True
    ) -> None:
        """Ask the gate, write, arm; with `runs` unset the node never got the command."""
        each = self.nodes[name]
        if each.live is not None:
            return
        self.import_history(name)
        request = self.request(each, face, size, blue=blue)
        wall = self.now + self.wall_off
        if wall < datetime(2026, 1, 1, tzinfo=NOW.tzinfo):
            return  # nothing starts
        history = self.books.history(self.ids[face], self.ledger_now, mac=name)
        plan = answer(request, each.device, node(received_at=wall), wall, history=history)
        if isinstance(plan, Refused):
            self.happened.update(f"refused {refusal.reason}" for refusal in plan.refusals)
            return
        self.happened["start"] += 1
        self.check_permitted(face, each.device.modality, plan.worst_case)
        self.number += 1
        session = Session(f"{self.number:016x}", face, plan.planned, request.duration_s)
        record = Record(
            session_id=session.session_id,
            mac=name,
            modality=each.device.modality,
            person_id=self.ids[face],
            program="manual",
            started_at=self.dated,
            duration_s=request.duration_s,
            planned=plan.planned,
            worst_case=plan.worst_case,
            uncertainty=U,
        )
        if self.put(record, crash) and runs:
            each.live = session

    def flow(self, name: str, share: float) -> None:
        """Let some of the plan reach the face, never more than all of it."""
        each = self.nodes[name]
        if (live := each.live) is None:
            return
        self.happened["flow"] += 1
        share = min(share, 1 - live.share)
        live.share += share
        self.now += timedelta(seconds=live.duration_s * share)
        known = live.session_id in self.books.records
        self.flows.append(
            Flow(
                live.face,
                live.session_id,
                each.device.modality,
                worst_case_at(times(live.planned, share), each.device.grade, U),
                self.now,
                known,
            )
        )

    def close(self, each: Node) -> None:
        """The node ends its session and remembers it."""
        if (live := each.live) is not None:
            each.history.append(Entry(live, live.share, self.now))
            each.live = None

    def stop(self, name: str, *, link: bool, crash: str = "") -> None:
        """End what runs; without a link the ledger learns of it later."""
        self.close(self.nodes[name])
        if link:
            self.import_history(name, crash)

    def around(self, name: str, face: str, size: float) -> None:
        """Somebody starts the node without us, and the ledger learns of it later."""
        each = self.nodes[name]
        if each.live is not None:
            return
        self.happened["around us"] += 1
        self.number += 1
        request = self.request(each, face, size, blue=False)
        each.live = Session(f"{self.number:016x}", face, planned(request), request.duration_s)
        self.flow(name, 1)
        self.close(each)

    # --- history of the nodes ---------------------------------------------------------------------

    def import_history(self, name: str, crash: str = "") -> None:
        """Import what the node has closed, and settle what it never accepted as void."""
        each = self.nodes[name]
        while each.imported < len(each.history):
            if not self.import_entry(name, each.imported, crash):
                return
            each.imported += 1
        closed = {entry.session.session_id for entry in each.history}
        for record in self.books.open_sessions(name):
            if record.session_id not in closed and each.live is None:
                self.put(voided(record, self.dated))

    def import_again(self, name: str, index: int, crash: str = "") -> None:
        """Hear something once more, or before its turn."""
        if self.nodes[name].history:
            self.import_entry(name, index % len(self.nodes[name].history), crash)

    def import_entry(self, name: str, index: int, crash: str = "") -> bool:
        """Import one entry: a new one, or one that was imported before."""
        each = self.nodes[name]
        entry = each.history[index]
        self.happened["imported"] += 1
        delivered = times(entry.session.planned, entry.share)
        ended_at = self.dated - (self.now - entry.ended_at)
        known = self.books.records.get(entry.session.session_id)
        output_s = entry.session.duration_s * entry.share
        outcome = Outcome.STOPPED if entry.share else Outcome.VOID
        if known is None:
            imported = foreign(
                entry.session.session_id,
                name,
                each.device,
                person_id=self.ids[entry.session.face],
                profile=0,
                planned=entry.session.planned,
                delivered=delivered,
                output_s=output_s,
                outcome=outcome,
                ended_at=ended_at,
            )
        else:
            imported = settled(
                known,
                delivered=delivered,
                outcome=outcome,
                ended_at=ended_at,
                output_s=output_s,
            )
        if not self.put(imported, crash):
            return False
        self.learn(entry.session.session_id)
        return True

    def learn(self, session_id: str) -> None:
        """From now on the ledger can know of a session."""
        for flow in self.flows:
            if flow.session_id == session_id:
                flow.known = True

    def log(self, face: str, modality: Modality, dose: float, crash: str = "") -> None:
        """Log an external session."""
        self.happened["logged"] += 1
        self.number += 1
        nominal = (
            Dose(fluence_j_cm2={Channel.RED: dose})
            if modality is Modality.MASK
            else Dose(charge_ma_min=dose / 20)
        )
        worst_case = Dose(
            fluence_j_cm2={
                channel: value * 1.5 for channel, value in nominal.fluence_j_cm2.items()
            },
            charge_ma_min=nominal.charge_ma_min * 1.5,
        )
        record = Record(
            session_id=f"{self.number:016x}",
            mac=None,
            modality=modality,
            person_id=self.ids[face],
            program="",
            source=Source.LOGGED,
            started_at=self.dated,
            planned=nominal,
            worst_case=worst_case,
            uncertainty=0.5,
            delivered=nominal,
            outcome=Outcome.COMPLETED,
            ended_at=self.dated,
        )
        if self.put(record, crash):
            self.flows.append(
                Flow(face, record.session_id, modality, worst_case, self.now, known=True)
            )

    def reset_ledger(self) -> None:
        """Reset an unreadable ledger: everybody's windows are at their ceiling from now on."""
        self.happened["reset"] += 1
        self.disk, self.books = [], LedgerIndex()
        for face in self.faces:
            self.move_in(face)
            for modality in Modality:
                self.number += 1
                self.put(ceiling(f"{self.number:016x}", self.ids[face], modality, self.dated))
        for each in self.nodes.values():
            each.imported = len(each.history)

    # --- truth ------------------------------------------------------------------------------------

    def really(
        self, face: str, length: timedelta, of: Callable[[Dose], float], modality: Modality
    ) -> float:
        """What the face got in a window, of what the ledger can know."""
        return sum(
            of(flow.dose)
            for flow in self.flows
            if flow.known
            and flow.face == face
            and flow.modality is modality
            and flow.at > self.now - length
        )

    def counted(self, face: str) -> Iterator[tuple[Modality, timedelta, float, float]]:
        """Yield the dose that the ledger counts in each hard window, and the real one."""
        now = self.ledger_now
        records = self.books.history(self.ids[face], now).records
        for modality, of, windows in QUANTITIES:
            custom = [
                (record.over_at, of(record.counted))
                for record in records
                if record.modality is modality
            ]
            for length in windows:
                yield (
                    modality,
                    length,
                    sum(amount for over_at, amount in custom if over_at > now - length),
                    self.really(face, length, of, modality),
                )

    def check(self) -> None:
        """Compare: a hard window never counts less than the face got, and void costs nothing.

        A ledger that was reset counts up to the ceiling that it starts at.
        """
        oldest = self.now - WEEK - timedelta(days=2)
        if self.flows and self.flows[0].at < oldest:
            self.flows = [flow for flow in self.flows if flow.at >= oldest]
        for record in self.books.records.values():
            if record.outcome is Outcome.VOID:
                cost = (record.counted.total, record.treated_s, record.counts)
                assert cost == (0, 0, False), record
        for face in self.faces:
            for modality, length, counted, really in self.counted(face):
                least = min(really, MOST[modality, length]) if self.happened["reset"] else really
                assert counted >= least - ROUNDING, (face, modality, length, counted, really)

    def check_permitted(self, face: str, modality: Modality, adding: Dose) -> None:
        """Nothing is permitted above a ceiling or before its rest, by what really was delivered."""
        assert all(each.live is None or each.live.face != face for each in self.nodes.values()), (
            "two at once"
        )
        factor = SKIN[self.faces[face].skin_type] if modality is Modality.MASK else 1
        for of_modality, of, windows in QUANTITIES:
            for length, most in windows.items():
                if of_modality is modality and of(adding):
                    assert (
                        self.really(face, length, of, modality) + of(adding)
                        <= most * factor + ROUNDING
                    ), (face, modality, length)
        whole = self.whole_sessions(face, modality)
        for length, number in SESSIONS[modality].items():
            assert sum(at > self.now - length for at in whole) + 1 <= number, (
                face,
                modality,
                length,
            )
        assert all(at <= self.now - REST[modality] for at in whole), (face, modality)

    def whole_sessions(self, face: str, modality: Modality) -> list[datetime]:
        """When each session that we started and that was more than a fifth of its plan ended."""
        ended: dict[str, datetime] = {}
        shares: dict[str, float] = {}
        for each in self.nodes.values():
            for entry in each.history[-12:]:
                if (
                    entry.session.face == face
                    and each.device.modality is modality
                    and entry.share >= 0.2
                ):
                    shares[entry.session.session_id] = entry.share
        for flow in self.flows:
            if flow.known and flow.session_id in shares:
                ended[flow.session_id] = flow.at
        return list(ended.values())


def _light(dose: Dose) -> float:
    return sum(dose.fluence_j_cm2.values())


def _blue(dose: Dose) -> float:
    return dose.fluence_j_cm2.get(Channel.BLUE, 0)


def _charge(dose: Dose) -> float:
    return dose.charge_ma_min


MOST: Final = {(Modality.MASK, WEEK): 90.0, (Modality.MASK, DAY): 100.0, (Modality.WAND, DAY): 7.5}
"""What a ledger that was reset counts at the least of every quantity."""
QUANTITIES: Final = (
    (Modality.MASK, _light, LIGHT),
    (Modality.MASK, _blue, BLUE),
    (Modality.WAND, _charge, CHARGE),
)

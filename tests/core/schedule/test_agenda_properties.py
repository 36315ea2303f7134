"""A year of two people who share a mask: nothing is proposed that the gate would refuse.

With misses, travel, holds and both changes of the clocks.
"""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from hypothesis import given, settings, strategies as st

from custom_components.facial_therapy.core.dose import planned, worst_case
from custom_components.facial_therapy.core.gate.permit import ordered
from custom_components.facial_therapy.core.gate.resolve import resolve_program
from custom_components.facial_therapy.core.ledger.index import LedgerIndex
from custom_components.facial_therapy.core.ledger.record import Record
from custom_components.facial_therapy.core.model import Modality, Outcome, SkinType
from custom_components.facial_therapy.core.person import Options, Person
from custom_components.facial_therapy.core.recipes import BUILT_IN
from custom_components.facial_therapy.core.refusal import Reason, Refusal
from custom_components.facial_therapy.core.schedule.agenda import Agenda, CompletedSession, Refusals
from custom_components.facial_therapy.core.schedule.plan import (
    Freeze,
    Phase,
    Plan,
    WeekPlan,
    Why,
    evenings,
)
from tests.core import eligibility, mask, node, refusals, screening, wand

from .test_plan import BERLIN, MASK, WAND

BEGINS: Final = date(2026, 1, 5)
DEVICE: Final = {MASK: mask(), WAND: wand()}
BETWEEN_PEOPLE: Final = timedelta(minutes=10)


class Life:
    """Somebody who keeps to a plan more or less, on devices that others use too."""

    def __init__(
        self,
        name: str,
        plan: WeekPlan,
        books: LedgerIndex,
        mask_used: list[tuple[datetime, datetime]],
    ) -> None:
        """Take what the household shares."""
        options = Options(mask_sessions_week=6, wand_starting_phase=plan.starting_phase)
        self.person = Person(
            person_id=name, name=name, profile=1, skin_type=SkinType.II, options=options
        )
        self.weekly_plan = Plan(plans=(plan,))
        self.books = books
        self.mask_used = mask_used
        self.holds: list[tuple[datetime, datetime]] = []

    @property
    def done(self) -> list[CompletedSession]:
        """What the ledger has of them."""
        custom = [
            record
            for record in self.books.records.values()
            if record.person_id == self.person.person_id
        ]
        return [
            CompletedSession(
                each.modality,
                each.started_at,
                each.ended_at or each.started_at,
                each.program,
                each.session_id,
                each.counts,
            )
            for each in custom
        ]

    def person_at(self, at: datetime) -> Person:
        """Return them as they are at a time: they are screened every week."""
        asked = screening(screened_at=at - timedelta(days=7), expires_at=at + timedelta(days=7))
        counts = self.books.totals(self.person.person_id).sessions
        return replace(
            self.person,
            sessions=counts,
            eligibility=eligibility(screenings=dict.fromkeys(Modality, asked)),
        )

    def gate(self, modality: Modality, program: str, at: datetime) -> tuple[Refusal, ...]:
        """Ask the real gate, with what the node and the person's blocks would say."""
        request = resolve_program(program, self.person_at(at), DEVICE[modality])
        history = self.books.history(self.person.person_id, at)
        found = refusals(
            replace(request, gel_rinsed=True),
            DEVICE[modality],
            node(received_at=at),
            at,
            history=history,
        )
        busy = [
            used[1] + BETWEEN_PEOPLE
            for used in self.mask_used
            if modality is MASK and used[0] - BETWEEN_PEOPLE < at < used[1] + BETWEEN_PEOPLE
        ]
        blocked = [until for since, until in self.holds if since <= at < until]
        extra = [Refusal(reason=Reason.PROFILE_GAP, allowed_at=until) for until in busy] + [
            Refusal(reason=Reason.ON_HOLD, allowed_at=until) for until in blocked
        ]
        return ordered((*found, *extra))

    def give(self, modality: Modality, program: str, at: datetime, share: float) -> datetime:
        """Give a session, or a part of it, and return its end."""
        request = resolve_program(program, self.person_at(at), DEVICE[modality])
        whole = planned(request)
        ended_at = at + timedelta(seconds=request.duration_s * share + 60)
        part = planned(replace(request, duration_s=request.duration_s * share))
        self.books.put(
            Record(
                session_id=f"{self.person.person_id}{modality}{at.isoformat()}",
                mac=modality,
                modality=modality,
                person_id=self.person.person_id,
                program=program,
                started_at=at,
                duration_s=request.duration_s,
                planned=whole,
                worst_case=worst_case(whole, DEVICE[modality]),
                uncertainty=DEVICE[modality].uncertainty,
                delivered=part,
                output_s=request.duration_s * share,
                outcome=Outcome.COMPLETED if share == 1 else Outcome.PARTIAL,
                ended_at=ended_at,
            )
        )
        if modality is MASK:
            self.mask_used.append((at, ended_at))
        return ended_at


@st.composite
def plans(draw: st.DrawFn) -> WeekPlan:
    """Draw a plan of any program."""
    program = draw(st.sampled_from(sorted(BUILT_IN)))
    opens, closes = draw(
        st.sampled_from(
            [
                (time(18), time(22)),
                (time(21), time(22)),
                (time(23), time(1)),
                (time(1, 30), time(3, 30)),
                (time(6), time(7)),
            ]
        )
    )
    return WeekPlan(
        begins_on=BEGINS,
        program=program,
        modalities=frozenset(Modality) if BUILT_IN[program].wand else frozenset({MASK}),
        evenings=draw(
            st.sampled_from([evenings(count) for count in range(1, 7)] + [(0, 1), (4, 5, 6)])
        ),
        opens=opens,
        closes=closes,
        starting_phase=draw(st.booleans()),
    )


def live_a_day(life: Life, day: date, mood: float, jitter_s: float) -> None:
    """Let an evening come: each proposed session is permitted, also after the ones before it."""
    opens = datetime.combine(day, time(), BERLIN).astimezone(UTC)
    agenda = Agenda(life.weekly_plan, life.done, BERLIN)
    refusals: Refusals = life.gate
    evening = next(agenda.upcoming(opens + timedelta(seconds=jitter_s), refusals), None)
    if evening is None or evening.day != day or mood < 0.2:  # missed
        return
    late = timedelta()
    for proposal in evening.proposals:
        at = proposal.at + late
        assert life.gate(proposal.modality, proposal.program, at) == (), (proposal, at)
        assert evening.opens_at <= proposal.at < evening.closes_at
        ended_at = life.give(
            proposal.modality, proposal.program, at, 1 if mood < 0.9 else mood / 10
        )
        late += max(
            timedelta(), ended_at - at - timedelta(seconds=60) - timedelta(seconds=600)
        ) + timedelta(seconds=60)


@settings(max_examples=3)
@given(
    first=plans(),
    second=plans(),
    moods=st.lists(st.floats(0, 1), min_size=20, max_size=60),
    jitters=st.lists(st.integers(0, 86_399), min_size=7, max_size=20),
    travels=st.lists(st.tuples(st.integers(0, 360), st.integers(0, 21)), min_size=1, max_size=4),
    holds=st.lists(st.tuples(st.integers(0, 350), st.integers(8, 14)), min_size=2, max_size=3),
)
def test_in_52_weeks_nothing_is_proposed_that_the_gate_would_refuse_at_its_time(  # noqa: PLR0913, PLR0917 - what a year may bring
    first: WeekPlan,
    second: WeekPlan,
    moods: list[float],
    jitters: list[int],
    travels: list[tuple[int, int]],
    holds: list[tuple[int, int]],
) -> None:
    books = LedgerIndex()
    used: list[tuple[datetime, datetime]] = []
    at_once = replace(
        second, opens=first.opens, closes=first.closes
    )  # so that both want the mask at the same time
    people = [Life(name, plan, books, used) for name, plan in (("Ada", first), ("Grace", at_once))]
    ada = people[0]
    days = [BEGINS + timedelta(days=offset) for offset in range(364)]
    ada.weekly_plan = replace(
        ada.weekly_plan,
        freezes=tuple(
            Freeze(first=days[begin], last=days[begin] + timedelta(days=length), why=Why.TRAVEL)
            for begin, length in travels
        ),
    )
    ada.holds = [
        (at, at + timedelta(days=length))
        for begin, length in holds
        for at in [datetime.combine(days[begin], time(), BERLIN).astimezone(UTC)]
    ]
    for index, day in enumerate(days):
        for life in people:
            live_a_day(life, day, moods[index % len(moods)], jitters[index % len(jitters)])
            if (following := life.weekly_plan.next_phase(day)) is not None:
                life.weekly_plan = life.weekly_plan.begun(following)
    for life in people:
        now = datetime.combine(days[-1], time(23, 59), BERLIN).astimezone(UTC)
        agenda = Agenda(life.weekly_plan, life.done, BERLIN)
        assert agenda.streak(now) <= 53
        share = agenda.adherence(now).share
        assert share is None or 0 <= share <= 1
        assert all(plan.phase is Phase.MAINTENANCE for plan in life.weekly_plan.plans[1:])
    frozen = [
        session
        for session in ada.done
        if ada.weekly_plan.why_not(session.started_at.astimezone(BERLIN).date()) is Why.TRAVEL
    ]
    assert all(
        session.started_at.astimezone(BERLIN).hour < 1 for session in frozen
    )  # an evening that went on after midnight into the journey

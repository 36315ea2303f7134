"""The ledger against a household: no dose is forgotten, and no ceiling is exceeded."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
import os
import random
from typing import Final

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
import pytest

from custom_components.facial_therapy.core.gate import permit
from custom_components.facial_therapy.core.ledger import settle
from custom_components.facial_therapy.core.ledger.record import Record
from custom_components.facial_therapy.core.model import Modality
from tests.core.household import Household, times

NAMES: Final = ("mask", "mask2", "wand")
FACES: Final = ("ada", "eve")
CRASHES: Final = ("", "", "", "", "before", "after")
SEQUENCES: Final = int(os.environ.get("FACIAL_THERAPY_SEQUENCES", "500"))
"""The part `ledger` of scripts/test runs 20,000; here as many as the fast parts have time for."""
LOT: Final = 500

type Thing = Callable[[Household, random.Random, str, str], None]


def session(household: Household, draw: random.Random, name: str, face: str) -> None:
    """Start, let flow, stop, or only begin with it."""
    household.start(
        name,
        face,
        draw.choice((0.1, 0.5, 1, 1)),
        blue=draw.random() < 0.3,
        crash=draw.choice(CRASHES),
        runs=draw.random() < 0.95,
    )
    if draw.random() < 0.8:
        household.flow(name, draw.choice((0.1, 0.5, 1)))
        if draw.random() < 0.8:
            household.stop(name, link=draw.random() < 0.8, crash=draw.choice(CRASHES))


def hours(*choices: int) -> Thing:
    return lambda household, draw, _name, _face: household.pass_time(
        timedelta(hours=draw.choice(choices))
    )


THINGS: Final[tuple[tuple[int, Thing], ...]] = (
    (6, session),
    (2, lambda household, draw, name, _face: household.flow(name, draw.random())),
    (
        1,
        lambda household, draw, name, _face: household.stop(
            name, link=draw.random() < 0.7, crash=draw.choice(CRASHES)
        ),
    ),
    (4, hours(1, 3, 5, 6, 19, 20, 22, 24, 25)),
    (2, hours(44, 47, 60, 100, 161)),
    (
        1,
        lambda household, draw, _name, _face: household.pass_time(
            timedelta(minutes=draw.choice((1, 4, 9)))
        ),
    ),
    (
        1,
        lambda household, draw, _n, _f: household.restart(
            timedelta(hours=draw.choice((0, 1, 20, 200))),
            timedelta(hours=draw.choice((0, 0, 1, 30, 9000))),
        ),
    ),
    (
        1,
        lambda household, draw, _n, _f: household.step_clock(
            timedelta(hours=draw.choice((-9000, -30, -1, 1, 30, 200, 9000)))
        ),
    ),  # an hour: daylight saving
    (
        1,
        lambda household, draw, _n, face: household.log(
            face, draw.choice(tuple(Modality)), draw.choice((5, 20, 40)), crash=draw.choice(CRASHES)
        ),
    ),
    (1, lambda household, _draw, name, face: household.around(name, face, 1)),
    (
        2,
        lambda household, draw, name, _face: household.import_again(
            name, draw.randrange(100), crash=draw.choice(CRASHES)
        ),
    ),
    (1, lambda household, _draw, name, _face: household.import_history(name)),
    (
        1,
        lambda household, draw, _n, face: (
            household.move_in(face) if draw.random() < 0.7 else household.reset_ledger()
        ),
    ),
)
"""What can happen, and how often."""
WEIGHTS: Final = tuple(weight for weight, _ in THINGS)


def anything(household: Household, draw: random.Random) -> None:
    """Let one thing happen."""
    ((_, thing),) = draw.choices(THINGS, WEIGHTS)
    thing(household, draw, draw.choice(NAMES), draw.choice(FACES))


def sequence(seed: int, length: int = 22) -> Household:
    """Let a row of things happen to a new household, and look after each."""
    draw, household = random.Random(seed), Household()  # noqa: S311 - to be repeated
    for _ in range(length):
        anything(household, draw)
        household.check()
    return household


def sequences(seeds: range) -> Counter[str]:
    """Return what happened in many rows."""
    happened: Counter[str] = Counter()
    for seed in seeds:
        happened += sequence(seed).happened
    return happened


@pytest.mark.parametrize("first", range(0, SEQUENCES, LOT))
def test_no_dose_is_forgotten_and_no_ceiling_is_passed_in_sequences(
    first: int, record_property: Callable[[str, object], None]
) -> None:
    happened = sequences(range(first, first + LOT))
    record_property(
        f"{LOT} sequences from {first}",
        ", ".join(f"{what} {number}" for what, number in sorted(happened.items())),
    )
    assert happened["start"] > LOT
    refused = {
        f"refused {reason}"
        for reason in (
            "dose_day",
            "dose_week",
            "blue_week",
            "sessions_day",
            "sessions_week",
            "rest",
            "gap",
            "other_session",
        )
    }
    assert refused | {
        "restart",
        "around us",
        "reset",
        "logged",
        "imported",
        "new entry",
        "clock step",
    } <= set(happened)


GROUPS: Final = {
    "dose of a day": {
        "fluence_day_default",
        "fluence_day_hard",
        "rest",
        "sessions_day_mask_default",
        "sessions_day_mask_hard",
    },
    "charge of a day": {
        "charge_day_default",
        "charge_day_hard",
        "rest",
        "sessions_day_wand_default",
    },
    "rest": {"rest", "sessions_day_mask_default", "sessions_day_wand_default"},
    "two at once": {"other_session", "gap"},
}
"""Rules that guard one ceiling together: the household sees it when all of them are gone. Each
alone: test_gate.py."""


@pytest.mark.parametrize("group", GROUPS)
def test_the_household_sees_what_is_no_longer_guarded(
    group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        permit,
        "CONSTRAINTS",
        {name: rule for name, rule in permit.CONSTRAINTS.items() if name not in GROUPS[group]},
    )
    with pytest.raises(AssertionError):
        sequences(range(400))


@pytest.mark.parametrize("what", ["open", "settled"])
def test_the_household_sees_a_dose_that_is_counted_too_low(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = Record.counted
    less = property(
        lambda record: times(counted.fget(record), 0.9 if record.open is (what == "open") else 1)  # type: ignore[attr-defined]
    )
    monkeypatch.setattr(Record, "counted", less)
    with pytest.raises(AssertionError):
        sequences(range(400))


def test_the_household_sees_a_window_that_a_clock_reopens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        Household, "ledger_now", property(lambda household: household.now + household.wall_off)
    )
    with pytest.raises(AssertionError):
        sequences(range(400))


def test_the_household_sees_a_history_that_takes_the_smaller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def smaller(_known: Record, reported: Record) -> Record:
        return (
            reported
            if reported.delivered is None
            else replace(reported, delivered=times(reported.delivered, 0.5))
        )

    monkeypatch.setattr(settle, "merge", smaller)
    with pytest.raises(AssertionError):
        sequences(range(400))


class Machine(RuleBasedStateMachine):
    """The same with Hypothesis, which makes what goes wrong short."""

    def __init__(self) -> None:
        """Begin with a new household."""
        super().__init__()
        self.household = Household()

    @rule(seed=st.integers(0, 2**20))
    def anything(self, seed: int) -> None:
        """Whatever the driver would do."""
        anything(self.household, random.Random(seed))  # noqa: S311 - to be repeated

    @rule(
        name=st.sampled_from(NAMES),
        face=st.sampled_from(FACES),
        share=st.floats(0, 1),
        crash=st.sampled_from(CRASHES),
    )
    def session(self, name: str, face: str, share: float, crash: str) -> None:
        """A session that ends early."""
        self.household.start(name, face, 1, blue=False)
        self.household.flow(name, share)
        self.household.stop(name, link=True, crash=crash)

    @rule(minutes=st.integers(0, 10_500))
    def pass_time(self, minutes: int) -> None:
        """Wait."""
        self.household.pass_time(timedelta(minutes=minutes))

    @rule(hours=st.integers(-9000, 9000))
    def step_clock(self, hours: int) -> None:
        """Set the wall clock to another time."""
        self.household.step_clock(timedelta(hours=hours))

    @invariant()
    def nothing_is_forgotten(self) -> None:
        """Compare."""
        self.household.check()


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)

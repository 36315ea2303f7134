"""`core.routine.steps`: valid routines, their length, and "finish by 22:30" by hand."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.refusal import RefusedError
from custom_components.facial_therapy.core.routine.steps import (
    Act,
    Flow,
    Step,
    check,
    ends_at,
    fit,
    gap,
    times,
)

DURATION_S: Final = {
    Act.CLEANSE: 60,
    Act.GEL: 30,
    Act.WAND: 300,
    Act.RINSE: 60,
    Act.MASK: 600,
    Act.SERUM: 30,
    Act.WAIT: 120,
}


def step(act: str, **changes: Any) -> Step:
    """Return a step; one on a device has a program."""
    program = "fine_lines" if Act(act).modality else None
    return Step(
        **{"act": Act(act), "duration_s": DURATION_S[Act(act)], "program": program, **changes}
    )


def steps(words: str) -> tuple[Step, ...]:
    """Return steps by their words; a question mark makes one optional."""
    return tuple(step(word.rstrip("?"), optional=word.endswith("?")) for word in words.split())


EVENING: Final = "cleanse gel wand rinse mask serum"


def at(clock: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-02T{clock}+00:00")


def clock(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%H:%M:%S")


def acts(given: tuple[Step, ...], positions: Iterable[int]) -> str:
    return " ".join(given[position].act.value for position in positions)


# --- what a routine may be ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        EVENING,
        "mask",
        "wand",
        "mask wand",
        "gel wand",
        "cleanse wait serum",
        "gel rinse mask",
        "wand rinse? rinse mask",
    ],
)
def test_a_feasible_routine_is_accepted(words: str) -> None:
    check(steps(words))


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("wand mask", "rinse"),
        ("gel mask", "rinse"),
        ("rinse wand mask", "rinse"),
        ("wand rinse? mask", "rinse"),
        ("mask mask", "twice"),
        ("wand rinse wand", "twice"),
    ],
)
def test_a_mask_after_gel_and_a_modality_twice_are_refused(words: str, rule: str) -> None:
    with pytest.raises(RefusedError) as caught:
        check(steps(words))
    assert (
        caught.value.binding.reason,
        caught.value.binding.field,
        caught.value.binding.detail,
    ) == ("bad_routine", "steps", rule)


@pytest.mark.parametrize("wrong", [step("mask", program=None), step("serum", program="fine_lines")])
def test_a_program_belongs_to_a_device_and_to_nothing_else(wrong: Step) -> None:
    with pytest.raises(RefusedError) as caught:
        check((wrong,))
    assert caught.value.binding.detail == "program"


@pytest.mark.parametrize("count", [0, 13, 1000])
def test_a_routine_has_one_to_twelve_steps(count: int) -> None:
    check(steps("serum " * 12))
    with pytest.raises(RefusedError) as caught:
        check(steps("serum " * count))
    assert (caught.value.binding.reason, caught.value.binding.field) == ("out_of_bounds", "steps")
    assert (caught.value.binding.minimum, caught.value.binding.maximum) == (1, 12)


@pytest.mark.parametrize("duration_s", [0, -1, 3601, float("nan"), float("inf")])
def test_a_step_takes_a_second_to_an_hour(duration_s: float) -> None:
    check((step("wait", duration_s=1), step("wait", duration_s=3600)))
    with pytest.raises(RefusedError) as caught:
        check((step("wait", duration_s=duration_s),))
    assert (
        caught.value.binding.field,
        caught.value.binding.minimum,
        caught.value.binding.maximum,
    ) == ("duration_s", 1, 3600)


# --- how long it takes ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "after", "minutes"),
    [("wand", "mask", 5), ("mask", "wand", 10), ("mask", "mask", 0), ("wand", "wand", 0)],
)
def test_the_gap_between_two_modalities_is_that_of_the_safety_page(
    before: str, after: str, minutes: int
) -> None:
    assert gap(Modality(before), Modality(after)) == timedelta(minutes=minutes)


def test_an_evening_by_the_clock_with_the_gap_from_wand_to_mask() -> None:
    """Each device takes 30 s to put on; rinsing counts towards the gap of 5 min."""
    timeline = [
        (each.act.value, clock(begins), clock(ends))
        for each, begins, ends in times(steps(EVENING), at("21:00:00"))
    ]
    assert timeline == [
        ("cleanse", "21:00:00", "21:01:00"),
        ("gel", "21:01:00", "21:01:30"),
        ("wand", "21:02:00", "21:07:00"),
        ("rinse", "21:07:00", "21:08:00"),
        ("mask", "21:12:00", "21:22:00"),
        ("serum", "21:22:00", "21:22:30"),
    ]


def test_earlier_output_of_a_device_counts_and_no_output_takes_no_time() -> None:
    assert (
        clock(ends_at(steps("mask"), at("21:00:00"), Flow(Modality.WAND, at("20:58:00"))))
        == "21:13:00"
    )
    assert (
        clock(ends_at(steps("mask"), at("21:00:00"), Flow(Modality.WAND, at("20:40:00"))))
        == "21:10:30"
    )
    assert ends_at((), at("21:00:00")) == at("21:00:00")


# --- finish by 22:30 ------------------------------------------------------------------------------

FINISH: Final = at("22:30:00")
# The evening takes 22 min 30 s. Without the serum 22 min; without the wand neither gel nor rinsing
# is needed, nor the gap: cleanse 1 min, mask 30 s and 10 min, serum 30 s, together 12 min; without
# both 11 min 30 s.
WORKED: Final = (
    # routine, begun at, dropped, ends at, late
    (EVENING, "22:00:00", "", "22:22:30", 0),
    (EVENING, "22:07:30", "", "22:30:00", 0),
    ("cleanse gel wand rinse mask serum?", "22:07:31", "serum", "22:29:31", 0),
    ("cleanse gel wand? rinse mask serum", "22:07:31", "gel wand rinse", "22:19:31", 0),
    ("cleanse gel wand? rinse mask serum?", "22:08:00", "serum", "22:30:00", 0),
    ("cleanse gel wand? rinse mask serum?", "22:08:01", "gel wand rinse", "22:20:01", 0),
    ("cleanse gel wand? rinse mask serum?", "22:18:30", "gel wand rinse serum", "22:30:00", 0),
    ("cleanse gel wand? rinse mask serum?", "22:18:31", "gel wand rinse serum", "22:30:01", 1),
    ("cleanse gel wand? rinse mask? serum", "22:25:00", "gel wand rinse mask", "22:26:30", 0),
    (EVENING, "22:10:00", "", "22:32:30", 150),
    ("cleanse? gel wand rinse mask serum", "22:20:00", "cleanse", "22:41:30", 690),
)


@pytest.mark.parametrize(("words", "now", "dropped", "done", "late_s"), WORKED)
def test_finish_by_half_past_ten_worked_out(
    words: str, now: str, dropped: str, done: str, late_s: int
) -> None:
    given = steps(words)
    fitting = fit(given, at(now), FINISH)
    assert acts(given, fitting.dropped) == dropped
    assert clock(fitting.ends_at) == done
    assert fitting.late == timedelta(seconds=late_s)
    assert fitting.starts_at == FINISH - (fitting.ends_at - at(now))
    assert sorted((*fitting.kept, *fitting.dropped)) == list(range(len(given)))


def test_it_says_when_it_must_start() -> None:
    assert clock(fit(steps(EVENING), at("18:00:00"), FINISH).starts_at) == "22:07:30"


def test_gel_that_is_on_the_face_is_rinsed_off_even_if_the_wand_goes() -> None:
    given = steps("wand? rinse mask")
    assert acts(given, fit(given, at("22:15:00"), FINISH, gel=True).kept) == "rinse mask"
    assert acts(given, fit(given, at("22:15:00"), FINISH, gel=False).kept) == "mask"


def test_rinsing_stays_in_a_routine_that_never_had_a_wand() -> None:
    given = steps("rinse mask serum?")
    assert acts(given, fit(given, at("22:19:00"), FINISH).kept) == "rinse mask"

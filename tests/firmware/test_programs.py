"""The hand-written table of built-in programs on the governor: accepted as written and delivered.

The rows are those of tests/core/gate/test_resolve.py. Nothing here is computed by the integration.
"""

from typing import Final

import pytest

from tests.core.gate.test_resolve import CURRENT, LIGHT, LIGHT_S

from .library import Node

PLACES: Final = {"red": 0, "near_infrared": 1, "blue": 2, "amber": 3}
SKIN_PERMILLE: Final = {
    "i": 1000,
    "ii": 1000,
    "iii": 1000,
    "iv": 750,
    "v": 500,
    "vi": 500,
    "unknown": 500,
}
GRADES: Final = (("measured", 200), ("declared", 500), ("none", 500))
ID: Final = "00000000000000c1"
LIGHT_ROWS: Final = [(program, *row) for program, rows in LIGHT.items() for row in rows]


def _microwatts(levels: dict[str, float]) -> dict[int, int]:
    return {PLACES[channel]: round(level * 1000) for channel, level in levels.items()}


@pytest.mark.parametrize(
    ("program", "skin", "measured", "declared"),
    LIGHT_ROWS,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_light_of_the_table_is_armed_with_its_very_numbers(
    program: str, skin: str, measured: dict[str, float], declared: dict[str, float]
) -> None:
    for (grade, uncertainty), levels in zip(GRADES, (measured, declared, declared), strict=True):
        for duration_s in LIGHT_S[program]:
            node = Node(grade=grade, uncertainty_permille=uncertainty)
            peaks = _microwatts(levels)
            answer = node.start(
                peaks=peaks, duration_s=int(duration_s), skin_permille=SKIN_PERMILLE[skin]
            )
            if grade == "none":  # 60 s of red, and no program is as short
                assert (answer["reason"], answer["field"], answer["maximum"], node.state) == (
                    "out_of_bounds",
                    "duration_s",
                    "60",
                    "idle",
                )
                continue
            assert (answer["reason"], node.state) == ("ok", "armed")
            record = node.history(2)
            assert record.pairs("planned") == {
                place + 1: peak * int(duration_s) for place, peak in peaks.items()
            }
            assert node.telemetry().number("left_ms") == duration_s * 1000


@pytest.mark.parametrize("row", CURRENT, ids=lambda row: row[0])
def test_current_of_the_table_is_armed_with_its_very_numbers(
    row: tuple[str, float, float, float, float, float],
) -> None:
    _, measured, declared, frequency_hz, first_s, later_s = row
    for (grade, uncertainty), level in zip(GRADES, (measured, declared, declared), strict=True):
        for duration_s in (first_s, later_s):
            node = Node("wand", grade=grade, uncertainty_permille=uncertainty)
            answer = node.start(
                peaks={0: round(level)},
                duration_s=int(duration_s),
                period_us=round(1_000_000 / frequency_hz),
            )
            if grade == "none":
                assert (answer["reason"], answer["field"], node.state) == (
                    "out_of_bounds",
                    "duration_s",
                    "idle",
                )
                assert (
                    node.start(peaks={0: round(level)}, duration_s=60)["reason"] == "not_calibrated"
                )
                continue
            assert (answer["reason"], node.state) == ("ok", "armed")
            assert node.history(2).pairs("planned") == {5: round(level) * int(duration_s)}
            assert node.telemetry().number("left_ms") == duration_s * 1000


# Delivered is the plan less half of the ramp; steps of 33 ms round down.
@pytest.mark.parametrize(
    ("program", "skin"),
    [("first_use", "ii"), ("puffiness", "vi"), ("blemish_prone", "i"), ("uneven_tone", "iv")],
)
def test_light_of_the_table_is_delivered_to_the_end_and_never_above_it(
    program: str, skin: str
) -> None:
    levels = next(measured for kind, measured, _ in LIGHT[program] if kind == skin)
    duration_s = int(LIGHT_S[program][0])
    node, peaks = Node(step_ms=33), _microwatts(levels)
    node.ramping(peaks=peaks, duration_s=duration_s, skin_permille=SKIN_PERMILLE[skin])
    _wear(node, duration_s)
    record = node.history(2)
    assert (node.state, record["outcome"], record["output_ms"]) == (
        "idle",
        "completed",
        str(duration_s * 1000),
    )
    for place, peak in peaks.items():
        dose = peak * duration_s
        assert node.highest(place) == peak
        assert dose - peak * 1.6 <= node.flowed(place) <= dose
        assert node.flowed(place) - peak * 0.001 <= record.pairs("delivered")[place + 1] <= dose
    assert [place for place in range(4) if node.flowed(place)] == sorted(peaks)


@pytest.mark.parametrize("row", CURRENT, ids=lambda row: row[0])
def test_current_of_the_table_is_delivered_to_the_end_and_never_above_it(
    row: tuple[str, float, float, float, float, float],
) -> None:
    level, frequency_hz, duration_s = round(row[1]), row[3], int(row[4])
    node = Node("wand", step_ms=20)
    node.ramping(peaks={0: level}, duration_s=duration_s, period_us=round(1_000_000 / frequency_hz))
    _wear(node, duration_s)
    record = node.history(2)
    assert (node.state, record["outcome"]) == ("idle", "completed")
    assert node.highest() == level
    assert (
        level * (duration_s - 4)
        <= node.flowed()
        <= record.pairs("delivered")[5]
        <= level * duration_s
    )


def _wear(node: Node, duration_s: int) -> None:
    """Wear it until the end; what never changes would be a broken sensor."""
    for part in range(0, duration_s + 6, 20):
        node.sense(temperature_c=33 + part % 7 / 10)
        node.run(20, renew=ID)


@pytest.mark.parametrize(("place", "ceiling"), [(0, 66_666), (1, 66_666), (2, 33_333), (3, 41_666)])
def test_one_step_above_a_ceiling_of_light_is_no_program(place: int, ceiling: int) -> None:
    assert Node().start(peaks={place: ceiling}, duration_s=60)["reason"] == "ok"
    answer = Node().start(peaks={place: ceiling + 1}, duration_s=60)
    assert (answer["reason"], answer["field"], answer["maximum"]) == (
        "out_of_bounds",
        "peaks_uw_cm2",
        str(ceiling),
    )


def test_one_step_above_a_ceiling_of_current_is_no_program() -> None:
    assert Node("wand").start(peaks={0: 416})["reason"] == "ok"
    answer = Node("wand").start(peaks={0: 417})
    assert (answer["reason"], answer["field"], answer["maximum"]) == (
        "out_of_bounds",
        "peak_ua",
        "416",
    )

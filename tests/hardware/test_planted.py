"""A wrong value in the table is noticed: each one breaks the limit that it should break."""

from dataclasses import replace

import pytest

from hardware import mask_simulations, wand_simulations
from hardware.figures import Report
from hardware.limits import MASK_CUT_OUT_C, WAND_FAULT_UA, WAND_LATCH_UA, WAND_WATCHDOG_MS
from hardware.mask import MASK
from hardware.netlist import Fault
from hardware.parts import Circuit
from hardware.wand import WAND
from hardware.wand_simulations import FEEDBACK_LOST


def planted(circuit: Circuit, reference: str, factor: float) -> Circuit:
    """Return the circuit with one value multiplied."""
    return circuit.having(reference, circuit[reference].value * factor)


def test_half_the_shunt_moves_the_comparator_out_of_its_window() -> None:
    low, high = WAND_LATCH_UA
    assert all(low < one < high for one in wand_simulations.trip(WAND))
    assert not any(low < one < high for one in wand_simulations.trip(planted(WAND, "R13", 0.5)))


def test_half_the_series_shunts_break_the_amplitude() -> None:
    report = Report()
    wand_simulations.accuracy(planted(planted(WAND, "R12", 0.5), "R13", 0.5), report)
    assert not report["slope"].kept


def test_half_the_limiter_breaks_1_ma() -> None:
    wrong = planted(WAND, "R10", 0.5)
    assert wand_simulations.fault_peak(wrong, FEEDBACK_LOST) > WAND_FAULT_UA
    assert wand_simulations.fault_peak(WAND, FEEDBACK_LOST) < WAND_FAULT_UA


def test_a_wrong_difference_resistor_breaks_the_net_current() -> None:
    report = Report()
    wand_simulations.edges(planted(WAND, "R8", 1.02), report)
    assert not report["net"].kept


def test_twice_the_timing_resistor_makes_the_watchdog_gate_late() -> None:
    report = Report()
    wand_simulations.watchdog(planted(WAND, "R45", 2.0), report, draws=0)
    assert min(report["watchdog"].values) > WAND_WATCHDOG_MS[1]
    assert not report["watchdog"].kept


def test_a_latch_without_its_transistor_does_not_hold() -> None:
    outcome = wand_simulations.fault_outcome(WAND, Fault("Q2", "open", "D"))
    assert wand_simulations.found_by(WAND, outcome) == "boot test of the latch"


def test_1_percent_resistors_break_the_thermal_cut_out() -> None:
    poor = replace(
        MASK,
        parts=tuple(
            replace(part, tolerance=0.01) if part.reference in {"R5", "R6", "R7"} else part
            for part in MASK.parts
        ),
    )
    low, high = MASK_CUT_OUT_C
    found = [mask_simulations.cut_out_c(poor, seed) for seed in range(100)]
    spread = max(found) - min(found)
    good = [mask_simulations.cut_out_c(MASK, seed) for seed in range(40)]
    assert spread > 1.3 * (max(good) - min(good))
    assert min(good) > low
    assert max(good) < high


def test_a_wrong_divider_breaks_the_over_voltage_cut() -> None:
    report = Report()
    mask_simulations.light(planted(MASK, "R4", 0.95), report)
    assert not report["over_voltage"].kept


@pytest.mark.parametrize("resistor", ["R30", "R31"])
def test_half_a_string_resistor_breaks_the_ceilings(resistor: str) -> None:
    report = Report()
    mask_simulations.light(planted(MASK, resistor, 0.5), report)
    assert not all(
        report[key].kept for key in ("shorted_red", "shorted_near_infrared", "shorted_all")
    )


def test_a_gate_that_sticks_high_is_seen_at_power_up() -> None:
    report = Report()
    mask_simulations.power_up(MASK, report, (Fault("U6B", "stuck", "out", "v5"),))
    assert not report["power_up"].kept

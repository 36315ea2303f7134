"""The numbers of the guide are those of the simulations."""

from typing import Any

import pytest

from hardware import mask_simulations
from hardware.figures import Report
from hardware.record import load


def _stray(report: Report, recorded: dict[str, Any]) -> list[str]:
    """Return the figures that lie outside the recorded range by more than its noise."""
    found = []
    assert set(report.figures) == set(recorded)
    for key, figure in report.figures.items():
        old = recorded[key]
        slack = 0.05 * (old["max"] - old["min"]) + 0.02 * max(abs(old["max"]), abs(old["min"]))
        slack += 0.02
        if min(figure.values) < old["min"] - slack or max(figure.values) > old["max"] + slack:
            found.append(f"{key}: {figure.row}, recorded {old}")
        assert (figure.low, figure.high) == (old["low"], old["high"]), key
    return found


@pytest.mark.parametrize("section", ["wand", "wand_spread", "mask"])
def test_a_fresh_run_finds_the_recorded_figures(
    section: str, wand: Report, spread: Report, mask: Report
) -> None:
    report = {"wand": wand, "wand_spread": spread, "mask": mask}[section]
    assert _stray(report, load()["figures"][section]) == []


def test_the_5_v_table_is_the_recorded_one() -> None:
    assert [list(row) for row in mask_simulations.five_volts()] == load()["five_volts"]

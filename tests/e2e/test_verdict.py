"""The demo's verdict is green only if three independent measures agree for every channel."""

import json
from pathlib import Path
import subprocess
import sys

import pytest

from tests.real.trial import DURATION_S, LEVELS, Trial, node_doses, planned_doses

REPOSITORY = Path(__file__).resolve().parents[2]


def _trial(**changes: object) -> Trial:
    """Return a good session of the mask, with changes."""
    doses = {1: 0.259, 2: 0.259}
    good: dict[str, object] = {
        "device": "Mask",
        "modality": "mask",
        "program": "manual",
        "outcome": "completed",
        "planned": doses,
        "delivered": doses,
        "witnessed": doses,
    }
    return Trial(**{**good, **changes})  # type: ignore[arg-type]


def test_planned_doses_are_worked_out_by_hand() -> None:
    """14 mW/cm2 for 20 s less 1.5 s of ramp; 100 uA for 20 s less 2.5 s."""
    assert planned_doses("mask", LEVELS["mask"], DURATION_S) == {
        1: pytest.approx(0.259),
        2: pytest.approx(0.259),
    }
    assert planned_doses("wand", LEVELS["wand"], DURATION_S) == {
        5: pytest.approx(0.0291667, rel=1e-5)
    }


def test_doses_of_the_node_are_read_in_their_units() -> None:
    """UJ/cm2 for light, uC for current, nothing for a dash."""
    assert node_doses("mask", "1:259000,2:259001") == {1: 0.259, 2: 0.259001}
    assert node_doses("wand", "5:1750") == {5: pytest.approx(0.0291667, rel=1e-5)}
    assert node_doses("mask", "-") == {}


def test_measures_that_agree_are_green() -> None:
    """One percent apart is within two."""
    assert _trial(witnessed={1: 0.2616, 2: 0.259}).agrees


@pytest.mark.parametrize(
    "changes",
    [
        {"witnessed": {1: 0.259, 2: 0.265}},
        {"delivered": {1: 0.259, 2: 0.265}},
        {"planned": {1: 0.259, 2: 0.253}},
        {"witnessed": {1: 0.000259, 2: 0.000259}},
        {"witnessed": {1: 0.259, 2: 0.259, 3: 0.001}},
        {"witnessed": {1: 0.259}},
        {"witnessed": {}},
        {"delivered": {1: 0.518}},
        {"outcome": "stopped"},
        {"planned": {}, "delivered": {}, "witnessed": {}},
    ],
)
def test_measures_that_differ_are_red(changes: dict[str, object]) -> None:
    """A difference in one channel or measure, an unplanned channel or an early end turns it red."""
    assert not _trial(**changes).agrees


def test_report_has_the_agreed_keys() -> None:
    """Others read it."""
    assert list(_trial().as_json()) == [
        "device",
        "modality",
        "program",
        "outcome",
        "planned",
        "delivered",
        "witnessed",
        "unit",
    ]


def test_demo_that_cannot_run_reports_and_fails(tmp_path: Path) -> None:
    """Without nodes there is a report that says so and an exit code that is not zero."""
    report = tmp_path / "out.json"
    run = subprocess.run(
        [sys.executable, "-m", "tests.real.demo", "--once", "--json", report, "--nodes", tmp_path],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 1
    written = json.loads(report.read_text())
    assert written["ok"] is False
    assert list(written) == ["ok", "versions", "sessions", "timeline"]
    assert "FileNotFoundError" in written["timeline"][-1]["event"]

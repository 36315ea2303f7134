"""The governor under random fire, watched by a model that was written from the contract: `fuzz/`.

A broken rule prints its seed and the last 60 events; `.work/firmware/fuzz-… STEPS SEED` repeats it.
"""

import subprocess
from typing import Final

import pytest

from .fuzzing import CAREFUL, FAST, LONG, Report, build, run

# All of these must occur, so that "no rule was broken" means something.
REASONS: Final = {
    "ok", "wrong_boot", "not_client", "stale", "out_of_bounds", "bad_channel", "bad_session",
    "no_record", "busy", "wrong_state", "faulted", "unseen_session",
    "button_needed", "eye_shield_missing", "not_calibrated", "charging",
    "sensor_not_ready", "too_hot", "store_failed",
    "not_enrolled", "profiles_full", "profile_gap", "dose_day", "dose_week", "sessions_day",
    "sessions_week", "rest", "rest_blue", "brown_out", "too_soon", "wrong_key", "lease_alive",
}  # fmt: skip
OUTCOMES: Final = {
    "commissioned",
    "reset",
    "completed",
    "fault",
    "open",
    "partial",
    "stopped",
    "unclosed",
    "void",
}
FAULTS: Final = {
    "over_temperature",
    "temperature_sensor",
    "worn_stuck",
    "over_current",
    "net_charge",
    "store",
    "output_watchdog",
}


def _floors(report: Report, steps: int) -> None:
    assert report.broken == "", report.text
    assert report.steps >= steps
    assert report.energized >= 30
    assert report.visited >= 200
    assert set(report.counts("reasons")) >= REASONS
    assert set(report.counts("outcomes")) >= OUTCOMES
    assert set(report.counts("faults")) >= FAULTS


def test_no_rule_breaks_in_millions_of_steps(capsys: pytest.CaptureFixture[str]) -> None:
    steps = 100_000_000 if LONG else 5_000_000
    report = run(build(FAST), steps, 1)
    with capsys.disabled():
        print(f"\n{report.text}")  # noqa: T201 - the figures are wanted
    _floors(report, steps)


def test_no_rule_breaks_and_no_byte_is_touched_that_is_not_the_governors() -> None:
    steps = 5_000_000 if LONG else 400_000
    report = run(build(CAREFUL), steps, 1_000_000)
    assert report.broken == "", report.text
    assert report.steps >= steps


def test_the_fuzzer_refuses_what_is_no_number_of_steps() -> None:
    assert subprocess.run([build(FAST)], check=False).returncode == 2

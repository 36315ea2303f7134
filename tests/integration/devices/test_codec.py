"""Lines of the node: what they say in our words, and what is no line."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.facial_therapy.core.model import Modality, ProfileCounters, Reason
from custom_components.facial_therapy.devices import codec

NOW = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)
WINDOWS = {
    "subject": "4711",
    "dose_day": "42000000",
    "dose_week": "120000000",
    "blue_week": "6000000",
    "sessions_day": "1",
    "sessions_week": "3",
    "rest_s": "21600",
    "rest_blue_s": "72000",
}


@pytest.mark.parametrize(
    "reason",
    [
        "dose_day",
        "dose_week",
        "blue_week",
        "sessions_day",
        "sessions_week",
        "rest",
        "rest_blue",
        "profile_gap",
        "brown_out",
        "too_soon",
    ],
)
def test_what_time_cures_says_when(reason: str) -> None:
    refusal = codec.refusal({"reason": reason, "wait_s": "3600"}, NOW)
    assert (refusal.reason, refusal.allowed_at) == (Reason(reason), NOW + timedelta(hours=1))


def test_what_time_does_not_cure_names_no_time() -> None:
    refusal = codec.refusal({"reason": "not_enrolled", "field": "subject"}, NOW)
    assert (refusal.reason, refusal.allowed_at) == (Reason.NOT_ENROLLED, None)


@pytest.mark.parametrize("wait_s", ["soon", "9" * 30, ""])
def test_a_wait_that_is_no_number_is_none(wait_s: str) -> None:
    assert codec.refusal({"reason": "rest", "wait_s": wait_s}, NOW).allowed_at is None


def test_what_remains_of_a_dose_is_told_in_the_units_of_the_person() -> None:
    light = codec.refusal(
        {"reason": "dose_day", "field": "budgets_uj_cm2", "minimum": "1", "maximum": "33333333"},
        NOW,
    )
    assert (light.field, light.unit) == ("channels", "J/cm²")
    assert light.maximum == pytest.approx(33.333333)
    current = codec.refusal(
        {"reason": "dose_day", "field": "budget_uc", "minimum": "1", "maximum": "75000"}, NOW
    )
    assert (current.field, current.unit, current.maximum) == ("current_ua", "mA·min", 1.25)


def test_the_windows_of_a_person_are_light_on_a_mask_and_charge_on_a_wand() -> None:
    assert codec.profile_counters(WINDOWS, Modality.MASK) == ProfileCounters(
        profile=4711,
        fluence_day_j_cm2=42,
        fluence_week_j_cm2=120,
        blue_week_j_cm2=6,
        sessions_day=1,
        sessions_week=3,
        rest_s=21_600,
        rest_blue_s=72_000,
    )
    wand = codec.profile_counters(
        WINDOWS | {"dose_day": "90000", "dose_week": "180000", "blue_week": "0"}, Modality.WAND
    )
    assert (wand.charge_day_ma_min, wand.charge_week_ma_min, wand.fluence_week_j_cm2) == (1.5, 3, 0)


@pytest.mark.parametrize("key", WINDOWS)
@pytest.mark.parametrize("value", [None, "", "x", "1.5"])
def test_windows_that_lack_a_number_are_no_windows(key: str, value: str | None) -> None:
    values = {name: text for name, text in WINDOWS.items() if name != key} | (
        {} if value is None else {key: value}
    )
    with pytest.raises(codec.LineError):
        codec.profile_counters(values, Modality.MASK)


REPORT = {"telemetry": "7", "boot": "1", "uptime_ms": "5000", "state": "armed", "record": "3"}


def test_a_report_says_who_is_enrolled_and_whether_somebody_holds_the_button() -> None:
    report = codec.telemetry(
        REPORT | {"button": "1", "subjects": "4711,2147483647", "needs_button": "1"}, NOW
    )
    assert (report.button, report.profiles, report.needs_button) == (
        True,
        frozenset({4711, 2147483647}),
        True,
    )
    older = codec.telemetry(REPORT, NOW)
    assert (older.button, older.profiles, older.needs_button) == (False, frozenset(), False)


def test_a_report_with_a_subject_that_is_no_number_is_none() -> None:
    with pytest.raises(codec.LineError):
        codec.telemetry(REPORT | {"subjects": "4711,ada"}, NOW)

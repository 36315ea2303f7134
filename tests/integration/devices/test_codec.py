"""Messages of the node: decoded values, and refusals of malformed messages."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.facial_therapy.core.device import ProfileCounters
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.refusal import Reason
from custom_components.facial_therapy.devices import codec

NOW = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)
WINDOWS = {
    "profile": "4711",
    "last_used": "1",
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
    refusal = codec.refusal({"reason": "not_enrolled", "field": "profile"}, NOW)
    assert (refusal.reason, refusal.allowed_at) == (Reason.NOT_ENROLLED, None)


@pytest.mark.parametrize("wait_s", ["soon", "9" * 30, ""])
def test_a_wait_that_is_no_number_is_none(wait_s: str) -> None:
    assert codec.refusal({"reason": "rest", "wait_s": wait_s}, NOW).allowed_at is None


def test_the_rest_of_a_dose_is_reported_in_the_units_of_the_person() -> None:
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
    assert codec.profile_counters(WINDOWS, Modality.MASK, NOW) == ProfileCounters(
        profile=4711,
        fluence_day_j_cm2=42,
        fluence_week_j_cm2=120,
        blue_week_j_cm2=6,
        sessions_day=1,
        sessions_week=3,
        rest_s=21_600,
        rest_blue_s=72_000,
        last_used=True,
        read_at=NOW,
    )
    wand = codec.profile_counters(
        WINDOWS | {"dose_day": "90000", "dose_week": "180000", "blue_week": "0"}, Modality.WAND, NOW
    )
    assert (wand.charge_day_ma_min, wand.charge_week_ma_min, wand.fluence_week_j_cm2) == (1.5, 3, 0)


@pytest.mark.parametrize("key", [key for key in WINDOWS if key != "last_used"])
@pytest.mark.parametrize("value", [None, "", "x", "1.5"])
def test_windows_that_lack_a_number_are_no_windows(key: str, value: str | None) -> None:
    values = {name: text for name, text in WINDOWS.items() if name != key} | (
        {} if value is None else {key: value}
    )
    with pytest.raises(codec.LineError):
        codec.profile_counters(values, Modality.MASK, NOW)


REPORT = {
    "telemetry": "7",
    "boot": "1",
    "uptime_ms": "5000",
    "state": "armed",
    "record": "3",
    "profiles": "2:17",
}


def test_a_report_counts_the_profiles_and_says_whether_somebody_holds_the_button() -> None:
    report = codec.telemetry(REPORT | {"button": "1", "needs_button": "1"}, NOW)
    assert (report.button, report.profiles, report.needs_button) == (True, (2, 17), True)
    assert not codec.telemetry(REPORT, NOW).button


@pytest.mark.parametrize("profiles", ["", "2", "2:", "ada:1", "2:x", "4711,4712"])
def test_a_report_whose_profiles_are_no_numbers_is_none(profiles: str) -> None:
    with pytest.raises(codec.LineError):
        codec.telemetry(REPORT | {"profiles": profiles}, NOW)


def test_a_report_without_profiles_is_none() -> None:
    with pytest.raises(codec.LineError):
        codec.telemetry({key: REPORT[key] for key in REPORT if key != "profiles"}, NOW)


def test_a_reason_against_a_start_is_reported_with_its_time() -> None:
    values = REPORT | {
        "refuses": "faulted:0,profile_gap:412,too_hot:0,moonlight:7",
        "fault": "store",
    }
    refuses = codec.telemetry(values, NOW).refuses
    assert [(refusal.reason, refusal.allowed_at) for refusal in refuses] == [
        (Reason.FAULTED, None),
        (Reason.PROFILE_GAP, NOW + timedelta(seconds=412)),
        (Reason.TOO_HOT, None),
        (Reason.WRONG_STATE, None),
    ]
    assert (refuses[0].detail, refuses[2].maximum, refuses[3].detail) == ("store", 40, "moonlight")
    assert codec.telemetry(REPORT, NOW).refuses == ()
    counters = codec.profile_counters(WINDOWS | {"refuses": "rest:21600"}, Modality.MASK, NOW)
    assert [(refusal.reason, refusal.allowed_at) for refusal in counters.refuses] == [
        (Reason.REST, NOW + timedelta(hours=6))
    ]


@pytest.mark.parametrize("refuses", ["rest", "rest:", "rest:soon", ":", "rest:1;busy:0"])
def test_a_report_whose_refusals_cannot_be_read_is_none(refuses: str) -> None:
    with pytest.raises(codec.LineError):
        codec.telemetry(REPORT | {"refuses": refuses}, NOW)


def test_a_record_says_whether_it_belongs_to_the_named_profile() -> None:
    values = {"entry": "3", "outcome": "completed", "of_profile": "1"}
    assert codec.history_entry(values).of_profile
    assert not codec.history_entry(values | {"of_profile": "0"}).of_profile
    with pytest.raises(codec.LineError):
        codec.history_entry({"entry": "3", "outcome": "completed"})

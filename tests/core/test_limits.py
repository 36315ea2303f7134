"""`core.limits`: the numbers written out a second time, and what must hold among them."""

from datetime import timedelta
import math
from types import MappingProxyType
from typing import Final

import pytest

from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.limits import Bound, Limit
from custom_components.facial_therapy.core.model import Channel, Grade, Modality, SkinType

# name, limit, default minimum, default maximum, hard minimum, hard maximum, unit
TABLE: Final = (
    ("red irradiance", limits.IRRADIANCE[Channel.RED], 0.001, 35, 0.001, 80, "mW/cm²"),
    (
        "near-infrared irradiance",
        limits.IRRADIANCE[Channel.NEAR_INFRARED],
        0.001,
        35,
        0.001,
        80,
        "mW/cm²",
    ),
    ("blue irradiance", limits.IRRADIANCE[Channel.BLUE], 0.001, 20, 0.001, 40, "mW/cm²"),
    ("amber irradiance", limits.IRRADIANCE[Channel.AMBER], 0.001, 20, 0.001, 50, "mW/cm²"),
    ("all channels, irradiance", limits.TOTAL_IRRADIANCE, 0, 70, 0, 120, "mW/cm²"),
    ("E / EL", limits.EXPOSURE_RATIO, 0, 0.30, 0, 0.50, "1"),
    ("mask session", limits.DURATION[Modality.MASK], 1, 600, 1, 1200, "s"),
    ("red fluence", limits.FLUENCE[Channel.RED], 0, 25, 0, 60, "J/cm²"),
    ("near-infrared fluence", limits.FLUENCE[Channel.NEAR_INFRARED], 0, 25, 0, 60, "J/cm²"),
    ("blue fluence", limits.FLUENCE[Channel.BLUE], 0, 15, 0, 30, "J/cm²"),
    ("amber fluence", limits.FLUENCE[Channel.AMBER], 0, 10, 0, 30, "J/cm²"),
    ("all channels, session", limits.FLUENCE_SESSION, 0, 50, 0, 100, "J/cm²"),
    ("all channels, day", limits.FLUENCE_DAY, 0, 50, 0, 100, "J/cm²"),
    ("all channels, week", limits.FLUENCE_WEEK, 0, 200, 0, 300, "J/cm²"),
    ("blue, week", limits.BLUE_WEEK, 0, 45, 0, 90, "J/cm²"),
    ("mask sessions a day", limits.SESSIONS_DAY[Modality.MASK], 0, 1, 0, 2, "1"),
    ("mask sessions a week", limits.SESSIONS_WEEK[Modality.MASK], 0, 4, 0, 7, "1"),
    ("mask ramp", limits.RAMP_S[Modality.MASK], 3, 3, 1, 60, "s"),
    ("PWM", limits.PWM_HZ, 10_000, 40_000, 3_000, 40_000, "Hz"),
    ("mask window", limits.WINDOW_S[Modality.MASK], 1, 60, 1, 1800, "s"),
    ("current", limits.CURRENT, 1, 300, 1, 500, "µA"),
    ("frequency", limits.FREQUENCY, 1, 30, 1, 300, "Hz"),
    ("charge of half a period", limits.HALF_PERIOD_CHARGE, 0, 150, 0, 150, "µC"),
    ("net charge", limits.NET_CHARGE, 0, 10, 0, 10, "µA"),
    ("wand session", limits.DURATION[Modality.WAND], 1, 300, 1, 900, "s"),
    ("zone", limits.ZONE_S, 1, 60, 1, 180, "s"),
    ("charge", limits.CHARGE, 0, 1.5, 0, 7.5, "mA·min"),
    ("wand sessions a day", limits.SESSIONS_DAY[Modality.WAND], 0, 1, 0, 1, "1"),
    ("wand sessions a week", limits.SESSIONS_WEEK[Modality.WAND], 0, 2, 0, 5, "1"),
    ("wand ramp", limits.RAMP_S[Modality.WAND], 5, 5, 2, 60, "s"),
    ("contact", limits.IMPEDANCE_OHM, 500, 15_000, 200, 20_000, "Ω"),
    ("wand window", limits.WINDOW_S[Modality.WAND], 1, 60, 1, 300, "s"),
)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_every_limit_is_the_decided_number(
    row: tuple[str, Limit, float, float, float, float, str],
) -> None:
    _, limit, default_minimum, default_maximum, hard_minimum, hard_maximum, unit = row
    assert (limit.default.minimum, limit.default.maximum) == (default_minimum, default_maximum)
    assert (limit.hard.minimum, limit.hard.maximum) == (hard_minimum, hard_maximum)
    assert limit.default.unit == limit.hard.unit == unit
    assert limit.default.source == limit.hard.source


def test_every_limit_is_in_the_table() -> None:
    tabled = {id(row[1]) for row in TABLE}
    for value in vars(limits).values():
        for limit in value.values() if isinstance(value, MappingProxyType) else (value,):
            assert not isinstance(limit, Limit) or id(limit) in tabled, limit


def test_single_numbers_are_the_decided_ones() -> None:
    assert limits.EXPOSURE_LIMIT == {
        Channel.RED: 200,
        Channel.NEAR_INFRARED: 364,
        Channel.BLUE: 200,
        Channel.AMBER: 200,
    }
    assert limits.FLUENCE_WEEK_OPTION_J_CM2 == 260
    assert limits.SESSIONS_WEEK_MASK_OPTION == 6
    assert (
        limits.CURRENT_START_UA,
        limits.CURRENT_DENSITY_UA_MM2,
        limits.NET_CHARGE_PERIOD_SHARE,
        limits.CONTACTS,
    ) == (50, 20, 0.01, 20)
    assert (limits.SESSIONS_WEEK_WAND_STARTING, limits.STARTING_PHASE) == (3, timedelta(weeks=8))
    assert limits.REST == {
        Modality.MASK: (timedelta(hours=20), timedelta(hours=6)),
        Modality.WAND: (timedelta(hours=44), timedelta(hours=20)),
    }
    assert (limits.REST_BLUE, limits.REST_WAND_STARTING) == (
        (timedelta(hours=48), timedelta(hours=20)),
        timedelta(hours=20),
    )
    assert (limits.DAY_HARD, limits.DAY_DEFAULT) == (timedelta(hours=24), timedelta(hours=20))
    assert (limits.WEEK_HARD, limits.WEEK_DEFAULT) == (timedelta(hours=168), timedelta(hours=160))
    assert (limits.FIRST_SESSIONS, limits.FIRST_SESSIONS_SHARE, limits.COUNTS_FROM_SHARE) == (
        3,
        0.5,
        0.2,
    )
    assert limits.GAP_WAND_TO_MASK == (timedelta(minutes=5), timedelta(minutes=2))
    assert limits.GAP_MASK_TO_WAND == (timedelta(minutes=10), timedelta(minutes=10))
    assert timedelta(minutes=30) == limits.TREATMENT_DAY


def test_calibration_and_skin_are_the_decided_ones() -> None:
    assert limits.UNCERTAINTY == {Grade.MEASURED: 0.20, Grade.DECLARED: 0.50, Grade.NONE: 0.50}
    assert (
        limits.DECLARED_DURATION_S,
        limits.UNCALIBRATED_DURATION_S,
        limits.UNCALIBRATED_FLUENCE_J_CM2,
    ) == (600, 60, 6)
    assert limits.PROGRAM_UNCERTAINTY == 0.20
    assert {skin.value: factor for skin, factor in limits.SKIN_FACTOR.items()} == {
        "i": 1,
        "ii": 1,
        "iii": 1,
        "iv": 0.75,
        "v": 0.5,
        "vi": 0.5,
        "unknown": 0.5,
    }
    assert {SkinType.IV, SkinType.V, SkinType.VI, SkinType.UNKNOWN} == limits.DARK_SKIN


def test_temperature_drive_and_time_are_the_decided_ones() -> None:
    assert (
        limits.TEMPERATURE_WARN_C,
        limits.TEMPERATURE_DERATE_C,
        limits.TEMPERATURE_STOP_C,
        limits.TEMPERATURE_LATCH_C,
    ) == (38, 39, 40, 41)
    assert (
        limits.OFF_BEFORE_ON_S,
        limits.ON_EDGES,
        limits.ON_EDGES_WINDOW_S,
        limits.CUT_OFF_MS,
    ) == (3, 3, 30, 50)
    assert limits.LEASE_S == {Modality.MASK: 10, Modality.WAND: 5}
    assert limits.RENEW_S == {Modality.MASK: 3, Modality.WAND: 1}
    assert limits.CONTACT_WINDOW_S == {Modality.MASK: 20, Modality.WAND: 5}
    assert (limits.KEPT_S, limits.SESSION_LIFE_S, limits.STOP_CONFIRM_S) == (600, 3600, 2)
    assert limits.TELEMETRY_STALE_S == {Modality.MASK: 5, Modality.WAND: 3}
    assert limits.TELEMETRY_IDLE_STALE_S == 30


def test_people_are_the_decided_ones() -> None:
    assert limits.SCREENING_HOLDS == (timedelta(days=90), timedelta(days=180))
    assert (limits.SCREENING_REMINDER, limits.ON_HOLD, limits.DATED_BLOCK_HARD) == (
        timedelta(days=14),
        timedelta(days=14),
        timedelta(days=2),
    )
    assert timedelta(days=182) == limits.ISOTRETINOIN_BLOCK
    assert (limits.REDNESS_LOCK, limits.RED_FLAG_LATCH, limits.ADULT_YEARS) == (
        timedelta(hours=72),
        timedelta(days=7),
        18,
    )


def test_a_lease_is_renewed_three_times_before_it_ends_and_silence_is_noticed_within_it() -> None:
    for modality in Modality:
        assert limits.RENEW_S[modality] * 3 <= limits.LEASE_S[modality]
        assert limits.TELEMETRY_STALE_S[modality] < limits.LEASE_S[modality]


def test_the_count_of_a_session_without_calibration_fits_the_strictest_person() -> None:
    strictest = min(limits.SKIN_FACTOR.values()) * limits.FIRST_SESSIONS_SHARE
    assert (
        strictest * limits.FLUENCE[Channel.RED].default.maximum >= limits.UNCALIBRATED_FLUENCE_J_CM2
    )
    assert strictest * limits.FLUENCE_SESSION.default.maximum >= limits.UNCALIBRATED_FLUENCE_J_CM2


@pytest.mark.parametrize(
    ("value", "inside"),
    [
        (-1, False),
        (0.999, False),
        (1, True),
        (1.5, True),
        (2, True),
        (2.001, False),
        (math.nan, False),
        (math.inf, False),
    ],
)
def test_a_bound_includes_both_ends_and_no_nan(value: float, *, inside: bool) -> None:
    assert Bound(minimum=1, maximum=2, unit="1", source="L1").contains(value) is inside


@pytest.mark.parametrize(
    ("default", "hard"),
    [((0, 5), (0, 4)), ((0, 5), (1, 9)), ((5, 4), (0, 9)), ((0, math.nan), (0, 9))],
)
def test_a_default_outside_its_hard_bound_cannot_be_written_down(
    default: tuple[float, float], hard: tuple[float, float]
) -> None:
    inner, outer = (
        Bound(minimum=low, maximum=high, unit="1", source="L99") for low, high in (default, hard)
    )
    with pytest.raises(ValueError, match="L99: default outside the hard bound"):
        Limit(default=inner, hard=outer)

"""Bounds of a start command. Expected numbers are written by hand, none is read from firmware."""

from typing import Any

import pytest

from .library import AMBER, BLUE, NEAR_INFRARED, RED, Node

MOST = 2**31 - 1

COMMON: dict[str, tuple[int, int]] = {
    "profile": (1, MOST),
    "skin_permille": (1, 1000),
    "epoch_s": (1, MOST),
}
MASK: dict[str, tuple[int, int]] = {
    **COMMON,
    "duration_s": (1, 1200),
    "lease_ms": (1000, 10_000),
    "window_s": (1, 1800),
}
WAND: dict[str, tuple[int, int]] = {
    **COMMON,
    "duration_s": (1, 900),
    "lease_ms": (1000, 5000),
    "window_s": (1, 300),
}


def _cases() -> list[Any]:
    cases = []
    for modality, bounds in (("mask", MASK), ("wand", WAND)):
        for field, (minimum, maximum) in bounds.items():
            values = {0, -1, minimum - 1, maximum + 1, MOST, -(2**31)}
            cases += [
                pytest.param(modality, field, value, id=f"{modality}-{field}-{value}")
                for value in sorted(values)
                if not minimum <= value <= maximum and value <= MOST
            ]
    return cases


@pytest.mark.parametrize(("modality", "field", "value"), _cases())
def test_an_argument_outside_its_bounds_is_refused_by_name(
    modality: str, field: str, value: int
) -> None:
    node = Node(modality)
    minimum, maximum = (MASK if modality == "mask" else WAND)[field]
    bent: dict[str, Any] = {field: value}
    answer = node.start(**bent)
    assert answer["reason"] == "out_of_bounds"
    assert (answer["field"], answer.number("minimum"), answer.number("maximum")) == (
        field,
        minimum,
        maximum,
    )
    assert (node.state, node.newest, node.dark) == ("idle", 1, True)


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_the_bounds_themselves_are_accepted(modality: str) -> None:
    for field, bounds in (MASK if modality == "mask" else WAND).items():
        for value in bounds:
            bent: dict[str, Any] = {field: value, "peaks": {0: 50}, "budgets": {0: 1000}}
            assert Node(modality).start(**bent)["reason"] == (
                "not_enrolled" if field == "profile" else "ok"
            )


@pytest.mark.parametrize(
    "session",
    [
        "",
        "0",
        "0000000000000000",
        "00000000000000C1",
        "00000000000000c",
        "00000000000000c11",
        "zz000000000000c1",
    ],
)
@pytest.mark.parametrize("action", ["start", "set_levels", "renew", "pause", "resume"])
def test_a_session_id_is_16_lower_case_hex_digits(session: str, action: str) -> None:
    node = Node()
    if action != "start":
        node.armed()
    arguments = ({0: 1},) if action == "set_levels" else ()
    assert node.command(action, *arguments, session=session)["reason"] == "bad_session"


@pytest.mark.parametrize("value", [0, -1, -(2**31)])
def test_a_last_record_below_one_is_out_of_bounds_and_a_wrong_one_is_unseen(value: int) -> None:
    assert Node().start(last_record=value)["field"] == "last_record"
    assert Node().start(last_record=2)["reason"] == "unseen_session"
    assert Node().start(last_record=MOST)["reason"] == "unseen_session"


@pytest.mark.parametrize(
    ("place", "maximum"),
    # Hard ceilings 80, 80, 40, 50 mW/cm2, worst case with U = 0.20.
    [(RED, 66_666), (NEAR_INFRARED, 66_666), (BLUE, 33_333), (AMBER, 41_666)],
)
def test_a_peak_one_past_its_worst_case_ceiling_is_refused(place: int, maximum: int) -> None:
    for value in (maximum + 1, 80_001, MOST):
        answer = Node().start(peaks={place: value}, budgets={place: 1000})
        assert (answer["reason"], answer["field"]) == ("out_of_bounds", "peaks_uw_cm2")
        assert (answer.number("minimum"), answer.number("maximum"), answer.number("channel")) == (
            1,
            maximum,
            place + 1,
        )
    for value in (0, -1, -(2**31)):
        answer = Node().start(peaks={place: value}, budgets={place: 1000})
        assert (answer["reason"], answer["field"], answer.number("maximum")) == (
            "out_of_bounds",
            "peaks_uw_cm2",
            maximum,
        )
    assert Node().start(peaks={place: maximum}, budgets={place: 1000})["reason"] == "ok"


@pytest.mark.parametrize(
    ("place", "maximum"),
    [(RED, 50_000_000), (NEAR_INFRARED, 50_000_000), (BLUE, 25_000_000), (AMBER, 25_000_000)],
)
def test_a_budget_one_past_its_worst_case_ceiling_is_refused(place: int, maximum: int) -> None:
    for value in (maximum + 1, MOST, 0, -1, -(2**31)):
        answer = Node().start(peaks={place: 1000}, budgets={place: value})
        assert (answer["reason"], answer["field"], answer.number("maximum")) == (
            "out_of_bounds",
            "budgets_uj_cm2",
            maximum,
        )
    assert Node().start(peaks={place: 1000}, budgets={place: maximum})["reason"] == "ok"


def test_the_skin_factor_scales_irradiance_and_fluence() -> None:
    assert (
        Node().start(skin_permille=500, peaks={RED: 33_333}, budgets={RED: 25_000_000})["reason"]
        == "ok"
    )
    assert (
        Node().start(skin_permille=500, peaks={RED: 33_334}, budgets={RED: 1000}).number("maximum")
        == 33_333
    )
    assert (
        Node()
        .start(skin_permille=500, peaks={RED: 1000}, budgets={RED: 25_000_001})
        .number("maximum")
        == 25_000_000
    )


def test_all_channels_together_stay_below_their_worst_case_total() -> None:
    # 120 mW/cm2 worst case is 100 nominal; red and near-infrared have the smaller sum of E/EL.
    peaks = {RED: 20_000, NEAR_INFRARED: 66_000, BLUE: 1000, AMBER: 13_000}
    budgets = dict.fromkeys(peaks, 1000)
    assert Node().start(peaks=peaks, budgets=budgets)["reason"] == "ok"
    answer = Node().start(peaks={**peaks, AMBER: 13_001}, budgets=budgets)
    assert (answer["field"], answer.number("maximum"), answer.number("channel")) == (
        "peaks_uw_cm2",
        13_000,
        4,
    )


def test_the_sum_of_e_over_el_stays_below_one_half() -> None:
    # Without near-infrared (EL 364) every channel has EL 200. A worst case of 0.5 is then a nominal
    # total of 83.333 mW/cm2; the limit of 100 is not reached.
    peaks = {RED: 50_000, BLUE: 33_333}
    assert Node().start(peaks=peaks, budgets=dict.fromkeys(peaks, 1000))["reason"] == "ok"
    answer = Node().start(peaks={RED: 50_001, BLUE: 33_333}, budgets=dict.fromkeys(peaks, 1000))
    assert (
        answer["reason"],
        answer["field"],
        answer.number("channel"),
        answer.number("maximum"),
    ) == ("out_of_bounds", "peaks_uw_cm2", 3, 33_332)
    # 1.2 (40/200 + 40/364 + x/200) = 0.5 leaves x = 21.355. The total of 100 leaves only 20.
    peaks = {RED: 40_000, NEAR_INFRARED: 40_000, AMBER: 20_000}
    assert Node().start(peaks=peaks, budgets=dict.fromkeys(peaks, 1000))["reason"] == "ok"
    # 1.2 (60/200 + 10/364 + x/200) = 0.5 leaves x = 17.838.
    peaks = {RED: 60_000, NEAR_INFRARED: 10_000, BLUE: 17_838}
    assert Node().start(peaks=peaks, budgets=dict.fromkeys(peaks, 1000))["reason"] == "ok"
    assert (
        Node()
        .start(peaks={**peaks, BLUE: 17_839}, budgets=dict.fromkeys(peaks, 1000))
        .number("maximum")
        == 17_838
    )


def test_all_budgets_together_stay_below_their_worst_case_total() -> None:
    peaks = {RED: 1000, NEAR_INFRARED: 1000}
    # 100 J/cm2 worst case is 83.333333 nominal.
    assert (
        Node().start(peaks=peaks, budgets={RED: 50_000_000, NEAR_INFRARED: 33_333_333})["reason"]
        == "ok"
    )
    answer = Node().start(peaks=peaks, budgets={RED: 50_000_000, NEAR_INFRARED: 33_333_334})
    assert (answer["field"], answer.number("maximum"), answer.number("channel")) == (
        "budgets_uj_cm2",
        33_333_333,
        2,
    )


def test_tighter_limits_of_the_node_hold() -> None:
    node = Node(peaks_uw_cm2=(10_000, 0, 0, 0), full_uw_cm2=(80_000, 0, 0, 0), duration_s=30)
    assert node.start(peaks={RED: 10_001}, budgets={RED: 1000}).number("maximum") == 10_000
    assert node.start(duration_s=31).number("maximum") == 30
    assert (
        node.start(peaks={NEAR_INFRARED: 1}, budgets={NEAR_INFRARED: 1})["reason"] == "bad_channel"
    )


def test_a_peak_above_full_drive_is_refused() -> None:
    assert (
        Node(full_uw_cm2=(5000, 0, 0, 0))
        .start(peaks={RED: 5001}, budgets={RED: 1000})
        .number("maximum")
        == 5000
    )


@pytest.mark.parametrize(
    ("channels", "peaks", "budgets"),
    [
        ([], [], []),
        ([1, 1], [1, 1], [1, 1]),
        ([0], [1], [1]),
        ([5], [1], [1]),
        ([-1], [1], [1]),
        ([2**31 - 1], [1], [1]),
        ([1], [1, 1], [1]),
        ([1], [1], [1, 1]),
        ([1], [], []),
        ([1, 2, 3, 4, 1], [1] * 5, [1] * 5),
    ],
)
def test_a_list_of_channels_that_does_not_fit_is_refused(
    channels: list[int], peaks: list[int], budgets: list[int]
) -> None:
    answer = Node().start(channels=channels, peaks=peaks, budgets=budgets)
    assert (answer["reason"], answer["field"]) == ("bad_channel", "channels")


# --- the wand -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "bent", "bounds"),
    [
        # 500 uA worst case with U = 0.20 is 416 nominal; 450 000 uC worst case is 375 000 nominal.
        *(
            ("peak_ua", {"peaks": {0: value}, "budgets": {0: 1000}}, (1, 416))
            for value in (0, -1, 417, 501, MOST, -(2**31))
        ),
        *(
            ("budget_uc", {"budgets": {0: value}}, (1, 375_000))
            for value in (0, -1, 375_001, 450_001, MOST)
        ),
        *(("zone_s", {"zone_s": value}, (1, 180)) for value in (0, -1, 181, MOST)),
        *(
            ("period_us", {"period_us": value}, (3334, 1_000_000))
            for value in (0, -1, 3333, 1_000_001, MOST)
        ),
    ],
)
def test_a_number_of_the_wand_outside_its_bounds_is_refused(
    field: str, bent: dict[str, Any], bounds: tuple[int, int]
) -> None:
    answer = Node("wand").start(**bent)
    assert (
        answer["reason"],
        answer["field"],
        (answer.number("minimum"), answer.number("maximum")),
    ) == ("out_of_bounds", field, bounds)


def test_a_half_period_carries_at_most_150_uc() -> None:
    # Worst case: 250 x 1.2 uA x 0.5 s = 150 uC, exactly the ceiling.
    assert (
        Node("wand").start(peaks={0: 250}, budgets={0: 1000}, period_us=1_000_000)["reason"] == "ok"
    )
    answer = Node("wand").start(peaks={0: 251}, budgets={0: 1000}, period_us=1_000_000)
    assert (answer["field"], answer.number("maximum")) == ("period_us", 996_015)
    assert (
        Node("wand").start(peaks={0: 251}, budgets={0: 1000}, period_us=996_015)["reason"] == "ok"
    )


@pytest.mark.parametrize(
    ("area_mm2", "maximum"), [(10, 166), (1, 16), (24, 400), (25, 416), (10_000, 416)]
)
def test_the_current_follows_the_contact_area(area_mm2: int, maximum: int) -> None:
    node = Node("wand", contact_area_mm2=area_mm2)
    assert node.description().pairs("peaks") == {5: maximum}
    assert node.start(peaks={0: maximum + 1}, budgets={0: 1000}).number("maximum") == maximum
    assert node.start(peaks={0: maximum}, budgets={0: 1000}, period_us=3334)["reason"] == "ok"


def test_a_tighter_current_of_the_wand_holds() -> None:
    assert Node("wand", current_ua=120).start(peaks={0: 121}).number("maximum") == 120


# --- calibration and eye shield -------------------------------------------------------------------


def test_a_measured_node_claims_no_less_than_20_percent() -> None:
    assert Node(uncertainty_permille=1).description().number("uncertainty_permille") == 200
    assert (
        Node(uncertainty_permille=1).start(peaks={RED: 66_667}, budgets={RED: 1000})["reason"]
        == "out_of_bounds"
    )
    assert (
        Node(uncertainty_permille=600)
        .start(peaks={RED: 50_001}, budgets={RED: 1000})
        .number("maximum")
        == 50_000
    )


def test_a_declared_node_counts_one_and_a_half_times_for_at_most_10_min() -> None:
    node = Node(grade="declared", uncertainty_permille=0)
    assert node.description().number("uncertainty_permille") == 500
    assert node.start(peaks={RED: 53_334}, budgets={RED: 1000}).number("maximum") == 53_333
    assert node.start(duration_s=601).number("maximum") == 600
    assert node.start(duration_s=600, peaks={RED: 53_333}, budgets={RED: 1000})["reason"] == "ok"


def test_an_uncalibrated_node_has_red_only_for_one_minute_and_6_j() -> None:
    node = Node(
        grade="none",
        uncertainty_permille=0,
        full_uw_cm2=(100_000, 0, 0, 0),
        peaks_uw_cm2=(100_000, 0, 0, 0),
    )
    assert node.start(duration_s=61).number("maximum") == 60
    assert node.start(duration_s=60, budgets={RED: 4_000_001}).number("maximum") == 4_000_000
    assert node.start(duration_s=60, budgets={RED: 4_000_000})["reason"] == "ok"
    everything = Node(grade="none", uncertainty_permille=0)
    for place in (NEAR_INFRARED, BLUE, AMBER):
        assert (
            everything.start(peaks={place: 1000}, budgets={place: 1000})["reason"]
            == "not_calibrated"
        )
    assert Node("wand", grade="none").start()["reason"] in {"not_calibrated", "out_of_bounds"}


def test_without_an_eye_shield_there_is_no_near_infrared_and_no_blue() -> None:
    for place in (NEAR_INFRARED, BLUE):
        assert (
            Node(eye_shield="none").start(
                peaks={RED: 1000, place: 1000}, budgets={RED: 1000, place: 1000}
            )["reason"]
            == "eye_shield_missing"
        )
        assert (
            Node(eye_shield="sensed")
            .sense(shield=False)
            .tick()
            .start(peaks={place: 1000}, budgets={place: 1000})["reason"]
            == "eye_shield_missing"
        )
        assert (
            Node(eye_shield="sensed").start(peaks={place: 1000}, budgets={place: 1000})["reason"]
            == "ok"
        )
    for place in (RED, AMBER):
        assert (
            Node(eye_shield="none").start(peaks={place: 1000}, budgets={place: 1000})["reason"]
            == "ok"
        )


def test_a_sensed_eye_shield_that_falls_off_takes_the_light_with_it() -> None:
    node = Node(eye_shield="sensed").running(peaks={BLUE: 1000}, budgets={BLUE: 100_000})
    node.sense(shield=False).tick()
    assert (node.state, node.dark) == ("suspended", True)


# --- levels ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0, -1, 20_001, MOST, -(2**31)])
def test_a_level_beyond_the_peak_of_start_is_refused_and_changes_nothing(value: int) -> None:
    node = Node().running()
    answer = node.set_levels({RED: value})
    assert (answer["reason"], answer["field"], answer.number("maximum")) == (
        "out_of_bounds",
        "levels_uw_cm2",
        20_000,
    )
    assert node.tick().level() == 20_000
    wand = Node("wand").running()
    answer = wand.set_levels({0: value if value != 20_001 else 101})
    assert (answer["reason"], answer["field"], answer.number("maximum")) == (
        "out_of_bounds",
        "level_ua",
        100,
    )
    assert wand.tick().level() == 100


@pytest.mark.parametrize(
    ("channels", "levels"),
    [([], []), ([1, 1], [1, 1]), ([2], [1]), ([7], [1]), ([1], [1, 2]), ([0], [1])],
)
def test_levels_of_channels_that_the_session_has_not_are_refused(
    channels: list[int], levels: list[int]
) -> None:
    answer = Node().running().set_levels({}, channels=channels, levels=levels)
    assert (answer["reason"], answer["field"]) == ("bad_channel", "channels")

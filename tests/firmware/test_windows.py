"""A person's remaining dose: day, week and rest. Expected numbers are written by hand."""

from typing import Any

import pytest

from .library import AMBER, BLUE, NEAR_INFRARED, OTHER, PROFILE, RED, Node
from .wire import Line

HOUR = 3600
DAY = 24 * HOUR
WEEK = 7 * DAY


def session(node: Node, number: int, *, seconds: float | None = None, **bent: Any) -> Line:
    """Run a session to its end, or for some seconds of output, and take the device off.

    Returns:
        The record of the session.
    """
    name = f"{number + 0x100:016x}"
    node.touch(on=False)
    node.run(31)  # the last light is no flicker any more
    node.armed(session=name, **bent)
    node.touch()
    node.run(seconds if seconds is not None else bent.get("duration_s", 10) + 20, renew=name)
    if seconds is not None:
        node.stop()
    assert node.state == "idle"
    node.touch(on=False)
    return node.history(node.newest)


def light(j_cm2: float, **more: Any) -> dict[str, Any]:
    """Return a session of this worst-case fluence (U is 0.2), half red and half near-infrared."""
    half = int(j_cm2 * 1_000_000 / 1.2 / 2)
    return {
        "peaks": dict.fromkeys((RED, NEAR_INFRARED), 20_000),
        "budgets": dict.fromkeys((RED, NEAR_INFRARED), half),
        "duration_s": 1200,
        **more,
    }


def cut(node: Node, number: int, **bent: Any) -> None:
    """Arm a session and cut the power: the node charges all of it."""
    node.touch(on=False)
    node.armed(session=f"{number + 0x100:016x}", **bent)
    node.boot()
    node.touch(on=False)


# --- counted doses --------------------------------------------------------------------------------


def test_a_session_counts_in_full_while_it_is_open_and_as_delivered_afterwards() -> None:
    node = Node().armed(
        peaks={RED: 20_000, BLUE: 10_000}, budgets={RED: 400_000, BLUE: 200_000}, duration_s=20
    )
    opened = node.profile()
    assert (opened["dose_day"], opened["blue_week"], opened["sessions_day"]) == (
        "720000",
        "240000",
        "1",
    )
    node.touch()
    node.run(40, renew="00000000000000c1")
    record = node.history(2)
    closed = node.profile()
    delivered = sum(record.pairs("delivered").values())
    assert closed.number("dose_day") == -(-delivered * 12 // 10) < 720_000
    assert closed.number("dose_day") >= 1.2 * (node.flowed(RED) + node.flowed(BLUE))
    assert (closed["sessions_day"], closed["sessions_week"], closed["dose_week"]) == (
        "1",
        "1",
        closed["dose_day"],
    )
    assert 21_570 < closed.number("rest_s") <= 21_601
    assert 71_970 < closed.number("rest_blue_s") <= 72_001


def test_a_void_session_counts_nothing() -> None:
    node = Node().armed(duration_s=600)
    node.stop()
    assert {
        node.profile()[key]
        for key in ("dose_day", "dose_week", "sessions_day", "sessions_week", "rest_s")
    } == {"0"}


@pytest.mark.parametrize(("seconds", "counts"), [(13, 0), (14, 1)])
def test_below_20_percent_of_its_plan_it_counts_its_dose_but_neither_as_session_nor_for_rest(
    seconds: float, counts: int
) -> None:
    node = Node()
    record = session(
        node,
        1,
        seconds=seconds,
        peaks={RED: 20_000, BLUE: 20_000},
        budgets={RED: 1_200_000, BLUE: 1_200_000},
        duration_s=60,
    )
    share = sum(record.pairs("delivered").values()) / 2_400_000
    assert (share >= 0.2) == bool(counts)
    windows = node.profile()
    assert windows.number("dose_day") == pytest.approx(share * 2_400_000 * 1.2, rel=0.001)
    assert (
        windows.number("sessions_week"),
        windows.number("rest_s") > 0,
        windows.number("rest_blue_s") > 0,
    ) == (counts, counts == 1, counts == 1)


def test_a_budget_that_cannot_be_reached_makes_no_session_uncounted() -> None:
    node = Node()
    session(node, 1, peaks={RED: 1000}, budgets={RED: 20_000_000}, duration_s=20)
    assert node.profile()["sessions_day"] == "1"


def test_light_without_a_calibration_counts_6_j_cm2_as_soon_as_it_has_flowed() -> None:
    node = Node(grade="none", full_uw_cm2=(100_000, 0, 0, 0), peaks_uw_cm2=(100_000, 0, 0, 0))
    session(node, 1, seconds=5, peaks={RED: 10_000}, budgets={RED: 600_000}, duration_s=60)
    assert node.profile()["dose_day"] == "6000000"


def test_a_cut_at_any_moment_counts_everything() -> None:
    for state in ("armed", "ramping", "running"):
        node = Node()
        getattr(node, state)(duration_s=60, peaks={RED: 10_000}, budgets={RED: 600_000})
        node.boot()
        windows = node.profile()
        assert (windows["dose_day"], windows["sessions_day"], windows["rest_s"]) == (
            "720000",
            "1",
            "21601",
        ), state


def test_a_cut_counts_from_the_reboot_also_when_age_was_stored_in_the_session() -> None:
    node = Node().running(
        peaks={RED: 10_000, BLUE: 10_000}, budgets={RED: 9_000_000, BLUE: 9_000_000}, duration_s=900
    )
    node.run(300, renew="00000000000000c1")
    node.pause()
    assert node.enroll(8)["reason"] == "ok"  # which stores
    node.boot()
    windows = node.profile()
    assert (windows["rest_s"], windows["rest_blue_s"]) == ("21601", "72001")
    assert node.profile(8)["rest_s"] == "0"


# --- ceilings -------------------------------------------------------------------------------------


def test_a_day_holds_100_j_cm2() -> None:
    node = Node()
    cut(node, 1, **light(60))
    node.wait(6 * HOUR + 60)
    answer = node.start("00000000000000d2", **light(40.01))
    assert (answer["reason"], answer["field"], answer["maximum"]) == (
        "dose_day",
        "budgets_uj_cm2",
        "33333333",
    )
    assert answer.number("wait_s") == pytest.approx(18 * HOUR - 60, abs=60)
    assert node.start("00000000000000d2", **light(39.99))["reason"] == "ok"
    node.stop()
    node.wait(answer.number("wait_s"))
    assert node.start("00000000000000d3", **light(100))["reason"] == "ok"


@pytest.mark.parametrize("skin_permille", [1000, 750, 500])
def test_the_ceilings_of_light_are_scaled_by_the_skin(skin_permille: int) -> None:
    node = Node()
    cut(node, 1, **light(30))
    node.wait(7 * HOUR)
    room = skin_permille / 10 - 30
    answer = node.start("00000000000000d2", skin_permille=skin_permille, **light(room + 0.01))
    assert answer["reason"] == "dose_day"
    assert answer.number("maximum") == pytest.approx(room * 1e6 / 1.2, abs=2)
    assert (
        node.start("00000000000000d2", skin_permille=skin_permille, **light(room - 0.01))["reason"]
        == "ok"
    )


def test_a_week_holds_300_j_cm2() -> None:
    node = Node()
    for day in range(3):
        cut(node, day, **light(99))
        node.wait(25 * HOUR)
    answer = node.start("00000000000000d2", **light(3.01))
    assert (answer["reason"], answer["maximum"]) == ("dose_week", "2500000")
    assert answer.number("wait_s") == pytest.approx(WEEK - 75 * HOUR, abs=400)
    assert node.start("00000000000000d2", **light(2.99))["reason"] == "ok"


def test_a_week_holds_90_j_cm2_of_blue() -> None:
    node = Node()
    for day in range(3):
        cut(node, day, peaks={BLUE: 20_000}, budgets={BLUE: 24_000_000}, duration_s=1200)
        node.wait(25 * HOUR)
    answer = node.start(
        "00000000000000d2", peaks={BLUE: 20_000}, budgets={BLUE: 4_000_000}, duration_s=1200
    )
    assert (answer["reason"], answer["maximum"]) == ("blue_week", "3000000")
    assert (
        node.start(
            "00000000000000d2", peaks={AMBER: 20_000}, budgets={AMBER: 4_000_000}, duration_s=1200
        )["reason"]
        == "ok"
    )


def test_a_day_holds_2_sessions_of_a_mask_and_a_week_7() -> None:
    node = Node()
    ends: list[float] = []
    for number in range(12):
        cut(node, number, **light(1))
        ends.append(node.uptime_ms / 1000)
        answer = node.start("00000000000000d2", **light(1))
        allowed = [
            (ends[-1] + 6 * HOUR, "rest"),
            *((ends[-count] + span, reason) for count, span, reason in KEPT if len(ends) >= count),
        ]
        at_s = max(allowed)[0]
        reason = answer["reason"]
        assert reason in {name for end_s, name in allowed if end_s > at_s - 3}
        assert answer.number("wait_s") == pytest.approx(at_s - ends[-1], abs=3)
        node.wait(answer.number("wait_s") - 5)
        assert node.start("00000000000000d2", **light(1))["reason"] == reason
        node.wait(5)
    assert ends[7] - ends[0] >= WEEK


KEPT = ((2, DAY, "sessions_day"), (7, WEEK, "sessions_week"))
"""How many sessions a window holds."""


def test_a_wand_holds_a_charge_of_7_5_ma_min_a_day_and_5_sessions_a_week_20_hours_apart() -> None:
    node = Node("wand")
    plan = {"peaks": {0: 400}, "budgets": {0: 300_000}, "duration_s": 900}
    for number in range(5):
        cut(node, number, **plan)
        answer = node.start("00000000000000d2", **plan)
        assert answer["reason"] == ("sessions_week" if number == 4 else "dose_day")
        rested = node.start("00000000000000d2", peaks={0: 50}, budgets={0: 1000}, duration_s=60)
        assert rested["reason"] == ("sessions_week" if number == 4 else "rest")
        if number < 4:
            assert rested.number("wait_s") == 20 * HOUR + 1
        node.wait(rested.number("wait_s"))
        answer = node.start("00000000000000d2", **plan)
        if number < 4:
            assert (answer["reason"], answer["field"], answer["maximum"]) == (
                "dose_day",
                "budget_uc",
                "75000",
            )
            node.wait(answer.number("wait_s"))
        else:
            assert answer["reason"] == "ok"


def test_rest_is_6_hours_and_20_after_blue_before_blue() -> None:
    node = Node()
    cut(node, 1, peaks={BLUE: 20_000}, budgets={BLUE: 1_000_000}, duration_s=60)
    answer = node.start("00000000000000d2")
    assert (answer["reason"], answer["wait_s"], "field" in answer) == ("rest", "21601", False)
    node.wait(6 * HOUR + 1)
    answer = node.start("00000000000000d2", peaks={BLUE: 20_000}, duration_s=60)
    assert (answer["reason"], answer["wait_s"]) == ("rest_blue", "50400")
    assert node.start("00000000000000d2", peaks={RED: 20_000})["reason"] == "ok"
    node.stop()
    node.wait(14 * HOUR)
    assert node.start("00000000000000d3", peaks={BLUE: 20_000}, duration_s=60)["reason"] == "ok"


def test_the_reason_that_lasts_longest_is_the_one_reported() -> None:
    node = Node()
    for number in range(7):
        cut(node, number, **light(14))
        node.wait(12 * HOUR + 60)
    answer = node.start("00000000000000d2", **light(100))  # day, sessions of the week
    assert (answer["reason"], answer.number("wait_s") > DAY) == ("sessions_week", True)


def test_everybody_has_windows_of_their_own() -> None:
    node = Node()
    node.enroll(5)
    cut(node, 1, **light(100))
    node.run(602)
    assert node.start("00000000000000d2", profile=PROFILE)["reason"] in {"dose_day", "rest"}
    assert node.start("00000000000000d2", profile=5, **light(100))["reason"] == "ok"


def test_an_adopted_session_is_not_counted_again() -> None:
    node = Node().running(
        duration_s=1200, **{key: value for key, value in light(100).items() if key != "duration_s"}
    )
    before = dict(node.profile())
    node.connect(OTHER)
    assert node.state == "suspended"
    assert node.adopt(client=OTHER)["reason"] == "ok"
    assert node.resume(client=OTHER)["reason"] == "ok"
    after = dict(node.profile(client=OTHER))
    assert [after[key] for key in ("dose_day", "dose_week", "sessions_day")] == [
        before[key] for key in ("dose_day", "dose_week", "sessions_day")
    ]
    assert after["sessions_day"] == "1"


# --- bounded, and conservative when full ----------------------------------------------------------


def test_more_than_16_small_doses_in_a_week_lose_nothing_and_none_of_them_early() -> None:
    node = Node()
    given: list[tuple[int, float]] = []
    for number in range(24):
        record = session(
            node, number, seconds=5, peaks={RED: 20_000}, budgets={RED: 24_000_000}, duration_s=1200
        )
        given.append((node.real_ms, record.pairs("delivered")[1] * 1.2))
        node.wait(2 * HOUR)
        assert node.profile().number("dose_week") == pytest.approx(
            sum(dose for _, dose in given), abs=24
        )
    for _ in range(90):
        node.wait(2 * HOUR)
        for key, window_s in (("dose_day", DAY), ("dose_week", WEEK)):
            assert node.profile().number(key) >= sum(
                dose for end_ms, dose in given if node.real_ms - end_ms < window_s * 1000
            )
    assert node.profile()["dose_week"] == "0"


def test_the_governor_fits_into_a_small_processor() -> None:
    assert Node.size() < 32_000

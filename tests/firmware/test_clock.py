"""The age of a node. Time without power counts only if a battery or a person vouches for it."""

import pytest

from .library import EPOCH_S, RED, Node

ID = "00000000000000c1"
NEXT = "00000000000000d2"
HOUR = 3600


def rested(node: Node) -> int:
    """How much rest a node still wants before the next session, s."""
    return node.profile().number("rest_s")


def treated(modality: str = "mask", **more: int) -> Node:
    """A node that has given a session in full, and is off the skin."""
    node = Node(modality).armed(duration_s=20)
    node.touch()
    node.run(45, renew=ID)
    assert node.history(2)["outcome"] == "completed"
    return node.touch(on=False).sense(**more)


def switched_off(node: Node, seconds: int) -> Node:
    """Shut a node down, cut its power for a while, and boot it with a new millisecond clock."""
    node.shut_down()
    node.stall(seconds * 1000)
    return node.boot().touch(on=False)


# --- the oscillator -------------------------------------------------------------------------------


def test_age_goes_on_while_the_node_is_on_also_across_a_wrap_of_its_milliseconds() -> None:
    node = Node(now_ms=2**32 - 120_000).armed(duration_s=20)
    node.touch()
    node.run(45, renew=ID)
    node.touch(on=False)
    before = rested(node)
    node.wait(3 * HOUR)
    assert before - 3 * HOUR - 1 <= rested(node) <= before - 3 * HOUR + 1


def test_age_is_stored_once_an_hour_when_idle_and_at_an_orderly_end_and_not_more_often() -> None:
    node = treated()
    saves = node.saves
    node.wait(24 * HOUR)
    assert node.saves - saves == 24
    assert node.saves_while_on == 0
    node.wait(1800)
    node.shut_down()
    assert node.saves - saves == 25


@pytest.mark.parametrize("hours", [0.5, 1.5, 5.9])
def test_a_cut_costs_at_most_an_hour_of_age_and_never_adds_any(hours: float) -> None:
    node = treated()
    before = rested(node)
    node.wait(hours * HOUR)
    running = rested(node)
    node.boot()
    assert running <= rested(node) <= min(before, running + HOUR) + 60


def test_a_store_that_fails_when_idle_latches() -> None:
    node = treated().store(fail=True)
    node.wait(HOUR + 60)
    assert node.telemetry()["fault"] == "store"


# --- switched off, without a clock of its own -----------------------------------------------------


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_time_switched_off_counts_for_nothing_by_itself(modality: str) -> None:
    node = switched_off(treated(modality), 30 * HOUR)
    answer = node.start(NEXT)
    assert answer["reason"] == "rest"
    assert answer.number("wait_s") > (5 if modality == "mask" else 19) * HOUR


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_a_caller_may_say_how_long_it_was_but_a_person_has_to_press_the_button(
    modality: str,
) -> None:
    node = switched_off(treated(modality), 30 * HOUR)
    assert node.start(NEXT, epoch_s=EPOCH_S + 31 * HOUR, window_s=300)["reason"] == "ok"
    assert node.telemetry()["needs_button"] == "1"
    node.touch()
    node.run(20, renew=NEXT)
    assert (node.state, node.dark, node.output_ms < 25_000) == ("armed", True, True)
    node.press()
    node.run(6, renew=NEXT)
    assert (node.state in {"ramping", "running"}, node.dark, node.telemetry()["needs_button"]) == (
        True,
        False,
        "0",
    )
    node.run(20, renew=NEXT)
    node.touch(on=False)
    # The credit is stored for good: it is the second session that has to rest now, not the first.
    assert rested(node) > (5 if modality == "mask" else 19) * HOUR
    assert node.boot().profile()["sessions_day"] == "1"


def test_the_press_may_come_before_it_is_put_on() -> None:
    node = switched_off(treated(), 30 * HOUR)
    node.start(NEXT, epoch_s=EPOCH_S + 31 * HOUR)
    node.press()
    assert (node.state, node.dark, node.telemetry()["needs_button"]) == ("armed", True, "0")
    node.touch()
    node.run(4, renew=NEXT)
    assert not node.dark


def test_without_a_press_the_credit_is_forgotten_with_the_session() -> None:
    node = switched_off(treated(), 30 * HOUR)
    before = rested(node)
    node.start(NEXT, epoch_s=EPOCH_S + 31 * HOUR, window_s=5)
    node.touch()
    node.run(6, renew=NEXT)
    assert (node.state, node.history(3)["outcome"]) == ("idle", "void")
    node.touch(on=False)
    assert before - 60 < rested(node) <= before
    assert node.start("00000000000000e3")["reason"] == "rest"


def test_time_switched_off_never_ages_what_was_had_since() -> None:
    node = switched_off(treated(), 30 * HOUR)
    node.enroll(8)
    node.wait(700)
    node.armed(session=NEXT, profile=8, epoch_s=EPOCH_S + 31 * HOUR, duration_s=20)
    node.touch()
    node.run(45, renew=NEXT)
    node.touch(on=False).wait(700)
    before = node.profile(8).number("rest_s")
    node.start("00000000000000e3", epoch_s=EPOCH_S + 32 * HOUR)
    node.press()
    node.stop()
    assert before - 60 < node.profile(8).number("rest_s") <= before


def test_a_battery_backed_clock_that_could_not_be_read_never_ages_what_was_had_meanwhile() -> None:
    node = Node().sense(rtc_s=EPOCH_S).tick()
    node.armed(duration_s=20)
    node.touch()
    node.run(45, renew=ID)
    node.touch(on=False).sense(rtc_s=None)
    switched_off(node, 30 * HOUR)
    node.enroll(8)
    node.wait(700)
    node.armed(session=NEXT, profile=8, duration_s=20)
    node.touch()
    node.run(45, renew=NEXT)
    node.touch(on=False)
    before = node.profile(8).number("rest_s")
    node.sense(rtc_s=EPOCH_S + 31 * HOUR).tick()
    node.shut_down()
    node.boot().tick()
    assert before - 60 < node.profile(8).number("rest_s") <= before


def test_a_start_that_is_allowed_anyway_needs_no_press_and_gets_no_credit() -> None:
    node = switched_off(treated(), HOUR)
    node.wait(6 * HOUR)
    assert node.start(NEXT, epoch_s=EPOCH_S + 100 * HOUR)["reason"] == "ok"
    assert node.telemetry()["needs_button"] == "0"
    node.stop()
    assert node.profile()["sessions_day"] == "1"  # the first one is 6 h old, and no more


@pytest.mark.parametrize("epoch_s", [1, EPOCH_S - 10 * HOUR, EPOCH_S])
def test_a_clock_that_goes_backwards_neither_costs_nor_credits_time(epoch_s: int) -> None:
    node = switched_off(treated(), 30 * HOUR)
    before = rested(node)
    assert node.start(NEXT, epoch_s=epoch_s)["reason"] == "rest"
    assert before - 2 <= rested(node) <= before
    # The credit of before stays: the true time adds its own, and no more.
    assert node.start(NEXT, epoch_s=EPOCH_S + 4 * HOUR)["reason"] == "rest"
    assert node.start(NEXT, epoch_s=EPOCH_S + 7 * HOUR)["reason"] == "ok"


def test_the_possible_time_of_a_cut_session_is_no_credit() -> None:
    node = Node().running(duration_s=60)
    node.boot().touch(on=False)
    assert node.start(NEXT, epoch_s=EPOCH_S + 31 * HOUR)["reason"] == "rest"
    # From here on the node knows what a caller's clock said, also over a reboot.
    node.boot().touch(on=False)
    assert node.start(NEXT, epoch_s=EPOCH_S + 31 * HOUR + 5 * HOUR)["reason"] == "rest"
    assert node.start(NEXT, epoch_s=EPOCH_S + 31 * HOUR + 7 * HOUR)["reason"] == "ok"


def test_time_switched_off_before_a_session_is_no_credit_for_its_dose() -> None:
    node = switched_off(treated(), 30 * HOUR)
    node.wait(7 * HOUR)  # rested by itself: the next start needs no credit
    node.armed(session=NEXT, duration_s=20, epoch_s=EPOCH_S + 37 * HOUR)
    node.touch()
    node.run(45, renew=NEXT)
    node.touch(on=False)
    # With the 30 h the first session would have left the day, and the second would have rested too.
    assert node.start("00000000000000e3", epoch_s=EPOCH_S + 38 * HOUR)["reason"] == "sessions_day"
    assert rested(node) > 5 * HOUR
    node = switched_off(node, 17 * HOUR)
    assert node.start("00000000000000e3", epoch_s=EPOCH_S + 55 * HOUR)["reason"] == "ok"


@pytest.mark.parametrize("late", [False, True])
def test_a_battery_backed_clock_that_is_read_late_credits_nothing_to_a_session_before(
    late: bool,
) -> None:
    node = treated(rtc_s=EPOCH_S).tick()
    node.shut_down()
    node.off(30 * HOUR)
    node.sense(rtc_s=None).boot().touch(on=False)
    node.wait(7 * HOUR)
    node.armed(session=NEXT, duration_s=20, epoch_s=3600)
    node.touch()
    node.run(45, renew=NEXT)
    node.touch(on=False).sense(rtc_s=EPOCH_S + 38 * HOUR)
    if late:
        node.tick()
    else:
        node.boot().touch(on=False)
    assert node.start("00000000000000e3")["reason"] == "sessions_day"
    assert rested(node) > 5 * HOUR


def test_a_clock_that_is_not_set_is_not_remembered() -> None:
    node = Node().armed(duration_s=20, epoch_s=3600)
    node.touch()
    node.run(45, renew=ID)
    node = switched_off(node.touch(on=False), 30 * HOUR)
    assert node.start(NEXT, epoch_s=EPOCH_S)["reason"] == "rest"


def test_a_credit_that_cannot_be_stored_begins_nothing() -> None:
    node = switched_off(treated(), 30 * HOUR)
    node.start(NEXT, epoch_s=EPOCH_S + 31 * HOUR)
    output_ms = node.output_ms
    node.touch().store(fail=True).press()
    node.run(5)
    assert (node.state, node.output_ms) == ("fault", output_ms)
    # Nor does the credit outlive the session that asked for it.
    node.store(fail=False)
    assert node.clear("store")["reason"] == "ok"
    node.touch(on=False)
    assert node.start("00000000000000c9", epoch_s=EPOCH_S)["reason"] == "rest"


def test_a_clock_that_lies_and_a_press_do_not_shorten_the_gap_between_two_people() -> None:
    node = treated()
    node.enroll(8)
    # The person confirms that a day has passed, presses, and leaves. No output since.
    assert node.start(NEXT, epoch_s=EPOCH_S + 31 * HOUR)["reason"] == "ok"
    node.press().stop()
    assert (rested(node), node.history(3)["outcome"]) == (0, "void")
    answer = node.start("00000000000000e3", profile=8, epoch_s=EPOCH_S + 31 * HOUR)
    assert (answer["reason"], 560 < answer.number("wait_s") <= 600) == ("profile_gap", True)
    node.shut_down()
    node.boot().touch(on=False)
    assert (
        node.start("00000000000000e4", profile=8, epoch_s=EPOCH_S + 31 * HOUR)["reason"]
        == "profile_gap"
    )
    node.wait(600)
    assert node.start("00000000000000e5", profile=8, epoch_s=EPOCH_S + 31 * HOUR)["reason"] == "ok"


def test_a_cut_between_press_and_end_counts_in_full_at_the_credited_time() -> None:
    node = switched_off(treated(), 30 * HOUR)
    node.start(NEXT, epoch_s=EPOCH_S + 31 * HOUR, peaks={RED: 20_000}, budgets={RED: 200_000})
    node.touch().press()
    node.run(5, renew=NEXT)
    node.boot()
    windows = node.profile()
    assert (windows["dose_day"], windows["sessions_day"]) == ("240000", "1")
    assert windows.number("rest_s") == pytest.approx(6 * HOUR, abs=60)


# --- a battery-backed clock -----------------------------------------------------------------------


def test_a_battery_backed_clock_credits_time_switched_off_without_anybody() -> None:
    node = treated(rtc_s=EPOCH_S).tick()
    node.shut_down()
    node.stall(30 * HOUR * 1000)
    node.sense(rtc_s=EPOCH_S + 30 * HOUR).boot().touch(on=False)
    assert rested(node) == 0
    assert node.start(NEXT)["reason"] == "ok"
    assert node.telemetry()["needs_button"] == "0"


def test_it_credits_once_a_boot_and_never_backwards() -> None:
    node = treated(rtc_s=EPOCH_S).tick()
    before = rested(node)
    node.sense(rtc_s=EPOCH_S + 30 * HOUR).tick()
    assert before - 2 <= rested(node) <= before
    node.sense(rtc_s=EPOCH_S - 30 * HOUR).boot()
    assert before - 2 <= rested(node) <= before + 1
    node.sense(rtc_s=3600).boot().sense(rtc_s=EPOCH_S + 2 * HOUR).tick()  # read late
    assert rested(node) == pytest.approx(before - 2 * HOUR, abs=90)


def test_it_credits_nothing_across_a_session_that_a_cut_left_open() -> None:
    node = Node().sense(rtc_s=EPOCH_S).tick().running(duration_s=60)
    node.sense(rtc_s=EPOCH_S + 30 * HOUR).boot().touch(on=False)
    assert node.start(NEXT)["reason"] == "rest"
    node.sense(rtc_s=EPOCH_S + 37 * HOUR).boot().touch(on=False)
    assert node.start(NEXT)["reason"] == "ok"

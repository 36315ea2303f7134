"""Who may use a node: enrolled by a hand on its button, four of them, one after the other."""

import pytest

from .library import OTHER, PROFILE, RED, Node

SECOND = "00000000000000d2"
THIRD = "00000000000000e3"


def given(
    node: Node, profile: int = PROFILE, session: str = "00000000000000c1", seconds: float = 4
) -> Node:
    """Run a short session, and take the device off."""
    node.touch(on=False)
    node.running(session=session, profile=profile, duration_s=60)
    node.run(seconds, renew=session)
    node.stop()
    return node.touch(on=False)


# --- enrolling ------------------------------------------------------------------------------------


def test_a_token_that_nobody_has_enrolled_is_refused() -> None:
    answer = Node().start(profile=PROFILE + 1)
    assert (answer["reason"], answer["field"], answer["state"], answer["record"]) == (
        "not_enrolled",
        "profile",
        "idle",
        "1",
    )


def test_enrolling_needs_a_hand_that_has_held_the_button_for_3_s() -> None:
    node = Node()
    assert node.ask_to_enroll(5)["reason"] == "button_needed"
    node.sense(button=True).tick()
    node.run(2.9)
    assert (node.ask_to_enroll(5)["reason"], node.telemetry()["button"]) == ("button_needed", "0")
    changes = node.uptime_ms
    node.run(0.2)
    assert (node.telemetry()["button"], node.ask_to_enroll(5)["reason"]) == ("1", "ok")
    assert changes < node.uptime_ms
    node.sense(button=False).tick()
    assert (node.telemetry()["button"], node.ask_to_enroll(6)["reason"]) == ("0", "button_needed")
    assert (node.enrolled(PROFILE, 5, 6), node.profiles[0]) == ([PROFILE, 5], 2)


@pytest.mark.parametrize("held_s", [61, 300])
def test_a_button_that_is_stuck_enrolls_nobody(held_s: float) -> None:
    node = Node().sense(button=True).boot()
    node.run(4)
    assert node.ask_to_enroll(5)["reason"] == "button_needed"  # down since boot
    node.sense(button=False).tick().sense(button=True).tick()
    node.wait(held_s)
    assert (node.ask_to_enroll(5)["reason"], node.telemetry()["button"]) == ("button_needed", "0")


def test_a_press_that_has_stopped_output_does_not_enroll() -> None:
    node = Node().running(duration_s=60)
    node.sense(button=True).tick()
    node.run(5)
    assert (node.state, node.ask_to_enroll(5)["reason"]) == ("idle", "button_needed")


def test_nobody_is_enrolled_while_output_flows() -> None:
    node = Node().armed(duration_s=60)
    node.sense(button=True).tick()
    node.run(3.1)
    node.touch(on=False).touch()
    node.run(1)
    assert (node.state, node.ask_to_enroll(5)["reason"], node.saves_while_on) == (
        "ramping",
        "busy",
        0,
    )


def test_enrolling_a_known_token_is_a_harmless_ok() -> None:
    node = given(Node())
    saves, before = node.saves, dict(node.profile())
    assert node.ask_to_enroll(PROFILE)["reason"] == "ok"
    after = dict(node.profile())
    assert node.saves == saves
    assert [after[key] for key in ("dose_day", "sessions_week")] == [
        before[key] for key in ("dose_day", "sessions_week")
    ]


@pytest.mark.parametrize("action", ["ask_to_enroll", "profile"])
@pytest.mark.parametrize("value", [0, -1, -(2**31)])
def test_a_token_below_one_is_out_of_bounds(action: str, value: int) -> None:
    answer = Node().command(action, value)
    assert (answer["reason"], answer["field"], answer["minimum"], answer["maximum"]) == (
        "out_of_bounds",
        "profile",
        "1",
        str(2**31 - 1),
    )


@pytest.mark.parametrize("action", ["ask_to_enroll", "profile"])
@pytest.mark.parametrize(
    ("bent", "reason"),
    [
        ({"boot": 1}, "wrong_boot"),
        ({"client": OTHER}, "not_client"),
        ({"sequence": 0}, "stale"),
        ({"not_after_ms": 0}, "stale"),
    ],
)
def test_both_actions_have_an_header(action: str, bent: dict[str, int], reason: str) -> None:
    assert Node().command(action, PROFILE, **bent)["reason"] == reason


def test_who_is_enrolled_survives_a_cut() -> None:
    node = Node()
    node.enroll(2**31 - 1)
    assert (node.boot().enrolled(PROFILE, 2**31 - 1), node.profiles[0]) == ([PROFILE, 2**31 - 1], 2)


def test_an_enrollment_that_cannot_be_stored_is_none() -> None:
    node = Node().store(fail=True)
    assert node.enroll(5)["reason"] == "store_failed"
    assert (node.enrolled(PROFILE, 5), node.profiles[0], node.state) == ([PROFILE], 1, "fault")
    armed = Node().armed()
    armed.store(fail=True)
    armed.enroll(5)
    armed.store(fail=False).touch(on=False).touch().run(4)
    assert (armed.dark, armed.state, armed.changes()) == (
        True,
        "fault",
        [],
    )  # nothing begins on what could not be stored


# --- the fifth ------------------------------------------------------------------------------------


def test_a_fifth_takes_the_place_of_who_had_nothing_for_longest_and_only_after_a_week() -> None:
    node = Node()
    for token in (1, 2, 3):
        assert node.enroll(token)["reason"] == "ok"
    for number, token in enumerate((PROFILE, 2, 1, 3)):
        given(node, token, f"{number + 16:016x}")
        node.wait(3600)
    answer = node.enroll(5)
    assert answer["reason"] == "profiles_full"
    wait_s = answer.number("wait_s")
    assert 7 * 86_400 - 4 * 3700 < wait_s <= 7 * 86_400 - 4 * 3600
    node.wait(wait_s - 60)
    assert node.enroll(5)["reason"] == "profiles_full"
    node.wait(60)
    assert node.enroll(5)["reason"] == "ok"
    assert (node.enrolled(PROFILE, 1, 2, 3, 5), node.profiles[0]) == ([1, 2, 3, 5], 4)
    assert node.start(profile=PROFILE, session=THIRD)["reason"] == "not_enrolled"


def test_a_fifth_finds_a_place_at_once_where_somebody_never_had_anything() -> None:
    node = Node()
    for token in (1, 2, 3, 4):
        assert node.enroll(token)["reason"] == "ok"
    assert (node.enrolled(PROFILE, 1, 2, 3, 4), node.profiles[0]) == ([1, 2, 3, 4], 4)


# --- one after the other --------------------------------------------------------------------------


def test_somebody_else_waits_10_min_and_the_same_person_does_not() -> None:
    node = Node()
    node.enroll(5)
    given(node)
    assert node.start(SECOND)["reason"] == "ok"
    node.stop()
    answer = node.start(THIRD, profile=5)
    assert (answer["reason"], 590 < answer.number("wait_s") <= 601) == ("profile_gap", True)
    node.boot()  # a reboot shortens nothing
    node.touch(on=False)
    node.run(500)
    assert node.start(THIRD, profile=5)["reason"] == "profile_gap"
    node.run(101)
    assert node.start(THIRD, profile=5)["reason"] == "ok"


def test_somebody_else_needs_a_cool_board() -> None:
    node = Node()
    node.enroll(5)
    given(node).run(601)
    node.sense(temperature_c=37.01).tick()
    answer = node.start(SECOND, profile=5)
    assert (answer["reason"], answer["field"], "wait_s" in answer) == (
        "profile_gap",
        "temperature",
        False,
    )
    node.sense(temperature_c=37).tick()
    assert node.start(SECOND, profile=5)["reason"] == "ok"


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_somebody_else_needs_it_to_have_been_taken_off(modality: str) -> None:
    node = Node(modality)
    node.enroll(5)
    given(node)
    node.touch()
    node.ramping(session=SECOND, duration_s=60)
    node.run(4, renew=SECOND)
    node.stop()
    node.run(602)
    answer = node.start(THIRD, profile=5)
    assert (answer["reason"], answer["field"], answer["state"]) == (
        "profile_gap",
        "worn" if modality == "mask" else "impedance",
        "idle",
    )
    node.touch(on=False)
    assert node.start(THIRD, profile=5)["reason"] == "ok"


def test_a_session_without_output_makes_nobody_wait() -> None:
    node = Node().armed()
    node.enroll(5)
    node.stop()
    assert node.start(SECOND, profile=5)["reason"] == "ok"


def test_a_session_that_a_cut_left_open_makes_somebody_else_wait() -> None:
    node = Node()
    node.enroll(5)
    node.armed().boot()
    answer = node.start(SECOND, profile=5)
    assert (answer["reason"], answer.number("wait_s")) == ("profile_gap", 601)


# --- after the supply broke down ------------------------------------------------------------------


def test_nothing_starts_for_a_minute_after_a_brown_out() -> None:
    node = Node().boot(brown_out=True)
    answer = node.start()
    assert (answer["reason"], answer.number("wait_s")) == ("brown_out", 60)
    node.run(59.9)
    assert (node.start()["reason"], node.start()["wait_s"]) == ("brown_out", "1")
    node.run(0.1)
    assert node.start()["reason"] == "ok"
    assert Node().boot().start()["reason"] == "ok"


# --- after the records were lost ------------------------------------------------------------------


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_a_reset_counts_as_a_whole_day_for_everyone_enrolled_after_it(modality: str) -> None:
    node = Node(modality)
    node.stored = node.stored[:-1]
    node.boot().press(10.1)
    assert node.history(1)["outcome"] == "reset"
    assert node.enroll(PROFILE)["reason"] == "ok"
    windows = node.profile()
    assert (
        windows["dose_day"]
        == windows["dose_week"]
        == ("100000000" if modality == "mask" else "450000")
    )
    assert (windows["sessions_day"], windows["blue_week"]) == (
        ("2", "60000000") if modality == "mask" else ("1", "0")
    )
    answer = node.start()
    assert answer["reason"] in {"dose_day", "sessions_day", "rest"}
    assert 86_000 < answer.number("wait_s") <= 86_401
    node.boot().touch(on=False)
    assert node.start()["reason"] == answer["reason"]
    node.wait(answer.number("wait_s"))
    assert node.start()["reason"] == "ok"
    node.stop()
    node.wait(7 * 86_400)
    assert node.enroll(6)["reason"] == "ok"
    assert (node.profile(6)["dose_week"], node.profile(PROFILE)["dose_week"]) == ("0", "0")


def test_a_new_node_owes_nobody_anything() -> None:
    windows = Node().profile()
    assert [
        windows[key]
        for key in (
            "dose_day",
            "dose_week",
            "blue_week",
            "sessions_day",
            "sessions_week",
            "rest_s",
            "rest_blue_s",
        )
    ] == ["0"] * 7
    assert Node().start(peaks={RED: 20_000})["reason"] == "ok"

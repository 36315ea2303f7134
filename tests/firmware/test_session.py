"""A session from arming to its end: edge, ramp, dose, contact, pause, resume, stop."""

import pytest

from .library import AMBER, BLUE, NEAR_INFRARED, OTHER, RED, Node

ID = "00000000000000c1"


# --- arming ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_arming_switches_nothing_on(modality: str) -> None:
    node = Node(modality).armed()
    node.run(4)
    assert (node.state, node.dark, node.changes()) == ("armed", True, [])


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_output_begins_at_an_off_to_on_edge_after_arming(modality: str) -> None:
    node = Node(modality).armed()
    node.run(1)
    node.touch()
    assert (node.state, node.dark) == ("ramping", True)
    node.run(0.5)
    assert node.level() > 0


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_a_sensor_that_is_stuck_on_never_starts(modality: str) -> None:
    node = Node(modality)
    node.touch()
    node.armed(window_s=300)
    node.run(299, renew=ID)
    assert (node.state, node.dark) == ("armed", True)
    node.run(2, renew=ID)
    assert (node.state, node.changes(), node.history(2)["outcome"]) == ("idle", [], "void")


def test_a_sensor_that_was_never_seen_off_since_boot_refuses_the_start() -> None:
    node = Node()
    node.touch().boot()
    assert node.start()["reason"] == "sensor_not_ready"
    assert node.telemetry()["fault"] == "-"
    node.touch(on=False).touch()
    assert node.start()["reason"] == "ok"


def test_an_unknown_worn_sensor_refuses_the_start() -> None:
    node = Node()
    node.sense(worn=None).tick()
    assert node.start()["reason"] == "sensor_not_ready"


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_the_arming_window_ends(modality: str) -> None:
    node = Node(modality).armed(window_s=5)
    node.run(4.9, renew=ID)
    assert node.state == "armed"
    node.run(0.2)
    assert node.state == "idle"
    node.touch().run(5)
    assert (node.changes(), node.history(2)["outcome"]) == ([], "void")


def test_without_a_worn_sensor_only_the_button_confirms() -> None:
    node = Node(has_worn=False).armed()
    assert node.telemetry()["worn"] == "-"
    node.touch(on=False).touch().run(2)
    assert (node.state, node.dark) == ("armed", True)
    node.press(3.5)
    assert node.state == "armed"  # a long press means nothing
    node.press()
    node.run(1)
    assert node.state == "ramping"
    assert node.level() > 0


def test_a_press_confirms_nothing_once_the_window_is_over() -> None:
    node = Node(has_worn=False, step_ms=1000).armed(window_s=2)
    node.sense(button=True).tick()
    node.stall(2000)
    node.sense(button=False).tick()
    assert (node.state, node.dark) == ("idle", True)


def test_a_press_confirms_nothing_while_the_eye_shield_is_off() -> None:
    node = Node(has_worn=False, eye_shield="sensed").armed(peaks={BLUE: 5000})
    node.sense(shield=False).press()
    assert node.state == "armed"
    node.sense(shield=True).run(5)
    assert (node.state, node.dark) == ("armed", True)
    node.press()
    assert node.state == "ramping"


def test_a_button_that_is_held_since_boot_confirms_nothing() -> None:
    node = Node(has_worn=False)
    node.sense(button=True).boot().armed()
    node.run(1)
    node.sense(button=False).tick()
    assert node.state == "armed"


def test_only_one_session_lives() -> None:
    node = Node().armed()
    assert node.start("00000000000000d2")["reason"] == "busy"
    node.stop()
    assert node.start("00000000000000d2")["reason"] == "ok"


def test_a_session_id_is_used_once() -> None:
    node = Node().armed()
    node.stop()
    assert node.start()["reason"] == "bad_session"


# --- ramp and dose --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modality", "ramp_ms", "peak"), [("mask", 3000, 20_000), ("wand", 5000, 100)]
)
def test_the_ramp_is_linear_from_zero(modality: str, ramp_ms: int, peak: int) -> None:
    node = Node(modality).ramping()
    begin = node.uptime_ms
    node.run(ramp_ms / 1000 + 0.5, renew=ID)
    changes = node.changes()
    assert changes[0][2] <= peak * 5 / ramp_ms + 1
    assert changes[-1] == (begin + ramp_ms, 0, peak)
    for at_ms, place, level in changes:
        assert place == 0
        assert level == peak * (at_ms - begin) // ramp_ms


def test_the_smallest_level_gets_through_the_ramp() -> None:
    node = Node("wand").armed(peaks={0: 1}, budgets={0: 1000}, duration_s=60)
    node.touch()
    node.run(6, renew=ID)
    assert (node.state, node.level()) == ("running", 1)


@pytest.mark.parametrize("step_ms", [1, 3, 4, 7, 8, 33])
def test_the_dose_is_counted_without_drift_however_the_loop_runs(step_ms: int) -> None:
    node = Node(step_ms=step_ms).armed(
        peaks={RED: 12_347, AMBER: 9_871},
        budgets={RED: 20_000_000, AMBER: 20_000_000},
        duration_s=300,
    )
    node.touch()
    node.run(301, renew=ID)
    record = node.history(2)
    assert record["outcome"] == "completed"
    for place in (RED, AMBER):
        flowed = node.flowed(place)
        assert flowed <= record.pairs("delivered")[place + 1] < flowed + 1
    assert 300_000 <= record.number("output_ms") <= 300_000 + step_ms
    assert record.number("output_ms") == node.output_ms


def test_a_linear_ramp_delivers_half_of_its_square() -> None:
    node = Node(step_ms=1).ramping(peaks={RED: 30_000}, budgets={RED: 20_000_000}, duration_s=60)
    node.run(3)
    assert node.flowed(RED) == pytest.approx(30_000 * 3 / 2, rel=0.001)


@pytest.mark.parametrize("budget", [1, 999, 60_000, 123_457])
def test_a_budget_is_never_exceeded_and_ends_the_session(budget: int) -> None:
    for modality, peak in (("mask", 20_000), ("wand", 400)):
        node = Node(modality).armed(peaks={0: peak}, budgets={0: budget}, duration_s=600)
        for _ in range(6):
            node.touch()
            node.run(150, renew=ID)
            node.touch(on=False)  # nobody keeps a wand in one place for longer
        assert node.state == "idle"
        assert node.flowed() <= budget
        # The rest is the dose that a level could have delivered between two looks.
        # A wand's falling level may last for the rest of its period.
        assert budget - node.flowed() <= peak * (0.11 if modality == "mask" else 0.05 + 0.12) + 1
        assert node.history(2)["outcome"] in {"completed", "void"}


def test_a_channel_that_has_reached_its_budget_ends_alone() -> None:
    node = Node().armed(
        peaks={RED: 20_000, AMBER: 20_000}, budgets={RED: 60_000, AMBER: 1_000_000}, duration_s=600
    )
    node.touch()
    node.run(10, renew=ID)
    assert (node.state, node.level(RED), node.level(AMBER)) == ("running", 0, 20_000)
    assert node.set_levels({RED: 20_000, AMBER: 20_000})["reason"] == "ok"
    node.run(10, renew=ID)
    assert (node.level(RED), node.flowed(RED) <= 60_000) == (0, True)
    node.run(60, renew=ID)
    assert (node.state, node.history(2)["outcome"]) == ("idle", "completed")


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_the_deadline_counts_flowing_time_only(modality: str) -> None:
    node = Node(modality).running(duration_s=10)
    node.pause()
    node.run(60)
    node.resume()
    node.run(30, renew=ID)
    record = node.history(2)
    assert (record["outcome"], node.state) == ("completed", "idle")
    assert 10_000 <= node.output_ms <= 10_005


def test_the_level_follows_set_levels_down_at_once_and_up_along_the_ramp() -> None:
    node = Node().running(
        peaks={RED: 30_000, BLUE: 6000}, budgets={RED: 9_000_000, BLUE: 9_000_000}, duration_s=300
    )
    node.set_levels({RED: 15_000})
    node.tick()
    assert (node.level(RED), node.level(BLUE)) == (15_000, 0)
    node.run(2, renew=ID)
    node.set_levels({RED: 30_000, BLUE: 6000})
    node.run(0.5)
    assert (node.level(RED), node.state) == (20_000, "ramping")
    assert node.level(BLUE) == 0  # 3 s of darkness are not over
    node.run(5, renew=ID)
    assert (node.level(RED), node.level(BLUE), node.state) == (30_000, 6000, "running")


@pytest.mark.parametrize("state", ["armed", "suspended", "paused"])
def test_levels_that_are_set_in_darkness_hold_for_the_next_ramp(state: str) -> None:
    node = Node()
    if state == "armed":
        node.armed()
    else:
        node.running(duration_s=60)
        if state == "paused":
            node.pause()
        else:
            node.touch(on=False)
    assert node.set_levels({RED: 5000})["reason"] == "ok"
    assert node.dark
    if state == "paused":
        node.resume()
    else:
        node.touch()
    node.run(8, renew=ID)
    assert node.level() == 5000


def test_no_peak_is_ever_exceeded() -> None:
    node = Node().running(
        peaks={RED: 12_345, NEAR_INFRARED: 6789},
        budgets={RED: 9_000_000, NEAR_INFRARED: 9_000_000},
        duration_s=60,
    )
    node.run(20, renew=ID)
    assert (node.highest(RED), node.highest(NEAR_INFRARED), node.highest(BLUE)) == (12_345, 6789, 0)


# --- contact --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("modality", "window_s"), [("mask", 20), ("wand", 5)])
def test_contact_found_again_in_time_ramps_from_zero(modality: str, window_s: int) -> None:
    node = Node(modality).running(duration_s=120)
    node.touch(on=False)
    assert (node.state, node.dark, node.telemetry()["cause"]) == ("suspended", True, "contact")
    for _ in range(window_s * 2 - 1):
        node.run(0.5)
        node.renew()
    node.run(0.4)
    node.touch()
    assert (node.state, node.dark) == ("ramping", True)
    node.run(0.1)
    assert 0 < node.level() <= 2000
    assert node.telemetry().number("contacts") == 2


@pytest.mark.parametrize(("modality", "window_s"), [("mask", 20), ("wand", 5)])
def test_contact_found_again_too_late_stays_dark_until_a_person_resumes(
    modality: str, window_s: int
) -> None:
    node = Node(modality).running(duration_s=120)
    node.touch(on=False)
    for _ in range(window_s):
        node.run(1)
        node.renew()
    node.run(0.1)
    node.touch()
    node.run(5)
    assert (node.state, node.dark, node.telemetry()["cause"]) == ("suspended", True, "contact")
    assert node.resume()["state"] == "ramping"


def test_the_mask_is_dark_for_3_s_before_it_is_on_again() -> None:
    node = Node().running(duration_s=120)
    node.touch(on=False)
    off = node.changes()[-1][0]
    node.touch()
    node.run(6)
    on = next(change for change in node.changes() if change[0] > off)
    assert on[0] - off >= 3000
    assert on[2] <= 20_000 * 5 / 3000 + 1


def test_the_wand_outside_its_impedance_window_is_not_in_contact() -> None:
    for ohm, inside in (
        (0, False),
        (199, False),
        (499, False),
        (500, True),
        (15_000, True),
        (15_001, False),
        (20_001, False),
    ):
        node = Node("wand").armed()
        node.sense(impedance_ohm=ohm).tick()
        assert (node.state == "ramping") == inside, ohm
    for ohm, inside in ((199, False), (200, True), (20_000, True), (20_001, False)):
        node = Node(
            "wand", impedance_ohm=(1, 1_000_000)
        ).armed()  # a window wider than the hard one does not hold
        node.sense(impedance_ohm=ohm).tick()
        assert (node.state == "ramping") == inside, ohm


@pytest.mark.parametrize(
    "change",
    [
        {"impedance_ohm": None},
        {"impedance_age_ms": 50},
        {"impedance_ohm": 100},
        {"impedance_ohm": 25_000},
        {"charging": True},
    ],
)
def test_the_wand_is_dark_in_the_very_tick_in_which_contact_is_lost(change: dict[str, int]) -> None:
    node = Node("wand").running(duration_s=60)
    node.sense(**change).tick()
    assert (node.state, node.dark) == ("suspended", True)


def test_the_wand_does_nothing_while_charging() -> None:
    node = Node("wand").sense(charging=True).tick()
    assert node.start()["reason"] == "charging"
    node.sense(charging=False).tick()
    node.armed()
    node.sense(charging=True, impedance_ohm=2000).tick()
    assert (node.state, node.dark) == ("armed", True)
    node = Node("wand").running(duration_s=60)
    node.pause()
    node.sense(charging=True).tick()
    assert node.resume()["reason"] == "charging"


def test_the_20th_contact_of_a_wand_session_pauses_it() -> None:
    node = Node("wand").armed(duration_s=600)
    for contact in range(1, 20):
        node.touch()
        assert (node.state, node.telemetry().number("contacts")) == ("ramping", contact)
        node.run(0.5)
        node.touch(on=False)
        node.run(0.3)
        node.renew()
    node.touch()
    assert (node.state, node.dark) == ("paused", True)
    assert node.resume()["state"] == "ramping"
    node.touch(on=False)
    node.touch()
    assert node.state == "ramping"


# --- lease, client --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modality", "lease_ms"), [("mask", 10_000), ("wand", 5000), ("mask", 1000)]
)
def test_a_lease_that_ends_is_dark_at_once_without_a_ramp(modality: str, lease_ms: int) -> None:
    node = Node(modality).running(duration_s=120, lease_ms=lease_ms)
    node.renew()
    end = node.uptime_ms + lease_ms
    node.run(lease_ms / 1000 + 0.1)
    assert (node.state, node.telemetry()["cause"]) == ("suspended", "lease")
    last = node.changes()[-1]
    assert last[2] == 0
    assert end <= last[0] <= end + 5
    node.run(30)
    assert node.dark


def test_a_lease_that_ends_while_armed_voids_the_session() -> None:
    node = Node().armed()
    node.run(10.1)
    assert (node.state, node.history(2)["outcome"]) == ("idle", "void")


def test_a_lease_that_ends_in_a_brief_loss_of_contact_ends_the_brief_window() -> None:
    node = Node().running(duration_s=120)
    node.renew()
    node.touch(on=False)
    node.run(10.1)
    assert node.telemetry()["cause"] == "lease"
    node.touch().run(5)
    assert (node.state, node.dark) == ("suspended", True)


@pytest.mark.parametrize("state", ["running", "paused", "contact"])
def test_a_client_that_is_gone_suspends_the_session(state: str) -> None:
    node = Node().running(duration_s=60)
    if state == "paused":
        node.pause()
    if state == "contact":
        node.touch(on=False)
    node.connect(OTHER)
    assert (node.state, node.dark, node.telemetry()["cause"], node.telemetry()["lease_ms"]) == (
        "suspended",
        True,
        "client",
        "0",
    )
    node.touch(on=False).touch().run(3)
    assert node.state == "suspended"
    node.connect("00000000000000a1", OTHER)
    node.touch(on=False).touch().run(3)
    assert (node.state, node.dark) == ("suspended", True)


@pytest.mark.parametrize("modality", ["mask", "wand"])
@pytest.mark.parametrize("state", ["armed", "paused", "armed again"])
def test_a_session_without_output_is_void_at_once_when_its_client_is_gone(
    modality: str, state: str
) -> None:
    node = Node(modality).armed(window_s=300)
    if state != "armed":
        node.pause()
    if state == "armed again":
        node.resume()
    node.connect(OTHER)
    assert (node.state, node.dark, node.history(2, client=OTHER)["outcome"]) == (
        "idle",
        True,
        "void",
    )
    assert node.adopt(client=OTHER)["reason"] == "wrong_state"
    node.touch(on=False).touch().run(3)
    assert (node.state, node.dark) == ("idle", True)


# --- pause, resume, stop --------------------------------------------------------------------------


def test_pause_is_dark_at_once_and_resume_ramps_from_zero() -> None:
    node = Node().running(duration_s=60)
    assert node.pause()["state"] == "paused"
    assert node.dark
    node.run(5)
    assert node.resume()["state"] == "ramping"
    node.run(0.1)
    assert 0 < node.level() < 2000


def test_a_resume_without_contact_arms_again_for_the_rest_of_10_min() -> None:
    node = Node().running(duration_s=60)
    node.pause()
    node.touch(on=False)
    node.run(500)
    assert node.resume()["state"] == "armed"
    assert 99_000 <= node.telemetry().number("window_ms") <= 100_000
    node.run(99, renew=ID)
    assert node.state == "armed"
    node.run(2, renew=ID)
    assert (node.state, node.history(2)["outcome"]) == ("idle", "partial")


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_pause_and_resume_do_not_replace_the_edge_of_a_session_that_never_began(
    modality: str,
) -> None:
    node = Node(modality)
    node.touch()
    node.armed()
    node.pause()
    assert node.resume()["state"] == "armed"
    node.run(5, renew=ID)
    assert (node.state, node.dark) == ("armed", True)
    node.touch(on=False).touch()
    assert node.state == "ramping"


def test_a_resume_while_unworn_waits_for_the_next_edge() -> None:
    node = Node().running(duration_s=60)
    node.pause()
    node.touch(on=False)
    node.resume()
    node.touch()
    assert node.state == "ramping"


@pytest.mark.parametrize("state", ["paused", "suspended"])
def test_a_session_is_kept_for_10_min(state: str) -> None:
    node = Node().running(duration_s=60)
    if state == "paused":
        node.pause()
    else:
        node.touch(on=False)
    node.run(599.9)
    assert node.state in {"paused", "suspended"}
    node.run(0.2)
    record = node.history(2)
    assert (node.state, record["outcome"]) == ("idle", "partial")
    assert record.pairs("delivered")[1] >= node.flowed() > 0


def test_a_session_that_is_armed_again_for_a_while_and_lost_again_keeps_its_10_min() -> None:
    node = Node().running(duration_s=60)
    node.touch(on=False)
    node.run(21)
    assert node.resume()["state"] == "armed"
    assert 579_000 <= node.telemetry().number("window_ms") <= 580_000
    node.run(11)
    assert (node.state, node.telemetry()["cause"]) == ("suspended", "lease")
    assert 567_000 <= node.telemetry().number("window_ms") <= 569_000
    node.run(567)
    assert node.state == "suspended"
    node.run(2)
    assert (node.state, node.history(2)["outcome"]) == ("idle", "partial")


def test_a_pause_ends_the_lease_and_stays_a_pause_for_its_10_min() -> None:
    node = Node().running(duration_s=60)
    node.pause()
    assert (node.telemetry()["lease_ms"], node.renew()["reason"]) == ("0", "wrong_state")
    node.run(20)
    assert (node.state, node.telemetry()["cause"]) == ("paused", "-")
    assert 579_000 <= node.telemetry().number("window_ms") <= 580_000


@pytest.mark.parametrize("state", ["armed", "ramping", "running"])
def test_resume_needs_a_pause(state: str) -> None:
    node = getattr(Node(), state)()
    assert node.resume()["reason"] == "wrong_state"


@pytest.mark.parametrize("action", ["set_levels", "renew", "pause", "resume"])
def test_without_a_session_there_is_nothing_to_command(action: str) -> None:
    node = Node()
    arguments = ({0: 1},) if action == "set_levels" else ()
    assert node.command(action, *arguments)["reason"] == "wrong_state"
    node.armed()
    assert node.command(action, *arguments, session="00000000000000d2")["reason"] == "bad_session"


@pytest.mark.parametrize("modality", ["mask", "wand"])
@pytest.mark.parametrize(
    "state", ["idle", "armed", "ramping", "running", "suspended", "paused", "fault"]
)
def test_stop_works_in_every_state(modality: str, state: str) -> None:
    node = Node(modality)
    if state == "armed":
        node.armed()
    elif state != "idle":
        node.running(duration_s=60)
    if state == "ramping":
        node.stop()
        node.touch(on=False)
        node.ramping(session="00000000000000d2")
        node.run(1)
    if state == "suspended":
        node.touch(on=False)
    if state == "paused":
        node.pause()
    if state == "fault":
        node.sense(temperature_c=45).tick()
    assert node.state == state
    was_on = not node.dark
    answer = node.stop()
    assert (answer["reason"], answer["output"], answer["sequence"], node.dark) == (
        "ok",
        "0",
        "-",
        True,
    )
    assert (answer["state"], answer["session"]) == ("fault" if state == "fault" else "idle", "-")
    if was_on:
        assert node.changes()[-1][2] == 0
        assert node.history(node.newest)["outcome"] == "stopped"
    node.touch(on=False).touch().run(10)
    assert node.dark


def test_the_button_stops_while_output_flows_and_at_the_press_itself() -> None:
    node = Node().running(duration_s=60)
    node.sense(button=True).tick()
    assert (node.state, node.dark, node.history(2)["outcome"]) == ("idle", True, "stopped")
    node.run(0.2)
    node.sense(button=False).tick()
    assert node.state == "idle"


@pytest.mark.parametrize("state", ["paused", "suspended"])
def test_the_button_resumes_while_worn_and_owned(state: str) -> None:
    node = Node().running(duration_s=60)
    if state == "paused":
        node.pause()
    else:
        node.run(10.1)
    assert node.state == state
    node.press()
    assert node.state == "ramping"
    assert node.telemetry().number("lease_ms") > 9000


def test_a_press_in_the_moment_in_which_contact_is_found_again_resumes_with_a_new_lease() -> None:
    node = Node("wand").armed(duration_s=60)
    node.sense(button=True).tick()
    node.touch().run(1)
    node.stall(45)  # longer than the guard's silence
    node.sense(button=False).tick()
    assert (node.state, node.telemetry()["watchdog_trips"], node.telemetry()["lease_ms"]) == (
        "ramping",
        "1",
        "5000",
    )


def test_the_button_does_not_resume_unworn_or_unowned_or_after_a_long_press() -> None:
    node = Node().running(duration_s=60)
    node.touch(on=False)
    node.run(21)
    node.press()
    assert node.state == "suspended"
    node.touch()
    node.press(3.2)
    assert node.state == "suspended"
    node.connect()
    node.press()
    assert node.state == "suspended"


def test_shutting_down_is_final_until_boot() -> None:
    node = Node().running(duration_s=60)
    node.shut_down()
    assert node.dark
    assert node.start("00000000000000d2")["reason"] == "wrong_state"
    node.touch(on=False).touch().run(5)
    assert node.dark
    node.boot()
    assert node.history(2)["outcome"] == "partial"
    node.touch(on=False)
    assert node.start("00000000000000d2")["reason"] == "ok"


def test_a_press_in_the_moment_its_client_is_lost_begins_nothing_and_no_new_10_minutes() -> None:
    node = Node("mask", has_worn=False).armed(duration_s=60).press().run(1)
    assert node.state == "ramping"
    node.pause()
    node.run(300)
    assert node.resume()["state"] == "armed"
    output_ms = node.output_ms
    node.sense(button=True).tick().run(0.5)
    node.clients = []
    node.sense(button=False).tick()
    assert (node.state, node.output_ms) == ("suspended", output_ms)
    node.run(301)
    assert node.state == "idle"

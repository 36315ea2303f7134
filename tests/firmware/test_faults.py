"""Faults: heat, sensors, flicker, output watchdog, store; and who may clear them."""

import itertools

import pytest

from .library import AMBER, RED, Node

ID = "00000000000000c1"


# --- temperature ----------------------------------------------------------------------------------


def test_at_40_degrees_output_stops_and_at_41_it_latches() -> None:
    node = Node().running(duration_s=60)
    node.sense(temperature_c=39.99).tick()
    assert node.state == "running"
    node.sense(temperature_c=40).tick()
    assert (node.state, node.dark, node.history(2)["outcome"]) == ("idle", True, "stopped")
    node = Node().running(duration_s=60)
    node.sense(temperature_c=41).tick()
    assert (node.state, node.dark, node.history(2)["outcome"]) == ("fault", True, "fault")
    assert node.telemetry()["fault"] == "over_temperature"


@pytest.mark.parametrize("modality", ["mask", "wand"])
@pytest.mark.parametrize(
    "broken",
    [
        {"temperature_c": None},
        {"temperature_age_ms": 5000},
        {"temperature_c": 4.99},
        {"temperature_c": -40},
        {"temperature_c": 80.01},
    ],
)
def test_a_temperature_sensor_that_is_missing_stale_or_out_of_range_refuses_and_latches(
    modality: str, broken: dict[str, float]
) -> None:
    node = Node(modality).sense(**broken).tick()
    assert (node.start()["reason"], node.state) == ("sensor_not_ready", "idle")
    for state in ("armed", "running"):
        node = getattr(Node(modality), state)()
        node.sense(**broken).tick()
        assert (node.state, node.dark, node.telemetry()["fault"]) == (
            "fault",
            True,
            "temperature_sensor",
        )


def test_a_mask_without_a_temperature_sensor_never_starts() -> None:
    assert Node(has_temperature=False).start()["reason"] == "sensor_not_ready"
    assert Node("wand", has_temperature=False).start()["reason"] == "ok"


@pytest.mark.parametrize("temperature_c", [40, 40.5, 41, 60])
def test_a_hot_node_does_not_start(temperature_c: float) -> None:
    node = Node().sense(temperature_c=temperature_c).tick()
    assert (node.start()["reason"], node.state) == ("too_hot", "idle")
    node = Node().running(duration_s=60)
    node.pause()
    node.sense(temperature_c=39.9).tick()
    assert node.resume()["reason"] == "ok"


# --- worn -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_a_sensor_not_seen_off_since_the_last_session_is_a_fault(modality: str) -> None:
    node = Node(modality).running(duration_s=60)
    node.stop()
    answer = node.start("00000000000000d2")
    assert (answer["reason"], answer["field"], answer["state"]) == (
        "faulted",
        "worn_stuck",
        "fault",
    )
    assert node.clear("worn_stuck")["reason"] == "faulted"  # its cause lasts
    node.touch(on=False)
    assert node.clear("worn_stuck")["reason"] == "button_needed"
    node.press()
    assert node.clear("worn_stuck")["reason"] == "ok"
    assert node.start("00000000000000d2")["reason"] == "ok"


def test_a_session_without_light_does_not_make_the_sensor_suspect() -> None:
    node = Node().armed()
    node.touch(on=False)
    node.stop()
    node.touch()
    assert node.start("00000000000000d2")["reason"] == "ok"


# --- the wand -------------------------------------------------------------------------------------


def test_over_current_latches_and_needs_its_cause_gone_and_the_button() -> None:
    node = Node("wand").running(duration_s=60)
    node.sense(over_current=True).tick()
    assert (node.state, node.dark, node.telemetry()["fault"]) == ("fault", True, "over_current")
    assert node.clear("over_current")["reason"] == "faulted"
    node.sense(over_current=False).tick()
    assert node.clear("over_current")["reason"] == "button_needed"
    node.press()
    assert (node.clear("over_current")["reason"], node.state) == ("ok", "idle")


# --- flicker --------------------------------------------------------------------------------------


def put_on_three_times() -> Node:
    """Three on-edges of light within 15 s, and off again."""
    node = Node().running(duration_s=300)
    for _ in range(2):
        node.run(0.5, renew=ID)
        node.touch(on=False)
        node.touch()
        node.run(3.5, renew=ID)
    assert node.level() > 0
    node.touch(on=False)
    return node


def on_edges(node: Node) -> list[int]:
    """When red went from zero to something."""
    return [
        at
        for (before, (at, _, level)) in zip(
            [0, *(change[2] for change in node.changes())], node.changes(), strict=False
        )
        if level and not before
    ]


def test_a_mask_put_on_once_more_within_30_s_waits_in_the_dark_and_latches_nothing() -> None:
    node = put_on_three_times()
    node.touch()
    node.run(15, renew=ID)
    assert (node.state, node.dark, node.telemetry()["fault"]) == ("ramping", True, "-")
    node.run(16, renew=ID)
    assert (node.state, node.level()) == ("running", 20_000)
    edges = on_edges(node)
    assert len(edges) == 4
    assert edges[3] - edges[0] >= 30_000
    assert all(later - earlier >= 3000 for earlier, later in itertools.pairwise(edges))


def test_a_start_or_a_resume_that_would_flicker_is_refused_and_says_when_it_would_not() -> None:
    node = put_on_three_times()
    node.pause()
    node.touch()
    answer = node.resume()
    assert (answer["reason"], answer["state"]) == ("too_soon", "paused")
    wait_s = answer.number("wait_s")
    assert 10 < wait_s <= 30
    node.stop()
    node.touch(on=False)
    assert node.start("00000000000000d2")["reason"] == "too_soon"
    assert (
        node.start("00000000000000d2", peaks={AMBER: 1000})["reason"] == "too_soon"
    )  # all light together
    node.run(wait_s - 2)
    assert node.start("00000000000000d2")["reason"] == "too_soon"
    node.run(2)
    assert node.start("00000000000000d2")["reason"] == "ok"


def test_a_channel_switched_off_and_on_while_light_flows_latches_at_the_fourth() -> None:
    node = Node().running(
        peaks={RED: 20_000, AMBER: 20_000},
        budgets={RED: 9_000_000, AMBER: 9_000_000},
        duration_s=300,
    )
    for _ in range(3):
        node.set_levels({RED: 20_000})
        node.run(3.1, renew=ID)
        node.set_levels({RED: 20_000, AMBER: 20_000})
        node.run(0.5, renew=ID)
    assert (node.state, node.dark, node.telemetry()["fault"]) == ("fault", True, "flicker")
    assert node.clear("flicker")["reason"] == "ok"


def test_4_on_edges_in_more_than_30_s_do_not_latch() -> None:
    node = Node().running(duration_s=300)
    for _ in range(4):
        node.run(8, renew=ID)
        node.touch(on=False)
        node.touch()
        node.run(3.5, renew=ID)
    assert node.state in {"ramping", "running"}


def test_set_levels_cannot_make_a_channel_flicker() -> None:
    node = Node().running(
        peaks={RED: 20_000, AMBER: 20_000},
        budgets={RED: 9_000_000, AMBER: 9_000_000},
        duration_s=300,
    )
    for _ in range(200):
        node.set_levels({RED: 20_000, AMBER: 20_000})
        node.run(0.05)
        node.set_levels({RED: 20_000})
        node.run(0.05)
        node.renew()
    edges = [(at, level) for at, place, level in node.changes() if place == AMBER]
    on = [at for (_, before), (at, level) in itertools.pairwise(edges) if level and not before]
    off = [at for (_, before), (at, level) in itertools.pairwise(edges) if before and not level]
    assert all(rise - max(fall for fall in off if fall < rise) >= 3000 for rise in on)
    assert node.state in {"ramping", "running", "fault"}


def test_a_new_session_does_not_shorten_the_darkness() -> None:
    node = Node().running(duration_s=60)
    node.stop()
    off = node.changes()[-1][0]
    node.touch(on=False)
    node.ramping(session="00000000000000d2")
    node.run(6, renew="00000000000000d2")
    assert next(at for at, _, level in node.changes() if at > off and level) - off >= 3000


# --- the guard ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("modality", "silence_ms"), [("mask", 100), ("wand", 40)])
def test_a_silent_loop_is_cut_off_by_the_output_watchdog(modality: str, silence_ms: int) -> None:
    node = Node(modality).running(duration_s=120)
    before, began = node.flowed(), node.uptime_ms
    peak = node.level()
    node.stall(3000)
    assert node.dark
    assert began + silence_ms <= node.changes()[-1][0] <= began + silence_ms + 5
    node.tick()
    telemetry = node.telemetry()
    assert (node.dark, telemetry.number("watchdog_trips")) == (True, 1)
    # What flowed is counted to the millisecond at which the guard cut, not to the end of the stall.
    assert telemetry.pairs("delivered")[5 if modality == "wand" else 1] - node.flowed() < 1
    assert node.flowed() - before <= peak * (silence_ms + 5) / 1000


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_a_watchdog_trip_counts_as_lost_contact_and_ramps_from_zero(modality: str) -> None:
    node = Node(modality).running(duration_s=120)
    node.stall(1000)
    node.tick()
    node.run(6, renew=ID)
    assert node.level() > 0
    changes = node.changes()
    dark = max(index for index, change in enumerate(changes) if change[2] == 0)
    assert changes[dark + 1][2] < changes[dark - 1][2] / 100 + 2


def test_the_third_watchdog_trip_ends_the_session() -> None:
    node = Node("wand").running(duration_s=120)
    for trip in (1, 2):
        node.stall(100)
        node.tick()
        assert node.telemetry().number("watchdog_trips") == trip
        node.run(1, renew=ID)
    node.stall(100)
    node.tick()
    assert (node.state, node.dark, node.telemetry()["fault"], node.history(2)["outcome"]) == (
        "fault",
        True,
        "output_watchdog",
        "fault",
    )
    assert node.clear("output_watchdog")["reason"] == "ok"


def test_a_watchdog_trip_without_a_worn_sensor_waits_for_a_person() -> None:
    node = Node(has_worn=False).armed(duration_s=60)
    node.press().run(3.5)
    node.stall(500)
    node.tick().run(5)
    assert (node.state, node.dark, node.telemetry()["cause"]) == (
        "suspended",
        True,
        "output_watchdog",
    )
    node.press()
    assert node.state == "ramping"


def test_a_short_silence_is_nothing() -> None:
    node = Node(duration_s=1200).running(duration_s=120)
    for _ in range(20):
        node.stall(95)
        node.tick()
    assert (node.state, node.telemetry().number("watchdog_trips")) == ("running", 0)


def test_lease_and_deadline_hold_in_a_silent_loop() -> None:
    node = Node(step_ms=5).running(duration_s=120)
    node.renew()
    node.run(9.95)
    end = node.uptime_ms + 50
    node.stall(90)  # shorter than the guard's silence
    assert node.dark
    assert end <= node.changes()[-1][0] <= end + 5
    node.tick()
    assert (node.telemetry()["cause"], node.telemetry().number("watchdog_trips")) == ("lease", 0)


def test_the_budget_holds_when_the_loop_dies_right_before_its_end() -> None:
    for spare_ms in range(0, 300, 7):
        node = Node().running(peaks={RED: 20_000}, budgets={RED: 200_000}, duration_s=60)
        while node.state == "running" and node.flowed() < 200_000 - 20 * spare_ms:
            node.run(0.005)
        node.stall(2000)
        assert node.flowed() <= 200_000


def test_the_budget_holds_even_when_the_watchdog_is_late() -> None:
    for phase_ms in range(5):
        budget = 200_000 + 20 * phase_ms
        node = Node().running(peaks={RED: 20_000}, budgets={RED: budget}, duration_s=60)
        while node.state == "running" and node.flowed() < budget - 20 * 105:
            node.run(0.005)
        node.stall(99)  # it looks every 5 ms, and did not at 100
        node.stall(2000)
        assert budget - 20 * 120 < node.flowed() <= budget


# --- faults latch ---------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["over_temperature", "temperature_sensor"])
def test_a_fault_latches_over_reboots_and_blocks_every_start(fault: str) -> None:
    node = Node().running(duration_s=60)
    node.sense(temperature_c=45 if fault == "over_temperature" else None).tick()
    node.sense(temperature_c=33)
    node.touch(on=False)
    node.run(700).boot()
    assert (node.state, node.telemetry()["fault"]) == ("fault", fault)
    answer = node.start("00000000000000d2")
    assert (answer["reason"], answer["field"]) == ("faulted", fault)
    assert node.clear(fault)["reason"] == "button_needed"
    node.press()
    assert node.clear(fault)["reason"] == "ok"
    assert (node.boot().state, node.start("00000000000000d2")["reason"]) == ("idle", "ok")


def test_a_button_press_clears_for_one_minute_only() -> None:
    node = Node().running(duration_s=60)
    node.sense(temperature_c=45).tick()
    node.press()
    assert node.clear("over_temperature")["reason"] == "faulted"
    node.sense(temperature_c=40).tick()
    assert node.clear("over_temperature")["reason"] == "faulted"
    node.sense(temperature_c=39.9).tick()
    node.run(60)
    assert node.clear("over_temperature")["reason"] == "button_needed"
    node.press()
    assert node.clear("over_temperature")["reason"] == "ok"


@pytest.mark.parametrize("fault", ["", "-", "fever", "over_temperature", "flicker" * 50])
def test_a_fault_that_is_not_there_is_not_cleared(fault: str) -> None:
    assert Node().clear(fault)["reason"] == "wrong_state"


# --- the store ------------------------------------------------------------------------------------


def test_a_store_that_does_not_keep_refuses_the_start() -> None:
    node = Node()
    node.store(fail=True)
    answer = node.start()
    assert (answer["reason"], answer["state"], answer["record"]) == ("store_failed", "fault", "1")
    node.touch(on=False).touch().run(5)
    assert node.dark
    assert node.clear("store")["reason"] == "store_failed"
    node.store(fail=False)
    assert node.clear("store")["reason"] == "ok"
    node.touch(on=False)
    assert node.start()["reason"] == "ok"


def test_a_record_that_cannot_be_closed_latches_and_counts_in_full() -> None:
    node = Node().running(duration_s=60)
    node.store(fail=True)
    node.stop()
    assert (node.state, node.telemetry()["fault"]) == ("fault", "store")
    node.store(fail=False)
    node.boot()
    record = node.history(2)
    assert (record["outcome"], record.pairs("delivered")) == ("unclosed", record.pairs("planned"))


def test_the_store_is_written_at_zero_output_only() -> None:
    node = Node().running(duration_s=60)
    node.sense(temperature_c=45).tick()
    node.sense(temperature_c=33)
    node.touch(on=False).press()
    node.clear("over_temperature")
    node.run(3)
    node.running(session="00000000000000d2")
    node.stop()
    node.touch(on=False).run(3)
    node.running(session="00000000000000e3")
    node.run(60, renew="00000000000000e3")
    assert node.saves >= 7
    assert node.saves_while_on == 0


def test_an_unreadable_store_is_not_zero_and_only_the_button_resets_it() -> None:
    node = Node().running(duration_s=60)
    node.stop()
    node.touch(on=False)
    node.store(unreadable=True)
    node.boot()
    assert (node.state, node.telemetry()["fault"]) == ("fault", "store")
    assert node.start("00000000000000d2")["reason"] == "faulted"
    node.press(9)
    assert node.clear("store")["reason"] == "faulted"
    saves = node.saves
    node.press(10.1)
    assert node.saves == saves + 1
    assert (node.state, node.newest, node.history(1)["outcome"]) == ("idle", 1, "reset")
    assert node.start("00000000000000d2")["reason"] == "not_enrolled"


def test_holding_the_button_on_a_healthy_node_erases_nothing() -> None:
    node = Node().running(duration_s=60)
    node.stop()
    node.press(15)
    assert node.newest == 2

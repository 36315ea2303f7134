"""Warm skin: a warning, half the level, a dead sensor. Stops and latches are in test_faults.py."""

import itertools

import pytest

from .library import AMBER, RED, Node

ID = "00000000000000c1"
BOTH = ["mask", "wand"]


def test_a_warning_begins_at_38_degrees_and_ends_half_a_degree_lower() -> None:
    node = Node()
    assert node.sense(temperature_c=37.99).tick().telemetry()["heat"] == "-"
    before = node.reported_changes
    assert node.sense(temperature_c=38).tick().telemetry()["heat"] == "warm"
    assert node.reported_changes == before + 1
    for _ in range(20):  # noise around the edge
        node.sense(temperature_c=37.51).tick()
        node.sense(temperature_c=38.02).tick()
    assert node.reported_changes == before + 1
    assert node.sense(temperature_c=37.49).tick().telemetry()["heat"] == "-"


@pytest.mark.parametrize("modality", BOTH)
def test_the_level_is_halved_at_once_from_39_degrees_and_restored_by_a_ramp_below_38_5(
    modality: str,
) -> None:
    node = Node(modality).running(duration_s=120)
    full = node.level()
    node.sense(temperature_c=38.99).tick()
    assert node.level() == full
    node.sense(temperature_c=39).tick()
    assert (node.level(), node.telemetry()["heat"], node.state) == (full // 2, "derated", "running")
    node.sense(temperature_c=38.51).tick().run(5, renew=ID)
    assert node.level() == full // 2
    began = len(node.changes())
    node.sense(temperature_c=38.49).tick()
    node.run(6, renew=ID)
    levels = [level for _, _, level in node.changes()[began:]]
    assert levels[-1] == full
    assert all(
        0 <= later - earlier <= full / 100
        for earlier, later in itertools.pairwise([full // 2, *levels])
    )
    assert node.telemetry()["heat"] == "warm"


def test_a_session_that_begins_warm_begins_at_half_and_its_ramp_never_passes_it() -> None:
    node = Node().sense(temperature_c=39.5).tick()
    node.armed(
        peaks={RED: 20_000, AMBER: 10_001},
        budgets={RED: 2_000_000, AMBER: 1_000_000},
        duration_s=60,
    )
    node.touch().run(10, renew=ID)
    assert (node.highest(RED), node.highest(AMBER), node.state) == (10_000, 5001, "running")


@pytest.mark.parametrize("modality", BOTH)
def test_nothing_is_added_to_a_session_that_was_derated(modality: str) -> None:
    node = Node(modality).running(duration_s=60)
    node.sense(temperature_c=39.2).tick()
    node.run(120, renew=ID)
    record = node.history(2)
    assert (record["outcome"], 60_000 <= record.number("output_ms") <= 60_005) == (
        "completed",
        True,
    )
    delivered, planned = (
        record.pairs(key)[5 if modality == "wand" else 1] for key in ("delivered", "planned")
    )
    assert delivered == pytest.approx(node.flowed(), abs=50)
    assert delivered < planned * 0.56


@pytest.mark.parametrize("modality", BOTH)
def test_levels_that_are_set_while_it_is_warm_flow_at_half(modality: str) -> None:
    node = Node(modality).running(duration_s=60)
    full = node.level()
    node.sense(temperature_c=39).tick()
    node.set_levels({0: full // 2})
    node.run(6, renew=ID)
    assert node.level() == full // 4
    node.set_levels({0: full})
    node.run(6, renew=ID)
    assert node.level() == full // 2


@pytest.mark.parametrize("modality", BOTH)
def test_a_temperature_that_does_not_change_in_60_s_of_output_is_a_frozen_sensor(
    modality: str,
) -> None:
    node = Node(modality).armed(duration_s=120)
    node.sense(frozen=True).touch().run(59.9, renew=ID)
    assert not node.dark
    node.run(0.2, renew=ID)
    assert (node.state, node.dark, node.telemetry()["fault"]) == (
        "fault",
        True,
        "temperature_sensor",
    )
    node.touch(on=False).run(100)
    node.press()
    assert node.clear("temperature_sensor")["reason"] == "faulted"  # it has not changed since
    node.sense(frozen=False).tick().run(2)
    node.press()
    assert node.clear("temperature_sensor")["reason"] == "ok"


def test_a_sensor_that_lives_a_little_is_none_and_darkness_proves_nothing() -> None:
    node = Node().armed(duration_s=300)
    node.touch()
    for step in range(10):
        node.sense(temperature_c=33 + step / 100, frozen=True).run(55, renew=ID)
    assert node.history(2)["outcome"] == "completed"
    node = Node().sense(frozen=True).tick()
    node.run(600)
    assert (node.state, node.start()["reason"]) == ("idle", "ok")


def test_interruptions_do_not_hide_a_frozen_sensor() -> None:
    node = Node("wand").armed(duration_s=120)
    node.sense(frozen=True)
    for _ in range(5):
        node.touch().run(13, renew=ID)
        node.touch(on=False)
    assert node.telemetry()["fault"] == "temperature_sensor"


def test_a_wand_without_a_temperature_sensor_has_none_that_freezes() -> None:
    node = Node("wand", has_temperature=False).armed(duration_s=120)
    node.sense(temperature_c=None, frozen=True).touch().run(119, renew=ID)
    assert (node.state, node.telemetry()["heat"]) == ("running", "-")

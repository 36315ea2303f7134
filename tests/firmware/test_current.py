"""What the wand measures of its own output: too much, one-sided, or in the dark."""

import pytest

from .library import Node

ID = "00000000000000c1"


def test_current_above_110_percent_of_the_level_latches_within_10_ms() -> None:
    node = Node("wand").running(duration_s=60, peaks={0: 400}, budgets={0: 60_000})
    node.sense(stray_ua=40).run(1)
    assert node.state == "running"
    node.sense(stray_ua=41).run(0.01)
    assert (node.state, node.dark, node.telemetry()["fault"], node.history(2)["outcome"]) == (
        "fault",
        True,
        "over_current",
        "fault",
    )


def test_at_small_levels_20_ua_are_allowed_that_a_converter_cannot_resolve() -> None:
    node = Node("wand").running(duration_s=60)
    node.sense(stray_ua=20).run(1)
    assert node.state == "running"
    node.sense(stray_ua=21).run(0.01)
    assert node.telemetry()["fault"] == "over_current"


def test_a_level_that_falls_may_last_for_the_rest_of_its_period_and_counts_for_it() -> None:
    node = Node("wand").running(
        duration_s=60, peaks={0: 400}, budgets={0: 60_000}, period_us=200_000
    )
    before = node.telemetry().pairs("delivered")[5]
    node.set_levels({0: 100})
    node.tick().sense(stray_ua=300).run(0.19)
    assert node.state == "running"
    assert node.telemetry().pairs("delivered")[5] - before == pytest.approx(
        300 * 0.2 + 100 * 0.19, abs=2.5
    )
    node.run(0.02)
    assert node.telemetry()["fault"] == "over_current"


@pytest.mark.parametrize("budget", [1500, 3500])
def test_the_budget_holds_with_what_a_falling_level_may_still_give(budget: int) -> None:
    for step in range(40):
        node = Node("wand").running(
            duration_s=60, peaks={0: 400}, budgets={0: budget}, period_us=600_000
        )
        node.run(step * 0.15, renew=ID)
        node.set_levels({0: 1})
        node.run(3, renew=ID)
        node.stop()
        assert node.history(2).pairs("delivered")[5] <= budget


@pytest.mark.parametrize("stray_ua", [21, 1000])
def test_current_that_goes_on_50_ms_after_the_cut_is_a_switch_that_failed_short(
    stray_ua: int,
) -> None:
    node = Node("wand").running(duration_s=60)
    node.touch(on=False)
    node.sense(stray_ua=stray_ua).run(0.045)
    assert node.telemetry()["fault"] == ("-" if stray_ua == 21 else "over_current")
    node.run(0.01)
    assert node.telemetry()["fault"] == "over_current"
    idle = Node("wand").sense(stray_ua=stray_ua).tick()
    assert idle.state == "fault"


def test_a_net_current_above_10_ua_latches_in_either_direction_and_needs_the_button() -> None:
    for net_na in (10_001, -10_001):
        node = Node("wand").running(duration_s=60)
        node.sense(net_na=-net_na // abs(net_na) * 10_000).run(1)
        assert node.state == "running"
        node.sense(net_na=net_na).tick()
        assert (node.state, node.dark, node.telemetry()["fault"]) == ("fault", True, "net_charge")
        node.sense(net_na=0)
        node.touch(on=False)
        assert node.clear("net_charge")["reason"] == "button_needed"
        node.press()
        assert node.clear("net_charge")["reason"] == "ok"


def test_what_was_measured_before_an_output_does_not_end_it() -> None:
    node = Node("wand").sense(net_na=50_000).tick()
    assert node.armed().state == "armed"
    node.sense(net_na=None)
    node.touch().run(6, renew=ID)
    assert node.state == "running"


@pytest.mark.parametrize("blind", [{"current_known": False}, {"current_age_ms": 50}])
def test_a_wand_that_does_not_know_its_current_neither_starts_nor_goes_on(
    blind: dict[str, int],
) -> None:
    node = Node("wand").sense(**blind).tick()
    answer = node.start()
    assert (answer["reason"], answer["field"], node.state) == (
        "sensor_not_ready",
        "current",
        "idle",
    )
    node = Node("wand").running(duration_s=60)
    node.sense(**blind).tick()
    assert (node.state, node.dark, node.telemetry()["fault"]) == ("fault", True, "over_current")
    node.touch(on=False).press()
    assert node.clear("over_current")["reason"] == "faulted"

"""The wand's zones: a cue to move on, and no output where nobody lifts it."""

import pytest

from .library import Node

ID = "00000000000000c1"


def test_a_zone_ends_after_its_output_time_and_the_next_is_announced_at_once() -> None:
    node = Node("wand").armed(duration_s=200, zone_s=30, budgets={0: 20_000})
    assert node.telemetry()["zone"] == "1"
    node.touch()
    before = node.reported_changes
    node.run(29.9, renew=ID)
    assert node.telemetry()["zone"] == "1"
    node.run(0.2, renew=ID)
    assert node.telemetry()["zone"] == "2"
    assert node.reported_changes > before
    node.touch(on=False).run(4)  # an interruption counts for no zone
    node.touch().run(29, renew=ID)
    assert node.telemetry()["zone"] == "2"
    node.run(2, renew=ID)
    assert node.telemetry()["zone"] == "3"
    node.stop()
    assert (node.telemetry()["zone"], Node().armed().telemetry()["zone"]) == ("-", "-")


def test_output_ends_where_nobody_lifts_the_wand_for_180_s_and_waits_for_an_edge() -> None:
    node = Node("wand").armed(duration_s=600, budgets={0: 60_000})
    node.touch().run(179.9, renew=ID)
    assert (node.state, node.dark) == ("running", False)
    node.run(0.2, renew=ID)
    telemetry = node.telemetry()
    assert (node.state, node.dark, telemetry["cause"], telemetry["worn"]) == (
        "suspended",
        True,
        "contact",
        "1",
    )
    node.run(2)
    assert node.dark
    node.touch(on=False).touch().run(6, renew=ID)
    assert (node.state, node.level()) == ("running", 100)


@pytest.mark.parametrize("how", ["resume", "button"])
def test_nobody_goes_on_in_the_same_place_by_resuming(how: str) -> None:
    node = Node("wand").armed(duration_s=600, budgets={0: 60_000})
    node.touch().run(190, renew=ID)
    assert (node.state, node.telemetry().number("window_ms") > 0) == ("suspended", True)
    if how == "resume":
        assert node.resume()["reason"] == "ok"
    else:
        node.press()
    node.run(3)
    assert (node.state, node.dark) == ("armed" if how == "resume" else "suspended", True)


def test_lifting_it_in_time_restarts_the_180_s() -> None:
    node = Node("wand").armed(duration_s=900, budgets={0: 90_000})
    for _ in range(4):
        node.touch()
        node.run(170, renew=ID)
        assert node.level() > 0
        node.touch(on=False)

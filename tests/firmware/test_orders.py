"""Who may command, in which order, and how long a lease lasts. The clock wraps in some of these."""

from typing import Any

import pytest

from .library import BOOT, CLIENT, OTHER, RED, Node
from .wire import signed

ID = "00000000000000c1"
EVERY = ("start", "set_levels", "renew", "pause", "resume", "clear", "history")
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "set_levels": ({RED: 1000},),
    "clear": ("flicker",),
    "history": (1,),
}
WRAP = 2**32


def _call(node: Node, action: str, **bent: Any) -> str:
    return node.command(action, *ARGUMENTS.get(action, ()), **bent)["reason"]


# --- the header -----------------------------------------------------------------------------------


@pytest.mark.parametrize("action", EVERY)
@pytest.mark.parametrize("boot", [0, -1, BOOT + 1, 2**31 - 1, -(2**31)])
def test_a_command_for_another_boot_is_refused(action: str, boot: int) -> None:
    assert _call(Node().running(), action, boot=boot) == "wrong_boot"


@pytest.mark.parametrize("action", EVERY)
@pytest.mark.parametrize(
    "client",
    ["", OTHER, "0" * 16, CLIENT.upper(), "ft-" + CLIENT, CLIENT + "0", "x" * 16, "a" * 200],
)
def test_a_command_of_somebody_who_is_not_connected_is_refused(action: str, client: str) -> None:
    assert _call(Node().running(), action, client=client) == "not_client"


@pytest.mark.parametrize("action", ["set_levels", "renew", "pause", "resume"])
def test_a_connected_client_does_not_command_the_session_of_another(action: str) -> None:
    node = Node().running(duration_s=60)
    node.connect(CLIENT, OTHER)
    assert _call(node, action, client=OTHER, sequence=1) == "not_client"
    assert node.state == "running"
    assert _call(node, "history", client=OTHER, sequence=1) == "ok"


@pytest.mark.parametrize("action", EVERY)
@pytest.mark.parametrize("sequence", [0, -1, -(2**31)])
def test_a_sequence_number_is_positive(action: str, sequence: int) -> None:
    assert _call(Node().running(), action, sequence=sequence) == "stale"


@pytest.mark.parametrize("action", EVERY)
def test_a_lower_sequence_number_is_stale(action: str) -> None:
    node = Node().running(duration_s=60)
    node.history(1, sequence=500)
    assert _call(node, action, sequence=499) == "stale"
    assert node.state == "running"


@pytest.mark.parametrize("action", EVERY)
@pytest.mark.parametrize("ahead_ms", [-1, -1000, 2001, 60_000, 2**31 - 1, -(2**31)])
def test_a_command_that_comes_too_late_or_is_valid_too_long_is_stale(
    action: str, ahead_ms: int
) -> None:
    node = Node().running(duration_s=60)
    assert _call(node, action, not_after_ms=signed(node.uptime_ms + ahead_ms)) == "stale"
    assert node.state == "running"


@pytest.mark.parametrize("ahead_ms", [0, 1, 2000])
@pytest.mark.parametrize("now_ms", [10_000, 2**31 - 1000, 2**31 - 1, 2**31, WRAP - 1001, WRAP - 1])
def test_the_last_moment_of_a_command_may_lie_beyond_the_wrap(now_ms: int, ahead_ms: int) -> None:
    node = Node(now_ms=now_ms)
    expected = (
        "stale" if (now_ms + ahead_ms) % WRAP == 0 else "ok"
    )  # zero is refused for every argument
    assert node.history(1, not_after_ms=signed(now_ms + ahead_ms))["reason"] == expected


def test_a_not_after_of_zero_is_stale() -> None:
    assert Node(now_ms=WRAP - 500).history(1, not_after_ms=0)["reason"] == "stale"


def test_a_repeated_number_gets_its_stored_answer_and_nothing_else_happens() -> None:
    node = Node()
    first = node.start(sequence=7)
    node.run(1)
    for _ in range(3):
        again = node.start("00000000000000d2", sequence=7, profile=-1)
        assert again.text == first.text
        assert node.set_levels({RED: 1}, sequence=7).text == first.text
    assert (node.state, node.newest) == ("armed", 2)
    # Even when its time has passed: a lost answer can be asked for again.
    node.run(3)
    assert node.start(sequence=7, not_after_ms=signed(node.uptime_ms - 1000)).text == first.text


def test_a_repeated_pause_does_not_pause_again() -> None:
    node = Node().running(duration_s=60)
    first = node.pause(sequence=600)
    assert node.resume(sequence=601)["state"] == "ramping"
    assert node.pause(sequence=600)["reason"] == "stale"
    assert node.state == "ramping"
    assert first["state"] == "paused"


def test_a_refused_argument_uses_its_number_up_but_a_refused_header_does_not() -> None:
    node = Node()
    assert node.start(sequence=5, not_after_ms=signed(node.uptime_ms - 1))["reason"] == "stale"
    assert node.start(sequence=5, boot=1)["reason"] == "wrong_boot"
    assert node.start(sequence=5, profile=0)["reason"] == "out_of_bounds"
    assert node.start(sequence=5)["reason"] == "out_of_bounds"  # the stored answer
    assert node.start(sequence=6)["reason"] == "ok"


def test_each_client_has_a_sequence_of_its_own_which_ends_with_its_connection() -> None:
    node = Node().connect(CLIENT, OTHER)
    assert node.history(1, sequence=1000)["reason"] == "ok"
    assert node.history(1, client=OTHER, sequence=1)["reason"] == "ok"
    node.connect(OTHER)
    assert node.history(1, sequence=1001)["reason"] == "not_client"
    node.connect(CLIENT, OTHER)
    assert node.history(1, sequence=1)["reason"] == "ok"


def test_ten_clients_can_command_and_a_repeated_id_is_one_client() -> None:
    clients = [f"{number:016x}" for number in range(1, 11)]
    node = Node().connect(*clients, *clients)
    for client in clients:
        assert node.history(1, client=client, sequence=1)["reason"] == "ok"
    node.connect("00000000000000ff", *clients[1:])
    assert node.history(1, client="00000000000000ff", sequence=1)["reason"] == "ok"


def test_the_order_of_checks_is_boot_client_sequence_not_after_then_arguments() -> None:
    node = Node()
    node.history(1, sequence=10)
    bent: dict[str, Any] = {
        "boot": 1,
        "client": OTHER,
        "sequence": 3,
        "not_after_ms": signed(node.uptime_ms - 5),
        "profile": 0,
    }
    for repaired, reason in (
        ("boot", "wrong_boot"),
        ("client", "not_client"),
        ("sequence", "stale"),
    ):
        assert node.start(**bent)["reason"] == reason
        del bent[repaired]
    assert node.start(**{**bent, "sequence": 11})["reason"] == "stale"
    del bent["not_after_ms"]
    assert node.start(**{**bent, "sequence": 12, "duration_s": 0})["field"] == "profile"


def test_every_answer_carries_who_when_and_what() -> None:
    node = Node()
    for answer in (
        node.start(profile=0),
        node.start(),
        node.renew(),
        node.pause(),
        node.resume(),
        node.clear("output_watchdog"),
        node.history(1),
        node.history(99),
        node.stop(),
    ):
        assert list(answer)[:7] == [
            "reason",
            "boot",
            "uptime_ms",
            "sequence",
            "state",
            "session",
            "record",
        ]
        assert (answer.number("boot"), answer.number("uptime_ms")) == (BOOT, node.uptime_ms)


# --- the lease ------------------------------------------------------------------------------------


@pytest.mark.parametrize("now_ms", [10_000, 2**31 - 12_000, WRAP - 12_000])
def test_a_lease_counts_from_the_stamp_and_not_from_arrival(now_ms: int) -> None:
    node = Node(now_ms=now_ms).running(duration_s=300)
    stamp = node.renew().number("uptime_ms")
    node.run(9)
    answer = node.renew(stamp_ms=stamp + 2000)  # late: it was on its way for 7 s
    assert answer["reason"] == "ok"
    assert node.telemetry().number("lease_ms") == 3000
    node.run(3.1)
    assert (node.state, node.dark) == ("suspended", True)
    assert (node.changes()[-1][0] - stamp) % WRAP in range(12_000, 12_006)


def test_a_renewal_that_waited_too_long_extends_nothing() -> None:
    node = Node().running(duration_s=300)
    stamp = node.renew().number("uptime_ms")
    node.run(5)
    node.renew()
    left = node.telemetry().number("lease_ms")
    assert node.renew(stamp_ms=stamp)["reason"] == "ok"
    assert node.telemetry().number("lease_ms") == left  # never earlier than before
    node.run(5.1)
    assert node.renew(stamp_ms=stamp)["reason"] == "stale"


@pytest.mark.parametrize("age_ms", [-1, -1000, 10_001, 60_000, 2**31 - 1, -(2**31)])
def test_a_stamp_from_the_future_or_older_than_the_lease_is_stale(age_ms: int) -> None:
    node = Node(now_ms=WRAP - 4000).running(duration_s=300)
    before = node.telemetry().number("lease_ms")
    assert node.renew(stamp_ms=node.uptime_ms - age_ms)["reason"] == "stale"
    assert node.telemetry().number("lease_ms") == before


def test_a_stamp_of_zero_is_stale() -> None:
    node = Node(now_ms=WRAP - 3200).running(duration_s=300)
    assert node.renew(stamp_ms=0)["reason"] == "stale"


def test_a_lease_that_has_ended_is_not_renewed() -> None:
    node = Node().running(duration_s=300)
    node.run(10.1)
    assert node.renew()["reason"] == "wrong_state"
    assert node.resume()["state"] == "ramping"
    assert node.telemetry().number("lease_ms") == 10_000
    assert node.renew()["reason"] == "ok"


def test_a_renewal_that_comes_after_the_end_but_before_the_loop_looks_is_too_late() -> None:
    node = Node().running(duration_s=300)
    stamp = node.renew().number("uptime_ms")
    node.stall(10_000)
    answer = node.renew(stamp_ms=stamp + 9000)
    assert (answer["reason"], answer["state"], node.dark) == ("wrong_state", "suspended", True)


@pytest.mark.parametrize("modality", ["mask", "wand"])
@pytest.mark.parametrize("now_ms", [2**31 - 30_000, WRAP - 30_000, WRAP - 5000, WRAP - 1])
def test_a_whole_session_does_not_notice_that_the_clock_wraps(modality: str, now_ms: int) -> None:
    node = Node(modality, now_ms=now_ms).armed(duration_s=60)
    node.run(3, renew=ID)
    node.touch()
    node.run(10, renew=ID)
    node.touch(on=False)
    node.run(2)
    node.renew()
    node.touch()
    node.run(10, renew=ID)
    node.pause()
    node.run(30)
    node.resume()
    node.run(70, renew=ID)
    record = node.history(2)
    assert (record["outcome"], node.output_ms // 10) == ("completed", 6000)
    assert record.pairs("delivered")[5 if modality == "wand" else 1] - node.flowed() < 1
    assert node.telemetry()["fault"] == "-"


def test_old_times_do_not_come_back_when_the_clock_comes_round() -> None:
    node = Node(step_ms=50).running(duration_s=5)
    node.run(10, renew=ID)
    node.sense(button=True).tick()
    node.sense(button=False).tick()
    # Half of the clock's range and more: a time long ago would look like the future.
    for _ in range(5):
        node.run(WRAP / 2000 / 5 * 1.001)
    assert node.clear("over_temperature")["reason"] == "wrong_state"
    node.touch(on=False)
    node.ramping(session="00000000000000d2")
    node.run(0.5)
    assert node.level() > 0

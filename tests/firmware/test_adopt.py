"""Taking a session over: who may, when, what it changes, and how long a session lives at all."""

import itertools

import pytest

from .library import CLIENT, KEY, OTHER, RED, Node

ID = "00000000000000c1"
MODALITIES = pytest.mark.parametrize("modality", ["mask", "wand"])
STATES = {
    # the answer to a client with the key
    "idle": "wrong_state",
    "armed": "wrong_state",
    "armed, paused": "wrong_state",
    "ramping": "wrong_state",
    "running": "wrong_state",
    "armed again": "wrong_state",
    "contact": "lease_alive",
    "contact, long ago": "lease_alive",
    "lease": "ok",
    "paused": "ok",
}


def bring(node: Node, state: str) -> Node:
    """Bring a node into a state, its client connected and another one beside it."""
    node.connect(CLIENT, OTHER)
    if state == "idle":
        return node
    if state.startswith("armed") and state != "armed again":
        node.armed(duration_s=60)
        if state == "armed, paused":
            node.pause()
        return node
    node.ramping(duration_s=60).run(1, renew=ID)
    assert not node.dark
    if state == "ramping":
        return node
    node.run(5, renew=ID)
    if state in {"contact", "contact, long ago"}:
        node.touch(on=False)
        for _ in range(25 if state == "contact, long ago" else 0):
            node.run(1)
            node.renew()
    elif state == "lease":
        node.run(10.1)
        node.touch(on=False).touch()
    elif state in {"paused", "armed again"}:
        node.pause()
        if state == "armed again":
            node.touch(on=False).resume()
    return node


@MODALITIES
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("key", [KEY, "f" * 16, "0" * 16, KEY.upper(), "", KEY + "0"])
@pytest.mark.parametrize("client", [CLIENT, OTHER])
def test_who_may_adopt_what(modality: str, state: str, key: str, client: str) -> None:
    node = bring(Node(modality), state)
    before, output_ms = node.telemetry(), node.output_ms
    answer = node.adopt(key=key, client=client, sequence=1000)
    expected = STATES[state]
    if key != KEY and state != "idle":
        expected = "wrong_key"
    assert answer["reason"] == expected
    assert ("wait_s" in answer) == (expected == "lease_alive")
    if expected == "lease_alive":
        assert answer.number("wait_s") == -(-before.number("lease_ms") // 1000)
    after = node.telemetry()
    for name in before:
        assert name == "telemetry" or after[name] == before[name], name
    assert node.output_ms == output_ms
    holder = client if expected == "ok" else CLIENT
    if state != "idle":
        assert node.pause(client=holder, sequence=1001)["reason"] == "ok"
        stranger = OTHER if holder == CLIENT else CLIENT
        assert node.pause(client=stranger, sequence=1002)["reason"] == "not_client"


@MODALITIES
def test_a_client_that_is_gone_leaves_its_session_to_a_client_with_the_key_at_once(
    modality: str,
) -> None:
    node = bring(Node(modality), "running")
    node.connect(OTHER)
    assert node.adopt(client=OTHER)["reason"] == "ok"
    assert (node.state, node.dark, node.telemetry()["lease_ms"]) == ("suspended", True, "0")


@MODALITIES
@pytest.mark.parametrize("sessions", ["", "1", "0" * 16, "00000000000000C1", "00000000000000d2"])
def test_only_the_session_that_is_named_is_adopted(modality: str, sessions: str) -> None:
    node = bring(Node(modality), "paused")
    assert node.adopt(sessions, client=OTHER)["reason"] == "bad_session"
    assert node.pause()["reason"] == "ok"


@MODALITIES
def test_an_adopted_session_begins_at_a_new_edge_after_resuming_and_not_before(
    modality: str,
) -> None:
    node = bring(Node(modality), "running")
    node.connect(OTHER)
    node.adopt(client=OTHER)
    output_ms = node.output_ms
    node.touch(on=False).touch().run(5)  # an edge before anybody has asked to go on
    assert (node.state, node.output_ms) == ("suspended", output_ms)
    assert node.resume(client=OTHER)["state"] == "armed"
    node.run(2)
    assert (node.state, node.output_ms) == ("armed", output_ms)  # worn all the time
    node.touch(on=False).touch()
    assert node.state == "ramping"
    node.run(1)
    assert node.pause(client=OTHER)["reason"] == "ok"
    node.run(5)
    assert node.resume(client=OTHER)["state"] == "ramping"  # nobody has adopted it since


@MODALITIES
@pytest.mark.parametrize("state", ["suspended", "paused"])
def test_a_press_does_not_go_on_with_what_was_adopted(modality: str, state: str) -> None:
    node = bring(Node(modality), "paused" if state == "paused" else "lease")
    node.adopt(client=OTHER)
    node.press().run(5)
    assert (node.state, node.dark) == (state, True)
    node.resume(client=OTHER)
    node.press().run(3)
    assert (node.state, node.dark) == ("armed", True)


def test_without_a_sensor_the_button_is_the_edge_of_what_was_adopted() -> None:
    node = Node("mask", has_worn=False).armed(duration_s=60).press().run(1)
    node.connect(OTHER)
    assert node.adopt(client=OTHER)["reason"] == "ok"
    node.press().run(3)
    assert (node.state, node.dark) == ("suspended", True)
    node.resume(client=OTHER)
    node.run(3)
    assert (node.state, node.dark) == ("armed", True)
    assert node.press().state == "ramping"


@MODALITIES
@pytest.mark.parametrize("how", ["pause", "contact", "adopt", "press", "pause, adopt"])
def test_a_level_that_was_lowered_stays_lowered(modality: str, how: str) -> None:
    node = Node(modality).running(duration_s=120)
    node.set_levels({RED: 50 if node.wand else 5000})
    node.run(1, renew=ID)
    low = node.level()
    assert low == (50 if node.wand else 5000)
    since, client = len(node.changes()), CLIENT
    if "pause" in how:
        node.pause()
    if how == "contact":
        node.touch(on=False)
    if how == "press":
        node.run(11)
    if "adopt" in how:
        node.connect(OTHER)
        assert node.adopt(client=OTHER)["reason"] == "ok"
        client = OTHER
    node.run(3.5)
    if how == "press":
        node.press()
    elif how != "contact":
        assert node.resume(client=client)["reason"] == "ok"
    node.touch(on=False).touch()
    for _ in range(16):
        node.run(0.5)
        node.renew(client=client)
    assert (node.state, node.level()) == ("running", low)
    assert max(level for _, _, level in node.changes()[since:]) == low


@MODALITIES
def test_the_key_is_never_sent_or_stored(modality: str) -> None:
    node = Node(modality)
    key = "c0ffee00c0ffee11"
    answers = [node.start(resume_key=key, duration_s=60)]
    node.touch(on=False).touch().run(4)
    answers += [node.renew(), node.pause(), node.history(2), node.profile(), node.telemetry()]
    for message, number in itertools.product(answers, (key, str(int(key, 16)))):
        assert number not in message.text
    raw = int(key, 16)
    assert raw.to_bytes(8, "little") not in node.stored
    assert raw.to_bytes(8, "big") not in node.stored
    assert node.boot().adopt(key=key)["reason"] == "wrong_state"


@pytest.mark.parametrize("key", ["", "0" * 16, "C0FFEE00C0FFEE11", "c0ffee00c0ffee1", "x" * 16])
def test_a_start_needs_a_key(key: str) -> None:
    node = Node()
    assert node.start(resume_key=key)["reason"] == "wrong_key"
    assert (node.state, node.newest) == ("idle", 1)


# --- 60 min ---------------------------------------------------------------------------------------


def live_for(node: Node, seconds: int) -> None:
    """Let a session live for so long since its first output, 9 min paused and half a second lit."""
    first = next(at for at, _, level in node.changes() if level)
    while (rest := seconds - (node.uptime_ms - first) / 1000) > 0:
        node.pause()
        if rest <= 540:
            node.run(rest)
            return
        node.run(540)
        assert node.resume()["state"] == "ramping"
        node.run(0.5)


@MODALITIES
@pytest.mark.parametrize("state", ["paused", "armed", "running", "suspended"])
def test_a_session_lives_60_minutes_from_its_first_output_whatever_its_state(
    modality: str, state: str
) -> None:
    node = Node(modality)
    node.step_ms = 20
    node.ramping(duration_s=600).run(1)
    live_for(node, 3560)
    if state != "paused":
        node.touch(on=state == "running")
        assert node.resume()["reason"] == "ok"
    if state == "suspended":
        node.touch()
        node.run(5, renew=ID)
        node.touch(on=False)
    first = next(at for at, _, level in node.changes() if level)
    window_ms = node.telemetry().number("window_ms")
    assert state == "running" or abs(first + 3_600_000 - node.uptime_ms - window_ms) <= 40
    while node.uptime_ms - first < 3_599_900:
        node.run(0.5 if first + 3_599_900 - node.uptime_ms > 500 else 0.02, renew=ID)
        assert node.state in ("ramping" if state == "running" else state, "running")
    assert node.dark == (state != "running")
    node.run(0.2)
    assert (node.state, node.dark) == ("idle", True)
    assert node.history(2)["outcome"] == "partial"
    dark = max(at for at, _, level in node.changes() if not level)
    assert dark - first <= 3_600_000 + 25


def test_the_output_watchdog_keeps_the_60_minutes_in_a_silent_loop() -> None:
    node = Node()
    node.step_ms = 20
    node.ramping(duration_s=600).run(1)
    live_for(node, 3590)
    node.resume()
    first = next(at for at, _, level in node.changes() if level)
    node.run((first + 3_599_950 - node.uptime_ms) / 1000, renew=ID)
    assert node.level() > 0
    node.stall(80)  # less than the silence that trips
    assert node.dark
    node.tick()
    assert (node.state, node.history(2)["outcome"]) == ("idle", "partial")


# --- the output watchdog --------------------------------------------------------------------------


@MODALITIES
def test_a_node_whose_output_watchdog_cannot_be_started_starts_nothing(modality: str) -> None:
    node = Node(modality).with_watchdog(on=False).boot()
    assert (node.state, node.telemetry()["fault"], node.refuses) == (
        "fault",
        "output_watchdog",
        {"faulted": 0},
    )
    answer = node.start()
    assert (answer["reason"], answer["field"]) == ("faulted", "output_watchdog")
    assert node.clear("output_watchdog")["reason"] == "faulted"
    node.with_watchdog(on=True).boot()
    assert node.state == "fault"  # latched until a person clears it
    assert node.clear("output_watchdog")["reason"] == "ok"
    assert node.start()["reason"] == "ok"

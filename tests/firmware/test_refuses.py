"""What telemetry and `read_profile` say of a start, against what the start itself then answers."""

from collections.abc import Callable
from typing import Final

from hypothesis import given, settings, strategies as st
import pytest

from .library import CLIENT, OTHER, PROFILE, Node, refusals

MODALITIES = pytest.mark.parametrize("modality", ["mask", "wand"])
BO: Final = 78


def pair(modality: str) -> Node:
    """A node with two profiles."""
    node = Node(modality)
    node.enroll(BO)
    return node


def delivered(node: Node, session: str, seconds: float = 12, profile: int = PROFILE) -> Node:
    """A session that counts, taken off again."""
    node.touch(on=False)
    node.running(session=session, profile=profile, duration_s=20)
    node.run(seconds, renew=session)
    node.stop()
    return node.touch(on=False)


def agree(node: Node, profile: int) -> str:
    """Compare the reported refusals with the answer to the smallest start, and return it."""
    telemetry, counters = node.telemetry(), node.profile(profile)
    said = refusals(telemetry)
    if counters["reason"] == "ok":
        if counters["last_used"] == "1":
            said.pop("profile_gap", None)
        said |= refusals(counters)
    else:
        said |= {"not_enrolled": 0}
    session = f"{0x5000 + node.sequence:016x}"
    answer = node.start(
        session, profile=profile, peaks={0: 1}, budgets={0: 1}, duration_s=1, epoch_s=1
    )
    reason, wait_s = answer["reason"], int(answer.get("wait_s", 0))
    if reason == "ok":
        assert not said
        node.stop()
        return "ok"
    assert reason in said, (reason, said)
    assert wait_s == said[reason]
    return reason


def hot(node: Node) -> None:
    node.sense(temperature_c=40.0).tick()


def unknown(node: Node) -> None:
    node.sense(worn=None, impedance_ohm=None).tick()


def too_soon(node: Node) -> None:
    for number in range(3):
        node.armed(session=f"{0x900 + number:016x}", duration_s=60)
        node.touch().run(0.2)
        node.stop()
        node.touch(on=False).run(3.2)


def worn_since(node: Node) -> None:
    node.running(duration_s=60)
    node.stop()


def gap(node: Node) -> None:
    delivered(node, "0000000000000801", seconds=1)
    node.run(123.4)


def warm_gap(node: Node) -> None:
    delivered(node, "0000000000000801", seconds=1)
    node.wait(700)
    node.sense(temperature_c=37.5).tick()


def rest(node: Node) -> None:
    delivered(node, "0000000000000801")
    node.wait(1234)


def sessions_week(node: Node) -> None:
    for number in range(7 if node.modality == "mask" else 5):
        delivered(node, f"{0x900 + number:016x}")
        node.wait(73_000)


CASES: Final[dict[str, tuple[str, Callable[[Node], object], int]]] = {
    "nothing": ("ok", lambda node: node, PROFILE),
    "not enrolled": ("not_enrolled", lambda node: node, 5),
    "faulted": ("faulted", lambda node: node.store(fail=True).start(), PROFILE),
    "busy": ("busy", lambda node: node.armed(), PROFILE),
    "brown out": ("brown_out", lambda node: node.boot(brown_out=True).run(7.3), PROFILE),
    "too hot": ("too_hot", hot, PROFILE),
    "sensor": ("sensor_not_ready", unknown, PROFILE),
    "worn since boot": ("sensor_not_ready", lambda node: node.touch().boot().touch(), PROFILE),
    "worn since the last session": ("faulted", worn_since, PROFILE),
    "gap": ("profile_gap", gap, BO),
    "gap, warm": ("profile_gap", warm_gap, BO),
    "rest": ("rest", rest, PROFILE),
    "sessions of the week": ("sessions_week", sessions_week, PROFILE),
    "shut down": ("wrong_state", lambda node: node.shut_down(), PROFILE),
}


@MODALITIES
@pytest.mark.parametrize("case", CASES)
def test_what_refuses_a_start_is_what_was_said(modality: str, case: str) -> None:
    reason, prepare, profile = CASES[case]
    node = pair(modality)
    prepare(node)
    if case == "shut down":
        assert node.refuses["wrong_state"] == 0
        assert node.start()["reason"] == "wrong_state"
        return
    assert agree(node, profile) == reason


def test_a_wand_that_charges_says_so() -> None:
    node = pair("wand").sense(charging=True).tick()
    assert agree(node, PROFILE) == "charging"


def test_light_that_would_flicker_says_so_and_for_how_long() -> None:
    node = pair("mask")
    too_soon(node)
    assert 0 < node.refuses["too_soon"] <= 30
    assert agree(node, PROFILE) == "too_soon"
    node.run(node.refuses["too_soon"])
    assert "too_soon" not in node.refuses


def test_sessions_of_a_day_are_said() -> None:
    node = pair("mask")
    for number in range(2):
        delivered(node, f"{0x900 + number:016x}")
        node.wait(21_700)
    assert agree(node, PROFILE) == "sessions_day"
    assert agree(node, BO) == "ok"


def test_a_full_day_of_dose_is_said() -> None:
    node = pair("mask")
    node.running(peaks={0: 66_000}, budgets={0: 50_000_000}, duration_s=1200)
    node.boot()  # a cut: counted at its budget
    node.touch(on=False)
    node.wait(21_700)
    node.running(
        session="0000000000000802", peaks={0: 60_000}, budgets={0: 33_333_333}, duration_s=1200
    )
    node.boot()
    node.touch(on=False)
    node.wait(21_700)
    assert set(refusals(node.profile())) == {"dose_day", "sessions_day"}
    assert agree(node, PROFILE) in {"dose_day", "sessions_day"}


def test_several_reasons_are_all_said_and_each_once() -> None:
    node = pair("wand")
    node.armed()
    node.sense(charging=True, temperature_c=41.5, current_known=False).tick()
    assert node.refuses.keys() >= {"charging", "sensor_not_ready"}
    assert node.telemetry()["refuses"].count("sensor_not_ready") == 1


@MODALITIES
def test_the_gap_ends_in_the_very_second_that_was_said(modality: str) -> None:
    node = pair(modality)
    gap(node)
    wait_s = node.refuses["profile_gap"]
    node.run(wait_s - 1)
    assert (node.refuses["profile_gap"], agree(node, BO)) == (1, "profile_gap")
    node.run(1)
    assert ("profile_gap" in node.refuses, agree(node, BO)) == (False, "ok")


STEPS: Final = (
    "session",
    "other",
    "short",
    "cut",
    "brown",
    "hot",
    "cool",
    "worn",
    "off",
    "unknown",
)


@MODALITIES
@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.sampled_from((*STEPS, "minute", "hours", "day")), max_size=12))
def test_what_is_said_is_what_is_answered(modality: str, steps: list[str]) -> None:
    node = pair(modality)

    def session(number: int, profile: int, seconds: float) -> None:
        name = f"{0x700 + number:016x}"
        if node.start(name, profile=profile, duration_s=20, epoch_s=1)["reason"] == "ok":
            node.touch(on=False).touch().run(seconds, renew=name)
            node.stop()

    for number, step in enumerate(steps):
        match step:
            case "session" | "other" | "short":
                session(number, BO if step == "other" else PROFILE, 1 if step == "short" else 15)
            case "cut" | "brown":
                node.boot(brown_out=step == "brown")
            case "hot" | "cool":
                node.sense(temperature_c=40.0 if step == "hot" else 33.0).tick()
            case "worn" | "off":
                node.touch(on=step == "worn")
            case "unknown":
                unknown(node)
            case _:
                node.wait({"minute": 61, "hours": 21_700, "day": 86_500}[step])
        agree(node, PROFILE)
        agree(node, BO)


@MODALITIES
def test_telemetry_is_sent_when_another_reason_refuses_and_not_for_the_passing_of_time(
    modality: str,
) -> None:
    node = pair(modality)
    gap(node)
    for change in (
        lambda: unknown(node),
        lambda: node.touch(on=False),
        lambda: hot(node),
        lambda: node.sense(temperature_c=33.0).tick(),
        lambda: node.wait(600),
    ):
        before = node.reported_changes
        change()
        assert node.reported_changes > before
    before = node.reported_changes
    node.run(60)
    assert node.reported_changes == before


# --- nobody is named ------------------------------------------------------------------------------


@MODALITIES
def test_telemetry_names_no_client_and_no_profile(modality: str) -> None:
    tokens = (1_234_567_891, 1_987_654_321)
    clients = ("abcdef0123456789", "fedcba9876543210")
    node = Node(modality, clients=list(clients))
    for token in tokens:
        assert node.enroll(token, client=clients[0])["reason"] == "ok"
    messages = [node.telemetry().text]
    node.start(profile=tokens[0], client=clients[0], duration_s=60)
    messages.append(node.telemetry().text)
    node.touch(on=False).touch().run(4)
    messages.append(node.telemetry().text)
    node.connect(clients[1])
    messages.append(node.telemetry().text)
    messages.append(node.history(2, tokens[0], client=clients[1], sequence=5).text)
    assert node.history(2, tokens[0], client=clients[1], sequence=6)["of_profile"] == "1"
    assert node.history(2, tokens[1], client=clients[1], sequence=7)["of_profile"] == "0"
    for message in messages:
        for secret in (*map(str, tokens), *clients):
            assert secret not in message
        assert not {"client", "owner", "subjects"} & {
            word.split("=")[0] for word in message.split()
        }


@MODALITIES
def test_the_generation_rises_with_every_change_of_a_profile_and_with_nothing_else(
    modality: str,
) -> None:
    node = Node(modality)
    seen = node.profiles
    node.run(60)
    node.profile()
    assert node.profiles == seen
    for change in (
        lambda: node.enroll(5),
        lambda: node.armed(duration_s=60),
        node.stop,
        lambda: node.armed(session="0000000000000802", duration_s=60),
    ):
        change()
        assert node.profiles[1] > seen[1]
        seen = node.profiles
    node.touch(on=False).touch().run(3)
    node.set_levels({0: 50}, "0000000000000802")
    assert node.profiles == seen
    node.boot()
    assert node.profiles[0] == 2


def test_a_stranger_at_the_connection_learns_nothing_to_renew_with() -> None:
    node = Node(clients=[CLIENT, OTHER]).running(duration_s=60)
    for word in node.telemetry().text.replace("=", " ").replace(",", " ").replace(":", " ").split():
        assert node.renew(client=word, sequence=10_000)["reason"] == "not_client", word

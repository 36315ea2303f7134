"""Compiled nodes against a hostile client, power cuts and a stalled loop, judged by the witness."""

import asyncio
import collections
from collections.abc import Sequence
import contextlib
import itertools
import random
import socket
import time
from typing import Any, Final

from aioesphomeapi.api_pb2 import ExecuteServiceArgument, ExecuteServiceRequest  # type: ignore[attr-defined] # generated
import pytest

from tests.real.framing import plain

from .fuzzing import LONG
from .real import FULL, NODES, SESSION, RealNode, Starter
from .wire import Line, signed

pytestmark = pytest.mark.skipif(
    not (NODES / "mask-host").exists(), reason="no compiled nodes: scripts/setup nodes"
)

EXTREMES: Final = [
    0,
    -1,
    1,
    2,
    2**31 - 1,
    -(2**31),
    1001,
    1201,
    10_001,
    65_536,
    80_001,
    100_000_001,
]
BAD: Final[dict[str, Sequence[Any]]] = {
    "INT": EXTREMES,
    "STRING": ["", "0" * 16, "f" * 16, "x" * 300],
    "INT_ARRAY": [[], [0], [2**31 - 1], [1, 1], [1] * 40],
}
STALLS: Final = [
    (state, ms)
    for ms in (20, 60, 120, 500, 5000)
    for state in ("idle", "armed", "ramping", "running", "suspended", "paused")
    if LONG or state == "running" or ms == 500 or (ms == 120 and state not in {"idle", "suspended"})
]
SILENCE_S: Final = {"mask": 0.1, "wand": 0.04}


def _spans(node: RealNode) -> list[tuple[float, float]]:
    """Return the finished spans with any output."""
    levels: dict[int, int] = {}
    spans, since = [], 0.0
    for at, channel, ppm in node.witness():
        was_on = any(levels.values())
        levels[channel] = ppm
        if any(levels.values()) and not was_on:
            since = at
        elif was_on and not any(levels.values()):
            spans.append((since, at))
    return spans


async def _quietly(node: RealNode, action: str, **arguments: Any) -> Line | None:
    """Call an action that may be refused, or get no answer at all."""
    with contextlib.suppress(Exception):
        return await asyncio.wait_for(node.call(action, **arguments), 1)
    return None


# --- commands -------------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", ["mask", "wand"])
async def test_no_extreme_of_any_argument_gets_more_out_of_a_session(
    start_node: Starter, modality: str
) -> None:
    node = await start_node(modality)
    await node.arm(lease_ms=5000)
    node.touch()
    await node.until_state("ramping")
    asked = 0
    # An accepted sequence number makes all lower ones stale, so those come last. Correct stamps and
    # profiles do no harm.
    arguments = [
        (name, action, argument)
        for name, action in node.actions.items()
        for argument in action.args
        if name != "simulate_stall"
        and (name, argument.name)
        not in {("renew_lease", "stamp_ms"), ("enroll_profile", "profile")}
    ]
    for name, action, argument in sorted(arguments, key=lambda each: each[2].name == "sequence"):
        assert argument.type is not None
        defaults: dict[str, Any] = {
            other.name: _plain(other.type.name)
            for other in action.args[4:]
            if other.type is not None
        }
        if "session" in defaults:
            defaults["session"] = SESSION
        if argument.name != "sequence":
            renewed = await node.call(
                "renew_lease",
                session=SESSION,
                stamp_ms=signed(node.telemetry[-1].number("uptime_ms")),
            )
            assert (renewed["reason"], renewed["state"] in {"ramping", "running"}) == (
                "ok",
                True,
            ), (name, argument.name)
        for value in BAD[argument.type.name]:
            answer = await _quietly(node, name, **{**defaults, argument.name: value})
            asked += answer is not None and answer["reason"] != "ok"
    stopped = await node.call("stop_session")
    assert stopped["output"] == "0"
    assert asked > 80
    granted = {5: 200_000} if modality == "wand" else {1: 700_000, 2: 350_000}
    for _, channel, ppm in node.witness():
        assert ppm <= granted.get(channel, 0)


@pytest.mark.parametrize("modality", ["mask", "wand"])
async def test_no_extreme_of_any_argument_of_a_start_makes_light(
    start_node: Starter, modality: str
) -> None:
    node = await start_node(modality)
    refused = 0
    for argument in node.actions["start_session"].args[4:]:
        assert argument.type is not None
        for value in BAD[argument.type.name]:
            answer = await node.call("start_session", **node.request(**{argument.name: value}))
            refused += answer["reason"] != "ok"
            assert answer["state"] == ("armed" if answer["reason"] == "ok" else "idle")
            assert (await node.call("stop_session"))["output"] == "0"
            await node.until(lambda: node.telemetry[-1]["state"] == "idle")
    assert refused > 40
    assert node.witness() == []


def _plain(kind: str) -> Any:
    """An argument that is well-formed and means nothing."""
    return "" if kind == "STRING" else 1 if kind == "INT" else [1]


async def test_arguments_that_are_too_few_too_many_or_of_another_kind_move_nothing(
    start_node: Starter,
) -> None:
    node = await start_node("mask")
    await node.arm(lease_ms=5000)
    node.touch()
    await node.until_state("ramping")
    kinds = [
        ExecuteServiceArgument(),
        ExecuteServiceArgument(int_=1),
        ExecuteServiceArgument(string_="x" * 200),
        ExecuteServiceArgument(int_array=[1] * 200),
    ]
    for action in node.actions.values():
        right = len(action.args)
        for count in {0, right - 1, right, right + 1, 60} - {-1}:
            for kind in kinds:
                if action.name in {"stop_session", "simulate_stall"} and count == right:
                    continue
                node.client._get_connection().send_message(
                    ExecuteServiceRequest(key=action.key, args=[kind] * count)
                )
    # Its answer comes after all that.
    renewed = await node.call(
        "renew_lease", session=SESSION, stamp_ms=signed(node.telemetry[-1].number("uptime_ms"))
    )
    assert (renewed["reason"], renewed["state"]) == ("ok", "ramping")
    assert (await node.call("stop_session"))["output"] == "0"
    assert all(
        ppm <= {1: 700_000, 2: 350_000}.get(channel, 0) for _, channel, ppm in node.witness()
    )


async def test_foreign_stale_and_repeated_commands_move_nothing(start_node: Starter) -> None:
    node = await start_node("mask")
    await node.arm(lease_ms=3000)
    node.touch()
    await node.until_state("ramping")
    began = time.monotonic()
    stamp = signed(node.telemetry[-1].number("uptime_ms"))
    first = await node.call("renew_lease", session=SESSION, stamp_ms=stamp)
    for _ in range(30):
        # The same command repeated, a client that is not connected, an earlier boot, a used stamp.
        again = await node.call(
            "renew_lease", session=SESSION, stamp_ms=stamp, sequence=node.sequence
        )
        node.sequence -= 1
        assert again.text == first.text
        assert (await node.call("renew_lease", session=SESSION, stamp_ms=stamp, client="f" * 16))[
            "reason"
        ] == "not_client"
        assert (await node.call("renew_lease", session=SESSION, stamp_ms=stamp, boot=1))[
            "reason"
        ] == "wrong_boot"
        assert (await node.call("renew_lease", session=SESSION, stamp_ms=stamp, sequence=1))[
            "reason"
        ] == "stale"
        node.sequence -= 3
        await asyncio.sleep(0.05)
    await node.until(lambda: node.dark, 4)
    assert _spans(node)[-1][1] - began < 3.05


async def test_two_clients_that_race_get_one_session_and_one_client(start_node: Starter) -> None:
    node = await start_node("mask")
    other = RealNode("mask", node.directory)
    other.port, other.process = node.port, node.process
    await other.connect()
    sessions = [f"{number:016x}" for number in range(0x200, 0x220)]
    answers = await asyncio.gather(
        *(
            _arm(client, session)
            for client, session in zip(itertools.cycle([node, other]), sessions, strict=False)
        )
    )
    assert [answer["reason"] for answer in answers].count("ok") == 1
    winner = next(
        session
        for session, answer in zip(sessions, answers, strict=True)
        if answer["reason"] == "ok"
    )
    assert {answer["reason"] for answer in answers} <= {"ok", "busy", "unseen_session", "stale"}
    node.touch()
    await node.until_state("ramping")
    loser = (
        other
        if (await _quietly(node, "set_levels", session=winner, channels=[1], levels_uw_cm2=[1000]))
        is not None
        else node
    )
    assert loser is other
    with contextlib.suppress(Exception):
        await other.client.disconnect()
    assert (await node.call("stop_session"))["output"] == "0"


async def _arm(node: RealNode, session: str) -> Line:
    """Ask for a session of this id, whatever comes of it."""
    with contextlib.suppress(AssertionError):
        return await node.call("start_session", **node.request(session=session))
    raise AssertionError(session)


async def test_a_thousand_commands_a_second_and_the_lease_still_ends_in_time(
    start_node: Starter, capsys: pytest.CaptureFixture[str]
) -> None:
    node = await start_node("mask")
    answer = await node.arm(lease_ms=4000)
    node.touch()
    await node.until_state("ramping")
    end, asked = time.monotonic() + 5, 0
    began = time.monotonic()
    while time.monotonic() < end:
        await asyncio.gather(*(node.call("read_history", record=1, profile=7) for _ in range(50)))
        asked += 50
    rate = asked / (time.monotonic() - began)
    with capsys.disabled():
        print(f"\nhostile: {rate:.0f} commands a second")  # noqa: T201 - the figure is wanted
    dark = max(at for at, _, ppm in node.witness() if ppm == 0)
    assert dark * 1000 - (answer.number("uptime_ms") + 4000) < 130
    assert rate >= 1000


# --- sockets --------------------------------------------------------------------------------------


async def test_sockets_that_say_nothing_half_of_something_or_garbage_stop_nothing(
    start_node: Starter,
) -> None:
    node = await start_node("mask")
    await node.arm(lease_ms=3000)
    node.touch()
    await node.until_state("ramping")
    rng = random.Random(7)  # noqa: S311 - no secret
    sockets = []
    for number in range(24):
        found = socket.socket()
        found.settimeout(0.5)
        with contextlib.suppress(OSError):
            found.connect(("127.0.0.1", node.port))
            if number % 3 == 1:
                found.send(b"\x00\xff\xff\xff")  # the begin of a long frame, and no more
            elif number % 3 == 2:
                found.send(rng.randbytes(500))
        sockets.append(found)
        await asyncio.sleep(0.02)
    began = time.monotonic()
    answer = await node.call(
        "renew_lease", session=SESSION, stamp_ms=signed(node.telemetry[-1].number("uptime_ms"))
    )
    assert answer["reason"] == "ok"
    assert time.monotonic() - began < 0.5
    for found in sockets[::2]:
        found.close()
    assert (await node.call("stop_session"))["output"] == "0"
    assert node.dark
    for found in sockets:
        found.close()


async def test_garbage_in_every_kind_of_frame_after_a_right_hello_stops_nothing(
    start_node: Starter,
) -> None:
    node = await start_node("mask")
    await node.arm(lease_ms=5000)
    node.touch()
    await node.until_state("ramping")
    rng = random.Random(13)  # noqa: S311 - no secret
    for kind in range(150):
        reader, writer = await asyncio.open_connection("127.0.0.1", node.port)
        writer.write(
            plain(1, b"") + b"".join(plain(kind, rng.randbytes(size)) for size in (0, 1, 20, 300))
        )
        with contextlib.suppress(TimeoutError, ConnectionError):
            await asyncio.wait_for(reader.read(1), 0.2)
        writer.close()
        if kind % 50 == 0:
            renewed = await node.call(
                "renew_lease",
                session=SESSION,
                stamp_ms=signed(node.telemetry[-1].number("uptime_ms")),
            )
            assert renewed["reason"] == "ok"
    assert not node.dark
    assert (await node.call("stop_session"))["output"] == "0"
    assert all(
        ppm <= {1: 700_000, 2: 350_000}.get(channel, 0) for _, channel, ppm in node.witness()
    )


# --- stalls ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", ["mask", "wand"])
async def test_a_loop_that_stalls_is_dark_within_the_guards_time_whatever_it_was_doing(
    start_node: Starter, modality: str, capsys: pytest.CaptureFixture[str]
) -> None:
    node = await start_node(modality)
    figures = []
    for number, (state, stall_ms) in enumerate(STALLS):
        session = f"{0x300 + number:016x}"
        await node.fresh()
        if state != "idle":
            await node.arm(session=session, lease_ms=5000)
        if state not in {"idle", "armed"}:
            node.touch()
            await node.until_state("ramping")
            await asyncio.sleep(0.3)
        if state == "suspended":
            node.touch(on=False)
            await node.until_state("suspended")
        if state == "running":
            await node.keep(session, 2.9 if modality == "mask" else 4.9)
            await node.until_state("running")
        if state == "paused":
            await node.call("pause_session", session=session)
        asked = time.monotonic()
        await node.client.execute_service(node.actions["simulate_stall"], {"duration_ms": stall_ms})
        await asyncio.sleep(stall_ms / 1000 + 0.1)
        spans = [end for _, end in _spans(node) if end >= asked]
        if state in {"ramping", "running"} and stall_ms / 1000 > SILENCE_S[modality] + 0.02:
            late = min(spans) - asked
            figures.append(f"{state} {stall_ms} ms: dark after {late * 1000:.0f} ms")
            assert late < SILENCE_S[modality] + 0.05
        elif state not in {"ramping", "running"}:
            assert not spans
        assert (await node.call("stop_session"))["output"] == "0"
    with capsys.disabled():
        print(f"\nstalls of a {modality}: {'; '.join(figures)}")  # noqa: T201 - the figures are wanted


# --- power ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("modality", ["mask", "wand"])
async def test_power_that_is_cut_at_any_instant_leaves_darkness_and_a_record_that_is_no_lower(
    start_node: Starter, modality: str, capsys: pytest.CaptureFixture[str]
) -> None:
    node = await start_node(modality)
    rng = random.Random(11)  # noqa: S311 - no secret
    cuts = 100 if LONG else 8
    outcomes: collections.Counter[str] = collections.Counter()
    with_light = 0
    for number in range(cuts):
        await node.fresh()
        session = f"{0x500 + number:016x}"
        before = len(node.witness())
        task = asyncio.ensure_future(_session(node, session))
        await asyncio.sleep(rng.uniform(0, 1.6))
        cut = await node.cut()
        task.cancel()
        with contextlib.suppress(BaseException):
            await task
        flowed = {
            channel: node.dose_since(before, channel, FULL[channel], cut)
            for channel in ([5] if modality == "wand" else [1, 2])
        }
        with_light += any(flowed.values())
        lines = len(node.witness())
        await node.start()
        assert node.telemetry[-1]["state"] == "idle"
        assert node.telemetry[-1]["fault"] == "-"
        newest = node.telemetry[-1].number("record")
        record = await node.call("read_history", record=newest, profile=7)
        if record["entry_session"] == session:
            outcomes[record["outcome"]] += 1
            for channel, dose in flowed.items():
                # A closed session is counted in whole milliseconds, the witness counts nanoseconds.
                slack = 0 if record["outcome"] == "unclosed" else 0.005 * FULL[channel]
                assert record.pairs("delivered")[channel] >= dose - slack
        else:
            outcomes["not begun"] += 1
            assert not any(flowed.values())
        await asyncio.sleep(0.05)
        assert len(node.witness()) == lines
    with capsys.disabled():
        print(f"\npower cuts of a {modality}: {cuts}, {with_light} after light, {dict(outcomes)}")  # noqa: T201 - the figures are wanted


async def _session(node: RealNode, session: str) -> None:
    """Begin one, and stop it, at whatever pace."""
    await node.call("start_session", **node.request(session=session))
    node.touch()
    await asyncio.sleep(1.2)
    await node.call("stop_session")

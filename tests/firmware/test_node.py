"""Compiled nodes over the native API: the governor's rules as a client and a witness see them."""

import asyncio
import itertools
from pathlib import Path
import signal
import time

import pytest

from .real import KEY, NODES, SESSION, Starter
from .wire import signed

pytestmark = pytest.mark.skipif(
    not (NODES / "mask-host").exists(), reason="no compiled nodes: scripts/setup nodes"
)

HEADER = ["client", "boot", "sequence", "not_after_ms"]
BEGIN = [
    *HEADER,
    "session",
    "resume_key",
    "last_record",
    "profile",
    "skin_permille",
    "duration_s",
    "lease_ms",
    "window_s",
    "epoch_s",
]


@pytest.mark.parametrize(
    ("modality", "start", "levels"),
    [
        ("mask", ["channels", "peaks_uw_cm2", "budgets_uj_cm2"], ["channels", "levels_uw_cm2"]),
        ("wand", ["peak_ua", "period_us", "zone_s", "budget_uc"], ["level_ua"]),
    ],
)
async def test_names_order_and_types_of_the_actions_are_those_of_the_contract(
    start_node: Starter, modality: str, start: list[str], levels: list[str]
) -> None:
    node = await start_node(modality)
    expected = {
        "start_session": BEGIN + start,
        "set_levels": [*HEADER, "session", *levels],
        "renew_lease": [*HEADER, "session", "stamp_ms"],
        "pause_session": [*HEADER, "session"],
        "resume_session": [*HEADER, "session"],
        "adopt_session": [*HEADER, "session", "resume_key"],
        "stop_session": [],
        "clear_fault": [*HEADER, "fault"],
        "read_history": [*HEADER, "record", "profile"],
        "enroll_profile": [*HEADER, "profile"],
        "read_profile": [*HEADER, "profile"],
    }
    found = {
        name: [argument.name for argument in action.args]
        for name, action in node.actions.items()
        if name != "simulate_stall"
    }
    assert found == expected
    for action in node.actions.values():
        for argument in action.args:
            array = argument.name in {"channels", "peaks_uw_cm2", "budgets_uj_cm2", "levels_uw_cm2"}
            text = argument.name in {"client", "session", "resume_key", "fault"}
            assert argument.type is not None
            assert argument.type.name == ("INT_ARRAY" if array else "STRING" if text else "INT")
    assert (await node.client.device_info()).project_name == f"facial_therapy.{modality}"
    for entity in ("telemetry", "description"):
        assert node.entities[entity].disabled_by_default


@pytest.mark.parametrize(
    ("modality", "ramp_s", "ppm"),
    [("mask", 3, {1: 700_000, 2: 350_000}), ("wand", 5, {5: 200_000})],
)
async def test_a_session_from_arming_to_stop(
    start_node: Starter, modality: str, ramp_s: float, ppm: dict[int, int]
) -> None:
    node = await start_node(modality)
    await node.arm()
    assert node.witness() == []
    node.touch()
    await node.until_state("ramping")
    stamp = (
        await node.call(
            "renew_lease", session=SESSION, stamp_ms=signed(node.telemetry[-1].number("uptime_ms"))
        )
    ).number("uptime_ms")
    for _ in range(round(ramp_s) + 1):
        await asyncio.sleep(1)
        answer = await node.call("renew_lease", session=SESSION, stamp_ms=signed(stamp))
        assert answer["reason"] == "ok"
        stamp = answer.number("uptime_ms")
    await node.until_state("running")
    changes = node.witness()
    for channel, level in ppm.items():
        steps = [(at, value) for at, number, value in changes if number == channel]
        assert steps[-1][1] == level
        assert steps[-1][0] - steps[0][0] == pytest.approx(ramp_s, abs=0.15)
        assert [value for _, value in steps] == sorted(value for _, value in steps)
        assert max(later - earlier for (earlier, _), (later, _) in itertools.pairwise(steps)) < 0.04
    began = time.monotonic()
    answer = await node.call("stop_session")
    assert (answer["output"], answer["state"], node.dark) == ("0", "idle", True)
    assert time.monotonic() - began < 0.2
    record = await node.call("read_history", record=2, profile=7)
    assert record["outcome"] == "stopped"
    for channel, full in {1: 40_000, 2: 40_000, 5: 1000}.items():
        steps = [(at, value) for at, number, value in node.witness() if number == channel]
        witnessed = sum(
            value / 1e6 * full * (later - at)
            for (at, value), (later, _) in itertools.pairwise(steps)
        )
        if steps:
            assert record.pairs("delivered")[channel] == pytest.approx(witnessed, rel=0.005)


@pytest.mark.parametrize("modality", ["mask", "wand"])
async def test_a_lease_that_is_not_renewed_ends_in_darkness_without_a_ramp(
    start_node: Starter, modality: str
) -> None:
    node = await start_node(modality)
    answer = await node.arm(lease_ms=2000)
    node.touch()
    await node.until_state("ramping")
    await node.until_state("suspended")
    assert node.telemetry[-1]["cause"] == "lease"
    last = max(at for at, _, ppm in node.witness() if ppm == 0)
    assert 0 <= last * 1000 - (answer.number("uptime_ms") + 2000) < 25


@pytest.mark.parametrize(("modality", "silence_s"), [("mask", 0.1), ("wand", 0.04)])
async def test_a_component_that_blocks_the_loop_is_cut_off_by_the_output_watchdog(
    start_node: Starter, modality: str, silence_s: float
) -> None:
    node = await start_node(modality)
    await node.arm()
    node.touch()
    await node.until_state("ramping")
    await asyncio.sleep(1)
    await node.client.execute_service(node.actions["simulate_stall"], {"duration_ms": 3000})
    asked = time.monotonic()
    await node.until(lambda: node.dark, 1.5)
    assert time.monotonic() - asked < 1.5  # the loop is still blocked
    changes = node.witness()
    dark = changes[-1][0]
    last_on = max(at for at, _, ppm in changes if ppm)
    assert dark - last_on < silence_s + 0.03
    await node.until(lambda: node.telemetry[-1].number("watchdog_trips") == 1, 5)


async def test_a_client_that_is_gone_takes_the_light_with_it(start_node: Starter) -> None:
    node = await start_node("mask")
    await node.arm()
    node.touch()
    await node.until_state("ramping")
    await asyncio.sleep(0.5)
    assert not node.dark
    await node.client.disconnect(force=True)
    await node.until(lambda: node.dark, 2)
    await node.connect()
    assert (node.telemetry[-1]["state"], node.telemetry[-1]["cause"]) == ("suspended", "client")
    assert (await node.call("resume_session", session=SESSION))["reason"] == "not_client"
    assert (await node.call("adopt_session", session=SESSION, resume_key="f" * 16))[
        "reason"
    ] == "wrong_key"
    assert (await node.call("adopt_session", session=SESSION, resume_key=KEY))[
        "state"
    ] == "suspended"
    assert (await node.call("resume_session", session=SESSION))["state"] == "armed"
    await asyncio.sleep(0.3)
    assert node.dark


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
async def test_a_program_that_dies_comes_back_dark_and_remembers(
    start_node: Starter, how: signal.Signals
) -> None:
    node = await start_node("mask")
    await node.arm()
    node.touch()
    await node.until_state("ramping")
    await asyncio.sleep(1)
    node.process.send_signal(how)
    node.process.wait(5)
    await node.client.disconnect(force=True)
    before = len(node.witness())
    await node.start()
    assert node.telemetry[-1]["state"] == "idle"
    record = await node.call("read_history", record=2, profile=7)
    if how == signal.SIGKILL:
        assert (record["outcome"], record.pairs("delivered")) == (
            "unclosed",
            {1: 1_680_000, 2: 840_000},
        )
    else:
        assert record["outcome"] == "partial"
        assert 0 < record.pairs("delivered")[1] < 100_000
    await asyncio.sleep(0.5)
    assert len(node.witness()) == before


async def test_a_frozen_program_is_dark_when_it_thaws(start_node: Starter) -> None:
    node = await start_node("mask")
    await node.arm(lease_ms=1500)
    node.touch()
    await node.until_state("ramping")
    await asyncio.sleep(0.3)
    node.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(2)
    thawed = time.monotonic()
    node.process.send_signal(signal.SIGCONT)
    await node.until_state("suspended")
    assert max(at for at, _, ppm in node.witness() if ppm == 0) - thawed < 0.05
    assert node.dark


async def test_a_burst_of_commands_gets_an_answer_each(start_node: Starter) -> None:
    node = await start_node("mask")
    answers = await asyncio.gather(
        *(node.call("read_history", record=1, profile=7) for _ in range(500))
    )
    assert {answer["reason"] for answer in answers} == {"ok"}
    assert len({answer["sequence"] for answer in answers}) == 500


async def test_nothing_starts_after_a_brown_out(
    start_node: Starter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACIAL_THERAPY_RESET", "brown_out")
    node = await start_node("mask")
    answer = await node.call("start_session", **node.request())
    assert answer["reason"] == "brown_out"
    assert 50 <= answer.number("wait_s") <= 60


async def test_a_node_fresh_from_its_maker_is_commissioned_by_its_button(
    start_node: Starter, tmp_path: Path
) -> None:
    node = await start_node("mask")
    await node.stop()
    for records in (tmp_path / "state").iterdir():
        records.write_bytes(records.read_bytes()[:-1])  # one byte is gone
    await node.start()
    assert (node.telemetry[-1]["state"], node.telemetry[-1]["fault"]) == ("fault", "store")
    assert (await node.call("start_session", **node.request()))["reason"] == "faulted"
    node.set("simulated_button", value=True)
    line = await node.until_state("idle", 12)
    assert (line["record"], line["profiles"].partition(":")[0]) == ("1", "0")
    assert (await node.call("read_history", record=1, profile=7))["outcome"] == "reset"

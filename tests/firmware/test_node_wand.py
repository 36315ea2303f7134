"""The compiled wand as a witness sees it: contact, current, zones; and the heat of both nodes."""

import asyncio
import time

from aioesphomeapi.api_pb2 import SubscribeLogsResponse  # type: ignore[attr-defined] # generated
from aioesphomeapi.model import LogLevel
import pytest

from .real import NODES, SESSION, RealNode, Starter
from .wire import signed

pytestmark = pytest.mark.skipif(
    not (NODES / "wand-host").exists(), reason="no compiled nodes: scripts/setup nodes"
)


async def renew(node: RealNode, seconds: float) -> None:
    """Let it flow for a while."""
    for _ in range(round(seconds)):
        await asyncio.sleep(1)
        await node.call(
            "renew_lease", session=SESSION, stamp_ms=signed(node.telemetry[-1].number("uptime_ms"))
        )


async def flowing(start_node: Starter, modality: str = "wand", seconds: int = 2) -> RealNode:
    """A node in a session, some way up its ramp."""
    node = await start_node(modality)
    await node.arm()
    node.touch()
    await node.until_state("ramping")
    await renew(node, seconds)
    assert not node.dark
    return node


async def dark_after(node: RealNode, asked: float) -> float:
    """How long it took from `asked` to zero, in seconds; the way over the API included."""
    await node.until(lambda: node.dark)
    return node.witness()[-1][0] - asked


async def test_zero_within_50_ms_of_lost_contact(start_node: Starter) -> None:
    node = await flowing(start_node)
    for _ in range(3):
        asked = time.monotonic()
        node.touch(on=False)
        assert await dark_after(node, asked) <= 0.05
        node.touch()
        await node.until_state("ramping")
        await renew(node, 1)


async def test_too_much_current_is_zero_within_10_ms_and_latches(start_node: Starter) -> None:
    node = await flowing(start_node)
    asked = time.monotonic()
    node.set("simulated_stray_current", 500)
    # 10 ms are the node's; the rest is the way over the API.
    assert await dark_after(node, asked) <= 0.025
    await node.until_state("fault")
    assert node.telemetry[-1]["fault"] == "over_current"


async def test_a_current_that_is_not_symmetric_latches(start_node: Starter) -> None:
    node = await flowing(start_node)
    node.set("simulated_stray_current", 9)
    await renew(node, 1)
    assert not node.dark
    asked = time.monotonic()
    node.set("simulated_stray_current", 14)  # below what counts as too much
    assert await dark_after(node, asked) <= 0.4  # two windows of one period each
    await node.until_state("fault")
    assert node.telemetry[-1]["fault"] == "net_charge"


async def test_current_after_the_end_latches_while_nobody_uses_it(start_node: Starter) -> None:
    node = await start_node("wand")
    node.set("simulated_stray_current", 40)
    await node.until_state("fault")
    assert node.telemetry[-1]["fault"] == "over_current"


async def test_the_node_signals_the_end_of_a_zone(start_node: Starter) -> None:
    node = await start_node("wand")
    lines: list[bytes] = []

    def on_log(message: SubscribeLogsResponse) -> None:
        lines.append(message.message)

    node.client.subscribe_logs(on_log, log_level=LogLevel.LOG_LEVEL_INFO)
    await node.arm(zone_s=2)
    node.touch()
    await node.until_state("ramping")
    await renew(node, 3)
    assert node.telemetry[-1]["zone"] == "2"
    assert [line for line in lines if b"move on" in line] != []
    assert all(b"zone 1:" not in line for line in lines)


@pytest.mark.parametrize(
    ("modality", "channel", "full"), [("mask", 1, 700_000), ("wand", 5, 200_000)]
)
async def test_warm_skin_halves_the_level_at_once(
    start_node: Starter, modality: str, channel: int, full: int
) -> None:
    node = await flowing(start_node, modality, 6)
    node.set("simulated_temperature", 39.3)
    await node.until(lambda: node.telemetry[-1]["heat"] == "derated")
    assert [ppm for _, number, ppm in node.witness() if number == channel][-2:] == [full, full // 2]
    assert node.telemetry[-1]["state"] == "running"

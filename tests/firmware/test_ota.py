"""An update over the network that stops after any byte: the loop may block, but output goes off."""

import asyncio
from collections.abc import AsyncGenerator
import contextlib
import hashlib
import math
from pathlib import Path
import shutil
import time
from typing import Final

import pytest

from .fuzzing import LONG
from .real import FULL, NODES, SESSION, RealNode
from .wire import signed

PROGRAM: Final = NODES / "ota-host"
pytestmark = pytest.mark.skipif(
    not PROGRAM.exists(), reason="no compiled node: scripts/setup ota_node"
)

PASSWORD: Final = b"test only"
MAGIC: Final = bytes.fromhex("6c26f75c45")
FEATURES: Final = b"\x06"  # SHA-256 and the extended protocol
KIND_AND_SIZE: Final = b"\0" + (100_000).to_bytes(4)
AUTHENTICATED: Final = len(MAGIC) + len(FEATURES) + 128
"""After so many bytes of the client the node waits for the rest in a blocked loop."""
STARTED: Final = AUTHENTICATED + len(KIND_AND_SIZE)
"""After so many the update has begun, which the governor learns."""
ALL: Final = STARTED + 32
SILENCE_S: Final = 0.1


@contextlib.asynccontextmanager
async def client(port: int, count: int) -> AsyncGenerator[None]:
    """Connect, send this many bytes of the handshake, and no more; leave at the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    nonce, left = b"", count
    for part, answer in (
        (MAGIC, 2),
        (FEATURES, 2 + 65),
        (b"", 1),
        (KIND_AND_SIZE, 1),
        (b"0" * 32, 1),
    ):
        proof = hashlib.sha256(PASSWORD + nonce + b"a" * 64).hexdigest().encode()
        sent = (part or b"a" * 64 + proof)[:left]
        writer.write(sent)
        await writer.drain()
        left -= len(sent)
        if left == 0:
            break
        nonce = (await asyncio.wait_for(reader.readexactly(answer), 5))[-64:]
    try:
        yield
    finally:
        writer.close()


@pytest.fixture
async def node(tmp_path: Path, socket_enabled: None) -> AsyncGenerator[RealNode]:  # noqa: ARG001 - allows them
    """A node whose program may be overwritten."""
    program = tmp_path / PROGRAM.name
    shutil.copy(PROGRAM, program)
    node = RealNode("mask", tmp_path, program)
    await node.start()
    yield node
    await node.stop()


async def renew(node: RealNode) -> None:
    """Keep the lease."""
    answer = await node.call(
        "renew_lease", session=SESSION, stamp_ms=signed(node.telemetry[-1].number("uptime_ms"))
    )
    assert answer["reason"] == "ok"


def ceiling(node: RealNode) -> None:
    """Assert that no channel was ever brighter than requested."""
    assert all(
        ppm <= {1: 700_000, 2: 350_000}.get(channel, 0) for _, channel, ppm in node.witness()
    )


async def test_before_it_has_shown_the_password_a_client_that_stalls_stops_nothing(
    node: RealNode,
) -> None:
    await node.arm(
        duration_s=300, peaks_uw_cm2=[28_000, 14_000], budgets_uj_cm2=[8_400_000, 4_200_000]
    )
    node.touch()
    await node.until_state("running")
    began = time.monotonic()
    for count in range(AUTHENTICATED) if LONG else (0, 4, 5, 6, 70, AUTHENTICATED - 1):
        await renew(node)
        async with client(node.ota_port, count):
            await asyncio.sleep(0.2)
            assert not node.dark
            await renew(node)
        await asyncio.sleep(0.05)
    assert node.telemetry[-1]["state"] == "running"
    assert node.telemetry[-1].number("watchdog_trips") == 0
    assert [ppm for at, _, ppm in node.witness() if at > began] == []
    assert (await node.call("stop_session"))["output"] == "0"
    ceiling(node)


async def test_after_that_it_blocks_the_loop_and_light_is_gone_within_the_guards_time(
    node: RealNode, capsys: pytest.CaptureFixture[str]
) -> None:
    latest = -math.inf
    for count in (
        range(AUTHENTICATED, ALL + 1) if LONG else (AUTHENTICATED, STARTED - 1, STARTED, ALL)
    ):
        await node.fresh()
        line = len(node.witness())
        await node.arm(lease_ms=2000)
        node.touch()
        await node.until_state("ramping")
        await asyncio.sleep(0.5)
        await node.until(lambda: not node.dark)
        async with client(node.ota_port, count):
            sent = time.monotonic()
            await asyncio.sleep(1)
            assert node.dark, count
            dark = node.witness()[-1][0] - sent
            latest = max(latest, dark)
            assert dark < SILENCE_S + 0.05
            lines = len(node.witness())
            if count < STARTED:
                # Its lease ends meanwhile. After 5 s its unknown temperature would latch.
                await asyncio.sleep(3 if LONG else 0)
                assert len(node.witness()) == lines
        if count < STARTED:
            await node.until(lambda: node.telemetry[-1].number("watchdog_trips") == 1)
        else:
            # An update that has begun is the end until the next boot.
            await asyncio.sleep(0.3)
            assert len(node.witness()) == lines
        cut = await node.cut()
        flowed = {channel: node.dose_since(line, channel, FULL[channel], cut) for channel in (1, 2)}
        lines = len(node.witness())
        await node.start()
        assert (node.telemetry[-1]["state"], node.telemetry[-1]["fault"]) == ("idle", "-")
        record = await node.call(
            "read_history", record=node.telemetry[-1].number("record"), profile=7
        )
        assert record["entry_session"] == SESSION
        assert record["outcome"] == ("unclosed" if count < STARTED else "partial")
        for channel, dose in flowed.items():
            assert record.pairs("delivered")[channel] >= dose - 0.005 * FULL[channel]
        assert len(node.witness()) == lines
    ceiling(node)
    with capsys.disabled():
        print(f"\nupdates that stall: dark after {latest * 1000:.0f} ms at the latest")  # noqa: T201 - the figure is wanted

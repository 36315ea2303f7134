"""The harness itself: each part does what the other tests rely on."""

import asyncio
from collections.abc import AsyncGenerator
import os
from pathlib import Path
import signal
import sys

from aioesphomeapi.core import (
    APIConnectionError,
    InvalidEncryptionKeyAPIError,
    RequiresEncryptionAPIError,
)
import aiohttp
import pytest

from tests.real import flows, namespace
from tests.real.announce import Announcement
from tests.real.direct import BrokenLineError, Client, Direct, crc16, parse_line
from tests.real.exposure import Exposures
from tests.real.home import Home
from tests.real.household import free_port
from tests.real.link import Link, Way
from tests.real.node import Node
from tests.real.noise import Responder, new_key
from tests.real.process import Child
from tests.real.watch import Watch, WitnessError, now_ns

SECOND = 1_000_000_000


# --- the witness ----------------------------------------------------------------------------------


def _exposures(*lines: str) -> Exposures:
    exposures = Exposures()
    for line in lines:
        exposures.read(line)
    return exposures


def test_witness_integrates_steps_exactly() -> None:
    """350 000 ppm of 40 mW/cm2 for 10 s, then half of it for 10 s: 140 + 70 mJ/cm2."""
    exposure = _exposures(
        "0 mask-host 7 boot 0",
        f"{1 * SECOND} mask-host 7 1 350000",
        f"{11 * SECOND} mask-host 7 1 175000",
        f"{21 * SECOND} mask-host 7 1 0",
    ).nodes["mask-host"]
    assert exposure.dose(0, 60 * SECOND) == {1: pytest.approx(0.210)}
    assert exposure.dose(6 * SECOND, 16 * SECOND) == {1: pytest.approx(0.105)}
    assert exposure.spans(0, 60 * SECOND) == [(SECOND, 21 * SECOND)]


def test_witness_counts_the_wand_in_ma_min() -> None:
    """300 uA for 60 s is 0.3 mA min."""
    exposure = _exposures("5 wand-host 7 5 300000").nodes["wand-host"]
    assert exposure.dose(5, 5 + 60 * SECOND) == {5: pytest.approx(0.3)}


def test_witness_shows_a_slip_of_units() -> None:
    """A driver that takes per mille for ppm is off by a thousand, and the witness says so."""
    right = _exposures("0 mask-host 7 1 350000").nodes["mask-host"].dose(0, SECOND)[1]
    slipped = _exposures("0 mask-host 7 1 350").nodes["mask-host"].dose(0, SECOND)[1]
    assert slipped == pytest.approx(right / 1000)


def test_witness_shows_a_gamma_curve() -> None:
    """A driver that corrects for the eye delivers (14/40)^2.8 instead of 14/40 of full scale."""
    gamma = round((14 / 40) ** 2.8 * 1_000_000)
    dose = _exposures(f"0 mask-host 7 1 {gamma}").nodes["mask-host"].dose(0, 20 * SECOND)[1]
    assert dose < 0.28 * 0.2


@pytest.mark.parametrize(
    "line",
    [
        "1 mask-host 7 6 1",
        "1 mask-host 7 1 1000001",
        "1 mask-host 7 1 -1",
        "1 mask-host 7 1",
        "1 mask-host 7 1 0.5",
        "nonsense",
    ],
)
def test_witness_keeps_every_malformed_line(line: str) -> None:
    """What no driver of ours writes is an error of the run."""
    assert len(_exposures(line).errors) == 1


def test_witness_keeps_a_line_from_the_past() -> None:
    """Time that runs backwards is an error."""
    assert len(_exposures("2 mask-host 7 1 5", "1 mask-host 7 1 6").errors) == 1


@pytest.fixture
async def witness(tmp_path: Path) -> AsyncGenerator[tuple[Watch, Path]]:
    """Return a running witness and the file that it reads."""
    file = tmp_path / "witness"
    watch = await Watch.start(tmp_path, file)
    yield watch, file
    await watch.stop()


async def test_witness_holds_the_level_of_a_dead_node_until_the_watchdog(
    witness: tuple[Watch, Path], tmp_path: Path
) -> None:
    """A node that dies with its output on is at zero 2 s later, not at its death."""
    watch, file = witness
    child = await Child.start(
        "sleeper",
        [sys.executable, "-c", "import time; time.sleep(60)"],
        log=tmp_path / "sleeper.log",
    )
    flowing_ns = now_ns()
    file.write_text(
        f"{flowing_ns} mask-host {child.pid} boot 0\n{flowing_ns} mask-host {child.pid} 1 350000\n"
    )
    assert await watch.wait_flowing("mask-host", flowing_ns) == flowing_ns
    killed_ns = now_ns()
    child.kill()
    await child.wait()
    dark_ns = await watch.wait_dark("mask-host", killed_ns)
    assert dark_ns - killed_ns == pytest.approx(2 * SECOND, abs=0.1 * SECOND)
    assert (await watch.above("mask-host", killed_ns)).until_s == pytest.approx(2, abs=0.1)


async def test_witness_takes_a_boot_for_the_end_of_what_was_held(
    witness: tuple[Watch, Path], tmp_path: Path
) -> None:
    """A node that dies with its output on and boots at once is at zero at its boot."""
    watch, file = witness
    child = await Child.start(
        "sleeper",
        [sys.executable, "-c", "import time; time.sleep(60)"],
        log=tmp_path / "sleeper.log",
    )
    flowing_ns = now_ns()
    file.write_text(
        f"{flowing_ns} mask-host {child.pid} boot 0\n{flowing_ns} mask-host {child.pid} 1 350000\n"
    )
    await watch.wait_flowing("mask-host", flowing_ns)
    child.kill()
    await child.wait()
    boot_ns = now_ns()
    with file.open("a") as lines:
        lines.write(f"{boot_ns} mask-host 1 boot 0\n")
    assert await watch.wait_dark("mask-host", flowing_ns) == boot_ns
    assert (await watch.level("mask-host")).last_zero_ns == boot_ns


async def test_witness_refuses_to_end_well_after_a_malformed_line(tmp_path: Path) -> None:
    """A run in which a line could not be read is not a proof."""
    file = tmp_path / "witness"
    watch = await Watch.start(tmp_path, file)
    file.write_text("nonsense\n")
    with pytest.raises(WitnessError, match="nonsense"):
        await watch.stop()


# --- the contract's line --------------------------------------------------------------------------


def test_line_with_the_right_checksum_is_read() -> None:
    """29B1 is the published check value of CRC-16/CCITT-FALSE."""
    assert crc16(b"123456789") == 0x29B1
    body = "reason=ok levels=1:28000,2:28000 client=-"
    assert parse_line(f"{body} crc={crc16(body.encode()):04X}") == {
        "reason": "ok",
        "levels": "1:28000,2:28000",
        "client": "-",
    }


@pytest.mark.parametrize("line", ["reason=ok crc=0000", "reason=ok", ""])
def test_line_with_a_wrong_checksum_is_broken(line: str) -> None:
    """It is treated as not received."""
    with pytest.raises(BrokenLineError):
        parse_line(line)


# --- node, encryption, link -----------------------------------------------------------------------


@pytest.fixture(scope="module")
async def node(tmp_path_factory: pytest.TempPathFactory, programs: Path) -> AsyncGenerator[Node]:
    """Return a running mask of its own."""
    directory = tmp_path_factory.mktemp("node")
    node = Node(programs / "mask-host", directory, port=free_port(), witness=directory / "witness")
    await node.start()
    yield node
    await node.stop()


@pytest.fixture
async def responder(node: Node) -> AsyncGenerator[Responder]:
    """Return encryption in front of the node."""
    async with node.direct() as direct:
        responder = Responder(
            node.port,
            new_key(),
            name=direct.info.name,
            mac=direct.info.mac_address.replace(":", "").lower(),
        )
    await responder.start(host="127.0.0.1")
    yield responder
    await responder.stop()


async def test_node_takes_simulated_sensors(node: Node) -> None:
    """What a test simulates is what the node reports."""
    async with node.direct() as direct:
        await direct.simulate(worn=True, temperature=33.5)
        assert direct.state("Simulated worn") is True
        assert direct.state("Simulated temperature") == pytest.approx(33.5)
        await direct.simulate(worn=False)


async def test_node_comes_back_from_a_kill_as_from_a_reboot(node: Node) -> None:
    """The supervisor starts it again with the same state."""
    before = node.pid
    await node.reboot()
    assert node.pid != before


async def test_stall_blocks_the_loop_of_the_node(node: Node) -> None:
    """While its loop is blocked it answers nobody."""
    async with node.direct() as direct:
        started = asyncio.get_running_loop().time()
        await direct.stall(600)
        await direct.client.device_info()
        assert asyncio.get_running_loop().time() - started > 0.5


async def test_right_key_gets_through_several_times_at_once(responder: Responder) -> None:
    """Home Assistant's connection and ours are open together."""
    clients = [Direct("127.0.0.1", responder.port, key=responder.key) for _ in range(3)]
    for client in clients:
        await client.__aenter__()
    assert {client.info.name for client in clients} == {"mask-host"}
    for client in clients:
        await client.__aexit__()
    assert responder.accepted == len(clients)


async def test_wrong_key_is_refused(responder: Responder) -> None:
    """As the real thing refuses it."""
    with pytest.raises(InvalidEncryptionKeyAPIError):
        async with Direct("127.0.0.1", responder.port, key=new_key()):
            pass
    assert responder.rejected == 1


async def test_no_key_is_refused(responder: Responder) -> None:
    """As the real thing refuses it."""
    with pytest.raises(RequiresEncryptionAPIError):
        async with Direct("127.0.0.1", responder.port):
            pass


async def test_changed_key_drops_who_is_connected_and_refuses_the_old_one(
    responder: Responder,
) -> None:
    """A node that was flashed with another key has rebooted."""
    old = responder.key
    gone = asyncio.Event()

    async def on_stop(_expected: bool) -> None:
        gone.set()

    client = Direct("127.0.0.1", responder.port, key=old).client
    await client.connect(on_stop=on_stop, login=True)
    responder.change_key(new_key())
    await asyncio.wait_for(gone.wait(), 5)
    with pytest.raises(InvalidEncryptionKeyAPIError):
        async with Direct("127.0.0.1", responder.port, key=old):
            pass
    async with Direct("127.0.0.1", responder.port, key=responder.key):
        pass


async def test_link_holds_what_comes_and_lets_it_go_later(node: Node) -> None:
    """A stall stays unnoticed; bytes sent into it arrive after it, in order."""
    link = Link(node.port)
    await link.start()
    async with Direct("127.0.0.1", link.port) as through, node.direct() as beside:
        await beside.simulate(worn=False)
        link.stall(Way.TO_NODE)
        through.client.switch_command(through.entities["Simulated worn"].key, state=True)
        with pytest.raises(TimeoutError):
            await beside.wait_state("Simulated worn", lambda worn: worn is True, timeout_s=0.3)
        assert link.held(Way.TO_NODE) > 0
        assert link.connections == 1
        link.release()
        await beside.wait_state("Simulated worn", lambda worn: worn is True, timeout_s=2)
        assert link.held(Way.TO_NODE) == 0
        await beside.simulate(worn=False)
    await link.stop()


async def test_link_delays(node: Node) -> None:
    """Each direction has the delay that was set."""
    link = Link(node.port)
    await link.start()
    async with Direct("127.0.0.1", link.port) as through:
        link.delay_s = 0.2
        started = asyncio.get_running_loop().time()
        await through.client.device_info()
        assert asyncio.get_running_loop().time() - started == pytest.approx(0.4, abs=0.1)
    await link.stop()


async def test_link_that_is_down_cuts_and_refuses(node: Node) -> None:
    """A pulled cable ends open connections, and no new one begins."""
    link = Link(node.port)
    await link.start()
    gone = asyncio.Event()

    async def on_stop(_expected: bool) -> None:
        gone.set()

    client = Direct("127.0.0.1", link.port).client
    await client.connect(on_stop=on_stop, login=True)
    link.down()
    await asyncio.wait_for(gone.wait(), 5)
    with pytest.raises(APIConnectionError):
        async with Direct("127.0.0.1", link.port):
            pass
    link.up()
    async with Direct("127.0.0.1", link.port):
        pass
    await link.stop()


async def test_witness_and_node_agree_on_a_session_without_home_assistant(
    tmp_path: Path, programs: Path
) -> None:
    """14 mW/cm2 for 4 s with a ramp of 3 s: both count 35 mJ/cm2, each by itself."""
    file = tmp_path / "witness"
    watch = await Watch.start(tmp_path, file)
    node = Node(
        programs / "mask-host", tmp_path / "mask", port=free_port(), witness=file, profiles=(1,)
    )
    await node.start()
    async with Client("127.0.0.1", node.port) as client, node.direct() as direct:
        reply = await client.command(
            "start_session",
            session="00112233445566aa",
            resume_key="00112233445566ee",
            last_record=1,
            profile=1,
            skin_permille=1000,
            duration_s=4,
            lease_ms=10_000,
            window_s=60,
            epoch_s=1_795_000_000,
            channels=[1],
            peaks_uw_cm2=[14_000],
            budgets_uj_cm2=[56_000],
        )
        assert reply.success, reply.text
        assert reply.values["state"] == "armed"
        await direct.simulate(worn=True)
        flowing_ns = await watch.wait_flowing("mask-host", 0)
        await client.telemetry(lambda values: values["state"] == "idle")
        record = (await client.command("read_history", record=2, profile=1)).values
        assert record["outcome"] == "completed"
        delivered_j_cm2 = int(record["delivered"].removeprefix("1:")) / 1e6
        assert delivered_j_cm2 == pytest.approx(0.035, rel=0.02)
        assert await watch.dose("mask-host", flowing_ns) == {
            1: pytest.approx(delivered_j_cm2, rel=0.02)
        }
        assert (await watch.above("mask-host", flowing_ns)).longest_s == pytest.approx(4, abs=0.1)
    await node.stop()
    await watch.stop()


# --- Home Assistant -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
async def home(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[Home]:
    """Return an onboarded Home Assistant without our integration."""
    directory = tmp_path_factory.mktemp("home")
    home = Home(directory, port=free_port(), component=directory / "none")
    await home.start()
    await home.onboard()
    yield home
    await home.stop()


async def test_home_assistant_installs_nothing_and_complains_of_nothing(home: Home) -> None:
    """Everything that it needs is in its environment already."""
    console = home.console()
    assert "Attempting install" not in console
    assert [line for line in console.splitlines() if " WARNING " in line or " ERROR " in line] == []


async def test_announced_node_opens_the_flow_of_esphome_and_takes_only_its_key(
    home: Home, node: Node, responder: Responder
) -> None:
    """Discovery, pairing and entities are the real ones."""
    async with node.direct() as direct:
        info = direct.info
        await direct.simulate(worn=True)
    public = Link(responder.port)
    await public.start(host=namespace.ADDRESS if namespace.is_private() else "0.0.0.0")  # noqa: S104
    announcement = Announcement(info, public.port, encrypted=True)
    await announcement.start()
    async with home.messages() as messages:
        discovered = await flows.wait_discovered(messages, "esphome")
        assert discovered["context"]["source"] == "zeroconf"
        step = flows.expect(await flows.submit(home, discovered), "form", "encryption_key")
        step = flows.expect(
            await flows.submit(home, step, {"noise_psk": new_key()}), "form", "encryption_key"
        )
        assert step["errors"] == {"base": "invalid_psk"}
        flows.expect(await flows.submit(home, step, {"noise_psk": responder.key}), "create_entry")
        worn = await messages.wait_any(
            lambda state: state["entity_id"].endswith("simulated_worn") and state["state"] == "on"
        )
        await messages.act("switch.turn_off", entity_id=worn["entity_id"])
        await messages.wait_state(worn["entity_id"], lambda state: state["state"] == "off")
    await announcement.stop()
    await public.stop()


async def test_frozen_home_assistant_goes_on_where_it_stood(home: Home) -> None:
    """SIGSTOP and SIGCONT."""
    home.freeze()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(home.token(), 0.5)
    home.thaw()
    async with home.messages() as messages:
        await messages.call("ping")


async def test_killed_home_assistant_starts_again_on_the_same_directory(home: Home) -> None:
    """Its user is still there, and it has noticed the kill."""
    await home.kill()
    with pytest.raises(aiohttp.ClientConnectionError):
        await home.token()
    await home.start()
    async with home.messages() as messages:
        assert (await messages.call("auth/current_user"))["name"] == "Demo"
    assert "was shutdown cleanly" in home.console()


async def test_child_dies_with_its_parent(tmp_path: Path) -> None:
    """A killed run leaves nothing behind."""
    script = (
        "import asyncio, pathlib, sys\n"
        "from tests.real.process import Child\n"
        "async def main():\n"
        f"    log = pathlib.Path({str(tmp_path / 'log')!r})\n"
        "    child = await Child.start('sleeper', ['sleep', '60'], log=log)\n"
        "    print(child.pid, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    handle = os.pidfd_open(int(await parent.stdout.readline()))
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(handle, gone.set)
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    await asyncio.wait_for(gone.wait(), 5)
    asyncio.get_running_loop().remove_reader(handle)

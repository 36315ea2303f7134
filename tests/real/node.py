"""A host node under supervision: its program, its state, its port."""

import asyncio
from collections.abc import Sequence
import contextlib
import hashlib
from pathlib import Path
import socket
import tempfile

from .direct import Client, Direct
from .process import Child

COMMISSIONED = Path(__file__).parents[2] / ".work" / "commissioned"
HELD_S = 10.2
"""How long the button of a new node is held."""


async def commissioned(program: Path, profiles: Sequence[int] = ()) -> bytes:
    """Return the stored records of a commissioned node with these profiles enrolled.

    They are made once for each program, by holding the button of a new node for 10 s.
    """
    content = await asyncio.to_thread(program.read_bytes)
    digest = hashlib.sha256(content + repr(tuple(profiles)).encode()).hexdigest()[:16]
    found = COMMISSIONED / f"{program.name}-{digest}.records"
    if not found.exists():
        with tempfile.TemporaryDirectory() as folder, contextlib.closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
            probe.close()
            node = Node(
                program, Path(folder), port=port, witness=Path(folder) / "witness", profiles=None
            )
            await node.start()
            try:
                async with Client("127.0.0.1", port) as client:
                    await client.press(HELD_S)
                    await client.telemetry(lambda values: values["state"] == "idle")
                    if profiles:
                        await client.enroll(*profiles)
            finally:
                await node.stop()
            found.parent.mkdir(parents=True, exist_ok=True)
            partial = found.with_suffix(f".{port}")
            partial.write_bytes(node.records.read_bytes())
            partial.rename(found)
    return found.read_bytes()


class Node:
    """One compiled host node; an exit of its program is a reboot, so it is started again."""

    def __init__(
        self,
        program: Path,
        directory: Path,
        *,
        port: int,
        witness: Path,
        profiles: Sequence[int] | None = (),
    ) -> None:
        """Describe a node; its state lives in `directory` and survives its reboots.

        A new one has been commissioned, with these profiles enrolled; with None it is as it comes
        from the maker.
        """
        self.name = program.name
        self.port = port
        self.directory = directory
        self.state = directory / "state"
        self.records = self.state / f"{self.name}.records"
        self.log = directory / f"{self.name}.log"
        self._program = program
        self._profiles = profiles
        self._environment = {
            "FACIAL_THERAPY_PORT": str(port),
            "FACIAL_THERAPY_STATE": str(self.state),
            "FACIAL_THERAPY_WITNESS": str(witness),
            # ESPHome's own preferences: beside the records, not in the user's home directory.
            "ESPHOME_PREFDIR": str(directory / "preferences"),
        }
        self._child: Child | None = None
        self._supervisor: asyncio.Task[None] | None = None
        self._up = asyncio.Event()

    @property
    def child(self) -> Child:
        """The running program."""
        if self._child is None:
            msg = f"{self.name} is not running"
            raise RuntimeError(msg)
        return self._child

    @property
    def pid(self) -> int:
        """The process id of the running program."""
        return self.child.pid

    async def start(self) -> None:
        """Switch the node on and wait until its API answers."""
        self.state.mkdir(parents=True, exist_ok=True)
        if self._profiles is not None and not self.records.exists():
            self.records.write_bytes(await commissioned(self._program, self._profiles))
        self._supervisor = asyncio.create_task(self._supervise())
        ready = asyncio.create_task(self.wait_ready())
        await asyncio.wait([ready, self._supervisor], return_when=asyncio.FIRST_COMPLETED)
        if self._supervisor.done():
            ready.cancel()
            # It only ends by failing: there is no such program.
            await self._supervisor
        await ready

    async def stop(self) -> None:
        """Switch the node off."""
        if self._supervisor is not None:
            self._supervisor.cancel()
            await asyncio.gather(self._supervisor, return_exceptions=True)
            self._supervisor = None
        if self._child is not None:
            self._child.kill()
            await self._child.wait()
            self._child = None

    async def reboot(self) -> None:
        """Kill the program and wait until its successor answers."""
        self._up.clear()
        self.child.kill()
        await self._up.wait()
        await self.wait_ready()

    async def break_down(self) -> None:
        """Let the supply break down, which the node finds as the cause of its reboot."""
        self._environment["FACIAL_THERAPY_RESET"] = "brown_out"
        try:
            await self.reboot()
        finally:
            del self._environment["FACIAL_THERAPY_RESET"]

    def freeze(self) -> None:
        """Stop the program where it stands: its outputs stay, its connections stay open."""
        self.child.freeze()

    def thaw(self) -> None:
        """Let the program go on."""
        self.child.thaw()

    async def wait_ready(self, timeout_s: float = 20) -> None:
        """Wait until the native API answers."""
        async with asyncio.timeout(timeout_s):
            while True:
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    break
                # Nothing announces that a port is open.
                await asyncio.sleep(0.02)
        async with self.direct():
            pass

    def direct(self, client_info: str = "tests") -> Direct:
        """Return a client that talks to the node itself, past Home Assistant and every proxy."""
        return Direct("127.0.0.1", self.port, client_info=client_info)

    async def _supervise(self) -> None:
        """Start the program again whenever it ends."""
        while True:
            # A real node has a processor of its own: here it must not wait for 40 ms because
            # somebody compiles, which its guard would end.
            self._child = await Child.start(
                self.name,
                [self._program],
                log=self.log,
                environment=self._environment,
                directory=self.directory,
                urgent=True,
            )
            self._up.set()
            await self._child.wait()
            # A program that cannot run must not take the machine with it.
            await asyncio.sleep(0.05)

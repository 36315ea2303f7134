"""A network link that can misbehave: hold bytes and release them later, delay, cut, refuse."""

import asyncio
from enum import Enum
import socket


class Way(Enum):
    """A direction through the link."""

    TO_NODE = "to_node"
    TO_CLIENT = "to_client"


class _Pipe:
    """One direction of one connection: what came in waits here until it may go on."""

    def __init__(
        self, link: Link, way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Connect two ends."""
        self.held = 0
        self._link = link
        self._way = way
        self._reader = reader
        self._writer = writer
        self._queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

    async def run(self) -> None:
        """Pass bytes on until the end; the end itself waits its turn like any byte."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._take())
            tasks.create_task(self._give())

    async def _take(self) -> None:
        """Read without pause, so that the sender never notices a stall."""
        data = b"-"
        while data:
            try:
                data = await self._reader.read(1 << 16)
            except OSError:
                data = b""
            self.held += len(data)
            self._queue.put_nowait((asyncio.get_running_loop().time(), data))

    async def _give(self) -> None:
        """Write what came in, once it may."""
        while True:
            came, data = await self._queue.get()
            await asyncio.sleep(
                max(0.0, came + self._link.delay_s - asyncio.get_running_loop().time())
            )
            await self._link.gate(self._way).wait()
            self.held -= len(data)
            if not data:
                self._writer.close()
                return
            self._writer.write(data)
            await self._writer.drain()


class _Connection:
    """Both directions of one connection."""

    def __init__(
        self, ends: tuple[asyncio.StreamWriter, asyncio.StreamWriter], pipes: dict[Way, _Pipe]
    ) -> None:
        """Join two ends."""
        self.pipes = pipes
        self._ends = ends
        self._running = [asyncio.ensure_future(pipe.run()) for pipe in pipes.values()]
        self._whole = asyncio.Event()
        self._whole.set()

    async def run(self) -> None:
        """Pass bytes until either end closes, which ends both."""
        await asyncio.wait(self._running, return_when=asyncio.FIRST_COMPLETED)
        await self._whole.wait()
        self._end()
        await asyncio.gather(*self._running, return_exceptions=True)

    def cut(self) -> None:
        """Reset both ends at once; held bytes are lost."""
        self._whole.set()
        for end in self._ends:
            end.transport.abort()
        for pipe in self._running:
            pipe.cancel()

    def open_half(self) -> None:
        """Reset the client's end; the node's end stays open and silent."""
        self._whole.clear()
        client, _ = self._ends
        client.transport.abort()
        for pipe in self._running:
            pipe.cancel()

    def _end(self) -> None:
        """Close every open connection."""
        for end in self._ends:
            end.close()
        for pipe in self._running:
            pipe.cancel()


class Link:
    """Listens on a port and passes connections on to another."""

    def __init__(self, port: int, host: str = "127.0.0.1") -> None:
        """Lead to this address."""
        self.port = 0
        self.delay_s = 0.0
        self._target = (host, port)
        self._gates = {way: asyncio.Event() for way in Way}
        for gate in self._gates.values():
            gate.set()
        self._refusing = False
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def start(
        self, port: int = 0, host: str = "127.0.0.1", *, listener: socket.socket | None = None
    ) -> None:
        """Listen; on a socket that is listening already if one is given."""
        if listener is not None:
            self._server = await asyncio.start_server(self._serve, sock=listener)
        else:
            self._server = await asyncio.start_server(self._serve, host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut everything."""
        if self._server is not None:
            self._server.close()
            self.cut()
            await self._server.wait_closed()
            self._server = None

    def gate(self, way: Way) -> asyncio.Event:
        """Return the event that is set while bytes may pass this way."""
        return self._gates[way]

    def stall(self, *ways: Way) -> None:
        """Hold everything that comes from now on, both ways if none is named; nobody notices."""
        for way in ways or Way:
            self._gates[way].clear()

    def release(self) -> None:
        """Let everything go that was held, in its order."""
        for gate in self._gates.values():
            gate.set()

    def cut(self) -> None:
        """Reset every connection."""
        for connection in list(self._connections):
            connection.cut()

    def open_half(self, *, refuse: bool = False) -> None:
        """Reset the client's end of every connection, of which the node hears nothing.

        Args:
            refuse: Refuse new connections, until `up`.
        """
        self._refusing = refuse
        for connection in list(self._connections):
            connection.open_half()

    def down(self) -> None:
        """Cut every connection and refuse new ones."""
        self._refusing = True
        self.cut()

    def up(self) -> None:
        """Take connections again."""
        self._refusing = False

    def held(self, way: Way) -> int:
        """Return how many bytes are held this way."""
        return sum(connection.pipes[way].held for connection in self._connections)

    @property
    def connections(self) -> int:
        """How many connections pass through."""
        return len(self._connections)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Pass one connection on."""
        if self._refusing:
            writer.transport.abort()
            return
        try:
            node_reader, node_writer = await asyncio.open_connection(*self._target)
        except OSError:
            writer.transport.abort()
            return
        pipes = {
            Way.TO_NODE: _Pipe(self, Way.TO_NODE, reader, node_writer),
            Way.TO_CLIENT: _Pipe(self, Way.TO_CLIENT, node_reader, writer),
        }
        connection = _Connection((writer, node_writer), pipes)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            connection.cut()
            self._connections.discard(connection)

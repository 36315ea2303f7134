"""Encryption in front of a host node: a Noise responder, and a relay behind it."""

import asyncio
import base64
import contextlib
import secrets

from cryptography.exceptions import InvalidTag
from noise.connection import NoiseConnection  # type: ignore[import-untyped]

from . import framing

_PROTOCOL = b"Noise_NNpsk0_25519_ChaChaPoly_SHA256"
_PROLOGUE = b"NoiseAPIInit"
_SERVER_CHOICE = 0x01
_ACCEPTED = b"\x00"
_REJECTED = b"\x01"
_ENDED = (OSError, EOFError, framing.FrameError, InvalidTag)


def new_key() -> str:
    """Draw an encryption key in the form in which ESPHome shows it."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


class Responder:
    """Listens like an encrypted node and relays to the plain one. Several clients at once."""

    def __init__(self, node_port: int, key: str, *, name: str, mac: str) -> None:
        """Describe the encrypted face of a node; `mac` is twelve lower-case hex digits."""
        self.key = key
        self.port = 0
        self.accepted = 0
        self.rejected = 0
        self._node_port = node_port
        self._hello = bytes([_SERVER_CHOICE]) + name.encode() + b"\0" + mac.encode() + b"\0"
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.StreamWriter] = set()

    async def start(self, port: int = 0, host: str = "0.0.0.0") -> None:  # noqa: S104 - Home Assistant connects to the announced address
        """Listen; port 0 takes any free one."""
        self._server = await asyncio.start_server(self._serve, host, port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and drop every client."""
        if self._server is not None:
            self._server.close()
            self.drop()
            await self._server.wait_closed()
            self._server = None

    def drop(self) -> None:
        """Cut every connection, as a reboot of the node does."""
        for writer in list(self._clients):
            writer.transport.abort()

    def change_key(self, key: str) -> None:
        """Take another key, as a node does that was flashed with one: it reboots."""
        self.key = key
        self.drop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Shake hands with one client, then relay."""
        self._clients.add(writer)
        try:
            cipher = await self._shake_hands(reader, writer)
            if cipher is not None:
                self.accepted += 1
                await self._relay(cipher, reader, writer)
        except _ENDED:
            pass
        finally:
            self._clients.discard(writer)
            writer.close()

    async def _shake_hands(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> NoiseConnection | None:
        """Run the handshake; None if the client is refused."""
        try:
            hello = await framing.read_noise(reader)
        except framing.FrameError:
            # What an encrypted node tells a client that does not encrypt.
            await self._refuse(writer, "Bad indicator byte")
            return None
        cipher = NoiseConnection.from_name(_PROTOCOL)
        cipher.set_as_responder()
        cipher.set_psks(base64.b64decode(self.key))
        cipher.set_prologue(_PROLOGUE + len(hello).to_bytes(2) + hello)
        cipher.start_handshake()
        writer.write(framing.noise(self._hello))
        handshake = await framing.read_noise(reader)
        try:
            cipher.read_message(handshake[1:])
        except InvalidTag:
            await self._refuse(writer, "Handshake MAC failure")
            return None
        writer.write(framing.noise(_ACCEPTED + cipher.write_message()))
        await writer.drain()
        return cipher

    async def _refuse(self, writer: asyncio.StreamWriter, why: str) -> None:
        """Tell a client why not."""
        self.rejected += 1
        writer.write(framing.noise(_REJECTED + why.encode()))
        await writer.drain()

    async def _relay(
        self, cipher: NoiseConnection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Pass frames both ways until either side ends."""
        node_reader, node_writer = await asyncio.open_connection("127.0.0.1", self._node_port)

        async def to_node() -> None:
            while True:
                kind, payload = framing.parse_message(
                    cipher.decrypt(await framing.read_noise(reader))
                )
                node_writer.write(framing.plain(kind, payload))
                await node_writer.drain()

        async def to_client() -> None:
            while True:
                kind, payload = await framing.read_plain(node_reader)
                writer.write(framing.noise(cipher.encrypt(framing.message(kind, payload))))
                await writer.drain()

        directions = [asyncio.create_task(to_node()), asyncio.create_task(to_client())]
        try:
            await asyncio.wait(directions, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for direction in directions:
                direction.cancel()
            with contextlib.suppress(*_ENDED, asyncio.CancelledError):
                await asyncio.gather(*directions, return_exceptions=True)
            node_writer.close()

"""Frames of ESPHome's native API, plain and encrypted."""

import asyncio

PLAIN = 0x00
NOISE = 0x01


class FrameError(Exception):
    """The peer does not speak this framing."""


async def _read_varint(reader: asyncio.StreamReader) -> int:
    """Read one variable-length integer."""
    value = shift = 0
    while True:
        byte = (await reader.readexactly(1))[0]
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value
        shift += 7


def _varint(value: int) -> bytes:
    """Write one variable-length integer."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


async def read_plain(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one plain frame: message type and payload."""
    if (await reader.readexactly(1))[0] != PLAIN:
        msg = "not a plain frame"
        raise FrameError(msg)
    length = await _read_varint(reader)
    kind = await _read_varint(reader)
    return kind, await reader.readexactly(length)


def plain(kind: int, payload: bytes) -> bytes:
    """Write one plain frame."""
    return bytes([PLAIN]) + _varint(len(payload)) + _varint(kind) + payload


async def read_noise(reader: asyncio.StreamReader) -> bytes:
    """Read the body of one encrypted frame."""
    header = await reader.readexactly(3)
    if header[0] != NOISE:
        msg = "not an encrypted frame"
        raise FrameError(msg)
    return await reader.readexactly(int.from_bytes(header[1:]))


def noise(body: bytes) -> bytes:
    """Write one encrypted frame around a body."""
    return bytes([NOISE]) + len(body).to_bytes(2) + body


def message(kind: int, payload: bytes) -> bytes:
    """Write the inside of an encrypted frame."""
    return kind.to_bytes(2) + len(payload).to_bytes(2) + payload


def parse_message(text: bytes) -> tuple[int, bytes]:
    """Read the inside of an encrypted frame: message type and payload."""
    return int.from_bytes(text[:2]), text[4 : 4 + int.from_bytes(text[2:4])]

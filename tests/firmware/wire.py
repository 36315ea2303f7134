"""The text form of the contract, read by code that shares nothing with the firmware."""

import binascii
from typing import Final

MAXIMUM: Final = 600


def signed(value: int) -> int:
    """Read 32 bits as signed, as the wire does with node uptime."""
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >= 1 << 31 else value


class Line(dict[str, str]):
    """One line, its length and checksum asserted."""

    def __init__(self, text: str) -> None:
        """Take a line apart."""
        body, found, crc = text.rpartition(" crc=")
        assert found, text
        assert len(text) <= MAXIMUM, text
        # CRC-16/CCITT-FALSE: polynomial 0x1021, start 0xFFFF.
        assert crc == f"{binascii.crc_hqx(body.encode(), 0xFFFF):04X}", text
        super().__init__(pair.split("=", 1) for pair in body.split(" "))
        self.text = text

    def number(self, key: str) -> int:
        """Return a value as a whole number."""
        return int(self[key])

    def pairs(self, key: str) -> dict[int, int]:
        """Return `number:value` pairs; none for `-`."""
        if self[key] == "-":
            return {}
        return {
            int(number): int(value)
            for number, value in (pair.split(":") for pair in self[key].split(","))
        }

"""A node's announcement in the network, which the host build of ESPHome cannot make itself."""

import contextlib
import socket

from aioesphomeapi import DeviceInfo
from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

_TYPE = "_esphomelib._tcp.local."


def _address() -> str:
    """Return the address by which others reach this machine."""
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_DGRAM)) as probe:
        # Connecting a datagram socket sends nothing: it only asks for the route.
        probe.connect(("10.255.255.255", 9))
        address: str = probe.getsockname()[0]
        return address


def records(info: DeviceInfo, *, encrypted: bool) -> dict[str, str]:
    """Return what ESPHome 2026.10 says of a node in its TXT record."""
    found = {
        "friendly_name": info.friendly_name,
        "version": info.esphome_version,
        "config_hash": "00000000",
        "mac": info.mac_address.replace(":", "").lower(),
        "platform": "ESP32",
        "board": "esp32dev",
        "network": "wifi",
        "project_name": info.project_name,
        "project_version": info.project_version,
    }
    if encrypted:
        found["api_encryption"] = "Noise_NNpsk0_25519_ChaChaPoly_SHA256"
    return found


class Announcement:
    """Announces one node while it lives."""

    def __init__(
        self, info: DeviceInfo, port: int, *, encrypted: bool, address: str | None = None
    ) -> None:
        """Describe it."""
        self._service = ServiceInfo(
            _TYPE,
            f"{info.name}.{_TYPE}",
            server=f"{info.name}.local.",
            port=port,
            properties=records(info, encrypted=encrypted),
            parsed_addresses=[address or _address()],
        )
        self._zeroconf: AsyncZeroconf | None = None

    async def start(self) -> None:
        """Begin to announce."""
        self._zeroconf = AsyncZeroconf()
        # The names are ours alone: probing for others who use them would cost most of a second.
        await (
            await self._zeroconf.async_register_service(self._service, cooperating_responders=True)
        )

    async def stop(self) -> None:
        """Say goodbye."""
        if self._zeroconf is not None:
            await self._zeroconf.async_unregister_all_services()
            await self._zeroconf.async_close()
            self._zeroconf = None

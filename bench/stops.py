"""Measure how long Stop everything takes with many devices, and with a disk that stalls.

    .work/homeassistant/bin/python -m bench.stops

Every device is a fake one with a person of its own, and runs a session in real time. Two times
count from the call of `stop_all`: until the last device has confirmed zero, and until the action
answers. A stalled disk is an `fsync` that takes a second, or that never returns.
"""

from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
import os
from pathlib import Path
import subprocess
import sys
import threading
from time import perf_counter
from typing import Any, Final, override
from unittest.mock import patch

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import device_registry as dr
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.facial_therapy.config_flow import FacialTherapyConfigFlow
from custom_components.facial_therapy.const import (
    CONF_CHANNELS,
    CONF_KIND,
    CONF_MAC,
    CONF_MODALITY,
    DOMAIN,
    KIND_DEVICE,
)
from custom_components.facial_therapy.core.model import Channel, Modality
from custom_components.facial_therapy.devices.port import Answer
from tests.fake_device import FLOWING, FakeDevice
from tests.integration.world import person_entry

ROOT: Final = Path(__file__).parents[1]
FIRST_PROFILE: Final = 4711
ALL: Final = "FACIAL_THERAPY_STOPS"
"""The environment variable that runs every case of the test."""
STALLS_S: Final[dict[str, float | None]] = {"sound": 0, "1 s": 1, "for ever": None}
"""How long an fsync takes, by the name of the disk; None: until the measurement ends."""


class TimedDevice(FakeDevice):
    """A fake device that remembers when it confirmed zero."""

    stopped_at: float = 0

    @override
    async def async_stop(self) -> Answer:
        """Stop, and note the time."""
        answer = await super().async_stop()
        self.stopped_at = perf_counter()
        return answer


@dataclass(frozen=True, slots=True)
class Stopped:
    """A measurement."""

    devices: int
    disk: str
    last_zero_s: float
    answer_s: float
    error: str | None
    """The key of the error that the action ended with."""

    @override
    def __str__(self) -> str:
        """Return a row of the table."""
        zero_ms, answer_ms = self.last_zero_s * 1000, self.answer_s * 1000
        return (
            f"{self.devices:3} devices, disk {self.disk:>8}: last zero {zero_ms:7.1f} ms,"
            f" answer {answer_ms:7.1f} ms{f', {self.error}' if self.error else ''}"
        )


def mac_of(number: int) -> str:
    """Return the address of a device."""
    return f"98:35:69:00:01:{number:02x}"


@asynccontextmanager
async def running(
    hass: HomeAssistant, count: int, folder: Path
) -> AsyncGenerator[list[TimedDevice]]:
    """Set up so many masks, each with a person whose session runs on it."""
    devices = {mac_of(number): TimedDevice() for number in range(count)}

    def make(_hass: HomeAssistant, mac: str, _modality: Modality) -> FakeDevice:
        return devices[mac]

    with (
        patch("custom_components.facial_therapy.coordinator.NodeDevice", side_effect=make),
        patch("custom_components.facial_therapy.ledger_path", return_value=folder / "ledger"),
    ):
        started = {}
        for number, mac in enumerate(devices):
            profile = FIRST_PROFILE + number
            devices[mac].profiles = [profile]
            person = person_entry(f"Person {number}", profile)
            person.add_to_hass(hass)
            if not number:
                assert await hass.config_entries.async_setup(person.entry_id)
            elif person.state is ConfigEntryState.NOT_LOADED:
                await hass.config_entries.async_setup(person.entry_id)
            started[await _async_add(hass, mac)] = person.title
        await hass.async_block_till_done()
        for device, (device_id, name) in zip(devices.values(), started.items(), strict=True):
            device.report()  # the last one may have become too old
            await hass.services.async_call(
                DOMAIN,
                "start_session",
                {
                    "device_id": device_id,
                    "person": name,
                    "program": "manual",
                    "channels": {"red": 14},
                    "duration_s": 60,
                },
                blocking=True,
            )
            device.put_on()
            device.advance(5)
        await hass.async_block_till_done()
        assert all(device.state in FLOWING for device in devices.values())
        yield list(devices.values())


async def _async_add(hass: HomeAssistant, mac: str) -> str:
    """Add a mask, and return the id of its device."""
    node = MockConfigEntry(domain="esphome", title=mac, data={"host": mac}, unique_id=mac)
    node.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=node.entry_id,
        connections={(dr.CONNECTION_NETWORK_MAC, mac)},
        manufacturer="facial_therapy",
        model=Modality.MASK.value,
        name=f"Mask {mac}",
    )
    entry = MockConfigEntry(
        domain=DOMAIN,
        title=f"Mask {mac}",
        data={
            CONF_KIND: KIND_DEVICE,
            CONF_MAC: mac,
            CONF_MODALITY: Modality.MASK.value,
            CONF_CHANNELS: [channel.value for channel in Channel],
        },
        unique_id=mac,
        minor_version=FacialTherapyConfigFlow.MINOR_VERSION,
    )
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    return device.id


@contextmanager
def stalled_disk(disk: str) -> Iterator[None]:
    """Let every fsync take its time, in the thread that calls it."""
    stall_s, over, fsync = STALLS_S[disk], threading.Event(), os.fsync

    def slow(descriptor: int) -> None:
        over.wait(stall_s)
        fsync(descriptor)

    with patch("os.fsync", slow) if stall_s != 0 else patch("os.fsync", fsync):
        try:
            yield
        finally:
            over.set()


async def measure(hass: HomeAssistant, count: int, disk: str, folder: Path) -> Stopped:
    """Stop so many running devices at once, and return how long it took."""
    async with running(hass, count, folder) as devices:
        error: str | None = None
        with stalled_disk(disk):
            began = perf_counter()
            try:
                await hass.services.async_call(DOMAIN, "stop_all", blocking=True)
            except HomeAssistantError as raised:
                error = raised.translation_key or str(raised)
            answered = perf_counter()
        await hass.async_block_till_done(wait_background_tasks=True)
        last = max(device.stopped_at for device in devices)
        return Stopped(count, disk, last - began, answered - began, error)


def main() -> int:
    """Run the test on the fixtures, and let it print its table."""
    test = ROOT / "tests/integration/test_stop_times.py"
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", str(test)]
    environment: dict[str, Any] = {**os.environ, ALL: "1"}
    done = subprocess.run(command, check=False, cwd=ROOT, env=environment)  # noqa: S603 - our own words
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())

"""The same handles for the fake device and for the compiled node behind the real adapter."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
import secrets
import socket
from typing import Protocol
from unittest.mock import patch

from pytest_homeassistant_custom_component.common import MockConfigEntry, async_test_home_assistant

from custom_components.facial_therapy.core.device import NodeState, Telemetry
from custom_components.facial_therapy.core.model import Channel, Dose, Modality
from custom_components.facial_therapy.core.person import Person
from custom_components.facial_therapy.core.refusal import RefusedError
from custom_components.facial_therapy.core.session_parameters import (
    MANUAL,
    PermittedSession,
    SessionParameters,
)
from custom_components.facial_therapy.devices.node import NodeDevice
from custom_components.facial_therapy.devices.port import TherapyDevice
from tests.fake_device import MASK, WAND, FakeDevice
from tests.real.direct import Direct
from tests.real.node import Node

ADA = Person(person_id="ada", name="Ada", profile=4711)
STEP_S = 0.1


BO = Person(person_id="bo", name="Bo", profile=4712)
"""Somebody whom the node does not know."""


def plan(
    modality: Modality, *, duration_s: float = 60, window_s: float = 60, person: Person = ADA
) -> PermittedSession:
    """A small session, as `safety.permit` would let it through."""
    irradiance = (
        {Channel.RED: 14.0, Channel.NEAR_INFRARED: 14.0} if modality is Modality.MASK else {}
    )
    current_ua, frequency_hz = (None, None) if irradiance else (50.0, 8.3)
    planned = Dose(
        fluence_j_cm2={channel: value * duration_s / 1000 for channel, value in irradiance.items()},
        charge_ma_min=(current_ua or 0) * duration_s / 60_000,
    )
    return PermittedSession(
        request=SessionParameters(
            modality=modality,
            person=person,
            program=MANUAL,
            duration_s=duration_s,
            irradiance_mw_cm2=irradiance,
            current_ua=current_ua,
            frequency_hz=frequency_hz,
        ),
        planned=planned,
        worst_case=planned,
        skin_factor=1,
        lease_s=10 if modality is Modality.MASK else 5,
        window_s=window_s,
    )


KEY = "00000000000000e5"
"""The key with which a session of the suite may be adopted."""


def new_session() -> str:
    """An id that nobody has used."""
    return secrets.token_hex(8)


class Bench(Protocol):
    """What a test of the contract can do."""

    modality: Modality
    device: TherapyDevice
    reports: list[Telemetry]
    renewing: str | None
    """The session whose lease is kept alive while time passes in `until`."""
    record: int
    """The number of the newest record that was imported."""

    async def put_on(self) -> None:
        """Worn, or in contact."""

    async def take_off(self) -> None:
        """Not worn, no contact."""

    async def heat(self, temperature_c: float) -> None:
        """Set what the temperature sensor reads."""

    async def press(self) -> None:
        """Press the node's button."""

    async def hold(self) -> None:
        """Hold the button for so long that a profile can be enrolled, and do not let go."""

    async def let_go(self) -> None:
        """Let go of it."""

    async def pass_time(self, seconds: float) -> None:
        """Let time pass without a word from us."""

    async def reconnect(self) -> None:
        """Lose the channel and open a new one."""

    def message(self) -> str:
        """What the node has sent last, word for word; empty where nothing goes over a wire."""


async def until(
    bench: Bench, what: Callable[[Telemetry], bool], timeout_s: float = 15
) -> Telemetry:
    """Let time pass until a report says so."""
    for step in range(round(timeout_s / STEP_S)):
        if bench.reports and what(bench.reports[-1]):
            return bench.reports[-1]
        await bench.pass_time(STEP_S)
        if bench.renewing is not None and step % round(1 / STEP_S) == 0:
            with suppress(RefusedError):  # it may have ended
                await bench.device.async_renew(bench.renewing)
    raise AssertionError(bench.reports[-1] if bench.reports else "no report")


async def until_state(bench: Bench, *states: NodeState, timeout_s: float = 15) -> Telemetry:
    """Let time pass until the node is in one of the states."""
    return await until(bench, lambda report: report.state in states, timeout_s)


class FakeBench:
    """The fake device, whose time is the test's."""

    def __init__(self, modality: Modality) -> None:
        """Open it at once."""
        self.modality = modality
        self.fake = FakeDevice(MASK if modality is Modality.MASK else WAND)
        self.device: TherapyDevice = self.fake
        self.reports: list[Telemetry] = []
        self.renewing: str | None = None
        self.record = 1
        self.fake.strict = True
        self.fake.profiles.append(ADA.profile)
        self.fake.open(self.reports.append, lambda _: None)

    async def put_on(self) -> None:
        """Worn."""
        self.fake.put_on()

    async def take_off(self) -> None:
        """Not worn."""
        self.fake.take_off()

    async def heat(self, temperature_c: float) -> None:
        """Hot or cool."""
        self.fake.heat(temperature_c)

    async def press(self) -> None:
        """The button."""
        self.fake.press()

    async def hold(self) -> None:
        """The button."""
        self.fake.hold()

    async def let_go(self) -> None:
        """The button."""
        self.fake.hold(down=False)

    async def pass_time(self, seconds: float) -> None:
        """The fake's own time."""
        self.fake.advance(seconds)
        self.fake.report()
        await asyncio.sleep(0)

    async def reconnect(self) -> None:
        """A new client."""
        self.fake.disconnect()
        self.fake.connect()

    def message(self) -> str:
        """The fake sends values."""
        return ""


class RealBench:
    """A compiled node behind the real adapter."""

    def __init__(self, modality: Modality, device: NodeDevice, direct: Direct) -> None:
        """Take the parts."""
        self.modality = modality
        self.device: TherapyDevice = device
        self.reports: list[Telemetry] = []
        self.renewing: str | None = None
        self.record = 1
        self._direct = direct
        self._governed = device
        self._connected = asyncio.Event()

    async def open(self) -> None:
        """Open the channel and wait for the first report."""
        self._connected.clear()
        self.device.open(
            self.reports.append,
            lambda connected: self._connected.set() if connected else self._connected.clear(),
        )
        async with asyncio.timeout(20):
            await self._connected.wait()
        await until(self, lambda _: True)

    async def put_on(self) -> None:
        """The simulated sensor."""
        await self._direct.simulate(
            **{"worn" if self.modality is Modality.MASK else "contact": True}
        )

    async def take_off(self) -> None:
        """The simulated sensor."""
        await self._direct.simulate(
            **{"worn" if self.modality is Modality.MASK else "contact": False}
        )

    async def heat(self, temperature_c: float) -> None:
        """The simulated sensor."""
        await self._direct.simulate(temperature=temperature_c)

    async def press(self) -> None:
        """The simulated button."""
        await self._direct.press(0.2)

    async def hold(self) -> None:
        """The simulated button."""
        await self._direct.simulate(button=True)
        await until(self, lambda report: report.button)

    async def let_go(self) -> None:
        """The simulated button."""
        await self._direct.simulate(button=False)
        await until(self, lambda report: not report.button)

    async def pass_time(self, seconds: float) -> None:
        """Real time: nothing else moves a real node."""
        await asyncio.sleep(seconds)

    async def reconnect(self) -> None:
        """Close the channel, and open it again."""
        await self.device.async_close()
        await self.open()

    def message(self) -> str:
        """The raw message of the text sensor."""
        return str(self._direct.state("Telemetry"))


@asynccontextmanager
async def real_bench(
    modality: Modality, programs: Path, directory: Path
) -> AsyncGenerator[RealBench]:
    """Start a node, and a Home Assistant core with its ESPHome entry and the adapter."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    node = Node(
        programs / f"{modality}-host",
        directory,
        port=port,
        witness=directory / "witness",
        profiles=(ADA.profile,),
    )
    await node.start()
    try:
        async with (
            node.direct("bench") as direct,
            async_test_home_assistant() as hass,
        ):
            mac = direct.info.mac_address.lower()
            data = {"host": "127.0.0.1", "port": port, "noise_psk": ""}
            MockConfigEntry(domain="esphome", unique_id=mac, data=data).add_to_hass(hass)
            with patch(
                "custom_components.facial_therapy.devices.channel.zeroconf.async_get_instance",
                return_value=None,
            ):
                bench = RealBench(modality, NodeDevice(hass, mac, modality), direct)
                await bench.take_off()
                await bench.open()
                try:
                    yield bench
                finally:
                    await bench.device.async_close()
                    await hass.async_stop(force=True)
    finally:
        await node.stop()

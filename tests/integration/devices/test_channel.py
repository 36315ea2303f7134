"""The connection itself, where a real node cannot be made to fail at the right moment."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from unittest.mock import AsyncMock, patch

from homeassistant.core import HomeAssistant
import pytest

from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.devices.channel import Channel, async_probe
from custom_components.facial_therapy.devices.node import NodeDevice
from custom_components.facial_therapy.devices.port import DeviceError, Problem
from tests.integration.world import MACS, esphome_entry

MAC = MACS[Modality.MASK]


class HangingUp:
    """A client whose node closes every connection before it has said anything."""

    def __init__(self) -> None:
        """Count the connections."""
        self.connections = 0
        self.third = asyncio.Event()

    async def connect(self, *, on_stop: Callable[[bool], Awaitable[None]], login: bool) -> None:
        """Connect, and lose the connection a moment later."""
        assert login
        self.connections += 1
        asyncio.get_running_loop().call_soon(lambda: asyncio.ensure_future(on_stop(False)))  # noqa: FBT003 - the client's own signature
        if self.connections == 3:
            self.third.set()

    async def disconnect(self, *, force: bool) -> None:
        """Close at once."""
        assert force


@pytest.fixture(name="client")
def client_fixture() -> Iterator[HangingUp]:
    """Every connection of a test."""
    client = HangingUp()
    with (
        patch("custom_components.facial_therapy.devices.channel.APIClient", return_value=client),
        patch("homeassistant.components.zeroconf.async_get_instance", AsyncMock()),
        patch.object(Channel, "_async_check", AsyncMock()),
    ):
        yield client


@pytest.mark.usefixtures("client")
async def test_a_connection_that_is_lost_before_the_description_is_a_problem_and_no_cancellation(
    hass: HomeAssistant,
) -> None:
    esphome_entry(hass, Modality.MASK)

    with pytest.raises(DeviceError) as error:
        await async_probe(hass, MAC)

    assert error.value.problem is Problem.CANNOT_CONNECT
    assert error.value.placeholders == {"error": "the connection was closed"}


async def test_a_device_that_hangs_up_is_tried_again(
    hass: HomeAssistant, client: HangingUp
) -> None:
    esphome_entry(hass, Modality.MASK)
    device = NodeDevice(hass, MAC, Modality.MASK)
    announced: list[bool] = []

    with patch("custom_components.facial_therapy.devices.node.RETRY_S", 0):
        device.open(lambda _: None, announced.append)
        async with asyncio.timeout(5):
            await client.third.wait()
    await device.async_close()

    assert announced == [False]
    assert device.problem is not None
    assert device.problem.problem is Problem.CANNOT_CONNECT

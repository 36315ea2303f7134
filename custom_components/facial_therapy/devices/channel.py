"""One connection to a node: checks identity and contract, sends commands, checks answers."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
import secrets
from typing import Any, Final

from aioesphomeapi.client import APIClient
from aioesphomeapi.core import (
    APIConnectionError,
    InvalidAuthAPIError,
    InvalidEncryptionKeyAPIError,
    RequiresEncryptionAPIError,
)
from aioesphomeapi.model import (
    EntityState,
    TextSensorInfo,
    TextSensorState,
    UserService,
    UserServiceArgType,
)
from homeassistant.components import zeroconf
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util

from ..const import LOGGER
from ..core.device import Device, Telemetry
from ..core.model import Modality
from ..core.refusal import RefusedError
from . import codec
from .discovery import PROJECT, esphome_entry
from .port import DeviceError, Problem

CONF_NOISE_PSK: Final = "noise_psk"
CONNECT_TIMEOUT_S: Final = 10
DESCRIBED_TIMEOUT_S: Final = 5
ANSWER_TIMEOUT_S: Final = 2
"""An acknowledged action takes milliseconds; after this the channel is closed, and what the node
did is read from its history."""
_TYPES: Final = {
    UserServiceArgType.BOOL: "bool",
    UserServiceArgType.INT: "int",
    UserServiceArgType.FLOAT: "float",
    UserServiceArgType.STRING: "string",
    UserServiceArgType.BOOL_ARRAY: "bool[]",
    UserServiceArgType.INT_ARRAY: "int[]",
    UserServiceArgType.FLOAT_ARRAY: "float[]",
    UserServiceArgType.STRING_ARRAY: "string[]",
}
"""The client's names of argument types, in the contract's words."""


async def async_probe(hass: HomeAssistant, mac: str) -> Device:
    """Connect once and return what the node says of itself.

    Raises:
        DeviceError: `esphome_missing`, `cannot_connect`, `invalid_auth`, `wrong_device` or
            `wrong_contract`.
    """
    channel = Channel(hass, mac, lambda _: None, lambda: None)
    try:
        return await channel.async_connect()
    finally:
        await channel.async_close()


class Channel:
    """One connection: opened once, closed once."""

    def __init__(
        self,
        hass: HomeAssistant,
        mac: str,
        on_telemetry: Callable[[Telemetry], None],
        on_closed: Callable[[], None],
    ) -> None:
        """Take the node's MAC address and whom to tell."""
        self._hass = hass
        self._mac = mac
        self._on_telemetry = on_telemetry
        self._on_closed = on_closed
        self._client: APIClient | None = None
        self._services: Mapping[str, UserService] = {}
        self._keys: dict[int, str] = {}
        self._described: asyncio.Future[Device] = hass.loop.create_future()
        self._description: Device | None = None
        self._sequence = 0
        self._boot = 0
        self._stamp_ms = 0
        self._last_number = -1
        self.client_id = secrets.token_hex(8)
        self.heard_at = 0.0
        """Loop time of the last line from the node."""
        self.stamp_at = 0.0
        """Loop time at which the newest stamp of the node arrived; the next renewal carries it."""

    async def async_connect(self) -> Device:
        """Connect, check MAC address, project and contract, and return the node's description.

        Raises:
            DeviceError: As `async_probe`; the connection is closed.
        """
        if (entry := esphome_entry(self._hass, self._mac)) is None:
            raise DeviceError(Problem.ESPHOME_MISSING)
        self._client = APIClient(
            entry.data[CONF_HOST],
            entry.data[CONF_PORT],
            None,
            client_info=f"ft-{self.client_id}",
            zeroconf_instance=await zeroconf.async_get_instance(self._hass),
            noise_psk=entry.data.get(CONF_NOISE_PSK) or None,
        )
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                await self._client.connect(on_stop=self._async_stopped, login=True)
                await self._async_check(self._client)
            async with asyncio.timeout(DESCRIBED_TIMEOUT_S):
                device = await asyncio.shield(self._described)
        except (
            InvalidEncryptionKeyAPIError,
            RequiresEncryptionAPIError,
            InvalidAuthAPIError,
        ) as error:
            raise DeviceError(Problem.INVALID_AUTH) from error
        except (APIConnectionError, TimeoutError, OSError) as error:
            raise DeviceError(
                Problem.CANNOT_CONNECT, error=str(error) or type(error).__name__
            ) from error
        if device.contract[0] != codec.CONTRACT_MAJOR:
            raise DeviceError(Problem.WRONG_CONTRACT, version=".".join(map(str, device.contract)))
        with suppress(RefusedError):
            # The report that was waiting may be ten seconds old. Any answer carries the time of
            # now, even the refusal of a command that comes too late by that report.
            await self.async_command("read_history", {"record": 1, "profile": 1})
        return device

    async def _async_check(self, client: APIClient) -> None:
        """Compare identity and actions with the contract, then listen."""
        info = await client.device_info()
        if dr.format_mac(info.mac_address) != self._mac or not info.project_name.startswith(
            PROJECT
        ):
            raise DeviceError(Problem.WRONG_DEVICE, name=info.name)
        entities, services = await client.list_entities_services()
        self._services = {service.name: service for service in services}
        try:
            expected = codec.ACTIONS[Modality(info.project_name.removeprefix(PROJECT))]
        except ValueError as error:
            raise DeviceError(Problem.WRONG_DEVICE, name=info.name) from error
        for name, arguments in expected.items():
            service = self._services.get(name)
            actual = service and tuple(
                (argument.name, argument.type and _TYPES.get(argument.type))
                for argument in service.args
            )
            if actual != arguments:
                raise DeviceError(Problem.WRONG_CONTRACT, version=f"{name}")
        texts = {
            entity.object_id: entity.key
            for entity in entities
            if isinstance(entity, TextSensorInfo)
        }
        if not {"telemetry", "description"} <= texts.keys():
            raise DeviceError(Problem.WRONG_CONTRACT, version="telemetry")
        self._keys = {texts[name]: name for name in ("telemetry", "description")}
        client.subscribe_states(self._on_state)

    def _on_state(self, state: EntityState) -> None:
        """Take a line from the node; one that does not check counts as not received."""
        if not isinstance(state, TextSensorState) or (name := self._keys.get(state.key)) is None:
            return
        try:
            values = codec.parse(state.state)
            if name == "description":
                self._description = codec.description(values)
            else:
                self._take(codec.telemetry(values, dt_util.utcnow()))
        except codec.LineError as error:
            LOGGER.debug("%s: %s line ignored: %s", self._mac, name, error)
        if self._description and self._boot and not self._described.done():
            self._described.set_result(self._description)

    def _take(self, telemetry: Telemetry) -> None:
        """Pass a report on, unless a newer one was there."""
        if telemetry.boot == self._boot and telemetry.number <= self._last_number:
            return
        self._last_number = telemetry.number
        self._stamp(telemetry.boot, telemetry.uptime_ms)
        self._on_telemetry(telemetry)

    def _stamp(self, boot: int, uptime_ms: int) -> None:
        """Remember the newest time that the node itself has issued."""
        self.heard_at = self._hass.loop.time()
        if boot != self._boot or codec.since_ms(uptime_ms, self._stamp_ms) >= 0:
            self._boot, self._stamp_ms, self.stamp_at = boot, uptime_ms, self.heard_at

    async def async_command(
        self, name: str, arguments: Mapping[str, object] | None = None
    ) -> dict[str, str]:
        """Send one command and return the values of the answer.

        Raises:
            RefusedError: The node refuses; nothing has changed on it.
            DeviceError: `device_offline` (nothing was sent) or `no_answer` (what the node did is
                unknown).
        """
        if self._client is None or (service := self._services.get(name)) is None:
            raise DeviceError(Problem.DEVICE_OFFLINE)
        data: dict[str, Any] = dict(arguments or {})
        if service.args:
            self._sequence += 1
            elapsed_ms = int((self._hass.loop.time() - self.stamp_at) * 1000)
            data |= {
                "client": self.client_id,
                "boot": self._boot,
                "sequence": self._sequence,
                "not_after_ms": codec.signed(self._stamp_ms + elapsed_ms + codec.NOT_AFTER_MS),
            }
            if "stamp_ms" in data:
                data["stamp_ms"] = codec.signed(self._stamp_ms)
        try:
            response = await self._client.execute_service(
                service, data, return_response=False, timeout=ANSWER_TIMEOUT_S
            )
            values = codec.parse(response.error_message if response else "")
            answer = codec.answer(values)
        except (APIConnectionError, TimeoutError, codec.LineError) as error:
            raise DeviceError(Problem.NO_ANSWER) from error
        self._stamp(answer.boot, answer.uptime_ms)
        if values.get("reason") != "ok":
            raise RefusedError(codec.refusal(values, dt_util.utcnow()))
        return values

    async def _async_stopped(self, _expected: bool) -> None:  # noqa: FBT001 - the client's own signature
        if not self._described.done():
            # Cancelling it would cancel the task that waits for it, and nobody would connect again.
            self._described.set_exception(
                DeviceError(Problem.CANNOT_CONNECT, error="the connection was closed")
            )
            self._described.exception()  # taken note of, also if nobody waits
        self._on_closed()

    async def async_close(self) -> None:
        """Close the connection, whatever state it is in."""
        if not self._described.done():
            self._described.cancel()
        if self._client is not None:
            with suppress(APIConnectionError, TimeoutError, OSError):
                await self._client.disconnect(force=True)

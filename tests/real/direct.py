"""A native-API client that talks to a node directly, and can also break the contract."""

import asyncio
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
import math
import secrets
from typing import Any, Self

from aioesphomeapi.client import APIClient
from aioesphomeapi.model import (
    DeviceInfo,
    EntityInfo,
    EntityState,
    NumberInfo,
    SwitchInfo,
    UserService,
)

type Values = dict[str, str]
"""The `key=value` pairs of one line of the contract."""


class BrokenLineError(ValueError):
    """A line whose checksum does not fit."""


def crc16(text: bytes) -> int:
    """Return the contract's checksum, CRC-16/CCITT-FALSE."""
    return binascii.crc_hqx(text, 0xFFFF)


def parse_line(line: str) -> Values:
    """Read and check one line of the contract, without the integration's own reader."""
    body, mark, crc = line.rpartition(" crc=")
    if not mark or f"{crc16(body.encode()):04X}" != crc:
        raise BrokenLineError(line)
    return dict(pair.split("=", 1) for pair in body.split(" "))


def signed(value: int) -> int:
    """Read 32 bits as a signed integer, as arguments of the native API are."""
    return (value + 2**31) % 2**32 - 2**31


@dataclass(frozen=True, slots=True)
class Reply:
    """What an action answered."""

    success: bool
    text: str

    @property
    def values(self) -> Values:
        """The answer's pairs."""
        return parse_line(self.text)

    @property
    def reason(self) -> str:
        """`ok` or why not."""
        return self.values["reason"]


class Direct:
    """One connection to a node."""

    def __init__(
        self, host: str, port: int, *, key: str | None = None, client_info: str = "tests"
    ) -> None:
        """Describe the connection."""
        self.client = APIClient(
            host, port, client_info=client_info, noise_psk=key, provide_time=False
        )
        self.entities: dict[str, EntityInfo] = {}
        self.actions: dict[str, UserService] = {}
        self._info: DeviceInfo | None = None
        self._states: dict[int, EntityState] = {}
        self._news = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        """Connect, list what there is, and follow every state."""
        await self.client.connect(login=True, log_errors=False)
        self._info, entities, actions = await self.client.device_info_and_list_entities()
        self.entities = {entity.name: entity for entity in entities}
        self.actions = {action.name: action for action in actions}
        self.client.subscribe_states(self._on_state)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Disconnect."""
        await self.client.disconnect(force=True)

    @property
    def info(self) -> DeviceInfo:
        """What the node says of itself."""
        if self._info is None:
            msg = "not connected"
            raise RuntimeError(msg)
        return self._info

    def _on_state(self, state: EntityState) -> None:
        """Keep a state and wake who waits for it."""
        self._states[state.key] = state
        task = asyncio.create_task(self._announce())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _announce(self) -> None:
        """Wake everyone."""
        async with self._news:
            self._news.notify_all()

    def state(self, name: str) -> Any:
        """Return the last state of the entity with this name, None before the first."""
        state = self._states.get(self.entities[name].key)
        return getattr(state, "state", None)

    async def wait_state(
        self, name: str, accept: Callable[[Any], bool], timeout_s: float = 10
    ) -> Any:
        """Wait until the state of an entity is acceptable, return it."""
        async with self._news, asyncio.timeout(timeout_s):
            await self._news.wait_for(
                lambda: (state := self.state(name)) is not None and accept(state)
            )
        return self.state(name)

    async def simulate(self, **values: float | bool) -> None:
        """Set simulated sensors (`worn=True` sets "Simulated worn"), and wait for the report."""
        for name, value in values.items():
            entity = self.entities[f"Simulated {name}"]
            match entity:
                case SwitchInfo():
                    self.client.switch_command(entity.key, bool(value))
                case NumberInfo():
                    self.client.number_command(entity.key, float(value))
                case _:
                    raise TypeError(entity)
        for name, value in values.items():
            await self.wait_state(
                f"Simulated {name}", partial(math.isclose, float(value), abs_tol=0.01)
            )

    async def press(self, seconds: float) -> None:
        """Hold the node's button for a time."""
        await self.simulate(button=True)
        await asyncio.sleep(seconds)
        await self.simulate(button=False)

    async def stall(self, duration_ms: int) -> None:
        """Block the node's loop, as other components do."""
        await self.client.execute_service(
            self.actions["simulate_stall"], {"duration_ms": duration_ms}
        )

    async def call(self, name: str, timeout_s: float = 5, **arguments: Any) -> Reply:
        """Call an action exactly as it is; return its answer, or raise TimeoutError without one."""
        reply = await self.client.execute_service(
            self.actions[name], arguments, return_response=False, timeout=timeout_s
        )
        if reply is None:
            raise TimeoutError(name)
        return Reply(reply.success, reply.error_message)

    async def line(
        self, name: str, accept: Callable[[Values], bool] = lambda _: True, timeout_s: float = 10
    ) -> Values:
        """Wait for an acceptable line of the text sensor `Telemetry` or `Description`."""
        return parse_line(
            await self.wait_state(name, lambda state: accept(parse_line(state)), timeout_s)
        )


class Client(Direct):
    """A client that follows the contract like the integration does."""

    def __init__(self, host: str, port: int, *, key: str | None = None) -> None:
        """Draw a client id, as at every connect."""
        self.client_id = secrets.token_hex(8)
        super().__init__(host, port, key=key, client_info=f"ft-{self.client_id}")
        self.sequence = 0

    async def telemetry(
        self, accept: Callable[[Values], bool] = lambda _: True, timeout_s: float = 12
    ) -> Values:
        """Wait for acceptable telemetry."""
        return await self.line("Telemetry", accept, timeout_s)

    async def header(self, ahead_ms: int = 1500) -> dict[str, Any]:
        """Return the four arguments that every command but stop begins with."""
        # The node's uptime of this moment is in the answer to any command: one that changes
        # nothing, with a record that cannot be.
        telemetry = await self.telemetry()
        probe = await self.call(
            "read_history",
            client=self.client_id,
            boot=int(telemetry["boot"]),
            sequence=self._next(),
            not_after_ms=1,
            record=2**31 - 1,
            profile=1,
        )
        uptime_ms = int(probe.values["uptime_ms"])
        return {
            "client": self.client_id,
            "boot": int(telemetry["boot"]),
            "sequence": self._next(),
            "not_after_ms": signed(uptime_ms + ahead_ms),
        }

    async def command(self, name: str, **arguments: Any) -> Reply:
        """Call an action with a good header, of which single arguments can be replaced."""
        return await self.call(name, **{**await self.header(), **arguments})

    async def enroll(self, *profiles: int) -> None:
        """Hold the button, as a person does, and enroll these tokens."""
        await self.simulate(button=True)
        await self.telemetry(lambda values: values["button"] == "1")
        for profile in profiles:
            reply = await self.command("enroll_profile", profile=profile)
            if reply.reason != "ok":
                raise RuntimeError(reply.text)
        await self.simulate(button=False)

    def _next(self) -> int:
        """Return the next sequence number."""
        self.sequence += 1
        return self.sequence

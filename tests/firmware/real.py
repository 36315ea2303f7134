"""A compiled node as a client and a witness see it."""

import asyncio
from collections.abc import Awaitable, Callable
import contextlib
import itertools
import os
from pathlib import Path
import secrets
import socket
import subprocess
import time
from typing import Any

from aioesphomeapi.client import APIClient
from aioesphomeapi.model import EntityState, TextSensorState

from tests.real.node import commissioned

from .library import ROOT
from .wire import Line, signed

NODES = ROOT / ".work" / "nodes"
SESSION = "00000000000000c1"
KEY = "00000000000000e5"
FULL = {1: 40_000, 2: 40_000, 3: 22_000, 4: 22_000, 5: 1000}
"""What 100 % drive is on the host nodes: uW/cm2, or uA."""


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class RealNode:
    """One running node and a channel to it."""

    def __init__(self, modality: str, directory: Path, program: Path | None = None) -> None:
        """Choose ports; `start` starts it."""
        self.modality = modality
        self.directory = directory
        self.program = program or NODES / f"{modality}-host"
        self.records = directory / "state" / f"{self.program.name}.records"
        self.port = _free_port()
        self.ota_port = _free_port()
        self.client_id = secrets.token_hex(8)
        self.telemetry: list[Line] = []
        self.description: Line | None = None
        self.sequence = 0
        self.process: subprocess.Popen[bytes]
        self.client: APIClient

    async def start(self) -> None:
        """Start the program, commissioned and with profile 7 enrolled, and connect."""
        if not self.records.exists():
            self.records.parent.mkdir(parents=True, exist_ok=True)
            self.records.write_bytes(await commissioned(self.program, (7,)))
        self.process = subprocess.Popen(  # noqa: ASYNC220 - returns at once
            [self.program],
            env={
                **os.environ,
                "FACIAL_THERAPY_PORT": str(self.port),
                "FACIAL_THERAPY_OTA_PORT": str(self.ota_port),
                "FACIAL_THERAPY_STATE": str(self.directory / "state"),
                "FACIAL_THERAPY_WITNESS": str(self.directory / "witness"),
            },
            stdout=(self.directory / "log").open("ab"),
            stderr=subprocess.STDOUT,
        )
        await self.connect()

    async def connect(self) -> None:
        """Open a channel of a new client, and wait for its first telemetry."""
        self.client_id, self.sequence = secrets.token_hex(8), 0
        self.telemetry.clear()
        for attempt in range(100):
            self.client = APIClient(
                "127.0.0.1", self.port, None, client_info=f"ft-{self.client_id}"
            )
            with contextlib.suppress(Exception):
                await self.client.connect()
                break
            await asyncio.sleep(0.05)
            assert attempt < 99
        entities, actions = await self.client.list_entities_services()
        self.actions = {action.name: action for action in actions}
        self.entities = {entity.object_id: entity for entity in entities}
        names = {entity.key: entity.object_id for entity in entities}

        def on_state(state: EntityState) -> None:
            if isinstance(state, TextSensorState):
                if names[state.key] == "telemetry":
                    self.telemetry.append(Line(state.state))
                elif names[state.key] == "description":
                    self.description = Line(state.state)

        self.client.subscribe_states(on_state)
        await self.until(lambda: bool(self.telemetry) and self.description is not None)

    async def until(self, condition: Callable[[], bool], timeout_s: float = 10) -> None:
        """Wait for something to come true."""
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, self.telemetry[-1:]
            await asyncio.sleep(0.005)

    async def until_state(self, state: str, timeout_s: float = 10) -> Line:
        """Wait for the telemetry of a state."""
        await self.until(lambda: self.telemetry[-1]["state"] == state, timeout_s)
        return self.telemetry[-1]

    async def call(self, action: str, **arguments: Any) -> Line:
        """Call an action with a right header, unless an argument bends it."""
        if action != "stop_session":
            self.sequence += 1
            now = (
                time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1_000_000
            )  # a host node counts by the same clock
            header = {
                "client": self.client_id,
                "boot": self.telemetry[-1].number("boot"),
                "sequence": self.sequence,
                "not_after_ms": signed(now + 1500),
            }
            arguments = {**header, **arguments}
        answer = await self.client.execute_service(
            self.actions[action], arguments, return_response=True
        )
        assert answer is not None
        line = Line(answer.error_message)
        assert answer.success == (line["reason"] == "ok")
        return line

    def request(self, **bent: Any) -> dict[str, Any]:
        """Return the arguments of a session that is allowed, unless one of them bends it."""
        arguments: dict[str, Any] = {
            "session": SESSION,
            "resume_key": KEY,
            "last_record": self.telemetry[-1].number("record"),
            "profile": 7,
            "skin_permille": 1000,
            "duration_s": 60,
            "lease_ms": 5000,
            "window_s": 30,
            "epoch_s": 1_790_000_000,
        }
        if self.modality == "mask":
            arguments |= {
                "channels": [1, 2],
                "peaks_uw_cm2": [28_000, 14_000],
                "budgets_uj_cm2": [1_680_000, 840_000],
            }
        else:
            arguments |= {"peak_ua": 200, "period_us": 120_000, "zone_s": 60, "budget_uc": 12_000}
        return {**arguments, **bent}

    async def arm(self, **bent: Any) -> Line:
        """Arm a session that must be accepted."""
        answer = await self.call("start_session", **self.request(**bent))
        assert answer["reason"] == "ok", answer
        await self.until_state("armed")
        return answer

    async def fresh(self) -> None:
        """Start the program as it was commissioned: without any dose."""
        await self.stop()
        self.records.unlink(missing_ok=True)
        await self.start()

    async def keep(self, session: str, seconds: float) -> None:
        """Keep the lease of a session alive for some time."""
        for _ in range(round(seconds * 2)):
            await self.call(
                "renew_lease",
                session=session,
                stamp_ms=signed(self.telemetry[-1].number("uptime_ms")),
            )
            await asyncio.sleep(0.5)

    def dose_since(self, line: int, channel: int, full: float, until_s: float) -> float:
        """Dose the witness saw between its last line and a power cut, in uJ/cm2 or uC."""
        changes = [(at, ppm) for at, number, ppm in self.witness()[line:] if number == channel] + [
            (until_s, 0)
        ]
        return sum(
            ppm / 1e6 * full * (later - at) for (at, ppm), (later, _) in itertools.pairwise(changes)
        )

    def set(self, entity: str, value: float) -> None:
        """Set a switch or a number of the simulated world."""
        found = self.entities[entity]
        if type(found).__name__ == "SwitchInfo":
            self.client.switch_command(found.key, bool(value))
        else:
            self.client.number_command(found.key, value)

    def touch(self, on: bool = True) -> None:  # noqa: FBT002 - a switch has two values
        """Put it on, or take it off."""
        self.set("simulated_worn" if self.modality == "mask" else "simulated_contact", on)

    def witness(self) -> list[tuple[float, int, int]]:
        """Every level change: (CLOCK_MONOTONIC seconds, channel, ppm)."""
        lines = [line.split() for line in (self.directory / "witness").read_text().splitlines()]
        assert all(line[1] == self.program.name for line in lines)
        return [
            (int(line[0]) / 1e9, int(line[3]), int(line[4])) for line in lines if line[3] != "boot"
        ]

    @property
    def dark(self) -> bool:
        """Whether the witness sees nothing."""
        levels = {channel: ppm for _, channel, ppm in self.witness()}
        return not any(levels.values())

    async def cut(self) -> float:
        """Cut its power; return when, in CLOCK_MONOTONIC seconds. `start` restores it."""
        self.process.kill()
        self.process.wait(5)
        at_s = time.monotonic()
        with contextlib.suppress(Exception):
            await self.client.disconnect(force=True)
        return at_s

    async def stop(self) -> None:
        """End the program."""
        with contextlib.suppress(Exception):
            await self.client.disconnect()
        self.process.terminate()
        self.process.wait(5)


type Starter = Callable[[str], Awaitable[RealNode]]

"""The way to the witness: starts its process and asks it questions."""

import asyncio
import contextlib
from dataclasses import dataclass
import json
from pathlib import Path
import sys
import time
from typing import Any, Self

from .process import Child

REPOSITORY = Path(__file__).resolve().parents[2]


class WitnessError(Exception):
    """The witness could not answer."""


@dataclass(frozen=True, slots=True)
class Above:
    """When anything flowed after a time."""

    longest_s: float
    until_s: float
    spans_s: list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Level:
    """What flows now."""

    ppm: dict[int, int]
    nominal: dict[int, float]
    flowing: bool
    last_zero_ns: int | None


class Watch:
    """A running witness. All times are CLOCK_MONOTONIC nanoseconds."""

    def __init__(self, child: Child, socket: Path) -> None:
        """Wrap the running process."""
        self._child = child
        self._socket = socket

    @classmethod
    async def start(cls, directory: Path, *files: Path) -> Self:
        """Start a witness of these files; they need not exist yet."""
        socket = directory / "witness.sock"
        socket.unlink(missing_ok=True)
        child = await Child.start(
            "witness",
            [sys.executable, "-m", "tests.real.witness", socket, *files],
            log=directory / "witness.log",
            directory=REPOSITORY,
        )
        watch = cls(child, socket)
        async with asyncio.timeout(20):
            while child.alive:
                with contextlib.suppress(OSError):
                    await watch.ask("now")
                    return watch
                await asyncio.sleep(0.02)
        msg = (directory / "witness.log").read_text()
        raise WitnessError(msg)

    async def stop(self) -> None:
        """End the process; whatever it could not read is an error of the run."""
        try:
            if errors := await self.errors():
                raise WitnessError(errors)
        finally:
            await self._child.terminate(grace_s=5)

    async def ask(self, ask: str, **query: object) -> dict[str, Any]:
        """Ask one question."""
        reader, writer = await asyncio.open_unix_connection(self._socket, limit=1 << 26)
        with contextlib.closing(writer):
            writer.write(json.dumps({"ask": ask, **query}).encode() + b"\n")
            answer: dict[str, Any] = json.loads(await reader.readline())
        if "error" in answer:
            msg = f"{ask} {query}: {answer['error']}"
            raise WitnessError(msg)
        return answer

    async def errors(self) -> list[str]:
        """Return the lines that no driver of ours writes."""
        errors: list[str] = (await self.ask("errors"))["errors"]
        return errors

    async def boots(self, node: str) -> list[int]:
        """Return when the node booted."""
        boots: list[int] = (await self.ask("nodes"))["nodes"].get(node, {}).get("boots", [])
        return boots

    async def level(self, node: str) -> Level:
        """Return what flows now."""
        answer = await self.ask("level", node=node)
        return Level(
            ppm={int(channel): ppm for channel, ppm in answer["ppm"].items()},
            nominal={int(channel): value for channel, value in answer["nominal"].items()},
            flowing=answer["flowing"],
            last_zero_ns=answer["last_zero_ns"],
        )

    async def dose(self, node: str, since_ns: int, until_ns: int | None = None) -> dict[int, float]:
        """Return J/cm2 (channel 5: mA min) over an interval."""
        answer = await self.ask("dose", node=node, since_ns=since_ns, until_ns=until_ns)
        return {int(channel): value for channel, value in answer["dose"].items()}

    async def above(self, node: str, since_ns: int, until_ns: int | None = None) -> Above:
        """Return how long and until when anything flowed after a time."""
        answer = await self.ask("above", node=node, since_ns=since_ns, until_ns=until_ns)
        return Above(
            answer["longest_s"],
            answer["until_s"],
            [(start, end) for start, end in answer["spans_s"]],
        )

    async def changes(self, node: str, since_ns: int = 0) -> list[tuple[int, int, int]]:
        """Return every change after a time: when, channel, ppm."""
        answer = await self.ask("changes", node=node, since_ns=since_ns)
        return [(t_ns, channel, ppm) for t_ns, channel, ppm in answer["changes"]]

    async def wait_flowing(self, node: str, since_ns: int, *, timeout_s: float = 30) -> int:
        """Wait until something flows at or after a time, return when it began."""
        return await self._wait(node, since_ns, timeout_s, flowing=True)

    async def wait_dark(self, node: str, since_ns: int, *, timeout_s: float = 30) -> int:
        """Wait until nothing flows at or after a time, return when it ended."""
        return await self._wait(node, since_ns, timeout_s, flowing=False)

    async def _wait(self, node: str, since_ns: int, timeout_s: float, *, flowing: bool) -> int:
        """Wait for light or darkness."""
        t_ns: int = (
            await self.ask(
                "wait", node=node, since_ns=since_ns, timeout_s=timeout_s, flowing=flowing
            )
        )["t_ns"]
        return t_ns


def now_ns() -> int:
    """Return the time on the clock of witness and nodes."""
    return time.monotonic_ns()

"""The witness: a process that reads the levels of the host nodes' drivers and adds up the dose.

    python -m tests.real.witness SOCKET FILE...

It answers one JSON object per line over a Unix socket; `watch.py` is the client. Times are
CLOCK_MONOTONIC nanoseconds.
"""

import argparse
import asyncio
from collections.abc import Callable, Mapping
import contextlib
import json
import os
from pathlib import Path
import time
from typing import Any

from .exposure import FULL_PPM, FULL_SCALE, Exposure, Exposures

# How often the files are looked at. Only the wake-up of waiting clients depends on it: times come
# from the lines.
_POLL_S = 0.01

type Query = Mapping[str, Any]
type Answer = dict[str, Any]


class _Tail:
    """The lines that are added to a file, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        """Remember where to look."""
        self._path = path
        self._file: int | None = None
        self._rest = b""

    def lines(self) -> list[str]:
        """Return the complete lines that were added since the last call."""
        if self._file is None:
            try:
                self._file = os.open(self._path, os.O_RDONLY)
            except FileNotFoundError:
                return []
        while chunk := os.read(self._file, 1 << 16):
            self._rest += chunk
        *lines, self._rest = self._rest.split(b"\n")
        return [line.decode(errors="replace") for line in lines]


class Witness:
    """Tails the files, follows the processes, and answers."""

    def __init__(self, files: list[Path]) -> None:
        """Watch these files."""
        self._tails = [_Tail(file) for file in files]
        self._exposures = Exposures()
        self._news = asyncio.Condition()
        self._answers: dict[str, Callable[[Exposure, Query], Answer]] = {
            "level": self._level,
            "dose": self._dose,
            "above": self._above,
            "changes": self._changes,
        }

    async def run(self) -> None:
        """Look at the files for ever."""
        while True:
            async with self._news:
                self.look()
                self._news.notify_all()
            await asyncio.sleep(_POLL_S)

    def look(self) -> None:
        """Read new lines, and let the watchdog of dead nodes act."""
        for line in [line for tail in self._tails for line in tail.lines()]:
            exposure = self._exposures.read(line)
            if exposure is not None and line.endswith(" boot 0"):
                self._follow(exposure)
        for exposure in self._exposures.nodes.values():
            exposure.bite(time.monotonic_ns())

    def _follow(self, exposure: Exposure) -> None:
        """Have the kernel report the end of the node's process."""
        pid = exposure.pid
        if pid is None:
            return
        try:
            handle = os.pidfd_open(pid)
        except OSError:
            exposure.died(time.monotonic_ns())
            return

        def ended() -> None:
            asyncio.get_running_loop().remove_reader(handle)
            os.close(handle)
            # Its last words and a boot of its successor come first.
            self.look()
            if exposure.pid == pid:
                exposure.died(time.monotonic_ns())

        asyncio.get_running_loop().add_reader(handle, ended)

    async def answer(self, query: Query) -> Answer:
        """Answer one question."""
        self.look()
        match query["ask"]:
            case "now":
                return {"t_ns": time.monotonic_ns()}
            case "errors":
                return {"errors": self._exposures.errors}
            case "nodes":
                return {
                    "nodes": {
                        node.node: {"pid": node.pid, "boots": node.boots}
                        for node in self._exposures.nodes.values()
                    }
                }
            case "wait":
                return await self._wait(query)
        exposure = self._exposures.nodes.get(query["node"], Exposure(query["node"]))
        return self._answers[query["ask"]](exposure, query)

    async def _wait(self, query: Query) -> Answer:
        """Answer when output is on, or off, for the first time after `since_ns`."""
        flowing: bool = query["flowing"]

        def when() -> int | None:
            exposure = self._exposures.nodes.get(query["node"], Exposure(query["node"]))
            since_ns: int = query["since_ns"]
            now_ns = time.monotonic_ns()
            for start_ns, end_ns in exposure.spans(since_ns, now_ns):
                if flowing:
                    return start_ns
                if start_ns > since_ns:
                    break
                return None if exposure.flowing and end_ns == now_ns else end_ns
            return None if flowing else since_ns

        async with self._news, asyncio.timeout(query["timeout_s"]):
            await self._news.wait_for(lambda: when() is not None)
        return {"t_ns": when()}

    def _level(self, exposure: Exposure, _query: Query) -> Answer:
        """Say what flows now, in ppm and in units at the skin, and since when nothing did."""
        spans = exposure.spans(0, time.monotonic_ns())
        return {
            "ppm": exposure.levels,
            "nominal": {
                channel: FULL_SCALE[channel] * ppm / FULL_PPM
                for channel, ppm in exposure.levels.items()
            },
            "flowing": exposure.flowing,
            "last_zero_ns": None if exposure.flowing or not spans else spans[-1][1],
        }

    def _dose(self, exposure: Exposure, query: Query) -> Answer:
        """Integrate an interval."""
        return {
            "dose": exposure.dose(query["since_ns"], query.get("until_ns") or time.monotonic_ns())
        }

    def _above(self, exposure: Exposure, query: Query) -> Answer:
        """Say how long and until when anything flowed after a time."""
        since_ns: int = query["since_ns"]
        spans = exposure.spans(since_ns, query.get("until_ns") or time.monotonic_ns())
        return {
            "longest_s": max((end - start for start, end in spans), default=0) / 1e9,
            "until_s": (spans[-1][1] - since_ns) / 1e9 if spans else 0.0,
            "spans_s": [[(start - since_ns) / 1e9, (end - since_ns) / 1e9] for start, end in spans],
        }

    def _changes(self, exposure: Exposure, query: Query) -> Answer:
        """List every change of level after a time."""
        return {
            "changes": [change for change in exposure.changes if change[0] >= query["since_ns"]]
        }


async def _serve(
    witness: Witness, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Answer the questions of one client, one line each."""
    with contextlib.suppress(ConnectionError), contextlib.closing(writer):
        while line := await reader.readline():
            try:
                answer = await witness.answer(json.loads(line))
            except TimeoutError:
                answer = {"error": "timeout"}
            except (KeyError, TypeError, ValueError) as error:
                answer = {"error": repr(error)}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()


async def _run(socket: Path, files: list[Path]) -> None:
    """Serve until killed."""
    witness = Witness(files)
    server = await asyncio.start_unix_server(
        lambda reader, writer: _serve(witness, reader, writer), socket
    )
    async with server:
        await witness.run()


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("socket", type=Path)
    parser.add_argument("files", type=Path, nargs="+")
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(arguments.socket, arguments.files))


if __name__ == "__main__":
    main()

"""A child process that ends with its parent, whatever ends the parent."""

import asyncio
from collections.abc import Mapping, Sequence
import contextlib
import ctypes
import os
from pathlib import Path
import signal
from typing import Self

_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1
# Below the guard of a node, which is more urgent than its loop.
_URGENT = 5


def _die_with_parent() -> None:
    """Ask the kernel for a SIGKILL at the parent's death."""
    # A killed test run must not leave a mask with light on or a Home Assistant on port 8123 behind.
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _be_urgent() -> None:
    """Go before ordinary programs, where the kernel grants it."""
    with contextlib.suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(_URGENT))


class Child:
    """One running program, its output in a log file."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        """Wrap a started process."""
        self.name = name
        self._process = process

    @classmethod
    async def start(  # noqa: PLR0913 - all that a process can have
        cls,
        name: str,
        arguments: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
        urgent: bool = False,
    ) -> Self:
        """Start a program in a session of its own, so that Ctrl-C reaches only us."""

        def prepare() -> None:
            _die_with_parent()
            if urgent:
                _be_urgent()

        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=asyncio.subprocess.STDOUT,
                env={**os.environ, **(environment or {})},
                cwd=directory,
                start_new_session=True,
                preexec_fn=prepare,
            )
        return cls(name, process)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    async def wait(self) -> int:
        """Wait for its end, return its exit code."""
        return await self._process.wait()

    def kill(self) -> None:
        """End it without a word: SIGKILL."""
        self._send(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop it where it stands: SIGSTOP."""
        self._send(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let it go on: SIGCONT."""
        self._send(signal.SIGCONT)

    async def terminate(self, *, sign: signal.Signals = signal.SIGTERM, grace_s: float = 30) -> int:
        """Ask it to end, and end it after the grace period."""
        self._send(signal.SIGCONT)
        self._send(sign)
        try:
            return await asyncio.wait_for(self.wait(), grace_s)
        except TimeoutError:
            self.kill()
            return await self.wait()
        finally:
            # What it started itself is in its session's process group.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)

    def _send(self, sign: signal.Signals) -> None:
        """Send a signal if there is someone to get it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(sign)

"""Count the Python calls between a person and the device, and between the device and the entities.

    .work/homeassistant/bin/python -m bench.calls

Three paths, on the fixtures of the integration's tests (Home Assistant and a fake device):

* start: from the handler of `start_session` to the device's `async_start`;
* telemetry: decoding a report of a running session that shows nothing new, and handling it to the
  end of publishing;
* stop: from the handler of `stop_session` to the device's `async_stop`.

A count is the number of Python call events (`sys.setprofile`) of the integration's own functions in
the event loop's thread. Resuming a coroutine is such an event, and so is a generator's next value.
Calls into C, Home Assistant and the test's frozen clock are left out: they are not ours to save.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
import subprocess
import sys
from types import CodeType, FrameType, FunctionType, MethodType
from typing import Any, Final

from homeassistant.util import dt as dt_util

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.devices import codec
from tests.integration.world import World

ROOT: Final = Path(__file__).parents[1]
INTEGRATION: Final = str(ROOT / "custom_components/facial_therapy/")
BOUNDS: Final = {"start": 250, "telemetry": 90, "stop": 25}
"""What each path may cost at most; `tests/integration/test_calls.py` holds them."""
REPORT: Final = (
    "telemetry=61 boot=1 uptime_ms=61000 state=running session=00000000000000aa record=2"
    " worn=1 temperature_cc=3300 charging=0 fault=- cause=- output_ms=11000 left_ms=49000"
    " lease_ms=9000 window_ms=0 levels=1:14000,2:14000 delivered=1:130000,2:130000"
    " zone=- button=0 profiles=1:1"
)
"""A report of a running mask session as the node writes it, without its checksum."""


@dataclass(slots=True)
class Calls:
    """Counts from the first call of one function to the first call of another one."""

    first: CodeType | None = None
    """None: from the beginning."""
    last: CodeType | None = None
    """None: to the end."""
    counted: int = 0
    by_name: dict[str, int] = field(default_factory=dict)
    decoding: int = 0
    """How many of them decode."""
    done: bool = False

    def __call__(self, frame: FrameType, event: str, _argument: object) -> None:
        """Count a call event."""
        if event != "call" or self.done:
            return
        code = frame.f_code
        if self.first is not None:
            if code is not self.first:
                return
            self.first = None
        if code is self.last:
            self.done = True
        if not code.co_filename.startswith(INTEGRATION):
            return
        self.counted += 1
        self.by_name[code.co_qualname] = self.by_name.get(code.co_qualname, 0) + 1


def code_of(function: Callable[..., Any]) -> CodeType:
    """Return the code that a callable begins with."""
    while isinstance(function, MethodType):
        function = function.__func__
    assert isinstance(function, FunctionType)
    return function.__code__


@contextmanager
def profiled(calls: Calls) -> Iterator[None]:
    """Count what runs in this thread."""
    before = sys.getprofile()
    sys.setprofile(calls)
    try:
        yield
    finally:
        sys.setprofile(before)


async def count_action(world: World, action: str, command: str, **data: Any) -> Calls:
    """Count from an action's handler to the device's command."""
    handler = world.hass.services.async_services()[DOMAIN][action].job.target
    calls = Calls(first=code_of(handler), last=code_of(getattr(world.device, command)))
    with profiled(calls):
        await world.hass.services.async_call(
            DOMAIN, action, {"device_id": world.device_id, **data}, blocking=True
        )
    if not calls.done:
        message = f"{action} never reached {command}"
        raise RuntimeError(message)
    await world.hass.async_block_till_done()
    return calls


async def count_start(world: World) -> Calls:
    """Count a start of a manual session that is permitted."""
    return await count_action(
        world,
        "start_session",
        "async_start",
        program="manual",
        channels={"red": 14, "near_infrared": 14},
        duration_s=60,
    )


async def count_stop(world: World) -> Calls:
    """Count the stop of the session that runs."""
    return await count_action(world, "stop_session", "async_stop")


async def count_telemetry(world: World) -> Calls:
    """Count decoding a report and handling one that shows nothing new, while a session runs."""
    line = f"{REPORT} crc={codec.checksum(REPORT)}"
    world.device.report()
    await world.hass.async_block_till_done()
    world.freezer.tick(timedelta(milliseconds=100))
    reports: list[Any] = []
    device: Any = world.device
    handle, device._on_telemetry = device._on_telemetry, reports.append
    device.report()
    device._on_telemetry = handle
    calls = Calls()
    with profiled(calls):
        codec.telemetry(codec.parse(line), dt_util.utcnow())
        calls.decoding = calls.counted
        handle(reports[0])
        # Publishing may wait for the loop's next pass.
        for _ in range(3):
            await asyncio.sleep(0)
    return calls


async def count_all(world: World) -> dict[str, Calls]:
    """Count all three paths, in the order of a session."""
    start = await count_start(world)
    world.device.put_on()
    await world.pass_time(10)
    return {
        "start": start,
        "telemetry": await count_telemetry(world),
        "stop": await count_stop(world),
    }


def main() -> int:
    """Run the test on the fixtures, and let it print its counts."""
    test = ROOT / "tests/integration/test_calls.py"
    command = [sys.executable, "-m", "pytest", "-q", "-s", "-p", "no:cacheprovider", str(test)]
    return subprocess.run(command, check=False, cwd=ROOT).returncode  # noqa: S603 - our own words


if __name__ == "__main__":
    sys.exit(main())

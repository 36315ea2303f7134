"""The Python calls of a start, of a report that shows nothing new, and of a stop stay in bounds."""

import sys

from bench.calls import BOUNDS, Calls, count_all
from tests.integration.world import World


async def test_a_start_a_report_and_a_stop_cost_few_calls(world: World) -> None:
    found = await count_all(world)
    for name, calls in found.items():
        sys.stdout.write(described(name, calls))
    assert all(calls.counted <= BOUNDS[name] for name, calls in found.items()), {
        name: calls.counted for name, calls in found.items()
    }


def described(name: str, calls: Calls) -> str:
    """Return a count in words, with the functions that were called most."""
    decoding = f", {calls.decoding} of them to decode" if calls.decoding else ""
    most = sorted(calls.by_name.items(), key=lambda item: -item[1])[:12]
    listed = ", ".join(f"{function} {count}" for function, count in most)
    return f"\n{name}: {calls.counted} calls (at most {BOUNDS[name]}){decoding}\n  {listed}\n"

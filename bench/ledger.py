"""Measure a start in a ledger of 100 and of 100,000 sessions: asking the gate, and writing.

    .work/homeassistant/bin/python -m bench.ledger

Both ledgers are measured alternately in one run, so that a busy machine slows both. The figures are
medians. A person has one session a day. The large ledger holds 13 months of 260 people, more than
any household has.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
import sys
from tempfile import TemporaryDirectory
from time import perf_counter
from types import MappingProxyType
from typing import Any

from custom_components.facial_therapy.core.device import Device, NodeState, Telemetry
from custom_components.facial_therapy.core.gate.permit import permit
from custom_components.facial_therapy.core.gate.situation import Situation
from custom_components.facial_therapy.core.ledger.record import Record
from custom_components.facial_therapy.core.model import Channel, Dose, Grade, Modality, Outcome
from custom_components.facial_therapy.core.person import Person
from custom_components.facial_therapy.core.session_parameters import SessionParameters
from custom_components.facial_therapy.storage.ledger import Ledger
from custom_components.facial_therapy.storage.ledger_file import LedgerFile
from custom_components.facial_therapy.storage.ledger_state import LedgerState

SMALL = 100
LARGE = 100_000
PEOPLE = 260
RED = Dose(fluence_j_cm2={Channel.RED: 8.0})
MASK = Device(
    modality=Modality.MASK,
    contract=(1, 0),
    firmware="",
    grade=Grade.MEASURED,
    uncertainty=0.2,
    full_mw_cm2={Channel.RED: 80},
    peak_mw_cm2={Channel.RED: 80},
    worn_sensor=True,
    duration_s=1200,
)


class Executor:
    """As much of Home Assistant as the ledger needs, without listeners."""

    data: Mapping[str, object] = MappingProxyType({})

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The running event loop."""
        return asyncio.get_running_loop()

    def verify_event_loop_thread(self, what: str) -> None:
        """There is only one."""

    @staticmethod
    def async_add_executor_job(job: Callable[..., Any], *arguments: object) -> asyncio.Future[Any]:
        """Run a blocking job in a thread."""
        return asyncio.get_running_loop().run_in_executor(None, job, *arguments)


HASS: Any = Executor()


def session(number: int, people: int, newest: datetime) -> Record:
    """Return a settled session. Number 0 is the newest."""
    ended_at = newest - timedelta(days=number // people)
    return Record(
        session_id=f"{number:016x}",
        mac="98:35:69:00:00:01",
        modality=Modality.MASK,
        person_id=f"person{number % people}",
        program="manual",
        started_at=ended_at - timedelta(minutes=10),
        duration_s=600,
        planned=RED,
        worst_case=RED,
        uncertainty=0.2,
        delivered=RED,
        output_s=600,
        outcome=Outcome.COMPLETED,
        ended_at=ended_at,
    )


async def filled(path: Path, sessions: int, people: int) -> Ledger:
    """Return a ledger, read from a file with so many sessions."""
    state, newest = LedgerState(), datetime.now(UTC) - timedelta(hours=1)
    for number in reversed(range(sessions)):
        state.index.put(session(number, people, newest))
    LedgerFile(path).replace(state.entries())
    again = Ledger(path)
    await again.async_load(HASS)
    if again.unreadable or len(again.session_ids()) < sessions * 0.95:
        message = "the ledger differs from what the bench wrote"
        raise RuntimeError(message)
    return again


def ask(ledger: Ledger) -> float:
    """Ask the gate once, and return the duration in seconds."""
    now = datetime.now(UTC)
    request = SessionParameters(
        modality=Modality.MASK,
        person=Person(person_id="person0", name="", profile=1, sessions={Modality.MASK: 9}),
        program="manual",
        duration_s=600,
        irradiance_mw_cm2={Channel.RED: 10},
    )
    telemetry = Telemetry(
        received_at=now,
        number=1,
        boot=1,
        uptime_ms=1,
        state=NodeState.IDLE,
        session_id=None,
        record=1,
        worn=False,
        temperature_c=30,
        delivered=Dose(),
    )
    began = perf_counter()
    permit(
        request,
        Situation(
            device=MASK,
            telemetry=telemetry,
            person=request.person,
            history=ledger.history("person0"),
            now=now,
        ),
    )
    return perf_counter() - began


async def append(ledger: Ledger, number: int) -> float:
    """Write one session, and return the duration in seconds."""
    record = replace(
        session(0, 1, datetime.now(UTC) - timedelta(days=20)), session_id=f"{2**40 + number:016x}"
    )
    began = perf_counter()
    await ledger.async_open(HASS, record)
    return perf_counter() - began


async def measure(large: int = LARGE, rounds: int = 200) -> dict[str, tuple[float, float]]:
    """Return the median seconds of asking and of appending, in the small and the large ledger."""
    with TemporaryDirectory() as folder:
        ledgers = [
            await filled(Path(folder) / name, sessions, people)
            for name, sessions, people in (("small", SMALL, 1), ("large", large, PEOPLE))
        ]
        asked: list[list[float]] = [[], []]
        appended: list[list[float]] = [[], []]
        for number in range(rounds):
            for which, ledger in enumerate(ledgers):
                asked[which].append(ask(ledger))
                appended[which].append(await append(ledger, number))
    return {
        "permit": (median(asked[0]), median(asked[1])),
        "append": (median(appended[0]), median(appended[1])),
    }


def main() -> int:
    """Print a table."""
    for what, (small, large) in asyncio.run(measure()).items():
        print(
            f"{what}: {SMALL} sessions {small * 1e6:.0f} µs,"
            f" {LARGE} sessions {large * 1e6:.0f} µs, ratio {large / small:.2f}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())

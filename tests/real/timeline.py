"""What happened in a run, when, and who saw it."""

from dataclasses import dataclass, field
import sys
import time
from typing import TextIO


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened."""

    t_s: float
    source: str
    event: str


@dataclass(slots=True)
class Timeline:
    """Prints and keeps what happens, in seconds since the start of the run."""

    output: TextIO = sys.stdout
    moments: list[Entry] = field(default_factory=list)
    _start_ns: int = field(default_factory=time.monotonic_ns)

    def note(self, source: str, event: str, t_ns: int | None = None) -> None:
        """Keep and print a moment: now, or a time of the witness, whose clock is the same."""
        moment = Entry(
            round(((t_ns or time.monotonic_ns()) - self._start_ns) / 1e9, 3), source, event
        )
        self.moments.append(moment)
        print(
            f"{moment.t_s:8.2f} s  {moment.source:<15} {moment.event}", file=self.output, flush=True
        )

    def as_json(self) -> list[dict[str, object]]:
        """Return the moments in the order of their time."""
        return [
            {"t_s": moment.t_s, "source": moment.source, "event": moment.event}
            for moment in sorted(self.moments, key=lambda moment: moment.t_s)
        ]

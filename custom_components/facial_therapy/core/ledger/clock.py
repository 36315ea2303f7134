"""The ledger's own time, which no step of the wall clock moves.

It begins at the later of the wall clock and the newest entry of the ledger, and from then on goes
by the monotonic clock alone. A wall clock that is put back reopens no window, also over a restart;
one that is put forward while Home Assistant runs is credited nothing. Only over a restart forward
time is believed, since nothing here could tell how long it was: the node's own clock is the second
lock.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

STEP: Final = timedelta(minutes=1)
"""A wall clock that is further away than this has been put back or forward, or has not been set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """Where the ledger's time began in this run."""

    began_at: datetime
    """UTC and aware."""
    monotonic_s: float
    """What the monotonic clock said then."""

    def at(self, monotonic_s: float) -> datetime:
        """Return the ledger's time for a reading of the monotonic clock; never before it began."""
        return self.began_at + timedelta(seconds=max(0, monotonic_s - self.monotonic_s))

    def ahead(self, wall: datetime, monotonic_s: float) -> timedelta:
        """Return how far the wall clock is ahead of the ledger's time; zero within a minute."""
        step = wall - self.at(monotonic_s)
        return step if abs(step) > STEP else timedelta(0)


def begin(wall: datetime, monotonic_s: float, newest: datetime | None) -> Clock:
    """Return the clock of a run, from the later of wall clock and newest ledger entry."""
    return Clock(began_at=wall if newest is None else max(wall, newest), monotonic_s=monotonic_s)

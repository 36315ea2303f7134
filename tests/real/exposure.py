"""What the witness knows: levels over time, integrated to dose with constants of its own.

Nothing here is imported from the integration or the firmware. A slip of units or a gamma curve in
either shows as a difference.
"""

from dataclasses import dataclass, field

WATCHDOG_NS = 2_000_000_000
"""A real node whose program died is reset by its hardware watchdog: until then its outputs stay
where they were."""

FULL_PPM = 1_000_000
FULL_SCALE = {1: 40.0, 2: 40.0, 3: 22.0, 4: 22.0, 5: 1000.0}
"""At 1 000 000 ppm: mW/cm2 of the mask's channels 1 to 4, uA of the wand's 5."""

WAND = 5

type Change = tuple[int, int, int]
"""When (CLOCK_MONOTONIC ns), channel, level in ppm."""


class MalformedLineError(ValueError):
    """A line that no driver of ours writes."""


def dose_of(channel: int, ppm_ns: int) -> float:
    """Turn level x time into J/cm2, or mA min for the wand."""
    seconds_at_full = ppm_ns / FULL_PPM / 1e9
    # mW/cm2 x s = mJ/cm2; uA x s = uC, and 60 000 uC are one mA min.
    return FULL_SCALE[channel] * seconds_at_full / (60_000 if channel == WAND else 1000)


@dataclass(slots=True)
class Exposure:
    """Every level change of one node, in order."""

    node: str
    changes: list[Change] = field(default_factory=list)
    boots: list[int] = field(default_factory=list)
    pid: int | None = None
    died_ns: int | None = None
    _levels: dict[int, int] = field(default_factory=dict)

    def level(self, t_ns: int, channel: int, ppm: int) -> None:
        """Take one level that a driver set."""
        if channel not in FULL_SCALE or not 0 <= ppm <= FULL_PPM:
            msg = f"channel {channel} at {ppm} ppm"
            raise MalformedLineError(msg)
        if self.changes and t_ns < self.changes[-1][0]:
            msg = f"{t_ns} is before {self.changes[-1][0]}"
            raise MalformedLineError(msg)
        if self._levels.get(channel, 0) != ppm:
            self._levels[channel] = ppm
            self.changes.append((t_ns, channel, ppm))

    def boot(self, t_ns: int, pid: int) -> None:
        """Take a boot: its drivers are low, whatever the last program left."""
        self.boots.append(t_ns)
        self.pid, self.died_ns = pid, None
        self.dark(t_ns)

    def died(self, t_ns: int) -> None:
        """Take the death of the program: the level holds until a boot or the watchdog."""
        self.died_ns = t_ns

    def bite(self, now_ns: int) -> None:
        """Let the modeled watchdog reset a dead node whose time has come."""
        if self.died_ns is not None and now_ns - self.died_ns >= WATCHDOG_NS:
            self.dark(self.died_ns + WATCHDOG_NS)
            self.died_ns = None

    def dark(self, t_ns: int) -> None:
        """Set every channel to zero."""
        for channel in [channel for channel, ppm in self._levels.items() if ppm]:
            self.level(t_ns, channel, 0)

    @property
    def levels(self) -> dict[int, int]:
        """The level of every channel seen, in ppm."""
        return dict(self._levels)

    @property
    def flowing(self) -> bool:
        """Whether any channel is above zero."""
        return any(self._levels.values())

    def dose(self, since_ns: int, until_ns: int) -> dict[int, float]:
        """Integrate each channel over an interval."""
        sums: dict[int, int] = {}
        held: dict[int, tuple[int, int]] = {}
        ends = [(until_ns, channel, 0) for channel in self._levels]
        for t_ns, channel, ppm in [*self.changes, *ends]:
            from_ns, level = held.get(channel, (since_ns, 0))
            span = min(t_ns, until_ns) - max(from_ns, since_ns)
            sums[channel] = sums.get(channel, 0) + level * max(span, 0)
            held[channel] = (t_ns, ppm)
        return {channel: dose_of(channel, ppm_ns) for channel, ppm_ns in sorted(sums.items())}

    def spans(self, since_ns: int, until_ns: int) -> list[tuple[int, int]]:
        """Return every stretch of time in the interval with any channel above zero."""
        spans: list[tuple[int, int]] = []
        levels: dict[int, int] = {}
        flowing_ns: int | None = None
        for t_ns, channel, ppm in self.changes:
            if t_ns > until_ns:
                break
            levels[channel] = ppm
            if any(levels.values()):
                flowing_ns = t_ns if flowing_ns is None else flowing_ns
            elif flowing_ns is not None:
                spans.append((flowing_ns, t_ns))
                flowing_ns = None
        if flowing_ns is not None:
            spans.append((flowing_ns, until_ns))
        return [(max(start, since_ns), end) for start, end in spans if end > since_ns]


class Exposures:
    """The exposures of all nodes, read from the lines of their drivers."""

    def __init__(self) -> None:
        """Begin with nothing seen."""
        self.nodes: dict[str, Exposure] = {}
        self.errors: list[str] = []

    def read(self, line: str) -> Exposure | None:
        """Take one line; a malformed one is kept as an error, never skipped in silence."""
        try:
            t_ns, node, pid, what, value = line.split(" ")
            exposure = self.nodes.setdefault(node, Exposure(node))
            if what == "boot":
                exposure.boot(int(t_ns), int(pid))
            else:
                exposure.level(int(t_ns), int(what), int(value))
        except ValueError as error:
            self.errors.append(f"{line!r}: {error}")
            return None
        return exposure

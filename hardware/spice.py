"""Run ngspice on a netlist and read the waveforms that it saves."""

from dataclasses import dataclass
from pathlib import Path
import subprocess
import tempfile

import numpy as np
from numpy.typing import NDArray

MODELS = Path(__file__).with_name("models.lib")
# What helps a switching circuit to converge, mildest first: smaller steps, then a little
# capacitance at every node.
RETRIES = ("", "step=0.3", "cshunt=2e-13", "step=0.2 cshunt=1e-12", "step=0.05 cshunt=2e-12")

type Wave = NDArray[np.float64]


class SimulationError(Exception):
    """Raised when ngspice doesn't finish a run."""


@dataclass(frozen=True, slots=True)
class Waves:
    """Saved vectors over time, in seconds, volts and amperes."""

    time: Wave
    vectors: dict[str, Wave]

    def __getitem__(self, name: str) -> Wave:
        """Return a vector by the name that was saved, such as `v(e1)`."""
        return self.vectors[name]

    def at(self, name: str, moment: float) -> float:
        """Return a vector's value at one time."""
        return float(np.interp(moment, self.time, self.vectors[name]))

    def mean(self, name: str, begin: float, end: float) -> float:
        """Return the mean over time of a vector between two times."""
        inside = (self.time > begin) & (self.time < end)
        times = np.concatenate(([begin], self.time[inside], [end]))
        values = np.interp(times, self.time, self.vectors[name])
        return float(np.trapezoid(values, times) / (end - begin))

    def highest_mean(self, name: str, window: float, begin: float = 0.0) -> float:
        """Return the largest mean of a vector's amount over a sliding window of seconds."""
        times = self.time
        area = np.concatenate(
            ([0.0], np.cumsum(np.diff(times) * 0.5 * _pairs(abs(self.vectors[name]))))
        )
        ends = times[times >= begin + window]
        if not len(ends):
            return 0.0
        spans = np.interp(ends, times, area) - np.interp(ends - window, times, area)
        return float(spans.max() / window)

    def first(self, name: str, level: float, begin: float = 0.0) -> float | None:
        """Return when a vector first rises above a level after `begin`."""
        above = self.time[(self.vectors[name] > level) & (self.time >= begin)]
        return float(above[0]) if len(above) else None


def _pairs(values: Wave) -> Wave:
    return values[1:] + values[:-1]


def transient(
    lines: list[str],
    *,
    stop: float,
    step: float,
    save: tuple[str, ...],
    start: float = 0.0,
    timeout: float = 120.0,
    retries: tuple[str, ...] = RETRIES,
) -> Waves:
    """Simulate from initial conditions; raise `SimulationError` if nothing converges.

    `step` is the longest time step in seconds; `save` names vectors such as `v(e1)`; `retries` are
    tried in turn.
    """
    for retry in retries:
        options = dict(pair.split("=") for pair in retry.split())
        waves = _run(
            lines,
            stop=stop,
            step=step * float(options.get("step", "1")),
            save=save,
            start=start,
            options=f"cshunt={options['cshunt']}" if "cshunt" in options else "",
            timeout=timeout,
        )
        if waves is not None and waves.time[-1] > 0.999 * stop:
            return waves
    message = f"ngspice did not reach {stop:g} s"
    raise SimulationError(message)


def _run(
    lines: list[str],
    *,
    stop: float,
    step: float,
    save: tuple[str, ...],
    start: float,
    options: str,
    timeout: float,
) -> Waves | None:
    with tempfile.TemporaryDirectory() as folder:
        deck, raw = Path(folder) / "deck.cir", Path(folder) / "waves.raw"
        deck.write_text(
            "\n".join(
                [
                    "* generated from the table of parts",
                    f".include {MODELS}",
                    *lines,
                    ".options method=gear reltol=2e-4 abstol=1e-11 vntol=1e-6 itl4=200 gmin=1e-13",
                    f".options {options}" if options else "",
                    ".control",
                    f"save {' '.join(save)}",
                    f"tran {min(step, 1e-4):g} {stop:g} {start:g} {step:g} uic",
                    f"write {raw} {' '.join(save)}",
                    ".endc",
                    ".end",
                ]
            )
        )
        try:
            subprocess.run(  # noqa: S603 - our own netlist
                ["ngspice", "-b", deck],  # noqa: S607 - the packaged command
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return None
        return _read(raw) if raw.exists() else None


def _read(raw: Path) -> Waves | None:
    content = raw.read_bytes()
    head, _, body = content.partition(b"Binary:\n")
    names: list[str] = []
    points = 0
    listing = False
    for line in head.decode("ascii", "replace").splitlines():
        if line.startswith("No. Points:"):
            points = int(line.split(":")[1])
        elif line.startswith("Variables:"):
            listing = True
        elif listing and line.startswith("\t"):
            names.append(line.split("\t")[2].lower())
    if points < 2 or len(body) < points * len(names) * 8:
        return None
    table = np.frombuffer(body, dtype="<f8", count=points * len(names)).reshape(points, len(names))
    if not np.isfinite(table).all():
        return None
    return Waves(table[:, 0], {name: table[:, i] for i, name in enumerate(names) if i})

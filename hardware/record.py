"""Run all simulations, and keep the record of the last long run."""

from collections.abc import Callable
import json
from pathlib import Path
from typing import Any

from . import mask_simulations, wand_simulations
from .figures import Report
from .mask import MASK
from .parts import Circuit
from .wand import WAND
from .wand_simulations import Outcome

RESULTS = Path(__file__).with_name("results.json")
SHORT_DRAWS, LONG_DRAWS = 100, 500


def wand_report(circuit: Circuit, draws: int) -> Report:
    """Return the figures of the wand with its nominal values."""
    report = Report()
    wand_simulations.accuracy(circuit, report)
    wand_simulations.edges(circuit, report)
    wand_simulations.contact(circuit, report)
    wand_simulations.protection(circuit, report)
    wand_simulations.supply(circuit, report)
    wand_simulations.watchdog(circuit, report, draws)
    return report


def wand_spread(circuit: Circuit, draws: int) -> Report:
    """Return the figures of the wand over the tolerances of all parts."""
    report = Report()
    wand_simulations.monte_carlo(circuit, report, range(draws))
    return report


def mask_report(circuit: Circuit, draws: int) -> Report:
    """Return the figures of the mask."""
    report = Report()
    mask_simulations.light(circuit, report)
    mask_simulations.heat(circuit, report)
    mask_simulations.cuts(circuit, report, draws)
    mask_simulations.power_up(circuit, report)
    return report


def wand_outcomes(circuit: Circuit) -> list[Outcome]:
    """Return what every single fault does, without what finds it."""
    return [
        wand_simulations.fault_outcome(circuit, fault)
        for fault in wand_simulations.wand_faults(circuit)
    ]


def run(say: Callable[[str], None]) -> None:
    """Run everything in its long form; keep the record after each step."""
    record = load() if RESULTS.exists() else {"figures": {}}
    record["five_volts"] = mask_simulations.five_volts()
    steps: tuple[tuple[str, Callable[[], Report]], ...] = (
        ("wand", lambda: wand_report(WAND, SHORT_DRAWS)),
        ("mask", lambda: mask_report(MASK, LONG_DRAWS)),
    )
    for name, step in steps:
        _keep(record, name, step(), say)
    outcomes = wand_outcomes(WAND)
    found = [wand_simulations.found_by(WAND, outcome) for outcome in outcomes]
    record["faults"] = {
        "wand": [
            {
                "part": outcome.fault.reference,
                "fault": str(outcome.fault),
                "row": [*outcome.row, finder],
                "found_by": finder,
            }
            for outcome, finder in zip(outcomes, found, strict=True)
        ],
        "watchdog": [
            {"part": fault.reference, "fault": str(fault), "found_by": finder}
            for fault, finder in wand_simulations.watchdog_faults(WAND)
        ],
        "mask": [
            {"part": fault.reference, "fault": str(fault), "found_by": finder}
            for fault, finder in mask_simulations.cut_faults(MASK)
        ],
    }
    save(record)
    _keep(record, "wand_spread", wand_spread(WAND, LONG_DRAWS), say)


def _keep(record: dict[str, Any], name: str, report: Report, say: Callable[[str], None]) -> None:
    say(f"{name}\n{report}\n")
    record["figures"][name] = {key: figure.as_record() for key, figure in report.figures.items()}
    save(record)


def load() -> dict[str, Any]:
    """Return the record of the last long run."""
    record: dict[str, Any] = json.loads(RESULTS.read_text())
    return record


def save(record: dict[str, Any]) -> None:
    """Write the record."""
    RESULTS.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n")

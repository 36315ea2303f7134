"""One run of each simulation for all tests, and its tables at the end of the run."""

import os

import pytest

from hardware import record
from hardware.figures import Report, text_table
from hardware.mask import MASK
from hardware.mask_simulations import cut_faults as asked
from hardware.netlist import Fault
from hardware.wand import WAND
from hardware.wand_simulations import FAULT_HEAD, Outcome

LONG = bool(os.environ.get("FACIAL_THERAPY_LONG"))
DRAWS = record.LONG_DRAWS if LONG else record.SHORT_DRAWS

type Found = tuple[Fault, str]

_tables: dict[str, str] = {}


def _shown(title: str, report: Report) -> Report:
    _tables[title] = str(report)
    return report


@pytest.fixture(scope="session")
def wand() -> Report:
    """The wand with its nominal values."""
    return _shown("wand", record.wand_report(WAND, record.SHORT_DRAWS))


@pytest.fixture(scope="session")
def spread() -> Report:
    """The wand over the tolerances of all parts."""
    return _shown(f"wand, {DRAWS} draws of all tolerances", record.wand_spread(WAND, DRAWS))


@pytest.fixture(scope="session")
def mask() -> Report:
    """The mask."""
    return _shown("mask", record.mask_report(MASK, DRAWS))


@pytest.fixture(scope="session")
def outcomes() -> list[Outcome]:
    """Every single fault of the wand, simulated now."""
    found = record.wand_outcomes(WAND)
    rows = [FAULT_HEAD, *(outcome.row for outcome in found)]
    _tables["single faults of the wand"] = text_table(rows)
    return found


@pytest.fixture(scope="session")
def cut_faults() -> list[Found]:
    """Single faults of the mask, and what finds them: every fourth in the short form."""
    return asked(MASK, every=1 if LONG else 4)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the tables of figures."""
    for title, table in _tables.items():
        terminalreporter.section(title)
        terminalreporter.write_line(table)

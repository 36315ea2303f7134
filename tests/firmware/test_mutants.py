"""Faults that are put into a copy of the governor on purpose: the fuzzer or a test has to turn red at each. The list is `mutants.toml`."""

from dataclasses import dataclass
from pathlib import Path
import re
import shutil
import subprocess
import sys
import tomllib
from typing import Final

import pytest

from .fuzzing import LONG, build, run
from .library import COMPONENT, ROOT

HERE: Final = Path(__file__).parent
FLAGS: Final = ["-std=c++20", "-O1", "-w"]
STEPS: Final = 3_000_000
TESTS: Final = [
    f"tests/firmware/test_{name}.py"
    for name in (
        "session",
        "faults",
        "records",
        "orders",
        "bounds",
        "zones",
        "windows",
        "subjects",
        "clock",
        "heat",
        "current",
        "waveform",
        "window_properties",
    )
]
# Without --long: as many as fit into a minute, another part of the list every day would make a red day a riddle, so always these.
SHORT: Final = (
    "a lease counts from the stamp",
    "lost contact is zero at once",
    "a fault blocks every start",
    "a replay changes",
    "the rest between two sessions with",
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: what is replaced in which file, and the rule that it breaks."""

    file: str
    old: str
    new: str
    breaks: str


MUTANTS: Final = [Mutant(**entry) for entry in tomllib.loads((HERE / "mutants.toml").read_text())["mutant"]]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: re.sub(r"\W+", "_", mutant.breaks))
def test_the_list_fits_the_code(mutant: Mutant) -> None:
    assert (COMPONENT / mutant.file).read_text().count(mutant.old) == 1
    assert mutant.old != mutant.new


def test_the_list_is_long_enough() -> None:
    assert len(MUTANTS) >= 40
    assert all(any(mutant.breaks.startswith(begin) for mutant in MUTANTS) for begin in SHORT)


def _killer(mutant: Mutant, root: Path) -> str:
    """What turns red; empty if the mutant lives."""
    copy = root / "esphome" / "components" / "facial_therapy"
    shutil.copytree(COMPONENT, copy, dirs_exist_ok=True)
    (copy / mutant.file).write_text((copy / mutant.file).read_text().replace(mutant.old, mutant.new))
    try:
        program = build(FLAGS, copy, root=root)
    except subprocess.CalledProcessError:
        return "the compiler"
    try:
        broken = run(program, STEPS, 1, timeout_s=300).broken
    finally:
        program.unlink()
    if broken:
        return broken
    tests = subprocess.run(  # noqa: S603 - our own tests
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:homeassistant", "-q", "-x", *(test for test in TESTS if (root / test).exists())],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"^FAILED \S+::(\S+)", tests.stdout, re.MULTILINE)
    # Tests that could not even be collected notice nothing.
    assert tests.returncode == 0 or found, tests.stdout + tests.stderr
    return found[1] if found else ""


@pytest.mark.timeout(7200)
def test_every_fault_of_a_safety_rule_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for part in ("tests/firmware", "tests/real", "tests/__init__.py", "custom_components", "pyproject.toml"):
        source, copy = ROOT / part, tmp_path / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=shutil.ignore_patterns("__pycache__", "invalid", "valid"))
        else:
            shutil.copy(source, copy)
    chosen = MUTANTS if LONG else [mutant for mutant in MUTANTS if mutant.breaks.startswith(SHORT)]
    alive = []
    for mutant in chosen:
        killer = _killer(mutant, tmp_path)
        with capsys.disabled():
            print(f"\n{'killed' if killer else 'ALIVE ':6} {mutant.file:13} {mutant.breaks}: {killer}", end="", flush=True)  # noqa: T201 - the figures are wanted
        if not killer:
            alive.append(mutant.breaks)
    with capsys.disabled():
        print(f"\nmutants: {len(chosen) - len(alive)} of {len(chosen)} killed")  # noqa: T201 - the figures are wanted
    assert len(alive) <= len(chosen) * 0.05, alive

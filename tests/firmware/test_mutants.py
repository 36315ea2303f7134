"""Deliberate faults in copies of the governor (`mutants.toml`): the fuzzer or a test must fail."""

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
        "profiles",
        "clock",
        "heat",
        "current",
        "waveform",
        "window_properties",
        "adopt",
        "refuses",
    )
]
# Without --long, those that fit into a minute. Always the same, so that a failure is reproducible.
SHORT: Final = (
    "a lease counts from the stamp",
    "lost contact is zero at once",
    "a fault blocks every start",
    "a replay changes",
    "the rest between two sessions with",
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One fault: a replacement in a file, and the rule that it breaks."""

    file: str
    old: str
    new: str
    breaks: str
    property: str = ""


MUTANTS: Final = [
    Mutant(**entry) for entry in tomllib.loads((HERE / "mutants.toml").read_text())["mutant"]
]


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: re.sub(r"\W+", "_", mutant.breaks))
def test_the_list_fits_the_code(mutant: Mutant) -> None:
    assert (COMPONENT / mutant.file).read_text().count(mutant.old) == 1
    assert mutant.old != mutant.new


def test_the_list_is_long_enough() -> None:
    assert len(MUTANTS) >= 40
    assert all(any(mutant.breaks.startswith(begin) for mutant in MUTANTS) for begin in SHORT)


def _copied(root: Path) -> Path:
    """Copy what the tests of the governor need, so that a fault can be put into it."""
    for part in (
        "tests/firmware",
        "tests/real",
        "tests/__init__.py",
        "custom_components",
        "pyproject.toml",
    ):
        source, copy = ROOT / part, root / part
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(
                source, copy, ignore=shutil.ignore_patterns("__pycache__", "invalid", "valid")
            )
        else:
            shutil.copy(source, copy)
    return root


def _put(mutant: Mutant, root: Path) -> Path:
    """Put the fault into the copy, and take out the one before. Returns the component."""
    copy = root / "esphome" / "components" / "facial_therapy"
    shutil.copytree(COMPONENT, copy, dirs_exist_ok=True)
    (copy / mutant.file).write_text(
        (copy / mutant.file).read_text().replace(mutant.old, mutant.new)
    )
    return copy


def _red(root: Path, tests: list[str]) -> str:
    """The first test that fails; empty if none does."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:homeassistant",
            "-q",
            "-x",
            *tests,
        ],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"^FAILED \S+?::(\S+)", done.stdout, re.MULTILINE)
    # Tests that could not even be collected notice nothing.
    assert done.returncode == 0 or found, done.stdout + done.stderr
    return found[1] if found else ""


def _killer(mutant: Mutant, root: Path) -> str:
    """What turns red; empty if the mutant lives."""
    copy = _put(mutant, root)
    try:
        program = build(FLAGS, copy, root=root)
    except subprocess.CalledProcessError:
        return "the compiler"
    try:
        broken = run(program, STEPS, 1, timeout_s=300).broken
    finally:
        program.unlink()
    return broken or _red(root, TESTS)


@pytest.mark.timeout(7200)
def test_every_fault_of_a_safety_rule_is_noticed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = MUTANTS if LONG else [mutant for mutant in MUTANTS if mutant.breaks.startswith(SHORT)]
    root, alive = _copied(tmp_path), []
    for mutant in chosen:
        killer = _killer(mutant, root)
        with capsys.disabled():
            outcome = "killed" if killer else "ALIVE "
            print(f"\n{outcome:6} {mutant.file:13} {mutant.breaks}: {killer}", end="", flush=True)  # noqa: T201 - the progress of hours
        if not killer:
            alive.append(mutant.breaks)
    with capsys.disabled():
        print(f"\nmutants: {len(chosen) - len(alive)} of {len(chosen)} killed")  # noqa: T201 - the figures are wanted
    assert len(alive) <= len(chosen) * 0.05, alive


@pytest.mark.skipif(not LONG, reason="--long: a build for each")
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "mutant",
    [mutant for mutant in MUTANTS if mutant.property],
    ids=lambda mutant: re.sub(r"\W+", "_", mutant.breaks),
)
def test_each_property_fails_at_its_fault(mutant: Mutant, tmp_path: Path) -> None:
    _put(mutant, _copied(tmp_path))
    assert _red(tmp_path, [mutant.property]).startswith(mutant.property.partition("::")[2])

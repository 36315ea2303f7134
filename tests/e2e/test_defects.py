"""The demo's verdict on nodes that have a defect: red, and it says which number disagrees."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
import hashlib
import os
from pathlib import Path
import shutil
from typing import Any

import pytest

from tests.real import demo
from tests.real.household import Household
from tests.real.timeline import Timeline

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = REPOSITORY / "esphome"
ESPHOME = REPOSITORY / ".work" / "esphome" / "bin" / "esphome"
WORK = REPOSITORY / ".work" / "defects"

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True, slots=True)
class Defect:
    """A line of a driver, and what a tired person could have written instead."""

    node: str
    file: str
    right: str
    wrong: str


# The driver corrects for the eye, as drivers of room lights do.
GAMMA = Defect(
    "mask-host",
    "mask_driver.cpp",
    "const uint64_t ppm = uint64_t{levels.at[place]} * 1'000'000 / full;",
    "const auto ppm = static_cast<uint64_t>(__builtin_pow("
    "static_cast<double>(levels.at[place]) / full, 2.8) * 1'000'000);",
)
# The driver takes nA for uA.
UNIT_SLIP = Defect(
    "wand-host",
    "wand_driver.cpp",
    "const uint64_t ppm = uint64_t{level_ua} * 1'000'000"
    " / ::facial_therapy::WAND_HARDWARE_CURRENT_UA;",
    "const uint64_t ppm = uint64_t{level_ua} * 1'000 / ::facial_therapy::WAND_HARDWARE_CURRENT_UA;",
)


def _digest(defect: Defect) -> str:
    """Return what the program depends on."""
    digest = hashlib.sha256(repr(defect).encode())
    for path in sorted(
        path
        for path in SOURCES.rglob("*")
        if path.is_file() and ".esphome" not in path.parts and path.suffix != ".pyc"
    ):
        digest.update(path.relative_to(SOURCES).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


async def _compile(defect: Defect) -> Path:
    """Return the program of a node with a defect; compiled once for the same sources."""
    directory = WORK / f"{defect.node}-{_digest(defect)}"
    program = directory / defect.node
    if program.exists():
        return program
    # Of older sources, or half made.
    for old in WORK.glob(f"{defect.node}-*"):
        shutil.rmtree(old)
    shutil.copytree(
        SOURCES, directory / "esphome", ignore=shutil.ignore_patterns(".esphome", "__pycache__")
    )
    source = directory / "esphome" / "components" / "facial_therapy" / defect.file
    text = source.read_text()
    assert text.count(defect.right) == 1
    source.write_text(text.replace(defect.right, defect.wrong))
    child = await asyncio.create_subprocess_exec(
        ESPHOME,
        "-q",
        "compile",
        directory / "esphome" / f"{defect.node}.yaml",
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "ESPHOME_DATA_DIR": str(directory / "build")},
    )
    output, _ = await child.communicate()
    assert child.returncode == 0, output.decode()[-4000:]
    shutil.copy2(
        directory / "build" / "build" / defect.node / ".pioenvs" / defect.node / "program", program
    )
    shutil.rmtree(directory / "build")
    return program


@pytest.fixture(scope="module")
async def defective(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of nodes of which each has a defect."""
    folder = tmp_path_factory.mktemp("defective")
    for defect in (GAMMA, UNIT_SLIP):
        shutil.copy2(await _compile(defect), folder / defect.node)
    return folder


@dataclass(frozen=True, slots=True)
class Verdict:
    """What `scripts/demo --once` would exit with, report and print."""

    ok: bool
    sessions: dict[str, dict[str, Any]]
    words: list[str]


async def _verdict(furnished: Path, directory: Path, programs: Path) -> Verdict:
    """Do the same as `scripts/demo --once`, in a furnished household and with short sessions."""
    shutil.copytree(
        furnished,
        directory,
        ignore=shutil.ignore_patterns("*.sock", "witness", "*.log", "*.console"),
    )
    timeline, report = Timeline(), dict[str, Any]()
    ok = await demo.once(Household(directory, programs=programs), timeline, report, demo.sessions)
    words = [moment.event for moment in timeline.moments if moment.source == "verdict"]
    return Verdict(ok, {session["modality"]: session for session in report["sessions"]}, words)


async def test_sound_nodes_make_the_demo_green(
    furnished: Path, tmp_path: Path, programs: Path, say: Callable[[str], None]
) -> None:
    """Planned, delivered and witnessed are the same within 2 %."""
    verdict = await _verdict(furnished, tmp_path / "household", programs)
    assert verdict.ok
    assert verdict.words == []
    for session in verdict.sessions.values():
        say(
            "{modality}: planned {planned}, delivered {delivered}, witnessed {witnessed}"
            " {unit}".format(**session)
        )


async def test_unit_slip_and_gamma_defect_make_the_demo_red(
    furnished: Path, tmp_path: Path, defective: Path, say: Callable[[str], None]
) -> None:
    """The witness alone catches each: plan and node agree with each other."""
    verdict = await _verdict(furnished, tmp_path / "household", defective)
    assert not verdict.ok
    for words in verdict.words:
        say(words)
    assert [words.partition(" witnessed ")[0] for words in verdict.words] == [
        "wand: channel 5:",
        "mask: channel 1:",
        "mask: channel 2:",
    ]
    for session in verdict.sessions.values():
        assert session["outcome"] == "completed"
        assert session["delivered"] == pytest.approx(session["planned"], rel=0.02)
    wand, mask = verdict.sessions["wand"], verdict.sessions["mask"]
    assert wand["witnessed"] == pytest.approx(wand["planned"] / 1000, rel=0.1)
    # (14/40)^2.8 of full scale is 15 % of 14/40, and the ramp is bent as well.
    assert 0 < mask["witnessed"] < 0.2 * mask["planned"]

"""Build the fuzzer around the governor or a copy with a fault in it, and read its output."""

from dataclasses import dataclass
import hashlib
import os
from pathlib import Path
import re
import subprocess
from typing import Final

from .library import COMPONENT, ROOT, SOURCES

LONG: Final = bool(os.environ.get("FACIAL_THERAPY_LONG"))
HERE: Final = Path(__file__).parent / "fuzz"
FAST: Final = [
    "-std=c++20",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fsanitize=undefined",
    "-fno-sanitize-recover=all",
]
CAREFUL: Final = [
    "-std=c++20",
    "-O1",
    "-g",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
]


def build(flags: list[str], component: Path = COMPONENT, *, root: Path = ROOT) -> Path:
    """Compile the fuzzer with a component, unless the same sources were compiled before.

    Raises:
        CalledProcessError: It does not compile.
    """
    digest = hashlib.sha256(repr(flags).encode())
    sources = [
        root / "tests" / "firmware" / "fuzz" / "fuzz.cpp",
        *(component / source.name for source in SOURCES[1:]),
    ]
    for source in sorted([*sources, *component.glob("*.h"), *HERE.glob("*.h")]):
        digest.update(source.read_bytes())
    program = ROOT / ".work" / "firmware" / f"fuzz-{digest.hexdigest()[:16]}"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        partial = program.with_suffix(f".{os.getpid()}")
        subprocess.run(
            ["g++", *flags, *map(str, sources), "-o", str(partial)], check=True, capture_output=True
        )
        partial.rename(program)
    return program


@dataclass(frozen=True, slots=True)
class Report:
    """The output of a run."""

    text: str
    code: int

    @property
    def steps(self) -> int:
        """Passes of the loop."""
        return int(re.search(r"^steps (\d+)", self.text, re.MULTILINE)[1])  # type: ignore[index]

    @property
    def energized(self) -> float:
        """Percentage of the steps after which output was on."""
        return float(re.search(r"energized ([0-9.]+) %", self.text)[1])  # type: ignore[index]

    @property
    def visited(self) -> int:
        """Number of pairs of state and event that occurred."""
        return int(re.search(r"^visited (\d+)", self.text, re.MULTILINE)[1])  # type: ignore[index]

    def counts(self, title: str) -> dict[str, int]:
        """Return how often each of the `reasons`, `outcomes` or `faults` occurred."""
        line = re.search(rf"^{title} (.*)$", self.text, re.MULTILINE)
        return (
            {name: int(count) for name, count in (pair.split("=") for pair in line[1].split())}
            if line
            else {}
        )

    @property
    def broken(self) -> str:
        """The rule that was broken, or the sanitizer's word; empty if none was."""
        if self.code == 0:
            return ""
        found = re.search(
            r"^BROKEN: (.*)$|(runtime error: .*|ERROR: AddressSanitizer: \S+)",
            self.text,
            re.MULTILINE,
        )
        return found[0] if found else f"exit code {self.code}"


def run(program: Path, steps: int, seed: int, timeout_s: float = 3600) -> Report:
    """Run the fuzzer with a seed."""
    done = subprocess.run(
        [program, str(steps), str(seed)],
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout_s,
    )
    return Report(done.stdout + done.stderr, done.returncode)

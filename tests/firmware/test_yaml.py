"""The schema: ESPHome refuses each file of invalid/ with the error that its first line names."""

import json
import os
from pathlib import Path
import re
import subprocess

import pytest

from .library import COMPONENT, ROOT

ESPHOME = ROOT / ".work" / "esphome" / "bin"
HERE = Path(__file__).parent
INVALID = sorted((HERE / "invalid").glob("*.yaml"))
VALID = [
    *sorted((HERE / "valid").glob("*-esp32*.yaml")),
    ROOT / "esphome" / "mask-host.yaml",
    ROOT / "esphome" / "wand-host.yaml",
]

SOURCE = "facial_therapy_source: ../../../esphome/components"

pytestmark = pytest.mark.skipif(
    not ESPHOME.exists(), reason="no ESPHome environment: scripts/setup esphome"
)


# One process of ESPHome's own environment for all files: starting it is what takes time.
CHECK = """
import contextlib, io, json, sys
from esphome.__main__ import run_esphome
from esphome.core import CORE
verdicts = {}
for path in sys.argv[1:]:
    CORE.reset()
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            code = run_esphome(["esphome", "config", path])
        except SystemExit as done:
            code = done.code or 0
    verdicts[path] = [code, output.getvalue()]
json.dump(verdicts, sys.stdout)
"""


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, tuple[int, str]]:
    """Exit code and output of `esphome config`, by file."""
    files = [*INVALID, *VALID]
    done = subprocess.run(
        [ESPHOME / "python", "-B", "-c", CHECK, *files],
        capture_output=True,
        check=True,
        text=True,
        env={
            **os.environ,
            "ESPHOME_DATA_DIR": str(tmp_path_factory.mktemp("data")),
            "NO_COLOR": "1",
        },
    )
    # ESPHome wraps long sentences.
    return {
        Path(path): (code, " ".join(re.sub(r"\x1b\[[0-9;]*m", "", output).split()))
        for path, (code, output) in json.loads(done.stdout).items()
    }


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_esphome_accepts(path: Path, verdicts: dict[Path, tuple[int, str]]) -> None:
    code, output = verdicts[path]
    assert code == 0, output[-2000:]


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_the_example_is_a_board_that_is_checked_but_for_where_it_comes_from(modality: str) -> None:
    example = (ROOT / "esphome" / f"example-{modality}.yaml").read_text()
    remote = f"github://facial-therapy/facial-therapy/esphome/boards/{modality}-esp32.yaml@main"
    assert remote in example
    local = example.replace(
        remote, f"!include ../../../esphome/boards/{modality}-esp32.yaml"
    ).replace("substitutions:", f"substitutions:\n  {SOURCE}")
    checked = (HERE / "valid" / f"board-{modality}-esp32.yaml").read_text()
    assert [line for line in local.splitlines() if not line.startswith("#")] == [
        line for line in checked.splitlines() if not line.startswith("#")
    ]


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_the_hardware_page_names_every_pin_of_the_board_and_no_other(modality: str) -> None:
    page = (ROOT / "docs" / "hardware.md").read_text()
    table = page[page.index(f"| pin of [boards/{modality}-esp32.yaml]") :].split("\n\n")[0]
    board = (ROOT / "esphome" / "boards" / f"{modality}-esp32.yaml").read_text()
    assert set(re.findall(r"GPIO\d+", table)) == set(re.findall(r"GPIO\d+", board))


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_a_measurement_is_published_only_when_it_has_changed(modality: str) -> None:
    """The recorder keeps every state: one every 250 ms makes 2400 rows in ten minutes."""
    board = (ROOT / "esphome" / "boards" / f"{modality}-esp32.yaml").read_text()
    [sensors] = re.findall(r"^sensor:\n((?: .*\n|\n)+)", board, re.MULTILINE)
    named = [
        sensor for sensor in re.split(r"^  - ", sensors, flags=re.MULTILINE) if " name: " in sensor
    ]
    assert named
    assert [sensor for sensor in named if "- delta: " not in sensor] == []


@pytest.mark.parametrize("page", ["docs/hardware.md", "README.md"])
def test_what_a_page_links_to_is_there(page: str) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / page).read_text()):
        assert ((ROOT / page).parent / target).exists(), target


def test_every_yaml_that_is_shipped_is_checked() -> None:
    shipped = {
        path.relative_to(ROOT / "esphome").as_posix()
        for path in (ROOT / "esphome").rglob("*.yaml")
        if ".esphome" not in path.parts
    }
    checked = {path.name for path in VALID if path.parent.name == "esphome"}
    text = "".join(
        path.read_text() for path in (*VALID, *(ROOT / "esphome" / "boards").glob("*.yaml"))
    )
    examples = {f"example-{modality}.yaml" for modality in ("mask", "wand")}
    assert {name for name in shipped - checked - examples if name not in text} == set()


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_esphome_refuses_with_a_sentence(path: Path, verdicts: dict[Path, tuple[int, str]]) -> None:
    expected = path.read_text().splitlines()[0].removeprefix("# refused: ")
    code, output = verdicts[path]
    assert code != 0
    assert expected in output, output[-2000:]


def test_every_number_of_the_schema_refuses_what_is_no_number_in_its_bounds() -> None:
    script = f"""
import importlib.util
spec = importlib.util.spec_from_file_location("facial_therapy", {str(COMPONENT / "__init__.py")!r})
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
import esphome.config_validation as cv
for whole in (False, True):
    check = module.bounded("duration_s", 1, 5, "s", whole=whole)
    assert check(1) == 1 and check(5) == 5
    numbers = (float("nan"), float("inf"), -float("inf"), 0, -1, 0.999, 5.001, 2**31, 1e308)
    for bad in (*numbers, True, False, "3", "", None, [3], {{}}):
        try:
            check(bad)
        except cv.Invalid as refusal:
            assert str(refusal).startswith("duration_s must be a")
            assert "from 1 to 5 s" in str(refusal)
        else:
            raise AssertionError(bad)
assert module.bounded("n", 1, 5, "s")(2.5) == 2.5
try:
    module.bounded("n", 1, 5, "s", whole=True)(2.5)
except cv.Invalid:
    pass
else:
    raise AssertionError(2.5)
assert len(module.LIMITS) > 50
"""
    done = subprocess.run(
        [ESPHOME / "python", "-B", "-c", script], capture_output=True, check=False, text=True
    )
    assert done.returncode == 0, done.stderr

"""Drawing, parts list, netlist, wiring and guide come from the same tables."""

from dataclasses import replace
from pathlib import Path
import re
from xml.etree import ElementTree as ET

import pytest

from hardware import boards, mask_simulations, pages, wand_simulations
from hardware.drawing import DrawingError, Sheet, draw
from hardware.mask import MASK
from hardware.netlist import elements
from hardware.parts import Circuit, Kind, engineering, resistor
from hardware.record import load
from hardware.sheets import MASK_SHEETS, WAND_SHEETS
from hardware.shopping import parts_rows
from hardware.wand import WAND

CIRCUITS = pytest.mark.parametrize("circuit", [WAND, MASK], ids=lambda circuit: circuit.name)
GUIDE = pages.GUIDE.read_text()


@CIRCUITS
def test_every_part_is_complete_and_every_net_joins_two_pins(circuit: Circuit) -> None:
    assert circuit.mistakes() == []


def test_a_net_with_one_pin_is_a_mistake() -> None:
    broken = replace(WAND, parts=(*WAND.parts, resistor("R99", "pwm nowhere", 1e3, "supply")))
    assert broken.mistakes() == ["net nowhere joins one pin only: R99"]


@CIRCUITS
def test_the_netlist_has_every_part_that_can_be_simulated_with_its_nets(circuit: Circuit) -> None:
    lines = elements(circuit, circuit.sheets)
    for part in circuit.parts:
        names = {f"R{part.reference}", f"C{part.reference}", f"D{part.reference}"}
        found = [
            line.split() for line in lines if line.split()[0] in names | {f"X{part.reference}"}
        ]
        assert len(found) == (0 if part.kind is Kind.WIRED else 1), part.reference
        if found:
            assert tuple(found[0][1 : 1 + len(part.nets)]) == part.nets


@CIRCUITS
def test_the_parts_list_counts_every_package_once(circuit: Circuit) -> None:
    names = [name for row in parts_rows(circuit)[1:] for name in row[0].split(", ")]
    assert sorted(names) == sorted({part.package for part in circuit.parts})


def test_drawings_and_pages_are_what_the_tables_generate() -> None:
    stale = [
        path.name
        for path, text in (*pages.images(), *pages.pages())
        if not path.exists() or path.read_text() != text
    ]
    assert stale == [], "run python -m hardware"


def test_no_drawing_is_left_that_nothing_generates() -> None:
    generated = {path for path, _ in pages.images()}
    assert set(pages.IMAGES.glob("hardware-*")) == generated


def test_a_chain_may_not_join_two_nets(tmp_path: Path) -> None:
    sheet = Sheet("broken", chains=((0, 0, "pwm: R2"),))
    with pytest.raises(DrawingError, match="R2 is not on net pwm"):
        draw(WAND, "set_point", sheet, tmp_path / "broken.svg")


def test_a_part_may_not_be_left_out_of_its_drawing(tmp_path: Path) -> None:
    whole = WAND_SHEETS["watchdog"]
    with pytest.raises(DrawingError, match="missing \\['U6'\\]"):
        draw(WAND, "watchdog", replace(whole, boxes=()), tmp_path / "broken.svg")


@pytest.mark.parametrize(
    ("circuit", "name"),
    [(WAND, name) for name in WAND_SHEETS] + [(MASK, name) for name in MASK_SHEETS],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_labels_of_a_drawing_do_not_overlap(circuit: Circuit, name: str, tmp_path: Path) -> None:
    sheets = WAND_SHEETS if circuit is WAND else MASK_SHEETS
    path = tmp_path / "sheet.svg"
    draw(circuit, name, sheets[name], path)
    boxes = list(_labels(path))
    assert len(boxes) > 5
    overlapping = [
        (one[0], other[0])
        for i, one in enumerate(boxes)
        for other in boxes[i + 1 :]
        if _overlap(one[1], other[1])
    ]
    assert overlapping == []


def _labels(path: Path) -> list[tuple[str, tuple[float, float, float, float]]]:
    """Return every line of text with a box around it: left, top, right, bottom."""
    found = []
    for text in ET.parse(path).getroot().iter("{http://www.w3.org/2000/svg}text"):  # noqa: S314
        size = float(text.get("font-size", "12"))
        anchor = text.get("text-anchor", "start")
        top = float(text.get("y", "0")) - size
        spans = list(text.iter("{http://www.w3.org/2000/svg}tspan")) or [text]
        for line, span in enumerate(spans):
            content = "".join(span.itertext()).strip()
            if not content:
                continue
            width = 0.5 * size * len(content)
            x = float(span.get("x", text.get("x", "0")))
            left = {"start": x, "middle": x - width / 2, "end": x - width}[anchor]
            y = top + line * size
            found.append((content, (left, y + 0.2 * size, left + width, y + size)))
    return found


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(18200, "Ω", "18.2 kΩ"), (4.7e-8, "F", "47 nF"), (1e-6, "F", "1 µF"), (90.9, "Ω", "90.9 Ω")],
)
def test_a_value_is_printed_with_its_prefix(value: float, unit: str, text: str) -> None:
    assert engineering(value, unit) == text


SHIPPED = sorted(path.stem for path in boards.FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("board", SHIPPED)
def test_a_board_file_wires_every_signal_of_the_circuit(board: str) -> None:
    signals = set(boards.SIGNALS[board.partition("-")[0]])
    assert signals - set(boards.read_pins(board)) == boards.NOT_YET.get(board, set())


@pytest.mark.parametrize("board", boards.boards())
def test_no_pin_of_a_board_carries_two_signals(board: str) -> None:
    pins = boards.pins(board)
    assert len(set(pins.values())) == len(pins)


STRAPPING = {
    "esp32": {0, 2, 5, 12, 15},
    "esp32s3": {0, 3, 45, 46},
    "esp32c3": {2, 8, 9},
    "esp32c6": {4, 5, 8, 9, 15},
}
ADC1 = {
    "esp32": range(32, 40),
    "esp32s3": range(1, 11),
    "esp32c3": range(5),
    "esp32c6": range(7),
}
ANALOG = {"sensed_current", "electrode_voltage", "contact", "thermistor"}


@pytest.mark.parametrize("board", boards.boards())
def test_no_signal_sits_on_a_strapping_pin_and_analog_ones_sit_on_adc1(board: str) -> None:
    chip = board.partition("-")[2]
    pins = {signal: int(pin.removeprefix("GPIO")) for signal, pin in boards.pins(board).items()}
    assert not set(pins.values()) & STRAPPING[chip]
    assert all(pins[signal] in ADC1[chip] for signal in ANALOG & set(pins))


@pytest.mark.parametrize("board", SHIPPED)
def test_the_wiring_table_of_the_guide_is_the_board_file(board: str) -> None:
    table = GUIDE[GUIDE.index(f"| pin of [boards/{board}.yaml]") :].split("\n\n")[0]
    rows = re.findall(r"^\| (GPIO\d+) \| (\w+) \|", table, re.MULTILINE)
    assert {signal: pin for pin, signal in rows} == boards.read_pins(board)
    file = boards.board_file(board).read_text()
    assert {pin for pin, _ in rows} == set(re.findall(r"GPIO\d+", file))


@CIRCUITS
def test_the_controller_has_a_pin_for_every_signal(circuit: Circuit) -> None:
    controller = circuit["U10" if circuit is WAND else "U5"]
    assert set(controller.pins) - {"5V", "3V3", "GND"} == set(boards.SIGNALS[circuit.name])


def _checklist() -> dict[str, list[str]]:
    section = GUIDE[GUIDE.index("## Commissioning") : GUIDE.index("## Calibrate light")]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line[:1] == "|"]
    return {row[0].partition(" (")[0]: row for row in rows[2:]}


def test_each_simulation_that_the_checklist_names_exists() -> None:
    named = set(re.findall(r"`(\w+_simulations)\.(\w+)`", GUIDE))
    assert len(named) > 8
    modules = {"wand_simulations": wand_simulations, "mask_simulations": mask_simulations}
    assert [name for module, name in named if not callable(getattr(modules[module], name))] == []


@pytest.mark.parametrize("kind", ["wand", "mask"])
def test_every_latent_fault_is_found_by_a_row_of_the_checklist(kind: str) -> None:
    finders = set(pages.latent(load(), kind))
    assert len(finders) > 2
    rows = {row for name in finders for row in re.findall(r"\*([^*]+)\*", name)}
    assert rows <= set(_checklist())
    unnamed = {name for name in finders if not name.startswith("row ")}
    assert unnamed <= {"boot test of the latch"}
    assert "boot test" in _checklist()


def test_the_guide_says_that_nothing_here_is_a_medical_device() -> None:
    assert "**This is not a medical device**" in GUIDE
    assert "## Unproved" in GUIDE

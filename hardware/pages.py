"""Everything that is generated: drawings, parts lists, the table of faults, numbers in the guide.

`python -m hardware` writes it; a test generates it again and compares.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
import re
import tempfile
from typing import Any

from .boards import NOT_YET, SIGNALS, board_file, boards, pins
from .drawing import draw
from .figures import markdown_table, number
from .mask import AREA_CM2, CHANNELS, MASK
from .record import load
from .sheets import MASK_SHEETS, WAND_SHEETS
from .shopping import BENCH, parts_page, price
from .wand import WAND
from .wand_simulations import FAULT_HEAD

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "hardware.md"
IMAGES = ROOT / "docs" / "images"
SHEETS = ((WAND, WAND_SHEETS), (MASK, MASK_SHEETS))

BOARD_NAMES = {
    "esp32": ("ESP32", "ESP32-DevKitC, NodeMCU-32S"),
    "esp32s3": ("ESP32-S3", "ESP32-S3-DevKitC-1"),
    "esp32c3": ("ESP32-C3", "ESP32-C3-DevKitM-1, C3 SuperMini"),
    "esp32c6": ("ESP32-C6", "ESP32-C6-DevKitC-1"),
}


def images() -> Iterator[tuple[Path, str]]:
    """Yield every drawing with its place."""
    with tempfile.TemporaryDirectory() as folder:
        for circuit, sheets in SHEETS:
            for name, sheet in sheets.items():
                file = _file(circuit.name, name)
                draw(circuit, name, sheet, Path(folder) / file)
                yield IMAGES / file, (Path(folder) / file).read_text()


def _file(circuit: str, sheet: str) -> str:
    return f"hardware-{circuit}-{sheet.replace('_', '-')}.svg"


def pages() -> Iterator[tuple[Path, str]]:
    """Yield every generated page with its place; the guide keeps its handwritten parts."""
    record = load()
    yield ROOT / "hardware" / "wand-parts.md", parts_page(WAND)
    yield ROOT / "hardware" / "mask-parts.md", parts_page(MASK)
    yield ROOT / "hardware" / "wand-faults.md", _wand_faults(record)
    yield ROOT / "hardware" / "mask-faults.md", _mask_faults(record)
    yield GUIDE, filled(GUIDE.read_text(), record)


def filled(guide: str, record: dict[str, Any]) -> str:
    """Return the guide with fresh generated blocks; raise `KeyError` for an unknown block."""
    blocks = {
        "boards": _boards_table(),
        "wiring": _wiring(),
        "prices": _prices(),
        "bench": markdown_table(BENCH),
        "strings": _strings(),
        "five-volts": _five_volts(record),
        "wand-figures": _figures(record, "wand"),
        "wand-spread": _figures(record, "wand_spread"),
        "mask-figures": _figures(record, "mask"),
        "fault-summary": _fault_summary(record),
        "latent": _latent(record),
        "wand-sheets": _sheets("wand"),
        "mask-sheets": _sheets("mask"),
    }

    def fresh(match: re.Match[str]) -> str:
        return f"<!-- begin {match[1]} -->\n{blocks[match[1]]}\n<!-- end {match[1]} -->"

    return re.sub(r"<!-- begin ([\w-]+) -->\n.*?<!-- end \1 -->", fresh, guide, flags=re.DOTALL)


def write() -> list[Path]:
    """Write all drawings and pages, and return those that have changed."""
    changed = []
    for path, text in (*images(), *pages()):
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
            changed.append(path)
    return changed


# --- blocks of the guide --------------------------------------------------------------------------


def _boards_table() -> str:
    rows: list[tuple[str, ...]] = [("chip", "boards that are sold", "mask", "wand")]
    for chip, (name, examples) in BOARD_NAMES.items():
        rows.append((name, examples, *(_support(kind, chip) for kind in ("mask", "wand"))))
    return markdown_table(rows)


def _support(kind: str, chip: str) -> str:
    board = f"{kind}-{chip}"
    if board_file(board).exists():
        return f"[{board}.yaml](../esphome/boards/{board}.yaml)"
    return "pins chosen, no board file" if board in boards() else "too few pins"


def _wiring() -> str:
    parts = []
    for board in boards():
        kind, _, chip = board.partition("-")
        link = f"[boards/{board}.yaml](../esphome/boards/{board}.yaml)"
        head = f"pin of {link}" if board_file(board).exists() else f"pin of {board}, planned"
        signals = SIGNALS[kind]
        rows = [(head, "signal", "what it is")]
        rows += [(pin, signal, signals[signal]) for signal, pin in pins(board).items()]
        parts.append(f"**{kind.capitalize()} on {BOARD_NAMES[chip][0]}**\n\n{markdown_table(rows)}")
        if board in NOT_YET:
            missing = " and ".join(f"`{signal}`" for signal in sorted(NOT_YET[board]))
            parts.append(
                f"This file was written for an older circuit: it has no {missing} yet, so the wand "
                "of this page does not run with it."
            )
    return "\n\n".join(parts)


def _prices() -> str:
    rows: list[tuple[str, ...]] = [("device", "parts list", "parts, about")]
    for circuit in (MASK, WAND):
        link = f"[{circuit.name}-parts.md](../hardware/{circuit.name}-parts.md)"
        rows.append((circuit.name, link, f"{price(circuit):.0f} €"))
    return markdown_table(rows)


def _strings() -> str:
    rows: list[tuple[str, ...]] = [
        ("channel", "LEDs", "strings", "in series", "resistor", "efficiency assumed", "source")
    ]
    for channel in CHANNELS:
        light = channel.light
        rows.append(
            (
                f"{light.channel.replace('_', '-')} {light.wavelength_nm} nm",
                str(channel.leds),
                str(channel.strings),
                str(channel.in_series),
                MASK[channel.resistor].text,
                f"{light.efficiency:.2f}",
                light.source,
            )
        )
    return markdown_table(rows)


def _five_volts(record: dict[str, Any]) -> str:
    head, *body = record["five_volts"]
    head = [*head[:2], f"{head[2]}, mW/cm² over {AREA_CM2:.0f} cm²", f"{head[3]}, the same"]
    return markdown_table([tuple(head), *(tuple(row) for row in body)])


def _figures(record: dict[str, Any], section: str) -> str:
    rows: list[tuple[str, ...]] = [("what", "cases", "min", "median", "max", "limit")]
    for figure in record["figures"][section].values():
        bounds = [f"≥ {figure['low']:g}" if figure["low"] is not None else ""]
        bounds.append(f"≤ {figure['high']:g}" if figure["high"] is not None else "")
        named = not figure["unit"] or figure["name"].endswith(f" {figure['unit']}")
        unit = "" if named else f", {figure['unit']}"
        rows.append(
            (
                figure["name"] + unit,
                str(figure["cases"]),
                *(number(figure[one]) for one in ("min", "median", "max")),
                " and ".join(bound for bound in bounds if bound) or "–",
            )
        )
    return markdown_table(rows)


KINDS = {"wand": ("wand", "watchdog"), "mask": ("mask",)}


def _faults(record: dict[str, Any], kind: str) -> list[dict[str, str]]:
    return [fault for part in KINDS[kind] for fault in record["faults"][part]]


def _fault_summary(record: dict[str, Any]) -> str:
    counts = {kind: Counter(fault["found_by"] for fault in _faults(record, kind)) for kind in KINDS}
    rows: list[tuple[str, ...]] = [("what finds it", *(f"{kind}, faults" for kind in KINDS))]
    names = sorted(
        set().union(*counts.values()),
        key=lambda one: (-counts["wand"][one], -counts["mask"][one], one),
    )
    rows += [(name, *(str(counts[kind][name] or "") for kind in KINDS)) for name in names]
    return markdown_table(rows)


def latent(record: dict[str, Any], kind: str) -> dict[str, list[str]]:
    """Return the faults of a device that no reading shows, by what finds them."""
    found: dict[str, list[str]] = {}
    for fault in _faults(record, kind):
        if fault["found_by"].startswith(("row ", "boot test")):
            found.setdefault(fault["found_by"], []).append(f"{fault['part']} {fault['fault']}")
    return found


def _latent(record: dict[str, Any]) -> str:
    rows: list[tuple[str, ...]] = [("device", "found by", "faults")]
    for kind in KINDS:
        rows += [(kind, name, ", ".join(faults)) for name, faults in latent(record, kind).items()]
    return markdown_table(rows)


def _sheets(kind: str) -> str:
    sheets = WAND_SHEETS if kind == "wand" else MASK_SHEETS
    return "\n\n".join(
        f"![{kind.capitalize()}, {sheet.title}](images/{_file(kind, name)})"
        for name, sheet in sheets.items()
    )


def _wand_faults(record: dict[str, Any]) -> str:
    rows = [(*FAULT_HEAD, "found by"), *(tuple(fault["row"]) for fault in record["faults"]["wand"])]
    watchdog = [("part", "fault", "found by")]
    watchdog += [
        (fault["part"], fault["fault"], fault["found_by"]) for fault in record["faults"]["watchdog"]
    ]
    return f"""# Single faults of the wand

Generated by `python -m hardware --long`. Each part fails open and short in turn; chips fail in
every way of `single_faults` in `hardware/netlist.py`. At 416 µA:

- *most*: highest mean over 20 µs with the electrodes shorted and **the comparator dead**.
  The limit is 1000 µA.
- *reads*: what the firmware reads into 2 kΩ, with the comparator alive.
- *direct*: direct current 10 s after a direction pin has stuck **as well**.
- *found by*: a row in italics belongs to the checklist of
  [docs/hardware.md](../docs/hardware.md#commissioning). Such a fault is latent until then.

{markdown_table(rows)}

## Watchdog gate

{markdown_table(watchdog)}
"""


def _mask_faults(record: dict[str, Any]) -> str:
    rows: list[tuple[str, ...]] = [("part", "fault", "found by")]
    rows += [
        (fault["part"], fault["fault"], fault["found_by"]) for fault in _faults(record, "mask")
    ]
    return f"""# Single faults of the mask

Generated by `python -m hardware --long`. Each part of cut-out, switch, drive and light fails open
and short in turn. For each fault the simulation asks whether the light still goes off when pulses
stop, when the skin gets hot, and when the supply jumps to 20 V. *Found by* names the rows of
[docs/hardware.md](../docs/hardware.md#commissioning) that find it; such a fault is latent
until then. A channel that stays at full drive keeps the ceilings
([full drive](../docs/hardware.md#the-mask)).

{markdown_table(rows)}
"""

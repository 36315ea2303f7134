"""The parts lists: what to buy, and what each pin is joined to."""

from collections import defaultdict
import re

from .figures import markdown_table
from .parts import GROUND, Circuit, Part, engineering


def _sort_key(reference: str) -> tuple[str, int, str]:
    match = re.fullmatch(r"([A-Z]+)(\d+)([A-Z]?)", reference)
    return (match[1], int(match[2]), match[3]) if match else (reference, 0, "")


def _value(part: Part) -> str:
    if not part.unit or part.model == "led_string":
        return ""
    return engineering(part.value, part.unit)


def _tolerance(part: Part) -> str:
    return f"{part.tolerance * 100:g} %" if part.tolerance else ""


def parts_rows(circuit: Circuit) -> list[tuple[str, ...]]:
    """Return the rows of the parts list: equal parts share a row, units of a chip count once."""
    groups: dict[tuple[str, ...], dict[str, Part]] = defaultdict(dict)
    for part in circuit.parts:
        key: tuple[str, ...] = (
            part.part_class,
            _value(part),
            _tolerance(part),
            part.rating,
            part.example,
            f"{part.price:.2f}",
        )
        groups[key].setdefault(part.package, part)
    rows: list[tuple[str, ...]] = [
        ("parts", "class", "value", "tolerance", "rating", "example", "€ each", "count")
    ]
    for key, packages in sorted(groups.items(), key=lambda item: _sort_key(min(item[1]))):
        names = sorted(packages, key=_sort_key)
        count = sum(part.quantity for part in packages.values())
        rows.append((", ".join(names), *key, str(count)))
    return rows


def price(circuit: Circuit) -> float:
    """Return the rough price of all parts in euros."""
    packages = {part.package: part for part in circuit.parts}
    return sum(part.price * part.quantity for part in packages.values())


def connection_rows(circuit: Circuit) -> list[tuple[str, ...]]:
    """Return every part with the nets of its pins."""
    rows: list[tuple[str, ...]] = [("part", "sheet", "pins", "note")]
    for part in sorted(circuit.parts, key=lambda one: _sort_key(one.reference)):
        pins = ", ".join(
            f"{pin} → {'ground' if net == GROUND else net}"
            for pin, net in zip(part.pins, part.nets, strict=True)
        )
        rows.append((part.reference, part.sheet.replace("_", " "), pins, part.note))
    return rows


def parts_page(circuit: Circuit) -> str:
    """Return the whole page of a circuit's parts."""
    return f"""# Parts of the {circuit.name}

Generated from `hardware/{circuit.name}.py` by `python -m hardware`. Prices are rough, and neither
prices nor stock were looked up. An example shows the class that is meant; any part of the same
class, value, tolerance and rating will do.

## What to buy

{markdown_table(parts_rows(circuit))}

All parts together cost about {price(circuit):.0f} €, without circuit board, case and cables.

## What joins what

{markdown_table(connection_rows(circuit))}
"""


# What the bench needs: example, rough price in euros.
BENCH = [
    ("what", "for", "example", "about €"),
    ("multimeter, true RMS, 0.1 mV", "everything", "any with 0.5 % DC", "40"),
    ("oscilloscope, two channels", "edges, PWM, watchdog gate", "any USB one from 1 MS/s", "70"),
    ("resistors 0.1 %: 500 Ω, 2 kΩ, 15 kΩ", "calibrating current and contact", "RG series", "3"),
    ("resistors 1 %: 100 Ω, 10 kΩ, 12 kΩ, 20 kΩ, 22 kΩ", "contact window", "any", "1"),
    (
        "thermometer with a bead, ± 0.3 °C",
        "thermistors and cut-out",
        "Pt100 or medical probe",
        "25",
    ),
    ("laboratory supply 0 to 24 V with current limit", "first power-up, rails", "any", "60"),
    (
        "photodiode with known responsivity, 1 kΩ load",
        "irradiance, ± 15 %",
        "BPW34 behind a 3 mm aperture and a PTFE diffuser, compared once with a calibrated meter",
        "10",
    ),
    (
        "optical power meter, 400 to 1100 nm (borrowed or rented)",
        "the comparison",
        "photodiode head with certificate",
        "50 a week",
    ),
    ("camera without an infrared filter", "eye shield, near-infrared", "old webcam", "10"),
]

"""A table of parts: the only description of a circuit.

`drawing`, `shopping` and `netlist` all read these rows, so a schematic, a parts list and a
simulation can't disagree about a value or a connection.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
import math
import re

GROUND = "0"


class Kind(StrEnum):
    """What a part is to the simulator."""

    RESISTOR = "resistor"
    CAPACITOR = "capacitor"
    DIODE = "diode"
    CHIP = "chip"  # any part with a behavioral model of its own
    WIRED = "wired"  # drawn and bought, but not simulated: modules, connectors, buttons


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One row of the table.

    `nets` are in the order of `pins`. `value` is in ohms, farads, or the unit of `unit`.
    `tolerance` is a fraction (0.01 is 1 %). `price` is a rough price in euros for one.
    """

    reference: str
    kind: Kind
    part_class: str
    pins: tuple[str, ...]
    nets: tuple[str, ...]
    sheet: str
    value: float = 0.0
    unit: str = ""
    tolerance: float = 0.0
    rating: str = ""
    example: str = ""
    price: float = 0.0
    model: str = ""
    note: str = ""
    initial: float = 0.0  # volts over a capacitor when a simulation begins
    quantity: int = 1

    def net(self, pin: str) -> str:
        """Return the net of one pin; raise `ValueError` for a pin that the part doesn't have."""
        return self.nets[self.pins.index(pin)]

    @property
    def package(self) -> str:
        """The thing that is bought: U1A and U1B are two units of U1."""
        return self.reference[:-1] if re.fullmatch(r"U\d+[A-Z]", self.reference) else self.reference

    @property
    def text(self) -> str:
        """The value as printed beside the part."""
        return engineering(self.value, self.unit) if self.unit else self.example

    @property
    def two_pins(self) -> bool:
        """Whether the part can fail open or short as a whole."""
        return len(self.pins) == 2 and self.kind is not Kind.WIRED


def engineering(value: float, unit: str) -> str:
    """Write a value with an SI prefix: 18200 and Ω become 18.2 kΩ."""
    if value == 0:
        return f"0 {unit}"
    exponent = math.floor(math.log10(abs(value)) / 3 + 1e-9)
    prefix = {-4: "p", -3: "n", -2: "µ", -1: "m", 0: "", 1: "k", 2: "M"}[exponent]
    return f"{value / 1000**exponent:.4g} {prefix}{unit}"


@dataclass(frozen=True, slots=True)
class Circuit:
    """All parts of one device, with its title."""

    name: str
    parts: tuple[Part, ...]
    ports: frozenset[str] = field(default_factory=frozenset)

    def __getitem__(self, reference: str) -> Part:
        """Return the part with this reference; raise `KeyError` if there is none."""
        for part in self.parts:
            if part.reference == reference:
                return part
        raise KeyError(reference)

    def on(self, sheets: Iterable[str]) -> tuple[Part, ...]:
        """Return the parts of these sheets, in the order of the table."""
        wanted = set(sheets)
        return tuple(part for part in self.parts if part.sheet in wanted)

    @property
    def sheets(self) -> tuple[str, ...]:
        """The sheets in the order in which the table names them."""
        return tuple(dict.fromkeys(part.sheet for part in self.parts))

    @property
    def nets(self) -> dict[str, list[tuple[Part, str]]]:
        """Every net with the pins that it joins."""
        found: dict[str, list[tuple[Part, str]]] = defaultdict(list)
        for part in self.parts:
            for pin, net in zip(part.pins, part.nets, strict=True):
                found[net].append((part, pin))
        return found

    def having(self, reference: str, value: float) -> Circuit:
        """Return the circuit with another value for one part."""
        self[reference]
        return replace(
            self,
            parts=tuple(
                replace(part, value=value) if part.reference == reference else part
                for part in self.parts
            ),
        )

    def mistakes(self) -> list[str]:
        """Return the errors of the table itself."""
        found = []
        references = [part.reference for part in self.parts]
        found += [f"{one} twice" for one in sorted(set(references)) if references.count(one) > 1]
        for part in self.parts:
            if len(part.pins) != len(part.nets):
                found.append(f"{part.reference} has {len(part.pins)} pins, {len(part.nets)} nets")
            if not part.example or part.price <= 0:
                found.append(f"{part.reference} lacks an example or a price")
            if part.kind in {Kind.RESISTOR, Kind.CAPACITOR} and not (part.value and part.tolerance):
                found.append(f"{part.reference} lacks a value or a tolerance")
        found += [
            f"net {net} joins one pin only: {pins[0][0].reference}"
            for net, pins in self.nets.items()
            if len(pins) < 2 and net not in self.ports and not net.startswith("nc")
        ]
        return found


def resistor(
    reference: str,
    nets: str,
    value: float,
    sheet: str,
    *,
    tolerance: float = 0.01,
    rating: str = "0.1 W",
    note: str = "",
) -> Part:
    """Return a resistor row; 0.1 % parts are thin film, 25 ppm/K."""
    precise = tolerance <= 0.001
    series = "RG1608 thin film" if precise else "RC0603 thick film"
    return Part(
        reference=reference,
        kind=Kind.RESISTOR,
        part_class="resistor, thin film 25 ppm/K" if precise else "resistor",
        pins=("1", "2"),
        nets=tuple(nets.split()),
        sheet=sheet,
        value=value,
        unit="Ω",
        tolerance=tolerance,
        rating=rating,
        example=series if rating == "0.1 W" else f"metal film {rating}",
        price=0.35 if precise else 0.02 if rating == "0.1 W" else 0.15,
        note=note,
    )


def capacitor(
    reference: str,
    nets: str,
    value: float,
    sheet: str,
    *,
    tolerance: float = 0.1,
    rating: str = "16 V",
    sort: str = "ceramic X7R",
    example: str = "",
    price: float = 0.05,
    note: str = "",
    initial: float = 0.0,
) -> Part:
    """Return a capacitor row."""
    return Part(
        reference=reference,
        kind=Kind.CAPACITOR,
        part_class=f"capacitor, {sort}",
        pins=("1", "2"),
        nets=tuple(nets.split()),
        sheet=sheet,
        value=value,
        unit="F",
        tolerance=tolerance,
        rating=rating,
        example=example or ("GRM188 C0G" if "C0G" in sort else "GRM188 X7R"),
        price=price,
        note=note,
        initial=initial,
    )


def diode(
    reference: str,
    nets: str,
    sheet: str,
    *,
    part_class: str,
    model: str,
    example: str,
    price: float,
    rating: str = "",
    note: str = "",
    quantity: int = 1,
) -> Part:
    """Return a diode row; the first net is the anode."""
    return Part(
        reference=reference,
        kind=Kind.DIODE,
        part_class=part_class,
        pins=("A", "K"),
        nets=tuple(nets.split()),
        sheet=sheet,
        rating=rating,
        example=example,
        price=price,
        model=model,
        note=note,
        quantity=quantity,
    )


def chip(
    reference: str,
    connections: str,
    sheet: str,
    *,
    part_class: str,
    model: str,
    example: str,
    price: float,
    rating: str = "",
    note: str = "",
) -> Part:
    """Return a row for a part with its own model; `connections` are `pin=net` in model order."""
    pairs = [pair.split("=") for pair in connections.split()]
    return Part(
        reference=reference,
        kind=Kind.CHIP,
        part_class=part_class,
        pins=tuple(pin for pin, _ in pairs),
        nets=tuple(net for _, net in pairs),
        sheet=sheet,
        rating=rating,
        example=example,
        price=price,
        model=model,
        note=note,
    )


def wired(
    reference: str,
    connections: str,
    sheet: str,
    *,
    part_class: str,
    example: str,
    price: float,
    rating: str = "",
    note: str = "",
) -> Part:
    """Return a row for a part that is drawn and bought, but stays out of the simulations."""
    return replace(
        chip(
            reference,
            connections,
            sheet,
            part_class=part_class,
            model="",
            example=example,
            price=price,
            rating=rating,
            note=note,
        ),
        kind=Kind.WIRED,
    )

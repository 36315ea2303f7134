"""Turn a table of parts into a netlist, with one fault or one draw of the tolerances."""

from collections.abc import Iterator
from dataclasses import dataclass
import random
from typing import override

from .parts import Circuit, Kind, Part

# Volts, limits of the data sheets.
OFFSETS = {"opamp_36v": 100e-6, "opamp_5v": 10e-6, "comparator": 5e-3}
SHORT_OHM = 0.01
STUCK_OHM = 50.0
OPEN_OHM = 1e10


@dataclass(frozen=True, slots=True)
class Fault:
    """One part that fails in one way.

    `open` detaches a pin (or the whole part), `short` joins a pin with a net, `stuck` detaches an
    output and ties it to a net.
    """

    reference: str
    way: str
    pin: str = ""
    to: str = ""

    @override
    def __str__(self) -> str:
        """Name the fault as the table of faults does."""
        place = f" {self.pin}" if self.pin else ""
        return f"{self.way}{place}{f' to {self.to}' if self.to else ''}"


# How chips fail, by model: way, pin, and the pin or net that it is tied to.
_RAILS = ("V+", "V-")
_AMPLIFIER = (
    ("open", "out", ""),
    *(("stuck", "out", rail) for rail in _RAILS),
    *(
        (way, pin, rail)
        for pin in ("+", "-")
        for rail in _RAILS
        for way in ("stuck", "short")  # stuck: open, and drifting there
    ),
)
_GATE = (("open", "out", ""), ("stuck", "out", "V+"), ("stuck", "out", "0"))
_TRANSISTOR = (("short", "D", "S"), ("short", "G", "S"), ("short", "G", "D"))
_WAYS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "opamp_36v": _AMPLIFIER,
    "opamp_5v": _AMPLIFIER,
    "comparator": (("open", "out", ""), ("short", "out", "0")),
    "inverter": _GATE,
    "and_4": _GATE,
    "and_2": _GATE,
    "monostable": (
        ("open", "Q", ""),
        ("stuck", "Q", "V+"),
        ("stuck", "Q", "0"),
        ("open", "B", ""),
    ),
    "switch_4053": (
        ("open", "com", ""),
        ("stuck", "com", "on"),
        ("stuck", "com", "0"),
        ("stuck", "com", "v33"),
    ),
    "photomos": (("open", "A", ""), ("short", "A", "K"), ("open", "o1", ""), ("short", "o1", "o2")),
    "module": (("open", "+", ""), ("open", "-", ""), ("open", "in", "")),
    "nfet_small": (("open", "D", ""), ("open", "G", ""), ("open", "S", ""), *_TRANSISTOR),
    "nfet_power": (("open", "D", ""), ("open", "G", ""), ("open", "S", ""), *_TRANSISTOR),
    "pfet": (("open", "S", ""), ("open", "G", ""), ("open", "D", ""), *_TRANSISTOR),
    "pfet_power": (("open", "S", ""), ("open", "G", ""), ("open", "D", ""), *_TRANSISTOR),
}


def single_faults(parts: tuple[Part, ...]) -> Iterator[Fault]:
    """Yield every part open and short, and every way in which a chip's pins can fail."""
    for part in parts:
        if part.two_pins:
            yield Fault(part.reference, "open")
            yield Fault(part.reference, "short")
        elif part.kind is Kind.CHIP:
            for way, pin, to in _WAYS[part.model]:
                yield Fault(part.reference, way, pin, part.net(to) if to in part.pins else to)


def elements(
    circuit: Circuit,
    sheets: tuple[str, ...],
    *,
    faults: tuple[Fault, ...] = (),
    draw: random.Random | None = None,
) -> list[str]:
    """Return the lines of the netlist for these sheets.

    Of several faults in one part the first counts.

    `draw` moves every value uniformly inside its tolerance, and every offset inside its limit.
    """
    lines: list[str] = []
    for part in circuit.on(sheets):
        broken = next((one for one in faults if one.reference == part.reference), None)
        lines += _element(part, broken, draw)
    return lines


def _element(part: Part, fault: Fault | None, draw: random.Random | None) -> list[str]:
    value = part.value
    if draw is not None and part.tolerance:
        value *= 1 + draw.uniform(-part.tolerance, part.tolerance)
    if fault is not None and fault.way == "open" and not fault.pin:
        return [f"Ropen{part.reference} {part.nets[0]} {part.nets[1]} {OPEN_OHM:g}"]
    nets, extra = _broken(part, fault)
    joined = " ".join(nets)
    match part.kind:
        case Kind.RESISTOR:
            lines = [f"R{part.reference} {joined} {value:.8g}"]
        case Kind.CAPACITOR:
            lines = [f"C{part.reference} {joined} {value:.8g} ic={part.initial:g}"]
        case Kind.DIODE if part.model != "zener":
            lines = [f"D{part.reference} {joined} {part.model}"]
        case Kind.DIODE | Kind.CHIP:
            parameters = f" value={value:.8g}" if part.value else ""
            if draw is not None and part.model in OFFSETS:
                limit = OFFSETS[part.model]
                parameters += f" offset={draw.uniform(-limit, limit):.4g}"
            lines = [f"X{part.reference} {joined} {part.model}{parameters}"]
        case Kind.WIRED:
            lines = []
    return lines + extra


def _broken(part: Part, fault: Fault | None) -> tuple[list[str], list[str]]:
    """Return the nets of a part that has failed, and the lines that the fault adds."""
    nets, ref = list(part.nets), part.reference
    if fault is None:
        return nets, []
    if not fault.pin:
        return nets, [f"Rshort{ref} {nets[0]} {nets[1]} {SHORT_OHM:g}"]
    index = part.pins.index(fault.pin)
    if fault.way == "short":
        return nets, [f"Rshort{ref} {nets[index]} {fault.to} {SHORT_OHM:g}"]
    loose = f"loose_{ref.lower()}"
    extra = [f"Rloose{ref} {nets[index]} {loose} {OPEN_OHM:g}"]
    if fault.way == "stuck":
        is_input = fault.pin in {"+", "-"}
        tied = loose if is_input else nets[index]
        extra.append(f"Rstuck{ref} {tied} {fault.to} {STUCK_OHM:g}")
        if not is_input:
            extra.append(f"Rload{ref} {loose} 0 1e9")
    nets[index] = loose
    return nets, extra

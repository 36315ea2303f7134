"""Turn a table of parts into a netlist, with one fault or one draw of the tolerances."""

from collections.abc import Iterator
from dataclasses import dataclass
import random

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

    def __str__(self) -> str:
        """Name the fault as the table of faults does."""
        place = f" {self.pin}" if self.pin else ""
        return f"{self.way}{place}{f' to {self.to}' if self.to else ''}"


def single_faults(parts: tuple[Part, ...]) -> Iterator[Fault]:
    """Yield every part open and short, and every way in which a chip's pins can fail."""
    for part in parts:
        ref = part.reference
        if part.two_pins:
            yield Fault(ref, "open")
            yield Fault(ref, "short")
            continue
        if part.kind is not Kind.CHIP:
            continue
        match part.model:
            case "opamp_36v" | "opamp_5v":
                rails = (part.net("V+"), part.net("V-"))
                yield Fault(ref, "open", "out")
                for rail in rails:
                    yield Fault(ref, "stuck", "out", rail)
                for pin in ("+", "-"):
                    for rail in rails:
                        yield Fault(ref, "stuck", pin, rail)  # open, and drifting there
                        yield Fault(ref, "short", pin, rail)
            case "comparator":
                yield Fault(ref, "open", "out")
                yield Fault(ref, "short", "out", "0")
            case "inverter" | "and_4":
                yield Fault(ref, "open", "out")
                for rail in (part.net("V+"), "0"):
                    yield Fault(ref, "stuck", "out", rail)
            case "monostable":
                yield Fault(ref, "open", "Q")
                for rail in (part.net("V+"), "0"):
                    yield Fault(ref, "stuck", "Q", rail)
                yield Fault(ref, "open", "B")
            case "switch_4053":
                yield Fault(ref, "open", "com")
                for rail in (part.net("on"), "0", "v33"):
                    yield Fault(ref, "stuck", "com", rail)
            case "photomos":
                yield Fault(ref, "open", "A")
                yield Fault(ref, "short", "A", part.net("K"))
                yield Fault(ref, "open", "o1")
                yield Fault(ref, "short", "o1", part.net("o2"))
            case "module":
                yield Fault(ref, "open", "+")
                yield Fault(ref, "open", "-")
                yield Fault(ref, "open", "in")
            case _:  # transistors
                for pin in part.pins:
                    yield Fault(ref, "open", pin)
                yield Fault(ref, "short", "D", part.net("S"))
                yield Fault(ref, "short", "G", part.net("S"))
                yield Fault(ref, "short", "G", part.net("D"))


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
    nets, extra = list(part.nets), []
    if fault is not None:
        if fault.way == "open" and not fault.pin:
            return [f"Ropen{part.reference} {nets[0]} {nets[1]} {OPEN_OHM:g}"]
        if fault.way == "short" and not fault.pin:
            extra.append(f"Rshort{part.reference} {nets[0]} {nets[1]} {SHORT_OHM:g}")
        else:
            index = part.pins.index(fault.pin)
            if fault.way == "short":
                extra.append(f"Rshort{part.reference} {nets[index]} {fault.to} {SHORT_OHM:g}")
            else:
                loose = f"loose_{part.reference.lower()}"
                extra.append(f"Rloose{part.reference} {nets[index]} {loose} {OPEN_OHM:g}")
                if fault.way == "stuck":
                    extra.append(f"Rstuck{part.reference} {nets[index]} {fault.to} {STUCK_OHM:g}")
                    extra.append(f"Rload{part.reference} {loose} 0 1e9")
                nets[index] = loose
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

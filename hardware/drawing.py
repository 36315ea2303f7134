"""Draw the sheets of a circuit with schemdraw, from the table of parts.

A sheet lists chains, such as `pwm: R1 .C1 R2`. A chain starts at a net and follows its parts, so
two parts are joined only where the table names the same net for both; anything else is an error.

    R1        in series, from the net that the chain has reached to the part's other net
    .C1  ^R2  from here down or up to the part's other net
    R4|C17    in parallel
    U1A+ U1A- an operational amplifier entered at that input; the chain continues at its output
    U1A+(C3,R8)  with these parts between its inverting input and its output
"""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
import re
from typing import Any

import schemdraw
from schemdraw import elements as elm

from .parts import GROUND, Circuit, Kind, Part

UNIT = 2.6
AFTER_SHUNT = 1.9
FONT = 11
SMALL = 9
SUPPLIES = {"v33", "v5", "vcc", "vee", "vin", "vref"}
SYMBOLS = {Kind.RESISTOR: elm.Resistor, Kind.CAPACITOR: elm.Capacitor}
POLARIZED = re.compile("aluminum")


class DrawingError(Exception):
    """Raised when a chain contradicts the table of parts."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where the chains (x, y, chain) and the boxes (x, y, reference) of a sheet stand."""

    title: str
    headroom: float = 3.0  # between the highest chain and the title
    chains: tuple[tuple[float, float, str], ...] = ()
    boxes: tuple[tuple[float, float, str], ...] = ()


@dataclass(slots=True)
class _Pen:
    circuit: Circuit
    drawing: Any
    drawn: list[str] = field(default_factory=list)

    def part(self, reference: str) -> Part:
        self.drawn.append(reference)
        return self.circuit[reference]

    # --- ends -------------------------------------------------------------------------------------

    def tag(self, net: str, at: tuple[float, float], side: str) -> None:
        """Name the net at a loose end; ground and supplies have symbols of their own."""
        if net == GROUND:
            if side in {"left", "right"}:
                self.drawing += elm.Line().at(at).length(0.4).theta(180 if side == "left" else 0)
                at = (at[0] + (-0.4 if side == "left" else 0.4), at[1])
            self.drawing += elm.Ground(lead=False).at(at).theta(0)
            return
        if side == "up":
            self.drawing += elm.Vdd(lead=False).at(at).theta(0)
            self.text(net, (at[0], at[1] + 0.22))
            return
        if side == "down":
            self.drawing += elm.Vss(lead=False).at(at).theta(0)
            self.text(net, (at[0], at[1] - 0.25))
            return
        width = 0.4 + 0.17 * len(net)
        tag = elm.Tag(width=width, height=0.5).at(at)
        self.drawing += tag.left() if side == "left" else tag.right()
        middle = at[0] + (-1 if side == "left" else 1) * (width / 2 + 0.1)
        self.text(net, (middle, at[1]))

    def text(
        self, text: str, at: tuple[float, float], align: str = "center", size: float = SMALL
    ) -> None:
        """Write text whose middle line is at a height."""
        lines = text.count("\n") + 1
        self.drawing += (
            elm.Label()
            .at((at[0] - 0.1, at[1] - 0.04 - 0.11 * lines))
            .theta(0)
            .label(text, fontsize=size, halign=align, valign="bottom", loc="center")
        )

    def line(self, begin: tuple[float, float], end: tuple[float, float]) -> None:
        self.drawing += elm.Line().at(begin).to(end)

    # --- parts ------------------------------------------------------------------------------------

    def far(self, part: Part, net: str) -> str:
        """Return the other net of a part with two pins."""
        if len(part.nets) != 2 or net not in part.nets:
            message = f"{part.reference} is not on net {net}"
            raise DrawingError(message)
        return part.nets[1] if part.nets[0] == net else part.nets[0]

    def symbol(self, part: Part, net: str) -> Any:  # noqa: ANN401 - schemdraw has no types
        """Return the element of a part with two pins, entered from `net`."""
        reverse = part.nets[0] != net
        if part.reference.startswith("TH"):
            return elm.Thermistor()
        if part.kind is Kind.CAPACITOR and POLARIZED.search(part.part_class):
            element = elm.Capacitor2()
        elif part.kind in SYMBOLS:
            element = SYMBOLS[part.kind]()
        elif part.model == "led_string" or part.part_class == "red LED":
            element = elm.LED()
        elif part.model == "zener" or "Zener" in part.part_class:
            element = elm.Zener()
        elif part.model == "schottky":
            element = elm.Schottky()
        elif part.part_class.startswith("fuse") or "fuse" in part.part_class:
            element = elm.FuseIEEE()
        elif part.kind is Kind.DIODE:
            element = elm.Diode()
        elif "button" in part.part_class:
            element = elm.Button()
        elif "switch" in part.part_class:
            element = elm.Switch()
        else:
            element = elm.RBox()
        return element.reverse() if reverse else element

    @staticmethod
    def caption(part: Part) -> str:
        count = f"{part.quantity} × " if part.quantity > 1 else ""
        text = part.text
        if part.kind in {Kind.DIODE, Kind.CHIP} and part.unit:
            text = f"{part.example}" if part.model != "led_string" else part.part_class
        if part.kind is Kind.WIRED and part.two_pins:
            text = part.example
        return f"{part.reference}\n{count}{text}"

    def series(self, part: Part, net: str, x: float, y: float, length: float = UNIT) -> None:
        element = self.symbol(part, net).at((x, y)).right().length(length)
        self.drawing += element.label(self.caption(part), fontsize=SMALL, loc="top", ofst=0.14)

    def shunt(self, part: Part, net: str, x: float, y: float, direction: str) -> None:
        element = self.symbol(part, net).at((x, y)).length(UNIT)
        element = element.down() if direction == "down" else element.up()
        self.drawing += element
        middle = y - UNIT / 2 if direction == "down" else y + UNIT / 2
        self.text(self.caption(part), (x + 0.4, middle), "left")
        self.drawing += elm.Dot().at((x, y))
        end = (x, y - UNIT if direction == "down" else y + UNIT)
        self.tag(self.far(part, net), end, direction)

    def amplifier(self, token: str, net: str, x: float, y: float) -> tuple[float, float, str]:
        match = re.fullmatch(r"(\w+)([+-])(?:\((.*)\))?", token)
        if match is None:
            message = f"not an amplifier: {token}"
            raise DrawingError(message)
        reference, entry, loops = match.groups()
        part = self.part(reference)
        if part.net(entry) != net:
            message = f"{reference} {entry} is not on net {net}"
            raise DrawingError(message)
        self.line((x, y), (x + 1.6, y))
        body = elm.Opamp().at((x + 1.6, y)).anchor("in2" if entry == "+" else "in1").right()
        self.drawing += body
        output = (body.absanchors["out"][0], body.absanchors["out"][1])
        other = "in1" if entry == "+" else "in2"
        at = (body.absanchors[other][0], body.absanchors[other][1])
        inverting = (body.absanchors["in1"][0], body.absanchors["in1"][1])
        self.text(f"{part.reference}\n{part.example[:7]}", (inverting[0] + 0.9, output[1]))
        if loops:
            left, right = inverting[0] - 0.45, output[0] + 0.5
            self.line(inverting, (left, inverting[1]))
            for index, loop in enumerate(loops.split(",")):
                between = self.part(loop)
                if self.far(between, part.net("-")) != part.net("out"):
                    message = f"{loop} is not between the input and the output of {reference}"
                    raise DrawingError(message)
                height = inverting[1] + 1.5 + 1.5 * index
                self.line((left, inverting[1] if index == 0 else height - 1.5), (left, height))
                self.series(between, part.net("-"), left, height, right - left)
                self.line((right, height), (right, output[1] if index == 0 else height - 1.5))
            self.drawing += elm.Dot().at((left, inverting[1]))
            self.line(output, (right, output[1]))
            self.drawing += elm.Dot().at((right, output[1]))
            output = (right, output[1])
        elif part.net("-") == part.net("out") and entry == "+":
            top = inverting[1] + 0.9
            right = output[0] + 0.4
            self.line(inverting, (inverting[0] - 0.3, inverting[1]))
            self.line((inverting[0] - 0.3, inverting[1]), (inverting[0] - 0.3, top))
            self.line((inverting[0] - 0.3, top), (right, top))
            self.line((right, top), (right, output[1]))
            self.line(output, (right, output[1]))
            output = (right, output[1])
        if not loops and part.net("-") != part.net("out"):
            self.tag(part.net("+" if entry == "-" else "-"), at, "left")
        if loops and entry == "+":
            self.tag(part.net("-"), (inverting[0] - 0.45, inverting[1]), "left")
        if loops and entry == "-":
            self.tag(part.net("+"), at, "left")
        return output[0], output[1], part.net("out")

    def chain(self, x: float, y: float, text: str) -> None:
        """Draw one chain from its first net to its last."""
        start, _, rest = text.partition(":")
        net = start.strip()
        nodes: list[tuple[str, float, float]] = []
        begin = len(self.drawn)
        after_shunt = False
        self.tag(net, (x, y), "left")
        self.line((x, y), (x + 0.5, y))
        x += 0.5
        for token in rest.split():
            if token[0] in ".^":
                if after_shunt:
                    x = self.ahead(x, y, AFTER_SHUNT)
                self.shunt(self.part(token[1:]), net, x, y, "down" if token[0] == "." else "up")
                after_shunt = True
                continue
            if re.match(r"U\d+[A-Z]?[+-]", token):
                x, y, net = self.amplifier(token, net, x, y)
            else:
                if after_shunt:
                    x = self.ahead(x, y, 0.3)
                x, net = self.parallel(token.split("|"), net, x, y)
            after_shunt = False
            nodes.append((net, x, y))
        if not nodes:
            return
        if net == GROUND:
            self.tag(net, (x, y), "down")
        else:
            x = self.ahead(x, y, AFTER_SHUNT + 0.4 if after_shunt else 0.4)
            self.tag(net, (x, y), "right")
        self.names(nodes[:-1], set(self.drawn[begin:]))

    def ahead(self, x: float, y: float, length: float) -> float:
        """Draw a line to the right and return where it ends."""
        self.line((x, y), (x + length, y))
        return x + length

    def parallel(self, names: list[str], net: str, x: float, y: float) -> tuple[float, str]:
        """Draw a part in series, and those beside it above; return where they end."""
        first = self.part(names[0])
        far = self.far(first, net)
        self.series(first, net, x, y)
        for index, name in enumerate(names[1:], start=1):
            beside = self.part(name)
            if self.far(beside, net) != far:
                message = f"{name} is not in parallel with {names[0]}"
                raise DrawingError(message)
            above = y + 1.5 * index
            self.line((x, above - 1.5), (x, above))
            self.series(beside, net, x, above)
            self.line((x + UNIT, above), (x + UNIT, above - 1.5))
        return x + UNIT, far

    def names(self, nodes: list[tuple[str, float, float]], here: set[str]) -> None:
        """Name the nets inside a chain that other parts are joined to as well."""
        for net, x, y in nodes:
            if any(part.reference not in here for part, _ in self.circuit.nets[net]):
                self.text(net, (x + 0.08, y + 0.22), "left", SMALL - 1)

    # --- boxes ------------------------------------------------------------------------------------

    def box(self, x: float, y: float, reference: str) -> None:
        part = self.part(reference)
        if part.model.startswith(("nfet", "pfet")):
            self.transistor(part, x, y)
            return
        count = len(part.pins)
        left = (count + 1) // 2
        rows = max(left, count - left)
        width, height = 2.9, 0.75 * rows + 0.35
        corners = [(x, y), (x + width, y), (x + width, y - height), (x, y - height), (x, y)]
        for begin, end in pairwise(corners):
            self.line(begin, end)
        caption = f"{part.reference}  {part.example}" if part.example else part.reference
        self.text(caption, (x + width / 2, y + 0.22))
        for index, (pin, net) in enumerate(zip(part.pins, part.nets, strict=True)):
            on_left = index < left
            row = index if on_left else index - left
            py = y - 0.55 - 0.75 * row
            px = x if on_left else x + width
            end = (px + (-0.4 if on_left else 0.4), py)
            self.line((px, py), end)
            self.tag(net, end, "left" if on_left else "right")
            inside = px + (0.2 if on_left else -0.1)
            align = "left" if on_left else "right"
            self.text(pin.replace("_", " "), (inside, py), align, SMALL - 1)

    def transistor(self, part: Part, x: float, y: float) -> None:
        n_channel = part.model.startswith("nfet")
        element = (
            (elm.NFet() if n_channel else elm.PFet()).theta(0).reverse().at((x, y)).anchor("gate")
        )
        self.drawing += element
        anchors = element.absanchors
        for pin, name in (("G", "gate"), ("D", "drain"), ("S", "source")):
            at = (anchors[name][0], anchors[name][1])
            if pin == "G":
                self.tag(part.net(pin), at, "left")
            else:
                upper = (pin == "D") == n_channel
                end = (at[0], at[1] + (0.3 if upper else -0.3))
                self.line(at, end)
                if part.net(pin) == GROUND:
                    self.tag(GROUND, end, "down")
                else:
                    self.tag(part.net(pin), end, "right")
        middle = (anchors["drain"][1] + anchors["source"][1]) / 2
        self.text(f"{part.reference}\n{part.example}", (anchors["drain"][0] + 0.3, middle), "left")


def draw(circuit: Circuit, name: str, sheet: Sheet, path: Path) -> None:
    """Write one sheet as SVG; raise `DrawingError` if a part is missing, extra or misplaced."""
    schemdraw.use("svg")
    drawing = schemdraw.Drawing(show=False)
    drawing.config(unit=UNIT, fontsize=FONT, lw=1.3, bgcolor="white", margin=0.4, font="sans-serif")
    pen = _Pen(circuit, drawing)
    top = max(y for _, y, _ in (*sheet.chains, *sheet.boxes)) + sheet.headroom
    left = min(x for x, _, _ in (*sheet.chains, *sheet.boxes)) - 1
    pen.text(f"{circuit.name.capitalize()} · {sheet.title}", (left, top), "left", FONT + 3)
    for x, y, text in sheet.chains:
        pen.chain(x, y, text)
    for x, y, reference in sheet.boxes:
        pen.box(x, y, reference)
    wanted = {part.reference for part in circuit.on((name,))}
    if sorted(pen.drawn) != sorted(wanted):
        twice = {one for one in pen.drawn if pen.drawn.count(one) > 1}
        message = f"{name}: missing {sorted(wanted - set(pen.drawn))}, "
        message += f"extra {sorted(set(pen.drawn) - wanted)}, twice {sorted(twice)}"
        raise DrawingError(message)
    drawing.save(str(path))

"""The mask: LED strings on a 15 V USB-PD supply, and what cuts that supply without software.

`cut_out` watches voltage and temperature and latches, `switch` is the watchdog gate and the
high-side switch, `drive` lets the channels' pins through only while both agree, so that no single
transistor can defeat all of them, and `light` holds the strings and their transistors.
"""

from dataclasses import dataclass, replace
from typing import Any

from .parts import Circuit, Part, capacitor, chip, diode, resistor, wired

AREA_CM2 = 200.0
SUPPLY_V = 15.0
OVER_VOLTAGE_V = 16.05  # R3, R4 and U3; USB-PD allows 15.75 V

FET: dict[str, Any] = {
    "model": "nfet_small",
    "example": "2N7002",
    "price": 0.05,
    "rating": "60 V, 0.3 A",
}
COMPARATOR: dict[str, Any] = {
    "model": "comparator",
    "example": "LM393DR",
    "price": 0.25,
    "rating": "5 V",
}
SCHOTTKY: dict[str, Any] = {
    "model": "schottky",
    "example": "BAT54",
    "price": 0.06,
    "rating": "30 V",
}
POWER_FET: dict[str, Any] = {
    "model": "nfet_power",
    "example": "AO3400A",
    "price": 0.1,
    "rating": "30 V, 5 A",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Light:
    """One sort of LED. Efficiency is radiant power over electric power at 30 mA and 25 °C."""

    channel: str
    wavelength_nm: int
    forward_v: float  # at 30 mA
    per_kelvin_v: float
    efficiency: float
    light_per_kelvin: float
    source: str


RED = Light(
    channel="red",
    wavelength_nm=660,
    forward_v=2.1,
    per_kelvin_v=-0.002,
    efficiency=0.40,
    light_per_kelvin=-0.007,
    source=(
        "assumed; horticulture 2835 and 3030 parts at 660 nm declare 0.45 to 0.65, parts at "
        "630 nm 0.28 to 0.40. Check: radiant flux / (current · voltage) of your data sheet"
    ),
)
NEAR_INFRARED = Light(
    channel="near_infrared",
    wavelength_nm=850,
    forward_v=1.55,
    per_kelvin_v=-0.0015,
    efficiency=0.45,
    light_per_kelvin=-0.003,
    source=(
        "OSRAM SFH 4356 (2016-09-23): 80 mW at 100 mA and 1.7 V are 0.47; "
        "830 nm parts of the same class are assumed equal"
    ),
)
ORDINARY_EFFICIENCY = {"red": 0.28, "near_infrared": 0.35}
OPTICS = 0.66  # of the light that leaves an LED, what reaches skin: reflecting shell, diffuser
ORDINARY_OPTICS = 0.60


@dataclass(frozen=True, kw_only=True, slots=True)
class Strings:
    """The strings of one channel."""

    light: Light
    strings: int
    in_series: int
    resistor: str  # its reference in the table

    @property
    def leds(self) -> int:
        """How many LEDs the channel has."""
        return self.strings * self.in_series


CHANNELS = (
    Strings(light=RED, strings=40, in_series=5, resistor="R30"),
    Strings(light=NEAR_INFRARED, strings=31, in_series=7, resistor="R31"),
)


def _with(part: Part, value: float, unit: str, tolerance: float) -> Part:
    return replace(part, value=value, unit=unit, tolerance=tolerance)


def _supply() -> list[Part]:
    sheet = "supply"
    return [
        wired(
            "J1",
            "+=usb -=0",
            sheet,
            part_class="USB-PD trigger module set to 15 V",
            example="CH224K module",
            price=2.5,
            rating="15 V, 3 A",
        ),
        wired(
            "F1",
            "1=usb 2=vin",
            sheet,
            part_class="fuse 3 A, slow",
            example="0451003.MRL",
            price=0.5,
            rating="3 A, 125 V",
        ),
        wired(
            "U4",
            "in=vin gnd=0 out=v5",
            sheet,
            part_class="step-down converter 5 V, 1 A",
            example="R-78E5.0-1.0",
            price=4.0,
            rating="28 V",
        ),
        capacitor(
            "C1",
            "vin 0",
            22e-6,
            sheet,
            rating="35 V",
            tolerance=0.2,
            sort="aluminum",
            price=0.2,
            example="UWT1V220",
        ),
        capacitor("C2", "v5 0", 10e-6, sheet, tolerance=0.2, price=0.1, rating="10 V"),
        resistor(
            "R1",
            "vin 0",
            330,
            sheet,
            tolerance=0.05,
            rating="2 W",
            note="keeps a power bank awake",
        ),
    ]


def _cut_out() -> list[Part]:
    sheet = "cut_out"
    thin: dict[str, Any] = {"tolerance": 0.001}
    return [
        resistor("R2", "v5 vref", 1e3, sheet),
        _with(
            chip(
                "U3",
                "K=vref A=0",
                sheet,
                part_class="voltage reference, shunt",
                model="shunt_reference",
                example="LM4040BIM3-2.5",
                price=1.1,
                rating="15 mA",
            ),
            2.5,
            "V",
            0.002,
        ),
        resistor("R3", "vin ov", 54.2e3, sheet, **thin),
        resistor("R4", "ov 0", 10e3, sheet, **thin),
        capacitor("C3", "ov 0", 1e-6, sheet, note="rides out the steps of a USB-PD contract"),
        chip("U2A", "+=vref -=ov out=trip", sheet, part_class="comparator", **COMPARATOR),
        resistor("R5", "v5 hot", 4.87e3, sheet, **thin),
        resistor("TH2", "hot 0", 10e3, sheet, note="NTC of the cut-out, at the hottest place"),
        resistor("R6", "v5 half", 10e3, sheet, **thin),
        resistor("R7", "half 0", 10e3, sheet, **thin),
        capacitor("C4", "v5 hot", 100e-9, sheet, note="to 5 V: cold at power-up"),
        chip("U2B", "+=hot -=half out=trip", sheet, part_class="comparator", **COMPARATOR),
        resistor("R8", "v5 trip", 10e3, sheet),
        diode("D1", "hold trip", sheet, part_class="Schottky diode", **SCHOTTKY),
        resistor("R9", "hot hold", 1e3, sheet, note="holds the trip until power is removed"),
    ]


def _switch() -> list[Part]:
    sheet = "switch"
    return [
        resistor("R10", "wd wdr", 1e3, sheet),
        capacitor("C5", "wdr wdb", 10e-9, sheet, note="a level that stays high makes no pulse"),
        resistor("R11", "wdb 0", 22e3, sheet),
        resistor("R12", "trip rd", 10e3, sheet),
        capacitor("C6", "rd 0", 100e-9, sheet),
        resistor("R13", "v5 cx", 270e3, sheet),
        capacitor(
            "C7",
            "cx 0",
            1e-6,
            sheet,
            sort="film",
            tolerance=0.05,
            rating="50 V",
            example="MKS2 1 µF",
            price=0.4,
            note="with R13: 0.45 · R · C",
        ),
        _with(
            chip(
                "U1",
                "B=wdb R=rd Q=wd_ok CX=cx V+=v5",
                sheet,
                part_class="monostable, retriggerable",
                model="monostable",
                example="74HCT123D",
                price=0.6,
                rating="5 V, TTL inputs",
                note="A to ground; second half unused, its inputs to ground",
            ),
            0.45,
            "",
            0.10,
        ),
        resistor("R14", "wd_ok qg", 1e3, sheet),
        resistor("R15", "qg 0", 4.7e3, sheet),
        diode("D2", "qg trip", sheet, part_class="Schottky diode", **SCHOTTKY),
        chip("Q2", "D=qd G=qg S=0", sheet, part_class="N-channel MOSFET", **FET),
        resistor("R16", "pg qd", 10e3, sheet),
        resistor("R17", "vin pg", 10e3, sheet),
        capacitor("C8", "vin pg", 100e-9, sheet, rating="50 V", note="soft start of 1 ms"),
        chip(
            "Q1",
            "S=vin G=pg D=lamp",
            sheet,
            part_class="P-channel MOSFET",
            model="pfet_power",
            example="AOD4185",
            price=0.5,
            rating="40 V, 40 A",
        ),
        resistor("R18", "lamp 0", 10e3, sheet),
    ]


def _drive() -> list[Part]:
    sheet = "drive"
    gate: dict[str, Any] = {
        "part_class": "AND gate, 2 inputs",
        "model": "and_2",
        "example": "74HCT08D",
        "price": 0.35,
        "rating": "5 V, TTL inputs",
    }
    return [
        chip("U6A", "a=wd_ok b=trip out=ok V+=v5", sheet, **gate),
        chip("U6B", "a=red b=ok out=redo V+=v5", sheet, **gate),
        chip("U6C", "a=nir b=ok out=niro V+=v5", sheet, **gate),
        resistor("R36", "red 0", 10e3, sheet),
        resistor("R37", "nir 0", 10e3, sheet),
        capacitor("C10", "v5 0", 100e-9, sheet, note="at a chip"),
        capacitor("C11", "v5 0", 100e-9, sheet, note="at a chip"),
        capacitor("C12", "v5 0", 100e-9, sheet, note="at a chip"),
    ]


def _light() -> list[Part]:
    sheet = "light"
    rows: list[Part] = []
    for number, (channel, net, ohms, watts) in enumerate(
        zip(CHANNELS, ("red", "nir"), (140.0, 124.0), ("0.5 W", "0.5 W"), strict=True)
    ):
        light = channel.light
        rows += [
            replace(
                resistor(
                    channel.resistor,
                    f"lamp {net}1",
                    ohms,
                    sheet,
                    rating=watts,
                    note="one for each string, off the face",
                ),
                quantity=channel.strings,
            ),
            replace(
                _with(
                    chip(
                        f"D{10 + number}",
                        f"A={net}1 K={net}2",
                        sheet,
                        part_class=f"{channel.in_series} LEDs {light.wavelength_nm} nm in series",
                        model="led_string",
                        example=f"2835 {light.wavelength_nm} nm",
                        price=0.12 * channel.in_series,
                        rating="60 mA",
                    ),
                    channel.in_series * light.forward_v,
                    "V",
                    0.03,
                ),
                quantity=channel.strings,
            ),
            chip(
                f"Q{3 + number}",
                f"D={net}2 G={net}g S=0",
                sheet,
                part_class="N-channel MOSFET, logic level",
                **POWER_FET,
            ),
            resistor(f"R{32 + 2 * number}", f"{net}o {net}g", 100, sheet),
            resistor(f"R{33 + 2 * number}", f"{net}g 0", 4.7e3, sheet, note="off while pins float"),
        ]
    return rows


def _controller() -> list[Part]:
    sheet = "controller"
    return [
        wired(
            "U5",
            "red=red near_infrared=nir indicator=ind watchdog=wd worn=worn button=btn "
            "thermistor=tadc 5V=v5 3V3=v33 GND=0",
            sheet,
            part_class="ESP32 board with 3.3 V regulator",
            example="see the wiring table",
            price=7.0,
        ),
        resistor("R20", "v33 tadc", 10e3, sheet, tolerance=0.001),
        resistor("TH1", "tadc 0", 10e3, sheet, note="NTC of the firmware, at the hottest place"),
        capacitor("C9", "tadc 0", 100e-9, sheet),
        resistor("R21", "ind indr", 330, sheet),
        wired("D3", "A=indr K=0", sheet, part_class="red LED", example="3 mm red", price=0.1),
        wired(
            "S1",
            "1=worn 2=0",
            sheet,
            part_class="switch that the face closes",
            example="D2F-01",
            price=1.5,
        ),
        wired("S2", "1=btn 2=0", sheet, part_class="push button", example="B3F-1000", price=0.3),
    ]


def _thermistors(parts: list[Part]) -> list[Part]:
    return [
        replace(
            part, part_class="thermistor NTC 10 kΩ 1 %, B 3950", example="NTCLE100E3103", price=0.4
        )
        if part.reference.startswith("TH")
        else part
        for part in parts
    ]


MASK = Circuit(
    "mask",
    tuple(_thermistors(_supply() + _cut_out() + _switch() + _drive() + _light() + _controller())),
)

"""The wand: a ground-referenced current source on ±15 V whose limit is one resistor.

Sheets: `set_point` turns a PWM and two direction pins into a signed voltage, `output` turns that
into a current through the skin, `comparator` latches at 0.6 mA, `contact` reads voltage and
contact, `gate` and `watchdog` decide whether there is any supply, `supply` makes ±15 V.
"""

from dataclasses import replace
from typing import Any

from .parts import Circuit, Part, capacitor, chip, diode, resistor, wired

FULL_SCALE_UA = 510.0  # by the divider R1, R2, R3 and the shunts R12, R13
SENSE_GAIN = 15.0  # R16 / R15
SENSE_SHUNT_OHM = 90.9  # R13
SERIES_OHM = 999.9  # R12 + R13, in series with the skin where the voltage is read
VOLTAGE_SLOPE = (1 / 100e3) / (1 / 100e3 + 2 / 22e3)  # R25 into R26 and R27

QUAD: dict[str, Any] = {
    "model": "opamp_36v",
    "example": "OPA4197IDR",
    "price": 4.2,
    "rating": "36 V, ±100 µV",
}
PRECISE: dict[str, Any] = {
    "model": "opamp_5v",
    "example": "OPA2333AIDR",
    "price": 3.2,
    "rating": "5.5 V, ±10 µV",
}
SWITCH: dict[str, Any] = {
    "model": "switch_4053",
    "example": "74HC4053D",
    "price": 0.45,
    "rating": "3.3 V",
}
GATE: dict[str, Any] = {
    "model": "and_4",
    "example": "74HCT21D",
    "price": 0.5,
    "rating": "5 V, TTL inputs",
}
INVERTER: dict[str, Any] = {
    "model": "inverter",
    "example": "74HC14D",
    "price": 0.35,
    "rating": "3.3 V",
}
FET: dict[str, Any] = {
    "model": "nfet_small",
    "example": "2N7002",
    "price": 0.05,
    "rating": "60 V, 0.3 A",
}
OPAMP = "operational amplifier"
SCHOTTKY: dict[str, Any] = {
    "model": "schottky",
    "example": "BAT54",
    "price": 0.06,
    "rating": "30 V",
}


def _with(part: Part, value: float, unit: str, tolerance: float) -> Part:
    return replace(part, value=value, unit=unit, tolerance=tolerance)


def _set_point() -> list[Part]:
    sheet = "set_point"
    thin: dict[str, Any] = {"tolerance": 0.001}
    film: dict[str, Any] = {"sort": "film", "tolerance": 0.05, "rating": "50 V", "price": 0.25}
    return [
        resistor("R1", "pwm f1", 10e3, sheet),
        capacitor("C1", "f1 0", 47e-9, sheet, example="ECHU1H473", **film),
        resistor("R2", "f1 f2", 10e3, sheet, **thin),
        capacitor("C2", "f2 0", 47e-9, sheet, example="ECHU1H473", **film),
        resistor("R3", "f2 0", 3.65e3, sheet, **thin, note="sets the full scale"),
        chip("U1D", "+=f2 -=vset out=vs4 V+=vcc V-=vee", sheet, part_class=OPAMP, **QUAD),
        resistor("R4", "vs4 vset", 2.2e3, sheet),
        capacitor("C17", "vs4 vset", 1e-9, sheet, sort="ceramic C0G", tolerance=0.05),
        chip("U2A", "on=vset off=0 com=p sel=pos", sheet, part_class="analog switch", **SWITCH),
        chip("U2B", "on=vset off=0 com=n sel=neg", sheet, part_class="analog switch", **SWITCH),
        resistor("R5", "p dp", 100e3, sheet, **thin),
        resistor("R6", "dp 0", 100e3, sheet, **thin),
        resistor("R7", "n dn", 100e3, sheet, **thin),
        resistor("R8", "dn set", 100e3, sheet, **thin),
        capacitor("C3", "dn set", 47e-12, sheet, sort="ceramic C0G", tolerance=0.05),
        chip("U1A", "+=dp -=dn out=set V+=vcc V-=vee", sheet, part_class=OPAMP, **QUAD),
        resistor("R50", "pos 0", 10e3, sheet),
        resistor("R51", "neg 0", 10e3, sheet),
    ]


def _output() -> list[Part]:
    sheet = "output"
    block: dict[str, Any] = {
        "sort": "aluminum, low leakage",
        "tolerance": 0.2,
        "rating": "25 V",
        "price": 0.4,
    }
    return [
        chip("U1B", "+=set -=inn out=drv V+=vcc V-=vee", sheet, part_class=OPAMP, **QUAD),
        resistor("R9", "s inn", 100e3, sheet),
        capacitor("C4", "inn drv", 22e-12, sheet, sort="ceramic C0G", tolerance=0.05),
        resistor("R10", "drv l1", 18.2e3, sheet, rating="0.25 W", note="the hardware limit"),
        capacitor("C5A", "l1 lm", 100e-6, sheet, example="UKL1E101", note="+ to R10", **block),
        capacitor("C5B", "l2 lm", 100e-6, sheet, example="UKL1E101", note="+ to K1", **block),
        resistor("R11A", "l1 lq", 2.2e6, sheet, tolerance=0.05),
        resistor("R11B", "lq l2", 2.2e6, sheet, tolerance=0.05),
        chip(
            "K1",
            "A=ka K=kk o1=l2 o2=e1",
            sheet,
            part_class="PhotoMOS relay, normally open",
            model="photomos",
            example="AQY212EH",
            price=2.2,
            rating="60 V, off leakage < 1 µA",
        ),
        resistor("R12", "e2 p1", 909, sheet, tolerance=0.001),
        resistor("R13", "p1 0", 90.9, sheet, tolerance=0.001, note="the shunt"),
        resistor("R14", "e2 s", 100, sheet),
        resistor("R15", "p1 sn", 100e3, sheet, tolerance=0.001),
        resistor("R16", "sn iout", 1.5e6, sheet, tolerance=0.001),
        capacitor("C6", "sn iout", 22e-12, sheet, sort="ceramic C0G", tolerance=0.05),
        resistor("R17", "v33 vb", 150e3, sheet, tolerance=0.001),
        resistor("R18", "vb 0", 4.84e3, sheet, tolerance=0.001),
        chip("U3A", "+=vb -=sn out=iout V+=v33 V-=0", sheet, part_class=OPAMP, **PRECISE),
        resistor("R19", "iout iadc", 10e3, sheet),
        capacitor("C7", "iadc 0", 10e-9, sheet, initial=1.65),
        wired(
            "J1",
            "e1=e1 e2=e2",
            sheet,
            part_class="electrode pair, stainless steel, equal areas",
            example="two 1.5 cm² spheres 316L",
            price=6.0,
        ),
    ]


def _comparator() -> list[Part]:
    sheet = "comparator"
    window: dict[str, Any] = {
        "model": "comparator",
        "example": "LM393DR",
        "price": 0.25,
        "rating": "5 V",
    }
    return [
        resistor("R20", "v5 vref", 1e3, sheet),
        _with(
            chip(
                "U5",
                "K=vref A=0",
                sheet,
                part_class="voltage reference, shunt",
                model="shunt_reference",
                example="LM4040CIM3-3.0",
                price=0.9,
                rating="15 mA",
            ),
            3.0,
            "V",
            0.005,
        ),
        resistor("R21", "vref hi", 1e3, sheet),
        resistor("R22", "hi lo", 3.01e3, sheet),
        resistor("R23", "lo 0", 1.5e3, sheet),
        resistor("R24", "iout ic", 10e3, sheet),
        capacitor("C8", "ic 0", 10e-9, sheet, initial=1.65),
        chip("U4A", "+=hi -=ic out=latch_n", sheet, part_class="comparator", **window),
        chip("U4B", "+=ic -=lo out=latch_n", sheet, part_class="comparator", **window),
        resistor("R40", "v33 latch_n", 10e3, sheet),
        chip("U8A", "in=latch_n out=latched V+=v33", sheet, part_class="inverter", **INVERTER),
        resistor("R41", "latched hold", 10e3, sheet),
        chip("Q2", "D=latch_n G=hold S=0", sheet, part_class="N-channel MOSFET", **FET),
        diode("D6", "hold btn_n", sheet, part_class="Schottky diode", **SCHOTTKY),
        resistor("R42", "v33 btn_n", 10e3, sheet),
        capacitor("C18", "btn_n 0", 1e-6, sheet, note="clears the latch at power-up"),
    ]


def _contact() -> list[Part]:
    sheet = "contact"
    film: dict[str, Any] = {"sort": "film", "rating": "50 V", "price": 0.3}
    clamp: dict[str, Any] = {
        "model": "small_signal",
        "example": "1N4148W",
        "price": 0.03,
        "rating": "75 V",
    }
    return [
        resistor("R25", "e1 eb", 4.7e6, sheet, tolerance=0.05),
        chip("U1C", "+=eb -=ev out=ev V+=vcc V-=vee", sheet, part_class=OPAMP, **QUAD),
        resistor("R26", "ev vadc", 100e3, sheet),
        resistor("R27", "v33 vadc", 22e3, sheet),
        resistor("R28", "vadc 0", 22e3, sheet),
        capacitor("C9", "vadc 0", 10e-9, sheet),
        capacitor("C10", "ctx ci", 100e-9, sheet, example="ECHU1H104", **film),
        resistor("R29", "ci cj", 510e3, sheet),
        resistor("R30", "cj e1", 510e3, sheet),
        resistor("R31", "e1 ca", 470e3, sheet),
        capacitor("C11", "ca cb", 22e-9, sheet, example="ECHU1H223", initial=-1.65, **film),
        resistor("R32", "cb vm", 4.7e6, sheet, tolerance=0.05),
        chip("U3B", "+=cb -=cg out=cout V+=v33 V-=0", sheet, part_class=OPAMP, **PRECISE),
        resistor("R33", "cout cg", 1e6, sheet),
        capacitor("C13", "cout cg", 100e-12, sheet, sort="ceramic C0G", tolerance=0.05),
        resistor("R34", "cg cg2", 33e3, sheet),
        capacitor("C12", "cg2 0", 1e-6, sheet, tolerance=0.2, initial=1.65),
        resistor("R35", "v33 vm", 100e3, sheet),
        resistor("R36", "vm 0", 100e3, sheet),
        capacitor("C14", "vm 0", 1e-6, sheet, tolerance=0.2, initial=1.65),
        diode("D1", "cb v33", sheet, part_class="switching diode", **clamp),
        diode("D2", "0 cb", sheet, part_class="switching diode", **clamp),
    ]


def _gate() -> list[Part]:
    sheet = "gate"
    return [
        resistor("R52", "en 0", 10e3, sheet),
        chip(
            "U7A",
            "a=en b=wd_ok c=latch_n d=nchg out=gon V+=v5",
            sheet,
            part_class="AND gate, 4 inputs",
            **GATE,
        ),
        chip(
            "U7B",
            "a=en b=wd_ok c=latch_n d=nchg out=kon V+=v5",
            sheet,
            part_class="AND gate, 4 inputs",
            **GATE,
        ),
        resistor("R53", "gon q3g", 1e3, sheet),
        resistor("R54", "q3g 0", 4.7e3, sheet),
        chip("Q3", "D=q1x G=q3g S=0", sheet, part_class="N-channel MOSFET", **FET),
        resistor("R55", "q1g q1x", 1e3, sheet),
        resistor("R56", "v5 q1g", 10e3, sheet),
        chip(
            "Q1",
            "S=v5 G=q1g D=v5g",
            sheet,
            part_class="P-channel MOSFET",
            model="pfet",
            example="AO3401A",
            price=0.12,
            rating="30 V, 4 A",
        ),
        resistor("R57", "kon q4g", 1e3, sheet),
        resistor("R58", "q4g 0", 4.7e3, sheet),
        chip("Q4", "D=kk G=q4g S=0", sheet, part_class="N-channel MOSFET", **FET),
        resistor("R59", "v33 ka", 470, sheet),
        resistor("R60", "vbus chs", 47e3, sheet),
        resistor("R61", "chs 0", 68e3, sheet),
        chip("U8B", "in=chs out=nchg V+=v33", sheet, part_class="inverter", **INVERTER),
        chip("U8C", "in=nchg out=chgo V+=v33", sheet, part_class="inverter", **INVERTER),
        resistor("R62", "chgo chg", 10e3, sheet),
    ]


def _watchdog() -> list[Part]:
    sheet = "watchdog"
    return [
        resistor("R43", "wd wdr", 1e3, sheet),
        capacitor("C19", "wdr wdb", 10e-9, sheet, note="a level that stays high makes no pulse"),
        resistor("R44", "wdb 0", 22e3, sheet),
        resistor("R46", "v5 rd", 10e3, sheet),
        capacitor("C20", "rd 0", 100e-9, sheet),
        resistor("R45", "v5 cx", 130e3, sheet),
        capacitor(
            "C21",
            "cx 0",
            1e-6,
            sheet,
            sort="film",
            tolerance=0.05,
            rating="50 V",
            example="MKS2 1 µF",
            price=0.4,
            note="with R45: 0.45 · R · C",
        ),
        _with(
            chip(
                "U6",
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
    ]


def _supply() -> list[Part]:
    sheet = "supply"
    high: dict[str, Any] = {"rating": "50 V", "price": 0.15, "example": "GRM31 X7R 1 µF"}
    zener: dict[str, Any] = {
        "part_class": "Zener diode",
        "model": "zener",
        "example": "BZX55B16",
        "price": 0.08,
        "rating": "0.5 W",
    }
    local = [("C30", "v33"), ("C31", "v33"), ("C32", "v5"), ("C33", "v5"), ("C34", "v5")]
    return [
        wired(
            "BT1",
            "+=cell -=0",
            sheet,
            part_class="lithium cell with protection",
            example="1000 mAh, 3.7 V",
            price=8.0,
        ),
        wired(
            "U12",
            "cell=cell gnd=0 vbus=vbus",
            sheet,
            part_class="charger module",
            example="TP4056 with USB-C",
            price=1.5,
        ),
        wired(
            "U13",
            "in=cell gnd=0 out=v5b",
            sheet,
            part_class="boost converter 5 V, 0.5 A",
            example="Pololu U1V11F5",
            price=6.0,
        ),
        wired(
            "F1",
            "1=v5b 2=v5",
            sheet,
            part_class="resettable fuse 0.5 A",
            example="MF-MSMF050",
            price=0.3,
        ),
        wired(
            "D5",
            "A=0 K=v5",
            sheet,
            part_class="Zener diode 5.6 V, 5 W",
            example="1N5339B",
            price=0.4,
        ),
        _with(
            chip(
                "U9",
                "in=v5g +=m+ -=m-",
                sheet,
                part_class="isolated converter 5 V to ±15 V, unregulated",
                model="module",
                example="A0515S-1WR3",
                price=3.5,
                rating="1 W; output common to ground",
            ),
            3.1,
            "",
            0.06,
        ),
        resistor("R37", "m+ vcc", 220, sheet, tolerance=0.05, rating="0.5 W"),
        resistor("R38", "m- vee", 220, sheet, tolerance=0.05, rating="0.5 W"),
        _with(diode("D3", "0 vcc", sheet, **zener), 16, "V", 0.02),
        _with(diode("D4", "vee 0", sheet, **zener), 16, "V", 0.02),
        resistor("R47", "vcc 0", 4.7e3, sheet, tolerance=0.05, rating="0.25 W"),
        resistor("R48", "vee 0", 4.7e3, sheet, tolerance=0.05, rating="0.25 W"),
        capacitor("C15", "vcc 0", 1e-6, sheet, **high),
        capacitor("C16", "vee 0", 1e-6, sheet, **high),
        *[capacitor(ref, f"{net} 0", 100e-9, sheet, note="at a chip") for ref, net in local],
    ]


CONTROLLER_PINS = (
    "pwm=pwm pos=pos neg=neg enable=en watchdog=wd contact_out=ctx latch=latch_n charger=chg "
    "button=btn_n buzzer=buzz sda=sda scl=scl sensed_current=iadc electrode_voltage=vadc "
    "contact=cout thermistor=tadc 5V=v5 3V3=v33 GND=0"
)


def _controller() -> list[Part]:
    sheet = "controller"
    return [
        wired(
            "U10",
            CONTROLLER_PINS,
            sheet,
            part_class="ESP32 board with 3.3 V regulator",
            example="see the wiring table",
            price=7.0,
        ),
        resistor("R63", "v33 tadc", 10e3, sheet, tolerance=0.001),
        resistor("TH1", "tadc 0", 10e3, sheet, note="NTC, B 3950, at the electrode"),
        capacitor("C22", "tadc 0", 100e-9, sheet),
        wired(
            "S1",
            "1=btn_n 2=0",
            sheet,
            part_class="push button",
            example="B3F-1000",
            price=0.3,
        ),
        wired(
            "B1",
            "+=v33 in=buzz -=0",
            sheet,
            part_class="buzzer, active, with transistor",
            example="3.3 V module",
            price=0.8,
        ),
        wired(
            "U11",
            "vcc=v33 sda=sda scl=scl gnd=0",
            sheet,
            part_class="real-time clock for 3.3 V, with coin cell",
            example="DS3231 module",
            price=3.0,
        ),
    ]


def _thermistors(parts: list[Part]) -> list[Part]:
    return [
        replace(part, part_class="thermistor NTC 10 kΩ, B 3950", example="NTCLE100E3103", price=0.4)
        if part.reference.startswith("TH")
        else part
        for part in parts
    ]


WAND = Circuit(
    "wand",
    tuple(
        _thermistors(
            _set_point()
            + _output()
            + _comparator()
            + _contact()
            + _gate()
            + _watchdog()
            + _supply()
            + _controller()
        )
    ),
)

ANALOG = ("set_point", "output", "comparator", "contact", "gate", "supply")

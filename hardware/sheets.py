"""Where the parts of each sheet stand. What they are, and what joins them, is in the tables."""

from .drawing import Sheet

WAND_SHEETS = {
    "set_point": Sheet(
        "set point: PWM and direction become a signed voltage",
        chains=(
            (0, 0, "pwm: R1 .C1 R2 .C2 .R3 U1D+ R4|C17"),
            (9, -7.5, "p: R5 .R6 U1A+(R8,C3)"),
            (9, -12, "n: R7"),
            (0, -10.5, "pos: .R50"),
            (3.5, -10.5, "neg: .R51"),
        ),
        boxes=((2.2, -4.5, "U2A"), (2.2, -7.4, "U2B")),
    ),
    "output": Sheet(
        "output: current through the skin, and the current that is sensed",
        headroom=4.0,
        chains=(
            (0, 0, "set: U1B+(C4) R10 C5A C5B"),
            (7.0, -2.6, "l1: R11A R11B"),
            (0, -5.5, "inn: R9 R14 .R12"),
            (0, -14, "p1: .R13 R15 U3A-(R16,C6) R19 .C7"),
            (15, -9.5, "vb: ^R17 .R18"),
        ),
        boxes=((18.5, 1.0, "K1"), (18.5, -2.6, "J1")),
    ),
    "comparator": Sheet(
        "comparator and latch",
        headroom=2.0,
        chains=(
            (0, 0, "v5: R20 R21 R22 R23"),
            (0, -3.0, "iout: R24 .C8"),
            (0, -11, "latch_n: ^R40"),
            (5.0, -11, "latched: R41 D6 ^R42 .C18"),
        ),
        boxes=(
            (16.5, 0.6, "U5"),
            (9.0, -2.4, "U4A"),
            (16.5, -2.4, "U4B"),
            (1.8, -13.0, "U8A"),
            (16.5, -14.5, "Q2"),
        ),
    ),
    "contact": Sheet(
        "contact: voltage at electrode 1, and contact before a start",
        headroom=4.0,
        chains=(
            (0, 0, "e1: R25 U1C+ R26 ^R27 .R28 .C9"),
            (0, -6, "ctx: C10 R29 R30"),
            (0, -14, "e1: R31 C11 ^D1 .R32 U3B+(R33,C13)"),
            (16.5, -8, "cg: R34 .C12"),
            (3.5, -22, "vm: ^R35 .R36 .C14"),
            (0, -18.5, "cb: .D2"),
        ),
    ),
    "gate": Sheet(
        "gate: what may switch the supply and the output on",
        headroom=2.0,
        chains=(
            (0, 0, "vbus: R60 .R61"),
            (9, -7, "gon: R53 .R54"),
            (9, -11.5, "kon: R57 .R58"),
            (16.5, -3.0, "v5: R56 R55"),
            (0, -14, "en: .R52"),
            (4.5, -14, "v33: R59"),
            (21.0, 0.0, "chgo: R62"),
        ),
        boxes=(
            (2.0, -5.5, "U7A"),
            (2.0, -9.6, "U7B"),
            (9.0, 0.55, "U8B"),
            (15.2, 0.55, "U8C"),
            (19.0, -5.6, "Q1"),
            (19.0, -8.8, "Q3"),
            (19.0, -12.2, "Q4"),
        ),
    ),
    "watchdog": Sheet(
        "watchdog gate",
        headroom=2.0,
        chains=(
            (0, 0, "wd: R43 C19 .R44"),
            (0, -5, "v5: R46 .C20"),
            (9, -5, "v5: R45 .C21"),
        ),
        boxes=((13.0, 0.55, "U6"),),
    ),
    "supply": Sheet(
        "supply: cell, 5 V, ±15 V",
        headroom=2.0,
        chains=(
            (0, 0, "v5b: F1 .D5 .C32 .C33 .C34"),
            (0, -5.5, "m+: R37 .D3 .R47 .C15"),
            (0, -11, "m-: R38 .D4 .R48 .C16"),
            (12.5, -5.5, "v33: .C30 .C31"),
        ),
        boxes=((16.5, 0.5, "BT1"), (22.5, 0.5, "U12"), (22.5, -3, "U13"), (22.5, -6.5, "U9")),
    ),
    "controller": Sheet(
        "controller",
        headroom=1.5,
        chains=((11, 0, "v33: R63 .TH1 .C22"), (11, -5, "btn_n: S1")),
        boxes=((3, 0, "U10"), (13, -7, "B1"), (13, -10, "U11")),
    ),
}

MASK_SHEETS = {
    "supply": Sheet(
        "supply",
        headroom=1.5,
        chains=((8.5, 0, "usb: F1 .C1 .R1"), (8.5, -5, "v5: .C2")),
        boxes=((2.0, 0.5, "J1"), (2.0, -4.5, "U4")),
    ),
    "cut_out": Sheet(
        "cut-out: voltage and temperature",
        headroom=1.6,
        chains=(
            (0, 0, "v5: R2"),
            (0, -2.5, "vin: R3 .R4 .C3"),
            (0, -8, "v5: R5 .TH2"),
            (8.0, -8, "v5: C4"),
            (0, -13, "v5: R6 .R7"),
            (9, -13, "hot: R9 D1"),
            (22.5, -4.5, "trip: ^R8"),
        ),
        boxes=((8.5, 0.5, "U3"), (15.5, -2.0, "U2A"), (15.5, -7.4, "U2B")),
    ),
    "switch": Sheet(
        "watchdog gate and switch of the light's supply",
        headroom=2.0,
        chains=(
            (0, 0, "wd: R10 C5 .R11"),
            (0, -5, "trip: R12 .C6"),
            (9, -5, "v5: R13 .C7"),
            (0, -10.5, "wd_ok: R14 .R15 D2"),
            (13.5, -10.5, "vin: R17|C8 R16"),
            (23.5, -8, "lamp: .R18"),
        ),
        boxes=((13.0, 0.55, "U1"), (20.5, -0.6, "Q1"), (20.5, -5.0, "Q2")),
    ),
    "drive": Sheet(
        "drive: pins reach the transistors only while watchdog and cut-out agree",
        headroom=2.0,
        chains=(
            (0, -3.8, "red: .R36"),
            (4, -3.8, "nir: .R37"),
            (8, -3.8, "v5: .C10 .C11 .C12"),
        ),
        boxes=((2.0, 0.0, "U6A"), (9.5, 0.0, "U6B"), (17.0, 0.0, "U6C")),
    ),
    "light": Sheet(
        "light: strings and transistors",
        headroom=2.8,
        chains=(
            (0, 0, "lamp: R30 D10"),
            (0, -3, "redo: R32 .R33"),
            (0, -8, "lamp: R31 D11"),
            (0, -11, "niro: R34 .R35"),
        ),
        boxes=((10.5, -3.0, "Q3"), (10.5, -11.0, "Q4")),
    ),
    "controller": Sheet(
        "controller",
        headroom=1.5,
        chains=(
            (11, 0, "v33: R20 .TH1 .C9"),
            (11, -5, "ind: R21 D3"),
            (11, -7.5, "worn: S1"),
            (11, -9.5, "btn: S2"),
        ),
        boxes=((3, 0, "U5"),),
    ),
}

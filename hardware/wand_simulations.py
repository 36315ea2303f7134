"""What the wand's circuit does: accuracy, edges, contact, protection, tolerances and faults."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
import random
from typing import Any

import numpy as np

from .figures import Report
from .limits import (
    WAND_ACCURACY_PERCENT,
    WAND_CUT_MS,
    WAND_DIRECT_UA,
    WAND_FAULT_UA,
    WAND_FAULT_WINDOW_S,
    WAND_LATCH_MS,
    WAND_LATCH_UA,
    WAND_LEVEL_UA,
    WAND_NET_UA,
    WAND_OVERLAP_UA,
    WAND_SENSE_UA,
    WAND_SETTLED_MS,
    WAND_WATCHDOG_MS,
)
from .netlist import Fault, elements, single_faults
from .parts import Circuit
from .spice import Waves, transient
from .wand import ANALOG, SENSE_GAIN, SENSE_SHUNT_OHM
from .wand_bench import FIRST_EDGE, SAVE, Bench

CURRENT = "v(skin_current)"
PERIOD = 1 / 30.0
STUCK = "PULSE(0 3.3 10m 100n 100n 40 50)"
SHORTED_SKIN = 0.1
FEEDBACK_LOST = Fault("R12", "short")
LATCHED = 1.0  # V at latch_n; below is latched


def _steps(*levels: float) -> tuple[tuple[float, float], ...]:
    """Return one period of 30 Hz for each level."""
    return tuple((FIRST_EDGE + i * PERIOD if i else 0.0, level) for i, level in enumerate(levels))


def _amplitudes(bench: Bench, *levels: float) -> list[float]:
    stepped = replace(bench, levels=_steps(*levels))
    waves = stepped.run(FIRST_EDGE + len(levels) * PERIOD, 2e-4)
    return [stepped.amplitude(waves, i) for i in range(len(levels))]


def calibration(bench: Bench) -> tuple[float, float]:
    """Return slope and offset (µA) of the two-point calibration at 50 and 300 µA into 2 kΩ."""
    low, high = _amplitudes(replace(bench, skin_ohm=2000.0), 50, 300)
    slope = (high - low) / 250
    return slope, low - 50 * slope


def accuracy_errors(bench: Bench) -> dict[str, list[float]]:
    """Return errors in percent of the calibrated amplitude, into 0.5 to 12 kΩ and into 20 kΩ."""
    slope, offset = calibration(bench)
    errors: dict[str, list[float]] = {"main": [], "high": []}
    for ohms, levels, kind in (
        (500.0, (10, 100, WAND_LEVEL_UA), "main"),
        (12e3, (10, 100, WAND_LEVEL_UA), "main"),
        (20e3, (10, 330), "high"),
    ):
        found = _amplitudes(replace(bench, skin_ohm=ohms), *levels)
        errors[kind] += [
            100 * (value / (slope * level + offset) - 1)
            for value, level in zip(found, levels, strict=True)
        ]
    return errors


def accuracy(circuit: Circuit, report: Report) -> None:
    """Find how exact the amplitude is after calibration, and what the PWM leaves as ripple."""
    errors = accuracy_errors(Bench(circuit=circuit))
    limit = WAND_ACCURACY_PERCENT
    report.add(
        "amplitude",
        "amplitude error, 10 to 416 µA into 0.5 to 12 kΩ",
        errors["main"],
        "%",
        -limit,
        limit,
    )
    report.add(
        "amplitude_20k",
        "amplitude error, 10 to 330 µA into 20 kΩ",
        errors["high"],
        "%",
        -limit,
        limit,
    )
    slope, offset = calibration(Bench(circuit=circuit))
    report.add("slope", "current before calibration, of the level", [100 * slope], "%", 95, 105)
    report.add("offset", "offset before calibration", [offset], "µA", -1, 1)
    waves = Bench(circuit=circuit, level_ua=250, pwm=True).run(0.026, 2e-6, save=(CURRENT,))
    inside = (waves.time > 0.020) & (waves.time < 0.025)
    ripple = float(np.ptp(waves[CURRENT][inside])) * 1e6
    report.add("ripple", "ripple of the PWM at 250 µA, peak to peak", [ripple], "µA", high=1.0)


SKINS: tuple[dict[str, Any], ...] = (
    {"skin_ohm": 500.0},
    {"skin_ohm": 2000.0},
    {"skin_ohm": 12e3},
    {"skin_ohm": 500.0, "skin_parallel": (1500.0, 100e-9)},
    {"skin_ohm": 1000.0, "skin_parallel": (10e3, 30e-9)},
    {"skin_ohm": 1000.0, "skin_parallel": (11e3, 30e-9)},
)


def _settled_ms(waves: Waves, edge: float, until: float) -> float:
    name = CURRENT
    final = waves.mean(name, edge + 0.8 * (until - edge), until - 1e-4)
    inside = (waves.time > edge) & (waves.time < until - 1e-4)
    off = waves.time[inside][abs(waves[name][inside] - final) > 0.02 * abs(final)]
    return float(off[-1] - edge) * 1e3 if len(off) else 0.0


def edges(circuit: Circuit, report: Report) -> None:
    """Find how fast a half period settles, what an overlap does, and how fast output ends."""
    settled, overshoot, net = [], [], []
    for level in (10.0, WAND_LEVEL_UA):
        for skin in SKINS:
            bench = Bench(circuit=circuit, level_ua=level, **skin)
            waves = bench.run(FIRST_EDGE + 2 * PERIOD, 2e-5)
            begin = FIRST_EDGE + PERIOD
            settled.append(_settled_ms(waves, begin, begin + PERIOD / 2))
            inside = waves.time > FIRST_EDGE + 1e-4
            peak = float(abs(waves[CURRENT][inside]).max()) * 1e6
            overshoot.append(peak - bench.amplitude(waves))
            net.append(waves.mean(CURRENT, begin, begin + PERIOD) * 1e6)
    report.add("settled", "an edge has settled to 2 %", settled, "ms", high=WAND_SETTLED_MS)
    report.add("overshoot", "overshoot", overshoot, "µA", high=WAND_OVERLAP_UA)
    report.add("net", "net current over a period", net, "µA", -WAND_NET_UA, WAND_NET_UA)

    excess, left, after = [], [], []
    for overlap in (-2e-3, -50e-6, 10e-6, 100e-6, 1e-3, 3e-3):
        bench = Bench(
            circuit=circuit,
            level_ua=WAND_LEVEL_UA,
            positive="PULSE(0 3.3 10m 100n 100n 20m 100)",
            negative=f"PULSE(0 3.3 {0.030 - overlap:.6g} 100n 100n {0.020 + overlap:.6g} 100)",
        )
        waves = bench.run(0.06, 2e-5)
        inside = waves.time > FIRST_EDGE
        excess.append(float(abs(waves[CURRENT][inside]).max()) * 1e6 - WAND_LEVEL_UA)
        if abs(overlap) > WAND_SETTLED_MS * 1e-3:
            end = 0.030 if overlap > 0 else 0.030 - overlap
            begin = end - abs(overlap) + WAND_SETTLED_MS * 1e-3
            left.append(abs(waves.mean(CURRENT, begin, end - 1e-5)) * 1e6)
        after.append(abs(waves.at(CURRENT, 0.055)) * 1e6)
    report.add(
        "overlap_excess",
        "above the level, for overlaps and gaps of the direction pins",
        excess,
        "µA",
        high=WAND_OVERLAP_UA,
    )
    report.add(
        "overlap_left",
        "left 1.1 ms into an overlap or a gap",
        left,
        "µA",
        high=WAND_OVERLAP_UA,
    )
    report.add("overlap_end", "left 5 ms after both pins are low", after, "µA", high=1.0)

    ended = []
    for positive, enable in (
        ("PULSE(0 3.3 10m 100n 100n 20m 100)", "PWL(0 0 5m 0 5.001m 1)"),
        (STUCK, "PWL(0 0 5m 0 5.001m 1 30m 1 30.001m 0)"),
    ):
        for ohms in (500.0, 12e3):
            waves = Bench(
                circuit=circuit,
                level_ua=WAND_LEVEL_UA,
                skin_ohm=ohms,
                positive=positive,
                negative="0",
                enable=enable,
            ).run(0.05, 1e-5)
            late = waves.time[(waves.time > 0.030) & (abs(waves[CURRENT]) > 5e-6)]
            ended.append(float(late[-1] - 0.030) * 1e3 if len(late) else 0.0)
    report.add("ended", "output below 5 µA after a stop", ended, "ms", high=WAND_CUT_MS)


def contact(circuit: Circuit, report: Report) -> None:
    """Find what the firmware reads as contact, under drive and with the supply off."""
    for ohms, tolerance in ((100.0, 60), (500.0, 60), (2e3, 60), (15e3, 300), (22e3, 440)):
        readings = []
        for level, hertz in ((10.0, 8.3), (100.0, 30.0), (250.0, 300.0)):
            bench = Bench(circuit=circuit, level_ua=level, hertz=hertz, skin_ohm=ohms)
            waves = bench.run(FIRST_EDGE + 2 / hertz, min(2e-4, 0.005 / hertz))
            readings.append(bench.reading(waves)[1])
        report.add(
            f"contact_{ohms:g}",
            f"contact read under drive, {ohms:g} Ω",
            readings,
            "Ω",
            ohms - tolerance,
            ohms + tolerance,
        )
    bench = Bench(circuit=circuit, level_ua=100.0, skin_ohm=1e9)
    waves = bench.run(FIRST_EDGE + 2 * PERIOD, 1e-4)
    report.add(
        "contact_open",
        "contact read under drive, open",
        [min(bench.reading(waves)[1], 1e7)],
        "Ω",
        1e6,
    )

    found = {ohms: idle(circuit, ohms) for ohms in (100.0, 500.0, 2e3, 15e3, 22e3, 1e9)}
    slope = (15e3 - 500) / (found[15e3][0] - found[500.0][0])
    offset = 500 - found[500.0][0] * slope
    for ohms, tolerance in ((100.0, 60), (2e3, 60), (22e3, 900)):
        report.add(
            f"idle_{ohms:g}",
            f"contact read before a start, {ohms:g} Ω",
            [found[ohms][0] * slope + offset],
            "Ω",
            ohms - tolerance,
            ohms + tolerance,
        )
    report.add(
        "idle_open",
        "contact read before a start, open",
        [found[1e9][0] * slope + offset],
        "Ω",
        25e3,
    )
    report.add(
        "sense",
        "current of the contact sense",
        [current for _, current in found.values()],
        "µA",
        high=WAND_SENSE_UA,
    )


def idle(
    circuit: Circuit, ohms: float, faults: tuple[Fault, ...] = (), seed: int | None = None
) -> tuple[float, float]:
    """Return swing of the contact amplifier (V) and peak sense current (µA), without a session."""
    bench = Bench(
        circuit=circuit,
        level_ua=0,
        enable="0",
        positive="0",
        negative="0",
        skin_ohm=ohms,
        contact_out="PULSE(0 3.3 10m 1u 1u 4m 8m)",
        faults=faults,
        seed=seed,
    )
    waves = bench.run(0.33, 1e-4, save=(CURRENT, "v(cout)"), start=0.2)
    high = [waves.at("v(cout)", 0.210 + k * 0.008 + 0.0035) for k in range(12)]
    low = [waves.at("v(cout)", 0.210 + k * 0.008 + 0.0075) for k in range(12)]
    return float(np.mean(high) - np.mean(low)), float(abs(waves[CURRENT]).max()) * 1e6


LOOP_OPEN = Fault("R10", "open")
PRESS = (
    "Spress btn_n 0 press 0 pushed",
    ".model pushed sw(vt=0.5 vh=0.1 ron=1 roff=1e9)",
    "Vpress press 0 PULSE(0 1 90m 1u 1u 10m 1)",
)


def _inject(circuit: Circuit, shape: str, seed: int | None = None, **more: Any) -> Waves:  # noqa: ANN401
    """Run with the loop open and a test current through the shunts."""
    bench = Bench(
        circuit=circuit,
        level_ua=0,
        positive="0",
        negative="0",
        faults=(LOOP_OPEN,),
        seed=seed,
        extra=(f"Itest 0 e2 {shape}",),
    )
    bench = replace(bench, **more)
    save = (*SAVE, "v(vcc)", "v(vee)", "v(kk)")
    return bench.run(0.12, 5e-5, save=save)


def trip(circuit: Circuit, seed: int | None = None) -> tuple[float, float]:
    """Return the current at which the comparator latches, upwards and downwards, in µA."""
    found = []
    for sign in (1, -1):
        end = sign * 700e-6
        waves = _inject(circuit, f"PWL(0 0 20m 0 120m {end:g})", seed)
        low = waves.time[(waves.time > 0.02) & (waves["v(latch_n)"] < LATCHED)]
        # 0.1 ms of filter, at 7 µA a millisecond
        found.append(float(low[0] - 0.02 - 1.0e-4) * 7e-3 * 1e6 if len(low) else float("nan"))
    return found[0], found[1]


def latch_ms(circuit: Circuit, seed: int | None = None) -> tuple[float, float]:
    """Return how long the latch takes after a step to 690 µA, both directions, in ms."""
    found = []
    for sign in (1, -1):
        waves = _inject(circuit, f"PWL(0 0 50m 0 50.001m {sign * 690e-6:g})", seed)
        low = waves.time[(waves.time > 0.05) & (waves["v(latch_n)"] < LATCHED)]
        found.append(float(low[0] - 0.05) * 1e3 if len(low) else float("inf"))
    return found[0], found[1]


def protection(circuit: Circuit, report: Report) -> None:
    """Find what the comparator and its latch do."""
    low, high = WAND_LATCH_UA
    report.add("trip", "comparator latches at", trip(circuit), "µA", low, high)
    report.add("latch", "latched after", latch_ms(circuit), "ms", high=WAND_LATCH_MS)
    # A pulse of 5 ms at 50 ms, a press of the button from 90 to 100 ms.
    pulse = "PULSE(0 690u 50m 1u 1u 5m 1)"
    waves = _inject(
        circuit,
        pulse,
        extra=_pressed(pulse),
    )
    report.add(
        "latch_clear",
        "latch line, 45 ms after power-up",
        [waves.at("v(latch_n)", 0.045)],
        "V",
        3.0,
    )
    report.add(
        "latch_holds",
        "latch line, 30 ms after the current has ended",
        [waves.at("v(latch_n)", 0.085)],
        "V",
        high=0.5,
    )
    report.add(
        "latch_rails",
        "positive rail, 30 ms after the latch",
        [waves.at("v(vcc)", 0.085)],
        "V",
        high=1.0,
    )
    report.add(
        "latch_button",
        "latch line, after the button",
        [waves.at("v(latch_n)", 0.115)],
        "V",
        3.0,
    )
    waves = _inject(
        circuit,
        "0",
        extra=(
            "Itest 0 e2 0",
            PRESS[1],
            "Spull latch_n 0 pull 0 pushed",
            "Vpull pull 0 PULSE(0 1 50m 1u 1u 5m 1)",
        ),
    )
    report.add(
        "boot_test",
        "positive rail, 30 ms after the firmware has pulled the latch",
        [waves.at("v(vcc)", 0.085)],
        "V",
        high=1.0,
    )


def supply(circuit: Circuit, report: Report) -> None:
    """Find what flows when the 5 V rail is wrong, dips or carries a spike."""
    peaks, wrong = [], []
    for volts in ("3.0", "4.0", "4.5", "5.5", "6.2"):
        for ohms in (SHORTED_SKIN, 2000.0, 15e3):
            waves = Bench(circuit=circuit, level_ua=416, skin_ohm=ohms, supply=volts).run(
                FIRST_EDGE + 2 * PERIOD
            )
            peaks.append(waves.highest_mean(CURRENT, WAND_FAULT_WINDOW_S) * 1e6)
    shapes = (
        ("PWL(0 5 30m 5 30.5m 0 70m 0 70.5m 5)", "3.3"),
        ("PWL(0 5 30m 5 32m 0 70m 0 72m 5)", "PWL(0 3.3 31m 3.3 33m 0 71m 0 73m 3.3)"),
        ("PWL(0 5 20m 5 50m 2 80m 5)", "3.3"),
        ("PWL(0 5 40m 5 40.1m 7 41m 7 41.1m 5)", "3.3"),
        ("PWL(0 0 12m 0 12.5m 5)", "PWL(0 0 13m 0 13.5m 3.3)"),
    )
    for volts, logic in shapes:
        for ohms in (SHORTED_SKIN, 2000.0):
            waves = Bench(
                circuit=circuit, level_ua=416, skin_ohm=ohms, supply=volts, logic=logic
            ).run(0.11, 2e-5)
            wrong.append(waves.highest_mean(CURRENT, WAND_FAULT_WINDOW_S) * 1e6)
    high = WAND_LATCH_UA[1]
    report.add("rail", "current with 3.0 to 6.2 V instead of 5 V", peaks, "µA", high=high)
    report.add("dips", "current through dips, a spike and power-up", wrong, "µA", high=high)


def _gate_run(
    circuit: Circuit,
    *,
    faults: tuple[Fault, ...] = (),
    seed: int | None = None,
    stop_at: float = 0.1,
    stuck: str = "low",
    latch: str = "3.3",
    charger: str = "0",
    enable: str = "3.3",
    until: float = 0.25,
) -> Waves:
    draw = random.Random(seed) if seed is not None else None  # noqa: S311
    edges_at = np.arange(0.012, stop_at, 0.004)
    points, level = ["0 0"], 0.0
    for edge in edges_at:
        points += [f"{edge:.6g} {level:g}", f"{edge + 1e-6:.7g} {3.3 - level:g}"]
        level = 3.3 - level
    if (stuck == "high") != (level > 1):
        edge = edges_at[-1] + 0.004
        points += [f"{edge:.6g} {level:g}", f"{edge + 1e-6:.7g} {3.3 - level:g}"]
    lines = [
        *elements(circuit, ("gate", "watchdog"), faults=faults, draw=draw),
        "V5s v5s 0 PWL(0 0 1m 5)",
        "R5s v5s v5 0.2",
        "V33s v33s 0 PWL(0 0 1m 3.3)",
        "R33s v33s v33 0.3",
        f"Vwd wds 0 PWL({' '.join(points)})",
        "Rwd wds wd 50",
        f"Vlatch latch_n 0 {latch}",
        f"Vbus vbus 0 {charger}",
        f"Ven en 0 {enable}",
        "Rload v5g 0 170",
        "Cload v5g 0 1u",
        "Rk1 l2 0 1k",
        "Rk2 e1 0 1k",
        "D1 ka kk led_relay",
        "Rchg chg 0 1meg",
    ]
    return transient(lines, stop=until, step=2e-4, save=("v(v5g)", "v(kk)", "v(wd_ok)", "v(wd)"))


def _watchdog_ms(waves: Waves) -> float:
    """Return how long after the last rising edge both paths are open, in ms."""
    rising = waves.time[1:][(waves["v(wd)"][1:] > 1.6) & (waves["v(wd)"][:-1] <= 1.6)]
    on = waves.time[(waves["v(v5g)"] > 2.5) | (waves["v(kk)"] < 1.0)]
    on = on[on > 0.01]
    return float(on[-1] - rising[-1]) * 1e3 if len(on) and len(rising) else float("nan")


def watchdog(circuit: Circuit, report: Report, draws: int) -> None:
    """Find when the watchdog gate cuts, over tolerances and with the pin stuck either way."""
    found = [_watchdog_ms(_gate_run(circuit, stuck=stuck)) for stuck in ("low", "high")]
    found += [_watchdog_ms(_gate_run(circuit, seed=seed)) for seed in range(draws)]
    low, high = WAND_WATCHDOG_MS
    report.add("watchdog", "watchdog gate cuts after the last pulse", found, "ms", low, high)
    until_half: dict[str, Any] = {"stop_at": 0.09, "until": 0.09}
    for key, name, conditions in (
        ("gate_latch", "the latch", dict(until_half, latch="PWL(0 3.3 50m 3.3 50.001m 0)")),
        (
            "gate_charger",
            "the charger's voltage",
            dict(until_half, charger="PWL(0 0 50m 0 50.001m 5)"),
        ),
        ("gate_enable", "the enable pin", dict(until_half, enable="PWL(0 3.3 50m 3.3 50.001m 0)")),
    ):
        waves = _gate_run(circuit, **conditions)
        on = waves.time[(waves["v(v5g)"] > 2.5) | (waves["v(kk)"] < 1.0)]
        report.add(
            key, f"both switches open after {name}", [float(on[-1] - 0.05) * 1e3], "ms", 0, 5
        )
    waves = _gate_run(circuit, stop_at=0.01, until=0.1)
    closed = (waves.time > 0.003) & ((waves["v(v5g)"] > 0.5) | (waves["v(kk)"] < 1.0))
    report.add(
        "gate_power_up",
        "time that a switch is closed after power-up without pulses",
        [float(np.trapezoid(closed.astype(float), waves.time)) * 1e3],
        "ms",
        high=0.0,
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one fault does. Currents in µA, times in ms."""

    fault: Fault
    peak_ua: float  # mean over 20 µs, comparator dead, electrodes shorted
    reads_ua: float
    reads_ohm: float
    latched: bool
    direct_ua: float  # 10 s after a direction pin has stuck
    direct_shown: bool  # whether the reading shows it, so that the firmware stops

    @property
    def row(self) -> tuple[str, ...]:
        """Return the row of the table of faults."""
        ohms = f"{self.reads_ohm:,.0f}" if abs(self.reads_ohm) < 1e6 else "open"
        return (
            self.fault.reference,
            str(self.fault),
            f"{self.peak_ua:.0f}",
            f"{abs(self.reads_ua):.0f}",
            ohms,
            "yes" if self.latched else "",
            f"{self.direct_ua:.1f}",
        )


FAULT_HEAD = (
    "part",
    "fault",
    "most, µA",
    "reads, µA",
    "reads, Ω",
    "latches",
    "direct, µA",
)


def fault_peak(circuit: Circuit, fault: Fault, *others: Fault) -> float:
    """Return the highest mean over 20 µs (µA) with electrodes shorted and a dead comparator."""
    bench = Bench(
        circuit=circuit,
        level_ua=WAND_LEVEL_UA,
        skin_ohm=SHORTED_SKIN,
        comparator=False,
        faults=() if fault.reference in {"U4A", "U4B"} else (fault, *others),
    )
    waves = bench.run(FIRST_EDGE + 1.2 * PERIOD, 1e-4, save=(CURRENT,))
    return waves.highest_mean(CURRENT, WAND_FAULT_WINDOW_S) * 1e6


def _stuck_after(bench: Bench) -> tuple[Bench, Waves]:
    """Two periods as usual, then the positive pin stays high for 10 s."""
    logic = "PWL(0 0 10m 0 10.0001m 3.3 26.6667m 3.3 26.6668m 0 43.3333m 0 43.3334m 3.3"
    positive = logic + " 60m 3.3 60.0001m 0 76.6667m 0 76.6668m 3.3)"
    negative = (
        "PWL(0 0 26.6667m 0 26.6668m 3.3 43.3333m 3.3 43.3334m 0 60m 0 60.0001m 3.3"
        " 76.6667m 3.3 76.6668m 0)"
    )
    bench = replace(bench, level_ua=WAND_LEVEL_UA, positive=positive, negative=negative)
    return bench, bench.run(10.1, 5e-3)


def fault_outcome(circuit: Circuit, fault: Fault) -> Outcome:
    """Simulate one fault: the limit, what the firmware reads, a stuck direction pin on top."""
    bench, waves = _stuck_after(Bench(circuit=circuit, faults=(fault,)))
    reads_ua, reads_ohm = bench.reading(waves)
    early = (waves.time > 0.02) & (waves.time < 0.0767)
    length = 1 / bench.hertz
    zero = 0.5 * sum(waves.at("v(iadc)", FIRST_EDGE + (1 + part) * length) for part in (0.45, 0.95))
    shown = abs(waves.at("v(iadc)", 0.3) - zero) / (SENSE_GAIN * SENSE_SHUNT_OHM) * 1e6
    return Outcome(
        fault=fault,
        peak_ua=fault_peak(circuit, fault),
        reads_ua=reads_ua,
        reads_ohm=reads_ohm,
        latched=bool((waves["v(latch_n)"][early] < LATCHED).any()),
        direct_ua=abs(waves.mean(CURRENT, 9.9, 10.1)) * 1e6,
        direct_shown=shown > WAND_DIRECT_UA,
    )


HARMLESS = "no protection lost"


def found_by(circuit: Circuit, outcome: Outcome) -> str:
    """Say what finds a fault: a reading, the start, the boot test, or a row of the checklist."""
    finders = (_by_reading, _by_contact, _by_latch, _by_switches, _by_limits)
    return next((found for one in finders if (found := one(circuit, outcome))), HARMLESS)


def _by_reading(circuit: Circuit, outcome: Outcome) -> str:
    del circuit
    if outcome.latched:
        return "comparator, at once"
    if not 0.8 * WAND_LEVEL_UA < abs(outcome.reads_ua) < 1.1 * WAND_LEVEL_UA + 15:
        return "current reading"
    return "" if 1600 < outcome.reads_ohm < 2400 else "contact reading"


def _by_contact(circuit: Circuit, outcome: Outcome) -> str:
    faults = (outcome.fault,)
    touched = idle(circuit, 2e3, faults)[0] / _healthy(circuit, 2e3)
    empty = idle(circuit, 1e9, faults)[0] / _healthy(circuit, 1e9)
    return "contact before a start" if abs(touched - 1) > 0.3 or empty < 0.8 else ""


@cache
def _healthy(circuit: Circuit, ohms: float) -> float:
    return idle(circuit, ohms)[0]


def _by_latch(circuit: Circuit, outcome: Outcome) -> str:
    """Ask for a trip in both directions, for dead rails, for holding and for the button."""
    for sign in ("", "-"):
        pulse = f"PULSE(0 {sign}690u 50m 1u 1u 5m 1)"
        waves = _inject(circuit, pulse, faults=(LOOP_OPEN, outcome.fault), extra=_pressed(pulse))
        checks = (
            (waves.at("v(latch_n)", 0.045) < 2.5, "no output: latched from power-up"),
            (waves.at("v(latch_n)", 0.0515) > LATCHED, "row *comparator*"),
            (_rail(waves, 0.085) > 1.0, "boot test of the latch"),
            (waves.at("v(latch_n)", 0.085) > LATCHED, "row *comparator*"),
            (waves.at("v(latch_n)", 0.115) < 2.5, "row *button*"),
        )
        found = next((name for wrong, name in checks if wrong), "")
        if found:
            return found
    return ""


def _pressed(pulse: str) -> tuple[str, ...]:
    return (f"Itest 0 e2 {pulse}", *PRESS)


def _rail(waves: Waves, moment: float) -> float:
    return max(waves.at("v(vcc)", moment), -waves.at("v(vee)", moment))


def _by_switches(circuit: Circuit, outcome: Outcome) -> str:
    """Ask whether the charger opens both switches."""
    waves = Bench(circuit=circuit, faults=(outcome.fault,), charger="PWL(0 0 30m 0 30.001m 5)").run(
        0.06, save=("v(vcc)", "v(vee)", "v(kk)")
    )
    if _rail(waves, 0.059) > 1.0:
        return "row *charger*"
    return "row *output relay*" if waves.at("v(kk)", 0.059) < 1.0 else ""


def _by_limits(circuit: Circuit, outcome: Outcome) -> str:
    """Ask whether R10 still limits, the rails are clamped, and direct current ends."""
    fault = outcome.fault
    if fault.reference != "R12" and fault_peak(circuit, fault, FEEDBACK_LOST) > WAND_FAULT_UA:
        return "row *hardware limit*"
    waves = Bench(circuit=circuit, faults=(fault,), supply="6.2", level_ua=0).run(
        0.04, save=("v(vcc)", "v(vee)")
    )
    if _rail(waves, 0.039) > 17.5:
        return "row *rails*"
    return "row *direct current*" if outcome.direct_ua > WAND_DIRECT_UA else ""


def watchdog_faults(circuit: Circuit) -> list[tuple[Fault, str]]:
    """Return every single fault of the watchdog gate, and what finds it."""
    found = []
    for fault in single_faults(circuit.on(("watchdog",))):
        waves = _gate_run(circuit, faults=(fault,), until=0.3)
        on = waves.at("v(v5g)", 0.09) > 2.5
        late = _watchdog_ms(waves)
        if not on:
            found.append((fault, "no output"))
        elif not late <= WAND_WATCHDOG_MS[1]:
            found.append((fault, "row *watchdog gate*"))
        else:
            stuck = _watchdog_ms(_gate_run(circuit, faults=(fault,), until=0.3, stuck="high"))
            found.append(
                (fault, HARMLESS if stuck <= WAND_WATCHDOG_MS[1] else "row *watchdog gate*")
            )
    return found


def wand_faults(circuit: Circuit) -> list[Fault]:
    """Return every single fault of the parts through which current or its readings pass."""
    return list(single_faults(circuit.on(ANALOG)))


def monte_carlo(circuit: Circuit, report: Report, draws: Iterable[int]) -> None:
    """Find the spread of everything over the tolerances of all parts."""
    found: dict[str, list[float]] = {
        name: [] for name in ("main", "high", "slope", "offset", "net", "peak", "direct", "trip")
    }
    found["latch"] = []
    for seed in draws:
        volts = f"{5 * (1 + random.Random(seed + 10_000).uniform(-0.03, 0.03)):.4f}"  # noqa: S311
        bench = Bench(circuit=circuit, seed=seed, supply=volts)
        slope, offset = calibration(bench)
        errors = accuracy_errors(bench)
        found["main"] += errors["main"]
        found["high"] += errors["high"]
        found["slope"].append(100 * slope)
        found["offset"].append(offset)
        stuck, waves = _stuck_after(bench)
        halves = stuck.halves(waves, 1)
        found["net"].append((halves[0] + halves[1]) / 2)
        found["direct"].append(abs(waves.mean(CURRENT, 9.9, 10.1)) * 1e6)
        worst = Bench(
            circuit=circuit,
            level_ua=510,
            skin_ohm=SHORTED_SKIN,
            comparator=False,
            faults=(FEEDBACK_LOST,),
            seed=seed,
            supply=volts,
        ).run(FIRST_EDGE + 1.2 * PERIOD, 1e-4, save=(CURRENT,))
        found["peak"].append(worst.highest_mean(CURRENT, WAND_FAULT_WINDOW_S) * 1e6)
        found["trip"] += trip(circuit, seed)
        found["latch"] += latch_ms(circuit, seed)
    limit = WAND_ACCURACY_PERCENT
    add = report.add
    add("mc_amplitude", "amplitude error into 0.5 to 12 kΩ", found["main"], "%", -limit, limit)
    add("mc_amplitude_20k", "amplitude error, to 330 µA into 20 kΩ", found["high"], "%", -3, 3)
    add("mc_slope", "current before calibration, of the level", found["slope"], "%", 95, 105)
    add("mc_offset", "offset before calibration", found["offset"], "µA", -1, 1)
    net = max(WAND_NET_UA, 0.01 * WAND_LEVEL_UA)
    add("mc_net", "net current at 416 µA", found["net"], "µA", -net, net)
    add("mc_direct", "direct current 10 s after a pin has stuck", found["direct"], "µA", 0, 10)
    add(
        "mc_peak",
        "most, feedback lost, electrodes shorted, comparator dead",
        found["peak"],
        "µA",
        high=WAND_FAULT_UA,
    )
    add("mc_trip", "comparator latches at", found["trip"], "µA", *WAND_LATCH_UA)
    add("mc_latch", "latched after", found["latch"], "ms", high=WAND_LATCH_MS)

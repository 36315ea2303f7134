"""The wand on a simulated bench: its drive, its load, and the readings."""

from dataclasses import dataclass, field
import random

from .netlist import Fault, elements
from .parts import Circuit
from .spice import Waves, transient
from .wand import ANALOG, FULL_SCALE_UA, SENSE_GAIN, SENSE_SHUNT_OHM, SERIES_OHM, VOLTAGE_SLOPE

FIRST_EDGE = 0.010  # s; the direction pins begin to turn
SAVE = ("v(skin_current)", "v(iadc)", "v(vadc)", "v(latch_n)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Bench:
    """One set-up. Currents in µA, resistances in Ω, times in s."""

    circuit: Circuit
    level_ua: float = 100.0
    levels: tuple[tuple[float, float], ...] = ()  # (from when, level), instead of one level
    hertz: float = 30.0
    skin_ohm: float = 2000.0
    skin_parallel: tuple[float, float] | None = None  # (Ω, F) in series with `skin_ohm`
    supply: str = "5"
    logic: str = "3.3"
    enable: str = "PWL(0 0 5m 0 5.001m 1)"
    positive: str = ""
    negative: str = ""
    contact_out: str = "0"
    charger: str = "0"
    comparator: bool = True
    faults: tuple[Fault, ...] = ()
    seed: int | None = None
    pwm: bool = False
    extra: tuple[str, ...] = field(default=())
    sheets: tuple[str, ...] = ANALOG

    def _levels(self, logic: float) -> str:
        steps = self.levels or ((0.0, self.level_ua),)
        points = ["0 0 1m 0"]
        for begin, level in steps:
            volts = level / FULL_SCALE_UA * logic
            points.append(f"{max(begin, 1e-3) + 1e-6:.6g} {volts:.6g}")
            following = [other for other, _ in steps if other > begin]
            if following:
                points.append(f"{following[0]:.6g} {volts:.6g}")
        return f"PWL({' '.join(points)})"

    def lines(self) -> list[str]:
        """Return the netlist with sources and skin."""
        draw = random.Random(self.seed) if self.seed is not None else None  # noqa: S311
        logic_text, logic = self.logic, 3.3
        if draw is not None:
            logic = 3.3 * (1 + draw.uniform(-0.015, 0.015))
            logic_text = f"{logic:.5g}"
        elif self.logic.replace(".", "").isdigit():
            logic = float(self.logic)
        lines = elements(self.circuit, self.sheets, faults=self.faults, draw=draw)
        if not self.comparator:
            lines = [line for line in lines if not line.startswith(("XU4A ", "XU4B "))]
        half = 0.5 / self.hertz
        pulse = f"PULSE(0 {logic:g} {{begin:.8g}} 100n 100n {half - 2e-6:.8g} {2 * half:.8g})"
        positive = self.positive or pulse.format(begin=FIRST_EDGE)
        negative = self.negative or pulse.format(begin=FIRST_EDGE + half)
        if self.pwm:
            width = self.level_ua / FULL_SCALE_UA / 19531.25
            pwm = f"PULSE(0 {logic:g} 0 20n 20n {width:.6g} 51.2u)"
        else:
            pwm = self._levels(logic)
        enable = self.enable
        return [
            *lines,
            f"V33 v33s 0 {logic_text}",
            "R33s v33s v33 0.3",
            f"V5 v5s 0 {self.supply}",
            "R5s v5s v5 0.2",
            f"Vpwm pwm 0 {pwm}",
            f"Vpos pos 0 {positive}",
            f"Vneg neg 0 {negative}",
            f"Ven en1 0 {enable}",
            "Ben en 0 V=3.3*V(en1)",
            "Vwd wd_ok 0 5",
            f"Vbus vbus 0 {self.charger}",
            f"Vctx ctx 0 {self.contact_out}",
            f"Rskin e1x {'es' if self.skin_parallel else 'e2'} {self.skin_ohm:g}",
            *(
                [
                    f"Rskin2 es e2 {self.skin_parallel[0]:g}",
                    f"Cskin2 es e2 {self.skin_parallel[1]:g}",
                ]
                if self.skin_parallel
                else []
            ),
            "Vsk e1 e1x 0",
            "Hsk skin_current 0 Vsk 1",
            "Ccable1 e1 0 100p",
            "Ccable2 e2 0 100p",
            *self.extra,
        ]

    def run(
        self,
        stop: float,
        step: float = 1e-4,
        *,
        save: tuple[str, ...] = SAVE,
        start: float = 0.0,
    ) -> Waves:
        """Simulate; see `spice.transient`."""
        return transient(self.lines(), stop=stop, step=step, save=save, start=start)

    def halves(self, waves: Waves, period: int) -> tuple[float, float]:
        """Return the mean of the settled part of both halves of a period, in µA."""
        length = 1 / self.hertz
        begin = FIRST_EDGE + period * length
        name = "v(skin_current)"
        return (
            waves.mean(name, begin + 0.35 * length, begin + 0.48 * length) * 1e6,
            waves.mean(name, begin + 0.85 * length, begin + 0.98 * length) * 1e6,
        )

    def amplitude(self, waves: Waves, period: int = 1) -> float:
        """Return half the difference of both halves, in µA."""
        positive, negative = self.halves(waves, period)
        return (positive - negative) / 2

    def reading(self, waves: Waves, period: int = 1) -> tuple[float, float]:
        """Return current (µA) and resistance (Ω) as the firmware computes them."""
        length = 1 / self.hertz
        begin = FIRST_EDGE + period * length
        first, second = begin + 0.45 * length, begin + 0.95 * length
        amperes = -(waves.at("v(iadc)", first) - waves.at("v(iadc)", second)) / (
            2 * SENSE_GAIN * SENSE_SHUNT_OHM
        )
        volts = (waves.at("v(vadc)", first) - waves.at("v(vadc)", second)) / (2 * VOLTAGE_SLOPE)
        ohms = volts / amperes - SERIES_OHM if abs(amperes) > 1e-9 else float("inf")
        return amperes * 1e6, ohms

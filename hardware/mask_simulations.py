"""What the mask's circuit does: irradiance, heat, cut-outs, watchdog gate and power-up."""

from collections.abc import Iterable
from dataclasses import dataclass
import random

import numpy as np

from .figures import Report
from .limits import (
    MASK_CHANNEL,
    MASK_CUT_OUT_C,
    MASK_EXPOSURE_LIMIT,
    MASK_EXPOSURE_RATIO,
    MASK_MEDIAN,
    MASK_POWER_UP_MA,
    MASK_TOTAL,
    MASK_WATCHDOG_MS,
    SKIN_DERATE_C,
    SKIN_STOP_C,
    SKIN_WARN_C,
)
from .mask import (
    AREA_CM2,
    CHANNELS,
    OPTICS,
    ORDINARY_EFFICIENCY,
    ORDINARY_OPTICS,
    SUPPLY_V,
    Strings,
)
from .netlist import Fault, elements, single_faults
from .parts import Circuit
from .spice import RETRIES, Wave, Waves, transient

DRAWS = 20_000
BRIGHTEST = 2.0  # the brightest place, of the mean over the area: the most the ceilings allow for
WELL_SPREAD = 1.3  # the same, LEDs every 7 mm and 10 mm from the skin
NOMINAL_A = 0.030
KNEE = 0.045  # as in models.lib: forward voltage rises by this for each factor of e
SUPPLY_TOLERANCE = 0.05  # USB-PD
SWITCH_V = 0.06  # over the switch and the transistor


# --- light ----------------------------------------------------------------------------------------


def string_current(
    channel: Strings, ohms: Wave | float, supply: Wave | float, celsius: Wave | float
) -> Wave:
    """Return the current of a string in A, by the same model as `models.lib`."""
    light = channel.light
    forward = channel.in_series * (
        light.forward_v + light.per_kelvin_v * (np.asarray(celsius, dtype=float) - 25)
    )
    room = np.asarray(supply, dtype=float) - SWITCH_V - forward
    current = np.maximum(room, 0.01) / np.asarray(ohms, dtype=float)
    for _ in range(40):
        knee = KNEE * forward
        drop = current * ohms + knee * np.log(np.maximum(current, 1e-6) / NOMINAL_A) - room
        current = np.maximum(current - drop / (ohms + knee / np.maximum(current, 1e-6)), 1e-6)
    return np.asarray(current)


@dataclass(frozen=True, slots=True)
class Draw:
    """Irradiances of both channels over many masks, in mW/cm², mean over the area."""

    irradiance: dict[str, Wave]
    amperes: Wave


def irradiance(
    circuit: Circuit,
    *,
    supply: tuple[float, float],
    celsius: tuple[float, float],
    seed: int = 1,
) -> Draw:
    """Draw masks: supply and junction uniform in their range, parts inside their tolerances."""
    draw = np.random.default_rng(seed)
    volts = draw.uniform(*supply, DRAWS)
    found, amperes = {}, np.zeros(DRAWS)
    for channel in CHANNELS:
        light, part = channel.light, circuit[channel.resistor]
        junction = draw.uniform(*celsius, DRAWS)
        ohms = part.value * (1 + part.tolerance * draw.uniform(-1, 1, DRAWS))
        current = string_current(channel, ohms, volts + draw.uniform(-0.2, 0.2, DRAWS), junction)
        bins, optics = draw.uniform(0.85, 1.15, DRAWS), OPTICS * draw.uniform(0.9, 1.1, DRAWS)
        watts = channel.leds * light.forward_v * current * light.efficiency
        found[light.channel] = (
            1e3 * watts * bins * optics * (1 + light.light_per_kelvin * (junction - 25)) / AREA_CM2
        )
        amperes += channel.strings * current
    return Draw(found, amperes)


def light(circuit: Circuit, report: Report) -> None:
    """Find irradiance over supply and temperature, and with a shorted transistor."""
    low, high = SUPPLY_V * (1 - SUPPLY_TOLERANCE), SUPPLY_V * (1 + SUPPLY_TOLERANCE)
    usual = irradiance(circuit, supply=(low, high), celsius=(25, 60))
    for channel, values in usual.irradiance.items():
        name = channel.replace("_", "-")
        report.add(f"light_{channel}", f"{name}, mean over the area", values, "mW/cm²")
        report.add(
            f"median_{channel}",
            f"{name}, median mask, both channels on",
            [float(np.median(values))],
            "mW/cm²",
            low=MASK_MEDIAN,
        )
    report.add("supply_current", "current of the LEDs", usual.amperes, "A", high=2.9)
    trip = over_voltage(circuit, range(20))
    report.add("over_voltage", "over-voltage cut", trip, "V", high + 0.05, 16.5)
    worst = irradiance(circuit, supply=(max(trip), max(trip)), celsius=(20, 25))
    peaks = {channel: BRIGHTEST * values for channel, values in worst.irradiance.items()}
    for channel, values in peaks.items():
        report.add(
            f"shorted_{channel}",
            f"transistor of {channel.replace('_', '-')} shorted, cold, just below the cut, "
            "brightest place",
            values,
            "mW/cm²",
            high=MASK_CHANNEL,
        )
    total = peaks["red"] + peaks["near_infrared"]
    report.add("shorted_all", "both channels at full drive there", total, "mW/cm²", high=MASK_TOTAL)
    ratio = np.sum([peaks[one] / limit for one, limit in MASK_EXPOSURE_LIMIT.items()], axis=0)
    report.add("exposure", "sum of E / EL there", ratio, "", high=MASK_EXPOSURE_RATIO)


def string_in_spice(circuit: Circuit, channel: Strings, supply: float) -> tuple[float, float]:
    """Return the current (A) of a string with its transistor on, and with it shorted."""
    net = "red" if channel.light.channel == "red" else "nir"
    transistor = "Q3" if net == "red" else "Q4"
    found = []
    for faults, gate in (((), "5"), ((Fault(transistor, "short", "D", "0"),), "0")):
        lines = [
            *elements(circuit, ("light",), faults=faults),
            f"Vlamp lamp 0 PWL(0 0 1m {supply:g})",
            f"Vred redo 0 {gate if net == 'red' else 0}",
            f"Vnir niro 0 {gate if net == 'nir' else 0}",
        ]
        waves = transient(lines, stop=3e-3, step=1e-4, save=(f"v({net}1)", "v(lamp)"))
        drop = waves.at("v(lamp)", 2.9e-3) - waves.at(f"v({net}1)", 2.9e-3)
        found.append(drop / circuit[channel.resistor].value)
    return found[0], found[1]


def five_volts() -> list[tuple[str, ...]]:
    """Return what 5 V and 2 A can do: rows of set-up and mean irradiance over the area."""
    watts = 5.0 * 2.0 - 0.7  # 0.7 W for the ESP32
    rows: list[tuple[str, ...]] = [("LEDs", "channels on", "red", "near-infrared")]
    for name, efficiency, optics in (
        ("ordinary", ORDINARY_EFFICIENCY, ORDINARY_OPTICS),
        ("good", {c.light.channel: c.light.efficiency for c in CHANNELS}, OPTICS),
    ):
        for label, shares in (("both", (0.5, 0.5)), ("red", (1, 0)), ("near-infrared", (0, 1))):
            cells = []
            for channel, share, in_series in zip(CHANNELS, shares, (1, 2), strict=True):
                used = in_series * channel.light.forward_v / 5.0
                value = watts * share * used * efficiency[channel.light.channel] * optics
                cells.append(f"{1e3 * value / AREA_CM2:.1f}" if share else "–")
            rows.append((name, label, *cells))
    return rows


# --- heat -----------------------------------------------------------------------------------------

SHELL_J_PER_K = 300.0  # 230 g of silicone and polycarbonate
TO_ROOM_W_PER_K = 0.30  # 300 cm² of outside, 10 W/(m² K)
TO_SKIN_W_PER_K = 0.17  # 200 cm² over 3 mm of air
SKIN_J_PER_M2_K = 7400.0  # 2 mm of tissue
SENSOR_S = 10.0  # lag of a thermistor in its bead


@dataclass(frozen=True, slots=True)
class Warmth:
    """One run of 20 minutes. Temperatures in °C, times in s, dose as a fraction of the plan."""

    skin_c: float
    shell_c: float
    warned_s: float
    derated_s: float
    stopped_s: float
    delivered: float


def warmth(
    *,
    share: float,
    room_c: float,
    blood_w_per_m2_k: float,
    minutes: float = 20.0,
    firmware: bool = True,
    brightest: float = BRIGHTEST,
    cut_out_c: float = 99.0,
) -> Warmth:
    """Simulate shell and skin at the brightest place, with the firmware's own thresholds.

    `share` is the drive of both channels; `blood_w_per_m2_k` is how well blood cools the skin.
    """
    electric = emitted = 0.0
    for channel in CHANNELS:
        power = channel.leds * channel.light.forward_v * NOMINAL_A * 1.1 * share
        electric += power
        emitted += power * channel.light.efficiency
    shell, skin, sensor, level = room_c + 5, 35.0, 35.0, 1.0
    area = AREA_CM2 * 1e-4
    highest = {"skin": skin, "shell": shell}
    moments = {"warned": float("inf"), "derated": float("inf"), "stopped": float("inf")}
    delivered = 0.0
    for second in range(int(minutes * 60)):
        if firmware:
            if sensor >= SKIN_WARN_C:
                moments["warned"] = min(moments["warned"], second)
            if sensor >= SKIN_DERATE_C:
                moments["derated"] = min(moments["derated"], second)
            if sensor >= SKIN_STOP_C:
                moments["stopped"] = min(moments["stopped"], second)
        if sensor >= cut_out_c or moments["stopped"] <= second:
            level = 0.0
        elif moments["derated"] <= second:
            level = 0.5
        lit = emitted * OPTICS * level
        into_skin = TO_SKIN_W_PER_K * (shell - skin)
        heat = electric * level - lit
        shell += (heat - TO_ROOM_W_PER_K * (shell - room_c) - into_skin) / SHELL_J_PER_K
        flux = (brightest * lit + into_skin) / area
        skin += (flux - blood_w_per_m2_k * (skin - 35.0)) / SKIN_J_PER_M2_K
        sensor += (skin - sensor) / SENSOR_S
        highest["skin"], highest["shell"] = max(highest["skin"], skin), max(highest["shell"], shell)
        delivered += level / (minutes * 60)
    return Warmth(
        highest["skin"],
        highest["shell"],
        moments["warned"],
        moments["derated"],
        moments["stopped"],
        delivered,
    )


ROOMS = (18.0, 24.0, 30.0)
BLOOD = (70.0, 100.0, 130.0)


def heat(circuit: Circuit, report: Report) -> None:
    """Find how warm face and shell get in 20 minutes, with the firmware and without it."""
    del circuit
    limit = SKIN_STOP_C + 0.3  # the thermistor's lag
    for key, name, share, brightest in (
        ("full_2", "full drive, brightest place 2 × the mean", 1.0, BRIGHTEST),
        ("full", "full drive, 1.3 × the mean", 1.0, WELL_SPREAD),
        ("half", "half drive, 1.3 × the mean", 0.5, WELL_SPREAD),
    ):
        runs = [
            warmth(share=share, room_c=room, blood_w_per_m2_k=blood, brightest=brightest)
            for room in ROOMS
            for blood in BLOOD
        ]
        report.add(
            f"skin_{key}", f"skin, 20 min, {name}", [w.skin_c for w in runs], "°C", high=limit
        )
        report.add(
            f"shell_{key}", f"shell, 20 min, {name}", [w.shell_c for w in runs], "°C", high=60
        )
        report.add(
            f"heat_dose_{key}",
            f"dose of 20 min that heat leaves, {name}",
            [100 * w.delivered for w in runs],
            "%",
        )
    hung = [
        warmth(
            share=1.0,
            room_c=room,
            blood_w_per_m2_k=blood,
            firmware=False,
            cut_out_c=MASK_CUT_OUT_C[1],
        )
        for room in ROOMS
        for blood in BLOOD
    ]
    report.add(
        "skin_hung",
        "skin, firmware hung at full drive, cut-out at its latest",
        [w.skin_c for w in hung],
        "°C",
        high=MASK_CUT_OUT_C[1] + 0.5,
    )


# --- what cuts the supply -------------------------------------------------------------------------


LIT_V = 0.1  # over a string's resistor: less than 1 mA
GUARDED = ("cut_out", "switch", "drive", "light")


def _rig(
    circuit: Circuit,
    *,
    vin: str = "PWL(0 0 1m 15)",
    skin_c: str = "30",
    pulses_until: float = 0.0,
    stuck: str = "low",
    until: float = 0.1,
    seed: int | None = None,
    faults: tuple[Fault, ...] = (),
    step: float = 2e-4,
) -> Waves:
    draw = random.Random(seed) if seed is not None else None  # noqa: S311
    r25, beta = 10e3, 3950.0
    if draw is not None:
        r25 *= 1 + draw.uniform(-0.01, 0.01)
        beta *= 1 + draw.uniform(-0.01, 0.01)
    lines = elements(circuit, GUARDED, faults=faults, draw=draw)
    if all(fault.reference != "TH2" for fault in faults):
        lines = [line for line in lines if not line.startswith("RTH2 ")]
        lines.append(f"Bth hot 0 I=V(hot)/({r25:g}*exp({beta:g}*(1/(273.15+V(skin))-1/298.15)))")
    points, level, moment = ["0 0"], 0.0, 0.02
    while moment < pulses_until:
        points += [f"{moment:.6g} {level:g}", f"{moment + 1e-6:.7g} {3.3 - level:g}"]
        level, moment = 3.3 - level, moment + 0.004
    if pulses_until and (stuck == "high") != (level > 1):
        points += [f"{moment:.6g} {level:g}", f"{moment + 1e-6:.7g} {3.3 - level:g}"]
    lines += [
        f"Vin vins 0 {vin}",
        "Rin vins vin 0.1",
        "V5s v5s 0 PWL(0 0 1m 0 2m 5)",
        "R5s v5s v5 0.2",
        f"Vskin skin 0 {skin_c}",
        f"Vwd wds 0 PWL({' '.join(points)})",
        "Rwd wds wd 50",
        "Rlamp lamp 0 10",
        "Vred red 0 3.3",
        "Vnir nir 0 3.3",
        "Blit lit 0 V=max(V(lamp)-V(red1),V(lamp)-V(nir1))",
        "Bdriven driven 0 V=max(V(redg),V(nirg))",
    ]
    save = ("v(lamp)", "v(trip)", "v(wd)", "v(skin)", "v(vin)", "v(lit)", "v(driven)")
    return transient(lines, stop=until, step=step, save=save, retries=RETRIES[2:])


def _last_on(waves: Waves) -> float:
    """Return when the slower of both paths has cut: supply of the light, and drive."""
    on = waves.time[(waves["v(lamp)"] > 1.0) | (waves["v(driven)"] > 0.8)]
    return float(on[-1]) if len(on) else float("nan")


def watchdog_ms(circuit: Circuit, stuck: str = "low", seed: int | None = None) -> float:
    """Return how long after the last pulse the light has no supply, in ms."""
    waves = _rig(circuit, pulses_until=0.06, stuck=stuck, until=0.26, seed=seed)
    rising = waves.time[1:][(waves["v(wd)"][1:] > 1.6) & (waves["v(wd)"][:-1] <= 1.6)]
    return 1e3 * (_last_on(waves) - float(rising[-1]))


def over_voltage(circuit: Circuit, seeds: Iterable[int]) -> list[float]:
    """Return at which supply voltage the cut acts, for draws of the tolerances."""
    found = []
    for seed in seeds:
        waves = _rig(
            circuit,
            vin="PWL(0 0 1m 15 100m 15 900m 17)",
            until=0.9,
            seed=seed,
            step=1e-3,
        )
        low = waves.time[(waves["v(trip)"] < 1.0) & (waves.time > 0.05)]
        lag = 8.5e-3  # C3 with R3 and R4, at 2.5 V a second
        found.append(waves.at("v(vin)", float(low[0]) - lag) if len(low) else float("nan"))
    return found


def cut_out_c(circuit: Circuit, seed: int | None) -> float:
    """Return at which temperature the cut-out latches, in °C."""
    waves = _rig(circuit, skin_c="PWL(0 38 20m 38 180m 46)", until=0.18, seed=seed)
    low = waves.time[(waves["v(trip)"] < 1.0) & (waves.time > 0.015)]
    return waves.at("v(skin)", float(low[0])) if len(low) else float("nan")


def cut_faults(circuit: Circuit, every: int = 1) -> list[tuple[Fault, str]]:
    """Return every single fault of the cuts, the drive and the strings, and what finds it.

    A fault that leaves a cut without effect is latent: the rows that find it are named.
    `every` asks for each second, third … fault only.
    """
    found = []
    for fault in list(single_faults(circuit.on(GUARDED)))[::every]:
        usual = _rig(circuit, faults=(fault,), pulses_until=0.06, until=0.26)
        if usual.at("v(lit)", 0.055) < LIT_V:
            found.append((fault, "no light"))
            continue
        high = _rig(circuit, faults=(fault,), pulses_until=0.06, until=0.26, stuck="high")
        hot = _rig(
            circuit,
            faults=(fault,),
            skin_c="PWL(0 30 60m 30 61m 50 100m 50 101m 30)",
            pulses_until=0.2,
            until=0.2,
        )
        over = _rig(
            circuit,
            faults=(fault,),
            vin="PWL(0 0 1m 15 100m 15 100.1m 20)",
            pulses_until=0.2,
            until=0.2,
        )
        late = max(usual.at("v(lit)", 0.215), high.at("v(lit)", 0.219))
        checks = (
            (late > LIT_V, "row *watchdog gate*"),
            (max(hot.at("v(lit)", 0.09), hot.at("v(lit)", 0.19)) > LIT_V, "row *thermal cut-out*"),
            (over.at("v(lit)", 0.14) > LIT_V, "row *over-voltage*"),
        )
        rows = " and ".join(name for lost, name in checks if lost)
        found.append((fault, rows or "no protection lost"))
    return found


def cuts(circuit: Circuit, report: Report, draws: int) -> None:
    """Find when watchdog, thermal cut-out and over-voltage cut act, over tolerances."""
    times = [watchdog_ms(circuit, stuck) for stuck in ("low", "high")]
    times += [watchdog_ms(circuit, seed=seed) for seed in range(draws)]
    report.add(
        "watchdog", "watchdog gate cuts after the last pulse", times, "ms", *MASK_WATCHDOG_MS
    )
    degrees = [cut_out_c(circuit, seed) for seed in (None, *range(draws))]
    report.add("cut_out", "thermal cut-out latches at", degrees, "°C", *MASK_CUT_OUT_C)
    waves = _rig(
        circuit,
        skin_c="PWL(0 30 60m 30 61m 50 100m 50 101m 30)",
        pulses_until=0.2,
        until=0.22,
    )
    report.add("cut_before", "lamp supply before it is hot", [waves.at("v(lamp)", 0.055)], "V", 14)
    report.add(
        "cut_holds",
        "lamp supply 90 ms after it has cooled again, pulses still coming",
        [waves.at("v(lamp)", 0.19)],
        "V",
        high=0.1,
    )
    waves = _rig(circuit, vin="PWL(0 0 1m 15 100m 15 100.1m 20)", pulses_until=0.2, until=0.22)
    report.add(
        "over_voltage_ms",
        "lamp supply off after a jump to 20 V",
        [1e3 * (_last_on(waves) - 0.1)],
        "ms",
        high=20,
    )


def power_up(circuit: Circuit, report: Report, faults: tuple[Fault, ...] = ()) -> None:
    """Find what the strings get while pins float and the supply comes up, with and without 5 V."""
    currents = []
    for rise in ("1.002m", "2m"):
        for pull_up in ("45k", "1g"):
            for volts in ("0", "PWL(0 0 1m 0 2m 5)"):
                lines = [
                    *elements(circuit, ("drive", "light"), faults=faults),
                    f"Vlamp lamp 0 PWL(0 0 1m 0 {rise} 15.75)",
                    "V33 v33 0 PWL(0 0 1m 0 2m 3.3)",
                    f"V5 v5 0 {volts}",
                    "Vok wd_ok 0 0",
                    "Btrip trip 0 V=V(v5)",
                    f"Rp1 v33 red {pull_up}",
                    f"Rp2 v33 nir {pull_up}",
                ]
                waves = transient(
                    lines, stop=5e-3, step=2e-6, save=("v(lamp)", "v(red1)", "v(nir1)")
                )
                for channel, net in zip(CHANNELS, ("red1", "nir1"), strict=True):
                    drop = waves["v(lamp)"] - waves[f"v({net})"]
                    amps = drop[waves.time > 1.1e-3] / circuit[channel.resistor].value
                    currents.append(float(amps.max()) * 1e3)
    report.add(
        "power_up",
        "current of a string while pins float",
        currents,
        "mA",
        high=MASK_POWER_UP_MA,
    )
    waves = _rig(circuit, until=0.2)
    on = waves.time > 0.003
    report.add(
        "power_up_lamp",
        "lamp supply after power-up without pulses",
        [float(waves["v(lamp)"][on].max())],
        "V",
        high=0.1,
    )

"""Which pin of which board carries which signal.

The board files of the firmware decide where they exist; `PLAN` holds the pins that were chosen for
each chip (ADC pins that work beside Wi-Fi, no strapping pins, none that pulse at boot).
"""

from collections.abc import Iterator
from pathlib import Path
import re

import yaml

FOLDER = Path(__file__).parents[1] / "esphome" / "boards"

WAND_SIGNALS = {
    "pwm": "set point, PWM 19.53 kHz",
    "pos": "direction: positive half",
    "neg": "direction: negative half",
    "enable": "supply and output relay",
    "watchdog": "pulses for the watchdog gate",
    "contact_out": "square wave of the contact sense",
    "latch": "latch, open drain; low is latched",
    "charger": "high while the charger is plugged in; a broken wire counts as plugged in",
    "button": "button to ground; it also clears the latch",
    "buzzer": "buzzer: time to move on",
    "sda": "clock, I²C data",
    "scl": "clock, I²C clock",
    "sensed_current": "sensed current, 1.65 V at zero",
    "electrode_voltage": "voltage of electrode 1",
    "contact": "contact before a start",
    "thermistor": "thermistor",
}
MASK_SIGNALS = {
    "red": "gate of red",
    "near_infrared": "gate of near-infrared",
    "indicator": "red indicator",
    "watchdog": "pulses for the watchdog gate",
    "worn": "worn switch to ground",
    "button": "button to ground",
    "thermistor": "thermistor",
}
SIGNALS = {"wand": WAND_SIGNALS, "mask": MASK_SIGNALS}


def _plan(signals: dict[str, str], pins: str) -> dict[str, str]:
    return dict(zip(signals, (f"GPIO{pin}" for pin in pins.split()), strict=True))


PLAN = {
    "wand-esp32": _plan(WAND_SIGNALS, "25 32 33 27 18 26 23 13 4 19 21 22 36 39 34 35"),
    "wand-esp32s3": _plan(WAND_SIGNALS, "6 7 15 16 17 14 8 9 10 11 12 13 1 2 4 5"),
    "wand-esp32c6": _plan(WAND_SIGNALS, "18 19 20 21 22 23 10 11 7 2 17 16 0 1 3 6"),
    "mask-esp32": _plan(MASK_SIGNALS, "18 19 21 22 32 33 34"),
    "mask-esp32s3": _plan(MASK_SIGNALS, "6 7 15 17 8 10 5"),
    "mask-esp32c3": _plan(MASK_SIGNALS, "5 6 7 10 3 1 0"),
    "mask-esp32c6": _plan(MASK_SIGNALS, "18 19 20 22 10 7 6"),
}

# What the board files call a signal.
NAMES = {
    "amplitude": "pwm",
    "set_point": "pwm",
    "current": "pwm",
    "positive": "pos",
    "negative": "neg",
    "comparator": "latch",
    "contact_source": "contact_out",
    "contact_sense": "contact_out",
    "contact_impedance": "contact",
    "contact_adc": "contact",
    "thermistor_voltage": "thermistor",
    "temperature": "thermistor",
    "current_adc": "sensed_current",
    "voltage": "electrode_voltage",
    "voltage_adc": "electrode_voltage",
    "front_button": "button",
    "worn_sensor": "worn",
    "charging": "charger",
}
# Signals of this circuit that a board file doesn't have yet. A test fails as soon as it has.
NOT_YET = {"wand-esp32": {"contact_out", "electrode_voltage"}}


class UnknownSignalError(Exception):
    """Raised when a board file uses a pin for something that the circuit doesn't have."""


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # PyYAML ships no types
    """Read ESPHome's tags as plain values."""


def _any_tag(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> object:
    del suffix
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True)


_Loader.add_multi_constructor("!", _any_tag)


def _found(node: object, name: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, list):
        for one in node:
            yield from _found(one, name)
        return
    if not isinstance(node, dict):
        return
    scope = str(node.get("channel") or node.get("id") or name)
    for key, value in node.items():
        label = key if key in {"sda", "scl"} or key.endswith("_pin") else scope
        if isinstance(value, str | int) and re.fullmatch(r"GPIO\d+", str(value)):
            yield label.removesuffix("_pin"), str(value)
        elif isinstance(value, dict | list):
            yield from _found(value, label if key.endswith("_pin") else scope)


def board_file(board: str) -> Path:
    """Return where the firmware keeps a board."""
    return FOLDER / f"{board}.yaml"


def read_pins(board: str) -> dict[str, str]:
    """Return the pins of a board file by signal; raise `UnknownSignalError` for any other use."""
    text = board_file(board).read_text()
    content = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader with plain tags
    values = content.pop("substitutions", {})
    flat = re.sub(r"\$\{(\w+)\}", lambda match: str(values.get(match[1], match[0])), text)
    content = yaml.load(flat, Loader=_Loader)  # noqa: S506
    content.pop("substitutions", None)
    pins: dict[str, str] = {}
    signals = SIGNALS[board.partition("-")[0]]
    for label, pin in _found(content, ""):
        signal = NAMES.get(label, label)
        if signal not in signals:
            message = f"{board}: {label} at {pin} is no signal of the circuit"
            raise UnknownSignalError(message)
        pins[signal] = pin
    return {signal: pins[signal] for signal in signals if signal in pins}


def pins(board: str) -> dict[str, str]:
    """Return the pins of a board: of its file, else as planned."""
    return read_pins(board) if board_file(board).exists() else PLAN[board]


def boards() -> list[str]:
    """Return all boards, those of the firmware and those that are planned."""
    shipped = {path.stem for path in FOLDER.glob("*.yaml")}
    return sorted(shipped | set(PLAN), key=lambda board: (board.split("-")[0], len(board), board))

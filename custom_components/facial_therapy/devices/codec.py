"""Decode the messages of the device contract (docs/device-contract.md) into our units."""

from binascii import crc_hqx
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

from ..core.device import Device, EyeShield, NodeState, ProfileCounters, Telemetry
from ..core.limits import TEMPERATURE_STOP_C
from ..core.model import ByChannel, Channel, Dose, Fault, Grade, Modality, Outcome
from ..core.refusal import Reason, Refusal
from .port import Answer, HistoryEntry

NUMBERS: Final[Mapping[Channel, int]] = {
    Channel.RED: 1,
    Channel.NEAR_INFRARED: 2,
    Channel.BLUE: 3,
    Channel.AMBER: 4,
}
CURRENT_NUMBER: Final = 5
"""The wand's place in lists of channels."""
CONTRACT_MAJOR: Final = 1
HEADER: Final = (
    ("client", "string"),
    ("boot", "int"),
    ("sequence", "int"),
    ("not_after_ms", "int"),
)
NOT_AFTER_MS: Final = 1500
"""How long a command is good for; the node refuses more than 2000."""
KEY_UNITS: Final[Mapping[str, tuple[str, float, str]]] = {
    "duration_s": ("duration_s", 1, "s"),
    "window_s": ("window_s", 1, "s"),
    "peak_ua": ("current_ua", 1, "µA"),
    "level_ua": ("current_ua", 1, "µA"),
    "peaks_uw_cm2": ("channels", 1000, "mW/cm²"),
    "levels_uw_cm2": ("channels", 1000, "mW/cm²"),
    "budgets_uj_cm2": ("channels", 1_000_000, "J/cm²"),
    "budget_uc": ("current_ua", 60_000, "mA·min"),
}
"""The node's word of an argument -> (ours, divisor, unit)."""

_CHANNELS: Final[Mapping[int, Channel]] = {number: channel for channel, number in NUMBERS.items()}
_MASK: Final = (("channels", "int[]"), ("peaks_uw_cm2", "int[]"), ("budgets_uj_cm2", "int[]"))
_WAND: Final = (("peak_ua", "int"), ("period_us", "int"), ("zone_s", "int"), ("budget_uc", "int"))
_START: Final = (
    *HEADER,
    ("session", "string"),
    ("resume_key", "string"),
    ("last_record", "int"),
    ("profile", "int"),
    ("skin_permille", "int"),
    ("duration_s", "int"),
    ("lease_ms", "int"),
    ("window_s", "int"),
    ("epoch_s", "int"),
)
_NAMED: Final = (*HEADER, ("session", "string"))
_COMMON: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "renew_lease": (*_NAMED, ("stamp_ms", "int")),
    "pause_session": _NAMED,
    "resume_session": _NAMED,
    "adopt_session": (*_NAMED, ("resume_key", "string")),
    "stop_session": (),
    "clear_fault": (*HEADER, ("fault", "string")),
    "read_history": (*HEADER, ("record", "int"), ("profile", "int")),
    "enroll_profile": (*HEADER, ("profile", "int")),
    "read_profile": (*HEADER, ("profile", "int")),
}
ACTIONS: Final[Mapping[Modality, Mapping[str, tuple[tuple[str, str], ...]]]] = {
    Modality.MASK: {
        **_COMMON,
        "start_session": (*_START, *_MASK),
        "set_levels": (*_NAMED, ("channels", "int[]"), ("levels_uw_cm2", "int[]")),
    },
    Modality.WAND: {
        **_COMMON,
        "start_session": (*_START, *_WAND),
        "set_levels": (*_NAMED, ("level_ua", "int")),
    },
}
"""Name, order and type of every argument, compared with the node at connect: a call with another
list gets no answer at all."""


class LineError(ValueError):
    """A line has no or a wrong checksum, or lacks a key; it counts as not received."""


def checksum(line: str) -> str:
    """Return CRC-16/CCITT-FALSE of a line as four upper-case hex digits."""
    return f"{crc_hqx(line.encode(), 0xFFFF):04X}"


def parse(line: str) -> dict[str, str]:
    """Return the keys and values of a line; absent values (`-`) are left out.

    Raises:
        LineError: The checksum is missing or wrong, or a word is not `key=value`.
    """
    body, separator, crc = line.rpartition(" crc=")
    if not separator or checksum(body) != crc:
        message = "wrong checksum"
        raise LineError(message)
    pairs = [word.partition("=") for word in body.split(" ")]
    if any(not equals for _, equals, _ in pairs):
        message = "not key=value"
        raise LineError(message)
    return {key: value for key, _, value in pairs if value != "-"}


def since_ms(now_ms: int, then_ms: int) -> int:
    """Return the signed difference of two node uptimes, which are modulo 2^32."""
    return signed(now_ms - then_ms)


def signed(uptime_ms: int) -> int:
    """Return 32 bits of uptime as the signed integer that goes over the wire."""
    return (uptime_ms & 0xFFFF_FFFF) - ((uptime_ms & 0x8000_0000) << 1)


def answer(values: Mapping[str, str]) -> Answer:
    """Return what the fields of every answer say.

    Raises:
        LineError: A field is missing or is no number.
    """
    try:
        return Answer(
            boot=int(values["boot"]),
            uptime_ms=int(values["uptime_ms"]),
            state=NodeState(values["state"]),
            session_id=values.get("session"),
            record=int(values["record"]),
        )
    except (KeyError, ValueError) as error:
        raise LineError(str(error)) from error


def refusal(values: Mapping[str, str], received_at: datetime) -> Refusal:
    """Return why the node refused, in our words and units.

    A reason that we do not know becomes `wrong_state`, with the node's own word as its detail.
    """
    try:
        reason = Reason(values.get("reason", ""))
    except ValueError:
        return Refusal(reason=Reason.WRONG_STATE, detail=values.get("reason", ""))
    word = values.get("field")
    field, divisor, unit = KEY_UNITS.get(word or "", (word, 1, ""))
    try:
        minimum, maximum = (
            None if (text := values.get(key)) is None else int(text) / divisor
            for key in ("minimum", "maximum")
        )
        wait_s = values.get("wait_s")
        allowed_at = None if wait_s is None else received_at + timedelta(seconds=int(wait_s))
    except ValueError, OverflowError:
        minimum = maximum = allowed_at = None
    if (
        reason is Reason.TOO_HOT and maximum is None
    ):  # the node says it without the number, which is the same in every firmware
        maximum, unit = TEMPERATURE_STOP_C, "°C"
    return Refusal(
        reason=reason,
        field=field,
        minimum=minimum,
        maximum=maximum,
        unit=unit,
        detail=word or "",
        allowed_at=allowed_at,
    )


def _numbered(text: str | None, divisor: float) -> dict[int, float]:
    """Return `number:value` pairs as numbers in our units."""
    pairs = (pair.partition(":") for pair in (text or "").split(",") if pair)
    return {int(number): int(value) / divisor for number, _, value in pairs}


def _by_channel(text: str | None, divisor: float) -> ByChannel:
    return {
        _CHANNELS[number]: value
        for number, value in _numbered(text, divisor).items()
        if number in _CHANNELS
    }


def _dose(text: str | None) -> Dose:
    return Dose(
        fluence_j_cm2=_by_channel(text, 1_000_000),
        charge_ma_min=_numbered(text, 60_000).get(CURRENT_NUMBER, 0),
    )


def _fault(word: str | None) -> Fault | None:
    if word is None:
        return None
    try:
        return Fault(word)
    except ValueError:
        return Fault.UNKNOWN


def _profiles(text: str) -> tuple[int, int]:
    """Return `count:generation`."""
    count, _, generation = text.partition(":")
    return int(count), int(generation)


def _refuses(values: Mapping[str, str], received_at: datetime) -> tuple[Refusal, ...]:
    """Return `reason:wait_s,...` as refusals; 0 s means that time alone does not help."""
    refuses = []
    for pair in values.get("refuses", "").split(","):
        if not pair:
            continue
        reason, _, wait_s = pair.partition(":")
        if reason == Reason.FAULTED and "fault" not in values:
            reason = Reason.STILL_WORN.value  # a start would latch the sensor as stuck
        fault = {"field": values["fault"]} if reason == Reason.FAULTED else {}
        wait = {"wait_s": wait_s} if int(wait_s) else {}
        refuses.append(refusal({"reason": reason, **fault, **wait}, received_at))
    return tuple(refuses)


def telemetry(values: Mapping[str, str], received_at: datetime) -> Telemetry:
    """Return one report of the node.

    Raises:
        LineError: A field is missing, is no number, or is a state that we do not know: unknown is
            unsafe, it counts as no report.
    """
    try:
        return Telemetry(
            received_at=received_at,
            number=int(values["telemetry"]),
            boot=int(values["boot"]),
            uptime_ms=int(values["uptime_ms"]),
            state=NodeState(values["state"]),
            session_id=values.get("session"),
            record=int(values["record"]),
            worn=None if (worn := values.get("worn")) is None else worn == "1",
            temperature_c=None
            if (temperature := values.get("temperature_cc")) is None
            else int(temperature) / 100,
            impedance_ohm=None
            if (impedance := values.get("impedance_ohm")) is None
            else int(impedance),
            charging=values.get("charging") == "1",
            fault=_fault(values.get("fault")),
            cause=values.get("cause"),
            output_s=int(values.get("output_ms", 0)) / 1000,
            left_s=int(values.get("left_ms", 0)) / 1000,
            lease_s=int(values.get("lease_ms", 0)) / 1000,
            window_s=int(values.get("window_ms", 0)) / 1000,
            level_mw_cm2=_by_channel(values.get("levels"), 1000),
            level_ua=_numbered(values.get("levels"), 1).get(CURRENT_NUMBER, 0),
            zone=None if (zone := values.get("zone")) is None else int(zone),
            delivered=_dose(values.get("delivered")),
            button=values.get("button") == "1",
            profiles=_profiles(values["profiles"]),
            refuses=_refuses(values, received_at),
            needs_button=values.get("needs_button") == "1",
        )
    except (KeyError, ValueError) as error:
        raise LineError(str(error)) from error


def description(values: Mapping[str, str]) -> Device:
    """Return what a node says of itself.

    Raises:
        LineError: A field is missing or has no known value.
    """
    try:
        major, _, minor = values["contract"].partition(".")
        return Device(
            modality=Modality(values["modality"]),
            contract=(int(major), int(minor)),
            firmware=values["firmware"],
            grade=Grade(values["grade"]),
            uncertainty=int(values["uncertainty_permille"]) / 1000,
            full_mw_cm2=_by_channel(values.get("full_uw_cm2"), 1000),
            peak_mw_cm2=_by_channel(values.get("peaks"), 1000),
            peak_ua=_numbered(values.get("peaks"), 1).get(CURRENT_NUMBER, 0),
            eye_shield=EyeShield(values.get("eye_shield", "none")),
            worn_sensor=values.get("worn_sensor") == "1",
            contact_area_mm2=float(values.get("contact_area_mm2", 0)),
            duration_s=float(values["duration_s"]),
        )
    except (KeyError, ValueError) as error:
        raise LineError(str(error)) from error


def history_entry(values: Mapping[str, str]) -> HistoryEntry:
    """Return one record of the node.

    Raises:
        LineError: A field is missing or is no number.
    """
    word = values.get("outcome", "")
    try:
        return HistoryEntry(
            number=int(values["entry"]),
            session_id=values.get("entry_session"),
            of_profile=values["of_profile"] == "1",
            planned=_dose(values.get("planned")),
            delivered=_dose(values.get("delivered")),
            output_s=int(values.get("output_ms", 0)) / 1000,
            outcome=None
            if word in ("open", "commissioned", "reset")
            else Outcome.UNCERTAIN
            if word == "unclosed"
            else Outcome(word),
            age_s=None if (age := values.get("age_s")) is None else float(age),
        )
    except (KeyError, ValueError) as error:
        raise LineError(str(error)) from error


def profile_counters(
    values: Mapping[str, str], modality: Modality, received_at: datetime
) -> ProfileCounters:
    """Return what the node has counted for one person.

    Raises:
        LineError: A field is missing or is no number.
    """
    try:
        day, week, blue = (int(values[key]) for key in ("dose_day", "dose_week", "blue_week"))
        mask = modality is Modality.MASK
        return ProfileCounters(
            profile=int(values["profile"]),
            fluence_day_j_cm2=day / 1_000_000 if mask else 0,
            fluence_week_j_cm2=week / 1_000_000 if mask else 0,
            blue_week_j_cm2=blue / 1_000_000 if mask else 0,
            charge_day_ma_min=0 if mask else day / 60_000,
            charge_week_ma_min=0 if mask else week / 60_000,
            sessions_day=int(values["sessions_day"]),
            sessions_week=int(values["sessions_week"]),
            rest_s=int(values["rest_s"]),
            rest_blue_s=int(values["rest_blue_s"]),
            last_used=values["last_used"] == "1",
            refuses=_refuses(values, received_at),
            read_at=received_at,
        )
    except (KeyError, ValueError) as error:
        raise LineError(str(error)) from error

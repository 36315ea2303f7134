"""What the config entry of a person stores: eligibility, skin type, options and custom programs.

Protective data that cannot be read counts as the strictest there is: an unknown skin type, and
nobody has answered the screening. Options that cannot be read are the defaults.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from ..const import CONF_SKIN_BEFORE, CONF_SKIN_LOOSENED_AT, CONF_SKIN_TYPE
from ..core.gate.choices import Choice, Skin
from ..core.model import Channel, Modality, SkinType
from ..core.person import Eligibility
from ..core.recipes import Current, Light, Program
from .codec import decode, encode
from .fields import MalformedError

# --- eligibility ----------------------------------------------------------------------------------


def eligibility_out(eligibility: Eligibility) -> dict[str, Any]:
    """Return a person's eligibility as JSON. It holds verdicts and dates, no answer."""
    data: dict[str, Any] = encode(eligibility)
    return data


def eligibility_in(data: object) -> Eligibility:
    """Return a person's eligibility; one that is missing or malformed allows nothing."""
    with suppress(MalformedError):
        return decode(Eligibility, data)
    return Eligibility()


def eligibility_is_damaged(data: object) -> bool:
    """Return whether stored data is no eligibility; an empty one was never answered."""
    try:
        decode(Eligibility, data)
    except MalformedError:
        return data != {}
    return False


# --- skin type and options ------------------------------------------------------------------------


def skin_out(skin: Skin) -> dict[str, Any]:
    """Return a skin type as JSON, to be merged into the data of the entry."""
    return {
        CONF_SKIN_TYPE: encode(skin.wanted),
        CONF_SKIN_BEFORE: encode(skin.before),
        CONF_SKIN_LOOSENED_AT: encode(skin.loosened_at),
    }


def skin_in(data: Mapping[str, Any]) -> Skin:
    """Return the skin type in the data of an entry; unknown if it is missing or malformed."""
    stored = {
        "wanted": data.get(CONF_SKIN_TYPE),
        "before": data.get(CONF_SKIN_BEFORE, encode(SkinType.UNKNOWN)),
        "loosened_at": data.get(CONF_SKIN_LOOSENED_AT),
    }
    with suppress(MalformedError):
        return decode(Skin, stored)
    return Skin()


def choice_out(choice: Choice) -> dict[str, Any]:
    """Return the chosen options as JSON."""
    data: dict[str, Any] = encode(choice)
    return data


def choice_in(data: object) -> Choice:
    """Return the chosen options; the defaults if they are missing or malformed."""
    with suppress(MalformedError):
        return decode(Choice, data)
    return Choice()


# --- custom programs ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredLight:
    """A custom program for the mask, as its subentry stores it."""

    modality: Modality
    irradiance_mw_cm2: Mapping[Channel, float]
    duration_s: float
    per_week: float


@dataclass(frozen=True, slots=True, kw_only=True)
class _StoredCurrent:
    """A custom program for the wand, as its subentry stores it."""

    modality: Modality
    current_ua: float
    frequency_hz: float
    duration_s: float
    per_week: float


def program_out(program: Program) -> dict[str, Any]:
    """Return a custom program as the data of its subentry; its key is the subentry's title."""
    if (wand := program.wand) is not None:
        stored: _StoredCurrent | _StoredLight = _StoredCurrent(
            modality=Modality.WAND,
            current_ua=wand.current_ua,
            frequency_hz=wand.frequency_hz,
            duration_s=wand.duration_s,
            per_week=int(wand.per_week),
        )
    else:
        light = program.mask or Light(irradiance_mw_cm2={}, duration_s=0, per_week=0)
        stored = _StoredLight(
            modality=Modality.MASK,
            irradiance_mw_cm2=light.irradiance_mw_cm2,
            duration_s=light.duration_s,
            per_week=int(light.per_week),
        )
    data: dict[str, Any] = encode(stored)
    return data


def program_in(key: str, data: object) -> Program:
    """Return a stored custom program.

    Raises:
        MalformedError: It is not what `program_out` writes.
    """
    is_wand = isinstance(data, Mapping) and data.get("modality") == Modality.WAND
    stored = decode(_StoredCurrent, data) if is_wand else decode(_StoredLight, data)
    return program_of(key, encode(stored))


def program_of(key: str, numbers: Mapping[str, Any]) -> Program:
    """Return a custom program from its numbers, which the gate has yet to judge."""
    per_week, duration_s = _whole(numbers["per_week"]), _whole(numbers["duration_s"])
    if numbers["modality"] == Modality.WAND:
        recipe = Current(
            current_ua=_whole(numbers["current_ua"]),
            frequency_hz=numbers["frequency_hz"],
            duration_s=duration_s,
            per_week=per_week,
            per_week_starting=per_week,
        )
        return Program(key=key, custom=True, wand=recipe)
    levels = {Channel(name): level for name, level in numbers["irradiance_mw_cm2"].items()}
    light = Light(
        irradiance_mw_cm2=MappingProxyType(levels), duration_s=duration_s, per_week=per_week
    )
    return Program(key=key, custom=True, mask=light)


def _whole(number: float) -> int:
    """Return a number as an int where it is whole; any other one as it is."""
    return int(number) if float(number).is_integer() else number  # type: ignore[return-value]

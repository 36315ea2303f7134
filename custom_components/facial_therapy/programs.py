"""What a person has made themselves: subentries of their entry as values of the core."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from homeassistant.core import HomeAssistant

from .core.model import Channel, Modality
from .core.program import Current, Light, Program, Programs

PROGRAM: Final = "program"
"""Type of the subentry; its title is the key of the program."""


def program_out(program: Program) -> dict[str, Any]:
    """Return a program that a person has made as plain values."""
    if program.wand is not None:
        wand = program.wand
        numbers = {"current_ua": wand.current_ua, "frequency_hz": wand.frequency_hz, "duration_s": wand.duration_s, "per_week": int(wand.per_week)}
        return {"modality": Modality.WAND.value, **numbers}
    light = program.mask or Light(irradiance_mw_cm2={}, duration_s=0, per_week=0)
    levels = {channel.value: level for channel, level in light.irradiance_mw_cm2.items()}
    return {"modality": Modality.MASK.value, "irradiance_mw_cm2": levels, "duration_s": light.duration_s, "per_week": int(light.per_week)}


def program_in(key: str, data: Mapping[str, Any]) -> Program:
    """Return a program that a person has made.

    Raises:
        KeyError, ValueError: It is not what `program_out` writes.
    """
    if Modality(data["modality"]) is Modality.WAND:
        per_week = data["per_week"]
        numbers = {field: data[field] for field in ("current_ua", "frequency_hz", "duration_s")}
        return Program(key=key, own=True, wand=Current(**numbers, per_week=per_week, per_week_starting=per_week))
    levels = MappingProxyType({Channel(channel): level for channel, level in data["irradiance_mw_cm2"].items()})
    return Program(key=key, own=True, mask=Light(irradiance_mw_cm2=levels, duration_s=data["duration_s"], per_week=data["per_week"]))


def own_programs(hass: HomeAssistant, person_id: str) -> Programs:
    """Return what a person has made, by name, in the order in which it was made; nothing of a person who is gone."""
    if (entry := hass.config_entries.async_get_entry(person_id)) is None:
        return {}
    return {each.title: program_in(each.title, each.data) for each in entry.subentries.values() if each.subentry_type == PROGRAM}

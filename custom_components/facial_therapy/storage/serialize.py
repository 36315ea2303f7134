"""What an entry of a person keeps of them: standing and options, as JSON and back.

What cannot be read counts as not said, which is the worst: nobody starts who has not been asked.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from ..const import CONF_SKIN_BEFORE, CONF_SKIN_LOOSENED_AT, CONF_SKIN_TYPE
from ..core.gate.eligibility import Choice, Skin
from ..core.gate.resolve import Current, Light, Program
from ..core.model import Channel, Eligibility, Hold, Modality, Options, Screening, SkinType, Verdict


def eligibility_out(eligibility: Eligibility) -> dict[str, Any]:
    """Return a standing as an entry keeps it: no answer of a screening is in it."""
    return {
        "adult": eligibility.adult,
        "screenings": {
            modality.value: _screening_out(screening)
            for modality, screening in eligibility.screenings.items()
        },
        "blocks": {
            modality.value: {
                "until": block.until.isoformat(),
                "hard_until": block.hard_until.isoformat(),
            }
            for modality, block in eligibility.holds.items()
        },
        "redness_until": _time_out(eligibility.redness_until),
        "red_flag_at": _time_out(eligibility.red_flag_at),
        "not_fine_until": _time_out(eligibility.not_fine_until),
    }


def eligibility_in(data: Mapping[str, Any]) -> Eligibility:
    """Return the standing of an entry."""
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        return Eligibility(
            adult=data["adult"] is True,
            screenings={
                Modality(modality): _screening_in(screening)
                for modality, screening in data["screenings"].items()
            },
            holds={
                Modality(modality): Hold(
                    until=datetime.fromisoformat(block["until"]),
                    hard_until=datetime.fromisoformat(block["hard_until"]),
                )
                for modality, block in data["blocks"].items()
            },
            redness_until=_time_in(data["redness_until"]),
            red_flag_at=_time_in(data["red_flag_at"]),
            not_fine_until=_time_in(data["not_fine_until"]),
        )
    return Eligibility()


def _screening_out(screening: Screening) -> dict[str, Any]:
    return {
        "verdict": screening.verdict.value,
        "screened_at": screening.screened_at.isoformat(),
        "expires_at": screening.expires_at.isoformat(),
        "clinician_on": screening.clinician_on and screening.clinician_on.isoformat(),
        "blue": screening.blue,
    }


def _screening_in(data: Mapping[str, Any]) -> Screening:
    return Screening(
        verdict=Verdict(data["verdict"]),
        screened_at=datetime.fromisoformat(data["screened_at"]),
        expires_at=datetime.fromisoformat(data["expires_at"]),
        clinician_on=data["clinician_on"] and date.fromisoformat(data["clinician_on"]),
        blue=data["blue"] is True,
    )


def _time_out(time: datetime | None) -> str | None:
    return time.isoformat() if time else None


def _time_in(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def skin_out(skin: Skin) -> dict[str, Any]:
    """Return a skin type as the data of an entry."""
    return {
        CONF_SKIN_TYPE: skin.wanted.value,
        CONF_SKIN_BEFORE: skin.before.value,
        CONF_SKIN_LOOSENED_AT: _time_out(skin.loosened_at),
    }


def skin_in(data: Mapping[str, Any]) -> Skin:
    """Return the skin type in the data of an entry; without a time it holds."""
    with suppress(KeyError, TypeError, ValueError):
        return Skin(
            wanted=SkinType(data[CONF_SKIN_TYPE]),
            before=SkinType(data.get(CONF_SKIN_BEFORE, SkinType.UNKNOWN)),
            loosened_at=_time_in(data.get(CONF_SKIN_LOOSENED_AT)),
        )
    return Skin()


def choice_out(choice: Choice) -> dict[str, Any]:
    """Return a choice of options as an entry keeps it."""
    return {
        "wanted": asdict(choice.wanted),
        "before": asdict(choice.before),
        "loosened_at": _time_out(choice.loosened_at),
    }


def choice_in(data: Mapping[str, Any]) -> Choice:
    """Return the choice of an entry; none, or one that cannot be read, is the defaults."""
    with suppress(KeyError, TypeError, ValueError, AttributeError):
        return Choice(
            wanted=Options(**data["wanted"]),
            before=Options(**data["before"]),
            loosened_at=_time_in(data["loosened_at"]),
        )
    return Choice()


def program_out(program: Program) -> dict[str, Any]:
    """Return a program that a person has made as plain values."""
    if program.wand is not None:
        wand = program.wand
        numbers = {
            "current_ua": wand.current_ua,
            "frequency_hz": wand.frequency_hz,
            "duration_s": wand.duration_s,
            "per_week": int(wand.per_week),
        }
        return {"modality": Modality.WAND.value, **numbers}
    light = program.mask or Light(irradiance_mw_cm2={}, duration_s=0, per_week=0)
    levels = {channel.value: level for channel, level in light.irradiance_mw_cm2.items()}
    return {
        "modality": Modality.MASK.value,
        "irradiance_mw_cm2": levels,
        "duration_s": light.duration_s,
        "per_week": int(light.per_week),
    }


def program_in(key: str, data: Mapping[str, Any]) -> Program:
    """Return a program that a person has made.

    Raises:
        KeyError, ValueError: It is not what `program_out` writes.
    """
    if Modality(data["modality"]) is Modality.WAND:
        per_week = data["per_week"]
        numbers = {field: data[field] for field in ("current_ua", "frequency_hz", "duration_s")}
        return Program(
            key=key,
            custom=True,
            wand=Current(**numbers, per_week=per_week, per_week_starting=per_week),
        )
    levels = MappingProxyType(
        {Channel(channel): level for channel, level in data["irradiance_mw_cm2"].items()}
    )
    return Program(
        key=key,
        custom=True,
        mask=Light(
            irradiance_mw_cm2=levels, duration_s=data["duration_s"], per_week=data["per_week"]
        ),
    )

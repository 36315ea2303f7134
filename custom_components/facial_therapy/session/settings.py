"""What the switch and the lights of a device start: chosen by a person, kept over restarts."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from types import MappingProxyType
from typing import Any, Final

from homeassistant.core import HomeAssistant

from ..core import limits
from ..core.model import Channel, Modality
from ..core.recipes import BUILT_IN, NO_CUSTOM_PROGRAMS, Programs
from ..core.refusal import Reason, Refusal, RefusedError
from ..core.session_parameters import MANUAL
from ..storage.guarded_store import GuardedStore

SAVE_DELAY_S: Final = 5
FREQUENCY_HZ: Final = 8.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The next session, as chosen on the device's page."""

    program: str = "first_use"
    """Key of a program, or `MANUAL`: then the numbers below hold."""
    person_id: str | None = None
    """Config entry of the person; None: the only one there is."""
    duration_s: float = 300
    share: Mapping[Channel, float] = field(default_factory=lambda: MappingProxyType({}))
    """0 to 1 of a channel's allowed irradiance; a channel that is not named has never been set and
    counts as 1."""
    current_ua: float = limits.CURRENT_START_UA
    """Peak."""
    frequency_hz: float = FREQUENCY_HZ

    def changed(
        self,
        modality: Modality,
        custom: Programs = NO_CUSTOM_PROGRAMS,
        **changes: Any,  # noqa: ANN401 - values of any of the fields
    ) -> Settings:
        """Return the settings with changes, for somebody who has made programs of their own.

        Raises:
            RefusedError: A value is out of its bound, an unknown program, or a number while the
                program is not manual; nothing has changed.
        """
        if (program := changes.get("program")) is not None and program not in (
            MANUAL,
            *BUILT_IN,
            *custom,
        ):
            raise RefusedError(
                Refusal(reason=Reason.UNKNOWN_PROGRAM, field="program", detail=str(program))
            )
        changed = replace(self, **changes)
        if changed.program != MANUAL and not changes.keys() <= {"program", "person_id"}:
            raise RefusedError(
                Refusal(
                    reason=Reason.NOT_MANUAL,
                    field=next(iter(changes.keys() - {"program", "person_id"})),
                )
            )
        bounds = {
            "duration_s": limits.DURATION[modality].default,
            "current_ua": limits.CURRENT.default,
            "frequency_hz": limits.FREQUENCY.default,
        }
        for name, bound in bounds.items():
            if name in changes and not bound.contains(changes[name]):
                raise RefusedError(
                    Refusal(
                        reason=Reason.OUT_OF_BOUNDS,
                        field=name,
                        minimum=bound.minimum,
                        maximum=bound.maximum,
                        unit=bound.unit,
                    )
                )
        for channel, share in changes.get("share", {}).items():
            if not (isfinite(share) and 0 < share <= 1):
                raise RefusedError(
                    Refusal(
                        reason=Reason.OUT_OF_BOUNDS,
                        field=f"channels.{channel}",
                        minimum=0,
                        maximum=1,
                    )
                )
        return changed


def check(settings: Settings) -> None:
    """Refuse stored settings that no page could have set.

    Raises:
        ValueError: Which number is out of its bounds.
    """
    durations = [bounds.default for bounds in limits.DURATION.values()]
    numbers = {
        "duration_s": any(bound.contains(settings.duration_s) for bound in durations),
        "current_ua": limits.CURRENT.default.contains(settings.current_ua),
        "frequency_hz": limits.FREQUENCY.default.contains(settings.frequency_hz),
        "share": all(0 < share <= 1 for share in settings.share.values()),
    }
    for name, is_right in numbers.items():
        if not is_right:
            message = f"{name}: out of bounds"
            raise ValueError(message)


class SettingsStore(GuardedStore[Settings]):
    """Keeps the settings of one device."""

    def __init__(self, hass: HomeAssistant, entry_id: str) -> None:
        """Take the device's entry; nothing is read yet."""
        entry = hass.config_entries.async_get_entry(entry_id)
        super().__init__(
            hass,
            f"settings.{entry_id}",
            Settings,
            Settings,
            label=f"the settings of {entry_id if entry is None else entry.title}",
            check=check,
        )

    def save(self, settings: Settings) -> None:
        """Write the settings soon."""
        self.save_later(settings, SAVE_DELAY_S)

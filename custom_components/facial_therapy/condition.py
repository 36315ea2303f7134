"""Conditions on the state of a device, and on a person's evening and week.

None of them is true for a device or person that is not loaded.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, Final, Unpack, cast, override

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_OPTIONS, CONF_TARGET
from homeassistant.core import HomeAssistant
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.condition import (
    ATTR_BEHAVIOR,
    BEHAVIOR_ALL,
    BEHAVIOR_ANY,
    Condition,
    ConditionCheckParams,
    ConditionConfig,
)
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from .actions.targets import targeted_entries
from .const import CONF_KIND, KIND_DEVICE
from .core.session import SessionState
from .routines.person import all_routines

if TYPE_CHECKING:
    from .coordinator import DeviceConfigEntry, FacialTherapyCoordinator
    from .routines.person import PersonRoutines

DEVICE_CONDITIONS: Final[Mapping[str, Callable[[FacialTherapyCoordinator], bool]]] = {
    "is_running": lambda coordinator: coordinator.state is SessionState.RUNNING,
    "is_armed": lambda coordinator: coordinator.state is SessionState.ARMED,
    "is_ready": lambda coordinator: not coordinator.closed and not coordinator.data.refusals,
}
PERSON_CONDITIONS: Final[Mapping[str, Callable[[PersonRoutines], bool]]] = {
    "is_due": lambda routines: routines.due.evening is not None,
    "is_goal_reached": lambda routines: routines.due.goal_reached,
}
SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_TARGET): cv.TARGET_FIELDS,
        vol.Optional(CONF_OPTIONS, default=dict): {
            vol.Optional(ATTR_BEHAVIOR, default=BEHAVIOR_ANY): vol.In([BEHAVIOR_ANY, BEHAVIOR_ALL])
        },
    }
)


class FacialTherapyCondition(Condition):
    """A condition on the devices or people of its target."""

    key: ClassVar[str]

    @override
    @classmethod
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Validate target and options."""
        return cast("ConfigType", SCHEMA(config))

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Take the target and the options."""
        super().__init__(hass, config)
        self._target = config.target or {}
        self._all = (config.options or {}).get(ATTR_BEHAVIOR) == BEHAVIOR_ALL

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        """Return whether the condition is true for any or all targets; False without one."""
        found = [
            result
            for entry_id in targeted_entries(self._hass, self._target)
            if (result := self._is_true(entry_id)) is not None
        ]
        return bool(found) and (all(found) if self._all else any(found))

    def _is_true(self, entry_id: str) -> bool | None:
        """Return whether it is true for a device or person; None if it is for the other kind."""
        entry = self._hass.config_entries.async_get_known_entry(entry_id)
        loaded = entry.state is ConfigEntryState.LOADED
        if entry.data[CONF_KIND] == KIND_DEVICE:
            check_device = DEVICE_CONDITIONS.get(self.key)
            return (
                None
                if check_device is None
                else loaded and check_device(cast("DeviceConfigEntry", entry).runtime_data)
            )
        check_person = PERSON_CONDITIONS.get(self.key)
        return (
            None
            if check_person is None
            else loaded and check_person(all_routines(self._hass)[entry_id])
        )


def _condition(name: str) -> type[Condition]:
    return cast("type[Condition]", type(name, (FacialTherapyCondition,), {"key": name}))


CONDITIONS: Final[Mapping[str, type[Condition]]] = {
    key: _condition(key) for key in (*DEVICE_CONDITIONS, *PERSON_CONDITIONS)
}


async def async_get_conditions(_hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions."""
    return dict(CONDITIONS)

"""The conditions: what a device is doing, and how a person's evening and week stand. What is not loaded is nothing of it."""

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

OF_A_DEVICE: Final[Mapping[str, Callable[[FacialTherapyCoordinator], bool]]] = {
    "is_running": lambda shell: shell.state is SessionState.RUNNING,
    "is_armed": lambda shell: shell.state is SessionState.ARMED,
    "is_ready": lambda shell: not shell.closed and not shell.data.refusals,
}
OF_A_PERSON: Final[Mapping[str, Callable[[PersonRoutines], bool]]] = {
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
    """One of the conditions, for the devices or people of its target."""

    key: ClassVar[str]

    @override
    @classmethod
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Check target and options."""
        return cast("ConfigType", SCHEMA(config))

    def __init__(self, hass: HomeAssistant, config: ConditionConfig) -> None:
        """Take the target and the options."""
        super().__init__(hass, config)
        self._target = config.target or {}
        self._all = (config.options or {}).get(ATTR_BEHAVIOR) == BEHAVIOR_ALL

    @override
    def _async_check(self, **kwargs: Unpack[ConditionCheckParams]) -> bool:
        """Return whether it holds of any, or of all; of nobody it never does."""
        found = [
            contains
            for entry_id in targeted_entries(self._hass, self._target)
            if (contains := self._holds(entry_id)) is not None
        ]
        return bool(found) and (all(found) if self._all else any(found))

    def _holds(self, entry_id: str) -> bool | None:
        """Return whether it holds of a device or person; None for one of the other kind."""
        entry = self._hass.config_entries.async_get_known_entry(entry_id)
        loaded = entry.state is ConfigEntryState.LOADED
        if entry.data[CONF_KIND] == KIND_DEVICE:
            of_a_device = OF_A_DEVICE.get(self.key)
            return (
                None
                if of_a_device is None
                else loaded and of_a_device(cast("DeviceConfigEntry", entry).runtime_data)
            )
        of_a_person = OF_A_PERSON.get(self.key)
        return (
            None
            if of_a_person is None
            else loaded and of_a_person(all_routines(self._hass)[entry_id])
        )


def _condition(name: str) -> type[Condition]:
    return cast("type[Condition]", type(name, (FacialTherapyCondition,), {"key": name}))


CONDITIONS: Final[Mapping[str, type[Condition]]] = {
    key: _condition(key) for key in (*OF_A_DEVICE, *OF_A_PERSON)
}


async def async_get_conditions(_hass: HomeAssistant) -> dict[str, type[Condition]]:
    """Return the conditions."""
    return dict(CONDITIONS)

"""Triggers for events of sessions and of people's routines.

They respond to events, not states: without a session, no restart, reload or lost device fires one.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final, cast, override

from homeassistant.const import CONF_OPTIONS, CONF_TARGET
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.trigger import (
    Trigger,
    TriggerActionRunner,
    TriggerConfig,
    TriggerNotTriggeredReporter,
)
from homeassistant.helpers.typing import ConfigType
import voluptuous as vol

from .actions.targets import targeted_entries
from .const import SIGNAL_ROUTINE, SIGNAL_SESSION
from .core.model import Outcome

CONF_OUTCOME: Final = "outcome"
OPTIONS: Final[Mapping[str, Mapping[Any, Any]]] = {
    "session_ended": {
        vol.Optional(CONF_OUTCOME): vol.All(
            cv.ensure_list, [vol.In([outcome.value for outcome in Outcome])]
        )
    },
}
"""The options of each trigger; an option is compared with the event data of the same name."""

SESSION_TRIGGERS: Final[Mapping[str, tuple[str, ...]]] = {
    "session_armed": ("armed",),
    "session_started": ("started",),
    "session_suspended": ("suspended", "paused"),
    "session_ended": ("ended",),
    "session_refused": ("refused",),
    "session_fault": ("fault",),
    "zone_changed": ("zone",),
}
"""The events of a session that fire each trigger."""
PERSON_TRIGGERS: Final = ("routine_step", "routine_finished", "session_due", "weekly_goal_reached")


class FacialTherapyTrigger(Trigger):
    """A trigger for the devices or people of its target."""

    key: ClassVar[str]
    signal: ClassVar[str]
    events: ClassVar[tuple[str, ...]]

    @override
    @classmethod
    async def async_validate_config(cls, hass: HomeAssistant, config: ConfigType) -> ConfigType:
        """Validate target and options."""
        schema = vol.Schema(
            {
                vol.Required(CONF_TARGET): cv.TARGET_FIELDS,
                vol.Optional(CONF_OPTIONS, default=dict): OPTIONS.get(cls.key, {}),
            }
        )
        return cast("ConfigType", schema(config))

    def __init__(self, hass: HomeAssistant, config: TriggerConfig) -> None:
        """Take the target and the options."""
        super().__init__(hass, config)
        self._target = config.target or {}
        self._options = config.options or {}

    @override
    async def async_attach_runner(
        self,
        run_action: TriggerActionRunner,
        did_not_trigger: TriggerNotTriggeredReporter | None = None,
    ) -> CALLBACK_TYPE:
        """Follow events; the target is resolved at each, since devices move and labels change."""

        @callback
        def on_event(entry_id: str, event: str, data: Mapping[str, Any]) -> None:
            matches = all(data.get(option) in values for option, values in self._options.items())
            if (
                event in self.events
                and matches
                and entry_id in targeted_entries(self._hass, self._target)
            ):
                run_action(
                    {"event": event, **data},
                    f"{data['person']}: {self.key.replace('_', ' ')}",
                    Context(user_id=data.get("user_id")),
                )

        return async_dispatcher_connect(self._hass, self.signal, on_event)


def _trigger(name: str, signal: str, events: tuple[str, ...]) -> type[Trigger]:
    return cast(
        "type[Trigger]",
        type(name, (FacialTherapyTrigger,), {"key": name, "signal": signal, "events": events}),
    )


TRIGGERS: Final[Mapping[str, type[Trigger]]] = {
    **{key: _trigger(key, SIGNAL_SESSION, events) for key, events in SESSION_TRIGGERS.items()},
    **{key: _trigger(key, SIGNAL_ROUTINE, (key,)) for key in PERSON_TRIGGERS},
}


async def async_get_triggers(_hass: HomeAssistant) -> dict[str, type[Trigger]]:
    """Return the triggers."""
    return dict(TRIGGERS)

"""Subentry flow of a tracked light: a light or switch of another integration."""

from typing import Any, Final

from homeassistant.config_entries import ConfigSubentryFlow, SubentryFlowResult
from homeassistant.const import Platform
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.selector import (
    BooleanSelector,
    EntitySelector,
    EntitySelectorConfig,
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectSelector,
    SelectSelectorConfig,
)
import voluptuous as vol

from ..const import DOMAIN
from ..core.ledger.tracked_light import IRRADIANCE, longest_s
from ..core.limits import Bound
from ..core.model import Channel
from ..devices.discovery import therapy_nodes
from ..people.tracked_lights import (
    CONF_CHANNEL,
    CONF_DURATION,
    CONF_ENTITY,
    CONF_IRRADIANCE,
    CONF_SWITCH_OFF,
)

CONF_MINUTES: Final = "minutes"
MINUTE_S: Final = 60
MINUTES: Final = Bound(minimum=1, maximum=20, unit="min", source="L7")
SCHEMA: Final = vol.Schema(
    {
        vol.Required(CONF_ENTITY): EntitySelector(
            EntitySelectorConfig(domain=[Platform.LIGHT, Platform.SWITCH])
        ),
        vol.Required(CONF_CHANNEL): SelectSelector(
            SelectSelectorConfig(
                options=[channel.value for channel in Channel], translation_key="channel"
            )
        ),
        vol.Required(CONF_IRRADIANCE): NumberSelector(
            NumberSelectorConfig(
                min=IRRADIANCE.minimum,
                max=IRRADIANCE.maximum,
                step="any",
                mode=NumberSelectorMode.BOX,
                unit_of_measurement=IRRADIANCE.unit,
            )
        ),
        vol.Required(CONF_MINUTES): NumberSelector(
            NumberSelectorConfig(
                min=MINUTES.minimum,
                max=MINUTES.maximum,
                step=1,
                mode=NumberSelectorMode.BOX,
                unit_of_measurement=MINUTES.unit,
            )
        ),
        vol.Required(CONF_SWITCH_OFF, default=False): BooleanSelector(),
    }
)


class TrackedLightFlow(ConfigSubentryFlow):
    """Adds or changes a tracked light."""

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> SubentryFlowResult:
        """Add a light."""
        errors, placeholders = self._errors(user_input)
        if user_input is not None and not errors:
            data = self._data(user_input)
            return self.async_create_entry(
                title=self._title(user_input[CONF_ENTITY]), data=data, unique_id=data[CONF_ENTITY]
            )
        return self._form("user", user_input, errors, placeholders)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> SubentryFlowResult:
        """Change a light."""
        subentry = self._get_reconfigure_subentry()
        errors, placeholders = self._errors(user_input, subentry.subentry_id)
        if user_input is not None and not errors:
            data = self._data(user_input)
            title = self._title(user_input[CONF_ENTITY])
            return self.async_update_and_abort(
                self._get_entry(), subentry, title=title, data=data, unique_id=data[CONF_ENTITY]
            )
        registry = er.async_get(self.hass)
        known = dict(subentry.data)
        shown = user_input or {
            **known,
            CONF_ENTITY: er.async_resolve_entity_id(registry, known[CONF_ENTITY])
            or known[CONF_ENTITY],
            CONF_MINUTES: known[CONF_DURATION] / MINUTE_S,
        }
        return self._form("reconfigure", shown, errors, placeholders)

    def _form(
        self,
        step_id: str,
        shown: dict[str, Any] | None,
        errors: dict[str, str],
        placeholders: dict[str, str],
    ) -> SubentryFlowResult:
        schema = self.add_suggested_values_to_schema(SCHEMA, shown)
        return self.async_show_form(
            step_id=step_id,
            data_schema=schema,
            errors=errors,
            description_placeholders=placeholders,
        )

    def _errors(
        self, user_input: dict[str, Any] | None, this_id: str | None = None
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return the error of each invalid field, and the bounds in the error texts."""
        placeholders = {
            "minimum": f"{IRRADIANCE.minimum:g}",
            "maximum": f"{IRRADIANCE.maximum:g}",
            "minutes": f"{MINUTES.maximum:g}",
        }
        if user_input is None:
            return {}, placeholders
        errors = {}
        if problem := self._entity_problem(user_input[CONF_ENTITY], this_id):
            errors[CONF_ENTITY] = problem
        irradiance, minutes = user_input[CONF_IRRADIANCE], user_input[CONF_MINUTES]
        if not IRRADIANCE.contains(irradiance):
            errors[CONF_IRRADIANCE] = "irradiance_bounds"
        elif not MINUTES.contains(minutes) or minutes * MINUTE_S > longest_s(
            Channel(user_input[CONF_CHANNEL]), irradiance
        ):
            most = min(
                MINUTES.maximum,
                longest_s(Channel(user_input[CONF_CHANNEL]), irradiance) // MINUTE_S,
            )
            placeholders["minutes"] = f"{most:g}"
            errors[CONF_MINUTES] = "minutes_bounds" if most >= MINUTES.minimum else "too_bright"
        return errors, placeholders

    def _entity_problem(self, entity_id: str, this_id: str | None) -> str | None:
        """Return why an entity can't be tracked: unknown, one of ours, or tracked already."""
        registered = er.async_get(self.hass).async_get(entity_id)
        if registered is None and self.hass.states.get(entity_id) is None:
            return "unknown_light"
        if entity_id.partition(".")[0] not in (Platform.LIGHT, Platform.SWITCH):
            return "unknown_light"
        governed = {node.esphome_entry_id for node in therapy_nodes(self.hass)}
        if registered is not None and (
            registered.platform == DOMAIN or registered.config_entry_id in governed
        ):
            return "governed_light"
        reference = registered.id if registered is not None else entity_id
        others = [
            subentry
            for subentry in self._get_entry().subentries.values()
            if subentry.subentry_id != this_id
        ]
        return (
            "already_tracked"
            if any(subentry.unique_id == reference for subentry in others)
            else None
        )

    def _data(self, user_input: dict[str, Any]) -> dict[str, Any]:
        registered = er.async_get(self.hass).async_get(user_input[CONF_ENTITY])
        return {
            CONF_ENTITY: registered.id if registered is not None else user_input[CONF_ENTITY],
            CONF_CHANNEL: user_input[CONF_CHANNEL],
            CONF_IRRADIANCE: user_input[CONF_IRRADIANCE],
            CONF_DURATION: user_input[CONF_MINUTES] * MINUTE_S,
            CONF_SWITCH_OFF: user_input[CONF_SWITCH_OFF],
        }

    def _title(self, entity_id: str) -> str:
        state = self.hass.states.get(entity_id)
        return state.name if state is not None else entity_id

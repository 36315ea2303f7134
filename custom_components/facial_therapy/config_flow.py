"""Config flow: add and reconfigure devices, which are nodes of ESPHome, and people."""

from typing import Any, Final, cast, override

from homeassistant.config_entries import (
    SOURCE_USER,
    ConfigEntry,
    ConfigEntryState,
    ConfigFlowResult,
    ConfigSubentryFlow,
    FlowType,
)
from homeassistant.const import CONF_NAME
from homeassistant.core import callback
from homeassistant.helpers.device_registry import format_mac
from homeassistant.helpers.selector import SelectOptionDict, SelectSelector, SelectSelectorConfig
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
import voluptuous as vol

from .const import (
    CONF_CHANNELS,
    CONF_KIND,
    CONF_MAC,
    CONF_MODALITY,
    DOMAIN,
    KIND_DEVICE,
    KIND_PERSON,
)
from .coordinator import DeviceConfigEntry
from .core.device import Device
from .devices.channel import async_probe
from .devices.discovery import therapy_nodes
from .devices.port import DeviceError, Problem
from .flows.options import PersonOptionsFlow
from .flows.person import GUIDE, PersonSteps
from .flows.program import ProgramFlow
from .flows.routine import RoutineFlow
from .flows.tracked_light import TrackedLightFlow
from .people.programs import PROGRAM
from .people.routines import ROUTINE
from .people.tracked_lights import TRACKED_LIGHT

ADD_PERSON: Final = {CONF_KIND: KIND_PERSON}
"""Starts a flow at the person step, without the menu."""


class FacialTherapyConfigFlow(PersonSteps, domain=DOMAIN):
    """Adds or reconfigures a device or a person."""

    VERSION = 1
    MINOR_VERSION = 2
    """Version 1.1 had only names of people; nobody was screened."""

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> PersonOptionsFlow:
        """Return the options flow of a person."""
        return PersonOptionsFlow()

    @classmethod
    @callback
    @override
    def async_supports_options_flow(cls, config_entry: ConfigEntry) -> bool:
        """Return whether an entry has options: people have, devices have not."""
        return config_entry.data.get(CONF_KIND) == KIND_PERSON

    _mac: str
    _name: str
    """The name that the discovered node announces."""

    @override
    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what to add."""
        if user_input == ADD_PERSON:
            return await self.async_step_person()
        return self.async_show_menu(step_id="user", menu_options=["device", "person"])

    @classmethod
    @callback
    @override
    def async_get_supported_subentry_types(
        cls, config_entry: ConfigEntry
    ) -> dict[str, type[ConfigSubentryFlow]]:
        """Return what can be added to a person."""
        return (
            {PROGRAM: ProgramFlow, ROUTINE: RoutineFlow, TRACKED_LIGHT: TrackedLightFlow}
            if config_entry.data.get(CONF_KIND) == KIND_PERSON
            else {}
        )

    # --- devices ----------------------------------------------------------------------------------

    async def async_step_device(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask which node of ESPHome to add."""
        errors: dict[str, str] = {}
        placeholders: dict[str, str] = {}
        if user_input is not None:
            mac = user_input[CONF_MAC]
            # A discovery flow of the same node may be open; this entry ends it.
            await self.async_set_unique_id(mac, raise_on_progress=False)
            self._abort_if_unique_id_configured()
            try:
                return await self._async_create_device(mac, mac, await async_probe(self.hass, mac))
            except DeviceError as error:
                errors, placeholders = {"base": error.problem.value}, error.placeholders
        added = self._async_current_ids(include_ignore=False)
        nodes = [
            SelectOptionDict(value=node.mac, label=node.name)
            for node in therapy_nodes(self.hass)
            if node.mac not in added
        ]
        if not nodes:
            return self.async_abort(reason="no_nodes")
        schema = vol.Schema(
            {vol.Required(CONF_MAC): SelectSelector(SelectSelectorConfig(options=nodes))}
        )
        return self.async_show_form(
            step_id="device",
            data_schema=self.add_suggested_values_to_schema(schema, user_input),
            errors=errors,
            description_placeholders=placeholders,
        )

    @override
    async def async_step_zeroconf(self, discovery_info: ZeroconfServiceInfo) -> ConfigFlowResult:
        """Handle a discovered node of our project."""
        if not (mac := discovery_info.properties.get("mac")):
            return self.async_abort(reason="no_mac")
        self._mac = format_mac(mac)
        await self.async_set_unique_id(self._mac)
        self._abort_if_unique_id_configured()
        self._name = discovery_info.properties.get(
            "friendly_name"
        ) or discovery_info.hostname.removesuffix(".local.")
        self.context["title_placeholders"] = {CONF_NAME: self._name}
        return await self.async_step_discovery_confirm()

    async def async_step_discovery_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Add the discovered node, as soon as ESPHome has it.

        The form stays open until then, because an aborted discovery is not repeated.
        """
        errors: dict[str, str] = {}
        placeholders = {"device": self._name}
        if user_input is not None:
            try:
                return await self._async_create_device(
                    self._mac, self._name, await async_probe(self.hass, self._mac)
                )
            except DeviceError as error:
                errors = {"base": error.problem.value}
                placeholders |= error.placeholders
        return self.async_show_form(
            step_id="discovery_confirm", errors=errors, description_placeholders=placeholders
        )

    async def _async_create_device(
        self, mac: str, fallback: str, device: Device
    ) -> ConfigFlowResult:
        """Create the entry of a device, and continue with the first person if there is none."""
        title = next((node.name for node in therapy_nodes(self.hass) if node.mac == mac), fallback)
        next_flow = None
        if not any(
            entry.data.get(CONF_KIND) == KIND_PERSON for entry in self._async_current_entries()
        ):
            person = await self.hass.config_entries.flow.async_init(
                DOMAIN, context={"source": SOURCE_USER}, data=ADD_PERSON
            )
            next_flow = (FlowType.CONFIG_FLOW, person["flow_id"])
        return self.async_create_entry(
            title=title,
            data={CONF_KIND: KIND_DEVICE, CONF_MAC: mac, **_described(device)},
            next_flow=next_flow,
        )

    # --- reconfiguring ----------------------------------------------------------------------------

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the menu of a person, or read the description of a device again."""
        if user_input == GUIDE:
            return await self.async_step_first_plan()
        if self._get_reconfigure_entry().data[CONF_KIND] == KIND_PERSON:
            return self._person_menu()
        return await self.async_step_refresh()

    async def async_step_refresh(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Read the description of a device again, after a change of its firmware."""
        entry = cast("DeviceConfigEntry", self._get_reconfigure_entry())
        errors: dict[str, str] = {}
        placeholders = {"device": entry.title}
        if user_input is not None:
            try:
                device = await async_probe(self.hass, entry.data[CONF_MAC])
            except DeviceError as error:
                errors = {"base": error.problem.value}
                placeholders |= error.placeholders
            else:
                if device.modality != entry.data[CONF_MODALITY]:
                    errors = {"base": Problem.WRONG_DEVICE.value}
                    placeholders["name"] = entry.title
                elif entry.state is ConfigEntryState.LOADED and entry.runtime_data.live is not None:
                    errors = {"base": "busy"}  # reloading would end the session
                else:
                    return self.async_update_reload_and_abort(
                        entry,
                        data_updates=_described(device),
                        reload_even_if_entry_is_unchanged=False,
                    )
        return self.async_show_form(
            step_id="refresh", errors=errors, description_placeholders=placeholders
        )


def _described(device: Device) -> dict[str, Any]:
    """Return the description in an entry, so that the entities stay while the device is off."""
    return {
        CONF_MODALITY: device.modality.value,
        CONF_CHANNELS: [channel.value for channel in device.full_mw_cm2],
    }

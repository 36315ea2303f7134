"""Selects: program and person of a device's next session, and the plan of a person."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, cast, override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback
from homeassistant.util import dt as dt_util

from .const import CONF_KIND, DOMAIN, KIND_PERSON
from .coordinator import DeviceConfigEntry, FacialTherapyCoordinator
from .core.recipes import BUILT_IN
from .core.refusal import RefusedError
from .entity import (
    FacialTherapyDescription,
    FacialTherapyEntity,
    PersonDescription,
    RoutineEntity,
    always,
)
from .people.programs import custom_programs
from .people.registry import PersonConfigEntry, find_person, person_entries
from .text.errors import translated_errors

PARALLEL_UPDATES = 0  # the coordinator puts commands in order


@dataclass(frozen=True, kw_only=True)
class FacialTherapySelectDescription(SelectEntityDescription, FacialTherapyDescription):
    """A select of a device."""

    available_fn: Callable[..., bool] = always
    options_fn: Callable[[FacialTherapyCoordinator], list[str]]
    value_fn: Callable[[FacialTherapyCoordinator], str | None]
    select_fn: Callable[[FacialTherapyCoordinator, str], Awaitable[None]]


def _person(coordinator: FacialTherapyCoordinator) -> str | None:
    try:
        return find_person(coordinator.hass, coordinator.data.settings.person_id).name
    except RefusedError:  # no person, none chosen of several, or the chosen one was removed
        return None


DESCRIPTIONS: Final = (
    FacialTherapySelectDescription(
        key="program",
        options_fn=lambda coordinator: coordinator.controls.programs,
        value_fn=lambda coordinator: coordinator.data.settings.program,
        select_fn=lambda coordinator, option: coordinator.async_set(program=option),
    ),
    FacialTherapySelectDescription(
        key="person",
        options_fn=lambda coordinator: [entry.title for entry in person_entries(coordinator.hass)],
        value_fn=_person,
        select_fn=lambda coordinator, option: coordinator.async_set(person_id=option),
    ),
)


@dataclass(frozen=True, kw_only=True)
class PersonSelectDescription(SelectEntityDescription, PersonDescription):
    """A select of a person."""


NO_PLAN: Final = "none"
PLAN: Final = PersonSelectDescription(key="plan", entity_registry_enabled_default=False)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: DeviceConfigEntry | PersonConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the selects of a device or a person."""
    if entry.data[CONF_KIND] == KIND_PERSON:
        async_add_entities([PlanSelect(cast("PersonConfigEntry", entry), PLAN)])
    else:
        async_add_entities(
            SettingSelect(cast("DeviceConfigEntry", entry).runtime_data, description)
            for description in DESCRIPTIONS
        )


class PlanSelect(RoutineEntity, SelectEntity):
    """The program of a person's plan."""

    entity_description: PersonSelectDescription

    @property
    @override
    def options(self) -> list[str]:
        """Return no plan, the built-in programs and the person's custom programs."""
        return [NO_PLAN, *BUILT_IN, *custom_programs(self.hass, self.entry.entry_id)]

    @property
    @override
    def current_option(self) -> str:
        """Return the program of today's plan."""
        plan = self.routines.plan.weekly_plan.on(dt_util.now().date())
        return NO_PLAN if plan is None or not plan.evenings else plan.program

    @override
    async def async_select_option(self, option: str) -> None:
        """Change the program from today on the same evenings, or pause the plan."""
        with translated_errors():
            await self.routines.plan.async_choose(None if option == NO_PLAN else option)


class SettingSelect(FacialTherapyEntity, SelectEntity):
    """A setting of the next session."""

    entity_description: FacialTherapySelectDescription

    @property
    @override
    def options(self) -> list[str]:
        """Return the programs or people."""
        return self.entity_description.options_fn(self.coordinator)

    @property
    @override
    def current_option(self) -> str | None:
        """Return the selected one."""
        return self.entity_description.value_fn(self.coordinator)

    @override
    async def async_select_option(self, option: str) -> None:
        """Change the setting."""
        with translated_errors():
            await self.entity_description.select_fn(self.coordinator, option)

    @override
    async def async_added_to_hass(self) -> None:
        """Follow people who are added, removed or renamed."""
        await super().async_added_to_hass()
        self.async_on_remove(
            async_dispatcher_connect(self.hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._entry_changed)
        )

    @callback
    def _entry_changed(self, _change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain == DOMAIN:
            self.async_write_ha_state()

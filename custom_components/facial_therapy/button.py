"""Buttons: stop, confirm and resume on a device, and the steps of a person's routine."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, cast, override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .const import CONF_KIND, KIND_PERSON, LOGGER
from .coordinator import DeviceConfigEntry, FacialTherapyCoordinator
from .core.routine.transitions import RoutineEvent
from .entity import (
    FacialTherapyDescription,
    NamedEntity,
    OnlyNamed,
    PersonDescription,
    RoutineEntity,
    always,
)
from .people.registry import PersonConfigEntry
from .routines.person import PersonRoutines
from .text.errors import translated_errors

PARALLEL_UPDATES = 0  # the coordinator puts commands in order; a stop must never queue


@dataclass(frozen=True, kw_only=True)
class FacialTherapyButtonDescription(ButtonEntityDescription, FacialTherapyDescription):
    """A button of a device."""

    press_fn: Callable[[FacialTherapyCoordinator, Context | None], Awaitable[None]]
    only_named: bool = True
    """Ignore an action on `all`."""


DESCRIPTIONS: Final = (
    FacialTherapyButtonDescription(
        key="stop",
        only_named=False,
        # An action skips unavailable entities, and stop must work without a connection.
        available_fn=always,
        press_fn=lambda coordinator, context: coordinator.async_stop(context),
    ),
    FacialTherapyButtonDescription(
        key="confirm",
        entity_category=EntityCategory.CONFIG,  # so that an action on an area clears no fault
        press_fn=lambda coordinator, context: coordinator.async_confirm(context),
    ),
    FacialTherapyButtonDescription(
        key="resume",
        entity_registry_enabled_default=False,
        press_fn=lambda coordinator, context: coordinator.async_resume(context),
    ),
)


@dataclass(frozen=True, kw_only=True)
class StepButtonDescription(ButtonEntityDescription, PersonDescription):
    """A button of a person's routine or plan."""

    press_fn: Callable[[PersonRoutines, Context | None], Awaitable[object]]


STEP_DESCRIPTIONS: Final = (
    StepButtonDescription(
        key="confirm_step",
        press_fn=lambda routines, context: routines.runner.async_do(RoutineEvent.CONFIRM, context),
    ),
    StepButtonDescription(
        key="skip_step",
        press_fn=lambda routines, context: routines.runner.async_do(RoutineEvent.SKIP, context),
    ),
    StepButtonDescription(
        key="accept_next_phase",
        entity_registry_enabled_default=False,
        press_fn=lambda routines, _context: routines.plan.async_accept(),
    ),
)


async def async_setup_entry(
    _hass: HomeAssistant,
    entry: DeviceConfigEntry | PersonConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the buttons of a device or a person."""
    if entry.data[CONF_KIND] == KIND_PERSON:
        async_add_entities(
            StepButton(cast("PersonConfigEntry", entry), description)
            for description in STEP_DESCRIPTIONS
        )
    else:
        async_add_entities(
            FacialTherapyButton(cast("DeviceConfigEntry", entry).runtime_data, description)
            for description in DESCRIPTIONS
        )


class FacialTherapyButton(NamedEntity, ButtonEntity):
    """A button of a device."""

    entity_description: FacialTherapyButtonDescription

    @override
    async def async_press(self) -> None:
        """Press the button."""
        if self.entity_description.only_named and not self.meant:
            LOGGER.info("Ignored a press of %s by an action on all entities", self.entity_id)
            return
        with translated_errors():
            await self.entity_description.press_fn(self.coordinator, self._context)


class StepButton(OnlyNamed, RoutineEntity, ButtonEntity):
    """A button of a person's routine or plan."""

    entity_description: StepButtonDescription

    @override
    async def async_press(self) -> None:
        """Confirm or skip the step, or accept the next phase."""
        if not self.meant:
            LOGGER.info("Ignored a press of %s by an action on all entities", self.entity_id)
            return
        with translated_errors():
            await self.entity_description.press_fn(self.routines, self._context)

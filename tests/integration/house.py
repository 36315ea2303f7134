"""A house with a mask, a wand and a person, for routines that use both."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.coordinator import FacialTherapyCoordinator
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.routine.run import RoutineRun
from custom_components.facial_therapy.core.routine.transitions import RoutineState
from custom_components.facial_therapy.routines.person import PersonRoutines, all_routines
from tests.fake_device import MASK, WAND, FakeDevice
from tests.integration.world import PROFILE, device_entry, esphome_entry, person_entry


@dataclass(slots=True)
class House:
    """Everything that a test holds."""

    hass: HomeAssistant
    freezer: FrozenDateTimeFactory
    devices: dict[Modality, FakeDevice]
    entries: dict[Modality, MockConfigEntry]
    person: MockConfigEntry

    @property
    def routines(self) -> PersonRoutines:
        """The person's plan and routine."""
        return all_routines(self.hass)[self.person.entry_id]

    @property
    def run(self) -> RoutineRun | None:
        """The run of the person's routine."""
        return self.routines.runner.run

    def state(self) -> RoutineState:
        """The state of the run; a call, since it changes between two looks."""
        assert self.run is not None
        return self.run.state

    def coordinator(self, modality: Modality) -> FacialTherapyCoordinator:
        """The coordinator of a device."""
        coordinator: FacialTherapyCoordinator = self.entries[modality].runtime_data
        return coordinator

    @property
    def flowing(self) -> set[Modality]:
        """The devices whose output is on."""
        return {
            modality
            for modality, entry in self.entries.items()
            if (report := entry.runtime_data.telemetry) is not None and report.flowing
        }

    @property
    def results(self) -> list[str]:
        """What became of the steps so far."""
        run = self.run
        assert run is not None
        return [
            f"{run.steps[mark.index].act} {mark.result}{f' {mark.reason}' if mark.reason else ''}"
            for mark in run.marks
        ]

    async def act(self, action: str, **data: Any) -> Any:
        """Carry out one of our actions."""
        done = await self.hass.services.async_call(
            DOMAIN, action, data, blocking=True, return_response=True
        )
        await self.hass.async_block_till_done()
        return done

    async def pass_time(self, seconds: float, step_s: float = 0.5) -> None:
        """Let time pass for Home Assistant and the devices together."""
        for _ in range(round(seconds / step_s)):
            self.freezer.tick(timedelta(seconds=step_s))
            for device in self.devices.values():
                device.advance(step_s)
            async_fire_time_changed(self.hass)
            await self.hass.async_block_till_done()
            assert len(self.flowing) <= 1
        if all(
            device.connected for device in self.devices.values()
        ):  # a stop that is still being sent, or settled, comes to its end
            await self.hass.async_block_till_done(wait_background_tasks=True)

    def shown(self, platform: str, key: str) -> str:
        """What an entity of the person shows."""
        entity_id = er.async_get(self.hass).async_get_entity_id(
            platform, DOMAIN, f"{self.person.entry_id}_{key}"
        )
        assert entity_id is not None
        state = self.hass.states.get(entity_id)
        assert state is not None
        return state.state

    async def restart(self) -> None:
        """Reload the person's entry, as after a restart."""
        await self.hass.config_entries.async_reload(self.person.entry_id)
        await self.hass.async_block_till_done()


@asynccontextmanager
async def furnished(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, folder: Path
) -> AsyncGenerator[House]:
    """Load a person and both devices."""
    devices = {Modality.MASK: FakeDevice(MASK), Modality.WAND: FakeDevice(WAND)}
    for device in devices.values():
        device.profiles = [PROFILE]

    def make(_hass: HomeAssistant, _mac: str, modality: Modality) -> FakeDevice:
        return devices[modality]

    person = person_entry()
    entries = {modality: device_entry(modality) for modality in devices}
    with (
        patch("custom_components.facial_therapy.coordinator.NodeDevice", side_effect=make),
        patch("custom_components.facial_therapy.ledger_path", return_value=folder / "ledger"),
    ):
        person.add_to_hass(hass)
        assert await hass.config_entries.async_setup(person.entry_id)
        for modality, entry in entries.items():
            esphome_entry(hass, modality)
            entry.add_to_hass(hass)
            if entry.state.value == "not_loaded":
                await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        yield House(hass, freezer, devices, entries, person)

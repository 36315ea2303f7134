"""Home Assistant with one fake device and one person, on a clock that the tests move."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.facial_therapy.config_flow import FacialTherapyConfigFlow
from custom_components.facial_therapy.const import (
    CONF_CHANNELS,
    CONF_ELIGIBILITY,
    CONF_KIND,
    CONF_MAC,
    CONF_MODALITY,
    CONF_PROFILE,
    DOMAIN,
    KIND_DEVICE,
    KIND_PERSON,
)
from custom_components.facial_therapy.coordinator import FacialTherapyCoordinator
from custom_components.facial_therapy.core.gate.request import SessionRequest
from custom_components.facial_therapy.core.ledger.record import Record
from custom_components.facial_therapy.core.model import Channel, Dose, Modality, Outcome
from custom_components.facial_therapy.core.person import Eligibility, Person, Screening, Verdict
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.core.session_parameters import MANUAL
from custom_components.facial_therapy.people.registry import persons
from custom_components.facial_therapy.storage.serialize import eligibility_out
from tests.fake_device import FakeDevice

MACS = {Modality.MASK: "98:35:69:00:00:01", Modality.WAND: "98:35:69:00:00:02"}
PROFILE = 1734981265
"""The token of the first person, whom the device knows; long, so that no other number has its
digits by chance."""


@dataclass(slots=True)
class World:
    """Everything that a test holds."""

    hass: HomeAssistant
    freezer: FrozenDateTimeFactory
    device: FakeDevice
    entry: MockConfigEntry
    esphome: MockConfigEntry
    modality: Modality

    @property
    def coordinator(self) -> FacialTherapyCoordinator:
        """The coordinator of the device."""
        coordinator: FacialTherapyCoordinator = self.entry.runtime_data
        return coordinator

    def state(self) -> SessionState:
        """What the session is doing; a call, since it changes between two looks."""
        return self.coordinator.state

    @property
    def person(self) -> Person:
        """The only person."""
        return persons(self.hass)[0]

    @property
    def device_id(self) -> str:
        """The node's own device."""
        device = self.coordinator.device_entry
        assert device is not None
        return device.id

    async def signed_in(self, group: str = "system-admin") -> Context:
        """What an action of a user carries who is signed in; an admin, if nothing else is said."""
        return Context(
            user_id=(await self.hass.auth.async_create_user(group, group_ids=[group])).id
        )

    def ask(self, **changes: Any) -> SessionRequest:
        """A small session that is permitted."""
        numbers: dict[str, Any] = {
            "irradiance_mw_cm2": {Channel.RED: 14.0, Channel.NEAR_INFRARED: 14.0}
        }
        if self.modality is Modality.WAND:
            numbers = {"current_ua": 50.0, "frequency_hz": 8.3}
        return SessionRequest(
            **{"person": self.person, "program": MANUAL, "duration_s": 60, **numbers, **changes}
        )

    async def somebody_else(self, name: str = "Eve", profile: int = 815) -> Person:
        """Add a person who has not been given anything: their day and their devices are free."""
        entry = person_entry(name, profile)
        entry.add_to_hass(self.hass)
        self.device.profiles.append(profile)
        self.device.report()
        assert await self.hass.config_entries.async_setup(entry.entry_id)
        return next(person for person in persons(self.hass) if person.person_id == entry.entry_id)

    async def pass_time(self, seconds: float) -> None:
        """Let time pass for Home Assistant and the device together, half a second at a time."""
        for _ in range(round(seconds * 2)):
            self.freezer.tick(timedelta(seconds=0.5))
            self.device.advance(0.5)
            async_fire_time_changed(self.hass)
            await self.hass.async_block_till_done()
        if (
            self.device.connected and not self.device.silent
        ):  # a stop that is still being sent, or settled, comes to its end
            await self.hass.async_block_till_done(wait_background_tasks=True)

    async def run(self, **changes: Any) -> None:
        """Start a session, put the device on, and let it flow for ten seconds."""
        await self.coordinator.async_start(self.ask(**changes))
        self.device.put_on()
        await self.pass_time(10)


def completed(person_id: str, started_at: datetime, dose: Dose, **changes: Any) -> Record:
    """A session of ten minutes that delivered its whole plan."""
    modality = changes.get("modality", Modality.MASK)
    values: dict[str, Any] = {
        "session_id": f"{round(started_at.timestamp()):016x}",
        "mac": MACS[modality],
        "modality": modality,
        "person_id": person_id,
        "profile": PROFILE,
        "program": "fine_lines",
        "started_at": started_at,
        "planned": dose,
        "worst_case": dose,
        "delivered": dose,
        "duration_s": 600,
        "output_s": 600,
        "outcome": Outcome.COMPLETED,
        "ended_at": started_at + timedelta(minutes=10),
    }
    return Record(**values | changes)


def person_entry(
    name: str = "Ada", profile: int = PROFILE, *, how: Eligibility | None = None, **data: Any
) -> MockConfigEntry:
    """Return a person: an adult just screened for both modalities, unless a test says otherwise."""
    now = dt_util.utcnow()
    found = Screening(
        verdict=Verdict.CLEAR, screened_at=now, expires_at=now + timedelta(days=90), blue=True
    )
    eligibility = how or Eligibility(adult=True, screenings=dict.fromkeys(Modality, found))
    return MockConfigEntry(
        domain=DOMAIN,
        title=name,
        data={
            CONF_KIND: KIND_PERSON,
            CONF_PROFILE: profile,
            CONF_ELIGIBILITY: eligibility_out(eligibility),
            **data,
        },
        unique_id=f"person_{profile}",
        minor_version=FacialTherapyConfigFlow.MINOR_VERSION,
    )


def device_entry(modality: Modality) -> MockConfigEntry:
    """A governed device of ours."""
    channels = [channel.value for channel in Channel] if modality is Modality.MASK else []
    data = {
        CONF_KIND: KIND_DEVICE,
        CONF_MAC: MACS[modality],
        CONF_MODALITY: modality.value,
        CONF_CHANNELS: channels,
    }
    return MockConfigEntry(
        domain=DOMAIN,
        title=modality.value.title(),
        data=data,
        unique_id=MACS[modality],
        minor_version=FacialTherapyConfigFlow.MINOR_VERSION,
    )


def esphome_entry(hass: HomeAssistant, modality: Modality) -> MockConfigEntry:
    """The ESPHome entry of a node, with the node's own device."""
    mac = MACS[modality]
    entry = MockConfigEntry(
        domain="esphome",
        title=modality.value.title(),
        data={"host": "127.0.0.1", "port": 6053, "noise_psk": ""},
        unique_id=mac,
    )
    entry.add_to_hass(hass)
    dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id,
        connections={(dr.CONNECTION_NETWORK_MAC, mac)},
        manufacturer="facial_therapy",
        model=modality.value,
        name=f"{modality.value.title()} node",
    )
    return entry

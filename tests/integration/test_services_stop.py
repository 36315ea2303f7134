"""Stopping: every target that can contain a device stops it, and all stops are sent first."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.storage.ledger_file import LedgerFile
from tests.fake_device import FakeDevice
from tests.integration.house import House, furnished
from tests.integration.world import person_entry

EVE = 815
PROGRAMS = {
    Modality.MASK: {"program": "manual", "channels": {"red": 14}, "duration_s": 60},
    Modality.WAND: {"program": "manual", "current_ua": 50, "frequency_hz": 8.3, "duration_s": 60},
}


@pytest.fixture
async def house(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> AsyncGenerator[House]:
    """A mask that is armed for Ada, and a wand that is armed for Eve."""
    async with furnished(hass, freezer, tmp_path) as house:
        eve = person_entry("Eve", EVE)
        eve.add_to_hass(hass)
        assert await hass.config_entries.async_setup(eve.entry_id)
        for modality, device in house.devices.items():
            device.profiles.append(EVE)
            device.report()
            await call(
                house,
                "start_session",
                device_id=device_id(house, modality),
                person="Ada" if modality is Modality.MASK else "Eve",
                **PROGRAMS[modality],
            )
        yield house


async def call(house: House, action: str, **data: Any) -> None:
    await house.hass.services.async_call(DOMAIN, action, data, blocking=True)


def device_id(house: House, modality: Modality) -> str:
    device = house.coordinator(modality).device_entry
    assert device is not None
    return device.id


def switch(house: House, modality: Modality) -> str:
    unique_id = f"{house.coordinator(modality).mac}_session"
    found = er.async_get(house.hass).async_get_entity_id("switch", DOMAIN, unique_id)
    assert found is not None
    return found


def stopped(house: House) -> list[Modality]:
    return [
        modality
        for modality, device in house.devices.items()
        if device.session is None and house.coordinator(modality).state is SessionState.IDLE
    ]


async def make_groups(house: House) -> None:
    """Make a group of each kind of both session switches and a lamp, and one of these groups."""
    members = [switch(house, modality) for modality in Modality]
    house.hass.states.async_set("light.lamp", "on")
    options = {"group_type": "switch", "name": "Treatments", "entities": members}
    switches = MockConfigEntry(
        domain="group", title="Treatments", options={**options, "hide_members": False}
    )
    switches.add_to_hass(house.hass)
    groups = {
        "evening": {"entities": [*members, "light.lamp"]},
        "outer": {"entities": ["group.evening", "group.outer", "light.lamp"]},
        "lamps": {"entities": ["light.lamp"]},
    }
    assert await async_setup_component(house.hass, "group", {"group": groups})
    await house.hass.async_block_till_done()
    assert house.hass.states.get("switch.treatments") is not None


TARGETS: dict[str, Callable[[House], dict[str, Any]]] = {
    "a group": lambda _house: {"entity_id": "group.evening"},
    "a switch group": lambda _house: {"entity_id": "switch.treatments"},
    "a group of groups": lambda _house: {"entity_id": ["group.outer"]},
    "a list of entities": lambda house: {"entity_id": [switch(house, each) for each in Modality]},
    "a list of devices": lambda house: {"device_id": [device_id(house, each) for each in Modality]},
    "an entity and a device": lambda house: {
        "entity_id": switch(house, Modality.MASK),
        "device_id": device_id(house, Modality.WAND),
    },
}


@pytest.mark.parametrize("target", TARGETS.values(), ids=list(TARGETS))
async def test_stop_session_stops_every_device_that_its_target_contains(
    house: House, target: Callable[[House], dict[str, Any]]
) -> None:
    await make_groups(house)
    await call(house, "stop_session", **target(house))
    assert stopped(house) == list(house.devices)


@pytest.mark.parametrize("wrong", ["light.nothing", "group.lamps"])
async def test_an_unknown_target_is_named_and_the_others_are_stopped(
    house: House, wrong: str
) -> None:
    await make_groups(house)
    with pytest.raises(ServiceValidationError) as error:
        await call(house, "stop_session", entity_id=[wrong, "group.evening"])
    assert error.value.translation_key == "unknown_entity"
    assert error.value.translation_placeholders == {"entity": wrong}
    assert stopped(house) == list(house.devices)


async def test_a_person_in_the_targeted_area_does_not_keep_a_device_running(house: House) -> None:
    area = ar.async_get(house.hass).async_create("Bathroom")
    registry = dr.async_get(house.hass)
    for device in dr.async_entries_for_config_entry(registry, house.person.entry_id):
        registry.async_update_device(device.id, area_id=area.id)
    for modality in Modality:
        registry.async_update_device(device_id(house, modality), area_id=area.id)
    await call(house, "stop_session", area_id=area.id)
    assert stopped(house) == list(house.devices)


async def test_a_person_is_not_a_device_to_stop(house: House) -> None:
    unique_id = f"{house.person.entry_id}_sessions_this_week"
    entity_id = er.async_get(house.hass).async_get_entity_id("sensor", DOMAIN, unique_id)
    with pytest.raises(ServiceValidationError) as error:
        await call(house, "stop_session", entity_id=[entity_id, switch(house, Modality.WAND)])
    assert error.value.translation_placeholders == {"entity": entity_id}
    assert stopped(house) == [Modality.WAND]


@pytest.mark.parametrize("entity_id", ["group.evening", "switch.treatments"])
async def test_a_group_never_arms(house: House, entity_id: str) -> None:
    await call(house, "stop_all")
    await make_groups(house)
    with pytest.raises(ServiceValidationError) as error:
        await call(house, "start_session", entity_id=entity_id, **PROGRAMS[Modality.MASK])
    assert error.value.translation_key == "unknown_entity"
    assert stopped(house) == list(house.devices)


async def test_lower_session_lowers_every_device_although_another_is_idle(house: House) -> None:
    await call(house, "stop_session", device_id=device_id(house, Modality.MASK))
    both = [device_id(house, modality) for modality in Modality]
    with pytest.raises(ServiceValidationError) as error:
        await call(house, "lower_session", device_id=both)
    assert error.value.translation_key == "wrong_state"
    live = house.coordinator(Modality.WAND).live
    assert live is not None
    assert live.level_ua == 37


# --- order ----------------------------------------------------------------------------------------


@pytest.fixture
def order(house: House) -> Iterator[list[str]]:
    """Record commands, published states and writes in their order."""
    order: list[str] = []
    send, append = FakeDevice.async_stop, LedgerFile.append

    async def async_stop(device: FakeDevice) -> Any:
        assert device.description is not None
        order.append(f"stop sent to the {device.description.modality}")
        await asyncio.sleep(0)  # the answer of a real node comes in another pass of the loop
        return await send(device)

    def write(file: LedgerFile, *arguments: Any) -> Any:
        order.append("written")
        return append(file, *arguments)

    for modality in Modality:
        house.coordinator(modality).async_add_listener(lambda: order.append("published"))
    with (
        patch.object(FakeDevice, "async_stop", async_stop),
        patch.object(LedgerFile, "append", write),
    ):
        yield order


@pytest.mark.parametrize("action", ["stop_all", "stop_session"])
async def test_all_stops_are_sent_before_anything_is_published_or_written(
    house: House, order: list[str], action: str
) -> None:
    both = [device_id(house, modality) for modality in Modality]
    await call(house, action, **({} if action == "stop_all" else {"device_id": both}))
    await house.hass.async_block_till_done(wait_background_tasks=True)
    assert set(order[:2]) == {"stop sent to the mask", "stop sent to the wand"}
    assert "published" in order
    assert stopped(house) == list(house.devices)


@pytest.mark.parametrize("slow", list(Modality))
async def test_stop_all_answers_only_when_every_device_has_confirmed(
    house: House, slow: Modality
) -> None:
    confirmed = asyncio.Event()
    send = FakeDevice.async_stop

    async def async_stop(device: FakeDevice) -> Any:
        if device is house.devices[slow]:
            await confirmed.wait()
        return await send(device)

    with patch.object(FakeDevice, "async_stop", async_stop):
        stopping = asyncio.create_task(call(house, "stop_all"))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not stopping.done()
        running = [each for each, device in house.devices.items() if device.session is not None]
        assert running == [slow]
        confirmed.set()
        await stopping
    await house.hass.async_block_till_done(wait_background_tasks=True)
    assert stopped(house) == list(house.devices)

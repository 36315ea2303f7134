"""The actions refuse invalid numbers, words and targets, and send nothing to the device."""

import math
from typing import Any
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import area_registry as ar, device_registry as dr, entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
import voluptuous as vol

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.device import NodeState
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.storage.ledger import LEDGER
from tests.fake_device import WAND, FakeDevice
from tests.integration.entities import entity_id
from tests.integration.world import PROFILE, World, device_entry, esphome_entry

WRONG = [math.nan, math.inf, -math.inf, -1, 0, 2**31, "much", "nan", True, None, [1]]
BOUNDS = {
    "duration_s": (1, 600, "s"),
    "channels.red": (0.001, 14.583, "mW/cm²"),  # 35 / 1.2, times 0.5 for skin that is not known
    "window_s": (1, 1800, "s"),
    "wait": (1, 86_400, "s"),
}
WAND_BOUNDS = {
    "duration_s": (1, 300, "s"),
    "current_ua": (1, 250, "µA"),  # 300 / 1.2
    "frequency_hz": (1, 30, "Hz"),
    "window_s": (1, 300, "s"),
    "wait": (1, 86_400, "s"),
}
MANUAL: dict[Modality, dict[str, Any]] = {
    Modality.MASK: {"program": "manual", "channels": {"red": 7}, "duration_s": 60},
    Modality.WAND: {"program": "manual", "current_ua": 50, "frequency_hz": 8.3, "duration_s": 60},
}
FIELDS = [(Modality.MASK, field) for field in BOUNDS] + [
    (Modality.WAND, field) for field in WAND_BOUNDS
]


def asked(world: World, field: str, value: object) -> dict[str, Any]:
    """Return a request that is right but for one field."""
    wrong = {"channels": {"red": value}} if field == "channels.red" else {field: value}
    return MANUAL[world.modality] | wrong


def seen(world: World) -> tuple[list[str], NodeState, list[str]]:
    """Return what a refusal must not change."""
    return list(world.device.commands), world.device.state, world.hass.data[LEDGER].session_ids()


async def refused(
    world: World, action: str = "start_session", **data: Any
) -> ServiceValidationError:
    """Call an action that has to be refused, and look that nothing has happened."""
    before = seen(world)
    if not data.keys() & {"device_id", "entity_id", "area_id"}:
        data["device_id"] = world.device_id
    with pytest.raises(ServiceValidationError) as error:
        await world.hass.services.async_call(DOMAIN, action, data, blocking=True)
    await world.hass.async_block_till_done()
    assert seen(world) == before
    assert error.value.translation_domain == DOMAIN
    return error.value


def named(error: ServiceValidationError) -> dict[str, str]:
    """Return what the sentence of an error names."""
    return error.translation_placeholders or {}


# --- numbers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", WRONG, ids=repr)
@pytest.mark.parametrize(("modality", "field"), FIELDS)
async def test_a_number_that_is_none_or_out_of_its_bound_is_refused_with_field_and_bound(
    world: World, field: str, value: object
) -> None:
    minimum, maximum, unit = (BOUNDS if world.modality is Modality.MASK else WAND_BOUNDS)[field]
    error = await refused(world, **asked(world, field, value))
    assert error.translation_key == "out_of_bounds"
    words = named(error)
    assert (words["field"], words["unit"].strip()) == (field, unit)
    assert [float(words["minimum"]), float(words["maximum"])] == pytest.approx(
        [minimum, maximum], rel=1e-3
    )


@pytest.mark.parametrize(
    ("modality", "field", "inside", "outside"),
    [
        (Modality.MASK, "duration_s", 600, 601),
        (Modality.MASK, "duration_s", 1, 0.999),
        (Modality.MASK, "channels.red", 14.583, 14.584),
        (Modality.MASK, "channels.red", 0.001, 0.0009),
        (Modality.MASK, "window_s", 1800, 1801),
        (Modality.MASK, "window_s", 1, 0.9),
        (Modality.MASK, "wait", 86_400, 86_401),
        (Modality.MASK, "wait", 1, 0.9),
        (Modality.WAND, "duration_s", 300, 301),
        (Modality.WAND, "duration_s", 1, 0.999),
        (Modality.WAND, "current_ua", 250, 251),
        (Modality.WAND, "current_ua", 1, 0.9),
        (Modality.WAND, "frequency_hz", 30, 30.1),
        (Modality.WAND, "frequency_hz", 1, 0.9),
        (Modality.WAND, "window_s", 300, 301),
    ],
)
async def test_a_bound_is_allowed_and_one_step_past_it_is_not(
    world: World, field: str, inside: float, outside: float
) -> None:
    assert named(await refused(world, **asked(world, field, outside)))["field"] == field
    answer = await world.hass.services.async_call(
        DOMAIN,
        "check_session",
        {"device_id": world.device_id, **asked(world, field, inside)},
        blocking=True,
        return_response=True,
    )
    assert answer is not None
    assert answer["allowed"]


async def test_a_number_that_a_template_wrote_as_text_is_a_number(world: World) -> None:
    await world.hass.services.async_call(
        DOMAIN,
        "start_session",
        {"device_id": world.device_id, **asked(world, "duration_s", "60")},
        blocking=True,
    )
    assert world.coordinator.state is SessionState.ARMED


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("modality", "data", "key", "words"),
    [
        (
            Modality.MASK,
            {"program": "glow"},
            "unknown_program",
            {"field": "program", "detail": "glow"},
        ),
        (
            Modality.WAND,
            {"program": "blemish_prone"},
            "wrong_modality",
            {"field": "program", "detail": "blemish_prone"},
        ),
        (
            Modality.MASK,
            {"program": "first_use", "person": "Nobody"},
            "unknown_person",
            {"field": "person", "detail": "Nobody"},
        ),
        (
            Modality.MASK,
            {"program": "manual", "channels": {"green": 5}},
            "bad_channel",
            {"field": "channels.green", "detail": "green"},
        ),
        (
            Modality.MASK,
            {"program": "manual", "channels": {}},
            "nothing_selected",
            {"field": "channels"},
        ),
        (Modality.MASK, {"program": "manual"}, "nothing_selected", {"field": "channels"}),
        (
            Modality.WAND,
            {"program": "manual", "current_ua": 50},
            "nothing_selected",
            {"field": "frequency_hz"},
        ),
        (
            Modality.WAND,
            {"program": "manual", "channels": {"red": 5}, "current_ua": 50, "frequency_hz": 8.3},
            "wrong_modality",
            {"field": "channels"},
        ),
        (
            Modality.MASK,
            {"program": "manual", "channels": {"red": 5}, "current_ua": 50},
            "wrong_modality",
            {"field": "current_ua"},
        ),
        (
            Modality.MASK,
            {"program": "first_use", "duration_s": 60},
            "not_manual",
            {"field": "duration_s"},
        ),
        (
            Modality.MASK,
            {"program": "first_use", "channels": {"red": 5}},
            "not_manual",
            {"field": "channels"},
        ),
    ],
)
async def test_a_word_that_does_not_fit_is_refused_by_name(
    world: World, data: dict[str, Any], key: str, words: dict[str, str]
) -> None:
    error = await refused(world, **data)
    assert error.translation_key == key
    assert words.items() <= named(error).items()


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"program": "first_use", "mode": "now"},
        {"program": "manual", "channels": "red"},
        {"program": "first_use", "dose": 5},
    ],
)
async def test_an_invalid_request_is_refused_by_the_schema(
    world: World, data: dict[str, Any]
) -> None:
    with pytest.raises(vol.Invalid):
        await world.hass.services.async_call(
            DOMAIN, "start_session", {"device_id": world.device_id, **data}, blocking=True
        )
    assert world.device.commands == []


# --- targets --------------------------------------------------------------------------------------

ACTIONS: list[tuple[str, dict[str, Any]]] = [
    ("start_session", {"program": "first_use"}),
    ("pause_session", {}),
    ("resume_session", {}),
    ("stop_session", {}),
]
actions = pytest.mark.parametrize(
    ("action", "data"), ACTIONS, ids=[action for action, _ in ACTIONS]
)


@pytest.fixture
def stranger(hass: HomeAssistant) -> er.RegistryEntry:
    """An entity of another integration, on a device of its own."""
    entry = MockConfigEntry(domain="hue")
    entry.add_to_hass(hass)
    device = dr.async_get(hass).async_get_or_create(
        config_entry_id=entry.entry_id, identifiers={("hue", "1")}
    )
    return er.async_get(hass).async_get_or_create(
        "light", "hue", "1", config_entry=entry, device_id=device.id
    )


@actions
async def test_an_unknown_device_or_entity_is_refused_by_name(
    world: World, action: str, data: dict[str, Any]
) -> None:
    error = await refused(world, action, device_id="nothing", **data)
    assert (error.translation_key, named(error)["device"]) == ("unknown_device", "nothing")
    error = await refused(world, action, entity_id="light.nothing", **data)
    assert (error.translation_key, named(error)["entity"]) == ("unknown_entity", "light.nothing")


@actions
async def test_a_target_of_another_integration_is_refused_by_name(
    world: World, stranger: er.RegistryEntry, action: str, data: dict[str, Any]
) -> None:
    error = await refused(world, action, device_id=stranger.device_id, **data)
    assert (error.translation_key, named(error)["device"]) == ("foreign_device", stranger.device_id)
    error = await refused(world, action, entity_id=stranger.entity_id, **data)
    assert (error.translation_key, named(error)["entity"]) == ("unknown_entity", stranger.entity_id)


@actions
async def test_a_device_whose_entry_is_not_loaded_is_refused_by_name(
    world: World, action: str, data: dict[str, Any]
) -> None:
    device_id = world.device_id
    assert await world.hass.config_entries.async_unload(world.entry.entry_id)
    error = await refused(world, action, device_id=device_id, **data)
    assert (error.translation_key, named(error)["detail"]) == ("device_not_loaded", "Mask")


async def test_a_node_that_is_off_is_refused_in_words(world: World) -> None:
    world.device.disconnect()
    assert (await refused(world, program="first_use")).translation_key == "device_offline"


@pytest.mark.parametrize("action", ["start_session", "check_session"])
async def test_a_target_is_never_guessed(world: World, action: str) -> None:
    area = ar.async_get(world.hass).async_create("Bathroom")
    dr.async_get(world.hass).async_update_device(world.device_id, area_id=area.id)
    data = {"program": "first_use"}
    for target, key in (
        ({}, "one_target"),
        ({"area_id": area.id}, "one_target"),
        ({"entity_id": "all"}, "one_target"),
    ):
        with pytest.raises(ServiceValidationError) as error:
            await world.hass.services.async_call(
                DOMAIN, action, {**data, **target}, blocking=True, return_response=True
            )
        assert error.value.translation_key in (key, "no_target")
    assert world.device.commands == []


async def test_a_stop_without_a_target_says_so(world: World) -> None:
    with pytest.raises(ServiceValidationError) as error:
        await world.hass.services.async_call(DOMAIN, "stop_session", {}, blocking=True)
    assert error.value.translation_key == "no_target"


# --- several devices ------------------------------------------------------------------------------


@pytest.fixture
async def wand(world: World) -> World:
    """A wand beside the mask, with a session that waits to be put on."""
    fake, entry, esphome = (
        FakeDevice(WAND),
        device_entry(Modality.WAND),
        esphome_entry(world.hass, Modality.WAND),
    )
    fake.profiles = [PROFILE]
    with patch("custom_components.facial_therapy.coordinator.NodeDevice", return_value=fake):
        entry.add_to_hass(world.hass)
        assert await world.hass.config_entries.async_setup(entry.entry_id)
        await world.hass.async_block_till_done()
    second = World(world.hass, world.freezer, fake, entry, esphome, Modality.WAND)
    await second.coordinator.async_start(second.ask())
    return second


async def test_two_devices_are_not_one_but_both_are_stopped(world: World, wand: World) -> None:
    await world.coordinator.async_start(world.ask(person=await world.somebody_else()))
    both = [world.device_id, wand.device_id]
    with pytest.raises(ServiceValidationError) as error:
        await world.hass.services.async_call(
            DOMAIN, "pause_session", {"device_id": both}, blocking=True
        )
    assert error.value.translation_key == "one_target"
    await world.hass.services.async_call(DOMAIN, "stop_session", {"device_id": both}, blocking=True)
    assert world.device.session is None
    assert wand.device.session is None


async def test_a_wrong_name_among_the_targets_of_a_stop_does_not_keep_the_others_running(
    world: World, wand: World
) -> None:
    with pytest.raises(ServiceValidationError) as error:
        await world.hass.services.async_call(
            DOMAIN,
            "stop_session",
            {
                "device_id": ["nothing", wand.device_id],
                "entity_id": entity_id(world, "switch", "session"),
            },
            blocking=True,
        )
    assert error.value.translation_key == "unknown_device"
    assert wand.device.session is None


async def test_stop_all_stops_every_device_even_if_one_fails(world: World, wand: World) -> None:
    await world.coordinator.async_start(world.ask(person=await world.somebody_else()))
    with (
        patch.object(world.coordinator, "async_stop", side_effect=RuntimeError("broken")),
        pytest.raises(RuntimeError, match="broken"),
    ):
        await world.hass.services.async_call(DOMAIN, "stop_all", {}, blocking=True)
    assert wand.device.session is None
    await world.hass.services.async_call(DOMAIN, "stop_all", {}, blocking=True)
    assert world.device.session is None

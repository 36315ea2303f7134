"""Triggers and conditions of automations: they fire once per event, and never after a restart."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
import logging
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import condition, config_validation as cv, entity_registry as er, trigger
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import WebSocketGenerator
import voluptuous as vol

from custom_components.facial_therapy.condition import (
    CONDITIONS,
    DEVICE_CONDITIONS,
    PERSON_CONDITIONS,
)
from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.gate.request import SessionRequest
from custom_components.facial_therapy.core.model import Channel, Fault, Modality
from custom_components.facial_therapy.core.refusal import RefusedError
from custom_components.facial_therapy.core.schedule.plan import evenings
from custom_components.facial_therapy.core.session_parameters import MANUAL
from custom_components.facial_therapy.trigger import PERSON_TRIGGERS, SESSION_TRIGGERS, TRIGGERS
from tests.integration.house import House, furnished

MONDAY_NOON = datetime(2026, 11, 23, 20, tzinfo=UTC)  # in the tests' time zone, eight hours behind
OFFERED = (
    {f"{DOMAIN}.{key}" for key in SESSION_TRIGGERS},
    {f"{DOMAIN}.{key}" for key in PERSON_TRIGGERS},
)


@pytest.fixture
async def house(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> AsyncGenerator[House]:
    """A house with both devices on a Monday at noon."""
    freezer.move_to(MONDAY_NOON)
    assert await async_setup_component(hass, "automation", {})
    async with furnished(hass, freezer, tmp_path) as found:
        yield found


def page(house: House, modality: Modality | None) -> dict[str, Any]:
    """The page that a user picks: a device's or, without a modality, the person's."""
    registry = er.async_get(house.hass)
    unique_id = (
        f"{house.person.entry_id}_plan"
        if modality is None
        else f"{house.coordinator(modality).mac}_session"
    )
    entity_id = registry.async_get_entity_id(
        "calendar" if modality is None else "switch", DOMAIN, unique_id
    )
    assert entity_id is not None
    entry = registry.async_get(entity_id)
    assert entry is not None
    return {"device_id": [entry.device_id]}


async def listen(
    house: House, target: dict[str, Any], *keys: str, options: dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """Attach triggers as an automation does, and return what they tell."""
    events: list[dict[str, Any]] = []

    async def note(variables: dict[str, Any], _context: Any = None) -> None:
        events.append(variables["trigger"])

    wanted = [
        {
            "trigger": f"{DOMAIN}.{key}",
            "target": target,
            **({"options": options} if options else {}),
        }
        for key in keys or TRIGGERS
    ]
    checked = await trigger.async_validate_trigger_config(house.hass, cv.TRIGGER_SCHEMA(wanted))
    assert await trigger.async_initialize_triggers(
        house.hass, checked, note, "test", "test", logging.getLogger(__name__).log
    )
    return events


async def contains(house: House, key: str, target: dict[str, Any], **options: Any) -> bool | None:
    """Check a condition as an automation does."""
    config = await condition.async_validate_condition_config(
        house.hass, {"condition": f"{DOMAIN}.{key}", "target": target, "options": options}
    )
    checker = await condition.async_from_config(house.hass, config)
    try:
        return checker.async_check()
    finally:
        checker.async_unload()


def heard(events: list[dict[str, Any]]) -> list[str]:
    return [each["platform"].partition(".")[2] for each in events]


async def start(house: House, modality: Modality = Modality.MASK, **changes: Any) -> None:
    """Arm a small session."""
    numbers: dict[str, Any] = {"current_ua": 50.0, "frequency_hz": 8.3, "duration_s": 100}
    if modality is Modality.MASK:
        numbers = {"irradiance_mw_cm2": {Channel.RED: 14.0}, "duration_s": 60}
    await house.coordinator(modality).async_start(
        SessionRequest(**{"person": house.routines.person, "program": MANUAL, **numbers, **changes})
    )
    await house.hass.async_block_till_done()


async def test_what_is_picked_offers_what_means_something_there(
    house: House, hass_ws_client: WebSocketGenerator
) -> None:
    client = await hass_ws_client(house.hass)
    for modality in (*Modality, None):
        for kind, offered in (
            ("triggers", OFFERED),
            (
                "conditions",
                tuple(
                    {f"{DOMAIN}.{key}" for key in keys}
                    for keys in (DEVICE_CONDITIONS, PERSON_CONDITIONS)
                ),
            ),
        ):
            await client.send_json_auto_id(
                {"type": f"get_{kind}_for_target", "target": page(house, modality)}
            )
            answer = await client.receive_json()
            assert {key for key in answer["result"] if key.startswith(DOMAIN)} == offered[
                modality is None
            ]


async def test_every_transition_of_a_session_triggers_once_with_its_data(house: House) -> None:
    mask, wand = [
        await listen(house, page(house, modality), *SESSION_TRIGGERS) for modality in Modality
    ]
    await start(house)
    house.devices[Modality.MASK].put_on()
    await house.pass_time(5)
    await house.coordinator(Modality.MASK).async_pause()
    await house.coordinator(Modality.MASK).async_resume()
    await house.pass_time(70)
    assert heard(mask) == ["session_armed", "session_started", "session_suspended", "session_ended"]
    last = mask[-1]
    assert (last["person"], last["program"], last["outcome"], last["modality"], last["by"]) == (
        "Ada",
        "manual",
        "completed",
        "mask",
        "device",
    )
    assert last["delivered"] == pytest.approx(last["planned"], rel=0.05)
    assert last["device_id"] == page(house, Modality.MASK)["device_id"][0]
    assert wand == []


async def test_a_refusal_triggers_with_its_reason_and_a_fault_with_its_session(
    house: House,
) -> None:
    events = await listen(house, page(house, Modality.MASK))
    with pytest.raises(RefusedError):
        await start(house, duration_s=10_000)
    await start(house)
    house.devices[Modality.MASK].put_on()
    await house.pass_time(5)
    house.devices[Modality.MASK].latch(Fault.OVER_TEMPERATURE)
    await house.pass_time(2)
    assert heard(events) == [
        "session_refused",
        "session_armed",
        "session_started",
        "session_fault",
        "session_ended",
    ]
    assert events[0]["reason"] == "out_of_bounds"


async def test_each_zone_of_the_wand_triggers(house: House) -> None:
    events = await listen(house, page(house, Modality.WAND), "zone_changed")
    await start(house, Modality.WAND)
    house.devices[Modality.WAND].put_on()
    await house.pass_time(110)
    zones = [each["zone"] for each in events]
    assert zones == sorted(set(zones))
    assert zones[0] == 1
    assert len(zones) > 1


async def test_the_end_of_a_session_can_be_filtered_by_outcome(house: House) -> None:
    stopped = await listen(
        house, page(house, Modality.MASK), "session_ended", options={"outcome": ["stopped", "void"]}
    )
    completed = await listen(
        house, page(house, Modality.MASK), "session_ended", options={"outcome": "completed"}
    )
    await start(house)
    await house.coordinator(Modality.MASK).async_stop()
    await house.pass_time(1)
    assert [each["outcome"] for each in stopped] == ["void"]
    assert completed == []


async def test_neither_a_lost_device_nor_a_reload_nor_an_unknown_target_triggers(
    house: House,
) -> None:
    events = await listen(
        house,
        {
            "device_id": [
                *page(house, Modality.MASK)["device_id"],
                *page(house, None)["device_id"],
                "unknown",
            ]
        },
    )
    house.devices[Modality.MASK].disconnect()
    await house.pass_time(1)
    house.devices[Modality.MASK].connect()
    await house.hass.config_entries.async_reload(house.entries[Modality.MASK].entry_id)
    await house.restart()
    await house.pass_time(2)
    assert events == []
    await start(house)
    assert heard(events) == ["session_armed"]  # a trigger from before the reload works


async def test_each_step_of_a_routine_triggers_and_no_restart_does(house: House) -> None:
    events = await listen(house, page(house, None))
    await house.act("start_routine", steps=[{"act": "cleanse"}, {"act": "serum"}])
    await house.act("confirm_step")
    await house.restart()
    assert [(each["cue"], each["next"]) for each in events] == [
        ("cleanse", "serum"),
        ("serum", None),
    ]
    await house.act("confirm_step")  # that they are back, then the step
    await house.act("confirm_step")
    assert heard(events)[2:] == ["routine_step", "routine_finished"]
    assert events[-1]["outcome"] == "completed"


async def test_a_due_session_triggers_once_and_not_again_after_a_restart(
    house: House,
) -> None:
    await house.routines.plan.async_choose("fine_lines", evenings=evenings(3))
    events = await listen(house, page(house, None), "session_due")
    await house.pass_time(120, 60)
    assert events == []
    assert await contains(house, "is_due", page(house, None)) is False
    house.freezer.move_to(MONDAY_NOON + timedelta(hours=8))
    await house.pass_time(180, 60)
    assert len(events) == 1
    assert await contains(house, "is_due", page(house, None)) is True
    await house.restart()
    await house.pass_time(120, 60)
    assert len(events) == 1


async def test_the_goal_of_a_week_triggers_once(house: House) -> None:
    await house.routines.plan.async_choose(
        "fine_lines", evenings=evenings(1), modalities=frozenset({Modality.MASK})
    )
    events = await listen(house, page(house, None), "weekly_goal_reached")
    assert await contains(house, "is_goal_reached", page(house, None)) is False
    await start(house, program="fine_lines", irradiance_mw_cm2=None, duration_s=None)
    house.devices[Modality.MASK].put_on()
    await house.pass_time(700)
    assert heard(events) == ["weekly_goal_reached"]
    assert await contains(house, "is_goal_reached", page(house, None)) is True
    await house.restart()
    await house.pass_time(60, 60)
    assert len(events) == 1


async def test_conditions_follow_the_session_and_hold_of_nothing_that_is_not_loaded(
    house: House,
) -> None:
    mask = page(house, Modality.MASK)
    both = {"device_id": [*mask["device_id"], *page(house, Modality.WAND)["device_id"]]}

    async def all_of(target: dict[str, Any], **options: Any) -> list[bool | None]:
        return [await contains(house, key, target, **options) for key in DEVICE_CONDITIONS]

    assert await all_of(mask) == [False, False, True]
    await start(house)
    assert await all_of(mask) == [False, True, False]
    assert await all_of(both, behavior="all") == [False, False, False]
    house.devices[Modality.MASK].put_on()
    await house.pass_time(5)
    assert (await all_of(both))[:2] == [True, False]
    await house.coordinator(Modality.MASK).async_stop()
    await house.pass_time(1)
    house.devices[Modality.MASK].disconnect()
    await house.pass_time(1)
    assert await all_of(mask) == [False, False, False]
    await house.hass.config_entries.async_unload(house.entries[Modality.MASK].entry_id)
    assert await all_of(mask) == [False, False, False]
    assert [await contains(house, key, {"device_id": ["unknown"]}) for key in CONDITIONS] == [
        False
    ] * len(CONDITIONS)
    assert await contains(house, "is_due", mask) is False


@pytest.mark.parametrize(
    ("key", "options"),
    [
        ("session_armed", {"outcome": "void"}),
        ("session_ended", {"outcome": "unheard"}),
        ("session_ended", None),
    ],
)
async def test_a_trigger_that_makes_no_sense_is_refused_when_it_is_written(
    house: House, key: str, options: dict[str, Any] | None
) -> None:
    wanted = {
        "trigger": f"{DOMAIN}.{key}",
        **({"target": page(house, Modality.MASK), "options": options} if options else {}),
    }
    with pytest.raises(vol.Invalid):
        await trigger.async_validate_trigger_config(house.hass, cv.TRIGGER_SCHEMA([wanted]))

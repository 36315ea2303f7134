"""The actions: what they do, whom they hear, and what they answer."""

import asyncio
from datetime import timedelta
from typing import Any

from homeassistant.core import Context
from homeassistant.exceptions import (
    HomeAssistantError,
    ServiceValidationError,
    Unauthorized,
    UnknownUser,
)
from homeassistant.helpers import area_registry as ar, device_registry as dr
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.session import SessionState
from tests.integration.entities import entity_id, state
from tests.integration.world import World, person_entry

MANUAL: dict[Modality, dict[str, Any]] = {
    Modality.MASK: {"program": "manual", "channels": {"red": 14}, "duration_s": 60},
    Modality.WAND: {"program": "manual", "current_ua": 50, "frequency_hz": 8.3, "duration_s": 60},
}


async def call(
    world: World,
    action: str,
    context: Context | None = None,
    *,
    response: bool = False,
    **data: Any,
) -> Any:
    """Call an action of ours, on the device of the world unless another target is named."""
    if action != "stop_all" and not data.keys() & {"device_id", "entity_id", "area_id", "label_id"}:
        data["device_id"] = world.device_id
    answer = await world.hass.services.async_call(
        DOMAIN, action, data, blocking=True, context=context, return_response=response
    )
    await world.hass.async_block_till_done()
    return answer


# --- start and check ------------------------------------------------------------------------------


async def test_start_arms_a_program_and_returns_its_planned_dose(world: World) -> None:
    answer = await call(world, "start_session", program="first_use", person="Ada", response=True)
    live = world.coordinator.data.session
    assert live is not None
    assert live.permitted is not None
    assert world.coordinator.state is SessionState.ARMED
    assert answer["session_id"] == live.session_id
    assert (answer["state"], answer["person"], answer["program"], answer["duration_s"]) == (
        "armed",
        "Ada",
        "first_use",
        120,
    )
    assert answer["irradiance_mw_cm2"] == {"red": 7}
    assert answer["planned"]["fluence_j_cm2"] == {"red": pytest.approx(0.84)}
    ends = dt_util.parse_datetime(answer["window_ends_at"])
    assert ends is not None
    assert abs(ends - dt_util.utcnow() - timedelta(seconds=60)) < timedelta(seconds=1)


@pytest.mark.parametrize("modality", list(Modality))
async def test_a_manual_session_uses_its_numbers_unchanged(world: World) -> None:
    answer = await call(world, "start_session", **MANUAL[world.modality], response=True)
    if world.modality is Modality.MASK:
        assert answer["irradiance_mw_cm2"] == {"red": 14}
        assert answer["planned"]["fluence_j_cm2"] == {"red": pytest.approx(0.84)}
    else:
        assert (answer["current_ua"], answer["frequency_hz"]) == (50, 8.3)
        assert answer["planned"]["charge_ma_min"] == pytest.approx(0.05)
    assert world.coordinator.state is SessionState.ARMED


async def test_start_returns_nothing_if_no_response_is_requested(world: World) -> None:
    assert await call(world, "start_session", program="first_use") is None


@pytest.mark.parametrize("target", ["device", "list", "entity", "disabled"])
async def test_a_device_is_named_by_itself_or_by_any_entity_of_ours(
    world: World, target: str
) -> None:
    named: dict[str, dict[str, Any]] = {
        "device": {"device_id": world.device_id},
        "list": {"device_id": [world.device_id]},
        "entity": {"entity_id": entity_id(world, "sensor", "session")},
        "disabled": {"entity_id": [entity_id(world, "sensor", "temperature")]},
    }
    await call(world, "start_session", program="first_use", **named[target])
    assert world.coordinator.state is SessionState.ARMED


async def test_a_person_is_named_in_any_case_or_by_entry_and_has_to_be_named_if_there_are_two(
    world: World,
) -> None:
    ada = world.person.person_id
    world.device.profiles.append(4712)
    world.device.report()
    bo = person_entry("Bo", 4712)
    bo.add_to_hass(world.hass)
    assert await world.hass.config_entries.async_setup(bo.entry_id)
    with pytest.raises(ServiceValidationError) as refused:
        await call(world, "start_session", program="first_use")
    assert refused.value.translation_key == "no_person"
    for named, person_id in ((" bO ", bo.entry_id), (bo.entry_id, bo.entry_id), ("ADA", ada)):
        await call(world, "start_session", program="first_use", person=named)
        assert world.coordinator.live is not None
        assert world.coordinator.live.person.person_id == person_id
        await call(world, "stop_session")


@pytest.mark.parametrize("wait", [600, "600", "00:10:00", {"minutes": 10}])
async def test_a_session_waits_for_a_device_that_is_off_and_is_armed_when_it_is_back(
    world: World, wait: Any
) -> None:
    world.device.disconnect()
    answer = await call(world, "start_session", program="first_use", wait=wait, response=True)
    assert answer["state"] == "waiting"
    ends = dt_util.parse_datetime(answer["window_ends_at"])
    assert ends is not None
    assert abs(ends - dt_util.utcnow() - timedelta(minutes=10)) < timedelta(seconds=1)
    world.device.connect()
    await world.pass_time(1)
    assert world.coordinator.state is SessionState.ARMED


async def test_check_returns_that_a_session_is_allowed_with_its_dose_and_changes_nothing(
    world: World,
) -> None:
    answer = await call(world, "check_session", program="first_use", response=True)
    assert (answer["allowed"], answer["reasons"], answer["duration_s"]) == (True, [], 120)
    assert answer["planned"]["fluence_j_cm2"] == {"red": pytest.approx(0.84)}
    assert world.coordinator.state is SessionState.IDLE
    assert world.device.commands == []


async def test_check_returns_every_reason_as_a_key_and_as_a_sentence(world: World) -> None:
    answer = await call(
        world,
        "check_session",
        program="manual",
        channels={"red": 50, "blue": 1},
        duration_s=601,
        response=True,
    )
    assert answer["allowed"] is False
    reasons = answer["reasons"]
    assert {
        ("out_of_bounds", "duration_s"),
        ("out_of_bounds", "channels.red"),
        ("personal", "channels.blue"),
    } <= {(each["reason"], each["field"]) for each in reasons}
    first = reasons[0]
    assert (
        first["field"],
        first["minimum"],
        first["maximum"],
        first["unit"],
        first["allowed_at"],
    ) == ("duration_s", 1, 600, "s", None)
    assert all(word in first["message"] for word in ("duration_s", "600"))
    assert world.device.commands == []


async def test_check_returns_an_unknown_person_as_a_reason(world: World) -> None:
    answer = await call(world, "check_session", program="first_use", person="Nobody", response=True)
    assert [(reason["reason"], reason["detail"]) for reason in answer["reasons"]] == [
        ("unknown_person", "Nobody")
    ]


# --- pause, resume, stop --------------------------------------------------------------------------


async def test_pause_and_resume(world: World) -> None:
    await world.run()
    await call(world, "pause_session")
    assert state(world, "sensor", "session").state == "paused"
    await call(world, "resume_session")
    assert state(world, "sensor", "session").state == "running"


@pytest.mark.parametrize("action", ["pause_session", "resume_session"])
async def test_pause_and_resume_with_nothing_to_act_on_are_refused_in_words(
    world: World, action: str
) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await call(world, action)
    assert refused.value.translation_key == "wrong_state"
    assert world.device.commands == []


@pytest.mark.parametrize("target", ["device", "entity", "area", "all", "stop_all"])
async def test_every_way_to_name_a_device_stops_it(world: World, target: str) -> None:
    await world.run()
    area = ar.async_get(world.hass).async_create("Bathroom")
    dr.async_get(world.hass).async_update_device(world.device_id, area_id=area.id)
    if target == "stop_all":
        await call(world, "stop_all")
    else:
        named: dict[str, dict[str, Any]] = {
            "device": {},
            "entity": {"entity_id": entity_id(world, "light", "red")},
            "area": {"area_id": area.id},
            "all": {"entity_id": "all"},
        }
        await call(world, "stop_session", **named[target])
    assert world.device.session is None
    assert world.coordinator.state is SessionState.IDLE


@pytest.mark.parametrize("action", ["stop_session", "stop_all"])
async def test_a_stop_that_is_not_confirmed_is_not_reported_done(world: World, action: str) -> None:
    await world.run()
    world.device.disconnect()
    await world.hass.async_block_till_done()
    data = {"device_id": world.device_id} if action == "stop_session" else {}
    stopping = asyncio.create_task(
        world.hass.services.async_call(DOMAIN, action, data, blocking=True)
    )
    await world.pass_time(3)
    with pytest.raises(HomeAssistantError) as unconfirmed:
        await stopping
    assert unconfirmed.value.translation_key == "stop_unconfirmed"
    assert unconfirmed.value.translation_placeholders is not None
    assert ":" in unconfirmed.value.translation_placeholders["zero_at"]


# --- whom they hear -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "data"),
    [
        ("start_session", MANUAL[Modality.MASK]),
        ("check_session", MANUAL[Modality.MASK]),
        ("pause_session", {}),
        ("resume_session", {}),
    ],
)
async def test_a_read_only_user_cannot_act(
    world: World, hass_read_only_user: MockUser, action: str, data: dict[str, Any]
) -> None:
    await world.run()
    world.device.commands.clear()
    with pytest.raises(Unauthorized):
        await call(
            world,
            action,
            Context(user_id=hass_read_only_user.id),
            response=action == "check_session",
            **data,
        )
    assert world.coordinator.state is SessionState.RUNNING
    assert world.device.commands == []


@pytest.mark.parametrize("action", ["stop_session", "stop_all"])
async def test_a_read_only_user_can_stop(
    world: World, hass_read_only_user: MockUser, action: str
) -> None:
    await world.run()
    await call(world, action, Context(user_id=hass_read_only_user.id))
    assert world.device.session is None


async def test_a_removed_user_cannot_start(world: World) -> None:
    with pytest.raises(UnknownUser):
        await call(world, "start_session", Context(user_id="gone"), program="first_use")
    assert world.device.commands == []


async def test_a_user_starts_under_their_own_name(world: World, hass_admin_user: MockUser) -> None:
    await call(world, "start_session", Context(user_id=hass_admin_user.id), program="first_use")
    assert world.coordinator.live is not None
    assert world.coordinator.live.started_by == hass_admin_user.id

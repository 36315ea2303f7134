"""Permissions: every action and every websocket command of ours, called by every kind of user."""

from typing import Any, Final
from unittest.mock import patch

from homeassistant.core import Context, SupportsResponse
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError, Unauthorized
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.model import Fault
from custom_components.facial_therapy.core.session import SessionState
from tests.integration.entities import press
from tests.integration.world import World

DATA: Final[dict[str, dict[str, Any]]] = {
    "start_session": {"device": True, "program": "first_use"},
    "check_session": {"device": True, "program": "first_use"},
    "pause_session": {"device": True},
    "resume_session": {"device": True},
    "lower_session": {"device": True},
    "stop_session": {"device": True},
    "stop_all": {},
    "get_history": {},
    "log_session": {"modality": "mask", "duration_s": 60, "channels": {"red": 10}},
    "block_person": {"days": 1},
    "report_reaction": {"reaction": "redness"},
    "start_routine": {"steps": [{"act": "cleanse"}]},
    "confirm_step": {},
    "skip_step": {},
    "stop_routine": {},
    "skip_planned": {},
    "accept_next_phase": {},
}
STOPS: Final = frozenset({"lower_session", "stop_session", "stop_all", "stop_routine"})
"""To stop, or to get less, is open to everybody who is signed in."""
OF_THE_PERSON: Final = frozenset({"get_history", "log_session"})
"""Records of a person are for that person and admins."""
DENIED: Final = {
    "owner": frozenset(),
    "admin": frozenset(),
    "nobody": frozenset(),
    "user": OF_THE_PERSON,
    "read-only": DATA.keys() - STOPS,
}
"""Denied actions by user. An automation has no user: an admin has written it."""
COMMANDS: Final = {f"{DOMAIN}/subscribe", f"{DOMAIN}/check", f"{DOMAIN}/person"}
"""The first is open to all, the second asks as `check_session` (both in test_websocket.py), the
third is for a person and admins (test_person_view.py)."""


async def denied(world: World, action: str, user_id: str | None) -> bool:
    """Return whether an action is denied; other reasons come after the permission."""
    data = {key: value for key, value in DATA[action].items() if key != "device"} | (
        {"device_id": world.device_id} if "device" in DATA[action] else {}
    )
    response = world.hass.services.supports_response(DOMAIN, action) is SupportsResponse.ONLY
    try:
        await world.hass.services.async_call(
            DOMAIN,
            action,
            data,
            blocking=True,
            context=Context(user_id=user_id),
            return_response=response,
        )
    except Unauthorized:
        return True
    except HomeAssistantError:
        return False
    return False


async def everybody(world: World, owner: MockUser, admin: MockUser) -> dict[str, str | None]:
    """User ids, by who they are."""
    create = world.hass.auth.async_create_user
    users = {"owner": owner.id, "admin": admin.id, "nobody": None}
    return users | {
        "user": (await create("user", group_ids=["system-users"])).id,
        "read-only": (await create("guest", group_ids=["system-read-only"])).id,
    }


@pytest.mark.parametrize("who", DENIED)
async def test_everybody_may_stop_and_only_who_may_control_may_do_more(
    world: World, hass_owner_user: MockUser, hass_admin_user: MockUser, who: str
) -> None:
    users = await everybody(world, hass_owner_user, hass_admin_user)
    assert world.hass.services.async_services_for_domain(DOMAIN).keys() == DATA.keys()
    found = {action for action in DATA if await denied(world, action, users[who])}
    assert found == DENIED[who]


async def test_every_websocket_command_is_looked_at(world: World) -> None:
    assert await async_setup_component(world.hass, "websocket_api", {})
    await world.hass.async_block_till_done()
    assert {
        command
        for command in world.hass.data.get("websocket_api", {})
        if command.startswith(DOMAIN)
    } == COMMANDS


async def test_a_fault_is_cleared_by_an_admin_and_by_no_automation(
    world: World, hass_owner_user: MockUser, hass_admin_user: MockUser
) -> None:
    cleared = set()
    for who, user_id in (await everybody(world, hass_owner_user, hass_admin_user)).items():
        world.device.latch(Fault.WORN_STUCK)
        await world.pass_time(1)
        try:
            await press(world, "confirm", Context(user_id=user_id))
        except Unauthorized, ServiceValidationError:
            assert world.state() is SessionState.FAULT
        else:
            await world.pass_time(1)
            assert world.state() is SessionState.IDLE
            cleared.add(who)
    assert cleared == {"owner", "admin"}


async def test_a_user_who_may_not_clear_a_fault_may_still_confirm_that_the_gel_is_off(
    world: World, hass_owner_user: MockUser
) -> None:
    assert hass_owner_user.is_owner  # as the first user is
    context = await world.signed_in("system-users")
    world.device.latch(Fault.WORN_STUCK)
    await world.pass_time(1)
    with pytest.raises(ServiceValidationError) as caught:
        await world.coordinator.async_confirm(context)
    assert caught.value.translation_key == "only_admin"
    await world.coordinator.async_clear_fault(await world.signed_in())
    await world.pass_time(1)
    with patch.object(world.coordinator.gate, "confirm_gel", return_value=True) as gel:
        await world.coordinator.async_confirm(context)
    assert gel.called

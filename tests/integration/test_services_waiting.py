"""Requests to a device that is off: they wait only if its return could help."""

from typing import Any

from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.session import SessionState
from tests.integration.world import World

NEVER_SEEN = pytest.mark.parametrize(
    "seen", [True, False], ids=["seen before", "not seen since the restart"]
)


@pytest.fixture
def off(world: World, seen: bool) -> World:
    """The world with its device off."""
    world.device.disconnect()
    world.device._opened = seen
    return world


async def call(world: World, action: str, **data: Any) -> Any:
    """Call an action that may wait ten minutes."""
    return await world.hass.services.async_call(
        DOMAIN,
        action,
        {"device_id": world.device_id, "wait": 600, **data},
        blocking=True,
        return_response=True,
    )


@NEVER_SEEN
@pytest.mark.parametrize(
    ("modality", "data", "key"),
    [
        (Modality.MASK, {"program": "glow"}, "unknown_program"),
        (Modality.MASK, {"program": "first_use", "duration_s": 60}, "not_manual"),
        (Modality.MASK, {"program": "manual"}, "nothing_selected"),
        (Modality.MASK, {"program": "manual", "channels": {"green": 5}}, "bad_channel"),
        (Modality.MASK, {"program": "manual", "channels": {"red": 2**31}}, "out_of_bounds"),
        (
            Modality.MASK,
            {"program": "manual", "channels": {"red": 5}, "duration_s": "nan"},
            "out_of_bounds",
        ),
        (
            Modality.MASK,
            {"program": "manual", "channels": {"red": 5}, "window_s": 0},
            "out_of_bounds",
        ),
        (Modality.WAND, {"program": "blemish_prone"}, "wrong_modality"),
        (
            Modality.WAND,
            {"program": "manual", "current_ua": 251, "frequency_hz": 8.3},
            "out_of_bounds",
        ),
    ],
)
async def test_a_request_that_no_connection_could_fix_is_refused_at_once(
    off: World, data: dict[str, Any], key: str
) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await call(off, "start_session", **data)
    assert refused.value.translation_key == key
    assert off.coordinator.state is SessionState.IDLE
    answer = await call(off, "check_session", **data)
    assert (answer["allowed"], answer["reasons"][0]["reason"]) == (False, key)


@NEVER_SEEN
@pytest.mark.parametrize("modality", list(Modality))
@pytest.mark.parametrize("program", ["first_use", "puffiness"])
async def test_a_request_that_may_be_valid_waits_for_the_device(off: World, program: str) -> None:
    assert (await call(off, "check_session", program=program)) == {"allowed": True, "reasons": []}
    assert off.coordinator.state is SessionState.IDLE
    assert (await call(off, "start_session", program=program))["state"] == "waiting"


@pytest.mark.parametrize("seen", [True])
async def test_a_second_session_does_not_wait_behind_the_first(off: World) -> None:
    await call(off, "start_session", program="first_use")
    with pytest.raises(ServiceValidationError) as refused:
        await call(off, "start_session", program="first_use")
    assert refused.value.translation_key == "busy"
    assert (await call(off, "check_session", program="first_use"))["reasons"][0]["reason"] == "busy"

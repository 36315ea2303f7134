"""The actions on the history: who may read it, its pages, and external sessions to log."""

from datetime import timedelta
from typing import Any
from unittest.mock import patch

from homeassistant.core import Context, HomeAssistant
from homeassistant.exceptions import ServiceValidationError, Unauthorized, UnknownUser
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockUser
import voluptuous as vol

from custom_components.facial_therapy.const import CONF_PERSON, DOMAIN
from custom_components.facial_therapy.core.ledger.record import Source
from custom_components.facial_therapy.core.model import Channel
from custom_components.facial_therapy.storage.ledger import LEDGER
from tests.integration.world import World

LIGHT: dict[str, Any] = {"modality": "mask", "channels": {"red": 10}, "duration_s": 60}


async def act(
    world: World, action: str, context: Context | None = None, *, response: bool = True, **data: Any
) -> Any:
    """Call an action of ours, and return its answer."""
    return await world.hass.services.async_call(
        DOMAIN, action, data, blocking=True, context=context, return_response=response
    )


@pytest.fixture
async def logged(world: World) -> list[str]:
    """Four sessions on four days, the last one with the wand; the newest first."""
    ids = []
    for days in (6, 4, 2, 1):
        given = LIGHT if days > 1 else {"modality": "wand", "current_ua": 50, "duration_s": 60}
        answer = await act(
            world,
            "log_session",
            **given,
            started_at=(dt_util.utcnow() - timedelta(days=days)).isoformat(),
        )
        ids.append(answer["session_id"])
    return ids[::-1]


# --- get_history ----------------------------------------------------------------------------------


async def test_history_comes_page_by_page_the_newest_first(world: World, logged: list[str]) -> None:
    page = await act(world, "get_history", limit=3)
    assert (
        [each["session_id"] for each in page["sessions"]],
        page["total"],
        page["next_offset"],
    ) == (logged[:3], 4, 3)
    rest = await act(world, "get_history", limit=3, offset=page["next_offset"])
    assert (
        [each["session_id"] for each in rest["sessions"]],
        rest["total"],
        rest["next_offset"],
    ) == (logged[3:], 4, None)
    assert page["person"] == "Ada"
    first = page["sessions"][1]
    assert (first["source"], first["modality"], first["outcome"], first["counts"]) == (
        "logged",
        "mask",
        "completed",
        True,
    )
    assert first["delivered"] == {"fluence_j_cm2": {"red": 0.6}, "charge_ma_min": 0}


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"modality": "wand"}, [0]),
        ({"outcome": ["stopped", "fault"]}, []),
        ({"outcome": "completed"}, [0, 1, 2, 3]),
        ({"start": 3}, [0, 1]),
        ({"end": 3}, [2, 3]),
        ({"start": 5, "end": 1.5}, [1, 2]),
    ],
)
async def test_history_is_filtered(
    world: World, logged: list[str], filters: dict[str, Any], expected: list[int]
) -> None:
    days = {
        name: (dt_util.now() - timedelta(days=value)).isoformat()
        for name, value in filters.items()
        if name in ("start", "end")
    }
    found = await act(world, "get_history", **filters | days)
    assert [each["session_id"] for each in found["sessions"]] == [
        logged[index] for index in expected
    ]


async def test_the_history_of_a_device_has_only_its_sessions_and_a_range_until_reported(
    world: World, logged: list[str]
) -> None:
    await world.run()
    (live,) = (await act(world, "get_history", device_id=world.device_id))["sessions"]
    assert (
        live["source"],
        live["device_id"],
        live["program"],
        live["outcome"],
        live["delivered"],
    ) == ("device", world.device_id, "manual", "uncertain", None)
    assert live["delivered_at_most"]["fluence_j_cm2"]["red"] == pytest.approx(0.84)
    await world.coordinator.async_stop()
    await world.hass.async_block_till_done(wait_background_tasks=True)
    (over,) = (await act(world, "get_history", device_id=world.device_id))["sessions"]
    assert over["outcome"] == "stopped"
    assert over["delivered"] == over["delivered_at_least"] == over["delivered_at_most"]
    assert (await act(world, "get_history"))["total"] == len(logged) + 1


@pytest.mark.parametrize(
    ("data", "key", "field"),
    [
        ({"limit": 0}, "out_of_bounds", "limit"),
        ({"limit": "many"}, "out_of_bounds", "limit"),
        ({"limit": float("nan")}, "out_of_bounds", "limit"),
        ({"offset": -1}, "out_of_bounds", "offset"),
        ({"start": "yesterday"}, "bad_time", "start"),
        ({"end": 5}, "bad_time", "end"),
        ({"person": "Nobody"}, "unknown_person", "person"),
    ],
)
async def test_a_question_that_makes_no_sense_is_refused_by_its_field(
    world: World, data: dict[str, Any], key: str, field: str
) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await act(world, "get_history", **data)
    assert refused.value.translation_key == key
    assert refused.value.translation_placeholders is not None
    assert refused.value.translation_placeholders["field"] == field


async def test_a_device_that_is_not_ours_and_an_outcome_that_is_none_are_refused(
    world: World,
) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await act(world, "get_history", device_id="nothing")
    assert refused.value.translation_key == "unknown_device"
    with pytest.raises(vol.Invalid):
        await act(world, "get_history", outcome=["lovely"])


# --- whose it is ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("action", "data"), [("get_history", {}), ("log_session", LIGHT)])
async def test_only_the_person_and_admins_read_a_history(
    world: World,
    hass_admin_user: MockUser,
    hass_read_only_user: MockUser,
    action: str,
    data: dict[str, Any],
) -> None:
    custom = Context(user_id=hass_read_only_user.id)
    with pytest.raises(Unauthorized):
        await act(world, action, custom, **data)
    with pytest.raises(UnknownUser):
        await act(world, action, Context(user_id="gone"), **data)
    await act(world, action, Context(user_id=hass_admin_user.id), **data)
    await act(world, action, Context(), **data)
    entry = world.hass.config_entries.async_get_known_entry(world.person.person_id)
    world.hass.config_entries.async_update_entry(
        entry, data={**entry.data, CONF_PERSON: "person.ada"}
    )
    world.hass.states.async_set("person.ada", "home", {"user_id": hass_read_only_user.id})
    await act(world, action, custom, **data)


# --- log_session ----------------------------------------------------------------------------------


async def test_a_logged_session_counts_at_once_and_names_its_user(
    world: World, hass_admin_user: MockUser
) -> None:
    await act(
        world,
        "log_session",
        Context(user_id=hass_admin_user.id),
        **LIGHT | {"duration_s": 600},
        response=False,
    )
    (record,) = world.hass.data[LEDGER].history(world.person.person_id).records
    assert (record.source, record.started_by) == (Source.LOGGED, hass_admin_user.id)
    assert record.counted.fluence_j_cm2 == {Channel.RED: pytest.approx(9)}


@pytest.mark.parametrize(
    ("data", "key", "field"),
    [
        (LIGHT | {"duration_s": "nan"}, "out_of_bounds", "duration_s"),
        (LIGHT | {"duration_s": 7201}, "out_of_bounds", "duration_s"),
        (LIGHT | {"channels": {"red": 401}}, "out_of_bounds", "channels.red"),
        (LIGHT | {"channels": {"violet": 1}}, "bad_channel", "channels.violet"),
        (LIGHT | {"channels": {}}, "nothing_selected", "channels"),
        (LIGHT | {"current_ua": 3}, "wrong_modality", "current_ua"),
        (LIGHT | {"started_at": "2099-01-01T00:00:00+00:00"}, "in_future", "started_at"),
        (LIGHT | {"started_at": "2020-01-01T00:00:00"}, "too_long_ago", "started_at"),
        (LIGHT | {"started_at": "soon"}, "bad_time", "started_at"),
        ({"modality": "wand", "duration_s": 60}, "nothing_selected", "current_ua"),
    ],
)
async def test_what_cannot_have_been_is_refused_and_nothing_is_written(
    world: World, data: dict[str, Any], key: str, field: str
) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await act(world, "log_session", **data)
    assert refused.value.translation_key == key
    assert refused.value.translation_placeholders is not None
    assert refused.value.translation_placeholders["field"] == field
    assert world.hass.data[LEDGER].session_ids() == []


async def test_a_full_disk_is_said_and_nothing_counts(hass: HomeAssistant, world: World) -> None:
    full = OSError(28, "No space left on device")
    with (
        patch("custom_components.facial_therapy.storage.ledger_file.os.fsync", side_effect=full),
        pytest.raises(ServiceValidationError) as refused,
    ):
        await act(world, "log_session", **LIGHT)
    assert refused.value.translation_key == "store_failed"
    assert hass.data[LEDGER].session_ids() == []
    await act(world, "log_session", **LIGHT)
    assert len(hass.data[LEDGER].session_ids()) == 1

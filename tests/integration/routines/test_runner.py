"""A routine through Home Assistant: steps, cues, refusals, a device that is off, a restart."""

import asyncio
from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
import time
from unittest.mock import Mock, patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.auth.models import User
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.exceptions import ServiceValidationError, Unauthorized, UnknownUser
from homeassistant.helpers import entity_registry as er, issue_registry as ir
from homeassistant.helpers.event import EventStateChangedData, async_track_state_change_event
from homeassistant.helpers.storage import Store
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.facial_therapy.const import CONF_PERSON, DOMAIN
from custom_components.facial_therapy.core.model import Fault, Modality
from custom_components.facial_therapy.core.routine.transitions import (
    Outcome as RoutineOutcome,
    RoutineState,
)
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.routines import forecast
from tests.integration.house import House, furnished

MASK, WAND = Modality.MASK, Modality.WAND
EVENING = [
    {"act": "cleanse"},
    {"act": "gel"},
    {"act": "wand", "program": "first_use"},
    {"act": "rinse"},
    {"act": "mask", "program": "first_use"},
    {"act": "serum", "optional": True},
]


@pytest.fixture
async def house(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> AsyncGenerator[House]:
    """A house with both devices."""
    async with furnished(hass, freezer, tmp_path) as found:
        yield found


async def to_wand(house: House) -> None:
    """Go on to the wand, until its output is on."""
    await house.act("start_routine", steps=EVENING)
    await house.act("confirm_step")
    await house.act("confirm_step")
    assert house.state() is RoutineState.ARMED
    house.devices[WAND].put_on()
    await house.pass_time(8)
    assert house.state() is RoutineState.RUNNING
    assert house.flowing == {WAND}


async def unanswered(house: House) -> None:
    """Go on to a wand that answers neither the start nor the stop, which takes 2 s."""
    house.devices[WAND].silent = True
    starting = asyncio.create_task(house.act("start_routine", steps=EVENING[2:]))
    while not starting.done():
        house.freezer.tick(timedelta(seconds=0.5))
        async_fire_time_changed(house.hass)
        for _ in range(20):
            await asyncio.sleep(0)
    await starting


async def test_a_whole_routine_with_zone_cues_the_gap_and_both_devices(house: House) -> None:
    said: list[str | None] = []
    house.routines.add_listener(lambda: said.append(house.routines.runner.cue))
    await to_wand(house)
    await house.pass_time(100)
    house.devices[WAND].take_off()
    await house.pass_time(1)
    assert house.state() is RoutineState.HAND
    await house.act("confirm_step")
    assert house.state() is RoutineState.GAP
    with pytest.raises(ServiceValidationError) as caught:
        await house.act("confirm_step")
    assert caught.value.translation_key == "gap"
    await house.pass_time(310, 5)
    assert house.state() is RoutineState.ARMED
    house.devices[MASK].put_on()
    await house.pass_time(140)
    house.devices[MASK].take_off()
    await house.pass_time(1)
    assert house.results == ["cleanse done", "gel done", "wand done", "rinse done", "mask done"]
    await house.act("confirm_step")
    assert house.run is not None
    assert house.run.outcome is RoutineOutcome.COMPLETED
    heard = list(dict.fromkeys(said))
    assert [cue for cue in heard if cue != "starting"] == [
        "cleanse",
        "gel",
        "armed_wand",
        "forehead",
        "cheeks",
        "jawline",
        "rinse",
        "gap",
        "armed_mask",
        "running_mask",
        "serum",
        "completed",
    ]


async def test_every_zone_is_an_event_with_its_words_and_the_node_has_its_duration(
    house: House,
) -> None:
    registry = er.async_get(house.hass)
    entity_id = registry.async_get_entity_id("event", DOMAIN, f"{house.person.entry_id}_routine")
    assert entity_id is not None
    registry.async_update_entity(entity_id, disabled_by=None)
    await house.pass_time(35, 5)  # until Home Assistant reloads it
    announced: list[tuple[str, str | None, str]] = []

    @callback
    def hear(event: Event[EventStateChangedData]) -> None:
        state = event.data["new_state"]
        assert state is not None
        if state.attributes.get("event_type") is None:  # unavailable while it is reloaded
            return
        announced.append(
            (state.attributes["event_type"], state.attributes["zone"], state.attributes["text"])
        )

    async_track_state_change_event(house.hass, entity_id, hear)
    await to_wand(house)
    live = house.coordinator(WAND).live
    assert live is not None
    assert live.permitted is not None
    assert (live.permitted.request.duration_s, live.permitted.request.zone_s) == (90, 30)
    await house.pass_time(85)
    house.devices[WAND].take_off()
    zones = [(cue, zone) for cue, zone, _ in announced if zone is not None]
    assert zones == [("forehead", "forehead"), ("cheeks", "cheeks"), ("jawline", "jawline")]
    assert all(text for _, _, text in announced)
    assert house.results[-1] == "wand done"


async def test_a_start_that_is_not_answered_is_repeated_when_the_device_is_back(
    house: House,
) -> None:
    await unanswered(house)
    assert house.state() is RoutineState.OFF
    assert house.shown("sensor", "routine_step") == "off_wand"
    house.devices[WAND].put_on()
    await house.pass_time(10)
    assert house.flowing == set()
    house.devices[WAND].take_off()
    house.devices[WAND].silent = False
    house.devices[WAND].disconnect()
    house.devices[WAND].connect()
    await house.pass_time(5)
    assert house.run is not None
    assert (house.state(), house.run.reason) == (RoutineState.ARMED, None)
    assert house.results == []


async def test_a_step_whose_start_is_not_answered_can_be_skipped(
    house: House,
) -> None:
    await unanswered(house)
    assert house.state() is RoutineState.OFF
    answer = await house.act("skip_step")
    assert (answer["step"], house.results) == ("rinse", ["wand skipped"])
    assert house.flowing == set()


async def test_a_wand_that_would_be_refused_is_left_out_together_with_its_gel(
    house: House,
) -> None:
    await to_wand(house)
    await house.pass_time(100)
    house.devices[WAND].take_off()
    await house.act("stop_routine")
    answer = await house.act("start_routine", steps=EVENING)
    assert answer["step"] == "cleanse"
    answer = await house.act("confirm_step")
    assert answer["steps"][2] == {
        "act": "wand",
        "result": "refused",
        "reason": answer["steps"][2]["reason"],
    }
    assert answer["steps"][2]["reason"] in {"rest", "sessions_day"}
    assert [step["result"] for step in answer["steps"]] == ["done", "dropped", "refused", "dropped"]
    assert answer["step"] == "mask"


async def test_a_wand_that_is_off_is_armed_when_it_is_back_and_dropped_after_the_window(
    house: House,
) -> None:
    house.devices[WAND].disconnect()
    await house.act("start_routine", steps=[{"act": "wand", "program": "first_use"}])
    assert house.state() is RoutineState.OFF
    assert house.shown("sensor", "routine_step") == "off_wand"
    house.devices[WAND].connect()
    await house.pass_time(3)
    assert house.state() is RoutineState.ARMED
    await house.act("stop_routine")
    await house.pass_time(2)
    assert house.state() is RoutineState.OVER
    house.devices[WAND].disconnect()
    await house.act("start_routine", steps=[{"act": "wand", "program": "first_use"}])
    house.freezer.tick(timedelta(hours=4))
    await house.pass_time(2)
    assert house.run is not None
    assert house.run.outcome is RoutineOutcome.LATE
    assert not [key for key in ir.async_get(house.hass).issues if key[0] == DOMAIN]


async def test_after_a_restart_the_run_is_in_its_step_and_no_output_is_on_before_a_person_confirms(
    house: House,
) -> None:
    await to_wand(house)
    await house.restart()
    await house.pass_time(20)
    assert house.flowing == set()
    assert house.state() is RoutineState.SUSPENDED
    assert house.shown("sensor", "routine_step") == "suspended"
    house.devices[WAND].take_off()
    await house.pass_time(30)
    assert house.state() is RoutineState.SUSPENDED
    await house.act("confirm_step")
    assert house.results == ["cleanse done", "gel done"] or house.results[-1].startswith(
        "wand refused"
    )


@pytest.mark.parametrize("how", ["shut_down", "unload"])
async def test_a_routine_whose_device_is_unloaded_waits_for_a_person(
    house: House, how: str
) -> None:
    await to_wand(house)
    if how == "shut_down":
        await house.coordinator(WAND).async_shut_down(keep=False)
    else:
        await house.hass.config_entries.async_unload(house.entries[WAND].entry_id)
    await house.hass.async_block_till_done(wait_background_tasks=True)
    assert house.state() is RoutineState.STRANDED
    assert house.results == ["cleanse done", "gel done"]
    with pytest.raises(ServiceValidationError) as caught:
        await house.act("confirm_step")
    assert caught.value.translation_key == "busy"
    house.freezer.tick(timedelta(seconds=20))
    async_fire_time_changed(house.hass)
    await house.hass.async_block_till_done()
    assert house.state() is RoutineState.SUSPENDED
    await house.act("confirm_step")
    assert house.state() in {RoutineState.OFF, RoutineState.ASKED}


async def test_a_fault_of_the_device_ends_the_routine(house: House) -> None:
    await to_wand(house)
    house.devices[WAND].latch(Fault.OVER_CURRENT)
    await house.pass_time(3)
    assert house.run is not None
    assert house.run.outcome is RoutineOutcome.FAULT
    assert house.flowing == set()


async def test_a_session_that_is_held_is_resumed_by_confirming(house: House) -> None:
    await to_wand(house)
    await house.coordinator(WAND).async_pause()
    await house.pass_time(1)
    assert house.state() is RoutineState.HELD
    await house.act("confirm_step")
    await house.pass_time(8)
    assert house.state() is RoutineState.RUNNING


async def test_a_step_follows_the_wand_that_has_its_session_though_only_another_one_is_connected(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await to_wand(house)
    coordinators = [
        Mock(modality=WAND, mac="other", live=None, last=None, state=SessionState.IDLE),
        house.coordinator(WAND),
    ]
    monkeypatch.setattr(forecast, "all_coordinators", lambda _hass: coordinators)
    house.devices[WAND].disconnect()
    await house.pass_time(1)
    assert house.state() is RoutineState.HELD


async def test_only_the_person_admins_and_automations_can_start_a_routine(
    house: House, hass_owner_user: User
) -> None:
    assert hass_owner_user.is_owner  # as the first user is
    user = await house.hass.auth.async_create_user("Ada", group_ids=["system-users"])
    house.hass.states.async_set("person.ada", "home", {"user_id": "somebody"})
    house.hass.config_entries.async_update_entry(
        house.person, data={**house.person.data, CONF_PERSON: "person.ada"}
    )
    for user_id, error in ((user.id, Unauthorized), ("gone", UnknownUser)):
        with pytest.raises(error):
            await house.hass.services.async_call(
                DOMAIN,
                "start_routine",
                {"steps": EVENING},
                blocking=True,
                context=Context(user_id=user_id),
            )
    house.hass.states.async_set("person.ada", "home", {"user_id": user.id})
    await house.hass.services.async_call(
        DOMAIN, "start_routine", {"steps": EVENING}, blocking=True, context=Context(user_id=user.id)
    )
    assert house.state() is RoutineState.HAND


async def test_stopping_the_device_stops_the_routine(house: House) -> None:
    await to_wand(house)
    await house.coordinator(WAND).async_stop()
    await house.pass_time(2)
    assert house.flowing == set()
    assert house.run is not None
    assert house.run.outcome is RoutineOutcome.STOPPED


async def test_a_running_step_that_is_skipped_is_stopped_first(house: House) -> None:
    await to_wand(house)
    await house.act("skip_step")
    await house.pass_time(1)
    assert house.flowing == set()
    assert house.state() is RoutineState.HAND
    assert house.results[-1] == "wand skipped"


@pytest.mark.parametrize("action", ["stop_routine", "skip_step"])
async def test_a_stop_is_answered_when_the_device_has_confirmed_it_while_the_disk_hangs(
    house: House, action: str
) -> None:
    await to_wand(house)
    disk = asyncio.Event()
    saved: list[object] = []

    async def hang(_store: object, data: object) -> None:
        await disk.wait()
        saved.append(data)

    with patch.object(Store, "async_save", hang):
        answer = house.hass.async_create_task(
            house.hass.services.async_call(DOMAIN, action, {}, blocking=True)
        )
        for _ in range(60):  # at most three seconds by a real clock
            if not answer.done():
                await house.hass.async_add_executor_job(time.sleep, 0.05)
        stopped, output = answer.done(), house.flowing
        assert saved == []
        disk.set()
        await answer
        await house.hass.async_block_till_done()
    assert (stopped, output) == (True, set())
    assert saved
    assert house.state() is {"stop_routine": RoutineState.OVER}.get(action, RoutineState.HAND)


async def test_a_step_whose_start_waits_for_the_disk_does_not_start_once_the_routine_is_stopped(
    house: House,
) -> None:
    disk = asyncio.Event()

    async def hang(_store: object, _data: object) -> None:
        await disk.wait()

    with patch.object(Store, "async_save", hang):
        starting = house.hass.async_create_task(
            house.hass.services.async_call(
                DOMAIN, "start_routine", {"steps": EVENING[4:]}, blocking=True
            )
        )
        await asyncio.sleep(0)
        assert (house.state(), house.coordinator(MASK).live) == (RoutineState.STARTING, None)
        await house.hass.services.async_call(DOMAIN, "stop_routine", {}, blocking=True)
        assert house.state() is RoutineState.OVER
        disk.set()
        await starting
        await house.hass.async_block_till_done()
    house.devices[MASK].put_on()
    await house.pass_time(10)
    assert (house.flowing, house.coordinator(MASK).live) == (set(), None)


@pytest.mark.parametrize("action", ["confirm_step", "skip_step", "stop_routine"])
async def test_without_a_routine_there_is_nothing_to_do(house: House, action: str) -> None:
    with pytest.raises(ServiceValidationError) as caught:
        await house.act(action)
    assert caught.value.translation_key == "wrong_state"


@pytest.mark.parametrize(
    ("steps", "key"),
    [
        (
            [{"act": "wand", "program": "first_use"}, {"act": "mask", "program": "first_use"}],
            "bad_routine",
        ),
        ([], "out_of_bounds"),
        ([{"act": "wait", "duration_s": "nan"}], "out_of_bounds"),
        ([{"act": "wait", "duration_s": -1}], "out_of_bounds"),
        ([{"act": "mask"}], "bad_routine"),
        ([{"act": "mask", "program": "eternal_youth"}], "unknown_program"),
        ([{"act": "wand", "program": "uneven_tone"}], "wrong_modality"),
    ],
)
async def test_a_routine_with_impossible_steps_is_refused_before_it_starts(
    house: House, steps: list[dict[str, str]], key: str
) -> None:
    with pytest.raises(ServiceValidationError) as caught:
        await house.act("start_routine", steps=steps)
    assert caught.value.translation_key == key
    assert house.run is None


async def test_without_a_plan_there_is_no_routine_to_start(house: House) -> None:
    for action in ("start_routine", "skip_planned"):
        with pytest.raises(ServiceValidationError) as caught:
            await house.act(action)
        assert caught.value.translation_key == "no_plan"
    with pytest.raises(ServiceValidationError) as caught:
        await house.act("start_routine", person="Nobody")
    assert caught.value.translation_key == "unknown_person"


async def test_one_person_has_one_routine_at_a_time(house: House) -> None:
    await house.act("start_routine", steps=EVENING)
    with pytest.raises(ServiceValidationError) as caught:
        await house.act("start_routine", steps=EVENING)
    assert caught.value.translation_key == "busy"


async def test_finish_by_drops_what_is_optional_when_it_is_late(house: House) -> None:
    now = dt_util.now()
    late = await house.act(
        "start_routine",
        steps=EVENING,
        finish_by=(now + timedelta(minutes=10, seconds=50)).strftime("%H:%M:%S"),
    )
    assert late["dropped"] == ["serum"]
    await house.act("stop_routine")
    in_time = await house.act(
        "start_routine", steps=EVENING, finish_by=(now + timedelta(hours=2)).strftime("%H:%M:%S")
    )
    assert (in_time["dropped"], in_time["late_s"]) == ([], 0)

"""The blueprints: imported from their address, saved, filled in and run as by a user."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.tag import async_scan_tag
from homeassistant.const import EVENT_HOMEASSISTANT_STARTED, SERVICE_RELOAD
from homeassistant.core import Context, HomeAssistant, ServiceCall, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import parse_yaml
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed, async_mock_service
from pytest_homeassistant_custom_component.test_util.aiohttp import AiohttpClientMocker
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.gate.request import SessionRequest
from custom_components.facial_therapy.core.model import Channel, Modality
from custom_components.facial_therapy.core.routine.transitions import RoutineState
from custom_components.facial_therapy.core.schedule.plan import evenings
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.core.session_parameters import MANUAL
from custom_components.facial_therapy.routines.proposals import PROPOSALS
from tests.integration.house import House, furnished

MASK, WAND = Modality.MASK, Modality.WAND
ROOT: Final = Path(__file__).parents[2]
FILES: Final = {
    path.stem: path for path in (ROOT / "blueprints/automation/facial_therapy").glob("*.yaml")
}
MONDAY: Final = datetime(2026, 11, 23, 20, tzinfo=UTC)
"""Noon in the tests' time zone, eight hours behind."""
PLAN: Final = "calendar.ada_plan"

type Make = Callable[..., Awaitable[None]]


def raw_of(url: str) -> str:
    """Where the importer looks for a file of GitHub's."""
    return url.replace("https://github.com/", "https://raw.githubusercontent.com/").replace(
        "/blob/", "/"
    )


def about(name: str) -> dict[str, Any]:
    """What a file says of itself."""
    data = parse_yaml(FILES[name].read_text())
    assert isinstance(data, dict)
    said: dict[str, Any] = data["blueprint"]
    return said


def inputs_of(name: str) -> dict[str, Any]:
    """The inputs of a file, out of their sections."""
    inputs: dict[str, Any] = {}
    for key, value in about(name)["input"].items():
        inputs |= value.get("input", {key: value})
    return inputs


@pytest.fixture
async def house(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> AsyncGenerator[House]:
    """A house with both devices on a Monday at noon; Ada has three evenings a week."""
    freezer.move_to(MONDAY)
    hass.config.config_dir = str(tmp_path)
    assert await async_setup_component(hass, "automation", {})
    async with furnished(hass, freezer, tmp_path) as found:
        await found.routines.plan.async_choose("fine_lines", evenings=evenings(3))
        yield found
        await reload(found)


@pytest.fixture
async def make(
    house: House, hass_ws_client: WebSocketGenerator, aioclient_mock: AiohttpClientMocker
) -> Make:
    """What imports a blueprint from its address, saves it, and makes an automation of it."""
    client = await hass_ws_client(house.hass)

    async def make(name: str, **inputs: Any) -> None:
        url = about(name)["source_url"]
        aioclient_mock.get(raw_of(url), text=FILES[name].read_text())  # type: ignore[no-untyped-call]
        await client.send_json_auto_id({"type": "blueprint/import", "url": url})
        found = (await client.receive_json())["result"]
        assert (found["suggested_filename"], found["validation_errors"], found["exists"]) == (
            f"facial-therapy/{name}",
            None,
            False,
        )
        path = f"{found['suggested_filename']}.yaml"
        await client.send_json_auto_id(
            {
                "type": "blueprint/save",
                "domain": "automation",
                "path": path,
                "yaml": found["raw_data"],
                "source_url": url,
            }
        )
        assert (await client.receive_json())["success"]
        await reload(
            house, {"id": name, "alias": name, "use_blueprint": {"path": path, "input": inputs}}
        )
        state = house.hass.states.get(f"automation.{name}")
        assert state is not None
        assert state.state == "on"

    return make


async def reload(house: House, *automations: dict[str, Any]) -> None:
    """Have these automations and no others; none of them heard what happened before."""
    with patch(
        "homeassistant.config.load_yaml_config_file",
        autospec=True,
        return_value={"automation": list(automations)},
    ):
        await house.hass.services.async_call("automation", SERVICE_RELOAD, blocking=True)
    await house.hass.async_block_till_done()


async def hearing(house: House, name: str, *, on: bool) -> None:
    """Turn an automation off, or on with the start event of Home Assistant."""
    await house.hass.services.async_call(
        "automation",
        "turn_on" if on else "turn_off",
        {"entity_id": f"automation.{name}"},
        blocking=True,
    )
    if on:
        house.hass.bus.async_fire(EVENT_HOMEASSISTANT_STARTED)
    await house.hass.async_block_till_done()


async def at(house: House, clock: str, *, days: int = 0) -> None:
    """Let it become a time of that Monday or a later day."""
    hour, minute = map(int, clock.split(":"))
    house.freezer.move_to(
        dt_util.as_local(MONDAY).replace(hour=hour, minute=minute)
        + timedelta(days=days, seconds=-1)
    )
    await house.pass_time(120, 60)


async def show(house: House, entity_id: str, state: str, **attributes: Any) -> None:
    """Let an entity that is not ours show something."""
    house.hass.states.async_set(entity_id, state, attributes)
    await house.hass.async_block_till_done()


def ours(house: House, platform: str, modality: Modality, key: str) -> str:
    """An entity of a device."""
    entity_id = er.async_get(house.hass).async_get_entity_id(
        platform, DOMAIN, f"{house.coordinator(modality).mac}_{key}"
    )
    assert entity_id is not None
    return entity_id


async def arm(house: House, modality: Modality = MASK, duration_s: float = 100) -> None:
    """Arm a small session."""
    numbers: dict[str, Any] = (
        {"irradiance_mw_cm2": {Channel.RED: 14.0}}
        if modality is MASK
        else {"current_ua": 50.0, "frequency_hz": 8.3}
    )
    await house.coordinator(modality).async_start(
        SessionRequest(
            person=house.routines.person, program=MANUAL, duration_s=duration_s, **numbers
        )
    )
    await house.hass.async_block_till_done()


async def begin(house: House, modality: Modality = MASK) -> None:
    """Arm a small session and put the device on."""
    await arm(house, modality)
    house.devices[modality].put_on()
    await house.pass_time(5)
    assert house.coordinator(modality).state is SessionState.RUNNING


# --- what all of them are -------------------------------------------------------------------------


@pytest.mark.parametrize("name", FILES)
async def test_each_says_what_it_is_and_can_be_imported_by_a_link_of_the_docs(name: str) -> None:
    said = about(name)
    manifest = json.loads((ROOT / "custom_components/facial_therapy/manifest.json").read_text())
    assert (
        said["source_url"]
        == f"{manifest['documentation']}/blob/main/{FILES[name].relative_to(ROOT)}"
    )
    assert (
        said["homeassistant"]["min_version"]
        == json.loads((ROOT / "hacs.json").read_text())["homeassistant"]
    )
    assert said["name"].startswith("Facial Therapy: ")
    assert said["description"]
    assert [
        key
        for key, value in inputs_of(name).items()
        if not (value.get("name") and value.get("selector"))
    ] == []
    link = f"https://my.home-assistant.io/redirect/blueprint_import/?blueprint_url={said['source_url']}"
    assert link in (ROOT / "docs/automations.md").read_text()


def test_there_are_six_and_each_asks_for_two_things_at_most() -> None:
    needed = {
        name: {key for key, value in inputs_of(name).items() if "default" not in value}
        for name in FILES
    }
    assert needed == {
        "announce": {"ends"},
        "evening_routine": {"plan"},
        "reminder": {"plan"},
        "room_scene": {"devices", "memory"},
        "stop_everything": {"causes"},
        "tag": {"plan", "tag"},
    }


# --- evening routine ------------------------------------------------------------------------------


def asked(house: House) -> bool:
    """Whether the person is asked whether to begin."""
    return house.person.entry_id in house.hass.data[PROPOSALS]._open


async def test_an_evening_that_is_due_is_asked_about_and_nothing_begins(
    house: House, make: Make
) -> None:
    await make("evening_routine", plan=PLAN)
    await at(house, "19:50")
    assert not asked(house)
    await at(house, "20:00")
    assert asked(house)
    assert house.run is None


async def test_an_evening_that_is_due_begins_at_its_first_step_if_that_is_chosen(
    house: House, make: Make
) -> None:
    await make("evening_routine", plan=PLAN, mode="arm")
    await at(house, "20:00")
    assert house.state() is RoutineState.HAND
    assert house.flowing == set()
    assert not asked(house)


async def test_it_waits_for_everybody_to_come_home_and_for_its_time(
    house: House, make: Make
) -> None:
    await show(house, "person.ada", "not_home")
    await show(house, "device_tracker.phone", "home")
    await make(
        "evening_routine",
        plan=PLAN,
        mode="arm",
        home=["person.ada", "device_tracker.phone"],
        earliest="20:30:00",
    )
    await at(house, "20:00")
    await at(house, "20:30")
    assert house.run is None
    await show(house, "device_tracker.phone", "not_home")
    await show(house, "person.ada", "home")
    assert house.run is None
    await show(house, "device_tracker.phone", "home")
    assert house.state() is RoutineState.HAND


async def test_what_is_due_before_its_time_begins_at_its_time(house: House, make: Make) -> None:
    await show(house, "person.ada", "not_home")
    await make("evening_routine", plan=PLAN, mode="arm", home=["person.ada"], earliest="21:00:00")
    await at(house, "20:00")
    await show(house, "person.ada", "home")
    assert house.run is None
    await at(house, "21:00")
    assert house.state() is RoutineState.HAND


@pytest.mark.parametrize("state", ["not_home", "unavailable", "unknown"])
async def test_nothing_begins_while_it_is_not_known_that_they_are_at_home(
    house: House, make: Make, state: str
) -> None:
    await show(house, "person.ada", state)
    await make("evening_routine", plan=PLAN, home=["person.ada"])
    await at(house, "20:00")
    await show(house, "person.ada", "work")
    await show(house, "person.ada", state)
    assert not asked(house)


async def test_coming_home_before_the_evening_or_on_another_day_begins_nothing(
    house: House, make: Make
) -> None:
    await show(house, "person.ada", "not_home")
    await make("evening_routine", plan=PLAN, home=["person.ada"])
    await show(house, "person.ada", "home")
    await at(house, "20:00", days=1)
    await show(house, "person.ada", "not_home")
    await show(house, "person.ada", "home")
    assert not asked(house)


async def test_each_evening_is_asked_about_once_also_over_a_restart(
    house: House, make: Make
) -> None:
    await show(house, "person.ada", "home")
    await make("evening_routine", plan=PLAN, home=["person.ada"])
    await at(house, "20:00")
    assert asked(house)
    house.hass.data[PROPOSALS]._open.clear()  # as if answered
    await house.restart()
    await hearing(house, "evening_routine", on=False)
    await hearing(house, "evening_routine", on=True)
    await show(house, "person.ada", "not_home")
    await show(house, "person.ada", "home")
    await at(house, "21:00")
    assert not asked(house)
    await at(house, "20:00", days=2)
    assert asked(house)


async def test_what_became_due_while_home_assistant_was_away_is_asked_about_when_it_is_back(
    house: House, make: Make
) -> None:
    await make("evening_routine", plan=PLAN)
    await hearing(house, "evening_routine", on=False)
    await at(house, "20:00")
    assert not asked(house)
    await hearing(house, "evening_routine", on=True)
    assert asked(house)


# --- reminder -------------------------------------------------------------------------------------


@pytest.fixture
def messages(house: House) -> list[dict[str, Any]]:
    """Collect the messages to notify entities."""
    messages: list[dict[str, Any]] = []

    async def note(call: ServiceCall) -> None:
        messages.append(dict(call.data))

    house.hass.services.async_register("notify", "send_message", note)
    return messages


async def test_what_has_not_been_begun_is_reminded_of_at_the_time_once(
    house: House, make: Make, messages: list[dict[str, Any]]
) -> None:
    also = async_mock_service(house.hass, "test", "also")
    await make("reminder", plan=PLAN, notify=["notify.phone"], also=[{"action": "test.also"}])
    await at(house, "20:00")
    assert messages == []
    await at(house, "21:30")
    assert messages == [
        {"entity_id": ["notify.phone"], "message": "Your evening routine is still open."}
    ]
    await house.restart()
    await at(house, "22:00")
    assert (len(messages), len(also)) == (1, 1)


async def test_where_nobody_is_chosen_home_assistant_itself_reminds(
    house: House, make: Make, messages: list[dict[str, Any]]
) -> None:
    assert await async_setup_component(house.hass, "persistent_notification", {})
    await make("reminder", plan=PLAN, at="20:45:00", message="Time for the mask")
    await at(house, "20:45")
    notifications = house.hass.data["persistent_notification"]
    assert [each["message"] for each in notifications.values()] == ["Time for the mask"]
    assert messages == []


async def test_nobody_is_reminded_of_what_is_gone_through_left_out_or_not_planned(
    house: House, make: Make, messages: list[dict[str, Any]]
) -> None:
    await make("reminder", plan=PLAN, notify=["notify.phone"])
    await at(house, "20:00")
    await house.act("start_routine")
    await at(house, "21:30")  # Monday, gone through
    await house.act("stop_routine")
    await at(house, "21:30", days=1)  # Tuesday, not planned
    await at(house, "20:00", days=2)
    await house.act("skip_planned")
    await at(house, "21:30", days=2)  # Wednesday, left out
    assert messages == []
    await at(house, "21:30", days=4)
    assert len(messages) == 1


async def test_nobody_is_reminded_for_a_person_who_is_not_loaded(
    house: House, make: Make, messages: list[dict[str, Any]]
) -> None:
    await make("reminder", plan=PLAN, notify=["notify.phone"])
    await at(house, "20:00")
    await house.hass.config_entries.async_unload(house.person.entry_id)
    await at(house, "21:30")
    assert messages == []


# --- room scene -----------------------------------------------------------------------------------


class Room:
    """Lights and a player that obey unless they are unavailable."""

    def __init__(self, hass: HomeAssistant) -> None:
        self.hass = hass
        self.restore()
        hass.services.async_register("light", "turn_on", self._light)
        hass.services.async_register("media_player", "volume_set", self._volume)

    def restore(self) -> None:
        """Let everything be as it was before anything."""
        self.hass.states.async_set("light.ceiling", "on", {"brightness": 200})
        self.hass.states.async_set("light.mirror", "on", {"brightness": 90})
        self.hass.states.async_set("light.night", "on", {"brightness": 20})
        self.hass.states.async_set("light.hall", "off", {"brightness": None})
        self.hass.states.async_set("media_player.radio", "playing", {"volume_level": 0.45})
        self.hass.states.async_set("media_player.tv", "paused", {"volume_level": 0.6})

    @callback
    def _light(self, call: ServiceCall) -> None:
        assert call.data["transition"] == 2
        for entity_id in call.data["entity_id"]:
            self._set(
                entity_id,
                "on",
                {
                    "brightness": call.data.get("brightness")
                    or round(call.data["brightness_pct"] * 2.55)
                },
            )

    @callback
    def _volume(self, call: ServiceCall) -> None:
        for entity_id in call.data["entity_id"]:
            self._set(entity_id, "playing", {"volume_level": call.data["volume_level"]})

    def _set(self, entity_id: str, state: str, attributes: dict[str, Any]) -> None:
        found = self.hass.states.get(entity_id)
        if found is not None and found.state != "unavailable":
            self.hass.states.async_set(entity_id, state, attributes)

    @property
    def levels(self) -> dict[str, float | None]:
        """Return brightness and volume of all that are on and available."""
        found = {
            state.entity_id.partition(".")[2]: state.attributes
            for state in self.hass.states.async_all(("light", "media_player"))
        }
        return {
            name: level
            for name, each in found.items()
            if (level := each.get("brightness", each.get("volume_level"))) is not None
        }


BEFORE: Final = {"ceiling": 200, "mirror": 90, "night": 20, "radio": 0.45, "tv": 0.6}
DURING: Final = BEFORE | {"ceiling": 26, "mirror": 26, "radio": 0.1}


@pytest.fixture
async def room(house: House) -> Room:
    """The room, with the text helper of the automation."""
    for modality in Modality:  # which have lights of their own
        for entry in er.async_entries_for_config_entry(
            er.async_get(house.hass), house.entries[modality].entry_id
        ):
            if entry.domain == "light":
                er.async_get(house.hass).async_remove(entry.entity_id)
    await house.hass.async_block_till_done()
    assert await async_setup_component(
        house.hass, "input_text", {"input_text": {"room": {}, "short": {"max": 4}}}
    )
    return Room(house.hass)


async def scene(house: House, make: Make, **inputs: Any) -> None:
    """Make the automation for everything in the room."""
    entities = {
        "lights": ["light.ceiling", "light.mirror", "light.night", "light.hall"],
        "players": ["media_player.radio", "media_player.tv"],
    }
    devices = [ours(house, "switch", modality, "session") for modality in Modality]
    await make(
        "room_scene", **{"devices": devices, "memory": "input_text.room", **entities, **inputs}
    )


async def test_lights_and_sound_are_turned_down_during_a_session_and_restored_after_it(
    house: House, make: Make, room: Room
) -> None:
    await scene(house, make)
    await arm(house)
    assert room.levels == BEFORE
    house.devices[MASK].put_on()
    await house.pass_time(5)
    assert room.levels == DURING
    await house.coordinator(MASK).async_pause()
    await house.pass_time(5)
    await house.coordinator(MASK).async_resume()
    await house.pass_time(5)
    assert room.levels == DURING
    await house.pass_time(100)
    assert house.coordinator(MASK).state is SessionState.IDLE
    assert room.levels == BEFORE
    assert house.hass.states.get("input_text.room").state == ""  # type: ignore[union-attr]


async def test_what_was_switched_off_meanwhile_stays_off(
    house: House, make: Make, room: Room
) -> None:
    await scene(house, make)
    await begin(house)
    await show(house, "light.ceiling", "off")
    await house.coordinator(MASK).async_stop()
    await house.pass_time(1)
    assert house.hass.states.get("light.ceiling").state == "off"  # type: ignore[union-attr]
    assert room.levels == {name: level for name, level in BEFORE.items() if name != "ceiling"}


async def test_a_room_is_restored_at_the_start_if_a_session_ended_while_home_assistant_was_down(
    house: House, make: Make, room: Room
) -> None:
    await scene(house, make)
    await begin(house)
    await hearing(house, "room_scene", on=False)
    await house.coordinator(MASK).async_stop()
    await house.pass_time(1)
    for away in ("light.mirror", "media_player.radio"):  # not there yet
        await show(house, away, "unavailable")
    assert room.levels["ceiling"] == DURING["ceiling"]
    await hearing(house, "room_scene", on=True)
    assert room.levels == {
        name: level for name, level in BEFORE.items() if name not in ("mirror", "radio")
    }
    await show(house, "media_player.radio", "playing", volume_level=0.1)
    assert room.levels["radio"] == BEFORE["radio"]
    await show(house, "light.mirror", "unknown")
    await show(house, "light.mirror", "on", brightness=26)
    assert room.levels == BEFORE
    assert house.hass.states.get("input_text.room").state == ""  # type: ignore[union-attr]


async def test_a_session_that_still_runs_when_home_assistant_has_started_keeps_the_room_as_it_is(
    house: House, make: Make, room: Room
) -> None:
    await scene(house, make)
    await begin(house)
    await hearing(house, "room_scene", on=False)
    await hearing(house, "room_scene", on=True)
    await show(house, "light.ceiling", "unavailable")
    await show(house, "light.ceiling", "on", brightness=26)
    assert room.levels == DURING
    await house.coordinator(MASK).async_stop()
    await house.pass_time(1)
    assert room.levels == BEFORE


async def test_a_restart_without_a_session_changes_nothing(
    house: House, make: Make, room: Room
) -> None:
    await scene(house, make)
    await hearing(house, "room_scene", on=False)
    await hearing(house, "room_scene", on=True)
    await show(house, "light.hall", "unavailable")
    await show(house, "light.hall", "on", brightness=130)
    assert room.levels == BEFORE | {"hall": 130}


@pytest.mark.parametrize("memory", ["input_text.short", "input_text.gone"])
async def test_what_could_not_be_kept_is_not_changed(
    house: House, make: Make, room: Room, memory: str
) -> None:
    await scene(house, make, memory=memory)
    await begin(house)
    assert room.levels == BEFORE
    await house.coordinator(MASK).async_stop()
    await house.pass_time(1)
    assert room.levels == BEFORE


@pytest.mark.parametrize(
    "inputs", [{"players": []}, {"lights": []}, {"lights": ["light.ceiling"], "players": []}]
)
async def test_lights_alone_players_alone_and_a_single_one_are_put_back_too(
    house: House, make: Make, room: Room, inputs: dict[str, Any]
) -> None:
    await scene(house, make, brightness=40, volume=20, **inputs)
    await begin(house)
    changed = {name for name, level in room.levels.items() if level != BEFORE[name]}
    lights, players = (
        inputs.get("lights", ["light.ceiling"]),
        inputs.get("players", ["media_player.radio"]),
    )
    assert changed == {name.partition(".")[2] for name in lights + players}
    await house.coordinator(MASK).async_stop()
    await house.pass_time(1)
    assert room.levels == BEFORE


# --- announce -------------------------------------------------------------------------------------


@pytest.fixture
async def said(house: House) -> list[tuple[str, Any]]:
    """Return the announcements, each with its way."""
    said: list[tuple[str, Any]] = []

    @callback
    def note(call: ServiceCall) -> None:
        said.append(
            (
                f"{call.domain}.{call.service}",
                call.data.get("message") or call.data.get("rgb_color"),
            )
        )

    for domain, action in (
        ("assist_satellite", "announce"),
        ("tts", "speak"),
        ("light", "turn_on"),
    ):
        house.hass.services.async_register(domain, action, note)
    assert await async_setup_component(house.hass, "scene", {})
    return said


async def test_the_zones_of_a_wand_and_the_last_minute_are_said_by_satellites_and_speech(
    house: House, make: Make, said: list[tuple[str, Any]]
) -> None:
    ends = ours(house, "sensor", WAND, "session_ends")
    await make(
        "announce",
        ends=ends,
        satellites=["assist_satellite.bath"],
        tts="tts.voice",
        players=["media_player.bath"],
    )
    await arm(house, WAND, duration_s=130)
    await house.pass_time(5)
    assert said == []
    house.devices[WAND].put_on()
    await house.pass_time(135)
    words = [word for how, word in said if how == "assist_satellite.announce"]
    assert words == ["Forehead", "Cheeks", "The last minute.", "Jawline"]
    assert [word for how, word in said if how == "tts.speak"] == words
    assert "light.turn_on" not in dict(said)


async def test_the_last_minute_is_that_of_the_session_as_it_is_then(
    house: House, make: Make, said: list[tuple[str, Any]]
) -> None:
    await make(
        "announce",
        ends=ours(house, "sensor", MASK, "session_ends"),
        satellites=["assist_satellite.bath"],
    )
    await begin(house)  # of 100 s
    await house.coordinator(MASK).async_pause()
    await house.pass_time(60)
    assert said == []
    await house.coordinator(MASK).async_resume()
    await house.pass_time(30)
    assert said == []
    await house.pass_time(15)
    assert said == [("assist_satellite.announce", "The last minute.")]
    await house.pass_time(70)
    assert len(said) == 1


async def test_a_session_that_is_stopped_before_and_one_that_is_shorter_have_no_last_minute(
    house: House, make: Make, said: list[tuple[str, Any]]
) -> None:
    await make(
        "announce",
        ends=ours(house, "sensor", MASK, "session_ends"),
        satellites=["assist_satellite.bath"],
    )
    await begin(house)
    await house.coordinator(MASK).async_stop()
    house.devices[MASK].take_off()
    await house.pass_time(60)
    await show(house, ours(house, "sensor", MASK, "session_ends"), "unavailable")
    assert said == []


async def test_what_is_left_empty_is_not_said(
    house: House, make: Make, said: list[tuple[str, Any]]
) -> None:
    await make(
        "announce",
        ends=ours(house, "sensor", WAND, "session_ends"),
        satellites=["assist_satellite.bath"],
        zones=[],
        minute="",
    )
    await begin(house, WAND)
    await house.pass_time(100)
    assert said == []


async def test_lights_show_a_color_and_then_what_they_showed_before(
    house: House, make: Make, said: list[tuple[str, Any]]
) -> None:
    restored = async_mock_service(house.hass, "scene", "turn_on")
    await show(house, "light.mirror", "on", brightness=90)
    await make(
        "announce",
        ends=ours(house, "sensor", WAND, "session_ends"),
        lights=["light.mirror"],
        minute="",
    )
    await arm(house, WAND)
    house.devices[WAND].put_on()
    passing = asyncio.create_task(house.pass_time(5))
    while not passing.done():  # the automation waits two seconds, which are the frozen clock's
        for _ in range(200):
            await asyncio.sleep(0)
        house.freezer.tick(timedelta(seconds=0.5))
        async_fire_time_changed(house.hass)
    await passing
    assert [(how, list(color)) for how, color in said] == [("light.turn_on", [0, 120, 255])]
    assert [call.data["entity_id"] for call in restored] == [["scene.announce_before"]]
    assert house.hass.states.get("scene.announce_before") is None


# --- tag ------------------------------------------------------------------------------------------


@pytest.fixture
async def tag(house: House) -> str:
    """A tag that was scanned once before."""
    assert await async_setup_component(house.hass, "tag", {})
    await async_scan_tag(house.hass, "mirror", None)
    await house.hass.async_block_till_done()
    (entity_id,) = house.hass.states.async_entity_ids("tag")
    return entity_id


async def scan(house: House, tag_id: str) -> None:
    """Hold a phone to a tag."""
    await async_scan_tag(house.hass, tag_id, "phone", Context())
    await house.hass.async_block_till_done()


async def test_a_tag_begins_the_routine_of_its_person_and_nothing_flows(
    house: House, make: Make, tag: str
) -> None:
    await make("tag", tag=tag, plan=PLAN)
    await hearing(house, "tag", on=False)
    await hearing(house, "tag", on=True)
    await show(house, tag, "unavailable")
    await show(house, tag, "2026-11-23T20:00:00+00:00", tag_id="mirror")
    await scan(house, "another")
    assert house.run is None
    await scan(house, "mirror")
    assert house.state() is RoutineState.HAND
    assert house.flowing == set()
    await scan(house, "mirror")  # busy: refused
    assert house.state() is RoutineState.HAND


async def test_a_tag_asks_if_that_is_chosen(house: House, make: Make, tag: str) -> None:
    await make("tag", tag=tag, plan=PLAN, mode="propose")
    await scan(house, "mirror")
    assert asked(house)
    assert house.run is None


async def test_a_tag_arms_one_device_or_waits_for_it(house: House, make: Make, tag: str) -> None:
    await make("tag", tag=tag, plan=PLAN, device=ours(house, "switch", MASK, "session"))
    await scan(house, "mirror")
    live = house.coordinator(MASK).live
    assert live is not None
    assert (house.coordinator(MASK).state, live.person.name, live.program) == (
        SessionState.ARMED,
        "Ada",
        "first_use",
    )
    assert house.flowing == set()
    await house.coordinator(MASK).async_stop()
    house.devices[MASK].disconnect()
    await house.pass_time(1)
    await scan(house, "mirror")
    assert house.coordinator(MASK).state is SessionState.WAITING
    assert house.run is None


# --- stop everything ------------------------------------------------------------------------------


RANG: Final = "2026-11-23T20:00:00.000+00:00"
RANG_AGAIN: Final = "2026-11-23T20:05:00.000+00:00"


@pytest.mark.parametrize(
    ("entity_id", "before", "after"),
    [
        ("binary_sensor.smoke", "off", "on"),
        ("binary_sensor.smoke", "unavailable", "on"),
        ("event.doorbell", RANG, RANG_AGAIN),
        ("event.doorbell", "unknown", RANG),
    ],
)
async def test_an_alarm_or_a_ring_stops_the_session_and_the_routine(
    house: House, make: Make, entity_id: str, before: str, after: str
) -> None:
    await show(house, entity_id, before)
    await make("stop_everything", causes=["binary_sensor.smoke", "event.doorbell"])
    await house.act("start_routine", steps=[{"act": "mask", "program": "first_use"}])
    house.devices[MASK].put_on()
    await house.pass_time(5)
    assert house.flowing == {MASK}
    await show(house, entity_id, after)
    await house.pass_time(1)
    assert house.flowing == set()
    assert house.coordinator(MASK).state is SessionState.IDLE
    assert house.state() is RoutineState.OVER


@pytest.mark.parametrize(
    ("entity_id", "before", "after"),
    [
        ("binary_sensor.smoke", "on", "off"),
        ("binary_sensor.smoke", "unavailable", "off"),
        ("binary_sensor.smoke", "off", "unavailable"),
        ("binary_sensor.smoke", "off", "unknown"),
        ("event.doorbell", "unavailable", RANG),
        ("event.doorbell", RANG, "unavailable"),
        ("event.doorbell", "unavailable", "unknown"),
        ("binary_sensor.hall", "off", "on"),
        ("event.button", RANG, RANG_AGAIN),
    ],
)
async def test_nothing_is_stopped_by_what_goes_away_or_returns_or_by_others(
    house: House, make: Make, entity_id: str, before: str, after: str
) -> None:
    await show(house, entity_id, before)
    await make("stop_everything", causes=["binary_sensor.smoke", "event.doorbell"])
    await begin(house)
    await show(house, entity_id, after)
    await house.pass_time(1)
    assert house.flowing == {MASK}

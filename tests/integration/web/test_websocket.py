"""What the card sees: whole at first, then what changes, and nothing that is nobody's business."""

from typing import Any

from homeassistant.helpers import entity_registry as er
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.typing import MockHAClientWebSocket, WebSocketGenerator

from custom_components.facial_therapy.const import CONF_ELIGIBILITY
from custom_components.facial_therapy.core.model import Fault, Modality, Outcome
from tests.integration.entities import entity_id
from tests.integration.world import PROFILE, World, person_entry

SECRETS = ("profile", "skin_type", "skin_factor", str(PROFILE), "impedance", "owner", "session_id")

type Message = dict[str, Any]


class Follower:
    """A browser that keeps the messages, as the card does."""

    def __init__(self, client: MockHAClientWebSocket) -> None:
        self.client = client
        self.devices: dict[str, Message] = {}
        self.now = 0.0
        self.events: list[Message] = []

    async def subscribe(self, **fields: str) -> None:
        """Begin to follow."""
        await self.client.send_json_auto_id({"type": "facial_therapy/subscribe", **fields})
        assert (await self.client.receive_json())["success"]
        await self.catch_up()

    async def catch_up(self) -> list[Message]:
        """Read all messages that were sent before the answer to a ping."""
        await self.client.send_json_auto_id({"type": "ping"})
        news: list[Message] = []
        while (message := await self.client.receive_json())["type"] != "pong":
            event = message["event"]
            news.append(event)
            self.now = event["now"]
            for key, changed in event.get("devices", {}).items():
                self.devices[key] = {**self.devices.get(key, {}), **changed}
            for key in event.get("removed", ()):
                self.devices.pop(key)
        self.events += news
        return news

    def device(self, world: World) -> Message:
        """Return the newest data of the device."""
        return self.devices[world.entry.entry_id]


@pytest.fixture(name="follower")
async def follower_fixture(world: World, hass_ws_client: WebSocketGenerator) -> Follower:
    follower = Follower(await hass_ws_client(world.hass))
    await follower.subscribe()
    return follower


async def test_a_device_that_is_idle_shows_what_could_be_started_and_for_whom(
    world: World, follower: Follower
) -> None:
    shown = follower.device(world)
    assert (shown["state"], shown["name"], shown["modality"], shown["connected"]) == (
        "idle",
        "Mask",
        "mask",
        True,
    )
    assert shown["device_id"] == world.device_id
    assert (shown["people"], shown["person"], shown["program"]) == (["Ada"], "Ada", "first_use")
    assert shown["programs"]["fine_lines"] == "Fine lines"
    assert (
        shown["session"],
        shown["last"],
        shown["fault"],
        shown["refusals"],
        shown["lease_ends_at"],
    ) == (None, None, None, [], None)
    assert shown["may_control"] is True
    assert shown["entities"]["session"] == entity_id(world, "switch", "session")


@pytest.mark.parametrize("modality", list(Modality))
async def test_a_running_session_shows_its_levels_and_the_end_of_its_lease(
    world: World, follower: Follower
) -> None:
    await world.run()
    await follower.catch_up()
    shown = follower.device(world)
    session = shown["session"]
    assert (
        shown["state"],
        shown["worn"],
        session["phase"],
        session["person"],
        session["program"],
    ) == ("running", True, "running", "Ada", "Manual")
    assert session["duration_s"] == 60
    assert session["ends_at"] - follower.now == pytest.approx(50, abs=2)
    lease_s = 10 if world.modality is Modality.MASK else 5
    assert 0 < shown["lease_ends_at"] - follower.now <= lease_s
    if world.modality is Modality.MASK:
        assert session["levels"] == {"red": 14, "near_infrared": 14}
        assert (
            0
            < session["delivered"]["fluence_j_cm2"]["red"]
            <= session["planned"]["fluence_j_cm2"]["red"]
        )
    else:
        assert (session["current_ua"], session["frequency_hz"]) == (50, 8.3)
        assert session["planned"]["charge_ma_min"] == pytest.approx(0.05, abs=0.01)


async def test_only_what_has_changed_is_sent(world: World, follower: Follower) -> None:
    follower.events.clear()
    await world.run()
    await follower.catch_up()
    assert follower.events
    for event in follower.events:
        [changed] = event["devices"].values()
        assert not changed.keys() & {"name", "device_id", "people", "programs", "modality"}
    assert await follower.catch_up() == []


async def test_armed_paused_and_suspended_say_until_when_they_last(
    world: World, follower: Follower
) -> None:
    await world.coordinator.async_start(world.ask())
    await follower.catch_up()
    assert follower.device(world)["state"] == "armed"
    assert follower.device(world)["session"]["window_ends_at"] - follower.now == pytest.approx(
        60, abs=2
    )
    world.device.put_on()
    await world.pass_time(10)
    await world.coordinator.async_pause()
    await world.pass_time(1)
    await follower.catch_up()
    shown = follower.device(world)
    assert (shown["state"], shown["session"]["phase"], shown["lease_ends_at"]) == (
        "paused",
        None,
        None,
    )
    assert shown["session"]["left_s"] == pytest.approx(50, abs=2)
    assert shown["session"]["kept_until"] - follower.now == pytest.approx(600, abs=5)


async def test_a_device_that_does_not_answer_shows_when_its_lease_ends(
    world: World, follower: Follower
) -> None:
    await world.run()
    world.device.disconnect()
    await follower.catch_up()
    shown = follower.device(world)
    assert (shown["state"], shown["connected"]) == ("lost", False)
    assert shown["lease_ends_at"] is not None


async def test_a_fault_is_named_in_words(world: World, follower: Follower) -> None:
    await world.run()
    world.device.latch(Fault.OVER_TEMPERATURE)
    await world.pass_time(1)
    await follower.catch_up()
    shown = follower.device(world)
    assert (shown["state"], shown["fault"]) == (
        "fault",
        {"fault": "over_temperature", "name": "Too hot"},
    )
    refusal = shown["refusals"][0]
    assert (refusal["reason"], refusal["allowed_at"]) == ("faulted", None)
    assert "Too hot" in refusal["message"]


async def test_how_the_last_session_ended_is_shown(world: World, follower: Follower) -> None:
    await world.run()
    await world.coordinator.async_stop()
    await world.pass_time(1)
    await follower.catch_up()
    shown = follower.device(world)
    assert shown["session"] is None
    assert shown["last"]["outcome"] == Outcome.STOPPED
    assert shown["last"]["delivered"]["fluence_j_cm2"]["red"] > 0


async def test_a_device_that_is_not_loaded_is_unavailable_until_it_is_back(
    world: World, follower: Follower
) -> None:
    await world.hass.config_entries.async_unload(world.entry.entry_id)
    await follower.catch_up()
    assert follower.device(world)["state"] == "unavailable"
    await world.hass.config_entries.async_setup(world.entry.entry_id)
    await world.hass.async_block_till_done()
    await follower.catch_up()
    assert follower.device(world)["state"] == "idle"
    await world.hass.config_entries.async_remove(world.entry.entry_id)
    await follower.catch_up()
    assert follower.devices == {}


async def test_a_person_who_comes_is_a_choice(world: World, follower: Follower) -> None:
    grace = person_entry("Grace", 99)
    grace.add_to_hass(world.hass)
    await world.hass.config_entries.async_setup(grace.entry_id)
    await follower.catch_up()
    assert follower.device(world)["people"] == ["Ada", "Grace"]
    assert follower.device(world)["person"] is None


async def test_nothing_of_skin_and_no_token_is_ever_sent(world: World, follower: Follower) -> None:
    await world.run()
    await world.coordinator.async_stop()
    await follower.catch_up()
    assert not [secret for secret in SECRETS if secret in str(follower.events)]


async def test_a_read_only_user_sees_everything_and_may_control_nothing(
    world: World, hass_ws_client: WebSocketGenerator, hass_read_only_access_token: str
) -> None:
    follower = Follower(await hass_ws_client(world.hass, hass_read_only_access_token))
    await follower.subscribe()
    assert follower.device(world)["state"] == "idle"
    assert follower.device(world)["may_control"] is False
    await follower.client.send_json_auto_id(
        {
            "type": "facial_therapy/check",
            "entry_id": world.entry.entry_id,
            "person": "Ada",
            "program": "first_use",
        }
    )
    assert (await follower.client.receive_json())["error"]["code"] == "unauthorized"


@pytest.mark.parametrize("language", ["xx", "../../../secrets", ""])
async def test_a_language_that_nobody_knows_is_english(
    world: World, hass_ws_client: WebSocketGenerator, language: str
) -> None:
    follower = Follower(await hass_ws_client(world.hass))
    await follower.subscribe(language=language)
    assert follower.device(world)["programs"]["fine_lines"] == "Fine lines"


@pytest.mark.parametrize("fields", [{"language": []}, {"language": None}, {"device": "x"}])
async def test_a_subscription_with_a_wrong_field_is_refused(
    world: World, hass_ws_client: WebSocketGenerator, fields: Message
) -> None:
    client = await hass_ws_client(world.hass)
    await client.send_json_auto_id({"type": "facial_therapy/subscribe", **fields})
    assert (await client.receive_json())["error"]["code"] == "invalid_format"


async def test_nothing_is_sent_after_unsubscribing(world: World, follower: Follower) -> None:
    await follower.client.send_json_auto_id({"type": "unsubscribe_events", "subscription": 1})
    assert (await follower.client.receive_json())["success"]
    await world.run()
    assert await follower.catch_up() == []


async def test_two_browsers_see_the_same(
    world: World, follower: Follower, hass_ws_client: WebSocketGenerator
) -> None:
    other = Follower(await hass_ws_client(world.hass))
    await world.run()
    await other.subscribe()
    await follower.catch_up()
    assert {**follower.device(world), "lease_ends_at": 0} == {
        **other.device(world),
        "lease_ends_at": 0,
    }  # renewed after the newest report


async def test_a_device_whose_entities_are_disabled_is_shown_without_them(
    world: World, follower: Follower
) -> None:
    er.async_get(world.hass).async_update_entity(
        entity_id(world, "select", "program"), disabled_by=er.RegistryEntryDisabler.USER
    )
    await world.run()
    await follower.catch_up()
    assert "program" not in follower.device(world)["entities"]


async def test_health_reasons_are_not_shown_to_every_user(world: World, follower: Follower) -> None:
    [person] = [
        entry
        for entry in world.hass.config_entries.async_entries("facial_therapy")
        if entry.title == "Ada"
    ]
    data = {
        **person.data,
        CONF_ELIGIBILITY: {
            **person.data[CONF_ELIGIBILITY],
            "red_flag_at": dt_util.utcnow().isoformat(),
        },
    }
    world.hass.config_entries.async_update_entry(person, data=data)
    await world.pass_time(2)
    await follower.catch_up()
    assert [
        (refusal["reason"], refusal["message"]) for refusal in follower.device(world)["refusals"]
    ] == [("personal", "")]


# --- asking ---------------------------------------------------------------------------------------


async def check(client: MockHAClientWebSocket, world: World, **fields: Any) -> Message:
    fields = {"entry_id": world.entry.entry_id, "person": "Ada", "program": "first_use", **fields}
    await client.send_json_auto_id(
        {
            "type": "facial_therapy/check",
            **{key: value for key, value in fields.items() if value is not None},
        }
    )
    answer: Message = await client.receive_json()
    return answer


async def test_an_allowed_check_has_its_dose(
    world: World, hass_ws_client: WebSocketGenerator
) -> None:
    client = await hass_ws_client(world.hass)
    result = (await check(client, world))["result"]
    assert (result["allowed"], result["refusals"]) == (True, [])
    assert result["duration_s"] > 0
    assert result["planned"]["fluence_j_cm2"]["red"] > 0
    assert (await check(client, world, program="manual"))["result"]["levels"].keys() == {"red"}
    assert world.device.commands == []


async def test_a_refused_check_has_a_sentence(
    world: World, hass_ws_client: WebSocketGenerator
) -> None:
    client = await hass_ws_client(world.hass)
    world.device.charging = True
    await world.pass_time(2)
    result = (await check(client, world))["result"]
    assert result["allowed"] is False
    assert result["refusals"][0]["reason"] == "charging"
    assert result["refusals"][0]["message"] == "The device is charging. Unplug it first."
    assert (await check(client, world, program="no such"))["result"]["refusals"][0][
        "reason"
    ] == "unknown_program"
    assert (await check(client, world, person="Nobody"))["result"]["refusals"][0][
        "reason"
    ] == "unknown_person"


@pytest.mark.parametrize("field", ["entry_id", "person", "program"])
@pytest.mark.parametrize("value", [None, 7, []])
async def test_a_question_with_a_wrong_or_missing_field_is_refused(
    world: World, hass_ws_client: WebSocketGenerator, field: str, value: object
) -> None:
    client = await hass_ws_client(world.hass)
    answer = await check(client, world, **{field: value})
    if value is None or isinstance(value, list):
        assert answer["error"]["code"] == "invalid_format"
    else:  # Home Assistant takes a number for a text
        assert not answer["success"] or not answer["result"]["allowed"]


async def test_a_question_about_a_device_that_is_not_there_is_refused(
    world: World, hass_ws_client: WebSocketGenerator
) -> None:
    client = await hass_ws_client(world.hass)
    assert (await check(client, world, entry_id="nothing"))["error"]["code"] == "not_found"
    [person] = [
        entry
        for entry in world.hass.config_entries.async_entries("facial_therapy")
        if entry.title == "Ada"
    ]
    assert (await check(client, world, entry_id=person.entry_id))["error"]["code"] == "not_found"
    await world.hass.config_entries.async_unload(world.entry.entry_id)
    assert (await check(client, world))["error"]["code"] == "not_found"

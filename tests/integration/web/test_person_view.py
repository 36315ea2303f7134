"""The data of a person's cards: their week, limits and routine, which nobody else may see."""

from collections.abc import AsyncGenerator
from datetime import timedelta
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.typing import MockHAClientWebSocket, WebSocketGenerator

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.model import Channel, Dose, Modality
from custom_components.facial_therapy.storage.ledger import LEDGER
from tests.integration.house import House, furnished
from tests.integration.routines.test_plan_keeper import ask
from tests.integration.world import PROFILE, completed

SECRETS = ("profile", "skin_type", "skin_factor", str(PROFILE), "started_by", "session_id")
EVENING = [
    {"act": "cleanse"},
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


async def follow(client: MockHAClientWebSocket, **fields: Any) -> dict[str, Any]:
    """Begin to follow a person; return the answer."""
    await client.send_json_auto_id({"type": "facial_therapy/person", **fields})
    answer: dict[str, Any] = await client.receive_json()
    return answer


async def newest(client: MockHAClientWebSocket) -> dict[str, Any]:
    """Return the last message before the answer to a ping."""
    await client.send_json_auto_id({"type": "ping"})
    shown: dict[str, Any] = {}
    while (message := await client.receive_json())["type"] != "pong":
        shown = message["event"]["person"]
    return shown


async def test_a_week_has_seven_days_and_is_empty_at_first(
    house: House, hass_ws_client: WebSocketGenerator
) -> None:
    client = await hass_ws_client(house.hass)
    assert (await follow(client))["success"]
    shown = await newest(client)
    week = shown["week"]
    assert shown["name"] == "Ada"
    assert len(week["days"]) == 7
    assert [day["today"] for day in week["days"]].count(True) == 1
    assert all(day["fluence_j_cm2"] == {} and day["charge_ma_min"] == 0 for day in week["days"])
    # Half in the first three sessions, and half for a skin that is not known.
    assert week["meters"]["light_day"] == {"used": 0, "most": 12.5, "unit": "J/cm²"}
    assert week["meters"]["sessions_mask"] == {"used": 0, "most": 4, "unit": "1"}
    assert (week["sessions"], week["goal"]) == ([], 0)
    assert (shown["routine"]["state"], shown["routine"]["goes_on"]) == (None, False)


async def test_a_session_appears_in_its_day_and_in_the_windows(
    house: House, hass_ws_client: WebSocketGenerator
) -> None:
    client = await hass_ws_client(house.hass)
    await follow(client, person="ada")
    await house.hass.services.async_call(
        DOMAIN,
        "log_session",
        {"modality": "mask", "channels": {"red": 10}, "duration_s": 300},
        blocking=True,
    )
    await house.hass.async_block_till_done()
    shown = await newest(client)
    [today] = [day for day in shown["week"]["days"] if day["today"]]
    assert today["fluence_j_cm2"] == {"red": 3}
    assert shown["week"]["meters"]["light_day"]["used"] > 3  # unmeasured light counts for more
    [session] = shown["week"]["sessions"]
    assert session["at_most"]["fluence_j_cm2"] == {"red": 3}
    assert not any(secret in str(shown) for secret in SECRETS)


async def test_weeks_are_drawn_from_the_doses_of_each(
    house: House, hass_ws_client: WebSocketGenerator
) -> None:
    dose = Dose(fluence_j_cm2={Channel.RED: 3, Channel.NEAR_INFRARED: 1.5})
    for days in (7, 14, 15 * 7):
        record = completed(house.person.entry_id, dt_util.utcnow() - timedelta(days=days), dose)
        await house.hass.data[LEDGER].async_merge(house.hass, record)
    client = await hass_ws_client(house.hass)
    await follow(client)
    weeks = (await newest(client))["week"]["weeks"]
    assert len(weeks) == 12
    assert [week["week"] for week in weeks] == sorted(week["week"] for week in weeks)
    assert [week["fluence_j_cm2"] for week in weeks[-4:]] == [
        {},
        {"near_infrared": 1.5, "red": 3},
        {"near_infrared": 1.5, "red": 3},
        {},
    ]
    assert not any(week["fluence_j_cm2"] for week in weeks[:-3])  # older weeks are not drawn


async def test_a_routine_is_followed_step_by_step(
    house: House, hass_ws_client: WebSocketGenerator
) -> None:
    client = await hass_ws_client(house.hass)
    await follow(client)
    await house.act("start_routine", steps=EVENING)
    routine = (await newest(client))["routine"]
    assert (routine["state"], routine["say"], routine["until"]) == (
        "hand",
        "Cleanse your face",
        None,
    )
    assert [(step["act"], step["now"], step["result"]) for step in routine["steps"]] == [
        ("cleanse", True, None),
        ("mask", False, None),
        ("serum", False, None),
    ]
    await house.act("confirm_step")
    armed = (await newest(client))["routine"]
    assert (armed["state"], armed["steps"][0]["result"]) == ("armed", "done")
    assert armed["until"] is not None
    house.devices[Modality.MASK].put_on()
    await house.pass_time(8)
    running = (await newest(client))["routine"]
    assert running["state"] == "running"
    live = house.coordinator(Modality.MASK).live
    assert live is not None
    assert live.ends_at is not None
    assert running["until"] == pytest.approx(live.ends_at.timestamp())
    await house.act("stop_routine")
    await house.pass_time(2)
    over = (await newest(client))["routine"]
    assert (over["goes_on"], over["until"]) == (False, None)


async def test_who_has_a_plan_sees_when_the_next_evening_begins_and_nothing_of_it_while_one_goes_on(
    house: House, hass_ws_client: WebSocketGenerator
) -> None:
    client = await hass_ws_client(house.hass)
    await follow(client)
    assert (await newest(client))["routine"]["next_at"] is None
    await ask(house)
    at = dt_util.parse_datetime(house.shown("sensor", "next_session"))
    assert at is not None
    assert (await newest(client))["routine"]["next_at"] == at.timestamp()
    await house.act("start_routine", steps=EVENING)
    assert (await newest(client))["routine"]["next_at"] is None


async def test_a_wait_says_until_when(house: House, hass_ws_client: WebSocketGenerator) -> None:
    client = await hass_ws_client(house.hass)
    await follow(client)
    await house.act("start_routine", steps=[{"act": "wait", "duration_s": 60}, {"act": "serum"}])
    assert (await newest(client))["routine"]["until"] is not None


async def test_nothing_is_sent_while_nothing_is_another(
    house: House, hass_ws_client: WebSocketGenerator
) -> None:
    client = await hass_ws_client(house.hass)
    await follow(client)
    await newest(client)
    await house.pass_time(30)
    assert await newest(client) == {}


async def test_a_person_is_found_by_their_device(
    house: House, hass_ws_client: WebSocketGenerator
) -> None:
    device = dr.async_get(house.hass).async_get_device_by_identifier(
        (DOMAIN, house.person.entry_id), house.person.entry_id
    )
    assert device is not None
    client = await hass_ws_client(house.hass)
    assert (await follow(client, person=device.id))["success"]
    assert (await newest(client))["name"] == "Ada"


async def test_somebody_who_is_not_there_is_said_so(
    house: House, hass_ws_client: WebSocketGenerator
) -> None:
    client = await hass_ws_client(house.hass)
    answer = await follow(client, person="Nobody")
    assert (answer["success"], answer["error"]["code"]) == (False, "not_found")
    assert "Nobody" in answer["error"]["message"]


async def test_another_user_sees_nothing_of_a_person(
    house: House, hass_ws_client: WebSocketGenerator, hass_read_only_access_token: str
) -> None:
    client = await hass_ws_client(house.hass, hass_read_only_access_token)
    answer = await follow(client)
    assert (answer["success"], answer["error"]["code"]) == (False, "unauthorized")


async def test_a_person_who_is_renamed_and_one_who_is_removed(
    house: House, hass_ws_client: WebSocketGenerator
) -> None:
    client = await hass_ws_client(house.hass)
    await follow(client)
    house.hass.config_entries.async_update_entry(house.person, title="Grace")
    await house.hass.async_block_till_done()
    assert (await newest(client))["name"] == "Grace"
    await house.hass.config_entries.async_remove(house.person.entry_id)
    await house.hass.async_block_till_done()
    await newest(client)  # it is still answered

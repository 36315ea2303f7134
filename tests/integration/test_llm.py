"""Tools for language models through Home Assistant's own API for them."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.homeassistant.exposed_entities import async_expose_entity
from homeassistant.const import Platform
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers import entity_registry as er, llm
from homeassistant.setup import async_setup_component
import pytest

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.model import Fault, Modality
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.core.session_parameters import MANUAL
from custom_components.facial_therapy.people.actor import By
from tests.integration.house import House, furnished
from tests.integration.made import make_program
from tests.integration.world import person_entry

MASK = Modality.MASK
TOOLS = {"get_state", "check_session", "start_session", "lower_session", "stop_session"}


@pytest.fixture
async def house(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> AsyncGenerator[House]:
    """A house that a language model may look into."""
    for integration in ("homeassistant", "conversation", "llm"):
        assert await async_setup_component(hass, integration, {})
    async with furnished(hass, freezer, tmp_path) as house:
        yield house


async def api(house: House, user_id: str | None = None) -> llm.APIInstance:
    context = llm.LLMContext(
        platform="test",
        context=Context(user_id=user_id),
        language="en",
        assistant="conversation",
        device_id=None,
    )
    return await llm.async_get_api(house.hass, llm.LLM_API_ASSIST, context)


def ours(instance: llm.APIInstance) -> dict[str, llm.Tool]:
    return {
        tool.name.removeprefix(f"{DOMAIN}__"): tool
        for tool in instance.tools
        if tool.integration == DOMAIN
    }


async def use(
    house: House, tool: str, user_id: str | None = None, **arguments: Any
) -> llm.ToolResult:
    result = await (await api(house, user_id)).async_call_tool(
        llm.ToolInput(f"{DOMAIN}__{tool}", arguments)
    )
    await house.hass.async_block_till_done()
    print(f"{tool} {arguments} -> {result}")  # noqa: T201 - the transcript
    return result


async def test_the_tools_are_listed_and_say_what_they_are(house: House) -> None:
    instance = await api(house)
    tools = ours(instance)
    assert tools.keys() == TOOLS
    assert "Devices: Mask, Wand." in instance.api_prompt
    assert all(
        tool.title and tool.description and not tool.annotations.open_world
        for tool in tools.values()
    )
    assert {name for name, tool in tools.items() if tool.annotations.read_only} == {
        "get_state",
        "check_session",
    }
    assert not any(tool.annotations.destructive for tool in tools.values())


async def test_a_session_is_armed_lowered_and_stopped_and_the_face_starts_it(house: House) -> None:
    assert (await use(house, "check_session", device="Mask", program="fine_lines")).data[
        "allowed"
    ] is True
    armed = await use(house, "start_session", device="mask", program="fine_lines")
    assert (armed.error, armed.data["state"]) == (False, "armed")
    await house.pass_time(5)
    assert house.flowing == set()
    house.devices[MASK].put_on()
    await house.pass_time(10)
    live = house.coordinator(MASK).live
    assert live is not None
    before = dict(live.on_mw_cm2)
    state = await use(house, "get_state")
    devices = state.data["devices"]
    assert isinstance(devices, list)
    assert devices[0]["session"] == "running"  # type: ignore[call-overload, index]
    assert (await use(house, "lower_session")).data == {"done": ["Mask"]}
    live = house.coordinator(MASK).live
    assert live is not None
    assert all(live.on_mw_cm2[channel] < level for channel, level in before.items())
    assert (await use(house, "stop_session")).data == {"done": ["Mask"]}
    assert house.flowing == set()
    last = house.coordinator(MASK).last
    assert last is not None
    assert last.changed_by.by is By.VOICE


@pytest.mark.parametrize(
    ("tool", "arguments", "said"),
    [
        (
            "start_session",
            {"device": "Mask", "program": "fine_lines", "duration_s": 3600},
            "duration_s",
        ),
        (
            "start_session",
            {"device": "Mask", "program": "fine_lines", "channels": {"red": 500}},
            "channels",
        ),
        ("start_session", {"device": "Mask", "program": "fine_lines", "mode": "energize"}, "mode"),
        ("start_session", {"device": "Mask", "program": 7}, "program"),
        ("start_session", {}, "device"),
        (
            "start_session",
            {"device": "Mask", "program": "overdrive"},
            "There is no program overdrive",
        ),
        ("start_session", {"device": "Oven", "program": "fine_lines"}, "Oven is not set up"),
        (
            "start_session",
            {"device": "Mask", "program": "fine_lines", "person": "Nobody"},
            "There is no person Nobody",
        ),
        ("lower_session", {"device": "Mask"}, "That is not possible now"),
        ("lower_session", {"device": "Mask", "level": 200}, "level"),
    ],
)
async def test_what_exceeds_a_bound_is_refused_with_the_reason(
    house: House, tool: str, arguments: dict[str, Any], said: str
) -> None:
    refused = await use(house, tool, **arguments)
    assert refused.error
    assert said in str(refused.data["error"])
    assert house.coordinator(MASK).state is SessionState.IDLE
    assert "start" not in house.devices[MASK].commands


async def test_a_second_session_on_the_same_day_is_refused_with_the_time(house: House) -> None:
    await use(house, "start_session", device="Mask", program="fine_lines")
    house.devices[MASK].put_on()
    await house.pass_time(700, 5)
    assert house.coordinator(MASK).state is SessionState.IDLE
    house.devices[MASK].take_off()
    await house.pass_time(5)
    refused = await use(house, "start_session", device="Mask", program="fine_lines")
    assert refused.error
    assert "ossible from" in str(refused.data["error"])
    checked = await use(house, "check_session", device="Mask", program="fine_lines")
    assert checked.data["allowed"] is False


async def test_a_session_is_proposed_and_nothing_is_armed_before_the_person_says_yes(
    house: House,
) -> None:
    proposed = await use(
        house, "start_session", device="Mask", program="fine_lines", mode="propose"
    )
    assert (proposed.error, proposed.data["state"], proposed.data["person"]) == (
        False,
        "proposed",
        "Ada",
    )
    assert house.coordinator(MASK).live is None
    assert "start" not in house.devices[MASK].commands
    await house.hass.services.async_call(
        DOMAIN, "report_reaction", {"reaction": "redness"}, blocking=True
    )
    refused = await use(house, "start_session", device="Mask", program="fine_lines", mode="propose")
    assert refused.error
    assert "The app says why" in str(refused.data)


async def test_no_tool_is_there_to_raise_to_clear_or_to_energize(house: House) -> None:
    fields = {
        name: {str(key) for key in tool.parameters.schema}
        for name, tool in ours(await api(house)).items()
    }
    assert fields == {
        "get_state": set(),
        "check_session": {"device", "person", "program"},
        "start_session": {"device", "person", "program", "mode"},
        "lower_session": {"device"},
        "stop_session": {"device"},
    }


async def test_a_read_only_user_cannot_arm_or_propose_through_a_model_but_can_stop(
    house: House,
) -> None:
    await house.hass.auth.async_create_user("Owner")  # the first one may everything
    looker = await house.hass.auth.async_create_user("Looker", group_ids=["system-read-only"])
    for mode in ("arm", "propose"):
        refused = await use(
            house, "start_session", looker.id, device="Mask", program="fine_lines", mode=mode
        )
        assert (refused.error, refused.data["error"]) == (
            True,
            "You don't have permission for that.",
        )
    assert (await use(house, "check_session", looker.id, device="Mask", program="fine_lines")).error
    assert house.coordinator(MASK).live is None
    await use(house, "start_session", device="Mask", program="fine_lines")
    house.devices[MASK].put_on()
    await house.pass_time(10)
    assert house.flowing == {MASK}
    assert (await use(house, "stop_session", looker.id)).data == {"done": ["Mask"]}
    assert house.flowing == set()


async def test_a_custom_program_is_listed_for_the_speaker_and_armed_by_its_name(
    house: House,
) -> None:
    make_program(house, "Evening calm")
    listed = (await use(house, "get_state")).data["devices"]
    assert isinstance(listed, list)
    assert ["Evening calm" in device["programs"] for device in listed] == [True, False]  # type: ignore[call-overload, index, operator]
    eve = person_entry("Eve", 815)
    eve.add_to_hass(house.hass)
    assert await house.hass.config_entries.async_setup(eve.entry_id)
    assert "Evening calm" not in str(
        (await use(house, "get_state")).data
    )  # nobody knows who is speaking
    assert "There is no program evening calm" in str(
        (
            await use(house, "start_session", device="Mask", program="evening calm", person="Eve")
        ).data
    )
    assert (
        await use(house, "check_session", device="Mask", program="evening calm", person="Ada")
    ).data["allowed"] is True
    assert (
        await use(house, "start_session", device="Mask", program="evening calm", person="Ada")
    ).data["program"] == "Evening calm"


async def test_no_tool_clears_a_fault(house: House) -> None:
    house.devices[MASK].latch(Fault.OVER_TEMPERATURE)
    await house.hass.async_block_till_done()
    for tool in ("stop_session", "lower_session"):
        await use(house, tool, device="Mask")
    assert (await use(house, "start_session", device="Mask", program="fine_lines")).error
    assert house.coordinator(MASK).state is SessionState.FAULT


async def test_a_device_that_is_not_exposed_has_no_tools(house: House) -> None:
    registry = er.async_get(house.hass)
    switches = {
        m: registry.async_get_entity_id(
            Platform.SWITCH, DOMAIN, f"{house.coordinator(m).mac}_session"
        )
        for m in Modality
    }
    async_expose_entity(house.hass, "conversation", switches[MASK] or "", should_expose=False)
    assert "Devices: Wand." in (await api(house)).api_prompt
    assert [each["device"] for each in (await use(house, "get_state")).data["devices"]] == ["Wand"]  # type: ignore[union-attr, index, call-overload]
    assert (await use(house, "start_session", device="Mask", program=MANUAL)).error
    async_expose_entity(
        house.hass, "conversation", switches[Modality.WAND] or "", should_expose=False
    )
    assert not ours(await api(house))


async def test_history_is_for_whom_it_is_exposed_and_in_numbers_only(house: House) -> None:
    week = er.async_get(house.hass).async_get_entity_id(
        Platform.SENSOR, DOMAIN, f"{house.person.entry_id}_sessions_this_week"
    )
    async_expose_entity(house.hass, "conversation", week or "", should_expose=True)
    assert ours(await api(house)).keys() == {*TOOLS, "get_history"}
    none = {"sessions_this_week": 0, "sessions": 0, "last_on": None}
    assert (await use(house, "get_history")).data == {"person": "Ada", "mask": none, "wand": none}
    await house.hass.auth.async_create_user("Owner")
    somebody = await house.hass.auth.async_create_user("Somebody", group_ids=["system-users"])
    assert (await use(house, "get_history", somebody.id)).error


async def test_a_model_gets_no_health_reasons(house: House) -> None:
    await house.hass.services.async_call(
        DOMAIN, "report_reaction", {"reaction": "redness"}, blocking=True
    )
    for tool in ("start_session", "check_session"):
        answer = str((await use(house, tool, device="Mask", program="fine_lines")).data)
        assert "Light has to wait" not in answer
        assert "The app says why" in answer
    state = str((await use(house, "get_state")).data)
    assert "Light has to wait" not in state
    assert "Mask is not for Ada now." in state

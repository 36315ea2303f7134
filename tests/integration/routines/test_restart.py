"""A restart in the middle of a step: the run finds its session again, or says that it has ended."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.dispatcher import async_dispatcher_send
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed
from pytest_homeassistant_custom_component.typing import WebSocketGenerator

from custom_components.facial_therapy.const import DOMAIN, REPORTED, SIGNAL_SESSION
from custom_components.facial_therapy.core.model import Dose, Modality, Outcome
from custom_components.facial_therapy.core.routine.transitions import RoutineState
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.session.view import LiveSession
from custom_components.facial_therapy.storage.ledger import LEDGER
from tests.integration.house import House, furnished
from tests.integration.routines.test_runner import to_wand

WAND = Modality.WAND

type Adopt = Callable[[House, LiveSession], Awaitable[None]]


@pytest.fixture
async def house(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> AsyncGenerator[House]:
    """A house with both devices."""
    async with furnished(hass, freezer, tmp_path) as found:
        yield found


def session_of_the_wand(house: House) -> LiveSession:
    """The session that lives on the wand."""
    live = house.coordinator(WAND).live
    assert live is not None
    return live


async def end_in_a_reload(house: House) -> None:
    """Reload the wand's entry; meanwhile the node ends the session that it holds."""
    entry_id = house.entries[WAND].entry_id
    assert await house.hass.config_entries.async_unload(entry_id)
    house.devices[WAND]._close(Outcome.PARTIAL)
    assert await house.hass.config_entries.async_setup(entry_id)
    await house.hass.async_block_till_done()


async def reload_wand(house: House) -> None:
    """Reload the wand's entry, as a restart or an update does."""
    await house.hass.config_entries.async_reload(house.entries[WAND].entry_id)
    await house.hass.async_block_till_done(wait_background_tasks=True)


async def pass_stranded(house: House) -> None:
    """Let the leases that may have lived before a restart lapse."""
    house.freezer.tick(timedelta(seconds=20))
    async_fire_time_changed(house.hass)
    await house.hass.async_block_till_done()


def set_session(
    house: House, name: str, live: LiveSession, state: SessionState, **ended: Any
) -> None:
    """Let the wand's coordinator show a session as the engine does, and announce it."""
    coordinator = house.coordinator(WAND)
    last = replace(live, **ended) if ended else coordinator.last
    coordinator.engine._set(state=state, live=None if ended else live, last=last)
    entry_id = coordinator.config_entry.entry_id
    data = {"session_id": live.session_id}
    async_dispatcher_send(house.hass, SIGNAL_SESSION, entry_id, name, data)
    async_dispatcher_send(house.hass, REPORTED, entry_id)


def record_commands(house: House, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record which commands the wand's coordinator is given, instead of carrying them out."""
    commands: list[str] = []
    for name in ("async_resume", "async_stop"):

        async def command(_context: object, name: str = name) -> None:
            commands.append(name)

        monkeypatch.setattr(house.coordinator(WAND), name, command)
    return commands


@pytest.fixture
def adopt(monkeypatch: pytest.MonkeyPatch) -> Adopt:
    """How the engine adopts a session that it finds suspended on the node: it is not settled."""

    async def adopt_session(house: House, live: LiveSession) -> None:
        ledger = house.hass.data[LEDGER]
        record = ledger.get(live.session_id)
        assert record is not None
        unsettled = replace(record, delivered=None, ended_at=None)
        monkeypatch.setattr(
            ledger, "get", lambda session_id: unsettled if session_id == live.session_id else None
        )
        set_session(house, "adopted", live, SessionState.SUSPENDED)
        await house.hass.async_block_till_done()

    return adopt_session


async def test_the_session_of_a_step_is_saved_with_the_run(
    house: House, hass_storage: dict[str, Any]
) -> None:
    await to_wand(house)
    saved = hass_storage[f"{DOMAIN}.run.{house.person.entry_id}"]["data"]
    assert saved["session_id"] == session_of_the_wand(house).session_id
    await house.act("skip_step")
    await house.pass_time(1)
    saved = hass_storage[f"{DOMAIN}.run.{house.person.entry_id}"]["data"]
    assert saved["session_id"] is None


async def test_a_paused_session_is_linked_again_and_followed_to_its_end(house: House) -> None:
    await to_wand(house)
    await house.coordinator(WAND).async_pause()
    await house.pass_time(1)
    await house.restart()
    await house.pass_time(1)
    assert house.state() is RoutineState.ADOPTED
    assert house.shown("sensor", "routine_step") == "held_wand"
    assert house.flowing == set()
    await house.act("confirm_step")
    await house.pass_time(100)
    house.devices[WAND].take_off()
    await house.pass_time(1)
    assert (house.state(), house.results[-1]) == (RoutineState.HAND, "wand done")


async def test_a_session_that_is_resumed_on_the_device_is_followed_too(house: House) -> None:
    await to_wand(house)
    await house.coordinator(WAND).async_pause()
    await house.pass_time(1)
    await house.restart()
    await house.coordinator(WAND).async_resume()
    await house.pass_time(8)
    assert (house.state(), house.flowing) == (RoutineState.RUNNING, {WAND})


async def test_a_session_that_still_runs_is_stopped_because_nobody_confirmed_it(
    house: House,
) -> None:
    await to_wand(house)
    await house.restart()
    await house.pass_time(2)
    assert (house.state(), house.flowing) == (RoutineState.SUSPENDED, set())


async def test_a_step_whose_session_ended_in_a_reload_of_its_device_says_how_much_it_delivered(
    house: House,
) -> None:
    await to_wand(house)
    await house.pass_time(35)
    await end_in_a_reload(house)
    await pass_stranded(house)
    assert house.state() is RoutineState.SUSPENDED
    assert house.results[-1] == "wand partial"
    await house.pass_time(30)
    assert (house.state(), house.flowing) == (RoutineState.SUSPENDED, set())
    answer = await house.act("confirm_step")
    assert answer["step"] == "rinse"


async def test_a_step_whose_session_had_hardly_begun_can_be_tried_again(house: House) -> None:
    await to_wand(house)
    await end_in_a_reload(house)
    await pass_stranded(house)
    assert (house.state(), house.results) == (
        RoutineState.SUSPENDED,
        ["cleanse done", "gel done"],
    )
    answer = await house.act("confirm_step")
    assert answer["step"] == "wand"


@pytest.mark.parametrize("when", ["at_once", "late"])
async def test_a_session_that_is_adopted_after_a_reload_waits_for_a_person_in_its_step(
    house: House, adopt: Adopt, when: str
) -> None:
    await to_wand(house)
    live = session_of_the_wand(house)
    await reload_wand(house)
    if when == "late":
        await pass_stranded(house)
    await adopt(house, live)
    assert house.state() is RoutineState.ADOPTED
    assert house.shown("sensor", "routine_step") == "held_wand"
    assert house.results == ["cleanse done", "gel done"]
    set_session(house, "resumed", live, SessionState.RUNNING)
    await house.hass.async_block_till_done()
    assert house.state() is RoutineState.RUNNING
    assert live.permitted is not None
    planned = live.permitted.planned
    set_session(house, "ended", live, SessionState.IDLE, delivered=planned)
    await house.hass.async_block_till_done()
    assert (house.state(), house.results[-1]) == (RoutineState.HAND, "wand done")


async def test_an_adopted_session_that_nobody_resumes_leads_no_further_by_itself(
    house: House, adopt: Adopt
) -> None:
    await to_wand(house)
    live = session_of_the_wand(house)
    await reload_wand(house)
    await adopt(house, live)
    assert live.permitted is not None
    half = Dose(charge_ma_min=live.permitted.planned.charge_ma_min / 2)
    set_session(house, "ended", live, SessionState.IDLE, delivered=half)
    await house.pass_time(5)
    assert (house.state(), house.flowing) == (RoutineState.SUSPENDED, set())
    assert house.results[-1] == "wand partial"
    assert (await house.act("confirm_step"))["step"] == "rinse"


async def test_an_adopted_session_is_resumed_by_confirming_and_stopped_with_the_routine(
    house: House, adopt: Adopt, monkeypatch: pytest.MonkeyPatch
) -> None:
    await to_wand(house)
    live = session_of_the_wand(house)
    await reload_wand(house)
    await adopt(house, live)
    commands = record_commands(house, monkeypatch)
    await house.act("confirm_step")
    assert (commands, house.state()) == (["async_resume"], RoutineState.ADOPTED)
    await house.act("stop_routine")
    assert (commands[1:], house.state()) == (["async_stop"], RoutineState.ENDING)
    set_session(house, "ended", live, SessionState.IDLE, outcome=Outcome.STOPPED)
    await house.hass.async_block_till_done()
    assert house.state() is RoutineState.OVER


async def test_a_session_of_somebody_else_is_neither_adopted_nor_stopped(house: House) -> None:
    await to_wand(house)
    live = session_of_the_wand(house)
    await end_in_a_reload(house)
    await pass_stranded(house)
    other = replace(live, session_id="00000000000000ff")
    set_session(house, "adopted", other, SessionState.SUSPENDED)
    await house.hass.async_block_till_done()
    assert house.state() is RoutineState.SUSPENDED
    assert house.coordinator(WAND).live == other


async def test_a_step_that_was_skipped_before_the_restart_is_stopped_and_not_adopted(
    house: House, adopt: Adopt, monkeypatch: pytest.MonkeyPatch
) -> None:
    await to_wand(house)
    live = session_of_the_wand(house)
    commands = record_commands(house, monkeypatch)
    await house.act("skip_step")
    assert (commands, house.state()) == (["async_stop"], RoutineState.LEAVING)
    await house.hass.config_entries.async_unload(house.person.entry_id)
    set_session(house, "suspended", live, SessionState.SUSPENDED)
    await house.hass.config_entries.async_setup(house.person.entry_id)
    await house.hass.async_block_till_done()
    await adopt(house, live)
    assert house.state() is RoutineState.STRANDED
    assert set(commands[1:]) == {"async_stop"}
    assert house.results[-1] == "wand skipped"


@pytest.mark.parametrize("action", ["confirm_step", "skip_step"])
async def test_while_it_is_not_known_what_became_of_the_session_a_person_has_to_wait(
    house: House, action: str
) -> None:
    await to_wand(house)
    await house.hass.config_entries.async_unload(house.entries[WAND].entry_id)
    await house.hass.async_block_till_done(wait_background_tasks=True)
    assert house.state() is RoutineState.STRANDED
    with pytest.raises(ServiceValidationError) as caught:
        await house.act(action)
    assert caught.value.translation_key == "busy"


async def test_a_card_follows_the_routine_after_the_person_is_reloaded(
    house: House, hass_ws_client: WebSocketGenerator
) -> None:
    client = await hass_ws_client(house.hass)
    await client.send_json_auto_id({"type": f"{DOMAIN}/person"})
    assert (await client.receive_json())["success"]
    await house.act("start_routine", steps=[{"act": "cleanse"}, {"act": "serum"}])
    await house.restart()
    await house.act("confirm_step")
    await house.act("confirm_step")
    await client.send_json_auto_id({"type": "ping"})
    shown = {}
    while (message := await client.receive_json())["type"] != "pong":
        shown = message["event"]["person"]["routine"]
    assert [step["result"] for step in shown["steps"]] == ["done", None]


async def test_a_restart_does_not_stop_the_session_of_somebody_else(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await to_wand(house)
    other = replace(session_of_the_wand(house), session_id="00000000000000ff")
    await house.hass.config_entries.async_unload(house.person.entry_id)
    commands = record_commands(house, monkeypatch)
    set_session(house, "started", other, SessionState.RUNNING)
    await house.hass.config_entries.async_setup(house.person.entry_id)
    await house.hass.async_block_till_done()
    assert house.state() is RoutineState.STRANDED
    assert commands == []

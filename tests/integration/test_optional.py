"""A part that no session depends on may fail alone: one warning, and everything else works."""

from collections.abc import Awaitable, Callable, Iterator
from importlib.abc import MetaPathFinder
import logging
from pathlib import Path
import subprocess
import sys
from types import ModuleType
from typing import Any, override
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.frontend import DATA_EXTRA_MODULE_URL
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest

from custom_components.facial_therapy.const import DOMAIN, LLM_TOOLS, LOGGER
from custom_components.facial_therapy.core.model import Modality, Outcome
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.logbook import EVENT_TRANSITION
from custom_components.facial_therapy.optional import PARTS, OptionalPart
from custom_components.facial_therapy.storage.ledger import LEDGER
from tests.integration.house import House, furnished

PACKAGE = f"custom_components.{DOMAIN}"
REASON = "a Home Assistant internal is gone"
BY_PART = pytest.mark.parametrize("part", PARTS, ids=[part.name for part in PARTS])


class Unimportable(MetaPathFinder):
    """Refuse to import one module."""

    def __init__(self, name: str) -> None:
        self._name = name

    @override
    def find_spec(self, name: str, path: object, target: ModuleType | None = None) -> None:
        if name == self._name:
            raise ImportError(REASON)


@pytest.fixture
def unimportable(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Make a module, and with it everything inside of it, impossible to import."""
    finders: list[Unimportable] = []

    def forbid(module: str) -> None:
        name = f"{PACKAGE}.{module}"
        for loaded in list(sys.modules):
            if loaded == name or loaded.startswith(f"{name}."):
                monkeypatch.delitem(sys.modules, loaded)
        finders.append(Unimportable(name))
        sys.meta_path.insert(0, finders[-1])

    yield forbid
    for finder in finders:
        sys.meta_path.remove(finder)


async def set_up_parts(hass: HomeAssistant) -> None:
    """Set up everything of Home Assistant that a part needs."""
    for integration in ("homeassistant", "frontend", "conversation", "llm"):
        assert await async_setup_component(hass, integration, {})


async def run_a_session(house: House) -> None:
    """Run, pause, resume and stop a session of the mask, and settle it."""
    mask = house.devices[Modality.MASK]
    target = {"device_id": device_id(house)}
    numbers = {"program": "manual", "channels": {"red": 14}, "duration_s": 60}
    started = await house.hass.services.async_call(
        DOMAIN, "start_session", {**target, **numbers}, blocking=True, return_response=True
    )
    mask.put_on()
    await house.pass_time(25)  # longer than a lease without renewals
    assert house.flowing == {Modality.MASK}
    await house.hass.services.async_call(DOMAIN, "pause_session", target, blocking=True)
    await house.pass_time(3)
    assert house.coordinator(Modality.MASK).state is SessionState.PAUSED
    await house.hass.services.async_call(DOMAIN, "resume_session", target, blocking=True)
    mask.take_off()
    mask.put_on()
    await house.pass_time(3)
    assert house.flowing == {Modality.MASK}
    await house.hass.services.async_call(DOMAIN, "stop_session", target, blocking=True)
    await house.pass_time(3)
    assert not house.flowing
    assert started is not None
    record = house.hass.data[LEDGER].get(str(started["session_id"]))
    assert record is not None
    assert (record.outcome, record.open) == (Outcome.STOPPED, False)
    assert record.output_s


def device_id(house: House) -> str:
    device = house.coordinator(Modality.MASK).device_entry
    assert device is not None
    return device.id


def working(hass: HomeAssistant) -> set[str]:
    """Return the names of the parts that work, each by what only it brings about."""
    commands = hass.data["websocket_api"]
    urls = hass.data[DATA_EXTRA_MODULE_URL].urls
    views = {route.resource.canonical for route in hass.http.app.router.routes() if route.resource}
    found = {
        "logbook": bool(hass.data.get("test_logbook_events")),
        "voice": bool(hass.data["conversation_agent"].trigger_sentences),
        "LLM tools": LLM_TOOLS in hass.data,
        "device card data": f"{DOMAIN}/subscribe" in commands,
        "person card data": any(command.startswith(f"{DOMAIN}/person") for command in commands),
        "cards": any("facial-therapy-card" in url for url in urls),
        "export": any(url.startswith(f"/api/{DOMAIN}/export") for url in views),
    }
    return {name for name, works in found.items() if works}


def watch_logbook(hass: HomeAssistant) -> None:
    """Remember the events that the logbook part fires."""
    events: list[Any] = []
    hass.data["test_logbook_events"] = events
    hass.bus.async_listen(EVENT_TRANSITION, events.append)


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what the integration, or Home Assistant about it, warned of."""
    return [
        record.getMessage()
        for record in caplog.records
        if record.levelno >= logging.WARNING
        and "has not been tested by Home Assistant" not in record.getMessage()
        and (record.name.startswith(LOGGER.name) or DOMAIN in record.getMessage())
    ]


type Check = Callable[[OptionalPart | None], Awaitable[None]]


@pytest.fixture
def check(
    hass: HomeAssistant,
    freezer: FrozenDateTimeFactory,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> Check:
    """Return a check that one part fails with one warning, and that everything else works."""

    async def everything_else_works(part: OptionalPart | None) -> None:
        await set_up_parts(hass)
        watch_logbook(hass)
        async with furnished(hass, freezer, tmp_path) as house:
            await run_a_session(house)
            assert working(hass) == {each.name for each in PARTS if each is not part}
            failed = [message for message in warnings(caplog) if "Failed to set up" in message]
            assert warnings(caplog) == failed
            if part is None:
                assert failed == []
            else:
                assert len(failed) == 1
                assert f"Failed to set up {part.name}, " in failed[0]
                assert REASON in failed[0]

    return everything_else_works


async def test_every_part_works_while_none_fails(check: Check) -> None:
    await check(None)


@BY_PART
async def test_a_part_that_cannot_be_imported_costs_one_warning_and_itself(
    check: Check, unimportable: Callable[[str], None], part: OptionalPart
) -> None:
    unimportable("voice" if part.name == "voice" else part.module)
    await check(part)


@BY_PART
async def test_a_part_whose_setup_raises_costs_one_warning_and_itself(
    check: Check, part: OptionalPart
) -> None:
    with patch(f"{PACKAGE}.{part.module}.{part.setup}", side_effect=RuntimeError(REASON)):
        await check(part)


async def test_a_conversation_agent_without_sentence_triggers_costs_one_warning_and_voice(
    check: Check,
) -> None:
    voice = next(part for part in PARTS if part.name == "voice")
    with patch(
        "homeassistant.components.conversation.agent_manager.AgentManager.register_trigger",
        side_effect=AttributeError(REASON),
    ):
        await check(voice)


def test_the_integration_imports_none_of_its_optional_parts_and_nothing_that_they_need() -> None:
    forbidden = [f"{PACKAGE}.{part.module}" for part in PARTS]
    forbidden += [f"{PACKAGE}.voice", f"{PACKAGE}.web"]
    forbidden += [
        f"homeassistant.components.{name}" for name in ("conversation", "llm", "frontend")
    ]
    program = (
        f"import sys, {PACKAGE}, {PACKAGE}.config_flow, {PACKAGE}.llm\n"
        f"print(sorted(set({forbidden!r}) & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.strip() == "[]"

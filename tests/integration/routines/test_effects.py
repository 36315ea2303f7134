"""Every effect of the routine's table, as written by hand, arrives at the device's coordinator."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
import re
from typing import Any, Final

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest

from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.routine.transitions import RoutineEvent, RoutineState
from custom_components.facial_therapy.session.view import LiveSession
from tests.core.routine.test_transitions import CELLS
from tests.integration.house import House, furnished

COMMANDS: Final = {"a": "async_start", "s": "async_stop", "r": "async_resume"}
ROWS: Final = [
    (state, event, COMMANDS[found[1]])
    for (state, event), cell in CELLS.items()
    if (found := re.search("/([asr])", cell))
]


@pytest.fixture
async def house(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> AsyncGenerator[House]:
    """A house in which the mask waits to be put on for a routine."""
    async with furnished(hass, freezer, tmp_path) as found:
        await found.act("start_routine", steps=[{"act": "mask", "program": "first_use"}])
        assert found.state() is RoutineState.ARMED
        yield found


def test_rows_of_every_effect_are_known() -> None:
    assert {command for _state, _event, command in ROWS} == set(COMMANDS.values())
    assert len(ROWS) > 30


@pytest.mark.parametrize(("state", "event", "command"), ROWS)
async def test_an_effect_arrives_at_the_device(
    house: House, monkeypatch: pytest.MonkeyPatch, state: str, event: str, command: str
) -> None:
    coordinator = house.coordinator(Modality.MASK)
    live = coordinator.live
    assert live is not None
    commands: list[str] = []

    for name in COMMANDS.values():

        async def record(*_args: Any, name: str = name) -> LiveSession:
            commands.append(name)
            return live

        monkeypatch.setattr(coordinator, name, record)
    runner = house.routines.runner
    assert runner.run is not None
    runner.run = replace(runner.run, state=RoutineState(state))
    await runner.async_do(RoutineEvent(event))
    assert commands[:1] == [command]

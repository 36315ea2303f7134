"""Every effect of every row of the session table, as the device and the ledger's file show it.

Each scenario reaches a state and causes an event on the fake device. What the row promises is then
looked up on the device and in the file. Without any one of its effects, the scenario fails.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
import json
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from homeassistant.core import HomeAssistant
import pytest

from custom_components.facial_therapy.core import session as table
from custom_components.facial_therapy.core.device import NodeState
from custom_components.facial_therapy.core.model import Fault, Outcome
from custom_components.facial_therapy.core.refusal import Reason, Refusal, RefusedError
from custom_components.facial_therapy.core.session import (
    TABLE,
    Row,
    SessionEffect,
    SessionEvent,
    SessionState,
)
from custom_components.facial_therapy.devices.port import Answer, DeviceError, Problem
from tests.fake_device import FLOWING, FakeSession
from tests.integration.world import World

CARRIED_OUT: Final[dict[SessionState, dict[SessionEvent, tuple[SessionEffect, ...]]]] = {
    SessionState.IDLE: {
        SessionEvent.START: (SessionEffect.WRITE, SessionEffect.ARM),
        SessionEvent.STOP: (SessionEffect.SEND_STOP,),
        SessionEvent.ENERGIZED: (SessionEffect.SEND_STOP,),
        SessionEvent.FAULTED: (SessionEffect.SEND_STOP,),
    },
    SessionState.WAITING: {
        SessionEvent.START: (SessionEffect.WRITE, SessionEffect.ARM),
        SessionEvent.FAULTED: (SessionEffect.SEND_STOP,),
    },
    SessionState.ARMED: {
        SessionEvent.STOP: (SessionEffect.SEND_STOP,),
        SessionEvent.ENDED: (SessionEffect.SETTLE,),
        SessionEvent.FAULTED: (SessionEffect.SEND_STOP, SessionEffect.SETTLE),
        SessionEvent.REFUSED: (SessionEffect.SETTLE,),
        SessionEvent.EXPIRED: (SessionEffect.SEND_STOP,),
    },
    SessionState.RUNNING: {
        SessionEvent.PAUSE: (SessionEffect.SEND_PAUSE,),
        SessionEvent.STOP: (SessionEffect.SEND_STOP,),
        SessionEvent.ENDED: (SessionEffect.SETTLE,),
        SessionEvent.FAULTED: (SessionEffect.SEND_STOP, SessionEffect.SETTLE),
        SessionEvent.REFUSED: (SessionEffect.SEND_STOP,),
        SessionEvent.EXPIRED: (SessionEffect.SEND_STOP,),
    },
    SessionState.SUSPENDED: {
        SessionEvent.PAUSE: (SessionEffect.SEND_PAUSE,),
        SessionEvent.RESUME: (SessionEffect.SEND_RESUME,),
        SessionEvent.STOP: (SessionEffect.SEND_STOP,),
        SessionEvent.ENDED: (SessionEffect.SETTLE,),
        SessionEvent.FAULTED: (SessionEffect.SEND_STOP, SessionEffect.SETTLE),
        SessionEvent.REFUSED: (SessionEffect.SEND_STOP,),
        SessionEvent.EXPIRED: (SessionEffect.SEND_STOP,),
    },
    SessionState.PAUSED: {
        SessionEvent.RESUME: (SessionEffect.SEND_RESUME,),
        SessionEvent.STOP: (SessionEffect.SEND_STOP,),
        SessionEvent.ENDED: (SessionEffect.SETTLE,),
        SessionEvent.FAULTED: (SessionEffect.SEND_STOP, SessionEffect.SETTLE),
        SessionEvent.REFUSED: (SessionEffect.SEND_STOP,),
        SessionEvent.EXPIRED: (SessionEffect.SEND_STOP,),
    },
    SessionState.STOPPING: {
        SessionEvent.STOP: (SessionEffect.SEND_STOP,),
        SessionEvent.ENDED: (SessionEffect.SETTLE,),
        SessionEvent.FAULTED: (SessionEffect.SEND_STOP, SessionEffect.SETTLE),
        SessionEvent.FOUND: (SessionEffect.SEND_STOP,),
        SessionEvent.EXPIRED: (SessionEffect.SETTLE,),
    },
    SessionState.LOST: {
        SessionEvent.STOP: (SessionEffect.SEND_STOP,),
        SessionEvent.REARMED: (SessionEffect.SEND_STOP,),
        SessionEvent.ENERGIZED: (SessionEffect.SEND_STOP,),
        SessionEvent.SUSPENDED: (SessionEffect.ADOPT,),
        SessionEvent.PAUSED: (SessionEffect.ADOPT,),
        SessionEvent.ENDED: (SessionEffect.SETTLE,),
        SessionEvent.FAULTED: (SessionEffect.SEND_STOP, SessionEffect.SETTLE),
        SessionEvent.EXPIRED: (SessionEffect.SEND_STOP,),
    },
    SessionState.FAULT: {
        SessionEvent.STOP: (SessionEffect.SEND_STOP,),
        SessionEvent.CLEAR: (SessionEffect.SEND_CLEAR,),
        SessionEvent.ENERGIZED: (SessionEffect.SEND_STOP,),
    },
}
"""By hand, and not from the table: an effect that is removed there is missed here."""
ROWS: Final = [(state, event) for state, events in CARRIED_OUT.items() for event in events]
EFFECTS: Final = [
    (state, event, effect)
    for state, events in CARRIED_OUT.items()
    for event, effects in events.items()
    for effect in effects
]
FOREIGN: Final = "f" * 16
KEY: Final = "a" * 16


@dataclass(slots=True)
class Scene:
    """One scenario and what it remembers from before its event."""

    world: World
    file: Path
    stops: int = 0
    """How often stop had been sent before the event."""
    session: FakeSession | None = None
    """The session that the device had before the event."""
    stop_fails: bool = False
    commands: list[str] = field(default_factory=list)

    @property
    def hass(self) -> HomeAssistant:
        """Home Assistant."""
        return self.world.hass

    async def settle(self) -> None:
        """Let everything happen that needs no time and no further report."""
        for _ in range(5):
            await asyncio.sleep(0)
        await self.hass.async_block_till_done(wait_background_tasks=not self.stop_fails)

    def on_disk(self) -> dict[str, Any] | None:
        """Return the newest line of our session in the ledger's file."""
        session = self.session or self.world.device.session
        live = self.world.coordinator.last or self.world.coordinator.live
        session_id = live.session_id if live is not None else session and session.session_id
        lines = self.file.read_text().splitlines() if self.file.exists() else []
        entries = [json.loads(line.rpartition(" ")[0]) for line in lines]
        found = [entry for entry in entries if entry.get("session_id") == session_id]
        return found[-1] if found else None


@pytest.fixture
def scene(world: World, tmp_path: Path) -> Scene:
    """A loaded mask, and stops that fail while the scenario says so."""
    scene = Scene(world, tmp_path / "ledger")
    stop = world.device.async_stop

    async def async_stop() -> Answer:
        if scene.stop_fails:
            world.device.commands.append("stop")
            raise DeviceError(Problem.NO_ANSWER)
        return await stop()

    world.device.async_stop = async_stop  # type: ignore[method-assign]
    return scene


# --- states ---------------------------------------------------------------------------------------


async def idle(scene: Scene) -> None:
    """Nothing to do."""


async def waiting(scene: Scene) -> None:
    scene.world.device.disconnect()
    await scene.world.coordinator.async_start(scene.world.ask(wait_s=600))


async def armed(scene: Scene) -> None:
    await scene.world.coordinator.async_start(scene.world.ask())


async def running(scene: Scene) -> None:
    await scene.world.run()


async def suspended(scene: Scene) -> None:
    await running(scene)
    scene.world.device.take_off()
    await scene.world.pass_time(1)


async def paused(scene: Scene) -> None:
    await running(scene)
    await scene.world.coordinator.async_pause()


async def stopping(scene: Scene) -> None:
    await running(scene)
    scene.stop_fails = True
    stop = scene.hass.async_create_background_task(swallow(scene), "stop")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    stop.cancel()


async def swallow(scene: Scene) -> None:
    await scene.world.coordinator.async_stop()


async def lost(scene: Scene) -> None:
    """The link is lost here; the node has not noticed."""
    await running(scene)
    scene.world.coordinator.engine.connected(False)  # noqa: FBT003 - the port's signature


async def fault(scene: Scene) -> None:
    await running(scene)
    scene.session = scene.world.device.session
    scene.world.device.latch(Fault.FLICKER)
    await scene.settle()


STATES: Final[dict[SessionState, Callable[[Scene], Awaitable[None]]]] = {
    SessionState.IDLE: idle,
    SessionState.WAITING: waiting,
    SessionState.ARMED: armed,
    SessionState.RUNNING: running,
    SessionState.SUSPENDED: suspended,
    SessionState.PAUSED: paused,
    SessionState.STOPPING: stopping,
    SessionState.LOST: lost,
    SessionState.FAULT: fault,
}


# --- events ---------------------------------------------------------------------------------------


async def start(scene: Scene, state: SessionState) -> None:
    if state is SessionState.WAITING:
        scene.world.device.connect()
    else:
        await scene.world.coordinator.async_start(scene.world.ask())


async def pause(scene: Scene, _state: SessionState) -> None:
    await scene.world.coordinator.async_pause()


async def resume(scene: Scene, _state: SessionState) -> None:
    await scene.world.coordinator.async_resume()


async def stop(scene: Scene, state: SessionState) -> None:
    if state is SessionState.IDLE:
        await foreign_session(scene)
    task = scene.hass.async_create_background_task(swallow(scene), "stop")
    await asyncio.sleep(0)
    if scene.stop_fails:
        task.cancel()
    else:
        await task


async def foreign_session(scene: Scene) -> None:
    """Another client starts a session on the node."""
    permitted = scene.world.coordinator.consider(scene.world.ask())
    assert permitted is not None
    device = scene.world.device
    await device.async_start(FOREIGN, permitted, last_record=1, resume_key=KEY)


async def clear(scene: Scene, _state: SessionState) -> None:
    await scene.world.coordinator.async_clear_fault(await scene.world.signed_in())


async def reported_again(scene: Scene, _state: SessionState) -> None:
    """The link is found again, and the node reports the state that it is in."""
    scene.world.coordinator.engine.connected(True)  # noqa: FBT003 - the port's signature
    scene.world.device.report()


async def rearmed(scene: Scene, state: SessionState) -> None:
    scene.world.device.state = NodeState.ARMED
    await reported_again(scene, state)


async def energized(scene: Scene, state: SessionState) -> None:
    """A session that has ended here has its output on there."""
    device = scene.world.device
    if state is SessionState.LOST:
        await reported_again(scene, state)
        return
    if state is SessionState.IDLE:
        await running(scene)
        scene.session = device.session
        await scene.world.coordinator.async_stop()
        await scene.settle()
    device.fault, device.session, device.state = None, scene.session, NodeState.RUNNING
    scene.stops = device.commands.count("stop")
    device.report()


async def suspended_event(scene: Scene, _state: SessionState) -> None:
    scene.world.device.disconnect()
    scene.world.device.connect()


async def paused_event(scene: Scene, state: SessionState) -> None:
    scene.world.device.state = NodeState.PAUSED
    scene.world.device._lease_s = 0
    await reported_again(scene, state)


async def ended(scene: Scene, state: SessionState) -> None:
    device = scene.world.device
    if state is SessionState.STOPPING:
        scene.stop_fails = False
        await scene.world.pass_time(1)
        return
    device._close(Outcome.PARTIAL)
    if state is SessionState.LOST:
        await reported_again(scene, state)


async def faulted(scene: Scene, state: SessionState) -> None:
    device = scene.world.device
    if state is SessionState.WAITING:
        device.latch(Fault.FLICKER)
        device.connect()
        return
    device.latch(Fault.FLICKER)
    if state is SessionState.LOST:
        await reported_again(scene, state)
    if state is SessionState.STOPPING:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        scene.commands = list(device.commands)
        scene.stop_fails = False
        scene.world.coordinator.engine._lease._retry.set()  # before the next report


async def found(scene: Scene, _state: SessionState) -> None:
    scene.world.coordinator.engine.connected(True)  # noqa: FBT003 - the port's signature


async def refused(scene: Scene, state: SessionState) -> None:
    """The node refuses a start, or the adoption of what it holds."""
    device = scene.world.device
    if state in (SessionState.SUSPENDED, SessionState.PAUSED):

        async def async_adopt(session_id: str, resume_key: str) -> Answer:  # noqa: ARG001
            raise RefusedError(Refusal(reason=Reason.WRONG_KEY))

        device.async_adopt = async_adopt  # type: ignore[method-assign]
        scene.world.coordinator.engine.connected(False)  # noqa: FBT003 - the port's signature
        await reported_again(scene, state)
        return
    send = device.async_start

    async def async_start(*arguments: Any, **keywords: Any) -> Answer:
        if state is SessionState.RUNNING:
            await send(*arguments, **keywords)
            device.put_on()
            device.report()
        raise RefusedError(Refusal(reason=Reason.TOO_HOT))

    device.async_start = async_start  # type: ignore[method-assign]
    with pytest.raises(RefusedError):
        await scene.world.coordinator.async_start(scene.world.ask())


async def expired(scene: Scene, _state: SessionState) -> None:
    scene.world.coordinator.engine._expired()


EVENTS: Final[dict[SessionEvent, Callable[[Scene, SessionState], Awaitable[None]]]] = {
    SessionEvent.START: start,
    SessionEvent.PAUSE: pause,
    SessionEvent.RESUME: resume,
    SessionEvent.STOP: stop,
    SessionEvent.CLEAR: clear,
    SessionEvent.REARMED: rearmed,
    SessionEvent.ENERGIZED: energized,
    SessionEvent.SUSPENDED: suspended_event,
    SessionEvent.PAUSED: paused_event,
    SessionEvent.ENDED: ended,
    SessionEvent.FAULTED: faulted,
    SessionEvent.FOUND: found,
    SessionEvent.REFUSED: refused,
    SessionEvent.EXPIRED: expired,
}


# --- effects --------------------------------------------------------------------------------------


def stop_was_sent(scene: Scene) -> bool:
    """Whether stop was sent since the event, and output is off where the node could take it."""
    device = scene.world.device
    sent = (scene.commands or device.commands).count("stop") > scene.stops
    return sent and (scene.stop_fails or device.session is None)


SHOWN: Final[dict[SessionEffect, Callable[[Scene], object]]] = {
    SessionEffect.WRITE: lambda scene: scene.on_disk(),
    SessionEffect.ARM: lambda scene: scene.world.device.state is NodeState.ARMED,
    SessionEffect.ADOPT: lambda scene: (
        scene.world.device._session_client == scene.world.device._client
        and "adopt" in scene.world.device.commands
    ),
    SessionEffect.SEND_PAUSE: lambda scene: scene.world.device.state is NodeState.PAUSED,
    SessionEffect.SEND_RESUME: lambda scene: (
        scene.world.device.state in (NodeState.ARMED, *FLOWING)
    ),
    SessionEffect.SEND_CLEAR: lambda scene: scene.world.device.fault is None,
    SessionEffect.SEND_STOP: stop_was_sent,
    SessionEffect.SETTLE: lambda scene: (scene.on_disk() or {}).get("ended_at"),
}
"""What the device, or the ledger's file, shows of an effect."""


async def play(scene: Scene, state: SessionState, event: SessionEvent) -> None:
    """Reach a state, and cause an event."""
    comes_to_it = event is SessionEvent.REFUSED and state in (
        SessionState.ARMED,
        SessionState.RUNNING,
    )
    await STATES[SessionState.IDLE if comes_to_it else state](scene)
    if event is SessionEvent.CLEAR:
        scene.world.device.fault = Fault.FLICKER
    scene.stops = scene.world.device.commands.count("stop")
    await EVENTS[event](scene, state)
    await scene.settle()


@pytest.mark.parametrize(("state", "event"), ROWS)
async def test_every_effect_of_a_row_is_carried_out(
    scene: Scene, state: SessionState, event: SessionEvent
) -> None:
    await play(scene, state, event)
    for effect in CARRIED_OUT[state][event]:
        assert SHOWN[effect](scene), effect
    scene.stop_fails = False


@pytest.mark.parametrize(("state", "event", "effect"), EFFECTS)
async def test_a_row_without_one_of_its_effects_is_noticed(
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    state: SessionState,
    event: SessionEvent,
    effect: SessionEffect,
) -> None:
    row = TABLE[state][event]
    assert row is not None
    without = Row(row.state, tuple(each for each in row.effects if each is not effect))
    broken = {**TABLE, state: MappingProxyType({**TABLE[state], event: without})}
    monkeypatch.setattr(table, "TABLE", MappingProxyType(broken))
    try:
        await play(scene, state, event)
        shown = SHOWN[effect](scene)
    except RefusedError, DeviceError:
        shown = False
    assert not shown
    scene.stop_fails = False


def test_every_effect_stands_in_a_row() -> None:
    assert {effect for _state, _event, effect in EFFECTS} == set(SessionEffect)

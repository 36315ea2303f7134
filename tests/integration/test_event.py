"""The session's history as it happens."""

from collections.abc import Iterator

from homeassistant.core import Context, Event, EventStateChangedData, callback
from homeassistant.helpers.event import async_track_state_change_event
import pytest
from pytest_homeassistant_custom_component.common import MockUser

from custom_components.facial_therapy.core.refusal import RefusedError
from tests.integration.entities import all_enabled, entity_id, state
from tests.integration.world import World


@pytest.fixture(autouse=True)
def _all_enabled() -> Iterator[None]:
    """Enable the entities that are disabled by default."""
    with all_enabled():
        yield


@pytest.fixture
async def announced(world: World) -> list[tuple[str, str | None]]:
    """What the event entity says, with the outcome."""
    seen: list[tuple[str, str | None]] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        if (shown := event.data["new_state"]) is not None and "event_type" in shown.attributes:
            seen.append((shown.attributes["event_type"], shown.attributes["outcome"]))

    async_track_state_change_event(world.hass, entity_id(world, "event", "session"), note)
    return seen


async def test_every_transition_of_a_session_fires_an_event_with_its_outcome(
    world: World, announced: list[tuple[str, str | None]]
) -> None:
    await world.run()
    await world.coordinator.async_pause()
    await world.coordinator.async_resume()
    await world.pass_time(70)
    assert announced == [
        ("armed", None),
        ("started", None),
        ("paused", None),
        ("resumed", None),
        ("ended", "completed"),
    ]
    attributes = state(world, "event", "session").attributes
    assert attributes["program"] == "manual"
    assert "person" not in attributes


async def test_every_event_names_its_user_and_origin(
    world: World, hass_admin_user: MockUser
) -> None:
    seen: list[tuple[str, str, str | None]] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        if (shown := event.data["new_state"]) is not None and "by" in shown.attributes:
            seen.append(
                (
                    shown.attributes["event_type"],
                    shown.attributes["by"],
                    shown.attributes["user_id"],
                )
            )

    async_track_state_change_event(world.hass, entity_id(world, "event", "session"), note)
    user = Context(user_id=hass_admin_user.id)
    await world.coordinator.async_start(world.ask(), Context())
    world.device.put_on()
    await world.pass_time(5)
    await world.coordinator.async_pause(user)
    await world.coordinator.async_resume(user)
    world.device.take_off()
    await world.pass_time(1)
    world.device.put_on()
    await world.pass_time(1)
    world.device.disconnect()
    await world.pass_time(1)
    world.device.connect()
    await world.pass_time(1)
    await world.coordinator.async_stop(user)
    await world.pass_time(1)
    person = ("user", hass_admin_user.id)
    assert seen == [
        ("armed", "automation", None),
        ("started", "device", None),
        ("paused", *person),
        ("resumed", *person),
        ("suspended", "device", None),
        ("resumed", "device", None),
        ("suspended", "device", None),
        ("adopted", "device", None),
        ("ended", *person),
    ]


async def test_a_refusal_fires_an_event(
    world: World, announced: list[tuple[str, str | None]]
) -> None:
    with pytest.raises(RefusedError):
        await world.coordinator.async_start(world.ask(duration_s=10_000))
    await world.hass.async_block_till_done()
    assert announced == [("refused", None)]

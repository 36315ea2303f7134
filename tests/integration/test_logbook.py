"""Logbook entries of sessions and routines name the transition and who caused it, nothing else."""

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, Event, HomeAssistant
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.translation import async_get_translations
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.logbook import EVENT_TRANSITION, async_describe_events
from custom_components.facial_therapy.people.actor import Spoken
from tests.integration.house import House, furnished


@pytest.fixture
async def house(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> AsyncGenerator[House]:
    """A house with both devices."""
    async with furnished(hass, freezer, tmp_path) as found:
        yield found


def read(hass: HomeAssistant, events: list[Event[Any]]) -> list[str]:
    """The lines of the logbook."""
    describing: dict[str, Callable[[Event[Any]], dict[str, Any]]] = {}
    async_describe_events(
        hass, lambda _domain, event, describe: describing.update({event: describe})
    )
    lines = [describing[str(event.event_type)](event) for event in events]
    assert all(line["entity_id"] in hass.states.async_entity_ids() for line in lines)
    return [f"{line['name']} {line['message']}" for line in lines]


async def act(house: House, action: str, context: Context, **data: Any) -> None:
    """Carry out an action as somebody."""
    await house.hass.services.async_call(DOMAIN, action, data, blocking=True, context=context)
    await house.hass.async_block_till_done()


async def test_a_routine_and_its_session_read_well_for_every_actor(house: House) -> None:
    anna = await house.hass.auth.async_create_user("Anna", group_ids=["system-admin"])
    events = async_capture_events(house.hass, EVENT_TRANSITION)
    await act(
        house,
        "start_routine",
        Spoken(user_id=anna.id),
        steps=[{"act": "mask", "program": "first_use"}],
    )
    house.devices[Modality.MASK].put_on()
    await house.pass_time(5)
    await act(house, "stop_routine", Context(user_id=anna.id))
    await house.pass_time(2)
    assert read(house.hass, events) == [
        "Ada Evening routine was started by Anna through voice",
        "Mask was armed with First use by Anna through voice",
        "Mask began",
        "Ada Evening routine ended: Stopped",  # Stop waits for the node, not for the ledger
        "Mask ended by Anna: Stopped",
    ]
    assert {event.context.user_id for event in events[:2]} == {anna.id}
    assert not [
        event
        for event in events
        if "Ada" in str(event.data)
        and event.data["transition"] not in {"routine_started", "routine_finished"}
    ]


async def test_an_automation_and_the_device_are_named_and_no_reason_of_a_refusal_is(
    house: House,
) -> None:
    events = async_capture_events(house.hass, EVENT_TRANSITION)
    device = house.coordinator(Modality.MASK).device_entry
    assert device is not None
    with pytest.raises(ServiceValidationError):
        await act(
            house, "start_session", Context(), device_id=device.id, program="manual", duration_s=-1
        )
    await act(house, "start_session", Context(), device_id=device.id, program="first_use")
    house.devices[Modality.MASK].put_on()
    await house.pass_time(140)
    assert read(house.hass, events) == [
        "Mask was refused by an automation",
        "Mask was armed with First use by an automation",
        "Mask began",
        "Mask ended by the device: Completed",
    ]
    assert "bound" not in str([event.data for event in events])


async def test_the_logbook_speaks_the_language_of_the_home(house: House) -> None:
    house.hass.config.language = "de"
    for category in ("common", "entity", "selector"):  # which a change of the language loads
        await async_get_translations(house.hass, "de", category, [DOMAIN])
    await house.routines.plan.async_choose("fine_lines")
    anna = await house.hass.auth.async_create_user("Anna", group_ids=["system-admin"])
    events = async_capture_events(house.hass, EVENT_TRANSITION)
    await act(house, "start_routine", Spoken(user_id=anna.id))
    assert read(house.hass, events) == ["Ada Abendroutine wurde von Anna per Sprache begonnen"]

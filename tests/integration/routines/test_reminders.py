"""The question about the skin, on the morning after a session that was new to it."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta
import json
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.util import dt as dt_util
import pytest

from custom_components.facial_therapy.const import CONF_ASK_SKIN, CONF_NOTIFY
from custom_components.facial_therapy.core.gate.request import SessionRequest
from custom_components.facial_therapy.core.ledger.record import Source
from custom_components.facial_therapy.core.model import Channel, Dose, Modality, Outcome
from custom_components.facial_therapy.core.refusal import Reason
from custom_components.facial_therapy.routines.proposals import SKIN
from custom_components.facial_therapy.storage.ledger import LEDGER
from tests.integration.house import House, furnished
from tests.integration.routines.test_proposals import Phone
from tests.integration.world import completed

SEVEN = datetime(2026, 11, 24, 15, tzinfo=UTC)
"""In the morning of a Tuesday, in the tests' time zone."""
MONDAY_EVENING = SEVEN - timedelta(hours=10)
QUESTION = "How is your skin today? If it is not fine, say so before the next session."


@pytest.fixture
async def house(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> AsyncGenerator[House]:
    """A house with both devices before anybody is asked anything."""
    freezer.move_to(SEVEN)
    async with furnished(hass, freezer, tmp_path) as found:
        yield found


@pytest.fixture
def phone(house: House) -> Phone:
    """The phone of a person who wants to be asked."""
    found = Phone(house.hass)
    house.hass.config_entries.async_update_entry(
        house.person, data={**house.person.data, CONF_NOTIFY: found.entity_id, CONF_ASK_SKIN: True}
    )
    return found


async def had(
    house: House, at: datetime = MONDAY_EVENING, fluence: float = 10, **changes: Any
) -> None:
    """Add a session of red light to the ledger."""
    record = completed(
        house.person.entry_id, at, Dose(fluence_j_cm2={Channel.RED: fluence}), **changes
    )
    await house.hass.data[LEDGER].async_open(house.hass, record)


async def to_morning(house: House, days: int = 0) -> None:
    """Move to shortly after eight in the morning."""
    house.freezer.move_to(SEVEN + timedelta(days=days, minutes=59))
    await house.pass_time(300, 60)


def against(house: House, modality: Modality) -> set[Reason]:
    """Return why a session would be refused now."""
    program = "first_use"
    return {
        refusal.reason
        for refusal in house.coordinator(modality).check(
            SessionRequest(person=house.routines.person, program=program)
        )
    }


async def test_after_a_first_session_the_question_comes_once_the_next_morning(
    house: House, phone: Phone
) -> None:
    await had(house)
    await house.pass_time(300, 60)
    assert phone.got == []  # not before eight
    await to_morning(house)
    await house.restart()
    await house.pass_time(300, 60)
    assert [each["message"] for each in phone.got] == [QUESTION]
    assert phone.buttons == ["Fine", "So-so", "Not fine"]
    assert phone.got[0]["data"]["visibility"] == "private"
    await to_morning(house, days=1)
    assert len(phone.got) == 1  # nothing was given since


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({}, 0),
        ({"fluence": 10.5}, 1),
        ({"fluence": 9}, 0),
        ({"program": "first_use"}, 1),
        ({"modality": Modality.WAND}, 1),
        ({"source": Source.TRACKED, "program": "panel"}, 0),
        (
            {
                "delivered": Dose(fluence_j_cm2={Channel.RED: 1}),
                "fluence": 20,
                "outcome": Outcome.STOPPED,
            },
            0,
        ),
        ({"at": MONDAY_EVENING - timedelta(days=1), "fluence": 20}, 0),
        ({"at": SEVEN - timedelta(minutes=30), "fluence": 20}, 0),
    ],
)
async def test_the_question_comes_only_after_a_session_that_was_new_to_the_skin(
    house: House, phone: Phone, changes: dict[str, Any], asked: int
) -> None:
    await had(house, MONDAY_EVENING - timedelta(days=9))
    await had(house, **changes)
    await to_morning(house)
    assert len(phone.got) == asked


async def test_only_people_who_chose_it_are_asked(house: House, phone: Phone) -> None:
    house.hass.config_entries.async_update_entry(
        house.person,
        data={key: value for key, value in house.person.data.items() if key != CONF_ASK_SKIN},
    )
    await had(house)
    await to_morning(house)
    assert phone.got == []
    flow = await house.person.start_reconfigure_flow(house.hass)
    form = await house.hass.config_entries.flow.async_configure(
        flow["flow_id"], {"next_step_id": "details"}
    )
    suggested: Any = {
        str(key): key.description
        for key in form["data_schema"].schema  # type: ignore[union-attr]
        if key.description
    }
    assert suggested[CONF_ASK_SKIN] == {"suggested_value": False}
    done = await house.hass.config_entries.flow.async_configure(
        flow["flow_id"], {"name": "Ada", CONF_ASK_SKIN: True}
    )
    assert done["type"] is FlowResultType.ABORT
    await house.hass.async_block_till_done()
    assert house.person.data[CONF_ASK_SKIN] is True
    flow = await house.person.start_reconfigure_flow(house.hass)
    await house.hass.config_entries.flow.async_configure(
        flow["flow_id"], {"next_step_id": "details"}
    )
    await house.hass.config_entries.flow.async_configure(
        flow["flow_id"], {"name": "Ada", CONF_ASK_SKIN: False}
    )
    await house.hass.async_block_till_done()
    assert CONF_ASK_SKIN not in house.person.data


@pytest.mark.parametrize(
    ("said", "mask", "wand"),
    [
        ("Fine", set(), set()),
        ("So-so", {Reason.SKIN_NOT_FINE}, {Reason.SKIN_NOT_FINE}),
        ("Not fine", {Reason.SKIN_NOT_FINE, Reason.REDNESS}, {Reason.SKIN_NOT_FINE}),
    ],
)
async def test_an_answer_only_makes_limits_stricter_and_appears_in_no_event(
    house: House, phone: Phone, said: str, mask: set[Reason], wand: set[Reason]
) -> None:
    await had(house)
    await to_morning(house)
    events: list[str] = []
    house.hass.bus.async_listen(
        "*",
        lambda event: events.append(
            f"{event.event_type} {json.dumps(event.as_dict(), default=str)}"
        ),
    )
    before = {modality: against(house, modality) for modality in Modality}
    await phone.press(said)
    assert {modality: against(house, modality) - before[modality] for modality in Modality} == {
        Modality.MASK: mask,
        Modality.WAND: wand,
    }
    recorded = [event for event in events if "call_service" in event or "mobile_app" in event]
    assert recorded
    assert not [
        word
        for word in (*SKIN, "report_reaction", "redness")
        for event in recorded
        if word in event
    ]
    eligibility = house.person.data["eligibility"]
    for other in phone.buttons:
        await phone.press(other)  # answered already
    assert house.person.data["eligibility"] == eligibility


async def test_answers_to_an_older_question_and_of_a_removed_person_are_ignored(
    house: House, phone: Phone
) -> None:
    await had(house)
    await to_morning(house)
    await had(house, dt_util.utcnow() + timedelta(hours=10), program="first_use")
    await to_morning(house, days=1)
    assert len(phone.got) == 2
    await phone.press("Not fine", notification=0)
    assert not {Reason.REDNESS, Reason.SKIN_NOT_FINE} & against(house, Modality.MASK)
    assert await house.hass.config_entries.async_remove(house.person.entry_id)
    await phone.press("Not fine")

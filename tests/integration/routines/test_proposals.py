"""Proposals: a phone that asks, and what yes, later and skip do."""

from collections.abc import AsyncGenerator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import Context, HomeAssistant, ServiceCall
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser

from custom_components.facial_therapy.const import CONF_NOTIFY, CONF_WHEN_DUE
from custom_components.facial_therapy.core.gate.eligibility import reddened
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.routine.run import RoutineRun
from custom_components.facial_therapy.core.routine.transitions import RoutineState
from custom_components.facial_therapy.core.schedule.plan import evenings
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.people.registry import async_change_eligibility
from custom_components.facial_therapy.routines.proposals import ANSWERED, PROPOSALS, Proposal
from tests.integration.house import House, furnished
from tests.integration.world import PROFILE, person_entry

MASK = Modality.MASK
EIGHT = datetime(2026, 11, 24, 4, tzinfo=UTC)
"""In the evening of a Monday, in the tests' time zone."""
MANUAL = {"program": "manual", "channels": {"red": 10}}
HEALTH = ("red", "skin type", "screen", "pregnan", "epilep", "medic", "73 hours", "72")


class Phone:
    """A phone with the app, as Home Assistant knows it."""

    def __init__(self, hass: HomeAssistant) -> None:
        self.hass = hass
        self.got: list[dict[str, Any]] = []
        entry = MockConfigEntry(domain="mobile_app", data={"device_name": "Ada's phone"})
        entry.add_to_hass(hass)
        self.entity_id = (
            er.async_get(hass)
            .async_get_or_create("notify", "mobile_app", "phone", config_entry=entry)
            .entity_id
        )
        hass.services.async_register("notify", "mobile_app_ada_s_phone", self._show)

    async def _show(self, call: ServiceCall) -> None:
        self.got.append(dict(call.data))

    @property
    def buttons(self) -> list[str]:
        """The labels of the buttons."""
        return [each["title"] for each in self.got[-1]["data"]["actions"]]

    async def press(self, title: str, user_id: str | None = None, notification: int = -1) -> None:
        """Press a button of a notification."""
        (action,) = [
            each["action"]
            for each in self.got[notification]["data"]["actions"]
            if each["title"] == title
        ]
        self.hass.bus.async_fire(ANSWERED, {"action": action}, context=Context(user_id=user_id))
        await self.hass.async_block_till_done()


@pytest.fixture
async def house(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> AsyncGenerator[House]:
    """A house with both devices on a Monday evening."""
    freezer.move_to(EIGHT)
    async with furnished(hass, freezer, tmp_path) as found:
        yield found


@pytest.fixture
def phone(house: House) -> Phone:
    """The person's phone."""
    found = Phone(house.hass)
    house.hass.config_entries.async_update_entry(
        house.person, data={**house.person.data, CONF_NOTIFY: found.entity_id}
    )
    return found


def run_of(house: House) -> RoutineRun:
    """The run of the person."""
    assert house.run is not None
    return house.run


async def propose(house: House, **data: Any) -> Any:
    """Propose a session of the mask."""
    device = house.coordinator(MASK).device_entry
    assert device is not None
    return await house.act(
        "start_session",
        **{"device_id": device.id, "program": "first_use", "mode": "propose", **data},
    )


async def test_a_proposal_starts_nothing_yes_arms_and_the_face_starts_the_light(
    house: House, phone: Phone, hass_admin_user: MockUser
) -> None:
    answer = await propose(house)
    assert (answer["state"], answer["person"]) == ("proposed", "Ada")
    assert phone.got[0]["message"] == "Mask now? Yes also says that your skin is fine today."
    assert phone.buttons == ["Yes", "Later", "Skip"]
    assert phone.got[0]["data"]["visibility"] == "private"
    await house.pass_time(2)
    assert house.coordinator(MASK).state is SessionState.IDLE
    await phone.press("Yes", hass_admin_user.id)
    live = house.coordinator(MASK).live
    assert live is not None
    assert (house.coordinator(MASK).state, live.started_by) == (
        SessionState.ARMED,
        hass_admin_user.id,
    )
    assert house.flowing == set()
    house.devices[MASK].put_on()
    await house.pass_time(5)
    assert house.flowing == {MASK}
    await phone.press("Yes", hass_admin_user.id)  # a second press finds nothing
    assert len(phone.got) == 1


async def test_later_asks_again_with_the_same_buttons_and_never_after_its_end(
    house: House, phone: Phone
) -> None:
    await propose(house)
    await phone.press("Later")
    assert len(phone.got) == 1
    house.freezer.tick(timedelta(minutes=30))
    await house.pass_time(1)
    assert len(phone.got) == 2
    assert phone.got[0] == phone.got[1]
    await phone.press("Later")
    house.freezer.tick(timedelta(hours=4))
    await house.pass_time(1)
    assert len(phone.got) == 2
    assert house.coordinator(MASK).state is SessionState.IDLE


async def test_a_yes_that_comes_too_late_is_answered_with_that(house: House, phone: Phone) -> None:
    await propose(house)
    house.freezer.tick(timedelta(hours=4))
    await phone.press("Yes")
    assert phone.got == phone.got[:1]
    entity = house.hass.states.get(phone.entity_id)
    assert entity is None  # the entity is not there: Home Assistant itself says it
    notifications = house.hass.data["persistent_notification"]
    assert [each["message"] for each in notifications.values()] == [
        "It is too late for that by now."
    ]
    assert house.coordinator(MASK).state is SessionState.IDLE


async def test_skip_skips_the_planned_evening_if_there_is_one(house: House, phone: Phone) -> None:
    await propose(house)
    await phone.press("Skip")
    assert house.routines.plan.weekly_plan.skipped == frozenset()
    await house.routines.plan.async_choose("fine_lines", evenings=evenings(3))
    await propose(house)
    await phone.press("Skip")
    assert house.routines.plan.weekly_plan.skipped == {date(2026, 11, 23)}
    assert house.coordinator(MASK).state is SessionState.IDLE


async def test_a_due_evening_is_proposed_once_and_yes_starts_at_the_first_step(
    house: House, phone: Phone
) -> None:
    await house.routines.plan.async_choose("fine_lines", evenings=evenings(3))
    house.hass.config_entries.async_update_entry(
        house.person, data={**house.person.data, CONF_WHEN_DUE: "propose"}
    )
    await house.pass_time(300, 60)
    assert [each["message"] for each in phone.got] == [
        "Begin your evening? Yes also says that your skin is fine today."
    ]
    assert house.run is None
    await phone.press("Yes")
    assert house.state() is RoutineState.HAND
    assert house.flowing == set()


async def test_a_routine_can_be_proposed_and_an_impossible_one_is_refused_at_once(
    house: House, phone: Phone
) -> None:
    with pytest.raises(ServiceValidationError) as caught:
        await house.act("start_routine", mode="propose")
    assert caught.value.translation_key == "no_plan"
    answer = await house.act(
        "start_routine",
        mode="propose",
        steps=[{"act": "cleanse"}, {"act": "mask", "program": "first_use"}],
        finish_by="22:30:00",
    )
    assert answer["state"] == "proposed"
    assert house.run is None
    await phone.press("Yes")
    run = run_of(house)
    assert run.finish_by is not None
    assert [step.act.value for step in run.steps] == ["cleanse", "mask"]


@pytest.mark.parametrize(
    ("data", "key"),
    [
        ({"mode": "energize"}, "value_one_of"),
        ({**MANUAL, "duration_s": -1}, "out_of_bounds"),
        ({**MANUAL, "duration_s": "nan"}, "out_of_bounds"),
        ({"person": "Nobody"}, "unknown_person"),
    ],
)
async def test_a_session_that_would_be_refused_is_not_proposed(
    house: House, phone: Phone, data: dict[str, Any], key: str
) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - also what a schema raises
        await propose(house, **data)
    assert getattr(caught.value, "translation_key", None) == key
    assert phone.got == []


async def test_the_notification_of_a_refusal_says_nothing_about_health(
    house: House, phone: Phone
) -> None:
    messages: list[str] = []

    async def note(call: ServiceCall) -> None:
        messages.append(call.data["message"])

    house.hass.services.async_register("notify", "send_message", note)
    await propose(house)
    async_change_eligibility(house.hass, house.routines.person, reddened)
    await phone.press("Yes")
    assert house.coordinator(MASK).state is SessionState.IDLE
    assert len(messages) == 1
    assert messages[0].startswith("Not now. ")
    assert not [word for word in HEALTH if word in messages[0].casefold()]


async def test_yes_needs_the_permission_of_the_user_who_presses_it(
    house: House, phone: Phone, hass_owner_user: MockUser
) -> None:
    assert hass_owner_user.is_owner  # as the first user is
    guest = await house.hass.auth.async_create_user("guest", group_ids=["system-read-only"])
    await propose(house)
    await phone.press("Yes", guest.id)
    assert house.coordinator(MASK).state is SessionState.IDLE


async def test_a_device_that_is_off_is_proposed_and_waited_for(house: House, phone: Phone) -> None:
    house.devices[MASK].disconnect()
    await house.pass_time(1)
    await propose(house)
    await phone.press("Yes")
    assert house.coordinator(MASK).state is SessionState.WAITING
    house.devices[MASK].connect()
    await house.pass_time(3)
    assert house.coordinator(MASK).state is SessionState.ARMED


async def test_a_newer_proposal_replaces_an_older_one_and_foreign_buttons_are_ignored(
    house: House, phone: Phone
) -> None:
    await propose(house)
    await propose(house)
    await phone.press("Yes", notification=0)
    house.hass.bus.async_fire(ANSWERED, {"action": "facial_therapy_yes_"})
    house.hass.bus.async_fire(ANSWERED, {})
    await house.hass.async_block_till_done()
    assert house.coordinator(MASK).state is SessionState.IDLE
    await phone.press("Yes")
    assert house.coordinator(MASK).state is SessionState.ARMED


async def test_a_removed_person_is_not_asked_any_more(house: House, phone: Phone) -> None:
    await propose(house)
    await phone.press("Later")
    await house.hass.config_entries.async_remove(house.person.entry_id)
    house.freezer.tick(timedelta(minutes=31))
    await house.pass_time(1)
    assert len(phone.got) == 1
    assert house.coordinator(MASK).state is SessionState.IDLE


@pytest.mark.usefixtures("phone")
async def test_without_a_reachable_phone_the_question_is_a_persistent_notification(
    house: House,
) -> None:
    async def fail(_call: ServiceCall) -> None:
        raise HomeAssistantError

    house.hass.services.async_register("notify", "mobile_app_ada_s_phone", fail)
    await propose(house)
    notifications = house.hass.data["persistent_notification"]
    assert [each["message"] for each in notifications.values()] == [
        "Mask now? Yes also says that your skin is fine today."
    ]


async def restart(house: House) -> None:
    """Forget every proposal that is not saved, as a restart does."""
    proposals = house.hass.data[PROPOSALS]
    proposals._timers.cancel_all()
    proposals._open.clear()
    await proposals.async_load()
    await house.restart()


async def test_yes_counts_after_a_restart_once_and_says_who_pressed_it(
    house: House, phone: Phone, hass_admin_user: MockUser
) -> None:
    await propose(house)
    await restart(house)
    assert len(phone.got) == 1
    await phone.press("Yes", hass_admin_user.id)
    live = house.coordinator(MASK).live
    assert live is not None
    assert (house.coordinator(MASK).state, live.started_by) == (
        SessionState.ARMED,
        hass_admin_user.id,
    )
    await house.coordinator(MASK).async_stop()
    await house.pass_time(2)
    await restart(house)
    await phone.press("Yes", hass_admin_user.id)
    assert house.coordinator(MASK).state is SessionState.IDLE


async def test_a_routine_is_the_same_after_a_restart(house: House, phone: Phone) -> None:
    await house.act(
        "start_routine",
        mode="propose",
        steps=[{"act": "cleanse"}, {"act": "mask", "program": "first_use"}],
        finish_by="22:30:00",
    )
    await restart(house)
    await phone.press("Yes")
    run = run_of(house)
    assert run.finish_by == datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
    assert [step.act.value for step in run.steps] == ["cleanse", "mask"]


@pytest.mark.parametrize(
    ("off", "left"),
    [(timedelta(minutes=10), timedelta(minutes=20)), (timedelta(hours=1), timedelta(0))],
)
async def test_later_asks_again_at_its_time_also_after_a_restart(
    house: House, phone: Phone, off: timedelta, left: timedelta
) -> None:
    await propose(house)
    await phone.press("Later")
    house.freezer.tick(off)
    await restart(house)
    house.freezer.tick(left - timedelta(seconds=2) if left else left)
    if left:
        await house.pass_time(1)
        assert len(phone.got) == 1
    await house.pass_time(2)
    assert len(phone.got) == 2
    assert phone.got[0] == phone.got[1]
    await restart(house)
    await house.pass_time(2)
    assert len(phone.got) == 2


async def test_a_new_proposal_cancels_the_repetition_of_the_older_one(
    house: House, phone: Phone
) -> None:
    await propose(house)
    await phone.press("Later")
    await propose(house)
    house.freezer.tick(timedelta(minutes=31))
    await house.pass_time(1)
    assert len(phone.got) == 2


async def test_a_proposal_that_expired_during_a_restart_is_answered_with_that(
    house: House, phone: Phone
) -> None:
    await propose(house)
    house.freezer.tick(timedelta(hours=20))
    await restart(house)
    await phone.press("Yes")
    assert [each["message"] for each in house.hass.data["persistent_notification"].values()] == [
        "It is too late for that by now."
    ]
    assert house.coordinator(MASK).state is SessionState.IDLE


async def test_a_due_evening_is_not_proposed_again_after_a_restart(
    house: House, phone: Phone
) -> None:
    await house.routines.plan.async_choose("fine_lines", evenings=evenings(3))
    house.hass.config_entries.async_update_entry(
        house.person, data={**house.person.data, CONF_WHEN_DUE: "propose"}
    )
    await house.pass_time(120, 60)
    assert len(phone.got) == 1
    await restart(house)
    await house.pass_time(300, 60)
    assert len(phone.got) == 1
    await phone.press("Skip")
    assert house.routines.plan.weekly_plan.skipped == {date(2026, 11, 23)}


async def test_removing_a_person_removes_their_proposals(
    house: House, phone: Phone, hass_storage: dict[str, Any]
) -> None:
    await propose(house)
    stored = hass_storage["facial_therapy.proposals"]
    assert list(stored["data"]["by_person"]) == [house.person.entry_id]
    await house.hass.config_entries.async_remove(house.person.entry_id)
    assert hass_storage["facial_therapy.proposals"]["data"] == {"by_person": {}}
    assert len(phone.got) == 1


@pytest.mark.parametrize(
    "kept", [{"a": {}}, {"a": None}, {"a": {"day": 1, "again_at": None, "until": "soon"}}, ["a"]]
)
async def test_damaged_proposals_are_reset(
    house: House, phone: Phone, hass_storage: dict[str, Any], kept: Any
) -> None:
    await propose(house)
    hass_storage["facial_therapy.proposals"]["data"] = kept
    await restart(house)
    await phone.press("Yes")
    assert house.coordinator(MASK).state is SessionState.IDLE
    await propose(house)
    await phone.press("Yes")
    assert house.coordinator(MASK).state is SessionState.ARMED


async def test_each_person_has_their_own_proposal(house: House, phone: Phone) -> None:
    other = person_entry(name="Bea", profile=PROFILE + 1)
    other.add_to_hass(house.hass)
    assert await house.hass.config_entries.async_setup(other.entry_id)
    await propose(house, person="Ada")
    await house.hass.data[PROPOSALS].async_propose(
        other.entry_id,
        Proposal(what="mask", action="stop_all", data={}, until=EIGHT + timedelta(hours=1)),
    )
    await phone.press("Yes")
    assert house.coordinator(MASK).state is SessionState.ARMED

"""`session.bookkeeping`: the ledger and the node's history, and that the larger of them counts."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from homeassistant.components.repairs.const import DOMAIN as REPAIRS
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.ledger.record import Record, Source
from custom_components.facial_therapy.core.model import Channel, Dose, Modality, Outcome
from custom_components.facial_therapy.core.refusal import Reason, RefusedError
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.devices.port import HistoryEntry
from custom_components.facial_therapy.session.view import LiveSession
from custom_components.facial_therapy.storage.ledger import LEDGER, Ledger
from custom_components.facial_therapy.storage.ledger_file import LedgerError
from tests.fake_windows import FakeCharge
from tests.integration.world import PROFILE, World

DELIVERED = Dose(fluence_j_cm2={Channel.RED: 8.4})


def foreign_session(world: World, profile: int = PROFILE, **changes: Any) -> HistoryEntry:
    """Add a session to the node's history that somebody else started."""
    number = len(world.device.history) + 1
    values: dict[str, Any] = {
        "number": number,
        "session_id": f"{number:016x}",
        "of_profile": False,  # the device answers it when it is asked for a profile
        "planned": Dose(fluence_j_cm2={Channel.RED: 10}),
        "delivered": DELIVERED,
        "output_s": 600,
        "outcome": Outcome.COMPLETED,
        "age_s": 60,
    }
    entry = HistoryEntry(**values | changes)
    world.device.record_foreign(entry, profile)
    return entry


async def forget_records(world: World) -> None:
    """Make the ledger as old as when the node had only its first record: a restored backup."""
    bookkeeping = world.coordinator.bookkeeping
    memory = replace(bookkeeping.memory, last_record=1, last_session=None)
    await bookkeeping.ledger.async_remember(world.hass, world.coordinator.mac, memory)


async def back(world: World) -> None:
    """Lose and find the connection to the node."""
    world.device.disconnect()
    world.device.connect()
    await world.pass_time(2)


def records(world: World) -> list[Record]:
    """Return Ada's records, the newest first."""
    return list(world.hass.data[LEDGER].newest_first(world.person.person_id))


def foreign_issue(world: World) -> bool:
    """Whether a repair names the device."""
    issue = ir.async_get(world.hass).async_get_issue(
        DOMAIN, f"foreign_session_{world.entry.entry_id}"
    )
    return issue is not None and issue.translation_placeholders == {"device": world.entry.title}


async def test_a_foreign_session_counts_for_the_person_of_its_profile_and_a_repair_names_the_device(
    world: World,
) -> None:
    entry = foreign_session(world)
    await back(world)
    (record,) = records(world)
    assert (record.session_id, record.source, record.delivered, record.outcome) == (
        entry.session_id,
        Source.UNKNOWN,
        DELIVERED,
        Outcome.COMPLETED,
    )
    assert record.counted.fluence_j_cm2 == {Channel.RED: pytest.approx(8.4 * 1.2)}
    assert foreign_issue(world)
    assert world.coordinator.bookkeeping.memory.last_record == 2
    await back(world)
    assert records(world) == [record]


async def test_a_foreign_session_without_output_is_not_recorded(
    world: World,
) -> None:
    foreign_session(world, outcome=Outcome.VOID, delivered=Dose())
    await back(world)
    assert records(world) == []
    assert not foreign_issue(world)
    assert world.coordinator.bookkeeping.memory.last_record == 2


async def test_a_foreign_session_of_an_unknown_profile_is_kept_and_a_repair_names_the_device(
    world: World,
) -> None:
    entry = foreign_session(world, profile=99)
    await back(world)
    assert records(world) == []
    kept = world.hass.data[LEDGER].get(entry.session_id or "")
    assert kept is not None
    assert (kept.person_id, kept.profile) == (None, 0)
    assert foreign_issue(world)


async def open_repair(
    world: World, hass_client: ClientSessionGenerator
) -> Callable[..., Awaitable[dict[str, Any]]]:
    """Open the repair of the device, and return a function that answers its form."""
    assert await async_setup_component(world.hass, REPAIRS, {})
    client = await hass_client()
    issue = {"handler": DOMAIN, "issue_id": f"foreign_session_{world.entry.entry_id}"}
    begun: dict[str, Any] = await (await client.post("/api/repairs/issues/fix", json=issue)).json()

    async def answer(**values: str) -> dict[str, Any]:
        form: dict[str, Any] = await (
            await client.post(f"/api/repairs/issues/fix/{begun['flow_id']}", json=values)
        ).json()
        return form | {"asked": begun}

    return answer


async def test_an_admin_assigns_a_session_of_an_unknown_profile_to_a_person(
    world: World, hass_client: ClientSessionGenerator
) -> None:
    foreign_session(world, profile=99)
    await back(world)
    answer = await open_repair(world, hass_client)
    refused = await answer(person="nobody we know")
    assert (
        refused["asked"]["step_id"],
        refused["asked"]["description_placeholders"]["sessions"],
    ) == ("whose", "1")
    assert "errors" in refused
    with patch.object(Ledger, "async_merge", side_effect=LedgerError("full")):
        assert (await answer(person=world.person.person_id))["errors"] == {"base": "store_failed"}
    assert records(world) == []
    assert foreign_issue(world)
    assert (await answer(person=world.person.person_id))["type"] == "create_entry"
    (record,) = records(world)
    assert record.source is Source.UNKNOWN
    assert record.counted.fluence_j_cm2 == {Channel.RED: pytest.approx(8.4 * 1.2)}
    assert not foreign_issue(world)
    await back(world)  # the node reports it once more
    assert records(world) == [record]


async def test_a_session_of_an_unknown_profile_may_be_assigned_to_nobody(
    world: World, hass_client: ClientSessionGenerator
) -> None:
    entry = foreign_session(world, profile=99)
    await back(world)
    eve = await world.somebody_else()
    answer = await open_repair(world, hass_client)
    await world.hass.config_entries.async_remove(eve.person_id)
    assert (await answer(person=eve.person_id))["errors"] == {"person": "unknown_person"}
    assert (await answer())["type"] == "create_entry"
    assert records(world) == []
    assert world.hass.data[LEDGER].get(entry.session_id or "") is not None
    assert not foreign_issue(world)


async def test_a_session_that_counts_already_only_needs_to_be_confirmed(
    world: World, hass_client: ClientSessionGenerator
) -> None:
    foreign_session(world)
    await back(world)
    done = await (await open_repair(world, hass_client))()
    assert (done["asked"]["step_id"], done["type"]) == ("confirm", "create_entry")
    assert len(records(world)) == 1
    assert not foreign_issue(world)


async def test_a_session_of_the_node_before_a_start_counts_for_that_start(
    world: World,
) -> None:
    foreign_session(world, profile=99)
    world.device.report()  # it is imported while the start is on its way
    live = await world.coordinator.async_start(world.ask())
    assert [(record.session_id, record.open) for record in records(world)] == [
        (live.session_id, True)
    ]
    assert world.hass.data[LEDGER].get(f"{2:016x}") is not None
    assert world.state() is SessionState.ARMED
    await world.coordinator.async_stop()
    await world.pass_time(1)
    eve = await world.somebody_else()
    foreign_session(world, profile=eve.profile, delivered=Dose(fluence_j_cm2={Channel.RED: 60}))
    world.device.report()
    with pytest.raises(RefusedError) as refused:
        await world.coordinator.async_start(world.ask(person=eve))
    assert {Reason.DOSE_DAY, Reason.REST} <= {refusal.reason for refusal in refused.value.refusals}
    assert world.device.session is None
    await world.pass_time(1)
    assert world.state() is SessionState.IDLE


async def test_a_session_that_is_imported_again_counts_once_and_in_full(
    world: World,
) -> None:
    await world.run()
    await world.pass_time(70)
    (before,) = records(world)
    await forget_records(world)
    await back(world)
    assert records(world) == [before]
    assert not foreign_issue(world)


async def test_importing_a_larger_dose_raises_a_record_and_a_smaller_one_does_not_lower_it(
    world: World,
) -> None:
    await world.run()
    await world.pass_time(70)
    (before,) = records(world)
    assert before.delivered is not None
    for factor, expected in ((0.5, 1), (1.5, 1.5)):
        more = Dose(
            fluence_j_cm2={
                channel: fluence * factor
                for channel, fluence in before.delivered.fluence_j_cm2.items()
            }
        )
        world.device.history[-1] = world.device.history[-1].__replace__(delivered=more)
        await forget_records(world)
        await back(world)
        (record,) = records(world)
        assert record.delivered is not None
        assert record.delivered.total == pytest.approx(before.delivered.total * expected)


async def test_a_dose_that_only_the_counters_of_the_node_know_is_an_unknown_session_of_now(
    world: World,
) -> None:
    world.device.strict = True
    await world.run()
    await world.pass_time(70)
    assert [record.source for record in records(world)] == [Source.DEVICE]
    world.device.windows.given.append(world.device.windows.given[0].__replace__(dose=50.0))
    await back(world)
    unknown, _ = records(world)
    assert (unknown.source, unknown.outcome) == (Source.UNKNOWN, Outcome.UNCERTAIN)
    assert unknown.counted.total == pytest.approx(50)
    assert foreign_issue(world)
    await back(world)
    assert len(records(world)) == 2


async def test_a_node_that_was_reset_costs_everybody_it_knew_a_week(world: World) -> None:
    await world.run()
    await world.pass_time(70)
    world.device.history[1:] = []
    await back(world)
    ceiling, _ = records(world)
    assert (ceiling.source, ceiling.counted.total) == (Source.UNKNOWN, 300)
    assert foreign_issue(world)
    assert Reason.DOSE_WEEK in {refusal.reason for refusal in world.coordinator.data.refusals}
    assert world.coordinator.bookkeeping.memory.last_record == 1
    await back(world)
    assert len(records(world)) == 2


async def test_a_reset_is_noticed_even_if_the_node_has_as_many_records_as_before(
    world: World,
) -> None:
    await world.run()
    await world.pass_time(70)
    world.device.history[1:] = []
    foreign_session(world, delivered=Dose(fluence_j_cm2={Channel.RED: 1}))
    await back(world)
    assert {record.source for record in records(world)} == {Source.DEVICE, Source.UNKNOWN}
    assert max(record.counted.total for record in records(world)) == 300
    assert [record.session_id for record in records(world)].count(f"{2:016x}") == 1


async def test_a_gap_in_the_history_counts_once_at_the_ceiling_and_the_rest_is_imported(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = [foreign_session(world) for _ in range(4)]
    whole = world.device.async_history

    async def forgetful(number: int, profile: int) -> HistoryEntry:
        return await whole(number if number > 3 else 99, profile)

    monkeypatch.setattr(world.device, "async_history", forgetful)
    await back(world)
    assert sorted(record.counted.total for record in records(world)) == pytest.approx(
        [8.4 * 1.2, 8.4 * 1.2, 300]
    )
    assert {entry.session_id for entry in entries[2:]} < {
        record.session_id for record in records(world)
    }
    assert world.coordinator.bookkeeping.memory.last_record == 5


async def test_a_session_that_the_node_never_heard_of_is_void_after_a_restart(world: World) -> None:
    written = LiveSession(
        session_id=f"{1:016x}",
        resume_key=f"{2:016x}",
        person=world.person,
        program="manual",
        permitted=world.coordinator.gate.permit(world.ask()),
        started_at=world.coordinator.bookkeeping.ledger.now(),
    )
    await world.coordinator.bookkeeping.async_open(written)  # and then Home Assistant went away
    assert await world.hass.config_entries.async_reload(world.entry.entry_id)
    assert [record.open for record in records(world)] == [True]
    await world.pass_time(3)
    assert [(record.open, record.outcome) for record in records(world)] == [(False, Outcome.VOID)]
    assert world.state() is SessionState.IDLE


async def test_a_session_whose_end_never_arrives_counts_in_full_but_has_ended(
    world: World,
) -> None:
    await world.run()
    world.device.disconnect()
    for state in (SessionState.LOST, SessionState.STOPPING, SessionState.IDLE):
        assert world.state() is state
        world.freezer.tick(timedelta(seconds=limits.KEPT_S + limits.LEASE_S[world.modality] + 1))
        async_fire_time_changed(world.hass)
        await world.hass.async_block_till_done()
    (record,) = records(world)
    assert record.open
    assert record.ended_at is not None
    least, most = record.bounds
    assert 0 < least.total < most.total == pytest.approx(record.planned.total)


# --- enrollment -----------------------------------------------------------------------------------


async def test_the_selected_person_is_enrolled_while_the_button_of_the_node_is_held(
    world: World,
) -> None:
    world.device.strict = True
    bea = await world.somebody_else("Bea", 4712)
    world.device.profiles.remove(4712)
    await world.coordinator.async_set(person_id=bea.person_id)
    await world.pass_time(1)
    assert [refusal.reason for refusal in world.coordinator.data.refusals] == [Reason.NOT_ENROLLED]
    announced: list[str] = []
    world.coordinator.announcements.add_listener(lambda name, _live: announced.append(name))
    world.device.hold()
    await world.pass_time(3)
    world.device.hold(down=False)
    await world.pass_time(1)
    assert world.device.profiles == [PROFILE, 4712]
    assert world.device.commands.count("enroll") == 1
    assert announced == ["enrolled"]
    assert not world.coordinator.data.refusals


async def test_holding_the_button_for_an_enrolled_person_changes_nothing(world: World) -> None:
    world.device.hold()
    await world.pass_time(2)
    assert "enroll" not in world.device.commands


async def test_nobody_is_enrolled_while_no_person_is_selected(world: World) -> None:
    await world.somebody_else("Bea", 4712)
    world.device.profiles = []
    await world.pass_time(1)
    world.device.hold()
    await world.pass_time(2)
    assert world.device.profiles == []


async def test_a_full_node_enrolls_nobody_and_the_log_says_why(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    world.device.profiles = [1, 2, 3, 4]
    world.device.windows.given.extend(
        FakeCharge(profile, 0, 1, 0, counts=True) for profile in world.device.profiles
    )
    await world.pass_time(1)
    world.device.hold()
    await world.pass_time(2)
    assert world.device.profiles == [1, 2, 3, 4]
    assert "profiles_full" in caplog.text
    assert str(PROFILE) not in caplog.text


# --- the button that a start needs ----------------------------------------------------------------


async def test_a_session_that_needs_a_press_of_the_button_says_so(world: World) -> None:
    await world.coordinator.async_start(world.ask())
    telemetry = world.coordinator.telemetry
    assert telemetry is not None
    state = world.hass.states.get("sensor.mask_node_session")
    assert state is not None
    assert state.attributes["needs_button"] is False
    world.coordinator.engine.heard(
        telemetry.__replace__(number=telemetry.number + 1, needs_button=True)
    )
    await world.hass.async_block_till_done()
    state = world.hass.states.get("sensor.mask_node_session")
    assert state is not None
    assert state.attributes["needs_button"] is True


@pytest.mark.parametrize("modality", [Modality.WAND])
async def test_the_counters_of_a_wand_are_compared_in_charge(world: World) -> None:
    world.device.strict = True
    await world.run()
    await world.pass_time(70)
    world.device.windows.given.append(world.device.windows.given[0].__replace__(dose=2.0))
    await back(world)
    assert records(world)[0].counted.charge_ma_min == pytest.approx(2)

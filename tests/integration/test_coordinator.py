"""The coordinator with a fake device that obeys the contract, in simulated time."""

import asyncio
from dataclasses import replace
from pathlib import Path

from homeassistant.config_entries import ConfigEntryDisabler, ConfigEntryState
from homeassistant.core import Context
import pytest

from custom_components.facial_therapy.core.device import NodeState
from custom_components.facial_therapy.core.ledger.record import Record
from custom_components.facial_therapy.core.model import Channel, Fault, Modality, Outcome
from custom_components.facial_therapy.core.refusal import Reason, Refusal, RefusedError
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.devices.port import DeviceError, Problem
from custom_components.facial_therapy.session.view import LiveSession
from custom_components.facial_therapy.storage.ledger import LEDGER
from tests.integration.world import World


def record_of(world: World) -> Record:
    """The only session in the ledger."""
    ledger = world.hass.data[LEDGER]
    sessions = [ledger.get(session_id) for session_id in ledger.session_ids()]
    assert len(sessions) == 1
    assert sessions[0] is not None
    return sessions[0]


async def test_a_session_is_armed_put_on_runs_to_its_end_and_is_settled_to_what_the_node_delivered(
    world: World,
) -> None:
    announced: list[str] = []
    world.coordinator.announcements.add_listener(lambda name, _: announced.append(name))
    live = await world.coordinator.async_start(world.ask(), Context(user_id="somebody"))
    assert world.state() is SessionState.ARMED
    assert live.started_by == "somebody"
    world.device.put_on()
    await world.pass_time(5)
    assert world.state() is SessionState.RUNNING
    assert world.coordinator.live is not None
    assert world.coordinator.live.ends_at is not None
    await world.pass_time(60)
    assert world.state() is SessionState.IDLE
    assert announced == ["armed", "started", "ended"]
    record = record_of(world)
    assert record.outcome is Outcome.COMPLETED
    assert record.delivered == world.device.history[-1].delivered
    last = world.coordinator.data.last
    assert last is not None
    assert last.outcome is Outcome.COMPLETED
    assert last.delivered == record.delivered


async def test_the_session_is_in_the_ledger_at_its_full_plan_before_the_device_hears_of_it(
    world: World,
) -> None:
    seen: list[Record] = []
    start = world.device.async_start

    async def look(*args: object, **kwargs: object) -> object:
        seen.append(record_of(world))
        return await start(*args, **kwargs)  # type: ignore[arg-type]

    world.device.async_start = look  # type: ignore[method-assign, assignment]
    await world.coordinator.async_start(world.ask())
    assert seen[0].open
    assert seen[0].planned.total == pytest.approx(2 * 14 * 60 / 1000)


async def test_a_ledger_that_cannot_be_written_refuses_the_start_and_the_device_hears_nothing(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "ledger").unlink(missing_ok=True)
    (tmp_path / "ledger").mkdir()
    with pytest.raises(RefusedError) as refused:
        await world.coordinator.async_start(world.ask())
    assert refused.value.binding.reason is Reason.STORE_FAILED
    assert "start" not in world.device.commands
    assert world.state() is SessionState.IDLE


async def test_a_start_that_the_node_refuses_is_void_and_costs_nothing(world: World) -> None:
    world.device.refuse = Refusal(reason=Reason.TOO_HOT)
    with pytest.raises(RefusedError):
        await world.coordinator.async_start(world.ask())
    await world.hass.async_block_till_done()
    assert world.state() is SessionState.IDLE
    assert record_of(world).outcome is Outcome.VOID
    assert world.coordinator.data.session is None


async def test_a_start_without_an_answer_counts_in_full_until_the_node_reports_it(
    world: World,
) -> None:
    world.device.silent = True
    with pytest.raises(DeviceError):
        await world.coordinator.async_start(world.ask())
    assert world.state() is SessionState.LOST
    assert record_of(world).open
    world.device.silent = False
    world.device.connect()
    await world.pass_time(1)
    assert world.state() is SessionState.IDLE
    assert record_of(world).outcome is Outcome.VOID


async def test_the_lease_is_renewed_while_a_session_lives_and_not_after_it(world: World) -> None:
    await world.run()
    renewed = world.device.commands.count("renew")
    assert renewed >= 3
    await world.coordinator.async_stop()
    await world.pass_time(20)
    assert world.device.commands.count("renew") == renewed


async def test_a_silent_home_assistant_lets_the_lease_end_and_the_session_is_suspended(
    world: World,
) -> None:
    await world.run()
    world.device.advance(11)  # Home Assistant's time stands still
    assert world.device.state is NodeState.SUSPENDED
    await world.hass.async_block_till_done()
    assert world.state() is SessionState.SUSPENDED


async def test_only_a_contact_that_may_come_back_by_itself_is_renewed_while_suspended(
    world: World,
) -> None:
    await world.run()
    world.device.take_off()
    renewed = world.device.commands.count("renew")
    await world.pass_time(7)
    assert world.state() is SessionState.SUSPENDED
    assert world.device.commands.count("renew") > renewed
    world.device.put_on()
    await world.pass_time(1)
    world.device.advance(11)  # Home Assistant's time stands still
    await world.hass.async_block_till_done()
    renewed = world.device.commands.count("renew")
    await world.pass_time(10)
    assert world.device.cause == "lease"
    assert world.device.commands.count("renew") == renewed


@pytest.mark.parametrize(
    "state", [SessionState.ARMED, SessionState.RUNNING, SessionState.SUSPENDED, SessionState.PAUSED]
)
async def test_stop_ends_every_state_of_a_session(world: World, state: SessionState) -> None:
    await world.coordinator.async_start(world.ask())
    if state is not SessionState.ARMED:
        world.device.put_on()
        await world.pass_time(5)
    if state is SessionState.PAUSED:
        await world.coordinator.async_pause()
    if state is SessionState.SUSPENDED:
        world.device.take_off()
        await world.pass_time(1)
    assert world.state() is state
    await world.coordinator.async_stop()
    assert world.device.state is NodeState.IDLE
    assert world.state() is SessionState.IDLE
    await world.hass.async_block_till_done()
    assert not record_of(world).open


async def test_a_stop_that_is_not_confirmed_says_when_the_lease_ends_it_and_goes_on_trying(
    world: World,
) -> None:
    await world.run()
    world.device.disconnect()
    await world.hass.async_block_till_done()
    assert world.state() is SessionState.LOST
    stopping = asyncio.create_task(world.coordinator.async_stop())
    await asyncio.sleep(0)
    assert world.state() is SessionState.STOPPING
    await world.pass_time(3)
    with pytest.raises(DeviceError) as error:
        stopping.result()
    assert error.value.problem is Problem.STOP_UNCONFIRMED
    assert ":" in error.value.placeholders["zero_at"]
    world.device.connect()
    await world.pass_time(1)
    await world.hass.async_block_till_done(wait_background_tasks=True)
    assert world.state() is SessionState.IDLE
    assert world.device.state is NodeState.IDLE
    assert not record_of(world).open


async def test_a_stop_while_the_start_is_being_written_wins(world: World) -> None:
    starting = asyncio.create_task(world.coordinator.async_start(world.ask()))
    await asyncio.sleep(0)
    await world.coordinator.async_stop()
    with pytest.raises(RefusedError):
        await starting
    await world.hass.async_block_till_done()
    assert world.device.session is None
    assert world.state() is SessionState.IDLE
    assert record_of(world).outcome is Outcome.VOID


async def test_pause_keeps_the_session_and_resume_delivers_the_rest(world: World) -> None:
    await world.run()
    await world.coordinator.async_pause()
    assert world.state() is SessionState.PAUSED
    assert world.device.state is NodeState.PAUSED
    before = world.device.session.delivered.total if world.device.session else 0
    await world.pass_time(30)
    assert world.state() is SessionState.PAUSED
    await world.coordinator.async_resume()
    assert world.state() is SessionState.RUNNING
    await world.pass_time(70)
    assert world.state() is SessionState.IDLE
    record = record_of(world)
    assert record.outcome is Outcome.COMPLETED
    assert record.delivered is not None
    assert record.delivered.total > before


async def test_contact_found_again_at_once_goes_on_by_itself(world: World) -> None:
    await world.run()
    world.device.take_off()
    await world.pass_time(5)
    assert world.state() is SessionState.SUSPENDED
    world.device.put_on()
    await world.pass_time(1)
    assert world.state() is SessionState.RUNNING


async def test_a_suspended_session_that_nobody_resumes_ends_as_partial(world: World) -> None:
    await world.run()
    world.device.take_off()
    await world.pass_time(605)
    assert world.state() is SessionState.IDLE
    assert record_of(world).outcome is Outcome.PARTIAL


async def test_a_lost_link_suspends_and_a_person_resumes_the_rest(world: World) -> None:
    await world.run()
    world.device.disconnect()
    await world.pass_time(5)
    assert world.state() is SessionState.LOST
    world.device.connect()
    await world.pass_time(1)
    assert world.state() is SessionState.SUSPENDED
    assert world.device.state is NodeState.SUSPENDED
    await world.coordinator.async_resume()
    await world.pass_time(1)
    assert world.state() is SessionState.ARMED  # another owner: the face starts the light again
    assert world.coordinator.live is not None
    assert world.coordinator.live.window_ends_at is not None
    world.device.take_off()
    world.device.put_on()
    await world.pass_time(70)
    assert record_of(world).outcome is Outcome.COMPLETED


async def test_a_node_that_rebooted_in_the_middle_is_counted_in_full(world: World) -> None:
    await world.run()
    world.device.reboot()
    await world.pass_time(1)
    assert world.state() is SessionState.IDLE
    record = record_of(world)
    assert record.delivered == record.planned
    assert record.outcome is Outcome.UNCERTAIN


async def test_a_fault_of_the_node_ends_the_session_and_lasts_until_a_person_clears_it(
    world: World,
) -> None:
    await world.run()
    world.device.latch(Fault.OVER_TEMPERATURE)
    await world.pass_time(1)
    assert world.state() is SessionState.FAULT
    assert world.coordinator.data.fault is Fault.OVER_TEMPERATURE
    assert record_of(world).outcome is Outcome.FAULT
    with pytest.raises(RefusedError) as refused:
        await world.coordinator.async_start(world.ask())
    assert (refused.value.binding.reason, refused.value.binding.detail) == (
        Reason.FAULTED,
        Fault.OVER_TEMPERATURE,
    )
    world.device.temperature_c = 45
    world.device.report()
    with pytest.raises(RefusedError):
        await world.coordinator.async_clear_fault(await world.signed_in())
    assert world.state() is SessionState.FAULT
    world.device.temperature_c = 33
    with pytest.raises(RefusedError) as refused:
        await world.coordinator.async_clear_fault(await world.signed_in())
    assert refused.value.binding.reason is Reason.BUTTON_NEEDED
    world.device.press()
    await world.coordinator.async_clear_fault(await world.signed_in())
    await world.pass_time(1)
    assert world.state() is SessionState.IDLE


async def test_a_node_that_delivers_more_than_planned_is_stopped_and_stays_faulted_after_a_reload(
    world: World,
) -> None:
    await world.run()
    session = world.device.session
    assert session is not None
    session.delivered = type(session.delivered)(fluence_j_cm2={Channel.RED: 40})
    world.device.report()
    await world.hass.async_block_till_done()
    assert world.device.session is None
    assert world.state() is SessionState.FAULT
    assert world.coordinator.data.fault is Fault.OVERDOSE
    assert await world.hass.config_entries.async_reload(world.entry.entry_id)
    assert world.state() is SessionState.FAULT
    await world.pass_time(1)
    await world.coordinator.async_clear_fault(await world.signed_in())
    assert world.state() is SessionState.IDLE


async def test_a_reload_pauses_the_session_and_adopts_it_for_a_person_to_resume(
    world: World,
) -> None:
    await world.run()
    live = world.coordinator.live
    assert live is not None
    assert await world.hass.config_entries.async_reload(world.entry.entry_id)
    assert world.device.session is not None
    assert "pause" in world.device.commands
    assert world.device.state is NodeState.SUSPENDED  # paused, and its client has gone
    await world.pass_time(12)
    assert world.state() is SessionState.SUSPENDED
    assert "adopt" in world.device.commands
    assert world.coordinator.live is not None
    assert world.coordinator.live.session_id == live.session_id
    assert live.permitted is not None
    assert world.coordinator.live.permitted is not None
    person = world.coordinator.live.person  # as the person is now
    assert world.coordinator.live.permitted == replace(
        live.permitted,
        request=replace(live.permitted.request, person=person, gel_rinsed=True),
    )
    assert record_of(world).open
    await world.coordinator.async_resume()
    await world.pass_time(5)
    assert world.state() is SessionState.ARMED  # only a new edge continues it
    world.device.take_off()
    world.device.put_on()
    await world.pass_time(70)
    record = record_of(world)
    assert record.outcome is Outcome.COMPLETED
    assert record.delivered is not None
    assert record.delivered.total == pytest.approx(record.planned.total, rel=0.05)


async def test_an_adopted_session_that_nobody_resumes_ends_as_partial_after_ten_minutes(
    world: World,
) -> None:
    await world.run()
    assert await world.hass.config_entries.async_reload(world.entry.entry_id)
    await world.pass_time(605)
    assert world.state() is SessionState.IDLE
    assert world.device.session is None
    assert record_of(world).outcome is Outcome.PARTIAL


@pytest.mark.parametrize("state", [SessionState.ARMED, SessionState.RUNNING])
async def test_a_restart_stops_what_it_finds_armed_or_running(
    world: World, state: SessionState
) -> None:
    await world.coordinator.async_start(world.ask())
    if state is SessionState.RUNNING:
        world.device.put_on()
        await world.pass_time(5)
    kill(world)
    assert await world.hass.config_entries.async_setup(world.entry.entry_id)
    await world.pass_time(1)
    await world.hass.async_block_till_done(wait_background_tasks=True)
    assert world.device.session is None
    assert world.state() is SessionState.IDLE
    assert not record_of(world).open


async def test_deleting_the_person_during_a_restart_stops_the_session(world: World) -> None:
    await world.run()
    assert await world.hass.config_entries.async_unload(world.entry.entry_id)
    held = world.device.session
    assert held is not None
    await world.hass.config_entries.async_remove(world.person.person_id)
    assert await world.hass.config_entries.async_setup(world.entry.entry_id)
    await world.pass_time(1)
    await world.hass.async_block_till_done(wait_background_tasks=True)
    assert world.device.session is None
    assert world.state() is SessionState.IDLE


@pytest.mark.parametrize("how", ["disable", "remove"])
async def test_disabling_or_removing_the_device_stops_the_session(world: World, how: str) -> None:
    await world.run()
    entries = world.hass.config_entries
    if how == "disable":
        await entries.async_set_disabled_by(world.entry.entry_id, ConfigEntryDisabler.USER)
    else:
        await entries.async_remove(world.entry.entry_id)
    await world.hass.async_block_till_done(wait_background_tasks=True)
    assert world.device.session is None
    record = record_of(world)
    assert record.outcome is Outcome.INTERRUPTED
    assert record.delivered is not None
    assert 0 < record.delivered.total < record.planned.total


def kill(world: World) -> None:
    """Leave what a Home Assistant that is killed leaves: nothing is paused, stopped or settled."""
    coordinator = world.coordinator
    world.device.forget_listeners()
    coordinator.timers.cancel_all()
    world.entry.mock_state(world.hass, ConfigEntryState.NOT_LOADED)


async def test_a_device_that_is_still_worn_after_a_session_has_to_come_off_first(
    world: World,
) -> None:
    await world.run()
    await world.coordinator.async_stop()
    with pytest.raises(RefusedError) as refused:
        await world.coordinator.async_start(world.ask())
    assert refused.value.binding.reason is Reason.STILL_WORN
    assert world.device.commands.count("start") == 1
    world.device.take_off()
    world.device.report()
    await world.coordinator.async_start(world.ask())
    assert world.state() is SessionState.ARMED


async def test_after_a_restart_a_device_that_is_worn_has_to_come_off_first(
    world: World,
) -> None:
    world.device.put_on()
    world.device.report()
    assert await world.hass.config_entries.async_reload(world.entry.entry_id)
    world.device.report()
    with pytest.raises(RefusedError) as refused:
        await world.coordinator.async_start(world.ask())
    assert refused.value.binding.reason is Reason.STILL_WORN
    assert "start" not in world.device.commands
    world.device.take_off()
    world.device.report()
    await world.coordinator.async_start(world.ask())
    assert world.state() is SessionState.ARMED


async def test_a_second_start_is_refused_while_a_session_lives(world: World) -> None:
    await world.run()
    with pytest.raises(RefusedError) as refused:
        await world.coordinator.async_start(world.ask())
    assert refused.value.binding.reason is Reason.BUSY
    assert world.coordinator.check(world.ask())[0].reason is Reason.BUSY
    assert world.device.commands.count("start") == 1


async def test_a_hundred_starts_at_once_start_one(world: World) -> None:
    results = await asyncio.gather(
        *(world.coordinator.async_start(world.ask()) for _ in range(100)), return_exceptions=True
    )
    assert sum(isinstance(result, LiveSession) for result in results) == 1
    assert world.device.commands.count("start") == 1


async def test_a_device_that_is_off_is_refused_at_once_and_waited_for_if_asked(
    world: World,
) -> None:
    world.device.disconnect()
    with pytest.raises(RefusedError) as refused:
        await world.coordinator.async_start(world.ask())
    assert refused.value.binding.reason is Reason.DEVICE_OFFLINE
    await world.coordinator.async_start(world.ask(wait_s=600))
    assert world.state() is SessionState.WAITING
    await world.pass_time(30)
    world.device.connect()
    await world.pass_time(1)
    assert world.state() is SessionState.ARMED


async def test_waiting_ends_with_its_window_and_with_stop(world: World) -> None:
    world.device.disconnect()
    await world.coordinator.async_start(world.ask(wait_s=60))
    await world.pass_time(61)
    assert world.state() is SessionState.IDLE
    await world.coordinator.async_start(world.ask(wait_s=60))
    await world.coordinator.async_stop()
    assert world.state() is SessionState.IDLE
    world.device.connect()
    await world.pass_time(1)
    assert world.state() is SessionState.IDLE
    assert world.device.session is None


async def test_stopping_a_device_that_is_off_and_has_nothing_of_ours_is_done_at_once(
    world: World,
) -> None:
    world.device.disconnect()
    await world.coordinator.async_stop()
    assert world.state() is SessionState.IDLE


async def test_a_built_in_program_takes_no_numbers(world: World) -> None:
    with pytest.raises(RefusedError) as refused:
        await world.coordinator.async_start(world.ask(program="first_use"))
    assert refused.value.binding.reason is Reason.NOT_MANUAL
    await world.coordinator.async_start(
        world.ask(program="first_use", duration_s=None, irradiance_mw_cm2=None)
    )
    assert world.state() is SessionState.ARMED


async def test_a_running_session_publishes_few_snapshots(world: World) -> None:
    published: list[SessionState] = []
    world.coordinator.async_add_listener(lambda: published.append(world.coordinator.data.state))
    await world.run()
    await world.pass_time(60)
    assert len(published) <= 10


class TestTheWand:
    """The same coordinator with a wand."""

    @pytest.fixture
    def modality(self) -> Modality:
        """Current instead of light."""
        return Modality.WAND

    async def test_a_wand_session_runs_and_its_charge_is_settled(self, world: World) -> None:
        """The charge is that of the ramp and of what follows."""
        await world.run()
        await world.pass_time(60)
        record = record_of(world)
        assert record.outcome is Outcome.COMPLETED
        assert record.planned.charge_ma_min == pytest.approx(0.05)
        assert record.delivered is not None
        assert 0 < record.delivered.charge_ma_min < record.planned.charge_ma_min

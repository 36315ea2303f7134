"""What a device promises (docs/device-contract.md), fake or real. The fake's time is the test's."""

import re

import pytest

from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.device import NodeState, Telemetry
from custom_components.facial_therapy.core.model import Channel, Fault, Outcome
from custom_components.facial_therapy.core.refusal import Reason, RefusedError
from custom_components.facial_therapy.devices.port import DeviceError

from .bench import ADA, BO, KEY, Bench, new_session, plan, until, until_state

FLOWING = (NodeState.RAMPING, NodeState.RUNNING)


async def armed(
    bench: Bench, session_id: str, *, duration_s: float = 60, window_s: float = 60
) -> None:
    """Start a session that waits to be put on."""
    answer = await bench.device.async_start(
        session_id,
        plan(bench.modality, duration_s=duration_s, window_s=window_s),
        last_record=bench.record,
        resume_key=KEY,
    )
    assert answer.state is NodeState.ARMED
    assert answer.session_id == session_id
    bench.renewing = session_id


async def flowing(bench: Bench, session_id: str, *, duration_s: float = 60) -> None:
    """Start a session and put the device on."""
    await armed(bench, session_id, duration_s=duration_s)
    await bench.put_on()
    await until_state(bench, *FLOWING)


async def test_a_device_describes_itself(bench: Bench) -> None:
    device = bench.device.description
    assert device is not None
    assert device.modality is bench.modality
    assert device.contract[0] == 1
    assert device.worn_sensor
    report = await until_state(bench, NodeState.IDLE)
    assert (report.session_id, report.record, report.worn, report.fault) == (None, 1, False, None)


async def test_an_armed_session_has_no_output_until_it_is_put_on(bench: Bench) -> None:
    session_id = new_session()
    await armed(bench, session_id)
    await bench.pass_time(1)
    assert bench.reports[-1].delivered.total == 0
    assert not any(report.flowing for report in bench.reports)
    await bench.put_on()
    report = await until(bench, lambda report: report.delivered.total > 0)
    assert report.flowing
    assert report.session_id == session_id


async def test_a_sensor_that_is_on_already_starts_nothing(bench: Bench) -> None:
    await bench.put_on()
    await until(bench, lambda report: report.worn is True)
    await bench.take_off()
    await until(bench, lambda report: report.worn is False)
    await bench.put_on()
    await until(bench, lambda report: report.worn is True)
    await armed(bench, new_session())
    await bench.pass_time(2)
    assert bench.reports[-1].state is NodeState.ARMED
    await bench.take_off()
    await until(bench, lambda report: report.worn is False)
    await bench.put_on()
    await until_state(bench, *FLOWING)


async def test_the_ramp_comes_from_zero_and_the_dose_is_what_the_levels_amount_to(
    bench: Bench,
) -> None:
    session_id = new_session()
    await flowing(bench, session_id, duration_s=8)
    await until_state(bench, NodeState.IDLE, timeout_s=12)
    answer_record = bench.reports[-1].record
    entry = await bench.device.async_history(answer_record, ADA.profile)
    ramp_s = limits.RAMP_S[bench.modality].default.minimum
    assert entry.session_id == session_id
    assert entry.outcome is Outcome.COMPLETED
    assert entry.delivered.total == pytest.approx(
        entry.planned.total * (8 - ramp_s / 2) / 8, rel=0.02
    )


async def test_a_session_that_nobody_renews_is_suspended_when_its_lease_ends(bench: Bench) -> None:
    await flowing(bench, new_session())
    bench.renewing = None
    report = await until_state(
        bench, NodeState.SUSPENDED, timeout_s=limits.LEASE_S[bench.modality] + 2
    )
    assert report.cause == "lease"
    delivered = report.delivered
    await bench.pass_time(2)
    assert bench.reports[-1].delivered == delivered


async def test_a_session_that_is_renewed_outlives_its_first_lease(bench: Bench) -> None:
    session_id = new_session()
    await flowing(bench, session_id)
    for _ in range(round(limits.LEASE_S[bench.modality]) + 2):
        await bench.pass_time(1)
        await bench.device.async_renew(session_id)
    assert bench.reports[-1].flowing
    assert bench.device.lease_ends_at is not None


async def test_contact_found_again_at_once_ramps_again_by_itself(bench: Bench) -> None:
    session_id = new_session()
    await flowing(bench, session_id)
    await bench.take_off()
    report = await until_state(bench, NodeState.SUSPENDED)
    assert report.cause == "contact"
    await bench.pass_time(3)
    await bench.device.async_renew(session_id)
    await bench.put_on()
    await until_state(bench, *FLOWING)


async def test_pause_is_zero_and_resume_goes_on(bench: Bench) -> None:
    session_id = new_session()
    await flowing(bench, session_id)
    await until(bench, lambda report: report.delivered.total > 0)
    answer = await bench.device.async_pause(session_id)
    assert answer.state is NodeState.PAUSED
    await bench.pass_time(4)
    delivered = bench.reports[-1].delivered.total
    answer = await bench.device.async_resume(session_id)
    assert answer.state in FLOWING
    await until(bench, lambda report: report.delivered.total > delivered)


async def test_stop_is_zero_when_it_is_answered_and_the_record_is_closed(bench: Bench) -> None:
    session_id = new_session()
    await flowing(bench, session_id)
    await until(bench, lambda report: report.delivered.total > 0)
    answer = await bench.device.async_stop()
    assert answer.state is NodeState.IDLE
    entry = await bench.device.async_history(answer.record, ADA.profile)
    assert (entry.session_id, entry.outcome) == (session_id, Outcome.STOPPED)
    assert 0 < entry.delivered.total < entry.planned.total
    await until_state(bench, NodeState.IDLE)


async def test_stop_is_welcome_when_nothing_runs(bench: Bench) -> None:
    answer = await bench.device.async_stop()
    assert answer.state is NodeState.IDLE


async def test_a_second_session_is_refused_while_one_lives(bench: Bench) -> None:
    await armed(bench, new_session())
    with pytest.raises(RefusedError) as refused:
        await bench.device.async_start(
            new_session(),
            plan(bench.modality),
            last_record=bench.reports[-1].record,
            resume_key=KEY,
        )
    assert refused.value.binding.reason is Reason.BUSY


async def test_a_ledger_that_has_not_imported_the_last_session_is_refused(bench: Bench) -> None:
    await armed(bench, new_session())
    answer = await bench.device.async_stop()
    with pytest.raises(RefusedError) as refused:
        await bench.device.async_start(
            new_session(), plan(bench.modality), last_record=bench.record, resume_key=KEY
        )
    assert refused.value.binding.reason is Reason.UNSEEN_SESSION
    bench.record = answer.record
    await armed(bench, new_session())


async def test_a_session_that_is_never_put_on_is_void(bench: Bench) -> None:
    session_id = new_session()
    await armed(bench, session_id, window_s=2)
    await until_state(bench, NodeState.ARMED)
    report = await until_state(bench, NodeState.IDLE)
    entry = await bench.device.async_history(report.record, ADA.profile)
    assert (entry.session_id, entry.outcome, entry.delivered.total) == (session_id, Outcome.VOID, 0)


async def test_commands_for_another_session_are_refused(bench: Bench) -> None:
    await armed(bench, new_session())
    for command in (bench.device.async_renew, bench.device.async_pause):
        with pytest.raises(RefusedError) as refused:
            await command(new_session())
        assert refused.value.binding.reason is Reason.BAD_SESSION


async def test_a_record_that_is_not_there_is_refused(bench: Bench) -> None:
    with pytest.raises(RefusedError) as refused:
        await bench.device.async_history(99, ADA.profile)
    assert refused.value.binding.reason is Reason.NO_RECORD


async def test_levels_can_be_lowered_in_a_session(bench: Bench) -> None:
    session_id = new_session()
    await flowing(bench, session_id)
    request = plan(bench.modality).request
    half = {channel: value / 2 for channel, value in request.irradiance_mw_cm2.items()}
    await bench.device.async_set_levels(session_id, irradiance_mw_cm2=half, current_ua=25)
    report = await until(bench, lambda report: report.state is NodeState.RUNNING)
    assert dict(report.level_mw_cm2) == pytest.approx(half)
    assert report.level_ua == (25 if request.current_ua else 0)


async def lowered(bench: Bench, session_id: str) -> float:
    """Let a session run at half its level; return that level."""
    await flowing(bench, session_id)
    request = plan(bench.modality).request
    half = {channel: value / 2 for channel, value in request.irradiance_mw_cm2.items()}
    await bench.device.async_set_levels(session_id, irradiance_mw_cm2=half, current_ua=25)
    return level(await until(bench, lambda report: report.state is NodeState.RUNNING))


def level(report: Telemetry) -> float:
    """The level of a report, whichever it is."""
    return report.level_ua or report.level_mw_cm2.get(Channel.RED, 0)


@pytest.mark.parametrize("pauses", [False, True])
async def test_a_session_of_another_connection_is_adopted_and_needs_a_new_edge(
    bench: Bench,
    pauses: bool,
) -> None:
    session_id = new_session()
    half = await lowered(bench, session_id)
    bench.renewing = None
    if pauses:
        await bench.device.async_pause(session_id)
    await bench.reconnect()
    report = await until_state(bench, NodeState.SUSPENDED)
    assert (report.session_id, report.cause, report.lease_s) == (session_id, "client", 0)
    for refused_name, command, reason in (
        ("resume", bench.device.async_resume(session_id), Reason.NOT_CLIENT),
        ("key", bench.device.async_adopt(session_id, "f" * 16), Reason.WRONG_KEY),
        ("session", bench.device.async_adopt(new_session(), KEY), Reason.BAD_SESSION),
    ):
        with pytest.raises(RefusedError) as refused:
            await command
        assert refused.value.binding.reason is reason, refused_name
    delivered = report.delivered
    answer = await bench.device.async_adopt(session_id, KEY)
    assert (answer.state, answer.session_id) == (NodeState.SUSPENDED, session_id)
    assert (await bench.device.async_resume(session_id)).state is NodeState.ARMED
    bench.renewing = session_id
    await bench.pass_time(1)  # it is worn all the time
    assert (bench.reports[-1].state, bench.reports[-1].delivered) == (NodeState.ARMED, delivered)
    await bench.take_off()
    await until(bench, lambda report: report.worn is False)
    await bench.put_on()
    report = await until(bench, lambda report: report.state is NodeState.RUNNING)
    assert report.session_id == session_id
    assert level(report) == half


async def test_a_session_with_a_living_lease_or_without_output_is_not_adopted(bench: Bench) -> None:
    session_id = new_session()
    with pytest.raises(RefusedError) as refused:
        await bench.device.async_adopt(session_id, KEY)
    assert refused.value.binding.reason is Reason.WRONG_STATE
    await armed(bench, session_id)
    with pytest.raises(RefusedError) as refused:
        await bench.device.async_adopt(session_id, KEY)
    assert refused.value.binding.reason is Reason.WRONG_STATE
    await bench.put_on()
    await until(bench, lambda report: report.delivered.total > 0)
    with pytest.raises(RefusedError) as refused:
        await bench.device.async_adopt(session_id, KEY)
    assert refused.value.binding.reason is Reason.WRONG_STATE
    await bench.take_off()
    await until_state(bench, NodeState.SUSPENDED)
    with pytest.raises(RefusedError) as refused:
        await bench.device.async_adopt(session_id, KEY)
    assert refused.value.binding.reason is Reason.LEASE_ALIVE
    assert refused.value.binding.allowed_at is not None
    answer = await bench.device.async_pause(session_id)
    assert answer.state is NodeState.PAUSED
    await bench.device.async_adopt(session_id, KEY)


async def test_a_pause_ends_the_lease_and_keeps_what_was_lowered(bench: Bench) -> None:
    session_id = new_session()
    half = await lowered(bench, session_id)
    bench.renewing = None
    await bench.device.async_pause(session_id)
    assert bench.device.lease_ends_at is None
    with pytest.raises(RefusedError) as refused:
        await bench.device.async_renew(session_id)
    assert refused.value.binding.reason is Reason.WRONG_STATE
    await bench.pass_time(4)
    await bench.device.async_resume(session_id)
    bench.renewing = session_id
    assert level(await until(bench, lambda report: report.state is NodeState.RUNNING)) == half


async def test_an_armed_session_without_output_ends_with_its_connection(bench: Bench) -> None:
    session_id = new_session()
    await armed(bench, session_id)
    bench.renewing = None
    await bench.reconnect()
    report = await until_state(bench, NodeState.IDLE)
    entry = await bench.device.async_history(report.record, ADA.profile)
    assert (entry.session_id, entry.outcome, entry.of_profile) == (session_id, Outcome.VOID, True)
    assert not (await bench.device.async_history(report.record, BO.profile)).of_profile


async def test_telemetry_names_neither_client_nor_profile_nor_key(bench: Bench) -> None:
    await flowing(bench, new_session())
    words = set(re.split(r"[ =,:]", bench.message().partition(" crc=")[0]))
    assert not words & {str(ADA.profile), KEY, f"{int(KEY, 16)}"}
    assert "ft-" not in bench.message()
    assert not {"client", "owner", "subjects"} & words
    assert bench.reports[-1].profiles[0] == 1


async def test_reasons_against_a_start_are_reported_before_it_is_sent(bench: Bench) -> None:
    assert (await until_state(bench, NodeState.IDLE)).refuses == ()
    await bench.heat(40.5)
    report = await until(bench, lambda report: bool(report.refuses))
    with pytest.raises(RefusedError) as refused:
        await bench.device.async_start(
            new_session(), plan(bench.modality), last_record=bench.record, resume_key=KEY
        )
    assert [refusal.reason for refusal in report.refuses] == [refused.value.binding.reason]
    await bench.heat(33)
    await until(bench, lambda report: not report.refuses)
    await armed(bench, new_session())
    report = await until_state(bench, NodeState.ARMED)
    assert [refusal.reason for refusal in report.refuses] == [Reason.BUSY]


async def test_39_degrees_halve_the_levels_until_it_is_cooler_again(bench: Bench) -> None:
    await flowing(bench, new_session())
    report = await until_state(bench, NodeState.RUNNING)
    full = level(report)
    await bench.heat(39.2)
    report = await until(bench, lambda report: level(report) < full)
    assert level(report) == full / 2
    assert report.flowing
    await bench.heat(38)
    await until(bench, lambda report: level(report) == full)


async def test_41_degrees_latch_until_it_is_cool_and_somebody_clears_it_at_the_device(
    bench: Bench,
) -> None:
    await flowing(bench, new_session())
    await bench.heat(41)
    report = await until_state(bench, NodeState.FAULT)
    assert report.fault is Fault.OVER_TEMPERATURE
    bench.record = report.record
    with pytest.raises(RefusedError) as refused:
        await bench.device.async_start(
            new_session(), plan(bench.modality), last_record=bench.record, resume_key=KEY
        )
    assert refused.value.binding.reason is Reason.FAULTED
    with pytest.raises(RefusedError):
        await bench.device.async_clear_fault(Fault.OVER_TEMPERATURE)
    await bench.heat(33)
    await bench.take_off()
    await until(bench, lambda report: round(report.temperature_c or 0) == 33)
    with pytest.raises(RefusedError) as refused:
        await bench.device.async_clear_fault(Fault.OVER_TEMPERATURE)
    assert refused.value.binding.reason is Reason.BUTTON_NEEDED
    await bench.press()
    await bench.device.async_clear_fault(Fault.OVER_TEMPERATURE)
    await until_state(bench, NodeState.IDLE)


async def test_a_closed_channel_says_so(bench: Bench) -> None:
    await bench.device.async_close()
    with pytest.raises(DeviceError):
        await bench.device.async_stop()

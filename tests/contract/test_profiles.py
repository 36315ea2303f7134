"""People who share a device: enrollment, their counters, and the limits on them."""

from datetime import timedelta

from homeassistant.util import dt as dt_util
import pytest

from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.device import NodeState
from custom_components.facial_therapy.core.refusal import Reason, RefusedError

from .bench import ADA, BO, KEY, Bench, new_session, plan, until, until_state


async def treated(bench: Bench) -> None:
    """Give Ada a short session to its end, and take the device off."""
    session_id = new_session()
    await bench.device.async_start(
        session_id, plan(bench.modality, duration_s=8), last_record=bench.record, resume_key=KEY
    )
    bench.renewing = session_id
    await bench.put_on()
    await until(bench, lambda report: report.flowing)
    report = await until_state(bench, NodeState.IDLE, timeout_s=15)
    bench.renewing, bench.record = None, report.record
    await bench.take_off()
    await until(bench, lambda report: report.worn is False)


async def refused(bench: Bench, person: object = ADA) -> RefusedError:
    """Ask for a session that must be refused."""
    with pytest.raises(RefusedError) as error:
        await bench.device.async_start(
            new_session(),
            plan(bench.modality, person=BO if person is BO else ADA),
            last_record=bench.record,
            resume_key=KEY,
        )
    return error.value


async def test_nobody_starts_whom_the_device_does_not_know_and_a_hand_on_its_button_changes_that(
    bench: Bench,
) -> None:
    assert (await refused(bench, BO)).binding.reason is Reason.NOT_ENROLLED
    with pytest.raises(RefusedError) as error:
        await bench.device.async_enroll(BO.profile)
    assert error.value.binding.reason is Reason.BUTTON_NEEDED
    await bench.hold()
    await bench.device.async_enroll(BO.profile)
    await bench.let_go()
    await until(bench, lambda report: report.profiles[0] == 2)
    assert (await bench.device.async_profile(BO.profile)).profile == BO.profile
    await bench.device.async_enroll(BO.profile)  # known, and harmless
    answer = await bench.device.async_start(
        new_session(), plan(bench.modality, person=BO), last_record=bench.record, resume_key=KEY
    )
    assert answer.state is NodeState.ARMED


async def test_nothing_is_counted_for_somebody_who_had_nothing_or_is_unknown(bench: Bench) -> None:
    windows = await bench.device.async_profile(ADA.profile)
    assert (
        windows.profile,
        windows.sessions_week,
        windows.fluence_week_j_cm2,
        windows.charge_week_ma_min,
        windows.rest_s,
    ) == (ADA.profile, 0, 0, 0, 0)
    with pytest.raises(RefusedError) as error:
        await bench.device.async_profile(BO.profile)
    assert error.value.binding.reason is Reason.NOT_ENROLLED


async def test_an_open_session_is_counted_in_full_and_a_void_one_not_at_all(bench: Bench) -> None:
    asked = plan(bench.modality)
    before = bench.reports[-1].profiles
    await bench.device.async_start(new_session(), asked, last_record=bench.record, resume_key=KEY)
    opening = (await until_state(bench, NodeState.ARMED)).profiles
    assert (opening[0], opening[1] > before[1]) == (1, True)
    opened = await bench.device.async_profile(ADA.profile)
    assert opened.fluence_day_j_cm2 + opened.charge_day_ma_min == pytest.approx(
        asked.planned.total * 1.2, rel=1e-4
    )
    assert opened.sessions_day == 1
    await bench.device.async_stop()
    assert (await until_state(bench, NodeState.IDLE)).profiles[1] > opening[1]
    windows = await bench.device.async_profile(ADA.profile)
    assert (
        windows.fluence_day_j_cm2,
        windows.charge_day_ma_min,
        windows.sessions_day,
        windows.rest_s,
    ) == (0, 0, 0, 0)


async def test_after_a_session_it_rests_and_says_until_when(bench: Bench) -> None:
    await treated(bench)
    delivered = (await bench.device.async_history(bench.record, ADA.profile)).delivered.total
    windows = await bench.device.async_profile(ADA.profile)
    assert windows.fluence_week_j_cm2 + windows.charge_week_ma_min == pytest.approx(
        delivered * 1.2, rel=0.01
    )
    assert (windows.sessions_day, windows.sessions_week) == (1, 1)
    binding = (await refused(bench)).binding
    rest = limits.REST[bench.modality][1]
    assert binding.reason is Reason.REST
    assert binding.allowed_at is not None
    assert (
        timedelta()
        <= dt_util.utcnow() + rest - binding.allowed_at + timedelta(seconds=1)
        < timedelta(seconds=30)
    )
    assert windows.rest_s == pytest.approx(rest.total_seconds(), abs=30)
    assert windows.last_used
    listed = next(refusal for refusal in windows.refuses if refusal.reason is Reason.REST)
    assert listed.allowed_at is not None
    assert abs(listed.allowed_at - binding.allowed_at) < timedelta(seconds=5)


async def test_somebody_else_waits_ten_minutes(bench: Bench) -> None:
    await bench.hold()
    await bench.device.async_enroll(BO.profile)
    await bench.let_go()
    await treated(bench)
    binding = (await refused(bench, BO)).binding
    assert binding.reason is Reason.PROFILE_GAP
    assert binding.allowed_at is not None
    assert not (await bench.device.async_profile(BO.profile)).last_used
    report = bench.reports[-1]
    listed = next(refusal for refusal in report.refuses if refusal.reason is Reason.PROFILE_GAP)
    assert listed.allowed_at is not None
    assert abs(listed.allowed_at - binding.allowed_at) < timedelta(seconds=11)
    assert (
        timedelta(minutes=9)
        < binding.allowed_at - dt_util.utcnow()
        <= timedelta(minutes=10, seconds=2)
    )

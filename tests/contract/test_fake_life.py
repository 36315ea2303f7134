"""What takes the real node an hour, tried on the fake: `tests/firmware` tries the node."""

import pytest

from custom_components.facial_therapy.core.device import NodeState
from custom_components.facial_therapy.core.model import Modality, Outcome
from custom_components.facial_therapy.core.refusal import Reason, RefusedError

from .bench import ADA, KEY, FakeBench, new_session, plan

MODALITIES = pytest.mark.parametrize("modality", Modality)


@MODALITIES
async def test_a_session_lives_60_minutes_from_its_first_output(modality: Modality) -> None:
    bench = FakeBench(modality)
    session_id = new_session()
    await bench.device.async_start(
        session_id, plan(modality, duration_s=600), last_record=1, resume_key=KEY
    )
    await bench.put_on()
    await bench.pass_time(1)
    for _ in range(6):
        await bench.device.async_pause(session_id)
        await bench.pass_time(590)
        await bench.device.async_resume(session_id)
        await bench.pass_time(1)
    await bench.device.async_pause(session_id)
    paused = bench.reports[-1]
    assert paused.state is NodeState.PAUSED
    assert 50 < paused.window_s <= 54
    await bench.pass_time(60)
    assert bench.reports[-1].state is NodeState.IDLE
    entry = await bench.device.async_history(bench.reports[-1].record, ADA.profile)
    assert entry.outcome is Outcome.PARTIAL


@MODALITIES
async def test_a_device_that_is_still_worn_refuses_and_says_so(modality: Modality) -> None:
    bench = FakeBench(modality)
    session_id = new_session()
    await bench.device.async_start(session_id, plan(modality), last_record=1, resume_key=KEY)
    await bench.put_on()
    await bench.pass_time(1)
    answer = await bench.device.async_stop()
    assert bench.reports[-1].refuses[0].reason is Reason.FAULTED
    with pytest.raises(RefusedError) as refused:
        await bench.device.async_start(
            new_session(), plan(modality), last_record=answer.record, resume_key=KEY
        )
    assert refused.value.binding.reason is Reason.FAULTED
    assert bench.reports[-1].state is NodeState.FAULT


async def test_a_fake_whose_supply_broke_down_refuses_for_a_minute() -> None:
    bench = FakeBench(Modality.MASK)
    bench.fake.reboot(brown_out=True)
    assert [refusal.reason for refusal in bench.reports[-1].refuses] == [Reason.BROWN_OUT]
    await bench.pass_time(60)
    assert bench.reports[-1].refuses == ()

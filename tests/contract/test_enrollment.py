"""The copy of the node's counters of our own people, on the fake device."""

import pytest

from custom_components.facial_therapy.core.device import NodeState
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.devices.enrollment import Enrollment
from custom_components.facial_therapy.devices.port import DeviceError

from .bench import ADA, BO, KEY, FakeBench, new_session, plan, until_state


async def test_enrolled_people_are_read_again_after_a_change() -> None:
    bench = FakeBench(Modality.MASK)
    await bench.pass_time(1)
    enrollment = Enrollment(bench.device)
    assert enrollment.stale(bench.reports[-1])
    await enrollment.async_refresh((ADA.profile, BO.profile), bench.reports[-1])
    assert set(enrollment.enrolled) == {ADA.profile}
    await bench.pass_time(1)
    assert not enrollment.stale(bench.reports[-1])
    await bench.device.async_start(
        new_session(), plan(Modality.MASK), last_record=1, resume_key=KEY
    )
    report = await until_state(bench, NodeState.ARMED)
    assert enrollment.stale(report)
    await enrollment.async_refresh((ADA.profile,), report)
    assert enrollment.enrolled[ADA.profile].sessions_day == 1
    bench.fake.reboot()
    assert enrollment.stale(bench.reports[-1])


async def test_a_device_that_does_not_answer_leaves_the_copy_as_it_was() -> None:
    bench = FakeBench(Modality.MASK)
    await bench.pass_time(1)
    enrollment = Enrollment(bench.device)
    await enrollment.async_refresh((ADA.profile,), bench.reports[-1])
    bench.fake.silent = True
    with pytest.raises(DeviceError):
        await enrollment.async_refresh((ADA.profile,), bench.reports[-1])
    assert set(enrollment.enrolled) == {ADA.profile}

"""`core.gate.bounds`: a bound is the smallest of everything, rounded to the safe side.

Edges are in `test_session_rules`.
"""

import pytest

from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.device import Device
from custom_components.facial_therapy.core.gate import bounds
from custom_components.facial_therapy.core.gate.bounds import Scale
from custom_components.facial_therapy.core.limits import Bound
from custom_components.facial_therapy.core.model import Channel, Grade, Modality, SkinType
from custom_components.facial_therapy.core.person import Person
from tests.core import mask, person, wand


def irradiance(channel: Channel, device: Device, whose: Person) -> Bound:
    return bounds.irradiance(channel, device, Scale.of(device, whose))


@pytest.mark.parametrize(
    ("channel", "skin_type", "grade", "maximum"),
    [
        (Channel.RED, SkinType.I, Grade.MEASURED, 29.166),
        (Channel.RED, SkinType.IV, Grade.MEASURED, 21.875),
        (Channel.RED, SkinType.UNKNOWN, Grade.MEASURED, 14.583),
        (Channel.RED, SkinType.I, Grade.DECLARED, 23.333),
        (Channel.RED, SkinType.VI, Grade.DECLARED, 11.666),
        (Channel.BLUE, SkinType.III, Grade.MEASURED, 16.666),
        (Channel.AMBER, SkinType.IV, Grade.DECLARED, 10),
    ],
)
def test_full_brightness_is_the_default_over_one_plus_u_times_the_skin_factor(
    channel: Channel, skin_type: SkinType, grade: Grade, maximum: float
) -> None:
    assert irradiance(channel, mask(grade=grade), person(skin_type=skin_type)).maximum == maximum


def test_a_channel_that_a_mask_lacks_is_allowed_nothing() -> None:
    assert irradiance(Channel.BLUE, mask(channels=[Channel.RED]), person()).maximum == 0
    assert irradiance(Channel.RED, wand(), person()).maximum == 0


def test_the_wand_has_its_current_time_and_frequency() -> None:
    current = bounds.current(wand(), Scale.of(wand(), person()))
    assert (current.minimum, current.maximum) == (1, 250)
    assert (
        bounds.duration(wand(), person()).minimum,
        bounds.duration(wand(), person()).maximum,
    ) == (1, 300)
    assert (bounds.frequency().minimum, bounds.frequency().maximum, bounds.frequency().unit) == (
        1,
        30,
        "Hz",
    )
    assert bounds.window(Modality.WAND).maximum == 300
    assert bounds.slowest(250, Scale.of(wand(), person())).minimum == 1


def test_the_phase_is_half_for_three_sessions() -> None:
    assert [bounds.phase(mask(), person(done=done)) for done in range(5)] == [0.5, 0.5, 0.5, 1, 1]
    assert bounds.phase(mask(), person(sessions={Modality.WAND: 9})) == 0.5


def test_the_first_three_sessions_halve_light_and_charge() -> None:
    used, novice = (Scale.of(wand(), person(done=done)) for done in (3, 0))
    assert bounds.current_seconds(200 / 60_000, used).maximum == 375
    assert bounds.current_seconds(200 / 60_000, novice).maximum == 187
    assert bounds.current_seconds(0, novice).maximum == 1200


@pytest.mark.parametrize("modality", list(Modality))
def test_the_best_device_is_bounded_by_the_table_alone(modality: Modality) -> None:
    best = bounds.best_device(modality, tuple(Channel) if modality is Modality.MASK else ())
    assert bounds.duration(best, person()).maximum == limits.DURATION[modality].default.maximum
    if modality is Modality.WAND:
        current = bounds.current(best, Scale.of(best, person()))
        assert (current.maximum, current.source) == (250, "M1")
    for channel in best.full_mw_cm2:
        bound = irradiance(channel, best, person(skin_type=SkinType.I))
        assert bound.source == limits.IRRADIANCE[channel].default.source

"""`core.gate.custom_program`: nothing is scaled, every limit applies, a week holds what it can."""

from typing import Any

import pytest

from custom_components.facial_therapy.core.device import Device, EyeShield
from custom_components.facial_therapy.core.gate import custom_program
from custom_components.facial_therapy.core.gate.resolve import resolve_program
from custom_components.facial_therapy.core.model import Channel, Modality, SkinType
from custom_components.facial_therapy.core.person import Options
from custom_components.facial_therapy.core.recipes import Current, Light, Program
from custom_components.facial_therapy.core.refusal import Reason, RefusedError
from custom_components.facial_therapy.core.schedule.plan import Plan
from tests.core import NOW, mask, person, wand
from tests.core.schedule.test_plan import plan

MASK, WAND = Modality.MASK, Modality.WAND
NAN = float("nan")


def light(duration_s: float = 600, per_week: float = 3, **levels: float) -> Program:
    """A program of somebody's own for the mask."""
    channels = {Channel(channel): level for channel, level in levels.items()}
    return Program(
        key="Glow",
        custom=True,
        mask=Light(irradiance_mw_cm2=channels, duration_s=duration_s, per_week=per_week),  # type: ignore[arg-type]
    )  # as in a form


def current(
    current_ua: float = 200, frequency_hz: float = 8.3, duration_s: float = 300, per_week: float = 2
) -> Program:
    """A program of somebody's own for the wand."""
    numbers: dict[str, Any] = {
        "current_ua": current_ua,
        "frequency_hz": frequency_hz,
        "duration_s": duration_s,
    }
    return Program(
        key="Lift",
        custom=True,
        wand=Current(**numbers, per_week=per_week, per_week_starting=per_week),  # type: ignore[arg-type]
    )  # as in a form


def test_a_custom_program_is_never_scaled_to_skin_calibration_or_phase() -> None:
    beginner = person(skin_type=SkinType.VI, done=0, options=Options(share=0.5))
    request = resolve_program(
        "Glow", beginner, mask(uncertainty=0.5), {"Glow": light(red=20.0, amber=5.0)}
    )
    assert (request.irradiance_mw_cm2, request.duration_s, request.program) == (
        {Channel.RED: 20, Channel.AMBER: 5},
        600,
        "Glow",
    )
    request = resolve_program("Lift", beginner, wand(uncertainty=0.5), {"Lift": current()})
    assert (request.current_ua, request.frequency_hz, request.duration_s) == (200, 8.3, 300)


def test_the_preview_shows_the_worst_case_dose_and_its_share_of_the_day() -> None:
    worth = custom_program.check(light(red=20), person(), mask(), NOW)
    # 20 mW/cm² x 600 s = 12 J/cm²; at U = 20 % that counts as 14.4 of 50; the first sessions may
    # have 12.5 of red
    assert [worth.planned.total, worth.worst_case.total, worth.day] == pytest.approx([12, 14.4, 50])
    assert worth.share == pytest.approx(0.288)
    assert not worth.from_the_start
    assert custom_program.check(light(red=14, duration_s=240), person(), mask(), NOW).from_the_start
    worth = custom_program.check(current(), person(), wand(), NOW)
    # 200 µA x 5 min = 1 mA·min; counts as 1.2 of 1.5
    assert [worth.planned.total, worth.share] == pytest.approx([1, 0.8])
    assert not worth.from_the_start


def test_a_beginner_may_make_what_they_may_only_use_later() -> None:
    assert not custom_program.check(light(red=20), person(done=0), mask(), NOW).from_the_start


def test_dark_skin_has_half_of_a_day() -> None:
    worth = custom_program.check(light(red=10), person(skin_type=SkinType.VI), mask(), NOW)
    assert [worth.day, worth.share] == pytest.approx([25, 7.2 / 25])


@pytest.mark.parametrize(
    ("program", "device", "field", "maximum"),
    [
        (light(red=30), mask(), "channels.red", 29.166),  # 35 / 1.2
        (light(red=-1), mask(), "channels.red", 29.166),
        (light(amber=NAN), mask(), "channels.amber", 16.666),
        (light(red=1e300), mask(), "channels.red", 29.166),
        (light(red=20, duration_s=660), mask(), "duration_s", 600),
        (light(red=20, duration_s=0), mask(), "duration_s", 600),
        (light(red=20, duration_s=NAN), mask(), "duration_s", 600),
        (light(blue=16, red=28, near_infrared=28), mask(), "channels", 58.333),  # 70 / 1.2
        (light(red=20, per_week=5), mask(), "per_week", 4),
        (light(red=20, per_week=0), mask(), "per_week", 4),
        (light(red=20, per_week=2.5), mask(), "per_week", 4),
        (light(red=20, per_week=NAN), mask(), "per_week", 4),
        (
            light(blue=16, red=10, per_week=4),
            mask(),
            "per_week",
            3,
        ),  # 11.52 of the week's 45 of blue
        (current(current_ua=251), wand(), "current_ua", 250),  # 300 / 1.2
        (current(current_ua=NAN), wand(), "current_ua", 250),
        (current(frequency_hz=31), wand(), "frequency_hz", 30),
        (current(frequency_hz=NAN), wand(), "frequency_hz", 30),
        (current(duration_s=360), wand(), "duration_s", 300),
        (current(duration_s=NAN), wand(), "duration_s", 300),
        (current(per_week=3), wand(), "per_week", 2),
    ],
)
def test_what_does_not_fit_is_refused_by_field_and_bound(
    program: Program, device: Device, field: str, maximum: float
) -> None:
    with pytest.raises(RefusedError) as caught:
        custom_program.check(program, person(), device, NOW)
    first = caught.value.refusals[0]
    assert (first.reason, first.field, first.maximum) == (Reason.OUT_OF_BOUNDS, field, maximum)


def test_a_week_of_light_is_never_more_than_a_week_may_have() -> None:
    eager = person(options=Options(mask_sessions_week=6))
    full = light(red=20, amber=10, near_infrared=10)  # 24 J/cm², counted 28.8: six are 172.8 of 200
    assert custom_program.check(replace_week(full, 6), eager, mask(), NOW).share == pytest.approx(
        0.576
    )
    fuller = light(
        red=25, amber=10, near_infrared=22
    )  # 34.2, counted 41.04: four are 164, five 205
    with pytest.raises(RefusedError) as caught:
        custom_program.check(replace_week(fuller, 5), eager, mask(), NOW)
    assert (caught.value.binding.field, caught.value.binding.maximum) == ("per_week", 4)


def replace_week(program: Program, per_week: int) -> Program:
    """Return a program for the mask more often."""
    assert program.mask is not None
    return light(
        **{channel.value: level for channel, level in program.mask.irradiance_mw_cm2.items()},
        per_week=per_week,
    )


def test_the_starting_phase_allows_three_with_the_wand() -> None:
    assert (
        custom_program.check(
            current(per_week=3), person(options=Options(wand_starting_phase=True)), wand(), NOW
        ).planned.total
        == 1
    )


@pytest.mark.parametrize(
    ("program", "device", "reason"),
    [
        (light(), mask(), Reason.NOTHING_SELECTED),
        (light(near_infrared=10), mask(eye_shield=EyeShield.NONE), Reason.EYE_SHIELD_MISSING),
        (light(amber=10), mask(channels=[Channel.RED]), Reason.BAD_CHANNEL),
        (current(), mask(), Reason.WRONG_MODALITY),
        (light(red=10), wand(), Reason.WRONG_MODALITY),
    ],
)
def test_what_device_or_skin_cannot_take_is_refused_in_the_words_of_the_gate(
    program: Program, device: Device, reason: Reason
) -> None:
    with pytest.raises(RefusedError) as caught:
        custom_program.check(program, person(), device, NOW)
    assert caught.value.refusals[0].reason is reason


def test_a_custom_program_has_no_blue_for_dark_skin_either() -> None:
    with pytest.raises(RefusedError) as caught:
        custom_program.check(light(blue=5), person(skin_type=SkinType.V), mask(), NOW)
    assert Reason.SKIN_TYPE in {refusal.reason for refusal in caught.value.refusals}


def test_a_plan_of_a_custom_program_keeps_its_numbers_and_has_no_next_phase() -> None:
    week = plan(program="Glow", custom=light(red=20, per_week=2))
    weekly_plan = Plan().begun(week)
    assert len(week.days(MASK, week.begins_on)) == 2
    assert week.days(WAND, week.begins_on) == ()
    assert weekly_plan.next_phase(week.begins_on.replace(year=2030)) is None


def test_a_plan_needs_a_device_for_its_own_program() -> None:
    with pytest.raises(RefusedError) as caught:
        Plan().begun(plan(program="Lift", custom=current(), modalities=frozenset({MASK})))
    assert caught.value.binding.reason is Reason.WRONG_MODALITY
    week = plan(program="Lift", custom=current(), modalities=frozenset({MASK, WAND}))
    assert (week.days(MASK, week.begins_on), len(week.days(WAND, week.begins_on))) == ((), 2)

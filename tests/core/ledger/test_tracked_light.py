"""What a light amounts to that nobody governs."""

from datetime import UTC, datetime, timedelta

import pytest

from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.ledger import tracked_light
from custom_components.facial_therapy.core.ledger.record import Record, Source, merge
from custom_components.facial_therapy.core.ledger.tracked_light import TrackedLight
from custom_components.facial_therapy.core.model import Channel, Grade, Modality, Outcome
from custom_components.facial_therapy.core.person import Person

EVENING = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)
ADA = Person(person_id="ada", name="Ada", profile=4711)
PANEL = TrackedLight(light_id="panel", channel=Channel.RED, irradiance_mw_cm2=30, duration_s=600)


def on() -> Record:
    return tracked_light.opened(PANEL, ADA, "00000000000000a1", EVENING)


def after(seconds: float) -> datetime:
    return EVENING + timedelta(seconds=seconds)


def test_a_light_that_is_seen_on_counts_at_its_full_plan_as_a_data_sheet_would() -> None:
    record = on()
    assert (record.source, record.modality, record.mac, record.person_id, record.program) == (
        Source.TRACKED,
        Modality.MASK,
        None,
        "ada",
        "panel",
    )
    assert record.open
    assert record.planned.fluence_j_cm2 == {Channel.RED: pytest.approx(18)}
    assert record.counted.fluence_j_cm2 == {Channel.RED: pytest.approx(27)}
    assert tracked_light.due_at(record) == after(600)


def test_a_light_that_stays_on_is_counted_ahead_of_its_time() -> None:
    longer = tracked_light.extended(PANEL, on(), after(600))
    assert longer.planned.fluence_j_cm2[Channel.RED] == pytest.approx(36)
    assert longer.counted.fluence_j_cm2[Channel.RED] == pytest.approx(54)
    assert tracked_light.due_at(merge(on(), longer)) == after(1200)


def test_a_light_planned_for_a_minute_is_counted_ten_minutes_ahead() -> None:
    short = TrackedLight(light_id="panel", channel=Channel.RED, irradiance_mw_cm2=30, duration_s=60)
    record = tracked_light.extended(
        short, tracked_light.opened(short, ADA, "00000000000000a1", EVENING), after(60)
    )
    assert tracked_light.due_at(record) == after(660)


@pytest.mark.parametrize(
    ("off_s", "seen", "counted_s", "outcome"),
    [
        (60, True, 60, Outcome.STOPPED),
        (600, True, 600, Outcome.COMPLETED),
        (5000, True, 5000, Outcome.COMPLETED),
        (60, False, 60, Outcome.INTERRUPTED),
        (5000, False, 600, Outcome.INTERRUPTED),
        (-10, True, 0, Outcome.STOPPED),
    ],
)
def test_a_light_that_is_off_counts_for_the_time_it_was_on(
    off_s: float,
    seen: bool,
    counted_s: float,
    outcome: Outcome,
) -> None:
    record = merge(on(), tracked_light.settled(PANEL, on(), after(off_s), seen=seen))
    assert record.delivered is not None
    assert record.delivered.fluence_j_cm2[Channel.RED] == pytest.approx(30 * counted_s / 1000)
    assert (record.output_s, record.outcome, record.ended_at) == (
        counted_s,
        outcome,
        after(counted_s),
    )


@pytest.mark.parametrize("channel", Channel)
@pytest.mark.parametrize("irradiance", [0.1, 20, 33.4, 200])
def test_the_longest_plan_is_inside_every_hard_ceiling_of_a_session(
    channel: Channel, irradiance: float
) -> None:
    longest_s = tracked_light.longest_s(channel, irradiance)
    light = TrackedLight(
        light_id="panel", channel=channel, irradiance_mw_cm2=irradiance, duration_s=longest_s
    )
    counted = tracked_light.opened(light, ADA, "00000000000000a1", EVENING).counted.fluence_j_cm2[
        channel
    ]
    assert counted <= limits.FLUENCE[channel].hard.maximum * 1.000001
    assert longest_s <= limits.DURATION[Modality.MASK].hard.maximum
    assert longest_s == limits.DURATION[Modality.MASK].hard.maximum or counted == pytest.approx(
        limits.FLUENCE[channel].hard.maximum
    )


def test_a_declared_light_has_the_uncertainty_of_a_data_sheet() -> None:
    assert (on().grade, on().uncertainty) == (Grade.DECLARED, limits.UNCERTAINTY[Grade.DECLARED])

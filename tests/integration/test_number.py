"""The numbers of a manual session."""

import math

from homeassistant.components.number import ATTR_MAX, ATTR_MIN, ATTR_VALUE
from homeassistant.exceptions import ServiceValidationError
import pytest

from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.session_parameters import MANUAL
from tests.integration.entities import act, state
from tests.integration.world import World


@pytest.mark.parametrize("modality", list(Modality))
async def test_the_duration_is_in_minutes_and_bounded_by_the_table(world: World) -> None:
    shown = state(world, "number", "duration")
    assert float(shown.state) == 5
    assert shown.attributes[ATTR_MAX] * 60 == limits.DURATION[world.modality].default.maximum
    await world.coordinator.async_set(program=MANUAL)
    await act(world, "number.set_value", "number", "duration", {ATTR_VALUE: 2.5})
    assert world.coordinator.data.settings.duration_s == 150


@pytest.mark.parametrize("modality", [Modality.WAND])
@pytest.mark.parametrize(
    ("key", "field", "bound"),
    [("intensity", "current_ua", limits.CURRENT), ("frequency", "frequency_hz", limits.FREQUENCY)],
)
async def test_the_numbers_of_the_wand_are_bounded_by_the_table(
    world: World, key: str, field: str, bound: limits.Limit
) -> None:
    await world.coordinator.async_set(program=MANUAL)
    shown = state(world, "number", key)
    assert (shown.attributes[ATTR_MIN], shown.attributes[ATTR_MAX]) == (
        bound.default.minimum,
        bound.default.maximum,
    )
    await act(world, "number.set_value", "number", key, {ATTR_VALUE: 7})
    assert getattr(world.coordinator.data.settings, field) == 7
    assert float(state(world, "number", key).state) == 7


@pytest.mark.parametrize("modality", [Modality.WAND])
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1, 0, 2**31])
@pytest.mark.parametrize("key", ["duration", "intensity", "frequency"])
async def test_a_number_that_is_out_of_its_bound_is_refused_and_nothing_changes(
    world: World, key: str, value: float
) -> None:
    await world.coordinator.async_set(program=MANUAL)
    before = world.coordinator.data.settings
    with pytest.raises(ServiceValidationError) as refused:
        await act(world, "number.set_value", "number", key, {ATTR_VALUE: value})
    assert refused.value.translation_key in ("out_of_range", "out_of_bounds")
    assert refused.value.translation_placeholders
    assert world.coordinator.data.settings == before


@pytest.mark.parametrize("modality", [Modality.WAND])
@pytest.mark.parametrize(
    ("key", "beyond"),
    [
        ("duration", 5.5),
        ("intensity", 301),
        ("intensity", 0.5),
        ("frequency", 30.1),
        ("frequency", 0.9),
    ],
)
async def test_one_step_past_a_bound_is_refused(world: World, key: str, beyond: float) -> None:
    await world.coordinator.async_set(program=MANUAL)
    with pytest.raises(ServiceValidationError):
        await act(world, "number.set_value", "number", key, {ATTR_VALUE: beyond})


async def test_nan_is_refused_by_field_and_bound(world: World) -> None:
    await world.coordinator.async_set(program=MANUAL)
    with pytest.raises(ServiceValidationError) as refused:
        await act(world, "number.set_value", "number", "duration", {ATTR_VALUE: math.nan})
    assert refused.value.translation_placeholders is not None
    assert refused.value.translation_placeholders["field"] == "duration_s"
    assert refused.value.translation_placeholders["maximum"] == "600"


async def test_another_program_makes_the_numbers_read_only(world: World) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await act(world, "number.set_value", "number", "duration", {ATTR_VALUE: 2})
    assert refused.value.translation_key == "not_manual"


@pytest.mark.parametrize("modality", [Modality.WAND])
async def test_a_lower_intensity_reaches_the_running_session_and_a_higher_one_does_not(
    world: World,
) -> None:
    await world.coordinator.async_set(program=MANUAL)
    await act(world, "switch.turn_on", "switch", "session")
    world.device.put_on()
    await world.pass_time(7)
    await act(world, "number.set_value", "number", "intensity", {ATTR_VALUE: 25})
    assert world.device.session is not None
    assert world.device.session.level == 0.5
    with pytest.raises(ServiceValidationError) as refused:
        await act(world, "number.set_value", "number", "intensity", {ATTR_VALUE: 60})
    assert refused.value.translation_key == "out_of_bounds"
    with pytest.raises(ServiceValidationError) as refused:
        await act(world, "number.set_value", "number", "frequency", {ATTR_VALUE: 5})
    assert refused.value.translation_key == "busy"

"""What the event of a session that has ended says about its dose."""

from collections.abc import Iterator

import pytest

from custom_components.facial_therapy.core.model import Modality
from tests.integration.entities import all_enabled, state
from tests.integration.world import World


@pytest.fixture(autouse=True)
def _all_enabled() -> Iterator[None]:
    """Enable the entities that are disabled by default."""
    with all_enabled():
        yield


@pytest.mark.parametrize(
    ("modality", "unit"), [(Modality.MASK, "J/cm²"), (Modality.WAND, "mA·min")]
)
async def test_the_end_of_a_session_has_the_planned_and_delivered_dose(
    world: World, unit: str
) -> None:
    await world.run()
    attributes = state(world, "event", "session").attributes
    assert (attributes["event_type"], attributes["outcome"]) == ("started", None)
    assert "delivered" not in attributes
    await world.pass_time(60)
    attributes = state(world, "event", "session").attributes
    assert (attributes["event_type"], attributes["outcome"], attributes["unit"]) == (
        "ended",
        "completed",
        unit,
    )
    last = world.device.history[-1]
    assert attributes["planned"] == pytest.approx(last.planned.total, abs=0.001)
    assert attributes["delivered"] == pytest.approx(last.delivered.total, abs=0.001)
    assert not any("Ada" in str(value) for value in attributes.values())

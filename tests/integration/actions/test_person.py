"""Holds and reports make limits stricter at once, and stop a session that is no longer allowed."""

from datetime import timedelta
from typing import Any

from homeassistant.exceptions import ServiceValidationError
from homeassistant.util import dt as dt_util
import pytest
import voluptuous as vol

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.model import Modality, Outcome
from custom_components.facial_therapy.core.session import SessionState
from tests.integration.world import World, person_entry

MASK, WAND = Modality.MASK, Modality.WAND


@pytest.fixture(autouse=True)
async def _evening(world: World) -> None:
    """An evening of which everybody knows when it is."""
    await world.hass.config.async_set_time_zone("Europe/Vienna")


async def say(world: World, action: str, **data: Any) -> None:
    """Call an action as an automation does."""
    await world.hass.services.async_call(DOMAIN, action, data, blocking=True)
    await world.hass.async_block_till_done()


def reasons(world: World) -> list[str]:
    """Why the person may not start, as a dashboard sees it."""
    return [refusal.reason.value for refusal in world.coordinator.data.refusals]


async def test_a_block_of_days_is_for_both_and_never_shortened(world: World) -> None:
    now = dt_util.utcnow()
    await say(world, "block_person", days=14)
    await say(world, "block_person", days=3)
    for modality in Modality:
        block = world.person.eligibility.holds[modality]
        assert (block.until, block.hard_until) == (
            now + timedelta(days=14),
            now + timedelta(days=2),
        )
    assert reasons(world) == ["on_hold"]
    assert not world.person.eligibility.redness_until


async def test_a_block_until_a_date_counts_to_its_end_at_home(world: World) -> None:
    day = dt_util.now().date() + timedelta(days=5)
    await say(world, "block_person", until=day.isoformat(), modalities="wand", person="Ada")
    block = world.person.eligibility.holds[WAND]
    assert block.until == dt_util.start_of_local_day(day + timedelta(days=1))
    assert MASK not in world.person.eligibility.holds
    assert reasons(world) == []


async def test_a_block_until_a_time_is_that_time(world: World) -> None:
    until = dt_util.utcnow() + timedelta(hours=5)
    await say(world, "block_person", until=until.isoformat())
    assert (
        world.person.eligibility.holds[MASK].until
        == world.person.eligibility.holds[MASK].hard_until
        == until
    )


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({}, "days"),
        *(
            ({"days": days}, "days")
            for days in (
                0,
                -1,
                367,
                10**400,
                "nan",
                "inf",
                float("nan"),
                float("inf"),
                "",
                "soon",
                None,
                True,
                [3],
            )
        ),
        *(
            ({"until": until}, "until")
            for until in (
                "2020-01-01",
                "9999-12-31",
                "2026-13-01",
                "",
                "soon",
                None,
                5,
                "2020-01-01T00:00:00+00:00",
            )
        ),
    ],
)
async def test_a_block_that_is_none_is_refused_by_its_field_and_bound(
    world: World, wrong: dict[str, Any], field: str
) -> None:
    before = world.person.eligibility
    with pytest.raises(ServiceValidationError) as refused:
        await say(world, "block_person", **wrong)
    assert refused.value.translation_key == "out_of_bounds"
    assert refused.value.translation_placeholders is not None
    assert [
        refused.value.translation_placeholders[key]
        for key in ("field", "minimum", "maximum", "unit")
    ] == [field, "1", "366", " d"]
    assert world.person.eligibility == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"days": 1, "until": "2026-12-24"},
        {"days": 1, "modalities": []},
        {"days": 1, "modalities": "lamp"},
        {"hours": 3},
    ],
)
async def test_a_contradictory_hold_is_refused(world: World, wrong: dict[str, Any]) -> None:
    with pytest.raises(vol.Invalid):
        await say(world, "block_person", **wrong)
    assert not world.person.eligibility.holds


@pytest.mark.parametrize("action", ["block_person", "report_reaction"])
async def test_nobody_is_guessed(world: World, action: str) -> None:
    data: dict[str, Any] = {"days": 3} if action == "block_person" else {"reaction": "redness"}
    with pytest.raises(ServiceValidationError) as refused:
        await say(world, action, **data, person="Nobody")
    assert refused.value.translation_key == "unknown_person"
    await world.somebody_else()
    with pytest.raises(ServiceValidationError) as refused:
        await say(world, action, **data)
    assert refused.value.translation_key == "no_person"


async def test_a_person_of_home_assistant_is_found(world: World) -> None:
    entry = person_entry("Eve", 815, person="person.eve")
    entry.add_to_hass(world.hass)
    await world.hass.config_entries.async_setup(entry.entry_id)
    await say(world, "report_reaction", reaction="redness", person="person.eve")
    assert not world.person.eligibility.redness_until
    assert entry.runtime_data.person.eligibility.redness_until


async def test_an_unknown_reaction_is_refused(world: World) -> None:
    with pytest.raises(vol.Invalid):
        await say(world, "report_reaction", reaction="glow")


@pytest.mark.parametrize("modality", list(Modality))
@pytest.mark.parametrize(
    ("reaction", "stops"),
    [("redness", {MASK}), ("red_flag", {MASK, WAND}), ("skin_not_fine", {MASK, WAND})],
)
async def test_what_may_run_no_longer_is_stopped(
    world: World, reaction: str, stops: set[Modality]
) -> None:
    await world.run()
    await say(world, "report_reaction", reaction=reaction)
    await world.pass_time(1)
    assert world.state() is (SessionState.IDLE if world.modality in stops else SessionState.RUNNING)
    if world.modality in stops:
        assert world.coordinator.last is not None
        assert world.coordinator.last.outcome is Outcome.STOPPED
        world.device.take_off()
        await world.pass_time(1)
        assert reasons(world) == [reaction]


async def test_a_hold_of_one_person_stops_nobody_else(world: World) -> None:
    await world.somebody_else()
    await world.run()
    await say(world, "report_reaction", reaction="red_flag", person="Eve")
    await world.pass_time(1)
    assert world.state() is SessionState.RUNNING


async def test_a_session_that_waits_for_its_device_is_dropped(world: World) -> None:
    world.device.disconnect()
    await world.coordinator.async_start(world.ask(wait_s=600))
    assert world.state() is SessionState.WAITING
    await say(world, "block_person", days=1)
    assert world.state() is SessionState.IDLE


async def test_a_start_is_refused_with_the_time_in_words(world: World) -> None:
    await say(world, "report_reaction", reaction="skin_not_fine")
    with pytest.raises(ServiceValidationError) as refused:
        await world.hass.services.async_call(
            DOMAIN,
            "start_session",
            {"device_id": world.device_id, "program": "first_use"},
            blocking=True,
        )
    assert refused.value.translation_key == "skin_not_fine"
    until = dt_util.as_local(world.person.eligibility.not_fine_until or dt_util.utcnow())
    assert refused.value.translation_placeholders is not None
    assert refused.value.translation_placeholders["allowed_at"][:2] in (
        f"{until:%H}",
        f"{until + timedelta(minutes=1):%H}",
    )
    assert "start" not in world.device.commands

"""Options of a person: less holds at once, more a day later, and nobody gets past a bound."""

from datetime import timedelta
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.config_entries import ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
import pytest

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.person import Options
from custom_components.facial_therapy.flows.options import NUMBERS
from custom_components.facial_therapy.storage.serialize import choice_in
from tests.integration.world import World

DEFAULT = {
    "mask_sessions_week": 4,
    "mask_duration": 10,
    "wand_duration": 5,
    "share": 100,
    "wand_starting_phase": False,
    "half_blue": False,
}


async def begin(world: World) -> ConfigFlowResult:
    """Open the options of the only person."""
    return await world.hass.config_entries.options.async_init(world.person.person_id)


async def choose(world: World, **changes: Any) -> ConfigFlowResult:
    """Choose in the form of the options."""
    form = await begin(world)
    assert form["type"] is FlowResultType.FORM
    return await world.hass.config_entries.options.async_configure(
        form["flow_id"], DEFAULT | changes
    )


async def test_the_form_shows_the_defaults_and_keeping_them_changes_nothing(world: World) -> None:
    form = await begin(world)
    assert form["step_id"] == "init"
    shown = {
        str(field): field.description["suggested_value"]
        for field in (form["data_schema"] or {}).schema  # type: ignore[union-attr]
    }
    assert shown == DEFAULT
    kept = await world.hass.config_entries.options.async_configure(form["flow_id"], DEFAULT)
    assert kept["type"] is FlowResultType.CREATE_ENTRY
    assert world.person.options == Options()


async def test_less_holds_at_once(world: World) -> None:
    assert (await choose(world, mask_duration=5, share=50))["type"] is FlowResultType.CREATE_ENTRY
    assert world.person.options == Options(mask_duration_s=300, share=0.5)


async def test_looser_options_apply_a_day_later_and_the_form_says_so(
    world: World, freezer: FrozenDateTimeFactory
) -> None:
    await world.hass.config.async_set_time_zone("UTC")
    freezer.move_to("2026-11-24 19:00:00+00:00")
    shown = await choose(world, mask_sessions_week=6, wand_starting_phase=True, wand_duration=3)
    assert (shown["type"], shown["step_id"]) == (FlowResultType.FORM, "later")
    assert shown["description_placeholders"] == {"loosened_at": "19:00 on Wednesday"}
    assert world.person.options == Options()  # not yet submitted
    await world.hass.config_entries.options.async_configure(shown["flow_id"], {})
    assert world.person.options == Options(wand_duration_s=180)

    again = await begin(world)
    assert (again["step_id"], again["description_placeholders"]) == (
        "waiting",
        {"loosened_at": "19:00 on Wednesday"},
    )
    kept = await world.hass.config_entries.options.async_configure(
        again["flow_id"],
        DEFAULT | {"mask_sessions_week": 6, "wand_starting_phase": True, "wand_duration": 3},
    )
    assert kept["type"] is FlowResultType.CREATE_ENTRY  # the same again restarts nothing

    freezer.tick(timedelta(hours=24))
    assert world.person.options == Options(
        mask_sessions_week=6, wand_starting_phase=True, wand_duration_s=180
    )
    assert (await begin(world))["step_id"] == "init"


@pytest.mark.parametrize(
    "wild",
    [
        {"mask_sessions_week": 7},
        {"mask_sessions_week": 0},
        {"mask_duration": 11},
        {"wand_duration": 6},
        {"share": 101},
        {"share": 24},
        {"mask_duration": float("inf")},
        {"wand_duration": None},
        {"share": "much"},
    ],
)
async def test_whatever_is_out_of_bounds_is_refused_and_changes_nothing(
    world: World, wild: dict[str, Any]
) -> None:
    with pytest.raises(InvalidData):
        await choose(world, **wild)
    assert world.person.options == Options()


@pytest.mark.parametrize("field", list(NUMBERS))
async def test_an_invalid_number_is_refused_at_its_field(world: World, field: str) -> None:
    again = await choose(world, **{field: float("nan")})
    assert (again["type"], again["errors"]) == (FlowResultType.FORM, {field: "not_finite"})
    assert world.person.options == Options()


async def test_devices_have_no_options(hass: HomeAssistant, world: World) -> None:
    assert not world.entry.supports_options
    assert hass.config_entries.async_get_known_entry(world.person.person_id).supports_options


async def test_options_that_cannot_be_read_are_the_defaults() -> None:
    for wrong in (
        {},
        {"wanted": 1},
        {"wanted": {"unknown": 1}, "before": {}, "loosened_at": None},
        {"wanted": {}, "before": {}, "loosened_at": "never"},
    ):
        assert choice_in(wrong).wanted == Options()


async def test_nobody_raises_an_option_by_an_action(hass: HomeAssistant, world: World) -> None:
    """Only admins open flows, and no action sets an option or makes a limit looser."""
    assert world.person.options == Options()
    assert not [
        name for name in hass.services.async_services_for_domain(DOMAIN) if "option" in name
    ]

"""A screening that is missing, over, or over soon; entries of an earlier release; people who go."""

from datetime import timedelta
from typing import Any

from homeassistant.config_entries import SOURCE_USER, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr, issue_registry as ir
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed

from custom_components.facial_therapy.config_flow import ADD_PERSON
from custom_components.facial_therapy.const import (
    CONF_ELIGIBILITY,
    CONF_KIND,
    CONF_PROFILE,
    DOMAIN,
    KIND_PERSON,
)
from custom_components.facial_therapy.core.person import Eligibility
from custom_components.facial_therapy.people.registry import find_person
from custom_components.facial_therapy.storage.ledger import LEDGER
from custom_components.facial_therapy.storage.serialize import eligibility_in, eligibility_out
from tests.integration.world import World, person_entry


def issues(world: World) -> list[str]:
    """Return the repairs about people."""
    found = ir.async_get(world.hass).issues
    return [
        issue.translation_key or ""
        for (domain, _), issue in found.items()
        if domain == DOMAIN and (issue.translation_key or "").startswith("screening")
    ]


async def later(world: World, days: float) -> None:
    """Let days pass, and the hour in which it is looked at."""
    world.freezer.tick(timedelta(days=days))
    async_fire_time_changed(world.hass)
    await world.hass.async_block_till_done()


async def test_a_screening_is_reminded_of_expires_and_is_done_again(world: World) -> None:
    assert issues(world) == []
    await later(world, 75.9)
    assert issues(world) == []
    await later(world, 0.2)
    assert issues(world) == ["screening_expires"]
    await later(world, 14)
    assert issues(world) == ["screening_expired"]
    assert [refusal.reason.value for refusal in world.coordinator.gate.refusals()][:1] in (
        ["screening_expired"],
        ["stale_telemetry"],
    )

    entry = world.hass.config_entries.async_get_known_entry(world.person.person_id)
    world.hass.config_entries.async_update_entry(entry, data=person_entry().data)
    await world.hass.async_block_till_done()
    assert issues(world) == []


async def test_an_entry_of_the_first_release_has_to_be_screened(world: World) -> None:
    old = MockConfigEntry(
        domain=DOMAIN,
        title="Bo",
        data={CONF_KIND: KIND_PERSON, CONF_PROFILE: 9},
        unique_id="person_9",
        version=1,
        minor_version=1,
    )
    old.add_to_hass(world.hass)
    assert await world.hass.config_entries.async_setup(old.entry_id)
    await world.hass.async_block_till_done()
    assert (old.state, old.minor_version, old.title) == (ConfigEntryState.LOADED, 2, "Bo")
    assert old.runtime_data.person.eligibility == Eligibility()
    assert issues(world) == ["screening_missing"]
    await world.hass.config_entries.async_remove(old.entry_id)
    await world.hass.async_block_till_done()
    assert issues(world) == []


async def test_an_entry_of_a_later_release_is_not_touched(world: World) -> None:
    new = MockConfigEntry(
        domain=DOMAIN,
        title="Bo",
        data={CONF_KIND: KIND_PERSON, CONF_PROFILE: 9},
        unique_id="person_9",
        version=2,
    )
    new.add_to_hass(world.hass)
    assert not await world.hass.config_entries.async_setup(new.entry_id)
    assert new.state is ConfigEntryState.MIGRATION_ERROR


def damaged() -> list[Any]:
    """What an entry could hold after somebody has edited it."""
    good = eligibility_out(Eligibility(adult=True))
    return [
        {},
        None,
        5,
        {**good, "screenings": {"mask": {}}},
        {**good, "redness_until": "soon"},
        {**good, "holds": []},
        {"adult": True},
    ]


@pytest.mark.parametrize("wrong", damaged(), ids=str)
async def test_what_cannot_be_read_counts_as_never_asked(wrong: Any) -> None:
    assert eligibility_in(wrong) == Eligibility()


async def test_a_name_that_changes_changes_on_the_page_of_the_person(world: World) -> None:
    entry = world.hass.config_entries.async_get_known_entry(world.person.person_id)
    world.hass.config_entries.async_update_entry(entry, title="Countess")
    await world.hass.async_block_till_done()
    [device] = dr.async_entries_for_config_entry(dr.async_get(world.hass), entry.entry_id)
    assert (device.name, device.entry_type) == ("Countess", dr.DeviceEntryType.SERVICE)


async def test_the_days_of_a_person_who_goes_count_for_the_next(world: World) -> None:
    await world.run()
    await world.pass_time(55)
    world.device.take_off()
    await world.pass_time(1)
    gone = world.person.person_id
    ledger = world.hass.data[LEDGER]
    assert ledger.history(gone).records
    await world.hass.config_entries.async_remove(gone)
    await world.hass.async_block_till_done()
    eve = await world.somebody_else()
    await world.hass.async_block_till_done()
    assert [record.program for record in ledger.history(eve.person_id).records] == [""]


async def answered(world: World, name: str) -> Eligibility:
    """Add somebody by the flow, and return how they stand."""
    step = await world.hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}, data=ADD_PERSON
    )
    for answers in (
        {"name": name},
        {"adult": True, "confirmed": True},
        {"confirmed": True},
        {"confirmed": True},
    ):
        step = await world.hass.config_entries.flow.async_configure(step["flow_id"], answers)
    await world.hass.async_block_till_done()
    return find_person(world.hass, name).eligibility


async def test_going_and_coming_back_clears_nothing(world: World) -> None:
    for reaction in ("redness", "red_flag"):
        await world.hass.services.async_call(
            DOMAIN, "report_reaction", {"reaction": reaction}, blocking=True
        )
    before = world.person.eligibility
    await world.hass.config_entries.async_remove(world.person.person_id)
    after = await answered(world, "Ada")
    assert after.adult
    assert (after.redness_until, after.red_flag_at) == (before.redness_until, before.red_flag_at)
    world.freezer.tick(timedelta(days=8, seconds=1))
    assert (await answered(world, "Eve")).red_flag_at is None


async def test_who_goes_without_anything_to_wait_for_leaves_nothing(world: World) -> None:
    await world.hass.config_entries.async_remove(world.person.person_id)
    assert (await answered(world, "Ada")).holds == {}


async def test_everybody_keeps_their_own_days(hass: HomeAssistant, world: World) -> None:
    await world.run()
    eve = await world.somebody_else()
    assert not hass.data[LEDGER].history(eve.person_id).records
    entry = hass.config_entries.async_get_known_entry(eve.person_id)
    assert eligibility_in(entry.data[CONF_ELIGIBILITY]).screenings
    assert dt_util.utcnow() > min(
        screening.screened_at for screening in eve.eligibility.screenings.values()
    ) - timedelta(seconds=1)

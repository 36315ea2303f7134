"""The repairs of the ledger."""

from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from homeassistant.components.repairs import DOMAIN as REPAIRS
from homeassistant.core import HomeAssistant
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.facial_therapy import async_setup
from custom_components.facial_therapy.const import CONF_LEDGER_BEGUN, DOMAIN
from custom_components.facial_therapy.core.refusal import Reason, RefusedError
from custom_components.facial_therapy.storage.ledger import LEDGER, Ledger
from custom_components.facial_therapy.storage.ledger_file import LedgerError, LedgerFile
from tests.integration.storage.test_ledger import record
from tests.integration.world import World, person_entry


def no_room(*_arguments: object) -> int:
    """Append to a ledger on a full disk."""
    raise OSError(28, "No space left on device")


def issues(hass: HomeAssistant) -> set[str]:
    return {issue_id for domain, issue_id in ir.async_get(hass).issues if domain == DOMAIN}


async def minute(world: World) -> None:
    """Let a minute pass, in which the ledger is checked, and the device goes on reporting."""
    world.freezer.tick(timedelta(minutes=1))
    async_fire_time_changed(world.hass)
    await world.pass_time(0.5)


async def test_a_full_disk_energizes_nothing_and_has_a_repair_until_there_is_room(
    world: World,
) -> None:
    with patch.object(LedgerFile, "append", no_room):
        with pytest.raises(RefusedError) as refused:
            await world.coordinator.async_start(world.ask())
        assert refused.value.binding.reason is Reason.STORE_FAILED
        assert "No space left" in refused.value.binding.detail
        assert world.device.session is None
        assert "store_failed" in issues(world.hass)
        await minute(world)
        assert "store_failed" in issues(world.hass)
    await minute(world)
    assert "store_failed" not in issues(world.hass)
    await world.coordinator.async_start(world.ask())
    assert world.device.session is not None


async def test_a_clock_that_was_changed_has_a_repair_until_the_ledger_agrees(world: World) -> None:
    ledger = world.hass.data[LEDGER]
    for key, step in (("clock_forward", timedelta(hours=3)), ("clock_back", timedelta(hours=-3))):
        with patch.object(Ledger, "clock_ahead", step):
            await minute(world)
            assert key in issues(world.hass)
            issue = ir.async_get(world.hass).async_get_issue(DOMAIN, key)
            assert issue is not None
            assert issue.translation_placeholders == {"hours": "3.0"}
        await minute(world)
        assert key not in issues(world.hass)
    assert ledger.clock_ahead == timedelta(0)


@pytest.fixture
async def damaged(hass: HomeAssistant, tmp_path: Path) -> Path:
    """A ledger that cannot be read, before Home Assistant starts."""
    path = tmp_path / "ledger"
    ledger = Ledger(path)
    await ledger.async_load(hass)
    await ledger.async_open(hass, record())
    path.write_bytes(b"X" + path.read_bytes())
    return path


async def test_an_admin_resets_an_unreadable_ledger(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, damaged: Path
) -> None:
    person = person_entry()
    person.add_to_hass(hass)
    with patch("custom_components.facial_therapy.ledger_path", return_value=damaged):
        assert await async_setup_component(hass, DOMAIN, {})
        assert await async_setup_component(hass, REPAIRS, {})
    await hass.async_block_till_done()
    ledger = hass.data[LEDGER]
    assert ledger.unreadable
    assert "ledger_unreadable" in issues(hass)
    assert "store_failed" not in issues(hass)

    client = await hass_client()
    begun = await (
        await client.post(
            "/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": "ledger_unreadable"}
        )
    ).json()
    assert begun["step_id"] == "confirm"
    with patch.object(Ledger, "async_reset", side_effect=LedgerError("full")):
        again = await (
            await client.post(f"/api/repairs/issues/fix/{begun['flow_id']}", json={})
        ).json()
    assert again["errors"] == {"base": "store_failed"}
    done = await (await client.post(f"/api/repairs/issues/fix/{begun['flow_id']}", json={})).json()
    assert done["type"] == "create_entry"
    assert "ledger_unreadable" not in issues(hass)
    assert sum(entry.sessions for entry in ledger.history(person.entry_id).records) == 12


async def test_a_missing_ledger_has_a_repair_in_a_home_that_had_one_and_not_in_a_new_one(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    person = person_entry()
    person.add_to_hass(hass)
    with patch("custom_components.facial_therapy.ledger_path", return_value=tmp_path / "ledger"):
        assert await async_setup_component(hass, DOMAIN, {})
        await hass.async_block_till_done()
        assert "ledger_unreadable" not in issues(hass)
        assert person.data[CONF_LEDGER_BEGUN]
        await hass.config_entries.async_unload(person.entry_id)
        (tmp_path / "ledger").unlink()
        assert await async_setup(hass, {})  # the next start of Home Assistant
    assert hass.data[LEDGER].unreadable
    assert "ledger_unreadable" in issues(hass)


async def test_only_an_admin_may_reset_it(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, hass_admin_user: object, damaged: Path
) -> None:
    with patch("custom_components.facial_therapy.ledger_path", return_value=damaged):
        assert await async_setup_component(hass, DOMAIN, {})
        assert await async_setup_component(hass, REPAIRS, {})
    hass_admin_user.groups = []  # type: ignore[attr-defined]
    client = await hass_client()
    refused = await client.post(
        "/api/repairs/issues/fix", json={"handler": DOMAIN, "issue_id": "ledger_unreadable"}
    )
    assert refused.status == 401
    assert hass.data[LEDGER].unreadable

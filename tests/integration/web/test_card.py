"""Card and dashboard are served and loaded, once, where there is a frontend."""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

from homeassistant.components.frontend import DATA_EXTRA_MODULE_URL
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.web.card import FOLDER, SCRIPTS, _version
from tests.integration.world import World


@pytest.fixture(autouse=True)
def _ledger(tmp_path: Path) -> Iterator[None]:
    """Keep the ledger out of the way."""
    with patch("custom_components.facial_therapy.ledger_path", return_value=tmp_path / "ledger"):
        yield


async def test_every_page_loads_the_scripts_from_home_assistant(
    hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "frontend", {})
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    urls = sorted(hass.data[DATA_EXTRA_MODULE_URL].urls)
    assert [url.rpartition("/")[2] for url in urls] == sorted(SCRIPTS)
    client = await hass_client_no_auth()
    for url in urls:
        assert url.startswith("/facial_therapy_static/")
        response = await client.get(url)
        assert response.status == 200
        assert response.headers["Content-Type"].partition(";")[0] == "text/javascript"
        assert "max-age" in response.headers["Cache-Control"]
        assert await response.text() == (FOLDER / url.rpartition("/")[2]).read_text()


async def test_a_changed_file_has_another_address(hass: HomeAssistant, tmp_path: Path) -> None:
    for script in SCRIPTS:
        (tmp_path / script).write_text("changed")
    assert await async_setup_component(hass, "frontend", {})
    with patch("custom_components.facial_therapy.web.card.FOLDER", tmp_path):
        assert await async_setup_component(hass, DOMAIN, {})
        await hass.async_block_till_done()
        changed = set(hass.data[DATA_EXTRA_MODULE_URL].urls)
    assert changed
    assert not any(_version() in url for url in changed)


async def test_without_a_frontend_everything_else_works(world: World) -> None:
    assert DATA_EXTRA_MODULE_URL not in world.hass.data
    assert world.state() == "idle"


async def test_no_other_file_is_served(
    hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator
) -> None:
    assert await async_setup_component(hass, "frontend", {})
    assert await async_setup_component(hass, DOMAIN, {})
    await hass.async_block_till_done()
    base = hass.data[DATA_EXTRA_MODULE_URL].urls
    folder = next(iter(base)).rpartition("/")[0]
    client = await hass_client_no_auth()
    for path in (f"{folder}/../manifest.json", f"{folder}/%2e%2e/manifest.json", f"{folder}/"):
        assert (await client.get(path)).status in (403, 404)

"""Adding, reconfiguring and discovering devices: every way through the flows and every error."""

from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any
from unittest.mock import AsyncMock, patch

from homeassistant.config_entries import (
    SOURCE_IGNORE,
    SOURCE_USER,
    SOURCE_ZEROCONF,
    ConfigEntryState,
    ConfigFlowResult,
    FlowType,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.facial_therapy.const import (
    CONF_CHANNELS,
    CONF_KIND,
    CONF_MAC,
    CONF_MODALITY,
    DOMAIN,
    KIND_DEVICE,
)
from custom_components.facial_therapy.core.model import Channel, Modality
from custom_components.facial_therapy.devices.discovery import ESPHOME
from custom_components.facial_therapy.devices.port import DeviceError, Problem
from tests.fake_device import MASK, WAND
from tests.integration.world import MACS, World, device_entry, esphome_entry, person_entry

MASK_MAC = MACS[Modality.MASK]
WAND_MAC = MACS[Modality.WAND]
CHANNELS = [channel.value for channel in Channel]
PROBLEMS = [
    DeviceError(Problem.ESPHOME_MISSING),
    DeviceError(Problem.CANNOT_CONNECT, error="timed out"),
    DeviceError(Problem.INVALID_AUTH),
    DeviceError(Problem.WRONG_DEVICE, name="kitchen"),
    DeviceError(Problem.WRONG_CONTRACT, version="9.0"),
]
each_problem = pytest.mark.parametrize(
    "problem", PROBLEMS, ids=lambda problem: problem.problem.value
)


@pytest.fixture(name="probe")
def probe_fixture() -> Iterator[AsyncMock]:
    """A mask that answers; nothing is set up once an entry has been created."""
    with (
        patch(
            "custom_components.facial_therapy.config_flow.async_probe", return_value=MASK
        ) as probe,
        patch("custom_components.facial_therapy.async_setup", return_value=True),
        patch("custom_components.facial_therapy.async_setup_entry", return_value=True),
        patch("custom_components.facial_therapy.async_unload_entry", return_value=True),
        patch("custom_components.facial_therapy.async_remove_entry"),
    ):
        yield probe


def loaded_node(hass: HomeAssistant, modality: Modality = Modality.MASK) -> MockConfigEntry:
    """A governed node that ESPHome has."""
    entry = esphome_entry(hass, modality)
    entry.mock_state(hass, ConfigEntryState.LOADED)
    return entry


def announcement(
    modality: Modality = Modality.MASK, **properties: str | None
) -> ZeroconfServiceInfo:
    """What a node says of itself in the network."""
    texts = {
        "mac": MACS[modality].replace(":", ""),
        "friendly_name": "Bathroom mask",
        "project_name": f"facial_therapy.{modality}",
    } | properties
    return ZeroconfServiceInfo(
        ip_address=ip_address("192.0.2.1"),
        ip_addresses=[ip_address("192.0.2.1")],
        port=6053,
        hostname="mask-1234.local.",
        type="_esphomelib._tcp.local.",
        name="mask-1234._esphomelib._tcp.local.",
        properties={key: text for key, text in texts.items() if text is not None},
    )


async def begin(hass: HomeAssistant, choice: str) -> ConfigFlowResult:
    """Choose in the menu."""
    menu = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert menu["type"] is FlowResultType.MENU
    assert menu["menu_options"] == ["device", "person"]
    return await hass.config_entries.flow.async_configure(menu["flow_id"], {"next_step_id": choice})


async def submit(hass: HomeAssistant, step: ConfigFlowResult, **values: Any) -> ConfigFlowResult:
    """Fill in a form."""
    assert step["type"] is FlowResultType.FORM
    return await hass.config_entries.flow.async_configure(step["flow_id"], values)


async def discover(
    hass: HomeAssistant, modality: Modality = Modality.MASK, **properties: str | None
) -> ConfigFlowResult:
    """Let a node be found."""
    return await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_ZEROCONF}, data=announcement(modality, **properties)
    )


# --- devices by hand ------------------------------------------------------------------------------


async def test_a_device_is_chosen_from_the_nodes_of_esphome(
    hass: HomeAssistant, probe: AsyncMock
) -> None:
    loaded_node(hass)
    person_entry().add_to_hass(hass)

    form = await begin(hass, "device")
    created = await submit(hass, form, **{CONF_MAC: MASK_MAC})

    assert created["type"] is FlowResultType.CREATE_ENTRY
    assert created["title"] == "Mask node"
    assert created["data"] == {
        CONF_KIND: KIND_DEVICE,
        CONF_MAC: MASK_MAC,
        CONF_MODALITY: "mask",
        CONF_CHANNELS: CHANNELS,
    }
    assert created["result"].unique_id == MASK_MAC
    assert "next_flow" not in created
    probe.assert_awaited_once_with(hass, MASK_MAC)


async def test_a_wand_has_no_channels(hass: HomeAssistant, probe: AsyncMock) -> None:
    probe.return_value = WAND
    loaded_node(hass, Modality.WAND)

    created = await submit(hass, await begin(hass, "device"), **{CONF_MAC: WAND_MAC})

    assert created["data"] == {
        CONF_KIND: KIND_DEVICE,
        CONF_MAC: WAND_MAC,
        CONF_MODALITY: "wand",
        CONF_CHANNELS: [],
    }


@pytest.mark.usefixtures("probe")
async def test_only_nodes_that_have_not_been_added_are_offered(hass: HomeAssistant) -> None:
    loaded_node(hass)
    loaded_node(hass, Modality.WAND)
    device_entry(Modality.MASK).add_to_hass(hass)

    form = await begin(hass, "device")

    with pytest.raises(InvalidData):
        await submit(hass, form, **{CONF_MAC: MASK_MAC})
    assert (await submit(hass, form, **{CONF_MAC: WAND_MAC}))["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.usefixtures("probe")
async def test_without_a_governed_node_the_way_is_esphome_first(hass: HomeAssistant) -> None:
    other = MockConfigEntry(domain=ESPHOME, unique_id="98:35:69:00:00:09")
    other.add_to_hass(hass)
    other.mock_state(hass, ConfigEntryState.LOADED)
    dr.async_get(hass).async_get_or_create(
        config_entry_id=other.entry_id,
        connections={(dr.CONNECTION_NETWORK_MAC, "98:35:69:00:00:09")},
        manufacturer="Espressif",
        model="mask",
    )

    aborted = await begin(hass, "device")

    assert (aborted["type"], aborted["reason"]) == (FlowResultType.ABORT, "no_nodes")


@pytest.mark.usefixtures("probe")
async def test_a_node_that_was_added_in_the_meantime_is_not_added_twice(
    hass: HomeAssistant,
) -> None:
    loaded_node(hass)
    form = await begin(hass, "device")
    device_entry(Modality.MASK).add_to_hass(hass)

    aborted = await submit(hass, form, **{CONF_MAC: MASK_MAC})

    assert (aborted["type"], aborted["reason"]) == (FlowResultType.ABORT, "already_configured")


@pytest.mark.usefixtures("probe")
async def test_an_ignored_node_can_be_added_by_hand(hass: HomeAssistant) -> None:
    loaded_node(hass)
    MockConfigEntry(domain=DOMAIN, source=SOURCE_IGNORE, unique_id=MASK_MAC).add_to_hass(hass)

    created = await submit(hass, await begin(hass, "device"), **{CONF_MAC: MASK_MAC})

    assert created["type"] is FlowResultType.CREATE_ENTRY
    assert [entry.source for entry in hass.config_entries.async_entries(DOMAIN)] == [SOURCE_USER]


@each_problem
async def test_a_device_recovers_from_every_problem(
    hass: HomeAssistant, probe: AsyncMock, problem: DeviceError
) -> None:
    loaded_node(hass)
    probe.side_effect = problem
    failed = await submit(hass, await begin(hass, "device"), **{CONF_MAC: MASK_MAC})
    assert failed["errors"] == {"base": problem.problem.value}
    assert failed["description_placeholders"] == problem.placeholders

    probe.side_effect = None
    assert (await submit(hass, failed, **{CONF_MAC: MASK_MAC}))[
        "type"
    ] is FlowResultType.CREATE_ENTRY


# --- discovery ------------------------------------------------------------------------------------


async def test_a_discovered_node_is_added_after_a_confirmation(
    hass: HomeAssistant, probe: AsyncMock
) -> None:
    loaded_node(hass)
    person_entry().add_to_hass(hass)

    form = await discover(hass)
    assert form["step_id"] == "discovery_confirm"
    assert form["description_placeholders"] == {"device": "Bathroom mask"}
    [progress] = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert progress["context"]["title_placeholders"] == {"name": "Bathroom mask"}
    assert progress["context"]["unique_id"] == MASK_MAC
    probe.assert_not_awaited()

    created = await submit(hass, form)
    assert created["type"] is FlowResultType.CREATE_ENTRY
    assert created["title"] == "Mask node"
    assert created["data"] == {
        CONF_KIND: KIND_DEVICE,
        CONF_MAC: MASK_MAC,
        CONF_MODALITY: "mask",
        CONF_CHANNELS: CHANNELS,
    }
    assert "next_flow" not in created


async def test_a_discovery_waits_until_esphome_has_the_node(
    hass: HomeAssistant, probe: AsyncMock
) -> None:
    probe.side_effect = DeviceError(Problem.ESPHOME_MISSING)
    step = await discover(hass, friendly_name=None)
    for _ in range(3):
        step = await submit(hass, step)
        assert step["errors"] == {"base": "esphome_missing"}
        assert step["description_placeholders"] == {"device": "mask-1234"}

    probe.side_effect = None
    created = await submit(hass, step)
    assert created["type"] is FlowResultType.CREATE_ENTRY
    assert created["title"] == "mask-1234"


@each_problem
async def test_a_discovery_recovers_from_every_problem(
    hass: HomeAssistant, probe: AsyncMock, problem: DeviceError
) -> None:
    probe.side_effect = problem
    failed = await submit(hass, await discover(hass))
    assert failed["errors"] == {"base": problem.problem.value}
    assert failed["description_placeholders"] == {"device": "Bathroom mask"} | problem.placeholders

    probe.side_effect = None
    assert (await submit(hass, failed))["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.usefixtures("probe")
async def test_a_known_node_is_not_discovered_again(hass: HomeAssistant) -> None:
    device_entry(Modality.MASK).add_to_hass(hass)
    known = await discover(hass)
    assert (known["type"], known["reason"]) == (FlowResultType.ABORT, "already_configured")

    await discover(hass, Modality.WAND)
    twice = await discover(hass, Modality.WAND)
    assert (twice["type"], twice["reason"]) == (FlowResultType.ABORT, "already_in_progress")


@pytest.mark.usefixtures("probe")
async def test_a_node_without_a_mac_address_is_not_added(hass: HomeAssistant) -> None:
    aborted = await discover(hass, mac=None)

    assert (aborted["type"], aborted["reason"]) == (FlowResultType.ABORT, "no_mac")


@pytest.mark.usefixtures("probe")
async def test_adding_by_hand_ends_the_discovery_of_the_same_node(hass: HomeAssistant) -> None:
    loaded_node(hass)
    person_entry().add_to_hass(hass)
    await discover(hass)

    created = await submit(hass, await begin(hass, "device"), **{CONF_MAC: MASK_MAC})

    assert created["type"] is FlowResultType.CREATE_ENTRY
    assert not hass.config_entries.flow.async_progress_by_handler(DOMAIN)


# --- the first person -----------------------------------------------------------------------------


@pytest.mark.usefixtures("probe")
@pytest.mark.parametrize("discovered", [False, True], ids=["by_hand", "discovered"])
async def test_the_first_device_leads_to_the_first_person(
    hass: HomeAssistant, *, discovered: bool
) -> None:
    loaded_node(hass)
    created = (
        await submit(hass, await discover(hass))
        if discovered
        else await submit(hass, await begin(hass, "device"), **{CONF_MAC: MASK_MAC})
    )
    assert created["type"] is FlowResultType.CREATE_ENTRY
    kind, flow_id = created["next_flow"]
    assert kind is FlowType.CONFIG_FLOW
    assert hass.config_entries.flow.async_get(flow_id)["step_id"] == "person"


# --- reconfiguring --------------------------------------------------------------------------------


async def test_a_device_is_read_again(hass: HomeAssistant, probe: AsyncMock) -> None:
    entry = device_entry(Modality.MASK)
    entry.add_to_hass(hass)
    hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_CHANNELS: ["red"]})

    form = await entry.start_reconfigure_flow(hass)
    assert (form["step_id"], form["description_placeholders"]) == ("refresh", {"device": "Mask"})
    done = await submit(hass, form)

    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    assert entry.data == {
        CONF_KIND: KIND_DEVICE,
        CONF_MAC: MASK_MAC,
        CONF_MODALITY: "mask",
        CONF_CHANNELS: CHANNELS,
    }
    probe.assert_awaited_once_with(hass, MASK_MAC)


@each_problem
async def test_reading_again_recovers_from_every_problem(
    hass: HomeAssistant, probe: AsyncMock, problem: DeviceError
) -> None:
    entry = device_entry(Modality.MASK)
    entry.add_to_hass(hass)
    probe.side_effect = problem

    failed = await submit(hass, await entry.start_reconfigure_flow(hass))
    assert failed["errors"] == {"base": problem.problem.value}
    assert failed["description_placeholders"] == {"device": "Mask"} | problem.placeholders

    probe.side_effect = None
    assert (await submit(hass, failed))["reason"] == "reconfigure_successful"


async def test_a_mask_does_not_become_a_wand(hass: HomeAssistant, probe: AsyncMock) -> None:
    entry = device_entry(Modality.MASK)
    entry.add_to_hass(hass)
    probe.return_value = WAND

    failed = await submit(hass, await entry.start_reconfigure_flow(hass))
    assert failed["errors"] == {"base": "wrong_device"}
    assert entry.data[CONF_MODALITY] == "mask"

    probe.return_value = MASK
    assert (await submit(hass, failed))["reason"] == "reconfigure_successful"


async def test_reading_again_does_not_end_a_session(hass: HomeAssistant, world: World) -> None:
    with patch("custom_components.facial_therapy.config_flow.async_probe", return_value=MASK):
        await world.run()
        failed = await submit(hass, await world.entry.start_reconfigure_flow(hass))
        assert failed["errors"] == {"base": "busy"}
        assert world.coordinator.live is not None
        assert world.device.session is not None

        await world.coordinator.async_stop()
        assert (await submit(hass, failed))["reason"] == "reconfigure_successful"

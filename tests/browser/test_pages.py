"""What a user sees of a device, on the demo's dashboard and when adding something."""

from playwright.async_api import Page, expect

from tests.real.household import Household
from tests.real.messages import Messages

from .window import Window

NO_VALUE = {"unknown", "unavailable"}
MAY_BE_UNKNOWN = {"session_ends", "stop", "confirm", "next_session", "confirm_step", "skip_step"}
"""Nothing runs or is planned, nothing was pressed."""


async def test_the_page_of_a_mask_has_our_entities_beside_those_of_its_node(
    window: Window, household: Household
) -> None:
    await window.open("/config/devices/dashboard")
    await window.page.get_by_text("Mask", exact=True).first.click()
    await expect(window.page).to_have_url(
        f"{household.home.url}/config/devices/device/{household.mask.device_id}"
    )
    expected = {
        "Controls": ("Program", "Person", "Session", "Stop"),
        # The last two are the node's own.
        "Sensors": ("Ready", "Session", "Session ends", "Temperature", "Worn"),
        "Configuration": ("Red", "Near-infrared", "Amber", "Session duration", "Confirm"),
        "Diagnostic": ("Simulated worn", "Simulated temperature"),
    }
    for title, names in expected.items():
        for name in names:
            await expect(window.card(title).get_by_text(name, exact=True).first).to_be_visible()
    # Without the name of the device before each, and without one of its own.
    await expect(window.page.get_by_text("Mask Session")).to_have_count(0)
    await expect(window.page.get_by_role("link", name="ESPHome")).to_be_visible()


async def test_no_two_entities_on_the_page_of_a_device_look_the_same(
    household: Household, messages: Messages
) -> None:
    entities = await messages.call("config/entity_registry/list")
    for station in household.stations.values():
        shown = [
            entity
            for entity in entities
            if entity["device_id"] == station.device_id and entity["disabled_by"] is None
        ]
        assert [entity["entity_id"] for entity in shown if entity["entity_id"].endswith("_2")] == []
        names = [(entity["entity_id"].split(".")[0], entity["original_name"]) for entity in shown]
        assert len(set(names)) == len(names)


async def test_the_dashboard_shows_every_entity_of_both_devices(
    window: Window, household: Household, messages: Messages
) -> None:
    await window.open_dashboard()
    shown = await _entities_of_cards(window.page)
    entities = await messages.call("config/entity_registry/list")
    devices = {station.device_id for station in household.stations.values()}
    enabled = {
        entity["entity_id"]
        for entity in entities
        if entity["device_id"] in devices and entity["disabled_by"] is None
    }
    assert enabled - shown == set()


async def test_the_dashboard_shows_a_value_where_there_should_be_one(
    window: Window, messages: Messages
) -> None:
    states = await messages.states()
    entities = {
        entity["entity_id"]: entity for entity in await messages.call("config/entity_registry/list")
    }
    await window.open_dashboard()
    without = {
        entity_id
        for entity_id in await _entities_of_cards(window.page)
        if states[entity_id]["state"] in NO_VALUE
    }
    assert {entities[entity_id]["translation_key"] for entity_id in without} <= MAY_BE_UNKNOWN
    sections = window.page.locator("hui-grid-section")
    for word in ("Unknown", "Unavailable", "Entity not found", "Configuration error"):
        await expect(sections.get_by_text(word).filter(visible=True)).to_have_count(0)


async def _entities_of_cards(page: Page) -> set[str]:
    """Return the entities of all tiles and badges, also of those that wait for their moment."""
    found: list[str] = await page.evaluate(
        """() => {
            const found = [];
            const walk = node => {
                const config = node._config ?? node.config;
                if (typeof config?.entity === "string") found.push(config.entity);
                const children = [...(node.shadowRoot?.childNodes ?? []), ...node.childNodes];
                for (const child of children) walk(child);
            };
            walk(document);
            return found;
        }"""
    )
    return set(found)


async def test_adding_the_integration_offers_a_device_and_a_person_and_lists_the_nodes(
    flow: Window,
) -> None:
    await expect(flow.page.get_by_text("A person", exact=True)).to_be_visible()
    await flow.page.get_by_text("A mask or wand", exact=True).click()
    await expect(
        flow.page.get_by_text("ESPHome has no mask or wand that could be added.")
    ).to_be_visible()


async def test_a_person_who_is_added_by_hand_is_asked_the_questions(flow: Window) -> None:
    await flow.page.get_by_text("A person", exact=True).click()
    await expect(flow.page.get_by_text("Add a person", exact=True)).to_be_visible()
    name = flow.page.get_by_role("textbox", name="Name")
    await name.fill("ada")
    await flow.page.get_by_role("button", name="Next", exact=True).click()
    await expect(flow.page.get_by_text("There is a person of this name already.")).to_be_visible()
    await name.fill("Grace")
    await flow.page.get_by_role("button", name="Next", exact=True).click()
    await expect(flow.page.get_by_text("Is it for you?", exact=True)).to_be_visible()
    await flow.page.get_by_role("button", name="Next", exact=True).click()
    await expect(
        flow.page.get_by_text("The devices are for adults only. A person under 18 cannot be added.")
    ).to_be_visible()

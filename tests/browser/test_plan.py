"""A plan and a custom program by hand: questions, numbers, the calendar, a skipped evening."""

from typing import Any

from playwright.async_api import Page, expect

from tests.real.household import Household

from .window import Window

NAME = "Grace"
NEXT_SESSION = (
    "document.querySelector('home-assistant').hass.states['sensor.grace_next_session'].state"
)
SKIP = """async () => {
    const hass = document.querySelector("home-assistant").hass;
    const answer = await hass.callService(
      "facial_therapy", "skip_planned", { person: "Grace" }, undefined, false, true);
    return answer.response;
}"""


async def _tick(page: Page, label: str) -> None:
    """Tick a box of a form."""
    await (
        page.locator("ha-selector-boolean")
        .filter(has_text=label)
        .locator("ha-switch, ha-checkbox")
        .first.click()
    )


async def _number(page: Page, label: str, value: float) -> None:
    """Write a number into a field of a form."""
    await (
        page.locator("ha-selector-number")
        .filter(has_text=label)
        .locator("input")
        .first.fill(str(value))
    )


async def _add_person(page: Page) -> None:
    """Answer everything that is asked of somebody to whom nothing applies."""
    await page.get_by_text("A person", exact=True).click()
    await page.get_by_role("textbox", name="Name").fill(NAME)
    following = page.get_by_role("button", name="Next", exact=True)
    await following.click()
    await expect(page.get_by_text("Is it for you?", exact=True)).to_be_visible()
    await _tick(page, "I am 18 or older")
    await page.locator("ha-selector-select").filter(has_text="Skin type").last.click()
    await page.get_by_text("II: burns easily").first.click()
    for title in ("Is it for you?", "Light", "Current"):
        await expect(page.get_by_text(title, exact=True).first).to_be_visible()
        await _tick(page, "Everything that applies")
        await following.click()


async def test_three_questions_a_custom_program_the_calendar_and_a_skipped_evening(
    flow: Window, household: Household
) -> None:
    page = flow.page
    await _add_person(page)

    await expect(page.get_by_text(f"A plan for {NAME}", exact=True)).to_be_visible()
    await expect(page.get_by_text("three evenings a week with light").first).to_be_visible()
    await page.get_by_role("button", name="Submit", exact=True).click()
    await expect(page.get_by_text("Reconfiguration was successful")).to_be_visible()

    await flow.open("/config/integrations/integration/facial_therapy")
    await page.get_by_role("button", name="Make a program").click()
    await page.locator("dialog-pick-config-entry").get_by_text(NAME, exact=True).click()
    await page.get_by_text("Light, with a mask").click()
    await page.get_by_role("textbox", name="Name").fill("Glow")
    for label, value in (("Red", 40), ("Minutes", 5), ("Sessions a week", 2)):
        await _number(page, label, value)
    await page.get_by_role("button", name="What it amounts to").click()
    await expect(page.get_by_text("Please enter 0.001 to 29.166 mW/cm².")).to_be_visible()
    await _number(page, "Red", 10)
    await page.get_by_role("button", name="What it amounts to").click()
    await expect(page.get_by_text("A session delivers 3 J/cm²")).to_be_visible()
    await page.get_by_text("Keep it", exact=True).click()
    await page.get_by_role("button", name="Finish", exact=True).click()

    before: str = await page.evaluate(NEXT_SESSION)
    skipped: dict[str, Any] = await page.evaluate(SKIP)
    await page.wait_for_function(f"() => {NEXT_SESSION} > '{before}'")
    assert skipped["next"] == await page.evaluate(NEXT_SESSION)
    await flow.open("/calendar")
    for other in ("Ada Plan", "Joan Plan"):  # what they have had today would leave no room for hers
        await page.get_by_role("menuitemcheckbox", name=other).click()
    await page.locator(f"[data-date='{skipped['skipped']}'] .fc-event").first.click()
    await expect(page.get_by_text("Skipped", exact=True)).to_be_visible()
    await expect(page.get_by_text("Fine lines", exact=False).first).to_be_visible()
    assert not (await household.witness.level(household.mask.node.name)).flowing

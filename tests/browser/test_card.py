"""The card by itself: every moment, what it says, what it does, and what it costs."""

from collections.abc import AsyncGenerator
import os
from pathlib import Path
import re
from typing import Any

from playwright.async_api import Browser, CDPSession, Page, ViewportSize, expect
import pytest

from custom_components.facial_therapy.web.card import SCRIPTS

from .moments import (
    ALLOWED,
    CARD,
    CARDS,
    MOMENTS,
    NOW,
    PLACE,
    ROUTINES,
    RUNNING,
    WEEKS,
    WORDS,
    calls,
    feed,
    mask,
    open_page,
    serve,
    session,
    show,
)

AXE = Path(__file__).resolve().parents[2] / ".work/axe/node_modules/axe-core/axe.min.js"
MOST_BYTES = 40_000
MOST_LINES = 400
LEAST_PX = 48
LONG = bool(os.environ.get("FACIAL_THERAPY_LONG"))
HOUR_S = 3600 if LONG else 300
MEASURED_S = 60 if LONG else 4
MOST_GROWTH_BYTES = 300_000
MOST_MAIN_THREAD_S = 3
PHONE = ViewportSize(width=412, height=915)


@pytest.fixture(scope="module")
async def sheet(browser: Browser) -> AsyncGenerator[Page]:
    """Return the page that all tests use, one after another."""
    context = await browser.new_context(
        viewport=PHONE, timezone_id="Europe/Amsterdam", reduced_motion="reduce"
    )
    yield await context.new_page()
    await context.close()


@pytest.fixture
async def page(sheet: Page) -> AsyncGenerator[Page]:
    """Return an empty page with the card, which must not report an error by the end of the test."""
    errors: list[str] = []
    sheet.once("pageerror", lambda error: errors.append(error.message))
    await sheet.set_viewport_size(PHONE)
    await open_page(sheet)
    yield sheet
    assert errors == []


async def text(page: Page, name: str) -> str:
    """Return what a part of the card says."""
    return await page.locator(f"facial-therapy-card .{name}").inner_text()


# --- what it looks like ---------------------------------------------------------------------------


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("language", ["en"])
async def test_no_moment_violates_accessibility(
    browser: Browser,
    dark: bool,
    language: str,
) -> None:
    context = await browser.new_context(
        viewport={"width": 412, "height": 915},
        timezone_id="Europe/Amsterdam",
        reduced_motion="reduce",
    )
    page = await context.new_page()
    await open_page(page, dark=dark)
    for moment in MOMENTS.values():
        await show(page, moment, dark=dark, language=language)
    for tag, cards in CARDS.items():
        for moment in cards.values():
            await show(page, moment, dark=dark, language=language, tag=tag)
    await page.wait_for_timeout(500)
    await page.add_script_tag(path=AXE)
    found = await page.evaluate(
        "axe.run(document.querySelector('main'),"
        " {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})"
    )
    await context.close()
    assert [
        (violation["id"], [node["failureSummary"] for node in violation["nodes"]][:3])
        for violation in found["violations"]
    ] == []
    assert len(found["passes"]) > 5


async def test_no_moment_is_wider_than_its_place_and_every_button_is_big_enough(page: Page) -> None:
    for moment in MOMENTS.values():
        await show(page, moment)
    for tag, cards in CARDS.items():
        for moment in cards.values():
            await show(page, moment, tag=tag)
    measure = """async ([columns, least]) => {
        document.querySelector("main").style = `--columns: ${columns}`;
        await new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)));
        const wrong = document.documentElement.scrollWidth > innerWidth ? ["the page"] : [];
        for (const card of document.querySelectorAll("main > *")) {
            const place = card.getBoundingClientRect();
            for (const part of card.shadowRoot.querySelectorAll(".card *:not(.said)")) {
                const box = part.getBoundingClientRect();
                if (!box.width) continue;
                if (box.left < place.left - 1 || box.right > place.right + 1)
                  wrong.push(`outside: ${part.className || part.localName}`);
                if (!part.matches("button, select")) continue;
                if (Math.min(box.width, box.height) < least)
                  wrong.push(`small: ${part.className || part.name}`);
                if (part.scrollWidth > part.clientWidth + 1)
                  wrong.push(`cut off: ${part.textContent}`);
            }
        }
        return wrong;
    }"""
    for width, columns in ((280, 1), (320, 1), (412, 1), (1440, 1), (1360, 4)):
        await page.set_viewport_size({"width": width, "height": 915})
        assert await page.evaluate(measure, [columns, LEAST_PX]) == [], (width, columns)


async def test_stop_is_there_at_every_moment_and_needs_one_press(page: Page) -> None:
    for name, device in MOMENTS.items():
        if device is None:
            continue
        await page.evaluate("calls.length = 0")
        await show(page, device)
        await page.locator("facial-therapy-card").last.get_by_role("button", name="Stop").click()
        assert [
            "facial_therapy",
            "stop_session",
            {},
            {"device_id": device["device_id"]},
            False,
        ] in await calls(page), name


async def test_the_ring_counts_down_by_the_clock_of_the_server(page: Page) -> None:
    """The browser's own clock is of another year here: it is not asked."""
    await show(page, MOMENTS["running"])
    await expect(page.locator("facial-therapy-card .time")).to_have_text("6:52")
    assert await text(page, "note") == "Ends at 21:10"
    assert await text(page, "lease") == "Stops by itself at 21:04:14"
    await expect(page.locator("facial-therapy-card .time")).to_have_text("6:50")
    share = await page.evaluate(
        "shown.card.shadowRoot.querySelector('.arc').style.strokeDashoffset / (2 * Math.PI * 104)"
    )
    assert 1 - share == pytest.approx(410 / 600, abs=0.01)


async def test_every_state_is_named(page: Page) -> None:
    words = {
        "ready": "Ready", "refused": "Not ready", "waiting": "Waiting", "armed": "Armed",
        "ramping": "Starting gently", "running": "Running",
        "suspended": "Interrupted", "paused": "Paused", "stopping": "Stopping",
        "lost": "No answer", "fault": "Too hot", "off": "Switched off",
        "unavailable": "Not available", "empty": "Nothing here yet",
    }  # fmt: skip
    for name, word in words.items():
        await show(page, MOMENTS[name])
        await expect(page.locator("facial-therapy-card").last.locator(".phase")).to_have_text(word)


async def test_when_the_lease_of_a_lost_device_is_over_it_is_dark(page: Page) -> None:
    await show(
        page, mask(state="lost", connected=False, lease_ends_at=NOW + 0.5, session=session())
    )
    await expect(page.locator("facial-therapy-card .lease")).to_have_text(
        "Dark since 21:04:05 at the latest"
    )


async def test_a_refusal_is_shown_before_anybody_presses_start(page: Page) -> None:
    await show(page, MOMENTS["not ready"])
    assert "Possible from Wednesday 19:04" in await text(page, "hint")
    assert await text(page, "time") == "Wed 19:04"
    await expect(page.get_by_role("button", name="Start")).to_be_disabled()


async def test_a_refused_choice_shows_its_reason(page: Page) -> None:
    refused = {
        "allowed": False,
        "refusals": [
            {
                "reason": "skin_type",
                "message": "channels.blue is not for this skin type.",
                "allowed_at": None,
            }
        ],
    }
    await show(page, mask(), answer=refused)
    await expect(page.locator("facial-therapy-card .hint")).to_have_text(
        "channels.blue is not for this skin type."
    )
    asked = [
        call
        for call in await calls(page)
        if isinstance(call, dict) and call["type"] == "facial_therapy/check"
    ]
    assert asked == [
        {
            "type": "facial_therapy/check",
            "entry_id": "entry",
            "person": "Ada",
            "program": "fine_lines",
            "language": "en",
        }
    ]


async def test_a_private_reason_of_a_person_is_not_shown(page: Page) -> None:
    await show(
        page,
        mask(
            may_control=False, refusals=[{"reason": "personal", "message": "", "allowed_at": None}]
        ),
    )
    assert "Their settings say why" in await text(page, "hint")


async def test_in_another_language_and_from_right_to_left(page: Page) -> None:
    await show(
        page,
        MOMENTS["running"],
        language="de",
        german={"stop": "Stopp", "lease": "Stoppt von selbst um {time}"},
    )
    await expect(page.get_by_role("button", name="Stopp")).to_be_visible()
    assert await text(page, "lease") == "Stoppt von selbst um 21:04:14"
    await show(page, MOMENTS["running"], language="he", rtl=True)
    card = page.locator("facial-therapy-card").last
    await expect(card.locator(".card")).to_have_attribute("dir", "rtl")
    pause, stop = [
        await card.get_by_role("button", name=name).bounding_box() for name in ("Pause", "Stop")
    ]
    assert pause is not None
    assert stop is not None
    assert pause["x"] > stop["x"]


# --- what it does ---------------------------------------------------------------------------------


async def test_a_session_is_started_by_the_keyboard_alone(page: Page) -> None:
    await show(page, mask())
    await expect(page.locator("facial-therapy-card .time")).to_have_text("10:00")
    for _ in range(3):
        await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    start = [
        "facial_therapy",
        "start_session",
        {"program": "fine_lines", "person": "Ada"},
        {"device_id": "mask"},
        False,
    ]
    await page.wait_for_function("calls.some(call => call[1] === 'start_session')")
    assert start in await calls(page)
    await feed(page, state="armed", session=session(window_ends_at=NOW + 60))
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_function("calls.some(call => call[1] === 'stop_session')")


async def test_another_program_and_person_are_chosen_for_the_device(page: Page) -> None:
    await show(page, mask())
    await page.get_by_label("Program").select_option("uneven_tone")
    await page.get_by_label("For").select_option("Grace")
    await page.get_by_role("button", name="Start").click()
    assert [
        "select",
        "select_option",
        {"option": "uneven_tone"},
        {"entity_id": "select.mask_program"},
        False,
    ] in await calls(page)
    assert [
        "facial_therapy",
        "start_session",
        {"program": "uneven_tone", "person": "Grace"},
        {"device_id": "mask"},
        False,
    ] in await calls(page)


async def test_what_is_set_by_hand_is_started_by_its_switch(page: Page) -> None:
    await show(page, mask(program="manual"))
    await page.get_by_role("button", name="Start").click()
    assert ["switch", "turn_on", {}, {"entity_id": "switch.mask_session"}, False] in await calls(
        page
    )


async def test_a_device_that_is_off_is_waited_for(page: Page) -> None:
    await show(page, MOMENTS["off"])
    await page.get_by_role("button", name="Start when it is on").click()
    [start] = [call for call in await calls(page) if "start_session" in call]
    assert start[2] == {"program": "fine_lines", "person": "Ada", "wait": {"minutes": 30}}


@pytest.mark.parametrize(
    ("moment", "button", "call"),
    [
        ("running", "Pause", ["facial_therapy", "pause_session", {}, {"device_id": "mask"}, False]),
        (
            "paused",
            "Resume",
            ["facial_therapy", "resume_session", {}, {"device_id": "mask"}, False],
        ),
        (
            "suspended",
            "Resume",
            ["facial_therapy", "resume_session", {}, {"device_id": "mask"}, False],
        ),
        (
            "fault",
            "Clear the fault",
            ["button", "press", {}, {"entity_id": "button.mask_confirm"}, False],
        ),
    ],
)
async def test_the_other_buttons_do_what_they_say(
    page: Page, moment: str, button: str, call: list[Any]
) -> None:
    await show(page, MOMENTS[moment])
    await page.get_by_role("button", name=button).click()
    assert call in await calls(page)


async def test_what_is_refused_is_said_and_announced(page: Page) -> None:
    await show(
        page,
        mask(),
        fail={
            "code": "service_validation_error",
            "message": "The device is charging. Unplug it first.",
        },
        answer={**ALLOWED},
    )
    await page.get_by_role("button", name="Start").click()
    await expect(page.get_by_role("alert")).to_have_text("The device is charging. Unplug it first.")


async def test_a_stop_that_nobody_hears_is_sent_again_once_home_assistant_is_back(
    page: Page,
) -> None:
    await show(page, MOMENTS["running"], fail=3)
    await page.evaluate("shown.fire('disconnected')")
    await expect(page.locator("facial-therapy-card .phase")).to_have_text("No connection")
    assert await text(page, "lease") == "Stops by itself at 21:04:14"
    await page.get_by_role("button", name="Stop").click()
    await expect(page.locator("facial-therapy-card .hint")).to_contain_text(
        "Take the device off now"
    )
    await page.evaluate("calls.length = 0; shown.fire('ready')")
    await page.wait_for_function("calls.some(call => call[1] === 'stop_session')")


async def test_somebody_who_may_only_look_sees_only_stop(page: Page) -> None:
    for moment in ("ready", "running", "paused", "fault"):
        device = MOMENTS[moment]
        assert device is not None
        await show(page, {**device, "may_control": False})
        card = page.locator("facial-therapy-card").last
        await expect(card.get_by_role("button")).to_have_text(["Stop"])
        await expect(card.get_by_role("combobox")).to_have_count(0)
    assert not [
        call
        for call in await calls(page)
        if isinstance(call, dict) and call["type"].endswith("check")
    ]


async def test_phases_are_spoken_and_seconds_are_not(page: Page) -> None:
    await show(page, mask())
    await page.evaluate(
        """() => {
            window.spoken = [];
            const region = shown.card.shadowRoot.querySelector("[role=status]");
            new MutationObserver(() => spoken.push(region.textContent))
              .observe(region, {childList: true, characterData: true, subtree: true});
        }"""
    )
    await feed(page, state="armed", session=session(window_ends_at=NOW + 60))
    await page.wait_for_timeout(1100)
    await feed(page, state="running", worn=True, session=RUNNING)
    await page.wait_for_timeout(1100)
    await feed(page, state="paused", session=session(phase=None, left_s=400, kept_until=NOW + 600))
    await page.wait_for_timeout(100)
    assert await page.evaluate("spoken") == ["Armed. Put the mask on", "Running", "Paused"]


async def test_two_cards_share_one_subscription(page: Page) -> None:
    await show(page, mask())
    await page.evaluate(
        """() => {
            const card = document.createElement("facial-therapy-card");
            card.setConfig({});
            document.querySelector("main").append(card);
            card.hass = {...shown.card.hass, ...window.shown.hass};
        }"""
    )
    assert (
        len(
            [
                call
                for call in await calls(page)
                if isinstance(call, dict) and call["type"] == "facial_therapy/subscribe"
            ]
        )
        == 1
    )


async def test_a_wrong_configuration_is_refused_by_name(page: Page) -> None:
    said = await page.evaluate(
        "(() => { try { document.createElement('facial-therapy-card').setConfig({device: 7}); }"
        " catch (error) { return error.message; } })()"
    )
    assert said.startswith("device:")


@pytest.mark.parametrize(
    ("script", "tag"),
    [
        ("facial-therapy-card.js", "facial-therapy-card"),
        ("facial-therapy-dashboard.js", "ll-strategy-dashboard-facial-therapy"),
    ],
)
async def test_nothing_is_defined_before_home_assistant_has_its_own_registry(
    browser: Browser, script: str, tag: str
) -> None:
    """Define a custom element only once: on a busy machine the registry finds it too late."""
    page = await browser.new_page()
    await serve(
        page, "<!doctype html><html lang=en><body><home-assistant></home-assistant></body></html>"
    )
    await page.evaluate("""() => {
        const own = new Map();
        window.replace = () => {
            const define = customElements.define.bind(customElements);
            customElements.get = name => own.get(name);
            customElements.define = (name, type) => { own.set(name, type); define(name, type); };
            customElements.define("home-assistant", class extends HTMLElement {});
        };
    }""")
    await page.add_script_tag(url=f"{PLACE}{script}", type="module")
    await page.wait_for_timeout(300)
    await page.evaluate("replace()")
    await page.wait_for_function("tag => Boolean(customElements.get(tag))", arg=tag)
    await page.close()


# --- a person's week and evening ------------------------------------------------------------------


async def test_a_week_is_drawn_and_said(page: Page) -> None:
    await show(page, WEEKS["week"], tag="facial-therapy-week-card")
    card = page.locator("facial-therapy-week-card")
    days = card.locator(".light .days li")
    await expect(days).to_have_count(7)
    await expect(days.nth(1).locator(".said")).to_have_text("Tuesday, 28 J/cm², today")
    await expect(days.nth(1).locator(".bar")).to_have_count(3)
    await expect(days.nth(3).locator(".said")).to_have_text("Thursday, 0 J/cm², planned")
    await expect(card.locator(".charge .days li").first.locator(".said")).to_have_text(
        "Monday, 0.81 mA·min"
    )
    weeks = card.locator(".light-weeks .days li")
    await expect(weeks).to_have_count(12)
    await expect(weeks.last.locator(".said")).to_have_text("Nov 23, 61.6 J/cm²")
    await expect(weeks.last.locator(".bar")).to_have_count(3)
    await expect(card.locator(".charge-weeks .days li").nth(3).locator(".said")).to_have_text(
        "Sep 28, 3.36 mA·min"
    )
    meter = card.locator(".meters li").nth(1)
    await expect(meter).to_contain_text("Light in a week73.9 of 200 J/cm²")
    assert await meter.locator(".fill").evaluate(
        "bar => bar.offsetWidth / bar.parentElement.offsetWidth"
    ) == pytest.approx(73.9 / 200, abs=0.01)
    await expect(card.locator(".sessions li").first).to_contain_text("12\u201328 of 33.6 J/cm²")


async def test_a_week_of_somebody_else_is_not_shown_and_says_why(page: Page) -> None:
    await show(page, WEEKS["private"], tag="facial-therapy-week-card")
    await expect(page.locator("facial-therapy-week-card .hint")).to_have_text(
        "Only the person and admins see this."
    )
    await expect(page.locator("facial-therapy-week-card .charts")).to_be_hidden()


async def test_a_step_is_confirmed_skipped_and_stopped(page: Page) -> None:
    await show(page, ROUTINES["by hand"], tag="facial-therapy-routine-card")
    card = page.locator("facial-therapy-routine-card")
    await expect(card.locator(".say")).to_have_text("Cleanse your face")
    await expect(card.locator(".next")).to_have_text("Next: Wand")
    for name, action in (("Done", "confirm_step"), ("Skip", "skip_step"), ("Stop", "stop_routine")):
        await card.get_by_role("button", name=name).click()
        assert ["facial_therapy", action, {"person": "Ada"}, None, False] in await calls(page)


@pytest.mark.parametrize("name", ["due", "over", "private", "nobody"])
async def test_with_no_routine_stop_stops_everything(page: Page, name: str) -> None:
    await show(page, ROUTINES[name], tag="facial-therapy-routine-card")
    await page.get_by_role("button", name="Stop").click()
    assert ["facial_therapy", "stop_all", {}, None, False] in await calls(page)


async def test_a_step_counts_down_by_the_clock_of_the_server(page: Page) -> None:
    await show(page, ROUTINES["running"], tag="facial-therapy-routine-card")
    await expect(page.locator("facial-therapy-routine-card .time")).to_have_text("3:07")
    await expect(page.locator("facial-therapy-routine-card .time")).to_have_text("3:05")
    await expect(page.get_by_role("button", name="Done")).to_have_count(0)


async def test_a_routine_begins_with_one_press_when_it_is_due(page: Page) -> None:
    await show(page, ROUTINES["due"], tag="facial-therapy-routine-card")
    await expect(page.locator("facial-therapy-routine-card .say")).to_have_text(
        "Your evening is due."
    )
    await page.get_by_role("button", name="Begin the evening").click()
    assert ["facial_therapy", "start_routine", {"person": "Ada"}, None, False] in await calls(page)


async def test_with_nothing_due_it_says_what_comes_next_and_does_not_call(page: Page) -> None:
    card = page.locator("facial-therapy-routine-card").last
    begin = card.get_by_role("button", name="Begin the evening")
    await show(page, ROUTINES["not due"], tag="facial-therapy-routine-card")
    await expect(card.locator(".say")).to_have_text("Nothing is due now.")
    await expect(card.locator(".next")).to_have_text("Next: Thu 21:00")
    await expect(card.locator(".then")).to_have_text("2 of 4 planned sessions done")
    await expect(begin).to_have_css("background-color", "rgba(0, 0, 0, 0)")
    await show(page, ROUTINES["due"], tag="facial-therapy-routine-card")
    await expect(card.locator(".next")).to_be_hidden()
    await expect(begin).not_to_have_css("background-color", "rgba(0, 0, 0, 0)")
    await show(page, ROUTINES["no plan"], tag="facial-therapy-routine-card")
    await expect(card.locator(".next")).to_be_hidden()
    await expect(card.locator(".then")).to_be_hidden()


# --- what it costs --------------------------------------------------------------------------------


def imported(script: Path) -> set[Path]:
    """Return a file with everything that it loads."""
    files, new = set[Path](), {script}
    while new:
        files |= new
        new = {
            script.parent / name
            for file in new
            for name in re.findall(r"^import [^;]*?\"\./([^\"]*)\"", file.read_text(), re.MULTILINE)
        } - files
    return files


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_card_is_small_with_everything_that_it_loads(script: str) -> None:
    loaded = {file.name: file.stat().st_size for file in sorted(imported(CARD.parent / script))}
    print(f"\n{script}: {sum(loaded.values())} B: {loaded}")  # noqa: T201 - the figure
    assert sum(loaded.values()) <= MOST_BYTES


def test_every_file_is_short_and_of_a_card() -> None:
    files = set(CARD.parent.glob("*.js"))
    assert files == {file for script in SCRIPTS for file in imported(CARD.parent / script)}
    assert [file.name for file in files if len(file.read_text().splitlines()) > MOST_LINES] == []
    print(f"\nall cards and the dashboard: {sum(file.stat().st_size for file in files)} B")  # noqa: T201 - the figure


def test_every_word_of_a_card_is_used() -> None:
    """What a key is made of at run time, such as `state_${state}`, stands for all that begin so."""
    scripts = "".join(path.read_text() for path in CARD.parent.glob("*.js"))
    whole = {
        text.removeprefix("card_").removeprefix("dashboard_")
        for text in re.findall(r"[\"`]([a-z_]+)[\"`]", scripts)
    }
    begun = {text.removeprefix("card_") for text in re.findall(r"`([a-z_]+_)\$\{", scripts)}
    known = {key.rpartition(".")[2] for key in WORDS}
    ours = {
        key.removeprefix("card_").removeprefix("dashboard_")
        for key in known
        if key.startswith(("card_", "dashboard_"))
    }
    assert {key for key in ours if key not in whole and not key.startswith(tuple(begun))} == set()


def test_every_word_that_a_card_says_is_there() -> None:
    known = {key.rpartition(".")[2] for key in WORDS}
    for script, prefix in (
        ("facial-therapy-card", "card"),
        ("look", "card"),
        ("week", "card"),
        ("routine", "card"),
        ("facial-therapy-dashboard", "dashboard"),
    ):
        said = re.findall(r"\bwords\(\"([a-z_]+)\"", (CARD.parent / f"{script}.js").read_text())
        assert said
        assert {f"{prefix}_{key}" for key in said} - known == set()


def test_it_asks_nothing_of_anybody_else() -> None:
    for script in CARD.parent.glob("*.js"):
        words = script.read_text()
        assert set(re.findall(r"import [^;]*?\"([^\"]*)\"", words)) <= {
            f"./{other.name}" for other in CARD.parent.glob("*.js")
        }
        assert "fetch(" not in words
        assert {word for word in words.split('"') if word.startswith("http")} <= {
            "https://github.com/facial-therapy/facial-therapy"
        }


# Tells the newest card something every second, as Home Assistant does at most.
TELLING = """([now, moment]) => {
    let second = 0;
    setInterval(() => {
        second++;
        const flowing = second % 600;
        const session = {
          ...moment.session, ends_at: now + second - flowing + 600, zone: Math.floor(flowing / 60)};
        shown.feed({now: now + second, devices: {entry: {
          session, lease_ends_at: now + second + 9, temperature_c: 33 + flowing % 5}}});
    }, 1000);
}"""


async def test_an_hour_leaves_nothing_behind(browser: Browser) -> None:
    context = await browser.new_context(viewport=PHONE)
    page = await context.new_page()
    await page.clock.install(time=NOW)
    await open_page(page)
    await show(page, MOMENTS["running"])
    await page.evaluate(TELLING, [NOW, MOMENTS["running"]])
    devtools = await context.new_cdp_session(page)

    async def heap_bytes() -> int:
        await devtools.send("HeapProfiler.collectGarbage")
        return int((await devtools.send("Runtime.getHeapUsage"))["usedSize"])

    await page.clock.run_for(60_000)
    before = await heap_bytes()
    for _ in range(HOUR_S // 60):
        await page.clock.run_for(60_000)
    growth = await heap_bytes() - before
    await context.close()
    print(f"\n{HOUR_S / 60:.0f} min of a running session: heap {before} B, grown by {growth} B")  # noqa: T201 - the figure
    assert growth < MOST_GROWTH_BYTES


async def busy_s(devtools: CDPSession) -> float:
    """Return for how long the page's main thread was busy, by the thread's own clock."""
    metrics = (await devtools.send("Performance.getMetrics"))["metrics"]
    return float(next(metric["value"] for metric in metrics if metric["name"] == "TaskDuration"))


async def test_a_running_session_leaves_the_page_its_time(page: Page) -> None:
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    await show(page, MOMENTS["running"])
    await page.evaluate(TELLING, [NOW, MOMENTS["running"]])
    await page.wait_for_timeout(500)
    before_s = await busy_s(devtools)
    await page.wait_for_timeout(1000 * MEASURED_S)
    per_minute_s = (await busy_s(devtools) - before_s) * 60 / MEASURED_S
    await devtools.detach()
    print(  # noqa: T201 - the figure
        f"\na running session: {1000 * per_minute_s:.0f} ms of the main thread per minute,"
        f" measured over {MEASURED_S} s"
    )
    assert per_minute_s < MOST_MAIN_THREAD_S

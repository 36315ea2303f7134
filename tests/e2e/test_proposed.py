"""Automations around a session: one proposes it to a real phone, another one dims a lamp."""

import asyncio
from collections.abc import AsyncGenerator, Callable
import contextlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from tests.real import flows, lamp
from tests.real.household import DOMAIN, Household
from tests.real.messages import Messages
from tests.real.session import PERSON, pace, wait_ready
from tests.real.timeline import Timeline
from tests.real.trial import DURATION_S, LEVELS, MANUAL, measure, planned_doses, put_on
from tests.real.watch import now_ns

WHO = PERSON["mask"]
PHONE = "Pocket"
HOME_ZONE = ZoneInfo("Europe/Amsterdam")
# Until the automation that waits for its time has been loaded.
AHEAD_S = 6
# More than from a worn edge to output.
QUIET_S = 4
# The recorder writes once a second, and tells nobody.
WRITTEN_S = 2
BRIGHT, DIM = 200, 26
QUESTION = {
    "title": "Facial Therapy",
    "message": "Mask now? Yes also says that your skin is fine today.",
}

type Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Phone:
    """A phone with the app: asked through its open websocket, answering through its webhook."""

    url: str
    webhook_id: str
    pushed: asyncio.Queue[Any]

    async def asked(self, timeout_s: float = AHEAD_S + 10) -> dict[str, str]:
        """Wait for a question, return what a press of each of its buttons is called."""
        async with asyncio.timeout(timeout_s):
            push = await self.pushed.get()
        assert {part: push[part] for part in QUESTION} == QUESTION
        assert push["data"]["visibility"] == "private"
        return {button["title"]: button["action"] for button in push["data"]["actions"]}

    async def press(self, action: str) -> None:
        """Press a button."""
        body = {
            "type": "fire_event",
            "data": {
                "event_type": "mobile_app_notification_action",
                "event_data": {"action": action},
            },
        }
        async with (
            aiohttp.ClientSession(self.url) as session,
            session.post(f"/api/webhook/{self.webhook_id}", json=body) as response,
        ):
            response.raise_for_status()


@pytest.fixture(scope="module")
async def registered(household: Household) -> str:
    """Register the phone, choose it as the person's notification target; return its webhook."""
    registration = {
        "device_id": "pocket",
        "app_id": "io.robbie.HomeAssistant",
        "app_name": "Home Assistant",
        "app_version": "2026.10",
        "device_name": PHONE,
        "manufacturer": "Maker",
        "model": "Model",
        "os_name": "iOS",
        "os_version": "26",
        "supports_encryption": False,
        "app_data": {"push_websocket_channel": True},
    }
    household.home.phones = True
    await household.home.restart()
    webhook_id: str = (
        await household.home.request("POST", "/api/mobile_app/registrations", registration)
    )["webhook_id"]
    async with household.messages() as messages:
        await messages.wait_any(lambda state: state["entity_id"] == f"notify.{PHONE.lower()}")
        entry_id = next(
            entry["entry_id"]
            for entry in await flows.entries(messages, DOMAIN)
            if entry["title"] == WHO
        )
    menu = flows.expect(
        await flows.begin(household.home, DOMAIN, entry_id=entry_id), "menu", "reconfigure"
    )
    form = flows.expect(
        await flows.submit(household.home, menu, {"next_step_id": "details"}), "form", "details"
    )
    details = {"name": WHO, "notify": f"notify.{PHONE.lower()}", "person": "person.demo"}
    flows.expect(await flows.submit(household.home, form, details), "abort")
    return webhook_id


@contextlib.asynccontextmanager
async def _phone(
    household: Household, messages: Messages, webhook_id: str
) -> AsyncGenerator[Phone]:
    """Open the app."""
    async with messages.subscribe(
        "mobile_app/push_notification_channel", webhook_id=webhook_id
    ) as pushed:
        yield Phone(household.home.url, webhook_id, pushed)


@pytest.fixture
async def phone(household: Household, messages: Messages, registered: str) -> AsyncGenerator[Phone]:
    """Return the phone with the app open."""
    await wait_ready(household, messages, household.mask)
    async with _phone(household, messages, registered) as phone:
        yield phone


async def _automate(
    household: Household,
    messages: Messages,
    name: str,
    triggers: list[dict[str, Any]],
    actions: list[dict[str, Any]],
) -> None:
    """Add an automation as its editor does, or change it."""
    body = {
        "alias": name,
        "mode": "queued",
        "triggers": triggers,
        "conditions": [],
        "actions": actions,
    }
    async with (
        messages.subscribe("subscribe_events", event_type="automation_reloaded") as reloaded,
        asyncio.timeout(AHEAD_S - 1),
    ):
        await household.home.request("POST", f"/api/config/automation/config/{name}", body)
        await reloaded.get()
    await messages.wait_state(f"automation.{name}", lambda state: state["state"] == "on")


async def _propose_soon(household: Household, messages: Messages) -> datetime:
    """Let an automation propose a session at a time of day some seconds away; return that time."""
    at = (datetime.now(HOME_ZONE) + timedelta(seconds=AHEAD_S)).replace(microsecond=0)
    data = {
        "device_id": household.mask.device_id,
        "person": WHO,
        **MANUAL["mask"],
        "mode": "propose",
    }
    await _automate(
        household,
        messages,
        "evening",
        [{"trigger": "time", "at": at.time().isoformat()}],
        [{"action": "facial_therapy.start_session", "data": data}],
    )
    return at


async def _nothing_starts(household: Household, messages: Messages) -> None:
    """Insist that nothing is armed, and that nothing flows though the mask is put on."""
    since_ns = now_ns()
    await put_on(household.mask, on=True)
    await asyncio.sleep(QUIET_S)
    await household.wait_session(messages, household.mask, "idle")
    assert (await household.witness.above(household.mask.node.name, since_ns)).longest_s == 0
    await put_on(household.mask, on=False)


async def test_nothing_starts_while_nobody_answers_nor_when_it_is_skipped(
    household: Household, messages: Messages, phone: Phone
) -> None:
    await _propose_soon(household, messages)
    buttons = await phone.asked()
    assert list(buttons) == ["Yes", "Later", "Skip"]
    await _nothing_starts(household, messages)
    await phone.press(buttons["Skip"])
    await _nothing_starts(household, messages)
    await phone.press(buttons["Yes"])  # it has been answered
    await _nothing_starts(household, messages)
    assert phone.pushed.empty()


async def test_yes_counts_also_after_a_restart(household: Household, registered: str) -> None:
    mask = household.mask
    async with household.messages() as messages, _phone(household, messages, registered) as phone:
        await wait_ready(household, messages, mask)
        await _propose_soon(household, messages)
        buttons = await phone.asked()
    await household.home.restart()
    async with household.messages() as messages, _phone(household, messages, registered) as phone:
        await wait_ready(household, messages, mask)
        await phone.press(buttons["Yes"])
        await household.wait_session(messages, mask, "armed")
        assert not (await household.witness.level(mask.node.name)).flowing
        await messages.act(f"{DOMAIN}.stop_session", device_id=mask.device_id)
        await household.wait_session(messages, mask, "idle")


async def _dim_while_it_glows(household: Household, messages: Messages, light: str) -> None:
    """Let an automation save and dim the lamp when output begins, and restore it at the end."""
    mask = {"device_id": [household.mask.device_id]}
    began = [
        {"action": "scene.create", "data": {"scene_id": "before", "snapshot_entities": [light]}},
        {"action": "light.turn_on", "target": {"entity_id": light}, "data": {"brightness_pct": 10}},
    ]
    ended = [{"action": "scene.turn_on", "target": {"entity_id": "scene.before"}}]
    await _automate(
        household,
        messages,
        "glow",
        [
            {"trigger": f"{DOMAIN}.session_{name}", "id": name, "target": mask}
            for name in ("started", "ended")
        ],
        [
            {
                "choose": [
                    {"conditions": [{"condition": "trigger", "id": name}], "sequence": does}
                    for name, does in (("started", began), ("ended", ended))
                ]
            }
        ],
    )


async def _transitions(events: asyncio.Queue[Any]) -> AsyncGenerator[tuple[str, str, str | None]]:
    """Yield each transition of a session, by what it came about, and who did it."""
    while True:
        data = (await events.get())["data"]
        yield data["transition"], data["by"], data["user"]


async def test_yes_arms_the_face_starts_the_light_and_the_lamp_is_dimmed_and_restored(
    household: Household, messages: Messages, phone: Phone, say: Say
) -> None:
    begun_at, mask = datetime.now(UTC), household.mask
    light = await lamp.add(household, messages, "Lamp", BRIGHT)
    await _dim_while_it_glows(household, messages, light)
    async with messages.subscribe(
        "subscribe_events", event_type="facial_therapy_transition"
    ) as events:
        transitions = _transitions(events)
        at = await _propose_soon(household, messages)
        buttons = await phone.asked()
        late_s = (datetime.now(UTC) - at).total_seconds()
        say(f"asked {late_s:.2f} s after {at:%H:%M:%S}, the time of the automation")
        assert 0 <= late_s <= 2
        await pace(household, mask)
        since_ns = now_ns()
        await phone.press(buttons["Yes"])
        assert await anext(transitions) == ("armed", "user", "Demo")
        await household.wait_session(messages, mask, "armed")
        await lamp.shines(messages, light, BRIGHT)
        assert not (await household.witness.level(mask.node.name)).flowing

        await put_on(mask, on=True)
        flowing_ns = await household.witness.wait_flowing(mask.node.name, since_ns)
        assert await anext(transitions) == ("started", "device", None)
        await lamp.shines(messages, light, DIM)
        say(f"lamp dimmed {(now_ns() - flowing_ns) / 1e9:.2f} s after output began")
        transition = await asyncio.wait_for(anext(transitions), DURATION_S + 20)
        assert transition == ("ended", "device", None)
        await lamp.shines(messages, light, BRIGHT)
        dark_ns = (await household.witness.level(mask.node.name)).last_zero_ns
        assert dark_ns is not None
        say(f"lamp restored {(now_ns() - dark_ns) / 1e9:.2f} s after output was zero")
        await put_on(mask, on=False)

    trial = await measure(
        household,
        mask,
        "manual",
        planned_doses("mask", LEVELS["mask"], DURATION_S),
        since_ns,
        Timeline(),
    )
    say(f"planned {trial.planned}, witnessed {trial.witnessed} J/cm2 by channel")
    assert trial.disagreements == []
    assert trial.agrees

    await asyncio.sleep(WRITTEN_S)
    entries = [
        (entry.get("name"), entry.get("message"))
        for entry in await messages.call("logbook/get_events", start_time=begun_at.isoformat())
    ]
    assert ("evening", "triggered by time") in entries
    assert [message for name, message in entries if name == "Mask" and message] == [
        "was armed with Manual by Demo",
        "began",
        "ended by the device: Completed",
    ]

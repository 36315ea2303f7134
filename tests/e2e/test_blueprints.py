"""The blueprints in a real Home Assistant: imported, saved, filled in, and run on real nodes."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import Any

from aiohttp import web
import pytest

from tests.real import flows, lamp
from tests.real.configuration import REPOSITORY
from tests.real.household import Household
from tests.real.messages import Messages
from tests.real.session import PERSON, begin, wait_settled
from tests.real.trial import put_on
from tests.real.watch import now_ns

BLUEPRINTS = REPOSITORY / "blueprints/automation/facial_therapy"
NAMES = ("announce", "evening_routine", "reminder", "room_scene", "stop_everything", "tag")
BRIGHT, DIM = 200, 26
# Far above measured times, and far below the lease of a wand.
AT_MOST_S = 2.0

type Say = Callable[[str], None]


@pytest.fixture(scope="module")
async def address() -> AsyncGenerator[str]:
    """Serve the files, return where."""
    application = web.Application()
    application.router.add_static("/", BLUEPRINTS)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    yield f"http://{host}:{port}"
    await runner.cleanup()


async def _make(
    household: Household, messages: Messages, address: str, name: str, inputs: dict[str, Any]
) -> None:
    """Import a blueprint, save it, and make an automation of it as the editor does."""
    found = await messages.call("blueprint/import", url=f"{address}/{name}.yaml")
    assert (found["validation_errors"], found["exists"]) == (None, False)
    assert found["raw_data"] == (BLUEPRINTS / f"{name}.yaml").read_text()
    path = f"facial_therapy/{name}.yaml"
    source_url = (
        f"https://github.com/facial-therapy/facial-therapy/blob/main/blueprints/automation/{path}"
    )
    await messages.call(
        "blueprint/save",
        domain="automation",
        path=path,
        yaml=found["raw_data"],
        source_url=source_url,
    )
    saved = (await messages.call("blueprint/list", domain="automation"))[path]
    assert saved["metadata"]["source_url"] == source_url
    async with (
        messages.subscribe("subscribe_events", event_type="automation_reloaded") as reloaded,
        asyncio.timeout(10),
    ):
        # Someone who switches one off has it on again after a restart.
        body = {
            "alias": name,
            "initial_state": True,
            "use_blueprint": {"path": path, "input": inputs},
        }
        await household.home.request("POST", f"/api/config/automation/config/{name}", body)
        await reloaded.get()
    await messages.wait_state(f"automation.{name}", lambda state: state["state"] == "on")


@pytest.fixture(scope="module")
async def made(household: Household, address: str) -> str:
    """Make an automation of every blueprint from the household's parts; return the room's lamp."""
    async with household.messages() as messages:
        light = await lamp.add(household, messages, "Ceiling", BRIGHT)
        room = f"input_text.{(await messages.call('input_text/create', name='Room'))['id']}"
        smoke = (await messages.call("input_boolean/create", name="Smoke"))["id"]
        step = await flows.submit(
            household.home,
            await flows.begin(household.home, "template"),
            {"next_step_id": "binary_sensor"},
        )
        alarm = {
            "name": "Alarm",
            "state": f"{{{{ is_state('input_boolean.{smoke}', 'on') }}}}",
            "device_class": "smoke",
        }
        flows.expect(await flows.submit(household.home, step, alarm), "create_entry")
        await messages.wait_state("binary_sensor.alarm", lambda state: state["state"] == "off")
        tag = await messages.call("tag/create", tag_id="mirror", name="Mirror")
        assert tag["id"] == "mirror"
        plan = f"calendar.{PERSON['mask'].lower()}_plan"
        switches = [
            await household.entity(messages, station, "session", "switch")
            for station in household.stations.values()
        ]
        filled: dict[str, dict[str, Any]] = {
            "announce": {
                "ends": await household.entity(messages, household.wand, "session_ends"),
                "lights": [light],
            },
            "evening_routine": {"plan": plan, "home": ["person.demo"]},
            "reminder": {"plan": plan},
            "room_scene": {"devices": switches, "memory": room, "lights": [light]},
            "stop_everything": {"causes": ["binary_sensor.alarm"]},
            "tag": {"plan": plan, "tag": "tag.mirror"},
        }
        assert tuple(filled) == NAMES
        for name, inputs in filled.items():
            await _make(household, messages, address, name, inputs)
    return light


def _errors(console: Path) -> list[str]:
    """What Home Assistant found wrong with automations and blueprints."""
    lines = console.read_text(errors="replace").splitlines()
    return [
        line
        for line in lines
        if (" ERROR " in line or " WARNING " in line)
        and ("automation" in line or "blueprint" in line)
    ]


@pytest.mark.usefixtures("made")
async def test_all_of_them_are_imported_saved_and_filled_in_without_an_error(
    household: Household, messages: Messages
) -> None:
    states = await messages.states()
    assert {name: states[f"automation.{name}"]["state"] for name in NAMES} == dict.fromkeys(
        NAMES, "on"
    )
    assert {path.stem for path in BLUEPRINTS.glob("*.yaml")} == set(NAMES)
    assert _errors(household.home.log) == []


@pytest.mark.usefixtures("made")
async def test_an_alarm_brings_zero(household: Household, messages: Messages, say: Say) -> None:
    wand = household.wand
    await begin(household, messages, wand)
    called_ns = now_ns()
    await messages.act("input_boolean.turn_on", entity_id="input_boolean.smoke")
    took_s = (await household.witness.wait_dark(wand.node.name, called_ns) - called_ns) / 1e9
    say(f"wand: zero {took_s * 1000:.1f} ms after the alarm")
    assert took_s < AT_MOST_S
    await household.wait_session(messages, wand, "idle")
    assert (await wait_settled(household, wand)).outcome == "stopped"
    await put_on(wand, on=False)


async def test_a_restart_while_a_session_runs_restores_the_room(
    household: Household, made: str, say: Say
) -> None:
    mask = household.mask
    async with household.messages() as messages:
        await lamp.shines(messages, made, BRIGHT)
        await begin(household, messages, mask)
        await lamp.shines(messages, made, DIM)
        assert (await messages.states())["input_text.room"]["state"] == str(BRIGHT)
        async with mask.direct() as direct:  # so much that the session is kept over the restart
            await direct.line("Telemetry", lambda values: int(values["output_ms"]) > 2000)
        # It does not hear the end, as if Home Assistant had gone at once.
        await messages.act("automation.turn_off", entity_id="automation.room_scene")
    cut_ns = now_ns()
    await household.home.restart()
    async with household.messages() as messages:
        await lamp.shines(messages, made, BRIGHT)
        say(
            f"the room is as before {(now_ns() - cut_ns) / 1e9:.0f} s after the restart was ordered"
        )
        await messages.wait_state("input_text.room", lambda state: state["state"] == "")
        await household.wait_session(messages, mask, "suspended", timeout_s=40)
        await messages.act("facial_therapy.stop_session", device_id=mask.device_id)
        await household.wait_session(messages, mask, "idle")
    await put_on(mask, on=False)
    assert _errors(household.home.log) == []

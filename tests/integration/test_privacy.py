"""Health stays private: no screening answer is stored or shown to others."""

from datetime import timedelta
import json
import logging
from pathlib import Path
from typing import Any

from homeassistant.config_entries import SOURCE_USER
from homeassistant.const import MATCH_ALL
from homeassistant.core import Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.json import json_dumps
from homeassistant.util import dt as dt_util
import pytest
from pytest_homeassistant_custom_component.common import async_capture_events
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.facial_therapy.config_flow import ADD_PERSON
from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.gate.screening import Condition, Treatment
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.person import Verdict
from custom_components.facial_therapy.people.registry import find_person
from custom_components.facial_therapy.storage.ledger import LEDGER
from tests.integration.world import World

AGREED = (dt_util.now().date() - timedelta(days=40)).isoformat()
TREATED = (dt_util.now().date() - timedelta(days=5)).isoformat()
ANSWERS = [*Condition, *Treatment]
REPORTS = ["skin_not_fine", "redness", "red_flag"]
VERDICTS = ["screening_blocked", "clinician", "skin_type", "on_hold", '"iv"', "Fitzpatrick"]
SENTENCES = [
    "isotretinoin",
    "Melasma",
    "Pregnan",
    "epilep",
    "Diabet",
    "blister",
    "retina",
    "palpitation",
    "skin type",
    AGREED,
]
"""Words of the questions as people read them, and a date that only a clinician has given."""


@pytest.fixture(name="heard")
async def heard_fixture(hass: HomeAssistant, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Everything that was said on the bus, and the log at its most talkative."""
    caplog.set_level(logging.DEBUG)
    caplog.clear()
    heard: list[str] = []

    @callback
    def listen(event: Event[Any]) -> None:
        heard.append(json_dumps(event.as_dict()))

    hass.bus.async_listen(MATCH_ALL, listen)
    return heard


async def through(hass: HomeAssistant, steps: list[tuple[str, dict[str, Any]]]) -> str:
    """Add somebody by the flow, and return the id of the entry."""
    step = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_USER}, data=ADD_PERSON
    )
    for step_id, answers in steps:
        assert step.get("step_id") == step_id
        step = await hass.config_entries.flow.async_configure(step["flow_id"], answers)
    await hass.async_block_till_done()
    return str(step["result"].entry_id)


async def reconfigure(
    hass: HomeAssistant, entry_id: str, step_id: str, answers: dict[str, Any]
) -> None:
    """Say something in the settings of a person."""
    menu = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": "reconfigure", "entry_id": entry_id}
    )
    step = await hass.config_entries.flow.async_configure(
        menu["flow_id"], {"next_step_id": step_id}
    )
    await hass.config_entries.flow.async_configure(step["flow_id"], answers)
    await hass.async_block_till_done()


async def whole_run(world: World) -> tuple[str, list[str]]:
    """Add a person with many conditions and run sessions; return the entry and all answers."""
    hass, answers = world.hass, []
    eve = await through(
        hass,
        [
            ("person", {"name": "Eve"}),
            (
                "screening",
                {
                    "adult": True,
                    "skin_type": "iv",
                    "conditions": ["diabetes", "past_skin_cancer"],
                    "confirmed": True,
                },
            ),
            ("screening_mask", {"conditions": ["melasma", "tattoo"], "confirmed": True}),
            (
                "screening_wand",
                {"conditions": ["metal_in_face", "heart_condition"], "confirmed": True},
            ),
            ("clinician", {"mask_clinician_on": AGREED, "wand_clinician_on": AGREED}),
        ],
    )
    assert {
        screening.verdict for screening in find_person(hass, "Eve").eligibility.screenings.values()
    } == {Verdict.CLINICIAN}
    await world.coordinator.async_set(person_id=eve)
    world.device.profiles.append(find_person(hass, "Eve").profile)
    world.device.report()
    await world.run(person=find_person(hass, "Eve"))
    await world.coordinator.async_stop()
    world.device.take_off()
    await world.pass_time(6)

    async def ask() -> None:
        """Ask to start, and why not, as an automation does."""
        data = {"device_id": world.device_id, "program": "first_use", "person": "Eve"}
        answers.append(
            json_dumps(
                await hass.services.async_call(
                    DOMAIN, "check_session", data, blocking=True, return_response=True
                )
            )
        )
        blue = {**data, "program": "manual", "channels": {"blue": 1}, "duration_s": 60}
        if world.modality is Modality.MASK:
            answers.append(
                json_dumps(
                    await hass.services.async_call(
                        DOMAIN, "check_session", blue, blocking=True, return_response=True
                    )
                )
            )
        with pytest.raises(HomeAssistantError) as refused:
            await hass.services.async_call(DOMAIN, "start_session", data, blocking=True)
        answers.append(str(refused.value))
        logging.getLogger("homeassistant.components.automation").error(
            "Error while executing automation: %s", refused.value
        )

    for reaction in REPORTS:
        await reconfigure(hass, eve, "report", {"reaction": reaction})
        await ask()
    await reconfigure(
        hass, eve, "block", {"treatments": ["peel", "isotretinoin"], "treated_on": TREATED}
    )
    await ask()
    await reconfigure(hass, eve, "skin_type", {"skin_type": "iv"})
    await hass.services.async_call(
        DOMAIN, "block_person", {"person": "Eve", "days": 3}, blocking=True
    )
    bo = await through(
        hass,
        [
            ("person", {"name": "Bo"}),
            (
                "screening",
                {
                    "adult": True,
                    "skin_type": "iv",
                    "conditions": ["epilepsy", "pregnancy"],
                    "confirmed": True,
                },
            ),
            ("screening_mask", {"conditions": ["retinal_disease"], "confirmed": True}),
            ("screening_wand", {"conditions": ["implanted_electronics"], "confirmed": True}),
        ],
    )
    await world.coordinator.async_set(person_id=bo)
    await world.pass_time(2)
    return eve, answers


@pytest.mark.parametrize("modality", list(Modality))
async def test_no_answer_about_health_is_found_anywhere(
    world: World,
    heard: list[str],
    caplog: pytest.LogCaptureFixture,
    hass_client: ClientSessionGenerator,
    tmp_path: Path,
) -> None:
    hass = world.hass
    notified = async_capture_events(hass, "call_service")
    eve, answers = await whole_run(world)
    diagnostics = [
        await get_diagnostics_for_config_entry(hass, hass_client, entry)
        for entry in hass.config_entries.async_entries(DOMAIN)
    ]
    for days in (76, 91):  # the reminder and the repair of a screening
        world.freezer.tick(timedelta(days=days))
        await world.pass_time(1)
    history = await hass.services.async_call(
        DOMAIN, "get_history", {"person": "Eve"}, blocking=True, return_response=True
    )

    everything = {
        "states and attributes": [json_dumps(state.as_dict()) for state in hass.states.async_all()],
        "events": heard,
        "log": [
            record.getMessage() + str(record.exc_text or "")
            for record in caplog.records
            if not record.name.startswith("tests")
        ],
        "answers to callers": answers,
        "diagnostics": [json.dumps(each) for each in diagnostics],
        "repairs": [
            f"{issue.issue_id} {issue.translation_placeholders}"
            for issue in ir.async_get(hass).issues.values()
        ],
        "notifications": [json_dumps(event.as_dict()) for event in notified],
        "export": [json.dumps(hass.data[LEDGER].export(eve), default=str), json_dumps(history)],
        "ledger": [await hass.async_add_executor_job((tmp_path / "ledger").read_text)],
    }
    assert all(
        everything[place]
        for place in (
            "states and attributes",
            "events",
            "log",
            "answers to callers",
            "diagnostics",
            "repairs",
            "export",
            "ledger",
        )
    )
    forbidden = [str(word) for word in (*ANSWERS, *REPORTS, *VERDICTS, *SENTENCES, TREATED)]
    found = {
        (place, word, text[max(0, text.find(word) - 80) : text.find(word) + 40])
        for place, texts in everything.items()
        for text in texts
        for word in forbidden
        if word in text
    }
    assert not found


async def test_an_entry_keeps_the_verdicts_and_no_answer(world: World, heard: list[str]) -> None:
    eve, _ = await whole_run(world)
    kept = json_dumps(world.hass.config_entries.async_get_known_entry(eve).as_dict())
    assert AGREED in kept  # the only thing of a clinician's word that is kept
    assert not [str(word) for word in ANSWERS if str(word) in kept]
    assert TREATED not in kept
    assert not [word for word in ANSWERS if any(word in text for text in heard)]

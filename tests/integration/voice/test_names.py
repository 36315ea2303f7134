"""Custom programs and routines are called by their name, and hide no other sentence."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.conversation.agent_manager import get_agent_manager
from homeassistant.const import EVENT_CALL_SERVICE
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.facial_therapy.const import DOMAIN
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.routine.transitions import RoutineState
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.voice.understand import LANGUAGES
from tests.integration.house import House, furnished
from tests.integration.made import make_program, make_routine
from tests.integration.voice.phrases import CUSTOM_ROUTINE, PROPOSING
from tests.integration.voice.test_sentences import say
from tests.integration.world import person_entry

MASK, WAND = Modality.MASK, Modality.WAND


@pytest.fixture
async def house(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> AsyncGenerator[House]:
    """A house that listens, with a mask, a wand and Ada."""
    freezer.move_to("2026-11-24T19:00:00+00:00")
    for integration in ("homeassistant", "conversation"):
        assert await async_setup_component(hass, integration, {})
    async with furnished(hass, freezer, tmp_path) as house:
        yield house


async def eve(house: House) -> MockConfigEntry:
    """Add Eve, whom both devices know."""
    entry = person_entry("Eve", 815)
    entry.add_to_hass(house.hass)
    assert await house.hass.config_entries.async_setup(entry.entry_id)
    await house.hass.async_block_till_done()
    for device in house.devices.values():
        device.profiles.append(815)
        device.report()
    return entry


def armed(house: House, modality: Modality = MASK) -> tuple[str, str] | None:
    """Whose session of which program waits to be put on."""
    live = house.coordinator(modality).live
    return None if live is None else (live.person.name, live.program)


def listened_to(house: House, word: str) -> bool:
    """Whether a word is in a sentence of ours."""
    return any(word in sentence for sentence in get_agent_manager(house.hass).trigger_sentences)


async def test_a_name_is_understood_from_its_creation_until_it_is_changed_or_removed(
    house: House,
) -> None:
    assert "Put it on before" not in await say(house, "start evening calm")
    subentry = make_program(house, "Evening calm")
    assert (
        await say(house, "start evening calm")
        == "Mask is ready for Ada. Put it on before 11:01 to begin."
    )
    assert armed(house) == ("Ada", "Evening calm")
    assert house.flowing == set()
    await say(house, "stop")
    house.hass.config_entries.async_update_subentry(house.person, subentry, title="Morning glow")
    assert not listened_to(house, "evening calm")
    await say(house, "start the mask with morning glow")
    assert armed(house) == ("Ada", "Morning glow")
    await say(house, "stop")
    house.hass.config_entries.async_remove_subentry(house.person, subentry.subentry_id)
    assert not listened_to(house, "morning glow")
    assert "Put it on before" not in await say(house, "start morning glow")


async def test_a_name_means_what_the_one_has_made_for_whom_it_is_said(house: House) -> None:
    other = await eve(house)
    make_program(house, "Calm")
    make_program(house, "CALM", WAND, person=other)
    assert await say(house, "start calm") == "Say for whom, with the name."
    await say(house, "start calm for Ada")
    assert (armed(house, MASK), armed(house, WAND)) == (("Ada", "Calm"), None)
    await say(house, "stop")
    await house.pass_time(600, 10)  # between two people
    await say(house, "start calm for Eve")
    assert (armed(house, MASK), armed(house, WAND)) == (None, ("Eve", "CALM"))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_an_unknown_custom_name_and_a_program_of_the_other_device_are_explained(
    house: House, language: str
) -> None:
    other = await eve(house)
    make_program(house, "Calm")
    make_routine(house, "Reset")
    make_program(house, "Reset", person=other)
    said = {
        "en": {
            "start calm for Eve": "Eve has nothing that is called calm.",
            "start the routine reset for Eve": "Eve has nothing that is called reset.",
            "start calm on the wand for Ada": "Calm is no program for Wand.",
            "start uneven tone with the wand for Ada": "Uneven tone is no program for Wand.",
        },
        "de": {
            "starte Calm für Eve": "Eve hat nichts, das calm heißt.",
            "starte die Routine Reset für Eve": "Eve hat nichts, das reset heißt.",
            "starte Calm auf dem Stab für Ada": "Calm ist kein Programm für Wand.",
            "starte ungleichmäßiger Hautton auf dem Stab für Ada": (
                "Ungleichmäßiger Hautton ist kein Programm für Wand."
            ),
        },
    }
    for sentence, answer in said[language].items():
        assert await say(house, sentence, language) == answer
    assert (armed(house, MASK), armed(house, WAND), house.run) == (None, None, None)
    await say(house, "start reset for Ada")  # a program of Eve's, a routine of Ada's
    assert house.run is not None
    assert house.run.routine == "Reset"


@pytest.mark.parametrize(
    "name",
    [
        "Fine lines",
        "feine Linien",
        "Mask",
        "the mask",
        "Ada",
        "please",
        "my session",
        "for me",
        "[(",
        "{x} <device>|(mask",
    ],
)
async def test_a_name_that_means_something_already_or_is_no_word_takes_nothing_away(
    house: House, name: str
) -> None:
    make_program(house, name, WAND)
    make_routine(house, name)
    assert "Put it on before" in await say(
        house, "please start the mask with fine lines for Ada, please"
    )
    assert armed(house) == ("Ada", "fine_lines")
    await say(house, "stop")
    for sentence in ("start the mask", "start my mask session for me"):
        assert "Mask is ready for" in await say(house, sentence)
        assert armed(house) == ("Ada", house.coordinator(MASK).controls.settings.program)
        await say(house, "stop")
    assert "vacuum" in await say(house, "start the vacuum")
    assert house.run is None


async def test_signs_of_a_template_in_a_name_are_left_out_of_it(house: House) -> None:
    make_program(house, "Calm (red) <3 | {x}")
    await say(house, "start calm red 3 x")
    assert armed(house) == ("Ada", "Calm (red) <3 | {x}")


async def test_the_name_of_a_program_does_not_name_a_device_or_a_person(house: House) -> None:
    await eve(house)
    make_program(house, "Eve mask calm", WAND)
    await say(house, "start eve mask calm for Ada")
    assert (armed(house, MASK), armed(house, WAND)) == (None, ("Ada", "Eve mask calm"))


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_custom_routine_starts_by_its_name_and_the_evening_by_its_words(
    house: House, language: str
) -> None:
    make_routine(house, "Sunday reset")
    for sentence in CUSTOM_ROUTINE[language]:
        answer = await say(house, sentence, language)
        print(f"{language} | {sentence} | start_routine | {answer}")  # noqa: T201 - the transcript
        assert house.run is not None
        assert (house.run.routine, house.state()) == ("Sunday reset", RoutineState.HAND)
        await house.act("stop_routine")
    await house.routines.plan.async_choose("fine_lines")
    await say(
        house,
        {"en": "start my evening routine", "de": "starte meine Abendroutine"}[language],
        language,
    )
    assert house.run is not None
    assert house.run.routine == "evening"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_session_is_proposed_by_voice_and_not_armed(house: House, language: str) -> None:
    make_program(house, "Evening calm")
    called: list[dict[str, Any]] = []
    house.hass.bus.async_listen(
        EVENT_CALL_SERVICE,
        lambda event: (
            called.append(dict(event.data["service_data"]))
            if event.data["domain"] == DOMAIN
            else None
        ),
    )
    for sentence in PROPOSING[language]:
        answer = await say(house, sentence, language)
        print(f"{language} | {sentence} | {called[-1]['mode']} {called[-1]['program']} | {answer}")  # noqa: T201
        assert answer == {"en": "Ada is asked.", "de": "Ada wird gefragt."}[language]
        assert (called[-1]["mode"], called[-1]["program"] == "Evening calm") == (
            "propose",
            "calm" in sentence,
        )
    assert len(called) == len(PROPOSING[language])
    assert (house.coordinator(MASK).state, house.coordinator(WAND).state) == (
        SessionState.IDLE,
        SessionState.IDLE,
    )


async def test_a_name_of_nothing_but_words_of_the_sentence_is_not_listened_to(house: House) -> None:
    for name in ("please", "my session program"):
        make_program(house, name, WAND)
    make_program(house, "Calm")
    await say(house, "please start my calm program, please")
    assert (armed(house, MASK), armed(house, WAND)) == (("Ada", "Calm"), None)

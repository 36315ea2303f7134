"""Sentences through Home Assistant's conversation: the action of each, and its answer."""

from collections.abc import AsyncGenerator
from pathlib import Path
import re
from statistics import median
from time import thread_time
from typing import Any

import freezegun
from freezegun.api import FrozenDateTimeFactory
from homeassistant.components.conversation import (
    ConversationInput,
    async_converse,
    async_get_chat_log,
    async_handle_sentence_triggers,
)
from homeassistant.components.conversation.agent_manager import get_agent_manager
from homeassistant.const import EVENT_CALL_SERVICE
from homeassistant.core import Context, HomeAssistant
from homeassistant.helpers.chat_session import async_get_chat_session
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import load_yaml_dict
import pytest

from custom_components.facial_therapy.const import CONF_PERSON, DOMAIN
from custom_components.facial_therapy.core.model import Modality
from custom_components.facial_therapy.core.routine.transitions import RoutineState
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.people.actor import By
from custom_components.facial_therapy.text.translator import async_translator
from custom_components.facial_therapy.voice.understand import LANGUAGES
from tests.integration.house import House, furnished
from tests.integration.made import make_program
from tests.integration.voice.phrases import ARMING, OTHERS, ROUTINE, RUNNING, STOPPING
from tests.integration.world import person_entry

MASK, WAND = Modality.MASK, Modality.WAND
LAMP = "light.bathroom_lamp"


@pytest.fixture
async def house(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, tmp_path: Path
) -> AsyncGenerator[House]:
    """A house that listens, with a mask, a wand, Ada, and an ordinary lamp."""
    freezer.move_to("2026-11-24T19:00:00+00:00")
    for integration in ("homeassistant", "conversation"):
        assert await async_setup_component(hass, integration, {})
    hass.states.async_set(LAMP, "off", {"friendly_name": "Bathroom lamp"})
    async with furnished(hass, freezer, tmp_path) as house:
        yield house


@pytest.fixture
def called(house: House) -> list[dict[str, Any]]:
    """Our actions that were called."""
    calls: list[dict[str, Any]] = []
    house.hass.bus.async_listen(
        EVENT_CALL_SERVICE,
        lambda event: calls.append(dict(event.data)) if event.data["domain"] == DOMAIN else None,
    )
    return calls


async def say(
    house: House, sentence: str, language: str = "en", context: Context | None = None
) -> str:
    """Say a sentence, as the conversation API does, and return the answer."""
    result = await async_converse(
        house.hass, sentence, None, context or Context(), language=language
    )
    await house.hass.async_block_till_done()
    return str(result.response.speech["plain"]["speech"])


async def run(house: House, modality: Modality = MASK) -> None:
    """Let output flow."""
    await arm(house, modality)
    house.devices[modality].put_on()
    await house.pass_time(10)
    assert house.coordinator(modality).state is SessionState.RUNNING


async def arm(house: House, modality: Modality = MASK) -> None:
    device = house.coordinator(modality).device_entry
    assert device is not None
    await house.act("start_session", device_id=device.id, program="fine_lines")


async def answer_of(house: House, key: str, language: str) -> str:
    """What every answer of a kind begins with."""
    words = await async_translator(house.hass, language)
    return str(words.texts[f"component.{DOMAIN}.common.voice_{key}"])


def fits(answer: str, template: str) -> bool:
    """Tell whether an answer is one of a template, by what stands around its names."""
    parts = [part.split("}", 1)[-1] for part in template.split("{")]
    return all(part in answer for part in parts)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_at_least_sixty_phrasings_do_what_they_say(
    house: House, called: list[dict[str, Any]], language: str
) -> None:
    make_program(house, "Evening calm")
    said = 0

    async def hear(sentence: str, *actions: str) -> str:
        nonlocal said
        called.clear()
        answer = await say(house, sentence, language)
        done = [call["service"] for call in called]
        print(f"{language} | {sentence} | {', '.join(done) or '-'} | {answer}")  # noqa: T201 - the transcript
        assert tuple(done) == actions, (sentence, answer)
        said += 1
        return answer

    for sentence in ARMING[language]:
        await hear(sentence, "start_session")
        living = [
            modality
            for modality in (MASK, WAND)
            if house.coordinator(modality).state is SessionState.ARMED
        ]
        assert len(living) == 1, sentence
        assert house.flowing == set()
        live = house.coordinator(living[0]).live
        assert live is not None
        assert live.changed_by.by is By.VOICE
        assert (live.program == "Evening calm") == ("calm" in sentence.casefold())
        assert (await say(house, "stop")).endswith("stopped.")
    for sentence in STOPPING[language]:
        await arm(house)
        await hear(
            sentence, *(("stop_session",) if "mas" in sentence.casefold() else ("stop_all",))
        )
        assert house.coordinator(MASK).state is SessionState.IDLE
    await run(house)
    for sentence, expected in RUNNING[language]:
        if expected.endswith("_session"):
            await hear(sentence, expected)
        else:
            assert fits(await hear(sentence), await answer_of(house, expected, language)), sentence
    assert house.coordinator(MASK).state is SessionState.RUNNING
    await hear({"en": "stop", "de": "stopp"}[language], "stop_all")
    assert house.flowing == set()
    print(f"{language}: {said} phrasings")  # noqa: T201
    assert said >= 60


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_routine_is_begun_gone_through_left_out_and_stopped_by_voice(
    house: House, called: list[dict[str, Any]], language: str
) -> None:
    await house.routines.plan.async_choose("fine_lines")
    for sentence, action in ROUTINE[language]:
        called.clear()
        answer = await say(house, sentence, language)
        print(f"{language} | {sentence} | {[call['service'] for call in called]} | {answer}")  # noqa: T201
        assert called[-1]["service"] == action, (sentence, answer)
    assert house.state() is RoutineState.OVER
    await say(house, ROUTINE[language][0][0], language)
    assert house.state() is RoutineState.HAND
    first = house.run
    assert first is not None
    await say(house, {"en": "next step", "de": "nächster Schritt"}[language], language)
    assert house.run is not None
    assert house.run.index == first.index + 1


@pytest.mark.parametrize("language", LANGUAGES)
async def test_sentences_for_others_are_answered_exactly_as_without_us(
    house: House, called: list[dict[str, Any]], language: str
) -> None:
    with_us = [await say(house, sentence, language) for sentence in OTHERS[language]]
    assert called == []
    for entry in house.entries.values():
        assert await house.hass.config_entries.async_unload(entry.entry_id)
    await house.hass.async_block_till_done()
    for sentence, answer in zip(OTHERS[language], with_us, strict=True):
        print(f"{language} | {sentence} | - | {answer}")  # noqa: T201
        assert await say(house, sentence, language) == answer, sentence
    assert len(with_us) == 20


async def test_nothing_of_ours_is_listened_to_without_a_device(house: House) -> None:
    manager = get_agent_manager(house.hass)
    assert any("mask" in sentence for sentence in manager.trigger_sentences)
    assert not any(
        sign in sentence for sentence in manager.trigger_sentences for sign in "{}<>"
    )  # a wildcard would take "start the vacuum"
    for entry in house.entries.values():
        assert await house.hass.config_entries.async_unload(entry.entry_id)
    assert manager.trigger_sentences == []


async def test_bare_words_are_ours_only_while_a_session_lives(
    house: House, called: list[dict[str, Any]]
) -> None:
    before = await say(house, "pause")
    assert before != await answer_of(house, "nothing", "en")
    await run(house)
    called.clear()
    assert "paused" in await say(house, "pause")
    assert "stopped" in await say(house, "stop")
    assert await say(house, "pause") == before


async def test_an_unknown_speaker_can_stop_but_has_to_name_a_person_to_start(
    house: House,
) -> None:
    eve = person_entry("Eve", 815)
    eve.add_to_hass(house.hass)
    assert await house.hass.config_entries.async_setup(eve.entry_id)
    await house.hass.async_block_till_done()
    for device in house.devices.values():
        device.profiles.append(815)
        device.report()
    assert await say(house, "start the mask") == "Say for whom, with the name."
    assert house.coordinator(MASK).live is None
    assert "ready for Eve. Put it on" in await say(house, "start the mask for Eve")
    assert "stopped" in await say(house, "stop the mask")
    await house.hass.auth.async_create_user("Owner")
    user = await house.hass.auth.async_create_user("Ada", group_ids=["system-users"])
    house.hass.states.async_set("person.ada", "home", {"user_id": user.id})
    house.hass.config_entries.async_update_entry(
        house.person, data={**house.person.data, CONF_PERSON: "person.ada"}
    )
    await house.pass_time(600, 10)  # between two people on one mask
    assert "ready for Ada. Put it on" in await say(
        house, "start the mask", context=Context(user_id=user.id)
    )
    assert "stopped" in await say(house, "stop the mask")


async def test_a_read_only_user_cannot_start_but_can_stop(house: House) -> None:
    await house.hass.auth.async_create_user("Owner")  # the first one may everything
    looker = await house.hass.auth.async_create_user("Looker", group_ids=["system-read-only"])
    context = Context(user_id=looker.id)
    assert (
        await say(house, "start the mask", context=context) == "You don't have permission for that."
    )
    assert house.coordinator(MASK).live is None
    assert (
        await say(house, "how was my skincare week", context=context)
        == "You don't have permission for that."
    )
    await run(house)
    assert "weaker" in await say(house, "lower the mask", context=context)
    assert "stopped" in await say(house, "stop the mask", context=context)
    assert house.flowing == set()


async def test_lowering_ends_at_the_least_current_and_never_raises(house: House) -> None:
    await run(house, WAND)
    levels = []
    for _ in range(20):
        answer = await say(house, "lower the wand")
        live = house.coordinator(WAND).live
        assert live is not None
        levels.append(live.level_ua)
        if "weaker" not in answer:
            break
    assert answer.startswith("current_ua has to be from")
    assert levels == sorted(levels, key=lambda level: -(level or 0))
    assert levels[-1] == levels[-2]


async def test_health_reasons_are_not_said_aloud(house: House) -> None:
    await house.hass.services.async_call(
        DOMAIN, "report_reaction", {"reaction": "redness"}, blocking=True
    )
    answer = await say(house, "start the mask")
    assert answer == "Mask is not for Ada now. The app says why."
    assert await say(house, "am I ready for the mask") == f"Not now. {answer}"


async def test_a_device_that_is_renamed_is_called_by_its_new_name(house: House) -> None:
    house.hass.config_entries.async_update_entry(house.entries[MASK], title="Old [Glory] <3")
    await house.hass.async_block_till_done()
    assert "Put it on before" in await say(house, "start old glory 3")


async def test_sentences_work_in_front_of_another_agent(house: House) -> None:
    """As the pipeline of a satellite asks before it asks a language model."""
    await run(house)
    for sentence, answered in (("stop", "Mask has stopped."), ("start the vacuum", None)):
        said = ConversationInput(
            sentence, Context(), None, None, None, "en", "conversation.somebody_else"
        )
        with (
            async_get_chat_session(house.hass) as session,
            async_get_chat_log(house.hass, session, said) as chat_log,
        ):
            assert await async_handle_sentence_triggers(house.hass, said, chat_log) == answered
    assert house.flowing == set()


async def test_custom_sentences_do_as_the_manual_says(house: House, tmp_path: Path) -> None:
    """The two files of docs/voice.md, as they are written there."""
    manual = (Path(__file__).parents[3] / "docs" / "voice.md").read_text()
    spoken, script = re.findall(r"```yaml\n(.*?)```", manual, re.DOTALL)
    folder = tmp_path / "custom_sentences" / "fr"
    folder.mkdir(parents=True)
    (folder / "facial_therapy.yaml").write_text(spoken)
    configuration = tmp_path / "configuration.yaml"
    configuration.write_text(script)
    house.hass.config.config_dir = str(tmp_path)
    assert await async_setup_component(
        house.hass, "intent_script", load_yaml_dict(str(configuration))
    )
    await run(house)
    assert await say(house, "arrête le masque", "fr") == "Arrêté."
    assert house.flowing == set()


async def test_a_mask_that_is_off_is_waited_for(house: House) -> None:
    house.devices[MASK].disconnect()
    await house.hass.async_block_till_done()
    answer = await say(house, "start the mask")
    assert answer.startswith("Switch Mask on before"), answer
    assert house.coordinator(MASK).state is SessionState.WAITING


async def test_stop_is_understood_as_fast_as_a_word_of_home_assistant_itself(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    """During a session, when the sentences have been parsed.

    Asserted is the time of the processor, which does not grow with what else a machine does.
    """
    took: dict[str, list[tuple[float, float]]] = {"turn on the bathroom lamp": [], "stop": []}
    for _ in range(15):
        await arm(house)
        await say(house, "how long is left")
        for sentence, seconds in took.items():
            began, worked = freezegun.api.real_perf_counter(), thread_time()
            await async_converse(house.hass, sentence, None, Context(), language="en")
            seconds.append((freezegun.api.real_perf_counter() - began, thread_time() - worked))
        assert house.coordinator(MASK).state is SessionState.IDLE
        await house.hass.async_block_till_done()
    (lamp_ms, _), (stop_ms, worked_ms) = (
        [median(column) * 1000 for column in zip(*seconds, strict=True)]
        for seconds in took.values()
    )
    with capsys.disabled():
        print(  # noqa: T201 - the figure
            f"\n  median of 15, until it is done and answered: {stop_ms:.1f} ms"
            f" ({worked_ms:.1f} of the processor) for stop, {lamp_ms:.1f} ms for a lamp"
        )
    assert worked_ms < 50

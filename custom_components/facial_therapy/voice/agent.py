"""Sentences that Home Assistant listens to for us, in front of its conversation agents.

The only file that uses the internals of the conversation integration; `sentence_trigger` in YAML
has no way to change its sentences. Any of these may disappear with a release of Home Assistant:
`get_agent_manager`, `register_trigger`, `async_recognize_sentence_trigger`, `ConversationInput`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from hassil.recognize import RecognizeResult
from homeassistant.components.conversation.agent_manager import get_agent_manager
from homeassistant.components.conversation.models import ConversationInput
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback

from ..const import DOMAIN, LOGGER

PREPARE_AFTER_S: Final = 1
"""How long after a change the sentences are parsed, which blocks the event loop for tens of
milliseconds."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """A sentence that somebody said, and the template that it matches."""

    text: str
    template: str
    language: str
    context: Context


type Answer = Callable[[Utterance], Awaitable[str]]


class SentenceTriggers:
    """One set of sentence templates, registered with the conversation agent."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Register nothing yet."""
        self._hass = hass
        self._unregister: CALLBACK_TYPE | None = None
        self._preparing: asyncio.Task[None] | None = None

    @callback
    def replace(self, templates: list[str], answer: Answer) -> None:
        """Listen to these templates in place of the former ones; `answer` returns the reply."""
        self.clear()
        if not templates:
            return

        async def on_sentence(said: ConversationInput, result: RecognizeResult) -> str | None:
            sentence = result.intent_sentence
            template = sentence.text if sentence is not None and sentence.text else ""
            return await answer(Utterance(said.text, template, said.language, said.context))

        self._unregister = get_agent_manager(self._hass).register_trigger(templates, on_sentence)
        self._preparing = self._hass.async_create_background_task(
            self._async_prepare(), "facial_therapy prepares its sentences"
        )

    @callback
    def clear(self) -> None:
        """Listen to nothing."""
        if self._preparing is not None:
            self._preparing.cancel()
            self._preparing = None
        if self._unregister is not None:
            unregister, self._unregister = self._unregister, None
            unregister()

    async def _async_prepare(self) -> None:
        """Let the agent parse the sentences before somebody speaks, and not during a start or stop.

        Without this, the next sentence of any kind is answered later.
        """
        await asyncio.sleep(PREPARE_AFTER_S)
        nothing = ConversationInput(
            DOMAIN, Context(), None, None, None, self._hass.config.language, ""
        )
        try:
            if (agent := get_agent_manager(self._hass).default_agent) is not None:
                await agent.async_recognize_sentence_trigger(nothing)
        except Exception as error:  # noqa: BLE001 - costs a delay only
            LOGGER.debug("Failed to parse the voice sentences in advance: %s", error)

"""Voice: sentences that work at once, with the default agent and in front of every other one, and their answers.

1. Anybody may stop or lower, also whoever is not known. Starting arms, and the face starts the
    light. Nothing is raised.
2. Every sentence names something of ours; bare ones like "stop" are there only while a session
    lives, or a routine is gone through.
3. All sentences are one trigger, so that a sentence that is the same in two languages is carried
    out once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import Any, Final

from hassil.recognize import RecognizeResult
from homeassistant.components.conversation.agent_manager import get_agent_manager
from homeassistant.components.conversation.models import ConversationInput
from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.setup import async_when_setup
from homeassistant.util import dt as dt_util

from ..actions.fields import MODE_ARM, MODE_PROPOSE, WAIT_S
from ..actions.history import may_read
from ..const import DOMAIN, REPORTED
from ..coordinator import FacialTherapyCoordinator, all_coordinators
from ..core.gate.resolve import named
from ..core.model import MANUAL, Modality, Person, RefusedError
from ..core.session import SessionState
from ..people.programs import custom_programs
from ..people.registry import persons
from ..routines.person import PersonRoutines, all_routines, routines_of
from ..session.view import SessionRequest
from ..storage.ledger import LEDGER
from ..text.errors import time_in_words
from ..text.translator import Translator, async_translator, explained, why
from . import understand
from .names import (
    async_act,
    chosen,
    custom_program,
    custom_routine,
    left_s,
    names_of,
    speaker,
    target,
    this_week,
)
from .understand import Book, Heard, Names, Written

CONVERSATION: Final = "conversation"
PREPARE_AFTER_S: Final = 1
"""After a change of what is listened to. Parsing holds up the event loop for tens of milliseconds.
"""
HELD: Final = (SessionState.PAUSED, SessionState.SUSPENDED)
OF_A_ROUTINE: Final = {"next": "confirm_step", "skip": "skip_step"}


async def async_setup_voice(hass: HomeAssistant) -> None:
    """Read the sentences, and register them once there is somebody who listens."""
    books = await hass.async_add_executor_job(understand.load)
    words = {language: await async_translator(hass, language) for language in understand.LANGUAGES}

    async def begin(_hass: HomeAssistant, _component: str) -> None:
        Voice(hass, books, words).begin()

    async_when_setup(hass, CONVERSATION, begin)


class Voice:
    """What is listened to now, and what comes of it."""

    def __init__(
        self, hass: HomeAssistant, books: Mapping[str, Book], words: Mapping[str, Translator]
    ) -> None:
        """Take the sentences and the words of every language."""
        self._hass = hass
        self._books = books
        self._words = words
        self._registered: CALLBACK_TYPE | None = None
        self._preparing: asyncio.Task[None] | None = None
        self._known: tuple[Names, tuple[str, ...]] | None = None
        self._names = Names({}, {}, {})
        self._followed: list[CALLBACK_TYPE] = []

    def begin(self) -> None:
        """Listen, and follow names and sessions as they come and go, for as long as Home Assistant runs."""

        @callback
        def entry_changed(_change: ConfigEntryChange, entry: ConfigEntry[Any]) -> None:
            if entry.domain == DOMAIN:
                self._renamed()

        async_dispatcher_connect(self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, entry_changed)
        async_dispatcher_connect(self._hass, REPORTED, callback(lambda _entry_id: self._listen()))
        self._hass.bus.async_listen(
            dr.EVENT_DEVICE_REGISTRY_UPDATED, callback(lambda _event: self._renamed())
        )
        self._renamed()

    # --- what is listened to ----------------------------------------------------------------------

    @callback
    def _renamed(self) -> None:
        """A device, a person or something that they have made has come, gone, or is called something else."""
        for unfollow in self._followed:
            unfollow()
        self._followed = [
            routines.add_listener(self._listen) for routines in all_routines(self._hass).values()
        ]
        self._names = names_of(self._hass, self._books, self._words.values())
        self._listen()

    @callback
    def _listen(self) -> None:
        """Register what can be said now, if that is not what was registered."""
        sections: tuple[str, ...] = (understand.ALWAYS,) if self._names.devices else ()
        if any(shell.live is not None for shell in all_coordinators(self._hass)):
            sections += (understand.SESSION,)
        if self._routines():
            sections += (understand.ROUTINE,)
        if (self._names, sections) == self._known:
            return
        self._known = self._names, sections
        if self._registered is not None:
            self._registered()
            self._registered = None
        if sections:
            written = understand.written_out(self._books, self._names, sections)
            self._registered = get_agent_manager(self._hass).register_trigger(
                list(written), self._heard(written, self._names)
            )
        if self._preparing is not None:
            self._preparing.cancel()
        self._preparing = self._hass.async_create_background_task(
            self._async_prepare(), "facial_therapy prepares its sentences"
        )

    async def _async_prepare(self) -> None:
        """Let the agent parse the sentences while nobody waits: not in the moment of a start or a stop, and not when somebody says the next word."""
        await asyncio.sleep(PREPARE_AFTER_S)
        if (agent := get_agent_manager(self._hass).default_agent) is not None:
            nothing = ConversationInput(
                DOMAIN, Context(), None, None, None, self._hass.config.language, ""
            )
            await agent.async_recognize_sentence_trigger(nothing)

    def _heard(
        self, written: Mapping[str, Written], names: Names
    ) -> Callable[[ConversationInput, RecognizeResult], Awaitable[str | None]]:
        async def hear(said: ConversationInput, result: RecognizeResult) -> str | None:
            template = result.intent_sentence.text if result.intent_sentence is not None else ""
            return await self._async_answer(
                understand.heard(written[template or ""], said.text, names), said
            )

        return hear

    # --- what comes of it -------------------------------------------------------------------------

    async def _async_answer(self, heard: Heard, said: ConversationInput) -> str:
        """Do what was said, and return what is answered in the language in which it was asked."""
        words = (
            self._words.get(said.language.split("-")[0].casefold())
            or self._words[understand.LANGUAGES[0]]
        )
        try:
            if heard.intent == "raise":
                return words.spoken("no_raise")
            if heard.intent in ("stop", "pause", "resume", "lower", "left"):
                return await self._async_living(heard, words, said.context)
            if heard.intent in OF_A_ROUTINE:
                return await self._async_step(
                    OF_A_ROUTINE[heard.intent], heard, words, said.context
                )
            return await self._async_for_somebody(heard, words, said.context)
        except HomeAssistantError as error:
            return explained(words, error, "", "")

    async def _async_for_somebody(self, heard: Heard, words: Translator, context: Context) -> str:
        """Do what needs to be known for whom."""
        try:
            who = speaker(self._hass, context, heard.person)
        except RefusedError:
            return words.spoken("who") if persons(self._hass) else words.problem("no_person", {})
        if heard.intent == "week":
            return await self._async_week(who, words, context)
        if (
            heard.intent == "start"
            and heard.program
            and not self._program(heard, who)
            and custom_routine(self._hass, who, heard.program)
        ):
            heard = replace(
                heard, intent="start_routine", routine=heard.program
            )  # somebody else has a program of this name
        if heard.intent in ("start_routine", "skip_planned"):
            return await self._async_evening(heard, who, words, context)
        return await self._async_on_device(heard, who, words, context)

    async def _async_on_device(
        self, heard: Heard, who: Person, words: Translator, context: Context
    ) -> str:
        """Do what is for one device, which a sentence names or which is the only one that fits."""
        program = self._program(heard, who)
        if heard.program is not None and program is None:
            return words.spoken("not_made", person=who.name, name=heard.program)
        heard = replace(heard, program=program)
        if len(shells := self._fitting(heard, who)) != 1:
            meant = ", ".join(shell.config_entry.title for shell in shells or self._meant(heard))
            return (
                words.spoken("which", devices=meant)
                if shells
                else words.spoken("not_for", program=words.program(program or ""), devices=meant)
            )
        act = self._async_ready if heard.intent == "ready" else self._async_start
        try:
            return await act(shells[0], heard, who, words, context)
        except (HomeAssistantError, RefusedError) as error:
            return explained(words, error, shells[0].config_entry.title, who.name)

    def _meant(self, heard: Heard) -> list[FacialTherapyCoordinator]:
        """Return the devices that a sentence names, all if it names none."""
        return [
            shell
            for shell in all_coordinators(self._hass)
            if heard.devices is None or shell.config_entry.entry_id in heard.devices
        ]

    def _program(self, heard: Heard, who: Person) -> str | None:
        """Return the key of a program by its name: a built-in one, else one of whom it is for; None if there is none."""
        if heard.program is None:
            return None
        return self._names.programs.get(heard.program) or custom_program(
            self._hass, who, heard.program
        )

    def _fitting(self, heard: Heard, who: Person) -> list[FacialTherapyCoordinator]:
        """Return the devices on which something could be begun: those that the program is for, and of several those that are on."""
        fits = (
            frozenset(Modality)
            if heard.program is None
            else named(heard.program, custom_programs(self._hass, who.person_id)).modalities
        )
        shells = [shell for shell in self._meant(heard) if shell.modality in fits]
        return [shell for shell in shells if shell.device.connected] or shells

    def _routines(self) -> list[PersonRoutines]:
        return [each for each in all_routines(self._hass).values() if each.runner.busy]

    async def _async_living(self, heard: Heard, words: Translator, context: Context) -> str:
        """Stop, pause, resume, lower, or say how long it takes: whatever lives, whoever asks."""
        shells = [shell for shell in self._meant(heard) if shell.live is not None]
        if heard.intent == "stop":
            return await self._async_stop(heard, shells, words, context)
        if not shells:
            return words.spoken("nothing")
        if heard.intent == "left":
            return " ".join(self._left(shell, words) for shell in shells)
        key = {"pause": "paused", "resume": "resumed", "lower": "lowered"}[heard.intent]
        for shell in shells:
            await async_act(self._hass, f"{heard.intent}_session", context, target(shell))
        return " ".join(words.spoken(key, device=shell.config_entry.title) for shell in shells)

    async def _async_stop(
        self,
        heard: Heard,
        shells: list[FacialTherapyCoordinator],
        words: Translator,
        context: Context,
    ) -> str:
        """Stop, and be done only when zero is confirmed. Devices that seem to do nothing are told too."""
        if heard.devices is None:
            await async_act(self._hass, "stop_all", context, {})
            for routines in self._routines():
                with suppress(Unauthorized):  # of somebody else; what ran in it has stopped
                    await async_act(
                        self._hass, "stop_routine", context, {"person": routines.entry.entry_id}
                    )
        else:
            for shell in self._meant(heard):
                await async_act(self._hass, "stop_session", context, target(shell))
        return " ".join(
            words.spoken("stopped", device=shell.config_entry.title) for shell in shells
        ) or words.spoken("nothing")

    def _left(self, shell: FacialTherapyCoordinator, words: Translator) -> str:
        device, live, seconds = shell.config_entry.title, shell.live, left_s(shell) or 0
        if live is not None and live.window_ends_at is not None:
            return words.spoken(
                "left_armed", device=device, time=time_in_words(live.window_ends_at, words.texts)
            )
        if shell.state in HELD:
            return words.spoken("left_held", device=device, minutes=ceil(seconds / 60))
        if seconds < 60:  # noqa: PLR2004 - a minute
            return words.spoken("left_soon", device=device)
        ends = time_in_words(dt_util.utcnow() + timedelta(seconds=seconds), words.texts)
        return words.spoken("left", device=device, minutes=ceil(seconds / 60), time=ends)

    async def _async_start(
        self,
        shell: FacialTherapyCoordinator,
        heard: Heard,
        who: Person,
        words: Translator,
        context: Context,
    ) -> str:
        """Arm, hold a session until its device is switched on, or ask somebody whether they want it."""
        data = {
            **chosen(shell, who, heard.program),
            "wait": WAIT_S,
            "mode": MODE_PROPOSE if heard.intent == "propose" else MODE_ARM,
        }
        live = await async_act(self._hass, "start_session", context, data, response=True)
        ends = dt_util.parse_datetime(live["window_ends_at"] or "") or dt_util.utcnow()
        return words.spoken(
            live["state"],
            device=shell.config_entry.title,
            person=who.name,
            time=time_in_words(ends, words.texts),
        )

    async def _async_ready(
        self,
        shell: FacialTherapyCoordinator,
        heard: Heard,
        who: Person,
        words: Translator,
        _context: Context,
    ) -> str:
        """Say whether it would be allowed now, and if not, why and when."""
        device = shell.config_entry.title
        program = heard.program or shell.manual.settings.program
        ask = SessionRequest(person=who, program=program)
        if program == MANUAL:
            hand = shell.manual.by_hand()
            ask = SessionRequest(
                person=who,
                program=program,
                duration_s=hand.duration_s,
                irradiance_mw_cm2=hand.irradiance_mw_cm2,
                current_ua=hand.current_ua,
                frequency_hz=hand.frequency_hz,
            )
        if not (refusals := shell.check(ask)):
            return words.spoken("ready", device=device, person=who.name)
        return words.spoken("not_ready", message=why(words, refusals[0], device, who.name))

    async def _async_week(self, who: Person, words: Translator, context: Context) -> str:
        """Say how many sessions there were, to the person, to admins, and to whoever is in the room with a satellite."""
        if context.user_id is not None:
            user = await self._hass.auth.async_get_user(context.user_id)
            if user is None or not may_read(self._hass, user, who):
                raise Unauthorized(context=context)
        since = this_week()
        given = [
            record.modality
            for record in self._hass.data[LEDGER].newest_first(who.person_id)
            if record.counts and record.started_at >= since
        ]
        return words.spoken(
            "week",
            person=who.name,
            mask=given.count(Modality.MASK),
            wand=given.count(Modality.WAND),
        )

    async def _async_evening(
        self, heard: Heard, who: Person, words: Translator, context: Context
    ) -> str:
        """Begin the routine of the evening or one of somebody's own, or leave the evening out."""
        data = {"person": who.person_id}
        if heard.routine is not None:
            if (routine := custom_routine(self._hass, who, heard.routine)) is None:
                return words.spoken("not_made", person=who.name, name=heard.routine)
            data["routine"] = routine
        answer = await async_act(self._hass, heard.intent, context, data, response=True)
        if heard.intent == "start_routine":
            return words.spoken(
                "routine", cue=words.cue(routines_of(self._hass, who).runner.cue or "")
            )
        following = dt_util.parse_datetime(answer["next"] or "")
        return (
            words.spoken("left_out", time=time_in_words(following, words.texts))
            if following
            else words.spoken("left_out_last")
        )

    async def _async_step(
        self, action: str, heard: Heard, words: Translator, context: Context
    ) -> str:
        """Confirm or skip the step of the only routine that is gone through, or of the one of whoever speaks."""
        if not (routines := self._routines()):
            return words.spoken("no_routine")
        try:
            who = (
                routines[0].person
                if len(routines) == 1
                else speaker(self._hass, context, heard.person)
            )
        except RefusedError:
            return words.spoken("who")
        await async_act(self._hass, action, context, {"person": who.person_id})
        return words.spoken("routine", cue=words.cue(routines_of(self._hass, who).runner.cue or ""))

"""Answer sentences in English and German, whichever conversation agent is used.

1. Anyone may stop or lower a session, even an unknown speaker. Starting only arms it: the face
    starts the light. No sentence raises a level.
2. Every sentence names something of ours. Bare words such as "stop" are listened to only while a
    session or a routine is in progress.
3. All sentences are one trigger, so that a sentence that is the same in two languages acts once.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import Any, Final

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util import dt as dt_util

from ..actions.fields import MODE_ARM, MODE_PROPOSE, WAIT_S
from ..actions.history import may_read
from ..actions.spoken import (
    async_call_action,
    custom_program,
    custom_routine,
    left_s,
    request_for,
    session_data,
    speaker,
    target_of,
    week_began,
)
from ..const import DOMAIN, REPORTED
from ..coordinator import FacialTherapyCoordinator, all_coordinators
from ..core.model import Modality
from ..core.person import Person
from ..core.recipes import named
from ..core.refusal import RefusedError
from ..core.session import SessionState
from ..optional import warn_part_failed
from ..people.programs import custom_programs
from ..people.registry import persons
from ..routines.person import PersonRoutines, all_routines, routines_of
from ..storage.ledger import LEDGER
from ..text.errors import time_in_words
from ..text.translator import Translator, async_translator, explained, why
from . import understand
from .agent import SentenceTriggers, Utterance
from .names import names_of
from .understand import Book, Names, Sentence, Understood

HELD: Final = (SessionState.PAUSED, SessionState.SUSPENDED)
STEP_ACTIONS: Final = {"next": "confirm_step", "skip": "skip_step"}
"""The action of each intent that is about the current step of a routine."""
MINUTE_S: Final = 60


async def async_setup_voice(hass: HomeAssistant) -> None:
    """Read the sentences of every language, and start listening."""
    books = await hass.async_add_executor_job(understand.load)
    words = {language: await async_translator(hass, language) for language in understand.LANGUAGES}
    Voice(hass, books, words).start()


class Voice:
    """The sentences that are listened to now, and what they do."""

    def __init__(
        self, hass: HomeAssistant, books: Mapping[str, Book], words: Mapping[str, Translator]
    ) -> None:
        """Take the sentences and the texts of every language."""
        self._hass = hass
        self._books = books
        self._words = words
        self._triggers = SentenceTriggers(hass)
        self._registered: tuple[Names, tuple[str, ...]] | None = None
        self._names = Names({}, {}, {})
        self._sentences: Mapping[str, Sentence] = {}
        self._subscriptions: list[CALLBACK_TYPE] = []
        self._routine_subscriptions: list[CALLBACK_TYPE] = []

    @callback
    def start(self) -> None:
        """Listen, and follow names and sessions for as long as Home Assistant runs."""

        @callback
        def entry_changed(_change: ConfigEntryChange, entry: ConfigEntry[Any]) -> None:
            if entry.domain == DOMAIN:
                self._update_names()

        @callback
        def device_reported(_entry_id: str) -> None:
            self._update_sentences()

        @callback
        def registry_updated(_event: object) -> None:
            self._update_names()

        self._subscriptions = [
            async_dispatcher_connect(self._hass, SIGNAL_CONFIG_ENTRY_CHANGED, entry_changed),
            async_dispatcher_connect(self._hass, REPORTED, device_reported),
            self._hass.bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, registry_updated),
        ]
        self._update_names()

    # --- the sentences ----------------------------------------------------------------------------

    @callback
    def _update_names(self) -> None:
        """Follow a device, person, program or routine that was added, removed or renamed."""
        for unsubscribe in self._routine_subscriptions:
            unsubscribe()
        self._routine_subscriptions = [
            routines.add_listener(self._update_sentences)
            for routines in all_routines(self._hass).values()
        ]
        self._names = names_of(self._hass, self._books, self._words.values())
        self._update_sentences()

    @callback
    def _update_sentences(self) -> None:
        """Register the sentences that make sense now, if others are registered."""
        sections: tuple[str, ...] = (understand.ALWAYS,) if self._names.devices else ()
        if any(coordinator.live is not None for coordinator in all_coordinators(self._hass)):
            sections += (understand.SESSION,)
        if self._active_routines():
            sections += (understand.ROUTINE,)
        if (self._names, sections) == self._registered:
            return
        self._registered = self._names, sections
        self._sentences = understand.expanded(self._books, self._names, sections)
        try:
            self._triggers.replace(list(self._sentences), self._async_hear)
        except Exception as error:  # noqa: BLE001 - a session or a routine is in the middle of this
            self._stop_listening()
            warn_part_failed("voice", error)

    @callback
    def _stop_listening(self) -> None:
        """Follow nothing any more."""
        for unsubscribe in (*self._subscriptions, *self._routine_subscriptions):
            unsubscribe()
        self._subscriptions = self._routine_subscriptions = []

    async def _async_hear(self, said: Utterance) -> str:
        """Answer a sentence."""
        sentence = self._sentences[said.template]
        return await self._async_answer(
            understand.understood(sentence, said.text, self._names), said
        )

    # --- the answers ------------------------------------------------------------------------------

    async def _async_answer(self, heard: Understood, said: Utterance) -> str:
        """Carry out a sentence, and return the answer in the language of the speaker."""
        words = (
            self._words.get(said.language.split("-")[0].casefold())
            or self._words[understand.LANGUAGES[0]]
        )
        try:
            if heard.intent == "raise":
                return words.spoken("no_raise")
            if heard.intent in ("stop", "pause", "resume", "lower", "left"):
                return await self._async_session(heard, words, said.context)
            if heard.intent in STEP_ACTIONS:
                return await self._async_step(
                    STEP_ACTIONS[heard.intent], heard, words, said.context
                )
            return await self._async_for_person(heard, words, said.context)
        except HomeAssistantError as error:
            return explained(words, error, "", "")

    async def _async_for_person(
        self, heard: Understood, words: Translator, context: Context
    ) -> str:
        """Carry out a sentence about a person."""
        try:
            person = speaker(self._hass, context, heard.person)
        except RefusedError:
            return words.spoken("who") if persons(self._hass) else words.problem("no_person", {})
        if heard.intent == "week":
            return await self._async_week(person, words, context)
        if (
            heard.intent == "start"
            and heard.program
            and not self._program(heard, person)
            and custom_routine(self._hass, person, heard.program)
        ):
            # Somebody else has a custom program of this name.
            heard = replace(heard, intent="start_routine", routine=heard.program)
        if heard.intent in ("start_routine", "skip_planned"):
            return await self._async_routine(heard, person, words, context)
        return await self._async_on_device(heard, person, words, context)

    async def _async_on_device(
        self, heard: Understood, person: Person, words: Translator, context: Context
    ) -> str:
        """Carry out a sentence about one device: the named one, or the only one that fits."""
        program = self._program(heard, person)
        if heard.program is not None and program is None:
            return words.spoken("not_made", person=person.name, name=heard.program)
        heard = replace(heard, program=program)
        if len(coordinators := self._fitting(heard, person)) != 1:
            meant = self._titles(coordinators or self._meant(heard))
            return (
                words.spoken("which", devices=meant)
                if coordinators
                else words.spoken("not_for", program=words.program(program or ""), devices=meant)
            )
        act = self._async_ready if heard.intent == "ready" else self._async_start
        try:
            return await act(coordinators[0], heard, person, words, context)
        except (HomeAssistantError, RefusedError) as error:
            return explained(words, error, coordinators[0].config_entry.title, person.name)

    def _meant(self, heard: Understood) -> list[FacialTherapyCoordinator]:
        """Return the named devices; all if none is named."""
        return [
            coordinator
            for coordinator in all_coordinators(self._hass)
            if heard.devices is None or coordinator.config_entry.entry_id in heard.devices
        ]

    def _program(self, heard: Understood, person: Person) -> str | None:
        """Return the key of the named program: a built-in one, else a custom one of the person."""
        if heard.program is None:
            return None
        return self._names.programs.get(heard.program) or custom_program(
            self._hass, person, heard.program
        )

    def _fitting(self, heard: Understood, person: Person) -> list[FacialTherapyCoordinator]:
        """Return the named devices that can run the program; those that are on, if any is."""
        fits = (
            frozenset(Modality)
            if heard.program is None
            else named(heard.program, custom_programs(self._hass, person.person_id)).modalities
        )
        fitting = [each for each in self._meant(heard) if each.modality in fits]
        return [each for each in fitting if each.device.connected] or fitting

    def _active_routines(self) -> list[PersonRoutines]:
        return [each for each in all_routines(self._hass).values() if each.runner.busy]

    async def _async_session(self, heard: Understood, words: Translator, context: Context) -> str:
        """Stop, pause, resume or lower sessions, or say how long they take; anyone may ask."""
        coordinators = [each for each in self._meant(heard) if each.live is not None]
        if heard.intent == "stop":
            return await self._async_stop(heard, coordinators, words, context)
        if not coordinators:
            return words.spoken("nothing")
        if heard.intent == "left":
            return " ".join(self._left(coordinator, words) for coordinator in coordinators)
        key = {"pause": "paused", "resume": "resumed", "lower": "lowered"}[heard.intent]
        for each in coordinators:
            await async_call_action(self._hass, f"{heard.intent}_session", context, target_of(each))
        return self._spoken_of_each(key, coordinators, words)

    async def _async_stop(
        self,
        heard: Understood,
        coordinators: list[FacialTherapyCoordinator],
        words: Translator,
        context: Context,
    ) -> str:
        """Stop, and answer when zero is confirmed; devices that seem idle are stopped too."""
        if heard.devices is None:
            await async_call_action(self._hass, "stop_all", context, {})
            for routines in self._active_routines():
                with suppress(Unauthorized):  # another person's routine; its session has stopped
                    await async_call_action(
                        self._hass, "stop_routine", context, {"person": routines.entry.entry_id}
                    )
        elif meant := self._meant(heard):
            await async_call_action(self._hass, "stop_session", context, target_of(*meant))
        return self._spoken_of_each("stopped", coordinators, words) or words.spoken("nothing")

    @staticmethod
    def _spoken_of_each(
        key: str, coordinators: list[FacialTherapyCoordinator], words: Translator
    ) -> str:
        return " ".join(words.spoken(key, device=each.config_entry.title) for each in coordinators)

    @staticmethod
    def _titles(coordinators: list[FacialTherapyCoordinator]) -> str:
        return ", ".join(each.config_entry.title for each in coordinators)

    def _left(self, coordinator: FacialTherapyCoordinator, words: Translator) -> str:
        device, live = coordinator.config_entry.title, coordinator.live
        seconds = left_s(coordinator) or 0
        if live is not None and live.window_ends_at is not None:
            return words.spoken(
                "left_armed", device=device, time=time_in_words(live.window_ends_at, words.texts)
            )
        if coordinator.state in HELD:
            return words.spoken("left_held", device=device, minutes=ceil(seconds / MINUTE_S))
        if seconds < MINUTE_S:
            return words.spoken("left_soon", device=device)
        ends = time_in_words(dt_util.utcnow() + timedelta(seconds=seconds), words.texts)
        return words.spoken("left", device=device, minutes=ceil(seconds / MINUTE_S), time=ends)

    async def _async_start(
        self,
        coordinator: FacialTherapyCoordinator,
        heard: Understood,
        person: Person,
        words: Translator,
        context: Context,
    ) -> str:
        """Arm a session, hold it until its device is on, or propose it to a person."""
        data = {
            **session_data(coordinator, person, heard.program),
            "wait": WAIT_S,
            "mode": MODE_PROPOSE if heard.intent == "propose" else MODE_ARM,
        }
        live = await async_call_action(self._hass, "start_session", context, data, response=True)
        ends = dt_util.parse_datetime(live["window_ends_at"] or "") or dt_util.utcnow()
        return words.spoken(
            live["state"],
            device=coordinator.config_entry.title,
            person=person.name,
            time=time_in_words(ends, words.texts),
        )

    async def _async_ready(
        self,
        coordinator: FacialTherapyCoordinator,
        heard: Understood,
        person: Person,
        words: Translator,
        _context: Context,
    ) -> str:
        """Say whether a session is allowed now, and if not, why and when."""
        device = coordinator.config_entry.title
        if not (refusals := coordinator.check(request_for(coordinator, person, heard.program))):
            return words.spoken("ready", device=device, person=person.name)
        return words.spoken("not_ready", message=why(words, refusals[0], device, person.name))

    async def _async_week(self, person: Person, words: Translator, context: Context) -> str:
        """Say how many sessions a person had this week.

        Answers the person, an admin, and anyone who speaks to a satellite in the room.
        """
        if context.user_id is not None:
            user = await self._hass.auth.async_get_user(context.user_id)
            if user is None or not may_read(self._hass, user, person):
                raise Unauthorized(context=context)
        since = week_began()
        modalities = [
            record.modality
            for record in self._hass.data[LEDGER].newest_first(person.person_id)
            if record.counts and record.started_at >= since
        ]
        return words.spoken(
            "week",
            person=person.name,
            mask=modalities.count(Modality.MASK),
            wand=modalities.count(Modality.WAND),
        )

    async def _async_routine(
        self, heard: Understood, person: Person, words: Translator, context: Context
    ) -> str:
        """Start a planned or custom routine, or skip the planned evening."""
        data = {"person": person.person_id}
        if heard.routine is not None:
            if (routine := custom_routine(self._hass, person, heard.routine)) is None:
                return words.spoken("not_made", person=person.name, name=heard.routine)
            data["routine"] = routine
        answer = await async_call_action(self._hass, heard.intent, context, data, response=True)
        if heard.intent == "start_routine":
            return words.spoken(
                "routine", cue=words.cue(routines_of(self._hass, person).runner.cue or "")
            )
        following = dt_util.parse_datetime(answer["next"] or "")
        return (
            words.spoken("left_out", time=time_in_words(following, words.texts))
            if following
            else words.spoken("left_out_last")
        )

    async def _async_step(
        self, action: str, heard: Understood, words: Translator, context: Context
    ) -> str:
        """Confirm or skip the step of the only active routine, else of the speaker's."""
        if not (routines := self._active_routines()):
            return words.spoken("no_routine")
        try:
            person = (
                routines[0].person
                if len(routines) == 1
                else speaker(self._hass, context, heard.person)
            )
        except RefusedError:
            return words.spoken("who")
        await async_call_action(self._hass, action, context, {"person": person.person_id})
        return words.spoken(
            "routine", cue=words.cue(routines_of(self._hass, person).runner.cue or "")
        )

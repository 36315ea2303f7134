"""Tools for language models: what voice can do, in the same words and through the same actions.

No tool raises a limit or a level, clears a fault, or begins output: starting arms, and the face
starts the light. A device is there for a model only while its session switch is exposed to the
assistant; what a person did, only while their sensor of the week's sessions is.
"""

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final, override

from homeassistant.components.homeassistant.exposed_entities import async_should_expose
from homeassistant.components.llm import LLMTools
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.llm import (
    LLM_API_ASSIST,
    LLMContext,
    Tool,
    ToolAnnotations,
    ToolInput,
    ToolResult,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .actions.fields import ATTR_MODE, MODE_ARM, MODES, WAIT_S
from .actions.history import may_read
from .const import DOMAIN
from .coordinator import FacialTherapyCoordinator, all_coordinators
from .core.model import Modality
from .core.person import Person
from .core.recipes import BUILT_IN, NO_CUSTOM_PROGRAMS, Programs
from .core.refusal import PERSONAL, Reason, Refusal, RefusedError
from .core.session_parameters import MANUAL
from .people.programs import custom_programs
from .people.registry import find_person, persons
from .storage.ledger import LEDGER
from .text.translator import ENGLISH, Translator, async_translator, explained, why
from .voice.names import async_act, chosen, custom_program, left_s, speaker, target, this_week
from .voice.understand import sayable

READS: Final = ToolAnnotations(read_only=True, destructive=False, idempotent=True, open_world=False)
ARMS: Final = ToolAnnotations(destructive=False, open_world=False)
LESS: Final = ToolAnnotations(destructive=False, open_world=False)
ENDS: Final = ToolAnnotations(destructive=False, idempotent=True, open_world=False)
DEVICE: Final = vol.Required(
    "device", description="Name of the mask or wand, as get_state lists it"
)
PERSON: Final = vol.Optional("person", description="Name of the person; left out: who is speaking")
PROGRAM: Final = vol.Optional(
    "program",
    description="Key of a program, as get_state lists it, or what the person calls one of their own; left out: what is selected on the device",
)
MODE: Final = vol.Optional(
    ATTR_MODE,
    default=MODE_ARM,
    description="propose: ask the person by a notification first, and arm nothing before they say yes",
)
PROMPT: Final = (
    "Facial therapy masks and wands: starting a session only arms it, and it begins when the person puts the device on. "
    "A refusal is final: say its reason and time, and do not try to get around it. Levels can be lowered, never raised."
)


@callback
def async_get_tools(hass: HomeAssistant, llm_context: LLMContext, api_id: str) -> LLMTools | None:
    """Return the tools for what is exposed to the assistant."""
    if api_id != LLM_API_ASSIST or not (shells := _exposed(hass, llm_context)):
        return None
    tools: list[Tool] = [
        each() for each in (GetState, CheckSession, StartSession, LowerSession, StopSession)
    ]
    if _readable(hass, llm_context):
        tools.append(GetHistory())
    names = ", ".join(shell.config_entry.title for shell in shells)
    return LLMTools(tools=tools, prompt=f"{PROMPT} Devices: {names}.")


def _is_exposed(
    hass: HomeAssistant, context: LLMContext, platform: Platform, unique_id: str
) -> bool:
    entity_id = er.async_get(hass).async_get_entity_id(platform, DOMAIN, unique_id)
    return entity_id is not None and async_should_expose(hass, context.assistant, entity_id)


def _exposed(hass: HomeAssistant, context: LLMContext) -> list[FacialTherapyCoordinator]:
    return [
        shell
        for shell in all_coordinators(hass)
        if _is_exposed(hass, context, Platform.SWITCH, f"{shell.mac}_session")
    ]


def _readable(hass: HomeAssistant, context: LLMContext) -> list[Person]:
    return [
        person
        for person in persons(hass)
        if _is_exposed(hass, context, Platform.SENSOR, f"{person.person_id}_sessions_this_week")
    ]


class FacialTherapyTool(Tool):
    """A tool that answers a refusal with its reason."""

    integration = DOMAIN

    @override
    async def async_call(
        self, hass: HomeAssistant, tool_input: ToolInput, llm_context: LLMContext
    ) -> ToolResult:
        """Check what is asked for, and do it."""
        words = await async_translator(hass, (llm_context.language or ENGLISH).split("-")[0])
        try:
            data = self.parameters(tool_input.tool_args)
        except vol.Invalid as error:
            return ToolResult(data={"error": str(error)}, error=True)
        device, person = str(data.get("device", "")), str(data.get("person", ""))
        try:
            return ToolResult(data=await self.async_do(hass, data, llm_context, words))
        except (HomeAssistantError, RefusedError) as error:
            return ToolResult(data={"error": explained(words, error, device, person)}, error=True)

    @abstractmethod
    async def async_do(
        self, hass: HomeAssistant, data: Mapping[str, Any], context: LLMContext, words: Translator
    ) -> dict[str, Any]:
        """Do it, and return what a model is told."""


def _named(hass: HomeAssistant, context: LLMContext, name: str) -> FacialTherapyCoordinator:
    """Return an exposed device by its name.

    Raises:
        RefusedError: There is none of this name.
    """
    if (
        shell := next(
            (
                each
                for each in _exposed(hass, context)
                if each.config_entry.title.casefold() == name.strip().casefold()
            ),
            None,
        )
    ) is None:
        raise RefusedError(Refusal(reason=Reason.DEVICE_NOT_LOADED, detail=name))
    return shell


def _program(hass: HomeAssistant, who: Person, data: Mapping[str, Any]) -> str | None:
    """Return the program that is named: by its key, else by what the person calls it."""
    program: str | None = data.get("program")
    return (
        program
        if program is None or program in BUILT_IN
        else custom_program(hass, who, sayable(program)) or program
    )


class GetState(FacialTherapyTool):
    """What the devices are doing."""

    name = f"{DOMAIN}__get_state"
    title = "Get facial therapy state"
    description = "Every mask and wand: what its session is doing, how long it still takes, whether something could start now, and its programs"
    annotations = READS

    @override
    async def async_do(
        self, hass: HomeAssistant, data: Mapping[str, Any], context: LLMContext, words: Translator
    ) -> dict[str, Any]:
        """Return the state of every device that is exposed."""
        made: Programs = NO_CUSTOM_PROGRAMS
        with suppress(RefusedError):  # nobody knows who is speaking
            made = custom_programs(hass, speaker(hass, context.context).person_id)
        return {
            "devices": [_state(hass, shell, made, words) for shell in _exposed(hass, context)],
            "people": [person.name for person in persons(hass)],
        }


def _selected(hass: HomeAssistant, shell: FacialTherapyCoordinator) -> str:
    """Return for whom a device would start something; empty if that is not clear, which is the reason then."""
    try:
        return find_person(hass, shell.controls.settings.person_id).name
    except RefusedError:
        return ""


def _state(
    hass: HomeAssistant, shell: FacialTherapyCoordinator, made: Programs, words: Translator
) -> dict[str, Any]:
    live, refusals, device = shell.live, shell.data.refusals, shell.config_entry.title
    left = left_s(shell)
    programs = [
        program.key
        for program in (*BUILT_IN.values(), *made.values())
        if shell.modality in program.modalities
    ]
    return {
        "device": device,
        "modality": shell.modality.value,
        "session": shell.state.value,
        "person": live.person.name if live is not None else None,
        "program": live.program if live is not None else shell.controls.settings.program,
        "left_s": None if left is None else round(left),
        "ready": not refusals,
        "not_ready_because": why(words, refusals[0], device, _selected(hass, shell))
        if refusals
        else None,
        "programs": {key: words.program(key) for key in (*programs, MANUAL)},
    }


class CheckSession(FacialTherapyTool):
    """Whether a session would be allowed."""

    name = f"{DOMAIN}__check_session"
    title = "Check facial therapy session"
    description = (
        "Say whether a session would be allowed now, and if not, why and when. Changes nothing"
    )
    parameters = vol.Schema({DEVICE: str, PERSON: str, PROGRAM: str})
    annotations = READS

    @override
    async def async_do(
        self, hass: HomeAssistant, data: Mapping[str, Any], context: LLMContext, words: Translator
    ) -> dict[str, Any]:
        """Ask the gate."""
        shell = _named(hass, context, data["device"])
        who = speaker(hass, context.context, data.get("person"))
        answer = await async_act(
            hass,
            "check_session",
            context.context,
            chosen(shell, who, _program(hass, who, data)),
            response=True,
        )
        personal = words.spoken("private", device=shell.config_entry.title, person=who.name)
        reasons = [
            {
                "reason": each["reason"],
                "message": personal if each["reason"] == PERSONAL else each["message"],
                "allowed_at": None if each["reason"] == PERSONAL else each["allowed_at"],
            }
            for each in answer["reasons"]
        ]
        return {
            "allowed": answer["allowed"],
            "reasons": reasons,
            "duration_s": answer.get("duration_s"),
        }


class StartSession(FacialTherapyTool):
    """Arm a session, or propose it."""

    name = f"{DOMAIN}__start_session"
    title = "Arm facial therapy session"
    description = "Arm a session of a program, or propose it. It begins only when the person puts the device on; levels and durations cannot be chosen"
    parameters = vol.Schema({DEVICE: str, PERSON: str, PROGRAM: str, MODE: vol.In(MODES)})
    annotations = ARMS

    @override
    async def async_do(
        self, hass: HomeAssistant, data: Mapping[str, Any], context: LLMContext, words: Translator
    ) -> dict[str, Any]:
        """Go through the gate."""
        shell = _named(hass, context, data["device"])
        who = speaker(hass, context.context, data.get("person"))
        asked = chosen(shell, who, _program(hass, who, data))
        answer = await async_act(
            hass,
            "start_session",
            context.context,
            {**asked, "wait": WAIT_S, ATTR_MODE: data[ATTR_MODE]},
            response=True,
        )
        return {
            key: answer.get(key)
            for key in ("state", "person", "program", "window_ends_at", "duration_s")
        }


class OfDevices(FacialTherapyTool):
    """What is done to one device, or to all that are exposed."""

    parameters = vol.Schema(
        {vol.Optional("device", description="Name of the mask or wand; left out: every one"): str}
    )
    action: str

    @override
    async def async_do(
        self, hass: HomeAssistant, data: Mapping[str, Any], context: LLMContext, words: Translator
    ) -> dict[str, Any]:
        """Do it to each, and return when all have confirmed it."""
        shells = (
            [_named(hass, context, data["device"])]
            if "device" in data
            else [each for each in _exposed(hass, context) if each.live is not None]
        )
        for shell in shells:
            await async_act(hass, self.action, context.context, target(shell))
        return {"done": [shell.config_entry.title for shell in shells]}


class LowerSession(OfDevices):
    """Less."""

    name = f"{DOMAIN}__lower_session"
    title = "Lower facial therapy session"
    description = "Lower what runs to three quarters. There is no way to raise it again"
    annotations = LESS
    action = "lower_session"


class StopSession(OfDevices):
    """The end."""

    name = f"{DOMAIN}__stop_session"
    title = "Stop facial therapy session"
    description = "Stop at once. Answers when the device has confirmed that its output is zero"
    annotations = ENDS
    action = "stop_session"


class GetHistory(FacialTherapyTool):
    """What a person has had, in numbers of sessions."""

    name = f"{DOMAIN}__get_history"
    title = "Get facial therapy history"
    description = "How many sessions a person had since Monday and ever, by modality, and when the last one was"
    parameters = vol.Schema({PERSON: str})
    annotations = READS

    @override
    async def async_do(
        self, hass: HomeAssistant, data: Mapping[str, Any], context: LLMContext, words: Translator
    ) -> dict[str, Any]:
        """Count; single sessions are not told."""
        who = speaker(hass, context.context, data.get("person"))
        if who.person_id not in {person.person_id for person in _readable(hass, context)}:
            raise RefusedError(
                Refusal(reason=Reason.UNKNOWN_PERSON, field="person", detail=who.name)
            )
        user_id = context.context.user_id if context.context else None
        user = await hass.auth.async_get_user(user_id) if user_id else None
        if user_id and (user is None or not may_read(hass, user, who)):
            raise RefusedError(
                Refusal(reason=Reason.UNKNOWN_PERSON, field="person", detail=who.name)
            )
        records = [
            record for record in hass.data[LEDGER].newest_first(who.person_id) if record.counts
        ]
        told: dict[str, Any] = {"person": who.name}
        for modality in Modality:
            of_it = [record for record in records if record.modality is modality]
            told[modality.value] = {
                "sessions_this_week": sum(record.started_at >= this_week() for record in of_it),
                "sessions": len(of_it),
                "last_on": dt_util.as_local(of_it[0].started_at).date().isoformat()
                if of_it
                else None,
            }
        return told

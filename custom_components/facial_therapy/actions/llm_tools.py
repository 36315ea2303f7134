"""Tools for language models. They call the same actions as voice.

No tool raises a limit or a level, clears a fault or switches output on: starting arms, and the face
starts the light. A model can use a device only while its session switch is exposed to the
assistant, and a person's history only while their sensor `sessions_this_week` is.

The only file that uses Home Assistant's LLM tools and exposed entities, both of which may change.
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

from ..const import DOMAIN, LLM_TOOLS
from ..coordinator import FacialTherapyCoordinator, all_coordinators
from ..core.model import Modality
from ..core.person import Person
from ..core.recipes import BUILT_IN, NO_CUSTOM_PROGRAMS, Programs
from ..core.refusal import PERSONAL, Reason, Refusal, RefusedError
from ..core.session_parameters import MANUAL
from ..people.programs import custom_programs
from ..people.registry import find_person, persons
from ..storage.ledger import LEDGER
from ..text.translator import ENGLISH, Translator, async_translator, explained, why
from .fields import ATTR_MODE, MODE_ARM, MODES, WAIT_S
from .history import may_read
from .spoken import (
    async_call_action,
    custom_program,
    left_s,
    sayable,
    session_data,
    speaker,
    target_of,
    week_began,
)

READS: Final = ToolAnnotations(read_only=True, destructive=False, idempotent=True, open_world=False)
ARMS: Final = ToolAnnotations(destructive=False, open_world=False)
LOWERS: Final = ToolAnnotations(destructive=False, open_world=False)
STOPS: Final = ToolAnnotations(destructive=False, idempotent=True, open_world=False)
DEVICE: Final = vol.Required(
    "device", description="Name of the mask or wand, as get_state lists it"
)
PERSON: Final = vol.Optional(
    "person", description="Name of the person. Leave it out for the person who is speaking"
)
PROGRAM: Final = vol.Optional(
    "program",
    description="Key of a program, as get_state lists it, or the name of a custom program of the "
    "person. Leave it out for the program that is selected on the device",
)
MODE: Final = vol.Optional(
    ATTR_MODE,
    default=MODE_ARM,
    description="propose: ask the person with a notification, and arm only after they say yes",
)
PROMPT: Final = (
    "Facial therapy masks and wands: starting a session only arms it. It begins when the person "
    "puts the device on. A refusal is final: give its reason and time, and do not try to work "
    "around it. Levels can be lowered, never raised."
)


@callback
def async_setup_llm_tools(hass: HomeAssistant) -> None:
    """Provide the tools to `llm.py`."""
    hass.data[LLM_TOOLS] = async_get_tools


@callback
def async_get_tools(hass: HomeAssistant, llm_context: LLMContext, api_id: str) -> LLMTools | None:
    """Return the tools for the devices and people that are exposed to the assistant."""
    if api_id != LLM_API_ASSIST or not (coordinators := _exposed(hass, llm_context)):
        return None
    tools: list[Tool] = [
        each() for each in (GetState, CheckSession, StartSession, LowerSession, StopSession)
    ]
    if _readable(hass, llm_context):
        tools.append(GetHistory())
    names = ", ".join(coordinator.config_entry.title for coordinator in coordinators)
    return LLMTools(tools=tools, prompt=f"{PROMPT} Devices: {names}.")


def _is_exposed(
    hass: HomeAssistant, context: LLMContext, platform: Platform, unique_id: str
) -> bool:
    entity_id = er.async_get(hass).async_get_entity_id(platform, DOMAIN, unique_id)
    return entity_id is not None and async_should_expose(hass, context.assistant, entity_id)


def _exposed(hass: HomeAssistant, context: LLMContext) -> list[FacialTherapyCoordinator]:
    return [
        coordinator
        for coordinator in all_coordinators(hass)
        if _is_exposed(hass, context, Platform.SWITCH, f"{coordinator.mac}_session")
    ]


def _readable(hass: HomeAssistant, context: LLMContext) -> list[Person]:
    return [
        person
        for person in persons(hass)
        if _is_exposed(hass, context, Platform.SENSOR, f"{person.person_id}_sessions_this_week")
    ]


class FacialTherapyTool(Tool):
    """A tool that returns a refusal as an error with its reason."""

    integration = DOMAIN

    @override
    async def async_call(
        self, hass: HomeAssistant, tool_input: ToolInput, llm_context: LLMContext
    ) -> ToolResult:
        """Check the arguments, and call the tool."""
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
        """Call the tool, and return its result."""


def _named(hass: HomeAssistant, context: LLMContext, name: str) -> FacialTherapyCoordinator:
    """Return an exposed device by its name.

    Raises:
        RefusedError: `device_not_loaded`: no exposed device has the name.
    """
    if (
        coordinator := next(
            (
                each
                for each in _exposed(hass, context)
                if each.config_entry.title.casefold() == name.strip().casefold()
            ),
            None,
        )
    ) is None:
        raise RefusedError(Refusal(reason=Reason.DEVICE_NOT_LOADED, detail=name))
    return coordinator


def _program(hass: HomeAssistant, person: Person, data: Mapping[str, Any]) -> str | None:
    """Return the key of the named program: built-in, else custom; an unknown name as it is."""
    program: str | None = data.get("program")
    return (
        program
        if program is None or program in BUILT_IN
        else custom_program(hass, person, sayable(program)) or program
    )


class GetState(FacialTherapyTool):
    """The state of the devices."""

    name = f"{DOMAIN}__get_state"
    title = "Get facial therapy state"
    description = (
        "Every mask and wand: the state of its session, how long it still takes, whether a session "
        "could start now, and its programs"
    )
    annotations = READS

    @override
    async def async_do(
        self, hass: HomeAssistant, data: Mapping[str, Any], context: LLMContext, words: Translator
    ) -> dict[str, Any]:
        """Return the state of every exposed device."""
        custom: Programs = NO_CUSTOM_PROGRAMS
        with suppress(RefusedError):  # an unknown speaker has no custom programs
            custom = custom_programs(hass, speaker(hass, context.context).person_id)
        return {
            "devices": [
                _state(hass, coordinator, custom, words) for coordinator in _exposed(hass, context)
            ],
            "people": [person.name for person in persons(hass)],
        }


def _selected(hass: HomeAssistant, coordinator: FacialTherapyCoordinator) -> str:
    """Return the name of the person whom a device would start for; empty if that is not clear."""
    try:
        return find_person(hass, coordinator.controls.settings.person_id).name
    except RefusedError:
        return ""


def _state(
    hass: HomeAssistant, coordinator: FacialTherapyCoordinator, custom: Programs, words: Translator
) -> dict[str, Any]:
    live, refusals, device = (
        coordinator.live,
        coordinator.data.refusals,
        coordinator.config_entry.title,
    )
    left = left_s(coordinator)
    programs = [
        program.key
        for program in (*BUILT_IN.values(), *custom.values())
        if coordinator.modality in program.modalities
    ]
    return {
        "device": device,
        "modality": coordinator.modality.value,
        "session": coordinator.state.value,
        "person": live.person.name if live is not None else None,
        "program": live.program if live is not None else coordinator.controls.settings.program,
        "left_s": None if left is None else round(left),
        "ready": not refusals,
        "not_ready_because": why(words, refusals[0], device, _selected(hass, coordinator))
        if refusals
        else None,
        "programs": {key: words.program(key) for key in (*programs, MANUAL)},
    }


class CheckSession(FacialTherapyTool):
    """Whether a session is allowed."""

    name = f"{DOMAIN}__check_session"
    title = "Check facial therapy session"
    description = "Whether a session is allowed now, and if not, why and when. Changes nothing"
    parameters = vol.Schema({DEVICE: str, PERSON: str, PROGRAM: str})
    annotations = READS

    @override
    async def async_do(
        self, hass: HomeAssistant, data: Mapping[str, Any], context: LLMContext, words: Translator
    ) -> dict[str, Any]:
        """Ask the gate."""
        coordinator = _named(hass, context, data["device"])
        person = speaker(hass, context.context, data.get("person"))
        answer = await async_call_action(
            hass,
            "check_session",
            context.context,
            session_data(coordinator, person, _program(hass, person, data)),
            response=True,
        )
        personal = words.spoken(
            "private", device=coordinator.config_entry.title, person=person.name
        )
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
    description = (
        "Arm a session of a program, or propose it. It begins only when the person puts the device "
        "on. Levels and durations can't be chosen"
    )
    parameters = vol.Schema({DEVICE: str, PERSON: str, PROGRAM: str, MODE: vol.In(MODES)})
    annotations = ARMS

    @override
    async def async_do(
        self, hass: HomeAssistant, data: Mapping[str, Any], context: LLMContext, words: Translator
    ) -> dict[str, Any]:
        """Arm or propose it."""
        coordinator = _named(hass, context, data["device"])
        person = speaker(hass, context.context, data.get("person"))
        session = session_data(coordinator, person, _program(hass, person, data))
        answer = await async_call_action(
            hass,
            "start_session",
            context.context,
            {**session, "wait": WAIT_S, ATTR_MODE: data[ATTR_MODE]},
            response=True,
        )
        return {
            key: answer.get(key)
            for key in ("state", "person", "program", "window_ends_at", "duration_s")
        }


class DeviceTool(FacialTherapyTool):
    """An action on one device, or on all exposed devices with a session."""

    parameters = vol.Schema(
        {
            vol.Optional(
                "device", description="Name of the mask or wand. Leave it out for all of them"
            ): str
        }
    )
    action: str

    @override
    async def async_do(
        self, hass: HomeAssistant, data: Mapping[str, Any], context: LLMContext, words: Translator
    ) -> dict[str, Any]:
        """Call the action once for all of them, and return when all have confirmed."""
        coordinators = (
            [_named(hass, context, data["device"])]
            if "device" in data
            else [each for each in _exposed(hass, context) if each.live is not None]
        )
        if coordinators:
            await async_call_action(hass, self.action, context.context, target_of(*coordinators))
        return {"done": [coordinator.config_entry.title for coordinator in coordinators]}


class LowerSession(DeviceTool):
    """Lower the level of what runs."""

    name = f"{DOMAIN}__lower_session"
    title = "Lower facial therapy session"
    description = "Lower the level to three quarters. It can't be raised again"
    annotations = LOWERS
    action = "lower_session"


class StopSession(DeviceTool):
    """Stop sessions."""

    name = f"{DOMAIN}__stop_session"
    title = "Stop facial therapy session"
    description = "Stop at once. Answers when the device has confirmed that its output is zero"
    annotations = STOPS
    action = "stop_session"


class GetHistory(FacialTherapyTool):
    """How many sessions a person had."""

    name = f"{DOMAIN}__get_history"
    title = "Get facial therapy history"
    description = (
        "How many sessions a person had since Monday and in total, by modality, and the date of "
        "the last one"
    )
    parameters = vol.Schema({PERSON: str})
    annotations = READS

    @override
    async def async_do(
        self, hass: HomeAssistant, data: Mapping[str, Any], context: LLMContext, words: Translator
    ) -> dict[str, Any]:
        """Count the sessions; single sessions stay private."""
        person = speaker(hass, context.context, data.get("person"))
        if person.person_id not in {person.person_id for person in _readable(hass, context)}:
            raise RefusedError(
                Refusal(reason=Reason.UNKNOWN_PERSON, field="person", detail=person.name)
            )
        user_id = context.context.user_id if context.context else None
        user = await hass.auth.async_get_user(user_id) if user_id else None
        if user_id and (user is None or not may_read(hass, user, person)):
            raise RefusedError(
                Refusal(reason=Reason.UNKNOWN_PERSON, field="person", detail=person.name)
            )
        records = [
            record for record in hass.data[LEDGER].newest_first(person.person_id) if record.counts
        ]
        counts: dict[str, Any] = {"person": person.name}
        for modality in Modality:
            sessions = [record for record in records if record.modality is modality]
            counts[modality.value] = {
                "sessions_this_week": sum(record.started_at >= week_began() for record in sessions),
                "sessions": len(sessions),
                "last_on": dt_util.as_local(sessions[0].started_at).date().isoformat()
                if sessions
                else None,
            }
        return counts

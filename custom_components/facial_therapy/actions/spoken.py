"""What voice and LLM tools share: who is speaking, and which action they mean.

Both call the same actions as everyone else, with a context that says that it was spoken.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
import re
from typing import Any

from homeassistant.core import Context, HomeAssistant
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..coordinator import FacialTherapyCoordinator
from ..core.gate.request import SessionRequest
from ..core.model import Modality
from ..core.person import Person
from ..core.session_parameters import MANUAL
from ..people.actor import Spoken
from ..people.programs import custom_programs
from ..people.registry import find_person, person_of_user
from ..people.routines import custom_routines


def sayable(name: str) -> str:
    """Return a name as it is matched: in lower case, without the special characters of templates.

    `ß` stays, because sentences are matched character by character.
    """
    return " ".join(re.sub(r"[^\w' -]|_", " ", name).lower().split())


def speaker(hass: HomeAssistant, context: Context | None, named: str | None = None) -> Person:
    """Return whom a sentence is for: the named person, else the signed-in one, else the only one.

    Raises:
        RefusedError: `no_person`: that is not clear; `unknown_person`: nobody has the name.
    """
    user_id = context.user_id if context else None
    if named is None and (person := person_of_user(hass, user_id)) is not None:
        return person
    return find_person(hass, named)


def custom_program(hass: HomeAssistant, person: Person, spoken_name: str) -> str | None:
    """Return the key of a person's custom program by its spoken name; None: they have none."""
    programs = custom_programs(hass, person.person_id)
    return next((name for name in programs if sayable(name) == spoken_name), None)


def custom_routine(hass: HomeAssistant, person: Person, spoken_name: str) -> str | None:
    """Return the key of a person's custom routine by its spoken name; None: they have none."""
    routines = custom_routines(hass, person.person_id)
    return next((name for name in routines if sayable(name) == spoken_name), None)


async def async_call_action(
    hass: HomeAssistant,
    action: str,
    context: Context | None,
    data: Mapping[str, Any],
    *,
    response: bool = False,
) -> dict[str, Any]:
    """Call one of our actions on behalf of the speaker, and return its response.

    Raises:
        HomeAssistantError: As the action.
    """
    answer = await hass.services.async_call(
        DOMAIN,
        action,
        dict(data),
        blocking=True,
        context=Spoken.of(context),
        return_response=response,
    )
    return dict(answer or {})


def target_of(*coordinators: FacialTherapyCoordinator) -> dict[str, Any]:
    """Return devices as the target of an action."""
    devices = [coordinator.device_entry for coordinator in coordinators]
    return {"device_id": ["" if device is None else device.id for device in devices]}


def request_for(
    coordinator: FacialTherapyCoordinator, person: Person, program: str | None
) -> SessionRequest:
    """Return a request for the named program, else for the one selected on the device."""
    program = program or coordinator.data.settings.program
    if program == MANUAL:
        return replace(coordinator.controls.manual(), person=person)
    return SessionRequest(person=person, program=program)


def session_data(
    coordinator: FacialTherapyCoordinator, person: Person, program: str | None
) -> dict[str, Any]:
    """Return the data of a session action: `request_for` in the fields of the action.

    Raises:
        RefusedError: No person is selected on the device, for a manual session.
    """
    request = request_for(coordinator, person, program)
    data: dict[str, Any] = {
        **target_of(coordinator),
        "person": person.person_id,
        "program": request.program,
    }
    if request.program != MANUAL:
        return data
    data["duration_s"] = request.duration_s
    if coordinator.modality is Modality.WAND:
        return data | {"current_ua": request.current_ua, "frequency_hz": request.frequency_hz}
    levels = request.irradiance_mw_cm2 or {}
    return data | {"channels": {channel.value: level for channel, level in levels.items()}}


def left_s(coordinator: FacialTherapyCoordinator) -> float | None:
    """Return how many seconds of output a session has left; None if that is not known."""
    live, telemetry = coordinator.live, coordinator.telemetry
    if live is not None and live.ends_at is not None:
        return max(0.0, (live.ends_at - dt_util.utcnow()).total_seconds())
    if live is not None and telemetry is not None and telemetry.session_id == live.session_id:
        return telemetry.left_s
    return (
        live.permitted.request.duration_s
        if live is not None and live.permitted is not None
        else None
    )


def week_began() -> datetime:
    """Return when the week began: Monday 0:00 in the time zone of the home, as UTC."""
    today = dt_util.start_of_local_day()
    return dt_util.as_utc(today - timedelta(days=today.weekday()))

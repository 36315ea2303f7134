"""Register the actions of sessions. The coordinator of a device decides whether one may start."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from homeassistant.core import (
    Context,
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.util import dt as dt_util
import voluptuous as vol

from .actions.fields import (
    ATTR_MODE,
    ATTR_PERSON,
    ATTR_SKIN_FINE,
    ATTR_WAIT,
    MODE_PROPOSE,
    SESSION,
    TARGET,
    WAIT_S,
    request_of,
)
from .actions.history import HISTORY, LOG, async_get_history, async_log_session
from .actions.targets import one_coordinator, target_coordinators
from .const import DOMAIN
from .coordinator import FacialTherapyCoordinator, all_coordinators
from .core.gate.eligibility import not_fine
from .core.gate.request import SessionRequest
from .core.refusal import Reason, Refusal, RefusedError
from .core.session_parameters import PermittedSession
from .devices.port import DeviceError
from .people.permissions import async_may_control_device
from .people.registry import async_change_eligibility
from .routines.person import routines_of
from .routines.proposals import OPEN, PROPOSALS, Proposal
from .session.view import LiveSession
from .text.errors import translated, translated_errors


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""

    def register(
        name: str,
        action: Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]],
        schema: Mapping[Any, Any],
        response: SupportsResponse,
    ) -> None:
        hass.services.async_register(DOMAIN, name, action, vol.Schema(schema), response)

    register("start_session", _async_start, SESSION, SupportsResponse.OPTIONAL)
    register("check_session", _async_check, SESSION, SupportsResponse.ONLY)
    register("pause_session", _async_pause, TARGET, SupportsResponse.NONE)
    register("resume_session", _async_resume, TARGET, SupportsResponse.NONE)
    register("lower_session", _async_lower, TARGET, SupportsResponse.NONE)
    register("stop_session", _async_stop, TARGET, SupportsResponse.NONE)
    register("stop_all", _async_stop_all, {}, SupportsResponse.NONE)
    register("get_history", async_get_history, HISTORY, SupportsResponse.ONLY)
    register("log_session", async_log_session, LOG, SupportsResponse.OPTIONAL)


# --- actions --------------------------------------------------------------------------------------


async def _async_start(call: ServiceCall) -> ServiceResponse:
    """Arm a session, or propose it."""
    coordinator = one_coordinator(call)
    await async_may_control_device(call, coordinator.mac)
    with translated_errors():
        request = request_of(call)
        if call.data.get(ATTR_SKIN_FINE) is False:  # holds for every later request today
            async_change_eligibility(call.hass, request.person, not_fine)
        if call.data[ATTR_MODE] == MODE_PROPOSE:
            return await _async_propose(call, coordinator, request)
        live = await coordinator.async_start(request, call.context)
    return _session_response(live) if call.return_response else None


async def _async_propose(
    call: ServiceCall, coordinator: FacialTherapyCoordinator, request: SessionRequest
) -> ServiceResponse:
    """Ask the person whether they want a session now.

    Raises:
        RefusedError: The session would be refused, for another reason than that its device is off.
    """
    if refusals := [
        refusal
        for refusal in coordinator.check(request)
        if refusal.reason is not Reason.DEVICE_OFFLINE
    ]:
        raise RefusedError(*refusals)
    person, until = request.person, dt_util.utcnow() + OPEN
    fields = {field: value for field, value in call.data.items() if field != ATTR_MODE}
    data = {ATTR_WAIT: WAIT_S, **fields, ATTR_PERSON: person.person_id, ATTR_SKIN_FINE: True}
    day = routines_of(call.hass, person).due.planned_today
    proposal = Proposal(
        what=coordinator.modality.value, action="start_session", data=data, until=until, day=day
    )
    await call.hass.data[PROPOSALS].async_propose(person.person_id, proposal)
    response: dict[str, Any] = {
        "session_id": None,
        "state": "proposed",
        "person": person.name,
        "program": request.program,
        "window_ends_at": until.isoformat(),
    }
    return response if call.return_response else None


async def _async_check(call: ServiceCall) -> ServiceResponse:
    """Return whether a session is allowed now, and if not, why and when it will be."""
    coordinator = one_coordinator(call)
    await async_may_control_device(call, coordinator.mac)
    try:
        plan = coordinator.consider(request_of(call))
    except RefusedError as error:
        return {
            "allowed": False,
            "reasons": [_refusal_response(refusal) for refusal in error.refusals],
        }
    return {"allowed": True, "reasons": [], **_dose_response(plan)}


async def _async_pause(call: ServiceCall) -> None:
    """Switch the output off and keep the session."""
    coordinator = one_coordinator(call)
    await async_may_control_device(call, coordinator.mac)
    with translated_errors():
        await coordinator.async_pause(call.context)


async def _async_resume(call: ServiceCall) -> None:
    """Resume the rest of a paused or suspended session."""
    coordinator = one_coordinator(call)
    await async_may_control_device(call, coordinator.mac)
    with translated_errors():
        await coordinator.async_resume(call.context)


async def _async_lower(call: ServiceCall) -> None:
    """Lower the level on all targeted devices; any signed-in user may."""
    coordinators, errors = target_coordinators(call)
    await _async_each(coordinators, lambda coordinator: coordinator.async_lower())
    if errors:
        raise errors[0]


async def _async_stop(call: ServiceCall) -> None:
    """Stop all targeted devices, then report unknown targets; any signed-in user may."""
    coordinators, errors = target_coordinators(call)
    await _async_stop_each(coordinators, call.context)
    if errors:
        raise errors[0]


async def _async_stop_all(call: ServiceCall) -> None:
    """Stop every device; any signed-in user may."""
    await _async_stop_each(all_coordinators(call.hass), call.context)


async def _async_stop_each(coordinators: list[FacialTherapyCoordinator], context: Context) -> None:
    await _async_each(coordinators, lambda coordinator: coordinator.async_stop(context))


async def _async_each(
    coordinators: list[FacialTherapyCoordinator],
    command: Callable[[FacialTherapyCoordinator], Coroutine[Any, Any, None]],
) -> None:
    """Send a command to all devices at once, and return when all have confirmed it.

    Raises:
        HomeAssistantError: One of them failed; the others have obeyed.
    """
    results = await asyncio.gather(*map(command, coordinators), return_exceptions=True)
    for result in results:
        if isinstance(result, DeviceError | RefusedError):
            raise translated(result) from result
        if isinstance(result, BaseException):
            raise result


# --- responses ------------------------------------------------------------------------------------


def _session_response(live: LiveSession) -> dict[str, Any]:
    """Return a started session: its state, the end of its window, and its planned dose."""
    response: dict[str, Any] = {
        "session_id": live.session_id,
        "state": "waiting" if live.permitted is None else "armed",
        "person": live.person.name,
        "program": live.program,
        "window_ends_at": live.window_ends_at.isoformat() if live.window_ends_at else None,
    }
    return response | _dose_response(live.permitted)


def _dose_response(permitted: PermittedSession | None) -> dict[str, Any]:
    """Return the levels and the dose of a session; empty while it waits for its device."""
    if permitted is None:
        return {}
    request, planned = permitted.request, permitted.planned
    return {
        "duration_s": request.duration_s,
        "irradiance_mw_cm2": {
            str(channel): level for channel, level in request.irradiance_mw_cm2.items()
        },
        "current_ua": request.current_ua,
        "frequency_hz": request.frequency_hz,
        "planned": {
            "fluence_j_cm2": {
                str(channel): fluence for channel, fluence in planned.fluence_j_cm2.items()
            },
            "charge_ma_min": planned.charge_ma_min,
        },
    }


def _refusal_response(refusal: Refusal) -> dict[str, Any]:
    """Return a refusal with its reason, its sentence, its bound and when it ends."""
    return {
        "reason": refusal.reason.shown,
        "message": str(translated(RefusedError(refusal))),
        "field": refusal.field,
        "minimum": refusal.minimum,
        "maximum": refusal.maximum,
        "unit": refusal.unit,
        "detail": refusal.detail,
        "allowed_at": refusal.allowed_at.isoformat() if refusal.allowed_at else None,
    }

"""The actions: which device, for whom, what; whether it may is for the shell to say."""

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
    ask_of,
)
from .actions.history import HISTORY, LOG, async_get_history, async_log_session
from .actions.targets import one_coordinator, target_coordinators
from .const import DOMAIN
from .coordinator import FacialTherapyCoordinator, all_coordinators
from .core.gate.eligibility import not_fine
from .core.model import PermittedSession, Reason, Refusal, RefusedError
from .devices.port import DeviceError
from .people.permissions import async_may_control_device
from .people.registry import async_change_eligibility
from .routines.person import routines_of
from .routines.proposals import OPEN, PROPOSALS, Proposal
from .session.view import LiveSession, SessionRequest
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


# --- the actions ----------------------------------------------------------------------------------


async def _async_start(call: ServiceCall) -> ServiceResponse:
    """Arm a session, or propose it."""
    coordinator = one_coordinator(call)
    await async_may_control_device(call, coordinator.mac)
    with translated_errors():
        ask = ask_of(call)
        if call.data.get(ATTR_SKIN_FINE) is False:  # whoever asks next today is told the same
            async_change_eligibility(call.hass, ask.person, not_fine)
        if call.data[ATTR_MODE] == MODE_PROPOSE:
            return await _async_propose(call, coordinator, ask)
        live = await coordinator.async_start(ask, call.context)
    return _session(live) if call.return_response else None


async def _async_propose(
    call: ServiceCall, coordinator: FacialTherapyCoordinator, ask: SessionRequest
) -> ServiceResponse:
    """Ask the person whether they want a session now; one that would be refused is not proposed."""
    if refusals := [
        refusal for refusal in coordinator.check(ask) if refusal.reason is not Reason.DEVICE_OFFLINE
    ]:
        raise RefusedError(*refusals)
    until = dt_util.utcnow() + OPEN
    asked = {field: value for field, value in call.data.items() if field != ATTR_MODE}
    data = {ATTR_WAIT: WAIT_S, **asked, ATTR_PERSON: ask.person.person_id, ATTR_SKIN_FINE: True}
    day = routines_of(call.hass, ask.person).due.planned_today
    proposal = Proposal(
        what=coordinator.modality.value, action="start_session", data=data, until=until, day=day
    )
    await call.hass.data[PROPOSALS].async_propose(ask.person.person_id, proposal)
    answer: dict[str, Any] = {
        "session_id": None,
        "state": "proposed",
        "person": ask.person.name,
        "program": ask.program,
        "window_ends_at": until.isoformat(),
    }
    return answer if call.return_response else None


async def _async_check(call: ServiceCall) -> ServiceResponse:
    """Say whether a session would be allowed now, and if not, why and when."""
    coordinator = one_coordinator(call)
    await async_may_control_device(call, coordinator.mac)
    try:
        plan = coordinator.admission.consider(ask_of(call))
    except RefusedError as error:
        return {"allowed": False, "reasons": [_reason(refusal) for refusal in error.refusals]}
    return {"allowed": True, "reasons": [], **_gives(plan)}


async def _async_pause(call: ServiceCall) -> None:
    """Zero at once, the session kept."""
    coordinator = one_coordinator(call)
    await async_may_control_device(call, coordinator.mac)
    with translated_errors():
        await coordinator.async_pause(call.context)


async def _async_resume(call: ServiceCall) -> None:
    """Give the rest of a paused or suspended session."""
    coordinator = one_coordinator(call)
    await async_may_control_device(call, coordinator.mac)
    with translated_errors():
        await coordinator.async_resume(call.context)


async def _async_lower(call: ServiceCall) -> None:
    """Lower what runs on the devices that are named; open to everybody who is signed in."""
    coordinators, unknown = target_coordinators(call)
    with translated_errors():
        for coordinator in coordinators:
            await coordinator.manual.async_lower()
    for error in unknown:
        raise error


async def _async_stop(call: ServiceCall) -> None:
    """Stop the devices that are named; open to everybody who is signed in."""
    coordinators, unknown = target_coordinators(call)
    await _async_stop_each(
        coordinators, call.context
    )  # a name that is wrong does not keep the others running
    for error in unknown:
        raise error


async def _async_stop_all(call: ServiceCall) -> None:
    """Stop every device; open to everybody who is signed in."""
    await _async_stop_each(all_coordinators(call.hass), call.context)


async def _async_stop_each(coordinators: list[FacialTherapyCoordinator], context: Context) -> None:
    """Stop several devices at once, all of them even if one fails."""
    results = await asyncio.gather(
        *(coordinator.async_stop(context) for coordinator in coordinators), return_exceptions=True
    )
    for result in results:
        if isinstance(result, DeviceError):
            raise translated(result) from result
        if isinstance(result, BaseException):
            raise result


# --- out ------------------------------------------------------------------------------------------


def _session(live: LiveSession) -> dict[str, Any]:
    """Return what was started: until when it waits to be put on, and what it will give."""
    response: dict[str, Any] = {
        "session_id": live.session_id,
        "state": "waiting" if live.plan is None else "armed",
        "person": live.person.name,
        "program": live.program,
        "window_ends_at": live.window_ends_at.isoformat() if live.window_ends_at else None,
    }
    return response | _gives(live.plan)


def _gives(plan: PermittedSession | None) -> dict[str, Any]:
    """Return what a session will give; nothing is known of one that waits for its device."""
    if plan is None:
        return {}
    request, planned = plan.request, plan.planned
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


def _reason(refusal: Refusal) -> dict[str, Any]:
    """Return a refusal for an automation, and in words."""
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

"""The actions: which device, for whom, what; whether it may is for the shell to say.

Numbers are taken as they come, and refused by the core with field and bound: a schema could only say that something is wrong.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import timedelta
import math
from typing import Any, Final, cast

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse, SupportsResponse, callback
from homeassistant.exceptions import Unauthorized, UnknownUser
from homeassistant.helpers import config_validation as cv, entity_registry as er
import voluptuous as vol

from .const import DOMAIN
from .coordinator import FacialTherapyCoordinator
from .core.limits import Bound
from .core.model import Channel, Reason, Refusal, RefusedError
from .devices import DeviceError
from .entity import translated_errors
from .errors import translated
from .people import find_person
from .snapshot import Ask, LiveSession
from .targets import all_coordinators, one_coordinator, target_coordinators

ATTR_CHANNELS: Final = "channels"
ATTR_CURRENT: Final = "current_ua"
ATTR_DURATION: Final = "duration_s"
ATTR_FREQUENCY: Final = "frequency_hz"
ATTR_MODE: Final = "mode"
ATTR_PERSON: Final = "person"
ATTR_PROGRAM: Final = "program"
ATTR_WAIT: Final = "wait"
ATTR_WINDOW: Final = "window_s"
MODE_ARM: Final = "arm"
WAIT: Final = Bound(minimum=1, maximum=86_400, unit="s", source="")
"""How long a session may be held for a device that is off: a day, since the next evening is another session. No limit of safety."""

TARGET: Final[Mapping[Any, Any]] = cv.ENTITY_SERVICE_FIELDS
SESSION: Final[Mapping[Any, Any]] = {
    **TARGET,
    vol.Optional(ATTR_PERSON): cv.string,
    vol.Required(ATTR_PROGRAM): cv.string,
    vol.Optional(ATTR_CHANNELS): dict,
    vol.Optional(ATTR_CURRENT): object,
    vol.Optional(ATTR_FREQUENCY): object,
    vol.Optional(ATTR_DURATION): object,
    vol.Optional(ATTR_WINDOW): object,
    vol.Optional(ATTR_WAIT): object,
    vol.Optional(ATTR_MODE, default=MODE_ARM): vol.In([MODE_ARM]),
}


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions."""

    def register(
        name: str, action: Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]], schema: Mapping[Any, Any], response: SupportsResponse
    ) -> None:
        hass.services.async_register(DOMAIN, name, action, vol.Schema(schema), response)

    register("start_session", _async_start, SESSION, SupportsResponse.OPTIONAL)
    register("check_session", _async_check, SESSION, SupportsResponse.ONLY)
    register("pause_session", _async_pause, TARGET, SupportsResponse.NONE)
    register("resume_session", _async_resume, TARGET, SupportsResponse.NONE)
    register("stop_session", _async_stop, TARGET, SupportsResponse.NONE)
    register("stop_all", _async_stop_all, {}, SupportsResponse.NONE)


# --- the actions ---------------------------------------------------------------------------------------------------------------


async def _async_start(call: ServiceCall) -> ServiceResponse:
    """Arm a session."""
    coordinator = one_coordinator(call)
    await _async_may_control(call, coordinator)
    with translated_errors():
        live = await coordinator.async_start(_ask(call), call.context)
    return _session(live) if call.return_response else None


async def _async_check(call: ServiceCall) -> ServiceResponse:
    """Say whether a session would be allowed now, and if not, why and when."""
    coordinator = one_coordinator(call)
    await _async_may_control(call, coordinator)
    try:
        refusals = coordinator.check(_ask(call))
    except RefusedError as error:
        refusals = error.refusals
    return {"allowed": not refusals, "reasons": [_reason(refusal) for refusal in refusals]}


async def _async_pause(call: ServiceCall) -> None:
    """Zero at once, the session kept."""
    coordinator = one_coordinator(call)
    await _async_may_control(call, coordinator)
    with translated_errors():
        await coordinator.async_pause()


async def _async_resume(call: ServiceCall) -> None:
    """Give the rest of a paused or suspended session."""
    coordinator = one_coordinator(call)
    await _async_may_control(call, coordinator)
    with translated_errors():
        await coordinator.async_resume()


async def _async_stop(call: ServiceCall) -> None:
    """Stop the devices that are named; open to everybody who is signed in."""
    coordinators, unknown = target_coordinators(call)
    await _async_stop_each(coordinators)  # a name that is wrong does not keep the others running
    for error in unknown:
        raise error


async def _async_stop_all(call: ServiceCall) -> None:
    """Stop every device; open to everybody who is signed in."""
    await _async_stop_each(all_coordinators(call.hass))


async def _async_stop_each(coordinators: list[FacialTherapyCoordinator]) -> None:
    """Stop several devices at once, all of them even if one fails."""
    results = await asyncio.gather(*(coordinator.async_stop() for coordinator in coordinators), return_exceptions=True)
    for result in results:
        if isinstance(result, DeviceError):
            raise translated(result) from result
        if isinstance(result, BaseException):
            raise result


# --- in ------------------------------------------------------------------------------------------------------------------------


async def _async_may_control(call: ServiceCall, coordinator: FacialTherapyCoordinator) -> None:
    """Let a user go on who may control the session switch; an automation has no user and may.

    Raises:
        UnknownUser: The user has been removed.
        Unauthorized: May only look.
    """
    if call.context.user_id is None:
        return
    if (user := await call.hass.auth.async_get_user(call.context.user_id)) is None:
        raise UnknownUser(context=call.context)
    entity_id = er.async_get(call.hass).async_get_entity_id(Platform.SWITCH, DOMAIN, f"{coordinator.mac}_session")
    if not user.permissions.check_entity(entity_id or "", POLICY_CONTROL):
        raise Unauthorized(context=call.context, entity_id=entity_id, permission=POLICY_CONTROL)


def _ask(call: ServiceCall) -> Ask:
    """Return what is asked for.

    Raises:
        RefusedError: There is no such person, or the time to wait is out of its bound.
    """
    data = call.data
    channels = data.get(ATTR_CHANNELS)
    return Ask(
        person=find_person(call.hass, data.get(ATTR_PERSON)),
        program=data[ATTR_PROGRAM],
        duration_s=_number(data, ATTR_DURATION),
        irradiance_mw_cm2=None if channels is None else {_channel(channel): _finite(level) for channel, level in channels.items()},
        current_ua=_number(data, ATTR_CURRENT),
        frequency_hz=_number(data, ATTR_FREQUENCY),
        window_s=_number(data, ATTR_WINDOW),
        wait_s=_wait(data),
    )


def _channel(word: object) -> Channel:
    """Return a channel, or the word as it is, which the core refuses by name."""
    return Channel(str(word)) if word in tuple(Channel) else cast("Channel", str(word))


def _number(data: Mapping[str, Any], field: str) -> float | None:
    return _finite(data[field]) if field in data else None


def _finite(value: Any) -> float:  # noqa: ANN401 - whatever a person wrote
    """Return a number, also one that a template wrote as text; whatever is none is NaN, which is inside no bound."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except TypeError, ValueError, OverflowError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _wait(data: Mapping[str, Any]) -> float | None:
    """Return the seconds of a duration in any form that Home Assistant knows.

    Raises:
        RefusedError: It is none, or out of its bound.
    """
    if ATTR_WAIT not in data:
        return None
    wait_s = math.nan
    if not isinstance(data[ATTR_WAIT], bool):  # which would be a second
        with suppress(vol.Invalid, ValueError, OverflowError):
            wait_s = cast("timedelta", cv.time_period(data[ATTR_WAIT])).total_seconds()
    if not WAIT.holds(wait_s):
        raise RefusedError(Refusal(reason=Reason.OUT_OF_BOUNDS, field=ATTR_WAIT, minimum=WAIT.minimum, maximum=WAIT.maximum, unit=WAIT.unit))
    return wait_s


# --- out -----------------------------------------------------------------------------------------------------------------------


def _session(live: LiveSession) -> dict[str, Any]:
    """Return what was started: until when it waits to be put on, and what it will give."""
    response: dict[str, Any] = {
        "session_id": live.session_id,
        "state": "waiting" if live.plan is None else "armed",
        "person": live.person.name,
        "program": live.program,
        "window_ends_at": live.window_ends_at.isoformat() if live.window_ends_at else None,
    }
    if live.plan is not None:
        request, planned = live.plan.request, live.plan.planned
        response |= {
            "duration_s": request.duration_s,
            "irradiance_mw_cm2": {str(channel): level for channel, level in request.irradiance_mw_cm2.items()},
            "current_ua": request.current_ua,
            "frequency_hz": request.frequency_hz,
            "planned": {
                "fluence_j_cm2": {str(channel): fluence for channel, fluence in planned.fluence_j_cm2.items()},
                "charge_ma_min": planned.charge_ma_min,
            },
        }
    return response


def _reason(refusal: Refusal) -> dict[str, Any]:
    """Return a refusal for an automation, and in words."""
    return {
        "reason": refusal.reason.value,
        "message": str(translated(RefusedError(refusal))),
        "field": refusal.field,
        "minimum": refusal.minimum,
        "maximum": refusal.maximum,
        "unit": refusal.unit,
        "detail": refusal.detail,
        "allowed_at": refusal.allowed_at.isoformat() if refusal.allowed_at else None,
    }

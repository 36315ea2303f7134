"""What an action asks for: its fields, and the request that they make.

Numbers are taken as they come, and refused by the core with field and bound: a schema could only
say that something is wrong.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
import math
from typing import TYPE_CHECKING, Any, Final, cast

from homeassistant.core import ServiceCall
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..core.gate.eligibility import not_fine
from ..core.limits import Bound
from ..core.model import Channel, Reason, Refusal, RefusedError
from ..people.registry import find_person
from ..session.view import SessionRequest

if TYPE_CHECKING:
    from datetime import timedelta

ATTR_CHANNELS: Final = "channels"
ATTR_CURRENT: Final = "current_ua"
ATTR_DURATION: Final = "duration_s"
ATTR_FREQUENCY: Final = "frequency_hz"
ATTR_GEL_RINSED: Final = "gel_rinsed"
ATTR_MODE: Final = "mode"
ATTR_PERSON: Final = "person"
ATTR_PROGRAM: Final = "program"
ATTR_SKIN_FINE: Final = "skin_fine"
"""The line before a session: is your skin fine today? Left out: not asked."""
ATTR_WAIT: Final = "wait"
ATTR_WINDOW: Final = "window_s"
MODE_ARM: Final = "arm"
MODE_PROPOSE: Final = "propose"
"""Ask the person first, with a notification."""
MODES: Final = (MODE_ARM, MODE_PROPOSE)
WAIT: Final = Bound(minimum=1, maximum=86_400, unit="s", source="")
"""How long a session may be held for a device that is off: a day, since the next evening is another
session. No limit of safety."""

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
    vol.Optional(ATTR_GEL_RINSED, default=False): cv.boolean,
    vol.Optional(ATTR_SKIN_FINE): cv.boolean,
    vol.Optional(ATTR_MODE, default=MODE_ARM): vol.In(MODES),
}


def request_of(call: ServiceCall) -> SessionRequest:
    """Return what is asked for.

    Raises:
        RefusedError: There is no such person, or the time to wait is out of its bound.
    """
    data = call.data
    person = find_person(call.hass, data.get(ATTR_PERSON))
    if data.get(ATTR_SKIN_FINE) is False:
        person = replace(person, eligibility=not_fine(person.eligibility, dt_util.utcnow()))
    return SessionRequest(
        person=person,
        gel_rinsed=data[ATTR_GEL_RINSED],
        program=data[ATTR_PROGRAM],
        duration_s=number_of(data, ATTR_DURATION),
        irradiance_mw_cm2=channels_of(data),
        current_ua=number_of(data, ATTR_CURRENT),
        frequency_hz=number_of(data, ATTR_FREQUENCY),
        window_s=number_of(data, ATTR_WINDOW),
        wait_s=_wait(data),
    )


def channels_of(data: Mapping[str, Any]) -> Mapping[Channel, float] | None:
    """Return the levels by channel as they were written; None if none are named."""
    channels = data.get(ATTR_CHANNELS)
    return (
        None
        if channels is None
        else {_channel(channel): _finite(level) for channel, level in channels.items()}
    )


def _channel(word: object) -> Channel:
    """Return a channel, or the word as it is, which the core refuses by name."""
    return Channel(str(word)) if word in tuple(Channel) else cast("Channel", str(word))


def number_of(data: Mapping[str, Any], field: str) -> float | None:
    """Return a number as it was written, NaN for whatever is none; None if it is not there."""
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
    if not WAIT.contains(wait_s):
        raise RefusedError(
            Refusal(
                reason=Reason.OUT_OF_BOUNDS,
                field=ATTR_WAIT,
                minimum=WAIT.minimum,
                maximum=WAIT.maximum,
                unit=WAIT.unit,
            )
        )
    return wait_s


WAIT_S: Final = 900
"""How long a session that is asked for aloud is held for a device that is off: long enough to fetch
and switch it on."""

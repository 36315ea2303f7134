"""The fields of session actions, and the request that they make.

The schema accepts any value for a number. The core refuses invalid ones with field and bound, which
a schema could not.
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
from ..core.gate.request import SessionRequest
from ..core.limits import Bound
from ..core.model import Channel
from ..core.refusal import Reason, Refusal, RefusedError
from ..people.registry import find_person

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
"""Whether the skin is fine today; missing: not asked."""
ATTR_WAIT: Final = "wait"
ATTR_WINDOW: Final = "window_s"
NUMBERS: Final = (ATTR_DURATION, ATTR_CURRENT, ATTR_FREQUENCY, ATTR_WINDOW)
"""The fields that are numbers, named as in `SessionRequest`."""
MODE_ARM: Final = "arm"
MODE_PROPOSE: Final = "propose"
"""Ask the person with a notification first."""
MODES: Final = (MODE_ARM, MODE_PROPOSE)
WAIT: Final = Bound(minimum=1, maximum=86_400, unit="s", source="")
"""How long a session may wait for a device that is off. A day, because the next evening has its own
session; this is no safety limit."""

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
    """Return the request of an action.

    Raises:
        RefusedError: There is no such person, or the wait is out of bounds.
    """
    data = call.data
    person = find_person(call.hass, data.get(ATTR_PERSON))
    if data.get(ATTR_SKIN_FINE) is False:
        person = replace(person, eligibility=not_fine(person.eligibility, dt_util.utcnow()))
    return SessionRequest(
        person=person,
        gel_rinsed=data[ATTR_GEL_RINSED],
        program=data[ATTR_PROGRAM],
        irradiance_mw_cm2=channels_of(data),
        wait_s=_wait(data),
        **{field: _finite(data[field]) for field in NUMBERS if field in data},
    )


def channels_of(data: Mapping[str, Any]) -> Mapping[Channel, float] | None:
    """Return the levels by channel, in mW/cm²; None if the field is missing."""
    channels = data.get(ATTR_CHANNELS)
    return (
        None
        if channels is None
        else {_channel(channel): _finite(level) for channel, level in channels.items()}
    )


def _channel(word: object) -> Channel:
    """Return a channel; an unknown one as it is, for the core to refuse it by name."""
    return Channel(str(word)) if word in tuple(Channel) else cast("Channel", str(word))


def number_of(data: Mapping[str, Any], field: str) -> float | None:
    """Return a number, NaN for an invalid one; None if the field is missing."""
    return _finite(data[field]) if field in data else None


def _finite(value: Any) -> float:  # noqa: ANN401 - any input
    """Return a number, also from text; NaN, which is within no bound, for anything else."""
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except TypeError, ValueError, OverflowError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def _wait(data: Mapping[str, Any]) -> float | None:
    """Return the seconds of a duration in any format of Home Assistant.

    Raises:
        RefusedError: It is invalid or out of bounds.
    """
    if ATTR_WAIT not in data:
        return None
    wait_s = math.nan
    if not isinstance(data[ATTR_WAIT], bool):  # True would be one second
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
"""How long a spoken request waits for a device that is off: long enough to fetch it and switch it
on."""

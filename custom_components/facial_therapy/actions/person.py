"""Actions on a person's eligibility. They only make it stricter, so automations may use them."""

from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.core import (
    HomeAssistant,
    ServiceCall,
    ServiceResponse,
    SupportsResponse,
    callback,
)
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..const import DOMAIN
from ..core import limits
from ..core.gate.eligibility import held
from ..core.model import Modality
from ..core.person import Hold
from ..core.refusal import Reason, Refusal, RefusedError
from ..people.permissions import async_may_control_person
from ..people.registry import REACTIONS, async_change_eligibility, find_person
from ..text.errors import translated_errors

ATTR_DAYS: Final = "days"
ATTR_MODALITIES: Final = "modalities"
ATTR_PERSON: Final = "person"
ATTR_REACTION: Final = "reaction"
ATTR_UNTIL: Final = "until"
DAYS_MAXIMUM: Final = limits.DATED_BLOCK_MAXIMUM.days


@callback
def async_setup_person_actions(hass: HomeAssistant) -> None:
    """Register the actions."""

    def register(
        name: str,
        action: Callable[[ServiceCall], Coroutine[Any, Any, ServiceResponse]],
        schema: Mapping[Any, Any],
    ) -> None:
        fields = {vol.Optional(ATTR_PERSON): cv.string, **schema}
        hass.services.async_register(
            DOMAIN, name, action, vol.Schema(fields), SupportsResponse.NONE
        )

    modalities = vol.All(
        cv.ensure_list, vol.Length(min=1), [vol.In([modality.value for modality in Modality])]
    )
    register(
        "block_person",
        _async_block,
        {
            vol.Exclusive(ATTR_DAYS, ATTR_UNTIL): object,
            vol.Exclusive(ATTR_UNTIL, ATTR_UNTIL): object,
            vol.Optional(
                ATTR_MODALITIES, default=lambda: [modality.value for modality in Modality]
            ): modalities,
        },
    )
    register(
        "report_reaction", _async_report, {vol.Required(ATTR_REACTION): vol.In(list(REACTIONS))}
    )


async def _async_block(call: ServiceCall) -> None:
    """Pause a person's sessions; an existing hold is never shortened."""
    with translated_errors():
        person, now = find_person(call.hass, call.data.get(ATTR_PERSON)), dt_util.utcnow()
        until = _until(call.data, now)
        hold = Hold(until=until, hard_until=min(until, now + limits.DATED_BLOCK_HARD))
        await async_may_control_person(call, person.person_id)
        async_change_eligibility(
            call.hass,
            person,
            lambda eligibility, _: held(
                eligibility, map(Modality, call.data[ATTR_MODALITIES]), hold
            ),
        )


async def _async_report(call: ServiceCall) -> None:
    """Report a skin reaction; any session that is no longer allowed is stopped."""
    with translated_errors():
        person = find_person(call.hass, call.data.get(ATTR_PERSON))
        await async_may_control_person(call, person.person_id)
        async_change_eligibility(call.hass, person, REACTIONS[call.data[ATTR_REACTION]])


def _until(data: Mapping[str, Any], now: datetime) -> datetime:
    """Return the end of a hold from a number of days, a time, or a date, which counts to its end.

    Raises:
        RefusedError: It is missing, past, or more than a year ahead.
    """
    field, until = ATTR_DAYS, None
    if ATTR_UNTIL in data:
        field, until = ATTR_UNTIL, _time(data[ATTR_UNTIL])
    elif ATTR_DAYS in data:
        until = _days_ahead(data[ATTR_DAYS], now)
    if until is None or not now < until <= now + limits.DATED_BLOCK_MAXIMUM:
        raise RefusedError(
            Refusal(
                reason=Reason.OUT_OF_BOUNDS, field=field, minimum=1, maximum=DAYS_MAXIMUM, unit="d"
            )
        )
    return until


def _days_ahead(value: Any, now: datetime) -> datetime | None:  # noqa: ANN401 - any input
    try:
        days = 0 if isinstance(value, bool) else float(value)
        return now + timedelta(days=days) if 1 <= days <= DAYS_MAXIMUM else None  # NaN is not
    except TypeError, ValueError, OverflowError:
        return None


def _time(value: Any) -> datetime | None:  # noqa: ANN401 - any input
    text = str(value)
    with suppress(ValueError, OverflowError):
        if (day := dt_util.parse_date(text)) is not None:
            return dt_util.as_utc(dt_util.start_of_local_day(day + timedelta(days=1)))
        if (time := dt_util.parse_datetime(text)) is not None:
            return dt_util.as_utc(time)
    return None

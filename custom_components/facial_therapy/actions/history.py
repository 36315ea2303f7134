"""Actions on the history: read it, and log an external session."""

from collections.abc import Mapping
from datetime import datetime
import secrets
from typing import Any, Final

from homeassistant.auth.models import User
from homeassistant.core import HomeAssistant, ServiceCall, ServiceResponse
from homeassistant.exceptions import Unauthorized, UnknownUser
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.dispatcher import async_dispatcher_send
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..const import CONF_PERSON, SIGNAL_ANNOUNCED
from ..core.ledger import external
from ..core.ledger.record import AUTOMATION, Record, Source
from ..core.limits import Bound
from ..core.model import Dose, Modality, Outcome
from ..core.person import Person
from ..core.refusal import Reason, Refusal, RefusedError
from ..devices.discovery import node_device
from ..people.actor import Who
from ..people.registry import find_person
from ..storage.ledger import LEDGER
from ..storage.ledger_file import LedgerError
from ..text.errors import translated_errors
from .fields import ATTR_CHANNELS, ATTR_CURRENT, ATTR_DURATION, ATTR_PERSON, channels_of, number_of
from .targets import node_of

ATTR_DEVICE: Final = "device_id"
ATTR_END: Final = "end"
ATTR_LIMIT: Final = "limit"
ATTR_MODALITY: Final = "modality"
ATTR_OFFSET: Final = "offset"
ATTR_OUTCOME: Final = "outcome"
ATTR_START: Final = "start"
ATTR_STARTED_AT: Final = "started_at"
LIMIT: Final = Bound(minimum=1, maximum=500, unit="1", source="")
OFFSET: Final = Bound(minimum=0, maximum=1_000_000, unit="1", source="")
LIMIT_DEFAULT: Final = 50

HISTORY: Final[Mapping[Any, Any]] = {
    vol.Optional(ATTR_PERSON): str,
    vol.Optional(ATTR_START): object,
    vol.Optional(ATTR_END): object,
    vol.Optional(ATTR_DEVICE): str,
    vol.Optional(ATTR_MODALITY): vol.In([modality.value for modality in Modality]),
    vol.Optional(ATTR_OUTCOME): vol.All(
        cv.ensure_list, [vol.In([outcome.value for outcome in Outcome])]
    ),
    vol.Optional(ATTR_LIMIT, default=LIMIT_DEFAULT): object,
    vol.Optional(ATTR_OFFSET, default=0): object,
}
LOG: Final[Mapping[Any, Any]] = {
    vol.Optional(ATTR_PERSON): str,
    vol.Required(ATTR_MODALITY): vol.In([modality.value for modality in Modality]),
    vol.Optional(ATTR_CHANNELS): dict,
    vol.Optional(ATTR_CURRENT): object,
    vol.Required(ATTR_DURATION): object,
    vol.Optional(ATTR_STARTED_AT): object,
}


# --- permission -----------------------------------------------------------------------------------


async def async_self_or_admin(call: ServiceCall, person: Person) -> None:
    """Require the person themselves, an admin, or an automation, which only admins can write.

    Raises:
        UnknownUser: The user was removed.
        Unauthorized: The user is somebody else.
    """
    if call.context.user_id is None:
        return
    if (user := await call.hass.auth.async_get_user(call.context.user_id)) is None:
        raise UnknownUser(context=call.context)
    if not may_read(call.hass, user, person):
        raise Unauthorized(context=call.context)


def may_read(hass: HomeAssistant, user: User, person: Person) -> bool:
    """Return whether a user may read a person's history: the person themselves or an admin."""
    linked = hass.config_entries.async_get_known_entry(person.person_id).data.get(CONF_PERSON)
    state = hass.states.get(linked) if linked else None
    return bool(user.is_admin) or (state is not None and state.attributes.get("user_id") == user.id)


# --- read -----------------------------------------------------------------------------------------


async def async_get_history(call: ServiceCall) -> ServiceResponse:
    """Return a page of a person's sessions, newest first."""
    hass, data = call.hass, call.data
    with translated_errors():
        person = find_person(hass, data.get(ATTR_PERSON))
        await async_self_or_admin(call, person)
        limit, offset = (
            int(_within(data, field, bound))
            for field, bound in ((ATTR_LIMIT, LIMIT), (ATTR_OFFSET, OFFSET))
        )
        start, end = _time(data, ATTR_START), _time(data, ATTR_END)
    mac = node_of(hass, data[ATTR_DEVICE]) if ATTR_DEVICE in data else None
    found = [
        record
        for record in hass.data[LEDGER].newest_first(person.person_id)
        if (start is None or record.started_at >= start)
        and (end is None or record.started_at < end)
        and (ATTR_DEVICE not in data or record.mac == mac)
        and data.get(ATTR_MODALITY) in (None, record.modality)
        and (ATTR_OUTCOME not in data or record.outcome in data[ATTR_OUTCOME])
    ]
    following = offset + limit
    return {
        "person": person.name,
        "sessions": [session_out(hass, record) for record in found[offset:following]],
        "total": len(found),
        "next_offset": following if following < len(found) else None,
    }


def session_out(hass: HomeAssistant, record: Record) -> dict[str, Any]:
    """Return one session; its delivered dose is a range until the node has reported it."""
    least, most = record.bounds
    device = node_device(hass, record.mac) if record.mac else None
    return {
        "session_id": record.session_id,
        "source": record.source.value,
        "device_id": device.id if device is not None else None,
        "modality": record.modality.value,
        "program": record.program if record.source is Source.DEVICE else None,
        "started_at": record.started_at.isoformat(),
        "ended_at": record.ended_at.isoformat() if record.ended_at else None,
        "started_by": record.started_by,
        "outcome": record.outcome.value,
        "duration_s": record.duration_s,
        "output_s": record.output_s,
        "planned": dose_out(record.planned),
        "delivered": dose_out(most) if least == most else None,
        "delivered_at_least": dose_out(least),
        "delivered_at_most": dose_out(most),
        "counts": record.counts,
    }


def dose_out(dose: Dose) -> dict[str, Any]:
    """Return a dose for a response: fluence in J/cm² by channel, charge in mA·min."""
    return {
        "fluence_j_cm2": {
            channel.value: round(fluence, 3) for channel, fluence in dose.fluence_j_cm2.items()
        },
        "charge_ma_min": round(dose.charge_ma_min, 4),
    }


# --- write ----------------------------------------------------------------------------------------


async def async_log_session(call: ServiceCall) -> ServiceResponse:
    """Record an external session, which only ever reduces the budget."""
    hass, data = call.hass, call.data
    with translated_errors():
        person = find_person(hass, data.get(ATTR_PERSON))
        await async_self_or_admin(call, person)
        ledger = hass.data[LEDGER]
        session = external.ExternalSession(
            modality=Modality(data[ATTR_MODALITY]),
            irradiance_mw_cm2=channels_of(data),
            current_ua=number_of(data, ATTR_CURRENT),
            duration_s=number_of(data, ATTR_DURATION) or 0,
            started_at=_time(data, ATTR_STARTED_AT),
        )
        record = external.record(
            session,
            person,
            secrets.token_hex(8),
            ledger.dated(),
            started_by=call.context.user_id or AUTOMATION,
        )
        try:
            await ledger.async_open(hass, record)
        except LedgerError as error:
            raise RefusedError(Refusal(reason=Reason.STORE_FAILED, detail=str(error))) from error
    actor = Who.of(call.context)
    async_dispatcher_send(
        hass, f"{SIGNAL_ANNOUNCED}_{person.person_id}", "logged", actor.by.value, actor.user_id
    )
    return session_out(hass, record) if call.return_response else None


def _within(data: Mapping[str, Any], field: str, bound: Bound) -> float:
    """Return a number within its bound.

    Raises:
        RefusedError: It is out of bounds.
    """
    value = number_of(data, field)
    if value is None or not bound.contains(value):
        raise RefusedError(
            Refusal(
                reason=Reason.OUT_OF_BOUNDS,
                field=field,
                minimum=bound.minimum,
                maximum=bound.maximum,
            )
        )
    return value


def _time(data: Mapping[str, Any], field: str) -> datetime | None:
    """Return a time in UTC; one without an offset is in the time zone of the home.

    Raises:
        RefusedError: It is invalid.
    """
    if field not in data:
        return None
    value = data[field]
    at = (
        value
        if isinstance(value, datetime)
        else dt_util.parse_datetime(value)
        if isinstance(value, str)
        else None
    )
    if at is None:
        raise RefusedError(Refusal(reason=Reason.BAD_TIME, field=field, detail=str(value)))
    return dt_util.as_utc(at)

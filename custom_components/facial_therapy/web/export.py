"""Export a person's sessions as CSV or JSON, for the person themselves and admins."""

import csv
from datetime import datetime
from http import HTTPStatus
import io
from typing import Any, Final

from aiohttp import web
from homeassistant.components.http.const import KEY_HASS_USER
from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.http import KEY_HASS, HomeAssistantView
from homeassistant.util import dt as dt_util

from ..actions.history import may_read, session_out
from ..const import DOMAIN
from ..core.model import Channel
from ..core.refusal import RefusedError
from ..people.registry import find_person
from ..storage.ledger import LEDGER
from ..text.errors import translated

CSV: Final = "csv"
JSON: Final = "json"
FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
"""A spreadsheet evaluates cells that begin like this; device and program names may."""
DOSES: Final = ("planned", "delivered_at_least", "delivered_at_most")
PLAIN: Final = (
    "session_id",
    "source",
    "device",
    "modality",
    "program",
    "started_at",
    "ended_at",
    "outcome",
    "duration_s",
    "output_s",
    "counts",
)


@callback
def async_setup_export(hass: HomeAssistant) -> None:
    """Serve the export."""
    hass.http.register_view(ExportView)


class ExportView(HomeAssistantView):
    """The sessions of a person between two times, oldest first."""

    url = f"/api/{DOMAIN}/export/{{person}}"
    name = f"api:{DOMAIN}:export"

    async def get(self, request: web.Request, person: str) -> web.Response:
        """Return the file.

        Query: `format` is `csv` or `json`; `start` and `end` are in ISO 8601, in the time zone of
        the home unless they have an offset.
        """
        hass = request.app[KEY_HASS]
        try:
            whose = find_person(hass, person)
        except RefusedError as error:
            return self.json_message(str(translated(error)), HTTPStatus.NOT_FOUND)
        if not may_read(hass, request[KEY_HASS_USER], whose):
            return self.json_message(
                "only the person and admins may read this", HTTPStatus.FORBIDDEN
            )
        try:
            kind, start, end = _query(request)
        except ValueError as error:
            return self.json_message(str(error), HTTPStatus.BAD_REQUEST)
        records = [
            record
            for record in hass.data[LEDGER].newest_first(whose.person_id)
            if (start is None or record.started_at >= start)
            and (end is None or record.started_at < end)
        ]
        sessions = [
            _named(hass, session_out(hass, record))
            for record in sorted(records, key=lambda record: record.started_at)
        ]
        # File names end up in logs and download lists, so the person is named only inside.
        headers = {
            "Content-Disposition": f'attachment; filename="facial-therapy.{kind}"',
            "Cache-Control": "no-store",
        }
        if kind == CSV:
            return web.Response(
                body=_csv(sessions).encode("utf-8-sig"),
                content_type="text/csv",
                charset="utf-8",
                headers=headers,
            )
        return web.json_response({"person": whose.name, "sessions": sessions}, headers=headers)


def _query(request: web.Request) -> tuple[str, datetime | None, datetime | None]:
    """Return format, start and end of the query.

    Raises:
        ValueError: One is invalid; the message names the field.
    """
    if (kind := request.query.get("format", CSV)) not in (CSV, JSON):
        message = f"format: {CSV} or {JSON} is expected"
        raise ValueError(message)
    start, end = (_time(request, field) for field in ("start", "end"))
    if start is not None and end is not None and start >= end:
        message = "end: a time after start is expected"
        raise ValueError(message)
    return kind, start, end


def _time(request: web.Request, field: str) -> datetime | None:
    """Return a time of the query.

    Raises:
        ValueError: It is invalid; the message names the field.
    """
    if (value := request.query.get(field)) is None:
        return None
    if (at := dt_util.parse_datetime(value)) is None and (
        date := dt_util.parse_date(value)
    ) is not None:
        at = dt_util.start_of_local_day(date)
    if at is None:
        message = f"{field}: a date or a time in ISO 8601 is expected"
        raise ValueError(message)
    return dt_util.as_utc(at)


def _named(hass: HomeAssistant, session: dict[str, Any]) -> dict[str, Any]:
    """Return a session with its device's name, without the user who started it."""
    device = dr.async_get(hass).async_get(session["device_id"]) if session["device_id"] else None
    kept = {
        key: value
        for key, value in session.items()
        if key not in ("device_id", "started_by", "delivered")
    }
    return {**kept, "device": device and (device.name_by_user or device.name)}


def _csv(sessions: list[dict[str, Any]]) -> str:
    """Return the sessions as a table, with a column for each channel in J/cm², and for charge."""
    columns = [
        *PLAIN,
        *(f"{dose}_{channel}_j_cm2" for dose in DOSES for channel in Channel),
        *(f"{dose}_charge_ma_min" for dose in DOSES),
    ]
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(columns)
    for session in sessions:
        fluence = [
            session[dose]["fluence_j_cm2"].get(channel.value, 0)
            for dose in DOSES
            for channel in Channel
        ]
        table.writerow(
            [
                *(_cell(session[field]) for field in PLAIN),
                *fluence,
                *(session[dose]["charge_ma_min"] for dose in DOSES),
            ]
        )
    return out.getvalue()


def _cell(value: object) -> object:
    """Return a cell that no spreadsheet evaluates."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value

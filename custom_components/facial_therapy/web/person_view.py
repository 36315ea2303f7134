"""The view of a person's cards: their week and their routine, sent again when either has changed.

Only the person and admins may read it, like every list of sessions. Times are seconds since the
epoch. Nothing of it is a state.
"""

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any, Final

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import Unauthorized
from homeassistant.helpers import config_validation as cv, device_registry as dr
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..actions.history import dose_out, may_read
from ..const import DOMAIN, REPORTED, SIGNAL_LEDGER
from ..core.gate import permit
from ..core.ledger.record import Record
from ..core.model import Modality
from ..core.person import Person
from ..core.refusal import RefusedError
from ..core.routine.run import RoutineRun
from ..core.routine.steps import ends_at
from ..core.routine.transitions import RoutineState
from ..core.schedule.agenda import Kind
from ..core.schedule.plan import monday
from ..core.session import SessionState
from ..people.registry import find_person
from ..routines.forecast import coordinator_of
from ..routines.person import PersonRoutines, routines_of
from ..storage.ledger import LEDGER
from ..text.translator import ENGLISH, Translator, async_translator
from .websocket_api import (
    ERR_NOT_FOUND,
    ActiveConnection,
    async_register_command,
    async_response,
    websocket_command,
)

WEEK: Final = timedelta(days=7)
WEEKS: Final = 12
"""Weeks in the chart; this one is the last."""
SHOWN: Final = 8
"""Sessions that are listed."""
METERS: Final = {
    "light_day": (Modality.MASK, "fluence_day_default"),
    "light_week": (Modality.MASK, "fluence_week_default"),
    "charge_day": (Modality.WAND, "charge_day_default"),
    "sessions_mask": (Modality.MASK, "sessions_week_mask_default"),
    "sessions_wand": (Modality.WAND, "sessions_week_wand_default"),
}
"""The windows that are shown as meters."""
WAITED_FOR: Final = (SessionState.ARMED, SessionState.WAITING)

type Shown = dict[str, Any]


@callback
def async_setup_person_view(hass: HomeAssistant) -> None:
    """Register the command."""
    async_register_command(hass, async_follow_person)


@websocket_command(
    {
        vol.Required("type"): f"{DOMAIN}/person",
        vol.Optional("person"): cv.string,
        vol.Optional("language", default=ENGLISH): cv.string,
    }
)
@async_response
async def async_follow_person(
    hass: HomeAssistant, connection: ActiveConnection, msg: dict[str, Any]
) -> None:
    """Send a person's week and routine, and send them again when they have changed.

    `person` is a name, a `person.x`, a config entry or a device id.
    """
    words = await async_translator(hass, msg["language"])
    try:
        person = find_person(hass, _reference(hass, msg.get("person")))
        routines = routines_of(hass, person)
    except RefusedError as error:
        connection.send_error(msg["id"], ERR_NOT_FOUND, words.refusals(error)[0]["message"])
        return
    if not may_read(hass, connection.user, person):
        raise Unauthorized
    sent: Shown = {}

    @callback
    def send() -> None:
        """Send the view if it has changed."""
        nonlocal sent
        try:
            shown = _person(hass, routines_of(hass, person), words)
        except RefusedError:  # the person's entry is not loaded
            return
        if shown != sent:
            sent = shown
            connection.send_event(msg["id"], {"now": dt_util.utcnow().timestamp(), "person": shown})

    @callback
    def reported(_entry_id: str) -> None:
        """Send the end of a step when it moves; nothing else depends on a device's reports."""
        if sent.get("routine", {}).get("goes_on"):
            send()

    @callback
    def ledger_changed(person_ids: frozenset[str] | None) -> None:
        if person_ids is None or person.person_id in person_ids:
            send()

    @callback
    def entries_changed(_change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.entry_id == person.person_id:
            send()

    unsubscribe = (
        routines.add_listener(send),
        async_dispatcher_connect(hass, SIGNAL_LEDGER, ledger_changed),
        async_dispatcher_connect(hass, REPORTED, reported),
        async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, entries_changed),
    )
    connection.subscriptions[msg["id"]] = lambda: [stop() for stop in unsubscribe]
    connection.send_result(msg["id"])
    send()


def _reference(hass: HomeAssistant, reference: str | None) -> str | None:
    """Return the config entry of a person's device, as chosen in a card; else `reference`."""
    device = dr.async_get(hass).async_get(reference) if reference else None
    return (
        reference
        if device is None
        else next((value for domain, value in device.identifiers if domain == DOMAIN), reference)
    )


def _person(hass: HomeAssistant, routines: PersonRoutines, words: Translator) -> Shown:
    person = routines.person
    return {
        "name": person.name,
        "week": _week(hass, routines, person, words),
        "routine": _routine(hass, routines, person, words),
    }


# --- the week -------------------------------------------------------------------------------------


def _week(
    hass: HomeAssistant, routines: PersonRoutines, person: Person, words: Translator
) -> Shown:
    """Return this week's days, how full the person's windows are, and the newest sessions."""
    now, today = dt_util.utcnow(), dt_util.now().date()
    first = monday(today)
    agenda = routines.forecast.agenda()
    records = [
        record
        for record in hass.data[LEDGER].newest_first(person.person_id)
        if record.counted.total > 0
    ]
    planned = [
        entry
        for entry in agenda.entries(first, first + timedelta(days=6), now)
        if entry.kind is not Kind.DONE
    ]
    days = []
    for offset in range(WEEK.days):
        day = first + timedelta(days=offset)
        left = [
            {"modality": entry.modality.value, "kind": entry.kind.value}
            for entry in planned
            if entry.day == day
        ]
        days.append(
            {
                "day": day.isoformat(),
                "today": day == today,
                "left": left,
                **_delivered([record for record in records if _day(record) == day]),
            }
        )
    adherence = agenda.adherence(now)
    return {
        "days": days,
        "weeks": _weeks(records, first),
        "meters": {key: _meter(hass, person, now, *meter) for key, meter in METERS.items()},
        "sessions": [_session(record, words) for record in records[:SHOWN]],
        "done": adherence.done,
        "goal": adherence.goal,
        "streak": agenda.streak(now),
    }


def _day(record: Record) -> date:
    return dt_util.as_local(record.started_at).date()


def _weeks(records: list[Record], this_week: date) -> list[Shown]:
    """Return the dose of each of the last weeks, the oldest first."""
    by_week: defaultdict[date, list[Record]] = defaultdict(list)
    for record in records:
        by_week[monday(_day(record))].append(record)
    weeks = [this_week - ago * WEEK for ago in reversed(range(WEEKS))]
    return [{"week": week.isoformat(), **_delivered(by_week[week])} for week in weeks]


def _delivered(records: list[Record]) -> Shown:
    """Return the nominal dose of some sessions; an unknown one counts at its most."""
    doses = [record.bounds[1] for record in records]
    channels = sorted({channel for dose in doses for channel in dose.fluence_j_cm2})
    return {
        "fluence_j_cm2": {
            channel.value: round(sum(dose.fluence_j_cm2.get(channel, 0) for dose in doses), 2)
            for channel in channels
        },
        "charge_ma_min": round(sum(dose.charge_ma_min for dose in doses), 3),
    }


def _meter(
    hass: HomeAssistant, person: Person, now: datetime, modality: Modality, window: str
) -> Shown:
    """Return how full a window of a limit is."""
    used, most, unit = permit.used(
        person, modality, now, history=hass.data[LEDGER].history(person.person_id), window=window
    )
    return {"used": round(used, 2), "most": round(most, 2), "unit": unit}


def _session(record: Record, words: Translator) -> Shown:
    """Return a session with its planned and its delivered dose, a range until it is settled."""
    least, most = record.bounds
    return {
        "at": record.started_at.timestamp(),
        "modality": record.modality.value,
        "program": words.program(record.program),
        "outcome": record.outcome.value,
        "planned": dose_out(record.planned),
        "at_least": dose_out(least),
        "at_most": dose_out(most),
    }


# --- the routine ----------------------------------------------------------------------------------


def _routine(
    hass: HomeAssistant, routines: PersonRoutines, person: Person, words: Translator
) -> Shown:
    """Return the step that the person is in, and the others."""
    run, cue = routines.runner.run, routines.runner.cue
    shown: Shown = {
        "state": None if run is None else run.state.value,
        "goes_on": run is not None and run.state is not RoutineState.OVER,
        "due": routines.due.evening is not None,
        "say": words.cue(cue) if cue else "",
        "until": None,
        "steps": [],
        "next_at": None,
    }
    if not shown["goes_on"] and (evening := routines.forecast.next_evening(person)) is not None:
        shown["next_at"] = evening.at.timestamp()
    if run is None:
        return shown
    results = {mark.index: mark.result.value for mark in run.marks}
    steps = [
        {
            "act": step.act.value,
            "result": results.get(index),
            "now": index == run.index,
            "duration_s": round(step.duration_s),
        }
        for index, step in enumerate(run.steps)
    ]
    return shown | {"steps": steps, "until": _until(hass, run), "ends_at": _ends_at(run)}


def _until(hass: HomeAssistant, run: RoutineRun) -> float | None:
    """Return when the step's wait, session or arming window ends."""
    if run.rests_until is not None:
        return run.rests_until.timestamp()
    if run.step is None or (modality := run.step.act.modality) is None:
        return None
    coordinator = coordinator_of(hass, modality, run.step.device)
    if coordinator is None or coordinator.live is None:
        return None
    waits = coordinator.data.state in WAITED_FOR
    at = coordinator.live.window_ends_at if waits else coordinator.live.ends_at
    return None if at is None else at.timestamp()


def _ends_at(run: RoutineRun) -> float:
    """Return when the routine will be done, to the minute: not every second is a change."""
    left = tuple(
        step
        for index, step in enumerate(run.steps)
        if index >= run.index and index not in run.marked
    )
    return ends_at(left, dt_util.utcnow(), run.flow).timestamp() // 60 * 60

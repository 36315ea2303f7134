"""WebSocket commands of the device card: one subscription for all devices, then only changes.

Times are seconds since the epoch. Every message carries the server's time, so that a browser with a
wrong clock counts down correctly. Nothing is a state, so the recorder stores nothing.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, cast

from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.config_entries import (
    SIGNAL_CONFIG_ENTRY_CHANGED,
    ConfigEntry,
    ConfigEntryChange,
    ConfigEntryState,
)
from homeassistant.const import Platform
from homeassistant.core import HomeAssistant, callback
from homeassistant.exceptions import Unauthorized
from homeassistant.helpers import config_validation as cv, entity_registry as er
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util import dt as dt_util
import voluptuous as vol

from ..const import CONF_KIND, CONF_MAC, CONF_MODALITY, DOMAIN, KIND_DEVICE, REPORTED
from ..coordinator import DeviceConfigEntry, FacialTherapyCoordinator
from ..core.device import NodeState, Telemetry
from ..core.gate.request import SessionRequest
from ..core.model import Dose, Outcome
from ..core.refusal import RefusedError
from ..core.session import SessionState
from ..core.session_parameters import MANUAL, PermittedSession
from ..people.registry import find_person, persons
from ..session.view import LiveSession
from ..text.translator import ENGLISH, Translator, async_translator
from .websocket_api import (
    ERR_NOT_FOUND,
    ActiveConnection,
    async_register_command,
    async_response,
    websocket_command,
)

UNAVAILABLE: Final = "unavailable"
"""The state of a device whose entry is not loaded."""
LEASED: Final = (SessionState.RUNNING, SessionState.LOST, SessionState.STOPPING)
"""States in which output may be on, so that the end of the lease is shown."""
KEPT: Final = (SessionState.SUSPENDED, SessionState.PAUSED)
CHOICES: Final = {
    "session": Platform.SWITCH,
    "program": Platform.SELECT,
    "person": Platform.SELECT,
    "confirm": Platform.BUTTON,
}

type Shown = dict[str, Any]
type May = Callable[[str], bool]
"""Returns whether the user may control an entity."""


@callback
def async_setup_websocket(hass: HomeAssistant) -> None:
    """Register the commands."""
    async_register_command(hass, async_subscribe)
    async_register_command(hass, async_check)


# --- subscribing ----------------------------------------------------------------------------------


@websocket_command(
    {
        vol.Required("type"): f"{DOMAIN}/subscribe",
        vol.Optional("language", default=ENGLISH): cv.string,
    }
)
@async_response
async def async_subscribe(
    hass: HomeAssistant, connection: ActiveConnection, msg: dict[str, Any]
) -> None:
    """Send the state of all devices, then changes; any signed-in user may subscribe."""
    words = await async_translator(hass, msg["language"])
    sent: dict[str, Any] = {}

    def may(entity_id: str) -> bool:
        return bool(connection.user.permissions.check_entity(entity_id, POLICY_CONTROL))

    @callback
    def send(entries: list[ConfigEntry]) -> None:
        """Send the changes of some devices."""
        changed: dict[str, Shown] = {}
        for entry in entries:
            shown = _device(hass, entry, words, may)
            before = sent.get(entry.entry_id, {})
            if changes := {
                key: value
                for key, value in shown.items()
                if key not in before or before[key] != value
            }:
                changed[entry.entry_id] = changes
            sent[entry.entry_id] = shown
        if changed:
            send_event(devices=changed)

    @callback
    def send_event(**fields: Any) -> None:  # noqa: ANN401 - JSON
        connection.send_event(msg["id"], {"now": dt_util.utcnow().timestamp(), **fields})

    @callback
    def reported(entry_id: str) -> None:
        send([entry for entry in _entries(hass) if entry.entry_id == entry_id])

    @callback
    def entries_changed(change: ConfigEntryChange, entry: ConfigEntry) -> None:
        if entry.domain != DOMAIN:
            return
        if change is ConfigEntryChange.REMOVED and sent.pop(entry.entry_id, None) is not None:
            send_event(removed=[entry.entry_id])
        else:
            send(_entries(hass))  # every device lists the people

    unsubscribe = (
        async_dispatcher_connect(hass, REPORTED, reported),
        async_dispatcher_connect(hass, SIGNAL_CONFIG_ENTRY_CHANGED, entries_changed),
    )
    connection.subscriptions[msg["id"]] = lambda: [stop() for stop in unsubscribe]
    connection.send_result(msg["id"])
    sent |= {entry.entry_id: _device(hass, entry, words, may) for entry in _entries(hass)}
    send_event(devices=dict(sent))


def _entries(hass: HomeAssistant) -> list[ConfigEntry]:
    """Return the entries of all devices that are not disabled."""
    return [
        entry
        for entry in hass.config_entries.async_entries(DOMAIN, include_disabled=False)
        if entry.data[CONF_KIND] == KIND_DEVICE
    ]


def _device(hass: HomeAssistant, entry: ConfigEntry, words: Translator, may: May) -> Shown:
    """Return the state of a device."""
    registry = er.async_get(hass)
    named = {
        key: registry.async_get_entity_id(platform, DOMAIN, f"{entry.data[CONF_MAC]}_{key}")
        for key, platform in CHOICES.items()
    }
    ours = {
        key: registry.async_get(entity_id)
        for key, entity_id in named.items()
        if entity_id is not None
    }
    shown: Shown = {
        "device_id": next(
            (each.device_id for each in ours.values() if each is not None and each.device_id), None
        ),
        "name": entry.title,
        "modality": entry.data[CONF_MODALITY],
        "state": UNAVAILABLE,
        "may_control": may(named["session"] or ""),
        "entities": {
            key: each.entity_id
            for key, each in ours.items()
            if each is not None and each.disabled_by is None
        },
    }
    if entry.state is not ConfigEntryState.LOADED:
        return shown
    return shown | _loaded(hass, cast("DeviceConfigEntry", entry).runtime_data, words)


def _loaded(hass: HomeAssistant, coordinator: FacialTherapyCoordinator, words: Translator) -> Shown:
    """Return the state of a loaded device."""
    data, telemetry = coordinator.data, coordinator.telemetry
    lease_ends_at = coordinator.device.lease_ends_at if data.state in LEASED else None
    try:
        selected: str | None = find_person(hass, data.settings.person_id).name
    except RefusedError:
        selected = None
    return {
        "state": data.state.value,
        "connected": data.connected,
        "channels": [channel.value for channel in coordinator.channels],
        "programs": {key: words.program(key) for key in coordinator.controls.programs},
        "program": data.settings.program,
        "people": [person.name for person in persons(hass)],
        "person": selected,
        "refusals": [words.shown(refusal) for refusal in data.refusals],
        "fault": data.fault and {"fault": data.fault.value, "name": words.fault(data.fault)},
        "lease_ends_at": lease_ends_at and lease_ends_at.timestamp(),
        "worn": telemetry and telemetry.worn,
        "temperature_c": None
        if telemetry is None or telemetry.temperature_c is None
        else round(telemetry.temperature_c),
        "charging": telemetry is not None and telemetry.charging,
        "session": coordinator.live and _session(coordinator.live, telemetry, data.state, words),
        "last": coordinator.last and _last(coordinator.last, words),
    }


def _session(
    live: LiveSession, telemetry: Telemetry | None, state: SessionState, words: Translator
) -> Shown:
    """Return the current session."""
    report = (
        telemetry if telemetry is not None and telemetry.session_id == live.session_id else None
    )
    shown: Shown = {
        "person": live.person.name,
        "program": words.program(live.program),
        "duration_s": live.permitted and live.permitted.request.duration_s,
        "frequency_hz": live.permitted and live.permitted.request.frequency_hz,
        "planned": _dose(live.permitted.planned) if live.permitted else None,
        "delivered": _dose(live.delivered),
        "ends_at": live.ends_at and live.ends_at.timestamp(),
        "window_ends_at": live.window_ends_at and live.window_ends_at.timestamp(),
        "window_s": live.permitted and live.permitted.window_s,
    }
    if report is None:
        return shown
    return shown | {
        "phase": report.state.value
        if report.state in (NodeState.RAMPING, NodeState.RUNNING) and state is SessionState.RUNNING
        else None,
        "left_s": None if report.flowing else round(report.left_s),
        "kept_until": round(report.received_at.timestamp() + report.window_s)
        if state in KEPT
        else None,
        "cause": report.cause,
        "zone": report.zone,
        "levels": {
            channel.value: round(level, 1) for channel, level in report.level_mw_cm2.items()
        },
        "current_ua": round(report.level_ua),
    }


def _last(last: LiveSession, words: Translator) -> Shown:
    """Return the last session."""
    return {
        "person": last.person.name,
        "program": words.program(last.program),
        "planned": _dose(last.permitted.planned) if last.permitted else None,
        "delivered": _dose(last.delivered),
        "outcome": (last.outcome or Outcome.UNCERTAIN).value,
        "ended_at": last.ended_at and last.ended_at.timestamp(),
    }


def _dose(dose: Dose) -> Shown:
    return {
        "fluence_j_cm2": {
            channel.value: round(fluence, 1) for channel, fluence in dose.fluence_j_cm2.items()
        },
        "charge_ma_min": round(dose.charge_ma_min, 2),
    }


# --- checking -------------------------------------------------------------------------------------


@websocket_command(
    {
        vol.Required("type"): f"{DOMAIN}/check",
        vol.Required("entry_id"): cv.string,
        vol.Required("person"): cv.string,
        vol.Required("program"): cv.string,
        vol.Optional("language", default=ENGLISH): cv.string,
    }
)
@async_response
async def async_check(
    hass: HomeAssistant, connection: ActiveConnection, msg: dict[str, Any]
) -> None:
    """Send whether a session is allowed now, and its dose, without a row in the recorder."""
    entry = next(
        (
            entry
            for entry in _entries(hass)
            if entry.entry_id == msg["entry_id"] and entry.state is ConfigEntryState.LOADED
        ),
        None,
    )
    if entry is None:
        connection.send_error(msg["id"], ERR_NOT_FOUND, "no device of this id is loaded")
        return
    coordinator: FacialTherapyCoordinator = entry.runtime_data
    entity_id = er.async_get(hass).async_get_entity_id(
        CHOICES["session"], DOMAIN, f"{coordinator.mac}_session"
    )
    if not connection.user.permissions.check_entity(entity_id or "", POLICY_CONTROL):
        raise Unauthorized(entity_id=entity_id, permission=POLICY_CONTROL)
    words = await async_translator(hass, msg["language"])
    try:
        person = find_person(hass, msg["person"])
        request = SessionRequest(person=person, program=msg["program"])
        if msg["program"] == MANUAL:
            request = replace(coordinator.controls.manual(), person=person)
        plan = coordinator.consider(request)
    except RefusedError as error:
        connection.send_result(msg["id"], {"allowed": False, "refusals": words.refusals(error)})
    else:
        connection.send_result(msg["id"], {"allowed": True, "refusals": [], **_permitted(plan)})


def _permitted(plan: PermittedSession | None) -> Shown:
    """Return dose and levels of a permitted session; empty if its device is off."""
    if plan is None:
        return {}
    request = plan.request
    levels = {channel.value: level for channel, level in request.irradiance_mw_cm2.items()}
    return {
        "duration_s": request.duration_s,
        "planned": _dose(plan.planned),
        "levels": levels,
        "current_ua": request.current_ua,
    }

"""Diagnostics without personal data: no names, tokens, programs, doses or skin types."""

from dataclasses import asdict
from typing import Any, cast

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.loader import async_get_integration

from .const import CONF_CHANNELS, CONF_KIND, CONF_MODALITY, DOMAIN, KIND_PERSON
from .coordinator import DeviceConfigEntry, FacialTherapyCoordinator
from .core import limits
from .core.device import Device, Telemetry
from .core.refusal import Refusal
from .people.registry import PersonConfigEntry
from .session.view import LiveSession


async def async_get_config_entry_diagnostics(
    hass: HomeAssistant, entry: DeviceConfigEntry | PersonConfigEntry
) -> dict[str, Any]:
    """Return the diagnostics of a device or a person."""
    integration = await async_get_integration(hass, DOMAIN)
    diagnostics: dict[str, Any] = {
        "version": str(integration.version),
        "kind": entry.data[CONF_KIND],
        "state": entry.state.value,
    }
    if entry.data[CONF_KIND] == KIND_PERSON:
        return diagnostics
    diagnostics |= {"modality": entry.data[CONF_MODALITY], "channels": entry.data[CONF_CHANNELS]}
    if entry.state is ConfigEntryState.LOADED:
        diagnostics |= _device(cast("DeviceConfigEntry", entry).runtime_data)
    return diagnostics


def _device(coordinator: FacialTherapyCoordinator) -> dict[str, Any]:
    data = coordinator.data
    problem = coordinator.device.problem
    return {
        "session_state": data.state.value,
        "connected": data.connected,
        "closed": coordinator.closed,
        "problem": problem and problem.problem.value,
        "contract_found": problem and problem.placeholders.get("version"),
        "fault": data.fault and data.fault.value,
        "refusals": [_refusal(refusal) for refusal in data.refusals],
        "description": data.device and _description(data.device),
        "telemetry": data.telemetry and _telemetry(data.telemetry),
        "session": data.session and _session(data.session),
        "last_session": data.last and _session(data.last),
        "limits": {
            "duration": asdict(limits.DURATION[coordinator.modality]),
            "window": asdict(limits.WINDOW_S[coordinator.modality]),
            "lease_s": limits.LEASE_S[coordinator.modality],
            "renew_s": limits.RENEW_S[coordinator.modality],
        },
    }


def _refusal(refusal: Refusal) -> dict[str, Any]:
    return {
        "reason": refusal.reason.shown,
        "field": refusal.field,
        "minimum": refusal.minimum,
        "maximum": refusal.maximum,
        "unit": refusal.unit,
    }


def _description(device: Device) -> dict[str, Any]:
    return {
        "modality": device.modality.value,
        "contract": ".".join(map(str, device.contract)),
        "firmware": device.firmware,
        "grade": device.grade.value,
        "uncertainty": device.uncertainty,
        "full_mw_cm2": {channel.value: level for channel, level in device.full_mw_cm2.items()},
        "peak_mw_cm2": {channel.value: level for channel, level in device.peak_mw_cm2.items()},
        "peak_ua": device.peak_ua,
        "eye_shield": device.eye_shield.value,
        "worn_sensor": device.worn_sensor,
        "contact_area_mm2": device.contact_area_mm2,
        "duration_s": device.duration_s,
    }


def _telemetry(telemetry: Telemetry) -> dict[str, Any]:
    """Return telemetry without client, session, skin impedance and dose."""
    return {
        "received_at": telemetry.received_at.isoformat(),
        "number": telemetry.number,
        "uptime_ms": telemetry.uptime_ms,
        "state": telemetry.state.value,
        "record": telemetry.record,
        "worn": telemetry.worn,
        "temperature_c": telemetry.temperature_c,
        "charging": telemetry.charging,
        "fault": telemetry.fault and telemetry.fault.value,
        "cause": telemetry.cause,
        "output_s": telemetry.output_s,
        "left_s": telemetry.left_s,
        "lease_s": telemetry.lease_s,
        "window_s": telemetry.window_s,
    }


def _session(session: LiveSession) -> dict[str, Any]:
    """Return the times of a session, without program and dose, which are personal."""
    return {
        "planned_s": session.permitted and session.permitted.request.duration_s,
        "started_at": session.started_at.isoformat(),
        "window_ends_at": session.window_ends_at and session.window_ends_at.isoformat(),
        "ends_at": session.ends_at and session.ends_at.isoformat(),
        "ended_at": session.ended_at and session.ended_at.isoformat(),
        "outcome": session.outcome and session.outcome.value,
    }

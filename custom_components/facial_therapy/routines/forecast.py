"""What lies ahead of a person: whether a session would be permitted at a time, the next evening, and the calendar."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..coordinator import FacialTherapyCoordinator, all_coordinators
from ..core.gate import bounds, permit
from ..core.gate.resolve import resolve
from ..core.model import Channel, Device, Modality, Person, Reason, Refusal, RefusedError
from ..core.schedule.agenda import Agenda, CompletedSession, PlannedEvening, Refusals
from ..core.schedule.plan import Plan
from ..people.programs import custom_programs
from ..storage.ledger import LEDGER


def shell_of(
    hass: HomeAssistant, modality: Modality, device: str | None = None
) -> FacialTherapyCoordinator | None:
    """Return the shell of a device by its config entry, else of the first one of the modality that is loaded."""
    shells = [
        shell
        for shell in all_coordinators(hass)
        if shell.modality is modality and device in (None, shell.config_entry.entry_id)
    ]
    return next(
        (shell for shell in shells if shell.device.connected), shells[0] if shells else None
    )


def device_of(hass: HomeAssistant, modality: Modality, device: str | None = None) -> Device:
    """Return what a device says of itself, or the best that it could be while it is not known."""
    shell = shell_of(hass, modality, device)
    if shell is not None and shell.device.description is not None:
        return shell.device.description
    return bounds.best_device(modality, tuple(Channel) if shell is None else shell.channels)


def lasting(
    hass: HomeAssistant,
    person: Person,
    modality: Modality,
    program: str,
    at: datetime,
    **which: Any,
) -> tuple[Refusal, ...]:
    """Return why a program would be refused at a time, whatever the device is doing then; the binding reason first."""
    device = device_of(hass, modality, **which)
    try:
        request = replace(
            resolve(program, person, device, custom_programs(hass, person.person_id)),
            gel_rinsed=True,
        )
    except RefusedError as error:  # it has been deleted, or is for something else
        return error.refusals
    history = hass.data[LEDGER].history(person.person_id, ahead=at - dt_util.utcnow())
    found = permit.refusals(request, device, None, at, history=history)
    return tuple(
        refusal
        for refusal in found
        if refusal.reason not in (Reason.DEVICE_OFFLINE, Reason.OTHER_SESSION)
    )


def agenda_of(hass: HomeAssistant, person_id: str, weekly_plan: Plan) -> Agenda:
    """Return a person's agenda, with everything that the ledger has of them."""
    done = [
        CompletedSession(
            record.modality,
            record.started_at,
            record.over_at,
            record.program,
            record.session_id,
            record.counts,
        )
        for record in hass.data[LEDGER].newest_first(person_id)
    ]
    return Agenda(weekly_plan, done, dt_util.get_default_time_zone())


def gate_of(hass: HomeAssistant, person: Person) -> Refusals:
    """Return the gate that an agenda asks."""
    return lambda modality, program, at: lasting(hass, person, modality, program, at)


def next_evening(hass: HomeAssistant, person: Person, weekly_plan: Plan) -> PlannedEvening | None:
    """Return the next evening on which something would be permitted; the running one if it is one."""
    return (
        next(
            agenda_of(hass, person.person_id, weekly_plan).upcoming(
                dt_util.utcnow(), gate_of(hass, person)
            ),
            None,
        )
        if weekly_plan.plans
        else None
    )

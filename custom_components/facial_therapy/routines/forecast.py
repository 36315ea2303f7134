"""What lies ahead of a person: their agenda, and the next evening on which a session is permitted.

Both are computed once per change of what they depend on, however many entities and cards ask.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Final

from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from ..coordinator import FacialTherapyCoordinator, all_coordinators
from ..core.device import Device
from ..core.gate import bounds
from ..core.gate.permit import permit
from ..core.gate.resolve import resolve_program
from ..core.gate.situation import Situation
from ..core.model import Channel, Modality
from ..core.person import Person
from ..core.recipes import Program
from ..core.refusal import Reason, Refusal, Refused, RefusedError
from ..core.schedule.agenda import Agenda, CompletedSession, PlannedEvening
from ..core.schedule.plan import Plan
from ..people.programs import custom_programs
from ..storage.ledger import LEDGER

FRESH: Final = timedelta(minutes=1)
"""How long the next evening holds while nothing but time changes."""


def coordinator_of(
    hass: HomeAssistant, modality: Modality, device: str | None = None
) -> FacialTherapyCoordinator | None:
    """Return the coordinator of a device, or None if it is not loaded.

    Args:
        hass: Home Assistant.
        modality: Of the device.
        device: Its config entry; None: the first of the modality, a connected one before others.
    """
    found = [
        coordinator
        for coordinator in all_coordinators(hass)
        if coordinator.modality is modality and device in (None, coordinator.config_entry.entry_id)
    ]
    connected = (coordinator for coordinator in found if coordinator.device.connected)
    return next(connected, found[0] if found else None)


def coordinator_by_mac(hass: HomeAssistant, mac: str) -> FacialTherapyCoordinator | None:
    """Return the coordinator of a node by its MAC address, or None if it is not loaded."""
    return next((found for found in all_coordinators(hass) if found.mac == mac), None)


def device_of(hass: HomeAssistant, modality: Modality, device: str | None = None) -> Device:
    """Return a device's description; while that is not known, the best device it could be."""
    coordinator = coordinator_of(hass, modality, device)
    if coordinator is not None and coordinator.device.description is not None:
        return coordinator.device.description
    channels = tuple(Channel) if coordinator is None else coordinator.channels
    return bounds.best_device(modality, channels)


class Forecast:
    """The agenda of one person, and what the gate says of their evenings."""

    def __init__(self, hass: HomeAssistant, person_id: str, plan: Callable[[], Plan]) -> None:
        """Take the person's config entry, and where their plan is kept."""
        self._hass = hass
        self._person_id = person_id
        self._plan = plan
        self._agenda: tuple[_AgendaInputs, Agenda] | None = None
        self._next: tuple[_NextInputs, datetime, PlannedEvening | None] | None = None

    @callback
    def ledger_changed(self) -> None:
        """Forget forecasts from an older ledger."""
        self._agenda = None

    def agenda(self) -> Agenda:
        """Return the person's agenda, with every session that the ledger has of them."""
        inputs = (self._plan(), dt_util.now().date(), dt_util.get_default_time_zone())
        if self._agenda is None or self._agenda[0] != inputs:
            done = [
                CompletedSession(
                    record.modality,
                    record.started_at,
                    record.over_at,
                    record.program,
                    record.session_id,
                    record.counts,
                )
                for record in self._hass.data[LEDGER].newest_first(self._person_id)
            ]
            self._agenda = inputs, Agenda(inputs[0], done, inputs[2])
        return self._agenda[1]

    def next_evening(self, person: Person) -> PlannedEvening | None:
        """Return the next evening with a session that would be permitted, or the one that is open.

        Args:
            person: The person of this forecast, as of now.
        """
        if not self._plan().plans:
            return None
        now, agenda = dt_util.utcnow(), self.agenda()
        devices = tuple(device_of(self._hass, modality) for modality in Modality)
        inputs = (agenda, person, devices, custom_programs(self._hass, self._person_id))
        if self._next is not None:
            known, computed_at, evening = self._next
            fresh = computed_at <= now < computed_at + FRESH
            is_open = evening is None or now < evening.closes_at
            if fresh and is_open and known[0] is agenda and known[1:] == inputs[1:]:
                return evening
        evening = next(
            agenda.upcoming(
                now, lambda modality, program, at: self.refusals(person, modality, program, at)
            ),
            None,
        )
        self._next = inputs, now, evening
        return evening

    def refusals(
        self,
        person: Person,
        modality: Modality,
        program: str,
        at: datetime,
        device: str | None = None,
    ) -> tuple[Refusal, ...]:
        """Return why a program would be refused at a time, the binding reason first.

        What the device is doing now, and whether it is on, says nothing about that time.

        Args:
            person: The person of this forecast, as of now.
            modality: Of the session.
            program: Its key.
            at: When it would start, UTC and aware.
            device: Config entry of the device; None: as `coordinator_of`.
        """
        described = device_of(self._hass, modality, device)
        custom = custom_programs(self._hass, self._person_id)
        try:
            request = replace(resolve_program(program, person, described, custom), gel_rinsed=True)
        except RefusedError as error:  # the program was deleted, or is for another modality
            return error.refusals
        history = self._hass.data[LEDGER].history(self._person_id, ahead=at - dt_util.utcnow())
        situation = Situation(
            device=described, telemetry=None, person=person, history=history, now=at
        )
        answer = permit(request, situation)
        return tuple(
            refusal
            for refusal in (answer.refusals if isinstance(answer, Refused) else ())
            if refusal.reason not in (Reason.DEVICE_OFFLINE, Reason.OTHER_SESSION)
        )


type _AgendaInputs = tuple[Plan, date, object]
type _NextInputs = tuple[Agenda, Person, tuple[Device, ...], Mapping[str, Program]]

"""The gate of one device: builds the situation that the core's `permit` decides."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..const import CONF_CHANNELS, CONF_MAC, CONF_MODALITY
from ..core.gate import bounds
from ..core.gate.permit import eligible, lasting, permit
from ..core.gate.request import SessionRequest
from ..core.gate.resolve import resolve
from ..core.gate.situation import Situation
from ..core.model import Channel, Modality
from ..core.person import Person
from ..core.refusal import Reason, Refusal, Refused, RefusedError
from ..core.session import SessionState
from ..core.session_parameters import PermittedSession
from ..devices.port import TherapyDevice
from ..people.programs import custom_programs
from ..people.registry import find_person, persons
from ..storage.ledger import LEDGER
from .controls import Controls
from .telemetry import NODE_STATES
from .view import LiveSession, SessionView

CONFIRMED: Final = timedelta(minutes=10)
"""How long a confirmation by the button holds. Engineering judgement: as long as a suspended
session is kept."""
SLACK: Final = timedelta(seconds=2)
"""A time that moves by less is shown as before: it comes from two clocks that are read one after
the other."""


class SessionGate:
    """Asks the core's one gate on behalf of one device."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: ConfigEntry[Any],
        device: TherapyDevice,
        controls: Controls,
        view: Callable[[], SessionView],
    ) -> None:
        """Take the device, its selection, and a function that returns its session."""
        self._hass = hass
        self._mac: str = entry.data[CONF_MAC]
        self._modality = Modality(entry.data[CONF_MODALITY])
        self._channels = tuple(map(Channel, entry.data.get(CONF_CHANNELS, ())))
        self._device = device
        self._controls = controls
        self._view = view
        self._steady: dict[Reason, Refusal] = {}
        self._rinsed: tuple[str, datetime] = ("", dt_util.utc_from_timestamp(0))

    def situation(
        self, person: Person, *, without: str | None = None, resuming: bool = False
    ) -> Situation:
        """Return everything that the gate looks at, for a person on this device now.

        Args:
            person: As the person is now.
            without: A session whose reservation is left out of what counts: the one asked about.
            resuming: That session is to be resumed.
        """
        view, ledger = self._view(), self._hass.data[LEDGER]
        # A device whose profiles are not read yet has only just been switched on.
        report = view.report if self._device.connected and view.profiles is not None else None
        if resuming and report is not None:  # the answer to a pause is newer than the report
            report = replace(report, state=NODE_STATES.get(view.state, report.state))
        return Situation(
            device=self._device.description or bounds.best_device(self._modality, self._channels),
            telemetry=report,
            person=person,
            history=ledger.history(person.person_id, mac=self._mac, without=without),
            now=dt_util.utcnow(),
            state=SessionState.IDLE if without is not None and not resuming else view.state,
            fault=view.fault,
            profile=(view.profiles or {}).get(person.profile),
            seen_off=view.seen_off,
            ledger_readable=not ledger.unreadable,
            ledger_failure=ledger.failure,
            resuming=resuming,
        )

    def _decide(
        self, request: SessionRequest, without: str | None = None
    ) -> PermittedSession | Refused:
        person = request.person
        situation = self.situation(person, without=without)
        rinsed = replace(request, gel_rinsed=self._gel_rinsed(request))
        parameters = resolve(
            rinsed, situation.device, custom_programs(self._hass, person.person_id)
        )
        return permit(parameters, situation, window_s=request.window_s)

    def permit(self, request: SessionRequest, *, without: str | None = None) -> PermittedSession:
        """Permit a start now.

        Raises:
            RefusedError: It may not start; nothing has changed.
        """
        answer = self._decide(request, without)
        if isinstance(answer, Refused):
            raise answer.error
        return answer

    def may_wait(self, request: SessionRequest) -> None:
        """Permit to wait until the device is switched on.

        Raises:
            RefusedError: Refusals that remain when the device returns and the time has passed.
        """
        answer = self._decide(request)
        until = dt_util.utcnow() + timedelta(seconds=request.wait_s or 0)
        if isinstance(answer, Refused) and (found := lasting(answer, until)):
            raise RefusedError(*found)

    def may_resume(self, live: LiveSession) -> None:
        """Permit to resume the rest of a session.

        Raises:
            RefusedError: The person has gone, or may not be treated on this device now.
        """
        person = find_person(self._hass, live.person.person_id)
        if live.permitted is None:
            return
        parameters = replace(live.permitted.request, person=person, gel_rinsed=True)
        situation = self.situation(person, without=live.session_id, resuming=True)
        answer = permit(parameters, situation, window_s=live.permitted.window_s)
        if isinstance(answer, Refused):
            raise answer.error

    def consider(self, request: SessionRequest) -> PermittedSession | None:
        """Return what would be permitted now; None if the session would wait for its device.

        Raises:
            RefusedError: It would be refused.
        """
        if not self._device.connected and request.wait_s:
            self.may_wait(request)
            return None
        return self.permit(request)

    def eligible(self, live: LiveSession) -> bool:
        """Whether the person of a session still exists and may be treated now."""
        person_id = live.person.person_id
        person = next((one for one in persons(self._hass) if one.person_id == person_id), None)
        return person is not None and not eligible(self.situation(person))

    def refusals(self) -> tuple[Refusal, ...]:
        """Return why the selected program can't start now, the longest-lasting reason first."""
        try:
            answer = self._decide(self._controls.selected())
        except RefusedError as error:
            return error.refusals
        binding: dict[Reason, Refusal] = {}
        for refusal in answer.refusals if isinstance(answer, Refused) else ():
            binding.setdefault(refusal.reason, self._as_before(refusal))
        self._steady = binding
        return tuple(binding.values())

    def _as_before(self, refusal: Refusal) -> Refusal:
        """Return the refusal that was shown before, if only its time has moved a little."""
        before = self._steady.get(refusal.reason)
        if before is None or before.allowed_at is None or refusal.allowed_at is None:
            return refusal
        if abs(before.allowed_at - refusal.allowed_at) > SLACK:
            return refusal
        return replace(refusal, allowed_at=before.allowed_at)

    def confirm_gel(self) -> bool:
        """Record that the selected person has rinsed off the gel; return whether that was asked."""
        request = self._controls.selected()
        answer = self._decide(request)
        if not isinstance(answer, Refused):
            return False
        if Reason.GEL_NOT_RINSED not in {refusal.reason for refusal in answer.refusals}:
            return False
        self._rinsed = (request.person.person_id, dt_util.utcnow())
        return True

    def _gel_rinsed(self, request: SessionRequest) -> bool:
        """Whether the gel was confirmed to be off, with the request or by the button before."""
        person_id, at = self._rinsed
        recent = timedelta(0) <= dt_util.utcnow() - at < CONFIRMED
        return request.gel_rinsed or (person_id == request.person.person_id and recent)

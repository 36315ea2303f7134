"""Whether a session may start: what was asked becomes a request, and the core permits or refuses it."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..core.device import Device, ProfileCounters
from ..core.gate import bounds
from ..core.gate.permit import eligible, lasting, permit
from ..core.gate.request import SessionRequest
from ..core.gate.resolve import resolve
from ..core.gate.situation import Situation
from ..core.person import Person
from ..core.refusal import Reason, Refusal, Refused, RefusedError
from ..core.session import Row, SessionEvent, SessionState, step
from ..core.session_parameters import MANUAL, PermittedSession, SessionParameters
from ..people.programs import custom_programs
from ..people.registry import persons

if TYPE_CHECKING:
    from ..coordinator import FacialTherapyCoordinator


CONFIRMED: Final = timedelta(minutes=10)
"""How long a confirmation by the button holds. Engineering judgement: as long as a suspended
session is kept."""
SLACK: Final = timedelta(seconds=2)
"""A time that moves by less has not moved: it comes from two clocks that are looked at one after
the other."""


class Admission:
    """The gate of one device, as the core decides it."""

    def __init__(self, hass: HomeAssistant, coordinator: FacialTherapyCoordinator) -> None:
        """Take the shell whose moment it looks at."""
        self._hass = hass
        self._shell = coordinator
        self._steady: dict[Reason, Refusal] = {}
        self._rinsed: tuple[str, datetime] = ("", dt_util.utc_from_timestamp(0))

    def _request(self, ask: SessionRequest, device: Device) -> SessionParameters:
        """Return the request in physical units, with the duration that is set and the gel that was confirmed."""
        if ask.program == MANUAL and ask.duration_s is None:
            ask = replace(ask, duration_s=self._shell.manual.settings.duration_s)
        return resolve(
            replace(ask, gel_rinsed=self._gel_rinsed(ask)),
            device,
            custom_programs(self._hass, ask.person.person_id),
        )

    def _situation(self, person: Person, *, without: str | None = None) -> Situation:
        """Return everything that the gate looks at, for a person on this device now."""
        shell, ledger = self._shell, self._shell.accounts.ledger
        telemetry = shell.telemetry if shell.device.connected else None
        enrolled = telemetry is not None and person.profile in telemetry.profiles
        return Situation(
            device=shell.device.description or bounds.best_device(shell.modality, shell.channels),
            telemetry=telemetry,
            person=person,
            history=ledger.history(person.person_id, mac=shell.mac, without=without),
            now=dt_util.utcnow(),
            state=SessionState.IDLE if without is not None else shell.state,
            fault=shell.fault,
            profile=ProfileCounters(
                profile=person.profile, sessions_day=0, sessions_week=0, rest_s=0, rest_blue_s=0
            )
            if enrolled
            else None,
            seen_off=shell.reports.seen_off,
            ledger_readable=not ledger.unreadable,
            ledger_failure=ledger.failure,
        )

    def _ask(self, ask: SessionRequest, without: str | None = None) -> PermittedSession | Refused:
        situation = self._situation(ask.person, without=without)
        return permit(self._request(ask, situation.device), situation, window_s=ask.window_s)

    def permit(self, ask: SessionRequest, *, without: str | None = None) -> PermittedSession:
        """Return what the node is asked to do; a session that is written down for this very request is left out of what counts.

        Raises:
            RefusedError: It may not start now.
        """
        answer = self._ask(ask, without)
        if isinstance(answer, Refused):
            raise answer.error
        return answer

    def confirm_gel(self) -> bool:
        """Take that whoever is selected has rinsed the gel of the wand off, for their next session; return whether that was missing."""
        try:
            self.permit(self._shell.manual.selected())
        except RefusedError as error:
            if Reason.GEL_NOT_RINSED in {refusal.reason for refusal in error.refusals}:
                self._rinsed = (self._shell.manual.selected().person.person_id, dt_util.utcnow())
                return True
        return False

    def _gel_rinsed(self, ask: SessionRequest) -> bool:
        """Whether it has been said that the gel is off, with the request or by the button a moment before."""
        person_id, at = self._rinsed
        return ask.gel_rinsed or (
            person_id == ask.person.person_id and timedelta(0) <= dt_util.utcnow() - at < CONFIRMED
        )

    def may_wait(self, ask: SessionRequest) -> Row:
        """Return where waiting leads.

        Raises:
            RefusedError: No return of the device could make it right.
        """
        row = step(self._shell.state, SessionEvent.WAIT)
        answer = self._ask(ask)
        until = dt_util.utcnow() + timedelta(seconds=ask.wait_s or 0)
        if isinstance(answer, Refused) and (found := lasting(answer, until)):
            raise RefusedError(*found)
        return row

    def consider(self, ask: SessionRequest) -> PermittedSession | None:
        """Return what a session would be if it were started now; None if it would be held waiting.

        Raises:
            RefusedError: It would be refused.
        """
        if not self._shell.device.connected and ask.wait_s:
            self.may_wait(ask)
            return None
        return self.permit(ask)

    def unfit(self, person_id: str) -> bool:
        """Tell whether this person has a session here and may not be treated any more, by what has been said of them since it was permitted."""
        live = self._shell.live
        if live is None or live.person.person_id != person_id:
            return False
        person = next(
            (each for each in persons(self._hass) if each.person_id == person_id), live.person
        )
        return bool(eligible(self._situation(person)))

    def begin(self) -> Row:
        """Return where starting leads.

        Raises:
            RefusedError: `busy`, or `faulted` with the fault.
        """
        if self._shell.state is SessionState.FAULT:
            raise RefusedError(Refusal(reason=Reason.FAULTED, detail=self._shell.data.fault or ""))
        return step(self._shell.state, SessionEvent.START)

    def refusals(self) -> tuple[Refusal, ...]:
        """Return why what is selected could not start now."""
        try:
            answer = self._ask(self._shell.manual.selected())
        except RefusedError as error:
            return error.refusals
        binding: dict[Reason, Refusal] = {}
        for refusal in answer.refusals if isinstance(answer, Refused) else ():
            binding.setdefault(refusal.reason, self._as_before(refusal))
        self._steady = binding
        return tuple(binding.values())

    def _as_before(self, refusal: Refusal) -> Refusal:
        """Return what was said before, if it is still the same."""
        before = self._steady.get(refusal.reason)
        if (
            before is None
            or before.allowed_at is None
            or refusal.allowed_at is None
            or abs(before.allowed_at - refusal.allowed_at) > SLACK
        ):
            return refusal
        return replace(refusal, allowed_at=before.allowed_at)

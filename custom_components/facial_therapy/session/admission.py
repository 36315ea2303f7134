"""Whether a session may start: what was asked becomes a request, and the core permits or refuses it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..core.gate import bounds, permit, resolve
from ..core.gate.eligibility import against
from ..core.gate.request import Turn
from ..core.ledger.record import History
from ..core.model import (
    MANUAL,
    Device,
    Fault,
    PermittedSession,
    Person,
    Reason,
    Refusal,
    RefusedError,
    SessionParameters,
    Telemetry,
)
from ..core.session import Row, SessionEvent, SessionState, step
from ..people.programs import custom_programs
from ..people.registry import find_person, persons
from .view import SessionRequest

if TYPE_CHECKING:
    from ..coordinator import FacialTherapyCoordinator


def _passes(refusal: Refusal, until: datetime) -> bool:
    return refusal.allowed_at is not None and refusal.allowed_at <= until


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
        """Return the request in physical units: a program resolved for the person, or the numbers as they are."""
        if ask.program == MANUAL:
            return SessionParameters(
                modality=self._shell.modality,
                person=ask.person,
                program=MANUAL,
                duration_s=self._shell.manual.settings.duration_s
                if ask.duration_s is None
                else ask.duration_s,
                irradiance_mw_cm2=ask.irradiance_mw_cm2 or {},
                current_ua=ask.current_ua,
                frequency_hz=ask.frequency_hz,
                gel_rinsed=self._gel_rinsed(ask),
            )
        custom = custom_programs(self._hass, ask.person.person_id)
        resolve.named(ask.program, custom)
        for name, field in (
            ("duration_s", None),
            ("irradiance_mw_cm2", "channels"),
            ("current_ua", None),
            ("frequency_hz", None),
        ):
            if getattr(ask, name) is not None:
                raise RefusedError(Refusal(reason=Reason.NOT_MANUAL, field=field or name))
        return replace(
            resolve.resolve(ask.program, ask.person, device, custom),
            gel_rinsed=self._gel_rinsed(ask),
        )

    def permit(self, ask: SessionRequest, *, without: str | None = None) -> PermittedSession:
        """Return what the node is asked to do; a session that is written down for this very request is left out of what counts.

        Raises:
            RefusedError: It may not start now.
        """
        self._readable()
        if (
            (device := self._shell.device.description) is None
            or self._shell.telemetry is None
            or not self._shell.device.connected
        ):
            raise RefusedError(Refusal(reason=Reason.DEVICE_OFFLINE))
        request, history = self._request(ask, device), self._history(ask.person, without)
        found = permit.refusals(
            request,
            device,
            self._shell.telemetry,
            dt_util.utcnow(),
            history=history,
            window_s=ask.window_s,
        )
        if here := tuple(self._here(self._shell.telemetry, ask.person)):
            raise RefusedError(*permit.ordered((*found, *here)))
        return permit.permit(
            request,
            device,
            self._shell.telemetry,
            dt_util.utcnow(),
            history=history,
            window_s=ask.window_s,
        )

    def _here(self, telemetry: Telemetry, person: Person) -> Iterator[Refusal]:
        """What the node would refuse, and we know before it does."""
        if telemetry.worn and not self._shell.reports.seen_off:
            yield Refusal(reason=Reason.STILL_WORN)
        if person.profile not in telemetry.profiles:
            yield Refusal(reason=Reason.NOT_ENROLLED)

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

    def _history(self, person: Person, without: str | None = None) -> History:
        return self._shell.accounts.ledger.history(
            person.person_id, mac=self._shell.mac, without=without
        )

    def may_wait(self, ask: SessionRequest) -> Row:
        """Return where waiting leads.

        Raises:
            RefusedError: No return of the device could make it right.
        """
        row = step(self._shell.state, SessionEvent.WAIT)
        self._readable()
        device = self._shell.device.description or bounds.best_device(
            self._shell.modality, self._shell.channels
        )
        now = dt_util.utcnow()
        found = permit.refusals(
            self._request(ask, device),
            device,
            None,
            now,
            history=self._history(ask.person),
            window_s=ask.window_s,
        )
        until = now + timedelta(seconds=ask.wait_s or 0)
        if lasting := [
            refusal
            for refusal in found
            if refusal.reason is not Reason.DEVICE_OFFLINE and not _passes(refusal, until)
        ]:
            raise RefusedError(*lasting)
        return row

    def _readable(self) -> None:
        if self._shell.accounts.ledger.unreadable:
            raise RefusedError(Refusal(reason=Reason.LEDGER_UNREADABLE))

    def consider(self, ask: SessionRequest) -> PermittedSession | None:
        """Return what a session would be if it were started now; None if it would be held waiting.

        Raises:
            RefusedError: It would be refused.
        """
        if not self._shell.device.connected and ask.wait_s:
            self.may_wait(ask)
            return None
        found: tuple[Refusal, ...] = ()
        try:
            self.begin()
        except RefusedError as error:
            found = error.refusals
        try:
            plan = self.permit(ask)
        except RefusedError as error:
            found += tuple(
                refusal
                for refusal in error.refusals
                if refusal.reason not in {refusal.reason for refusal in found}
            )
        else:
            if not found:
                return plan
        raise RefusedError(*permit.ordered(found))

    def unfit(self, person_id: str) -> bool:
        """Tell whether this person has a session here and may not be treated any more, by what has been said of them since it was permitted."""
        live = self._shell.live
        if live is None or live.person.person_id != person_id:
            return False
        device = self._shell.device.description or bounds.best_device(
            self._shell.modality, self._shell.channels
        )
        person = next(
            (each for each in persons(self._hass) if each.person_id == person_id), live.person
        )
        return bool(
            against(Turn(device=device, telemetry=None, now=dt_util.utcnow(), person=person))
        )

    def begin(self) -> Row:
        """Return where starting leads.

        Raises:
            RefusedError: `busy`, or `faulted` with the fault.
        """
        if self._shell.state is SessionState.FAULT:
            raise RefusedError(Refusal(reason=Reason.FAULTED, detail=self._shell.data.fault or ""))
        return step(self._shell.state, SessionEvent.START)

    def refusals(self, fault: Fault | None) -> tuple[Refusal, ...]:
        """Return why nothing could start now, whatever is asked; the fault is one that we latched."""
        if self._shell.accounts.ledger.unreadable:
            return (Refusal(reason=Reason.LEDGER_UNREADABLE),)
        try:
            person = find_person(self._hass, self._shell.manual.settings.person_id)
        except RefusedError as error:
            return error.refusals
        shell, now = self._shell, dt_util.utcnow()
        device = shell.device.description or bounds.best_device(shell.modality, shell.channels)
        found = [
            *([Refusal(reason=Reason.FAULTED, detail=fault)] if fault is not None else []),
            *permit.readiness(device, shell.telemetry, now, person),
            *(self._here(shell.telemetry, person) if shell.telemetry is not None else ()),
            *permit.budget(person, shell.modality, now, history=self._history(person)),
        ]
        binding: dict[Reason, Refusal] = {}
        for refusal in permit.ordered(found):
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

"""The engine of one device's session: the only writer of its view.

It executes the table of `core.session`: an event moves the state at once, and the effects of the
row are carried out in the row's order. A command goes out before anything is published.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
import secrets
from typing import Any, Final, Protocol

from homeassistant.util import dt as dt_util

from ..const import LOGGER
from ..core import limits
from ..core.device import ProfileCounters, Telemetry
from ..core.gate.request import SessionRequest
from ..core.ledger.record import Record
from ..core.model import ByChannel, Fault, Modality, Outcome
from ..core.refusal import Reason, Refusal, RefusedError
from ..core.session import Row, SessionEffect, SessionEvent, SessionState, step
from ..core.session_parameters import PermittedSession
from ..devices.port import Answer, DeviceError, Problem, TherapyDevice
from ..people.actor import DEVICE, HOME_ASSISTANT, Who
from ..storage.ledger_file import LedgerError
from ..timers import Timers
from .lease import LeaseKeeper
from .telemetry import NODE_EVENTS, interpret, observe
from .view import LiveSession, SessionView

OVERDUE_S: Final = 30
"""A running session whose end passed this long ago, and of which the node says nothing, is stopped.
Engineering judgement: a connection that is slow is not taken for a node that is silent."""
SETTLED_S: Final = 2
"""How long the end of a session waits for the ledger before it is announced, and a start or the
unloading for the settling before them: docs/architecture.md, "From a person to the device"."""
ANNOUNCED: Final = {
    SessionState.SUSPENDED: "suspended",
    SessionState.PAUSED: "paused",
    SessionState.FAULT: "fault",
}
ADOPT_RETRY_S: Final = 1
RESUMABLE: Final = frozenset({SessionState.RUNNING, SessionState.SUSPENDED, SessionState.PAUSED})


class Gate(Protocol):
    """What the engine asks before anything may begin. Each raises `RefusedError`."""

    def permit(self, request: SessionRequest, *, without: str | None = None) -> PermittedSession:
        """Permit a start now; the reservation of session `without` is left out of what counts."""

    def may_wait(self, request: SessionRequest) -> None:
        """Permit to wait until the device is switched on."""

    def may_resume(self, live: LiveSession) -> None:
        """Permit to resume the rest of a session."""


class Books(Protocol):
    """What the engine has written. Each raises `LedgerError` if it could not be written."""

    @property
    def last_record(self) -> int:
        """The newest record number of the node that the ledger has imported."""

    async def async_open(self, live: LiveSession) -> None:
        """Reserve a permitted session at its full planned dose, and read it back."""

    async def async_mark_stopped(self, live: LiveSession) -> None:
        """Keep that an unfinished session was stopped, so that nothing adopts it."""

    async def async_settle(self, live: LiveSession, view: SessionView) -> LiveSession:
        """Settle a session that has ended; return it with its delivered dose and its outcome."""

    async def async_import(self, view: SessionView) -> None:
        """Import what the node has recorded."""

    async def async_remember(self, fault: Fault | None) -> None:
        """Keep a fault over restarts, or forget it."""


class Host(Protocol):
    """What the engine asks of Home Assistant."""

    def changed(self) -> None:
        """Publish the view, after the present call."""

    async def async_known(self) -> None:
        """Wait, briefly, until it is known what a device that has just connected counts."""

    def announce(self, name: str, live: LiveSession, refusal: Refusal | None = None) -> None:
        """Announce an event of a session."""

    def run(
        self, job: Coroutine[Any, Any, None], name: str, *, endless: bool
    ) -> asyncio.Task[None]:
        """Run a job that nobody waits for; an endless one does not delay a shutdown."""


class SessionEngine:
    """One device's session."""

    def __init__(  # noqa: PLR0913 - its parts
        self,
        device: TherapyDevice,
        modality: Modality,
        timers: Timers,
        *,
        gate: Gate,
        books: Books,
        host: Host,
    ) -> None:
        """Take the parts; nothing is opened yet."""
        self._device = device
        self._modality = modality
        self._timers = timers
        self._gate = gate
        self._books = books
        self._host = host
        self._lease = LeaseKeeper(device, modality, timers, self)
        self._view = SessionView()
        self._commanding = 0
        self._starting = asyncio.Lock()
        self._settling: set[asyncio.Task[None]] = set()
        self._endless: set[asyncio.Task[None]] = set()
        self._adopting: asyncio.Task[None] | None = None
        self._announced_end = ""
        self._effects: dict[SessionEffect, Callable[[LiveSession | None], Awaitable[None]]] = {
            SessionEffect.WRITE: self._write,
            SessionEffect.ARM: self._arm,
            SessionEffect.ADOPT: self._adopt,
            SessionEffect.SEND_PAUSE: self._send_pause,
            SessionEffect.SEND_RESUME: self._send_resume,
            SessionEffect.SEND_CLEAR: self._send_clear,
            SessionEffect.SEND_STOP: self._send_stop,
            SessionEffect.SETTLE: self._settle,
        }

    @property
    def view(self) -> SessionView:
        """Everything the engine knows."""
        return self._view

    def _set(self, **changes: Any) -> None:  # noqa: ANN401 - fields of SessionView
        self._view = replace(self._view, **changes)

    def _change_live(self, **changes: Any) -> None:  # noqa: ANN401 - fields of LiveSession
        if self._view.live is not None:
            self._set(live=replace(self._view.live, **changes))

    # --- events -----------------------------------------------------------------------------------

    def apply(self, event: SessionEvent, who: Who, fault: Fault | None = None) -> None:
        """Apply an event that nobody waits for: the state at once, its effects in a task."""
        row, live = self._move(event, who, fault)
        self._host.changed()
        if row.effects:
            endless = SessionEffect.SEND_STOP in row.effects or SessionEffect.ADOPT in row.effects
            task = self._host.run(self._quietly(row, live), event.value, endless=endless)
            if endless:
                self._endless.add(task)
                task.add_done_callback(self._endless.discard)

    async def _quietly(self, row: Row, live: LiveSession | None) -> None:
        try:
            await self._carry_out(row, live)
        except (RefusedError, DeviceError, LedgerError) as error:
            LOGGER.info("Session %s: %s", live and live.session_id, error)

    async def _carry_out(self, row: Row, live: LiveSession | None) -> None:
        for effect in row.effects:
            await self._effects[effect](live)

    def _move(
        self, event: SessionEvent, who: Who, fault: Fault | None = None
    ) -> tuple[Row, LiveSession | None]:
        """Move the state; return the row and the session that its effects are about.

        Raises:
            RefusedError: A person's event that the state does not allow. Nothing has changed.
        """
        before = self._view
        row = step(before.state, event)
        if fault is not None:
            LOGGER.error(
                "Latched fault %s, session %s", fault, before.live and before.live.session_id
            )
        live = before.live and replace(before.live, changed_by=who)
        self._set(state=row.state, live=live, fault=fault or before.fault)
        if not row.state.renews:
            self._lease.cease()
        elif live is not None:
            self._lease.renew()
        if row.state is not before.state:
            self._entered(before.state, live)
        if fault is not None:
            self._host.run(self._remember(fault), "fault", endless=False)
        return row, live

    def _entered(self, before: SessionState, live: LiveSession | None) -> None:
        """Set the timers and times of the new state, and announce it."""
        state = self._view.state
        if live is not None and state in (SessionState.LOST, SessionState.STOPPING):
            patience_s = limits.KEPT_S + limits.LEASE_S[self._modality]
            self._timers.later("expired", patience_s, self._expired)
        else:
            self._timers.cancel("expired")
        if live is None:
            return
        if state in (SessionState.IDLE, SessionState.FAULT):
            self._ended(live)
            return
        if state is SessionState.RUNNING:
            self._running(live)
            continued = before in (SessionState.SUSPENDED, SessionState.PAUSED)
            self._host.announce("resumed" if continued or live.adopted else "started", live)
            return
        kept = state in (SessionState.ARMED, SessionState.STOPPING)
        window_ends_at = live.window_ends_at if kept else None
        self._set(live=replace(live, ends_at=None, window_ends_at=window_ends_at))
        if (name := ANNOUNCED.get(state)) is not None:
            self._host.announce(name, live)

    def _running(self, live: LiveSession) -> None:
        """Bound the life of a session from its first output."""
        if live.ends_by is None:
            self._change_live(ends_by=dt_util.utcnow() + timedelta(seconds=limits.SESSION_LIFE_S))
            self._timers.later("life", limits.SESSION_LIFE_S, self._expired)

    def _expired(self) -> None:
        """Apply the end of a window, of the session or of its life, or of waiting for a node."""
        self.apply(SessionEvent.EXPIRED, HOME_ASSISTANT)

    def _ended(self, live: LiveSession) -> None:
        """Let go of a session whose output is zero, or is being stopped for a fault."""
        self._timers.cancel("life")
        reserved = live.permitted is not None
        outcome = live.outcome or (Outcome.UNCERTAIN if reserved else Outcome.VOID)
        ended_at = dt_util.utcnow()
        last = replace(live, window_ends_at=None, ends_at=None, ended_at=ended_at, outcome=outcome)
        self._set(live=None, last=last)
        if self._view.state is SessionState.FAULT:
            self._host.announce("fault", last)
        if not reserved:
            self._host.announce("ended", last)

    # --- effects, in the order of `SessionEffect` -------------------------------------------------

    async def _write(self, live: LiveSession | None) -> None:
        if live is not None:
            try:
                await self._books.async_open(live)
            except LedgerError as error:
                refusal = Refusal(reason=Reason.STORE_FAILED, detail=str(error))
                raise RefusedError(refusal) from error

    async def _arm(self, live: LiveSession | None) -> None:
        """Send start; once more if the node has a session that the ledger had not imported."""
        if live is None or live.permitted is None or live.request is None:
            return
        for last_try in (False, True):
            self._must_be_armed(live)
            self._set(accepted=None)
            try:
                answer = await self._device.async_start(
                    live.session_id,
                    live.permitted,
                    last_record=self._books.last_record,
                    resume_key=live.resume_key,
                )
            except RefusedError as error:
                self._set(accepted=False)
                if last_try or error.binding.reason is not Reason.UNSEEN_SESSION:
                    raise
                await self._books.async_import(self._view)
                self._gate.permit(live.request, without=live.session_id)
            else:
                self._set(answer=answer, accepted=True)
                return

    def _must_be_armed(self, live: LiveSession) -> None:
        """Raise if the session was stopped, or its device lost, while it was being written."""
        now = self._view
        if now.state is SessionState.LOST and self._is_live(live):
            raise DeviceError(Problem.DEVICE_OFFLINE)
        if now.state is not SessionState.ARMED or not self._is_live(live):
            raise RefusedError(Refusal(reason=Reason.WRONG_STATE, detail=now.state))

    def _is_live(self, live: LiveSession) -> bool:
        return self._view.live is not None and self._view.live.session_id == live.session_id

    async def _adopt(self, live: LiveSession | None) -> None:
        """Take over the session that the node holds, once the old connection's lease has lapsed."""
        self._adopting = asyncio.current_task()
        while live is not None and self._is_live(live) and self._view.state in RESUMABLE:
            try:
                answer = await self._device.async_adopt(live.session_id, live.resume_key)
            except RefusedError as error:
                if error.binding.reason is not Reason.LEASE_ALIVE:
                    LOGGER.warning("Failed to adopt session %s: %s", live.session_id, error)
                    self.apply(SessionEvent.REFUSED, HOME_ASSISTANT)
                    return
                await self._timers.wait(ADOPT_RETRY_S)
            except DeviceError:
                return  # the closed connection has the consequences
            else:
                self._set(answer=answer)
                self._change_live(adopted=True)
                if self._view.live is not None:
                    self._host.announce("adopted", self._view.live)
                self._host.changed()
                return

    async def _send_pause(self, live: LiveSession | None) -> None:
        if live is not None:
            self._set(answer=await self._device.async_pause(live.session_id))

    async def _send_resume(self, live: LiveSession | None) -> None:
        if live is not None:
            self._set(answer=await self._device.async_resume(live.session_id))

    async def _send_clear(self, _live: LiveSession | None) -> None:
        """Clear the node's fault, then ours."""
        if (report := self._view.report) is None:
            raise DeviceError(Problem.DEVICE_OFFLINE)
        if report.fault is not None:
            await self._device.async_clear_fault(report.fault)
        await self._books.async_remember(None)
        self._set(fault=None)
        self.apply(SessionEvent.CLEARED, HOME_ASSISTANT)

    async def _send_stop(self, _live: LiveSession | None) -> None:
        await self._lease.async_stop()

    async def _settle(self, live: LiveSession | None) -> None:
        """Settle in a task of its own, so that nobody waits for a disk; then announce the end."""
        if live is None:
            return
        self._track(self._settled(live))

    def _track(self, writing: Coroutine[Any, Any, None]) -> None:
        """Write in a task that a start and the unloading wait for."""
        task = self._host.run(writing, "settle", endless=False)
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _marked_stopped(self, live: LiveSession) -> None:
        try:
            await self._books.async_mark_stopped(live)
        except LedgerError as error:
            LOGGER.error("Failed to save that session %s is stopped: %s", live.session_id, error)

    async def _settled(self, live: LiveSession) -> None:
        writing = asyncio.ensure_future(self._books.async_settle(live, self._view))
        if not await self._timers.within(SETTLED_S, [writing]):
            self._announce_end(live)
        try:
            settled = await writing
        except LedgerError as error:
            LOGGER.error("Failed to settle session %s: %s", live.session_id, error)
            self._announce_end(live)
            return
        last = self._view.last
        if last is not None and last.session_id == live.session_id:
            self._set(last=replace(last, delivered=settled.delivered, outcome=settled.outcome))
            self._host.changed()
        self._announce_end(live)

    def _announce_end(self, live: LiveSession) -> None:
        last = self._view.last
        if last is not None and last.session_id == live.session_id != self._announced_end:
            self._announced_end = live.session_id
            self._host.announce("ended", last)

    async def _remember(self, fault: Fault) -> None:
        try:
            await self._books.async_remember(fault)
        except LedgerError as error:
            LOGGER.error("Failed to save fault %s: %s", fault, error)

    # --- a person ---------------------------------------------------------------------------------

    async def async_start(self, request: SessionRequest, who: Who) -> LiveSession:
        """Permit, reserve and arm a session; with `wait_s` and the device off, hold it waiting.

        Raises:
            RefusedError: It may not start; nothing has changed.
            DeviceError: The node did not answer: the session counts in full until the node reports.
                Or it was lost before start was sent: nothing has changed.
        """
        live = LiveSession(
            session_id=secrets.token_hex(8),
            resume_key=secrets.token_hex(8),
            person=request.person,
            program=request.program,
            request=request,
            started_at=dt_util.utcnow(),
            started_by=who.user_id,
            changed_by=who,
        )
        async with self._starting:
            if self._settling:
                await self._timers.within(SETTLED_S, self._settling)
            await self._host.async_known()
            try:
                if not self._device.connected and request.wait_s:
                    return self._wait(live, request)
                return await self._begin(live, request)
            except RefusedError as error:
                self._host.announce("refused", live, error.binding)
                raise

    def _wait(self, live: LiveSession, request: SessionRequest) -> LiveSession:
        step(self._view.state, SessionEvent.WAIT)
        self._gate.may_wait(request)
        wait_s = request.wait_s or 0
        live = replace(live, window_ends_at=dt_util.utcnow() + timedelta(seconds=wait_s))
        self._set(live=live, accepted=False)
        self._move(SessionEvent.WAIT, live.changed_by)
        self._host.changed()
        self._timers.later("expired", wait_s, self._expired)
        return live

    async def _begin(self, live: LiveSession, request: SessionRequest) -> LiveSession:
        permitted = self._gate.permit(request)
        window_ends_at = dt_util.utcnow() + timedelta(seconds=permitted.window_s)
        live = replace(live, permitted=permitted, window_ends_at=window_ends_at)
        step(self._view.state, SessionEvent.START)
        self._set(live=live, answer=None, accepted=False)
        row, _ = self._move(SessionEvent.START, live.changed_by)
        try:
            await self._carry_out(row, live)
        except RefusedError:
            if self._is_live(live):
                self.apply(SessionEvent.REFUSED, HOME_ASSISTANT)
            else:
                await self._settle(live)  # stopped first: the reservation is void
            raise
        except DeviceError as error:
            if error.problem is Problem.DEVICE_OFFLINE:
                self._set(accepted=False)
            if self._view.accepted is False and self._is_live(live):
                self.apply(SessionEvent.ENDED, HOME_ASSISTANT)  # start was never sent
            raise
        finally:
            self._host.changed()
        self._host.announce("armed", live)
        return live

    async def async_pause(self, who: Who) -> None:
        """Switch the output off at once and keep the session.

        Raises:
            RefusedError: Nothing runs.
            DeviceError: The node did not answer: its lease ends the output.
        """
        await self._command(SessionEvent.PAUSE, who)

    async def async_resume(self, who: Who) -> None:
        """Continue the rest of a paused or suspended session, if the gate permits it now.

        Raises:
            RefusedError: Nothing is paused, or the gate or the node refuses. Nothing has changed.
            DeviceError: The node did not answer.
        """
        step(self._view.state, SessionEvent.RESUME)
        if self._adopting is not None and not self._adopting.done():
            await self._timers.within(SETTLED_S, [self._adopting])
        if self._view.live is not None:
            self._gate.may_resume(self._view.live)
        await self._command(SessionEvent.RESUME, who)
        if (answer := self._view.answer) is not None:
            event = NODE_EVENTS[answer.state]  # newer than any report
            if step(self._view.state, event).state is not self._view.state:
                self.apply(event, who)

    async def async_clear_fault(self, who: Who) -> None:
        """Clear a latched fault whose cause is gone.

        Raises:
            RefusedError: There is none, its cause lasts, or the node's button is needed.
            DeviceError: The device is not connected, or did not answer.
        """
        await self._command(SessionEvent.CLEAR, who)

    async def _command(self, event: SessionEvent, who: Who) -> None:
        """Carry out what a person asks for while they wait; reports wait for the answer."""
        row, live = self._move(event, who)
        self._host.changed()
        self._commanding += 1
        try:
            await self._carry_out(row, live)
        finally:
            self._commanding -= 1

    async def async_stop(self, who: Who) -> None:
        """End the session. Returns when the node has confirmed zero output.

        Raises:
            DeviceError: `stop_unconfirmed` after 2 s; stop is still being sent, and the lease ends
                the output at the time that the error names.
        """
        if not self._device.connected and self._view.live is None:
            return  # no output of ours can be on: every lease has ended
        live = self._view.live
        self.apply(SessionEvent.STOP, who)
        try:
            await self._lease.async_confirm()
        except DeviceError:
            if live is not None:  # a restart must go on stopping it, and never adopt it
                self._track(self._marked_stopped(live))
            raise

    async def async_set_levels(
        self, live: LiveSession, *, irradiance_mw_cm2: ByChannel, current_ua: float
    ) -> None:
        """Set the levels of the live session, nominal; a channel that is not named goes off.

        Raises:
            RefusedError: A level above the permitted peak, or the node refuses. Nothing changed.
            DeviceError: The node did not answer.
        """
        before = live.level_mw_cm2, live.level_ua
        if self._modality is Modality.MASK:
            self._change_live(level_mw_cm2=irradiance_mw_cm2)
        try:
            answer = await self._device.async_set_levels(
                live.session_id, irradiance_mw_cm2=irradiance_mw_cm2, current_ua=current_ua
            )
        except RefusedError:
            if self._is_live(live):
                self._change_live(level_mw_cm2=before[0], level_ua=before[1])
            raise
        if self._is_live(live):
            self._set(answer=answer)
            if self._modality is Modality.WAND:
                self._change_live(level_ua=current_ua)
        self._host.changed()

    # --- the node ---------------------------------------------------------------------------------

    def heard(self, report: Telemetry) -> None:
        """Take a report of the node."""
        before = self._view
        self._view = view = observe(before, report)
        live = view.live
        if live is not None and before.live is not None:
            if live.zone != before.live.zone and live.zone is not None:
                self._host.announce("zone", live)
            if live.ends_at is not None and live.ends_at != before.live.ends_at:
                self._timers.later("expired", report.left_s + OVERDUE_S, self._expired)
        happening = interpret(view, commanding=self._commanding > 0)
        if happening is None:
            return
        if happening.event is SessionEvent.ENDED and self._lease.stopping:
            return  # the stop that is being confirmed ends it
        who = HOME_ASSISTANT if happening.fault is not None else DEVICE
        self.apply(happening.event, who, happening.fault)

    async def _begin_waiting(self, live: LiveSession) -> None:
        """Start the session that waited for its device."""
        async with self._starting:
            if self._view.state is not SessionState.WAITING or live.request is None:
                return
            try:
                await self._begin(live, live.request)
            except RefusedError as error:
                LOGGER.info("The waiting session was refused: %s", error)
                self._host.announce("refused", live, error.binding)
                if self._view.state is SessionState.WAITING:
                    self.apply(SessionEvent.REFUSED, HOME_ASSISTANT)
            except DeviceError as error:
                LOGGER.info("The waiting session got no answer: %s", error.problem)

    def connected(self, connected: bool) -> None:  # noqa: FBT001 - the port's signature
        """Take note that the connection was opened or closed."""
        self._set(report=None, answer=None, profiles=None)
        self.apply(SessionEvent.FOUND if connected else SessionEvent.LOST, HOME_ASSISTANT)

    def counted(self, profiles: dict[int, ProfileCounters]) -> None:
        """Take what the node counts for our people."""
        if profiles != self._view.profiles:
            self._set(profiles=profiles)
            self._host.changed()
        if self._view.state is SessionState.WAITING and self._view.live is not None:
            self._host.run(self._begin_waiting(self._view.live), "begin", endless=False)

    def refresh_last(self, record_of: Callable[[str], Record | None]) -> None:
        """Show what the ledger has learned of the session that ended last."""
        last = self._view.last
        record = None if last is None else record_of(last.session_id)
        if last is not None and record is not None and record.delivered is not None:
            self._set(last=replace(last, delivered=record.delivered, outcome=record.outcome))
            self._host.changed()

    def session_to_renew(self) -> str | None:
        """Return the session whose lease is renewed: not one that only a person can resume."""
        view = self._view
        if view.live is None or not view.state.renews:
            return None
        if view.state is SessionState.SUSPENDED and view.report is not None:
            return view.live.session_id if view.report.cause == "contact" else None
        return view.live.session_id

    def stop_confirmed(self, answer: Answer) -> None:
        """Take note that the node confirmed zero output: the session has ended."""
        self._set(answer=answer)
        if self._view.state is SessionState.STOPPING:
            self.apply(
                SessionEvent.ENDED, self._view.live.changed_by if self._view.live else DEVICE
            )

    # --- a restart --------------------------------------------------------------------------------

    def restore(self, fault: Fault | None, live: LiveSession | None, *, adopt: bool) -> None:
        """Take what an earlier run has left: a latched fault, and a session without an end.

        Args:
            fault: A fault that Home Assistant found.
            live: A session that the ledger has open.
            adopt: It may be adopted if the node holds it suspended or paused; else it is stopped.
        """
        if fault is not None:
            self._set(fault=fault, state=SessionState.FAULT)
        if live is None:
            return
        self._set(live=live, accepted=True, state=SessionState.LOST)
        self._entered(SessionState.IDLE, live)
        if live.ends_by is not None:
            left_s = (live.ends_by - dt_util.utcnow()).total_seconds()
            self._timers.later("life", max(0, left_s), self._expired)
        if not adopt:
            self._change_live(outcome=Outcome.INTERRUPTED)
            self.apply(SessionEvent.STOP, HOME_ASSISTANT)

    async def async_close(self, *, keep: bool) -> None:
        """Let go of the device: pause what has delivered something if it is kept, else stop it.

        Args:
            keep: Home Assistant restarts, or reloads the device.
        """
        view = self._view
        if view.live is not None:
            delivered = view.live.delivered.total > 0
            with suppress(DeviceError, RefusedError):  # its lease ends the output
                if keep and delivered and view.state in RESUMABLE:
                    await self._device.async_pause(view.live.session_id)
                elif not (keep and view.state is SessionState.LOST):
                    self._change_live(outcome=Outcome.INTERRUPTED)
                    await self.async_stop(HOME_ASSISTANT)
        if self._settling:
            await self._timers.within(SETTLED_S, self._settling)
        for task in tuple(self._endless):
            task.cancel()
        self._timers.cancel_all()

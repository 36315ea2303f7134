"""Carries out the routine that one person is in.

1. What has to be done is the table of `core.routine.transitions`; its effects are carried out here,
    in the order of the row. Sessions are asked of the coordinators, like everybody's.
2. A change is saved before a session is started for it, and after everything else: nothing that is
    saved here is worth a Stop that waits.
3. After a restart the run is in its step. If the step's session was adopted, the run follows it to
    its end; otherwise it waits for a person.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.util import dt as dt_util

from ..const import LOGGER, REPORTED, SIGNAL_SESSION
from ..coordinator import FacialTherapyCoordinator
from ..core import limits
from ..core.gate.request import SessionRequest
from ..core.gate.resolve import resolve_program
from ..core.refusal import Reason, Refusal, RefusedError
from ..core.routine.cues import cue
from ..core.routine.refused import refused
from ..core.routine.run import RoutineRun, advance, begin
from ..core.routine.steps import Step, Steps
from ..core.routine.transitions import Result, RoutineEffect, RoutineEvent, RoutineState
from ..core.zones import ZONES
from ..devices.port import DeviceError
from ..people.actor import Who
from ..people.programs import custom_programs
from ..session.view import LiveSession
from ..storage.ledger import LEDGER
from ..timers import Timers
from .forecast import Forecast, coordinator_by_mac, coordinator_of, device_of
from .port import PersonPort
from .step_session import FOLLOWED, StepSession

SETTLING: Final = timedelta(seconds=1)
"""The ledger dates the end of a session when it settles it, a moment after the routine heard of it:
a gap ends for the gate that much later."""
STRANDED_S: Final = max(limits.LEASE_S.values()) + 5
"""Seconds after a restart until no lease of a session can still hold."""
START_ANSWERED_S: Final = 2
"""Seconds that a stop waits for the answer to a start that is under way."""


@dataclass(frozen=True, slots=True)
class SessionLink:
    """The session of a step."""

    index: int
    """Of the step."""
    session_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRun:
    """What the store of a run holds."""

    run: RoutineRun | None = None
    """None before any routine."""
    session_id: str | None = None
    """Of the session of its step."""


def check_run(stored: StoredRun) -> None:
    """Refuse an inconsistent run.

    Raises:
        ValueError: The run has no step of its index.
    """
    run = stored.run
    if run is None or run.state is RoutineState.OVER:
        return
    if not 0 <= run.index < len(run.steps):
        message = "run.index: no such step"
        raise ValueError(message)


class RoutineRunner:
    """Owns the run of one person, its timers, and the link to the session of its step."""

    def __init__(
        self, hass: HomeAssistant, person_id: str, port: PersonPort, forecast: Forecast
    ) -> None:
        """Take the person's config entry, their port, and the forecast that is asked ahead."""
        self._hass = hass
        self._person_id = person_id
        self._port = port
        self._forecast = forecast
        self._timers = Timers(hass)
        self._unsubscribe: list[CALLBACK_TYPE] = []
        self._closed = False
        self._effects: Final[
            Mapping[RoutineEffect, Callable[[RoutineRun], Coroutine[Any, Any, None]]]
        ] = {
            RoutineEffect.START: self._async_start_session,
            RoutineEffect.STOP_SESSION: self._async_stop_session,
            RoutineEffect.RESUME: self._async_resume_session,
        }
        self._link: SessionLink | None = None
        self._asking: asyncio.Task[LiveSession] | None = None
        """The start that is under way."""
        self._saving: asyncio.Task[None] | None = None
        self._context: Context | None = None
        """Of the newest action of a person."""
        self._zone = 1
        self.run: RoutineRun | None = None
        self.cue: str | None = None
        """The cue of the run, of `CUES`; None before any routine."""

    @property
    def busy(self) -> bool:
        """Whether the person is in a routine."""
        return self.run is not None and self.run.state is not RoutineState.OVER

    # --- loading and saving -----------------------------------------------------------------------

    def restore(self, stored: StoredRun) -> None:
        """Restore the run and the session of its step."""
        self.run = stored.run
        self._link = None
        if stored.run is not None and stored.session_id is not None:
            self._link = SessionLink(stored.run.index, stored.session_id)

    @property
    def stored(self) -> StoredRun:
        """The run with the session of its step, as it is saved."""
        session_id = None if self.run is None else self._session_id(self.run)
        return StoredRun(run=self.run, session_id=session_id)

    async def async_start_up(self) -> None:
        """Follow the devices, and let a run that was interrupted wait for a person."""
        self._unsubscribe = [
            async_dispatcher_connect(self._hass, REPORTED, self._reported),
            async_dispatcher_connect(self._hass, SIGNAL_SESSION, self._session_event),
        ]
        if self.run is not None:
            adopted = self._step_session(self.run).adopted
            await self._async_apply(RoutineEvent.ADOPTED if adopted else RoutineEvent.RESTARTED)
            self._follow()

    async def async_close(self) -> None:
        """Cancel timers and subscriptions, and finish saving."""
        self._closed = True
        self._timers.cancel_all()
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        if self._saving is not None:
            await asyncio.wait([self._saving])

    def reset(self) -> None:
        """Forget the run."""
        self._timers.cancel_all()
        self.run = self.cue = self._link = None

    # --- what a person can do ---------------------------------------------------------------------

    async def async_start(
        self,
        routine: str,
        steps: Steps,
        *,
        window: timedelta,
        finish_by: datetime | None = None,
        context: Context | None = None,
    ) -> RoutineRun:
        """Start a routine at its first step.

        Args:
            routine: Its key or name.
            steps: In their order.
            window: The run ends after that time.
            finish_by: When it should be done, UTC and aware; optional steps are dropped for it.
            context: Of the user who starts it.

        Raises:
            RefusedError: As `consider`. Nothing has changed.
        """
        new, effects = self.consider(routine, steps, window=window, finish_by=finish_by)
        self._context = context
        who = Who.of(context)
        self._port.announce(
            "routine_started", routine=routine, by=who.by.value, user_id=who.user_id
        )
        await self._async_carry_out(new, effects)
        return self.run or new

    def consider(
        self, routine: str, steps: Steps, *, window: timedelta, finish_by: datetime | None = None
    ) -> tuple[RoutineRun, tuple[RoutineEffect, ...]]:
        """Return how a routine would start now; the arguments are those of `async_start`.

        Raises:
            RefusedError: `busy` while another one runs; else as `steps.check` and `resolve`.
        """
        if self.busy:
            raise RefusedError(Refusal(reason=Reason.BUSY))
        now = dt_util.utcnow()
        new = RoutineRun(
            person_id=self._person_id,
            routine=routine,
            steps=tuple(self._timed(step) for step in steps),
            began_at=now,
            window_ends_at=now + window,
            finish_by=finish_by,
        )
        return begin(new, self._why_not)

    def _timed(self, step: Step) -> Step:
        """Return a step with the duration of its session for this person on this device."""
        if (modality := step.act.modality) is None or step.program is None:
            return step
        custom = custom_programs(self._hass, self._person_id)
        device = device_of(self._hass, modality, step.device)
        resolved = resolve_program(step.program, self._port.person, device, custom)
        return replace(step, duration_s=resolved.duration_s)

    async def async_do(self, event: RoutineEvent, context: Context | None = None) -> None:
        """Confirm, skip or stop.

        A stop returns when the device has confirmed it, whether the run is saved by then or not.

        Raises:
            RefusedError: There is no routine, or the event is not for its state. Nothing has
                changed.
            DeviceError: A session could not be resumed or stopped yet.
        """
        if self.run is None:
            raise RefusedError(Refusal(reason=Reason.WRONG_STATE, detail="idle"))
        self._context = context
        await self._async_apply(event)

    # --- the table --------------------------------------------------------------------------------

    async def _async_apply(
        self,
        event: RoutineEvent,
        refusal: Refusal | None = None,
        result: Result | None = None,
    ) -> None:
        """Let an event take effect."""
        if self.run is not None and not self._closed:
            run, effects = advance(
                self.run,
                event,
                dt_util.utcnow(),
                refusal=refusal,
                result=result,
                why_not=self._why_not,
            )
            await self._async_carry_out(run, effects)

    async def _async_carry_out(self, run: RoutineRun, effects: tuple[RoutineEffect, ...]) -> None:
        """Carry out a row: send what it says, then publish, then save.

        Only a start is saved first: `_async_start_session` waits for it.
        """
        changed, self.run = run != self.run, run
        self._set_timers(run)
        starts = RoutineEffect.START in effects
        if changed and starts:
            self._save()
        carrying = self._hass.async_create_task(
            self._async_effects(run, effects), f"facial_therapy routine {self._person_id}"
        )
        if changed:
            self._publish()
        if changed and not starts:
            self._save()
        await asyncio.shield(carrying)

    async def _async_effects(self, run: RoutineRun, effects: tuple[RoutineEffect, ...]) -> None:
        """Carry out the effects of a row in their order."""
        for effect in effects:
            await self._effects[effect](run)

    def _save(self) -> None:
        """Save the run in a separate task, after a save that is under way."""
        before = self._saving

        async def save() -> None:
            if before is not None:
                await asyncio.wait([before])
            await self._port.async_save()

        self._saving = self._hass.async_create_task(
            save(), f"facial_therapy saves the routine {self._person_id}"
        )

    def _set_timers(self, run: RoutineRun) -> None:
        now = dt_util.utcnow()
        self._timers.cancel_all()
        if run.state is RoutineState.OVER:
            return
        if run.rests_until is not None:
            settling = SETTLING if run.state is RoutineState.GAP else timedelta()
            self._later(run.rests_until - now + settling, RoutineEvent.ELAPSED)
        if run.window_ends_at > now:
            self._later(run.window_ends_at - now, RoutineEvent.LATE)
        if run.state is RoutineState.STRANDED:
            self._later(timedelta(seconds=STRANDED_S), RoutineEvent.ENDED)

    def _later(self, delay: timedelta, event: RoutineEvent) -> None:
        delay_s = max(0, delay.total_seconds()) + 0.001
        self._timers.later(event, delay_s, lambda: self._soon(event))

    @callback
    def _soon(self, event: RoutineEvent) -> None:
        """Let an event take effect that nobody waits for."""
        self._hass.async_create_task(
            self._async_quietly(event), f"facial_therapy {event} of a routine {self._person_id}"
        )

    async def _async_quietly(self, event: RoutineEvent) -> None:
        result = None
        if event is RoutineEvent.ENDED and self.run is not None:
            result = self._step_session(self.run).result
        try:
            await self._async_apply(event, result=result)
        except (RefusedError, DeviceError) as error:
            LOGGER.info("Failed to carry out '%s' of a routine: %s", event, error)

    def _why_not(self, step: Step, at: datetime) -> Refusal | None:
        """Return why the session of a step would be refused for good."""
        modality = step.act.modality
        if modality is None or step.program is None:
            return None
        found = self._forecast.refusals(
            self._port.person, modality, step.program, at, device=step.device
        )
        return next(iter(found), None)

    # --- effects ----------------------------------------------------------------------------------

    def _coordinator(self, run: RoutineRun) -> FacialTherapyCoordinator | None:
        """Return the coordinator of the device that has the step's session, or is to get it."""
        session_id = self._session_id(run)
        record = None if session_id is None else self._hass.data[LEDGER].get(session_id)
        if record is not None and record.mac is not None:
            return coordinator_by_mac(self._hass, record.mac)
        return self._coordinator_to_start(run)

    def _coordinator_to_start(self, run: RoutineRun) -> FacialTherapyCoordinator | None:
        """Return the coordinator that a session of the step would be started on."""
        if (step := run.step) is None or (modality := step.act.modality) is None:
            return None
        return coordinator_of(self._hass, modality, step.device)

    async def _async_start_session(self, run: RoutineRun) -> None:
        """Start the session of the step; the answer is the next event."""
        if self._saving is not None:
            await asyncio.wait([self._saving])
        if self.run != run:  # stopped or skipped meanwhile
            return
        coordinator, step = self._coordinator_to_start(run), run.step
        if coordinator is None or step is None or step.program is None:
            refusal = Refusal(reason=Reason.DEVICE_NOT_LOADED)
            await self._async_apply(RoutineEvent.HINDERED, refusal)
            return
        request = SessionRequest(
            person=self._port.person,
            program=step.program,
            window_s=limits.WINDOW_S[coordinator.modality].hard.maximum,
            gel_rinsed=run.rinsed,
        )
        self._asking = self._hass.async_create_task(
            coordinator.async_start(request, self._context),
            f"facial_therapy starts a step {self._person_id}",
        )
        try:
            live = await self._asking
        except RefusedError as error:
            event, refusal = refused(error.refusals, dt_util.utcnow())
            await self._async_apply(event, refusal)
        except DeviceError:
            with suppress(DeviceError):  # the coordinator retries it, and the lease ends output
                await coordinator.async_stop(self._context)
            await self._async_apply(RoutineEvent.OFFLINE, Refusal(reason=Reason.DEVICE_OFFLINE))
        else:
            self._link, self._zone = SessionLink(run.index, live.session_id), 1
            await self._async_apply(RoutineEvent.ACCEPTED)
            self._follow()

    async def _async_stop_session(self, run: RoutineRun) -> None:
        """Stop the session of the step, even one whose start has not been answered yet."""
        if (coordinator := self._coordinator(run)) is None:
            if run.state is not RoutineState.STRANDED:  # its device is unloaded: none lives
                await self._async_apply(RoutineEvent.ENDED)
            return
        asking, session = self._asking, self._step_session(run)
        if run.state is RoutineState.STRANDED and not session.asking and not session.lives:
            return  # what the device may have is somebody else's
        try:
            await coordinator.async_stop(self._context)
            if asking is not None and session.asking:
                patience = self._timers.wait(START_ANSWERED_S)
                answers: tuple[asyncio.Future[Any], ...] = (asking, patience)
                await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED)
                patience.cancel()
                await coordinator.async_stop(self._context)
        finally:
            if not self._step_session(run).lives:
                self._follow()  # else its next report does

    async def _async_resume_session(self, run: RoutineRun) -> None:
        """Resume the paused session of the step.

        Raises:
            RefusedError: `device_not_loaded`; `wrong_state` if the device has another session or
                none; or as the gate says.
            DeviceError: The node did not answer.
        """
        if (coordinator := self._coordinator(run)) is None:
            raise RefusedError(Refusal(reason=Reason.DEVICE_NOT_LOADED))
        if not self._step_session(run).lives:
            raise RefusedError(Refusal(reason=Reason.WRONG_STATE, detail=coordinator.state))
        await coordinator.async_resume(self._context)

    # --- the session of the step ------------------------------------------------------------------

    def _session_id(self, run: RoutineRun) -> str | None:
        """Return the session of the step; None if none was accepted for it."""
        link = self._link
        return link.session_id if link is not None and link.index == run.index else None

    def _step_session(self, run: RoutineRun) -> StepSession:
        """Return the step, its session and its device as they are now."""
        session_id = self._session_id(run)
        return StepSession(
            run=run,
            session_id=session_id,
            coordinator=self._coordinator(run),
            record=None if session_id is None else self._hass.data[LEDGER].get(session_id),
            asking=self._asking is not None and not self._asking.done(),
        )

    @callback
    def _session_event(self, _entry_id: str, name: str, data: Mapping[str, Any]) -> None:
        """Follow the session of the step: adopted, resumed, ended."""
        run = self.run
        if run is None or run.state not in FOLLOWED:
            return
        if (session_id := self._session_id(run)) is None or data.get("session_id") != session_id:
            return
        if name == "adopted" and run.index not in run.marked:
            self._soon(RoutineEvent.ADOPTED)
        else:
            self._follow()

    @callback
    def _reported(self, entry_id: str) -> None:
        """Follow the device of the step: it has reported, changed its state, or is unloaded."""
        if self.run is not None and self.run.state in FOLLOWED:
            coordinator = self._coordinator(self.run)
            if coordinator is None or coordinator.config_entry.entry_id == entry_id:
                self._follow()

    @callback
    def _follow(self) -> None:
        """Let the run follow its session, and show the zone that the wand has come to."""
        if (run := self.run) is None or run.state not in FOLLOWED:
            return
        session = self._step_session(run)
        telemetry = None if session.coordinator is None else session.coordinator.telemetry
        if (event := session.event) is not None:
            self._soon(event)
        elif run.state is RoutineState.RUNNING and telemetry is not None:
            self._zone = telemetry.zone or self._zone
            if cue(run, self._zone) != self.cue:
                self._publish()

    # --- publishing -------------------------------------------------------------------------------

    @callback
    def _publish(self) -> None:
        """Publish the run, and announce a step, a cue or the end that is new."""
        before, self.cue = self.cue, None if self.run is None else cue(self.run, self._zone)
        if (run := self.run) is not None and self.cue != before and self.cue not in ZONES:
            step, following = run.step, run.next_step
            self._port.announce(
                "routine_finished" if step is None else "routine_step",
                routine=run.routine,
                step=step and step.act.value,
                cue=self.cue,
                next=following and following.act.value,
                outcome=run.outcome and run.outcome.value,
            )
        self._port.publish()

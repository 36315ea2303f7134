"""One person's evenings: carries out the routine they are in, keeps their plan, and writes both down.

1. What is to be done is the table of `core.routine`; sessions are asked for at the shells of the
    devices, like everybody's.
2. A change is written down before anything is asked for that follows from it.
3. After a restart a routine is where it was, and waits for a person.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, Context, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN, LOGGER, REPORTED, SIGNAL_EVENING, SIGNAL_LEDGER
from ..coordinator import FacialTherapyCoordinator, all_coordinators
from ..core import limits
from ..core.gate.resolve import named, resolve
from ..core.model import Outcome, Person, Reason, Refusal, RefusedError
from ..core.routine.run import RoutineRun, advance, begin, cue, refused
from ..core.routine.steps import Step, Steps
from ..core.routine.transitions import RoutineEffect, RoutineEvent, RoutineState
from ..core.schedule.agenda import PlannedEvening
from ..core.schedule.plan import Phase, Plan, WeekPlan, check, evenings, monday
from ..core.session import SessionState
from ..core.zones import ZONES
from ..devices.port import DeviceError
from ..people.actor import Who
from ..people.programs import custom_programs
from ..people.registry import find_person
from ..people.routines import tonight
from ..session.view import SessionRequest
from ..storage.guarded_store import GuardedStore
from ..timers import Timers
from .forecast import agenda_of, device_of, lasting, next_evening, shell_of
from .proposals import EVENING, PROPOSALS
from .reminders import Reminders

LOOK: Final = timedelta(minutes=1)
"""How often it is looked whether something is due."""
WINDOW: Final = timedelta(hours=4)
"""When a routine gives up that was begun outside of an evening of the plan."""
OPENS: Final = time(20)
CLOSES: Final = time(23)
"""The evening of a plan that says nothing else."""
STRANDED_S: Final = max(limits.LEASE_S.values()) + 5
"""So long after a restart no lease of a session can still hold."""
LIVES: Final = (
    RoutineState.ARMED,
    RoutineState.RUNNING,
    RoutineState.HELD,
    RoutineState.LEAVING,
    RoutineState.ENDING,
)
HELD: Final = (SessionState.SUSPENDED, SessionState.PAUSED, SessionState.LOST)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRoutines:
    """What the store of a person holds."""

    weekly_plan: Plan = field(default_factory=Plan)
    run: RoutineRun | None = None
    told: Mapping[str, date] = field(default_factory=lambda: MappingProxyType({}))
    """The newest day of each reminder."""


def check_stored(stored: StoredRoutines) -> None:
    """Refuse a plan or a run that could not have been made.

    Raises:
        ValueError: An unknown program, a plan that no week can hold, or a step that is none.
    """
    for plan in stored.weekly_plan.plans:
        try:
            check(plan)
        except RefusedError as error:
            message = f"weekly_plan: {error.binding.reason}"
            raise ValueError(message) from None
    if (run := stored.run) is not None and not (
        run.state is RoutineState.OVER or 0 <= run.index < len(run.steps)
    ):
        message = "run.index: no such step"
        raise ValueError(message)


class Evenings:
    """The plan of one person, and the routine that they are in."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
        """Take the person's entry; nothing is read yet."""
        self._hass = hass
        self.entry = entry
        self._store = GuardedStore(
            hass,
            f"evenings.{entry.entry_id}",
            StoredRoutines,
            StoredRoutines,
            label=f"the plan and routine of {entry.title}",
            check=check_stored,
        )
        self._timers = Timers(hass)
        self._listeners: list[Callable[[], None]] = []
        self._unfollow: list[CALLBACK_TYPE] = []
        self._starting: asyncio.Task[None] | None = None
        self._context: Context | None = None
        """Of whoever did something last."""
        self._session_id: str | None = None
        self._zone = 1
        self._reminders = Reminders(hass, entry)
        self._reached: dict[str, date] = {}
        """What has been announced, and for which evening or week."""
        self._loaded = False
        """What was so when this was loaded is no news."""
        self.weekly_plan = Plan()
        self.run: RoutineRun | None = None
        self.cue: str | None = None
        """What the person is told; None before any routine."""

    @property
    def person(self) -> Person:
        """Whose evenings they are, as of now."""
        return find_person(self._hass, self.entry.entry_id)

    # --- written down -----------------------------------------------------------------------------

    async def async_load(self) -> None:
        """Take up what was written down; a routine that was gone through waits for a person."""
        stored = await self._store.async_load()
        self.weekly_plan, self.run = stored.weekly_plan, stored.run
        self._reminders.told = dict(stored.told)
        self._unfollow = [
            async_dispatcher_connect(self._hass, REPORTED, self._reported),
            async_dispatcher_connect(self._hass, SIGNAL_LEDGER, self._look_for_news),
            async_track_time_interval(
                self._hass, self._async_look_ahead, LOOK, cancel_on_shutdown=True
            ),
        ]
        if self.run is not None:
            await self._async_import(RoutineEvent.RESTARTED)
        self._look_for_news()
        self._loaded = True

    def close(self) -> None:
        """Let go of timers and signals."""
        self._timers.cancel_all()
        for unfollow in self._unfollow:
            unfollow()

    async def async_remove(self) -> None:
        """Forget the plan and the routine of a person who is removed or erased, and what they were asked."""
        self.weekly_plan, self.run, self._reminders.told = Plan(), None, {}
        await self._hass.data[PROPOSALS].async_forget(self.entry.entry_id)
        await self._store.async_remove()
        self._publish()

    async def _async_save(self) -> None:
        await self._store.async_save(
            StoredRoutines(weekly_plan=self.weekly_plan, run=self.run, told=self._reminders.told)
        )

    async def async_plan(self, weekly_plan: Plan) -> None:
        """Keep another course."""
        self.weekly_plan = weekly_plan
        await self._async_save()
        self._publish()

    async def async_choose(self, program: str | None, **changes: Any) -> None:  # noqa: ANN401 - fields of WeekPlan, of their own types
        """Begin a plan today: for a concern, else none; what is not said stays as it is.

        Raises:
            RefusedError: As `plan.check`. Nothing has changed.
        """
        today = dt_util.now().date()
        before = self.weekly_plan.on(today)
        if program is None:
            if before is not None:
                await self.async_plan(
                    self.weekly_plan.begun(replace(before, begins_on=today, evenings=()))
                )
            return
        custom = custom_programs(self._hass, self.entry.entry_id)
        recipe = named(program, custom)
        here = (
            frozenset(shell.modality for shell in all_coordinators(self._hass)) or recipe.modalities
        )
        new = before or WeekPlan(
            begins_on=today,
            program=program,
            modalities=here,
            evenings=(),
            opens=OPENS,
            closes=CLOSES,
        )
        starting = self.person.options.wand_starting_phase
        new = replace(
            new,
            begins_on=today,
            program=program,
            custom=custom.get(program),
            phase=Phase.BUILD_UP,
            starting_phase=starting,
            **changes,
        )
        if not new.evenings and "evenings" not in changes:
            new = replace(
                new,
                evenings=evenings(max(recipe.per_week(modality) for modality in recipe.modalities)),
            )
        if not new.modalities & recipe.modalities and "modalities" not in changes:
            new = replace(new, modalities=here)
        await self.async_plan(self.weekly_plan.begun(new))

    @property
    def next_phase(self) -> WeekPlan | None:
        """The next phase of the plan, if it is due: proposed, and begun only by a person."""
        return self.weekly_plan.next_phase(dt_util.now().date())

    async def async_accept(self, **changes: Any) -> WeekPlan:  # noqa: ANN401 - fields of WeekPlan, of their own types
        """Begin the next phase of the plan today.

        Raises:
            RefusedError: `no_next_phase`: none is due; or as `plan.check`. Nothing has changed.
        """
        if (proposed := self.next_phase) is None:
            raise RefusedError(Refusal(reason=Reason.NO_NEXT_PHASE))
        accepted = replace(proposed, **changes)
        await self.async_plan(self.weekly_plan.begun(accepted))
        return accepted

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
        """Begin a routine.

        Raises:
            RefusedError: As `consider`. Nothing has changed.
        """
        new, effects = self.consider(routine, steps, window=window, finish_by=finish_by)
        self._context = context
        who = Who.of(context)
        self._announce("routine_started", routine=routine, by=who.by.value, user_id=who.user_id)
        await self._async_carry_out(new, effects)
        return self.run or new

    def consider(
        self, routine: str, steps: Steps, *, window: timedelta, finish_by: datetime | None = None
    ) -> tuple[RoutineRun, tuple[RoutineEffect, ...]]:
        """Return how a routine would begin now.

        Raises:
            RefusedError: `busy` while one is gone through, or it cannot be gone through.
        """
        if self.run is not None and self.run.state is not RoutineState.OVER:
            raise RefusedError(Refusal(reason=Reason.BUSY))
        now = dt_util.utcnow()
        timed = tuple(self._timed(step) for step in steps)
        new = RoutineRun(
            person_id=self.entry.entry_id,
            routine=routine,
            steps=timed,
            began_at=now,
            window_ends_at=now + window,
            finish_by=finish_by,
        )
        return begin(new, self._why_not)

    def _timed(self, step: Step) -> Step:
        """Return a step with the time that its session takes for this person on this device."""
        if (modality := step.act.modality) is None or step.program is None:
            return step
        custom, device = (
            custom_programs(self._hass, self.entry.entry_id),
            device_of(self._hass, modality, step.device),
        )
        return replace(
            step, duration_s=resolve(step.program, self.person, device, custom).duration_s
        )

    async def async_do(self, event: RoutineEvent, context: Context | None = None) -> None:
        """Confirm, skip or stop.

        Raises:
            RefusedError: There is no routine, or the event is not for its state. Nothing has
                changed.
            DeviceError: A session could not be resumed or stopped yet.
        """
        if self.run is None:
            raise RefusedError(Refusal(reason=Reason.WRONG_STATE, detail="idle"))
        self._context = context
        await self._async_import(event)

    # --- the table --------------------------------------------------------------------------------

    async def _async_import(self, event: RoutineEvent, refusal: Refusal | None = None) -> None:
        """Let an event take effect."""
        if self.run is not None:
            await self._async_carry_out(
                *advance(self.run, event, dt_util.utcnow(), refusal=refusal, why_not=self._why_not)
            )

    async def _async_carry_out(self, run: RoutineRun, effects: tuple[RoutineEffect, ...]) -> None:
        """Write the change down, then do what follows from it."""
        changed, self.run = run != self.run, run
        self._set_timers(run)
        if changed:
            self._publish()
            await self._async_save()
        if RoutineEffect.STOP_SESSION in effects:
            await self._async_stop_session(run)
        if RoutineEffect.RESUME in effects and (shell := self._shell(run)) is not None:
            await shell.async_resume(self._context)
        if RoutineEffect.START in effects and self.run == run:
            self._starting = self._hass.async_create_task(
                self._async_start_session(run),
                f"facial_therapy starts a step of {self.entry.title}",
            )
            await asyncio.shield(self._starting)

    def _set_timers(self, run: RoutineRun) -> None:
        now = dt_util.utcnow()
        self._timers.cancel_all()
        if run.state is RoutineState.OVER:
            return
        if run.rests_until is not None:
            self._later(run.rests_until - now, RoutineEvent.ELAPSED)
        if run.window_ends_at > now:
            self._later(run.window_ends_at - now, RoutineEvent.LATE)
        if run.state is RoutineState.STRANDED:
            self._later(timedelta(seconds=STRANDED_S), RoutineEvent.ENDED)

    def _later(self, delay: timedelta, event: RoutineEvent) -> None:
        self._timers.later(event, max(0, delay.total_seconds()) + 0.001, lambda: self._soon(event))

    @callback
    def _soon(self, event: RoutineEvent) -> None:
        """Let an event take effect that nobody waits for."""
        self._hass.async_create_task(
            self._async_quietly(event), f"facial_therapy routine of {self.entry.title}"
        )

    async def _async_quietly(self, event: RoutineEvent) -> None:
        try:
            await self._async_import(event)
        except (RefusedError, DeviceError) as error:
            LOGGER.info("%s: %s of a routine: %s", self.entry.title, event, error)

    # --- sessions ---------------------------------------------------------------------------------

    def _shell(self, run: RoutineRun) -> FacialTherapyCoordinator | None:
        """Return the shell of the device of the step."""
        if (step := run.step) is None or (modality := step.act.modality) is None:
            return None
        return shell_of(self._hass, modality, step.device)

    def _why_not(self, step: Step, at: datetime) -> Refusal | None:
        """Return why a session will be refused for good."""
        modality = step.act.modality
        if modality is None or step.program is None:
            return None
        return next(
            iter(lasting(self._hass, self.person, modality, step.program, at, device=step.device)),
            None,
        )

    async def _async_start_session(self, run: RoutineRun) -> None:
        """Ask for the session of the step, and tell the routine what came of it."""
        shell, step = self._shell(run), run.step
        if shell is None or step is None or step.program is None:
            await self._async_import(
                RoutineEvent.HINDERED, Refusal(reason=Reason.DEVICE_NOT_LOADED)
            )
            return
        ask = SessionRequest(
            person=self.person,
            program=step.program,
            window_s=limits.WINDOW_S[shell.modality].hard.maximum,
            gel_rinsed=run.rinsed,
        )
        try:
            live = await shell.async_start(ask, self._context)
        except RefusedError as error:
            event, refusal = refused(error.refusals, dt_util.utcnow())
            await self._async_import(event, refusal)
        except DeviceError:
            with suppress(DeviceError):  # it goes on trying, and the lease ends it
                await shell.async_stop(self._context)
            await self._async_import(RoutineEvent.OFFLINE, Refusal(reason=Reason.DEVICE_OFFLINE))
        else:
            self._session_id, self._zone = live.session_id, 1
            await self._async_import(RoutineEvent.ACCEPTED)
            self._look(shell)

    async def _async_stop_session(self, run: RoutineRun) -> None:
        """Stop the session of the step, also one whose start has not been answered yet."""
        if (shell := self._shell(run)) is None:
            if run.state is not RoutineState.STRANDED:  # whoever unloads a device stops it
                await self._async_import(RoutineEvent.ENDED)
            return
        starting = self._starting if self._starting is not asyncio.current_task() else None
        try:
            await shell.async_stop(self._context)
            if starting is not None and not starting.done():
                await asyncio.wait([starting])
                await shell.async_stop(self._context)
        finally:
            self._look(shell)

    @callback
    def _reported(self, entry_id: str) -> None:
        """A device has reported, or its session has turned."""
        if self.run is None or self.run.state not in (*LIVES, RoutineState.OFF):
            return
        shell = self._shell(self.run)
        if shell is None and self.run.state in LIVES:
            self._soon(RoutineEvent.RESTARTED)
        elif shell is not None and shell.config_entry.entry_id == entry_id:
            self._look(shell)

    @callback
    def _look(self, shell: FacialTherapyCoordinator) -> None:
        """Tell the routine what its session is doing, if that is news."""
        run = self.run
        if run is None or run.state not in (*LIVES, RoutineState.OFF):
            return
        if (event := self._news(run, shell)) is not None:
            self._soon(event)
        elif run.state is RoutineState.RUNNING and shell.telemetry is not None:
            self._zone = shell.telemetry.zone or self._zone
            if cue(run, self._zone) != self.cue:
                self._publish()

    def _news(self, run: RoutineRun, shell: FacialTherapyCoordinator) -> RoutineEvent | None:
        if run.state is RoutineState.OFF:
            # What has become of a start that was not answered is known when its session is settled:
            # until then it is in the way of another one.
            return (
                RoutineEvent.FOUND if shell.telemetry is not None and shell.live is None else None
            )
        if shell.state is SessionState.FAULT and run.state is not RoutineState.ENDING:
            return RoutineEvent.FAULTED
        if shell.live is None or shell.live.session_id != self._session_id:
            return (
                None
                if self._starting is not None and not self._starting.done()
                else RoutineEvent.ENDED
            )
        if shell.state is SessionState.STOPPING and run.state in (
            RoutineState.ARMED,
            RoutineState.RUNNING,
            RoutineState.HELD,
        ):
            # By somebody else: whoever stops a device wants no other one to go on. What Home
            # Assistant itself cut short waits for a person.
            return (
                RoutineEvent.RESTARTED
                if shell.live.outcome is Outcome.INTERRUPTED
                else RoutineEvent.STOP
            )
        if shell.state is SessionState.RUNNING and run.state in (
            RoutineState.ARMED,
            RoutineState.HELD,
        ):
            return RoutineEvent.ENERGIZED
        return (
            RoutineEvent.HELD if run.state is RoutineState.RUNNING and shell.state in HELD else None
        )

    # --- when it is due ---------------------------------------------------------------------------

    @property
    def due(self) -> PlannedEvening | None:
        """The evening that is due now: it is open, something would be permitted now, and no routine is gone through."""
        if self.run is not None and self.run.state is not RoutineState.OVER:
            return None
        evening = next_evening(self._hass, self.person, self.weekly_plan)
        return evening if evening is not None and evening.at <= dt_util.utcnow() else None

    @property
    def planned_today(self) -> date | None:
        """The day of the plan's next evening, if that is today."""
        evening = next_evening(self._hass, self.person, self.weekly_plan)
        return evening.day if evening is not None and evening.day == dt_util.now().date() else None

    def of_plan(self) -> tuple[str, Steps, timedelta]:
        """Return the routine of the evening that is open, else of the next one: its name, its steps, and when it gives up.

        Raises:
            RefusedError: `no_plan`.
        """
        today = dt_util.now().date()
        evening = next_evening(self._hass, self.person, self.weekly_plan)
        plan = self.weekly_plan.on(today if evening is None else evening.day)
        if plan is None or not plan.evenings:
            raise RefusedError(Refusal(reason=Reason.NO_PLAN))
        now = dt_util.utcnow()
        open_now = evening is not None and evening.opens_at <= now
        wanted = (
            tuple(proposal.modality for proposal in evening.proposals)
            if open_now and evening is not None
            else self.weekly_plan.planned(today)
        )
        window = evening.closes_at - now if open_now and evening is not None else WINDOW
        return EVENING, tonight(wanted or tuple(plan.modalities), plan.program), max(window, LOOK)

    @property
    def goal_reached(self) -> bool:
        """Whether the goal of this week's plan is reached."""
        week = agenda_of(self._hass, self.entry.entry_id, self.weekly_plan).adherence(
            dt_util.utcnow()
        )
        return 0 < week.goal <= week.done

    @callback
    def _look_for_news(self) -> None:
        """Announce once an evening that it is due, and once a week that its goal is reached."""
        try:
            evening = self.due
        except RefusedError:  # the person's entry is being removed
            return
        today = dt_util.now().date()
        reached = {
            "session_due": None if evening is None else evening.day,
            "weekly_goal_reached": monday(today) if self.goal_reached else None,
        }
        for event, day in reached.items():
            if day is not None and self._reached.get(event) != day:
                self._reached[event] = day
                closes_at = (
                    evening.closes_at.isoformat()
                    if evening is not None and event == "session_due"
                    else None
                )
                self._announce(event, closes_at=closes_at)

    def _announce(self, event: str, **data: Any) -> None:  # noqa: ANN401 - JSON
        """Announce to automations what has happened."""
        if self._loaded:
            async_dispatcher_send(
                self._hass,
                SIGNAL_EVENING,
                self.entry.entry_id,
                event,
                {"person": self.entry.title, **data},
            )

    async def _async_look_ahead(self, _now: datetime) -> None:
        """Do what the person wants when an evening is due: say so once, or ask once whether to begin."""
        try:
            evening = self.due
        except RefusedError:  # the person's entry is being removed
            return
        self._publish()
        self._look_for_news()
        before = dict(self._reminders.told)
        await self._reminders.async_look(evening, next_phase=self.next_phase is not None)
        if self._reminders.told != before:
            await self._async_save()

    # --- what is shown ----------------------------------------------------------------------------

    def add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call back when the plan, the step or what is said has changed."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    @callback
    def person_changed(self) -> None:
        """Show what comes next once something was said or chosen about the person, or made by them."""
        self._publish()
        self._look_for_news()

    @callback
    def _publish(self) -> None:
        before, self.cue = self.cue, None if self.run is None else cue(self.run, self._zone)
        if (run := self.run) is not None and self.cue != before and self.cue not in ZONES:
            step, following = run.step, run.next_step
            event = "routine_finished" if step is None else "routine_step"
            told = {
                "step": step and step.act.value,
                "cue": self.cue,
                "next": following and following.act.value,
                "outcome": run.outcome and run.outcome.value,
            }
            self._announce(event, routine=run.routine, **told)
        for listener in tuple(self._listeners):
            listener()


EVENINGS: HassKey[dict[str, Evenings]] = HassKey(f"{DOMAIN}_evenings")
"""By the config entry of the person."""


def evenings_of(hass: HomeAssistant, person: Person) -> Evenings:
    """Return the evenings of a person.

    Raises:
        RefusedError: `unknown_person`: their entry is not loaded.
    """
    if (found := hass.data[EVENINGS].get(person.person_id)) is None:
        raise RefusedError(
            Refusal(reason=Reason.UNKNOWN_PERSON, field="person", detail=person.name)
        )
    return found

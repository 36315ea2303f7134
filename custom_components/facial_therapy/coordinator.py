"""The shell, one per device: owns clock and order, runs the session table, carries out its effects, renews the lease, publishes a snapshot.

1. One gate: nothing reaches the device but through here.
2. To energize: write, then act. To deenergize: act, then write.
3. Start takes a lock; stop takes none and is tried again until the node confirms zero.
4. A restart never starts anything: what it finds open it stops and settles.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
import secrets
from typing import Any, Final, override

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, Context, HassJob, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.util import dt as dt_util

from .accounts import Accounts
from .admission import Admission
from .const import CONF_CHANNELS, CONF_MAC, CONF_MODALITY, LOGGER
from .core import limits, safety
from .core.model import Channel, Dose, Fault, Modality, NodeState, Outcome, Person, Plan, Reason, Refusal, RefusedError, Telemetry
from .core.session import Effect, Event, State, step
from .devices import Answer, DeviceError, Problem, TherapyDevice
from .devices.governed import GovernedDevice
from .devices.nodes import node_device
from .devices.wire import since_ms
from .manual import Manual
from .people import persons
from .repairs import async_clear_node_issues, async_wrong_contract
from .snapshot import Ask, LiveSession, Snapshot
from .store import LedgerError, Record
from .timers import Timers

type DeviceConfigEntry = ConfigEntry[FacialTherapyCoordinator]

STOP_RETRY_S: Final = 0.5
ENDS_AT_SLACK: Final = timedelta(seconds=1.5)
"""The end is published anew when it moves by more than this: never a state every second."""
OVERDUE_S: Final = 30
"""A running session whose end passed this long ago, and of which the node says nothing, is stopped."""
NODE_EVENTS: Final = {
    NodeState.ARMED: Event.REARMED,
    NodeState.RAMPING: Event.ENERGIZED,
    NodeState.RUNNING: Event.ENERGIZED,
    NodeState.SUSPENDED: Event.SUSPENDED,
    NodeState.PAUSED: Event.PAUSED,
    NodeState.IDLE: Event.ENDED,
    NodeState.FAULT: Event.FAULTED,
}
TOLD: Final = {State.SUSPENDED: "suspended", State.PAUSED: "paused", State.FAULT: "fault"}


class FacialTherapyCoordinator(DataUpdateCoordinator[Snapshot]):
    """One governed device: everything that a person, an automation or the node itself can do to a session."""

    config_entry: DeviceConfigEntry

    def __init__(self, hass: HomeAssistant, entry: DeviceConfigEntry, device: TherapyDevice | None = None) -> None:
        """Take the entry of the device, and in tests another device; nothing is opened yet."""
        super().__init__(hass, LOGGER, config_entry=entry, name=entry.title, always_update=False)
        self.mac: str = entry.data[CONF_MAC]
        self.modality = Modality(entry.data[CONF_MODALITY])
        self.channels = tuple(Channel(channel) for channel in entry.data.get(CONF_CHANNELS, ()))
        self.device = device or GovernedDevice(hass, self.mac, self.modality)
        self.accounts = Accounts(hass, self.mac, self.modality, self.device)
        self.manual = Manual(hass, self)
        self.admission = Admission(hass, self)
        self.timers = Timers(hass)
        self.state = State.IDLE
        self.live: LiveSession | None = None
        self.telemetry: Telemetry | None = None
        """The newest report; None while the device is away."""
        self.seen_off = True
        """The worn sensor has been seen off since output last flowed: the node would latch a fault otherwise."""
        self._last: LiveSession | None = None
        self._waiting: Ask | None = None
        self._answer: Answer | None = None
        self._accepted = False
        """The node has taken the living session."""
        self._fault: Fault | None = None
        self._start_lock = asyncio.Lock()
        self._commanding = 0
        self._stopping: asyncio.Task[None] | None = None
        self._ending = False
        self._renewing = False
        self._session_listeners: list[Callable[[str, LiveSession], None]] = []
        self._shown: tuple[Any, ...] | None = None
        self.closed = False
        """The channel is closed for good: its node has gone, or the entry is unloaded."""

    @property
    def device_entry(self) -> dr.DeviceEntry | None:
        """The node's own device, made by the esphome integration."""
        return node_device(self.hass, self.mac)

    # --- life of the shell ------------------------------------------------------------------------------------------------------

    async def async_open(self) -> None:
        """Take up what a restart has left behind, and open the channel."""
        await self.manual.async_load()
        self._fault = self.accounts.memory.fault
        if self._fault is not None:
            self.state = State.FAULT
        if (orphan := self.accounts.orphan()) is not None and self._may_live(orphan):
            self.live, self.state, self._accepted = self._interrupted(orphan), State.STOPPING, True
            self._keep_stopping()
        self.config_entry.async_on_unload(self.hass.async_add_shutdown_job(HassJob(self.async_shut_down, "facial_therapy stops its sessions")))
        self.publish()
        self.device.open(self._on_telemetry, self._on_connection)

    def _may_live(self, record: Record) -> bool:
        """Whether the node could still have a session that a restart left open."""
        at_the_longest_s = limits.WINDOW_S[self.modality].hard.maximum + limits.DURATION[self.modality].hard.maximum + 2 * limits.KEPT_S
        return dt_util.utcnow() - record.started_at < timedelta(seconds=at_the_longest_s)

    def _interrupted(self, record: Record) -> LiveSession:
        known = {person.person_id: person for person in persons(self.hass)}
        return LiveSession(
            session_id=record.session_id,
            person=known.get(record.person_id) or Person(person_id=record.person_id, name="", subject=record.subject),
            program=record.program,
            plan=None,
            started_at=record.started_at,
            started_by=None,
            outcome=Outcome.INTERRUPTED,
        )

    async def async_shut_down(self) -> None:
        """Home Assistant stops, or the entry is unloaded or loses its node: end the session, then close."""
        self.closed = True
        if self.live is not None:
            self.live = replace(self.live, outcome=Outcome.INTERRUPTED)
            with suppress(DeviceError):  # its lease ends it
                await self.async_stop()
        self.timers.cancel_all()
        if self._stopping is not None:
            self._stopping.cancel()
        await self.device.async_close()
        self.telemetry = None
        self.publish()

    # --- what a person can do ---------------------------------------------------------------------------------------------------

    def check(self, ask: Ask) -> tuple[Refusal, ...]:
        """Return why a session would be refused now, the binding reason first; empty: it would not be."""
        try:
            self.admission.consider(ask)
        except RefusedError as error:
            return error.refusals
        return ()

    async def async_start(self, ask: Ask, context: Context | None = None) -> LiveSession:
        """Permit, write down and arm a session; with `wait_s` and the device off, hold it waiting.

        Raises:
            RefusedError: It may not start; nothing has changed.
            DeviceError: The node did not answer; the session counts in full until the node tells.
        """
        live = LiveSession(
            session_id=secrets.token_hex(8),
            person=ask.person,
            program=ask.program,
            plan=None,
            started_at=dt_util.utcnow(),
            started_by=context.user_id if context else None,
        )
        async with self._start_lock:
            try:
                if not self.device.connected and ask.wait_s:
                    return self._wait(live, ask)
                return await self._async_begin(live, ask)
            except RefusedError:
                self._tell("refused", live)
                raise

    def _wait(self, live: LiveSession, ask: Ask) -> LiveSession:
        """Hold a session until its device is back."""
        row = self.admission.may_wait(ask)
        self.live = live = replace(live, window_ends_at=dt_util.utcnow() + timedelta(seconds=ask.wait_s or 0))
        self._waiting, self._accepted, self.state = ask, False, row.state
        self.timers.later("expired", ask.wait_s or 0, self._expired)
        self.publish()
        return live

    async def _async_begin(self, live: LiveSession, ask: Ask) -> LiveSession:
        """Permit, write, arm."""
        row = self.admission.begin()
        plan = self.admission.permit(ask)
        self.live = live = replace(live, plan=plan, window_ends_at=dt_util.utcnow() + timedelta(seconds=plan.window_s))
        self._waiting, self._answer, self._accepted, self.state = None, None, False, row.state
        self.timers.cancel("expired")
        self.publish()
        try:
            await self.accounts.async_open(live, plan)
            await self._async_arm(live, plan)
        except (LedgerError, RefusedError) as error:
            with suppress(LedgerError):
                await self.accounts.async_void(live.session_id)
            if self._is_live(live) and self.state is State.ARMED:
                self.apply(Event.REFUSED)
            if isinstance(error, LedgerError):
                raise RefusedError(Refusal(reason=Reason.STORE_FAILED, detail=str(error))) from error
            raise
        self._tell("armed", live)
        self._renew_from_now()
        return live

    def _is_live(self, live: LiveSession) -> bool:
        return self.live is not None and self.live.session_id == live.session_id

    async def _async_arm(self, live: LiveSession, plan: Plan) -> None:
        """Send start, once more if the node has a session that the ledger had not taken in."""
        for last_try in (False, True):
            if not self._is_live(live) or self.state is not State.ARMED:  # a stop came first
                raise RefusedError(Refusal(reason=Reason.WRONG_STATE, detail=self.state))
            try:
                self._answer = await self.device.async_start(live.session_id, plan, last_record=self.accounts.memory.last_record)
            except RefusedError as error:
                if last_try or error.binding.reason is not Reason.UNSEEN_SESSION:
                    raise
                await self._async_take_in()
            else:
                self._accepted = True
                return

    async def async_pause(self) -> None:
        """Zero at once, the session kept.

        Raises:
            RefusedError: Nothing runs.
            DeviceError: The node did not answer: its lease ends the output.
        """
        await self._async_person(Event.PAUSE)

    async def async_resume(self) -> None:
        """Continue the undelivered rest of a paused or suspended session.

        Raises:
            RefusedError: Nothing is paused, or the node refuses.
            DeviceError: The node did not answer.
        """
        await self._async_person(Event.RESUME)

    async def async_clear_fault(self) -> None:
        """Clear a latched fault whose cause is gone.

        Raises:
            RefusedError: There is none, or its cause lasts, or the node's button is needed.
            DeviceError: The device is away, or did not answer.
        """
        await self._async_person(Event.CLEAR)

    async def _async_person(self, event: Event) -> None:
        """Apply what a person asks for and carry it out while they wait."""
        effects = step(self.state, event).effects
        live = self.live
        self._commanding += 1
        try:
            if Effect.SEND_PAUSE in effects and live is not None:
                self.apply(event)
                self._answer = await self.device.async_pause(live.session_id)
            if Effect.SEND_RESUME in effects and live is not None and live.plan is not None and self.telemetry is not None:
                # The node's newest record is this session's own, and the ledger has it.
                self._answer = await self.device.async_resume(live.session_id, live.plan, last_record=self.telemetry.record)
                await self._async_set_as_before(live)
                self._node_event(self._answer.state)
            if Effect.SEND_CLEAR in effects:
                await self._async_clear()
        finally:
            self._commanding -= 1

    async def _async_set_as_before(self, live: LiveSession) -> None:
        """Bring a resumed session back to what it was set to by hand: one that is resumed over a new connection begins at its peaks."""
        if live.level_mw_cm2 is None and live.level_ua is None:
            return
        try:
            self._answer = await self.device.async_set_levels(live.session_id, irradiance_mw_cm2=live.level_mw_cm2 or {}, current_ua=live.level_ua or 0)
        except RefusedError:
            self.apply(Event.STOP)
            raise

    async def _async_clear(self) -> None:
        """Clear the node's fault, then ours."""
        if self.telemetry is None:
            raise DeviceError(Problem.DEVICE_OFFLINE)
        if self.telemetry.fault is not None:
            await self.device.async_clear_fault(self.telemetry.fault)
        self._fault = None
        await self.accounts.async_remember(clear=True)
        self.apply(Event.CLEARED)

    async def async_stop(self) -> None:
        """End whatever runs. Returns when the node has confirmed zero.

        Raises:
            DeviceError: `stop_unconfirmed` after 2 s; it goes on trying, and the lease ends the output at the time it names.
        """
        if not self.device.connected and self.live is None:
            return  # nothing of ours can flow: every lease is long over
        self.apply(Event.STOP)
        if (stopping := self._stopping) is None:
            return
        timer = self.timers.wait(limits.STOP_CONFIRM_S)
        await asyncio.wait({stopping, timer}, return_when=asyncio.FIRST_COMPLETED)
        timer.cancel()
        if not stopping.done():
            zero_at = dt_util.as_local(self.device.lease_ends_at or dt_util.utcnow())
            raise DeviceError(Problem.STOP_UNCONFIRMED, zero_at=zero_at.strftime("%H:%M:%S"))

    def _keep_stopping(self) -> None:
        """Send stop again and again until the node confirms zero."""
        if self._stopping is None or self._stopping.done():
            self._stopping = self.hass.async_create_background_task(self._async_stop_until_confirmed(), f"facial_therapy stop {self.mac}")

    async def _async_stop_until_confirmed(self) -> None:
        while True:
            try:
                self._answer = await self.device.async_stop()
                break
            except DeviceError, RefusedError:
                await self.timers.wait(STOP_RETRY_S)
        self._stopping = None
        await self._async_end()

    # --- the table --------------------------------------------------------------------------------------------------------------

    @callback
    def apply(self, event: Event) -> None:
        """Let an event take effect: the state at once, what has to be sent or settled in a task."""
        before = self.state
        row = step(before, event)
        self.state = row.state
        if not self.state.renews:
            self.timers.cancel("renew")
        if Effect.SEND_STOP in row.effects:
            self._keep_stopping()
        if before is not self.state and self.live is not None:
            self._moved(before, self.live)
        self.publish()

    def _moved(self, before: State, live: LiveSession) -> None:
        """Set and clear what goes with the new state, and tell the listeners."""
        self.timers.cancel("expired")
        if self.state is State.RUNNING:
            self._renew_from_now()
            self._tell("resumed" if before in (State.SUSPENDED, State.PAUSED) else "started", live)
        elif self.state is State.ARMED:
            self._renew_from_now()
        elif self.state in (State.LOST, State.STOPPING):
            self.timers.later("expired", limits.KEPT_S + limits.LEASE_S[self.modality], self._expired)
        elif self.state in TOLD:
            self._tell(TOLD[self.state], live)
        elif self.state is State.IDLE:
            self._over(live)
            return
        if self.state is not State.RUNNING:
            armed = before is State.IDLE or self.state is State.STOPPING
            self.live = replace(live, ends_at=None, window_ends_at=live.window_ends_at if armed else None)

    def _over(self, live: LiveSession) -> None:
        """The session has ended: what it delivered is in the ledger, or will be when the node tells."""
        record = self.accounts.ledger.get(live.session_id)
        delivered = live.delivered if record is None or record.delivered is None else record.delivered
        outcome = Outcome.VOID if record is None else record.outcome
        self._last = replace(live, window_ends_at=None, ends_at=None, ended_at=dt_util.utcnow(), delivered=delivered, outcome=outcome)
        self.live = None
        if self._stopping is not None:
            self._stopping.cancel()
        self._tell("ended", self._last)

    async def _async_end(self) -> None:
        """The node has closed the session: settle it, then it is over."""
        self._ending = True
        try:
            await self._async_take_in()
            if self.live is not None and not self._accepted:
                await self.accounts.async_void(self.live.session_id)
        except (RefusedError, DeviceError, LedgerError) as error:
            LOGGER.info("%s: not settled yet: %s", self.name, error)
        finally:
            self._ending = False
        live = self.live
        self.apply(Event.ENDED)
        if self.state is State.FAULT and live is not None:
            self._over(live)
            self.publish()
        elif self.state is State.IDLE and self._fault is not None:
            self.apply(Event.FAULTED)

    async def _async_take_in(self) -> None:
        """Settle what the node has closed; what it cannot tell now stays at its full plan."""
        known = [report.record for report in (self._answer, self.telemetry) if report is not None]
        if known:
            live = self.live
            interrupted = live.session_id if live is not None and live.outcome is Outcome.INTERRUPTED else None
            await self.accounts.async_take_in(max(known), interrupted=interrupted)

    # --- the node ---------------------------------------------------------------------------------------------------------------

    @callback
    def _on_connection(self, connected: bool) -> None:  # noqa: FBT001 - the port's signature
        self.telemetry = None
        self._answer = None
        self.apply(Event.FOUND if connected else Event.LOST)
        problem = self.device.problem
        if connected:
            async_clear_node_issues(self.hass, self.config_entry)
        elif problem is not None and problem.problem is Problem.WRONG_CONTRACT:
            async_wrong_contract(self.hass, self.config_entry, problem.placeholders["version"])

    async def _async_begin_waiting(self, live: LiveSession, ask: Ask) -> None:
        """The device of a waiting session is back."""
        async with self._start_lock:
            if self.state is not State.WAITING:
                return
            try:
                await self._async_begin(live, ask)
            except RefusedError as error:
                LOGGER.info("%s: the waiting session was refused: %s", self.name, error)
                self._tell("refused", live)
                if self.state is State.WAITING:
                    self.apply(Event.REFUSED)
            except DeviceError as error:
                LOGGER.info("%s: the waiting session was not answered: %s", self.name, error.problem)

    @callback
    def _on_telemetry(self, telemetry: Telemetry) -> None:
        """Watch, then let the session table have its say."""
        self.telemetry = telemetry
        self.seen_off = not telemetry.flowing and (self.seen_off or telemetry.worn is False)
        live = self.live
        ours = live is not None and telemetry.session_id == live.session_id
        if live is not None and ours:
            self.live = live = replace(live, delivered=telemetry.delivered)
            self._accepted = True
            if live.plan is not None and (fault := safety.watch(live.plan, telemetry, telemetry.received_at)):
                self._latch(fault)
        if self.state is State.WAITING and live is not None and self._waiting is not None:
            self.hass.async_create_task(self._async_begin_waiting(live, self._waiting), f"facial_therapy begin {self.mac}")
        elif telemetry.state is NodeState.FAULT and self.state is not State.FAULT:
            self.apply(Event.FAULTED)
        elif self.state is State.FAULT and self._fault is None and telemetry.fault is None and live is None:
            self.apply(Event.CLEARED)
        elif live is not None and not self._commanding and self._is_news(telemetry):
            self._node_event(telemetry.state if ours else NodeState.IDLE)
        elif live is None and telemetry.session_id is None and telemetry.record != self.accounts.memory.last_record:
            self.hass.async_create_task(self._async_catch_up(), f"facial_therapy take in {self.mac}")
        self._move_end(telemetry)
        self.publish()

    async def _async_catch_up(self) -> None:
        """Take in what happened while we were away."""
        try:
            await self._async_take_in()
        except (RefusedError, DeviceError, LedgerError) as error:
            LOGGER.info("%s: history not taken in yet: %s", self.name, error)
        last = self._last
        if last is not None and (record := self.accounts.ledger.get(last.session_id)) is not None and record.delivered is not None:
            self._last = replace(last, delivered=record.delivered, outcome=record.outcome)
            self.publish()

    def _is_news(self, telemetry: Telemetry) -> bool:
        """Whether a report was made after the last answer, so that it knows of the command; after a lost link every report is."""
        if (answer := self._answer) is None:
            return self.state is State.LOST or self._accepted
        return telemetry.boot != answer.boot or since_ms(telemetry.uptime_ms, answer.uptime_ms) >= 0

    def _node_event(self, state: NodeState) -> None:
        """Translate what the node is doing with our session into an event, if it is news."""
        event = NODE_EVENTS[state]
        if event is Event.ENDED:
            if not self._ending and self._stopping is None:
                self._ending = True
                self.hass.async_create_task(self._async_end(), f"facial_therapy end {self.mac}")
        elif step(self.state, event).state is not self.state:
            self.apply(event)

    def _move_end(self, telemetry: Telemetry) -> None:
        """Publish when the session, or its arming window, will end, and anew only when that moves."""
        live = self.live
        if live is not None and self.state is State.ARMED and telemetry.state is NodeState.ARMED:
            window_ends_at = telemetry.received_at + timedelta(seconds=telemetry.window_s)
            if live.window_ends_at is None or abs(live.window_ends_at - window_ends_at) > ENDS_AT_SLACK:
                self.live = replace(live, window_ends_at=window_ends_at)
        if live is None or self.state is not State.RUNNING or not telemetry.flowing:
            return
        ends_at = telemetry.received_at + timedelta(seconds=telemetry.left_s)
        if live.ends_at is None or abs(live.ends_at - ends_at) > ENDS_AT_SLACK:
            self.live = replace(live, ends_at=ends_at, window_ends_at=None)
            self.timers.later("expired", telemetry.left_s + OVERDUE_S, self._expired)

    def _latch(self, fault: Fault) -> None:
        """A fault that we found: any surprise deenergizes, and it lasts until a person clears it."""
        if self._fault is fault:
            return
        LOGGER.error("%s: fault %s", self.name, fault)
        self._fault = fault
        self.apply(Event.FAULTED)
        self.hass.async_create_task(self._async_remember_fault(fault), f"facial_therapy fault {self.mac}")

    async def _async_remember_fault(self, fault: Fault) -> None:
        try:
            await self.accounts.async_remember(fault=fault)
        except LedgerError as error:
            LOGGER.error("%s: the fault could not be written down: %s", self.name, error)

    # --- lease and timers -------------------------------------------------------------------------------------------------------

    def _renew_from_now(self) -> None:
        """Renew as long as the state says so."""
        if self.state.renews:
            self.timers.every("renew", limits.RENEW_S[self.modality], self._async_renew)

    async def _async_renew(self, _now: datetime) -> None:
        """Renew once; one in flight at most, and none for what only a person can resume."""
        waits = self.state is State.SUSPENDED and self.telemetry is not None and self.telemetry.cause != "contact"
        if self._renewing or self.live is None or not self.state.renews or waits:
            return
        self._renewing = True
        try:
            await self.device.async_renew(self.live.session_id)
        except (RefusedError, DeviceError) as error:
            # The node's next report, or the closed channel, tells what that means.
            LOGGER.debug("%s: lease not renewed: %s", self.name, error)
        finally:
            self._renewing = False

    @callback
    def _expired(self) -> None:
        self.apply(Event.EXPIRED)

    # --- what is shown ----------------------------------------------------------------------------------------------------------

    def add_session_listener(self, listener: Callable[[str, LiveSession], None]) -> CALLBACK_TYPE:
        """Call back with `armed`, `started`, `suspended`, `paused`, `resumed`, `ended`, `refused` or `fault`, and the session."""
        self._session_listeners.append(listener)
        return lambda: self._session_listeners.remove(listener)

    def _tell(self, name: str, live: LiveSession) -> None:
        for listener in tuple(self._session_listeners):
            listener(name, live)

    @callback
    def publish(self) -> None:
        """Publish a snapshot if something that is shown has changed."""
        telemetry = self.telemetry
        snapshot = Snapshot(
            state=self.state,
            connected=self.device.connected,
            device=self.device.description,
            telemetry=telemetry,
            session=self.live,
            last=self._last,
            fault=self._fault or (telemetry.fault if telemetry else None),
            refusals=self.admission.refusals(self._fault),
            settings=self.manual.settings,
        )
        quiet = replace(snapshot, telemetry=None, session=self.live and replace(self.live, delivered=Dose()))
        warm = telemetry is not None and (telemetry.temperature_c or 0) >= limits.TEMPERATURE_WARN_C
        shown = (quiet, telemetry and (telemetry.worn, telemetry.charging, telemetry.state), warm)
        if shown != self._shown:
            self._shown = shown
            self.async_set_updated_data(snapshot)

    @override
    async def _async_update_data(self) -> Snapshot:
        """Return the snapshot; the node pushes, nothing is polled."""
        return self.data

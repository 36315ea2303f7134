"""The shell, one per device: owns clock and order, runs the session table, carries out its effects, renews the lease, publishes a snapshot.

1. One gate: nothing reaches the device but through here.
2. To energize: write, then act. To deenergize: act, then write.
3. Start takes a lock; stop takes none and is tried again until the node confirms zero.
4. A restart never starts anything: what it finds open it stops and settles.
"""

from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, cast, override

from homeassistant.config_entries import SIGNAL_CONFIG_ENTRY_CHANGED, ConfigEntry, ConfigEntryChange
from homeassistant.core import Context, HassJob, HomeAssistant, callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator
from homeassistant.util import dt as dt_util

from .const import (
    CONF_CHANNELS,
    CONF_KIND,
    CONF_MAC,
    CONF_MODALITY,
    DOMAIN,
    KIND_DEVICE,
    KIND_PERSON,
    LOGGER,
    REPORTED,
    SIGNAL_LEDGER,
)
from .core import limits
from .core.ledger.record import Record
from .core.model import (
    Channel,
    Dose,
    Fault,
    Modality,
    Outcome,
    Person,
    Refusal,
    RefusedError,
    Telemetry,
)
from .core.session import SessionEffect, SessionEvent, SessionState, step
from .devices.discovery import node_device
from .devices.node import NodeDevice
from .devices.port import DeviceError, Problem, TherapyDevice
from .people.actor import DEVICE, HOME_ASSISTANT, Who
from .people.permissions import async_must_be_admin
from .people.registry import persons
from .session.admission import Admission
from .session.announcer import Announcer
from .session.bookkeeping import Accounts
from .session.controls import Manual
from .session.lease import Lease
from .session.starting import Starting
from .session.telemetry import Reports
from .session.view import LiveSession, SessionRequest, Snapshot
from .storage.ledger_file import LedgerError
from .timers import Timers

type DeviceConfigEntry = ConfigEntry[FacialTherapyCoordinator]

TOLD: Final = {
    SessionState.SUSPENDED: "suspended",
    SessionState.PAUSED: "paused",
    SessionState.FAULT: "fault",
}


class FacialTherapyCoordinator(DataUpdateCoordinator[Snapshot]):
    """One governed device: everything that a person, an automation or the node itself can do to a session."""

    config_entry: DeviceConfigEntry

    def __init__(
        self, hass: HomeAssistant, entry: DeviceConfigEntry, device: TherapyDevice | None = None
    ) -> None:
        """Take the entry of the device, and in tests another device; nothing is opened yet."""
        super().__init__(hass, LOGGER, config_entry=entry, name=entry.title, always_update=False)
        self.mac: str = entry.data[CONF_MAC]
        self.modality = Modality(entry.data[CONF_MODALITY])
        self.channels = tuple(Channel(channel) for channel in entry.data.get(CONF_CHANNELS, ()))
        self.device = device or NodeDevice(hass, self.mac, self.modality)
        self.accounts = Accounts(hass, entry, self.modality, self.device)
        self.manual = Manual(hass, self)
        self.admission = Admission(hass, self)
        self.timers = Timers(hass)
        self.reports = Reports(hass, self)
        self.lease = Lease(hass, self, self._async_end)
        self.starting = Starting(hass, self)
        self.announcer = Announcer(hass, self)
        self.state = SessionState.IDLE
        self.live: LiveSession | None = None
        self.last: LiveSession | None = None
        """The one that ended last."""
        self.fault: Fault | None = None
        """One that we have found, not the node."""
        self.commanding = 0
        """Commands of a person that are under way: the node's reports wait for their answers."""
        self._ending = False
        self._shown: tuple[Any, ...] | None = None
        self.closed = False
        """The channel is closed for good: its node has gone, or the entry is unloaded."""

    @property
    def device_entry(self) -> dr.DeviceEntry | None:
        """The node's own device, made by the esphome integration."""
        return node_device(self.hass, self.mac)

    @property
    def telemetry(self) -> Telemetry | None:
        """The newest report; None while the device is away."""
        return self.reports.telemetry

    # --- life of the shell ------------------------------------------------------------------------

    async def async_open(self) -> None:
        """Take up what a restart has left behind, and open the channel."""
        await self.manual.async_load()
        self.fault = self.accounts.memory.fault
        if self.fault is not None:
            self.state = SessionState.FAULT
        if (orphan := self.accounts.orphan()) is not None and orphan.lives(
            self.accounts.ledger.now()
        ):
            self.live, self.state, self.reports.accepted = (
                self._interrupted(orphan),
                SessionState.STOPPING,
                True,
            )
            self.lease.keep_stopping()
        self.config_entry.async_on_unload(
            self.hass.async_add_shutdown_job(
                HassJob(self.async_shut_down, "facial_therapy stops its sessions")
            )
        )
        self.config_entry.async_on_unload(
            async_dispatcher_connect(self.hass, SIGNAL_LEDGER, self.publish)
        )
        self.config_entry.async_on_unload(
            async_dispatcher_connect(self.hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._entry_changed)
        )
        self.publish()
        self.device.open(self.reports.on_telemetry, self.reports.on_connection)

    @callback
    def _entry_changed(self, _change: ConfigEntryChange, entry: ConfigEntry[Any]) -> None:
        """What holds for a person has changed, and so what is ready."""
        if entry.domain == DOMAIN and entry.data.get(CONF_KIND) == KIND_PERSON and not self.closed:
            self.publish()

    def _interrupted(self, record: Record) -> LiveSession:
        known: dict[str | None, Person] = {
            person.person_id: person for person in persons(self.hass)
        }
        return LiveSession(
            session_id=record.session_id,
            person=known.get(record.person_id)
            or Person(person_id=record.person_id or "", name="", profile=record.profile),
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
            self.live = replace(self.live, outcome=Outcome.INTERRUPTED, turned_by=HOME_ASSISTANT)
            with suppress(DeviceError):  # its lease ends it
                await self.async_stop()
        self.timers.cancel_all()
        self.lease.cancel()
        await self.device.async_close()
        self.reports.telemetry = None
        self.publish()

    # --- what a person can do ---------------------------------------------------------------------

    def check(self, ask: SessionRequest) -> tuple[Refusal, ...]:
        """Return why a session would be refused now, the binding reason first; empty: it would not be."""
        try:
            self.admission.consider(ask)
        except RefusedError as error:
            return error.refusals
        return ()

    async def async_start(self, ask: SessionRequest, context: Context | None = None) -> LiveSession:
        """Permit, write down and arm a session; with `wait_s` and the device off, hold it waiting.

        Raises:
            RefusedError: It may not start; nothing has changed.
            DeviceError: The node did not answer; the session counts in full until the node tells.
        """
        return await self.starting.async_start(ask, context)

    async def async_pause(self, context: Context | None = None) -> None:
        """Zero at once, the session kept.

        Raises:
            RefusedError: Nothing runs.
            DeviceError: The node did not answer: its lease ends the output.
        """
        await self._async_person(SessionEvent.PAUSE, context)

    async def async_resume(self, context: Context | None = None) -> None:
        """Continue the undelivered rest of a paused or suspended session.

        Raises:
            RefusedError: Nothing is paused, or the node refuses.
            DeviceError: The node did not answer.
        """
        await self._async_person(SessionEvent.RESUME, context)

    async def async_confirm(self, context: Context | None = None) -> None:
        """Confirm what is waited for: that the gel of the wand is off, else that a fault is mended.

        Raises:
            RefusedError: Nothing waits for it, or as clearing a fault does.
            DeviceError: The device is away, or did not answer.
        """
        if self.state is not SessionState.FAULT and self.admission.confirm_gel():
            return
        await self.async_clear_fault(context)

    async def async_clear_fault(self, context: Context | None = None) -> None:
        """Clear a latched fault whose cause is gone.

        Raises:
            ServiceValidationError: `only_admin`: by nobody who is signed in as one.
            RefusedError: There is none, or its cause lasts, or the node's button is needed.
            DeviceError: The device is away, or did not answer.
        """
        await async_must_be_admin(self.hass, context)
        await self._async_person(SessionEvent.CLEAR, context)

    async def _async_person(self, event: SessionEvent, context: Context | None) -> None:
        """Apply what a person asks for and carry it out while they wait."""
        effects = step(self.state, event).effects
        self.turned(Who.of(context))
        live = self.live
        self.commanding += 1
        try:
            if SessionEffect.SEND_PAUSE in effects and live is not None:
                self.apply(event)
                self.reports.answer = await self.device.async_pause(live.session_id)
            if (
                SessionEffect.SEND_RESUME in effects
                and live is not None
                and live.plan is not None
                and self.telemetry is not None
            ):
                # The node's newest record is this session's own, and the ledger has it.
                self.reports.answer = await self.device.async_resume(
                    live.session_id, live.plan, last_record=self.telemetry.record
                )
                await self._async_set_as_before(live)
                self.reports.follow(self.reports.answer.state, Who.of(context))
            if SessionEffect.SEND_CLEAR in effects:
                await self._async_clear()
        finally:
            self.commanding -= 1

    async def _async_set_as_before(self, live: LiveSession) -> None:
        """Bring a resumed session back to what it was set to by hand: one that is resumed over a new connection begins at its peaks."""
        if live.level_mw_cm2 is None and live.level_ua is None:
            return
        try:
            self.reports.answer = await self.device.async_set_levels(
                live.session_id,
                irradiance_mw_cm2=live.level_mw_cm2 or {},
                current_ua=live.level_ua or 0,
            )
        except RefusedError:
            self.apply(SessionEvent.STOP)
            raise

    async def _async_clear(self) -> None:
        """Clear the node's fault, then ours."""
        if self.telemetry is None:
            raise DeviceError(Problem.DEVICE_OFFLINE)
        if self.telemetry.fault is not None:
            await self.device.async_clear_fault(self.telemetry.fault)
        self.fault = None
        await self.accounts.async_remember(clear=True)
        self.apply(SessionEvent.CLEARED)

    async def async_stop(self, context: Context | None = None) -> None:
        """End whatever runs. Returns when the node has confirmed zero.

        Raises:
            DeviceError: `stop_unconfirmed` after 2 s; it goes on trying, and the lease ends the
                output at the time it names.
        """
        if not self.device.connected and self.live is None:
            return  # nothing of ours can flow: every lease is long over
        if not self.closed:
            self.turned(Who.of(context))
        self.apply(SessionEvent.STOP)
        await self.lease.async_confirm()

    def turned(self, who: Who) -> None:
        """Remember who brings about the next turn of the living session."""
        if self.live is not None:
            self.live = replace(self.live, turned_by=who)

    # --- the table --------------------------------------------------------------------------------

    @callback
    def apply(self, event: SessionEvent) -> None:
        """Let an event take effect: the state at once, what has to be sent or settled in a task."""
        before = self.state
        row = step(before, event)
        self.state = row.state
        if not self.state.renews:
            self.timers.cancel("renew")
        if SessionEffect.SEND_STOP in row.effects:
            self.lease.keep_stopping()
        if before is not self.state and self.live is not None:
            self._moved(before, self.live)
        self.publish()

    def _moved(self, before: SessionState, live: LiveSession) -> None:
        """Set and clear what goes with the new state, and tell the listeners."""
        self.timers.cancel("expired")
        if self.state is SessionState.RUNNING:
            self.lease.renew_from_now()
            self.announcer.tell(
                "resumed" if before in (SessionState.SUSPENDED, SessionState.PAUSED) else "started",
                live,
            )
        elif self.state is SessionState.ARMED:
            self.lease.renew_from_now()
        elif self.state in (SessionState.LOST, SessionState.STOPPING):
            self.timers.later(
                "expired", limits.KEPT_S + limits.LEASE_S[self.modality], self.expired
            )
        elif self.state in TOLD:
            self.announcer.tell(TOLD[self.state], live)
        elif self.state is SessionState.IDLE:
            self._over(live)
            return
        if self.state is not SessionState.RUNNING:
            armed = before is SessionState.IDLE or self.state is SessionState.STOPPING
            self.live = replace(
                live, ends_at=None, window_ends_at=live.window_ends_at if armed else None
            )

    def _over(self, live: LiveSession) -> None:
        """The session has ended: what it delivered is in the ledger, or will be when the node tells."""
        record = self.accounts.ledger.get(live.session_id)
        delivered = (
            live.delivered if record is None or record.delivered is None else record.delivered
        )
        outcome = Outcome.VOID if record is None else record.outcome
        self.last = replace(
            live,
            window_ends_at=None,
            ends_at=None,
            ended_at=dt_util.utcnow(),
            delivered=delivered,
            outcome=outcome,
        )
        self.live = None
        self.reports.compared = False
        self.lease.cancel()
        self.announcer.tell("ended", self.last)
        if record is not None and record.open:
            self.hass.async_create_task(
                self._async_write_over(self.last), f"facial_therapy over {self.mac}"
            )

    async def _async_write_over(self, last: LiveSession) -> None:
        """Write down that nothing of a session can flow any more, though its node has not told what it gave."""
        try:
            await self.accounts.async_over(last)
        except LedgerError as error:
            LOGGER.error(
                "%s: that the session is over could not be written down: %s", self.name, error
            )

    def end(self) -> None:
        """The node has no session of ours any more: settle it, unless a stop is being confirmed, which does."""
        if not self._ending and not self.lease.stopping:
            self._ending = True
            self.turned(DEVICE)
            self.hass.async_create_task(self._async_end(), f"facial_therapy end {self.mac}")

    async def _async_end(self) -> None:
        """The node has closed the session: settle it, then it is over."""
        self._ending = True
        try:
            await self.async_import_history()
            if self.live is not None and not self.reports.accepted:
                await self.accounts.async_void(self.live.session_id)
        except (RefusedError, DeviceError, LedgerError) as error:
            LOGGER.info("%s: not settled yet: %s", self.name, error)
        finally:
            self._ending = False
        live = self.live
        self.apply(SessionEvent.ENDED)
        if self.state is SessionState.FAULT and live is not None:
            self._over(live)
            self.publish()
        elif self.state is SessionState.IDLE and self.fault is not None:
            self.apply(SessionEvent.FAULTED)

    def _living(self) -> str | None:
        """Return the session that may be on its way to the node."""
        return (
            self.live.session_id
            if self.live is not None and self.live.outcome is not Outcome.INTERRUPTED
            else None
        )

    async def async_import_history(self) -> None:
        """Settle what the node has closed; what it cannot tell now stays at its full plan."""
        if (newest := self.reports.newest_record) is not None:
            live = self.live
            interrupted = (
                live.session_id
                if live is not None and live.outcome is Outcome.INTERRUPTED
                else None
            )
            enrolled = self.telemetry.profiles if self.telemetry is not None else ()
            await self.accounts.async_import_history(
                newest, enrolled=enrolled, interrupted=interrupted, living=self._living
            )

    def latch(self, fault: Fault) -> None:
        """A fault that we found: any surprise deenergizes, and it lasts until a person clears it."""
        if self.fault is fault:
            return
        LOGGER.error("%s: fault %s", self.name, fault)
        self.turned(HOME_ASSISTANT)
        self.fault = fault
        self.apply(SessionEvent.FAULTED)
        self.hass.async_create_task(
            self._async_remember_fault(fault), f"facial_therapy fault {self.mac}"
        )

    async def _async_remember_fault(self, fault: Fault) -> None:
        try:
            await self.accounts.async_remember(fault=fault)
        except LedgerError as error:
            LOGGER.error("%s: the fault could not be written down: %s", self.name, error)

    @callback
    def expired(self) -> None:
        """A window, or the patience with a node that says nothing, has ended."""
        self.turned(HOME_ASSISTANT)
        self.apply(SessionEvent.EXPIRED)

    # --- what is shown ----------------------------------------------------------------------------

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
            last=self.last,
            fault=self.fault or (telemetry.fault if telemetry else None),
            refusals=self.admission.refusals(self.fault),
            settings=self.manual.settings,
        )
        quiet = replace(
            snapshot, telemetry=None, session=self.live and replace(self.live, delivered=Dose())
        )
        warm = telemetry is not None and (telemetry.temperature_c or 0) >= limits.TEMPERATURE_WARN_C
        shown = (
            quiet,
            telemetry
            and (telemetry.worn, telemetry.charging, telemetry.state, telemetry.needs_button),
            warm,
        )
        if shown != self._shown:
            self._shown = shown
            self._publish_when_ready(snapshot.refusals)
            self.async_set_updated_data(snapshot)
        async_dispatcher_send(self.hass, REPORTED, self.config_entry.entry_id)

    def _publish_when_ready(self, refusals: tuple[Refusal, ...]) -> None:
        """Look again when time takes the next reason away."""
        times = [refusal.allowed_at for refusal in refusals if refusal.allowed_at is not None]
        if times and not self.closed:
            self.timers.later(
                "ready", max(1.0, (min(times) - dt_util.utcnow()).total_seconds()), self.publish
            )
        else:
            self.timers.cancel("ready")

    @override
    async def _async_update_data(self) -> Snapshot:
        """Return the snapshot; the node pushes, nothing is polled."""
        return self.data


def all_coordinators(hass: HomeAssistant) -> list[FacialTherapyCoordinator]:
    """Return the shells of all devices that are loaded."""
    entries = hass.config_entries.async_loaded_entries(DOMAIN)
    return [
        cast("DeviceConfigEntry", entry).runtime_data
        for entry in entries
        if entry.data[CONF_KIND] == KIND_DEVICE
    ]

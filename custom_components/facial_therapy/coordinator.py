"""One device in Home Assistant: connects its session engine with people, ledger and entities."""

import asyncio
from collections.abc import Coroutine
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
from .core.device import Telemetry
from .core.gate.request import SessionRequest
from .core.model import Channel, Dose, Modality
from .core.refusal import Refusal, RefusedError
from .core.session import SessionState
from .core.session_parameters import PermittedSession
from .devices.discovery import node_device
from .devices.enrollment import Enrollment
from .devices.node import NodeDevice
from .devices.port import DeviceError, Problem, TherapyDevice
from .people.actor import HOME_ASSISTANT, Who
from .people.permissions import async_must_be_admin
from .people.programs import custom_programs
from .people.registry import find_person, persons
from .session.announcements import Announcements
from .session.bookkeeping import Bookkeeping
from .session.controls import Controls, SetLevels, Start, Stop
from .session.engine import SessionEngine
from .session.gate import SessionGate
from .session.restart import restored
from .session.settings import Settings, SettingsStore
from .session.view import LiveSession, SessionView, Snapshot
from .storage.ledger_file import LedgerError
from .text.issues import async_clear_node_issues, async_wrong_contract
from .timers import Timers

ASK_AGAIN_S: Final = 60
"""The gate is asked again after this time even if nothing has changed but the time."""

READ_S: Final = 2
"""A start waits this long for what a device that has just connected counts."""

type DeviceConfigEntry = ConfigEntry[FacialTherapyCoordinator]


class FacialTherapyCoordinator(DataUpdateCoordinator[Snapshot]):
    """The Home Assistant side of one device; the session itself is the engine's."""

    config_entry: DeviceConfigEntry

    def __init__(
        self, hass: HomeAssistant, entry: DeviceConfigEntry, device: TherapyDevice | None = None
    ) -> None:
        """Take the entry of the device, and in tests another device; nothing is opened yet."""
        super().__init__(hass, LOGGER, config_entry=entry, name=entry.title, always_update=False)
        self.mac: str = entry.data[CONF_MAC]
        self.modality = Modality(entry.data[CONF_MODALITY])
        self.channels = tuple(map(Channel, entry.data.get(CONF_CHANNELS, ())))
        self.device = device or NodeDevice(hass, self.mac, self.modality)
        self.closed = False
        """The connection is closed for good: its node has gone, or the entry is unloaded."""
        self.controls = Controls(
            self.modality,
            self.channels,
            find_person=lambda reference: find_person(hass, reference),
            custom_programs=lambda person_id: custom_programs(hass, person_id),
            description=lambda: self.device.description,
        )
        self.announcements = Announcements(hass, entry)
        self.bookkeeping = Bookkeeping(hass, entry, self.device, self._living)
        self.gate = SessionGate(hass, entry, self.device, self.controls, lambda: self.engine.view)
        self.timers = Timers(hass)
        self.engine = SessionEngine(
            self.device, self.modality, self.timers, self.gate, self.bookkeeping, self
        )
        self._store = SettingsStore(hass, entry.entry_id)
        self._enrollment = Enrollment(self.device)
        self._changing = asyncio.Lock()
        self._busy: set[str] = set()
        self._reading: asyncio.Task[None] | None = None
        self._compared = False
        """The node's counters were compared with the ledger since the connection, and since the
        last session."""
        self._publishing: asyncio.Handle | None = None
        self._to_announce: list[tuple[str, LiveSession, Refusal | None]] = []
        self._asked: tuple[Any, ...] | None = None
        self._asked_at = 0.0
        self._refusals: tuple[Refusal, ...] = ()
        self._shown: tuple[Any, ...] | None = None

    @property
    def view(self) -> SessionView:
        """Everything that the engine knows."""
        return self.engine.view

    @property
    def state(self) -> SessionState:
        """The state of the session."""
        return self.engine.view.state

    @property
    def live(self) -> LiveSession | None:
        """The session that has not ended."""
        return self.engine.view.live

    @property
    def last(self) -> LiveSession | None:
        """The session that ended last."""
        return self.engine.view.last

    @property
    def telemetry(self) -> Telemetry | None:
        """The newest report; None while the device is not connected."""
        return self.engine.view.report

    @property
    def device_entry(self) -> dr.DeviceEntry | None:
        """The node's own device, made by the esphome integration."""
        return node_device(self.hass, self.mac)

    def _living(self) -> str | None:
        live = self.engine.view.live
        return None if live is None else live.session_id

    # --- set-up and unload ------------------------------------------------------------------------

    async def async_open(self) -> None:
        """Take what an earlier run has left, and open the connection."""
        self.controls.settings = await self._store.async_load()
        self._restore()
        entry = self.config_entry
        entry.async_on_unload(
            self.hass.async_add_shutdown_job(
                HassJob(self.async_shut_down, "facial_therapy pauses its sessions")
            )
        )
        entry.async_on_unload(
            async_dispatcher_connect(self.hass, SIGNAL_LEDGER, self._ledger_changed)
        )
        entry.async_on_unload(
            async_dispatcher_connect(self.hass, SIGNAL_CONFIG_ENTRY_CHANGED, self._entry_changed)
        )
        self.publish()
        self.device.open(self._on_telemetry, self._on_connection)

    def _restore(self) -> None:
        """Give the engine the latched fault, and the session without an end."""
        live, adopt = None, False
        if (record := self.bookkeeping.unfinished()) is not None:
            known = {person.person_id: person for person in persons(self.hass)}
            live = restored(record, known.get(record.person_id or ""))
            adopt = live.permitted is not None and self.gate.eligible(live)
        self.engine.restore(self.bookkeeping.memory.fault, live, adopt=adopt)

    async def async_shut_down(self, *, keep: bool = True) -> None:
        """Let go of the device: Home Assistant stops, or the entry is unloaded or loses its node.

        Args:
            keep: A session that has delivered something is paused, so that it can be resumed; else
                it is stopped.
        """
        self.closed = True
        keep = keep and self.config_entry.disabled_by is None
        await self.engine.async_close(keep=keep)
        if self._publishing is not None:
            self._publishing.cancel()
        await self.device.async_close()
        self.engine.connected(False)  # noqa: FBT003 - the port's signature
        self.timers.cancel_all()
        self.publish()

    async def async_end_unfinished(self) -> None:
        """Stop and settle what the node of a removed device still holds, if it can be reached."""
        if (record := self.bookkeeping.unfinished()) is None:
            return
        self.engine.restore(None, restored(record, None), adopt=False)
        self.device.open(self.engine.heard, self.engine.connected)
        with suppress(DeviceError):  # out of reach: it stays at its full planned dose
            await self.engine.async_stop(HOME_ASSISTANT)
        await self.engine.async_close(keep=False)
        await self.device.async_close()
        self.timers.cancel_all()

    # --- the device -------------------------------------------------------------------------------

    @callback
    def _on_connection(self, connected: bool) -> None:  # noqa: FBT001 - the port's signature
        self._compared = False
        self._enrollment = Enrollment(self.device)
        self.engine.connected(connected)
        problem = self.device.problem
        if connected:
            async_clear_node_issues(self.hass, self.config_entry)
        elif problem is not None and problem.problem is Problem.WRONG_CONTRACT:
            version = problem.placeholders["version"]
            async_wrong_contract(self.hass, self.config_entry, version)

    @callback
    def _on_telemetry(self, report: Telemetry) -> None:
        self.engine.heard(report)
        if self._enrollment.stale(report):
            self._read_profiles(report)
        elif self.live is None and report.session_id is None:
            behind = not self._compared or report.record != self.bookkeeping.last_record
            if behind and self.state is not SessionState.WAITING:
                self._once("import", self._async_catch_up())
        if not report.button:
            self._busy.discard("enroll")
        elif "enroll" not in self._busy:
            self._busy.add("enroll")
            self.run(self._async_enroll(), "enroll", endless=False)
        if self._shown is None or self._shown[1] != self._reported():
            self.changed()
        if self._publishing is None:
            async_dispatcher_send(self.hass, REPORTED, self.config_entry.entry_id)

    def _read_profiles(self, report: Telemetry) -> None:
        """Ask the node what it counts for our people, once at a time."""
        if self._reading is None or self._reading.done():
            job = self._async_read_profiles(report)
            self._reading = self.run(job, "profiles", endless=False)

    def _once(self, name: str, job: Coroutine[Any, Any, None]) -> None:
        """Run a job unless one of its name is running."""
        if name in self._busy:
            job.close()
            return
        self._busy.add(name)
        task = self.run(job, name, endless=False)
        task.add_done_callback(lambda _task: self._busy.discard(name))

    async def _async_read_profiles(self, report: Telemetry) -> None:
        profiles = [person.profile for person in persons(self.hass)]
        try:
            await self._enrollment.async_refresh(profiles, report)
        except (RefusedError, DeviceError) as error:
            LOGGER.info("%s: profiles not read yet: %s", self.name, error)
            return
        self.engine.counted(dict(self._enrollment.enrolled))

    async def _async_catch_up(self) -> None:
        """Import what happened while we were away, and compare the node's counters."""
        try:
            await self.bookkeeping.async_import(self.view)
            await self.bookkeeping.async_compare(self.view)
        except (RefusedError, DeviceError, LedgerError) as error:
            LOGGER.info("%s: history not imported yet: %s", self.name, error)
            return
        self._compared = True
        self.engine.refresh_last(self.bookkeeping.ledger.get)

    async def _async_enroll(self) -> None:
        """Enroll the selected person: somebody holds the node's button."""
        try:
            person = find_person(self.hass, self.controls.settings.person_id)
            if person.profile not in (self.view.profiles or {}):
                await self.device.async_enroll(person.profile)
                self.announcements.enrolled(person)
                self.changed()
        except (RefusedError, DeviceError) as error:
            LOGGER.info("%s: nobody was enrolled: %s", self.name, error)

    # --- people and the ledger --------------------------------------------------------------------

    @callback
    def _entry_changed(self, _change: ConfigEntryChange, entry: ConfigEntry[Any]) -> None:
        """Look again when a person has changed: their session may no longer be allowed."""
        if entry.domain != DOMAIN or entry.data.get(CONF_KIND) != KIND_PERSON or self.closed:
            return
        self.person_changed()

    @callback
    def person_changed(self) -> None:
        """Stop a session whose person has gone or may not be treated; show who may start."""
        if (live := self.live) is not None and not self.gate.eligible(live):
            self.run(self._async_stop_ineligible(), "stop", endless=False)
        if self.telemetry is not None:
            self._read_profiles(self.telemetry)
        self.ask_again()

    async def _async_stop_ineligible(self) -> None:
        try:
            await self.async_stop()
        except DeviceError as error:
            LOGGER.warning("%s: stop not confirmed yet: %s", self.name, error)

    @callback
    def _ledger_changed(self, person_ids: frozenset[str] | None) -> None:
        """Ask the gate again if the selected person is one of those whose sessions changed."""
        if person_ids is None or self.controls.person_id in person_ids:
            self.ask_again()

    # --- what a person can do ---------------------------------------------------------------------

    def check(self, request: SessionRequest) -> tuple[Refusal, ...]:
        """Return why a session would be refused now, the lasting reason first; empty: permitted."""
        try:
            self.gate.consider(request)
        except RefusedError as error:
            return error.refusals
        return ()

    def consider(self, request: SessionRequest) -> PermittedSession | None:
        """Return what would be permitted now; None if the session would wait for its device.

        Raises:
            RefusedError: It would be refused.
        """
        return self.gate.consider(request)

    async def async_start(
        self, request: SessionRequest, context: Context | None = None
    ) -> LiveSession:
        """Start a session; errors as `SessionEngine.async_start`."""
        return await self.engine.async_start(request, Who.of(context))

    async def async_pause(self, context: Context | None = None) -> None:
        """Pause; errors as `SessionEngine.async_pause`."""
        await self.engine.async_pause(Who.of(context))

    async def async_resume(self, context: Context | None = None) -> None:
        """Resume; errors as `SessionEngine.async_resume`."""
        await self.engine.async_resume(Who.of(context))

    async def async_stop(self, context: Context | None = None) -> None:
        """Stop; errors as `SessionEngine.async_stop`."""
        await self.engine.async_stop(Who.of(context))

    async def async_confirm(self, context: Context | None = None) -> None:
        """Confirm that the gel is rinsed off if that is asked, else clear a fault.

        Raises:
            RefusedError: Nothing is to be confirmed, or as clearing a fault.
            DeviceError: The device is not connected, or did not answer.
        """
        if self.state is not SessionState.FAULT and self.gate.confirm_gel():
            self.ask_again()
            return
        await self.async_clear_fault(context)

    async def async_clear_fault(self, context: Context | None = None) -> None:
        """Clear a latched fault; only an administrator may.

        Raises:
            ServiceValidationError: `only_admin`.
            RefusedError: There is none, its cause lasts, or the node's button is needed.
            DeviceError: The device is not connected, or did not answer.
        """
        await async_must_be_admin(self.hass, context)
        await self.engine.async_clear_fault(Who.of(context))

    # --- the controls -----------------------------------------------------------------------------

    async def async_set(self, **changes: Any) -> None:  # noqa: ANN401 - fields of Settings
        """Change the settings; a lower current reaches the live session at once.

        Raises:
            RefusedError: Out of bounds, not manual, or `busy`. Nothing has changed.
            DeviceError: The node did not answer.
        """
        settings = self.controls.changed(**changes)
        if self.live is not None:
            await self._async_carry_out(
                self.controls.live_change(settings, changes.keys(), self.view)
            )
        self._keep(settings)

    async def async_turn_on(
        self, channel: Channel, share: float | None, context: Context | None = None
    ) -> None:
        """Turn a light on: start a manual session with it, or set it in the live one.

        Raises:
            RefusedError: A program is selected, the level is above the permitted one, or as a
                start. Nothing has changed.
            DeviceError: The node did not answer.
        """
        async with self._changing:  # several lights of one action come at once
            before = self.controls.settings
            self._keep(self.controls.light_settings(channel, share, self.view))
            try:
                await self._async_carry_out(self.controls.light_on(channel, self.view), context)
            except RefusedError:
                self._keep(before)
                raise

    async def async_turn_off(self, channel: Channel, context: Context | None = None) -> None:
        """Turn a light of the session off; the last one ends the session.

        Raises:
            DeviceError: `stop_unconfirmed`.
        """
        asked = self.controls.light_off(channel, self.view)
        if isinstance(asked, SetLevels):
            try:
                await self._async_carry_out(asked)
            except (RefusedError, DeviceError) as error:
                LOGGER.debug("%s: stopping instead of turning one light off: %s", self.name, error)
                asked = Stop()
        if isinstance(asked, Stop):
            await self.async_stop(context)

    async def async_lower(self) -> None:
        """Lower the live session to three quarters of its level.

        Raises:
            RefusedError: Nothing runs, or a current would be below its minimum.
            DeviceError: The node did not answer.
        """
        async with self._changing:
            await self._async_carry_out(self.controls.lower(self.view))

    async def _async_carry_out(
        self, asked: SetLevels | Start, context: Context | None = None
    ) -> None:
        if isinstance(asked, SetLevels):
            await self.engine.async_set_levels(
                asked.live,
                irradiance_mw_cm2=asked.irradiance_mw_cm2,
                current_ua=asked.current_ua,
            )
            return
        if asked.stop_first:
            await self.async_stop(context)
        await self.async_start(asked.request, context)

    def _keep(self, settings: Settings) -> None:
        if settings != self.controls.settings:
            self.controls.settings = settings
            self._store.save(settings)
            self.ask_again()

    # --- the engine's host ------------------------------------------------------------------------

    @callback
    def changed(self) -> None:
        """Publish once in this pass of the loop, after the commands that are being sent."""
        if self._publishing is None:
            self._publishing = self.hass.loop.call_soon(self.publish)

    async def async_known(self) -> None:
        """Wait, briefly, until it is known what a device that has just connected counts.

        A disk that was full or read-only is tried again, so that a start need not wait for it.
        """
        if self.bookkeeping.ledger.failure is not None:
            with suppress(LedgerError):
                await self.bookkeeping.ledger.async_probe(self.hass)
        if self._reading is not None and not self._reading.done():
            await self.timers.within(READ_S, [self._reading])

    def announce(self, name: str, live: LiveSession, refusal: Refusal | None = None) -> None:
        """Announce an event of a session when the view is published, not before."""
        self._to_announce.append((name, live, refusal))
        if name == "ended":
            self._compared = False
        self.changed()

    def run(
        self, job: Coroutine[Any, Any, None], name: str, *, endless: bool
    ) -> asyncio.Task[None]:
        """Run a job that nobody waits for; an endless one does not delay a shutdown."""
        title = f"facial_therapy {name} {self.mac}"
        if endless:
            return self.hass.async_create_background_task(job, title)
        return self.hass.async_create_task(job, title)

    # --- for the entities -------------------------------------------------------------------------

    def _reported(self) -> tuple[Any, ...]:
        """Return what of the session and its newest report is shown, or counts for the gate."""
        view = self.engine.view
        live, report = view.live, view.report
        times = None if live is None else (live.session_id, live.ends_at, live.window_ends_at)
        if report is None:
            return view.state, view.seen_off, times, None
        heat = report.temperature_c or 0
        return (
            view.state,
            view.seen_off,
            times,
            report.state,
            report.worn,
            report.charging,
            report.fault,
            report.needs_button,
            heat >= limits.TEMPERATURE_WARN_C,
            heat >= limits.TEMPERATURE_STOP_C,
            tuple(refusal.reason for refusal in report.refuses) if report.refuses else (),
        )

    def _refusals_of(self, view: SessionView, reported: tuple[Any, ...]) -> tuple[Refusal, ...]:
        """Ask the gate again if one of its inputs has changed, or a minute has passed."""
        asked = (
            reported,
            view.fault,
            view.profiles,
            self.device.connected,
            self.device.description,
            self.controls.settings,
            self.bookkeeping.ledger.failure,
            self.bookkeeping.ledger.unreadable,
        )
        now = self.hass.loop.time()
        if asked != self._asked or now - self._asked_at > ASK_AGAIN_S:
            self._asked, self._asked_at = asked, now
            self._refusals = self.gate.refusals()
        return self._refusals

    @callback
    def publish(self) -> None:
        """Publish a snapshot if something that is shown has changed."""
        if self._publishing is not None:
            self._publishing.cancel()
            self._publishing = None
        announced, self._to_announce = self._to_announce, []
        for name, session, refusal in announced:
            self.announcements.announce(name, session, refusal)
        view, reported = self.engine.view, self._reported()
        report, live = view.report, view.live
        snapshot = Snapshot(
            state=view.state,
            connected=self.device.connected,
            device=self.device.description,
            telemetry=report,
            session=live,
            last=view.last,
            fault=view.fault or (report.fault if report else None),
            refusals=self._refusals_of(view, reported),
            settings=self.controls.settings,
        )
        quiet = replace(snapshot, telemetry=None, session=live and replace(live, delivered=Dose()))
        if (shown := (quiet, reported)) != self._shown:
            self._shown = shown
            self._publish_when_ready(snapshot.refusals)
            self.async_set_updated_data(snapshot)
        async_dispatcher_send(self.hass, REPORTED, self.config_entry.entry_id)

    def _publish_when_ready(self, refusals: tuple[Refusal, ...]) -> None:
        """Ask the gate again when time takes the next reason away."""
        times = [refusal.allowed_at for refusal in refusals if refusal.allowed_at is not None]
        if times and not self.closed:
            left_s = (min(times) - dt_util.utcnow()).total_seconds()
            self.timers.later("ready", max(1.0, left_s), self.ask_again)
        else:
            self.timers.cancel("ready")

    @callback
    def ask_again(self) -> None:
        """Ask the gate again: something that it looks at has changed."""
        self._asked = None
        self.changed()

    @override
    async def _async_update_data(self) -> Snapshot:
        """Return the snapshot; the node pushes, nothing is polled."""
        return self.data


def all_coordinators(hass: HomeAssistant) -> list[FacialTherapyCoordinator]:
    """Return the coordinators of all devices that are loaded."""
    entries = hass.config_entries.async_loaded_entries(DOMAIN)
    return [
        cast("DeviceConfigEntry", entry).runtime_data
        for entry in entries
        if entry.data[CONF_KIND] == KIND_DEVICE
    ]

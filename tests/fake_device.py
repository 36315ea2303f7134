"""A device for unit tests that obeys the contract like a governed node, in its own time.

It keeps lease, window, edges, ramps, history and faults as the firmware does, in tenths of a second, and can be told to fail: `silent` (never
answers again), `refuse` (refuses the next command), `disconnect`, `reboot`. Who is enrolled, and what the windows of each still hold, it keeps only where it
is `strict`: most tests are about something else.
The contract suite runs against it and against the real compiled node, so that it cannot drift.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import override

from homeassistant.util import dt as dt_util

from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.model import (
    ByChannel,
    Channel,
    Device,
    Dose,
    EyeShield,
    Fault,
    Grade,
    Modality,
    NodeState,
    Outcome,
    PermittedSession,
    Reason,
    Refusal,
    RefusedError,
    Telemetry,
)
from custom_components.facial_therapy.devices.port import Answer, DeviceError, HistoryEntry, Problem, TherapyDevice
from custom_components.facial_therapy.core.model import ProfileCounters

from .fake_windows import FakeWindows

MASK = Device(
    modality=Modality.MASK,
    contract=(1, 0),
    firmware="0.1.0",
    grade=Grade.MEASURED,
    uncertainty=0.2,
    full_mw_cm2={Channel.RED: 40, Channel.NEAR_INFRARED: 40, Channel.BLUE: 22, Channel.AMBER: 22},
    peak_mw_cm2={Channel.RED: 40, Channel.NEAR_INFRARED: 40, Channel.BLUE: 22, Channel.AMBER: 22},
    eye_shield=EyeShield.FIXED,
    worn_sensor=True,
    duration_s=1200,
)
WAND = Device(
    modality=Modality.WAND,
    contract=(1, 0),
    firmware="0.1.0",
    grade=Grade.MEASURED,
    uncertainty=0.2,
    peak_ua=400,
    worn_sensor=True,
    contact_area_mm2=25,
    duration_s=900,
)
TICK_S = 0.1
TICKS_BETWEEN_REPORTS = 10
BUTTON_FAULTS = (Fault.OVER_CURRENT, Fault.NET_CHARGE, Fault.OVER_TEMPERATURE, Fault.TEMPERATURE_SENSOR)
FLOWING = (NodeState.RAMPING, NodeState.RUNNING)


@dataclass(slots=True)
class FakeSession:
    """A session as the node keeps it."""

    session_id: str
    plan: PermittedSession
    number: int
    window_s: float
    level: float = 1
    lit: frozenset[Channel] | None = None
    output_s: float = 0
    ramp_s: float = 0
    delivered: Dose = field(default_factory=Dose)
    energized: bool = False


class FakeDevice(TherapyDevice):
    """The node that the unit tests hold in their hands."""

    def __init__(self, description: Device = MASK) -> None:
        """Begin idle, connected as soon as it is opened."""
        self._device = description
        self._on_telemetry: Callable[[Telemetry], None] = lambda _: None
        self._on_connection: Callable[[bool], None] = lambda _: None
        self._connected = False
        self._opened = False
        self._problem: DeviceError | None = None
        self._number = 0
        self._owner = 0
        self._session_owner = 0
        self._lease_s = 0.0
        self._contact_s = 0.0
        self._edge = False
        self._pressed = False
        self._held = False
        self._ticks = 0
        self.boot = 1
        self.time_s = 0.0
        self.age_s = 0.0
        """Like a node with a battery-backed clock: reboots lose nothing of it."""
        self.strict = False
        self.windows = FakeWindows(description)
        self.state = NodeState.IDLE
        self.session: FakeSession | None = None
        self.history: list[HistoryEntry] = [
            HistoryEntry(number=1, session_id=None, profile=None, planned=Dose(), delivered=Dose(), output_s=0, outcome=None, age_s=None)
        ]
        self.worn = False
        self.temperature_c = 33.0
        self._derated = False
        self.charging = False
        self.fault: Fault | None = None
        self.cause: str | None = None
        self.available = True
        self.silent = False
        self.refuse: Refusal | None = None
        """Refuse the next command with this."""
        self.commands: list[str] = []

    # --- the port ---------------------------------------------------------------------------------------------------------------

    @property
    @override
    def connected(self) -> bool:
        return self._connected

    @property
    @override
    def description(self) -> Device | None:
        return self._device if self._opened else None

    @property
    @override
    def problem(self) -> DeviceError | None:
        return self._problem

    @property
    @override
    def lease_ends_at(self) -> datetime | None:
        return dt_util.utcnow() + timedelta(seconds=self._lease_s) if self._lease_s else None

    @override
    def open(self, on_telemetry: Callable[[Telemetry], None], on_connection: Callable[[bool], None]) -> None:
        self._on_telemetry, self._on_connection = on_telemetry, on_connection
        if self.available:
            self.connect()

    @override
    async def async_close(self) -> None:
        self._connected = False
        self._owner_gone()

    async def _async_command(self, name: str) -> None:
        """What every command meets first."""
        self.commands.append(name)
        await asyncio.sleep(0)
        if not self._connected:
            raise DeviceError(Problem.DEVICE_OFFLINE)
        if self.silent:
            self.disconnect()
            raise DeviceError(Problem.NO_ANSWER)
        if self.refuse is not None:
            refusal, self.refuse = self.refuse, None
            raise RefusedError(refusal)

    def _answer(self) -> Answer:
        session_id = self.session.session_id if self.session else None
        return Answer(boot=self.boot, uptime_ms=self.uptime_ms, state=self.state, session_id=session_id, record=self._newest)

    @property
    def profiles(self) -> list[int]:
        """Who is enrolled."""
        return self.windows.profiles

    @profiles.setter
    def profiles(self, profiles: list[int]) -> None:
        self.windows.profiles = profiles

    @property
    def uptime_ms(self) -> int:
        """Uptime as the node counts it."""
        return round(self.time_s * 1000) & 0xFFFF_FFFF

    @override
    async def async_start(self, session_id: str, plan: PermittedSession, *, last_record: int) -> Answer:
        await self._async_command("start")
        if self.session is not None:
            raise RefusedError(Refusal(reason=Reason.BUSY))
        if self.fault is not None:
            raise RefusedError(Refusal(reason=Reason.FAULTED, detail=self.fault))
        if last_record != len(self.history):
            raise RefusedError(Refusal(reason=Reason.UNSEEN_SESSION))
        if self.strict:
            self.windows.check(plan, self.age_s)
        self.session = FakeSession(session_id, plan, len(self.history) + 1, plan.window_s)
        self._session_owner = self._owner
        self._lease_s = limits.LEASE_S[self._device.modality]
        self._edge = not self.worn
        self._go(NodeState.ARMED)
        return self._answer()

    @property
    def _newest(self) -> int:
        return len(self.history) + (self.session is not None)

    def _own(self, session_id: str) -> FakeSession:
        if self.session is None or self.session.session_id != session_id:
            raise RefusedError(Refusal(reason=Reason.BAD_SESSION))
        return self.session

    @override
    async def async_set_levels(self, session_id: str, *, irradiance_mw_cm2: ByChannel, current_ua: float) -> Answer:
        await self._async_command("set")
        session = self._own(session_id)
        request = session.plan.request
        if request.current_ua is not None:
            session.level = current_ua / request.current_ua
        else:
            session.lit = frozenset(irradiance_mw_cm2)
            session.level = max(value / request.irradiance_mw_cm2[channel] for channel, value in irradiance_mw_cm2.items())
        self.report()
        return self._answer()

    @override
    async def async_renew(self, session_id: str) -> Answer:
        await self._async_command("renew")
        self._own(session_id)
        self._lease_s = limits.LEASE_S[self._device.modality]
        return self._answer()

    @override
    async def async_pause(self, session_id: str) -> Answer:
        await self._async_command("pause")
        self._own(session_id).window_s = limits.KEPT_S
        self._go(NodeState.PAUSED)
        return self._answer()

    @override
    async def async_resume(self, session_id: str, plan: PermittedSession, *, last_record: int) -> Answer:
        await self._async_command("resume")
        session = self._own(session_id)
        if self._session_owner != self._owner and last_record != self._newest:
            raise RefusedError(Refusal(reason=Reason.UNSEEN_SESSION))
        again = self._session_owner != self._owner
        self._session_owner = self._owner
        self._lease_s = limits.LEASE_S[self._device.modality]
        self._edge = not self.worn
        if self.worn and session.energized and not again:
            self._ramp(session)
        else:
            self._go(NodeState.ARMED)
        return self._answer()

    @override
    async def async_stop(self) -> Answer:
        await self._async_command("stop")
        if self.session is not None:
            self._close(Outcome.STOPPED)
        return self._answer()

    @override
    async def async_clear_fault(self, fault: Fault) -> Answer:
        await self._async_command("clear")
        if fault is Fault.OVER_TEMPERATURE and self.temperature_c >= limits.TEMPERATURE_STOP_C:
            raise RefusedError(Refusal(reason=Reason.FAULTED, detail=fault))
        if fault in BUTTON_FAULTS and not self._pressed:
            raise RefusedError(Refusal(reason=Reason.BUTTON_NEEDED))
        self._pressed = False
        self.fault = None
        self._go(NodeState.IDLE)
        return self._answer()

    @override
    async def async_history(self, number: int) -> HistoryEntry:
        await self._async_command("history")
        if number > len(self.history):
            session = self.session
            if session is None or number != session.number:
                raise RefusedError(Refusal(reason=Reason.NO_RECORD))
            return self._entry(session, None)
        return self.history[number - 1]

    @override
    async def async_enroll(self, profile: int) -> Answer:
        await self._async_command("enroll")
        self.windows.enroll(profile, self.age_s, held=self._held)
        self.report()
        return self._answer()

    @override
    async def async_profile(self, profile: int) -> ProfileCounters:
        await self._async_command("subject")
        return self.windows.read(profile, self.age_s, self.session.plan if self.session else None)

    # --- what a test does to it -------------------------------------------------------------------------------------------------

    def connect(self) -> None:
        """Come back; the first report follows at once."""
        self._opened = self._connected = True
        self._owner += 1
        self._problem = None
        self._on_connection(True)  # noqa: FBT003 - the port's signature
        self.report()

    def disconnect(self) -> None:
        """Lose the channel; the node notices."""
        if self._connected:
            self._connected = False
            self._owner_gone()
            self._on_connection(False)  # noqa: FBT003

    def reboot(self) -> None:
        """Cut the power, and come back with another boot id; an open session is closed at its budgets."""
        self._connected = False
        self.boot += 1
        self.time_s = 0
        if self.session is not None:
            self.session.delivered = self.session.plan.planned if self.session.energized else Dose()
            self._close(Outcome.UNCERTAIN if self.session.energized else Outcome.VOID)
        self._on_connection(False)  # noqa: FBT003
        self.connect()

    def put_on(self) -> None:
        """Worn, or in contact."""
        self.worn = True
        session = self.session
        if session is None:
            return
        if (self.state is NodeState.ARMED and self._edge) or (self.state is NodeState.SUSPENDED and self.cause == "contact" and self._contact_s > 0):
            self._ramp(session)

    def take_off(self) -> None:
        """Not worn, no contact."""
        self.worn = False
        self._edge = True
        if self.state in FLOWING and self.session is not None:
            self._contact_s = limits.CONTACT_WINDOW_S[self._device.modality]
            self._suspend("contact")

    def press(self) -> None:
        """Press the button: some faults need it before they can be cleared."""
        self._pressed = True

    def hold(self, *, down: bool = True) -> None:
        """Hold the button for so long that a subject can be enrolled, or let go."""
        self._held = down
        self.report()

    def heat(self, temperature_c: float) -> None:
        """Set what the temperature sensor reads: 39 C halves the levels until it is below 38.5, 41 C latches."""
        self.temperature_c = temperature_c
        self._derated = temperature_c >= limits.TEMPERATURE_DERATE_C - (0.5 if self._derated else 0)
        if temperature_c >= limits.TEMPERATURE_LATCH_C:
            self.latch(Fault.OVER_TEMPERATURE)

    @property
    def _heat_share(self) -> float:
        return 0.5 if self._derated else 1

    def latch(self, fault: Fault) -> None:
        """Find a fault of its own."""
        self.fault = fault
        if self.session is not None:
            self._close(Outcome.FAULT)
        self._go(NodeState.FAULT)

    def advance(self, seconds: float) -> None:
        """Let time pass; a report every second."""
        for _ in range(round(seconds / TICK_S)):
            self._tick()
            self._ticks += 1
            if self._ticks % TICKS_BETWEEN_REPORTS == 0:
                self.report()

    # --- how it lives -----------------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        self.time_s += TICK_S
        self.age_s += TICK_S
        session = self.session
        if session is None:
            return
        self._lease_s = max(0, self._lease_s - TICK_S)
        self._contact_s = max(0, self._contact_s - TICK_S)
        if self.state in FLOWING:
            self._flow(session)
        elif self.state is NodeState.ARMED:
            session.window_s -= TICK_S
            if session.window_s <= 0 or self._lease_s <= 0:
                self._close(Outcome.PARTIAL if session.energized else Outcome.VOID)
        elif self.state in (NodeState.SUSPENDED, NodeState.PAUSED):
            session.window_s -= TICK_S
            if session.window_s <= 0:
                self._close(Outcome.PARTIAL)

    def _flow(self, session: FakeSession) -> None:
        request = session.plan.request
        session.output_s += TICK_S
        session.ramp_s += TICK_S
        ramp_s = limits.RAMP_S[self._device.modality].default.minimum
        share = session.level * self._heat_share * min(1, session.ramp_s / ramp_s)
        if session.ramp_s >= ramp_s and self.state is NodeState.RAMPING:
            self._go(NodeState.RUNNING)
        lit = request.irradiance_mw_cm2 if session.lit is None else session.lit
        fluence = {
            channel: session.delivered.fluence_j_cm2.get(channel, 0) + (irradiance * share * TICK_S / 1000 if channel in lit else 0)
            for channel, irradiance in request.irradiance_mw_cm2.items()
        }
        charge = session.delivered.charge_ma_min + (request.current_ua or 0) * share * TICK_S / 60_000
        session.delivered = Dose(fluence_j_cm2=fluence, charge_ma_min=charge)
        if session.output_s >= request.duration_s - TICK_S / 2:
            self._close(Outcome.COMPLETED)
        elif self._lease_s <= 0:
            self._suspend("lease")

    def _ramp(self, session: FakeSession) -> None:
        session.ramp_s, session.energized = 0, True
        self.cause = None
        self._go(NodeState.RAMPING)

    def _suspend(self, cause: str) -> None:
        if self.session is not None:
            self.session.window_s = limits.KEPT_S
        self.cause = cause
        self._go(NodeState.SUSPENDED)

    def _owner_gone(self) -> None:
        if self.session is None or self._session_owner != self._owner:
            return
        if self.state in FLOWING or self.session.energized:
            self._suspend("owner")
        else:
            self._close(Outcome.VOID)

    def _close(self, outcome: Outcome) -> None:
        session = self.session
        if session is None:
            return
        if not session.energized:
            outcome = Outcome.VOID
        if session.energized:
            self.windows.add(session.plan, session.delivered, self.age_s)
        self.history.append(replace(self._entry(session, outcome), age_s=0))
        self.session, self.cause, self._lease_s = None, None, 0
        self._go(NodeState.IDLE)

    def _entry(self, session: FakeSession, outcome: Outcome | None) -> HistoryEntry:
        return HistoryEntry(
            number=session.number,
            session_id=session.session_id,
            profile=session.plan.request.person.profile,
            planned=session.plan.planned,
            delivered=session.delivered,
            output_s=session.output_s,
            outcome=outcome,
            age_s=None,
        )

    def _go(self, state: NodeState) -> None:
        self.state = state
        self.report()

    def report(self, *, received_at: datetime | None = None) -> None:
        """Send a report."""
        self._number += 1
        if not self._connected:
            return
        session = self.session
        request = session.plan.request if session else None
        flowing = self.state in FLOWING
        lit = (session.lit if session and session.lit is not None else request.irradiance_mw_cm2.keys()) if request else ()
        self._on_telemetry(
            Telemetry(
                received_at=received_at or dt_util.utcnow(),
                number=self._number,
                boot=self.boot,
                uptime_ms=self.uptime_ms,
                state=self.state,
                session_id=session.session_id if session else None,
                record=self._newest,
                owner=str(self._session_owner) if session else None,
                worn=self.worn if self._device.worn_sensor else None,
                temperature_c=self.temperature_c,
                charging=self.charging,
                fault=self.fault,
                cause=self.cause,
                output_s=session.output_s if session else 0,
                left_s=request.duration_s - session.output_s if session and request else 0,
                lease_s=self._lease_s,
                window_s=session.window_s if session else 0,
                level_mw_cm2={channel: request.irradiance_mw_cm2[channel] * session.level * self._heat_share for channel in lit}
                if session and request and flowing
                else {},
                level_ua=(request.current_ua or 0) * session.level * self._heat_share if session and request and flowing else 0,
                zone=1 + int(session.output_s / request.zone_s) if session and request and self._device.modality is Modality.WAND else None,
                delivered=session.delivered if session else Dose(),
                button=self._held,
                profiles=frozenset(self.profiles),
            )
        )

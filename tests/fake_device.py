"""A device for unit tests that obeys the contract like a governed node, in its own time.

It keeps lease, window, edges, ramps, history and faults as the firmware does, in tenths of a
second, and fails on request: `silent` (never answers again), `refuse` (refuses the next
command), `disconnect`, `reboot`. Who is enrolled, and what the windows of each still hold, it
applies only where it is `strict`: most tests are about something else.
The contract suite runs against it and against the real compiled node, so that it cannot drift.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil
from typing import override

from homeassistant.util import dt as dt_util

from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.device import (
    Device,
    EyeShield,
    NodeState,
    ProfileCounters,
    Telemetry,
)
from custom_components.facial_therapy.core.model import (
    ByChannel,
    Channel,
    Dose,
    Fault,
    Grade,
    Modality,
    Outcome,
)
from custom_components.facial_therapy.core.refusal import Reason, Refusal, RefusedError
from custom_components.facial_therapy.core.session_parameters import PermittedSession
from custom_components.facial_therapy.devices.port import (
    Answer,
    DeviceError,
    HistoryEntry,
    Problem,
    TherapyDevice,
)

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
BUTTON_FAULTS = (
    Fault.OVER_CURRENT,
    Fault.NET_CHARGE,
    Fault.OVER_TEMPERATURE,
    Fault.TEMPERATURE_SENSOR,
)
FLOWING = (NodeState.RAMPING, NodeState.RUNNING)
SESSION_LIFE_S = 3600
BROWN_OUT_S = 60
ON_EDGES, ON_EDGES_WINDOW_S = 3, 30


@dataclass(slots=True)
class FakeSession:
    """A session as the node keeps it."""

    session_id: str
    resume_key: str
    plan: PermittedSession
    number: int
    window_s: float
    level: float = 1
    channels_on: frozenset[Channel] | None = None
    output_s: float = 0
    ramp_s: float = 0
    delivered: Dose = field(default_factory=Dose)
    energized: bool = False
    kept_s: float | None = None
    """Rest of the 10 min of a suspended or paused session, also while armed again."""
    lived_s: float = 0
    """Since its first output."""
    adopted: bool = False
    """And not resumed since: only a new edge begins output."""


def _until(reason: Reason, wait_s: float) -> Refusal:
    """Refuse for so long, in whole seconds as the node says it."""
    return Refusal(reason=reason, allowed_at=dt_util.utcnow() + timedelta(seconds=ceil(wait_s)))


def _as_reported(refusal: Refusal) -> Refusal:
    """Return a refusal as telemetry reports it: a start that latches the sensor is `still_worn`."""
    if refusal.reason is Reason.FAULTED and not refusal.detail:
        return Refusal(reason=Reason.STILL_WORN)
    return refusal


def _is_id(text: str) -> bool:
    return len(text) == 16 and text.strip("0123456789abcdef") == "" and int(text, 16) != 0


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
        self._client = 0
        self._session_client = 0
        self._lease_s = 0.0
        self._lease_ends_at: datetime | None = None
        """As the client knows it: a lost connection does not tell that the lease has ended."""
        self._contact_s = 0.0
        self._edge = False
        self._pressed = False
        self._held = False
        self._ticks = 0
        self._off_seen, self._session_ended = True, False
        self._on_edges: list[float] = []
        self._brown_out_s = 0.0
        self.boot = 1
        self.time_s = 0.0
        self.age_s = 0.0
        """Like a node with a battery-backed clock: reboots lose nothing of it."""
        self.strict = False
        self.windows = FakeWindows(description)
        self.state = NodeState.IDLE
        self.session: FakeSession | None = None
        self.history: list[HistoryEntry] = [
            HistoryEntry(
                number=1,
                session_id=None,
                of_profile=False,
                planned=Dose(),
                delivered=Dose(),
                output_s=0,
                outcome=None,
                age_s=None,
            )
        ]
        self._profile_of: dict[int, int] = {}
        """The token of each record; a reply only says whether it is the named one."""
        self.worn = False
        self.temperature_c: float | None = 33.0
        """None: its sensor has no plausible value."""
        self._derated = False
        self.charging = False
        self.fault: Fault | None = None
        self.cause: str | None = None
        self.available = True
        self.silent = False
        self.refuse: Refusal | None = None
        """Refuse the next command with this."""
        self.commands: list[str] = []

    # --- the port ---------------------------------------------------------------------------------

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
        return self._lease_ends_at

    @override
    def open(
        self, on_telemetry: Callable[[Telemetry], None], on_connection: Callable[[bool], None]
    ) -> None:
        self._on_telemetry, self._on_connection = on_telemetry, on_connection
        if self.available:
            self.connect()

    @override
    async def async_close(self) -> None:
        self._connected = False
        self._client_gone()

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
        return Answer(
            boot=self.boot,
            uptime_ms=self.uptime_ms,
            state=self.state,
            session_id=session_id,
            record=self._newest,
        )

    @property
    def profiles(self) -> list[int]:
        """Who is enrolled."""
        return self.windows.profiles

    @profiles.setter
    def profiles(self, profiles: list[int]) -> None:
        self.windows.profiles = profiles
        self.windows.generation += 1

    @property
    def uptime_ms(self) -> int:
        """Uptime as the node counts it."""
        return round(self.time_s * 1000) & 0xFFFF_FFFF

    def _refusals(self) -> list[Refusal]:
        """Return what refuses any start now, in the firmware's order."""
        refuses = []
        if self.fault is not None:
            refuses.append(Refusal(reason=Reason.FAULTED, field=self.fault, detail=self.fault))
        if self.session is not None:
            refuses.append(Refusal(reason=Reason.BUSY))
        if self._brown_out_s > 0:
            refuses.append(_until(Reason.BROWN_OUT, self._brown_out_s))
        refuses += self._unready()
        if (wait_s := self._dark_s()) > 0:
            refuses.append(_until(Reason.TOO_SOON, wait_s))
        return refuses + self._not_removed()

    def _not_removed(self) -> list[Refusal]:
        """Return what refuses a start: not seen off since the last session, or since boot."""
        if self.session is not None or self._off_seen or not self._device.worn_sensor:
            return []
        if self.fault is not None:
            return []
        since_session = Reason.FAULTED if self._session_ended else Reason.SENSOR_NOT_READY
        return [Refusal(reason=since_session)]

    def _unready(self) -> list[Refusal]:
        refuses = []
        if self._device.modality is Modality.WAND and self.charging:
            refuses.append(Refusal(reason=Reason.CHARGING))
        if self.temperature_c is None:
            refuses.append(Refusal(reason=Reason.SENSOR_NOT_READY, field="temperature"))
        elif self.temperature_c >= limits.TEMPERATURE_STOP_C:
            hot = limits.TEMPERATURE_STOP_C
            refuses.append(Refusal(reason=Reason.TOO_HOT, maximum=hot, unit="°C"))
        return refuses

    def _dark_s(self) -> float:
        """Return how long light has to wait so that its on-edge is no flicker."""
        if self._device.modality is Modality.WAND or len(self._on_edges) < ON_EDGES:
            return 0
        return max(0, self._on_edges[-ON_EDGES] + ON_EDGES_WINDOW_S - self.age_s)

    def _gap(self) -> list[Refusal]:
        """Return what refuses everybody but the profile of the last output."""
        if not self.strict:
            return []
        return self.windows.gap(
            self.age_s, self.temperature_c, off_seen=self._off_seen or not self._device.worn_sensor
        )

    @override
    async def async_start(
        self, session_id: str, permitted: PermittedSession, *, last_record: int, resume_key: str
    ) -> Answer:
        await self._async_command("start")
        if not _is_id(session_id):
            raise RefusedError(Refusal(reason=Reason.BAD_SESSION))
        if not _is_id(resume_key):
            raise RefusedError(Refusal(reason=Reason.WRONG_KEY))
        refusals = self._refusals()
        if len(refusals) > len(self._not_removed()):
            raise RefusedError(refusals[0])
        if any(entry.session_id == session_id for entry in self.history):
            raise RefusedError(Refusal(reason=Reason.BAD_SESSION))
        if last_record != len(self.history):
            raise RefusedError(Refusal(reason=Reason.UNSEEN_SESSION))
        profile = permitted.request.person.profile
        if self.strict:
            self.windows.check_enrolled(profile)
            if self.windows.last_profile not in (None, profile) and (gap := self._gap()):
                raise RefusedError(*gap)
        if refusals:
            if refusals[0].reason is Reason.FAULTED:
                self.latch(Fault.WORN_STUCK)
            raise RefusedError(*refusals)
        if self.strict:
            self.windows.check(permitted, self.age_s)
        self.session = FakeSession(
            session_id, resume_key, permitted, len(self.history) + 1, permitted.window_s
        )
        self._profile_of[self.session.number] = profile
        self.windows.generation += 1
        self._session_client = self._client
        self._lease()
        self._edge = not self.worn
        self._go(NodeState.ARMED)
        return self._answer()

    def _lease(self) -> None:
        """Begin or renew the lease."""
        self._lease_s = limits.LEASE_S[self._device.modality]
        self._lease_ends_at = dt_util.utcnow() + timedelta(seconds=self._lease_s)

    @property
    def _newest(self) -> int:
        return len(self.history) + (self.session is not None)

    def _session_of(self, session_id: str) -> FakeSession:
        if self.session is not None and self._session_client != self._client:
            raise RefusedError(Refusal(reason=Reason.NOT_CLIENT))
        return self._named(session_id)

    def _named(self, session_id: str) -> FakeSession:
        if self.session is None:
            raise RefusedError(Refusal(reason=Reason.WRONG_STATE))
        if self.session.session_id != session_id:
            raise RefusedError(Refusal(reason=Reason.BAD_SESSION))
        return self.session

    @override
    async def async_set_levels(
        self, session_id: str, *, irradiance_mw_cm2: ByChannel, current_ua: float
    ) -> Answer:
        await self._async_command("set")
        session = self._session_of(session_id)
        request = session.plan.request
        if request.current_ua is not None:
            session.level = current_ua / request.current_ua
        else:
            session.channels_on = frozenset(irradiance_mw_cm2)
            session.level = max(
                value / request.irradiance_mw_cm2[channel]
                for channel, value in irradiance_mw_cm2.items()
            )
        self.report()
        return self._answer()

    @override
    async def async_renew(self, session_id: str) -> Answer:
        await self._async_command("renew")
        self._session_of(session_id)
        if self._lease_s <= 0:
            raise RefusedError(Refusal(reason=Reason.WRONG_STATE))
        self._lease()
        return self._answer()

    @override
    async def async_pause(self, session_id: str) -> Answer:
        await self._async_command("pause")
        session = self._session_of(session_id)
        if self.state is not NodeState.PAUSED:
            self._lease_s = self._contact_s = 0
            self._lease_ends_at = None
            self._keep(session)
            self.cause = None
            self._go(NodeState.PAUSED)
        return self._answer()

    @override
    async def async_resume(self, session_id: str) -> Answer:
        await self._async_command("resume")
        session = self._session_of(session_id)
        if self.state not in (NodeState.PAUSED, NodeState.SUSPENDED):
            raise RefusedError(Refusal(reason=Reason.WRONG_STATE))
        if unready := self._unready():
            raise RefusedError(unready[0])
        if (wait_s := self._dark_s()) > 0:
            raise RefusedError(_until(Reason.TOO_SOON, wait_s))
        self._lease()
        self._contact_s = 0
        self._edge = not self.worn
        if self.worn and session.energized and not session.adopted:
            self._ramp(session)
        else:
            self.cause = None
            self._go(NodeState.ARMED)
        return self._answer()

    @override
    async def async_adopt(self, session_id: str, resume_key: str) -> Answer:
        await self._async_command("adopt")
        session = self._named(session_id)
        if resume_key != session.resume_key:
            raise RefusedError(Refusal(reason=Reason.WRONG_KEY))
        if self.state not in (NodeState.PAUSED, NodeState.SUSPENDED) or not session.energized:
            raise RefusedError(Refusal(reason=Reason.WRONG_STATE))
        if self._lease_s > 0:
            raise RefusedError(_until(Reason.LEASE_ALIVE, self._lease_s))
        self._session_client, session.adopted = self._client, True
        self.report()
        return self._answer()

    @override
    async def async_stop(self) -> Answer:
        await self._async_command("stop")
        if self.session is not None:
            self._close(Outcome.STOPPED)
        self._lease_ends_at = None
        return self._answer()

    @override
    async def async_clear_fault(self, fault: Fault) -> Answer:
        await self._async_command("clear")
        hot = self.temperature_c is None or self.temperature_c >= limits.TEMPERATURE_STOP_C
        if fault is Fault.OVER_TEMPERATURE and hot:
            raise RefusedError(Refusal(reason=Reason.FAULTED, detail=fault))
        if fault in BUTTON_FAULTS and not self._pressed:
            raise RefusedError(Refusal(reason=Reason.BUTTON_NEEDED))
        self._pressed = False
        self.fault = None
        self._go(NodeState.IDLE)
        return self._answer()

    @override
    async def async_history(self, number: int, profile: int) -> HistoryEntry:
        await self._async_command("history")
        if number > len(self.history):
            session = self.session
            if session is None or number != session.number:
                raise RefusedError(Refusal(reason=Reason.NO_RECORD))
            entry = self._entry(session, None)
        else:
            entry = self.history[number - 1]
        return replace(entry, of_profile=self._profile_of.get(number) == profile)

    @override
    async def async_enroll(self, profile: int) -> Answer:
        await self._async_command("enroll")
        self.windows.enroll(profile, self.age_s, held=self._held)
        self.report()
        return self._answer()

    @override
    async def async_profile(self, profile: int) -> ProfileCounters:
        await self._async_command("profile")
        return self.windows.read(profile, self.age_s, self.session.plan if self.session else None)

    # --- what a test does to it -------------------------------------------------------------------

    def connect(self) -> None:
        """Come back; the first report follows at once."""
        self._opened = self._connected = True
        self._client += 1
        self._problem = None
        self._on_connection(True)  # noqa: FBT003 - the port's signature
        self.report()

    def disconnect(self) -> None:
        """Lose the channel; the node notices."""
        if self._connected:
            self._connected = False
            self._client_gone()
            self._on_connection(False)  # noqa: FBT003

    def record_foreign(self, entry: HistoryEntry, profile: int) -> None:
        """Record a session that another client had while nobody here was connected."""
        self.history.append(entry)
        self._profile_of[entry.number] = profile

    def forget_listeners(self) -> None:
        """Let a Home Assistant that was killed hear nothing more; the node has not noticed yet."""
        self._on_telemetry, self._on_connection = lambda _: None, lambda _: None

    def reboot(self, *, brown_out: bool = False) -> None:
        """Cut the power and boot again; an open session is closed at its budgets."""
        self._connected = False
        self.boot += 1
        self._brown_out_s = BROWN_OUT_S if brown_out else 0
        self._on_edges.clear()
        self._off_seen, self._session_ended = not self.worn, False
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
        if (self.state is NodeState.ARMED and self._edge) or (
            self.state is NodeState.SUSPENDED and self.cause == "contact" and self._contact_s > 0
        ):
            self._ramp(session)

    def take_off(self) -> None:
        """Not worn, no contact."""
        self.worn = False
        self._edge = self._off_seen = True
        if self.state in FLOWING and self.session is not None:
            self._contact_s = limits.CONTACT_WINDOW_S[self._device.modality]
            self._suspend("contact")

    def press(self) -> None:
        """Press the button: some faults need it before they can be cleared."""
        self._pressed = True

    def hold(self, *, down: bool = True) -> None:
        """Hold the button for so long that a profile can be enrolled, or let go."""
        self._held = down
        self.report()

    def heat(self, temperature_c: float) -> None:
        """Set the temperature: 39 C halves the levels until below 38.5 C, 41 C latches."""
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
        else:
            self._go(NodeState.FAULT)

    def advance(self, seconds: float) -> None:
        """Let time pass; a report every second."""
        for _ in range(round(seconds / TICK_S)):
            self._tick()
            self._ticks += 1
            if self._ticks % TICKS_BETWEEN_REPORTS == 0:
                self.report()

    # --- how it lives -----------------------------------------------------------------------------

    def _tick(self) -> None:
        self.time_s += TICK_S
        self.age_s += TICK_S
        self._brown_out_s = max(0, self._brown_out_s - TICK_S)
        session = self.session
        if session is None:
            return
        self._lease_s = max(0, self._lease_s - TICK_S)
        self._contact_s = max(0, self._contact_s - TICK_S)
        session.lived_s += TICK_S if session.energized else 0
        if session.kept_s is not None:
            session.kept_s -= TICK_S
        if session.lived_s >= SESSION_LIFE_S:
            self._close(Outcome.PARTIAL)
        elif self.state in FLOWING:
            self._flow(session)
        else:
            self._wait(session)

    def _wait(self, session: FakeSession) -> None:
        """Let time pass at zero output."""
        session.window_s -= TICK_S
        if session.window_s <= 0:
            self._close(Outcome.PARTIAL)
        elif self._lease_s > 0:
            return
        elif self.state is NodeState.ARMED:
            if session.kept_s is None:
                self._close(Outcome.VOID)
            else:
                self._suspend("lease")
        elif self.state is NodeState.SUSPENDED and self._contact_s > 0:
            self._suspend("lease")

    def _flow(self, session: FakeSession) -> None:
        request = session.plan.request
        if session.ramp_s == 0:
            if self._dark_s() > 0:  # put on once more, too soon for the eye: the ramp waits
                return
            self._on_edges.append(self.age_s)
            session.energized = True
        session.output_s += TICK_S
        session.ramp_s += TICK_S
        ramp_s = limits.RAMP_S[self._device.modality].default.minimum
        share = session.level * self._heat_share * min(1, session.ramp_s / ramp_s)
        if session.ramp_s >= ramp_s and self.state is NodeState.RAMPING:
            self._go(NodeState.RUNNING)
        channels_on = (
            request.irradiance_mw_cm2 if session.channels_on is None else session.channels_on
        )
        fluence = {
            channel: session.delivered.fluence_j_cm2.get(channel, 0)
            + (irradiance * share * TICK_S / 1000 if channel in channels_on else 0)
            for channel, irradiance in request.irradiance_mw_cm2.items()
        }
        charge = (
            session.delivered.charge_ma_min + (request.current_ua or 0) * share * TICK_S / 60_000
        )
        session.delivered = Dose(fluence_j_cm2=fluence, charge_ma_min=charge)
        if session.output_s >= request.duration_s - TICK_S / 2:
            self._close(Outcome.COMPLETED)
        elif self._lease_s <= 0:
            self._suspend("lease")

    def _ramp(self, session: FakeSession) -> None:
        session.ramp_s, session.kept_s, session.adopted = 0, None, False
        self.cause, self._contact_s = None, 0
        self._go(NodeState.RAMPING)

    @staticmethod
    def _keep(session: FakeSession) -> None:
        """Let the 10 min begin, unless they run."""
        if session.kept_s is None:
            session.kept_s = limits.KEPT_S
        session.window_s = session.kept_s

    def _suspend(self, cause: str) -> None:
        if self.session is not None:
            self._keep(self.session)
        if cause != "contact":
            self._contact_s = 0
        self.cause = cause
        self._go(NodeState.SUSPENDED)

    def _client_gone(self) -> None:
        session = self.session
        if session is None or self._session_client != self._client:
            return
        self._lease_s = 0
        if not session.energized:
            self._close(Outcome.VOID)
        elif self.state is not NodeState.SUSPENDED or self._contact_s > 0:
            self._suspend("client")

    def _close(self, outcome: Outcome) -> None:
        session = self.session
        if session is None:
            return
        if not session.energized:
            outcome = Outcome.VOID
        self.windows.generation += 1
        if session.energized:
            self._off_seen, self._session_ended = not self.worn, True
            self.windows.add(session.plan, session.delivered, self.age_s)
        self.history.append(replace(self._entry(session, outcome), age_s=0))
        self.session, self.cause, self._lease_s, self._contact_s = None, None, 0, 0
        self._go(NodeState.IDLE if self.fault is None else NodeState.FAULT)

    def _entry(self, session: FakeSession, outcome: Outcome | None) -> HistoryEntry:
        return HistoryEntry(
            number=session.number,
            session_id=session.session_id,
            of_profile=False,
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
        channels_on = (
            (
                session.channels_on
                if session and session.channels_on is not None
                else request.irradiance_mw_cm2.keys()
            )
            if request
            else ()
        )
        self._on_telemetry(
            Telemetry(
                received_at=received_at or dt_util.utcnow(),
                number=self._number,
                boot=self.boot,
                uptime_ms=self.uptime_ms,
                state=self.state,
                session_id=session.session_id if session else None,
                record=self._newest,
                worn=self.worn if self._device.worn_sensor else None,
                temperature_c=self.temperature_c,
                charging=self.charging,
                fault=self.fault,
                cause=self.cause,
                output_s=session.output_s if session else 0,
                left_s=request.duration_s - session.output_s if session and request else 0,
                lease_s=self._lease_s,
                window_s=min(session.window_s, SESSION_LIFE_S - session.lived_s)
                if session and not flowing
                else 0,
                level_mw_cm2={
                    channel: request.irradiance_mw_cm2[channel] * session.level * self._heat_share
                    for channel in channels_on
                }
                if session and request and flowing
                else {},
                level_ua=(request.current_ua or 0) * session.level * self._heat_share
                if session and request and flowing
                else 0,
                zone=1 + int(session.output_s / request.zone_s)
                if session and request and self._device.modality is Modality.WAND
                else None,
                delivered=session.delivered if session else Dose(),
                button=self._held,
                profiles=(len(self.profiles), self.windows.generation),
                refuses=(*map(_as_reported, self._refusals()), *self._gap()),
            )
        )

"""The adapter: a control channel of our own to a governed ESPHome node.

A second native-API connection beside the one of the `esphome` integration, opened with the address
and the key of the node's ESPHome entry, read at every connect and never stored.
"""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, override

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..const import LOGGER
from ..core import limits
from ..core.device import Device, ProfileCounters, Telemetry
from ..core.model import ByChannel, Fault, Modality
from ..core.refusal import RefusedError
from ..core.session_parameters import PermittedSession
from . import codec
from .channel import Channel
from .port import Answer, DeviceError, HistoryEntry, Problem, TherapyDevice

RETRY_S: Final = 2
"""A node that comes back is found within 5 s."""


class NodeDevice(TherapyDevice):
    """A governed node, with its channel kept open."""

    def __init__(self, hass: HomeAssistant, mac: str, modality: Modality) -> None:
        """Take the node's MAC address, lower case with colons."""
        self._hass = hass
        self._mac = mac
        self._modality = modality
        self._channel: Channel | None = None
        self._description: Device | None = None
        self._problem: DeviceError | None = None
        self._task: asyncio.Task[None] | None = None
        self._closed = asyncio.Event()
        self._on_telemetry: Callable[[Telemetry], None] = lambda _: None
        self._on_connection: Callable[[bool], None] = lambda _: None
        self._first: Telemetry | None = None
        self._lives = False
        self._lease_ends_at: datetime | None = None

    @property
    @override
    def connected(self) -> bool:
        return self._channel is not None

    @property
    @override
    def description(self) -> Device | None:
        return self._description

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
        self._on_telemetry = on_telemetry
        self._on_connection = on_connection
        self._task = self._hass.async_create_background_task(
            self._async_keep_open(), f"facial_therapy channel {self._mac}", eager_start=False
        )

    @override
    async def async_close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _async_keep_open(self) -> None:
        """Connect, wait until the channel closes, and again."""
        while True:
            self._closed.clear()
            channel = Channel(self._hass, self._mac, self._telemetry, self._closed.set)
            try:
                self._description = await channel.async_connect()
                self._channel, self._problem = channel, None
                LOGGER.info("%s: connected", self._mac)
                self._on_connection(True)  # noqa: FBT003 - one word, one meaning
                if self._first is not None:
                    self._telemetry(self._first)
                await self._async_until_dead(channel)
                LOGGER.info("%s: connection lost", self._mac)
            except DeviceError as error:
                if self._problem is None or self._problem.problem != error.problem:
                    LOGGER.info("%s: not connected: %s", self._mac, error.problem)
                    self._problem = error
                    self._on_connection(False)  # noqa: FBT003
            finally:
                was_open, self._channel = self._channel is not None, None
                await channel.async_close()
            if was_open:
                self._on_connection(False)  # noqa: FBT003
            await asyncio.sleep(RETRY_S)

    async def _async_until_dead(self, channel: Channel) -> None:
        """Wait until the connection is closed, or the node has been silent for too long."""
        while True:
            patience_s = (
                limits.TELEMETRY_STALE_S[self._modality]
                if self._lives
                else limits.TELEMETRY_IDLE_STALE_S
            )
            silent_s = self._hass.loop.time() - channel.heard_at
            if self._closed.is_set() or silent_s >= patience_s:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(min(patience_s - silent_s, 1)):
                    await self._closed.wait()

    def _telemetry(self, telemetry: Telemetry) -> None:
        """Pass a report on; the first of a connection only once the connection is announced."""
        if self._channel is None:
            self._first = telemetry
            return
        self._first = None
        self._lives = telemetry.session_id is not None
        self._on_telemetry(telemetry)

    async def _async_send(
        self, name: str, arguments: Mapping[str, object] | None = None
    ) -> dict[str, str]:
        """Send on the open channel; close it if no answer comes: what the node did is unknown."""
        if (channel := self._channel) is None:
            raise DeviceError(Problem.DEVICE_OFFLINE)
        try:
            return await channel.async_command(name, arguments)
        except DeviceError:
            if channel is self._channel:
                self._closed.set()
            raise

    async def _async_lease(
        self, name: str, session_id: str, arguments: Mapping[str, object]
    ) -> Answer:
        """Send a command that begins or renews a lease, and keep when it ends at the latest.

        The bound is raised when the command is sent: the node may have taken it although no answer
        ever comes. Only a refusal takes it back.
        """
        before = self._lease_ends_at
        lease_s = limits.LEASE_S[self._modality]
        if (channel := self._channel) is not None:
            # A renewal counts from the stamp that it carries, which the node issued before it
            # arrived here. Any other lease begins when the node takes the command, which it
            # refuses after `not_after_ms`.
            renews = name == "renew_lease"
            begins_at = (
                channel.stamp_at if renews else self._hass.loop.time() + codec.NOT_AFTER_MS / 1000
            )
            ends_at = self._utc(begins_at + lease_s)
            self._lease_ends_at = max(before, ends_at) if before is not None else ends_at
        try:
            values = await self._async_send(name, {"session": session_id, **arguments})
        except RefusedError:
            self._lease_ends_at = before
            raise
        answer = codec.answer(values)
        if name != "renew_lease":
            self._lease_ends_at = self._utc(self._hass.loop.time() + lease_s)
        self._lives = True
        return answer

    def _utc(self, loop_time: float) -> datetime:
        """Return a time of the loop's clock as UTC."""
        return dt_util.utcnow() + timedelta(seconds=loop_time - self._hass.loop.time())

    @override
    async def async_start(
        self, session_id: str, permitted: PermittedSession, *, last_record: int, resume_key: str
    ) -> Answer:
        arguments = self._start(permitted, last_record=last_record)
        return await self._async_lease(
            "start_session", session_id, {"resume_key": resume_key, **arguments}
        )

    def _start(self, plan: PermittedSession, *, last_record: int) -> dict[str, object]:
        request = plan.request
        arguments: dict[str, object] = {
            "last_record": last_record,
            "profile": request.person.profile,
            "skin_permille": round(plan.skin_factor * 1000),
            "duration_s": int(request.duration_s),
            "lease_ms": round(plan.lease_s * 1000),
            "window_s": round(plan.window_s),
            "epoch_s": int(dt_util.utcnow().timestamp()),
        }
        if request.current_ua is not None and request.frequency_hz is not None:
            return arguments | {
                "peak_ua": round(request.current_ua),
                "period_us": round(1_000_000 / request.frequency_hz),
                "zone_s": request.zone_s,
                "budget_uc": round(plan.planned.charge_ma_min * 60_000),
            }
        levels = request.irradiance_mw_cm2
        return arguments | {
            "channels": [codec.NUMBERS[channel] for channel in levels],
            "peaks_uw_cm2": [round(irradiance * 1000) for irradiance in levels.values()],
            "budgets_uj_cm2": [
                round(plan.planned.fluence_j_cm2[channel] * 1_000_000) for channel in levels
            ],
        }

    @override
    async def async_set_levels(
        self, session_id: str, *, irradiance_mw_cm2: ByChannel, current_ua: float
    ) -> Answer:
        levels: dict[str, object] = {"level_ua": round(current_ua)}
        if self._modality is Modality.MASK:
            levels = {
                "channels": [codec.NUMBERS[channel] for channel in irradiance_mw_cm2],
                "levels_uw_cm2": [
                    round(irradiance * 1000) for irradiance in irradiance_mw_cm2.values()
                ],
            }
        return codec.answer(await self._async_send("set_levels", {"session": session_id, **levels}))

    @override
    async def async_renew(self, session_id: str) -> Answer:
        return await self._async_lease("renew_lease", session_id, {"stamp_ms": 0})

    @override
    async def async_pause(self, session_id: str) -> Answer:
        values = await self._async_send("pause_session", {"session": session_id})
        self._lease_ends_at = None
        return codec.answer(values)

    @override
    async def async_resume(self, session_id: str) -> Answer:
        return await self._async_lease("resume_session", session_id, {})

    @override
    async def async_adopt(self, session_id: str, resume_key: str) -> Answer:
        arguments = {"session": session_id, "resume_key": resume_key}
        return codec.answer(await self._async_send("adopt_session", arguments))

    @override
    async def async_stop(self) -> Answer:
        values = await self._async_send("stop_session")
        if values.get("output") != "0":
            raise DeviceError(Problem.NO_ANSWER)
        self._lease_ends_at = None
        return codec.answer(values)

    @override
    async def async_clear_fault(self, fault: Fault) -> Answer:
        return codec.answer(await self._async_send("clear_fault", {"fault": fault.value}))

    @override
    async def async_history(self, number: int, profile: int) -> HistoryEntry:
        values = await self._async_send("read_history", {"record": number, "profile": profile})
        try:
            return codec.history_entry(values)
        except codec.LineError as error:
            raise DeviceError(Problem.NO_ANSWER) from error

    @override
    async def async_enroll(self, profile: int) -> Answer:
        return codec.answer(await self._async_send("enroll_profile", {"profile": profile}))

    @override
    async def async_profile(self, profile: int) -> ProfileCounters:
        values = await self._async_send("read_profile", {"profile": profile})
        try:
            return codec.profile_counters(values, self._modality, dt_util.utcnow())
        except codec.LineError as error:
            raise DeviceError(Problem.NO_ANSWER) from error

"""The port: what the rest of the integration knows of a device, but not how it is reached."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from ..core.device import Device, NodeState, ProfileCounters, Telemetry
from ..core.model import ByChannel, Dose, Fault, Outcome
from ..core.session_parameters import PermittedSession


class Problem(StrEnum):
    """Why a device cannot be asked. The values are translation keys."""

    ESPHOME_MISSING = "esphome_missing"
    """The esphome integration does not have the node, or has it disabled."""
    CANNOT_CONNECT = "cannot_connect"
    INVALID_AUTH = "invalid_auth"
    """Its encryption key is not the one in the ESPHome entry."""
    WRONG_DEVICE = "wrong_device"
    WRONG_CONTRACT = "wrong_contract"
    DEVICE_OFFLINE = "device_offline"
    """Nothing was sent."""
    NO_ANSWER = "no_answer"
    """What the device did is unknown."""
    STOP_UNCONFIRMED = "stop_unconfirmed"


class DeviceError(Exception):
    """The device could not be reached, or did not answer.

    `placeholders` fill the translated sentence.
    """

    def __init__(self, problem: Problem, **placeholders: str) -> None:
        """Take the problem and the placeholders of its sentence."""
        super().__init__(problem)
        self.problem = problem
        self.placeholders = placeholders


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the node answered to a command that it accepted."""

    boot: int
    uptime_ms: int
    """The stamp, modulo 2^32."""
    state: NodeState
    session_id: str | None
    record: int
    """The newest record number of the node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One session as the node recorded it."""

    number: int
    session_id: str | None
    of_profile: bool
    """Whether it is of the profile that was asked for."""
    planned: Dose
    delivered: Dose
    output_s: float
    outcome: Outcome | None
    """None while it lives, and for the record made at commissioning."""
    age_s: float | None
    """Since its end; None if the node does not know."""


class TherapyDevice(Protocol):
    """One governed device.

    Every command raises `RefusedError` if the device refuses (nothing has changed on it) and
    `DeviceError` if it cannot be reached or does not answer (what it did is unknown, and the
    channel is closed).
    """

    @property
    def connected(self) -> bool:
        """Whether the channel is open and the contract has been checked."""

    @property
    def description(self) -> Device | None:
        """What the device says of itself; None until it was connected once."""

    @property
    def problem(self) -> DeviceError | None:
        """Why the channel is not open, if that is known."""

    @property
    def lease_ends_at(self) -> datetime | None:
        """When output ends at the latest without another command, UTC; None without a lease.

        It covers what was sent, also if no answer has come yet.
        """

    def open(
        self, on_telemetry: Callable[[Telemetry], None], on_connection: Callable[[bool], None]
    ) -> None:
        """Keep the channel open from now on; both callbacks are called in the event loop."""

    async def async_close(self) -> None:
        """Close the channel for good; the node suspends what flows."""

    async def async_start(
        self, session_id: str, permitted: PermittedSession, *, last_record: int, resume_key: str
    ) -> Answer:
        """Arm a session.

        `session_id` and `resume_key` are 16 hex digits, random; keep the key in the ledger and
        nowhere else. `last_record` is the newest record number that the ledger has imported.
        """

    async def async_set_levels(
        self, session_id: str, *, irradiance_mw_cm2: ByChannel, current_ua: float
    ) -> Answer:
        """Set the nominal levels, each at most its peak of start; switch off channels not named."""

    async def async_renew(self, session_id: str) -> Answer:
        """Let the lease end one lease after the node's newest stamp."""

    async def async_pause(self, session_id: str) -> Answer:
        """Set output to zero at once; the session is kept for 10 min, without a lease."""

    async def async_resume(self, session_id: str) -> Answer:
        """Resume a paused or suspended session of this connection, at the levels that it had.

        After `async_adopt` it only arms: output begins at the next off-to-on edge.
        """

    async def async_adopt(self, session_id: str, resume_key: str) -> Answer:
        """Take over a paused or suspended session of an earlier connection; nothing else changes.

        Refused `lease_alive` until its lease has ended, `wrong_key`, and `wrong_state` if it has
        delivered nothing.
        """

    async def async_stop(self) -> Answer:
        """End whatever runs; when this returns, output is zero."""

    async def async_clear_fault(self, fault: Fault) -> Answer:
        """Clear a latched fault whose cause is gone."""

    async def async_history(self, number: int, profile: int) -> HistoryEntry:
        """Read one record, and whether it is of this profile."""

    async def async_enroll(self, profile: int) -> Answer:
        """Enroll a person's token (1 to 2^31 - 1) while the button is held (`Telemetry.button`)."""

    async def async_profile(self, profile: int) -> ProfileCounters:
        """Read what the node has counted for a token; refused `not_enrolled` if it is unknown."""

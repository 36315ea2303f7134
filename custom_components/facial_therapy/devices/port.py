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


class Connection(Protocol):
    """The connection to a device."""

    @property
    def connected(self) -> bool:
        """Whether it is open and the contract has been checked."""

    @property
    def description(self) -> Device | None:
        """What the device says of itself; None until it was connected once."""

    @property
    def problem(self) -> DeviceError | None:
        """Why it is not open, if that is known."""

    def open(
        self, on_telemetry: Callable[[Telemetry], None], on_connection: Callable[[bool], None]
    ) -> None:
        """Keep it open from now on; both callbacks are called in the event loop."""

    async def async_close(self) -> None:
        """Close it for good; the node suspends a session whose output is on."""


class SessionCommands(Protocol):
    """The commands of a session."""

    async def async_start(
        self, session_id: str, permitted: PermittedSession, *, last_record: int, resume_key: str
    ) -> Answer:
        """Arm a session.

        Args:
            session_id: 16 random hex digits.
            permitted: As the gate permitted it.
            last_record: The newest record number that the ledger has imported.
            resume_key: 16 random hex digits; keep them in the ledger and nowhere else.
        """

    async def async_set_levels(
        self, session_id: str, *, irradiance_mw_cm2: ByChannel, current_ua: float
    ) -> Answer:
        """Set the levels, nominal, each at most its peak; a channel that is not named goes off."""

    async def async_pause(self, session_id: str) -> Answer:
        """Switch the output off at once; the session is kept for 10 min, without a lease."""

    async def async_resume(self, session_id: str) -> Answer:
        """Resume a paused or suspended session of this connection, at the levels that it had.

        After `async_adopt` it only arms: output begins at the next off-to-on edge.
        """

    async def async_adopt(self, session_id: str, resume_key: str) -> Answer:
        """Take over a paused or suspended session of an earlier connection; nothing else changes.

        Refused `lease_alive` until its lease has ended, `wrong_key`, and `wrong_state` if it has
        delivered nothing.
        """

    async def async_clear_fault(self, fault: Fault) -> Answer:
        """Clear a latched fault whose cause is gone."""


class LeaseCommands(Protocol):
    """The commands that the lease keeper sends."""

    @property
    def lease_ends_at(self) -> datetime | None:
        """When output ends at the latest if the device hears nothing more, UTC; None: no lease."""

    async def async_renew(self, session_id: str) -> Answer:
        """Let the lease end one lease after the node's newest stamp."""

    async def async_stop(self) -> Answer:
        """End any session; output is zero when this returns."""


class Records(Protocol):
    """What the device has recorded and counts."""

    async def async_history(self, number: int, profile: int) -> HistoryEntry:
        """Read one record, and whether it is of this profile."""

    async def async_enroll(self, profile: int) -> Answer:
        """Enroll a profile (1 to 2^31 - 1) while the button is held: `Telemetry.button`."""

    async def async_profile(self, profile: int) -> ProfileCounters:
        """Read what the node counts for a profile; refused `not_enrolled` for any other."""


class TherapyDevice(Connection, SessionCommands, LeaseCommands, Records, Protocol):
    """One device: everything that the rest of the integration knows of it.

    Every command raises `RefusedError` if the device refuses (nothing has changed on it), and
    `DeviceError` if it can't be reached or does not answer (what it did is unknown, and the
    connection is closed).
    """

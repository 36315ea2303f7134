"""What a node says, translated into events of the session."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from homeassistant.core import HomeAssistant, callback

from ..const import LOGGER
from ..core.gate import permit
from ..core.model import NodeState, RefusedError, Telemetry
from ..core.session import SessionEvent, SessionState, step
from ..devices.codec import since_ms
from ..devices.port import Answer, DeviceError, Problem
from ..people.actor import DEVICE, HOME_ASSISTANT, Who
from ..people.registry import find_person
from ..storage.ledger_file import LedgerError
from ..text.issues import async_clear_node_issues, async_wrong_contract

if TYPE_CHECKING:
    from ..coordinator import FacialTherapyCoordinator

ENDS_AT_SLACK: Final = timedelta(seconds=1.5)
"""The end is published anew when it moves by more than this: never a state every second."""
OVERDUE_S: Final = 30
"""A running session whose end passed this long ago, and of which the node says nothing, is stopped.
"""
NODE_EVENTS: Final = {
    NodeState.ARMED: SessionEvent.REARMED,
    NodeState.RAMPING: SessionEvent.ENERGIZED,
    NodeState.RUNNING: SessionEvent.ENERGIZED,
    NodeState.SUSPENDED: SessionEvent.SUSPENDED,
    NodeState.PAUSED: SessionEvent.PAUSED,
    NodeState.IDLE: SessionEvent.ENDED,
    NodeState.FAULT: SessionEvent.FAULTED,
}


class Reports:
    """The node's side of a shell: what it answered and reported last, and what that means."""

    def __init__(self, hass: HomeAssistant, shell: FacialTherapyCoordinator) -> None:
        """Take the shell; nothing has been heard yet."""
        self._hass = hass
        self._shell = shell
        self.telemetry: Telemetry | None = None
        """The newest report; None while the device is away."""
        self.answer: Answer | None = None
        """To the newest command of this connection, or of this session if that is younger."""
        self.accepted = False
        """The node has taken the living session."""
        self.compared = False
        """What the node has counted has been compared with the ledger since it was connected, and
        since the last session."""
        self._catching_up = False
        self._enrolling = False
        self._zone: int | None = None
        """Of the living session, as it was announced last."""
        self.seen_off = False
        """The worn sensor has been seen off since output last flowed, as far as this Home Assistant
        knows: the node would latch a fault otherwise."""

    @property
    def newest_record(self) -> int | None:
        """The newest record number that the node has told; None if it has told none."""
        return max(
            (report.record for report in (self.answer, self.telemetry) if report is not None),
            default=None,
        )

    @callback
    def on_connection(self, connected: bool) -> None:  # noqa: FBT001 - the port's signature
        """The channel has been opened, or is closed."""
        shell = self._shell
        self.telemetry = None
        self.answer = None
        self.compared = False
        if shell.state is not SessionState.STOPPING:
            shell.turned(HOME_ASSISTANT)
        shell.apply(SessionEvent.FOUND if connected else SessionEvent.LOST)
        problem = shell.device.problem
        if connected:
            async_clear_node_issues(self._hass, shell.config_entry)
        elif problem is not None and problem.problem is Problem.WRONG_CONTRACT:
            async_wrong_contract(self._hass, shell.config_entry, problem.placeholders["version"])

    @callback
    def on_telemetry(self, telemetry: Telemetry) -> None:
        """Watch, then let the session table have its say."""
        shell = self._shell
        self.telemetry = telemetry
        self.seen_off = not telemetry.flowing and (self.seen_off or telemetry.worn is False)
        live = shell.live
        ours = live is not None and telemetry.session_id == live.session_id
        if live is None:
            self._zone = None
        if live is not None and ours:
            shell.live = live = replace(live, delivered=telemetry.delivered)
            self.accepted = True
            if telemetry.zone is not None and telemetry.flowing and telemetry.zone != self._zone:
                self._zone = telemetry.zone
                shell.announcer.announce("zone", live, zone=telemetry.zone)
            if live.plan is not None and (
                fault := permit.watch(live.plan, telemetry, telemetry.received_at)
            ):
                shell.latch(fault)
        if shell.state is SessionState.WAITING and live is not None:
            shell.starting.device_is_back(live)
        elif telemetry.state is NodeState.FAULT and shell.state is not SessionState.FAULT:
            shell.turned(DEVICE)
            shell.apply(SessionEvent.FAULTED)
        elif (
            shell.state is SessionState.FAULT
            and shell.fault is None
            and telemetry.fault is None
            and live is None
        ):
            shell.apply(SessionEvent.CLEARED)
        elif live is not None and not shell.commanding and self._is_news(telemetry):
            self.follow(telemetry.state if ours else NodeState.IDLE)
        elif live is None and telemetry.session_id is None:
            self._catch_up(telemetry)
        if telemetry.button and not self._enrolling:
            self._enrolling = True
            self._hass.async_create_task(
                self._async_enroll(telemetry), f"facial_therapy enroll {shell.mac}"
            )
        elif not telemetry.button:
            self._enrolling = False
        self._move_end(telemetry)
        shell.publish()

    def _is_news(self, telemetry: Telemetry) -> bool:
        """Whether a report was made after the last answer, so that it knows of the command; after a lost link every report is."""
        if (answer := self.answer) is None:
            return self._shell.state is SessionState.LOST or self.accepted
        return telemetry.boot != answer.boot or since_ms(telemetry.uptime_ms, answer.uptime_ms) >= 0

    def follow(self, state: NodeState, who: Who = DEVICE) -> None:
        """Let what the node is doing with our session take effect, if it is news."""
        event = NODE_EVENTS[state]
        if event is SessionEvent.ENDED:
            self._shell.end()
        elif step(self._shell.state, event).state is not self._shell.state:
            self._shell.turned(who)
            self._shell.apply(event)

    def _move_end(self, telemetry: Telemetry) -> None:
        """Publish when the session, or its arming window, will end, and anew only when that moves."""
        shell = self._shell
        live = shell.live
        if (
            live is not None
            and shell.state is SessionState.ARMED
            and telemetry.state is NodeState.ARMED
        ):
            window_ends_at = telemetry.received_at + timedelta(seconds=telemetry.window_s)
            if (
                live.window_ends_at is None
                or abs(live.window_ends_at - window_ends_at) > ENDS_AT_SLACK
            ):
                shell.live = replace(live, window_ends_at=window_ends_at)
        if live is None or shell.state is not SessionState.RUNNING or not telemetry.flowing:
            return
        ends_at = telemetry.received_at + timedelta(seconds=telemetry.left_s)
        if live.ends_at is None or abs(live.ends_at - ends_at) > ENDS_AT_SLACK:
            shell.live = replace(live, ends_at=ends_at, window_ends_at=None)
            shell.timers.later("expired", telemetry.left_s + OVERDUE_S, shell.expired)

    async def _async_enroll(self, telemetry: Telemetry) -> None:
        """Somebody holds the button of the node: enroll whoever is selected on the device's page, once for each time that it is held."""
        shell = self._shell
        try:
            person = find_person(self._hass, shell.manual.settings.person_id)
            if person.profile not in telemetry.profiles:
                await shell.device.async_enroll(person.profile)
                shell.announcer.enrolled(person)
        except (RefusedError, DeviceError) as error:
            LOGGER.info("%s: nobody was enrolled: %s", shell.name, error)

    def _catch_up(self, telemetry: Telemetry) -> None:
        """Take in what is new, once at a time."""
        behind = not self.compared or telemetry.record != self._shell.accounts.memory.last_record
        if behind and not self._catching_up:
            self._catching_up = True
            self._hass.async_create_task(
                self._async_catch_up(telemetry), f"facial_therapy take in {self._shell.mac}"
            )

    async def _async_catch_up(self, telemetry: Telemetry) -> None:
        """Take in what happened while we were away, and compare what the node has counted with what we know."""
        shell = self._shell
        try:
            await shell.async_import_history()
            await shell.accounts.async_compare_windows(telemetry.profiles)
            self.compared = True
        except (RefusedError, DeviceError, LedgerError) as error:
            LOGGER.info("%s: history not taken in yet: %s", shell.name, error)
        finally:
            self._catching_up = False
        last = shell.last
        if (
            last is not None
            and (record := shell.accounts.ledger.get(last.session_id)) is not None
            and record.delivered is not None
        ):
            shell.last = replace(last, delivered=record.delivered, outcome=record.outcome)
            shell.publish()

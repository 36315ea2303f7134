"""The start of a session: permitted, written down and armed; or held waiting until its device is switched on.

To energize: write, then act. One start at a time; a stop that comes between wins.
"""

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
import secrets
from typing import TYPE_CHECKING

from homeassistant.core import Context, HomeAssistant
from homeassistant.util import dt as dt_util

from ..const import LOGGER
from ..core.gate.request import SessionRequest
from ..core.refusal import Reason, Refusal, RefusedError
from ..core.session import SessionEvent, SessionState
from ..core.session_parameters import PermittedSession
from ..devices.port import DeviceError
from ..people.actor import Who
from ..storage.ledger_file import LedgerError
from .view import LiveSession

if TYPE_CHECKING:
    from ..coordinator import FacialTherapyCoordinator


class Starting:
    """One start at a time, of one device."""

    def __init__(self, hass: HomeAssistant, shell: FacialTherapyCoordinator) -> None:
        """Take the shell; nothing waits."""
        self._hass = hass
        self._shell = shell
        self._lock = asyncio.Lock()
        self._waiting: SessionRequest | None = None

    async def async_start(self, ask: SessionRequest, context: Context | None = None) -> LiveSession:
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
            turned_by=Who.of(context),
        )
        async with self._lock:
            try:
                if not self._shell.device.connected and ask.wait_s:
                    return self._wait(live, ask)
                return await self._async_begin(live, ask)
            except RefusedError as error:
                self._shell.announcer.tell("refused", live, error.binding)
                raise

    def _wait(self, live: LiveSession, ask: SessionRequest) -> LiveSession:
        """Hold a session until its device is back."""
        shell = self._shell
        row = shell.admission.may_wait(ask)
        shell.live = live = replace(
            live, window_ends_at=dt_util.utcnow() + timedelta(seconds=ask.wait_s or 0)
        )
        self._waiting, shell.reports.accepted, shell.state = ask, False, row.state
        shell.timers.later("expired", ask.wait_s or 0, shell.expired)
        shell.publish()
        return live

    async def _async_begin(self, live: LiveSession, ask: SessionRequest) -> LiveSession:
        """Permit, write, arm."""
        shell = self._shell
        row = shell.admission.begin()
        if shell.accounts.ledger.failure is not None:  # the disk may have room again
            with suppress(LedgerError):
                await shell.accounts.ledger.async_probe(self._hass)
        plan = shell.admission.permit(ask)
        shell.live = live = replace(
            live, plan=plan, window_ends_at=dt_util.utcnow() + timedelta(seconds=plan.window_s)
        )
        self._waiting, shell.reports.answer, shell.reports.accepted, shell.state = (
            None,
            None,
            False,
            row.state,
        )
        shell.timers.cancel("expired")
        shell.publish()
        try:
            await shell.accounts.async_open(live, plan)
            await self._async_arm(live, plan, ask)
        except (LedgerError, RefusedError) as error:
            with suppress(LedgerError):
                await shell.accounts.async_void(live.session_id)
            if self._is_live(live) and shell.state is SessionState.ARMED:
                shell.apply(SessionEvent.REFUSED)
            if isinstance(error, LedgerError):
                raise RefusedError(
                    Refusal(reason=Reason.STORE_FAILED, detail=str(error))
                ) from error
            raise
        shell.announcer.tell("armed", live)
        shell.lease.renew_from_now()
        return live

    def _is_live(self, live: LiveSession) -> bool:
        return self._shell.live is not None and self._shell.live.session_id == live.session_id

    async def _async_arm(
        self, live: LiveSession, plan: PermittedSession, ask: SessionRequest
    ) -> None:
        """Send start, once more if the node has a session that the ledger had not taken in."""
        shell = self._shell
        for last_try in (False, True):
            if (
                not self._is_live(live) or shell.state is not SessionState.ARMED
            ):  # a stop came first
                raise RefusedError(Refusal(reason=Reason.WRONG_STATE, detail=shell.state))
            try:
                shell.reports.answer = await shell.device.async_start(
                    live.session_id, plan, last_record=shell.accounts.memory.last_record
                )
            except RefusedError as error:
                if last_try or error.binding.reason is not Reason.UNSEEN_SESSION:
                    raise
                await shell.async_import_history()
                shell.admission.permit(
                    ask, without=live.session_id
                )  # what has just been taken in counts too
            else:
                shell.reports.accepted = True
                return

    def device_is_back(self, live: LiveSession) -> None:
        """The device of a waiting session reports."""
        if self._waiting is not None:
            self._hass.async_create_task(
                self._async_begin_waiting(live, self._waiting),
                f"facial_therapy begin {self._shell.mac}",
            )

    async def _async_begin_waiting(self, live: LiveSession, ask: SessionRequest) -> None:
        """The device of a waiting session is back."""
        shell = self._shell
        async with self._lock:
            if shell.state is not SessionState.WAITING:
                return
            try:
                await self._async_begin(live, ask)
            except RefusedError as error:
                LOGGER.info("%s: the waiting session was refused: %s", shell.name, error)
                shell.announcer.tell("refused", live, error.binding)
                if shell.state is SessionState.WAITING:
                    shell.apply(SessionEvent.REFUSED)
            except DeviceError as error:
                LOGGER.info(
                    "%s: the waiting session was not answered: %s", shell.name, error.problem
                )

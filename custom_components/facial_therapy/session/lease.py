"""Renew the lease, and retry a stop until the node confirms zero output."""

import asyncio
from datetime import datetime
from typing import Any, Final, Protocol

from homeassistant.util import dt as dt_util

from ..const import LOGGER
from ..core import limits
from ..core.model import Modality
from ..core.refusal import RefusedError
from ..devices.port import Answer, DeviceError, LeaseCommands, Problem
from ..timers import Timers

STOP_RETRY_S: Final = 0.5
RENEW: Final = "renew"


class LeasePort(Protocol):
    """What the lease keeper asks of the engine."""

    def session_to_renew(self) -> str | None:
        """Return the session whose lease is to be renewed now; None: nothing may be renewed."""

    def stop_confirmed(self, answer: Answer) -> None:
        """Take note that the node confirmed zero output."""


class LeaseKeeper:
    """Keeps the lease of a session alive, and stops until the stop is confirmed."""

    def __init__(
        self, device: LeaseCommands, modality: Modality, timers: Timers, port: LeasePort
    ) -> None:
        """Take the parts; nothing is renewed yet."""
        self._device = device
        self._interval_s = limits.RENEW_S[modality]
        self._timers = timers
        self._port = port
        self._renewing = False
        self._confirmed: asyncio.Future[None] | None = None
        self._retry = asyncio.Event()

    def renew(self) -> None:
        """Renew from now on, as long as the engine names a session."""
        self._timers.every(RENEW, self._interval_s, self._async_renew)

    def cease(self) -> None:
        """Renew no more."""
        self._timers.cancel(RENEW)

    async def _async_renew(self, _now: datetime) -> None:
        """Renew once; at most one renewal is in flight."""
        if self._renewing or (session_id := self._port.session_to_renew()) is None:
            return
        self._renewing = True
        try:
            await self._device.async_renew(session_id)
        except (RefusedError, DeviceError) as error:
            # The node's next report, or the closed connection, has the consequences.
            LOGGER.debug("Failed to renew the lease of session %s: %s", session_id, error)
        finally:
            self._renewing = False

    @property
    def stopping(self) -> bool:
        """Whether a stop was sent that the node has not confirmed."""
        return self._confirmed is not None

    async def async_stop(self) -> None:
        """Send stop at once, and again until the node confirms; one that is under way is joined."""
        if self._confirmed is not None:
            self._retry.set()
            await asyncio.shield(self._confirmed)
            return
        confirmed = self._confirmed = asyncio.get_running_loop().create_future()
        try:
            while True:
                self._retry.clear()
                try:
                    answer = await self._device.async_stop()
                    break
                except DeviceError, RefusedError:
                    await self._async_wait_to_retry()
            self._confirmed = None
            confirmed.set_result(None)
            self._port.stop_confirmed(answer)
        finally:
            if self._confirmed is confirmed:
                self._confirmed = None
            if not confirmed.done():
                confirmed.cancel()

    async def _async_wait_to_retry(self) -> None:
        timer = self._timers.wait(STOP_RETRY_S)
        again: asyncio.Future[Any] = asyncio.ensure_future(self._retry.wait())
        try:
            await asyncio.wait({timer, again}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            again.cancel()

    async def async_confirm(self) -> None:
        """Wait until the node has confirmed the stop that is being sent, if there is one.

        Raises:
            DeviceError: `stop_unconfirmed` after 2 s, with the local time at which the lease ends
                the output. Stop is still being sent.
        """
        if (confirmed := self._confirmed) is None:
            return
        if not await self._timers.within(limits.STOP_CONFIRM_S, [confirmed]):
            zero_at = dt_util.as_local(self._device.lease_ends_at or dt_util.utcnow())
            raise DeviceError(Problem.STOP_UNCONFIRMED, zero_at=zero_at.strftime("%H:%M:%S"))

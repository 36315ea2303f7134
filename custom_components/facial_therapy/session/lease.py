"""What is sent to a node again and again: the renewals of a lease, and a stop until it is confirmed."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..const import LOGGER
from ..core import limits
from ..core.model import RefusedError
from ..core.session import SessionState
from ..devices.port import DeviceError, Problem

if TYPE_CHECKING:
    from ..coordinator import FacialTherapyCoordinator

STOP_RETRY_S: Final = 0.5


class Lease:
    """Keeps alive what a person wants, and ends what nobody does."""

    def __init__(
        self,
        hass: HomeAssistant,
        shell: FacialTherapyCoordinator,
        stopped: Callable[[], Awaitable[None]],
    ) -> None:
        """Take the shell, and what to do once a stop is confirmed."""
        self._hass = hass
        self._shell = shell
        self._stopped = stopped
        self._renewing = False
        self._stopping: asyncio.Task[None] | None = None

    # --- renewing ---------------------------------------------------------------------------------

    def renew_from_now(self) -> None:
        """Renew as long as the state says so."""
        if self._shell.state.renews:
            self._shell.timers.every(
                "renew", limits.RENEW_S[self._shell.modality], self._async_renew
            )

    async def _async_renew(self, _now: datetime) -> None:
        """Renew once; one in flight at most, and none for what only a person can resume."""
        shell = self._shell
        waits = (
            shell.state is SessionState.SUSPENDED
            and shell.telemetry is not None
            and shell.telemetry.cause != "contact"
        )
        if self._renewing or shell.live is None or not shell.state.renews or waits:
            return
        self._renewing = True
        try:
            await shell.device.async_renew(shell.live.session_id)
        except (RefusedError, DeviceError) as error:
            # The node's next report, or the closed channel, tells what that means.
            LOGGER.debug("%s: lease not renewed: %s", shell.name, error)
        finally:
            self._renewing = False

    # --- stopping ---------------------------------------------------------------------------------

    @property
    def stopping(self) -> bool:
        """Whether a stop has been sent that is not confirmed yet."""
        return self._stopping is not None

    def keep_stopping(self) -> None:
        """Send stop again and again until the node confirms zero."""
        if self._stopping is None or self._stopping.done():
            self._stopping = self._hass.async_create_background_task(
                self._async_stop_until_confirmed(), f"facial_therapy stop {self._shell.mac}"
            )

    async def _async_stop_until_confirmed(self) -> None:
        while True:
            try:
                self._shell.reports.answer = await self._shell.device.async_stop()
                break
            except DeviceError, RefusedError:
                await self._shell.timers.wait(STOP_RETRY_S)
        self._stopping = None
        await self._stopped()

    def cancel(self) -> None:
        """Send no more stops: the session is over, or the shell is."""
        if self._stopping is not None:
            self._stopping.cancel()

    async def async_confirm(self) -> None:
        """Wait until the node has confirmed a stop that is being sent.

        Raises:
            DeviceError: `stop_unconfirmed` after 2 s, with the time at which the lease ends the
                output.
        """
        if (stopping := self._stopping) is None:
            return
        timer = self._shell.timers.wait(limits.STOP_CONFIRM_S)
        await asyncio.wait({stopping, timer}, return_when=asyncio.FIRST_COMPLETED)
        timer.cancel()
        if not stopping.done():
            zero_at = dt_util.as_local(self._shell.device.lease_ends_at or dt_util.utcnow())
            raise DeviceError(Problem.STOP_UNCONFIRMED, zero_at=zero_at.strftime("%H:%M:%S"))

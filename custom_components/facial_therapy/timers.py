"""Named timers on Home Assistant's monotonic clock, immune to steps of the wall clock."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime, timedelta
from typing import Any

from homeassistant.core import CALLBACK_TYPE, HassJob, HomeAssistant, callback
from homeassistant.helpers.event import async_call_later, async_track_time_interval


class Timers:
    """Timers by name; setting one again replaces it."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Nothing is set yet."""
        self._hass = hass
        self._cancels: dict[str, CALLBACK_TYPE] = {}

    def later(self, name: str, delay_s: float, action: Callable[[], None]) -> None:
        """Do something later, instead of what the timer of this name would have done."""
        if before := self._cancels.pop(name, None):
            before()

        @callback
        def fire(_now: datetime) -> None:
            self._cancels.pop(name, None)
            action()

        self._cancels[name] = async_call_later(
            self._hass, delay_s, HassJob(fire, cancel_on_shutdown=True)
        )

    def every(
        self, name: str, interval_s: float, action: Callable[[datetime], Coroutine[Any, Any, None]]
    ) -> None:
        """Do something again and again; if it is set already, it goes on as it is."""
        if name not in self._cancels:
            self._cancels[name] = async_track_time_interval(
                self._hass, action, timedelta(seconds=interval_s), cancel_on_shutdown=True
            )

    def wait(self, delay_s: float) -> asyncio.Future[None]:
        """Return a future that is done after a time; cancelling it cancels the timer."""
        done: asyncio.Future[None] = self._hass.loop.create_future()

        @callback
        def fire(_now: datetime) -> None:
            if not done.done():
                done.set_result(None)

        cancel = async_call_later(self._hass, delay_s, HassJob(fire, cancel_on_shutdown=True))
        done.add_done_callback(lambda _done: cancel())
        return done

    async def within(self, seconds: float, futures: Iterable[asyncio.Future[Any]]) -> bool:
        """Wait until all futures are done, at most for a time; return whether they are."""
        everything: asyncio.Future[Any] = asyncio.ensure_future(asyncio.wait(tuple(futures)))
        timer = self.wait(seconds)
        await asyncio.wait({everything, timer}, return_when=asyncio.FIRST_COMPLETED)
        timer.cancel()
        done = everything.done()
        everything.cancel()
        return done

    def cancel(self, name: str) -> None:
        """Forget a timer, if it is set."""
        if cancel := self._cancels.pop(name, None):
            cancel()

    def cancel_all(self) -> None:
        """Forget them all."""
        for name in tuple(self._cancels):
            self.cancel(name)

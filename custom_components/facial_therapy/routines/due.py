"""Due sessions of a person's plan, and their announcements and reminders."""

from datetime import date, datetime, timedelta
from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.util import dt as dt_util

from ..core.refusal import Reason, Refusal, RefusedError
from ..core.routine.steps import Steps
from ..core.schedule.agenda import PlannedEvening
from ..core.schedule.plan import monday
from ..people.routines import tonight
from .forecast import Forecast
from .plan_keeper import PlanKeeper
from .port import PersonPort
from .proposals import EVENING
from .reminders import Reminders

LOOK: Final = timedelta(minutes=1)
"""How often Home Assistant checks whether something is due."""
WINDOW: Final = timedelta(hours=4)
"""Window of a routine that was started outside of an evening of the plan."""


class Due:
    """Finds the due sessions of one person, and announces each once."""

    def __init__(
        self,
        hass: HomeAssistant,
        port: PersonPort,
        plan: PlanKeeper,
        forecast: Forecast,
        reminders: Reminders,
    ) -> None:
        """Take the person's port, and the parts that know what lies ahead."""
        self._hass = hass
        self._port = port
        self._plan = plan
        self._forecast = forecast
        self._reminders = reminders
        self._announced: dict[str, date] = {}
        """The day or week for which each event was announced last."""

    def start(self) -> CALLBACK_TYPE:
        """Check every minute; return what ends that."""
        return async_track_time_interval(
            self._hass, self._async_check, LOOK, cancel_on_shutdown=True
        )

    def _next(self) -> PlannedEvening | None:
        return self._forecast.next_evening(self._port.person)

    @property
    def evening(self) -> PlannedEvening | None:
        """The evening that is due: open, with a session that is permitted now, and no routine runs.

        Raises:
            RefusedError: `unknown_person`: the person's entry is being removed.
        """
        if self._port.busy:
            return None
        evening = self._next()
        return evening if evening is not None and evening.at <= dt_util.utcnow() else None

    @property
    def planned_today(self) -> date | None:
        """The day of the plan's next evening, if that is today."""
        evening = self._next()
        return evening.day if evening is not None and evening.day == dt_util.now().date() else None

    @property
    def goal_reached(self) -> bool:
        """Whether the goal of this week's plan is reached."""
        week = self._forecast.agenda().adherence(dt_util.utcnow())
        return 0 < week.goal <= week.done

    def routine(self) -> tuple[str, Steps, timedelta]:
        """Return the routine of the open evening, else of the next one.

        Returns:
            Its key, its steps, and its window.

        Raises:
            RefusedError: `no_plan`.
        """
        today, now = dt_util.now().date(), dt_util.utcnow()
        evening = self._next()
        plan = self._plan.weekly_plan.on(today if evening is None else evening.day)
        if plan is None or not plan.evenings:
            raise RefusedError(Refusal(reason=Reason.NO_PLAN))
        if evening is not None and evening.opens_at <= now:
            modalities = tuple(proposal.modality for proposal in evening.proposals)
            window = evening.closes_at - now
        else:
            modalities, window = self._plan.weekly_plan.planned(today), WINDOW
        steps = tonight(modalities or tuple(plan.modalities), plan.program)
        return EVENING, steps, max(window, LOOK)

    @callback
    def check(self) -> None:
        """Announce an evening once when it is due, and the week's goal once when it is reached."""
        try:
            evening = self.evening
        except RefusedError:  # the person's entry is being removed
            return
        if evening is not None and self._is_new("session_due", evening.day):
            self._port.announce("session_due", closes_at=evening.closes_at.isoformat())
        if self.goal_reached and self._is_new("weekly_goal_reached", monday(dt_util.now().date())):
            self._port.announce("weekly_goal_reached", closes_at=None)

    def _is_new(self, event: str, day: date) -> bool:
        before, self._announced[event] = self._announced.get(event), day
        return before != day

    async def _async_check(self, _now: datetime) -> None:
        """Publish what time alone has changed, announce it, and remind the person as they chose."""
        try:
            evening = self.evening
        except RefusedError:  # the person's entry is being removed
            return
        self._port.publish()
        self.check()
        before = dict(self._reminders.announced)
        await self._reminders.async_check(evening, next_phase=self._plan.next_phase is not None)
        if self._reminders.announced != before:
            await self._port.async_save()

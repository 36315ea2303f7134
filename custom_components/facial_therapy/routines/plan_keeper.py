"""The plan of one person: chosen, continued in its next phase, skipped and frozen by the person."""

from dataclasses import replace
from datetime import date, time, timedelta
from typing import Any, Final

from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..coordinator import all_coordinators
from ..core.recipes import named
from ..core.refusal import Reason, Refusal, RefusedError
from ..core.schedule.plan import Freeze, Phase, Plan, WeekPlan, Why, evenings
from ..people.programs import custom_programs
from .port import PersonPort

OPENS: Final = time(20)
CLOSES: Final = time(23)
"""When the evenings of a new plan open and close, local."""
DAYS_MAXIMUM: Final = 60
"""How many days ahead evenings can be skipped; not a safety limit."""


class PlanKeeper:
    """Keeps a person's plan, and saves every change of it."""

    def __init__(self, hass: HomeAssistant, person_id: str, port: PersonPort) -> None:
        """Take the person's config entry and port; the plan is empty until it is restored."""
        self._hass = hass
        self._person_id = person_id
        self._port = port
        self.weekly_plan = Plan()

    def reset(self) -> None:
        """Forget the plan."""
        self.weekly_plan = Plan()

    @property
    def next_phase(self) -> WeekPlan | None:
        """The next phase, if it is due: proposed, and begun only when a person accepts it."""
        return self.weekly_plan.next_phase(dt_util.now().date())

    async def async_choose(self, program: str | None, **changes: Any) -> None:  # noqa: ANN401 - fields of WeekPlan, of their own types
        """Begin another plan today.

        Args:
            program: Key of the program; None pauses the plan.
            changes: Fields of `WeekPlan`; the others stay as they are.

        Raises:
            RefusedError: As `plan.check`. Nothing has changed.
        """
        today = dt_util.now().date()
        before = self.weekly_plan.on(today)
        if program is None:
            if before is not None:
                await self._async_begin(replace(before, begins_on=today, evenings=()))
            return
        custom = custom_programs(self._hass, self._person_id)
        recipe = named(program, custom)
        loaded = frozenset(coordinator.modality for coordinator in all_coordinators(self._hass))
        modalities = loaded or recipe.modalities
        new = before or WeekPlan(
            begins_on=today,
            program=program,
            modalities=modalities,
            evenings=(),
            opens=OPENS,
            closes=CLOSES,
        )
        new = replace(
            new,
            begins_on=today,
            program=program,
            custom=custom.get(program),
            phase=Phase.BUILD_UP,
            starting_phase=self._port.person.options.wand_starting_phase,
            **changes,
        )
        if not new.evenings and "evenings" not in changes:
            a_week = max(recipe.per_week(modality) for modality in recipe.modalities)
            new = replace(new, evenings=evenings(a_week))
        if not new.modalities & recipe.modalities and "modalities" not in changes:
            new = replace(new, modalities=modalities)
        await self._async_begin(new)

    async def async_accept(self, **changes: Any) -> WeekPlan:  # noqa: ANN401 - fields of WeekPlan, of their own types
        """Begin the next phase of the plan today.

        Raises:
            RefusedError: `no_next_phase`: none is due; or as `plan.check`. Nothing has changed.
        """
        if (proposed := self.next_phase) is None:
            raise RefusedError(Refusal(reason=Reason.NO_NEXT_PHASE))
        accepted = replace(proposed, **changes)
        await self._async_begin(accepted)
        return accepted

    async def async_leave_out(self, first: date, last: date, why: Why) -> None:
        """Skip the evenings of some days, or freeze them, which also takes them out of the goal.

        Args:
            first: Local; yesterday at the earliest, since its evening may still be open.
            last: Local, included.
            why: `SKIPPED`; everything else freezes.

        Raises:
            RefusedError: `out_of_bounds` for `date` or `until`. Nothing has changed.
        """
        today = dt_util.now().date()
        for field, day, least in (
            ("date", first, today - timedelta(days=1)),
            ("until", last, first),
        ):
            if not least <= day <= today + timedelta(days=DAYS_MAXIMUM):
                raise RefusedError(
                    Refusal(
                        reason=Reason.OUT_OF_BOUNDS,
                        field=field,
                        minimum=0,
                        maximum=DAYS_MAXIMUM,
                        unit="d",
                    )
                )
        plan = self.weekly_plan
        if why is Why.SKIPPED:
            days = {first + timedelta(days=offset) for offset in range((last - first).days + 1)}
            await self._async_keep(replace(plan, skipped=plan.skipped | days))
        else:
            freeze = Freeze(first=first, last=last, why=why)
            await self._async_keep(replace(plan, freezes=(*plan.freezes, freeze)))

    async def _async_begin(self, plan: WeekPlan) -> None:
        await self._async_keep(self.weekly_plan.begun(plan))

    async def _async_keep(self, weekly_plan: Plan) -> None:
        self.weekly_plan = weekly_plan
        await self._port.async_save()
        self._port.publish()

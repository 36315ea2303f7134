"""Everything of one person's plan and routine, in one object."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send

from ..const import DOMAIN, SIGNAL_LEDGER, SIGNAL_ROUTINE
from ..core.person import Person
from ..core.refusal import Reason, Refusal, RefusedError
from ..core.schedule.plan import Plan, check
from ..people.registry import find_person, is_person
from ..storage.guarded_store import GuardedStore
from .due import Due
from .forecast import Forecast
from .plan_keeper import PlanKeeper
from .proposals import PROPOSALS
from .reminders import Reminders
from .runner import RoutineRunner, StoredRun, check_run


@dataclass(frozen=True, slots=True, kw_only=True)
class Announced:
    """What the store of the reminders holds."""

    days: Mapping[str, date] = field(default_factory=lambda: MappingProxyType({}))
    """The newest day of each reminder."""


def check_plan(plan: Plan) -> None:
    """Refuse a plan that could not have been made.

    Raises:
        ValueError: An unknown program, or a plan that no week can hold.
    """
    for week in plan.plans:
        try:
            check(week)
        except RefusedError as error:
            message = f"plans: {error.binding.reason}"
            raise ValueError(message) from None


class PersonRoutines:
    """The plan and the routine of one person; what its parts need of them is `PersonPort`."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
        """Take the person's entry; nothing is read yet."""
        self._hass = hass
        self.entry = entry
        self._plan_store = GuardedStore(
            hass,
            f"plan.{entry.entry_id}",
            Plan,
            Plan,
            label=f"the plan of {entry.title}",
            check=check_plan,
        )
        self._run_store = GuardedStore(
            hass,
            f"run.{entry.entry_id}",
            StoredRun,
            StoredRun,
            label=f"the routine of {entry.title}",
            check=check_run,
        )
        self._announced_store = GuardedStore(
            hass,
            f"announced.{entry.entry_id}",
            Announced,
            Announced,
            label=f"the reminders of {entry.title}",
        )
        self._saved: tuple[Plan, StoredRun, Announced] | None = None
        self._changed = f"{DOMAIN}_routines_changed_{entry.entry_id}"
        """A signal, so that who follows a person goes on when their entry is reloaded."""
        self._unsubscribe: list[CALLBACK_TYPE] = []
        self._announces = False
        """Only once everything is loaded: earlier changes are not announced."""
        self._reminders = Reminders(hass, entry)
        self.plan = PlanKeeper(hass, entry.entry_id, self)
        self.forecast = Forecast(hass, entry.entry_id, lambda: self.plan.weekly_plan)
        self.runner = RoutineRunner(hass, entry.entry_id, self, self.forecast)
        self.due = Due(hass, self, self.plan, self.forecast, self._reminders)

    @property
    def person(self) -> Person:
        """The person as of now.

        Raises:
            RefusedError: `unknown_person`: their entry is being removed.
        """
        return find_person(self._hass, self.entry.entry_id)

    @property
    def busy(self) -> bool:
        """Whether the person is in a routine."""
        return self.runner.busy

    # --- loading and saving -----------------------------------------------------------------------

    async def async_load(self) -> None:
        """Restore plan and run; a run that was interrupted waits for a person."""
        self.plan.weekly_plan = await self._plan_store.async_load()
        self.runner.restore(await self._run_store.async_load())
        self._reminders.announced = dict((await self._announced_store.async_load()).days)
        self._saved = self._stored()
        self._unsubscribe = [
            async_dispatcher_connect(self._hass, SIGNAL_LEDGER, self._ledger_changed),
            self.due.start(),
        ]
        await self.runner.async_start_up()
        self.due.check()
        self._announces = True
        self.publish()

    async def async_close(self) -> None:
        """Cancel timers and subscriptions, and finish saving."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        await self.runner.async_close()

    async def async_remove(self) -> None:
        """Forget everything of a person who is removed or erased."""
        self.plan.reset()
        self.runner.reset()
        self._reminders.announced = {}
        await self._hass.data[PROPOSALS].async_forget(self.entry.entry_id)
        self._saved = None
        for store in (self._plan_store, self._run_store, self._announced_store):
            await store.async_remove()
        self.publish()

    async def async_save(self) -> None:
        """Save what has changed of the plan, the run and what has been announced."""
        before, self._saved = self._saved, self._stored()
        plan, run, announced = self._saved
        if before is None or before[0] != plan:
            await self._plan_store.async_save(plan)
        if before is None or before[1] != run:
            await self._run_store.async_save(run)
        if before is None or before[2] != announced:
            await self._announced_store.async_save(announced)

    def _stored(self) -> tuple[Plan, StoredRun, Announced]:
        announced = Announced(days=dict(self._reminders.announced))
        return self.plan.weekly_plan, self.runner.stored, announced

    # --- publishing -------------------------------------------------------------------------------

    def add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Call back when the plan, the step or its cue has changed, also after a reload."""

        @callback
        def changed() -> None:
            listener()

        return async_dispatcher_connect(self._hass, self._changed, changed)

    @callback
    def publish(self) -> None:
        """Call back everybody who shows the plan or the routine."""
        async_dispatcher_send(self._hass, self._changed)

    @callback
    def announce(self, event: str, **data: Any) -> None:  # noqa: ANN401 - JSON
        """Announce an event to automations and the logbook."""
        if self._announces:
            details = {"person": self.entry.title, **data}
            async_dispatcher_send(self._hass, SIGNAL_ROUTINE, self.entry.entry_id, event, details)

    @callback
    def person_changed(self) -> None:
        """Publish what follows from a change of the person, their options or their programs."""
        self.publish()
        self.due.check()

    @callback
    def _ledger_changed(self, person_ids: frozenset[str] | None) -> None:
        if person_ids is not None and self.entry.entry_id not in person_ids:
            return
        self.forecast.ledger_changed()
        self.due.check()


def all_routines(hass: HomeAssistant) -> Mapping[str, PersonRoutines]:
    """Return the routines of everybody who is loaded, by their config entry."""
    return {
        entry.entry_id: entry.runtime_data.routines
        for entry in hass.config_entries.async_entries(DOMAIN)
        if is_person(entry) and hasattr(entry, "runtime_data")
    }


def routines_of(hass: HomeAssistant, person: Person) -> PersonRoutines:
    """Return the routines of a person.

    Raises:
        RefusedError: `unknown_person`: their entry is not loaded.
    """
    if (found := all_routines(hass).get(person.person_id)) is None:
        raise RefusedError(
            Refusal(reason=Reason.UNKNOWN_PERSON, field="person", detail=person.name)
        )
    return found

"""Everything of one person's plan and routine, in one object."""

from collections.abc import Callable, Mapping
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers.dispatcher import async_dispatcher_connect, async_dispatcher_send
from homeassistant.helpers.storage import Store
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN, LOGGER, SIGNAL_LEDGER, SIGNAL_ROUTINE
from ..core.person import Person
from ..core.refusal import Reason, Refusal, RefusedError
from ..people.registry import find_person
from .due import Due
from .forecast import Forecast
from .plan_keeper import PlanKeeper
from .proposals import PROPOSALS
from .reminders import Reminders
from .runner import RoutineRunner


class PersonRoutines:
    """The plan and the routine of one person; what its parts need of them is `PersonPort`."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
        """Take the person's entry; nothing is read yet."""
        self._hass = hass
        self.entry = entry
        self._store: Store[dict[str, Any]] = Store(hass, 1, f"{DOMAIN}.routines.{entry.entry_id}")
        self._changed = f"{DOMAIN}_routines_changed_{entry.entry_id}"
        """A signal, so that who follows a person goes on when their entry is reloaded."""
        self._unsubscribe: list[CALLBACK_TYPE] = []
        self._announces = False
        """Only once everything is loaded: what was so before is no news."""
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
        data = await self._store.async_load() or {}
        restores: dict[str, Callable[[Any], None]] = {
            "plan": self.plan.restore,
            "run": self.runner.restore,
            "announced": self._reminders.restore,
        }
        for section, restore in restores.items():
            try:
                if data and data[section] is not None:
                    restore(data[section])
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                LOGGER.warning(
                    "Failed to read the %s of %s, which is reset: %r",
                    section,
                    self.entry.title,
                    error,
                )
        self._unsubscribe = [
            async_dispatcher_connect(self._hass, SIGNAL_LEDGER, self._ledger_changed),
            self.due.start(),
        ]
        await self.runner.async_start_up()
        self.due.check()
        self._announces = True
        self.publish()

    async def async_close(self) -> None:
        """Cancel timers and subscriptions, and finish what is being saved."""
        for unsubscribe in self._unsubscribe:
            unsubscribe()
        await self.runner.async_close()

    async def async_remove(self) -> None:
        """Forget everything of a person who is removed or erased."""
        self.plan.reset()
        self.runner.reset()
        self._reminders.announced = {}
        await self._hass.data[PROPOSALS].async_forget(self.entry.entry_id)
        await self._store.async_remove()
        self.publish()

    async def async_save(self) -> None:
        """Save the plan, the run and what has been announced."""
        await self._store.async_save(
            {
                "plan": self.plan.as_dict(),
                "run": self.runner.as_dict(),
                "announced": self._reminders.as_dict(),
            }
        )

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
    def _ledger_changed(self) -> None:
        self.forecast.ledger_changed()
        self.due.check()


_ROUTINES: HassKey[dict[str, PersonRoutines]] = HassKey(f"{DOMAIN}_routines")


def all_routines(hass: HomeAssistant) -> Mapping[str, PersonRoutines]:
    """Return the routines of everybody who is loaded, by their config entry."""
    return hass.data.get(_ROUTINES, {})


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


async def async_load_routines(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Load the plan and the routine of a person whose entry is set up."""
    routines = PersonRoutines(hass, entry)
    hass.data.setdefault(_ROUTINES, {})[entry.entry_id] = routines
    await routines.async_load()


async def async_unload_routines(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Let go of the plan and the routine of a person whose entry is unloaded."""
    await hass.data[_ROUTINES].pop(entry.entry_id).async_close()

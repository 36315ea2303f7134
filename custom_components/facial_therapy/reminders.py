"""What is done by itself when something of a person's plan is due, as they have chosen: nothing, a reminder, or a proposal."""

from datetime import date
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from .const import CONF_WHEN_DUE
from .core.agenda import Evening
from .core.plan import monday
from .notices import async_tell
from .propose import EVENING, PROPOSALS, Proposal

REMIND: Final = "remind"
PROPOSE: Final = "propose"
WHEN_DUE: Final = ("off", REMIND, PROPOSE)


class Reminders:
    """What one person has been told already."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
        """Take the person's entry; nothing has been told yet."""
        self._hass = hass
        self._entry = entry
        self._told_on: date | None = None
        """The evening of which the person has been told."""
        self.phase_told_in: date | None = None
        """The week in which the person has been told of the next phase; kept with the plan, so that a restart does not tell it again."""

    async def async_look(self, evening: Evening | None, *, next_phase: bool) -> None:
        """Tell of the evening that is due once, and of a next phase once a week for as long as it is neither accepted nor planned anew."""
        what = self._entry.data.get(CONF_WHEN_DUE)
        if what not in (REMIND, PROPOSE):
            return
        person_id, week = self._entry.entry_id, monday(dt_util.now().date())
        if next_phase and self.phase_told_in != week:
            self.phase_told_in = week
            await async_tell(self._hass, self._entry, "phase", f"phase_{person_id}")
        if evening is None or evening.day == self._told_on:
            return
        self._told_on = evening.day
        if what == PROPOSE:
            proposal = Proposal(what=EVENING, action="start_routine", data={"person": person_id}, until=evening.closes_at, day=evening.day)
            await self._hass.data[PROPOSALS].async_propose(person_id, proposal)
            return
        await async_tell(self._hass, self._entry, "due", f"due_{person_id}")

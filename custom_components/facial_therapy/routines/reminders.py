"""What is done by itself when something of a person's plan is due, as they have chosen: nothing, a reminder, or a proposal.

Whoever wants that is also asked how their skin is, the morning after something that it has not had
yet.
"""

from datetime import date, timedelta
from itertools import takewhile
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant
from homeassistant.util import dt as dt_util

from ..const import CONF_ASK_SKIN, CONF_WHEN_DUE
from ..core.ledger.record import Source, unaccustomed
from ..core.schedule.agenda import PlannedEvening
from ..core.schedule.plan import monday
from ..storage.ledger import LEDGER
from ..text.notify import async_tell
from .proposals import EVENING, PROPOSALS, Proposal

REMIND: Final = "remind"
PROPOSE: Final = "propose"
WHEN_DUE: Final = ("off", REMIND, PROPOSE)
DUE: Final = "due"
PHASE: Final = "phase"
SKIN: Final = "skin"
MORNING: Final = range(8, 20)
"""The hours in which a person is asked after the day before."""
NIGHT_ENDS: Final = timedelta(hours=4)
"""What was over by then belongs to the day before."""


class Reminders:
    """What one person has been told already."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
        """Take the person's entry; nothing has been told yet."""
        self._hass = hass
        self._entry = entry
        self.told: dict[str, date] = {}
        """The evening and the next phase, by its week, of which the person has been told, and the
        day on which it was seen whether to ask after their skin.

        Kept with the plan, so that a restart tells nothing again.
        """

    async def async_look(self, evening: PlannedEvening | None, *, next_phase: bool) -> None:
        """Tell of the evening that is due once, and of a next phase once a week for as long as it is neither accepted nor planned anew."""
        await self._async_ask_skin()
        what = self._entry.data.get(CONF_WHEN_DUE)
        if what not in (REMIND, PROPOSE):
            return
        person_id, week = self._entry.entry_id, monday(dt_util.now().date())
        if next_phase and self.told.get(PHASE) != week:
            self.told[PHASE] = week
            await async_tell(self._hass, self._entry, "phase", f"phase_{person_id}")
        if evening is None or evening.day == self.told.get(DUE):
            return
        self.told[DUE] = evening.day
        if what == PROPOSE:
            proposal = Proposal(
                what=EVENING,
                action="start_routine",
                data={"person": person_id},
                until=evening.closes_at,
                day=evening.day,
            )
            await self._hass.data[PROPOSALS].async_propose(person_id, proposal)
            return
        await async_tell(self._hass, self._entry, "due", f"due_{person_id}")

    async def _async_ask_skin(self) -> None:
        """Look once a morning whether the skin had something yesterday that it has not had before, and ask how it is."""
        now = dt_util.now()
        if (
            not self._entry.data.get(CONF_ASK_SKIN)
            or now.hour not in MORNING
            or self.told.get(SKIN) == now.date()
        ):
            return
        self.told[SKIN] = now.date()
        ends = dt_util.start_of_local_day() + NIGHT_ENDS
        records = [
            record
            for record in self._hass.data[LEDGER].newest_first(self._entry.entry_id)
            if record.over_at < ends
        ]
        recent = takewhile(lambda record: record.over_at >= ends - timedelta(days=1), records)
        new = (
            record.source is Source.DEVICE
            and record.counts
            and unaccustomed(record, records[at + 1 :])
            for at, record in enumerate(recent)
        )
        if any(new):
            await self._hass.data[PROPOSALS].async_ask_skin(self._entry.entry_id)

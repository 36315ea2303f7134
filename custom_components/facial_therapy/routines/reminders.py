"""What a person is reminded of by itself: a due evening, the next phase, and how their skin is.

When an evening is due, they are reminded, asked, or left alone, as they chose. If they
chose so, they are also asked how their skin is, the morning after a new or stronger session.
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
from ..text.notify import async_notify_person
from .proposals import EVENING, PROPOSALS, Proposal

REMIND: Final = "remind"
PROPOSE: Final = "propose"
WHEN_DUE: Final = ("off", REMIND, PROPOSE)
DUE: Final = "due"
PHASE: Final = "phase"
SKIN: Final = "skin"
MORNING: Final = range(8, 20)
"""Local hours in which a person is asked about the day before."""
NIGHT_ENDS: Final = timedelta(hours=4)
"""A session that ended by this local time belongs to the day before."""


class Reminders:
    """Reminds one person, of each thing once."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
        """Take the person's entry."""
        self._hass = hass
        self._entry = entry
        self.announced: dict[str, date] = {}
        """Evening, week and morning for which `DUE`, `PHASE` and `SKIN` were handled last.

        Saved with the plan, so that a restart repeats nothing.
        """

    async def async_check(self, evening: PlannedEvening | None, *, next_phase: bool) -> None:
        """Remind of a due evening once, and once a week of a next phase that is not accepted yet.

        Args:
            evening: The one that is due.
            next_phase: Whether a next phase is due.
        """
        await self._async_ask_skin()
        wish = self._entry.data.get(CONF_WHEN_DUE)
        if wish not in (REMIND, PROPOSE):
            return
        person_id, week = self._entry.entry_id, monday(dt_util.now().date())
        if next_phase and self.announced.get(PHASE) != week:
            self.announced[PHASE] = week
            await async_notify_person(self._hass, self._entry, "phase", f"phase_{person_id}")
        if evening is None or evening.day == self.announced.get(DUE):
            return
        self.announced[DUE] = evening.day
        if wish == PROPOSE:
            proposal = Proposal(
                what=EVENING,
                action="start_routine",
                data={"person": person_id},
                until=evening.closes_at,
                day=evening.day,
            )
            await self._hass.data[PROPOSALS].async_propose(person_id, proposal)
            return
        await async_notify_person(self._hass, self._entry, "due", f"due_{person_id}")

    async def _async_ask_skin(self) -> None:
        """Ask once a morning how the skin is, if yesterday's session was new to it."""
        now = dt_util.now()
        if (
            not self._entry.data.get(CONF_ASK_SKIN)
            or now.hour not in MORNING
            or self.announced.get(SKIN) == now.date()
        ):
            return
        self.announced[SKIN] = now.date()
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

"""What a person is asked: whether they want something now, with yes, later and skip, and how their skin is; and what follows from the answer.

A proposal starts nothing. Yes carries out the action that was proposed as whoever answers, who is asked for everything that an action is asked for;
the action arms, and the face starts the light.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
import secrets
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .core.model import RefusedError
from .notices import async_tell
from .people import REACTIONS, async_change_standing, find_person
from .spoken import explained
from .timers import Timers
from .words import async_words

ANSWERED: Final = "mobile_app_notification_action"
"""Event of a phone: one of the buttons of a notification was pressed."""
LATER: Final = timedelta(minutes=30)
"""When it is asked again."""
OPEN: Final = timedelta(hours=4)
"""How long yes is yes to something that no evening of a plan closes."""
EVENING: Final = "evening"
TITLE: Final = "Facial Therapy"
"""What a sentence is about that says only that the app says why."""


SKIN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({"fine": (), "so_so": ("skin_not_fine",), "not_fine": ("skin_not_fine", "redness")})
"""What each answer to how a skin is reports of it."""


class Answer(StrEnum):
    """A button."""

    YES = "yes"
    LATER = "later"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Something that a person may want now."""

    what: str
    """`mask`, `wand` or `evening`."""
    action: str
    data: Mapping[str, Any]
    """What yes carries out."""
    until: datetime
    """UTC; what is answered later is answered too late."""
    day: date | None = None
    """The evening of the plan that skip leaves out; None: nothing is planned."""


class Proposals:
    """The proposals that wait for an answer, at most one a person."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Listen to the answers."""
        self._hass = hass
        self._timers = Timers(hass)
        self._open: dict[str, tuple[str, Proposal]] = {}
        """Token and proposal, by the config entry of the person."""
        self._asked: dict[str, tuple[str, str]] = {}
        """Whom a button was shown to whose skin was asked after, and what it says. What is pressed is recorded, so a button is not called what it says."""
        hass.bus.async_listen(ANSWERED, self._async_answered)

    async def async_propose(self, person_id: str, proposal: Proposal) -> None:
        """Ask a person; what they were asked before is no longer asked."""
        self._timers.cancel(person_id)
        self._open[person_id] = secrets.token_hex(8), proposal
        await self._async_ask(person_id)

    async def async_ask_skin(self, person_id: str) -> None:
        """Ask a person how their skin is; what they were asked about it before is no longer asked."""
        self._forget(person_id)
        if (entry := self._entry(person_id)) is not None:
            buttons = {f"{DOMAIN}_{secrets.token_hex(8)}": said for said in SKIN}
            self._asked |= {press: (person_id, said) for press, said in buttons.items()}
            await async_tell(self._hass, entry, "skin", f"skin_{person_id}", buttons={press: f"skin_{said}" for press, said in buttons.items()})

    def _forget(self, person_id: str) -> None:
        self._asked = {press: asked for press, asked in self._asked.items() if asked[0] != person_id}

    def _take_down(self, person_id: str, said: str) -> None:
        """Keep what a person says of their skin, without an action, whose data would be recorded; it only ever makes it stricter."""
        self._forget(person_id)
        with suppress(RefusedError):  # the person has been removed
            for reaction in SKIN[said]:
                async_change_standing(self._hass, find_person(self._hass, person_id), REACTIONS[reaction])

    async def _async_ask(self, person_id: str) -> None:
        """Ask, or ask again."""
        token, proposal = self._open[person_id]
        if (entry := self._entry(person_id)) is None or proposal.until <= dt_util.utcnow():
            del self._open[person_id]
            return
        buttons = {f"{DOMAIN}_{answer}_{token}": f"propose_{answer}" for answer in Answer}
        await async_tell(self._hass, entry, f"propose_{proposal.what}", f"due_{person_id}", buttons=buttons)

    def _entry(self, person_id: str) -> ConfigEntry[Any] | None:
        return self._hass.config_entries.async_get_entry(person_id)

    async def _async_answered(self, event: Event[Any]) -> None:
        """Do what a button says; one of somebody else's notification is none of ours."""
        pressed = str(event.data.get("action"))
        if pressed in self._asked:
            self._take_down(*self._asked[pressed])
        for person_id, (token, proposal) in tuple(self._open.items()):
            for answer in Answer:
                if pressed == f"{DOMAIN}_{answer}_{token}":
                    await self._async_follow(person_id, proposal, answer, event.context)

    async def _async_follow(self, person_id: str, proposal: Proposal, answer: Answer, context: Context) -> None:
        if answer is Answer.LATER:
            self._timers.later(person_id, LATER.total_seconds(), lambda: self._ask_again(person_id))
            return
        self._timers.cancel(person_id)
        del self._open[person_id]
        if (entry := self._entry(person_id)) is None:
            return
        if answer is Answer.YES and proposal.until <= dt_util.utcnow():
            await async_tell(self._hass, entry, "propose_late", f"due_{person_id}")
        elif answer is Answer.YES:
            await self._async_act(entry, proposal.action, proposal.data, context)
        elif proposal.day is not None:
            await self._async_act(entry, "skip_planned", {"person": person_id, "date": proposal.day}, context)

    @callback
    def _ask_again(self, person_id: str) -> None:
        self._hass.async_create_task(self._async_ask(person_id), f"facial_therapy asks {person_id} again")

    async def _async_act(self, entry: ConfigEntry[Any], action: str, data: Mapping[str, Any], context: Context) -> None:
        """Carry out an action of ours as whoever answered, and tell them if it was refused: nothing of their health."""
        try:
            await self._hass.services.async_call(DOMAIN, action, dict(data), blocking=True, context=context)
        except HomeAssistantError as error:
            words = await async_words(self._hass, self._hass.config.language)
            with suppress(RefusedError):  # the person has been removed
                name = find_person(self._hass, entry.entry_id).name
                await async_tell(self._hass, entry, "propose_refused", f"due_{entry.entry_id}", why=explained(words, error, TITLE, name))


PROPOSALS: HassKey[Proposals] = HassKey(f"{DOMAIN}_proposals")

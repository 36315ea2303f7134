"""Questions to a person: start something now (yes, later, skip), and how their skin is.

A proposal starts nothing. Yes carries out the proposed action in the name of the person who
answers, with every check that the action has; the action arms, and the face starts the light.
Proposals are saved, so that an answer counts after a restart too.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
import secrets
from types import MappingProxyType
from typing import Any, Final

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.start import async_at_started
from homeassistant.util import dt as dt_util
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..core.refusal import RefusedError
from ..people.registry import REACTIONS, async_change_eligibility, find_person
from ..storage.guarded_store import GuardedStore
from ..text.notify import async_notify_person
from ..text.translator import async_translator, explained
from ..timers import Timers

ANSWERED: Final = "mobile_app_notification_action"
"""Event of a phone: a button of a notification was pressed."""
LATER: Final = timedelta(minutes=30)
"""How long after the answer later the question is repeated."""
OPEN: Final = timedelta(hours=4)
"""How long a proposal stays open that belongs to no evening of a plan."""
EVENING: Final = "evening"
TITLE: Final = "Facial Therapy"
"""Title of a refusal that only refers to the app."""


SKIN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {"fine": (), "so_so": ("skin_not_fine",), "not_fine": ("skin_not_fine", "redness")}
)
"""The reactions that each answer about the skin reports."""


class Answer(StrEnum):
    """A button."""

    YES = "yes"
    LATER = "later"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Something that a person may want now."""

    token: str = field(default_factory=lambda: secrets.token_hex(8))
    """Identifies its buttons."""
    what: str
    """`mask`, `wand` or `evening`."""
    action: str
    data: Mapping[str, Any]
    """Name and data of the action that yes carries out."""
    until: datetime
    """UTC; a later answer is too late."""
    day: date | None = None
    """The evening of the plan that skip skips; None: nothing is planned."""
    again_at: datetime | None = None
    """UTC; when the question is repeated, after the answer later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenProposals:
    """What the store holds."""

    by_person: Mapping[str, Proposal] = field(default_factory=lambda: MappingProxyType({}))
    """By the config entry of the person."""


class Proposals:
    """The proposals that wait for an answer, at most one per person."""

    def __init__(self, hass: HomeAssistant) -> None:
        """Listen for answers."""
        self._hass = hass
        self._timers = Timers(hass)
        self._store = GuardedStore(
            hass, "proposals", OpenProposals, OpenProposals, label="the open proposals"
        )
        self._open: dict[str, Proposal] = {}
        """By the config entry of the person."""
        self._asked: dict[str, tuple[str, str]] = {}
        """Person and answer of each button about the skin. A press is recorded, so the name of a
        button says nothing about the answer."""
        hass.bus.async_listen(ANSWERED, self._async_answered)

    async def async_load(self) -> None:
        """Restore the open proposals, and ask again at their time, once there are phones."""
        self._open = dict((await self._store.async_load()).by_person)

        @callback
        def set_timers(_hass: HomeAssistant) -> None:
            for person_id in self._open:
                self._set_timer(person_id)

        async_at_started(self._hass, set_timers)

    async def _async_keep(self, person_id: str, proposal: Proposal | None) -> None:
        """Replace and save the proposal of a person; None: they have none."""
        self._timers.cancel(person_id)
        self._open.pop(person_id, None)
        if proposal is not None:
            self._open[person_id] = proposal
            self._set_timer(person_id)
        await self._store.async_save(OpenProposals(by_person=self._open))

    def _set_timer(self, person_id: str) -> None:
        if (again_at := self._open[person_id].again_at) is not None:
            delay_s = max(0, (again_at - dt_util.utcnow()).total_seconds())
            self._timers.later(person_id, delay_s, lambda: self._ask_again(person_id))

    async def async_propose(self, person_id: str, proposal: Proposal) -> None:
        """Propose something to a person, in place of an earlier proposal."""
        await self._async_keep(person_id, proposal)
        await self._async_ask(person_id, proposal)

    async def async_forget(self, person_id: str) -> None:
        """Forget every question to a person who is removed or erased."""
        self._forget(person_id)
        await self._async_keep(person_id, None)

    async def async_ask_skin(self, person_id: str) -> None:
        """Ask a person how their skin is, in place of an earlier such question."""
        self._forget(person_id)
        if (entry := self._entry(person_id)) is not None:
            buttons = {f"{DOMAIN}_{secrets.token_hex(8)}": said for said in SKIN}
            self._asked |= {press: (person_id, said) for press, said in buttons.items()}
            await async_notify_person(
                self._hass,
                entry,
                "skin",
                f"skin_{person_id}",
                buttons={press: f"skin_{said}" for press, said in buttons.items()},
            )

    def _forget(self, person_id: str) -> None:
        self._asked = {
            press: asked for press, asked in self._asked.items() if asked[0] != person_id
        }

    def _report_skin(self, person_id: str, said: str) -> None:
        """Save an answer about the skin, which can only make limits stricter.

        No action is called for it: its data would be recorded.
        """
        self._forget(person_id)
        with suppress(RefusedError):  # the person has been removed
            for reaction in SKIN[said]:
                async_change_eligibility(
                    self._hass, find_person(self._hass, person_id), REACTIONS[reaction]
                )

    async def _async_ask(self, person_id: str, proposal: Proposal) -> None:
        """Send the question; a proposal that has expired is dropped."""
        if (entry := self._entry(person_id)) is None or proposal.until <= dt_util.utcnow():
            await self._async_keep(person_id, None)
            return
        buttons = {f"{DOMAIN}_{answer}_{proposal.token}": f"propose_{answer}" for answer in Answer}
        await async_notify_person(
            self._hass, entry, f"propose_{proposal.what}", f"due_{person_id}", buttons=buttons
        )

    def _entry(self, person_id: str) -> ConfigEntry[Any] | None:
        return self._hass.config_entries.async_get_entry(person_id)

    async def _async_answered(self, event: Event[Any]) -> None:
        """Carry out the answer of a button, if it is one of ours."""
        pressed = str(event.data.get("action"))
        if pressed in self._asked:
            self._report_skin(*self._asked[pressed])
        for person_id, proposal in tuple(self._open.items()):
            for answer in Answer:
                if pressed == f"{DOMAIN}_{answer}_{proposal.token}":
                    await self._async_follow(person_id, proposal, answer, event.context)

    async def _async_follow(
        self, person_id: str, proposal: Proposal, answer: Answer, context: Context
    ) -> None:
        if answer is Answer.LATER:
            await self._async_keep(person_id, replace(proposal, again_at=dt_util.utcnow() + LATER))
            return
        await self._async_keep(person_id, None)
        if (entry := self._entry(person_id)) is None:
            return
        if answer is Answer.YES and proposal.until <= dt_util.utcnow():
            await async_notify_person(self._hass, entry, "propose_late", f"due_{person_id}")
        elif answer is Answer.YES:
            await self._async_act(entry, proposal.action, proposal.data, context)
        elif proposal.day is not None:
            await self._async_act(
                entry, "skip_planned", {"person": person_id, "date": proposal.day}, context
            )

    @callback
    def _ask_again(self, person_id: str) -> None:
        self._hass.async_create_task(
            self._async_ask_again(person_id), f"facial_therapy asks {person_id} again"
        )

    async def _async_ask_again(self, person_id: str) -> None:
        if (proposal := self._open.get(person_id)) is not None:
            await self.async_propose(person_id, replace(proposal, again_at=None))

    async def _async_act(
        self, entry: ConfigEntry[Any], action: str, data: Mapping[str, Any], context: Context
    ) -> None:
        """Act for the person who answered; notify a refusal without health reasons."""
        try:
            await self._hass.services.async_call(
                DOMAIN, action, dict(data), blocking=True, context=context
            )
        except HomeAssistantError as error:
            words = await async_translator(self._hass, self._hass.config.language)
            with suppress(RefusedError):  # the person has been removed
                name = find_person(self._hass, entry.entry_id).name
                await async_notify_person(
                    self._hass,
                    entry,
                    "propose_refused",
                    f"due_{entry.entry_id}",
                    why=explained(words, error, TITLE, name),
                )


PROPOSALS: HassKey[Proposals] = HassKey(f"{DOMAIN}_proposals")

"""The lights, numbers and selects of a device: what they are set to, and what they do to a session."""

import asyncio
from dataclasses import replace
from math import floor
from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import Context, HomeAssistant

from ..const import LOGGER
from ..core import limits
from ..core.gate import bounds
from ..core.gate.resolve import BUILT_IN, NO_CUSTOM_PROGRAMS, Programs
from ..core.model import (
    MANUAL,
    ByChannel,
    Channel,
    Modality,
    Reason,
    Refusal,
    RefusedError,
    SessionParameters,
)
from ..core.session import SessionState
from ..devices.port import DeviceError
from ..people.programs import custom_programs
from ..people.registry import find_person
from .settings import Settings, SettingsStore
from .view import LiveSession, SessionRequest

if TYPE_CHECKING:
    from ..coordinator import FacialTherapyCoordinator


LOWER: Final = 0.75
"""What is left when somebody says that it is too much. Engineering judgement: clearly less, and
three times still a third."""


class Manual:
    """Everything about sessions whose numbers a person sets."""

    def __init__(self, hass: HomeAssistant, coordinator: FacialTherapyCoordinator) -> None:
        """Take the shell that it starts and stops sessions on."""
        self._hass = hass
        self._shell = coordinator
        self._store = SettingsStore(hass, coordinator.config_entry.entry_id)
        self._lock = asyncio.Lock()
        self.settings = Settings()

    async def async_load(self) -> None:
        """Take up what was chosen last."""
        self.settings = await self._store.async_load()

    @property
    def programs(self) -> list[str]:
        """The programs that have a recipe for the device, those of the chosen person included, and the one without."""
        known = (*BUILT_IN.values(), *self._own(self.settings.person_id).values())
        return [program.key for program in known if self._shell.modality in program.modalities] + [
            MANUAL
        ]

    def _own(self, person_id: str | None) -> Programs:
        """Return what a person has made; nothing as long as nobody is chosen."""
        try:
            return custom_programs(self._hass, find_person(self._hass, person_id).person_id)
        except RefusedError:
            return NO_CUSTOM_PROGRAMS

    def _keep(self, settings: Settings) -> None:
        self.settings = settings
        self._store.save(settings)
        self._shell.publish()

    async def async_set(self, **changes: Any) -> None:  # noqa: ANN401 - fields of Settings, of their own types
        """Change the settings; a lower intensity of a session that lives reaches it at once.

        Raises:
            RefusedError: Out of bounds, not manual, or `busy`: not while a session lives. Nothing
                has changed.
            DeviceError: The node did not answer.
        """
        if (person_id := changes.get("person_id")) is not None:
            changes["person_id"] = find_person(self._hass, person_id).person_id
        custom = self._own(changes.get("person_id", self.settings.person_id))
        if "person_id" in changes and self.settings.program not in (MANUAL, *BUILT_IN, *custom):
            changes.setdefault(
                "program", Settings().program
            )  # what somebody else has made is not for this person
        changed = self.settings.changed(self._shell.modality, custom, **changes)
        if (live := self._shell.live) is not None:
            if changes.keys() != {"current_ua"} or live.plan is None:
                raise RefusedError(Refusal(reason=Reason.BUSY))
            await self._async_set_levels(live, live.plan.request, {}, changed.current_ua)
            self._is_set(live, level_ua=changed.current_ua)
        self._keep(changed)

    def allowed_mw_cm2(self, channel: Channel) -> float:
        """Return what 100 % of a light is, nominal: the default irradiance over (1 + U), times the skin factor, no more than the node gives; 0 if unknown."""
        if (device := self._shell.device.description) is None:
            return 0
        try:
            person = find_person(self._hass, self.settings.person_id)
        except RefusedError:
            return 0
        return bounds.irradiance(channel, device, person).maximum

    def level_mw_cm2(self, channel: Channel) -> float:
        """Return what a light is set to, nominal."""
        return (
            floor(self.allowed_mw_cm2(channel) * self.settings.share.get(channel, 1) * 1000) / 1000
        )

    def selected(self) -> SessionRequest:
        """Return what the selects and numbers ask for.

        Raises:
            RefusedError: There is no such person.
        """
        if self.settings.program == MANUAL:
            return self.by_hand()
        return SessionRequest(
            person=find_person(self._hass, self.settings.person_id), program=self.settings.program
        )

    def by_hand(self) -> SessionRequest:
        """Return what the numbers ask for, whatever program is selected.

        Raises:
            RefusedError: There is no such person.
        """
        settings = self.settings
        if self._shell.modality is Modality.WAND:
            person = find_person(self._hass, settings.person_id)
            return SessionRequest(
                person=person,
                program=MANUAL,
                duration_s=settings.duration_s,
                current_ua=settings.current_ua,
                frequency_hz=settings.frequency_hz,
            )
        # The lights that somebody has set; before that red alone, which needs neither a shield nor
        # an answer about skin.
        chosen = tuple(channel for channel in self._shell.channels if channel in settings.share)
        return self._lit(
            chosen or tuple(channel for channel in self._shell.channels if channel is Channel.RED)
        )

    def _lit(self, channels: tuple[Channel, ...]) -> SessionRequest:
        return SessionRequest(
            person=find_person(self._hass, self.settings.person_id),
            program=MANUAL,
            duration_s=self.settings.duration_s,
            irradiance_mw_cm2={channel: self.level_mw_cm2(channel) for channel in channels},
        )

    async def async_turn_on(
        self, channel: Channel, share: float | None, context: Context | None = None
    ) -> None:
        """Start a manual session with this light, add it to one that is armed, or set it in one that runs.

        Raises:
            RefusedError: Another program is selected, the level would rise above what was
                permitted, or as starting does.
            DeviceError: The node did not answer.
        """
        async with self._lock:  # several lights of one action come at once
            live, before = self._shell.live, self.settings
            if before.program != MANUAL or (live is not None and live.program != MANUAL):
                raise RefusedError(Refusal(reason=Reason.NOT_MANUAL, field=f"channels.{channel}"))
            if share is not None:
                self._keep(
                    before.changed(self._shell.modality, share={**before.share, channel: share})
                )
            try:
                await self._async_light(channel, live, context)
            except RefusedError:
                self._keep(before)
                raise

    async def _async_light(
        self, channel: Channel, live: LiveSession | None, context: Context | None
    ) -> None:
        """Bring one light to what it is set to."""
        lit = {channel}
        if live is not None and live.plan is not None:
            lit |= live.lit_mw_cm2.keys()
            if channel in live.plan.request.irradiance_mw_cm2:
                levels = {**live.lit_mw_cm2, channel: self.level_mw_cm2(channel)}
                self._is_set(
                    live, level_mw_cm2=levels
                )  # before the node is asked, as when one goes off
                try:
                    await self._async_set_levels(live, live.plan.request, levels, 0)
                except RefusedError:
                    self._is_set(live, level_mw_cm2=live.level_mw_cm2)
                    raise
                return
            if (
                self._shell.state is SessionState.ARMED
            ):  # nothing has flowed: arm anew with all of them
                await self._shell.async_stop(context)
        await self._shell.async_start(
            self._lit(tuple(each for each in self._shell.channels if each in lit)), context
        )

    async def async_turn_off(self, channel: Channel, context: Context | None = None) -> None:
        """Turn one light of a session off; the last one ends the session.

        Raises:
            DeviceError: `stop_unconfirmed`.
        """
        live = self._shell.live
        if live is None or live.plan is None or channel not in live.lit_mw_cm2:
            return
        rest = {each: level for each, level in live.lit_mw_cm2.items() if each is not channel}
        self._is_set(
            live, level_mw_cm2=rest
        )  # before the node is asked: lights of one action go off at once, and the last of them has to see that it is
        if rest and self._shell.state is not SessionState.ARMED:
            try:
                await self._async_set_levels(live, live.plan.request, rest, 0)
            except (RefusedError, DeviceError) as error:
                LOGGER.debug("stopping, since one light could not be turned off alone: %s", error)
            else:
                return
        await self._shell.async_stop(context)

    async def async_lower(self) -> None:
        """Set what flows, or is armed, to three quarters of what it is set to.

        Raises:
            RefusedError: Nothing runs (`wrong_state`), or a current would be below its minimum.
                Nothing has changed.
            DeviceError: The node did not answer.
        """
        async with self._lock:
            live = self._shell.live
            if (
                live is None
                or live.plan is None
                or self._shell.state not in (SessionState.ARMED, SessionState.RUNNING)
            ):
                raise RefusedError(Refusal(reason=Reason.WRONG_STATE, detail=self._shell.state))
            request = live.plan.request
            if request.current_ua is None:
                levels = {
                    channel: floor(level * LOWER * 1000) / 1000
                    for channel, level in live.lit_mw_cm2.items()
                }
                await self._async_set_levels(live, request, levels, 0)
                self._is_set(live, level_mw_cm2=levels)
                return
            current_ua, least = (
                floor((live.level_ua or request.current_ua) * LOWER),
                limits.CURRENT.default,
            )
            if current_ua < least.minimum:
                raise RefusedError(
                    Refusal(
                        reason=Reason.OUT_OF_BOUNDS,
                        field="current_ua",
                        minimum=least.minimum,
                        maximum=least.maximum,
                        unit=least.unit,
                    )
                )
            await self._async_set_levels(live, request, {}, current_ua)
            self._is_set(live, level_ua=current_ua)

    def _is_set(self, live: LiveSession, **levels: Any) -> None:  # noqa: ANN401 - fields of LiveSession, of their own types
        """Remember what a session was set to by hand, unless it is over."""
        now = self._shell.live
        if now is not None and now.session_id == live.session_id:
            self._shell.live = replace(now, **levels)
            self._shell.publish()

    async def _async_set_levels(
        self,
        live: LiveSession,
        request: SessionParameters,
        irradiance_mw_cm2: ByChannel,
        current_ua: float,
    ) -> None:
        """Set the levels of a living session, under the peaks that were permitted."""
        for channel, level in irradiance_mw_cm2.items():
            if level > (peak := request.irradiance_mw_cm2.get(channel, 0)):
                raise RefusedError(
                    Refusal(
                        reason=Reason.OUT_OF_BOUNDS,
                        field=f"channels.{channel}",
                        minimum=0,
                        maximum=peak,
                        unit="mW/cm²",
                    )
                )
        if current_ua > (request.current_ua or 0):
            raise RefusedError(
                Refusal(
                    reason=Reason.OUT_OF_BOUNDS,
                    field="current_ua",
                    minimum=1,
                    maximum=request.current_ua,
                    unit="µA",
                )
            )
        await self._shell.device.async_set_levels(
            live.session_id, irradiance_mw_cm2=irradiance_mw_cm2, current_ua=current_ua
        )

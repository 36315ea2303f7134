"""The lights, numbers and selects of a device: the requests that they stand for.

Nothing here sends a command: a request to the engine is a value that the coordinator carries
out.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import floor
from typing import Any, Final

from ..core import limits
from ..core.device import Device
from ..core.gate import bounds
from ..core.gate.request import SessionRequest
from ..core.model import NO_LIGHT, ByChannel, Channel, Modality
from ..core.person import Person
from ..core.recipes import BUILT_IN, Programs
from ..core.refusal import Reason, Refusal, RefusedError
from ..core.session import SessionState
from ..core.session_parameters import MANUAL
from .settings import Settings
from .view import LiveSession, SessionView

LOWER: Final = 0.75
"""Share of the level that "too much" leaves. Engineering judgement: clearly less, and after three
times still more than a third."""


@dataclass(frozen=True, slots=True)
class SetLevels:
    """Set the levels of the live session, nominal; a channel that is not named goes off."""

    live: LiveSession
    irradiance_mw_cm2: ByChannel = NO_LIGHT
    current_ua: float = 0


@dataclass(frozen=True, slots=True)
class Start:
    """Start a session, after stopping one that is armed."""

    request: SessionRequest
    stop_first: bool


@dataclass(frozen=True, slots=True)
class Stop:
    """Stop the session."""


class Controls:
    """Everything about sessions whose numbers a person sets."""

    def __init__(
        self,
        modality: Modality,
        channels: tuple[Channel, ...],
        *,
        find_person: Callable[[str | None], Person],
        custom_programs: Callable[[str], Programs],
        description: Callable[[], Device | None],
    ) -> None:
        """Take what it looks at; the settings are the defaults."""
        self._modality = modality
        self._channels = channels
        self._find_person = find_person
        self._custom_programs = custom_programs
        self._description = description
        self.settings = Settings()

    @property
    def person_id(self) -> str | None:
        """The config entry of the selected person; None while it is not clear who it is."""
        try:
            return self._find_person(self.settings.person_id).person_id
        except RefusedError:
            return None

    @property
    def programs(self) -> list[str]:
        """The keys of the programs that suit the device, the selected person's own included."""
        known = (*BUILT_IN.values(), *self._custom(self.settings.person_id).values())
        suiting = [program.key for program in known if self._modality in program.modalities]
        return [*suiting, MANUAL]

    def _custom(self, person_id: str | None) -> Programs:
        """Return the custom programs of a person; none while no person is clear."""
        try:
            return self._custom_programs(self._find_person(person_id).person_id)
        except RefusedError:
            return {}

    def changed(self, **changes: Any) -> Settings:  # noqa: ANN401 - fields of Settings
        """Return the settings with changes; the settings themselves stay.

        Raises:
            RefusedError: Out of bounds, not manual, an unknown program or person.
        """
        if (person_id := changes.get("person_id")) is not None:
            changes["person_id"] = self._find_person(person_id).person_id
        custom = self._custom(changes.get("person_id", self.settings.person_id))
        known = (MANUAL, *BUILT_IN, *custom)
        if "person_id" in changes and self.settings.program not in known:
            changes.setdefault("program", Settings().program)  # another person's custom program
        return self.settings.changed(self._modality, custom, **changes)

    def live_change(self, settings: Settings, names: Iterable[str], view: SessionView) -> SetLevels:
        """Return what a change of the settings means for the live session.

        Raises:
            RefusedError: `busy`: only a lower current reaches a live session.
        """
        live = view.live
        if live is None or live.permitted is None or set(names) != {"current_ua"}:
            raise RefusedError(Refusal(reason=Reason.BUSY))
        return self._checked(SetLevels(live, current_ua=settings.current_ua))

    def allowed_mw_cm2(self, channel: Channel) -> float:
        """Return the nominal irradiance that 100 % of a light stands for; 0 if it is not known.

        The default irradiance over (1 + U), times the skin factor, at most what the node can give.
        """
        if (device := self._description()) is None:
            return 0
        try:
            person = self._find_person(self.settings.person_id)
        except RefusedError:
            return 0
        return bounds.irradiance(channel, device, person).maximum

    def level_mw_cm2(self, channel: Channel) -> float:
        """Return the nominal level of a light, rounded down to whole µW/cm²."""
        share = self.settings.share.get(channel, 1)
        return floor(self.allowed_mw_cm2(channel) * share * 1000) / 1000

    def selected(self) -> SessionRequest:
        """Return the request that the selects and numbers stand for.

        Raises:
            RefusedError: There is no such person.
        """
        if self.settings.program == MANUAL:
            return self.manual()
        person = self._find_person(self.settings.person_id)
        return SessionRequest(person=person, program=self.settings.program)

    def manual(self) -> SessionRequest:
        """Return the request that the numbers stand for, whatever program is selected.

        Raises:
            RefusedError: There is no such person.
        """
        settings = self.settings
        if self._modality is Modality.WAND:
            return SessionRequest(
                person=self._find_person(settings.person_id),
                program=MANUAL,
                duration_s=settings.duration_s,
                current_ua=settings.current_ua,
                frequency_hz=settings.frequency_hz,
            )
        # The lights that somebody has set; before that red alone, which needs neither an eye shield
        # nor an answer about skin.
        chosen = tuple(channel for channel in self._channels if channel in settings.share)
        return self._lights(chosen or (Channel.RED,))

    def _lights(self, channels: Iterable[Channel]) -> SessionRequest:
        lit = set(channels)
        return SessionRequest(
            person=self._find_person(self.settings.person_id),
            program=MANUAL,
            duration_s=self.settings.duration_s,
            irradiance_mw_cm2={
                channel: self.level_mw_cm2(channel) for channel in self._channels if channel in lit
            },
        )

    def light_settings(self, channel: Channel, share: float | None, view: SessionView) -> Settings:
        """Return the settings with the share of a light that is turned on.

        Raises:
            RefusedError: `not_manual` while a program is selected or running, or out of bounds.
        """
        live = view.live
        if self.settings.program != MANUAL or (live is not None and live.program != MANUAL):
            raise RefusedError(Refusal(reason=Reason.NOT_MANUAL, field=f"channels.{channel}"))
        if share is None:
            return self.settings
        shares = {**self.settings.share, channel: share}
        return self.settings.changed(self._modality, share=shares)

    def light_on(self, channel: Channel, view: SessionView) -> SetLevels | Start:
        """Return what turning a light on asks of the engine, by the settings as they are now.

        Raises:
            RefusedError: The level is above the permitted peak, or there is no such person.
        """
        live, lit = view.live, {channel}
        if live is not None and live.permitted is not None:
            if channel in live.permitted.request.irradiance_mw_cm2:
                levels = {**live.lit_mw_cm2, channel: self.level_mw_cm2(channel)}
                return self._checked(SetLevels(live, levels))
            lit |= live.lit_mw_cm2.keys()
        return Start(self._lights(lit), stop_first=view.state is SessionState.ARMED)

    def light_off(self, channel: Channel, view: SessionView) -> SetLevels | Stop | None:
        """Return what turning a light off asks of the engine; the last light ends the session."""
        live = view.live
        if live is None or live.permitted is None or channel not in live.lit_mw_cm2:
            return None
        rest = {one: level for one, level in live.lit_mw_cm2.items() if one is not channel}
        if not rest or view.state is SessionState.ARMED:
            return Stop()
        return SetLevels(live, rest)

    def lower(self, view: SessionView) -> SetLevels:
        """Return the levels of the live session, lowered to three quarters.

        Raises:
            RefusedError: `wrong_state` if nothing runs, `out_of_bounds` if a current would be below
                its minimum. Nothing has changed.
        """
        live, state = view.live, view.state
        if live is None or live.permitted is None:
            raise RefusedError(Refusal(reason=Reason.WRONG_STATE, detail=state))
        if state not in (SessionState.ARMED, SessionState.RUNNING):
            raise RefusedError(Refusal(reason=Reason.WRONG_STATE, detail=state))
        request = live.permitted.request
        if request.current_ua is None:
            levels = {
                channel: floor(level * LOWER * 1000) / 1000
                for channel, level in live.lit_mw_cm2.items()
            }
            return SetLevels(live, levels)
        current_ua = floor((live.level_ua or request.current_ua) * LOWER)
        least = limits.CURRENT.default
        if current_ua < least.minimum:
            raise RefusedError(_outside("current_ua", least.minimum, least.maximum, least.unit))
        return SetLevels(live, current_ua=current_ua)

    @staticmethod
    def _checked(levels: SetLevels) -> SetLevels:
        """Return levels that are within the peaks that the gate permitted.

        Raises:
            RefusedError: One is above its peak, with the peak.
        """
        permitted = levels.live.permitted
        if permitted is None:
            return levels
        request = permitted.request
        for channel, level in levels.irradiance_mw_cm2.items():
            if level > (peak := request.irradiance_mw_cm2.get(channel, 0)):
                raise RefusedError(_outside(f"channels.{channel}", 0, peak, "mW/cm²"))
        if levels.current_ua > (peak_ua := request.current_ua or 0):
            raise RefusedError(_outside("current_ua", 1, peak_ua, "µA"))
        return levels


def _outside(field: str, minimum: float, maximum: float, unit: str) -> Refusal:
    return Refusal(
        reason=Reason.OUT_OF_BOUNDS, field=field, minimum=minimum, maximum=maximum, unit=unit
    )

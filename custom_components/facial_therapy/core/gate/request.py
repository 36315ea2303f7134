"""What a caller asks for, and the same in the numbers that the rules compare."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from .. import limits
from ..dose import planned, worst_case_at
from ..limits import number
from ..model import ByChannel, Channel, Dose
from ..person import Person
from ..session_parameters import SessionParameters
from .measure import Amounts, amounts
from .situation import Situation


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRequest:
    """What somebody asks for, before it is resolved for the person and the device."""

    person: Person
    program: str
    """Key of a program, or `MANUAL`: then the numbers count."""
    duration_s: float | None = None
    """A manual request needs it: without it the gate answers `out_of_bounds`."""
    irradiance_mw_cm2: Mapping[Channel, float] | None = None
    current_ua: float | None = None
    frequency_hz: float | None = None
    window_s: float | None = None
    """The arming window; None: the default one."""
    gel_rinsed: bool = False
    """The person has confirmed that the gel of the wand is off."""
    wait_s: float | None = None
    """How long to wait for the device if it is off; None: not at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalizedRequest:
    """A request whose numbers are finite, or NaN for anything that is not a number."""

    parameters: SessionParameters
    """As they were asked for."""
    light: ByChannel
    """Nominal mW/cm², the channels that exist at all."""
    on: ByChannel
    """Those with a level above zero; the rule of the single channel refuses the rest."""
    duration_s: float
    current_ua: float | None
    frequency_hz: float | None
    window_s: float
    """The arming window."""
    planned: Dose
    """Nominal dose of the whole session."""
    worst_case: Dose
    """What the limits compare."""
    amounts: Amounts
    """What it adds to every window."""


def normalized(
    request: SessionParameters, situation: Situation, window_s: float | None
) -> NormalizedRequest:
    """Return a request in the numbers that the rules compare.

    Args:
        request: Nothing of it needs to have been checked.
        situation: Its device turns the nominal dose into the worst case.
        window_s: The arming window in seconds; None for the default one.
    """
    light = {
        Channel(channel): number(level)
        for channel, level in request.irradiance_mw_cm2.items()
        if channel in tuple(Channel)
    }
    duration_s = number(request.duration_s)
    current_ua = None if request.current_ua is None else number(request.current_ua)
    nominal = planned(
        replace(request, duration_s=duration_s, irradiance_mw_cm2=light, current_ua=current_ua)
    )
    worst = worst_case_at(nominal, situation.device.grade, situation.scale.uncertainty)
    default_window_s = limits.WINDOW_S[situation.device.modality].default.maximum
    return NormalizedRequest(
        parameters=request,
        light=light,
        on={channel: level for channel, level in light.items() if level > 0},
        duration_s=duration_s,
        current_ua=current_ua,
        frequency_hz=None if request.frequency_hz is None else number(request.frequency_hz),
        window_s=default_window_s if window_s is None else number(window_s),
        planned=nominal,
        worst_case=worst,
        amounts=amounts(worst, 1, duration_s),
    )

"""The gate: may this session start now?

Every question is one evaluation of `CONSTRAINTS`. Nothing here changes a number: a request that
does not fit is refused, with what would fit.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
import math
from types import MappingProxyType
from typing import Final

from ..device import Device
from ..dose import planned, worst_case
from ..ledger.history import History
from ..limits import LEASE_S, SKIN_FACTOR
from ..model import Channel, Modality
from ..person import Person
from ..refusal import Reason, Refusal, Refused
from ..session_parameters import PermittedSession, SessionParameters
from . import bounds, budget, device_rules, eligibility, session_rules
from .request import NormalizedRequest, normalized, window_or_default
from .situation import Situation
from .windows import WINDOWS

type Constraint = Callable[[NormalizedRequest, Situation], Iterator[Refusal]]
"""A rule: reasons against a request in a situation. It knows nothing of the other rules, so one
more can only tighten."""


def _whatever_is_asked(rule: Callable[[Situation], Iterator[Refusal]]) -> Constraint:
    """Make a constraint of a rule that looks at the situation alone."""
    return lambda _request, situation: rule(situation)


def _by_name(*rules: Callable[[Situation], Iterator[Refusal]]) -> dict[str, Constraint]:
    return {rule.__name__: _whatever_is_asked(rule) for rule in rules}


CONSTRAINTS: Final[Mapping[str, Constraint]] = MappingProxyType(
    {
        **{rule.__name__: rule for rule in session_rules.CONSTRAINTS},
        **_by_name(*eligibility.CONSTRAINTS),
        **_by_name(*device_rules.CONSTRAINTS),
        **{rule.__name__: rule for rule in device_rules.NODE_CONSTRAINTS},
        **budget.CONSTRAINTS,
    }
)
"""Every rule of a start by its name. The order is the order of refusals that hold equally long:
errors of the request itself come before reasons that pass."""


def permit(
    request: SessionParameters, situation: Situation, *, window_s: float | None = None
) -> PermittedSession | Refused:
    """Decide whether a session may start now.

    Args:
        request: The request in physical units, a program already resolved. Nothing of it
            needs to have been checked.
        situation: Device, person, history and time.
        window_s: How long the armed device waits to be put on, in seconds; None for the default
            one, an automation may ask for up to the hard limit.

    Returns:
        The permitted session with exactly this request, or every reason against it, the refusal
        that holds longest first. Nothing has changed either way.

    Source: docs/safety.md, every row that is enforced in core.
    """
    asked = normalized(request, situation.device, window_s)
    found = ordered(
        refusal for constraint in CONSTRAINTS.values() for refusal in constraint(asked, situation)
    )
    if found:
        return Refused(found)
    nominal = planned(request)
    return PermittedSession(
        request=request,
        planned=nominal,
        worst_case=worst_case(nominal, situation.device),
        skin_factor=SKIN_FACTOR[situation.person.skin_type],
        lease_s=LEASE_S[situation.device.modality],
        window_s=window_or_default(situation.device, window_s),
    )


def eligible(situation: Situation) -> tuple[Refusal, ...]:
    """Return why this person may not be treated at all now; empty if they may."""
    return ordered(refusal for rule in eligibility.CONSTRAINTS for refusal in rule(situation))


def by_itself(request: SessionParameters, device: Device, now: datetime) -> tuple[Refusal, ...]:
    """Return the errors of a request by itself, without history and the device's state.

    A custom program is checked with it, which is for any later day. `permit` asks the same rules.
    """
    situation = Situation(
        device=device,
        telemetry=None,
        person=request.person,
        history=History(at=now),
        now=now,
    )
    asked = normalized(request, device, None)
    return tuple(
        refusal for rule in session_rules.CONSTRAINTS for refusal in rule(asked, situation)
    )


def lasting(refused: Refused, until: datetime) -> tuple[Refusal, ...]:
    """Return the refusals that remain until a time even if the device comes back.

    Args:
        refused: The answer for the device as it is now.
        until: How long somebody is ready to wait; UTC and aware.
    """
    return tuple(
        refusal
        for refusal in refused.refusals
        if refusal.reason is not Reason.DEVICE_OFFLINE
        and not (refusal.allowed_at is not None and refusal.allowed_at <= until)
    )


def used(
    person: Person, modality: Modality, now: datetime, *, history: History, window: str
) -> tuple[float, float, str]:
    """Return what a person has used of a window, for a picture of it; `permit` says what may start.

    Args:
        person: Whose budget it is.
        modality: Light or current.
        now: UTC and aware.
        history: What the person has had, on every device.
        window: Key of `windows.WINDOWS`.

    Returns:
        The dose delivered inside the window, its ceiling, and the unit of both; doses in the
        worst case.
    """
    rule = WINDOWS[window]
    situation = Situation(
        device=bounds.best_device(modality, tuple(Channel)),
        telemetry=None,
        person=person,
        history=history,
        now=now,
    )
    return *rule.filled(situation), rule.unit


def ordered(found: Iterable[Refusal]) -> tuple[Refusal, ...]:
    """Return refusals with the one that holds longest first.

    Those that no time takes away come first, then later times before earlier ones; what holds
    equally long keeps its order.
    """
    return tuple(
        sorted(
            found,
            key=lambda refusal: (
                -math.inf if refusal.allowed_at is None else -refusal.allowed_at.timestamp()
            ),
        )
    )

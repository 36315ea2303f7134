"""The gate and the watch: may it start, and is what runs what was planned.

`permit` asks every constraint and gives all answers. Nothing here changes a number: what does not
fit is refused, with what would.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
import math
from typing import Final, cast

from ..dose import charge_ma_min, fluence_j_cm2, planned, worst_case
from ..ledger.record import History
from ..limits import (
    LEASE_S,
    SKIN_FACTOR,
    TELEMETRY_IDLE_STALE_S,
    TELEMETRY_STALE_S,
    TEMPERATURE_LATCH_C,
    TEMPERATURE_STOP_C,
    WINDOW_S,
    number,
)
from ..model import (
    Channel,
    Device,
    Dose,
    Fault,
    Modality,
    NodeState,
    PermittedSession,
    Person,
    Reason,
    Refusal,
    RefusedError,
    SessionParameters,
    Telemetry,
)
from . import eligibility
from .budget import WINDOWS, Claim, Rule, Window
from .request import REQUEST, Case, Constraint, Moment, Turn

FUTURE: Final = timedelta(seconds=1)
"""A report may be this far ahead of the clock; one further ahead counts as none."""
DELIVERED_SHARE: Final = 1.02
"""A node that reports more than this share of the plan, and a second of it on top (its reports come
every second), has gone wrong."""
LEVEL_SHARE: Final = 1.01
"""A level above this share of the plan's peak has gone wrong."""
OUTPUT_OVER_S: Final = 2
"""Output for longer than the plan and this has gone wrong. Source of the three: engineering
judgement, docs/safety.md, "Watched by Home Assistant"."""


# --- the moment -----------------------------------------------------------------------------------


def stale(telemetry: Telemetry, modality: Modality, state_lives: bool, now: datetime) -> bool:  # noqa: FBT001 - the word of `session.State.lives`
    """Tell whether a report is too old to act on, or from the future.

    Args:
        telemetry: The newest report.
        modality: Of its device.
        state_lives: Whether a session lives: then the node reports every second, else every 10 s.
        now: UTC and aware.

    Returns:
        True beyond 5 s (mask) or 3 s (wand) while a session lives, beyond 30 s otherwise, and for a
        report from more than 1 s ahead.
    """
    age = now - telemetry.received_at
    return (
        not -FUTURE
        <= age
        <= timedelta(seconds=TELEMETRY_STALE_S[modality] if state_lives else TELEMETRY_IDLE_STALE_S)
    )


def _online(moment: Moment) -> Iterator[Refusal]:
    if moment.telemetry is None:
        yield Refusal(reason=Reason.DEVICE_OFFLINE)


def _fresh(moment: Moment) -> Iterator[Refusal]:
    if moment.telemetry is not None and stale(
        moment.telemetry, moment.device.modality, _lives(moment.telemetry), moment.now
    ):
        yield Refusal(reason=Reason.STALE_TELEMETRY)


def _sound(moment: Moment) -> Iterator[Refusal]:
    if moment.telemetry is not None and (
        moment.telemetry.fault is not None or moment.telemetry.state is NodeState.FAULT
    ):
        yield Refusal(reason=Reason.FAULTED, detail=moment.telemetry.fault or Fault.UNKNOWN)


def _unplugged(moment: Moment) -> Iterator[Refusal]:
    if moment.telemetry is not None and moment.telemetry.charging:
        yield Refusal(reason=Reason.CHARGING)


def _free(moment: Moment) -> Iterator[Refusal]:
    if moment.telemetry is not None and _lives(moment.telemetry):
        yield Refusal(reason=Reason.BUSY)


def _cool(moment: Moment) -> Iterator[Refusal]:
    """L21: 38 °C and 39 °C warn, 40 °C refuses. A mask without a temperature never starts; a wand need not have one."""
    if moment.telemetry is None:
        return
    temperature_c = moment.telemetry.temperature_c
    if temperature_c is None:
        if moment.device.modality is Modality.MASK:
            yield Refusal(reason=Reason.SENSOR_NOT_READY, field="temperature")
    elif not math.isfinite(temperature_c):
        yield Refusal(reason=Reason.SENSOR_NOT_READY, field="temperature")
    elif temperature_c >= TEMPERATURE_STOP_C:
        yield Refusal(
            reason=Reason.TOO_HOT, maximum=TEMPERATURE_STOP_C, unit="°C", detail=str(temperature_c)
        )


def _lives(telemetry: Telemetry) -> bool:
    """Whether the node has a session; a latched fault has ended it."""
    return telemetry.state not in (NodeState.IDLE, NodeState.FAULT)


READINESS: Final[tuple[Callable[[Moment], Iterator[Refusal]], ...]] = (
    _online,
    _fresh,
    _sound,
    _unplugged,
    _free,
    _cool,
)
"""What stands against any start now. Being worn does not: the edge that starts the light comes
after arming, and a sensor that is stuck is the node's fault to report."""

CONSTRAINTS: Final[tuple[Constraint, ...]] = (*REQUEST, *eligibility.CONSTRAINTS, *READINESS)
"""Every rule of a start that looks at request, person and device. The order is the order of
refusals that would hold equally long: what the request itself gets wrong comes before what passes
by."""

BUDGET: Final[tuple[Rule, ...]] = tuple(WINDOWS.values())
"""Every rule of a start that looks at what the person has been given."""

LEAST: Final = Dose(fluence_j_cm2={Channel.RED: 1e-6}, charge_ma_min=1e-5)
"""The smallest session that there is, charged: where not even that fits, nothing could start."""


# --- the gate -------------------------------------------------------------------------------------


def permit(  # noqa: PLR0913 - all that a start depends on
    request: SessionParameters,
    device: Device,
    telemetry: Telemetry | None,
    now: datetime,
    *,
    history: History,
    window_s: float | None = None,
) -> PermittedSession:
    """Return the plan for a request, if it may start now.

    Args:
        request: What is asked for, in physical units, a built-in program already resolved. Nothing
            of it needs to have been checked.
        device: What is to give it.
        telemetry: The newest report of the device; None if it is not connected.
        now: UTC and aware.
        history: What the person has been given, on every device.
        window_s: How long the armed device may wait to be put on, in seconds; None for the default,
            an automation may ask for up to the hard limit.

    Returns:
        The plan. `request` is the very one that was asked for; `planned` and `worst_case` have one
        entry per channel, the same channels.

    Raises:
        RefusedError: It may not start; `refusals` says all of why. Nothing has changed.

    Source: docs/safety.md, every row that is enforced in core.
    """
    found = refusals(request, device, telemetry, now, history=history, window_s=window_s)
    if found:
        raise RefusedError(*found)
    nominal = planned(request)
    return PermittedSession(
        request=request,
        planned=nominal,
        worst_case=worst_case(nominal, device),
        skin_factor=SKIN_FACTOR[request.person.skin_type],
        lease_s=LEASE_S[device.modality],
        window_s=_window(device, window_s),
    )


def refusals(  # noqa: PLR0913 - all that a start depends on
    request: SessionParameters,
    device: Device,
    telemetry: Telemetry | None,
    now: datetime,
    *,
    history: History,
    window_s: float | None = None,
) -> tuple[Refusal, ...]:
    """Return all that speaks against a request now, the binding refusal first; empty if it may start. Arguments as for `permit`."""
    case = _case(request, device, telemetry, now, ledger_at=history.at, window_s=window_s)
    claim = Claim(
        modality=device.modality,
        person=request.person,
        history=history,
        now=now,
        adding=worst_case(
            planned(
                replace(
                    request,
                    duration_s=case.duration_s,
                    irradiance_mw_cm2=case.light,
                    current_ua=case.current_ua,
                )
            ),
            device,
        ),
        duration_s=case.duration_s,
        gel_rinsed=request.gel_rinsed,
    )
    return ordered(
        (
            *(refusal for rule in CONSTRAINTS for refusal in rule(case)),
            *(refusal for rule in BUDGET for refusal in rule(claim)),
        )
    )


def by_itself(request: SessionParameters, device: Device, now: datetime) -> tuple[Refusal, ...]:
    """Return all that a request itself gets wrong for its person on a device, whatever was given before and whatever the device is doing; else nothing."""
    return tuple(
        refusal
        for rule in REQUEST
        for refusal in rule(_case(request, device, None, now, ledger_at=now))
    )


def readiness(
    device: Device, telemetry: Telemetry | None, now: datetime, person: Person
) -> tuple[Refusal, ...]:
    """Return all that speaks against any start of a person on a device now, the binding refusal first; empty if something could start."""
    turn = Turn(device=device, telemetry=telemetry, now=now, person=person)
    return ordered(
        refusal
        for constraint in (*eligibility.CONSTRAINTS, *READINESS)
        for refusal in constraint(turn)
    )


def budget(
    person: Person, modality: Modality, now: datetime, *, history: History
) -> tuple[Refusal, ...]:
    """Return all that speaks against giving a person anything of a modality now, the binding refusal first.

    Args:
        person: Whose budget it is.
        modality: Light or current.
        now: UTC and aware.
        history: What the person has been given, on every device.

    Returns:
        Refusals with the moment at which the smallest session would no longer be refused; empty if
        something could start. Whether the gel is rinsed off is asked at the start only.
    """
    claim = Claim(
        modality=modality,
        person=person,
        history=history,
        now=now,
        adding=LEAST,
        duration_s=1,
        gel_rinsed=True,
    )
    return ordered(refusal for rule in BUDGET for refusal in rule(claim))


def used(
    person: Person, modality: Modality, now: datetime, *, history: History, window: str
) -> tuple[float, float, str]:
    """Return what a person has used of a window, for a picture of it; what may start is for `permit` to say.

    Args:
        person: Whose budget it is.
        modality: Light or current.
        now: UTC and aware.
        history: What the person has been given, on every device.
        window: Key of `windows.WINDOWS`, of a rule that is a `Window`.

    Returns:
        What was given inside it, its ceiling, and the unit of both; light and current charged.
    """
    rule = cast("Window", WINDOWS[window])
    claim = Claim(
        modality=modality,
        person=person,
        history=history,
        now=now,
        adding=LEAST,
        duration_s=1,
        gel_rinsed=True,
    )
    return *rule.filled(claim), rule.unit


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


def _case(  # noqa: PLR0913 - all that a case is made of
    request: SessionParameters,
    device: Device,
    telemetry: Telemetry | None,
    now: datetime,
    *,
    ledger_at: datetime,
    window_s: float | None = None,
) -> Case:
    """Return a request as the constraints see it."""
    return Case(
        device=device,
        telemetry=telemetry,
        now=now,
        person=request.person,
        ledger_at=ledger_at,
        request=request,
        light={
            Channel(channel): number(level)
            for channel, level in request.irradiance_mw_cm2.items()
            if channel in tuple(Channel)
        },
        duration_s=number(request.duration_s),
        current_ua=None if request.current_ua is None else number(request.current_ua),
        frequency_hz=None if request.frequency_hz is None else number(request.frequency_hz),
        window_s=number(_window(device, window_s)),
    )


def _window(device: Device, window_s: float | None) -> float:
    return WINDOW_S[device.modality].default.maximum if window_s is None else window_s


# --- the watch ------------------------------------------------------------------------------------


def watch(plan: PermittedSession, telemetry: Telemetry, now: datetime) -> Fault | None:  # noqa: ARG001 - supervision by the clock must not change every caller
    """Return what is wrong with a live session, by the newest report of its node.

    Args:
        plan: What was permitted.
        telemetry: Of the node, of this session. It is believed whatever its age: an old report of
            something wrong is still one (see `stale` for silence).
        now: UTC and aware.

    Returns:
        The node's own fault (`unknown` if this release has no word for it); `temperature_sensor`
        or, from 41 °C, `over_temperature`; `overdose` for more dose, level or time than planned, or
        for any number of these that is none; else None.

    Source: docs/safety.md, "Watched by Home Assistant".
    """
    if telemetry.fault is not None or telemetry.state is NodeState.FAULT:
        return telemetry.fault or Fault.UNKNOWN
    if telemetry.temperature_c is not None and not math.isfinite(telemetry.temperature_c):
        return Fault.TEMPERATURE_SENSOR
    if telemetry.temperature_c is not None and telemetry.temperature_c >= TEMPERATURE_LATCH_C:
        return Fault.OVER_TEMPERATURE
    if all(value <= most for value, most in _allowances(plan, telemetry)):  # NaN is never
        return None
    return Fault.OVERDOSE


def _allowances(plan: PermittedSession, telemetry: Telemetry) -> Iterator[tuple[float, float]]:
    """Yield (reported, at most) for time, and for level and dose of everything that the node reports."""
    request = plan.request
    yield telemetry.output_s, request.duration_s + OUTPUT_OVER_S
    for channel, level in telemetry.level_mw_cm2.items():
        yield level, request.irradiance_mw_cm2.get(channel, 0) * LEVEL_SHARE
    for channel, delivered in telemetry.delivered.fluence_j_cm2.items():
        tick = fluence_j_cm2(request.irradiance_mw_cm2.get(channel, 0), 1)
        yield delivered, plan.planned.fluence_j_cm2.get(channel, 0) * DELIVERED_SHARE + tick
    current_ua = request.current_ua or 0
    yield telemetry.level_ua, current_ua * LEVEL_SHARE
    yield (
        telemetry.delivered.charge_ma_min,
        plan.planned.charge_ma_min * DELIVERED_SHARE + charge_ma_min(current_ua, 1),
    )

"""The watch over a live session: is a report fresh, and is what runs what was permitted?"""

from collections.abc import Iterator
from datetime import datetime, timedelta
import math
from typing import Final

from ..device import NodeState, Telemetry
from ..dose import charge_ma_min, fluence_j_cm2
from ..limits import TELEMETRY_IDLE_STALE_S, TELEMETRY_STALE_S, TEMPERATURE_LATCH_C
from ..model import Fault, Modality
from ..session_parameters import PermittedSession

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


def watch(plan: PermittedSession, telemetry: Telemetry, now: datetime) -> Fault | None:  # noqa: ARG001 - supervision by the clock must not change every caller
    """Return the fault of a live session, by the newest report of its node.

    Args:
        plan: The permitted session.
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
    """Yield (reported, at most) for time, and for each level and dose that the node reports."""
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

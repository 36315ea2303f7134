"""Map node telemetry to session events: pure functions of the view and a report."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from ..core.device import NodeState, Telemetry
from ..core.gate.safety import watch
from ..core.model import Fault
from ..core.session import TABLE, SessionEvent, SessionState
from ..devices.codec import since_ms
from .view import LiveSession, SessionView

ENDS_AT_SLACK: Final = timedelta(seconds=1.5)
"""The end is shown again only when it moves by more than this."""
NODE_EVENTS: Final = {
    NodeState.ARMED: SessionEvent.REARMED,
    NodeState.RAMPING: SessionEvent.ENERGIZED,
    NodeState.RUNNING: SessionEvent.ENERGIZED,
    NodeState.SUSPENDED: SessionEvent.SUSPENDED,
    NodeState.PAUSED: SessionEvent.PAUSED,
    NodeState.IDLE: SessionEvent.ENDED,
    NodeState.FAULT: SessionEvent.FAULTED,
}


@dataclass(frozen=True, slots=True)
class Happening:
    """An event that follows from a report."""

    event: SessionEvent
    fault: Fault | None = None
    """The fault that Home Assistant found; None if the node reports it."""


def observe(view: SessionView, report: Telemetry) -> SessionView:
    """Return the view with a report in it: dose, promised times, zone and the worn sensor."""
    live = view.live
    seen_off = not report.flowing and (view.seen_off or report.worn is False)
    if live is None or report.session_id != live.session_id:
        return replace(view, report=report, seen_off=seen_off)
    return replace(
        view, report=report, seen_off=seen_off, accepted=True, live=_observed(view, live, report)
    )


def _observed(view: SessionView, live: LiveSession, report: Telemetry) -> LiveSession:
    window_ends_at, ends_at, zone = live.window_ends_at, live.ends_at, live.zone
    if report.flowing:
        zone = report.zone
        if view.state is SessionState.RUNNING:
            ends_at = _moved(ends_at, report.received_at, report.left_s)
            window_ends_at = None
    elif report.window_s and NODE_STATES.get(view.state) is report.state:
        window_ends_at = _moved(window_ends_at, report.received_at, report.window_s)
    if report.state is NodeState.RUNNING and not live.levels_known:
        live = _with_levels(live, report)
    return replace(
        live,
        delivered=report.delivered,
        window_ends_at=window_ends_at,
        ends_at=ends_at,
        zone=zone,
    )


def _with_levels(live: LiveSession, report: Telemetry) -> LiveSession:
    """Return a session of before a restart with the levels that the node kept."""
    if live.permitted is None:
        return live
    request = live.permitted.request
    if request.current_ua is not None:
        return replace(live, level_ua=min(report.level_ua, request.current_ua))
    peaks = request.irradiance_mw_cm2
    levels = {
        channel: min(level, peaks[channel])
        for channel, level in report.level_mw_cm2.items()
        if channel in peaks and level > 0
    }
    return replace(live, level_mw_cm2=levels)


NODE_STATES: Final = {
    SessionState.ARMED: NodeState.ARMED,
    SessionState.SUSPENDED: NodeState.SUSPENDED,
    SessionState.PAUSED: NodeState.PAUSED,
}
"""States in which the node counts a window down."""


def _moved(before: datetime | None, received_at: datetime, left_s: float) -> datetime:
    """Return a promised time, the one before if it has hardly moved."""
    now = received_at + timedelta(seconds=left_s)
    return now if before is None or abs(before - now) > ENDS_AT_SLACK else before


def interpret(view: SessionView, *, commanding: bool) -> Happening | None:
    """Return the event that the newest report of a view stands for.

    Args:
        view: With the report in it (`observe`).
        commanding: A person's command is under way: what the node does with the session is for its
            answer to tell, so that an older report can't contradict it.

    Returns:
        None if the report changes nothing.
    """
    report, live, state = view.report, view.live, view.state
    if report is None:
        return None
    ours = live is not None and report.session_id == live.session_id
    if ours and live is not None and live.permitted is not None and view.fault is None:
        found = watch(live.permitted, report, report.received_at)
        if found is not None and not _faulted(report):
            return Happening(SessionEvent.FAULTED, found)
    if _faulted(report):
        return None if state is SessionState.FAULT else Happening(SessionEvent.FAULTED)
    if live is None:
        return _without_session(view, report)
    if commanding or state is SessionState.WAITING or not _is_news(view, report):
        return None
    event = NODE_EVENTS[report.state] if ours else SessionEvent.ENDED
    row = TABLE[state][event]
    return Happening(event) if row is not None and row.state is not state else None


def _faulted(report: Telemetry) -> bool:
    """Whether the node reports a fault, in its state or by its name: either one is enough."""
    return report.state is NodeState.FAULT or report.fault is not None


def _without_session(view: SessionView, report: Telemetry) -> Happening | None:
    """Return the event of a report while there is no session here."""
    last = view.last
    if report.flowing and last is not None and report.session_id == last.session_id:
        return Happening(SessionEvent.ENERGIZED)
    if view.state is SessionState.FAULT and view.fault is None and not _faulted(report):
        return Happening(SessionEvent.CLEARED)
    return None


def _is_news(view: SessionView, report: Telemetry) -> bool:
    """Whether a report was made after the last answer; after a lost connection every report is."""
    if (answer := view.answer) is None:
        return view.state is SessionState.LOST or bool(view.accepted)
    return report.boot != answer.boot or since_ms(report.uptime_ms, answer.uptime_ms) >= 0

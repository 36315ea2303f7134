"""The device, its node and the ledger as they are now: may anything start?

What only the node knows (another profile's gap, flicker, a supply that broke down, its own windows)
refuses here with the node's own time, so that nobody is promised a start that the node refuses.
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
import math
from typing import Final

from ..device import NodeState, Telemetry
from ..limits import TEMPERATURE_STOP_C
from ..model import Channel, Fault, Modality
from ..refusal import Reason, Refusal
from ..session import TABLE, SessionEvent, SessionState
from .request import NormalizedRequest
from .safety import stale
from .situation import Situation

RESUMABLE: Final = (NodeState.SUSPENDED, NodeState.PAUSED)
"""What a node does with a session that can be resumed."""


def online(situation: Situation) -> Iterator[Refusal]:
    """Nothing starts on a device that is off or out of reach."""
    if situation.telemetry is None:
        yield Refusal(reason=Reason.DEVICE_OFFLINE)


def fresh(situation: Situation) -> Iterator[Refusal]:
    """An old report, or one of the future, is not acted on."""
    telemetry = situation.telemetry
    if telemetry is not None and stale(
        telemetry, situation.device.modality, _has_session(telemetry), situation.now
    ):
        yield Refusal(reason=Reason.STALE_TELEMETRY)


def sound(situation: Situation) -> Iterator[Refusal]:
    """Rule 10: a fault latches, ours and the node's."""
    fault, telemetry = situation.fault, situation.telemetry
    if telemetry is not None and fault is None:
        fault = telemetry.fault
        if fault is None and telemetry.state is NodeState.FAULT:
            fault = Fault.UNKNOWN
    if fault is not None or situation.state is SessionState.FAULT:
        yield Refusal(reason=Reason.FAULTED, detail=fault or Fault.UNKNOWN)


def unplugged(situation: Situation) -> Iterator[Refusal]:
    """M19: no output while the battery charges."""
    if situation.telemetry is not None and situation.telemetry.charging:
        yield Refusal(reason=Reason.CHARGING)


def free(situation: Situation) -> Iterator[Refusal]:
    """X1: one session at a time, by the engine's table and by the node."""
    event = SessionEvent.WAIT if situation.telemetry is None else SessionEvent.START
    if situation.resuming:
        event = SessionEvent.RESUME
    refused = situation.state is not SessionState.FAULT and TABLE[situation.state][event] is None
    if refused or _occupied(situation):
        yield Refusal(reason=Reason.BUSY)


def _occupied(situation: Situation) -> bool:
    """Whether the node has a session that this request does not continue."""
    return (
        situation.telemetry is not None
        and _has_session(situation.telemetry)
        and not (situation.resuming and situation.telemetry.state in RESUMABLE)
    )


def cool(situation: Situation) -> Iterator[Refusal]:
    """L21: 38 °C and 39 °C warn, 40 °C refuses. A mask needs a temperature, a wand does not."""
    if situation.telemetry is None:
        return
    temperature_c = situation.telemetry.temperature_c
    if temperature_c is None:
        if situation.device.modality is Modality.MASK:
            yield Refusal(reason=Reason.SENSOR_NOT_READY, field="temperature")
    elif not math.isfinite(temperature_c):
        yield Refusal(reason=Reason.SENSOR_NOT_READY, field="temperature")
    elif temperature_c >= TEMPERATURE_STOP_C:
        yield Refusal(
            reason=Reason.TOO_HOT, maximum=TEMPERATURE_STOP_C, unit="°C", detail=str(temperature_c)
        )


def taken_off(situation: Situation) -> Iterator[Refusal]:
    """Only an off-to-on edge starts output: a sensor never seen off would count as stuck."""
    if (
        situation.telemetry is not None
        and situation.telemetry.worn
        and not situation.seen_off
        and not situation.resuming
    ):
        yield Refusal(reason=Reason.STILL_WORN)


def enrolled(situation: Situation) -> Iterator[Refusal]:
    """The node starts only for people whom it counts; counters of somebody else are none."""
    if situation.telemetry is not None and (
        situation.profile is None or situation.profile.profile != situation.person.profile
    ):
        yield Refusal(reason=Reason.NOT_ENROLLED)


def ledger_readable(situation: Situation) -> Iterator[Refusal]:
    """Permit nothing while delivered doses are not known."""
    if not situation.ledger_readable:
        yield Refusal(reason=Reason.LEDGER_UNREADABLE)


def ledger_writable(situation: Situation) -> Iterator[Refusal]:
    """A session is written before output begins, so a full disk refuses it."""
    if situation.ledger_failure is not None:
        yield Refusal(reason=Reason.STORE_FAILED, detail=situation.ledger_failure)


def node_refuses(situation: Situation) -> Iterator[Refusal]:
    """What refuses any start on the node. The profile used last needs no gap between profiles."""
    if situation.telemetry is not None and not situation.resuming:
        same = situation.profile is not None and situation.profile.last_used
        yield from (
            refusal
            for refusal in _still(situation.telemetry.refuses, situation)
            if not (same and refusal.reason is Reason.PROFILE_GAP)
        )


def profile_refuses(situation: Situation) -> Iterator[Refusal]:
    """What refuses the smallest session of this person on the node."""
    if situation.profile is not None and not situation.resuming:
        yield from _still(situation.profile.refuses, situation)


CONSTRAINTS: Final[tuple[Callable[[Situation], Iterator[Refusal]], ...]] = (
    online,
    fresh,
    sound,
    unplugged,
    free,
    cool,
    taken_off,
    enrolled,
    ledger_readable,
    ledger_writable,
    node_refuses,
    profile_refuses,
)
"""Rules against any start now."""


# --- the node's own rest --------------------------------------------------------------------------


def node_rest(_request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """L18, M18: the rest that the node counts for this person."""
    if situation.profile is not None:
        source = "L18" if situation.device.modality is Modality.MASK else "M18"
        yield from _left(Reason.REST, situation.profile.rest_s, source, situation)


def node_rest_blue(request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
    """L18: remaining rest before another session with blue light."""
    if situation.profile is not None and Channel.BLUE in request.light:
        yield from _left(Reason.REST_BLUE, situation.profile.rest_blue_s, "L18", situation)


NODE_CONSTRAINTS: Final = (node_rest, node_rest_blue)
"""What the node counts against the session that is asked for."""


def _has_session(telemetry: Telemetry) -> bool:
    """Whether the node has a session; a latched fault has ended it."""
    return telemetry.state not in (NodeState.IDLE, NodeState.FAULT)


def _still(refusals: Iterable[Refusal], situation: Situation) -> Iterator[Refusal]:
    """Yield what has not ended since the node said so."""
    return (
        refusal
        for refusal in refusals
        if refusal.allowed_at is None or situation.now < refusal.allowed_at
    )


def _left(reason: Reason, seconds: float, source: str, situation: Situation) -> Iterator[Refusal]:
    """Yield the remaining rest, from the time at which the node was asked."""
    profile = situation.profile
    if profile is not None and not situation.resuming and seconds > 0:
        read_at = situation.now if profile.read_at is None else profile.read_at
        allowed_at = read_at + timedelta(seconds=seconds)
        yield from _still([Refusal(reason=reason, detail=source, allowed_at=allowed_at)], situation)

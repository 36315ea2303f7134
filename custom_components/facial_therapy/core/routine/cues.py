"""What a person is to do now, in the words of translation keys."""

from typing import Final

from ..model import Modality
from ..zones import ZONES, zone
from .run import RoutineRun
from .steps import Act
from .transitions import Outcome, RoutineState

_OF_A_DEVICE: Final = (
    RoutineState.OFF,
    RoutineState.ASKED,
    RoutineState.ARMED,
    RoutineState.RUNNING,
    RoutineState.HELD,
)

CUES: Final = (
    *(act.value for act in Act if act.modality is None and act is not Act.WAIT),
    *(
        state.value
        for state in RoutineState
        if state not in (RoutineState.HAND, RoutineState.OVER, RoutineState.ADOPTED, *_OF_A_DEVICE)
    ),
    *(
        f"{state}_{modality}"
        for modality in Modality
        for state in _OF_A_DEVICE
        if (state, modality) != (RoutineState.RUNNING, Modality.WAND)
    ),
    *ZONES,
    *(outcome.value for outcome in Outcome),
)
"""Everything that is said, each a translation key."""


def cue(run: RoutineRun, zone_number: int = 1) -> str:
    """Return what to announce to the person now, one of `CUES`.

    Args:
        run: As it is.
        zone_number: Of the zone that a wand is in, from 1.
    """
    if (step := run.step) is None:
        return (run.outcome or Outcome.COMPLETED).value
    if run.state is RoutineState.HAND:
        return step.act.value
    if run.state is RoutineState.RUNNING and step.act is Act.WAND:
        return zone(zone_number)
    state = RoutineState.HELD if run.state is RoutineState.ADOPTED else run.state
    return f"{state}_{step.act}" if state in _OF_A_DEVICE else state.value

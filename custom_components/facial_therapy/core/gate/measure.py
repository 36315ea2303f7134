"""The measures that the windows of a day and a week add up."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from ..ledger.record import Record
from ..model import Channel, Dose


class Measure(StrEnum):
    """A quantity that windows limit; doses are worst case."""

    LIGHT = "light"
    """Fluence of all channels, J/cm²."""
    BLUE = "blue"
    """Fluence of blue light, J/cm²."""
    CHARGE = "charge"
    """mA·min."""
    SESSIONS = "sessions"
    TREATMENT = "treatment"
    """Time of treatment, s."""


DOSES: Final = frozenset({Measure.LIGHT, Measure.BLUE, Measure.CHARGE})
"""The measures whose ceilings scale with `Scale.window`."""

type Amounts = Mapping[Measure, float]
"""How much something is in every measure."""


def amounts(dose: Dose, sessions: float, treated_s: float) -> Amounts:
    """Return how much something is in every measure.

    Args:
        dose: In the worst case.
        sessions: For how many sessions it counts.
        treated_s: For how many seconds of treatment it counts.
    """
    return {
        Measure.LIGHT: sum(dose.fluence_j_cm2.values()),
        Measure.BLUE: dose.fluence_j_cm2.get(Channel.BLUE, 0),
        Measure.CHARGE: dose.charge_ma_min,
        Measure.SESSIONS: sessions,
        Measure.TREATMENT: treated_s,
    }


def amounts_of(record: Record) -> Amounts:
    """Return how much of a record the windows count, in every measure."""
    return amounts(record.counted, record.sessions * record.counts, record.treated_s)

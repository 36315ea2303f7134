"""The windows of a day and a week: delivered and requested doses stay below a ceiling.

*Hard* windows roll over 24 h and 168 h, and no option passes them; *default* ones count over 20 h
and 160 h, so that the same evening a day or a week later is never refused for minutes. A session
counts in a window as a whole until its last output is out of it. What a request asks by itself is
for the limits of a session to judge: a window refuses only if something was delivered in it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from .. import limits
from ..limits import Limit
from ..model import Modality
from ..refusal import Reason, Refusal
from .measure import DOSES, Measure
from .request import NormalizedRequest
from .situation import Situation

_ROUNDING: Final = 1e-9


def starting(situation: Situation) -> bool:
    """Tell whether the wand's starting phase applies: chosen, and within 8 weeks of first use."""
    history = situation.history
    first_at = history.first_at.get(Modality.WAND, history.at)
    return (
        situation.person.options.wand_starting_phase
        and history.at < first_at + limits.STARTING_PHASE
    )


def wall(situation: Situation, at: datetime) -> datetime:
    """Return a time of the ledger as the wall clock will show it."""
    return situation.now + (at - situation.history.at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A rule: the dose delivered in a length of time and the requested one stay below a ceiling."""

    reason: Reason
    source: str
    """The row of docs/safety.md."""
    unit: str
    length: timedelta
    modality: Modality | None
    """None: both count together."""
    measure: Measure
    most: float
    """The ceiling; that of a dose is scaled for the person and the device."""
    option: Callable[[Situation], float] | None = None
    """Return the ceiling in place of `most`, if an option of the person changes it."""

    def __call__(self, request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
        """Yield a refusal if it would be too much."""
        asked = request.amounts[self.measure]
        if self.modality not in (None, situation.device.modality) or asked == 0:
            return
        inside, most = self.contents(situation)
        had = left = sum([amount for _, amount in inside])
        free_at = None
        for over_at, amount in inside:
            if left + asked <= most + _ROUNDING:
                break
            left, free_at = left - amount, over_at + self.length
        if free_at is not None:
            yield Refusal(
                reason=self.reason,
                maximum=round(max(0, most - had), 6),
                unit=self.unit,
                detail=self.source,
                allowed_at=wall(situation, free_at),
            )

    def contents(self, situation: Situation) -> tuple[list[tuple[datetime, float]], float]:
        """Return (end, amount) of each session in the window, and the ceiling.

        The session that ended first comes first. Amounts and ceiling are in `unit`, worst case.
        """
        since = situation.history.at - self.length
        inside = [
            (record.over_at, amounts[self.measure])
            for record, amounts in situation.counted
            if self.modality in (None, record.modality)
            and amounts[self.measure] > 0
            and record.over_at > since
        ]
        most = self.most if self.option is None else self.option(situation)
        return inside, most * situation.scale.window if self.measure in DOSES else most


# --- ceilings that options change -----------------------------------------------------------------


def _fluence_week(situation: Situation) -> float:
    """Return the week's default fluence; each session above the default adds to it."""
    sessions = limits.SESSIONS_WEEK[Modality.MASK].default.maximum
    more = max(0, _sessions_week_mask(situation) - sessions)
    default = limits.FLUENCE_WEEK.default.maximum
    steps = limits.SESSIONS_WEEK_MASK_OPTION - sessions
    return default + more / steps * (limits.FLUENCE_WEEK_OPTION_J_CM2 - default)


def _sessions_week_mask(situation: Situation) -> float:
    return min(situation.person.options.mask_sessions_week, limits.SESSIONS_WEEK_MASK_OPTION)


def _sessions_week_wand(situation: Situation) -> float:
    return (
        limits.SESSIONS_WEEK_WAND_STARTING
        if starting(situation)
        else limits.SESSIONS_WEEK[Modality.WAND].default.maximum
    )


# --- all windows ----------------------------------------------------------------------------------

_DAY: Final = (limits.DAY_DEFAULT, limits.DAY_HARD)
_WEEK: Final = (limits.WEEK_DEFAULT, limits.WEEK_HARD)


def _windows(  # noqa: PLR0913, PLR0917 - the columns of the table
    name: str,
    reason: Reason,
    measure: Measure,
    modality: Modality,
    limit: Limit,
    lengths: tuple[timedelta, ...],
    option: Callable[[Situation], float] | None = None,
) -> dict[str, Window]:
    """Make the default window and, if there is a second length, the hard one."""
    return {
        f"{name}_{kind}": Window(
            reason=reason,
            source=limit.hard.source,
            unit=limit.hard.unit,
            length=length,
            modality=modality,
            measure=measure,
            most=bound.maximum,
            option=option if kind == "default" else None,
        )
        for kind, length, bound in zip(
            ("default", "hard"), lengths, (limit.default, limit.hard), strict=False
        )
    }


WINDOWS: Final[Mapping[str, Window]] = MappingProxyType(
    {
        **_windows(
            "fluence_day", Reason.DOSE_DAY, Measure.LIGHT, Modality.MASK, limits.FLUENCE_DAY, _DAY
        ),
        **_windows(
            "fluence_week",
            Reason.DOSE_WEEK,
            Measure.LIGHT,
            Modality.MASK,
            limits.FLUENCE_WEEK,
            _WEEK,
            _fluence_week,
        ),
        **_windows(
            "blue_week", Reason.BLUE_WEEK, Measure.BLUE, Modality.MASK, limits.BLUE_WEEK, _WEEK
        ),
        **_windows(
            "charge_day", Reason.DOSE_DAY, Measure.CHARGE, Modality.WAND, limits.CHARGE, _DAY
        ),
        **_windows(
            "sessions_day_mask",
            Reason.SESSIONS_DAY,
            Measure.SESSIONS,
            Modality.MASK,
            limits.SESSIONS_DAY[Modality.MASK],
            _DAY,
        ),
        **_windows(
            "sessions_week_mask",
            Reason.SESSIONS_WEEK,
            Measure.SESSIONS,
            Modality.MASK,
            limits.SESSIONS_WEEK[Modality.MASK],
            _WEEK,
            _sessions_week_mask,
        ),
        **_windows(
            "sessions_day_wand",
            Reason.SESSIONS_DAY,
            Measure.SESSIONS,
            Modality.WAND,
            limits.SESSIONS_DAY[Modality.WAND],
            (limits.DAY_DEFAULT,),
        ),
        **_windows(
            "sessions_week_wand",
            Reason.SESSIONS_WEEK,
            Measure.SESSIONS,
            Modality.WAND,
            limits.SESSIONS_WEEK[Modality.WAND],
            _WEEK,
            _sessions_week_wand,
        ),
        "treatment_day": Window(
            reason=Reason.TREATMENT_DAY,
            source="X3",
            unit="s",
            length=limits.DAY_DEFAULT,
            modality=None,
            measure=Measure.TREATMENT,
            most=limits.TREATMENT_DAY.total_seconds(),
        ),
    }
)
"""Every window by its name. The wand's day is 20 h by default and hard: one rule for both."""

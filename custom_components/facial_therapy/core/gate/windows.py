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
from ..ledger.record import Record
from ..limits import Limit
from ..model import Channel, Dose, Modality
from ..refusal import Reason, Refusal
from .bounds import phase
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


def _scale(situation: Situation) -> float:
    """What the person's skin and phase leave of a limit of dose (L19, L26)."""
    skin = limits.SKIN_FACTOR[situation.person.skin_type]
    return phase(situation.device, situation.person) * (
        skin if situation.device.modality is Modality.MASK else 1
    )


# --- counted quantities ---------------------------------------------------------------------------


def light(dose: Dose) -> float:
    """Return the fluence of all channels, J/cm²."""
    return sum(dose.fluence_j_cm2.values())


def blue(dose: Dose) -> float:
    """Return the fluence of blue light, J/cm²."""
    return dose.fluence_j_cm2.get(Channel.BLUE, 0)


def _charge(dose: Dose) -> float:
    return dose.charge_ma_min


def flowed(record: Record) -> bool:
    """Whether anything of it may have reached the skin."""
    return record.counted.total > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A rule: delivered and requested doses within a length of time stay below a ceiling."""

    reason: Reason
    source: str
    """The row of docs/safety.md."""
    unit: str
    length: timedelta
    modality: Modality | None
    """None: both count together."""
    amount: Callable[[Record], float]
    asked: Callable[[NormalizedRequest], float]
    most: Callable[[Situation], float]

    def __call__(self, request: NormalizedRequest, situation: Situation) -> Iterator[Refusal]:
        """Yield a refusal if it would be too much."""
        asked = self.asked(request)
        if self.modality not in (None, situation.device.modality) or asked == 0:
            return
        inside = self._inside(situation)
        most, left, free_at = self.most(situation), sum(amount for _, amount in inside), None
        for over_at, amount in inside:
            if left + asked <= most + _ROUNDING:
                break
            left, free_at = left - amount, over_at + self.length
        if free_at is not None:
            remaining = max(0, most - sum(amount for _, amount in inside))
            yield Refusal(
                reason=self.reason,
                maximum=round(remaining, 6),
                unit=self.unit,
                detail=self.source,
                allowed_at=wall(situation, free_at),
            )

    def filled(self, situation: Situation) -> tuple[float, float]:
        """Return the dose delivered in the window, and its ceiling, both worst case in `unit`."""
        return sum(amount for _, amount in self._inside(situation)), self.most(situation)

    def _inside(self, situation: Situation) -> list[tuple[datetime, float]]:
        """Return (end, amount) of each session inside the window, the earliest end first."""
        since = situation.history.at - self.length
        records = [
            record
            for record in situation.history.records
            if self.modality in (None, record.modality) and record.over_at > since
        ]
        return [
            (record.over_at, amount) for record in records if (amount := self.amount(record)) > 0
        ]


# --- ceilings -------------------------------------------------------------------------------------


def _week_fluence(situation: Situation) -> float:
    """Return the week's default fluence; each session above the default adds to it."""
    more = _sessions_week(situation) - limits.SESSIONS_WEEK[Modality.MASK].default.maximum
    steps = limits.SESSIONS_WEEK_MASK_OPTION - limits.SESSIONS_WEEK[Modality.MASK].default.maximum
    default = limits.FLUENCE_WEEK.default.maximum
    return default + max(0, more) / steps * (limits.FLUENCE_WEEK_OPTION_J_CM2 - default)


def _sessions_week(situation: Situation) -> float:
    if situation.device.modality is Modality.MASK:
        return min(situation.person.options.mask_sessions_week, limits.SESSIONS_WEEK_MASK_OPTION)
    return (
        limits.SESSIONS_WEEK_WAND_STARTING
        if starting(situation)
        else limits.SESSIONS_WEEK[Modality.WAND].default.maximum
    )


def _doses(  # noqa: PLR0913 - the columns of the table
    name: str,
    reason: Reason,
    limit: Limit,
    *,
    lengths: tuple[timedelta, timedelta],
    of: Callable[[Dose], float],
    default: Callable[[Situation], float] | None = None,
) -> Iterator[tuple[str, Window]]:
    """Make the default and the hard window of a dose."""
    modality = Modality.WAND if of is _charge else Modality.MASK
    for kind, length in zip(("default", "hard"), lengths, strict=True):

        def most(situation: Situation, kind: str = kind) -> float:
            if kind == "hard":
                return limit.hard.maximum * _scale(situation)
            return (limit.default.maximum if default is None else default(situation)) * _scale(
                situation
            )

        yield (
            f"{name}_{kind}",
            Window(
                reason=reason,
                source=limit.hard.source,
                unit=limit.hard.unit,
                length=length,
                modality=modality,
                amount=lambda record: of(record.counted),
                asked=lambda request: of(request.adding),
                most=most,
            ),
        )


def _sessions(  # noqa: PLR0913, PLR0917 - the columns of the table
    name: str,
    reason: Reason,
    limit: Limit,
    modality: Modality,
    length: timedelta,
    most: Callable[[Situation], float],
) -> tuple[str, Window]:
    """Make a window of sessions."""
    return name, Window(
        reason=reason,
        source=limit.hard.source,
        unit="1",
        length=length,
        modality=modality,
        amount=lambda record: record.sessions * record.counts,
        asked=lambda _request: 1,
        most=most,
    )


def _constant(value: float) -> Callable[[Situation], float]:
    return lambda _situation: value


# --- all windows ----------------------------------------------------------------------------------

_DAY: Final = (limits.DAY_DEFAULT, limits.DAY_HARD)
_WEEK: Final = (limits.WEEK_DEFAULT, limits.WEEK_HARD)

WINDOWS: Final[Mapping[str, Window]] = MappingProxyType(
    {
        **dict(_doses("fluence_day", Reason.DOSE_DAY, limits.FLUENCE_DAY, lengths=_DAY, of=light)),
        **dict(
            _doses(
                "fluence_week",
                Reason.DOSE_WEEK,
                limits.FLUENCE_WEEK,
                lengths=_WEEK,
                of=light,
                default=_week_fluence,
            )
        ),
        **dict(_doses("blue_week", Reason.BLUE_WEEK, limits.BLUE_WEEK, lengths=_WEEK, of=blue)),
        **dict(_doses("charge_day", Reason.DOSE_DAY, limits.CHARGE, lengths=_DAY, of=_charge)),
        **dict(
            _sessions(
                f"sessions_{span}_{modality}_{kind}",
                reason,
                limit[modality],
                modality,
                length,
                most,
            )
            for modality in Modality
            for span, reason, limit, lengths in (
                (
                    "day",
                    Reason.SESSIONS_DAY,
                    limits.SESSIONS_DAY,
                    _DAY if modality is Modality.MASK else (limits.DAY_DEFAULT,),
                ),
                ("week", Reason.SESSIONS_WEEK, limits.SESSIONS_WEEK, _WEEK),
            )
            for kind, length, most in zip(
                ("default", "hard"),
                lengths,
                (
                    _sessions_week
                    if span == "week"
                    else _constant(limit[modality].default.maximum),
                    _constant(limit[modality].hard.maximum),
                ),
                strict=False,
            )
        ),
        "treatment_day": Window(
            reason=Reason.TREATMENT_DAY,
            source="X3",
            unit="s",
            length=limits.DAY_DEFAULT,
            modality=None,
            amount=lambda record: record.treated_s,
            asked=lambda request: request.duration_s,
            most=_constant(limits.TREATMENT_DAY.total_seconds()),
        ),
    }
)
"""Every window by its name. The wand's day is 20 h by default and hard: one rule for both."""

"""What a person may still be given: windows of a day and a week, rest, and the time between modalities.

Each rule sees a `Claim` and yields refusals. It knows nothing of the others, so each holds by
itself, and one more can only tighten. A refusal names the row of docs/safety.md (`detail`), what is
left now, charged (`maximum`), and in `allowed_at` the first moment at which this rule would no
longer refuse.

*Hard* windows roll over 24 h and 168 h, and no option passes them; *default* ones count over 20 h
and 160 h, so that the same evening a day or a week later is never refused for minutes. A session
counts in a window as a whole until its last output is out of it. What a claim asks by itself is for
the limits of a session to judge: a window speaks only where something has been given in it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from .. import limits
from ..ledger.record import History, Record
from ..limits import Limit
from ..model import Channel, Dose, Modality, Person, Reason, Refusal

_ROUNDING: Final = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What a session would take of a person's budget."""

    modality: Modality
    person: Person
    history: History
    now: datetime
    """UTC and aware, by the clock on the wall, in which `allowed_at` is told. The history has its
    own time."""
    adding: Dose
    """Charged."""
    duration_s: float
    gel_rinsed: bool = False
    """The person has confirmed that the gel of the wand is off."""

    @property
    def starting(self) -> bool:
        """Whether the starting phase with the wand holds: chosen for the person, and at most eight weeks from the first session."""
        first_at = self.history.first_at.get(Modality.WAND, self.history.at)
        return (
            self.person.options.wand_starting_phase
            and self.history.at < first_at + limits.STARTING_PHASE
        )

    @property
    def scale(self) -> float:
        """What the person's skin and phase leave of a limit of dose (L19, L26)."""
        phase = (
            limits.FIRST_SESSIONS_SHARE
            if self.person.sessions.get(self.modality, 0) < limits.FIRST_SESSIONS
            else 1
        )
        return phase * (
            limits.SKIN_FACTOR[self.person.skin_type] if self.modality is Modality.MASK else 1
        )

    def wall(self, at: datetime) -> datetime:
        """Return a time of the ledger as the clock on the wall will show it."""
        return self.now + (at - self.history.at)


type Rule = Callable[[Claim], Iterator[Refusal]]
"""A claim in, what speaks against it out."""


# --- what is counted ------------------------------------------------------------------------------


def _light(dose: Dose) -> float:
    return sum(dose.fluence_j_cm2.values())


def _blue(dose: Dose) -> float:
    return dose.fluence_j_cm2.get(Channel.BLUE, 0)


def _charge(dose: Dose) -> float:
    return dose.charge_ma_min


def _flowed(record: Record) -> bool:
    """Whether anything of it may have reached the skin."""
    return record.counted.total > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A rule: what was given within a length of time, and what is asked, stay below a ceiling together."""

    reason: Reason
    source: str
    """The row of docs/safety.md."""
    unit: str
    length: timedelta
    modality: Modality | None
    """None: both count together."""
    given: Callable[[Record], float]
    asked: Callable[[Claim], float]
    most: Callable[[Claim], float]

    def __call__(self, claim: Claim) -> Iterator[Refusal]:
        """Yield a refusal if it would be too much."""
        asked = self.asked(claim)
        if self.modality not in (None, claim.modality) or asked == 0:
            return
        given = self._inside(claim)
        most, left, free_at = self.most(claim), sum(amount for _, amount in given), None
        for over_at, amount in given:
            if left + asked <= most + _ROUNDING:
                break
            left, free_at = left - amount, over_at + self.length
        if free_at is not None:
            remaining = max(0, most - sum(amount for _, amount in given))
            yield Refusal(
                reason=self.reason,
                maximum=round(remaining, 6),
                unit=self.unit,
                detail=self.source,
                allowed_at=claim.wall(free_at),
            )

    def filled(self, claim: Claim) -> tuple[float, float]:
        """Return what has been given inside the window and the ceiling, both in `unit`, light and current charged."""
        return sum(amount for _, amount in self._inside(claim)), self.most(claim)

    def _inside(self, claim: Claim) -> list[tuple[datetime, float]]:
        """Return (its end, how much) of everything given inside the window, the end that is longest ago first."""
        since = claim.history.at - self.length
        records = [
            record
            for record in claim.history.records
            if self.modality in (None, record.modality) and record.over_at > since
        ]
        return [
            (record.over_at, amount) for record in records if (amount := self.given(record)) > 0
        ]


# --- ceilings -------------------------------------------------------------------------------------


def _week_fluence(claim: Claim) -> float:
    """With every session a week more than the default goes a part of the room up to the largest option."""
    more = _sessions_week(claim) - limits.SESSIONS_WEEK[Modality.MASK].default.maximum
    steps = limits.SESSIONS_WEEK_MASK_OPTION - limits.SESSIONS_WEEK[Modality.MASK].default.maximum
    default = limits.FLUENCE_WEEK.default.maximum
    return default + max(0, more) / steps * (limits.FLUENCE_WEEK_OPTION_J_CM2 - default)


def _sessions_week(claim: Claim) -> float:
    if claim.modality is Modality.MASK:
        return min(claim.person.options.mask_sessions_week, limits.SESSIONS_WEEK_MASK_OPTION)
    return (
        limits.SESSIONS_WEEK_WAND_STARTING
        if claim.starting
        else limits.SESSIONS_WEEK[Modality.WAND].default.maximum
    )


def _doses(  # noqa: PLR0913 - the columns of the table
    name: str,
    reason: Reason,
    limit: Limit,
    *,
    lengths: tuple[timedelta, timedelta],
    of: Callable[[Dose], float],
    default: Callable[[Claim], float] | None = None,
) -> Iterator[tuple[str, Rule]]:
    """Make the default and the hard window of a dose."""
    modality = Modality.WAND if of is _charge else Modality.MASK
    for kind, length in zip(("default", "hard"), lengths, strict=True):

        def most(claim: Claim, kind: str = kind) -> float:
            if kind == "hard":
                return limit.hard.maximum * claim.scale
            return (limit.default.maximum if default is None else default(claim)) * claim.scale

        yield (
            f"{name}_{kind}",
            Window(
                reason=reason,
                source=limit.hard.source,
                unit=limit.hard.unit,
                length=length,
                modality=modality,
                given=lambda record: of(record.counted),
                asked=lambda claim: of(claim.adding),
                most=most,
            ),
        )


def _sessions(
    name: str,
    reason: Reason,
    limit: Limit,
    modality: Modality,
    length: timedelta,
    most: Callable[[Claim], float],
) -> tuple[str, Rule]:
    """Make a window of sessions."""
    return name, Window(
        reason=reason,
        source=limit.hard.source,
        unit="1",
        length=length,
        modality=modality,
        given=lambda record: record.sessions * record.counts,
        asked=lambda _claim: 1,
        most=most,
    )


def _constant(value: float) -> Callable[[Claim], float]:
    return lambda _claim: value


# --- rules that are no windows --------------------------------------------------------------------


def _rested(
    claim: Claim, reason: Reason, needed: timedelta, source: str, sessions: list[Record]
) -> Iterator[Refusal]:
    if sessions and claim.history.at < (
        free_at := max(record.over_at for record in sessions) + needed
    ):
        yield Refusal(reason=reason, detail=source, allowed_at=claim.wall(free_at))


def rest(claim: Claim) -> Iterator[Refusal]:
    """L18, M18: the time since the last session of the modality that counts."""
    default, hard = limits.REST[claim.modality]
    if claim.modality is Modality.WAND and claim.starting:
        default = limits.REST_WAND_STARTING
    sessions = [
        record
        for record in claim.history.records
        if record.modality is claim.modality and record.counts
    ]
    yield from _rested(
        claim,
        Reason.REST,
        max(default, hard),
        "L18" if claim.modality is Modality.MASK else "M18",
        sessions,
    )


def rest_blue(claim: Claim) -> Iterator[Refusal]:
    """L18: the time since the last session with blue light that counts."""
    if _blue(claim.adding) != 0:
        yield from _rested(
            claim,
            Reason.REST_BLUE,
            max(limits.REST_BLUE),
            "L18",
            [
                record
                for record in claim.history.records
                if record.counts and _blue(record.counted) > 0
            ],
        )


def clock_untrusted(claim: Claim) -> Iterator[Refusal]:
    """X10: a clock that shows a time before this release was never set, so nothing can be dated."""
    if claim.now < limits.CLOCK_SET:
        yield Refusal(reason=Reason.CLOCK_UNTRUSTED, detail="X10")


def other_session(claim: Claim) -> Iterator[Refusal]:
    """X1: never two devices at once."""
    if claim.history.other_session is not None:
        yield Refusal(reason=Reason.OTHER_SESSION, detail=claim.history.other_session.modality)


def gap(claim: Claim) -> Iterator[Refusal]:
    """X2: the time between the modalities."""
    default, hard = (
        limits.GAP_WAND_TO_MASK if claim.modality is Modality.MASK else limits.GAP_MASK_TO_WAND
    )
    others = [
        record
        for record in claim.history.records
        if record.modality is not claim.modality and _flowed(record)
    ]
    yield from _rested(claim, Reason.GAP, max(default, hard), "X2", others)


def gel_not_rinsed(claim: Claim) -> Iterator[Refusal]:
    """X2: no light through gel. Whoever has had light since the wand has answered already, and after some hours nobody is asked."""
    if claim.modality is Modality.MASK and not claim.gel_rinsed:
        wands = [
            record
            for record in claim.history.records
            if record.modality is Modality.WAND and _flowed(record)
        ]
        rinsed = [
            record
            for record in claim.history.records
            if record.modality is Modality.MASK and wands and record.started_at >= wands[-1].over_at
        ]
        yield from _rested(
            claim, Reason.GEL_NOT_RINSED, limits.GEL_ASKED, "X2", [] if rinsed else wands
        )


# --- all of them ----------------------------------------------------------------------------------

_DAY: Final = (limits.DAY_DEFAULT, limits.DAY_HARD)
_WEEK: Final = (limits.WEEK_DEFAULT, limits.WEEK_HARD)

WINDOWS: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "clock_untrusted": clock_untrusted,
        "other_session": other_session,
        "gap": gap,
        "gel_not_rinsed": gel_not_rinsed,
        "rest": rest,
        "rest_blue": rest_blue,
        **dict(_doses("fluence_day", Reason.DOSE_DAY, limits.FLUENCE_DAY, lengths=_DAY, of=_light)),
        **dict(
            _doses(
                "fluence_week",
                Reason.DOSE_WEEK,
                limits.FLUENCE_WEEK,
                lengths=_WEEK,
                of=_light,
                default=_week_fluence,
            )
        ),
        **dict(_doses("blue_week", Reason.BLUE_WEEK, limits.BLUE_WEEK, lengths=_WEEK, of=_blue)),
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
            given=lambda record: record.treated_s,
            asked=lambda claim: claim.duration_s,
            most=_constant(limits.TREATMENT_DAY.total_seconds()),
        ),
    }
)
"""Every rule by its name. The wand's day is 20 h by default and hard, so it has one rule for both.
"""

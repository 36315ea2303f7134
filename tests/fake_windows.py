"""The profiles of the fake device: who is enrolled, and what each has had."""

from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from homeassistant.util import dt as dt_util

from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.device import Device, ProfileCounters
from custom_components.facial_therapy.core.dose import worst_case
from custom_components.facial_therapy.core.model import Channel, Dose, Modality
from custom_components.facial_therapy.core.refusal import Reason, Refusal, RefusedError
from custom_components.facial_therapy.core.session_parameters import PermittedSession

PROFILES = 4
PROFILE_GAP_S = 600
PROFILE_TEMPERATURE_C = 37
SMALLEST_DOSE = 2e-6
"""J/cm² or mA·min: worst case of the least that can be asked for."""


@dataclass(frozen=True, slots=True)
class FakeCharge:
    """The worst-case dose of one session of one person."""

    profile: int
    ended_s: float
    dose: float
    """J/cm² of all channels, or mA·min."""
    blue: float
    counts: bool


class FakeWindows:
    """All profiles, by the limits of the core. Times are ages of the device in seconds."""

    def __init__(self, device: Device) -> None:
        """Begin with nobody."""
        self._device = device
        self.profiles: list[int] = []
        self.given: list[FakeCharge] = []
        self.generation = 0
        """Rises whenever the list of profiles or a profile's counters change."""
        self._last_output: tuple[int, float] | None = None

    @property
    def last_profile(self) -> int | None:
        """The profile of the last output."""
        return self._last_output[0] if self._last_output else None

    def enroll(self, profile: int, age_s: float, *, held: bool) -> None:
        """Take one more, in the place of somebody without a dose in a week if there are four."""
        if profile in self.profiles:
            return
        if not held:
            raise RefusedError(Refusal(reason=Reason.BUTTON_NEEDED))
        if len(self.profiles) == PROFILES:
            idle = [
                known for known in self.profiles if not self._within(known, limits.WEEK_HARD, age_s)
            ]
            if not idle:
                raise RefusedError(Refusal(reason=Reason.PROFILES_FULL))
            self.profiles.remove(idle[0])
        self.profiles.append(profile)
        self.generation += 1

    def add(self, plan: PermittedSession, delivered: Dose, age_s: float) -> None:
        """Count the dose of a session."""
        self.given.append(self._charge(plan, delivered, age_s))
        self._last_output = plan.request.person.profile, age_s

    def read(self, profile: int, age_s: float, live: PermittedSession | None) -> ProfileCounters:
        """Return the windows of one, a live session in full."""
        if profile not in self.profiles:
            raise RefusedError(Refusal(reason=Reason.NOT_ENROLLED))
        opened = []
        if live is not None and live.request.person.profile == profile:
            opened = [self._charge(live, live.planned, age_s)]
        day, week = (
            [*self._within(profile, window, age_s), *opened]
            for window in (limits.DAY_HARD, limits.WEEK_HARD)
        )
        smallest = FakeCharge(profile, age_s, SMALLEST_DOSE, 0, counts=True)
        mask = self._device.modality is Modality.MASK
        return ProfileCounters(
            profile=profile,
            fluence_day_j_cm2=sum(charge.dose for charge in day) if mask else 0,
            fluence_week_j_cm2=sum(charge.dose for charge in week) if mask else 0,
            blue_week_j_cm2=sum(charge.blue for charge in week),
            charge_day_ma_min=0 if mask else sum(charge.dose for charge in day),
            charge_week_ma_min=0 if mask else sum(charge.dose for charge in week),
            sessions_day=sum(charge.counts for charge in day),
            sessions_week=sum(charge.counts for charge in week),
            rest_s=self._rest_s(profile, age_s, opened),
            rest_blue_s=self._rest_s(profile, age_s, opened, blue=True),
            last_used=profile == self.last_profile,
            refuses=tuple(self._refuses(smallest, 1, age_s, opened)),
            read_at=dt_util.utcnow(),
        )

    def check_enrolled(self, profile: int) -> None:
        """Refuse a profile that is not enrolled."""
        if profile not in self.profiles:
            raise RefusedError(Refusal(reason=Reason.NOT_ENROLLED))

    def gap(self, age_s: float, temperature_c: float | None, *, off_seen: bool) -> list[Refusal]:
        """Return what refuses everybody but the profile of the last output."""
        if self._last_output is None:
            return []
        if (left_s := self._last_output[1] + PROFILE_GAP_S - age_s) > 0:
            return [_until(Reason.PROFILE_GAP, left_s)]
        warm = temperature_c is None or temperature_c > PROFILE_TEMPERATURE_C
        if warm or not off_seen:
            return [Refusal(reason=Reason.PROFILE_GAP)]
        return []

    def check(self, plan: PermittedSession, age_s: float) -> None:
        """Refuse a session that a window or the rest of its profile has no room for."""
        skin = plan.skin_factor if self._device.modality is Modality.MASK else 1
        refuses = self._refuses(self._charge(plan, plan.planned, age_s), skin, age_s, [])
        if refuses:
            raise RefusedError(*refuses)

    def _refuses(
        self, asked: FakeCharge, skin: float, age_s: float, opened: list[FakeCharge]
    ) -> list[Refusal]:
        """Return what refuses a session, the longest wait first."""
        profile, modality = asked.profile, self._device.modality
        day, week = (
            [*self._within(profile, window, age_s), *opened]
            for window in (limits.DAY_HARD, limits.WEEK_HARD)
        )
        mask = modality is Modality.MASK
        dose_day = (limits.FLUENCE_DAY if mask else limits.CHARGE).hard.maximum
        sessions_week = limits.SESSIONS_WEEK[modality].hard.maximum
        over = {
            Reason.DOSE_DAY: (day, sum(had.dose for had in day) + asked.dose > dose_day * skin),
            Reason.SESSIONS_WEEK: (week, sum(had.counts for had in week) + 1 > sessions_week),
        }
        if mask:
            dose_week = limits.FLUENCE_WEEK.hard.maximum * skin
            blue_week = limits.BLUE_WEEK.hard.maximum * skin
            sessions_day = limits.SESSIONS_DAY[modality].hard.maximum
            blue = sum(had.blue for had in week) + asked.blue
            over |= {
                Reason.DOSE_WEEK: (week, sum(had.dose for had in week) + asked.dose > dose_week),
                Reason.BLUE_WEEK: (week, asked.blue > 0 and blue > blue_week),
                Reason.SESSIONS_DAY: (day, sum(had.counts for had in day) + 1 > sessions_day),
            }
        waits = {Reason.REST: self._rest_s(profile, age_s, opened)}
        if asked.blue:
            waits[Reason.REST_BLUE] = self._rest_s(profile, age_s, opened, blue=True)
        for reason, (window, refused) in over.items():
            span = limits.DAY_HARD if window is day else limits.WEEK_HARD
            if refused:
                oldest = window[0].ended_s if window else age_s
                waits[reason] = oldest + span.total_seconds() - age_s
        longest = sorted(waits.items(), key=lambda wait: -wait[1])
        return [_until(reason, left_s) for reason, left_s in longest if left_s > 0]

    def _within(self, profile: int, window: timedelta, age_s: float) -> list[FakeCharge]:
        span_s = window.total_seconds()
        return [
            had for had in self.given if had.profile == profile and age_s - had.ended_s < span_s
        ]

    def _rest_s(
        self, profile: int, age_s: float, opened: list[FakeCharge], *, blue: bool = False
    ) -> float:
        """Return the remaining rest."""
        rest = limits.REST_BLUE[1] if blue else limits.REST[self._device.modality][1]
        ends = [
            had.ended_s
            for had in (*self.given, *opened)
            if had.profile == profile and had.counts and (had.blue or not blue)
        ]
        return max(0, ends[-1] + rest.total_seconds() - age_s) if ends else 0

    def _charge(self, plan: PermittedSession, dose: Dose, age_s: float) -> FakeCharge:
        counted = worst_case(dose, self._device)
        counts = dose.total >= plan.planned.total * limits.COUNTS_FROM_SHARE
        blue = counted.fluence_j_cm2.get(Channel.BLUE, 0)
        return FakeCharge(plan.request.person.profile, age_s, counted.total, blue, counts)


def _until(reason: Reason, left_s: float) -> Refusal:
    return Refusal(reason=reason, allowed_at=dt_util.utcnow() + timedelta(seconds=ceil(left_s)))

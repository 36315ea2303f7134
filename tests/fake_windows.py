"""What the fake device keeps of the people who share it: who is enrolled, and what each of them has had."""

from dataclasses import dataclass
from datetime import timedelta

from homeassistant.util import dt as dt_util

from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.dose import worst_case
from custom_components.facial_therapy.core.model import (
    Channel,
    Device,
    Dose,
    Modality,
    PermittedSession,
    Reason,
    Refusal,
    RefusedError,
)
from custom_components.facial_therapy.core.model import ProfileCounters

SUBJECTS = 4
SUBJECT_GAP_S = 600


@dataclass(frozen=True, slots=True)
class FakeCharge:
    """What one session gave one person, charged."""

    profile: int
    ended_s: float
    dose: float
    """J/cm² of all channels, or mA·min."""
    blue: float
    counts: bool


class FakeWindows:
    """The windows of everybody, by the numbers of the core. Times are ages of the device in seconds."""

    def __init__(self, device: Device) -> None:
        """Begin with nobody."""
        self._device = device
        self.profiles: list[int] = []
        self.given: list[FakeCharge] = []
        self._last_output: tuple[int, float] | None = None

    def enroll(self, profile: int, age_s: float, *, held: bool) -> None:
        """Take one more, in the place of somebody without a dose in a week if there are four."""
        if profile in self.profiles:
            return
        if not held:
            raise RefusedError(Refusal(reason=Reason.BUTTON_NEEDED))
        if len(self.profiles) == SUBJECTS:
            idle = [known for known in self.profiles if not self._within(known, limits.WEEK_HARD, age_s)]
            if not idle:
                raise RefusedError(Refusal(reason=Reason.PROFILES_FULL))
            self.profiles.remove(idle[0])
        self.profiles.append(profile)

    def add(self, plan: PermittedSession, delivered: Dose, age_s: float) -> None:
        """Count what a session gave."""
        self.given.append(self._charge(plan, delivered, age_s))
        self._last_output = plan.request.person.profile, age_s

    def read(self, profile: int, age_s: float, live: PermittedSession | None) -> ProfileCounters:
        """Return the windows of one, a live session in full."""
        if profile not in self.profiles:
            raise RefusedError(Refusal(reason=Reason.NOT_ENROLLED))
        opened = [self._charge(live, live.planned, age_s)] if live is not None and live.request.person.profile == profile else []
        day, week = ([*self._within(profile, window, age_s), *opened] for window in (limits.DAY_HARD, limits.WEEK_HARD))
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
            rest_s=self._rest_s(profile, age_s),
            rest_blue_s=self._rest_s(profile, age_s, blue=True),
        )

    def check(self, plan: PermittedSession, age_s: float) -> None:
        """Hold a new session to its subject: enrolled, gap, windows, rest."""
        profile = plan.request.person.profile
        if profile not in self.profiles:
            raise RefusedError(Refusal(reason=Reason.NOT_ENROLLED))
        if self._last_output and self._last_output[0] != profile:
            self._wait(Reason.PROFILE_GAP, self._last_output[1] + SUBJECT_GAP_S - age_s)
        modality, asked = self._device.modality, self._charge(plan, plan.planned, age_s)
        skin = plan.skin_factor if modality is Modality.MASK else 1
        day, week = (self._within(profile, window, age_s) for window in (limits.DAY_HARD, limits.WEEK_HARD))
        dose_day = (limits.FLUENCE_DAY if modality is Modality.MASK else limits.CHARGE).hard.maximum
        over = {
            Reason.DOSE_DAY: (day, sum(charge.dose for charge in day) + asked.dose > dose_day * skin),
            Reason.SESSIONS_WEEK: (week, sum(charge.counts for charge in week) + 1 > limits.SESSIONS_WEEK[modality].hard.maximum),
        }
        if modality is Modality.MASK:
            over |= {
                Reason.DOSE_WEEK: (week, sum(charge.dose for charge in week) + asked.dose > limits.FLUENCE_WEEK.hard.maximum * skin),
                Reason.BLUE_WEEK: (week, asked.blue > 0 and sum(charge.blue for charge in week) + asked.blue > limits.BLUE_WEEK.hard.maximum * skin),
                Reason.SESSIONS_DAY: (day, sum(charge.counts for charge in day) + 1 > limits.SESSIONS_DAY[modality].hard.maximum),
            }
        for reason, (window, refused) in over.items():
            if refused:
                span = limits.DAY_HARD if window is day else limits.WEEK_HARD
                self._wait(reason, (window[0].ended_s if window else age_s) + span.total_seconds() - age_s)
        if asked.blue:
            self._wait(Reason.REST_BLUE, self._rest_s(profile, age_s, blue=True))
        self._wait(Reason.REST, self._rest_s(profile, age_s))

    def _within(self, profile: int, window: timedelta, age_s: float) -> list[FakeCharge]:
        return [charge for charge in self.given if charge.profile == profile and age_s - charge.ended_s < window.total_seconds()]

    def _rest_s(self, profile: int, age_s: float, *, blue: bool = False) -> float:
        """Return what is left of the rest."""
        rest = limits.REST_BLUE[1] if blue else limits.REST[self._device.modality][1]
        ends = [charge.ended_s for charge in self.given if charge.profile == profile and charge.counts and (charge.blue or not blue)]
        return max(0, ends[-1] + rest.total_seconds() - age_s) if ends else 0

    def _charge(self, plan: PermittedSession, dose: Dose, age_s: float) -> FakeCharge:
        counted = worst_case(dose, self._device)
        counts = dose.total >= plan.planned.total * limits.COUNTS_FROM_SHARE
        return FakeCharge(plan.request.person.profile, age_s, counted.total, counted.fluence_j_cm2.get(Channel.BLUE, 0), counts)

    @staticmethod
    def _wait(reason: Reason, left_s: float) -> None:
        """Refuse for so long, if at all."""
        if left_s > 0:
            raise RefusedError(Refusal(reason=reason, allowed_at=dt_util.utcnow() + timedelta(seconds=left_s)))

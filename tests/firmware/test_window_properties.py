"""Nobody exceeds the limits of a day and a week, and nothing reduces a dose that was counted.

Invariants 1, 5 and 9 of the node: sums are taken below the governor, on a clock that never stops.
"""

from dataclasses import dataclass
from typing import Any, Final

from hypothesis import HealthCheck, event, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from .library import CLIENT, EPOCH_S, OTHER, PROFILE, Node
from .wire import Line, signed

DAY: Final = 86_400
WEEK: Final = 7 * DAY
PROFILES: Final = (PROFILE, 5, 6)
MODALITIES: Final = st.sampled_from(["mask", "wand"])
COUNTED: Final = ("dose_day", "dose_week", "blue_week", "sessions_day", "sessions_week")
CEILINGS: Final = {"mask": {DAY: 100e6, WEEK: 300e6}, "wand": {DAY: 450e3}}
"""Worst-case uJ/cm2 or uC within so many seconds, on skin of type I; U is 0.2."""
BLUE_WEEK: Final = 90e6
BLUE: Final = 2


@dataclass(slots=True)
class Given:
    """What flowed to one person in one session, nominal, measured outside."""

    profile: int
    ended_s: float
    dose: float
    blue: float


class Household(RuleBasedStateMachine):
    """Three people, one node, cuts, hours on and hours off."""

    @initialize(modality=MODALITIES)
    def begin(self, modality: str) -> None:
        """Enroll everybody."""
        self.node = Node(modality, step_ms=33)
        for profile in PROFILES[1:]:
            assert self.node.enroll(profile)["reason"] == "ok"
        self.given: list[Given] = []
        self.sessions = 0

    @property
    def now_s(self) -> float:
        """Real time."""
        return self.node.real_ms / 1000

    def flowed(self) -> tuple[float, float]:
        """What has flowed so far: all channels, blue."""
        doses = [self.node.flowed(place) for place in range(4)]
        return sum(doses), doses[BLUE] if self.node.modality == "mask" else 0

    def ask(self, profile: int, share: float, epoch_s: int) -> Line:
        """Ask for a session of some part of what a session may be."""
        self.sessions += 1
        mask = self.node.modality == "mask"
        peaks, most = (
            ({0: 30_000, 1: 30_000, BLUE: 15_000}, {0: 33e6, 1: 25e6, BLUE: 25e6})
            if mask
            else ({0: 400}, {0: 375e3})
        )
        budgets = {place: int(dose * share) for place, dose in most.items()}
        return self.node.start(
            f"{self.sessions + 0x100:016x}",
            profile=profile,
            duration_s=900,
            epoch_s=epoch_s,
            window_s=60,
            peaks=peaks,
            budgets=budgets,
        )

    @rule(
        profile=st.sampled_from(PROFILES),
        share=st.sampled_from([0.05, 0.3, 0.7, 1.0]),
        worn_s=st.sampled_from([0, 2, 8, 60, 400, 950]),
        clock=st.tuples(
            st.sampled_from([0.2, 0.2, 6.1, 12.1, 20.1, 24.1]), st.booleans(), st.booleans()
        ),
        end=st.sampled_from(["stop", "cut", "leave", "cut while lit"]),
    )
    def treat(
        self, profile: int, share: float, worn_s: int, clock: tuple[float, bool, bool], end: str
    ) -> None:
        """Start hours later, wear the device for a while, and end the session in some way.

        The caller's clock is right or not set, and a person may vouch for it.
        """
        hours, right, press = clock
        self.node.wait(hours * 3600)
        self.node.touch(on=False)
        self.node.run(31)
        before = self.node.stored
        answer = self.ask(profile, share, EPOCH_S + int(self.now_s) if right else 3600)
        event(answer["reason"])
        if answer["reason"] != "ok":
            if "wait_s" in answer:
                assert answer.number("wait_s") > 0
            assert self.node.state == "idle", answer
            return
        assert self.node.stored != before
        session = f"{self.sessions + 0x100:016x}"
        dose, blue = self.flowed()
        if press:
            self.node.press()
        self.node.touch()
        for minute in range(0, worn_s, 60):
            self.node.sense(
                temperature_c=33 + minute % 7 / 10
            )  # what never changes is a broken sensor
            self.node.run(min(60, worn_s - minute), renew=session)
        if end == "stop":
            self.node.stop()
        elif end == "leave":
            self.node.touch(on=False)
            self.node.run(650)
        elif end.startswith("cut"):
            if end == "cut":
                self.node.pause(session)
            self.reboot()
        self.node.touch(on=False)
        total, blues = self.flowed()
        self.given.append(Given(profile, self.now_s, total - dose, blues - blue))

    @rule(profile=st.sampled_from(PROFILES))
    def indulge(self, profile: int) -> None:
        """As much as there is, every day of a week."""
        for _ in range(7):
            self.treat(profile, 1.0, 950, (24.1, True, True), "stop")

    @rule(hours=st.sampled_from([0.01, 0.5, 3, 6.1, 13, 20.1, 50]))
    def wait(self, hours: float) -> None:
        """Nothing happens for some hours."""
        self.node.wait(hours * 3600)

    @rule(hours=st.sampled_from([0.1, 5, 24, 100]), orderly=st.booleans())
    def switch_off(self, hours: float, orderly: bool) -> None:
        """No power for some hours."""
        before = self.windows()
        if orderly:
            self.node.shut_down()
        self.node.off(hours * 3600)
        self.boot_again(before)

    @rule()
    def reboot(self) -> None:
        """Cut the power, for no time at all: nothing that was counted may be less afterwards."""
        self.boot_again(self.windows())

    def windows(self) -> dict[int, Line]:
        """What the node says of everybody."""
        return {profile: self.node.profile(profile) for profile in PROFILES}

    def boot_again(self, before: dict[int, Line]) -> None:
        """Boot, and compare."""
        self.node.boot().touch(on=False)
        for profile, windows in before.items():
            after = self.node.profile(profile)
            for key in COUNTED:
                assert after.number(key) >= windows.number(key), key
            for key in ("rest_s", "rest_blue_s"):
                assert after.number(key) >= windows.number(key) - 1, key

    @rule(action=st.sampled_from(["start", "stop_again", "enroll", "profile"]))
    def replay(self, action: str) -> None:
        """Repeat a command, also from another client: only the first changes anything."""
        node = self.node
        node.connect(CLIENT, OTHER)
        node.sequence = node.sequence + 1
        bent: dict[str, Any] = {
            "sequence": node.sequence,
            "not_after_ms": signed(node.uptime_ms + 1000),
        }
        if action == "start":
            self.sessions += 1
            ask: dict[str, Any] = {
                "session": f"{self.sessions + 0x100:016x}",
                "profile": PROFILE,
                "last_record": node.newest,
                "epoch_s": 3600,
            }
            first = node.start(**ask, **bent)
            stored = node.stored
            assert node.start(**ask, **bent).text == first.text
            assert node.stored == stored
            node.stop()
        elif action == "stop_again":
            node.stop()
            stored = node.stored
            node.stop()
            assert node.stored == stored
        else:
            call = node.ask_to_enroll if action == "enroll" else node.profile
            first = call(PROFILE, **bent)
            stored = node.stored
            assert call(PROFILE, **bent).text == first.text
            assert node.stored == stored
        node.connect(CLIENT)

    @invariant()
    def nobody_gets_more_than_a_window_holds(self) -> None:
        """Every window that ends at the end of a session, in real time."""
        if not hasattr(self, "given") or not self.given:
            return
        last = self.given[-1]
        for window_s, most in CEILINGS[self.node.modality].items():
            had = [
                one
                for one in self.given
                if one.profile == last.profile and one.ended_s > last.ended_s - window_s
            ]
            assert sum(one.dose for one in had) * 1.2 <= most
        blue = [
            one.blue
            for one in self.given
            if one.profile == last.profile and one.ended_s > last.ended_s - WEEK
        ]
        assert sum(blue) * 1.2 <= BLUE_WEEK

    @invariant()
    def nothing_was_stored_while_something_flowed(self) -> None:
        """The store may block for as long as it likes."""
        assert not hasattr(self, "node") or self.node.saves_while_on == 0


Household.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestNobodyGetsMore = Household.TestCase

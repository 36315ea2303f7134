"""The wand's current over time: always symmetric, and measured behind a faulty bridge."""

import ctypes
from dataclasses import dataclass, field
import itertools

from hypothesis import given, settings, strategies as st
import pytest

from custom_components.facial_therapy.core.recipes import BUILT_IN

from .library import build

LIBRARY = build()
for name in ("wave_new", "net_new"):
    getattr(LIBRARY, name).restype = ctypes.c_void_p

NET_LIMIT_NA = 10_000
COMPLIANCE_V = 12
PERIODS_US = st.integers(3334, 1_000_000)
LEVELS_UA = st.lists(st.integers(0, 500), min_size=1, max_size=40)
PROGRAM_LEVELS = sorted(
    {
        (program.wand.current_ua, program.wand.frequency_hz)
        for program in BUILT_IN.values()
        if program.wand is not None
    }
)


@dataclass(slots=True)
class Wave:
    """One waveform."""

    first: bool = False
    period: int = field(init=False, default=0)
    _wave: ctypes.c_void_p = field(init=False)

    def __post_init__(self) -> None:
        """Power up."""
        self._wave = ctypes.c_void_p(LIBRARY.wave_new(self.first))

    def __del__(self) -> None:
        """Power off."""
        LIBRARY.wave_free(self._wave)

    def begin(self, period_us: int) -> None:
        """Begin an output."""
        LIBRARY.wave_begin(self._wave, ctypes.c_uint32(period_us))

    def next(self, wanted_ua: int) -> tuple[int, int]:
        """The next half period: (us, uA)."""
        duration_us, period = ctypes.c_uint32(), ctypes.c_uint32()
        current_ua = LIBRARY.wave_next(
            self._wave, ctypes.c_uint32(wanted_ua), ctypes.byref(duration_us), ctypes.byref(period)
        )
        self.period = period.value
        return duration_us.value, current_ua


@given(period_us=PERIODS_US, levels_ua=LEVELS_UA, first=st.booleans())
def test_every_whole_period_adds_up_to_nothing_whatever_is_asked_for(
    period_us: int, levels_ua: list[int], first: bool
) -> None:
    wave = Wave(first)
    wave.begin(period_us)
    for first_ua, second_ua in zip(levels_ua, reversed(levels_ua), strict=True):
        halves = [wave.next(first_ua), wave.next(second_ua)]
        assert sum(duration * current for duration, current in halves) == 0
        assert [abs(current) for _, current in halves] == [
            first_ua,
            first_ua,
        ]  # changes where a period begins only
        assert 0 <= period_us - sum(duration for duration, _ in halves) <= 1
        assert first_ua == 0 or halves[0][1] * halves[1][1] < 0
        assert first_ua * halves[0][0] <= 500 * period_us / 2


@given(period_us=PERIODS_US, cuts=st.lists(st.integers(1, 7), min_size=2, max_size=20))
def test_outputs_begin_with_alternating_polarity_wherever_the_last_was_cut(
    period_us: int, cuts: list[int]
) -> None:
    wave = Wave()
    begun = []
    for cut in cuts:
        wave.begin(period_us)
        halves = [wave.next(100)[1] for _ in range(cut)]
        begun.append(halves[0])
    assert all(earlier == -later for earlier, later in itertools.pairwise(begun))


def test_the_first_polarity_is_drawn_and_no_two_halves_of_one_follow_each_other() -> None:
    begun = []
    for first in (False, True):
        wave = Wave(first)
        wave.begin(120_000)
        currents = [wave.next(100)[1] for _ in range(50)]
        assert all(earlier == -later for earlier, later in itertools.pairwise(currents))
        begun.append(currents[0])
    assert sorted(begun) == [-100, 100]


# --- measured -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """A model of the output stage: a gain per direction, an offset, perhaps too high a load."""

    positive: float = 1
    negative: float = 1
    offset_ua: float = 0
    load_ohm: float = 2000

    def current_ua(self, driven_ua: int) -> float:
        """What flows."""
        most_ua = COMPLIANCE_V / self.load_ohm * 1e6
        wanted = driven_ua * (self.positive if driven_ua > 0 else self.negative) + self.offset_ua
        return max(-most_ua, min(most_ua, wanted))


def measure(
    bridge: Bridge, level_ua: int, period_us: int, *, step_ms: float = 4, ramp_s: float = 0
) -> tuple[int, float, float]:
    """Drive and sample the output stage as the node's loop does.

    Returns:
        The node's worst mean in nA, the true mean in uA, and the share of the worst period.
    """
    wave, net = Wave(), ctypes.c_void_p(LIBRARY.net_new())
    wave.begin(period_us)
    LIBRARY.net_begin(net, ctypes.c_uint32(1000), ctypes.c_uint32(period_us))
    time_us, sample_us, total, worst, mean_na = 0.0, 0.0, 0.0, 0.0, 0
    while time_us < 3.2 * max(period_us, 100_000) + ramp_s * 1e6:
        period = 0.0
        for _ in range(2):
            wanted_ua = (
                level_ua if time_us >= ramp_s * 1e6 else int(level_ua * time_us / ramp_s / 1e6)
            )
            duration_us, driven_ua = wave.next(wanted_ua)
            current_ua = bridge.current_ua(driven_ua)
            while sample_us < time_us + duration_us:
                if driven_ua != 0:
                    LIBRARY.net_sample(
                        net,
                        ctypes.c_uint32(1000 + int(sample_us / 1000)),
                        wave.period,
                        driven_ua < 0,
                        round(current_ua * 1000),
                    )
                    mean_na = max(mean_na, LIBRARY.net_mean_na(net), key=abs)
                sample_us += step_ms * 1000
            period += current_ua * duration_us
            time_us += duration_us
        total += period
        worst = max(worst, abs(period) / (level_ua * (period_us // 2 * 2)))
    known = LIBRARY.net_known(net)
    LIBRARY.net_free(net)
    assert known
    return mean_na, total / time_us, worst


@settings(deadline=None)
@given(
    load_ohm=st.floats(200, 20_000),
    level_ua=st.integers(1, 500),
    period_us=st.integers(10_000, 1_000_000),
    step_ms=st.floats(1.1, 4.9),
)
def test_the_net_charge_of_every_period_is_below_1_percent_from_0_2_to_20_kohm(
    load_ohm: float, level_ua: int, period_us: int, step_ms: float
) -> None:
    mean_na, true_ua, worst = measure(
        Bridge(load_ohm=load_ohm), level_ua, period_us, step_ms=step_ms
    )
    assert (abs(mean_na), true_ua) == (0, 0)
    assert worst < 0.01


@pytest.mark.parametrize(("level_ua", "frequency_hz"), PROGRAM_LEVELS)
@pytest.mark.parametrize("load_ohm", [200, 500, 2000, 10_000, 20_000])
def test_the_net_charge_of_every_program_is_below_1_percent_from_0_2_to_20_kohm(
    level_ua: float, frequency_hz: float, load_ohm: int
) -> None:
    mean_na, true_ua, worst = measure(
        Bridge(load_ohm=load_ohm), round(level_ua), round(1_000_000 / frequency_hz)
    )
    assert (mean_na, true_ua) == (0, 0)
    assert worst < 0.01


@settings(deadline=None)
@given(
    gain=st.floats(0, 1.5),
    offset_ua=st.floats(-200, 200),
    level_ua=st.integers(20, 500),
    period_us=st.integers(33_334, 1_000_000),  # by default at most 30 Hz
    step_ms=st.floats(1.1, 4.9),
)
def test_what_is_measured_is_what_flows_however_it_is_sampled(
    gain: float, offset_ua: float, level_ua: int, period_us: int, step_ms: float
) -> None:
    mean_na, true_ua, _ = measure(
        Bridge(positive=gain, offset_ua=offset_ua), level_ua, period_us, step_ms=step_ms
    )
    assert mean_na / 1000 == pytest.approx(true_ua, abs=0.01 + abs(true_ua) * 0.001)


@pytest.mark.parametrize(
    ("bridge", "level_ua"),
    [
        (Bridge(positive=0), 75),  # one switch of the bridge is open
        (Bridge(positive=-1), 75),  # the bridge is stuck in one direction
        (Bridge(offset_ua=11), 75),
        (Bridge(positive=0.9), 250),
    ],
)
def test_a_bridge_that_is_not_symmetric_is_seen(bridge: Bridge, level_ua: int) -> None:
    assert abs(measure(bridge, level_ua, 120_000)[0]) > NET_LIMIT_NA


def test_a_polarity_that_was_never_sampled_is_direct_current() -> None:
    net = ctypes.c_void_p(LIBRARY.net_new())
    LIBRARY.net_begin(net, ctypes.c_uint32(0), ctypes.c_uint32(4000))
    for ms in range(0, 2000, 4):
        LIBRARY.net_sample(net, ctypes.c_uint32(ms), 1 + ms // 4, 0, 300_000)
    assert not LIBRARY.net_known(net)
    LIBRARY.net_sample(net, ctypes.c_uint32(2000), 501, 0, 300_000)
    assert (LIBRARY.net_known(net), LIBRARY.net_mean_na(net)) == (1, 300_000)
    LIBRARY.net_free(net)


@pytest.mark.parametrize(
    ("period_us", "periods"),
    [(3334, 30), (50_000, 2), (50_001, 2), (49_999, 3), (120_000, 1), (1_000_000, 1)],
)
def test_the_mean_is_over_whole_periods_of_at_least_100_ms(period_us: int, periods: int) -> None:
    net = ctypes.c_void_p(LIBRARY.net_new())
    LIBRARY.net_begin(
        net, ctypes.c_uint32(2**32 - 50), ctypes.c_uint32(period_us)
    )  # over the end of the clock
    for period in range(1, periods + 1):
        for negative in (0, 1):
            LIBRARY.net_sample(net, ctypes.c_uint32(2**32 - 50 + period), period, negative, 0)
            assert not LIBRARY.net_known(net)
    LIBRARY.net_sample(net, ctypes.c_uint32(2**32), periods + 1, 0, 0)
    assert LIBRARY.net_known(net)
    LIBRARY.net_free(net)


@pytest.mark.parametrize(
    ("level_ua", "frequency_hz"), [*PROGRAM_LEVELS, (250, 1), (416, 30), (416, 8.3)]
)
def test_a_ramp_is_no_net_current(level_ua: float, frequency_hz: float) -> None:
    mean_na, true_ua, _ = measure(
        Bridge(), round(level_ua), round(1_000_000 / frequency_hz), step_ms=4.3, ramp_s=5
    )
    assert true_ua == 0
    assert abs(mean_na) < NET_LIMIT_NA / 5


def test_a_timer_that_stands_still_is_direct_current() -> None:
    net = ctypes.c_void_p(LIBRARY.net_new())
    LIBRARY.net_begin(net, ctypes.c_uint32(0), ctypes.c_uint32(120_000))
    for ms in range(0, 60, 4):
        LIBRARY.net_sample(net, ctypes.c_uint32(ms), 1, 0, 300_000)
    for ms in range(60, 2004, 4):
        LIBRARY.net_sample(net, ctypes.c_uint32(ms), 1, 1, -300_000)
    assert LIBRARY.net_mean_na(net) < -25 * NET_LIMIT_NA
    LIBRARY.net_free(net)

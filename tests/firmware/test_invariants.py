"""Invariants of a node, each one property. `docs/safety.md` names the fault that turns each red."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from .library import CLIENT, OTHER, Node
from .wire import signed

ID: Final = "00000000000000c1"
MODALITIES: Final = pytest.mark.parametrize("modality", ["mask", "wand"])
FEW: Final = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
WATCHDOG_MS: Final = 10
"""The guard looks every 5 ms, and may be 5 ms late."""
FAULT_MS: Final = {"mask": 100 + WATCHDOG_MS, "wand": 40 + WATCHDOG_MS}
NET_MS: Final = 100
"""Least time over whole periods of which the net charge is averaged, in ms; a stall, in which the
output watchdog switches off, resets it."""


def output_after(node: Node, at_ms: int) -> bool:
    """Whether anything flowed after this moment of uptime."""
    levels = [0] * 4
    for (when, place, level), (later, *_) in pairwise([*node.changes(), (node.uptime_ms, 0, 0)]):
        levels[place] = level
        if any(levels) and later > max(when, at_ms):
            return True
    return False


@MODALITIES
@FEW
@given(
    lease_ms=st.integers(1000, 5000),
    age_ms=st.integers(0, 900),
    meanwhile=st.lists(
        st.sampled_from(["run", "lift", "touch", "set", "late", "again", "foreign", "stall"]),
        max_size=8,
    ),
)
def test_output_is_zero_within_the_lease_after_the_last_valid_renewal(
    modality: str, lease_ms: int, age_ms: int, meanwhile: list[str]
) -> None:
    node = Node(modality, clients=[CLIENT, OTHER])
    start_ms = node.uptime_ms
    node.ramping(duration_s=60, lease_ms=lease_ms).run(0.9)
    stamp_ms = node.uptime_ms - age_ms
    assert node.renew(stamp_ms=stamp_ms)["reason"] == "ok"
    renewed = node.sequence
    for what in meanwhile:
        match what:
            case "run":
                node.run(0.7)
            case "lift" | "touch":
                node.touch(on=what == "touch").run(0.1)
            case "set":
                node.set_levels({0: 60})
            case "late":
                node.renew(stamp_ms=node.uptime_ms - lease_ms - 1)
            case "again":
                node.renew(sequence=renewed)
            case "foreign":
                node.renew(client=OTHER)
            case _:
                node.stall(300)
    node.run(lease_ms / 1000 + 1)
    node.touch(on=False).touch().run(1)
    assert not output_after(node, max(start_ms, stamp_ms) + lease_ms + WATCHDOG_MS)


HEAT: Final[list[dict[str, Any]]] = [
    *({"temperature_c": celsius} for celsius in (None, 4.0, 41.5, 90.0)),
    {"temperature_age_ms": 5000},
]
CURRENT: Final[list[dict[str, Any]]] = [
    {"over_current": True},
    {"stray_ua": 400},
    {"current_known": False},
    {"current_age_ms": 50},
    {"net_na": 20_000},
    {"net_na": -20_000},
    {"impedance_ohm": None},
    {"impedance_ohm": 20_001},
    {"impedance_age_ms": 50},
    {"charging": True},
]
FAULTS: Final = [
    *(("mask", cause) for cause in [*HEAT, {"worn": False}, {"worn": None}]),
    *(("wand", cause) for cause in [*HEAT, *CURRENT]),
]


@pytest.mark.parametrize(("modality", "cause"), FAULTS)
@settings(FEW, max_examples=8)
@given(output_ms=st.integers(10, 6000), stall_ms=st.sampled_from([0, 3, 30, 45, 99, 120, 2000]))
def test_any_fault_is_zero_within_50_or_100_ms(
    modality: str, cause: dict[str, Any], output_ms: int, stall_ms: int
) -> None:
    node = Node(modality).ramping(duration_s=60)
    node.run(output_ms / 1000, renew=ID)
    node.sense(**cause)
    at_ms = node.uptime_ms
    node.stall(stall_ms)
    node.tick().run(2)
    assert not output_after(
        node, at_ms + FAULT_MS[modality] + (stall_ms + NET_MS if "net_na" in cause else 0)
    )


MASK: Final[st.SearchStrategy[dict[str, Any]]] = st.fixed_dictionaries(
    {
        "full_uw_cm2": st.integers(10_000, 80_000).map(lambda full: (full,) * 4),
        "peaks_uw_cm2": st.integers(10_000, 80_000).map(lambda peak: (peak,) * 4),
        "uncertainty_permille": st.integers(200, 1000),
        "grade": st.sampled_from(["measured", "declared", "none"]),
        "skin_permille": st.integers(300, 1000),
        "duration_s": st.integers(5, 60),
    }
)
WAND: Final[st.SearchStrategy[dict[str, Any]]] = st.fixed_dictionaries(
    {
        "current_ua": st.integers(100, 500),
        "contact_area_mm2": st.integers(5, 30),
        "uncertainty_permille": st.integers(200, 1000),
        "grade": st.sampled_from(["measured", "declared", "none"]),
        "duration_s": st.integers(5, 60),
    }
)
GRADES: Final = ("none", "declared", "measured")


def tighter(name: str, one: Any, other: Any) -> Any:
    """The tighter of two settings."""
    if name == "grade":
        return min(one, other, key=GRADES.index)
    return max(one, other) if name == "uncertainty_permille" else min(one, other)


def delivered_by(modality: str, config: dict[str, Any], peak: int) -> tuple[int, float]:
    """The highest level and the dose of a session of 10 s with this peak, if it is let through."""
    config = dict(config)
    skin = config.pop("skin_permille", 1000)
    node = Node(modality, **config)
    if node.start(peaks={0: peak}, skin_permille=skin)["reason"] != "ok":
        return 0, 0
    node.touch(on=False).touch().run(8, renew=ID)
    return node.highest(), node.flowed()


@MODALITIES
@settings(FEW, max_examples=120)
@given(data=st.data())
def test_tightening_one_bound_never_lets_more_flow_and_the_least_of_all_holds(
    modality: str, data: st.DataObject
) -> None:
    loose, other = (
        data.draw(MASK if modality == "mask" else WAND),
        data.draw(MASK if modality == "mask" else WAND),
    )
    name = data.draw(st.sampled_from(sorted(loose)))
    tight = loose | {name: tighter(name, loose[name], other[name])}
    peak = data.draw(st.integers(1, 90_000) if modality == "mask" else st.integers(1, 550))
    most, less = delivered_by(modality, loose, peak), delivered_by(modality, tight, peak)
    assert less[0] <= most[0]
    assert less[1] <= most[1]
    charge = 1000 + max(loose["uncertainty_permille"], 200 if loose["grade"] == "measured" else 500)
    if modality == "mask":
        assert most[0] <= min(loose["full_uw_cm2"][0], loose["peaks_uw_cm2"][0])
        assert most[0] * charge <= 80_000 * loose["skin_permille"]
    else:
        assert most[0] <= loose["current_ua"]
        assert most[0] * charge <= min(500, 20 * loose["contact_area_mm2"]) * 1000


ACTIONS: Final = ("start", "set_levels", "renew", "pause", "resume", "clear", "history", "profile")


@MODALITIES
@pytest.mark.parametrize("action", ACTIONS)
@settings(FEW, max_examples=10)
@given(state=st.sampled_from(["idle", "armed", "ramping", "paused"]), later_ms=st.integers(1, 900))
def test_the_same_command_twice_leaves_the_ledger_as_it_is(
    modality: str, action: str, state: str, later_ms: int
) -> None:
    node = Node(modality)
    if state != "idle":
        (node.armed if state == "armed" else node.ramping)(duration_s=60)
    if state == "paused":
        node.pause()
    arguments: tuple[Any, ...] = {
        "set_levels": ({0: 60},),
        "clear": ("store",),
        "history": (1,),
    }.get(action, ())
    bent: dict[str, Any] = {
        "sequence": node.sequence + 1,
        "not_after_ms": signed(node.uptime_ms + 1000),
    }
    if action == "start":
        bent |= {"session": "00000000000000d2", "last_record": node.newest}
    first = node.command(action, *arguments, **bent)
    stored = node.stored
    node.run(later_ms / 1000)
    kept, saves = node.stored, node.saves
    assert kept == stored or first["state"] in {"armed", "ramping", "running", "paused"}
    assert node.command(action, *arguments, **bent).text == first.text
    assert (node.stored, node.saves) == (kept, saves)


DEEDS: Final = (
    "start",
    "adopt",
    "renew",
    "set",
    "pause",
    "resume",
    "foreign",
    "stop",
    "clear",
    "wait",
    "stall",
    "reboot",
    "gone",
)


def do(node: Node, what: str, session: str) -> None:
    """Do whatever somebody on the network or a bad supply can do."""
    deeds: dict[str, Callable[[], object]] = {
        "start": lambda: node.start(session, duration_s=60),
        "adopt": lambda: node.adopt(session, client=OTHER),
        "set": lambda: node.set_levels({0: 60}, session),
        "foreign": lambda: node.resume(session, client=OTHER),
        "stop": node.stop,
        "clear": lambda: node.clear("worn_stuck"),
        "run": lambda: node.run(1),
        "wait": lambda: node.run(12),
        "stall": lambda: node.stall(300),
        "reboot": node.boot,
        "gone": lambda: node.connect(OTHER).connect(CLIENT, OTHER),
    }
    deeds.get(what, lambda: node.command(what, session))()


@MODALITIES
@pytest.mark.parametrize("sensor", ["off", "on", "unknown", "none"])
@FEW
@given(
    steps=st.lists(
        st.sampled_from(
            [
                "start",
                "start",
                "adopt",
                "renew",
                "set",
                "pause",
                "resume",
                "foreign",
                "stop",
                "clear",
                "run",
                "wait",
                "stall",
                "reboot",
                "gone",
            ]
        ),
        max_size=20,
    )
)
def test_no_command_begins_output_without_an_edge_or_a_press(
    modality: str, sensor: str, steps: list[str]
) -> None:
    node = Node(modality, has_worn=sensor != "none", clients=[CLIENT, OTHER])
    if sensor == "on":
        node.touch()
    elif sensor == "unknown":
        node.sense(worn=None, impedance_ohm=None).tick()
    session = ID
    for number, what in enumerate(steps):
        session = f"{number + 0x200:016x}" if what == "start" else session
        do(node, what, session)
        node.run(0.3)
    assert node.output_ms == 0


def delivered(node: Node) -> int:
    """What the newest record says was delivered, all channels."""
    delivered = node.history(node.newest)["delivered"]
    return sum(int(pair.split(":")[1]) for pair in delivered.split(",")) if delivered != "-" else 0


@MODALITIES
@FEW
@given(
    at_ms=st.integers(0, 12_000),
    step_ms=st.integers(1, 40),
    end=st.sampled_from(["none", "pause", "stop", "lift"]),
)
def test_a_reboot_at_any_tick_never_lowers_the_counted_dose(
    modality: str, at_ms: int, step_ms: int, end: str
) -> None:
    node = Node(modality, step_ms=step_ms).armed(duration_s=10).touch(on=False).touch()
    node.run(at_ms / 1000, renew=ID)
    if end == "lift":
        node.touch(on=False)
    elif end != "none":
        node.command(*(["pause", ID] if end == "pause" else ["stop"]))
    before = node.profile()
    node.boot()
    after = node.profile()
    for key in ("dose_day", "dose_week", "sessions_day", "sessions_week"):
        assert after.number(key) >= before.number(key), key
    assert after.number("rest_s") >= before.number("rest_s") - 1
    assert after.number("dose_day") >= int(node.flowed() * 1.2)
    assert delivered(node) >= int(node.flowed())


@MODALITIES
@FEW
@given(
    data=st.data(),
    kind=st.sampled_from(["session", "torn", "rubbish", "missing"]),
    worn=st.booleans(),
    button=st.booleans(),
)
def test_power_up_is_dark_and_what_cannot_be_read_allows_nothing(
    modality: str, data: st.DataObject, kind: str, worn: bool, button: bool
) -> None:
    node = Node(modality).ramping(duration_s=60)
    node.run(1)
    content = bytearray(node.stored)
    if kind == "torn":
        content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    elif kind == "rubbish":
        content = bytearray(data.draw(st.binary(max_size=200)))
    node.stored = None if kind == "missing" else bytes(content)
    output_ms = node.output_ms
    node.sense(worn=worn, impedance_ohm=2000 if worn else 10_000_000, button=button).boot()
    assert (node.dark, node.state) == (True, "idle" if kind == "session" else "fault")
    for on in (False, True, False, True):
        node.sense(button=on).touch(on=on).run(1)
    assert node.output_ms == output_ms
    node.sense(button=False).touch(on=False)
    assert kind == "session" or node.start("00000000000000d2", last_record=1)["reason"] == "faulted"

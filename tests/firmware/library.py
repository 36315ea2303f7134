"""Builds the governor as a shared library, and drives it with time and sensors of our own.

`Node` speaks the contract as a client does. Boot id, sequence and not-after are right unless a test
changes them.
"""

from collections.abc import Mapping, Sequence
import ctypes
from dataclasses import dataclass, field
import functools
import hashlib
from pathlib import Path
import subprocess
from typing import Any, Final, Self

from .wire import Line, signed

ROOT: Final = Path(__file__).parents[2]
COMPONENT: Final = ROOT / "esphome" / "components" / "facial_therapy"
PARTS: Final = (
    "governor.cpp",
    "sensors.cpp",
    "start.cpp",
    "profiles.cpp",
    "actions.cpp",
    "lines.cpp",
)
SOURCES: Final = [Path(__file__).parent / "shim.cpp", *(COMPONENT / name for name in PARTS)]
WAVEFORM: Final = Path(__file__).parent / "waveform.cpp"
FLAGS: Final = [
    "-std=c++20",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-fsanitize=undefined",
    "-fno-sanitize-recover=all",
    "-fPIC",
    "-shared",
]

RED, NEAR_INFRARED, BLUE, AMBER = range(4)
"""Places; the wire number is one more. The wand's only place is 0."""

CLIENT: Final = "00000000000000a1"
OTHER: Final = "00000000000000b2"
BOOT: Final = 1_234_567
PROFILE: Final = 77
KEY: Final = "00000000000000e5"
"""The key with which a session may be adopted."""
EPOCH_S: Final = 1_790_000_000

GRADES: Final = {"none": 0, "declared": 1, "measured": 2}
EYE_SHIELDS: Final = {"none": 0, "fixed": 1, "sensed": 2}


def build() -> ctypes.CDLL:
    """Compile the library, unless the same sources were compiled before, and load it."""
    digest = hashlib.sha256(repr(FLAGS).encode())
    for source in sorted([*SOURCES, WAVEFORM, *COMPONENT.glob("*.h")]):
        digest.update(source.read_bytes())
    library = ROOT / ".work" / "firmware" / f"governor-{digest.hexdigest()[:16]}.so"
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        partial = library.with_suffix(".partial")
        subprocess.run(
            ["g++", *FLAGS, *map(str, [*SOURCES, WAVEFORM]), "-o", str(partial)], check=True
        )
        partial.rename(library)
    loaded = ctypes.CDLL(str(library))
    loaded.shim_new.restype = ctypes.c_void_p
    for name in (
        "start",
        "set_levels",
        "renew",
        "pause",
        "resume",
        "adopt",
        "clear",
        "history",
        "enroll",
        "profile",
        "stop",
        "telemetry",
        "description",
    ):
        getattr(loaded, f"shim_{name}").restype = ctypes.c_char_p
    for name in (
        "now",
        "level",
        "highest",
        "lit_ms",
        "changes",
        "faults",
        "store_saves",
        "store_saves_while_lit",
        "store_size",
        "telemetry_changes",
        "size",
    ):
        getattr(loaded, f"shim_{name}").restype = ctypes.c_uint32
    loaded.shim_flowed.restype = ctypes.c_uint64
    return loaded


_LIBRARY: Final = build()


class _Config(ctypes.Structure):
    _fields_ = (
        *(
            (name, ctypes.c_int32)
            for name in (
                "wand",
                "grade",
                "uncertainty_permille",
                "eye_shield",
                "has_worn",
                "has_temperature",
                "has_button",
                "has_current",
            )
        ),
        ("full_uw_cm2", ctypes.c_uint32 * 4),
        ("peaks_uw_cm2", ctypes.c_uint32 * 4),
        *(
            (name, ctypes.c_uint32)
            for name in (
                "current_ua",
                "contact_area_mm2",
                "impedance_minimum_ohm",
                "impedance_maximum_ohm",
                "duration_s",
            )
        ),
    )


class _Sensors(ctypes.Structure):
    _fields_ = (
        *(
            (name, ctypes.c_int32)
            for name in ("worn_known", "worn", "shield", "temperature_known", "temperature_cc")
        ),
        ("temperature_age_ms", ctypes.c_uint32),
        ("impedance_known", ctypes.c_int32),
        ("impedance_ohm", ctypes.c_uint32),
        ("impedance_age_ms", ctypes.c_uint32),
        *((name, ctypes.c_int32) for name in ("charging", "over_current", "button", "rtc_known")),
        ("rtc_s", ctypes.c_uint32),
        *((name, ctypes.c_int32) for name in ("current_known", "stray_ua", "net_known", "net_na")),
        ("current_age_ms", ctypes.c_uint32),
    )


class _Header(ctypes.Structure):
    _fields_ = (
        ("client", ctypes.c_char_p),
        *((name, ctypes.c_int32) for name in ("boot", "sequence", "not_after_ms")),
    )


class _Start(ctypes.Structure):
    _fields_ = (
        ("session", ctypes.c_char_p),
        ("resume_key", ctypes.c_char_p),
        *(
            (name, ctypes.c_int32)
            for name in (
                "last_record",
                "profile",
                "skin_permille",
                "duration_s",
                "lease_ms",
                "window_s",
                "epoch_s",
            )
        ),
        ("channels", ctypes.POINTER(ctypes.c_int32)),
        ("channels_count", ctypes.c_uint32),
        ("peaks", ctypes.POINTER(ctypes.c_int32)),
        ("peaks_count", ctypes.c_uint32),
        ("budgets", ctypes.POINTER(ctypes.c_int32)),
        ("budgets_count", ctypes.c_uint32),
        ("period_us", ctypes.c_int32),
        ("zone_s", ctypes.c_int32),
    )


def _numbers(values: Sequence[int]) -> ctypes.Array[ctypes.c_int32]:
    return (ctypes.c_int32 * max(len(values), 1))(*values)


def refusals(line: Line) -> dict[str, int]:
    """Read `refuses=reason:wait_s,...`."""
    if line["refuses"] == "-":
        return {}
    return {
        reason: int(wait_s)
        for reason, wait_s in (pair.split(":") for pair in line["refuses"].split(","))
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensed:
    """What the sensors of a node say. The defaults are a healthy node that nobody wears."""

    worn: bool | None = False
    """None: the worn sensor has not reported."""
    shield: bool = True
    temperature_c: float | None = 33.0
    temperature_age_ms: int = 0
    frozen: bool = False
    """The temperature has no noise."""
    impedance_ohm: int | None = 10_000_000
    """10 Mohm: open circuit."""
    impedance_age_ms: int = 0
    charging: bool = False
    over_current: bool = False
    button: bool = False
    rtc_s: int | None = None
    """None: no battery-backed clock."""
    current_known: bool = True
    current_age_ms: int = 0
    stray_ua: int = 0
    """Measured current beyond the driven one."""
    net_na: int | None = 0


@functools.cache
def commissioned(modality: str) -> bytes:
    """Return the store of a commissioned node: button held for 10 s, then 3 s for profile 77."""
    node = Node(modality, fresh=True).press(10.1)
    assert node.enroll(PROFILE)["reason"] == "ok"
    return node.stored


@dataclass(slots=True)
class Node:
    """A governed node on a simulated clock; commissioned, with profile 77, unless `fresh`."""

    modality: str = "mask"
    now_ms: int = 10_000
    step_ms: int = 5
    """How far apart ticks are in `run`."""
    grade: str = "measured"
    uncertainty_permille: int = 200
    eye_shield: str = "fixed"
    has_worn: bool = True
    has_temperature: bool = True
    full_uw_cm2: tuple[int, int, int, int] = (80_000, 80_000, 40_000, 50_000)
    peaks_uw_cm2: tuple[int, int, int, int] = (80_000, 80_000, 40_000, 50_000)
    current_ua: int = 500
    contact_area_mm2: int = 25
    impedance_ohm: tuple[int, int] = (500, 15_000)
    duration_s: int = 1200
    clients: list[str] = field(default_factory=lambda: [CLIENT])
    sensed: Sensed = field(default_factory=Sensed)
    boots: int = 0
    fresh: bool = False
    _node: ctypes.c_void_p = field(init=False)
    sequence: int = field(init=False, default=0)
    """Of the last command."""
    real_ms: int = field(init=False, default=0)
    """How much time has passed, that without power included; it does not wrap."""

    def __post_init__(self) -> None:
        """Power up."""
        config = _Config(
            self.wand,
            GRADES[self.grade],
            self.uncertainty_permille,
            EYE_SHIELDS[self.eye_shield],
            self.has_worn and not self.wand,
            self.has_temperature,
            1,
            self.wand,
            (ctypes.c_uint32 * 4)(*((0, 0, 0, 0) if self.wand else self.full_uw_cm2)),
            (ctypes.c_uint32 * 4)(*((0, 0, 0, 0) if self.wand else self.peaks_uw_cm2)),
            self.current_ua,
            self.contact_area_mm2,
            *self.impedance_ohm,
            self.duration_s,
        )
        self._node = ctypes.c_void_p(
            _LIBRARY.shim_new(ctypes.byref(config), ctypes.c_uint32(self.now_ms))
        )
        if not self.fresh:
            self.stored = commissioned(self.modality)
        self.boot()

    def __del__(self) -> None:
        """Power off for good."""
        _LIBRARY.shim_free(self._node)

    @property
    def wand(self) -> bool:
        """Whether it is one."""
        return self.modality == "wand"

    @staticmethod
    def size() -> int:
        """Bytes of memory that the governor takes, its records included."""
        return int(_LIBRARY.shim_size())

    # --- time and sensors -------------------------------------------------------------------------

    def boot(self, *, brown_out: bool = False) -> Self:
        """Start the program, be it the first time or after a cut at any moment."""
        self.boots += 1
        _LIBRARY.shim_boot(self._node, BOOT + self.boots - 1, brown_out)
        self.sense()
        self.tick()
        return self

    def shut_down(self) -> None:
        """End the program in order."""
        _LIBRARY.shim_shut_down(self._node)

    def with_watchdog(self, *, on: bool) -> Self:
        """Let the output watchdog be started at the next boot, or not."""
        _LIBRARY.shim_watched(self._node, on)
        return self

    def sense(self, **changes: Any) -> Self:
        """Change what the sensors say; the node looks at its next tick."""
        values = {name: getattr(self.sensed, name) for name in Sensed.__slots__} | changes
        self.sensed = Sensed(**values)
        sensed = self.sensed
        sensors = _Sensors(
            sensed.worn is not None and not self.wand,
            bool(sensed.worn),
            sensed.shield,
            sensed.temperature_c is not None,
            round((sensed.temperature_c or 0) * 100),
            sensed.temperature_age_ms,
            sensed.impedance_ohm is not None and self.wand,
            sensed.impedance_ohm or 0,
            sensed.impedance_age_ms,
            sensed.charging,
            sensed.over_current,
            sensed.button,
            sensed.rtc_s is not None,
            sensed.rtc_s or 0,
            sensed.current_known,
            sensed.stray_ua,
            sensed.net_na is not None,
            sensed.net_na or 0,
            sensed.current_age_ms,
        )
        _LIBRARY.shim_sensors(self._node, ctypes.byref(sensors))
        _LIBRARY.shim_frozen(self._node, sensed.frozen)
        ids = [int(client, 16) for client in self.clients]
        _LIBRARY.shim_clients(self._node, (ctypes.c_uint64 * max(len(ids), 1))(*ids), len(ids))
        return self

    def touch(self, on: bool = True) -> Self:  # noqa: FBT002 - a sensor has two values
        """Put it on, or take it off, and let it notice."""
        self.sense(**({"impedance_ohm": 2000 if on else 10_000_000} if self.wand else {"worn": on}))
        return self.tick()

    def connect(self, *clients: str) -> Self:
        """Make these the connected clients, and let it notice."""
        self.clients = list(clients)
        return self.sense().tick()

    def tick(self) -> Self:
        """Let the loop come round now."""
        _LIBRARY.shim_tick(self._node)
        return self

    def run(self, seconds: float, *, renew: str | None = None) -> Self:
        """Let time pass with the loop running; `renew`: renew this lease twice a second."""
        rest = round(seconds * 1000)
        self.real_ms += rest
        while rest > 0:
            part = min(rest, 500 if renew else rest)
            _LIBRARY.shim_run(self._node, part, self.step_ms)
            rest -= part
            if renew and self.state in {"armed", "ramping", "running"}:
                self.renew(renew)
        return self

    def wait(self, seconds: float) -> Self:
        """Let hours without output pass quickly, with one pass of the loop a minute."""
        self.real_ms += round(seconds * 1000)
        _LIBRARY.shim_run(self._node, round(seconds * 1000), 60_000)
        return self

    def off(self, seconds: float) -> Self:
        """Let time pass without power: only `boot` may follow."""
        self.real_ms += round(seconds * 1000)
        return self

    def stall(self, ms: int) -> Self:
        """Let time pass with the loop silent; nothing is noticed until the next tick or command."""
        self.real_ms += ms
        _LIBRARY.shim_stall(self._node, ms)
        return self

    @property
    def uptime_ms(self) -> int:
        """Node uptime, modulo 2^32."""
        return int(_LIBRARY.shim_now(self._node))

    # --- what flows, as seen below the governor ---------------------------------------------------

    def level(self, place: int = 0) -> int:
        """The level of a place now, uW/cm2 or uA."""
        return int(_LIBRARY.shim_level(self._node, place))

    @property
    def dark(self) -> bool:
        """Whether nothing flows at all."""
        return not any(self.level(place) for place in range(4))

    def highest(self, place: int = 0) -> int:
        """The highest level there ever was."""
        return int(_LIBRARY.shim_highest(self._node, place))

    def flowed(self, place: int = 0) -> float:
        """The dose that has flowed, uJ/cm2 or uC, counted outside of the governor."""
        return int(_LIBRARY.shim_flowed(self._node, place)) / 1000

    @property
    def output_ms(self) -> int:
        """Time with output on, in ms."""
        return int(_LIBRARY.shim_lit_ms(self._node))

    def changes(self) -> list[tuple[int, int, int]]:
        """Every change of level: (uptime, place, level)."""
        found = []
        numbers = [ctypes.c_uint32() for _ in range(3)]
        for index in range(_LIBRARY.shim_changes(self._node)):
            _LIBRARY.shim_change(self._node, index, *(ctypes.byref(number) for number in numbers))
            found.append((numbers[0].value, numbers[1].value, numbers[2].value))
        return found

    @property
    def reported_changes(self) -> int:
        """How often telemetry had something new to tell."""
        return int(_LIBRARY.shim_telemetry_changes(self._node))

    @property
    def state(self) -> str:
        """The state's word."""
        return ("idle", "armed", "ramping", "running", "suspended", "paused", "fault")[
            _LIBRARY.shim_state(self._node)
        ]

    # --- the store --------------------------------------------------------------------------------

    def store(self, *, fail: bool | None = None, unreadable: bool | None = None) -> Self:
        """Make the store fail, or heal."""
        if fail is not None:
            _LIBRARY.shim_store_fail(self._node, fail)
        if unreadable is not None:
            _LIBRARY.shim_store_unreadable(self._node, unreadable)
        return self

    @property
    def stored(self) -> bytes:
        """What the store holds."""
        buffer = (ctypes.c_uint8 * int(_LIBRARY.shim_store_size(self._node)))()
        _LIBRARY.shim_store_read(self._node, buffer)
        return bytes(buffer)

    @stored.setter
    def stored(self, content: bytes | None) -> None:
        content, present = content or b"", content is not None
        _LIBRARY.shim_store_write(
            self._node, (ctypes.c_uint8 * max(len(content), 1))(*content), len(content), present
        )

    @property
    def saves(self) -> int:
        """How often it was written."""
        return int(_LIBRARY.shim_store_saves(self._node))

    @property
    def saves_while_on(self) -> int:
        """Number of writes while the output was on: none."""
        return int(_LIBRARY.shim_store_saves_while_lit(self._node))

    # --- the contract -----------------------------------------------------------------------------

    def header(self, bent: Mapping[str, Any]) -> _Header:
        """Make the first four arguments, right unless `bent`."""
        self.sequence += "sequence" not in bent
        sequence = bent.get("sequence", self.sequence)
        return _Header(
            bent.get("client", CLIENT).encode(),
            bent.get("boot", BOOT + self.boots - 1),
            sequence,
            bent.get("not_after_ms", signed(self.uptime_ms + 1000)),
        )

    @property
    def newest(self) -> int:
        """The number of the newest record."""
        return self.telemetry().number("record")

    def start(self, session: str = "00000000000000c1", **bent: Any) -> Line:
        """Send a start: red (or 100 uA) for 10 s, unless `bent`.

        `peaks` and `budgets` are per channel index, or lists that go with `channels`.
        """
        peaks = bent.get("peaks", {0: 100 if self.wand else 20_000})
        duration_s = bent.get("duration_s", 10)
        budgets = bent.get(
            "budgets",
            {place: min(peak * max(duration_s, 1), 2**31 - 1) for place, peak in peaks.items()}
            if isinstance(peaks, dict)
            else [],
        )
        channels = bent.get(
            "channels", [place + 1 for place in peaks] if isinstance(peaks, dict) else []
        )
        peaks, budgets = (
            list(values.values()) if isinstance(values, dict) else list(values)
            for values in (peaks, budgets)
        )
        start = _Start(
            session.encode(),
            bent.get("resume_key", KEY).encode(),
            bent.get("last_record", self.newest),
            bent.get("profile", PROFILE),
            bent.get("skin_permille", 1000),
            duration_s,
            bent.get("lease_ms", 5000 if self.wand else 10_000),
            bent.get("window_s", 60),
            bent.get("epoch_s", EPOCH_S),
            _numbers(channels),
            len(channels),
            _numbers(peaks),
            len(peaks),
            _numbers(budgets),
            len(budgets),
            bent.get("period_us", 120_000),
            bent.get("zone_s", 60),
        )
        return self._line(
            _LIBRARY.shim_start(self._node, ctypes.byref(self.header(bent)), ctypes.byref(start))
        )

    def set_levels(
        self, wanted: Mapping[int, int], /, session: str = "00000000000000c1", **bent: Any
    ) -> Line:
        """Set levels per place, or whatever `channels` and `levels` say."""
        channels = bent.get("channels", [place + 1 for place in wanted])
        values = bent.get("levels", list(wanted.values()))
        header = self.header(bent)
        return self._line(
            _LIBRARY.shim_set_levels(
                self._node,
                ctypes.byref(header),
                session.encode(),
                _numbers(channels),
                len(channels),
                _numbers(values),
                len(values),
            )
        )

    def renew(
        self, session: str = "00000000000000c1", *, stamp_ms: int | None = None, **bent: Any
    ) -> Line:
        """Renew with the stamp of right now, or another."""
        stamp = self.uptime_ms if stamp_ms is None else stamp_ms
        return self._line(
            _LIBRARY.shim_renew(
                self._node, ctypes.byref(self.header(bent)), session.encode(), signed(stamp)
            )
        )

    def pause(self, session: str = "00000000000000c1", **bent: Any) -> Line:
        """Pause."""
        return self._line(
            _LIBRARY.shim_pause(self._node, ctypes.byref(self.header(bent)), session.encode())
        )

    def resume(self, session: str = "00000000000000c1", **bent: Any) -> Line:
        """Resume."""
        return self._line(
            _LIBRARY.shim_resume(self._node, ctypes.byref(self.header(bent)), session.encode())
        )

    def adopt(self, session: str = "00000000000000c1", *, key: str = KEY, **bent: Any) -> Line:
        """Take a session over, as the client that `bent` names."""
        return self._line(
            _LIBRARY.shim_adopt(
                self._node, ctypes.byref(self.header(bent)), session.encode(), key.encode()
            )
        )

    def clear(self, fault: str, **bent: Any) -> Line:
        """Clear a fault."""
        return self._line(
            _LIBRARY.shim_clear(self._node, ctypes.byref(self.header(bent)), fault.encode())
        )

    def history(self, record: int, profile: int = PROFILE, **bent: Any) -> Line:
        """Read one record, and ask whether it is of a profile."""
        return self._line(
            _LIBRARY.shim_history(self._node, ctypes.byref(self.header(bent)), record, profile)
        )

    def enroll(self, profile: int, **bent: Any) -> Line:
        """Hold the button for 3 s, ask, and let go."""
        self.sense(button=True).tick()
        self.run(3.1)
        answer = self.ask_to_enroll(profile, **bent)
        self.sense(button=False).tick()
        return answer

    def enrolled(self, *tokens: int) -> list[int]:
        """Return the tokens that the node knows; telemetry must count as many if these are all."""
        return [token for token in tokens if self.profile(token)["reason"] == "ok"]

    @property
    def profiles(self) -> tuple[int, int]:
        """How many profiles are enrolled, and the generation of what the node keeps of them."""
        count, generation = self.telemetry()["profiles"].split(":")
        return int(count), int(generation)

    @property
    def refuses(self) -> dict[str, int]:
        """What telemetry says would refuse a start, and for how long."""
        return refusals(self.telemetry())

    def ask_to_enroll(self, profile: int, **bent: Any) -> Line:
        """Ask without a hand on the button."""
        return self._line(
            _LIBRARY.shim_enroll(self._node, ctypes.byref(self.header(bent)), profile)
        )

    def profile(self, profile: int = PROFILE, **bent: Any) -> Line:
        """Read the windows of a profile."""
        return self._line(
            _LIBRARY.shim_profile(self._node, ctypes.byref(self.header(bent)), profile)
        )

    def stop(self) -> Line:
        """Stop, as anyone may."""
        return self._line(_LIBRARY.shim_stop(self._node))

    def command(self, name: str, *arguments: Any, **bent: Any) -> Line:
        """Call an action by its method's name."""
        return getattr(self, name)(*arguments, **bent)  # type: ignore[no-any-return]

    def _line(self, raw: bytes) -> Line:
        line = Line(raw.decode())
        assert bool(_LIBRARY.shim_accepted(self._node)) == (line["reason"] == "ok")
        return line

    def telemetry(self) -> Line:
        """The telemetry line of now."""
        return Line(_LIBRARY.shim_telemetry(self._node).decode())

    def description(self) -> Line:
        """The description line."""
        return Line(_LIBRARY.shim_description(self._node).decode())

    def press(self, seconds: float = 0.2) -> Self:
        """Press the button and let go."""
        self.sense(button=True).tick()
        self.run(seconds)
        self.sense(button=False).tick()
        return self

    # --- shortcuts --------------------------------------------------------------------------------

    def armed(self, **bent: Any) -> Self:
        """Arm a session that must be accepted."""
        answer = self.start(**bent)
        assert answer["reason"] == "ok", answer
        assert self.state == "armed"
        return self

    def ramping(self, **bent: Any) -> Self:
        """Arm, and put it on."""
        self.armed(**bent)
        self.touch(on=False)
        self.touch()
        assert self.state == "ramping"
        return self

    def running(self, **bent: Any) -> Self:
        """Arm, put it on, and wait for the end of the ramp."""
        self.ramping(**bent)
        self.run(5.1 if self.wand else 3.1, renew=bent.get("session", "00000000000000c1"))
        assert self.state == "running"
        return self

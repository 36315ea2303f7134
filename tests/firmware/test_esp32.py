"""The drivers of the ESP32, compiled against our own declarations and run on a simulated chip.

The tests check the order of accesses to pins, PWM, converter and timer. ESP-IDF itself compiles the
drivers in the public workflow. Timing can be tested on a board only.
"""

from collections.abc import Generator
import ctypes
import hashlib
import itertools
from pathlib import Path
import shutil
import subprocess

import pytest

from .library import COMPONENT, ROOT

HERE = Path(__file__).parent
SOURCES = [
    HERE / "esp32.cpp",
    *(
        COMPONENT / name
        for name in ("mask_driver.cpp", "wand_driver.cpp", "guard.cpp", "store_esp32.cpp")
    ),
]
FLAGS = [
    "-std=c++20",
    "-O1",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-DUSE_ESP32",
    "-DFACIAL_THERAPY_MASK",
    "-DFACIAL_THERAPY_WAND",
    f"-I{HERE / 'stubs'}",
    "-fsanitize=undefined",
    "-fno-sanitize-recover=all",
]
OUTPUT, LOW, PULLED_DOWN = 2, 0, -1
RED, NEAR_INFRARED, INDICATOR = 18, 19, 21
ENABLE, POSITIVE, NEGATIVE, AMPLITUDE, COMPARATOR = 27, 32, 33, 25, 34
FULL_UA = 510


@pytest.fixture(scope="module")
def built() -> ctypes.CDLL:
    """The drivers as a library."""
    digest = hashlib.sha256(repr(FLAGS).encode())
    for source in sorted([*SOURCES, *COMPONENT.glob("*.h"), *(HERE / "stubs").rglob("*.h")]):
        digest.update(source.read_bytes())
    library = ROOT / ".work" / "firmware" / f"esp32-{digest.hexdigest()[:16]}.so"
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        partial = library.with_suffix(".partial")
        subprocess.run(
            ["g++", *FLAGS, "-fPIC", "-shared", *map(str, SOURCES), "-o", str(partial)], check=True
        )
        partial.rename(library)
    loaded = ctypes.CDLL(str(library))
    for name in ("mask_new", "wand_new"):
        getattr(loaded, name).restype = ctypes.c_void_p
    loaded.chip_turn.restype = ctypes.c_uint64
    return loaded


@pytest.fixture
def chip(built: ctypes.CDLL) -> Generator[ctypes.CDLL]:
    """A chip after a crash, every pin high. Checks afterwards for forbidden states and locks."""
    built.chip_reset(1)
    yield built
    assert (built.chip_both(), built.chip_short_turns(), built.chip_critical()) == (0, 0, 0)


def new_mask(chip: ctypes.CDLL, pwm_hz: int = 16_000) -> ctypes.c_void_p:
    return ctypes.c_void_p(chip.mask_new(RED, NEAR_INFRARED, INDICATOR, 40_000, pwm_hz))


def new_wand(chip: ctypes.CDLL, period_us: int = 120_000) -> ctypes.c_void_p:
    wand = ctypes.c_void_p(
        chip.wand_new(ENABLE, POSITIVE, NEGATIVE, AMPLITUDE, COMPARATOR, FULL_UA)
    )
    chip.driver_gates_low(wand)
    chip.driver_setup(wand)
    chip.wand_shape(wand, period_us)
    return wand


def reversals(chip: ctypes.CDLL) -> list[tuple[int, int, int]]:
    """Every time a direction was switched on: (us, 1 positive or 2 negative, code)."""
    return [
        (chip.chip_turn(index, 0), chip.chip_turn(index, 1), chip.chip_turn(index, 2))
        for index in range(chip.chip_turns())
    ]


# --- gates ----------------------------------------------------------------------------------------


def test_every_gate_is_low_and_pulled_down_before_anything_is_set_up(chip: ctypes.CDLL) -> None:
    chip.driver_gates_low(new_mask(chip))
    chip.driver_gates_low(
        ctypes.c_void_p(chip.wand_new(ENABLE, POSITIVE, NEGATIVE, AMPLITUDE, COMPARATOR, FULL_UA))
    )
    for pin in (RED, NEAR_INFRARED, INDICATOR, ENABLE, POSITIVE, NEGATIVE, AMPLITUDE):
        assert (chip.chip_level(pin), chip.chip_mode(pin), chip.chip_pull(pin)) == (
            LOW,
            OUTPUT,
            PULLED_DOWN,
        )


@pytest.mark.parametrize("make", [new_mask, new_wand])
def test_a_driver_that_cannot_be_set_up_has_no_output(chip: ctypes.CDLL, make: object) -> None:
    chip.chip_fail(1)
    driver = new_mask(chip) if make is new_mask else new_wand(chip)
    chip.driver_gates_low(driver)
    chip.driver_setup(driver)
    chip.chip_fail(0)
    chip.driver_write(driver, 300, 300)
    chip.chip_pass(1_000_000, 0)
    assert (
        chip.chip_duty(0),
        chip.chip_duty(1),
        chip.chip_level(ENABLE) if make is new_wand else 0,
        chip.chip_turns(),
    ) == (0, 0, 0, 0)


# --- the mask -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pwm_hz", "bits"), [(3_000, 12), (16_000, 12), (19_531, 12), (19_532, 10), (40_000, 10)]
)
def test_the_duty_is_the_share_of_full_drive_rounded_down(
    chip: ctypes.CDLL, pwm_hz: int, bits: int
) -> None:
    mask = new_mask(chip, pwm_hz)
    chip.driver_gates_low(mask)
    chip.driver_setup(mask)
    assert (chip.chip_pwm_hz(), chip.chip_pwm_bits()) == (pwm_hz, bits)
    assert 2**bits <= 80_000_000 / pwm_hz
    for level in (0, 1, 9, 10, 39, 20_000, 39_999, 40_000, 50_000):
        chip.driver_write(mask, level, 0)
        assert chip.chip_duty(0) == min(level * 2**bits // 40_000, 2**bits)
    chip.driver_force_zero(mask)
    chip.driver_write(mask, 40_000, 40_000)
    assert (chip.chip_duty(0), chip.chip_duty(1)) == (0, 0)
    chip.driver_release(mask)
    chip.driver_write(mask, 40_000, 40_000)
    assert (chip.chip_duty(0), chip.chip_duty(1)) == (2**bits, 2**bits)


def test_a_pwm_that_could_be_seen_has_no_output(chip: ctypes.CDLL) -> None:
    mask = new_mask(chip, 2_999)
    chip.driver_setup(mask)
    chip.driver_write(mask, 40_000, 0)
    assert chip.chip_duty(0) == 0


def test_the_red_indicator_is_on_exactly_while_near_infrared_is(chip: ctypes.CDLL) -> None:
    mask = new_mask(chip)
    chip.driver_gates_low(mask)
    chip.driver_setup(mask)
    for red, near_infrared in ((0, 0), (20_000, 0), (20_000, 1), (0, 40_000), (20_000, 0)):
        chip.driver_write(mask, red, near_infrared)
        assert chip.chip_level(INDICATOR) == (near_infrared > 0)
    chip.driver_write(mask, 0, 40_000)
    chip.driver_force_zero(mask)
    assert chip.chip_level(INDICATOR) == 0


# --- the wand -------------------------------------------------------------------------------------


def test_the_bridge_reverses_in_equal_halves_and_the_amplitude_waits_for_a_period(
    chip: ctypes.CDLL,
) -> None:
    wand = new_wand(chip)
    chip.driver_write(wand, 200, 0)
    assert chip.chip_level(ENABLE) == 0  # a timer that is dead enables nothing
    chip.chip_pass(130_000, 0)
    chip.driver_write(wand, 100, 0)
    chip.chip_pass(400_000, 0)
    assert chip.chip_level(ENABLE) == 1
    found = reversals(chip)
    assert [direction for _, direction, _ in found] == [
        found[0][1] if index % 2 == 0 else 3 - found[0][1] for index in range(len(found))
    ]
    assert {later[0] - earlier[0] for earlier, later in itertools.pairwise(found)} == {60_000}
    assert [code for _, _, code in found[:8]] == [100, 100, 100, 100, 50, 50, 50, 50]


def test_an_interrupt_that_is_late_makes_no_half_longer_than_the_other(chip: ctypes.CDLL) -> None:
    wand = new_wand(chip, 10_000)
    chip.driver_write(wand, 200, 0)
    for late_us in (0, 300, 0, 0, 1500, 20, 0, 0):
        chip.chip_pass(5_000, late_us)
    begun = reversals(chip)[0][0]
    assert all(
        0 <= at - begun - index * 5_000 <= 1_502 for index, (at, _, _) in enumerate(reversals(chip))
    )


@pytest.mark.parametrize("how", ["force", "write", "release"])
def test_zero_is_zero_at_once_in_the_middle_of_a_half(chip: ctypes.CDLL, how: str) -> None:
    wand = new_wand(chip)
    chip.driver_write(wand, 200, 0)
    chip.chip_pass(30_000, 0)
    if how == "write":
        chip.driver_write(wand, 0, 0)
    else:
        getattr(chip, "driver_force_zero" if how == "force" else "driver_release")(wand)
    assert [chip.chip_level(pin) for pin in (ENABLE, POSITIVE, NEGATIVE)] == [0, 0, 0]
    assert (chip.chip_code(), chip.chip_timer_runs(), chip.wand_driven_ua(wand)) == (0, 0, 0)
    before = chip.chip_turns()
    chip.chip_pass(500_000, 0)
    assert chip.chip_turns() == before
    chip.driver_release(wand)
    chip.driver_write(wand, 200, 0)
    chip.chip_pass(1_000, 0)
    found = reversals(chip)
    assert found[-1][1] == 3 - found[0][1]  # the next output begins the other way round


def test_what_is_driven_is_known_with_its_sign(chip: ctypes.CDLL) -> None:
    wand = new_wand(chip)
    assert chip.wand_driven_ua(wand) == 0
    chip.driver_write(wand, 200, 0)
    seen = []
    for _ in range(4):
        chip.chip_pass(60_000, 0)
        seen.append(chip.wand_driven_ua(wand))
    assert seen in ([200, -200, 200, -200], [-200, 200, -200, 200])


def test_a_timer_that_dies_with_one_direction_on_ends_the_output_until_the_next_boot(
    chip: ctypes.CDLL,
) -> None:
    wand = new_wand(chip)
    chip.driver_write(wand, 200, 0)
    chip.chip_pass(30_000, 0)
    chip.chip_freeze(30_000 + 9_000)
    chip.driver_write(wand, 200, 0)
    assert chip.chip_level(ENABLE) == 1
    chip.chip_freeze(2_000)
    chip.driver_write(wand, 200, 0)
    assert [chip.chip_level(pin) for pin in (ENABLE, POSITIVE, NEGATIVE)] == [0, 0, 0]
    chip.driver_release(wand)
    chip.driver_write(wand, 200, 0)
    chip.chip_pass(100_000, 0)
    assert chip.chip_level(ENABLE) == 0


@pytest.mark.parametrize(
    ("level_ua", "code"), [(1, 0), (2, 1), (3, 1), (509, 254), (510, 255), (600, 255)]
)
def test_the_converter_is_rounded_down_and_never_passes_its_end(
    chip: ctypes.CDLL, level_ua: int, code: int
) -> None:
    wand = new_wand(chip)
    chip.driver_write(wand, level_ua, 0)
    chip.chip_pass(1_000, 0)
    assert chip.chip_code() == code


def test_a_comparator_whose_wire_is_broken_counts_as_latched(chip: ctypes.CDLL) -> None:
    wand = new_wand(chip)
    assert chip.wand_latched(wand) == 1
    chip.chip_hold(COMPARATOR, 0)
    assert chip.wand_latched(wand) == 0
    chip.chip_hold(COMPARATOR, 1)
    assert chip.wand_latched(wand) == 1


# --- the store ------------------------------------------------------------------------------------


def test_the_store_reads_back_what_it_kept_and_says_when_it_did_not(chip: ctypes.CDLL) -> None:
    assert chip.store_keeps() == 1
    assert chip.store_fails() == 1


BUILDS = {
    "mask": {"driver/dac_oneshot.h", "driver/gptimer.h"},
    "wand": {"driver/ledc.h"},
}
"""The headers of ESP-IDF that a node of each modality does not have."""


@pytest.mark.parametrize("modality", BUILDS)
def test_a_build_needs_no_header_of_a_component_that_it_does_not_include(
    modality: str, tmp_path: Path
) -> None:
    stubs = tmp_path / "stubs"
    shutil.copytree(HERE / "stubs", stubs)
    for header in BUILDS[modality]:
        (stubs / header).unlink()
    # ESPHome compiles every source, and its esphome.h includes every header.
    everything = tmp_path / "everything.cpp"
    headers = [path for path in sorted(COMPONENT.glob("*.h")) if path.name != "facial_therapy.h"]
    everything.write_text("".join(f'#include "{path}"\n' for path in headers))
    sources = [
        path for path in sorted(COMPONENT.glob("*.cpp")) if path.name != "facial_therapy.cpp"
    ]
    flags = [
        "-std=c++20",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-fsyntax-only",
        "-DUSE_ESP32",
        f"-DFACIAL_THERAPY_{modality.upper()}",
        f"-I{stubs}",
    ]
    for source in (everything, *sources):
        done = subprocess.run(
            ["g++", *flags, str(source)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr

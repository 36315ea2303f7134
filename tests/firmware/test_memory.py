"""Memory that a node needs on an ESP32 while strangers hold every connection, of 200 KB.

Sizes of our parts are the compiler's on a 64-bit machine: an upper bound, since pointers of an
ESP32 are half as long. Sizes of others were read in ESPHome 2026.11 and ESP-IDF, or are an
allowance.

A client with the key can exhaust the memory: 32 KB in one message and 16 KB of unread answers on
each of ten connections. The node then resets, with the output off: test_hostile.py cuts its power
at any instant.
"""

from pathlib import Path
import subprocess
from typing import Final

import pytest

from .library import COMPONENT, ROOT

HERE: Final = Path(__file__).parent
AVAILABLE: Final = 200 * 1024
BOUND: Final = 144 * 1024
CONNECTIONS: Final = 10
"""`max_connections` of the packages."""
OTHERS: Final = {
    "stack of the loop": 8192,  # ESPHOME_LOOP_TASK_STACK_SIZE
    "stacks of esp_timer and lwIP": 3584 + 3072,  # ESP-IDF defaults
    "component: strings, pointers, readings": 1024,
    "answers and their copies": 4 * 601,
}
EACH: Final = {
    "connection and its frame helper": 1024,  # measured: 200 bytes on 64 bits, without the cipher
    "state of the handshake": 2048,
    "message before the key has been shown": 129,  # MAX_HANDSHAKE_SIZE
    "socket": 1024,
    "receive window": 5760,  # CONFIG_LWIP_TCP_WND_DEFAULT
    "hello and name of the node": 256,
}


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    """Bytes of our own parts parts."""
    program = tmp_path_factory.mktemp("memory") / "memory"
    flags = [
        "-std=c++20",
        "-Wall",
        "-Wextra",
        "-Werror",
        "-DUSE_ESP32",
        "-DFACIAL_THERAPY_MASK",
        "-DFACIAL_THERAPY_WAND",
        f"-I{HERE / 'stubs'}",
    ]
    subprocess.run(["g++", *flags, str(HERE / "memory.cpp"), "-o", str(program)], check=True)
    sizes = [
        int(size)
        for size in subprocess.run([program], capture_output=True, check=True).stdout.split()
    ]
    return dict(
        zip(
            (
                "governor",
                "of it: its form in the store",
                "of it: a line",
                "guard",
                "drivers",
                "store",
            ),
            sizes,
            strict=True,
        )
    )


def test_a_node_with_every_connection_in_use_fits_with_room_to_spare(
    parts: dict[str, int], capsys: pytest.CaptureFixture[str]
) -> None:
    ours = {name: size for name, size in parts.items() if not name.startswith("of it")}
    assert all(size > 0 for size in parts.values())
    rows = {
        **ours,
        **OTHERS,
        **{f"{CONNECTIONS} x {name}": CONNECTIONS * size for name, size in EACH.items()},
    }
    total = sum(rows.values())
    with capsys.disabled():
        print("\nmemory of a node:")  # noqa: T201 - the figures are wanted
        for name, size in {**rows, "all": total, "bound": BOUND, "there are": AVAILABLE}.items():
            print(f"  {size:7} {name}")  # noqa: T201 - the figures are wanted
    assert total <= BOUND < AVAILABLE * 3 / 4


def test_nothing_of_the_governor_is_allocated_while_it_runs() -> None:
    for name in (
        "governor.cpp",
        "sensors.cpp",
        "start.cpp",
        "profiles.cpp",
        "actions.cpp",
        "lines.cpp",
        "governor.h",
        "record.h",
        "profiles.h",
        "text.h",
    ):
        text = (COMPONENT / name).read_text()
        for word in ("new ", "malloc", "std::string", "std::vector", "make_unique", "push_back"):
            assert not any(word in line.split("//")[0] for line in text.splitlines()), (name, word)


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_the_packages_allow_as_many_connections_as_are_counted_here(modality: str) -> None:
    assert (
        f"max_connections: {CONNECTIONS}\n"
        in (ROOT / "esphome" / "packages" / f"{modality}.yaml").read_text()
    )

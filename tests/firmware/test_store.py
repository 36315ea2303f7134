"""The store of the host nodes: a write cut at any step or byte leaves the old or the new record."""

from collections.abc import Generator
import ctypes
import hashlib
from pathlib import Path
import subprocess
from typing import Final

import pytest

from .fuzzing import LONG
from .library import COMPONENT, ROOT, Node

HERE: Final = Path(__file__).parent
SOURCES: Final = [HERE / "store.cpp", COMPONENT / "store_host.cpp"]
WRAPPED: Final = ",".join(f"--wrap={name}" for name in ("open", "write", "read", "fsync", "rename"))
# Without optimization: with it a distribution may lead write and read around the wrapping.
FLAGS: Final = [
    "-std=c++20",
    "-O0",
    "-U_FORTIFY_SOURCE",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-DUSE_HOST",
    f"-I{HERE / 'stubs'}",
    f"-Wl,{WRAPPED}",
]
CUT, ERROR = 1, 2
SAVED, REFUSED, WAS_CUT = 1, 0, -1
OK, MISSING, UNREADABLE = 0, 1, 2


@pytest.fixture(scope="module")
def built() -> ctypes.CDLL:
    """The store as a library, on a disk that can be cut."""
    digest = hashlib.sha256(repr(FLAGS).encode())
    for source in sorted([*SOURCES, *COMPONENT.glob("*.h"), *(HERE / "stubs").rglob("*.h")]):
        digest.update(source.read_bytes())
    library = ROOT / ".work" / "firmware" / f"store-{digest.hexdigest()[:16]}.so"
    if not library.exists():
        library.parent.mkdir(parents=True, exist_ok=True)
        partial = library.with_suffix(".partial")
        subprocess.run(
            ["g++", *FLAGS, "-fPIC", "-shared", *map(str, SOURCES), "-o", str(partial)], check=True
        )
        partial.rename(library)
    return ctypes.CDLL(str(library))


class Disk:
    """The directory of a node, and what power that is cut leaves of it."""

    def __init__(self, library: ctypes.CDLL, folder: Path) -> None:
        """Be empty."""
        self._library = library
        self.size = int(library.store_size())
        self.file = folder / "node.records"
        self.new = folder / "node.records.new"

    def save(
        self, content: bytes, blow: int = 0, step: int = -1, byte: int = 0, most: int = 0
    ) -> int:
        """Write, with a blow at a step and a byte of it."""
        return int(
            self._library.store_save(
                content, blow, step, ctypes.c_uint64(byte), ctypes.c_uint64(most)
            )
        )

    def load(self, fails: int = -1, most: int = 0) -> tuple[int, bytes]:
        """Read, as a boot does."""
        found = (ctypes.c_uint8 * self.size)()
        result = int(self._library.store_load(found, fails, ctypes.c_uint64(most)))
        return result, bytes(found)

    def put(self, content: bytes | None) -> None:
        """Begin with the durable content."""
        self.new.unlink(missing_ok=True)
        if content is None:
            self.file.unlink(missing_ok=True)
        else:
            self.file.write_bytes(content)

    @property
    def steps(self) -> int:
        """How many steps the last save had."""
        return int(self._library.store_steps())

    def lost(self, old: bytes | None) -> Generator[None]:
        """Become in turn every disk that a cut here may leave.

        Data that was not synced may be there, in part, as zeros, or not at all.
        """
        yield
        renamed = bool(self._library.store_renamed())
        holds = self.file if renamed else self.new
        if not self._library.store_synced() and holds.exists():
            whole = holds.read_bytes()
            for content in (b"", whole[: len(whole) // 2], bytes(len(whole))):
                holds.write_bytes(content)
                yield
            holds.write_bytes(whole)
        if renamed:
            self.put(old)
            yield


@pytest.fixture
def disk(built: ctypes.CDLL, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    """An empty one."""
    monkeypatch.setenv("FACIAL_THERAPY_STATE", str(tmp_path))
    return Disk(built, tmp_path)


def stages(modality: str) -> list[tuple[bytes | None, bytes, float]]:
    """Writes of a node's first session: old record, new record, and dose delivered before."""
    node = Node(modality)
    commissioned = node.stored
    node.armed(duration_s=60)
    opened = node.stored
    node.touch(on=False)
    node.touch()
    node.run(7, renew="00000000000000c1")
    flowed = node.flowed()
    assert flowed > 0
    node.stop()
    return [(None, commissioned, 0), (commissioned, opened, 0), (opened, node.stored, flowed)]


class Boots:
    """What nodes say of a store; the same content is booted once."""

    def __init__(self, modality: str) -> None:
        """Of this modality."""
        self._modality = modality
        self._known: dict[bytes | None, tuple[str, float]] = {}

    def of(self, content: bytes | None) -> tuple[str, float]:
        """Return the latched fault and the dose that the newest record counts."""
        if content not in self._known:
            node = Node(self._modality, fresh=True)
            node.stored = content
            node.boot()
            assert node.dark
            fault = node.telemetry()["fault"]
            dose = 0.0
            if fault == "-":
                delivered = node.history(node.newest)["delivered"]
                dose = (
                    0.0
                    if delivered == "-"
                    else float(sum(node.history(node.newest).pairs("delivered").values()))
                )
            else:
                assert node.start()["reason"] == "faulted"
            self._known[content] = (fault, dose)
        return self._known[content]


@pytest.mark.parametrize("modality", ["mask", "wand"])
def test_a_cut_at_every_step_and_byte_of_a_write_leaves_the_old_or_the_new_and_no_less_than_flowed(
    disk: Disk, modality: str, capsys: pytest.CaptureFixture[str]
) -> None:
    boots = Boots(modality)
    every = 1 if LONG or modality == "mask" else 16  # the store does not know what it keeps
    cuts = disks = 0
    for old, new, flowed in stages(modality):
        disk.put(old)
        assert disk.save(new) == SAVED
        last = disk.steps
        for step in range(last):
            for byte in range(0, disk.size if step == 1 else 1, every):
                disk.put(old)
                assert disk.save(new, CUT, step, byte) == WAS_CUT
                cuts += 1
                for _ in disk.lost(old):
                    disks += 1
                    result, content = disk.load()
                    found = content if result == OK else None
                    assert result == (OK if disk.file.exists() else MISSING)
                    assert found in (old, new), (step, byte)
                    fault, dose = boots.of(found)
                    assert (fault == "store") == (found is None)
                    assert found is None or dose >= flowed
            # Left-over files do no harm.
            assert disk.save(new) == SAVED
            assert disk.load() == (OK, new)
        # Open, write, sync (before and after), the same without the directory, and the reading.
        assert last == 10
    with capsys.disabled():
        print(f"\nstore of a {modality}: {cuts} cuts, {disks} disks")  # noqa: T201 - the figures are wanted
    assert cuts > 3 * disk.size / every


def test_a_disk_that_fails_at_any_step_or_byte_refuses_the_write_and_keeps_what_was_there(
    disk: Disk,
) -> None:
    old, new, _ = stages("mask")[1]
    assert old is not None
    for step in range(11):
        for byte in [*range(0, disk.size, 97), disk.size - 1] if step == 1 else [0]:
            disk.put(old)
            result = disk.save(new, ERROR, step, byte)
            assert result == REFUSED, (step, byte)
            assert disk.load() in ((OK, old), (OK, new))
            assert disk.load() == (OK, old) or step > 4  # the rename is the fifth
    assert disk.save(new, ERROR, 11) == SAVED


def test_a_file_that_is_not_exactly_as_long_as_it_must_be_is_not_read(disk: Disk) -> None:
    content = stages("mask")[2][1]
    for size in range(disk.size + 3):
        disk.put((content + b"\0\0")[:size])
        assert disk.load()[0] == (OK if size == disk.size else UNREADABLE), size
    disk.put(None)
    assert disk.load()[0] == MISSING
    disk.file.mkdir()
    assert disk.load()[0] == UNREADABLE


@pytest.mark.parametrize("fails", [0, 1, 2])
def test_a_file_that_cannot_be_read_is_not_missing(disk: Disk, fails: int) -> None:
    content = stages("mask")[2][1]
    disk.put(content)
    assert disk.load(fails, most=1000)[0] == UNREADABLE


def test_a_disk_that_transfers_one_byte_at_a_time_is_slow_and_right(disk: Disk) -> None:
    content = stages("mask")[2][1]
    assert disk.save(content, most=1) == SAVED
    assert disk.load(most=1) == (OK, content)

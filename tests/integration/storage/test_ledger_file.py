"""The ledger on a bad disk, over a migration, and with a file that cannot be read."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
import json
import os
from pathlib import Path
import resource
from stat import S_ISDIR
import threading
from typing import Any
from unittest.mock import patch
from zlib import crc32

from homeassistant.core import HomeAssistant
import pytest

from custom_components.facial_therapy.core.ledger.record import Source
from custom_components.facial_therapy.core.model import Channel, Dose, Modality, Outcome
from custom_components.facial_therapy.storage.ledger import Ledger
from custom_components.facial_therapy.storage.ledger_file import (
    DeviceMemory,
    Extent,
    LedgerError,
    LedgerFile,
)
from custom_components.facial_therapy.storage.ledger_writer import AGE
from tests.integration.storage.test_ledger import EVENING, MAC, loaded, names, record

DAY = timedelta(days=1)


OPEN = Path.open


def read_only(path: Path, mode: str = "r", *arguments: Any, **keywords: Any) -> Any:
    """Open a file of a disk that lets nobody write."""
    if mode in {"r", "rb"}:
        return OPEN(path, mode, *arguments, **keywords)
    raise OSError(30, "Read-only file system")


def damage(path: Path) -> None:
    path.write_bytes(b"X" + path.read_bytes())


@contextmanager
def full(path: Path, room: int) -> Iterator[None]:
    """Let files grow by some bytes more than the ledger has now; the kernel refuses the rest."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("room", [0, 1, 100])
async def test_a_full_disk_refuses_and_leaves_the_file_as_it_was(
    hass: HomeAssistant, tmp_path: Path, room: int
) -> None:
    path = tmp_path / "ledger"
    ledger = await loaded(hass, path)
    await ledger.async_open(hass, record("0000000000000001"))
    before = path.read_bytes()
    with full(path, room), pytest.raises(LedgerError):
        await ledger.async_open(hass, record("0000000000000002"))
    assert path.read_bytes() == before
    assert ledger.session_ids() == ["0000000000000001"]
    assert len(ledger.history("ada").records) == 1
    assert ledger.failure is not None
    await ledger.async_open(hass, record("0000000000000002"))
    assert not ledger.failure
    assert (await loaded(hass, path)).session_ids() == ["0000000000000001", "0000000000000002"]


async def test_a_read_only_disk_refuses_and_what_was_torn_before_is_cut_off_when_it_can_be_written(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    await (await loaded(hass, path)).async_open(hass, record("0000000000000001"))
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"kind":"session","torn')
    with patch.object(Path, "open", read_only):
        ledger = await loaded(hass, path)
        assert not ledger.unreadable
        with pytest.raises(LedgerError, match="Read-only"):
            await ledger.async_open(hass, record("0000000000000002"))
    await ledger.async_open(hass, record("0000000000000002"))
    again = await loaded(hass, path)
    assert not again.unreadable
    assert again.session_ids() == ["0000000000000001", "0000000000000002"]


async def test_a_read_back_that_differs_refuses(hass: HomeAssistant, tmp_path: Path) -> None:
    path = tmp_path / "ledger"
    ledger = await loaded(hass, path)
    await ledger.async_open(hass, record("0000000000000001"))
    fsync = os.fsync

    def spoil(descriptor: int) -> None:
        fsync(descriptor)
        with path.open("r+b") as file:
            file.seek(-5, os.SEEK_END)
            file.write(b"X")

    with (
        patch("custom_components.facial_therapy.storage.ledger_file.os.fsync", side_effect=spoil),
        pytest.raises(LedgerError),
    ):
        await ledger.async_open(hass, record("0000000000000002"))
    assert (await loaded(hass, path)).session_ids() == ["0000000000000001"]


async def test_a_new_file_is_read_back_and_its_folder_synced(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    ledger = await loaded(hass, path)
    await ledger.async_open(hass, record("0000000000000001"))
    whole, fsync, folders = path.read_bytes(), os.fsync, []

    def spoil(descriptor: int) -> None:
        fsync(descriptor)
        with (tmp_path / "ledger.new").open("r+b") as file:
            file.write(b"X")

    def note(descriptor: int) -> None:
        fsync(descriptor)
        folders.append(S_ISDIR(os.fstat(descriptor).st_mode))

    with (
        patch("custom_components.facial_therapy.storage.ledger_file.os.fsync", side_effect=spoil),
        pytest.raises(LedgerError),
    ):
        await ledger.async_erase(hass, "ada")
    assert path.read_bytes() == whole
    with patch("custom_components.facial_therapy.storage.ledger_file.os.fsync", side_effect=note):
        await ledger.async_erase(hass, "ada")
    assert folders == [False, True]


async def test_a_new_file_keeps_the_time_that_had_been_reached(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    """Else a clock that is put back while Home Assistant is off would reopen full windows."""
    path = tmp_path / "ledger"
    elapsed_s = 0.0
    ledger = Ledger(path, wall=lambda: EVENING, monotonic=lambda: elapsed_s)
    await ledger.async_load(hass)
    await ledger.async_open(hass, record())
    elapsed_s = 3600
    await ledger.async_erase(hass, "ada")
    again = Ledger(path, wall=lambda: EVENING, monotonic=lambda: 0.0)
    await again.async_load(hass)
    assert again.now() == EVENING + timedelta(hours=1)


async def test_cancelling_a_write_leaves_memory_and_file_the_same(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    ledger = await loaded(hass, path)
    await ledger.async_open(hass, record("0000000000000001"))
    append, begun, go_on = LedgerFile.append, threading.Event(), threading.Event()

    def slow(*arguments: Any) -> Extent:
        begun.set()
        go_on.wait(10)
        return append(*arguments)

    with patch.object(LedgerFile, "append", slow):
        writing = hass.async_create_task(ledger.async_open(hass, record("0000000000000002")))
        await hass.async_add_executor_job(begun.wait, 10)
        writing.cancel()
        go_on.set()
        with pytest.raises(asyncio.CancelledError):
            await writing
    await ledger.async_open(hass, record("0000000000000003"))
    written = ["0000000000000001", "0000000000000002", "0000000000000003"]
    assert ledger.session_ids() == (await loaded(hass, path)).session_ids() == written


async def test_nan_is_not_written(hass: HomeAssistant, tmp_path: Path) -> None:
    ledger = await loaded(hass, tmp_path / "ledger")
    with pytest.raises(LedgerError):
        await ledger.async_open(hass, record(worst_case=Dose(charge_ma_min=float("nan"))))
    assert ledger.session_ids() == []


async def test_a_file_that_disappears_is_rewritten_from_memory(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    ledger = await loaded(hass, path)
    await ledger.async_open(hass, record("0000000000000001"))
    path.unlink()
    await ledger.async_open(hass, record("0000000000000002"))
    assert (await loaded(hass, path)).session_ids() == ["0000000000000001", "0000000000000002"]


async def test_a_file_that_became_shorter_is_not_added_to(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    ledger = await loaded(hass, path)
    await ledger.async_open(hass, record("0000000000000001"))
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(LedgerError):
        await ledger.async_open(hass, record("0000000000000002"))


# --- versions and age -----------------------------------------------------------------------------


def line(**entry: Any) -> bytes:
    text = json.dumps(entry, separators=(",", ":")).encode()
    return text + b" %08x\n" % crc32(text)


def red(fluence: float) -> dict[str, Any]:
    return {"fluence_j_cm2": {"red": fluence}, "charge_ma_min": 0}


FIRST_VERSION = line(kind="ledger", version=1) + b"".join(
    line(
        kind="open",
        session_id=session_id,
        mac=MAC,
        modality="mask",
        person_id="ada",
        profile=4711,
        program="first_use",
        started_at=EVENING.isoformat(),
        planned=red(6),
        worst_case=red(7.2),
    )
    for session_id in ("a", "b")
)
FIRST_VERSION += line(
    kind="settle", session_id="a", delivered=red(5), outcome="stopped", ended_at=EVENING.isoformat()
)
FIRST_VERSION += line(kind="device", mac=MAC, last_record=7, fault=None)


async def test_a_file_of_the_first_version_is_read_and_becomes_one_of_this(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    path.write_bytes(FIRST_VERSION)
    for _ in range(2):
        ledger = await loaded(hass, path)
        settled, unsettled = ledger.get("a"), ledger.get("b")
        assert settled is not None
        assert unsettled is not None
        assert (settled.delivered, settled.outcome, settled.ended_at) == (
            Dose(fluence_j_cm2={Channel.RED: 5}),
            Outcome.STOPPED,
            EVENING,
        )
        assert settled.counted.fluence_j_cm2[Channel.RED] == pytest.approx(6)
        assert (unsettled.counted, unsettled.duration_s, unsettled.source) == (
            Dose(fluence_j_cm2={Channel.RED: 7.2}),
            600,
            Source.DEVICE,
        )
        assert ledger.device(MAC) == DeviceMemory(last_record=7)
        assert ledger.now() >= EVENING
        assert b'"version":2' in path.read_bytes().splitlines()[0]
    assert b'"open"' not in path.read_bytes()


@pytest.mark.parametrize(
    "wrong",
    [
        {"planned": red(-1)},
        {"planned": red(float("nan"))},
        {"worst_case": red(float("inf"))},
        {"started_at": EVENING.replace(tzinfo=None).isoformat()},
    ],
)
async def test_a_line_that_checks_but_holds_no_dose_or_no_time_zone_makes_the_ledger_unreadable(
    hass: HomeAssistant, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    path = tmp_path / "ledger"
    first, opened = FIRST_VERSION.splitlines(keepends=True)[:2]
    path.write_bytes(first + line(**json.loads(opened.rpartition(b" ")[0]) | wrong))
    assert (await loaded(hass, path)).unreadable


async def test_a_file_of_the_first_version_on_a_full_disk_is_read_all_the_same(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    path.write_bytes(FIRST_VERSION)
    with patch.object(LedgerFile, "replace", side_effect=OSError(28, "No space left on device")):
        ledger = await loaded(hass, path)
    assert ledger.session_ids() == ["a", "b"]
    assert path.read_bytes() == FIRST_VERSION
    await ledger.async_open(hass, record("0000000000000003"))
    assert (await loaded(hass, path)).session_ids() == ["a", "b", "0000000000000003"]


async def test_sessions_older_than_thirteen_months_go_into_the_totals(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    ledger = await loaded(hass, path)
    dose = Dose(fluence_j_cm2={Channel.RED: 6.0})
    for number, ago in enumerate((AGE + DAY, AGE - DAY)):
        ended_at = ledger.now() - ago
        await ledger.async_open(
            hass,
            record(
                f"{number:016x}",
                started_at=ended_at,
                ended_at=ended_at,
                delivered=dose,
                outcome=Outcome.COMPLETED,
            ),
        )
    await ledger.async_remember(hass, MAC, DeviceMemory(last_record=3))
    totals = ledger.totals("ada")
    size = path.stat().st_size
    for _ in range(2):
        again = await loaded(hass, path)
        assert again.session_ids() == ["0000000000000001"]
        assert again.totals("ada") == totals
        assert totals.sessions[Modality.MASK] == 2
        assert again.device(MAC).last_record == 3
    assert path.stat().st_size < size
    assert names(tmp_path) == ["ledger"]


async def test_the_file_is_compacted_when_most_of_it_is_out_of_date(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    ledger = await loaded(hass, path)
    await ledger.async_open(hass, record())
    with patch("custom_components.facial_therapy.storage.ledger_writer.SPARE", 20):
        for number in range(2, 60):
            await ledger.async_remember(hass, MAC, DeviceMemory(last_record=number))
    assert path.read_bytes().count(b"\n") < 30
    again = await loaded(hass, path)
    assert (again.session_ids(), again.device(MAC).last_record) == (["00000000000000a1"], 59)


async def test_a_power_cut_during_compaction_leaves_the_old_file(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    ledger = await loaded(hass, path)
    await ledger.async_open(hass, record())
    whole = path.read_bytes()
    with patch.object(Path, "replace", side_effect=OSError(5, "cut")), pytest.raises(LedgerError):
        await ledger.async_erase(hass, "ada")
    assert path.read_bytes() == whole
    assert ledger.session_ids() == ["00000000000000a1"]
    (tmp_path / "ledger.new").write_bytes(b"half a fi")
    assert (await loaded(hass, path)).session_ids() == ["00000000000000a1"]


# --- reset ----------------------------------------------------------------------------------------


async def unreadable(hass: HomeAssistant, path: Path) -> Ledger:
    await (await loaded(hass, path)).async_open(hass, record())
    damage(path)
    ledger = await loaded(hass, path)
    assert ledger.unreadable
    return ledger


async def test_a_reset_ledger_has_everybody_at_the_ceiling_and_keeps_the_old_file(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    ledger = await unreadable(hass, path)
    damaged = path.read_bytes()
    await ledger.async_reset(hass, {"ada", "eve"})
    for again in (ledger, await loaded(hass, path)):
        assert not again.unreadable
        for person_id in ("ada", "eve"):
            counted = [entry.counted for entry in again.history(person_id).records]
            assert sum(sum(dose.fluence_j_cm2.values()) for dose in counted) == 300
            assert sum(dose.charge_ma_min for dose in counted) == 7.5
            assert again.totals(person_id).delivered == Dose()
    [_, kept] = names(tmp_path)
    assert kept.startswith("ledger.unreadable-")
    assert (tmp_path / kept).read_bytes() == damaged


@pytest.mark.parametrize("what", ["hardlink_to", "replace"])
async def test_a_ledger_that_cannot_be_reset_stays_unreadable(
    hass: HomeAssistant, tmp_path: Path, what: str
) -> None:
    path = tmp_path / "ledger"
    ledger = await unreadable(hass, path)
    damaged = path.read_bytes()
    refused = OSError(30, "Read-only file system")
    with (
        patch.object(Path, what, side_effect=refused),
        patch.object(Path, "rename", side_effect=refused),
        pytest.raises(LedgerError),
    ):
        await ledger.async_reset(hass, {"ada"})
    assert ledger.unreadable
    assert path.read_bytes() == damaged


async def test_a_disk_without_links_keeps_the_old_file_by_renaming_it(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    ledger = await unreadable(hass, path)
    with patch.object(Path, "hardlink_to", side_effect=OSError(95, "Operation not supported")):
        await ledger.async_reset(hass, {"ada"})
    assert len(names(tmp_path)) == 2
    assert not (await loaded(hass, path)).unreadable

"""The ledger: durable before it counts, and unknown rather than zero."""

from datetime import UTC, datetime
import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

from homeassistant.core import HomeAssistant
from hypothesis import HealthCheck, given, settings, strategies as st
import pytest

from custom_components.facial_therapy.core.ledger.record import Record
from custom_components.facial_therapy.core.model import Channel, Dose, Fault, Modality, Outcome
from custom_components.facial_therapy.storage.ledger import Ledger, ledger_path
from custom_components.facial_therapy.storage.ledger_file import DeviceMemory, LedgerError

MAC = "98:35:69:00:00:01"
EVENING = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)


def record(session_id: str = "00000000000000a1", **changes: Any) -> Record:
    """A session of ten minutes of red light."""
    values: dict[str, Any] = {
        "session_id": session_id,
        "mac": MAC,
        "modality": Modality.MASK,
        "person_id": "ada",
        "profile": 4711,
        "program": "first_use",
        "started_at": EVENING,
        "planned": Dose(fluence_j_cm2={Channel.RED: 6.0}),
        "worst_case": Dose(fluence_j_cm2={Channel.RED: 7.2}),
    }
    return Record(**values | changes)


def names(folder: Path) -> list[str]:
    return sorted(entry.name for entry in folder.iterdir())


async def loaded(hass: HomeAssistant, path: Path) -> Ledger:
    """The ledger as the next start of Home Assistant finds it."""
    ledger = Ledger(path)
    await ledger.async_load(hass)
    return ledger


async def test_a_missing_file_is_an_empty_ledger(hass: HomeAssistant, tmp_path: Path) -> None:
    ledger = await loaded(hass, tmp_path / "ledger")
    assert not ledger.unreadable
    assert ledger.session_ids() == []
    assert ledger.device(MAC) == DeviceMemory()


@pytest.mark.parametrize("left", [None, b""])
async def test_a_ledger_that_is_gone_is_unreadable_and_is_reset_at_the_ceiling(
    hass: HomeAssistant, tmp_path: Path, left: bytes | None
) -> None:
    path = tmp_path / "ledger"
    if left is not None:
        path.write_bytes(left)
    ledger = Ledger(path)
    await ledger.async_load(hass, begun=True)
    assert ledger.unreadable
    with pytest.raises(LedgerError):
        await ledger.async_open(hass, record())
    await ledger.async_reset(hass, {"ada"})
    again = Ledger(path)
    await again.async_load(hass, begun=True)
    assert not again.unreadable
    assert (
        sum(
            entry.counted.fluence_j_cm2.get(Channel.RED, 0)
            for entry in again.history("ada").records
        )
        > 0
    )


async def test_an_open_session_is_there_after_a_restart_at_its_full_plan(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    await (await loaded(hass, tmp_path / "ledger")).async_open(hass, record())
    ledger = await loaded(hass, tmp_path / "ledger")
    assert ledger.get("00000000000000a1") == record()
    assert ledger.open_sessions(MAC) == [record()]
    assert ledger.sessions_of("ada") == {Modality.MASK: 1, Modality.WAND: 0}


async def test_a_settled_session_is_there_after_a_restart(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    ledger = await loaded(hass, tmp_path / "ledger")
    await ledger.async_open(hass, record())
    delivered = Dose(fluence_j_cm2={Channel.RED: 5.5})
    await ledger.async_settle(
        hass, "00000000000000a1", delivered=delivered, outcome=Outcome.STOPPED, ended_at=EVENING
    )
    again = (await loaded(hass, tmp_path / "ledger")).get("00000000000000a1")
    assert again is not None
    assert again == ledger.get("00000000000000a1")
    assert (again.delivered, again.outcome, again.ended_at, again.open) == (
        delivered,
        Outcome.STOPPED,
        EVENING,
        False,
    )


async def test_a_session_below_a_fifth_of_its_plan_does_not_count_as_one(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    ledger = await loaded(hass, tmp_path / "ledger")
    for number, fluence in enumerate((1.19, 1.21)):
        await ledger.async_open(hass, record(f"{number:016x}"))
        await ledger.async_settle(
            hass,
            f"{number:016x}",
            delivered=Dose(fluence_j_cm2={Channel.RED: fluence}),
            outcome=Outcome.PARTIAL,
            ended_at=EVENING,
        )
    assert ledger.sessions_of("ada")[Modality.MASK] == 1


async def test_the_memory_of_a_device_outlives_a_restart(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    ledger = await loaded(hass, tmp_path / "ledger")
    memory = DeviceMemory(last_record=7, fault=Fault.OVERDOSE)
    await ledger.async_remember(hass, MAC, memory)
    size = (tmp_path / "ledger").stat().st_size
    await ledger.async_remember(hass, MAC, memory)
    assert (tmp_path / "ledger").stat().st_size == size
    assert (await loaded(hass, tmp_path / "ledger")).device(MAC) == memory


async def test_a_line_torn_by_a_power_cut_was_never_acknowledged_and_is_dropped(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    ledger = await loaded(hass, path)
    await ledger.async_open(hass, record("0000000000000001"))
    whole = path.read_bytes()
    await ledger.async_open(hass, record("0000000000000002"))
    both = path.read_bytes()
    for cut in range(len(whole) + 1, len(both)):
        path.write_bytes(whole + both[len(whole) : cut])  # the header is written after the line
        again = await loaded(hass, path)
        assert not again.unreadable
        assert again.session_ids() == ["0000000000000001"]
        assert path.read_bytes() == whole


async def test_a_whole_line_that_a_power_cut_left_without_its_header_counts(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    ledger = await loaded(hass, path)
    await ledger.async_open(hass, record("0000000000000001"))
    whole = path.read_bytes()
    await ledger.async_open(hass, record("0000000000000002"))
    path.write_bytes(whole + path.read_bytes()[len(whole) :])
    again = await loaded(hass, path)
    assert again.session_ids() == ["0000000000000001", "0000000000000002"]
    await again.async_open(hass, record("0000000000000003"))
    assert len((await loaded(hass, path)).session_ids()) == 3


async def test_a_ledger_cut_at_any_place_is_unreadable_and_stays_as_it_is(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    ledger = await loaded(hass, path)
    await ledger.async_open(hass, record("0000000000000001"))
    await ledger.async_open(hass, record("0000000000000002"))
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        again = await loaded(hass, path)
        assert again.unreadable, cut
        assert not again.too_new
        assert path.read_bytes() == whole[:cut]


@pytest.mark.parametrize("missing", [0, 1, 2])
async def test_a_ledger_without_one_of_its_lines_is_unreadable(
    hass: HomeAssistant, tmp_path: Path, missing: int
) -> None:
    path = tmp_path / "ledger"
    ledger = await loaded(hass, path)
    await ledger.async_open(hass, record("0000000000000001"))
    await ledger.async_open(hass, record("0000000000000002"))
    lines = path.read_bytes().splitlines(keepends=True)
    del lines[missing]
    path.write_bytes(b"".join(lines))
    assert (await loaded(hass, path)).unreadable


async def test_a_ledger_with_one_line_twice_in_the_place_of_another_is_unreadable(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    ledger = await loaded(hass, path)
    await ledger.async_open(hass, record("0000000000000001"))
    await ledger.async_open(hass, record("0000000000000002"))
    header, first, *_ = lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([header, *[first] * (len(lines) - 1)]))
    assert (await loaded(hass, path)).unreadable


async def test_numbers_go_on_when_the_file_is_compacted_and_a_cut_is_still_noticed(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    ledger = await loaded(hass, path)
    for number in range(1, 4):
        await ledger.async_open(hass, record(f"{number:016x}"))
    before = [json.loads(line.rpartition(b" ")[0]) for line in path.read_bytes().splitlines()]
    await ledger.async_erase(hass, "nobody")
    await ledger.async_open(hass, record("0000000000000004"))
    header, *lines = [
        json.loads(line.rpartition(b" ")[0]) for line in path.read_bytes().splitlines()
    ]
    assert before[0]["last"] == before[-1]["n"]
    assert [line["n"] for line in lines] == list(range(header["first"], header["last"] + 1))
    assert header["first"] == before[0]["last"] + 1
    assert len((await loaded(hass, path)).session_ids()) == 4
    path.write_bytes(path.read_bytes().rpartition(b'{"n":')[0])
    assert (await loaded(hass, path)).unreadable


@settings(
    deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(where=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
async def test_a_flipped_bit_makes_the_ledger_unreadable_and_never_lower(
    hass: HomeAssistant, tmp_path: Path, where: float, bit: int
) -> None:
    path = tmp_path / "ledger"
    path.unlink(missing_ok=True)
    ledger = await loaded(hass, path)
    await ledger.async_open(hass, record("0000000000000001"))
    await ledger.async_open(hass, record("0000000000000002"))
    raw = bytearray(path.read_bytes())
    place = int(
        where * (len(raw) - 1)
    )  # the last newline makes the last line torn, which is another test
    raw[place] ^= 1 << bit
    path.write_bytes(raw)
    again = await loaded(hass, path)
    assert again.unreadable
    with pytest.raises(LedgerError):
        await again.async_open(hass, record("0000000000000003"))
    assert path.read_bytes() == bytes(raw)


@pytest.mark.parametrize("rest", ["", " cut", "something that only the newer release can read\n"])
async def test_a_ledger_of_a_newer_release_is_too_new_and_is_neither_written_nor_reset(
    hass: HomeAssistant, tmp_path: Path, rest: str
) -> None:
    path = tmp_path / "ledger"
    with patch("custom_components.facial_therapy.storage.ledger_file.VERSION", 3):
        await (await loaded(hass, path)).async_open(hass, record())
    path.write_bytes(path.read_bytes() + rest.encode())
    newer = path.read_bytes()
    ledger = await loaded(hass, path)
    assert ledger.unreadable
    assert ledger.too_new
    with pytest.raises(LedgerError):
        await ledger.async_open(hass, record("0000000000000002"))
    with pytest.raises(LedgerError, match="newer release"):
        await ledger.async_reset(hass, {"ada"})
    assert path.read_bytes() == newer
    assert names(tmp_path) == ["ledger"]


async def test_a_void_session_delivered_nothing_and_took_no_time(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    ledger = await loaded(hass, tmp_path / "ledger")
    await ledger.async_open(hass, record(duration_s=600))
    await ledger.async_settle(
        hass, "00000000000000a1", delivered=Dose(), outcome=Outcome.VOID, ended_at=EVENING
    )
    for each in (ledger, await loaded(hass, tmp_path / "ledger")):
        void = each.get("00000000000000a1")
        assert void is not None
        assert (void.delivered, void.output_s, void.treated_s) == (Dose(), 0, 0)
        assert void.counted.total == 0


async def test_settling_what_was_never_opened_changes_nothing(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    ledger = await loaded(hass, tmp_path / "ledger")
    with pytest.raises(KeyError):
        await ledger.async_settle(
            hass, "00000000000000ff", delivered=Dose(), outcome=Outcome.VOID, ended_at=EVENING
        )
    assert not (tmp_path / "ledger").exists()


async def test_nobody_else_may_read_the_file(hass: HomeAssistant, tmp_path: Path) -> None:
    await (await loaded(hass, tmp_path / "ledger")).async_open(hass, record())
    assert (tmp_path / "ledger").stat().st_mode & 0o777 == 0o600


async def test_the_ledger_lies_in_the_storage_folder_that_backups_take(hass: HomeAssistant) -> None:
    assert ledger_path(hass) == Path(hass.config.path(".storage", "facial_therapy.ledger"))

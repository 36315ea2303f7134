"""The ledger with people who come and go, sessions reported twice, and clocks that are changed."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

from homeassistant.core import HomeAssistant
import pytest

from custom_components.facial_therapy.core.ledger.record import Source
from custom_components.facial_therapy.core.model import Channel, Dose, Modality, Outcome
from custom_components.facial_therapy.storage.ledger import Ledger
from tests.integration.storage.test_ledger import EVENING, MAC, loaded, record

HOUR = timedelta(hours=1)


def red(fluence: float) -> Dose:
    return Dose(fluence_j_cm2={Channel.RED: fluence})


# --- sessions -------------------------------------------------------------------------------------


async def test_a_session_counts_from_its_permission_on_also_while_it_is_being_written(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    ledger = await loaded(hass, tmp_path / "ledger")
    writing = asyncio.create_task(ledger.async_open(hass, record(started_at=ledger.dated())))
    await asyncio.sleep(0)
    assert ledger.get("00000000000000a1") is None
    history = ledger.history("ada", mac="another")
    assert [entry.session_id for entry in history.records] == ["00000000000000a1"]
    assert history.other_session is not None
    assert ledger.history("ada", mac=MAC).other_session is None
    assert ledger.history("eve").records == ()
    await writing
    assert len(ledger.history("ada").records) == 1


async def test_of_two_settlings_the_larger_stays_and_the_same_one_is_not_written_again(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    ledger = await loaded(hass, tmp_path / "ledger")
    await ledger.async_open(hass, record())
    for fluence in (3.0, 2.0):
        await ledger.async_settle(
            hass,
            "00000000000000a1",
            delivered=red(fluence),
            outcome=Outcome.STOPPED,
            ended_at=EVENING,
            output_s=100,
        )
    size = (tmp_path / "ledger").stat().st_size
    await ledger.async_settle(
        hass,
        "00000000000000a1",
        delivered=red(3),
        outcome=Outcome.STOPPED,
        ended_at=EVENING,
        output_s=100,
    )
    assert (tmp_path / "ledger").stat().st_size == size
    settled = (await loaded(hass, tmp_path / "ledger")).get("00000000000000a1")
    assert settled is not None
    assert (settled.delivered, settled.output_s) == (red(3), 100)


async def test_an_ended_session_counts_in_full_until_the_node_reports_its_dose(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    ledger = await loaded(hass, tmp_path / "ledger")
    await ledger.async_open(hass, record(started_at=ledger.dated()))
    assert ledger.history("ada").other_session is not None
    await ledger.async_over(hass, "00000000000000a1", at_least=red(2), ended_at=ledger.dated())
    over = (await loaded(hass, tmp_path / "ledger")).get("00000000000000a1")
    assert over is not None
    assert (over.open, over.bounds, over.counted) == (True, (red(2), red(6)), red(7.2))
    assert ledger.history("ada").other_session is None


async def test_a_plan_is_amended_upwards_only(hass: HomeAssistant, tmp_path: Path) -> None:
    ledger = await loaded(hass, tmp_path / "ledger")
    await ledger.async_open(hass, record())
    await ledger.async_amend(hass, "00000000000000a1", planned=red(8), worst_case=red(9.6))
    await ledger.async_amend(hass, "00000000000000a1", planned=red(1), worst_case=red(1.2))
    amended = (await loaded(hass, tmp_path / "ledger")).get("00000000000000a1")
    assert amended is not None
    assert (amended.planned, amended.worst_case) == (red(8), red(9.6))
    assert ledger.history("ada", without="00000000000000a1").records == ()


async def test_an_unknown_session_of_a_node_is_added_and_a_known_one_merged(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    ledger = await loaded(hass, tmp_path / "ledger")
    imported = record(
        delivered=red(5),
        outcome=Outcome.STOPPED,
        ended_at=EVENING,
        source=Source.UNKNOWN,
        program="",
    )
    await ledger.async_merge(hass, imported)
    await ledger.async_merge(hass, replace(imported, delivered=red(4)))
    joined = ledger.get("00000000000000a1")
    assert joined is not None
    assert joined.delivered == red(5)
    await ledger.async_open(hass, record("00000000000000b2"))
    await ledger.async_merge(hass, replace(imported, session_id="00000000000000b2", person_id=None))
    both = (await loaded(hass, tmp_path / "ledger")).get("00000000000000b2")
    assert both is not None
    assert (both.delivered, both.person_id, both.program, both.source) == (
        red(5),
        "ada",
        "first_use",
        Source.DEVICE,
    )


async def test_an_older_backup_is_filled_up_by_what_the_node_has_counted(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    ledger = await loaded(hass, tmp_path / "ledger")
    sums = Dose(fluence_j_cm2={Channel.RED: 20.0, Channel.BLUE: 4.0})
    worst_case = await ledger.async_record_shortfall(
        hass, "ada", Modality.MASK, mac=MAC, reported=sums, sessions=1
    )
    assert worst_case is not None
    assert (
        await ledger.async_record_shortfall(
            hass, "ada", Modality.MASK, mac=MAC, reported=sums, sessions=1
        )
        is None
    )
    [entry] = (await loaded(hass, tmp_path / "ledger")).history("ada").records
    assert (sum(entry.counted.fluence_j_cm2.values()), entry.source) == (24, Source.UNKNOWN)


async def test_a_gap_in_the_history_of_a_node_counts_at_the_ceiling(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    ledger = await loaded(hass, tmp_path / "ledger")
    await ledger.async_record_ceiling(hass, "ada", Modality.WAND, mac=MAC)
    [entry] = (await loaded(hass, tmp_path / "ledger")).history("ada").records
    assert (entry.counted.charge_ma_min, entry.sessions) == (7.5, 5)


# --- people ---------------------------------------------------------------------------------------


async def test_doses_of_a_removed_person_count_for_the_next_one_after_a_restart_too(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    ledger = await loaded(hass, tmp_path / "ledger")
    await ledger.async_people(hass, {"ada"})
    size = (tmp_path / "ledger").stat().st_size
    await ledger.async_people(hass, {"ada"})
    assert (tmp_path / "ledger").stat().st_size == size
    await ledger.async_open(hass, record(started_at=ledger.dated()))
    await ledger.async_people(hass, set())
    await ledger.async_people(hass, {"eve"})
    for again in (ledger, await loaded(hass, tmp_path / "ledger")):
        assert [entry.session_id for entry in again.history("eve").records] == ["00000000000000a1"]
        assert again.totals("eve").sessions[Modality.MASK] == 0


async def test_who_is_erased_is_gone_from_the_disk_but_for_the_doses_of_eight_days(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    path = tmp_path / "ledger"
    ledger = await loaded(hass, path)
    ended_at = ledger.now() - timedelta(days=9)
    await ledger.async_open(
        hass,
        record(
            "0000000000000001",
            program="secret",
            started_at=ended_at,
            ended_at=ended_at,
            delivered=red(6),
        ),
    )
    await ledger.async_open(
        hass,
        record("0000000000000002", program="secret", started_by="her", started_at=ledger.dated()),
    )
    assert [entry["session_id"] for entry in ledger.export("ada")] == [
        "0000000000000001",
        "0000000000000002",
    ]
    await ledger.async_erase(hass, "ada")
    assert ledger.session_ids() == ["0000000000000002"]
    assert b"secret" not in path.read_bytes()
    assert b"her" not in path.read_bytes()
    await ledger.async_people(hass, {"eve"})
    again = await loaded(hass, path)
    assert [entry.counted for entry in again.history("eve").records] == [red(7.2)]


# --- clocks ---------------------------------------------------------------------------------------


class Clocks:
    """A wall clock and a monotonic one that a test moves."""

    def __init__(self, path: Path) -> None:
        self.path, self.wall_at, self.monotonic_s = path, EVENING, 1000.0

    def wall(self) -> datetime:
        """What the clock on the wall shows."""
        return self.wall_at

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return self.monotonic_s

    def pass_time(self, time: timedelta) -> None:
        """Let both go on."""
        self.wall_at += time
        self.monotonic_s += time.total_seconds()

    async def boot(self, hass: HomeAssistant) -> Ledger:
        """Start Home Assistant."""
        self.monotonic_s = 5.0
        ledger = Ledger(self.path, wall=self.wall, monotonic=self.monotonic)
        await ledger.async_load(hass)
        return ledger


@pytest.fixture
def clocks(tmp_path: Path) -> Clocks:
    return Clocks(tmp_path / "ledger")


async def test_a_step_of_the_wall_clock_moves_no_window_and_has_a_repair(
    hass: HomeAssistant, clocks: Clocks
) -> None:
    ledger = await clocks.boot(hass)
    clocks.pass_time(HOUR)
    assert (ledger.now(), ledger.clock_ahead) == (EVENING + HOUR, timedelta(0))
    clocks.wall_at += timedelta(days=9)
    assert (ledger.now(), ledger.clock_ahead) == (EVENING + HOUR, timedelta(days=9))
    clocks.wall_at -= timedelta(days=18)
    assert (ledger.now(), ledger.clock_ahead) == (EVENING + HOUR, timedelta(days=-9))


async def test_a_clock_that_was_put_back_reopens_nothing_over_a_restart(
    hass: HomeAssistant, clocks: Clocks
) -> None:
    ledger = await clocks.boot(hass)
    clocks.pass_time(HOUR)
    await ledger.async_open(hass, record(started_at=ledger.dated()))
    clocks.wall_at -= timedelta(days=400)
    ledger = await clocks.boot(hass)
    assert ledger.now() == EVENING + HOUR
    assert len(ledger.history("ada").records) == 1
    assert ledger.clock_ahead == timedelta(days=-400)


async def test_forward_time_is_believed_over_a_restart(hass: HomeAssistant, clocks: Clocks) -> None:
    await (await clocks.boot(hass)).async_open(hass, record(started_at=EVENING))
    clocks.wall_at += timedelta(days=9)
    ledger = await clocks.boot(hass)
    assert (ledger.now(), ledger.clock_ahead) == (EVENING + timedelta(days=9), timedelta(0))
    assert ledger.history("ada").records == ()


async def test_a_clock_that_is_set_after_the_start_leaves_nothing_too_early_in_the_next_run(
    hass: HomeAssistant, clocks: Clocks
) -> None:
    """A board without a battery-backed clock starts eight hours late; a minute later it is set."""
    right = EVENING
    clocks.wall_at = right - 8 * HOUR
    ledger = await clocks.boot(hass)
    clocks.wall_at = right
    assert ledger.now() == right - 8 * HOUR
    await ledger.async_open(hass, record(started_at=ledger.dated()))
    ledger = await clocks.boot(hass)
    [entry] = ledger.history("ada").records
    assert entry.started_at == right


async def test_a_clock_that_was_ahead_for_a_while_does_not_carry_the_ledger_along(
    hass: HomeAssistant, clocks: Clocks
) -> None:
    ledger = await clocks.boot(hass)
    await ledger.async_open(
        hass, record("0000000000000001", started_at=ledger.dated(), ended_at=ledger.dated())
    )
    clocks.wall_at += timedelta(days=30)
    await ledger.async_open(
        hass, record("0000000000000002", started_at=ledger.dated(), ended_at=ledger.dated())
    )
    clocks.wall_at -= timedelta(days=30)
    ledger = await clocks.boot(hass)
    assert ledger.now() == EVENING
    assert len(ledger.history("ada").records) == 2

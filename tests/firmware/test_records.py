"""What the node remembers: 32 sessions, over reboots and cuts, and never less than what flowed."""

import zlib

import pytest

from .library import AMBER, RED, Node

ID = "00000000000000c1"


def test_a_node_without_a_store_has_no_output_until_its_button_was_held_for_10_s() -> None:
    node = Node(fresh=True)
    assert (node.state, node.telemetry()["fault"], node.newest, node.stored) == (
        "fault",
        "store",
        1,
        b"",
    )
    assert node.start()["reason"] == node.enroll(77)["reason"] == "faulted"
    node.press(9.9)
    assert node.clear("store")["reason"] == "faulted"
    assert node.boot().state == "fault"
    node.press(10.1)
    assert (node.state, node.telemetry()["fault"], node.profiles[0]) == ("idle", "-", 0)
    assert node.start()["reason"] == "not_enrolled"
    assert node.boot().state == "idle"


def test_a_button_that_is_down_since_boot_resets_nothing() -> None:
    node = Node(fresh=True).sense(button=True).boot()
    node.run(60)
    assert node.state == "fault"


def test_record_1_is_made_at_commissioning() -> None:
    node = Node()
    record = node.history(1)
    assert (
        record["entry"],
        record["entry_session"],
        record["of_profile"],
        record["outcome"],
        record["age_s"],
    ) == ("1", "-", "0", "commissioned", "-")
    assert (record["planned"], record["delivered"], record["output_ms"]) == ("-", "-", "0")


def test_a_record_is_opened_in_full_before_the_first_light() -> None:
    node = Node().armed(peaks={RED: 1000, AMBER: 2000}, budgets={RED: 111_000, AMBER: 222_000})
    node.boot()
    record = node.history(2)
    assert (record["entry_session"], record["of_profile"], record["outcome"]) == (
        ID,
        "1",
        "unclosed",
    )
    assert node.history(2, 78)["of_profile"] == "0"
    assert record.pairs("planned") == record.pairs("delivered") == {1: 111_000, 4: 222_000}


@pytest.mark.parametrize("modality", ["mask", "wand"])
@pytest.mark.parametrize("state", ["armed", "ramping", "running", "suspended", "paused"])
def test_a_cut_in_any_state_leaves_darkness_and_a_record_that_counts_at_its_budgets(
    modality: str, state: str
) -> None:
    node = Node(modality)
    if state in {"armed", "ramping", "running"}:
        getattr(node, state)(duration_s=60)
    else:
        node.running(duration_s=60)
        node.pause() if state == "paused" else node.touch(on=False)
    node.boot()
    node.touch(on=False).touch().run(30)
    record = node.history(2)
    assert (node.dark, node.state, record["outcome"], record["age_s"]) == (
        True,
        "idle",
        "unclosed",
        "-",
    )
    assert record.pairs("delivered") == record.pairs("planned")
    assert sum(record.pairs("delivered").values()) >= node.flowed()
    assert node.boot().history(2)["outcome"] == "unclosed"
    for action in ("resume", "renew"):
        assert node.command(action)["reason"] == "wrong_state"


def test_a_closed_record_survives_a_reboot_with_its_age_unknown() -> None:
    node = Node().running(duration_s=60)
    node.run(2)
    node.stop()
    before = node.history(2)
    assert before["age_s"] == "0"
    node.run(90)
    assert node.history(2)["age_s"] == "90"
    after = node.boot().history(2)
    assert after["age_s"] == "-"
    for key in (
        "entry",
        "entry_session",
        "of_profile",
        "planned",
        "delivered",
        "output_ms",
        "outcome",
    ):
        assert after[key] == before[key]


def test_an_open_record_reports_the_dose_so_far() -> None:
    node = Node().running(duration_s=60)
    record = node.history(2)
    assert (record["outcome"], record["age_s"]) == ("open", "-")
    assert record.pairs("delivered")[1] >= node.flowed() > 0


def test_the_last_32_records_are_kept_and_no_other() -> None:
    node = Node()
    for number in range(2, 42):
        session = f"{number:016x}"
        assert node.start(session)["record"] == str(number)
        node.stop()
    assert node.newest == 41
    for number in (1, 2, 9):
        assert node.history(number)["reason"] == "no_record"
    for number in (10, 41):
        assert node.history(number)["entry_session"] == f"{number:016x}"
    node.boot()
    assert (node.newest, node.history(10)["reason"], node.history(9)["reason"]) == (
        41,
        "ok",
        "no_record",
    )


@pytest.mark.parametrize("record", [0, -1, -(2**31)])
def test_a_record_number_below_one_is_out_of_bounds(record: int) -> None:
    answer = Node().history(record)
    assert (answer["reason"], answer["field"]) == ("out_of_bounds", "record")
    assert Node().history(2**31 - 1)["reason"] == "no_record"


def test_a_start_must_know_the_newest_record() -> None:
    node = Node().armed()
    node.stop()
    assert node.start("00000000000000d2", last_record=1)["reason"] == "unseen_session"
    assert node.start("00000000000000d2", last_record=2)["reason"] == "ok"


def test_any_changed_byte_of_the_store_is_found() -> None:
    node = Node().running(duration_s=60)
    node.stop()
    good = node.stored
    for index in [*range(64), *range(64, len(good), 41), *range(len(good) - 8, len(good))]:
        node.stored = good[:index] + bytes([good[index] ^ 0x10]) + good[index + 1 :]
        assert node.boot().telemetry()["fault"] == "store", index
    node.stored = good
    assert node.boot().state == "idle"


@pytest.mark.parametrize("keep", [0, 1, 100, -1])
def test_a_torn_store_is_not_zero(keep: int) -> None:
    node = Node().running(duration_s=60)
    node.stop()
    node.stored = node.stored[:keep]
    assert node.boot().telemetry()["fault"] == "store"


def test_a_store_that_is_missing_is_not_zero_either() -> None:
    node = Node().running(duration_s=60)
    node.stop()
    node.stored = None
    assert node.boot().telemetry()["fault"] == "store"


def test_the_records_of_a_mask_are_not_those_of_a_wand() -> None:
    mask, wand = Node(), Node("wand")
    wand.stored = mask.stored
    assert wand.boot().telemetry()["fault"] == "store"


def test_the_longest_lines_fit() -> None:
    node = Node(now_ms=2**32 - 30_000)
    everything = dict.fromkeys(range(4), 15000)
    profile = 2**31 - 1
    for token in range(3):
        assert node.enroll(profile - token)["reason"] == "ok"
    node.running(
        session="ffffffffffffffff",
        peaks=everything,
        budgets=dict.fromkeys(everything, 20_000_000),
        profile=profile,
        duration_s=1200,
    )
    assert node.profiles[0] == 4
    for line in (node.telemetry(), node.description(), node.history(2), node.profile(profile)):
        assert len(line.text) <= 540
    assert len(node.telemetry().pairs("levels")) == 4
    node.boot()
    assert len(node.history(2).text) <= 600


def test_telemetry_says_what_the_contract_lists() -> None:
    keys = [
        "telemetry",
        "boot",
        "uptime_ms",
        "state",
        "session",
        "record",
        "worn",
        "temperature_cc",
        "heat",
        "impedance_ohm",
        "charging",
        "fault",
        "cause",
        "output_ms",
        "left_ms",
        "lease_ms",
        "window_ms",
        "levels",
        "delivered",
        "zone",
        "contacts",
        "watchdog_trips",
        "button",
        "profiles",
        "refuses",
        "needs_button",
        "crc",
    ]
    for modality in ("mask", "wand"):
        node = Node(modality)
        assert [*node.telemetry(), "crc"] == keys
        node.running(duration_s=60)
        line = node.telemetry()
        assert [*line, "crc"] == keys
        assert line.number("output_ms") + line.number("left_ms") == 60_000
        assert line.pairs("levels") == ({5: 100} if modality == "wand" else {1: 20_000})
        assert node.telemetry().number("telemetry") == line.number("telemetry") + 1


def test_the_description_says_what_the_contract_lists() -> None:
    # fmt: off
    keys = [
        "contract", "modality", "firmware", "channels", "full_uw_cm2", "grade",
        "uncertainty_permille", "eye_shield", "worn_sensor",
        "temperature_sensor", "button", "contact_area_mm2", "duration_s", "peaks",
    ]
    # fmt: on
    mask = Node(full_uw_cm2=(40_000, 40_000, 22_000, 0)).description()
    assert list(mask) == keys
    assert (mask["contract"], mask["modality"], mask["channels"], mask["eye_shield"]) == (
        "1.0",
        "mask",
        "1,2,3",
        "fixed",
    )
    assert mask.pairs("full_uw_cm2") == {1: 40_000, 2: 40_000, 3: 22_000}
    assert mask.pairs("peaks") == {1: 40_000, 2: 40_000, 3: 22_000}
    wand = Node("wand").description()
    assert (
        wand["channels"],
        wand["full_uw_cm2"],
        wand["contact_area_mm2"],
        wand["duration_s"],
    ) == ("-", "-", "25", "900")
    assert wand.pairs("peaks") == {5: 416}


@pytest.mark.parametrize("version", [0, 1, 3, 2**32 - 1])
def test_a_store_of_another_version_is_not_read(version: int) -> None:
    node = Node()
    content = bytearray(node.stored)
    content[4:8] = version.to_bytes(4, "little")
    content[-4:] = zlib.crc32(content[:-4]).to_bytes(4, "little")
    node.stored = bytes(content)
    assert node.boot().telemetry()["fault"] == "store"
    content[4:8] = (2).to_bytes(4, "little")
    content[-4:] = zlib.crc32(content[:-4]).to_bytes(4, "little")
    node.stored = bytes(content)
    assert node.boot().state == "idle"

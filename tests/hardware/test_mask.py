"""What the mask's circuit has to keep, in the simulator."""

import pytest

from hardware import mask_simulations
from hardware.figures import Report
from hardware.mask import CHANNELS, MASK, Strings
from hardware.mask_simulations import string_current, string_in_spice
from hardware.record import load

from .conftest import LONG, Found
from .test_wand import kept


@pytest.mark.parametrize("channel", ["red", "near_infrared"])
def test_the_median_mask_delivers_15_mw_cm2_with_both_channels_on(
    mask: Report, channel: str
) -> None:
    assert kept(mask[f"median_{channel}"])


def test_the_leds_leave_0_1_a_of_3_a_for_the_rest(mask: Report) -> None:
    assert kept(mask["supply_current"])


@pytest.mark.parametrize("channel", ["red", "near_infrared"])
def test_a_shorted_transistor_stays_below_the_ceiling_of_its_channel(
    mask: Report, channel: str
) -> None:
    assert kept(mask[f"shorted_{channel}"])


def test_everything_at_full_drive_stays_below_the_ceilings_of_all_channels(mask: Report) -> None:
    assert kept(mask["shorted_all"])
    assert kept(mask["exposure"])


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.light.channel)
def test_a_string_draws_in_the_simulator_what_the_irradiance_is_worked_out_from(
    channel: Strings,
) -> None:
    driven, shorted = string_in_spice(MASK, channel, 15.0)
    worked_out = float(string_current(channel, MASK[channel.resistor].value, 15.0, 25.0))
    assert driven == pytest.approx(worked_out, rel=0.03)
    assert shorted == pytest.approx(driven, rel=0.01)


def test_the_over_voltage_cut_acts_between_usb_pd_and_16_5_v(mask: Report) -> None:
    assert kept(mask["over_voltage"])
    assert kept(mask["over_voltage_ms"])


@pytest.mark.parametrize("case", ["full_2", "full", "half"])
def test_skin_stays_below_40_c_over_20_minutes(mask: Report, case: str) -> None:
    assert kept(mask[f"skin_{case}"])
    assert kept(mask[f"shell_{case}"])


def test_the_cut_out_keeps_skin_below_43_5_c_when_the_firmware_hangs(mask: Report) -> None:
    assert kept(mask["skin_hung"])


def test_without_firmware_and_cut_out_skin_would_get_too_hot() -> None:
    """The cut-out is not idle in the test above."""
    alone = mask_simulations.warmth(share=1.0, room_c=30.0, blood_w_per_m2_k=70.0, firmware=False)
    assert alone.skin_c > 44.0


def test_the_watchdog_gate_cuts_between_100_and_150_ms_over_tolerances(mask: Report) -> None:
    assert kept(mask["watchdog"])


def test_the_thermal_cut_out_latches_between_41_and_43_c_over_tolerances(mask: Report) -> None:
    assert kept(mask["cut_out"])


def test_the_thermal_cut_out_takes_the_supply_away_and_holds(mask: Report) -> None:
    assert kept(mask["cut_before"])
    assert kept(mask["cut_holds"])


def test_strings_stay_dark_while_pins_float_at_power_up(mask: Report) -> None:
    assert kept(mask["power_up"])
    assert kept(mask["power_up_lamp"])


def test_what_finds_a_fault_of_the_mask_is_what_the_record_says(cut_faults: list[Found]) -> None:
    """The short form asks for every fourth fault, the long one for all of them."""
    recorded = [(row["part"], row["fault"], row["found_by"]) for row in load()["faults"]["mask"]]
    assert recorded[:: 1 if LONG else 4] == [
        (fault.reference, str(fault), finder) for fault, finder in cut_faults
    ]


def test_no_single_fault_of_the_mask_defeats_every_cut(cut_faults: list[Found]) -> None:
    recorded = [row["found_by"] for row in load()["faults"]["mask"]]
    found = [*recorded, *(finder for _, finder in cut_faults)]
    assert [finder for finder in found if finder.count("row ") > 2] == []

"""What the wand's circuit has to keep, in the simulator."""

import pytest

from hardware.figures import Figure, Report
from hardware.limits import WAND_DIRECT_UA, WAND_FAULT_UA
from hardware.record import load
from hardware.wand import WAND
from hardware.wand_simulations import Outcome, found_by, watchdog_faults

from .conftest import LONG


def kept(figure: Figure) -> bool:
    """Print the figure, so that a failure shows it."""
    print(*figure.row)  # noqa: T201
    return figure.kept and (figure.low is not None or figure.high is not None)


def test_the_amplitude_is_within_3_percent_from_10_to_416_ua_into_500_ohm_to_12_kohm(
    wand: Report,
) -> None:
    assert kept(wand["amplitude"])


def test_the_amplitude_is_within_3_percent_up_to_330_ua_into_20_kohm(wand: Report) -> None:
    assert kept(wand["amplitude_20k"])


def test_before_calibration_the_amplitude_is_within_5_percent_and_1_ua(wand: Report) -> None:
    assert kept(wand["slope"])
    assert kept(wand["offset"])


def test_the_pwm_leaves_less_than_1_ua_of_ripple(wand: Report) -> None:
    assert kept(wand["ripple"])


def test_an_edge_has_settled_within_1_1_ms(wand: Report) -> None:
    assert kept(wand["settled"])


def test_an_edge_never_overshoots_by_more_than_20_ua(wand: Report) -> None:
    assert kept(wand["overshoot"])


def test_the_net_current_of_a_period_is_below_0_6_ua(wand: Report) -> None:
    assert kept(wand["net"])


def test_an_overlap_of_the_direction_pins_adds_nothing_and_ends_at_zero(wand: Report) -> None:
    assert kept(wand["overlap_excess"])
    assert kept(wand["overlap_left"])
    assert kept(wand["overlap_end"])


def test_output_ends_within_50_ms_of_a_stop(wand: Report) -> None:
    assert kept(wand["ended"])


@pytest.mark.parametrize("ohms", ["100", "500", "2000", "15000", "22000", "open"])
def test_contact_is_read_under_drive(wand: Report, ohms: str) -> None:
    assert kept(wand[f"contact_{ohms}"])


@pytest.mark.parametrize("ohms", ["100", "2000", "22000", "open"])
def test_contact_is_read_before_a_start(wand: Report, ohms: str) -> None:
    assert kept(wand[f"idle_{ohms}"])


def test_the_contact_sense_stays_below_5_ua(wand: Report) -> None:
    assert kept(wand["sense"])


def test_the_comparator_latches_between_550_and_680_ua_within_1_ms(wand: Report) -> None:
    assert kept(wand["trip"])
    assert kept(wand["latch"])


def test_the_latch_is_clear_after_power_up_holds_and_is_cleared_by_the_button(
    wand: Report,
) -> None:
    assert kept(wand["latch_clear"])
    assert kept(wand["latch_holds"])
    assert kept(wand["latch_button"])


def test_the_latch_takes_the_rails_away(wand: Report) -> None:
    assert kept(wand["latch_rails"])
    assert kept(wand["boot_test"])


def test_a_wrong_5_v_rail_raises_no_current_above_the_comparator(wand: Report) -> None:
    assert kept(wand["rail"])


def test_dips_spikes_and_power_up_raise_no_current_above_the_comparator(wand: Report) -> None:
    assert kept(wand["dips"])


def test_the_watchdog_gate_cuts_between_40_and_70_ms_over_tolerances(wand: Report) -> None:
    assert kept(wand["watchdog"])


@pytest.mark.parametrize("cause", ["latch", "charger", "enable"])
def test_latch_charger_and_enable_open_both_switches(wand: Report, cause: str) -> None:
    assert kept(wand[f"gate_{cause}"])


def test_no_switch_closes_at_power_up(wand: Report) -> None:
    assert kept(wand["gate_power_up"])


# --- over the tolerances of all parts -------------------------------------------------------------


def test_every_draw_is_within_3_percent_after_its_own_calibration(spread: Report) -> None:
    assert kept(spread["mc_amplitude"])
    assert kept(spread["mc_amplitude_20k"])


def test_every_draw_is_within_5_percent_before_calibration(spread: Report) -> None:
    assert kept(spread["mc_slope"])
    assert kept(spread["mc_offset"])


def test_no_draw_has_more_net_current_than_allowed(spread: Report) -> None:
    assert kept(spread["mc_net"])


def test_direct_current_is_below_10_ua_10_s_after_a_pin_has_stuck(spread: Report) -> None:
    assert kept(spread["mc_direct"])


def test_no_draw_exceeds_1_ma_with_the_feedback_lost_and_the_comparator_dead(
    spread: Report,
) -> None:
    assert kept(spread["mc_peak"])


def test_the_comparator_of_every_draw_latches_in_its_window_within_1_ms(spread: Report) -> None:
    assert kept(spread["mc_trip"])
    assert kept(spread["mc_latch"])


# --- single faults --------------------------------------------------------------------------------


def test_no_single_fault_exceeds_1_ma_even_with_the_comparator_dead(
    outcomes: list[Outcome],
) -> None:
    assert len(outcomes) > 280
    worst = max(outcomes, key=lambda outcome: outcome.peak_ua)
    assert 500 < worst.peak_ua <= WAND_FAULT_UA, worst.row


def test_direct_current_ends_or_is_seen_in_every_single_fault(outcomes: list[Outcome]) -> None:
    left = [
        outcome.row
        for outcome in outcomes
        if outcome.direct_ua > WAND_DIRECT_UA and not (outcome.direct_shown or outcome.latched)
    ]
    assert left == []


def test_the_record_has_exactly_the_faults_that_are_simulated(outcomes: list[Outcome]) -> None:
    recorded = [(row["part"], row["fault"]) for row in load()["faults"]["wand"]]
    assert recorded == [(one.fault.reference, str(one.fault)) for one in outcomes]


def test_what_finds_a_latent_fault_is_what_the_record_says(outcomes: list[Outcome]) -> None:
    """The long form asks again for every fault, the short one for those that no reading shows."""
    recorded = {(row["part"], row["fault"]): row["found_by"] for row in load()["faults"]["wand"]}
    asked, wrong = 0, []
    for outcome in outcomes:
        expected = recorded[outcome.fault.reference, str(outcome.fault)]
        if not LONG and not expected.startswith(("row ", "boot test")):
            continue
        asked += 1
        found = found_by(WAND, outcome)
        if found != expected:
            wrong.append((outcome.fault.reference, str(outcome.fault), expected, found))
    assert asked >= 15
    assert wrong == []


def test_what_finds_a_fault_of_the_watchdog_gate_is_what_the_record_says() -> None:
    found = [
        {"part": fault.reference, "fault": str(fault), "found_by": finder}
        for fault, finder in watchdog_faults(WAND)
    ]
    assert found == load()["faults"]["watchdog"]

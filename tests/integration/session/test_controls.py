"""`session.controls`: lights, numbers and selects stand for requests, and send nothing."""

from typing import Any, Final

import pytest

from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.device import Device
from custom_components.facial_therapy.core.dose import planned
from custom_components.facial_therapy.core.gate.request import SessionRequest
from custom_components.facial_therapy.core.model import Channel, Modality
from custom_components.facial_therapy.core.person import Person
from custom_components.facial_therapy.core.refusal import Reason, Refusal, RefusedError
from custom_components.facial_therapy.core.session import SessionState
from custom_components.facial_therapy.core.session_parameters import (
    MANUAL,
    PermittedSession,
    SessionParameters,
)
from custom_components.facial_therapy.session.controls import Controls, SetLevels, Start, Stop
from custom_components.facial_therapy.session.settings import Settings
from custom_components.facial_therapy.session.view import LiveSession, SessionView
from tests.core import NOW, current, light, mask, person, wand

RED, BLUE, NEAR_INFRARED = Channel.RED, Channel.BLUE, Channel.NEAR_INFRARED
ADA: Final = person()
CHANNELS: Final = tuple(Channel)


def find(reference: str | None) -> Person:
    """Return Ada, who is the only person."""
    if reference in (None, ADA.person_id):
        return ADA
    raise RefusedError(Refusal(reason=Reason.UNKNOWN_PERSON))


def nobody(_reference: str | None) -> Person:
    """Find nobody: there is no person yet."""
    raise RefusedError(Refusal(reason=Reason.NO_PERSON))


def controls(
    modality: Modality = Modality.MASK, *, known: bool = True, people: Any = find, **settings: Any
) -> Controls:
    """Return the controls of a device with the manual program selected."""
    device: Device | None = mask() if modality is Modality.MASK else wand()
    made = Controls(
        modality,
        CHANNELS if modality is Modality.MASK else (),
        find_person=people,
        custom_programs=lambda _person_id: {},
        description=lambda: device if known else None,
    )
    made.settings = Settings(**{"program": MANUAL, **settings})
    return made


def live(parameters: SessionParameters, *, restarted: bool = False, **changes: Any) -> LiveSession:
    """Return a permitted session, of this run of Home Assistant or of the one before."""
    dose = planned(parameters)
    permitted = PermittedSession(
        request=parameters, planned=dose, worst_case=dose, skin_factor=1, lease_s=10, window_s=60
    )
    request = None if restarted else SessionRequest(person=ADA, program=parameters.program)
    values: dict[str, Any] = {"person": ADA, "program": parameters.program, "started_at": NOW}
    return LiveSession(
        session_id="a" * 16, request=request, permitted=permitted, **values | changes
    )


def view(
    session: LiveSession | None = None, state: SessionState = SessionState.RUNNING
) -> SessionView:
    """Return a view of a session."""
    return SessionView(state=SessionState.IDLE if session is None else state, live=session)


def refusal(raised: pytest.ExceptionInfo[RefusedError]) -> Refusal:
    """Return why something was refused."""
    return raised.value.binding


# --- what the switch starts -----------------------------------------------------------------------


def test_a_selected_program_is_requested_by_its_name_alone() -> None:
    request = controls(program="fine_lines", share={RED: 0.5}).selected()
    assert request == SessionRequest(person=ADA, program="fine_lines")


def test_the_numbers_of_a_wand_are_requested_as_they_are_set() -> None:
    made = controls(Modality.WAND, duration_s=120, current_ua=60, frequency_hz=9)
    assert made.selected() == SessionRequest(
        person=ADA, program=MANUAL, duration_s=120, current_ua=60, frequency_hz=9
    )


def test_red_alone_is_requested_until_a_light_was_set() -> None:
    made = controls()
    allowed = made.allowed_mw_cm2(RED)
    first = made.selected().irradiance_mw_cm2
    assert first is not None
    assert first.keys() == {RED}
    assert first[RED] == pytest.approx(allowed, abs=0.001)
    made.settings = Settings(program=MANUAL, share={BLUE: 0.5, NEAR_INFRARED: 1})
    chosen = made.selected().irradiance_mw_cm2
    assert chosen is not None
    assert chosen.keys() == {BLUE, NEAR_INFRARED}
    assert chosen[BLUE] == pytest.approx(made.allowed_mw_cm2(BLUE) / 2, abs=0.001)


@pytest.mark.parametrize("channel", Channel)
def test_no_light_asks_for_more_than_is_allowed(channel: Channel) -> None:
    made = controls()
    assert 0 < made.level_mw_cm2(channel) <= made.allowed_mw_cm2(channel)
    assert (made.level_mw_cm2(channel) * 1000) % 1 == pytest.approx(0, abs=1e-6)


def test_nothing_is_allowed_before_the_device_or_a_person_is_known() -> None:
    assert controls(known=False).allowed_mw_cm2(RED) == 0
    assert controls(people=nobody).allowed_mw_cm2(RED) == 0
    with pytest.raises(RefusedError) as raised:
        controls(people=nobody).selected()
    assert refusal(raised).reason is Reason.NO_PERSON


@pytest.mark.parametrize("modality", Modality)
def test_only_programs_for_the_device_are_offered_and_manual_is_the_last(
    modality: Modality,
) -> None:
    programs = controls(modality).programs
    assert programs[-1] == MANUAL
    assert ("blemish_prone" in programs) is (modality is Modality.MASK)


def test_a_change_of_the_settings_leaves_the_settings_as_they_are() -> None:
    made = controls()
    before = made.settings
    assert made.changed(duration_s=240) == Settings(program=MANUAL, duration_s=240)
    assert made.changed(person_id=ADA.person_id).person_id == ADA.person_id
    with pytest.raises(RefusedError) as raised:
        made.changed(person_id="nobody we know")
    assert refusal(raised).reason is Reason.UNKNOWN_PERSON
    with pytest.raises(RefusedError) as raised:
        made.changed(duration_s=100_000)
    assert refusal(raised).reason is Reason.OUT_OF_BOUNDS
    assert made.settings is before


def test_a_custom_program_of_another_person_does_not_stay_selected() -> None:
    made = controls(program="evening_calm")
    assert made.changed(person_id=ADA.person_id).program == Settings().program


# --- lights ---------------------------------------------------------------------------------------


def test_a_light_that_is_turned_on_without_a_session_starts_one_with_it_alone() -> None:
    made = controls(share={RED: 1, BLUE: 0.5})
    asked = made.light_on(BLUE, view())
    assert isinstance(asked, Start)
    assert not asked.stop_first
    assert asked.request.irradiance_mw_cm2 == {BLUE: made.level_mw_cm2(BLUE)}


@pytest.mark.parametrize("state", [SessionState.ARMED, SessionState.RUNNING])
def test_a_light_that_the_session_lacks_starts_another_one_with_both(state: SessionState) -> None:
    made = controls(share={RED: 0.5, BLUE: 0.5})
    session = live(light(red=5))
    asked = made.light_on(BLUE, view(session, state))
    assert isinstance(asked, Start)
    assert asked.stop_first is (state is SessionState.ARMED)
    assert asked.request.irradiance_mw_cm2 is not None
    assert asked.request.irradiance_mw_cm2.keys() == {RED, BLUE}


def test_a_light_of_the_session_is_set_and_the_others_keep_their_levels() -> None:
    made = controls(share={RED: 0.2})
    session = live(light(red=10, near_infrared=10, blue=5), level_mw_cm2={RED: 8, BLUE: 4})
    levels = {RED: made.level_mw_cm2(RED), BLUE: 4}
    assert made.light_on(RED, view(session)) == SetLevels(session, levels)


def test_a_light_above_its_peak_is_refused_with_the_peak() -> None:
    made = controls(share={RED: 1})
    peak = made.level_mw_cm2(RED)
    at_peak = live(light(red=peak))
    assert made.light_on(RED, view(at_peak)) == SetLevels(at_peak, {RED: peak})
    lower = peak - 0.001
    with pytest.raises(RefusedError) as raised:
        made.light_on(RED, view(live(light(red=lower))))
    found = refusal(raised)
    assert (found.reason, found.field) == (Reason.OUT_OF_BOUNDS, "channels.red")
    assert found.maximum == lower


def test_the_lights_are_read_only_while_a_program_is_selected_or_runs() -> None:
    for made, session in (
        (controls(program="fine_lines"), None),
        (controls(), live(light(red=5), program="fine_lines")),
    ):
        with pytest.raises(RefusedError) as raised:
            made.light_settings(RED, 0.5, view(session))
        assert refusal(raised).reason is Reason.NOT_MANUAL


def test_a_light_that_is_only_turned_on_keeps_its_share() -> None:
    made = controls(share={RED: 0.5})
    assert made.light_settings(RED, None, view()) is made.settings
    assert made.light_settings(BLUE, 0.25, view()).share == {RED: 0.5, BLUE: 0.25}
    with pytest.raises(RefusedError) as raised:
        made.light_settings(BLUE, 1.01, view())
    assert refusal(raised).reason is Reason.OUT_OF_BOUNDS


def test_the_last_light_ends_the_session_and_any_light_ends_an_armed_one() -> None:
    session = live(light(red=10, blue=5))
    asked = controls().light_off(RED, view(session))
    assert asked == SetLevels(session, {BLUE: 5})
    assert controls().light_off(RED, view(session, SessionState.ARMED)) == Stop()
    alone = live(light(red=10, blue=5), level_mw_cm2={RED: 10})
    assert controls().light_off(RED, view(alone)) == Stop()
    assert controls().light_off(BLUE, view(alone)) is None  # it is off
    assert controls().light_off(RED, view()) is None


# --- the live session -----------------------------------------------------------------------------


def test_a_lower_current_reaches_the_live_session_and_a_higher_one_is_refused() -> None:
    made = controls(Modality.WAND)
    session = live(current(current_ua=100))
    for current_ua in (1, 99, 100):
        asked = made.live_change(Settings(current_ua=current_ua), ["current_ua"], view(session))
        assert asked == SetLevels(session, current_ua=current_ua)
    with pytest.raises(RefusedError) as raised:
        made.live_change(Settings(current_ua=101), ["current_ua"], view(session))
    found = refusal(raised)
    assert (found.reason, found.maximum) == (Reason.OUT_OF_BOUNDS, 100)


@pytest.mark.parametrize("names", [["duration_s"], ["current_ua", "frequency_hz"], []])
def test_nothing_but_the_current_of_a_live_session_can_be_changed(names: list[str]) -> None:
    with pytest.raises(RefusedError) as raised:
        controls(Modality.WAND).live_change(Settings(), names, view(live(current())))
    assert refusal(raised).reason is Reason.BUSY


@pytest.mark.parametrize("state", SessionState)
def test_only_an_armed_or_running_session_is_lowered_to_three_quarters(
    state: SessionState,
) -> None:
    session = live(light(red=10, blue=5), level_mw_cm2={RED: 8})
    if state in (SessionState.ARMED, SessionState.RUNNING):
        asked = controls().lower(view(session, state))
        assert asked == SetLevels(session, {RED: 6})
        return
    with pytest.raises(RefusedError) as raised:
        controls().lower(view(session, state))
    assert refusal(raised).reason is Reason.WRONG_STATE


def test_without_a_session_nothing_is_lowered() -> None:
    waiting = LiveSession(session_id="a" * 16, person=ADA, program=MANUAL, started_at=NOW)
    for session in (None, waiting):
        with pytest.raises(RefusedError) as raised:
            controls().lower(view(session))
        assert refusal(raised).reason is Reason.WRONG_STATE


def test_a_current_is_lowered_down_to_its_minimum() -> None:
    least = limits.CURRENT.default.minimum
    session = live(current(current_ua=100), level_ua=80)
    asked = controls(Modality.WAND).lower(view(session))
    assert asked == SetLevels(session, current_ua=60)
    lowest = live(current(current_ua=100), level_ua=least)
    with pytest.raises(RefusedError) as raised:
        controls(Modality.WAND).lower(view(lowest))
    found = refusal(raised)
    assert (found.reason, found.minimum) == (Reason.OUT_OF_BOUNDS, least)


def test_no_level_is_sent_after_a_restart_before_the_node_has_reported_its_own() -> None:
    lights, wanded = live(light(red=10, blue=5), restarted=True), live(current(), restarted=True)
    with pytest.raises(RefusedError) as raised:
        controls(share={RED: 0.1}).light_on(RED, view(lights))
    assert refusal(raised).reason is Reason.WRONG_STATE
    for modality, session in ((Modality.MASK, lights), (Modality.WAND, wanded)):
        with pytest.raises(RefusedError) as raised:
            controls(modality).lower(view(session))
        assert refusal(raised).reason is Reason.WRONG_STATE
    assert controls().light_off(RED, view(lights)) == Stop()
    known = live(light(red=10, blue=5), restarted=True, level_mw_cm2={RED: 4})
    assert controls().lower(view(known)) == SetLevels(known, {RED: 3})

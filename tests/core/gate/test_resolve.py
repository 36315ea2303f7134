"""`core.gate.resolve`: the table of program x skin x calibration x phase, written by hand."""

from collections.abc import Mapping
from dataclasses import replace
import math
from types import MappingProxyType
from typing import Any, Final

import pytest

from custom_components.facial_therapy.core.device import EyeShield
from custom_components.facial_therapy.core.gate.request import SessionRequest
from custom_components.facial_therapy.core.gate.resolve import resolve, resolve_program
from custom_components.facial_therapy.core.limits import FIRST_SESSIONS
from custom_components.facial_therapy.core.model import Channel, Grade, Modality, SkinType
from custom_components.facial_therapy.core.recipes import BUILT_IN
from custom_components.facial_therapy.core.refusal import Reason, RefusedError
from custom_components.facial_therapy.core.session_parameters import MANUAL
from tests.core import NOTHING, NOW, mask, node, person, refusals, wand

RED: Final = "red"
NIR: Final = "near_infrared"
BLUE: Final = "blue"
AMBER: Final = "amber"

# skin, then nominal mW/cm² at the skin with a calibration that is measured (U = 0.20), and one that
# is declared (U = 0.50)
LIGHT: Final[Mapping[str, tuple[tuple[str, dict[str, float], dict[str, float]], ...]]] = (
    MappingProxyType(
        {
            "fine_lines": (
                ("i", {RED: 28, NIR: 28}, {RED: 22.4, NIR: 22.4}),
                ("ii", {RED: 28, NIR: 28}, {RED: 22.4, NIR: 22.4}),
                ("iii", {RED: 28, NIR: 28}, {RED: 22.4, NIR: 22.4}),
                ("iv", {RED: 21, NIR: 21}, {RED: 16.8, NIR: 16.8}),
                ("v", {RED: 14, NIR: 14}, {RED: 11.2, NIR: 11.2}),
                ("vi", {RED: 14, NIR: 14}, {RED: 11.2, NIR: 11.2}),
                ("unknown", {RED: 14, NIR: 14}, {RED: 11.2, NIR: 11.2}),
            ),
            "sagging_jawline": (
                ("i", {RED: 28, NIR: 28}, {RED: 22.4, NIR: 22.4}),
                ("ii", {RED: 28, NIR: 28}, {RED: 22.4, NIR: 22.4}),
                ("iii", {RED: 28, NIR: 28}, {RED: 22.4, NIR: 22.4}),
                ("iv", {RED: 21, NIR: 21}, {RED: 16.8, NIR: 16.8}),
                ("v", {RED: 14, NIR: 14}, {RED: 11.2, NIR: 11.2}),
                ("vi", {RED: 14, NIR: 14}, {RED: 11.2, NIR: 11.2}),
                ("unknown", {RED: 14, NIR: 14}, {RED: 11.2, NIR: 11.2}),
            ),
            "blemish_prone": (
                ("i", {BLUE: 16, RED: 28}, {BLUE: 12.8, RED: 22.4}),
                ("ii", {BLUE: 16, RED: 28}, {BLUE: 12.8, RED: 22.4}),
                ("iii", {BLUE: 16, RED: 28}, {BLUE: 12.8, RED: 22.4}),
                ("iv", {RED: 21}, {RED: 16.8}),
                ("v", {RED: 14}, {RED: 11.2}),
                ("vi", {RED: 14}, {RED: 11.2}),
                ("unknown", {RED: 14}, {RED: 11.2}),
            ),
            "uneven_tone": (
                ("i", {AMBER: 14, RED: 14}, {AMBER: 11.2, RED: 11.2}),
                ("ii", {AMBER: 14, RED: 14}, {AMBER: 11.2, RED: 11.2}),
                ("iii", {AMBER: 14, RED: 14}, {AMBER: 11.2, RED: 11.2}),
                ("iv", {AMBER: 10.5, RED: 10.5}, {AMBER: 8.4, RED: 8.4}),
                ("v", {AMBER: 7, RED: 7}, {AMBER: 5.6, RED: 5.6}),
                ("vi", {AMBER: 7, RED: 7}, {AMBER: 5.6, RED: 5.6}),
                ("unknown", {AMBER: 7, RED: 7}, {AMBER: 5.6, RED: 5.6}),
            ),
            "puffiness": (
                ("i", {NIR: 14}, {NIR: 11.2}),
                ("ii", {NIR: 14}, {NIR: 11.2}),
                ("iii", {NIR: 14}, {NIR: 11.2}),
                ("iv", {NIR: 10.5}, {NIR: 8.4}),
                ("v", {NIR: 7}, {NIR: 5.6}),
                ("vi", {NIR: 7}, {NIR: 5.6}),
                ("unknown", {NIR: 7}, {NIR: 5.6}),
            ),
            "first_use": (
                ("i", {RED: 14}, {RED: 11.2}),
                ("ii", {RED: 14}, {RED: 11.2}),
                ("iii", {RED: 14}, {RED: 11.2}),
                ("iv", {RED: 10.5}, {RED: 8.4}),
                ("v", {RED: 7}, {RED: 5.6}),
                ("vi", {RED: 7}, {RED: 5.6}),
                ("unknown", {RED: 7}, {RED: 5.6}),
            ),
        }
    )
)

# program: seconds of light in the first three sessions, and from the fourth on
LIGHT_S: Final[Mapping[str, tuple[float, float]]] = MappingProxyType(
    {
        "fine_lines": (300, 600),
        "sagging_jawline": (300, 600),
        "blemish_prone": (300, 600),
        "uneven_tone": (240, 480),
        "puffiness": (150, 300),
        "first_use": (120, 240),
    }
)

# program: uA measured, uA declared (and without calibration), Hz, seconds in the first three
# sessions, and from the fourth on
CURRENT: Final = (
    ("fine_lines", 200, 160, 8.3, 150, 300),
    ("sagging_jawline", 250, 200, 8.3, 150, 300),
    ("puffiness", 100, 80, 1, 150, 300),
    ("first_use", 75, 60, 8.3, 90, 180),
)

# program: sessions a week of light and of current (0: none), in the starting phase of current
PER_WEEK: Final = (
    ("fine_lines", 3, 2, 2),
    ("sagging_jawline", 3, 2, 3),
    ("blemish_prone", 2, 0, 0),
    ("uneven_tone", 2, 0, 0),
    ("puffiness", 2, 2, 2),
    ("first_use", 2, 1, 1),
)

# what a program without an eye shield becomes: only puffiness has another recipe, the others are
# refused because of their invisible or blue light
NO_EYE_SHIELD: Final = (
    ("fine_lines", "i", {RED: 28, NIR: 28}, True),
    ("sagging_jawline", "i", {RED: 28, NIR: 28}, True),
    ("blemish_prone", "i", {BLUE: 16, RED: 28}, True),
    ("blemish_prone", "iv", {RED: 21}, False),
    ("uneven_tone", "i", {AMBER: 14, RED: 14}, False),
    ("puffiness", "i", {RED: 14}, False),
    ("puffiness", "iv", {RED: 10.5}, False),
    ("puffiness", "vi", {RED: 7}, False),
    ("first_use", "i", {RED: 14}, False),
)

_LIGHT_ROWS: Final = [(program, *row) for program, rows in LIGHT.items() for row in rows]


def test_the_table_has_every_program_and_every_skin() -> None:
    assert set(LIGHT) == set(LIGHT_S) == {row[0] for row in PER_WEEK} == set(BUILT_IN)
    for rows in LIGHT.values():
        assert [row[0] for row in rows] == [skin.value for skin in SkinType]
    assert {row[0] for row in CURRENT} == {
        key for key, program in BUILT_IN.items() if program.wand is not None
    }


@pytest.mark.parametrize("done", [0, 1, 2, 3, 4, 100])
@pytest.mark.parametrize(
    ("program", "skin", "measured", "declared"),
    _LIGHT_ROWS,
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_light_of_every_program_skin_calibration_and_phase(
    program: str, skin: str, measured: dict[str, float], declared: dict[str, float], done: int
) -> None:
    whose = person(skin_type=SkinType(skin), done=done)
    first, later = LIGHT_S[program]
    for device, expected in (
        (mask(grade=Grade.MEASURED, uncertainty=0.20), measured),
        (mask(grade=Grade.DECLARED, uncertainty=0.50), declared),
        (mask(grade=Grade.NONE, uncertainty=0.50), declared),
    ):
        request = resolve_program(program, whose, device)
        assert {
            channel.value: level for channel, level in request.irradiance_mw_cm2.items()
        } == expected
        assert request.duration_s == (first if done < 3 else later)
        assert (request.modality, request.program, request.person) == (
            Modality.MASK,
            program,
            whose,
        )
        assert (request.current_ua, request.frequency_hz) == (None, None)
        refused = {
            refusal.reason for refusal in refusals(request, device, node(), NOW, history=NOTHING)
        }
        if device.grade is Grade.NONE:  # at most 60 s, red only: no program fits
            assert Reason.OUT_OF_BOUNDS in refused
            assert (Reason.NOT_CALIBRATED in refused) == (set(expected) != {RED})
        else:
            assert refused == set()


@pytest.mark.parametrize("skin", SkinType)
@pytest.mark.parametrize("done", [0, 1, 2, 3, 4, 100])
@pytest.mark.parametrize("row", CURRENT, ids=lambda row: row[0])
def test_current_of_every_program_calibration_and_phase_on_any_skin(
    row: tuple[str, float, float, float, float, float], skin: SkinType, done: int
) -> None:
    program, measured, declared, frequency_hz, first_s, later_s = row
    whose = person(skin_type=skin, done=done)
    for device, expected in (
        (wand(grade=Grade.MEASURED, uncertainty=0.20), measured),
        (wand(grade=Grade.DECLARED, uncertainty=0.50), declared),
        (wand(grade=Grade.NONE, uncertainty=0.50), declared),
    ):
        request = resolve_program(program, whose, device)
        assert (request.current_ua, request.frequency_hz) == (expected, frequency_hz)
        assert request.duration_s == (first_s if done < 3 else later_s)
        assert (request.modality, request.program, request.person) == (
            Modality.WAND,
            program,
            whose,
        )
        assert request.irradiance_mw_cm2 == {}
        refused = {
            refusal.reason
            for refusal in refusals(request, device, node(temperature_c=None), NOW, history=NOTHING)
        }
        if device.grade is Grade.NONE:
            assert Reason.NOT_CALIBRATED in refused
        else:
            assert refused == set()


@pytest.mark.parametrize(("program", "skin", "expected", "refused"), NO_EYE_SHIELD)
def test_without_an_eye_shield_only_puffiness_has_another_recipe(
    program: str, skin: str, expected: dict[str, float], *, refused: bool
) -> None:
    device = mask(eye_shield=EyeShield.NONE)
    request = resolve_program(program, person(skin_type=SkinType(skin)), device)
    assert {
        channel.value: level for channel, level in request.irradiance_mw_cm2.items()
    } == expected
    assert {
        refusal.reason for refusal in refusals(request, device, node(), NOW, history=NOTHING)
    } == ({Reason.EYE_SHIELD_MISSING} if refused else set())


@pytest.mark.parametrize(("program", "light", "current", "starting"), PER_WEEK)
def test_sessions_a_week(program: str, light: int, current: int, starting: int) -> None:
    built_in = BUILT_IN[program]
    assert built_in.key == program
    assert built_in.per_week(Modality.MASK) == light
    assert built_in.per_week(Modality.WAND) == current
    assert (0 if built_in.wand is None else built_in.wand.per_week_starting) == starting


def test_the_first_three_sessions_are_counted_per_modality() -> None:
    whose = person(sessions={Modality.MASK: 9})
    assert resolve_program("fine_lines", whose, mask()).duration_s == 600
    assert resolve_program("fine_lines", whose, wand()).duration_s == 150
    assert FIRST_SESSIONS == 3


def test_a_person_who_has_no_sessions_yet_is_in_the_first_three() -> None:
    assert resolve_program("first_use", person(sessions={}), mask()).duration_s == 120


def test_a_worse_measurement_lowers_the_drive_and_levels_are_rounded_down_for_the_wire() -> None:
    device = mask(grade=Grade.MEASURED, uncertainty=0.37)
    assert resolve_program("fine_lines", person(), device).irradiance_mw_cm2 == {
        Channel.RED: 24.525,
        Channel.NEAR_INFRARED: 24.525,
    }
    assert (
        resolve_program(
            "sagging_jawline", person(), wand(grade=Grade.MEASURED, uncertainty=0.37)
        ).current_ua
        == 218
    )


def test_a_better_measurement_than_the_least_that_may_be_claimed_raises_nothing() -> None:
    assert resolve_program(
        "first_use", person(), mask(grade=Grade.MEASURED, uncertainty=0.01)
    ).irradiance_mw_cm2 == {Channel.RED: 14}
    assert resolve_program(
        "first_use", person(), mask(grade=Grade.DECLARED, uncertainty=0.01)
    ).irradiance_mw_cm2 == {Channel.RED: 11.2}


@pytest.mark.parametrize("uncertainty", [math.nan, math.inf])
def test_an_uncertainty_that_is_no_number_leaves_no_light(uncertainty: float) -> None:
    device = mask(grade=Grade.MEASURED, uncertainty=uncertainty)
    request = resolve_program("first_use", person(), device)
    assert request.irradiance_mw_cm2 == {Channel.RED: 0}
    assert refusals(request, device, node(), NOW, history=NOTHING)


def test_a_channel_that_the_mask_lacks_is_not_left_out_but_refused() -> None:
    device = mask(channels=[Channel.RED])
    request = resolve_program("fine_lines", person(), device)
    assert [
        (refusal.reason, refusal.field)
        for refusal in refusals(request, device, node(), NOW, history=NOTHING)
    ] == [(Reason.BAD_CHANNEL, "channels.near_infrared")]


@pytest.mark.parametrize("key", ["", "Fine lines", "fine-lines", MANUAL, "no such program"])
def test_a_program_that_does_not_exist_is_refused_by_its_name(key: str) -> None:
    with pytest.raises(RefusedError) as caught:
        resolve_program(key, person(), mask())
    assert (
        caught.value.binding.reason,
        caught.value.binding.field,
        caught.value.binding.detail,
    ) == (Reason.UNKNOWN_PROGRAM, "program", key)


@pytest.mark.parametrize("key", ["blemish_prone", "uneven_tone"])
def test_a_program_without_current_is_refused_on_a_wand(key: str) -> None:
    with pytest.raises(RefusedError) as caught:
        resolve_program(key, person(), wand())
    assert (
        caught.value.binding.reason,
        caught.value.binding.field,
        caught.value.binding.detail,
    ) == (Reason.WRONG_MODALITY, "program", key)


# --- what a caller asks for -----------------------------------------------------------------------


def test_a_request_for_a_program_is_that_program_in_physical_units() -> None:
    asked = SessionRequest(person=person(), program="fine_lines", gel_rinsed=True)
    assert resolve(asked, mask()) == replace(
        resolve_program("fine_lines", person(), mask()), gel_rinsed=True
    )
    glow = replace(BUILT_IN["first_use"], key="Glow", custom=True)
    custom = replace(asked, program="Glow")
    assert resolve(custom, mask(), {"Glow": glow}).irradiance_mw_cm2 == {Channel.RED: 14}


def test_a_manual_request_keeps_its_numbers() -> None:
    light = SessionRequest(
        person=person(),
        program=MANUAL,
        duration_s=300,
        irradiance_mw_cm2={Channel.RED: 10},
        gel_rinsed=True,
    )
    parameters = resolve(light, mask())
    assert (parameters.modality, parameters.program) == (Modality.MASK, MANUAL)
    assert (parameters.duration_s, parameters.irradiance_mw_cm2) == (300, {Channel.RED: 10})
    assert (parameters.person, parameters.gel_rinsed) == (person(), True)
    current = SessionRequest(
        person=person(), program=MANUAL, duration_s=60, current_ua=100, frequency_hz=8.3
    )
    parameters = resolve(current, wand())
    assert (parameters.current_ua, parameters.frequency_hz) == (100, 8.3)
    assert (parameters.irradiance_mw_cm2, parameters.gel_rinsed) == ({}, False)


def test_a_manual_request_without_a_duration_is_refused_by_the_gate() -> None:
    asked = SessionRequest(person=person(), program=MANUAL, irradiance_mw_cm2={Channel.RED: 10})
    (refusal, *_) = refusals(resolve(asked, mask()), mask(), node())
    assert (refusal.reason, refusal.field) == (Reason.OUT_OF_BOUNDS, "duration_s")


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("duration_s", {"duration_s": 60}),
        ("channels", {"irradiance_mw_cm2": {}}),
        ("current_ua", {"current_ua": 0}),
        ("frequency_hz", {"frequency_hz": 8.3}),
    ],
)
def test_a_program_brings_its_own_numbers(field: str, changes: dict[str, Any]) -> None:
    with pytest.raises(RefusedError) as caught:
        resolve(SessionRequest(person=person(), program="fine_lines", **changes), mask())
    assert (caught.value.binding.reason, caught.value.binding.field) == (Reason.NOT_MANUAL, field)


def test_an_unknown_program_is_refused_as_such_also_with_numbers() -> None:
    with pytest.raises(RefusedError) as caught:
        resolve(SessionRequest(person=person(), program="nobody's", duration_s=60), mask())
    assert caught.value.binding.reason is Reason.UNKNOWN_PROGRAM

"""`core.gate.session_rules`: every rule of a request, at its edge and one step beyond it.

Most cases ask the whole gate, and expect exactly one refusal: so each rule is seen alone.
"""

from collections.abc import Callable
import math
from typing import Any, Final

import pytest

from custom_components.facial_therapy.core.device import Device, EyeShield
from custom_components.facial_therapy.core.gate import session_rules as module
from custom_components.facial_therapy.core.gate.session_rules import CONSTRAINTS
from custom_components.facial_therapy.core.limits import number
from custom_components.facial_therapy.core.model import Channel, Grade, Modality, SkinType
from custom_components.facial_therapy.core.refusal import Reason, Refusal
from custom_components.facial_therapy.core.session_parameters import SessionParameters
from tests.core import NOTHING, NOW, current, light, mask, node, person, refusals, wand

NOT_NUMBERS: Final = (
    math.nan,
    math.inf,
    -math.inf,
    0,
    -1,
    -0.0,
    2**31,
    10**400,
    "20",
    "red",
    "",
    None,
    True,
    [20],
    b"20",
    20j,
)
"""What no field lets through; 2^31 is a number, but far beyond every bound."""

FRESH: Final = 2
"""Sessions so far of somebody who is still in the first three."""


def found(request: SessionParameters, device: Device, **keywords: Any) -> tuple[Refusal, ...]:
    return refusals(request, device, node(), NOW, history=NOTHING, **keywords)


def brief(refusal: Refusal) -> tuple[Any, ...]:
    return (
        refusal.reason.value,
        refusal.field,
        refusal.minimum,
        refusal.maximum,
        refusal.unit,
        refusal.detail,
    )


# --- one rule at a time: the last permitted value, the next one, and the refusal ------------------

BOTH: Final[dict[str, Any]] = {"red": 29.166, "near_infrared": 29.166}

EDGES: Final[
    tuple[tuple[str, Device, SessionParameters, SessionParameters, tuple[Any, ...]], ...]
] = (
    # L1 to L4: 35 / 1.2, 20 / 1.2
    (
        "red",
        mask(),
        light(red=29.166),
        light(red=29.167),
        ("channels.red", 0.001, 29.166, "mW/cm²", "L1"),
    ),
    (
        "near-infrared",
        mask(),
        light(near_infrared=29.166),
        light(near_infrared=29.167),
        ("channels.near_infrared", 0.001, 29.166, "mW/cm²", "L2"),
    ),
    (
        "blue",
        mask(),
        light(blue=16.666),
        light(blue=16.667),
        ("channels.blue", 0.001, 16.666, "mW/cm²", "L3"),
    ),
    (
        "amber",
        mask(),
        light(amber=16.666, duration_s=60),
        light(amber=16.667, duration_s=60),
        ("channels.amber", 0.001, 16.666, "mW/cm²", "L4"),
    ),
    (
        "least red",
        mask(),
        light(red=0.001),
        light(red=0.0009),
        ("channels.red", 0.001, 29.166, "mW/cm²", "L1"),
    ),
    (
        "declared",
        mask(grade=Grade.DECLARED),
        light(red=23.333),
        light(red=23.334),
        ("channels.red", 0.001, 23.333, "mW/cm²", "L1"),
    ),
    (
        "measured badly",
        mask(uncertainty=0.75),
        light(red=20),
        light(red=20.001),
        ("channels.red", 0.001, 20, "mW/cm²", "L1"),
    ),
    (
        "skin IV",
        mask(),
        light(red=21.875, whose=person(skin_type=SkinType.IV)),
        light(red=21.876, whose=person(skin_type=SkinType.IV)),
        ("channels.red", 0.001, 21.875, "mW/cm²", "L1"),
    ),
    (
        "skin V",
        mask(),
        light(red=14.583, whose=person(skin_type=SkinType.V)),
        light(red=14.584, whose=person(skin_type=SkinType.V)),
        ("channels.red", 0.001, 14.583, "mW/cm²", "L1"),
    ),
    (
        "node's peak",
        mask(peak_mw_cm2={Channel.RED: 12}),
        light(red=12),
        light(red=12.001),
        ("channels.red", 0.001, 12, "mW/cm²", "node"),
    ),
    (
        "full drive",
        mask(full_mw_cm2={Channel.RED: 9.5}),
        light(red=9.5),
        light(red=9.501),
        ("channels.red", 0.001, 9.5, "mW/cm²", "node"),
    ),
    # L5: 70 / 1.2 for all; the smaller third channel keeps L6 out of it
    (
        "all channels",
        mask(),
        light(**BOTH, duration_s=60),
        light(**BOTH, amber=0.002, duration_s=60),
        ("channels", 0, 58.333, "mW/cm²", "L5"),
    ),
    # L6: 0.3 / 1.2 = 0.25; 16.666 / 200 three times is 0.24999, and any more of red makes it
    # 0.25005
    (
        "E / EL",
        mask(),
        light(red=16.666, blue=16.666, amber=16.666, duration_s=60),
        light(red=16.680, blue=16.666, amber=16.666, duration_s=60),
        ("channels", 0, 0.25, "1", "L6"),
    ),
    # L7, L28
    (
        "mask session",
        mask(),
        light(red=1, duration_s=600),
        light(red=1, duration_s=601),
        ("duration_s", 1, 600, "s", "L7"),
    ),
    (
        "least session",
        mask(),
        light(red=1, duration_s=1),
        light(red=1, duration_s=0.5),
        ("duration_s", 1, 600, "s", "L7"),
    ),
    (
        "node's session",
        mask(duration_s=480),
        light(red=1, duration_s=480),
        light(red=1, duration_s=481),
        ("duration_s", 1, 480, "s", "node"),
    ),
    (
        "no calibration",
        mask(grade=Grade.NONE, uncertainty=0.5),
        light(red=20, duration_s=60),
        light(red=20, duration_s=61),
        ("duration_s", 1, 60, "s", "L28"),
    ),
    # L8 to L11: 25 / 25 / 15 / 10 J/cm2 worst case, half of it in the first three sessions
    (
        "first red",
        mask(),
        light(red=28, duration_s=372, whose=person(done=FRESH)),
        light(red=28, duration_s=373, whose=person(done=FRESH)),
        ("duration_s", 1, 372, "s", "L8"),
    ),
    (
        "first near-infrared",
        mask(),
        light(near_infrared=28, duration_s=372, whose=person(done=FRESH)),
        light(near_infrared=28, duration_s=373, whose=person(done=FRESH)),
        ("duration_s", 1, 372, "s", "L9"),
    ),
    (
        "first blue",
        mask(),
        light(blue=16, duration_s=390, whose=person(done=FRESH)),
        light(blue=16, duration_s=391, whose=person(done=FRESH)),
        ("duration_s", 1, 390, "s", "L10"),
    ),
    (
        "amber fluence",
        mask(),
        light(amber=16, duration_s=520),
        light(amber=16, duration_s=521),
        ("duration_s", 1, 520, "s", "L11"),
    ),
    (
        "amber fluence on skin VI",
        mask(),
        light(amber=8, duration_s=520, whose=person(skin_type=SkinType.VI)),
        light(amber=8, duration_s=521, whose=person(skin_type=SkinType.VI)),
        ("duration_s", 1, 520, "s", "L11"),
    ),
    # L12: 50 J/cm2 worst case, half of it first: 25 / 1.2 / 0.055 = 378.8; each channel alone
    # may take 385
    (
        "first session, all channels",
        mask(),
        light(red=27, near_infrared=27, amber=1, duration_s=378, whose=person(done=FRESH)),
        light(red=27, near_infrared=27, amber=1, duration_s=379, whose=person(done=FRESH)),
        ("duration_s", 1, 378, "s", "L12"),
    ),
    # M1, M3, M5
    (
        "current",
        wand(),
        current(current_ua=250),
        current(current_ua=251, duration_s=60),
        ("current_ua", 1, 250, "µA", "M1"),
    ),
    (
        "current, declared",
        wand(grade=Grade.DECLARED),
        current(current_ua=200),
        current(current_ua=201, duration_s=60),
        ("current_ua", 1, 200, "µA", "M1"),
    ),
    (
        "least current",
        wand(),
        current(current_ua=1),
        current(current_ua=0.9),
        ("current_ua", 1, 250, "µA", "M1"),
    ),
    (
        "small electrode",
        wand(contact_area_mm2=12),
        current(current_ua=200),
        current(current_ua=201),
        ("current_ua", 1, 200, "µA", "M3"),
    ),
    (
        "node's current",
        wand(peak_ua=150),
        current(current_ua=150),
        current(current_ua=151),
        ("current_ua", 1, 150, "µA", "node"),
    ),
    (
        "highest frequency",
        wand(),
        current(frequency_hz=30),
        current(frequency_hz=30.1),
        ("frequency_hz", 1, 30, "Hz", "M5"),
    ),
    (
        "lowest frequency",
        wand(),
        current(frequency_hz=1),
        current(frequency_hz=0.9),
        ("frequency_hz", 1, 30, "Hz", "M5"),
    ),
    # M13, M15
    (
        "wand session",
        wand(),
        current(duration_s=300),
        current(duration_s=301),
        ("duration_s", 1, 300, "s", "M13"),
    ),
    (
        "first charge",
        wand(),
        current(current_ua=200, duration_s=187, whose=person(done=FRESH)),
        current(current_ua=200, duration_s=188, whose=person(done=FRESH)),
        ("duration_s", 1, 187, "s", "M15"),
    ),
)


@pytest.mark.parametrize(
    ("device", "inside", "outside", "said"),
    [edge[1:] for edge in EDGES],
    ids=[edge[0] for edge in EDGES],
)
def test_the_edge_is_allowed_and_one_step_beyond_is_refused_with_the_bound(
    device: Device, inside: SessionParameters, outside: SessionParameters, said: tuple[Any, ...]
) -> None:
    assert found(inside, device) == ()
    assert [brief(refusal) for refusal in found(outside, device)] == [("out_of_bounds", *said)]


def test_charge_of_a_full_session_is_bounded_after_the_first_three_too() -> None:
    refused = found(current(current_ua=251, duration_s=300), wand())
    assert ("out_of_bounds", "duration_s", 1, 298, "s", "M15") in map(brief, refused)


def test_half_a_period_carries_at_most_150_microcoulombs() -> None:
    assert found(current(current_ua=250, frequency_hz=1), wand()) == ()
    refused = found(current(current_ua=300, frequency_hz=1, duration_s=60), wand())
    assert [brief(refusal)[1:] for refusal in refused] == [
        ("current_ua", 1, 250, "µA", "M1"),
        ("frequency_hz", 1.2, 30, "Hz", "M20"),
    ]


# --- numbers that are none ------------------------------------------------------------------------


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=repr)
@pytest.mark.parametrize(
    ("field", "ask", "device", "minimum", "maximum"),
    [
        ("duration_s", lambda value: light(duration_s=value), mask(), 1, 600),
        ("duration_s", lambda value: current(duration_s=value), wand(), 1, 300),
        ("channels.red", lambda value: light(red=value), mask(), 0.001, 29.166),
        (
            "channels.near_infrared",
            lambda value: light(red=1, near_infrared=value),
            mask(),
            0.001,
            29.166,
        ),
        ("channels.blue", lambda value: light(blue=value), mask(), 0.001, 16.666),
        ("channels.amber", lambda value: light(amber=value), mask(), 0.001, 16.666),
        ("current_ua", lambda value: current(current_ua=value), wand(), 1, 250),
        ("frequency_hz", lambda value: current(frequency_hz=value), wand(), 1, 30),
    ],
)
def test_whatever_is_no_number_in_bounds_is_refused_by_its_field(  # noqa: PLR0913, PLR0917 - the columns of the table
    field: str,
    ask: Callable[[Any], SessionParameters],
    device: Device,
    minimum: float,
    maximum: float,
    value: object,
) -> None:
    first = found(ask(value), device)[0]
    if value is None and field in {"current_ua", "frequency_hz"}:
        assert (first.reason, first.field) == (Reason.NOTHING_SELECTED, field)
    else:
        assert (first.reason, first.field, first.minimum, first.maximum) == (
            Reason.OUT_OF_BOUNDS,
            field,
            minimum,
            maximum,
        )


@pytest.mark.parametrize("value", [value for value in NOT_NUMBERS if value is not None], ids=repr)
@pytest.mark.parametrize(
    ("request_", "device", "maximum"), [(light(), mask(), 1800), (current(), wand(), 300)]
)
def test_a_window_that_is_no_number_in_bounds_is_refused(
    request_: SessionParameters, device: Device, maximum: float, value: Any
) -> None:
    refused = found(request_, device, window_s=value)
    assert [brief(refusal)[:4] for refusal in refused] == [
        ("out_of_bounds", "window_s", 1, maximum)
    ]


@pytest.mark.parametrize(
    ("request_", "device", "longest"), [(light(), mask(), 1800), (current(), wand(), 300)]
)
def test_a_window_may_be_as_long_as_the_hard_limit_and_no_longer(
    request_: SessionParameters, device: Device, longest: float
) -> None:
    assert found(request_, device, window_s=1) == found(request_, device, window_s=longest) == ()
    assert found(request_, device, window_s=longest + 1)[0].field == "window_s"


@pytest.mark.parametrize(
    ("request_", "device", "sources"),
    [
        (light(duration_s=math.nan), mask(), ["L7", "L8", "L12"]),
        (current(duration_s=math.nan), wand(), ["M13", "L12", "M15"]),
    ],
)
def test_a_time_that_is_no_number_is_refused_by_every_rule_that_compares_it(
    request_: SessionParameters, device: Device, sources: list[str]
) -> None:
    assert [refusal.detail for refusal in found(request_, device)] == sources


def test_a_number_is_itself_and_everything_else_is_nan() -> None:
    assert (number(5), number(-2.5), number(0)) == (5, -2.5, 0)
    assert all(
        math.isnan(number(value))
        for value in (
            math.nan,
            math.inf,
            -math.inf,
            10**400,
            -(10**400),
            True,
            False,
            "1",
            b"1",
            None,
            [1],
            1j,
        )
    )


# --- ceilings of a device that are no numbers -----------------------------------------------------


@pytest.mark.parametrize("value", [math.nan, -math.inf, -1, 0])
def test_a_device_whose_ceiling_is_no_number_may_start_nothing(value: float) -> None:
    for request, device in (
        (light(), mask(duration_s=value)),
        (light(), mask(peak_mw_cm2={Channel.RED: value})),
        (light(), mask(full_mw_cm2={Channel.RED: value})),
        (light(), mask(peak_mw_cm2={})),
        (current(), wand(peak_ua=value)),
        (current(), wand(contact_area_mm2=value)),
        (current(), wand(duration_s=value)),
    ):
        refused = found(request, device)
        assert [(refusal.reason, refusal.maximum) for refusal in refused] == [
            (Reason.OUT_OF_BOUNDS, 0)
        ]


def test_an_infinite_ceiling_of_a_device_opens_nothing() -> None:
    endless = {channel: math.inf for channel in Channel}  # noqa: C420 - one kind of mapping
    assert (
        found(
            light(red=29.167), mask(peak_mw_cm2=endless, full_mw_cm2=endless, duration_s=math.inf)
        )[0].maximum
        == 29.166
    )
    assert (
        found(
            current(current_ua=251, duration_s=60),
            wand(peak_ua=math.inf, contact_area_mm2=math.inf),
        )[0].maximum
        == 250
    )


@pytest.mark.parametrize("uncertainty", [math.nan, math.inf, -math.inf])
def test_an_uncertainty_that_is_no_number_is_no_calibration(uncertainty: float) -> None:
    for request, device in (
        (light(), mask(uncertainty=uncertainty)),
        (current(), wand(uncertainty=uncertainty, contact_area_mm2=math.inf)),
    ):
        assert Reason.NOT_CALIBRATED in {refusal.reason for refusal in found(request, device)}


# --- the shape of a request -----------------------------------------------------------------------


def test_light_from_a_wand_and_current_from_a_mask_are_refused() -> None:
    both = SessionParameters(
        modality=Modality.WAND,
        person=person(),
        program="manual",
        duration_s=60,
        irradiance_mw_cm2={Channel.RED: 10},
        current_ua=100,
        frequency_hz=8.3,
    )
    assert [brief(refusal)[:2] for refusal in found(both, wand())] == [
        ("wrong_modality", "channels")
    ]
    assert [brief(refusal)[:2] for refusal in found(both, mask())] == [
        ("wrong_modality", None),
        ("wrong_modality", "current_ua"),
        ("wrong_modality", "frequency_hz"),
        ("out_of_bounds", "current_ua"),
    ]
    assert [brief(refusal)[:2] for refusal in found(light(duration_s=60), wand())] == [
        ("wrong_modality", None),
        ("wrong_modality", "channels"),
        ("nothing_selected", "current_ua"),
        ("nothing_selected", "frequency_hz"),
    ]


def test_nothing_selected_is_refused() -> None:
    nothing = SessionParameters(
        modality=Modality.MASK, person=person(), program="manual", duration_s=60
    )
    assert [brief(refusal)[:2] for refusal in found(nothing, mask())] == [
        ("nothing_selected", "channels")
    ]
    assert [brief(refusal)[:2] for refusal in found(current(current_ua=None), wand())] == [
        ("nothing_selected", "current_ua")
    ]
    assert [brief(refusal)[:2] for refusal in found(current(frequency_hz=None), wand())] == [
        ("nothing_selected", "frequency_hz")
    ]


def test_a_channel_that_does_not_exist_or_that_the_mask_lacks_is_refused() -> None:
    levels: Any = {"red": 10, "ultraviolet": 10, 7: 10}
    strange = SessionParameters(
        modality=Modality.MASK,
        person=person(),
        program="manual",
        duration_s=60,
        irradiance_mw_cm2=levels,
    )
    assert [brief(refusal)[:2] for refusal in found(strange, mask())] == [
        ("bad_channel", "channels.ultraviolet"),
        ("bad_channel", "channels.7"),
    ]
    assert [
        brief(refusal)[:2]
        for refusal in found(light(red=10, amber=10), mask(channels=[Channel.RED]))
    ] == [("bad_channel", "channels.amber")]


# --- device and person ----------------------------------------------------------------------------


def test_without_calibration_there_is_red_only_and_no_wand() -> None:
    uncalibrated = mask(grade=Grade.NONE, uncertainty=0.5)
    assert found(light(red=20, duration_s=60), uncalibrated) == ()
    for channel in ("near_infrared", "blue", "amber"):
        level: dict[str, Any] = {channel: 5}
        refused = found(light(duration_s=60, **level), uncalibrated)
        assert [brief(refusal)[:2] for refusal in refused] == [
            ("not_calibrated", f"channels.{channel}")
        ]
    refused = found(current(duration_s=60), wand(grade=Grade.NONE, uncertainty=0.5))
    assert [brief(refusal)[:2] for refusal in refused] == [("not_calibrated", None)]


def test_without_an_eye_shield_there_is_no_near_infrared_and_no_blue() -> None:
    for shield in (EyeShield.FIXED, EyeShield.SENSED):
        assert found(light(near_infrared=10, blue=10), mask(eye_shield=shield)) == ()
    bare = mask(eye_shield=EyeShield.NONE)
    assert found(light(red=10, amber=10), bare) == ()
    assert [brief(refusal)[:2] for refusal in found(light(near_infrared=10, blue=10), bare)] == [
        ("eye_shield_missing", "channels.near_infrared"),
        ("eye_shield_missing", "channels.blue"),
    ]


@pytest.mark.parametrize("skin_type", SkinType)
def test_blue_is_for_skin_types_one_to_three_only(skin_type: SkinType) -> None:
    refused = found(light(blue=5), mask(peak_mw_cm2={Channel.BLUE: 5}))
    assert refused == ()
    refused = found(light(blue=5, whose=person(skin_type=skin_type)), mask())
    assert [brief(refusal)[:2] for refusal in refused] == (
        [] if skin_type.value in {"i", "ii", "iii"} else [("skin_type", "channels.blue")]
    )


@pytest.mark.parametrize(("done", "longest"), [(0, 372), (1, 372), (2, 372), (3, 600), (4, 600)])
def test_the_first_three_sessions_have_half_the_fluence(done: int, longest: float) -> None:
    assert found(light(red=28, duration_s=longest, whose=person(done=done)), mask()) == ()
    assert found(light(red=28, duration_s=longest + 1, whose=person(done=done)), mask())


def test_every_channel_at_full_for_ten_minutes_fits_two_channels_but_not_three() -> None:
    assert found(light(red=29.166, near_infrared=29.166), mask()) == ()
    refused = found(light(red=29.166, near_infrared=29.166, blue=16.666), mask())
    assert [brief(refusal)[1:] for refusal in refused] == [
        ("channels", 0, 58.333, "mW/cm²", "L5"),
        ("channels", 0, 0.25, "1", "L6"),
        ("duration_s", 1, 555, "s", "L12"),
    ]


def test_all_refusals_are_said_at_once_in_the_order_of_the_rules() -> None:
    refused = found(
        light(blue=99, near_infrared=-1, duration_s=9999, whose=person(skin_type=SkinType.UNKNOWN)),
        mask(eye_shield=EyeShield.NONE),
    )
    assert [(refusal.reason.value, refusal.field, refusal.detail) for refusal in refused] == [
        ("out_of_bounds", "duration_s", "L7"),
        ("out_of_bounds", "channels.blue", "L3"),
        ("out_of_bounds", "channels.near_infrared", "L2"),
        ("eye_shield_missing", "channels.near_infrared", ""),
        ("eye_shield_missing", "channels.blue", ""),
        ("skin_type", "channels.blue", ""),
        ("out_of_bounds", "channels", "L5"),
        ("out_of_bounds", "channels", "L6"),
        ("out_of_bounds", "duration_s", "L10"),
        ("out_of_bounds", "duration_s", "L12"),
    ]


def test_every_rule_of_the_file_is_in_the_list() -> None:
    public = [
        value
        for name, value in vars(module).items()
        if callable(value) and getattr(value, "__module__", "") == module.__name__
    ]
    rules = [
        value
        for value in public
        if not isinstance(value, type) and not value.__name__.startswith("_")
    ]
    assert rules == list(CONSTRAINTS)

"""The gate against anything: nothing exceeds a hard ceiling, and tighter never permits more."""

from dataclasses import replace
import math
import sys
from typing import Any, Final

from hypothesis import assume, given, strategies as st

from custom_components.facial_therapy.core import limits
from custom_components.facial_therapy.core.device import Device, EyeShield, NodeState
from custom_components.facial_therapy.core.dose import uncertainty
from custom_components.facial_therapy.core.gate import bounds
from custom_components.facial_therapy.core.gate.request import normalized
from custom_components.facial_therapy.core.gate.session_rules import CONSTRAINTS
from custom_components.facial_therapy.core.model import Channel, Grade, Modality, SkinType
from custom_components.facial_therapy.core.person import Person
from custom_components.facial_therapy.core.refusal import Reason, Refused
from custom_components.facial_therapy.core.session_parameters import SessionParameters
from tests.core import NOTHING, NOW, answer, mask, node, person, refusals, situation, wand

SLACK: Final = 1 + 1e-6
"""The room of rounding."""

# The hard ceilings once more, so that a slip in limits.py is seen here. mW/cm², J/cm².
HARD_IRRADIANCE: Final = {
    Channel.RED: 80,
    Channel.NEAR_INFRARED: 80,
    Channel.BLUE: 40,
    Channel.AMBER: 50,
}
HARD_FLUENCE: Final = {
    Channel.RED: 60,
    Channel.NEAR_INFRARED: 60,
    Channel.BLUE: 30,
    Channel.AMBER: 30,
}
LIGHT_SKIN: Final = {SkinType.I, SkinType.II, SkinType.III}
FACTOR: Final = {SkinType.IV: 0.75, SkinType.V: 0.5, SkinType.VI: 0.5, SkinType.UNKNOWN: 0.5}

wild: Final = st.one_of(
    st.floats(),
    st.integers(),
    st.sampled_from(
        [
            math.nan,
            math.inf,
            -math.inf,
            0,
            -0.0,
            -1,
            2**31,
            10**400,
            sys.float_info.max,
            sys.float_info.min,
            5e-324,
            None,
            True,
            "30",
            b"1",
            [1],
        ]
    ),
)
"""Anything at all."""


def mostly(low: float, high: float) -> st.SearchStrategy[Any]:
    """Draw numbers around the permitted ones, and now and then anything at all."""
    near = st.floats(low, high, allow_nan=False)
    return st.one_of(
        near,
        near.map(lambda value: round(value, 1)),
        st.sampled_from([low, high]),
        near,
        near,
        wild,
    )


people: Final = st.builds(
    lambda skin_type, done: person(skin_type=skin_type, done=done),
    st.sampled_from(SkinType),
    st.integers(0, 6),
)
ceilings: Final = st.one_of(st.floats(0, 100), st.floats(), st.just(math.inf))
per_channel: Final = st.dictionaries(st.sampled_from(Channel), ceilings)
uncertainties: Final = st.one_of(st.floats(0.2, 1), st.floats())
masks: Final = st.one_of(
    st.builds(
        lambda grade, uncertainty, eye_shield: mask(
            grade=grade, uncertainty=uncertainty, eye_shield=eye_shield
        ),
        st.sampled_from(Grade),
        st.floats(0.2, 1),
        st.sampled_from(EyeShield),
    ),
    st.builds(
        lambda grade, uncertainty, eye_shield, full, peak, duration_s: mask(
            grade=grade,
            uncertainty=uncertainty,
            eye_shield=eye_shield,
            full_mw_cm2=full,
            peak_mw_cm2=peak,
            duration_s=duration_s,
        ),
        st.sampled_from(Grade),
        uncertainties,
        st.sampled_from(EyeShield),
        per_channel,
        per_channel,
        ceilings,
    ),
)
wands: Final = st.builds(
    lambda grade, uncertainty, peak_ua, contact_area_mm2, duration_s: wand(
        grade=grade,
        uncertainty=uncertainty,
        peak_ua=peak_ua,
        contact_area_mm2=contact_area_mm2,
        duration_s=duration_s,
    ),
    st.sampled_from(Grade),
    uncertainties,
    st.one_of(st.just(500.0), st.floats()),
    st.one_of(st.floats(0, 40), st.floats()),
    st.one_of(st.just(900.0), st.floats()),
)
levels: Final = st.one_of(
    st.dictionaries(st.sampled_from(Channel), mostly(0.001, 30), min_size=1),
    st.dictionaries(st.one_of(st.sampled_from(Channel), st.text(max_size=4), st.integers()), wild),
)
requests: Final = st.one_of(
    st.builds(
        lambda whose, duration_s, light: SessionParameters(
            modality=Modality.MASK,
            person=whose,
            program="manual",
            duration_s=duration_s,
            irradiance_mw_cm2=light,
        ),
        people,
        mostly(1, 700),
        levels,
    ),
    st.builds(
        lambda whose, duration_s, current_ua, frequency_hz: SessionParameters(
            modality=Modality.WAND,
            person=whose,
            program="manual",
            duration_s=duration_s,
            current_ua=current_ua,
            frequency_hz=frequency_hz,
        ),
        people,
        mostly(1, 350),
        mostly(1, 320),
        mostly(1, 35),
    ),
    st.builds(
        lambda modality, whose, duration_s, light, current_ua, frequency_hz: SessionParameters(
            modality=modality,
            person=whose,
            program="manual",
            duration_s=duration_s,
            irradiance_mw_cm2=light,
            current_ua=current_ua,
            frequency_hz=frequency_hz,
        ),
        st.sampled_from(Modality),
        people,
        wild,
        levels,
        wild,
        wild,
    ),
)
devices: Final = st.one_of(masks, wands)


def permitted(request: SessionParameters, device: Device, **keywords: Any) -> bool:
    return refusals(request, device, node(), NOW, history=NOTHING, **keywords) == ()


def fitting(device: Device, request: SessionParameters) -> Device:
    """Return the device, or a plain one of the request's modality, so that more is permitted."""
    if device.modality is request.modality:
        return device
    return mask() if request.modality is Modality.MASK else wand()


@st.composite
def plausible(draw: st.DrawFn) -> tuple[SessionParameters, Device]:
    """Draw a request near the edge of what a sound device allows: about half are permitted."""
    whose = draw(people)
    grade = draw(st.sampled_from([Grade.MEASURED, Grade.DECLARED, Grade.NONE]))
    claimed = draw(st.floats(0.2, 1))
    near = st.floats(0.2, 1.05)
    if draw(st.booleans()):
        device = mask(
            grade=grade,
            uncertainty=claimed,
            eye_shield=draw(st.sampled_from(EyeShield)),
            duration_s=draw(st.sampled_from([1200, 500, 30])),
        )
        chosen = draw(
            st.lists(
                st.sampled_from(
                    [Channel.RED, Channel.RED, Channel.AMBER, Channel.NEAR_INFRARED, Channel.BLUE]
                ),
                min_size=1,
                max_size=3,
            )
        )
        scale = bounds.Scale.of(device, whose)
        light = {
            channel: bounds.irradiance(channel, device, scale).maximum * draw(near)
            for channel in chosen
        }
        duration_s = bounds.duration(device, whose).maximum * draw(near)
        return SessionParameters(
            modality=Modality.MASK,
            person=whose,
            program="manual",
            duration_s=duration_s,
            irradiance_mw_cm2=light,
        ), device
    area = draw(st.floats(5, 30))
    device = wand(
        grade=grade,
        uncertainty=claimed,
        contact_area_mm2=area,
        peak_ua=draw(st.sampled_from([500, 180, 20])),
    )
    return SessionParameters(
        modality=Modality.WAND,
        person=whose,
        program="manual",
        duration_s=bounds.duration(device, whose).maximum * draw(near),
        current_ua=bounds.current(device, bounds.Scale.of(device, whose)).maximum * draw(near),
        frequency_hz=draw(st.floats(0.9, 31)),
    ), device


cases: Final = st.one_of(plausible(), st.tuples(requests, devices))


@given(cases, st.one_of(st.none(), mostly(1, 1800)))
def test_nothing_above_a_hard_ceiling_is_ever_permitted(
    case: tuple[SessionParameters, Device], window_s: Any
) -> None:
    request_, device = case
    plan = answer(request_, device, node(), window_s=window_s)
    if isinstance(plan, Refused):
        return
    assert plan.request is request_
    factor = FACTOR.get(request_.person.skin_type, 1) * SLACK
    share = 1 + uncertainty(device)
    light = {channel: level * share for channel, level in request_.irradiance_mw_cm2.items()}
    assert 0 < request_.duration_s <= {Modality.MASK: 1200, Modality.WAND: 900}[device.modality]
    assert 0 < plan.window_s <= {Modality.MASK: 1800, Modality.WAND: 300}[device.modality]
    assert all(0 < level <= HARD_IRRADIANCE[channel] * factor for channel, level in light.items())
    assert sum(light.values()) <= 120 * factor
    assert (
        sum(level / limits.EXPOSURE_LIMIT[channel] for channel, level in light.items())
        <= 0.5 * factor
    )
    assert all(
        0 < value <= HARD_FLUENCE[channel] * factor
        for channel, value in plan.worst_case.fluence_j_cm2.items()
    )
    assert sum(plan.worst_case.fluence_j_cm2.values()) <= 100 * factor
    assert 0 <= plan.worst_case.charge_ma_min <= 7.5 * SLACK
    if device.modality is Modality.MASK:
        assert light
        assert (request_.current_ua, request_.frequency_hz) == (None, None)
        assert not (
            {Channel.BLUE, Channel.NEAR_INFRARED} & set(light)
            and device.eye_shield is EyeShield.NONE
        )
        assert Channel.BLUE not in light or request_.person.skin_type in LIGHT_SKIN
        assert device.grade is not Grade.NONE or (
            set(light) == {Channel.RED} and request_.duration_s <= 60
        )
        assert all(
            level <= device.peak_mw_cm2[channel]
            for channel, level in request_.irradiance_mw_cm2.items()
        )
    else:
        assert not light
        assert request_.current_ua is not None
        assert request_.frequency_hz is not None
        assert device.grade is not Grade.NONE
        worst_case_ua = request_.current_ua * share
        assert 0 < worst_case_ua <= min(500, 20 * device.contact_area_mm2) * SLACK
        assert request_.current_ua <= device.peak_ua
        assert 1 <= request_.frequency_hz <= 300
        assert worst_case_ua / request_.frequency_hz / 2 <= 150 * SLACK


@given(
    plausible(),
    st.sampled_from(
        ["duration", "level", "skin", "uncertainty", "phase", "node", "shield", "grade", "area"]
    ),
    st.floats(0, 1),
)
def test_tightening_one_input_never_permits_more(
    case: tuple[SessionParameters, Device], what: str, share: float
) -> None:
    """The other way round: a permitted session stays so when one input becomes looser."""
    assume(permitted(*case))
    looser = loosened(*case, what, share)
    assume(looser is not None)
    assert looser is not None
    assert permitted(*looser)


def loosened(
    request: SessionParameters, device: Device, what: str, share: float
) -> tuple[SessionParameters, Device] | None:
    """Return the case with one input looser; None if that would be below every minimum."""
    plenty = dict.fromkeys(device.full_mw_cm2, 1000)
    asked: dict[str, dict[str, Any]] = {
        "duration": {"duration_s": request.duration_s * share},
        "level": {
            "current_ua": None if request.current_ua is None else request.current_ua * share,
            "irradiance_mw_cm2": {
                channel: level * share for channel, level in request.irradiance_mw_cm2.items()
            },
        },
        "skin": {"person": replace(request.person, skin_type=SkinType.I)},
        "phase": {"person": replace(request.person, sessions=dict.fromkeys(Modality, 99))},
    }
    device_changes: dict[str, dict[str, Any]] = {
        "uncertainty": {"uncertainty": device.uncertainty * share},
        "grade": {"grade": Grade.MEASURED},
        "node": {"full_mw_cm2": plenty, "peak_mw_cm2": plenty, "peak_ua": 1e6, "duration_s": 1e6},
        "shield": {"eye_shield": EyeShield.FIXED},
        "area": {"contact_area_mm2": device.contact_area_mm2 / share if share else math.inf},
    }
    looser = (
        replace(request, **asked.get(what, {})),
        replace(device, **device_changes.get(what, {})),
    )
    wishes = [
        looser[0].duration_s,
        *(level * 1000 for level in looser[0].irradiance_mw_cm2.values()),
    ]
    wishes += [] if looser[0].current_ua is None else [looser[0].current_ua]
    return looser if min(wishes) >= 1 else None


@given(cases)
def test_every_rule_has_its_say_whatever_the_others_say(
    asked: tuple[SessionParameters, Device],
) -> None:
    """Each rule looks at the case alone, so one more can only add refusals."""
    request_, device = asked
    everything = refusals(request_, device, node(), NOW, history=NOTHING)
    about = situation(device, person=request_.person)
    case = normalized(request_, about, None)
    assert list(everything) == [
        refusal for constraint in CONSTRAINTS for refusal in constraint(case, about)
    ]


@given(masks, people, st.sampled_from(Channel))
def test_the_allowed_irradiance_is_the_smallest_of_all(
    device: Device, whose: Person, channel: Channel
) -> None:
    limit = limits.IRRADIANCE[channel]
    scale = FACTOR.get(whose.skin_type, 1) / (1 + uncertainty(device))
    of_node = [device.peak_mw_cm2.get(channel, 0), device.full_mw_cm2.get(channel, 0)]
    smallest = min(
        limit.default.maximum * scale,
        limit.hard.maximum * scale,
        *(max(0, value) for value in of_node),
    )
    assert (
        smallest - 0.001
        < bounds.irradiance(channel, device, bounds.Scale.of(device, whose)).maximum
        <= smallest * SLACK + 1e-9
    )


@given(wands, people)
def test_the_allowed_current_and_time_are_the_smallest_of_all(
    device: Device, whose: Person
) -> None:
    scale = 1 / (1 + uncertainty(device))
    area = min(max(0, device.contact_area_mm2), 1e6)  # max(0, NaN) is 0
    smallest = min(300 * scale, 500 * scale, 20 * area * scale, max(0, device.peak_ua))
    allowed = bounds.current(device, bounds.Scale.of(device, whose)).maximum
    assert smallest - 1 < allowed <= smallest * SLACK + 1e-6
    longest = min(300, 60 if device.grade is Grade.NONE else 300, max(0, device.duration_s))
    assert longest - 1 < bounds.duration(device, whose).maximum <= longest + 1e-6


@given(cases)
def test_the_maximum_that_a_refusal_names_is_allowed_by_the_rule_that_named_it(
    case: tuple[SessionParameters, Device],
) -> None:
    request_, device = case[0], fitting(case[1], case[0])
    for refusal in refusals(request_, device, node(), NOW, history=NOTHING):
        if refusal.reason is not Reason.OUT_OF_BOUNDS or refusal.field != "duration_s":
            continue
        assert refusal.minimum is not None
        assert refusal.maximum is not None
        if refusal.maximum < refusal.minimum:
            continue
        shorter = refusals(
            replace(request_, duration_s=refusal.maximum), device, node(), NOW, history=NOTHING
        )
        assert (refusal.field, refusal.detail) not in {
            (other.field, other.detail) for other in shorter
        }


@given(plausible(), st.sampled_from([state for state in NodeState if state is not NodeState.IDLE]))
def test_nothing_is_permitted_on_a_node_that_is_not_idle(
    case: tuple[SessionParameters, Device], state: NodeState
) -> None:
    assert refusals(*case, node(state=state), NOW, history=NOTHING) != ()

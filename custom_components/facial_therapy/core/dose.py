"""Doses of light and current. Nothing is checked: a NaN stays a NaN, which every bound refuses.

Light: fluence (J/cm²) = irradiance (mW/cm²) x time (s) / 1000. Current: charge (mA·min) = peak (µA)
x time (s) / 60 000, since a symmetric square wave has its peak's magnitude all the time. *Nominal*
is what the device is set to and what a person is shown; *worst case* is what the limits compare:
times (1 + U).
"""

from collections.abc import Mapping
import math
from types import MappingProxyType
from typing import Final

from .device import Device
from .limits import UNCALIBRATED_FLUENCE_J_CM2, UNCERTAINTY
from .model import Channel, Dose, Grade
from .session_parameters import SessionParameters

_MS_PER_S: Final = 1000
_UA_S_PER_MA_MIN: Final = 60_000


def fluence_j_cm2(irradiance_mw_cm2: float, duration_s: float) -> float:
    """Return the fluence in J/cm² of an irradiance in mW/cm² that lasts `duration_s` seconds."""
    return irradiance_mw_cm2 * duration_s / _MS_PER_S


def charge_ma_min(current_ua: float, duration_s: float) -> float:
    """Return the charge in mA·min of a peak current in µA that lasts `duration_s` seconds."""
    return current_ua * duration_s / _UA_S_PER_MA_MIN


def uncertainty(device: Device) -> float:
    """Return U of a device as a share, 0.2 = 20 %.

    Returns:
        What the device claims, but never less than its grade may (measured 0.20; declared, none
        0.50). Infinity if the claim is no number: worst-case values are then infinite too, and
        nothing is allowed.

    Source: docs/safety.md, L28.
    """
    claimed = device.uncertainty
    return max(claimed, UNCERTAINTY[device.grade]) if math.isfinite(claimed) else math.inf


def planned(request: SessionParameters) -> Dose:
    """Return the nominal dose of a request: its levels for all of its time, the ramp included."""
    return Dose(
        fluence_j_cm2=MappingProxyType(
            {
                channel: fluence_j_cm2(level, request.duration_s)
                for channel, level in request.irradiance_mw_cm2.items()
            }
        ),
        charge_ma_min=0
        if request.current_ua is None
        else charge_ma_min(request.current_ua, request.duration_s),
    )


def worst_case(dose: Dose, device: Device) -> Dose:
    """Return the worst case of a nominal dose, planned or delivered, on a device.

    Source: docs/safety.md, L28.
    """
    return worst_case_at(dose, device.grade, uncertainty(device))


def worst_case_at(dose: Dose, grade: Grade, share: float) -> Dose:
    """Return what a nominal dose, planned or delivered, counts for.

    Args:
        dose: Nominal.
        grade: Calibration of the device that delivers it.
        share: Its U, 0.2 = 20 %.

    Returns:
        The dose times (1 + U), the same channels. Light that is not calibrated counts at least 6
        J/cm² as soon as it has flowed at all.

    Source: docs/safety.md, L28.
    """
    floor = UNCALIBRATED_FLUENCE_J_CM2 if grade is Grade.NONE else 0
    fluence: Mapping[Channel, float] = {
        channel: 0
        if nominal == 0
        else max(nominal * (1 + share), floor)  # NaN stays NaN: it is max's first argument
        for channel, nominal in dose.fluence_j_cm2.items()
    }
    return Dose(
        fluence_j_cm2=MappingProxyType(fluence), charge_ma_min=dose.charge_ma_min * (1 + share)
    )


def greatest(*doses: Dose) -> Dose:
    """Return the larger of several doses, channel by channel."""
    found = {channel for dose in doses for channel in dose.fluence_j_cm2}
    fluence = {
        channel: max(dose.fluence_j_cm2.get(channel, 0) for dose in doses)
        for channel in Channel
        if channel in found
    }
    return Dose(
        fluence_j_cm2=MappingProxyType(fluence),
        charge_ma_min=max(dose.charge_ma_min for dose in doses),
    )

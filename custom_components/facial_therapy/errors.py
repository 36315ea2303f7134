"""What Home Assistant tells a caller: the one place that turns refusals and device errors into translated exceptions."""

from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.util import dt as dt_util

from .const import DOMAIN
from .core.model import Refusal, RefusedError
from .devices import DeviceError


def placeholders(refusal: Refusal) -> dict[str, str]:
    """Return what the sentences about a refusal may name; `-` for what it does not have, and the unit with the space before it."""
    allowed_at = refusal.allowed_at and dt_util.as_local(refusal.allowed_at).isoformat(sep=" ", timespec="minutes")
    numbers = {name: "-" if (value := getattr(refusal, name)) is None else f"{value:.10g}" for name in ("minimum", "maximum")}
    unit = f" {refusal.unit}" if refusal.unit not in ("", "1") else ""
    return {"field": refusal.field or "-", **numbers, "unit": unit, "detail": refusal.detail or "-", "allowed_at": allowed_at or "-"}


def translated(error: RefusedError | DeviceError) -> HomeAssistantError:
    """Return what the caller is told: a refusal is the caller's to mend, a device that does not answer is not."""
    if isinstance(error, DeviceError):
        return HomeAssistantError(translation_domain=DOMAIN, translation_key=error.problem.value, translation_placeholders=error.placeholders)
    return ServiceValidationError(translation_domain=DOMAIN, translation_key=error.binding.reason.value, translation_placeholders=placeholders(error.binding))

"""What Home Assistant tells a caller: the one place that turns refusals and device errors into translated exceptions."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from homeassistant.core import async_get_hass
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.translation import async_get_cached_translations
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..core.model import Refusal, RefusedError
from ..devices.port import DeviceError

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAYS_BY_NAME: Final = 7


def time_in_words(moment: datetime, texts: Mapping[str, str] | None = None) -> str:
    """Return a time as people say it at home: `20:10`, with the weekday when it is not today, and with the date when it is a week away or more.

    Never earlier than it is: a minute that has begun counts as the next one. With the texts of a
    language in that one, else in Home Assistant's.
    """
    hass = async_get_hass()
    common = (
        async_get_cached_translations(hass, hass.config.language, "common", DOMAIN)
        if texts is None
        else texts
    )
    at = dt_util.as_local(moment + timedelta(minutes=1, microseconds=-1)).replace(
        second=0, microsecond=0
    )
    days = (at.date() - dt_util.now().date()).days
    if days == 0:
        return f"{at:%H:%M}"
    key = "time_weekday" if 0 < days < DAYS_BY_NAME else "time_date"
    return common.get(_common(key), "{date} {time}").format(
        time=f"{at:%H:%M}",
        date=at.date().isoformat(),
        weekday=common.get(_common(WEEKDAYS[at.weekday()])),
    )


def _common(key: str) -> str:
    return f"component.{DOMAIN}.common.{key}"


def placeholders(refusal: Refusal, texts: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return what the sentences about a refusal may name; `-` for what it does not have, and the unit with the space before it."""
    allowed_at = refusal.allowed_at and time_in_words(refusal.allowed_at, texts)
    numbers = {
        name: "-" if (value := getattr(refusal, name)) is None else f"{value:.10g}"
        for name in ("minimum", "maximum")
    }
    unit = f" {refusal.unit}" if refusal.unit not in ("", "1") else ""
    return {
        "field": refusal.field or "-",
        **numbers,
        "unit": unit,
        "detail": refusal.detail or "-",
        "allowed_at": allowed_at or "-",
    }


def translated(error: RefusedError | DeviceError) -> HomeAssistantError:
    """Return what the caller is told: a refusal is the caller's to mend, a device that does not answer is not."""
    if isinstance(error, DeviceError):
        return HomeAssistantError(
            translation_domain=DOMAIN,
            translation_key=error.problem.value,
            translation_placeholders=error.placeholders,
        )
    return ServiceValidationError(
        translation_domain=DOMAIN,
        translation_key=error.binding.reason.value,
        translation_placeholders=placeholders(error.binding),
    )


@contextmanager
def translated_errors() -> Iterator[None]:
    """Tell the caller in their words why something was refused, or that the device did not answer."""
    try:
        yield
    except (RefusedError, DeviceError) as error:
        raise translated(error) from error

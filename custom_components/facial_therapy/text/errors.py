"""Errors for callers: refusals and device errors as translated exceptions."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final

from homeassistant.core import async_get_hass
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers.translation import async_get_cached_translations
from homeassistant.util import dt as dt_util

from ..const import DOMAIN
from ..core.refusal import Refusal, RefusedError
from ..devices.port import DeviceError

WEEKDAYS: Final = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
DAYS_BY_NAME: Final = 7


def time_in_words(moment: datetime, texts: Mapping[str, str] | None = None) -> str:
    """Return a local time as text: `20:10`, with the weekday or date unless it is today.

    It is rounded up to whole minutes, so that it is never too early. The date stands there from a
    week ahead. The language is that of the texts, by default Home Assistant's.
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
    """Return the placeholders of a refusal's sentence; `-` for a missing one."""
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
    """Return the exception for a caller: a validation error for a refusal."""
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
    """Translate refusals and device errors that are raised inside."""
    try:
        yield
    except (RefusedError, DeviceError) as error:
        raise translated(error) from error

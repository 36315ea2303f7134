"""Error messages, with the time at which a request would be allowed."""

from datetime import UTC, datetime, timedelta
from unittest.mock import patch

from freezegun.api import FrozenDateTimeFactory
from homeassistant.core import HomeAssistant
import pytest

from custom_components.facial_therapy.core.refusal import Reason, Refusal, RefusedError
from custom_components.facial_therapy.text.errors import time_in_words, translated

EVENING = datetime(2026, 11, 24, 19, 30, tzinfo=UTC)


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("moment", "words"),
    [
        (datetime(2026, 11, 24, 20, 10, tzinfo=UTC), "21:10"),
        (datetime(2026, 11, 24, 20, 10, 1, tzinfo=UTC), "21:11"),
        (datetime(2026, 11, 24, 22, 59, tzinfo=UTC), "23:59"),
        (datetime(2026, 11, 24, 22, 59, 59, tzinfo=UTC), "00:00 on Wednesday"),
        (datetime(2026, 11, 25, 20, 10, tzinfo=UTC), "21:10 on Wednesday"),
        (datetime(2026, 11, 30, 20, 10, tzinfo=UTC), "21:10 on Monday"),
        (datetime(2026, 12, 1, 20, 10, tzinfo=UTC), "21:10 on 2026-12-01"),
        (datetime(2026, 11, 23, 20, 10, tzinfo=UTC), "21:10 on 2026-11-23"),
    ],
)
async def test_a_time_is_said_as_at_home(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory, moment: datetime, words: str
) -> None:
    await hass.config.async_set_time_zone("Europe/Vienna")
    freezer.move_to(EVENING)
    assert time_in_words(moment) == words


async def test_a_time_without_words_is_still_a_time(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    await hass.config.async_set_time_zone("UTC")
    freezer.move_to(EVENING)
    with patch(
        "custom_components.facial_therapy.text.errors.async_get_cached_translations",
        return_value={},
    ):
        assert time_in_words(EVENING + timedelta(days=1)) == "2026-11-25 19:30"


@pytest.mark.usefixtures("world")
async def test_a_refusal_says_when_it_is_over(
    hass: HomeAssistant, freezer: FrozenDateTimeFactory
) -> None:
    await hass.config.async_set_time_zone("UTC")
    freezer.move_to(EVENING)
    error = translated(
        RefusedError(Refusal(reason=Reason.REDNESS, allowed_at=EVENING + timedelta(minutes=40)))
    )
    assert str(error) == "Light is paused until 20:10"

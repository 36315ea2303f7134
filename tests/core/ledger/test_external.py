"""External sessions: the values that a person may log, and how they count."""

from datetime import UTC, datetime, timedelta
import math
from typing import Any

import pytest

from custom_components.facial_therapy.core.ledger import external
from custom_components.facial_therapy.core.ledger.external import ExternalSession
from custom_components.facial_therapy.core.ledger.record import Record, Source
from custom_components.facial_therapy.core.model import Channel, Modality, Outcome
from custom_components.facial_therapy.core.person import Person
from custom_components.facial_therapy.core.refusal import Reason, RefusedError

NOW = datetime(2026, 11, 24, 21, 0, tzinfo=UTC)
ADA = Person(person_id="ada", name="Ada", profile=4711)
LIGHT: dict[str, Any] = {
    "modality": Modality.MASK,
    "irradiance_mw_cm2": {Channel.RED: 30, Channel.BLUE: 10},
    "duration_s": 600,
}
CURRENT: dict[str, Any] = {"modality": Modality.WAND, "current_ua": 200, "duration_s": 300}


def logged(given: dict[str, Any], **changes: Any) -> Record:
    return external.record(
        ExternalSession(**given | changes), ADA, "00000000000000b1", NOW, started_by="user"
    )


def refused(given: dict[str, Any], **changes: Any) -> set[tuple[Reason, str | None]]:
    with pytest.raises(RefusedError) as error:
        logged(given, **changes)
    return {(refusal.reason, refusal.field) for refusal in error.value.refusals}


def test_an_external_light_session_counts_at_once_and_half_more_than_logged() -> None:
    record = logged(LIGHT)
    assert (record.source, record.mac, record.person_id, record.started_by, record.outcome) == (
        Source.LOGGED,
        None,
        "ada",
        "user",
        Outcome.COMPLETED,
    )
    assert not record.open
    assert record.delivered is not None
    assert record.delivered.fluence_j_cm2 == {
        Channel.RED: pytest.approx(18),
        Channel.BLUE: pytest.approx(6),
    }
    assert record.counted.fluence_j_cm2 == {
        Channel.RED: pytest.approx(27),
        Channel.BLUE: pytest.approx(9),
    }
    assert (record.started_at, record.ended_at, record.output_s) == (
        NOW - timedelta(minutes=10),
        NOW,
        600,
    )


def test_an_external_current_session_counts_likewise_from_its_logged_time() -> None:
    record = logged(CURRENT, started_at=NOW - timedelta(days=2))
    assert record.counted.charge_ma_min == pytest.approx(1.5)
    assert record.started_at == NOW - timedelta(days=2)


@pytest.mark.parametrize("value", [math.nan, math.inf, -1, 0, 1e300])
def test_a_number_that_is_none_or_out_of_its_bound_is_refused_by_its_field(value: float) -> None:
    assert refused(LIGHT, duration_s=value) == {(Reason.OUT_OF_BOUNDS, "duration_s")}
    assert refused(LIGHT, irradiance_mw_cm2={Channel.AMBER: value}) == {
        (Reason.OUT_OF_BOUNDS, "channels.amber")
    }
    assert refused(CURRENT, current_ua=value) == {(Reason.OUT_OF_BOUNDS, "current_ua")}


@pytest.mark.parametrize(
    ("given", "changes", "expected"),
    [
        (LIGHT, {"irradiance_mw_cm2": {"violet": 3}}, (Reason.BAD_CHANNEL, "channels.violet")),
        (LIGHT, {"irradiance_mw_cm2": {}}, (Reason.NOTHING_SELECTED, "channels")),
        (LIGHT, {"irradiance_mw_cm2": None}, (Reason.NOTHING_SELECTED, "channels")),
        (LIGHT, {"current_ua": 3}, (Reason.WRONG_MODALITY, "current_ua")),
        (CURRENT, {"current_ua": None}, (Reason.NOTHING_SELECTED, "current_ua")),
        (CURRENT, {"irradiance_mw_cm2": {Channel.RED: 3}}, (Reason.WRONG_MODALITY, "channels")),
        (LIGHT, {"started_at": NOW}, (Reason.IN_FUTURE, "started_at")),
        (LIGHT, {"started_at": NOW + timedelta(days=400)}, (Reason.IN_FUTURE, "started_at")),
        (LIGHT, {"started_at": NOW - timedelta(days=8)}, (Reason.TOO_LONG_AGO, "started_at")),
    ],
)
def test_what_does_not_fit_is_refused_by_its_field(
    given: dict[str, Any], changes: dict[str, Any], expected: tuple[Reason, str]
) -> None:
    assert refused(given, **changes) == {expected}


def test_a_clock_that_is_a_little_ahead_is_no_future_and_almost_eight_days_ago_still_counts() -> (
    None
):
    assert logged(LIGHT, started_at=NOW - timedelta(seconds=545)).ended_at == NOW + timedelta(
        seconds=55
    )
    assert (
        logged(LIGHT, started_at=NOW - timedelta(days=8) + timedelta(seconds=1)).counted.total > 0
    )

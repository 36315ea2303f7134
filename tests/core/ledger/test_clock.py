"""`core.clock`: steps of the wall clock move nothing."""

from datetime import timedelta
from typing import Final

from hypothesis import given, strategies as st

from custom_components.facial_therapy.core.ledger import clock
from tests.core import NOW

times: Final = st.timedeltas(timedelta(days=-400), timedelta(days=400))


def test_it_begins_at_the_wall_clock_or_at_the_newest_entry_if_that_is_later() -> None:
    assert clock.begin(NOW, 5, None).at(5) == NOW
    assert clock.begin(NOW, 5, NOW - timedelta(days=9)).at(5) == NOW
    assert clock.begin(NOW, 5, NOW + timedelta(days=9)).at(5) == NOW + timedelta(days=9)


def test_it_goes_on_by_the_monotonic_clock_and_never_back() -> None:
    begun = clock.begin(NOW, 100, None)
    assert begun.at(160.5) == NOW + timedelta(seconds=60.5)
    assert begun.at(90) == NOW


def test_a_wall_clock_that_is_a_minute_off_has_been_stepped() -> None:
    begun = clock.begin(NOW, 0, None)
    assert begun.ahead(NOW + timedelta(seconds=60 + 60), 60) == timedelta(0)
    assert begun.ahead(NOW + timedelta(seconds=60 + 61), 60) == timedelta(seconds=61)
    assert begun.ahead(NOW - timedelta(hours=1), 0) == timedelta(hours=-1)


@given(st.lists(st.tuples(times, st.floats(0, 1e6)), max_size=12))
def test_over_any_steps_and_restarts_the_clock_never_goes_back_nor_ahead_of_what_has_passed(
    runs: list[tuple[timedelta, float]],
) -> None:
    newest, monotonic_s = NOW, 0.0
    for step, passed_s in runs:
        begun = clock.begin(NOW + step, monotonic_s, newest)
        assert begun.at(monotonic_s) >= newest
        monotonic_s += passed_s
        assert begun.at(monotonic_s) - begun.began_at <= timedelta(seconds=passed_s + 1e-3)
        newest = begun.at(monotonic_s)

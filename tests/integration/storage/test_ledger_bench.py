"""A short run of bench/ledger.py: the number of past sessions does not slow a start."""

from bench.ledger import measure

RATIO = 1.5
SLACK_S = 50e-6
"""What a busy machine may add to a median; of three tries one has to do."""


async def test_a_start_costs_the_same_in_a_ledger_of_any_length() -> None:
    found = []
    for _ in range(3):
        found.append(await measure(large=10_000, rounds=40))
        if all(large <= RATIO * small + SLACK_S for small, large in found[-1].values()):
            return
    raise AssertionError(found)

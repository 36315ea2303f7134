"""Set up Hypothesis: the same examples in every run, new ones with HYPOTHESIS_PROFILE=explore."""

import os

from hypothesis import settings
import pytest

settings.register_profile("same", max_examples=300, deadline=None, derandomize=True, database=None)
settings.register_profile("explore", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have counted, also where they ran in another process."""
    for report in terminalreporter.getreports("passed"):
        for what, counted in getattr(report, "user_properties", ()):
            terminalreporter.write_line(f"{what}: {counted}")

"""Hypothesis asks the same questions in every run, so that a red test is red for everybody; HYPOTHESIS_PROFILE=explore asks new ones."""

import os

from hypothesis import settings

settings.register_profile("same", max_examples=300, deadline=None, derandomize=True, database=None)
settings.register_profile("explore", max_examples=20_000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

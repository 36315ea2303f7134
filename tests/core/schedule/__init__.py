"""Tests of `core.schedule`."""

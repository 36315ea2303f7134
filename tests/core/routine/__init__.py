"""Tests of `core.routine`."""

"""Tests of `core.gate`."""

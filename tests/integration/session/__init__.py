"""Tests of `session` in a running Home Assistant."""

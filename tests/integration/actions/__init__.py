"""Tests of `actions` in a running Home Assistant."""

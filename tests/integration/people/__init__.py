"""Tests of `people` in a running Home Assistant."""

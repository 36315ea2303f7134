"""Tests of `web` in a running Home Assistant."""

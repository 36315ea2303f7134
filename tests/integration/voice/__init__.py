"""Tests of `voice` in a running Home Assistant."""

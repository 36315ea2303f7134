"""Tests of `text` in a running Home Assistant."""

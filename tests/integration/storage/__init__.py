"""Tests of `storage` in a running Home Assistant."""

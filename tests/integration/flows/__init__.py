"""Tests of `flows` in a running Home Assistant."""

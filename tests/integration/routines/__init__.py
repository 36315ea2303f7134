"""Tests of `routines` in a running Home Assistant."""

"""Tests of `devices` in a running Home Assistant."""

"""Tests of `core.ledger`."""

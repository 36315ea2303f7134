"""The device contract, on the fake device of the unit tests and on the real compiled node."""

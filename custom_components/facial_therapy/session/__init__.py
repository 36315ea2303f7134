"""One device's session."""

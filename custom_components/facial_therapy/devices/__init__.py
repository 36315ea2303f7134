"""The devices: the port, and the ESPHome connection behind it."""

"""One person's plan and evenings in Home Assistant."""

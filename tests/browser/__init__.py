"""What a user sees: real Home Assistant in a real browser."""

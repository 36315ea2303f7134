"""One pass through a routine, step by step."""

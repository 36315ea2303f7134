"""Voice: what is said, and what is answered."""

"""The gate: may this session start now, and if not, why and until when."""

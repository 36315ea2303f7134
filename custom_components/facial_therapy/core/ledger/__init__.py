"""The records of what each person received."""

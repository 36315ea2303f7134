"""The actions: their fields, their targets, and what each of them does."""

"""A person's weekly plan and its evenings."""

"""Real parts for tests: Home Assistant, nodes, a witness, and the faults between them."""

"""The harness on real parts: real Home Assistant, real nodes, a witness, and the faults between them."""

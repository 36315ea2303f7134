"""Circuits of the mask and the wand: one table of parts for drawing, parts list and netlist."""

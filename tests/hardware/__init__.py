"""The circuits: tables, drawings, pages and simulations."""

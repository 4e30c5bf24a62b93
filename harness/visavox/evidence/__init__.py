"""Layer 3: what is fixed before the run, and what makes a report checkable afterwards."""

"""Layer 2: the doors. Each module holds one door's Protocol, its records and its registry."""

"""Layer 3: plan, run folder, store, journal, supervised worker, execution."""

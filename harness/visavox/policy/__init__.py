"""Layer 3: policies, and the judge who turns estimates into a three-valued decision."""

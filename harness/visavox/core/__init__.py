"""Layer 0: errors, terms, records, configuration, registry, digests, seeds and resources."""

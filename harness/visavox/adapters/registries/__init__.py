"""Registries of models: where a release is looked up, fetched, and marked as approved."""

"""Passive detectors of synthetic media."""

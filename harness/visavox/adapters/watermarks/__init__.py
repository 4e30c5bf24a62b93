"""Decoders of watermarks."""

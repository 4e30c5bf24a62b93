"""Sinks: places where finished runs are shown."""

"""Reference editors of known behaviour."""

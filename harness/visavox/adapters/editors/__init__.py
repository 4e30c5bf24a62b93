"""Editors: the model under test, reached in different ways."""

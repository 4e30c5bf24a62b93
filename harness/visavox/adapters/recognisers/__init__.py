"""Recognisers: judges and attackers' tools."""

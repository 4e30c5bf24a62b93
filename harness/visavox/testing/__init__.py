"""Shipped kit for authors of adapters: contract checks, null editors, editors with a known leak."""

"""The reference pages are what the docstrings, the commands and the records say today."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_the_pages_are_current() -> None:
    spec = importlib.util.spec_from_file_location("generate", REFERENCE / "generate.py")
    assert spec is not None and spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for name, content in generate.pages().items():
        if (REFERENCE / name).read_text(encoding="utf-8") != content:
            pytest.fail(f"docs/reference/{name} is stale: python docs/reference/generate.py")

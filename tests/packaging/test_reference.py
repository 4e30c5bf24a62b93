"""The reference pages are what the docstrings, the commands and the records say today."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_the_pages_are_current(tmp_path: Path) -> None:
    """In a process of its own: no other test's plug-ins or terminal."""
    env = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES", "TERM"}}
    subprocess.run([sys.executable, str(REFERENCE / "generate.py"), str(tmp_path)], check=True, env=env)
    for made in tmp_path.iterdir():
        if (REFERENCE / made.name).read_text(encoding="utf-8") != made.read_text(encoding="utf-8"):
            pytest.fail(f"docs/reference/{made.name} is stale: python docs/reference/generate.py")

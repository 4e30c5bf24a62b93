"""The bench in its short form: every side runs, both sides of a line end with the same numbers; no time is judged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "docs" / "bench" / "run.py"


@pytest.mark.kit
def test_short_bench_prints_its_table_and_both_sides_agree(kit: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(BENCH), "--short", "--faces", str(kit / "faces-small.csv")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines() if "|" in line]
    head, body = rows[0], [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]
    assert {"what", "ratio", "goal", "peak MiB", "same result"} <= set(head)
    assert [row["what"].split(",")[0] for row in body] == [
        "embed",
        "... both its models",
        "embed",
        "all pairs",
        "... its peak memory",
        "all pairs",
        "all pairs",
    ]
    assert [row["same result"] for row in body] == ["yes", "yes", "yes", "", "", "yes", ""]
    for row in body:
        assert float(row["ratio"])
        assert float(row["peak MiB"].split(" / ")[0]) > 10
    assert "1 thread(s) a side" in done.stdout

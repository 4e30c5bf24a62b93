"""The short form of the simulation studies runs and meets its criteria."""

import subprocess
import sys
from pathlib import Path

import pytest

STUDIES = Path(__file__).parents[2] / "docs" / "studies"


@pytest.mark.study
def test_short_studies_meet_their_criteria(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(STUDIES / "run.py"), "--short", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith(("met", "NOT MET"))]
    assert len(lines) >= 15
    assert not [line for line in lines if line.startswith("NOT MET")]
    assert (tmp_path / "results.md").read_text(encoding="utf-8").count("|") > 100

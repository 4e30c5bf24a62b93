"""The short form of the simulation studies runs and meets its criteria."""

import importlib
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


@pytest.mark.study
def test_short_study_of_swaps_meets_its_criteria(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(STUDIES / "swaps.py"), "--short", "--out", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith(("met", "NOT MET"))]
    assert len(lines) == 8
    assert not [line for line in lines if line.startswith("NOT MET")]


@pytest.mark.study
def test_the_page_of_the_study_of_swaps_shows_its_tables(tmp_path: Path) -> None:
    for name in ("swaps.csv", "swaps_named.csv"):
        (tmp_path / name).write_bytes((STUDIES / name).read_bytes())
    subprocess.run([sys.executable, str(STUDIES / "swaps.py"), "--page", "--out", str(tmp_path)], check=True)
    assert (tmp_path / "swaps.md").read_text(encoding="utf-8") == (STUDIES / "swaps.md").read_text(encoding="utf-8")


@pytest.mark.study
def test_the_bounds_of_detection_cover(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lower bound above the truth makes a PASS of detection wrong, an upper one below it a FAIL."""
    monkeypatch.syspath_prepend(str(STUDIES))
    cell = importlib.import_module("detection").cell
    found = cell(100, 0.2, 0.9, 200)
    assert found["above"] <= 0.05 + 2 * (0.05 * 0.95 / 200) ** 0.5
    assert found["below"] <= 0.08 + 2 * (0.08 * 0.92 / 200) ** 0.5
    assert 0.86 < found["mean"] < 0.91

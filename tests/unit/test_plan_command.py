"""``visavox plan``: counts on the terminal, JSON for tools, speeds of an earlier run."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from visavox.api.planning import speeds
from visavox.cli import ERROR, exit_code
from visavox.core.errors import EvidenceError
from visavox.engine.folder import RunFolder
from visavox.engine.journal import Journal

EDITOR = "{kind: baseline, name: pixelate, tool_class: anonymise, params: {block_px: 8}}"


@pytest.fixture
def suite(make_people: Callable[..., Path], pixels_suite: Callable[..., Path]) -> Path:
    return pixels_suite(make_people(6, 3), EDITOR)


def test_counts_fit_100_columns_and_carry_no_escape_codes(
    suite: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    assert exit_code(["plan", str(suite), "--no-controls"]) == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out and max(map(len, out.splitlines())) <= 100
    assert "6, of whom 6 are tested with 18 recordings" in out
    assert "18 edits by the tool" in out and "editor: 18 calls x its own time" in out
    assert "templates pixels: 48 images x its own time" in out  # 18 recordings, 18 outputs, 12 of them masked
    assert "PASS" not in out


def test_json_stands_alone_on_standard_output(suite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["plan", str(suite), "--no-controls", "--json"]) == 0
    plan = json.loads(capsys.readouterr().out)
    assert plan["schema"] == "visavox/plan/v1"
    assert plan["work"]["model_calls"] == plan["counts"]["cases"] == 18
    assert plan["work"]["units"]["edit"] == 1
    assert plan["if_clean"] is None and plan["controls"] == []


def test_cases_are_written_and_nothing_is_rehearsed(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "cases.csv"
    assert exit_code(["plan", str(suite), "--cases", str(table)]) == 0
    with table.open(newline="") as stream:
        assert len(list(csv.DictReader(stream))) == 18
    printed = capsys.readouterr()
    assert "18 cases written" in printed.err and "What this data set can decide" not in printed.out


@pytest.fixture
def earlier(suite: Path, tmp_path: Path) -> Path:
    """A run folder whose journal says: 2 s an edit, 3 s a unit of templates, .5 s a unit of scores."""
    from visavox import load_suite

    folder = RunFolder(tmp_path / "earlier")
    folder.root.mkdir()
    folder.suite.write_text(json.dumps(load_suite(suite).as_json()))
    with Journal(folder.journal) as journal:
        journal.finish("edit", 0, duration_s=36.0)
        for number in range(2):
            journal.finish("embed/original", number, duration_s=2.0 + 2 * number)
        journal.finish("score/pixels/original-original", 0, duration_s=0.5)
        journal._db.executemany("INSERT INTO edits VALUES (?, 0, '{}', '')", [(f"c{i}",) for i in range(18)])
    return folder.root


def test_an_earlier_run_gives_its_speeds(suite: Path, earlier: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = speeds(earlier)
    assert (found.edit_s, found.embed_s, found.score_s, found.judges) == (2.0, 3.0, 0.5, ("pixels",))
    assert exit_code(["plan", str(suite), "--no-controls", "--json", "--like", str(earlier)]) == 0
    plan = json.loads(capsys.readouterr().out)
    seconds = {cost["what"]: cost["amount"] for cost in plan["costs"] if cost["unit"] == "s"}
    assert seconds["editor"] == 36.0
    assert seconds["faces and templates"] == 3.0 * plan["work"]["units"]["embed"]
    assert seconds["comparisons"] == 0.5 * plan["work"]["units"]["score"]


def test_a_folder_that_is_no_run_has_no_speeds(suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(EvidenceError):
        speeds(tmp_path)
    assert exit_code(["plan", str(suite), "--no-controls", "--like", str(tmp_path / "nothing")]) == ERROR
    assert "is this the folder of a finished run?" in capsys.readouterr().err
    assert not (tmp_path / "nothing").exists()

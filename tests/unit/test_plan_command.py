"""``visavox plan``: counts on the terminal, JSON for tools, speeds of an earlier run."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from visavox.api.costs import speeds
from visavox.cli import ERROR, exit_code
from visavox.core.errors import EvidenceError
from visavox.engine.folder import RunFolder
from visavox.engine.journal import Journal
from visavox_datasets.synthetic.voices.speakers import REFERENCE_SET

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


@pytest.mark.parametrize("columns", [70, 80, None])
def test_a_page_is_no_wider_than_it_may_be_and_loses_nothing(
    suite: Path, columns: int | None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exit_code(["plan", str(suite)]) == 0
    wide = capsys.readouterr().out
    assert max(map(len, wide.splitlines())) <= 100  # in a pipe
    monkeypatch.delenv("COLUMNS", raising=False)
    if columns:
        monkeypatch.setenv("COLUMNS", str(columns))
    assert exit_code(["plan", str(suite)]) == 0
    page = capsys.readouterr().out
    assert max(map(len, page.splitlines())) <= (columns or 100)
    assert page.split() == wide.split()
    assert (page == wide) is (columns is None)


VOICES = "recognisers=[resemblyzer,ubm]"


def test_voices_are_planned_in_their_own_words(suite: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--set", "dataset={kind: synthetic-voices}", "--set", VOICES, "--set", "editor.name=mcadams"]
    words += ["--set", "editor.params={}", "--no-controls"]
    assert exit_code(["plan", str(suite), *words]) == 0
    out = capsys.readouterr().out
    assert "anonymise of voices under policy baseline" in out
    assert "840 sounds embedded by each judge" in out and "360 FLAC files" in out
    assert "finding speech: about" in out and "templates ubm: about" in out
    assert not any(word in out for word in ("face", "image", "PNG"))


@pytest.fixture
def both(make_people: Callable[..., Path], pixels_suite: Callable[..., Path]) -> Path:
    """A suite of three people with three faces and two voices each."""
    manifest = make_people(3, 3)
    with manifest.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    with (REFERENCE_SET / "manifest.csv").open(newline="") as stream:
        voices = [row for row in csv.DictReader(stream) if row["path"][-6] in "01"][:6]
    names = sorted({row["subject_id"] for row in rows})
    for number, voice in enumerate(voices):
        shutil.copy(REFERENCE_SET / voice["path"], manifest.parent)
        rows.append(rows[0] | {"path": voice["path"], "subject_id": names[number // 2], "modality": "voice"})
    with manifest.open("w", newline="") as stream:
        table = csv.DictWriter(stream, list(rows[0]))
        table.writeheader()
        table.writerows(rows)
    return pixels_suite(manifest, "{kind: baseline, name: identity, tool_class: anonymise}")


def test_faces_and_voices_are_planned_one_after_the_other(
    both: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [str(both), "--set", "recognisers=[pixels,resemblyzer]"]
    assert exit_code(["plan", *words, "--no-controls", "--json"]) == 0
    plans = json.loads(capsys.readouterr().out)
    assert {name: plan["counts"]["judges"] for name, plan in plans.items()} == {
        "face": ["pixels"],
        "voice": ["resemblyzer"],
    }
    assert [plan["counts"]["cases"] for plan in plans.values()] == [9, 6]
    assert exit_code(["plan", *words, "--no-controls"]) == 0
    page = capsys.readouterr().out
    assert page.index("anonymise of faces") < page.index("anonymise of voices")
    assert exit_code(["plan", *words, "--cases", str(tmp_path / "cases.csv")]) == 0
    assert len((tmp_path / "cases.csv").read_text().splitlines()) == 1 + 9 + 6


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

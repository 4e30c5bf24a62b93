"""``visavox demo``: four runs, one table, and where to look; the second time nothing is done again."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from visavox.api.demo import LEAK, STRONGER, SUITES, SWAP, deciding, demo, same_cell
from visavox.cli import exit_code
from visavox.cli.demo_command import WHAT
from visavox.core.config import BaselineEditor
from visavox.core.resources import configs_dir, user_data_dir
from visavox.core.terms import Verdict

LIGHT = (
    *(f"{name}:{word}" for name in (LEAK, STRONGER, SWAP) for word in ("recognisers=[pixels]", "dataset.people=12")),
    "demo-voice:dataset.speakers=12",
    "demo-voice:dataset.utterances=3",
    "editor.name=identity",
    "editor.params={}",
    "tracking=null",
)
"""The four suites, with an editor that needs no network and few people; all of them leak."""


def test_it_runs_to_its_end_and_the_second_time_reads_what_is_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "runs" / "demo"
    words = ["demo", "--out", str(out), "--progress", "none", *(w for text in LIGHT for w in ("--set", text))]
    homes = {name: os.environ[name] for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME")}
    register = user_data_dir() / "runs.jsonl"
    before = register.read_bytes() if register.exists() else b""
    assert exit_code(words) == 0
    assert {name: os.environ[name] for name in homes} == homes
    assert (register.read_bytes() if register.exists() else b"") == before
    assert len((out / "data" / "visavox" / "runs.jsonl").read_text().splitlines()) == 8  # sealed, judged
    first = capsys.readouterr().out
    (row,) = [line for line in first.splitlines() if line.lstrip().startswith(WHAT[LEAK].split(",")[0])]
    assert re.search(r" >= \d+\.\d\d % +<= 7\.00 %$", row), row  # a FAIL rests on the lower bound
    assert first.count("FAIL") >= 4 and "lower bound" in first and "What would change the first" in first
    for name in SUITES:
        assert f"report: {out / name / 'report.html'}" in first and (out / name / "report.html").is_file()
    assert f"cd {out} && " in first and "mlflow server --backend-store-uri sqlite:///mlflow.db" in first
    written = {path: path.stat().st_mtime_ns for path in out.rglob("report.json")}
    reports = demo(out, overrides=LIGHT)
    assert {path: path.stat().st_mtime_ns for path in out.rglob("report.json")} == written and len(written) == 4
    worst = deciding(reports[0].report)
    assert worst.cell.verdict is Verdict.FAIL and worst.control.id == "BASE-UNCHANGED"  # few people: else undecided
    assert same_cell(reports[1].report, worst) is not None and same_cell(reports[2].report, worst) is None


def test_the_suites_differ_in_what_they_say_and_are_judged_alike() -> None:
    from visavox import load_suite

    leak, stronger, swap, voice = (load_suite(configs_dir() / "suites" / f"{name}.yaml") for name in SUITES)
    assert isinstance(leak.editor, BaselineEditor) and isinstance(stronger.editor, BaselineEditor)
    assert dict(leak.editor.params) == {"block_px": 4} and dict(stronger.editor.params) == {"block_px": 16}
    assert {suite.dataset for suite in (leak, stronger, swap)} == {leak.dataset}
    assert int(str(dict(leak.dataset.params)["people"])) >= 40  # fewer cannot decide anything
    assert int(str(dict(voice.dataset.params)["speakers"])) >= 40
    assert voice.assessments == leak.assessments and voice.policy == leak.policy
    assert leak.model_copy(update={"name": "", "editor": swap.editor}) == swap.model_copy(update={"name": ""})

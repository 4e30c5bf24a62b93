"""What the command line prints and where: JSON lines, escape codes, completion, names that are not there."""

from __future__ import annotations

import io
import json
import os
import pty
import re
import subprocess
import sys
import threading
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from pretend import BASELINE, PIXELS_SUITE, PYTHON, texture

from visavox.cli import exit_code
from visavox.core.errors import ConfigError
from visavox.engine import environment
from visavox.media.image import encode_png


@pytest.fixture(scope="module")
def suite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite over twelve pretend people, for the light recogniser."""
    folder = tmp_path_factory.mktemp("command-line")
    rows = ["path,subject_id,modality"]
    for person in range(12):
        for image in range(4):
            (folder / f"{person}-{image}.png").write_bytes(encode_png(texture(person, image)))
            rows.append(f"{person}-{image}.png,person {person},face")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    editor = BASELINE.format(name="identity")
    path = folder / "suite.yaml"
    path.write_text(PIXELS_SUITE.format(name="lines", editor=editor, manifest=folder / "manifest.csv"))
    return path


class Run(NamedTuple):
    """A finished run, and what it printed."""

    folder: Path
    out: str
    err: str


@pytest.fixture(scope="module")
def run(suite: Path) -> Run:
    """A smoke run of the suite with ``--progress jsonl``."""
    out, err, folder = io.StringIO(), io.StringIO(), suite.parent / "run"
    with redirect_stdout(out), redirect_stderr(err):
        assert exit_code(["run", str(suite), "--out", str(folder), "--progress", "jsonl", "--limit", "6"]) == 0
    return Run(folder, out.getvalue(), err.getvalue())


def test_json_lines_tell_every_step_and_end_with_the_report(run: Run) -> None:
    lines = [json.loads(line) for line in run.err.splitlines()]
    steps = [line for line in lines if line["event"] == "step"]
    assert [set(step) for step in steps] == [{"event", "stage", "done", "total"}] * len(steps)
    last = {step["stage"]: (step["done"], step["total"]) for step in steps}
    assert last["edit"] == (6, 6) and all(done == total for done, total in last.values())
    assert {"edit", "embed original", "embed edited"} <= set(last)
    report = {"event": "report", "report": str(run.folder / "report.json"), "html": str(run.folder / "report.html")}
    verdict = json.loads((run.folder / "report.json").read_bytes())["decision"]["verdict"]
    assert lines[-1] == report | {"verdict": verdict}
    assert run.out.startswith(verdict) and "\x1b" not in run.out + run.err


def test_a_smoke_run_prints_a_few_lines_and_says_what_it_looked_at(run: Run) -> None:
    """The whole tables are one command away."""
    lines = run.out.splitlines()
    assert len(lines) <= 10 and max(map(len, lines)) <= 100
    assert "a smoke run" in lines[0] and "6 cases of 12 people: 6 edited, 0 refused" in lines[1]
    said = " ".join(line.strip() for line in lines)
    assert "looked at 48 recordings of 12 of the 12 people" in said and "never a PASS" in said
    assert "pixels: 6 of 6 outputs gave a template" in said and "wrong first" not in said
    assert "people like these would decide it" not in said
    assert lines[-1].endswith(f"show {run.folder}")


class Failing(NamedTuple):
    """A suite whose editor fails in some cases, its smoke run's output, and the case that went wrong first."""

    suite: Path
    out: str
    case: str


@pytest.fixture(scope="module")
def failing(suite: Path) -> Failing:
    entry = Path(__file__).parents[1] / "editors_under_test.py"
    editor = PYTHON.format(entry=f"{entry}:load", params=json.dumps({"fail": 0.4}))
    path = suite.with_name("failing.yaml")
    path.write_text(PIXELS_SUITE.format(name="failing", editor=editor, manifest=suite.with_name("manifest.csv")))
    out = io.StringIO()
    with redirect_stdout(out):
        words = ["run", str(path), "--out", str(suite.parent / "failing"), "--limit", "8", "--progress", "none"]
        assert exit_code(words) == 0
    found = re.search(r"wrong first: case ([0-9a-f]{16}) failed: .*asked to", out.getvalue())
    assert found is not None, out.getvalue()
    return Failing(path, out.getvalue(), found[1])


def test_a_smoke_run_names_what_went_wrong_first_and_how_to_look(failing: Failing) -> None:
    logged = (failing.suite.parent / "failing" / "run.log").read_text()
    (first, *_) = re.findall(r"case ([0-9a-f]{16}) failed", logged)
    assert first == failing.case
    assert f"run {failing.suite} --case {failing.case}\n" in failing.out


def test_a_replay_exits_0_where_the_case_was_edited_and_3_where_it_was_not(
    suite: Path, failing: Failing, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(["run", str(failing.suite), "--case", failing.case]) == 3
    assert capsys.readouterr().out.count("failed in") == 2
    case = json.loads((suite.parent / "run" / "plan.json").read_bytes())["cases"][0]["id"]
    assert exit_code(["run", str(suite), "--case", case]) == 0
    assert "bit-equal" in capsys.readouterr().out


def test_a_run_says_where_it_takes_the_place_of_one_that_failed(
    suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of another suite only, and only until something was edited: then a changed suite is refused."""
    words = ["run", str(suite), "--out", str(tmp_path / "run"), "--limit", "3", "--progress", "jsonl"]
    broken = tmp_path / "broken.py"
    broken.write_text("def load(**_):\n    raise RuntimeError('no weights')\n")
    other = tmp_path / "other.yaml"
    editor = PYTHON.format(entry=f"{broken}:load", params="{}")
    other.write_text(PIXELS_SUITE.format(name="other", editor=editor, manifest=suite.with_name("manifest.csv")))
    said = []
    for path, code in ((other, 3), (other, 3), (suite, 0), (suite, 0), (other, 3)):
        words[1] = str(path)
        assert exit_code(words) == code
        lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
        said.append([line["text"] for line in lines if line["event"] == "remark"])
    assert said == [[], [], [f"{tmp_path / 'run'} holds a run of another suite that ended before any edit: this run "
                             "takes its place"], [], []]  # fmt: skip


def test_a_page_is_no_wider_than_it_may_be_and_loses_nothing(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a pipe 100 columns, else what COLUMNS says; tables where they fit, lines where not."""
    pages = {}
    for wanted in (None, 60, 80, 100, 160):
        monkeypatch.delenv("COLUMNS", raising=False)
        if wanted:
            monkeypatch.setenv("COLUMNS", str(wanted))
        assert exit_code(["show", str(run.folder)]) == 0
        pages[wanted] = capsys.readouterr().out
        assert max(map(len, pages[wanted].splitlines())) <= (wanted or 100)
    assert pages[None] == pages[100]
    decision = json.loads((run.folder / "report.json").read_bytes())["decision"]
    for page in pages.values():
        text = " ".join(page.split())
        for control in decision["controls"]:
            assert control["id"] in text
        assert all(reason in text for reason in decision["reasons"])
    assert "reason" in pages[160] and "bound" in pages[100]


def test_doctor_prints_each_line_as_it_is_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ""

    def slow() -> environment.Finding:
        nonlocal before
        before = capsys.readouterr().out
        return environment.Finding("device", False, "none")

    monkeypatch.setattr(environment, "_device", slow)
    assert exit_code(["doctor"]) == 0
    assert "ok      python: " in before and "disk: " in before and "device" not in before
    assert "MISSING device: none" in capsys.readouterr().out


def test_an_error_is_a_json_line_too(suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wrong = ["--out", str(tmp_path / "run"), "--progress", "jsonl", "--set", "dataset.kind=manifests"]
    assert exit_code(["run", str(suite), *wrong]) == 4
    (line,) = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert (found["event"], found["exit_code"]) == ("error", ConfigError.exit_code)
    assert "did you mean 'manifest'?" in found["text"]


@pytest.mark.parametrize(("no_color", "has_codes"), [(None, True), ("", True), ("1", False), ("0", False)])
def test_no_color_leaves_no_escape_code_on_a_terminal(
    run: Run, no_color: str | None, has_codes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "100")
    monkeypatch.delenv("NO_COLOR", raising=False)
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    reader, writer = pty.openpty()
    read: list[bytes] = []
    listener = threading.Thread(target=_read_all, args=(reader, read))
    with os.fdopen(writer, "w") as stream, monkeypatch.context() as patch:
        listener.start()
        patch.setattr(sys, "stdout", stream)
        assert exit_code(["show", str(run.folder)]) == 0
    listener.join(timeout=30)
    os.close(reader)
    text = b"".join(read).decode()
    assert "INCONCLUSIVE" in text and text.count("\n") > 10 and ("\x1b" in text) is has_codes


def _read_all(reader: int, read: list[bytes]) -> None:
    """Until the terminal is closed: what nobody reads, nobody can write."""
    with suppress(OSError):
        while chunk := os.read(reader, 1 << 12):
            read.append(chunk)


def test_no_escape_code_goes_into_a_file(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["show", str(run.folder)]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_the_gate_says_what_a_run_ended_at_its_end_left_there(
    suite: Path, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same exit code with and without; the same run finishes it."""
    left = "media and templates are still there"
    verdict = exit_code(["gate", str(run.folder)])
    assert verdict in {1, 2} and left not in capsys.readouterr().err
    (run.folder / "templates").mkdir()
    assert exit_code(["gate", str(run.folder)]) == verdict and left in capsys.readouterr().err
    assert exit_code(["run", str(suite), "--out", str(run.folder), "--limit", "6", "--progress", "none"]) == 0
    capsys.readouterr()
    assert exit_code(["gate", str(run.folder)]) == verdict and left not in capsys.readouterr().err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "_VISAVOX_COMPLETE" in script and shell in script
    if shell == "bash":
        assert subprocess.run(["bash", "-n"], input=script, text=True, check=False).returncode == 0


@pytest.mark.parametrize(("shell", "asks"), [("bash", "=bash_complete $1)"), ("zsh", None), ("fish", None)])
def test_completion_asks_a_command_that_is_not_found_by_name(
    shell: str, asks: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a checkout whose ``.venv/bin`` is not on the path; bash asks what was typed."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "my venv" / "bin" / "visavox"
    for called in (str(path), "my venv/bin/visavox"):
        monkeypatch.setattr(sys, "argv", [called])
        assert exit_code(["completion", shell]) == 0
        script = capsys.readouterr().out
        assert (asks or f" '{path}'") in script and "$+commands[visavox]" not in script
        assert "complete visavox" not in script and "-t) visavox" not in script


@pytest.mark.parametrize(
    ("words", "wanted"),
    [("visavox in", "init"), ("visavox list re", "recognisers"), ("visavox run --pro", "--progress")],
)
def test_a_shell_that_asks_is_answered(
    words: str, wanted: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("_VISAVOX_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    with pytest.raises(SystemExit):
        exit_code([])
    assert f"plain,{wanted}" in capsys.readouterr().out.splitlines()


KINDS = [
    "editors",
    "baselines",
    "recognisers",
    "detectors",
    "watermarks",
    "transcribers",
    "perturbations",
    "operations",
    "probes",
    "datasets",
    "assessments",
    "sinks",
    "policies",
]


def test_list_names_every_kind_and_each_alone(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["list"]) == 0
    whole = capsys.readouterr().out
    assert [line for line in whole.splitlines() if not line.startswith(" ")] == KINDS
    parts = ""
    for kind in KINDS:
        assert exit_code(["list", kind]) == 0
        parts += capsys.readouterr().out
    assert parts == whole
    shown = ("python", "pixelate", "dlib", "synthetic-faces", "lfw", "impersonation", "mlflow", "baseline")
    for name in (*shown, "spectral", "image-default", "call-centre", "jpeg", "mu_law"):
        assert f"\n  {name}" in whole


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["list", "recogniser"], "did you mean 'recognisers'?"),
        (["lst"], "Did you mean"),
        (["run", "SUITE", "--set", "dataset.kind=manifst"], "did you mean 'manifest'?"),
        (["run", "SUITE", "--set", "recognisers=[dlb]"], "did you mean 'dlib'?"),
    ],
)
def test_an_unknown_name_is_one_clear_error_with_the_nearest(
    words: list[str], near: str, suite: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--out", str(tmp_path / "run")] if "run" in words else []
    assert exit_code([str(suite) if word == "SUITE" else word for word in words] + out) == 4
    error = capsys.readouterr().err
    assert near in error and "Traceback" not in error


def test_a_word_that_comes_near_to_none_gets_no_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["list", "nonsense"]) == 4
    error = capsys.readouterr().err
    assert "'nonsense' is none of editors" in error and "did you mean" not in error


def test_a_suite_that_is_not_there_points_to_init(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["run", str(tmp_path / "suite.yaml"), "--out", str(tmp_path / "run")]) == 4
    error = capsys.readouterr().err
    assert "there is no such file" in error and "visavox init DIR" in error and "Errno" not in error

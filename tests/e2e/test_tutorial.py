"""The tutorial as it stands: its commands, typed in order, with its own model put in."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from visavox.cli import exit_code

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = re.compile(r"<!-- example: first-report -->\n```(sh|python)\n(.*?)```", re.DOTALL)
FEWER = ["--set", "dataset.people=6", "--set", "recognisers=[pixels]"]
"""Added to what reads the suite: fewer people and the light recogniser, so that the test is quick."""
OUTCOMES = {"gate": {1, 2}}
"""Exit codes that are right; 0 for all others. So few people cannot PASS."""


def typed(line: str) -> list[str]:
    """The words behind ``visavox``."""
    name, command, *words = shlex.split(line)
    assert name == "visavox"
    return [command, *words, *(FEWER if command in {"run", "plan"} else [])] + (
        ["--no-controls"] if command == "plan" else []
    )


def test_the_commands_of_the_tutorial_run_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    done = []
    for language, text in EXAMPLE.findall((ROOT / "docs" / "tutorial" / "first-report.md").read_text()):
        if language == "python":
            adapter = tmp_path / "my-model" / "adapter.py"
            before = adapter.read_text()
            adapter.write_text(
                re.sub(r"def edit\(.*?\n\n\n", lambda _, t=text: f"{t}\n\n", before, count=1, flags=re.S)
            )
            assert adapter.read_text() != before
            continue
        for line in text.splitlines():
            words = typed(line)
            assert exit_code(words) in OUTCOMES.get(words[0], {0}), (line, capsys.readouterr().err)
            done.append(words[0])
    assert done == ["init", "run", "plan", "run", "gate"]
    assert (tmp_path / "runs" / "my-model" / "report.html").is_file()


@pytest.mark.parametrize("name", ["follow-a-run.md", "use-a-public-data-set.md"])
def test_commands_named_in_the_how_tos_exist(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    text = (ROOT / "docs" / "how-to" / name).read_text()
    for command in set(re.findall(r"`?visavox ([a-z]+)", text)):
        assert exit_code([command, "--help"]) == 0, command

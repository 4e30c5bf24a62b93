"""The guide of the Chinese pack: its statements stand, its suite plans, its outputs bear labels that break no rule."""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path

import pytest

from visavox.cli import exit_code
from visavox.core.config import parse_suite
from visavox.core.terms import AigcVerdict, ControlKind, PerceptibleVerdict, ToolClass
from visavox.editor import EditedFile, EditRequest
from visavox.media.labels.audible import audible_findings
from visavox.policy.load import load_policy
from visavox.policy.records import Duties
from visavox.ports.dataset import voice_renderers

GUIDE = (Path(__file__).parents[2] / "docs" / "how-to" / "assess-under-the-cn-pack.md").read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in re.findall(r"<!-- file: (\S+) -->\n```\w+\n(.*?)```", GUIDE, re.DOTALL):
        (tmp_path / name).write_text(text, "utf-8")
    for name in ("weights", "attested"):
        (tmp_path / name).mkdir()
    (tmp_path / "weights" / "model.bin").write_bytes(b"stands for a model")
    (tmp_path / "attested" / "evidence.txt").write_text("what shows it")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_its_statements_are_all_that_its_suite_owes(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One of the lines is typed; the others differ in the control alone."""
    (lines,) = re.findall(r"<!-- example: attest -->\n```sh\n(.*?)```", GUIDE, re.DOTALL)
    first, *attested, last = [shlex.split(line)[1:] for line in lines.splitlines()]
    suite = parse_suite((folder / "suite.yaml").read_text("utf-8"), base=folder)
    owed = [
        control.id
        for control in load_policy(suite.policy).policy.controls
        if control.kind is not ControlKind.TEST and control.binds(ToolClass.ANONYMISE, Duties.of(suite))
    ]
    assert [words[1] for words in attested] == owed and len(owed) == 15
    for words in attested:
        owner = words[words.index("--owner") + 1]
        assert words == [
            *("attest", words[1], "--policy", "cn-deep-synthesis", "--owner", owner),
            *("--evidence", "attested/evidence.txt", "--out", f"attested/{words[1]}.yaml"),
        ]
    assert exit_code(attested[0]) == 0
    (run,) = re.findall(r"<!-- example: run -->\n```sh\n(.*?)```", GUIDE, re.DOTALL)
    capsys.readouterr()
    assert exit_code([*shlex.split(run.splitlines()[0])[1:], "--no-controls", "--set", "dataset.speakers=8"]) == 0
    assert "1 of 15 statements that the policy asks for" in capsys.readouterr().out
    assert first == last[: len(first)]


def test_its_tool_labels_a_voice_by_both_rules_of_the_standard(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(folder))
    import labelled_voice  # type: ignore[import-not-found]

    monkeypatch.delitem(sys.modules, "labelled_voice")
    suite = parse_suite((folder / "suite.yaml").read_text("utf-8"), base=folder)
    assert suite.policy == "cn-deep-synthesis"
    (voice,) = voice_renderers.get("synthetic-voices")(7, [(1, 0)])
    request = EditRequest(case_id="00000000000000a1", media={"subject": voice}, operation="voice-anonymisation", seed=7)
    (out,) = labelled_voice.load(device="cpu", artifact=None, params={}).edit([request])
    assert isinstance(out, EditedFile)
    assert out.labels is not None and out.labels.aigc is AigcVerdict.COMPLIANT and out.labels.aigc_broken == ()
    heard = audible_findings(out.media)
    assert heard.verdict is PerceptibleVerdict.COMPLIANT and heard.rhythms[0].position == "start"

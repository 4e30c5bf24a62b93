"""Clipped voices: told apart by who clipped them, counted, and never to a tool's advantage."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import spectra

from visavox import load_suite, run
from visavox.cli import exit_code
from visavox.core.records import EditRow
from visavox.core.report import Report
from visavox.core.terms import Outcome, Verdict
from visavox.engine import clipping
from visavox.media.audio import Audio, decode_audio, encode_wav
from visavox.reporting.rows import counts_line
from visavox_datasets.synthetic.voices.speakers import REFERENCE_SET

EDITORS = Path(__file__).parents[1] / "utility_editors.py"
SUITE = """
name: clipped
editor: {{kind: python, entry: {editors}:load, name: loud, version: '1', operation: voice-anonymisation,
          tool_class: anonymise, params: {{what: {what}}}}}
dataset: {{kind: manifest, path: {manifest}}}
recognisers: [spectra]
assessments: {{identity_leak: {{attackers: [ignorant]}}}}
policy: baseline
seed: 7
"""
N_SPEAKERS, N_EACH = 9, 3
ORDER = [Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS]


def loud(gain: float, audio: Audio) -> Audio:
    """Scaled to that many times full scale, and cut."""
    samples = (gain * audio.samples / np.abs(audio.samples).max()).clip(-1, 1)
    return Audio(samples.astype(np.float32), audio.sample_rate_hz)


def _rows() -> list[dict[str, str]]:
    with (REFERENCE_SET / "manifest.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


@pytest.fixture(scope="module")
def voice() -> Audio:
    return decode_audio((REFERENCE_SET / _rows()[0]["path"]).read_bytes())


def test_who_clipped_it_is_told_apart(voice: Audio) -> None:
    assert clipping.clipping(loud(1.0, voice), voice) == ""
    by_tool = clipping.clipping(loud(4.0, voice), voice)
    assert by_tool.startswith("the output is clipped: ") and by_tool.endswith("0.0% of its input's")
    assert clipping.clipping(loud(4.0, voice), loud(4.0, voice)).startswith("its input is clipped: ")
    assert clipping.clipping(voice, loud(4.0, voice)).startswith("its input is clipped: ")
    assert clipping.clipping(loud(20.0, voice), loud(4.0, voice)).startswith("the output is clipped: ")
    assert clipping.clipping(loud(4.0, voice), None) == by_tool
    beyond = Audio((4.0 * voice.samples / np.abs(voice.samples).max()).astype(np.float32), voice.sample_rate_hz)
    assert clipping.clipping(beyond, voice) == by_tool  # what is beyond full scale is cut when it is stored


@pytest.mark.parametrize("outcome", [Outcome.REFUSED, Outcome.FAILED])
def test_a_tool_s_own_words_make_no_output_clipped(outcome: Outcome) -> None:
    for words in ("the output is clipped: 50.0% of its samples", "its input is clipped: 50.0%"):
        row = EditRow(case_id="0" * 16, outcome=outcome, reason=words)
        assert not clipping.is_clipped(row) and not clipping.has_clipped_input(row)


@pytest.fixture
def assess(tmp_path: Path) -> Callable[..., Report]:
    """Runs the tool ``what`` on a few synthetic speakers, those named clipped beforehand."""
    spectra.register()
    people: dict[str, list[str]] = {}
    for row in _rows():
        people.setdefault(row["subject_id"], []).append(row["path"])
    lines = ["path,subject_id,modality"]
    for number, paths in enumerate(list(people.values())[:N_SPEAKERS]):
        for path in paths[:N_EACH]:
            audio = decode_audio((REFERENCE_SET / path).read_bytes())
            name = f"{Path(path).stem}.wav"
            (tmp_path / name).write_bytes(encode_wav(loud(8.0, audio) if number == 0 else audio))
            lines.append(f"{name},speaker {number},voice")
    manifest = tmp_path / "speakers.csv"
    manifest.write_text("\n".join(lines))

    def go(what: str, out: str) -> Report:
        suite = tmp_path / f"{what}.yaml"
        suite.write_text(SUITE.format(editors=EDITORS, what=what, manifest=manifest))
        return run(load_suite(suite), tmp_path / out)

    return go


def test_clipping_betters_no_verdict(
    assess: Callable[..., Report], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = assess("clipped", "seen")
    of_all = N_SPEAKERS * N_EACH
    assert (seen.ledger.edited, seen.ledger.clipped) == (of_all, of_all)
    assert f"0 silent, {of_all} clipped" in counts_line(seen)
    assert "the output is clipped" in (tmp_path / "seen" / "run.log").read_text()
    monkeypatch.setattr(clipping, "CLIPPED_SHARE", 2.0)
    unseen = assess("clipped", "unseen")
    assert unseen.ledger.clipped == 0
    figures = [{(e.name, e.attacker): e for r in report.results for e in r.estimates} for report in (seen, unseen)]
    changed = {key for key, found in figures[0].items() if found != figures[1][key]}
    assert changed == {("non_edited_share", None)}
    assert (figures[0]["non_edited_share", None].value, figures[1]["non_edited_share", None].value) == (1.0, 0.0)
    for with_it, without in zip(seen.decision.controls, unseen.decision.controls, strict=True):
        assert ORDER.index(with_it.verdict) <= ORDER.index(without.verdict)
    assert Verdict.FAIL in {control.verdict for control in seen.decision.controls}  # what leaks is still seen


def test_an_input_that_was_clipped_before_is_said_and_not_held_against_the_tool(
    assess: Callable[..., Report],
) -> None:
    report = assess("kept", "kept")
    assert report.ledger.clipped == 0
    (found,) = [e for r in report.results for e in r.estimates if e.name == "non_edited_share"]
    assert found.value == 0.0
    said = f"the inputs of {N_EACH} of {N_SPEAKERS * N_EACH} cases were clipped before any tool saw them"
    assert said in report.limitations


def test_a_replay_says_that_the_output_is_clipped(
    assess: Callable[..., Report], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assess("kept", "run")
    case = json.loads((tmp_path / "run" / "plan.json").read_bytes())["cases"][-1]["id"]
    words = [str(tmp_path / "kept.yaml"), "--set", "editor.params.what=clipped", "--case", case]
    assert exit_code(["run", *words]) == 0
    out = capsys.readouterr().out
    assert out.count("the output is clipped: ") == 2 and "bit-equal" in out

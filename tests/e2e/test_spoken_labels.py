"""Spoken labels of a run's outputs, heard by the suite's speech recogniser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spectra
from wav2vec2_weights import made_wav2vec2

from visavox import load_suite, run
from visavox.core.errors import ConfigError
from visavox.media.audio import Audio
from visavox.media.labels.audible import audible_findings
from visavox_datasets.synthetic.voices.speakers import REFERENCE_SET

SPEECH = Audio(np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32), 16_000)
SUITE = """
name: spoken
editor: {{kind: baseline, name: identity, tool_class: anonymise, operation: voice-anonymisation}}
dataset: {{kind: manifest, path: {manifest}}}
recognisers: [spectra]
assessments: {{detectability: {options}}}
policy: baseline
"""


@pytest.fixture(scope="module", autouse=True)
def _voices() -> None:
    spectra.register()


@pytest.fixture
def suite_of(tmp_path: Path) -> Callable[[str], Any]:
    lines = ["path,subject_id,modality"]
    lines += [f"{REFERENCE_SET / f'{p:04d}-{k}.opus'},s{p},voice" for p in range(3) for k in range(2)]
    for line in lines[1:]:
        source = Path(line.split(",")[0])
        (tmp_path / source.name).write_bytes(source.read_bytes())
    rows = [line.rpartition("/")[2] for line in lines]
    (tmp_path / "manifest.csv").write_text("\n".join(rows) + "\n")

    def made(options: str) -> Any:
        (tmp_path / "suite.yaml").write_text(SUITE.format(manifest=tmp_path / "manifest.csv", options=options))
        return load_suite(tmp_path / "suite.yaml")

    return made


def _findings(report: Any) -> tuple[Any, ...]:
    (table,) = [t for r in report.results for t in r.tables if t.name == "perceptible_label_findings"]
    return table.rows


def test_who_listens_decides_whether_a_spoken_label_is_missing(suite_of: Callable[[str], Any], tmp_path: Path) -> None:
    deaf = run(suite_of("{perceptible_labels: true}"), tmp_path / "deaf")
    assert ("Audible label", "found", "inconclusive", 6) in _findings(deaf)
    named = made_wav2vec2(tmp_path / "net")
    listening = f"{{perceptible_labels: true, transcriber: {{name: wav2vec2, path: net, sha256: {named['sha256']}}}}}"
    heard = run(suite_of(listening), tmp_path / "heard")  # an untrained network hears no label
    assert ("Audible label", "found", "not_found", 6) in _findings(heard)


@pytest.mark.parametrize(
    "words", ["THIS SPEECH WAS A I GENERATED", "this is ai-generated speech", "an A. I. synthetic voice"]
)
def test_letters_are_heard_apart(words: str) -> None:
    found = audible_findings(SPEECH, transcript=words)
    assert found.broken_rules == ("gb45438-5.3b-generation",)  # the standard asks for the Chinese words
    assert audible_findings(SPEECH, transcript="a pair of I beams said so").verdict == "not_found"


def test_a_transcriber_that_has_no_labels_to_hear_is_refused(suite_of: Callable[[str], Any]) -> None:
    with pytest.raises(ConfigError, match="it hears spoken labels; set perceptible_labels: true"):
        suite_of("{transcriber: wav2vec2}")

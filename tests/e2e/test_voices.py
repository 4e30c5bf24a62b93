"""Voices take the faces' way: a suite of voices, one of both, the gate, and what is refused before a model runs."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pretend import texture

from visavox import gate, load_suite, run
from visavox.api import outline, read_report
from visavox.cli import exit_code
from visavox.core.digest import canonical_json
from visavox.core.errors import ConfigError, EvidenceError
from visavox.core.figures import OperatingPoint
from visavox.core.records import Digest
from visavox.core.report import Report
from visavox.core.terms import Attacker, Modality, Operation, Verdict
from visavox.evidence.seal import parse_seal
from visavox.media.image import encode_png
from visavox.policy.judge import Facts
from visavox.policy.judge import judge as decide
from visavox.policy.load import load_policy
from visavox.reporting.schema import report_bytes
from visavox_datasets.synthetic.voices.speakers import REFERENCE_SET

SUITE = """
name: {name}
editor: {editor}
dataset: {{kind: manifest, path: {manifest}}}
recognisers: [{judges}]
assessments: {{identity_leak: {{attackers: [ignorant]}}}}
policy: baseline
seed: 7
"""
IDENTITY = "{kind: baseline, name: identity, tool_class: anonymise}"
N_PEOPLE, N_EACH = 20, 4

Write = Callable[..., Path]


@pytest.fixture
def manifest(tmp_path: Path) -> Callable[..., Path]:
    """Rows of synthetic speakers, of pretend faces, or of both: the same people's."""

    def write(*, voices: bool = False, faces: bool = False) -> Path:
        rows: list[dict[str, str]] = []
        if voices:
            with (REFERENCE_SET / "manifest.csv").open(newline="") as stream:
                people: dict[str, list[dict[str, str]]] = {}
                for row in csv.DictReader(stream):
                    people.setdefault(row["subject_id"], []).append(row)
            for number, own in enumerate(list(people.values())[:N_PEOPLE]):
                for row in own[:N_EACH]:
                    shutil.copy(REFERENCE_SET / row["path"], tmp_path)
                    rows.append({"path": row["path"], "subject_id": f"person {number}", "modality": "voice"})
        if faces:
            for number in range(N_PEOPLE):
                for image in range(N_EACH):
                    (tmp_path / f"{number}-{image}.png").write_bytes(encode_png(texture(number, image)))
                    path = f"{number}-{image}.png"
                    rows.append({"path": path, "subject_id": f"person {number}", "modality": "face"})
        with (tmp_path / "people.csv").open("w", newline="") as stream:
            table = csv.DictWriter(stream, ["path", "subject_id", "modality"])
            table.writeheader()
            table.writerows(rows)
        return tmp_path / "people.csv"

    return write


@pytest.fixture
def suite(tmp_path: Path) -> Write:
    def write(manifest: Path, judges: str, editor: str = IDENTITY, name: str = "voices") -> Path:
        path = tmp_path / f"{name}.yaml"
        path.write_text(SUITE.format(name=name, editor=editor, manifest=manifest, judges=judges))
        return path

    return write


def verdict(report: Report, control: str, modality: Modality) -> Verdict:
    (found,) = [c for c in report.decision.controls if c.id == control]
    of_it = [cell for cell in found.cells if cell.cell.modality is modality]
    (cell,) = [cell for cell in of_it if cell.cell.attacker in {None, Attacker.IGNORANT}]
    return cell.verdict


def without_voices(folder: Path, report: Report) -> None:
    """Takes voices out of seal and report: cells, results, judges, and the decision made again."""
    seal = parse_seal(json.loads((folder / "seal.json").read_bytes()))
    faces = tuple(cell for cell in seal.cells if cell.modality is Modality.FACE)
    judges = tuple(card for card in seal.judges if card.id in {cell.recogniser for cell in faces})
    sealed = seal.model_copy(update={"cells": faces, "judges": judges})
    results = tuple(result for result in report.results if result.modality is Modality.FACE)
    facts = Facts(report.subject.tool_class, results, judges, report.dataset, smoke=False)
    forged = report.model_copy(
        update={
            "seal": Digest(sha256=sealed.digest()),
            "judges": judges,
            "results": results,
            "instruments": tuple(item for result in results for item in result.instruments),
            "not_made": tuple(missing for result in results for missing in result.not_made),
            "decision": decide(load_policy("baseline").policy, faces, facts),
        }
    )
    (folder / "seal.json").write_bytes(canonical_json(sealed.as_json()))
    (folder / "report.json").write_bytes(report_bytes(forged))


def test_an_editor_that_returns_the_voice_fails(manifest: Write, suite: Write, tmp_path: Path) -> None:
    report = run(load_suite(suite(manifest(voices=True), "resemblyzer")), tmp_path / "run")
    assert report.decision.verdict is Verdict.FAIL
    assert report.dataset.modality is Modality.VOICE
    assert report.subject.operation is Operation.VOICE_ANONYMISATION
    assert verdict(report, "BASE-SUBJECT", Modality.VOICE) is Verdict.FAIL
    assert verdict(report, "BASE-UNCHANGED", Modality.VOICE) is Verdict.FAIL
    points = [e.operating_point for r in report.results for e in r.estimates]
    assert {p.target_fmr for p in points if isinstance(p, OperatingPoint)} == {0.01}
    evidence = {(e.name, e.attacker): e for r in report.results for e in r.estimates}
    for name in ("min_cllr", "zebra_expected"):
        control, leak = evidence[name, Attacker.CONTROL], evidence[name, Attacker.IGNORANT]
        assert control.value == pytest.approx(leak.value, abs=0.05)  # nothing was hidden
    assert evidence["min_cllr", Attacker.IGNORANT].value < 0.4
    assert evidence["zebra_expected", Attacker.IGNORANT].band.startswith("tag ")
    assert report.ledger.unchanged == report.ledger.edited == N_PEOPLE * N_EACH


def test_faces_and_voices_of_one_manifest_are_one_report(manifest: Write, suite: Write, tmp_path: Path) -> None:
    path = suite(manifest(voices=True, faces=True), "pixels, resemblyzer")
    assert exit_code(["run", str(path), "--out", str(tmp_path / "run")]) == 0
    report = read_report(tmp_path / "run")
    assert {(r.assessment, r.modality) for r in report.results} == {
        (name, modality) for name in ("identity_leak", "ledger") for modality in (Modality.FACE, Modality.VOICE)
    }
    for modality, judge in ((Modality.FACE, "pixels"), (Modality.VOICE, "resemblyzer")):
        assert verdict(report, "BASE-SUBJECT", modality) is Verdict.FAIL
        judged = {e.recogniser for r in report.results if r.modality is modality for e in r.estimates}
        assert judged - {""} == {judge}
    assert report.ledger.attempted == 2 * N_PEOPLE * N_EACH
    assert report.dataset.modality is None
    assert [part.modality for part in report.dataset.parts] == [Modality.FACE, Modality.VOICE]
    assert report.dataset.n_subjects == report.dataset.n_test_subjects == N_PEOPLE  # the same people in both
    assert gate(tmp_path / "run").verdict is Verdict.FAIL
    of_whom = {reason.split(": ")[0]: reason.split(": ")[1].split(", ")[0] for reason in report.decision.reasons}
    assert set(of_whom) == {"BASE-SUBJECT", "BASE-UNCHANGED"} and set(of_whom.values()) <= {"faces", "voices"}
    page = (tmp_path / "run" / "report.html").read_text()
    without_voices(tmp_path / "run", report)
    with pytest.raises(EvidenceError, match="or a modality has no result"):  # the plan still holds them
        gate(tmp_path / "run")
    assert "Identity leak: faces" in page
    assert "Identity leak: voices" in page
    again = run(load_suite(path), tmp_path / "again")
    assert again.model_dump(exclude={"clock"}) == report.model_dump(exclude={"clock"})
    assert not list((tmp_path / "run").rglob("media"))  # retention: scores


def test_a_leak_of_one_modality_alone_fails_the_whole(manifest: Write, suite: Write, tmp_path: Path) -> None:
    """Faces become strangers, voices stay: nothing of the faces makes up for it."""
    entry = tmp_path / "half.py"
    entry.write_text(
        "import numpy as np\n"
        "from visavox.editor import Audio\n"
        "class Half:\n"
        "    max_batch = 8\n"
        "    def edit(self, requests):\n"
        "        return [self.one(r) for r in requests]\n"
        "    def one(self, request):\n"
        "        given = request.media['subject']\n"
        "        if isinstance(given, Audio):\n"
        "            return Audio(given.samples * np.float32(0.5), given.sample_rate_hz)\n"
        "        return np.random.default_rng(request.seed).integers(0, 256, given.shape, np.uint8)\n"
        "def load(*, device, artifact, params):\n"
        "    return Half()\n"
    )
    editor = (
        f"{{kind: python, entry: {entry}:load, name: half, version: '1', operation: face-anonymisation,"
        " tool_class: anonymise}"
    )
    report = run(load_suite(suite(manifest(voices=True, faces=True), "pixels, resemblyzer", editor)), tmp_path / "run")
    assert report.decision.verdict is Verdict.FAIL
    assert verdict(report, "BASE-SUBJECT", Modality.FACE) is not Verdict.FAIL
    assert verdict(report, "BASE-SUBJECT", Modality.VOICE) is Verdict.FAIL
    assert verdict(report, "BASE-UNCHANGED", Modality.VOICE) is not Verdict.FAIL  # half as loud is edited
    operations = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert {name: plan["operation"] for name, plan in operations.items()} == {
        "face": "face-anonymisation",
        "voice": "voice-anonymisation",
    }


@pytest.mark.parametrize(
    ("voices", "faces", "judges", "words"),
    [
        (True, True, "pixels", "no recogniser of voices is named"),
        (True, False, "pixels", "other media than the data set's"),
        (True, False, "pixels, resemblyzer", "let pixels judge"),
    ],
)
def test_judges_and_media_have_to_fit(
    voices: bool, faces: bool, judges: str, words: str, manifest: Write, suite: Write
) -> None:
    with pytest.raises(ConfigError, match=words):
        outline(load_suite(suite(manifest(voices=voices, faces=faces), judges)))


def test_an_operation_on_faces_is_no_operation_on_voices(manifest: Write, suite: Write) -> None:
    editor = (
        "{kind: command, argv: [cp, '{input}', '{output}'], name: x, version: '1', operation: face-anonymisation,"
        " tool_class: anonymise}"
    )
    with pytest.raises(ConfigError, match="state operation: voice-anonymisation"):
        outline(load_suite(suite(manifest(voices=True), "resemblyzer", editor)))

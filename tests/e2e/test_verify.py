"""Verify and sign: a moved folder's figures are made again from its tables alone; one value changed is named."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkers
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pretend import PYTHON

from visavox import load_suite, run
from visavox.api.gate_evidence import read_run
from visavox.api.signing import sign
from visavox.api.verifying import NOT_RECOMPUTED, verify
from visavox.cli import exit_code
from visavox.core.digest import canonical_json
from visavox.core.errors import EvidenceError
from visavox.core.report import Report
from visavox.evidence.envelope import check_envelope, read_envelope
from visavox.evidence.keys import KeyKind, KeyPair, new_key
from visavox.media.image import encode_png
from visavox.policy.judge import Facts, judge
from visavox.policy.records import Duties
from visavox.reporting.schema import report_bytes

SUITE = """
name: verified
editor: {editor}
dataset: {{kind: manifest, path: people.csv}}
recognisers: [pixels]
detectors: [checkers]
assessments:
  identity_leak: {{attackers: [ignorant, semi_informed]}}
  impersonation: {{attempts: 2}}
  utility: {{figures: [ssim, psnr_db]}}
  detectability: {{perturbations: {pack}, most_perturbed: 40}}
policy: baseline
seed: 7
"""
PACK = (
    "name: mild\nversion: 1\nsummary: blur\nladders: [{name: blur, operation: blur, strengths: [0.3], source: test}]\n"
)
HEAVY = ("torch", "torchvision", "librosa", "cv2", "mlflow", "dlib", "onnxruntime", "sklearn", "model_signing", "httpx")
SCORES = "scores/pixels/original-edited-00000.parquet"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished run, and what it was made of."""
    checkers.register()
    root = tmp_path_factory.mktemp("verify")
    rows = ["path,subject_id,modality,consent"]
    for person in range(24):
        for image in range(3):
            (root / f"{person}-{image}.png").write_bytes(encode_png(checkers.picture(person, image)))
            rows.append(f"{person}-{image}.png,Zebedee Quux {person},face,{'granted' if person % 2 else 'unstated'}")
    (root / "people.csv").write_text("\n".join(rows))
    (root / "mild.yaml").write_text(PACK)
    (root / "model" / "layers").mkdir(parents=True)
    for name in ("weights.bin", "layers/first.bin"):
        (root / "model" / name).write_text(f"content of {name}")
    editor = PYTHON.format(entry=f"{checkers.__file__}:load", params=json.dumps({"share": 0.9}))
    editor = editor.replace("name: under-test", "name: under-test, artifact: model")
    (root / "suite.yaml").write_text(SUITE.format(editor=editor, pack=root / "mild.yaml"))
    run(load_suite(root / "suite.yaml"), root / "run")
    return root


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> tuple[KeyPair, KeyPair]:
    folder = tmp_path_factory.mktemp("keys")
    return new_key(folder / "assessor"), new_key(folder / "approver", KeyKind.ECDSA_P256)


@pytest.fixture
def copy(site: Path, tmp_path: Path) -> Path:
    shutil.copytree(site / "run", tmp_path / "run")
    return tmp_path / "run"


def change_table(path: Path, change: Callable[[dict[str, list[Any]]], None]) -> None:
    table = pq.read_table(path, partitioning=None)
    columns = table.to_pydict()
    change(columns)
    pq.write_table(pa.table(columns, schema=table.schema), path, compression="zstd")


def digests(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_a_moved_folder_is_verified_alone(copy: Path, tmp_path: Path) -> None:
    """Without judge, detector, model, data set, pack or cache; nothing heavy is imported, nothing is written."""
    before = digests(copy)
    code = (
        f"import sys\nHEAVY = {HEAVY!r}\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in HEAVY:\n            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "sys.addaudithook(lambda event, _: event.startswith('socket.') and sys.exit('the network'))\n"
        "from visavox.cli import main\nmain(sys.argv[1:])\n"
    )
    home = {"HOME": str(tmp_path / "nobody"), "PATH": os.environ["PATH"]}
    done = subprocess.run(
        [sys.executable, "-c", code, "verify", str(copy)],
        cwd=tmp_path,
        env=home,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = " ".join(done.stdout.split())
    assert "figures made again from" in said and "as reported" in said
    assert "nothing was signed" in said and all(line in said for line in NOT_RECOMPUTED)
    assert digests(copy) == before


def test_every_part_of_the_run_was_made_again(site: Path) -> None:
    """What it rests on is there: a run in which half of it is missing would verify as well."""
    found = verify(site / "run")
    made = {result.assessment: result for result in found.report.results}
    assert set(made) == {"identity_leak", "impersonation", "utility", "detectability", "ledger"}
    assert all(result.estimates for name, result in made.items() if name != "impersonation")
    assert "no trial" in made["impersonation"].not_applicable  # of this tool class
    assert made["detectability"].tables and made["identity_leak"].instruments
    assert found.n_figures > 1000 and found.n_scores > 10_000
    names = {path.parent.name for path in (site / "run").rglob("*.parquet")}
    assert {"pixels", "utility", "detection", "people", "outputs"} <= names


def _threshold(report: Report, name: str) -> tuple[float, str]:
    estimate = next(
        one
        for result in report.results
        for one in result.estimates
        if one.name == name and one.attacker == "ignorant" and one.value > 0
    )
    return next(s.operating_point.threshold for s in estimate.strata if hasattr(s.operating_point, "threshold")), name


def test_one_changed_score_is_named_with_both_values(
    copy: Path, capsys: pytest.CaptureFixture[str], site: Path
) -> None:
    """A match that is made none: the leak's figure is named, what is stated, what it is, and by how much."""
    report = verify(site / "run").report
    threshold, name = _threshold(report, "subject_match_rate")
    plan = read_run(copy).plans
    people = next(iter(plan.values()))
    persons = np.asarray([sample.person for sample in people.samples])

    def hide(columns: dict[str, list[Any]]) -> None:
        rows = zip(columns["probe"], columns["reference"], columns["score"], strict=True)
        place = next(i for i, (p, r, s) in enumerate(rows) if people.case_person[p] == persons[r] and s >= threshold)
        columns["score"][place] = threshold - 0.5

    change_table(copy / SCORES, hide)
    assert exit_code(["verify", str(copy)]) == 3
    said = " ".join(capsys.readouterr().err.split())
    assert f"identity_leak of faces, estimates, {name} pixels ignorant" in said
    assert "the report states" in said and "its scores give" in said and "(by " in said
    with pytest.raises(EvidenceError, match="differ:"):
        sign(copy, new_key(copy.parent / "k").private)
    assert not (copy / "attestation.intoto.json").exists()


def _leaks(columns: dict[str, list[Any]]) -> None:
    columns["score"][0] += 0.25


def _swap(columns: dict[str, list[Any]]) -> None:
    for values in columns.values():
        values[0], values[1] = values[1], values[0]


def _drop(columns: dict[str, list[Any]]) -> None:
    for values in columns.values():
        values.pop(0)


def _double(columns: dict[str, list[Any]]) -> None:
    for values in columns.values():
        values.insert(0, values[0])


def _other_state(columns: dict[str, list[Any]]) -> None:
    place = columns["set"].index("edited")
    columns["state"][place] = 2


def _no_template(columns: dict[str, list[Any]]) -> None:
    columns["ok"][0] = False


def _lower(name: str) -> Callable[[dict[str, list[Any]]], None]:
    def change(columns: dict[str, list[Any]]) -> None:
        place = next(i for i, value in enumerate(columns[name]) if value is not None and np.isfinite(value))
        columns[name][place] -= 0.5

    return change


def _consent(columns: dict[str, list[Any]]) -> None:
    columns["consent"] = ["granted"] * len(columns["consent"])


def _person(columns: dict[str, list[Any]]) -> None:
    columns["person"][0] = 23


def _milder(columns: dict[str, list[Any]]) -> None:
    pack = json.loads(columns["pack"][0])
    pack["perturbations"][0]["steps"][0]["strength"] = 0.1
    columns["pack"][0] = json.dumps(pack)


TABLES: dict[str, tuple[str, Callable[[dict[str, list[Any]]], None], str]] = {
    "rows in another order": (SCORES, _swap, "not those that the plan asks for"),
    "a row left out": (SCORES, _drop, "not those that the plan asks for"),
    "a row doubled": (SCORES, _double, "not those that the plan asks for"),
    "a row of a fitted table left out": (
        "scores/pixels/edited-edited.semi_informed-00000.parquet", _drop, "not those that the plan asks for",
    ),
    "a row of the permuted table doubled": (
        "scores/pixels/edited-edited.semi_informed_permuted-00000.parquet", _double, "not those that the plan asks for",
    ),
    "a non-mated score": ("scores/pixels/original-original-00000.parquet", _leaks, r"differ:\n  identity_leak"),
    "an output said to be cropped": ("scores/pixels/acquired.parquet", _other_state, r"differ:\n  identity_leak"),
    "a template said to be missing": ("scores/pixels/acquired.parquet", _no_template, "not those that the plan asks"),
    "a set of other media": ("scores/pixels/acquired.parquet", _drop, "is not that of the plan and the journal"),
    "a figure of utility": ("utility/00000.parquet", _lower("value"), "utility of faces"),
    "a case of utility left out": ("utility/00000.parquet", _drop, "figures of utility"),
    "a detector's score": ("detection/scores/part-0000.parquet", _lower("score"), "detectability of faces"),
    "another pack": ("detection/packs.parquet", _milder, "is not the one that was sealed"),
    "who is who": ("people.parquet", _person, "its people are not those of the plan"),
    "consent": ("people.parquet", _consent, "it counts consent as"),
}  # fmt: skip


@pytest.mark.parametrize("how", TABLES)
def test_a_changed_table_is_found(copy: Path, how: str) -> None:
    name, change, reason = TABLES[how]
    change_table(copy / name, change)
    with pytest.raises(EvidenceError, match=reason):
        verify(copy)


def _journal(path: Path, case: Callable[[dict[str, Any]], None]) -> None:
    with sqlite3.connect(path / "journal.sqlite") as db:
        name, row = db.execute("SELECT case_id, row FROM edits ORDER BY case_id").fetchone()
        value = json.loads(row)
        case(value)
        db.execute("UPDATE edits SET row = ? WHERE case_id = ?", (json.dumps(value), name))
    db.close()


def _scaled(path: Path) -> None:
    """Every rate of the leak halved with its interval, and the decision that follows from them."""
    evidence = read_run(path)
    value = json.loads((path / "report.json").read_bytes())
    for result in value["results"]:
        for estimate in result["estimates"]:
            if estimate["name"] == "subject_match_rate":
                for key in ("value", "low", "high", "lower", "upper"):
                    estimate[key] /= 2
                for basis in estimate["basis"]:
                    basis["p_low"] /= 2
                    basis["p_high"] /= 2
    forged = Report.model_validate(value)
    facts = Facts(
        forged.subject.tool_class, forged.results, evidence.seal.judges, forged.dataset, evidence.seal.smoke,
        Duties(forged.role, forged.public_opinion_attribute), forged.attestations,
    )  # fmt: skip
    decision = judge(evidence.policy, evidence.seal.cells, facts)
    (path / "report.json").write_bytes(report_bytes(forged.model_copy(update={"decision": decision})))


FOLDERS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a deleted part": (lambda p: (p / SCORES).unlink(), f"{SCORES} is absent"),
    "an added part": (
        lambda p: shutil.copy(p / SCORES, p / SCORES.replace("00000", "00009")),
        "is of no part of the run",
    ),
    "a part of another run's detection": (
        lambda p: shutil.copy(p / "detection/scores/part-0001.parquet", p / "detection/scores/part-0002.parquet"),
        "is of no part of the run",
    ),
    "a part that is no table": (lambda p: (p / SCORES).write_text("scores"), "read original-edited-00000.parquet"),
    "no account of templates": (
        lambda p: (p / "scores/pixels/acquired.parquet").unlink(),
        "an earlier version of visavox wrote it",
    ),
    "a blank output": (
        lambda p: _journal(p, lambda row: row["outputs"][0].update(blank=True)),
        "add up the cases",
    ),
    "what a file gives away": (
        lambda p: _journal(p, lambda row: row["outputs"][0].update(leaks=["gps"])),
        "differ:",
    ),
    "no journal": (lambda p: (p / "journal.sqlite").unlink(), "read the journal"),
    "figures and decision scaled alike": (_scaled, "subject_match_rate pixels"),
}


@pytest.mark.parametrize("how", FOLDERS)
def test_a_changed_folder_is_found(copy: Path, how: str) -> None:
    change, reason = FOLDERS[how]
    change(copy)
    with pytest.raises(EvidenceError, match=reason):
        verify(copy)


def test_two_sign_the_same_words_and_are_both_counted(copy: Path, site: Path, keys: tuple[KeyPair, KeyPair]) -> None:
    assessor, approver = keys
    path = sign(copy, assessor.private)
    payload = read_envelope(path).envelope.payload
    assert sign(copy, assessor.private) == path  # again: nothing more
    assert len(read_envelope(path).signatures) == 1
    shutil.move(copy, copy.with_name("elsewhere"))
    moved = copy.with_name("elsewhere")
    path = sign(moved, approver.private)
    assert read_envelope(path).envelope.payload == payload
    publics = [key.public for key in keys]
    assert set(verify(moved, trusted_keys=publics).signers) == {key.keyid for key in keys}
    checked = check_envelope(path, publics, min_signers=2)
    assert [one.name for one in checked.statement.subject] == ["under-test 1", "layers/first.bin", "weights.bin"]
    weights = hashlib.sha256((site / "model" / "weights.bin").read_bytes()).hexdigest()
    assert checked.statement.subject[2].digest.sha256 == weights
    stated = json.loads(payload)["predicate"]
    assert stated["result"] == "FAILED" and stated["failedTests"]
    assert stated["visavoxAssessment"]["verdict"] in {"FAIL", "INCONCLUSIVE"}
    configuration = {one["name"]: one["digest"]["sha256"] for one in stated["configuration"]}
    assert configuration == {
        name: digests(moved)[name] for name in ("suite.yaml", "policy.yaml", "plan.json", "seal.json")
    }
    tables = {one["path"]: one["sha256"] for one in stated["visavoxAssessment"]["files"]}
    assert tables == {name: digest for name, digest in digests(moved).items() if name.endswith(".parquet")}


def test_a_signature_covers_what_no_figure_shows(copy: Path, keys: tuple[KeyPair, KeyPair]) -> None:
    """A score changed by so little that no figure moves, a fact of the journal, a card: the digests tell."""
    sign(copy, keys[0].private)
    trusted = [keys[0].public]
    for change, what in (
        (lambda: pq.write_table(pq.read_table(copy / SCORES, partitioning=None), copy / SCORES), "tables of scores"),
        (lambda: _fact(copy, "note", "x"), "journal"),
    ):
        before = {name: (copy / name).read_bytes() for name in (SCORES, "journal.sqlite")}
        change()
        with pytest.raises(EvidenceError, match=what):
            verify(copy, trusted_keys=trusted)
        with pytest.raises(EvidenceError, match="is not what the run folder holds now"):
            sign(copy, keys[1].private)
        for name, data in before.items():
            (copy / name).write_bytes(data)
    value = json.loads((copy / "report.json").read_bytes())
    value["limitations"] = []
    (copy / "report.json").write_bytes(canonical_json(value))
    with pytest.raises(EvidenceError, match="report"):
        verify(copy, trusted_keys=trusted)


def _fact(folder: Path, name: str, value: str) -> None:
    with sqlite3.connect(folder / "journal.sqlite") as db:
        db.execute("INSERT INTO facts VALUES (?, ?)", (name, value))
    db.close()


def test_who_is_not_trusted_and_what_is_not_signed(
    copy: Path, keys: tuple[KeyPair, KeyPair], capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["verify", str(copy), "--trusted-keys", str(keys[1].public)]
    assert exit_code(words) == 3
    assert "it is not signed" in capsys.readouterr().err
    assert exit_code(["sign", str(copy), "--key", str(keys[0].private)]) == 0
    assert capsys.readouterr().out.split() == [str(copy / "attestation.intoto.json")]
    assert exit_code(words) == 3
    assert exit_code([*words, "--trusted-keys", str(keys[0].public)]) == 0
    assert f"signed by {keys[0].keyid}" in capsys.readouterr().out
    assert exit_code(["verify", str(copy.parent / "absent")]) == 3
    assert exit_code(["sign", str(copy), "--key", str(copy.parent / "absent")]) == 3


def test_another_model_is_not_signed_for(copy: Path, site: Path, tmp_path: Path, keys: tuple[KeyPair, KeyPair]) -> None:
    shutil.copytree(site / "model", tmp_path / "model")
    (tmp_path / "model" / "weights.bin").write_text("finer")
    with pytest.raises(EvidenceError, match="the model has changed since"):
        sign(copy, keys[0].private, model=tmp_path / "model")
    assert not (copy / "attestation.intoto.json").exists()


def test_the_guide_s_commands_and_its_check(
    copy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = (Path(__file__).parents[2] / "docs" / "how-to" / "sign-and-verify.md").read_text()
    (commands,) = re.findall(r"<!-- example: sign -->\n```sh\n(.*?)```", text, re.DOTALL)
    (check,) = re.findall(r"<!-- file: check.py -->\n```python\n(.*?)```", text, re.DOTALL)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    shutil.move(copy, tmp_path / "runs" / "1")
    for line in commands.splitlines():
        assert exit_code(line.split()[1:]) == 0
    assert capsys.readouterr().out.count("signed by ") == 2
    (tmp_path / "check.py").write_text(check)
    said = []
    for key in ("assessor.pub", "approver.pub"):
        command = [sys.executable, "check.py", "runs/1/attestation.intoto.json", key]
        said.append(subprocess.run(command, capture_output=True, text=True, check=False).stdout)
    assert said == ["FAILED\n", ""]  # the second is a key of the other kind

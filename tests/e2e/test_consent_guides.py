"""The guides of services and of consent, followed as a reader would."""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from visavox.api import read_report
from visavox.cli import exit_code
from visavox.core.config import HttpEditor, parse_suite
from visavox.core.report import Report
from visavox.core.service import FIELDS, ServiceKeys
from visavox.core.terms import Verdict
from visavox.media.image import decode_image

GUIDES = Path(__file__).parents[2] / "docs" / "how-to"
STATES = ("valid", "expired", "withdrawn")


def blocks(name: str) -> dict[str, str]:
    return dict(re.findall(r"<!-- file: ([\w.]+) -->\n```\w+\n(.*?)```", (GUIDES / name).read_text(), re.DOTALL))


def issue(folder: Path, people: Path, n_people: int) -> None:
    """What the guide's consent service knows, and the list of its tokens."""
    consents, rows = {}, [["subject_id", "state", "token"]]
    for person in range(n_people):
        pictures = [decode_image(path.read_bytes()) for path in sorted(people.glob(f"{person}-*.png"))]
        recordings = [hashlib.sha256(picture.tobytes()).hexdigest() for picture in pictures]
        for state in STATES:
            token = f"tok-{person}-{hashlib.sha256(f'{person} {state}'.encode()).hexdigest()[:12]}"
            consents[token] = {"state": state, "recordings": recordings}
            rows.append([f"person {person}", state, token])
    (folder / "consents.json").write_text(json.dumps(consents))
    with (folder / "tokens.csv").open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)


def followed(folder: Path, out: str, changed: Callable[[str], str] = str) -> Report:
    for name, text in blocks("probe-consent.md").items():
        (folder / name).write_text(changed(text) if name == "adapter.py" else text)
    words = ["run", str(folder / "suite.yaml"), "--out", str(folder / out), "--set", "recognisers=[pixels]"]
    words += ["--set", "assessments.identity_leak.attackers=[ignorant]", "--set", "execution.overlap=false"]
    assert exit_code(words) == 0
    return read_report(folder / out)


def test_the_guide_s_adapter_refuses_and_one_without_a_line_does_not(
    tmp_path: Path, make_people: Callable[..., Path], register_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    n = 8
    people = make_people(n, 2).parent
    issue(tmp_path, people, n)
    report = followed(tmp_path, "sound")
    figures = {(e.name, e.group): e for r in report.results if r.assessment == "consent" for e in r.estimates}
    assert figures["refusal_rate", None].value == 1.0 and figures["refusal_rate", None].n == n
    assert figures["over_refusal_rate", None].value == 0.0
    verdicts = {control.id: control.verdict for control in report.decision.controls}
    assert verdicts["ACME-REFUSES"] is Verdict.INCONCLUSIVE  # 8 people show 69 %
    (table,) = [t for r in report.results for t in r.tables if t.name == "consent_probes"]
    assert {row[3] for row in table.rows} == {n}
    page = (tmp_path / "sound" / "report.html").read_text()
    assert "Requests that must be refused" in page and "withdrawn-look-alikes" in page
    tokens = re.findall(r"tok-\S+", (tmp_path / "tokens.csv").read_text())
    assert len(tokens) == 3 * n
    files = [path for path in (tmp_path / "sound").rglob("*") if path.is_file()]
    assert not [path for path in files if any(token.encode() in path.read_bytes() for token in tokens)]

    hole = '        if consent["state"] == "withdrawn":\n            return Refused("withdrawn")\n'
    leaky = followed(tmp_path, "leaky", lambda code: code.replace(hole, ""))
    verdicts = {control.id: control.verdict for control in leaky.decision.controls}
    assert verdicts["ACME-REFUSES"] is Verdict.FAIL
    assert [exit_code(["gate", str(tmp_path / out)]) for out in ("sound", "leaky")] == [2, 1]
    capsys.readouterr()
    assert exit_code(["list", "probes"]) == 0
    assert "consent-default        19 of version 1" in capsys.readouterr().out


def test_the_guide_of_services_names_every_field_and_its_suite_is_valid(tmp_path: Path) -> None:
    text = (GUIDES / "assess-a-service.md").read_text()
    (example,) = re.findall(r"<!-- example: http -->\n```yaml\n(.*?)```", text, re.DOTALL)
    suite = parse_suite(example, base=tmp_path)
    assert isinstance(suite.editor, HttpEditor) and suite.editor.version_header == "X-Model-Version"
    assert not [field for field in FIELDS if f"`{field}`" not in text]
    assert not [key for key in ServiceKeys.model_fields if not re.search(rf"\b{key}\b", text)]

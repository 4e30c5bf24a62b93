"""Attestations through a whole run: judged at its end, copied into its folder, looked at again by the gate."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from pretend import PIXELS_SUITE, PYTHON, texture
from ruamel.yaml import YAML

from visavox import gate, load_suite, run
from visavox.api import attesting
from visavox.api.attesting import draft_attestation, write_attestation
from visavox.api.planning import plan_suite
from visavox.cli import exit_code
from visavox.core.digest import canonical_json, sha256_file
from visavox.core.errors import ConfigError, EvidenceError
from visavox.core.resources import configs_dir
from visavox.core.terms import AttestationVerdict, ControlKind, DutyRole, Verdict
from visavox.media.image import encode_png
from visavox.reporting.schema import parse_report

ENTRY = Path(__file__).parents[1] / "editors_under_test.py"
STATED = """
  - id: OWN-NAMES
    title: {en: Names are verified, zh: 核验姓名}
    kind: attestation
    statement: {en: Users' names are verified.}
    tool_classes: [anonymise]
  - id: OWN-MAIL
    title: {en: Mail is answered}
    kind: attestation
    severity: warn
    statement: {en: Mail is answered.}
    tool_classes: [anonymise]
  - id: OWN-OTHERS
    title: {en: Of those who lend the model}
    kind: attestation
    statement: {en: The model is lent.}
    tool_classes: [anonymise]
    roles: [technical_supporter]
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A suite of a tool that passes the policy of this repository, with three statements asked of its provider."""
    root = tmp_path_factory.mktemp("attested")
    rows = ["path,subject_id,modality"]
    for person in range(48):
        for image in range(4):
            (root / f"{person}-{image}.png").write_bytes(encode_png(texture(person, image)))
            rows.append(f"{person}-{image}.png,Zebedee Quux {person},face")
    (root / "manifest.csv").write_text("\n".join(rows))
    baseline = (configs_dir() / "policies" / "baseline.yaml").read_text("utf-8").replace("id: baseline", "id: own")
    (root / "own.yaml").write_text(baseline.rstrip() + STATED, "utf-8")
    editor = PYTHON.format(entry=f"{ENTRY}:load", params="{}")
    suite = PIXELS_SUITE.format(name="attested", editor=editor, manifest=root / "manifest.csv")
    suite = suite.replace("policy: baseline", "policy: ./own.yaml\nrole: provider\nattestations: attested")
    (root / "suite.yaml").write_text(suite)
    (root / "attested").mkdir()
    (root / "attested" / "names.pdf").write_bytes(b"how names are verified")
    made = draft_attestation(
        str(root / "own.yaml"),
        "OWN-NAMES",
        owner="Compliance",
        evidence=(root / "attested" / "names.pdf",),
        out=root / "attested" / "names.yaml",
        expires=attesting.today() + timedelta(days=30),
    )
    write_attestation(made, root / "attested" / "names.yaml")
    return root


@pytest.fixture(scope="module")
def finished(root: Path) -> Path:
    run(load_suite(root / "suite.yaml"), root / "run")
    return root / "run"


@pytest.fixture
def copy(finished: Path, tmp_path: Path) -> Path:
    shutil.copytree(finished, tmp_path / "run")
    return tmp_path / "run"


def alter(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    value = json.loads((folder / "report.json").read_bytes())
    change(value)
    (folder / "report.json").write_bytes(canonical_json(value))


# ---------------------------------------------------------------- before
def test_the_plan_says_which_statements_are_missing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan = plan_suite(load_suite(root / "suite.yaml"), controls=False)
    found = {one.control: one.verdict for one in plan.attestations}
    assert found == {"OWN-NAMES": AttestationVerdict.ATTESTED, "OWN-MAIL": AttestationVerdict.MISSING}
    assert exit_code(["plan", str(root / "suite.yaml"), "--no-controls"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert "1 of 2 statements" in told and "missing OWN-MAIL (warn)" in told and "OWN-OTHERS" not in told


def test_a_faulty_attestation_is_told_before_the_first_edit(root: Path, tmp_path: Path) -> None:
    (tmp_path / "faulty.yaml").write_text("policy: own\ncontrol: OWN-NAMES\n")
    suite = load_suite(root / "suite.yaml", overrides=[f"attestations={tmp_path / 'faulty.yaml'}"])
    with pytest.raises(ConfigError, match="statement: required"):
        run(suite, tmp_path / "run")
    assert not (tmp_path / "run" / "seal.json").exists()


def test_attestations_are_no_other_suite_and_roles_are(root: Path) -> None:
    suite = load_suite(root / "suite.yaml")
    assert load_suite(root / "suite.yaml", overrides=["attestations=[]"]).digest() == suite.digest()
    assert load_suite(root / "suite.yaml", overrides=["role=both"]).digest() != suite.digest()
    assert load_suite(root / "suite.yaml", overrides=["public_opinion_attribute=false"]).digest() != suite.digest()


# ---------------------------------------------------------------- after
def test_what_is_attested_passes_as_attested_and_what_warns_is_shown(root: Path, finished: Path) -> None:
    report = parse_report((finished / "report.json").read_bytes())
    assert report.decision.verdict is Verdict.PASS, report.decision.reasons
    assert report.role is DutyRole.PROVIDER and report.policy.title == "Visavox baseline"
    (card,) = report.attestations
    assert (card.id, card.verdict, card.owner) == ("OWN-NAMES", AttestationVerdict.ATTESTED, "Compliance")
    assert card.digest == sha256_file(finished / "attestations" / "OWN-NAMES.yaml")
    assert YAML(typ="safe").load(root / "attested" / "names.yaml")["owner"] == "Compliance"
    by_id = {control.id: control for control in report.decision.controls}
    assert by_id["OWN-NAMES"].verdict is Verdict.PASS and by_id["OWN-NAMES"].kind is ControlKind.ATTESTATION
    assert by_id["OWN-NAMES"].title_zh == "核验姓名" and "not tested" in by_id["OWN-NAMES"].reason
    assert by_id["OWN-MAIL"].verdict is Verdict.INCONCLUSIVE and "OWN-OTHERS" not in by_id
    assert any("never tested" in line and "OWN-NAMES" in line for line in report.limitations)
    assert gate(finished).verdict is Verdict.PASS


def _owner(value: dict[str, Any]) -> None:
    for card in [*value["attestations"], *(c for d in value["decision"]["controls"] for c in d["attestations"])]:
        card["owner"] = "Somebody"


def _attested(value: dict[str, Any]) -> None:
    (card,) = value["attestations"]
    value["attestations"].append(card | {"id": "OWN-MAIL"})


def _role(value: dict[str, Any]) -> None:
    value["role"] = "technical_supporter"


def _later(value: dict[str, Any]) -> None:
    for card in [*value["attestations"], *(c for d in value["decision"]["controls"] for c in d["attestations"])]:
        card["expires"] = "2999-01-01"


def _gone(value: dict[str, Any]) -> None:
    value["attestations"] = []


@pytest.mark.parametrize("change", [_owner, _attested, _role, _later, _gone])
def test_a_report_that_says_more_than_was_attested_is_refused(
    copy: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    alter(copy, change)
    with pytest.raises(EvidenceError):
        gate(copy)


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_bytes(path.read_bytes() + b"\n")])
def test_a_copy_that_is_gone_or_changed_is_refused(copy: Path, change: Callable[[Path], Any]) -> None:
    change(copy / "attestations" / "OWN-NAMES.yaml")
    with pytest.raises(EvidenceError, match="OWN-NAMES"):
        gate(copy)


def test_a_statement_that_ran_out_since_the_run_is_refused(copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    last = attesting.today() + timedelta(days=30)
    monkeypatch.setattr(attesting, "today", lambda: last)
    assert gate(copy).verdict is Verdict.PASS
    monkeypatch.setattr(attesting, "today", lambda: last + timedelta(days=1))
    with pytest.raises(EvidenceError, match="expired on"):
        gate(copy)


def test_a_statement_that_breaks_while_a_run_lasts_loses_itself_not_the_run(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite = load_suite(root / "suite.yaml")
    policy = attesting.load_policy(suite.policy).policy
    broken = tmp_path / "names.yaml"
    broken.write_text("a: [")
    found = attesting.attested_at_end(suite.model_copy(update={"attestations": (str(broken),)}), policy)
    assert {card.verdict for card in found.cards} == {AttestationVerdict.MISSING} and not found.statements
    assert all("when the run ended" in card.reason for card in found.cards)
    assert date.fromisoformat(attesting.today().isoformat()) == attesting.today()

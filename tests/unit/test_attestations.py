"""Attestations: what makes a statement stand, and every way in which it does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from visavox.api.attesting import attested_at, draft_attestation, signed, write_attestation
from visavox.cli import exit_code
from visavox.cli.attest_command import attest_command
from visavox.core.digest import sha256_file
from visavox.core.errors import ConfigError, UsageError
from visavox.core.report import AttestationCard
from visavox.core.terms import AttestationVerdict, DutyRole
from visavox.evidence.keys import KeyKind, new_key
from visavox.policy.attestations import card_of, find_files, parse_attestation, read_statements
from visavox.policy.load import load_policy, parse_policy
from visavox.policy.records import Duties, Policy

TODAY = date(2026, 11, 21)
POLICY = """
id: acme
version: "1"
title: {en: Acme}
status: in_force
face: {fmr: 1.0e-3, competence: {fmr: 1.0e-3, max_fnmr: 0.15}}
voice: {fmr: 1.0e-2, competence: {fmr: 1.0e-2, max_fnmr: 0.20}}
requires: []
controls:
  - id: ACME-NAMES
    title: {en: Names are verified}
    kind: attestation
    statement: {en: Users' names are verified., zh: 已核验使用者姓名。}
    tool_classes: [anonymise]
  - id: ACME-HOST
    title: {en: Providers only}
    kind: attestation
    statement: {en: We answer calls.}
    tool_classes: [anonymise]
    roles: [provider]
  - id: ACME-EDITED
    title: {en: The editor edits}
    assessment: ledger
    metric: non_edited_share
    per_judge: false
    tool_classes: [anonymise]
    limit: {op: "<=", value: 0.05}
"""


@pytest.fixture(scope="module")
def policy() -> Policy:
    return parse_policy(POLICY, what="acme.yaml").policy


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence" / "names.pdf").write_bytes(b"how names are verified")
    return tmp_path


def values(folder: Path, **changes: Any) -> dict[str, Any]:
    found = {
        "policy": "acme", "control": "ACME-NAMES", "statement": "Users' names are verified.", "owner": "Compliance",
        "evidence": [{"path": "evidence/names.pdf", "sha256": sha256_file(folder / "evidence" / "names.pdf")}],
        "date": "2026-11-01", "expires": "2027-11-01",
    }  # fmt: skip
    return {key: value for key, value in (found | changes).items() if value is not None}


def card(folder: Path, policy: Policy, duties: Duties = Duties(), **changes: Any) -> AttestationCard:  # noqa: B008
    """The card of the one attestation, as it is on that day."""
    path = folder / "one.yaml"
    path.write_text(json.dumps(values(folder, **changes), ensure_ascii=False), "utf-8")
    (found,) = read_statements([path], policy, today=TODAY)
    control = next(one for one in policy.controls if one.id == found.attestation.control)
    return card_of(found, control, duties, today=TODAY)


# ---------------------------------------------------------------- what a statement is worth
def test_a_statement_stands_in_either_language_until_its_last_day(folder: Path, policy: Policy) -> None:
    for changes in ({}, {"statement": "已核验使用者姓名。"}, {"expires": "2026-11-21"}, {"date": "2026-11-21"}):
        found = card(folder, policy, **changes)
        assert (found.verdict, found.reason, found.owner) == (AttestationVerdict.ATTESTED, "", "Compliance")
        assert found.digest == sha256_file(folder / "one.yaml")
    assert [one.name for one in card(folder, policy).evidence] == ["names.pdf"]


def test_a_statement_that_has_run_out_is_expired(folder: Path, policy: Policy) -> None:
    found = card(folder, policy, date="2025-11-01", expires="2026-11-20")
    assert found.verdict is AttestationVerdict.EXPIRED and "2026-11-20" in found.reason


@pytest.mark.parametrize("statement", ["Users' names are not verified.", "Users' names", "x"])
def test_other_words_than_the_policy_s_are_no_answer(folder: Path, policy: Policy, statement: str) -> None:
    found = card(folder, policy, statement=statement)
    assert found.verdict is AttestationVerdict.MISSING and "something else" in found.reason


@pytest.mark.parametrize("change", [Path.unlink, lambda path: path.write_bytes(b"other")])
def test_evidence_that_is_gone_or_changed_is_found(folder: Path, policy: Policy, change: Callable[[Path], Any]) -> None:
    given = values(folder)
    change(folder / "evidence" / "names.pdf")
    found = _after(folder, policy, given)
    assert found.verdict is AttestationVerdict.EVIDENCE_CHANGED and "names.pdf" in found.reason


def _after(folder: Path, policy: Policy, given: dict[str, Any]) -> AttestationCard:
    path = folder / "one.yaml"
    path.write_text(json.dumps(given), "utf-8")
    (found,) = read_statements([path], policy, today=TODAY)
    return card_of(found, policy.controls[0], Duties(), today=TODAY)


def test_a_link_out_of_the_folder_is_no_evidence(folder: Path, policy: Policy, tmp_path_factory: Any) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "names.pdf"
    elsewhere.write_bytes(b"how names are verified")
    given = values(folder)
    (folder / "evidence" / "names.pdf").unlink()
    (folder / "evidence" / "names.pdf").symlink_to(elsewhere)
    found = _after(folder, policy, given)
    assert found.verdict is AttestationVerdict.EVIDENCE_CHANGED and "leads out" in found.reason


@pytest.mark.parametrize(
    ("control", "spoken", "asked", "stands"),
    [
        ("ACME-NAMES", DutyRole.PROVIDER, DutyRole.BOTH, False),
        ("ACME-NAMES", DutyRole.PROVIDER, DutyRole.PROVIDER, True),
        ("ACME-NAMES", DutyRole.PROVIDER, DutyRole.TECHNICAL_SUPPORTER, False),
        ("ACME-NAMES", DutyRole.BOTH, DutyRole.TECHNICAL_SUPPORTER, True),
        ("ACME-HOST", DutyRole.PROVIDER, DutyRole.BOTH, True),
        ("ACME-HOST", DutyRole.TECHNICAL_SUPPORTER, DutyRole.BOTH, False),
    ],
)
def test_a_statement_speaks_for_the_role_that_it_names(
    folder: Path, policy: Policy, control: str, spoken: DutyRole, asked: DutyRole, stands: bool
) -> None:
    words = {"ACME-NAMES": "Users' names are verified.", "ACME-HOST": "We answer calls."}[control]
    found = card(folder, policy, Duties(asked), control=control, statement=words, applies_to_role=spoken.value)
    assert (found.verdict is AttestationVerdict.ATTESTED) is stands
    assert stands or "duties as" in found.reason


# ---------------------------------------------------------------- what is no attestation
@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"evidence": [{"path": "../names.pdf", "sha256": "0" * 64}]}, "leaves the folder"),
        ({"evidence": [{"path": "/etc/hostname", "sha256": "0" * 64}]}, "leaves the folder"),
        ({"evidence": []}, "at least 1 item"),
        ({"evidence": [{"path": "names.pdf", "sha256": "abc"}]}, "sha256"),
        ({"date": "2026-11-02", "expires": "2026-11-01"}, "is before its date"),
        ({"date": "2026-11-22"}, "lies in the future"),
        ({"date": "2026-02-30"}, "no day of the calendar"),
        ({"owner": None}, "owner: required"),
        ({"owner": ""}, "owner"),
        ({"expirse": "2027-01-01"}, "did you mean `expires`"),
        ({"control": "ACME-NONE"}, "has no such control"),
        ({"control": "ACME-EDITED"}, "tests that control"),
        ({"applies_to_role": "user"}, "applies_to_role"),
    ],
)
def test_a_faulty_one_is_one_clear_error(folder: Path, policy: Policy, changes: dict[str, Any], told: str) -> None:
    with pytest.raises(ConfigError) as error:
        card(folder, policy, **changes)
    assert told in str(error.value)


def test_bytes_that_are_no_yaml_and_places_that_are_not_there(folder: Path, policy: Policy) -> None:
    for data in (b"\xff\xfe", b"- a list", b"a: [", b"x" * (2 << 20)):
        with pytest.raises(ConfigError):
            parse_attestation(data, what="one.yaml")
    (folder / "empty").mkdir()
    for place, told in ((folder / "none.yaml", "no such file"), (folder / "empty", "no .yaml file")):
        with pytest.raises(ConfigError, match=told):
            find_files([place])


def test_two_answers_to_one_control_are_one_too_many_and_other_policies_are_passed_over(
    folder: Path, policy: Policy
) -> None:
    for name, changes in (("a.yaml", {}), ("other.yaml", {"policy": "else", "control": "ELSE-1"})):
        (folder / name).write_text(json.dumps(values(folder, **changes)))
    assert [one.path.name for one in read_statements([folder], policy, today=TODAY)] == ["a.yaml"]
    (folder / "b.yaml").write_text(json.dumps(values(folder)))
    with pytest.raises(ConfigError, match="attests ACME-NAMES too"):
        read_statements([folder], policy, today=TODAY)


# ---------------------------------------------------------------- signatures
@pytest.mark.parametrize("kind", list(KeyKind))
def test_a_signature_holds_until_a_word_changes(folder: Path, kind: KeyKind) -> None:
    (folder / "acme.yaml").write_text(POLICY)
    pair = new_key(folder / "key", kind)
    out = folder / "names.yaml"
    made = draft_attestation(
        str(folder / "acme.yaml"), "ACME-NAMES", owner="Compliance", evidence=(folder / "evidence" / "names.pdf",),
        out=out, expires=date(2999, 1, 1), key=pair.private,
    )  # fmt: skip
    write_attestation(made, out)
    loaded = load_policy(str(folder / "acme.yaml")).policy
    (found,) = attested_at([out], loaded, Duties()).cards
    assert (found.verdict, found.signed_by) == (AttestationVerdict.ATTESTED, (pair.keyid,))
    for old, new in (("Compliance", "Somebody"), ("2999-01-01", "2999-01-02"), (pair.keyid, "0" * 64)):
        (folder / "changed.yaml").write_text(out.read_text("utf-8").replace(old, new), "utf-8")
        (found,) = attested_at([folder / "changed.yaml"], loaded, Duties()).cards
        assert found.verdict is AttestationVerdict.EVIDENCE_CHANGED and "signature" in found.reason
        assert found.signed_by == ()


def test_another_s_key_beside_the_same_signature_is_found(folder: Path) -> None:
    (folder / "acme.yaml").write_text(POLICY)
    first, second = (new_key(folder / name).private for name in ("one", "two"))
    made = draft_attestation(
        str(folder / "acme.yaml"), "ACME-NAMES", owner="Compliance", evidence=(folder / "evidence" / "names.pdf",),
        out=folder / "x.yaml", expires=date(2999, 1, 1), key=first,
    )  # fmt: skip
    other = signed(made.model_copy(update={"owner": "Somebody"}), second).signature
    write_attestation(made.model_copy(update={"signature": other}), folder / "x.yaml")
    (found,) = attested_at([folder / "x.yaml"], load_policy(str(folder / "acme.yaml")).policy, Duties()).cards
    assert found.verdict is AttestationVerdict.EVIDENCE_CHANGED


# ---------------------------------------------------------------- the command
def test_the_command_writes_what_stands_and_never_over_a_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    (folder / "acme.yaml").write_text(POLICY)
    call = ["ACME-NAMES", "--policy", "./acme.yaml", "--owner", "Compliance", "--evidence", "evidence/names.pdf"]
    assert CliRunner().invoke(attest_command, [*call, "--zh", "--out", "names.yml"]).exit_code == 0
    before = (folder / "names.yml").read_bytes()
    assert "已核验使用者姓名。" in before.decode()
    assert exit_code(["attest", *call, "--out", "names.yml"]) == 4
    assert (folder / "names.yml").read_bytes() == before
    listed = CliRunner().invoke(attest_command, ["--policy", "./acme.yaml", "--list", "--at", "names.yml"])
    assert listed.exit_code == 0 and listed.output.endswith("1 of 2 attested\n")
    assert "ACME-NAMES  attested" in listed.output and "ACME-HOST  missing" in listed.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--owner", "C", "--evidence", "evidence/names.pdf"], "none is named"),
        (["ACME-NAMES", "--evidence", "evidence/names.pdf"], "no owner"),
        (["ACME-NAMES", "--owner", "C"], "no evidence"),
        (["ACME-NONE", "--owner", "C", "--evidence", "evidence/names.pdf"], "asks nobody to attest it"),
        (["ACME-EDITED", "--owner", "C", "--evidence", "evidence/names.pdf"], "asks nobody to attest it"),
        (["ACME-NAMES", "--owner", "C", "--evidence", "evidence/none.pdf"], "no such file"),
        (["ACME-NAMES", "--owner", "C", "--evidence", "/etc/hostname"], "lies outside"),
        (["ACME-NAMES", "--owner", "C", "--evidence", "evidence/names.pdf", "--expires", "2020-01-01"], "expired on"),
    ],
)
def test_the_command_refuses_and_writes_nothing(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], words: list[str], told: str
) -> None:
    monkeypatch.chdir(folder)
    (folder / "acme.yaml").write_text(POLICY)
    before = sorted(folder.rglob("*"))
    assert exit_code(["attest", *words, "--policy", "./acme.yaml"]) == 4
    assert told in capsys.readouterr().err
    assert sorted(folder.rglob("*")) == before


def test_every_statement_of_the_shipped_policies_can_be_written(folder: Path) -> None:
    for name in ("cn-deep-synthesis", "eu-ai-act-50"):
        control = next(c for c in load_policy(name).policy.controls if c.is_attested)
        made = draft_attestation(
            name, control.id, owner="Compliance", evidence=(folder / "evidence" / "names.pdf",),
            out=folder / "x.yaml", expires=date(2999, 1, 1), language="zh",
        )  # fmt: skip
        assert control.statement is not None and made.statement == control.statement.zh
    with pytest.raises(UsageError):
        write_attestation(made, folder / "none" / "x.yaml")

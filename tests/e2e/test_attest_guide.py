"""The guides of policies and attestations: their files are read, their commands run."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from visavox.cli import exit_code
from visavox.core.config import parse_suite, read_yaml
from visavox.core.terms import DutyRole, ToolClass
from visavox.policy.attestations import Attestation
from visavox.policy.load import parse_policy
from visavox.policy.records import Control, Duties
from visavox.ports.perturbation import load_pack

GUIDES = Path(__file__).parents[2] / "docs" / "how-to"


def examples(name: str) -> dict[str, str]:
    return dict(re.findall(r"<!-- example: (\S+) -->\n```sh\n(.*?)```", (GUIDES / name).read_text("utf-8"), re.DOTALL))


def test_the_commands_of_the_guide_write_statements_that_stand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "attested").mkdir()
    for name in ("complaints.txt", "calendar.txt"):
        (tmp_path / "attested" / name).write_text("what shows it")
    said = []
    for block in examples("attest.md").values():
        for line in block.splitlines():
            assert exit_code(shlex.split(line)[1:]) == 0, line
            said.append(capsys.readouterr().out)
    assert "CN-DSP-9-REALNAME  missing" in said[0] and said[0].endswith("0 of 17 attested\n")
    assert "CN-DSP-15-CYCLE  attested" in said[-1] and said[-1].endswith("2 of 17 attested\n")
    written = read_yaml((tmp_path / "attested" / "calendar.yaml").read_text("utf-8"), what="calendar.yaml")
    assert Attestation.model_validate(written).expires == "2099-12-31"
    assert written["statement"].startswith("我方制定了")


def test_the_suite_s_keys_are_those_of_a_suite(tmp_path: Path) -> None:
    (keys,) = re.findall(r"```yaml\n(policy: .*?)```", (GUIDES / "attest.md").read_text("utf-8"), re.DOTALL)
    text = (
        "name: x\neditor: {kind: baseline, name: identity, tool_class: anonymise}\n"
        "dataset: {kind: synthetic-faces}\nrecognisers: [dlib]\nassessments: {identity_leak: {}}\n"
    )
    suite = parse_suite(text + keys, base=tmp_path)
    assert Duties.of(suite) == Duties(DutyRole.TECHNICAL_SUPPORTER, False)
    assert suite.attestations == (str(tmp_path / "attested"),)


def test_the_policy_of_the_guide_says_whom_it_binds() -> None:
    text = (GUIDES / "write-a-policy.md").read_text("utf-8")
    (lawful,) = re.findall(r"<!-- file: lawful.yaml -->\n```yaml\n(.*?)```", text, re.DOTALL)
    policy = parse_policy(lawful, what="lawful.yaml").policy
    bound = [c.id for c in policy.controls if c.binds(ToolClass.ANONYMISE, Duties(DutyRole.TECHNICAL_SUPPORTER))]
    assert bound == ["ACME-15-SUBJECT", "ACME-15-STRICT", "ACME-15-LEFT"]
    assert [basis.article for basis in policy.basis(policy.controls[-1])] == ["Art. 12"]
    (pack,) = policy.controls[2].packs
    assert pack.digest == load_pack(pack.name).digest  # the one that is shipped
    every_key = {*Control.model_fields} - {"public_opinion_only", "claim", "can_fail", "per_judge", "every"}
    assert every_key <= {key for control in policy.controls for key in control.model_fields_set}

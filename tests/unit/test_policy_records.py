"""What a policy file may say of a control: no unread rule that fails, no statement that is tested."""

from __future__ import annotations

import json
from typing import Any

import pytest
from measured import JUDGES, cards, dataset, figure, results_of
from pydantic import create_model

from visavox.core.errors import ConfigError
from visavox.core.figures import AssessmentResult
from visavox.core.records import Record
from visavox.core.report import AttestationCard, Decision, Limit
from visavox.core.terms import (
    AttestationVerdict,
    ControlKind,
    Modality,
    Obligation,
    Severity,
    ToolClass,
    Verdict,
    Verified,
)
from visavox.policy.judge import Facts, judge, plan_cells
from visavox.policy.load import load_policy, parse_policy
from visavox.policy.planner import Basis, forecast
from visavox.policy.records import Duties, Policy

HEAD: dict[str, Any] = {
    "id": "acme",
    "version": "1",
    "title": {"en": "Acme"},
    "status": "in_force",
    "face": {"fmr": 1e-3, "competence": {"fmr": 1e-3, "max_fnmr": 0.15}},
    "voice": {"fmr": 1e-2, "competence": {"fmr": 1e-2, "max_fnmr": 0.2}},
    "requires": ["identity_leak"],
}
SOURCE = {"name": "LAW", "instrument": "A law", "language": "en", "verified": "primary", "read_on": "2026-11-21"}
TEST = {
    "id": "T",
    "title": {"en": "Tested"},
    "assessment": "identity_leak",
    "metric": "subject_match_rate",
    "tool_classes": ["anonymise"],
    "limit": {"op": "<=", "value": 0.07},
}
STATED = {
    "id": "S",
    "title": {"en": "Stated"},
    "kind": "attestation",
    "statement": {"en": "It is so."},
    "tool_classes": ["anonymise"],
}


def read(*controls: dict[str, Any], **head: Any) -> Policy:
    return parse_policy(json.dumps(HEAD | head | {"controls": controls}), what="acme.yaml").policy


def refused(told: str, *controls: dict[str, Any], **head: Any) -> None:
    with pytest.raises(ConfigError) as error:
        read(*controls, **head)
    assert told in str(error.value)


def cited(verified: str | None = None, quotation: str = "It shall be so.") -> dict[str, Any]:
    found = {"source": "LAW", "article": "Art. 1", "quotation": quotation, "verified": verified}
    return {"obligation": "law", "basis": [{key: value for key, value in found.items() if value}]}


# ---------------------------------------------------------------- what is read at its source
@pytest.mark.parametrize("verified", ["secondary", "memory"])
def test_a_rule_that_was_not_read_at_its_source_can_warn_never_fail(verified: str) -> None:
    refused("can warn, never fail", TEST | cited(verified), sources=[SOURCE])
    refused("can warn, never fail", STATED | cited(verified), sources=[SOURCE])
    refused("can warn, never fail", TEST | cited(), sources=[SOURCE | {"verified": verified}])
    for severity in ("warn", "disclose"):
        read(TEST | cited(verified) | {"severity": severity}, sources=[SOURCE])


def test_a_citation_is_no_better_than_its_source() -> None:
    policy = read(TEST | cited("primary") | {"severity": "warn"}, sources=[SOURCE | {"verified": "memory"}])
    assert [basis.verified for basis in policy.basis(policy.controls[0])] == [Verified.MEMORY]


def test_what_was_read_is_quoted_and_what_is_cited_is_there() -> None:
    refused("is not quoted", TEST | cited(quotation=""), sources=[SOURCE])
    refused("stands there under no name", TEST | cited())
    refused("a name stands twice", TEST, sources=[SOURCE, SOURCE])
    refused("no basis says so", TEST | {"obligation": "mandatory_standard"})
    read(TEST | cited(), sources=[SOURCE])


def test_a_limit_set_by_law_names_its_passage_and_any_other_says_that_none_does() -> None:
    refused("names the passage in source", TEST | {"limit": {"op": "<=", "value": 0.07, "set_by": "law"}})
    by_law = {"op": "<=", "value": 0.07, "set_by": "law", "source": "Art. 9"}
    assert read(TEST | {"limit": by_law}).controls[0].tested_limit.set_by is Obligation.LAW
    assert Limit(op="<=", value=0.07).source.startswith("project default: no law")


# ---------------------------------------------------------------- kinds
@pytest.mark.parametrize(
    ("change", "told"),
    [
        (TEST | {"limit": None}, "needs assessment, metric and limit"),
        (TEST | {"metric": ""}, "needs assessment, metric and limit"),
        (TEST | {"statement": {"en": "It is so."}}, "a statement is attested"),
        (STATED | {"statement": None}, "needs a statement"),
        (STATED | {"limit": {"op": "<=", "value": 0.07}}, "an attestation alone has no"),
        (STATED | {"claim": "morph_resistance"}, "an attestation alone has no"),
        (STATED | {"kind": "both"}, "needs assessment, metric and limit"),
        (TEST | {"kind": "both"}, "needs a statement"),
        (TEST | {"roles": []}, "roles"),
        (TEST | {"roles": ["both"]}, "roles"),
        (TEST | {"cac_sections": ["结果标识"]}, "cac_sections"),
        (TEST | {"id": "../x"}, "id"),
    ],
)
def test_a_control_that_is_neither_is_refused(change: dict[str, Any], told: str) -> None:
    refused(told, change)


# ---------------------------------------------------------------- the judge
def decided(
    policy: Policy, *, bad: tuple[str, ...] = (), stated: AttestationVerdict | None = None, **changes: Any
) -> Decision:
    cells = plan_cells(policy, ToolClass.ANONYMISE, JUDGES, modality=Modality.FACE)
    given = () if stated is None else tuple(
        AttestationCard(id=c.id, verdict=stated, owner="A", date="2026-11-01", expires="2027-11-01", reason="why")
        for c in policy.controls if c.is_attested
    )  # fmt: skip
    facts = Facts(ToolClass.ANONYMISE, results_of(policy, cells, bad), cards(), dataset(), False, Duties(), given)
    return judge(policy, cells, facts._replace(**changes))


BOTH = TEST | {"id": "B", "kind": "both", "statement": {"en": "It is so."}}


@pytest.mark.parametrize(
    ("bad", "stated", "verdict"),
    [
        ((), AttestationVerdict.ATTESTED, Verdict.PASS),
        ((), AttestationVerdict.EXPIRED, Verdict.INCONCLUSIVE),
        ((), None, Verdict.INCONCLUSIVE),
        (("B",), AttestationVerdict.ATTESTED, Verdict.FAIL),
        (("B",), None, Verdict.FAIL),
    ],
)
def test_a_control_of_both_kinds_is_as_good_as_the_worse(
    bad: tuple[str, ...], stated: AttestationVerdict | None, verdict: Verdict
) -> None:
    decision = decided(read(BOTH), bad=bad, stated=stated)
    (control,) = decision.controls
    assert (control.verdict, decision.verdict, control.kind) == (verdict, verdict, ControlKind.BOTH)
    assert len(control.cells) == 2 and len(control.attestations) == 1


def test_statements_alone_are_no_assessment() -> None:
    decision = decided(read(STATED, TEST | {"severity": "warn"}), stated=AttestationVerdict.ATTESTED)
    assert decision.verdict is Verdict.INCONCLUSIVE and "a PASS would say nothing" in " ".join(decision.reasons)


@pytest.mark.parametrize("severity", [Severity.WARN, Severity.DISCLOSE])
def test_what_warns_or_is_disclosed_changes_no_verdict(severity: Severity) -> None:
    loud = TEST | {"id": "L", "metric": "auc", "severity": severity.value}
    stated = STATED | {"severity": severity.value}
    decision = decided(read(TEST, loud, stated), bad=("L",))
    by_id = {control.id: control.verdict for control in decision.controls}
    assert (decision.verdict, by_id["L"], by_id["S"]) == (Verdict.PASS, Verdict.INCONCLUSIVE, Verdict.INCONCLUSIVE)


def test_a_figure_of_too_few_people_supports_no_pass_and_still_fails() -> None:
    policy = read(TEST | {"min_people": 61})
    decision = decided(policy)
    assert decision.verdict is Verdict.INCONCLUSIVE and "60 people (61 are needed)" in decision.reasons[0]
    assert decided(policy, bad=("T",)).verdict is Verdict.FAIL
    assert decided(read(TEST | {"min_people": 60})).verdict is Verdict.PASS


def test_a_control_of_its_own_false_match_rate_is_judged_there_alone() -> None:
    policy = read(TEST, TEST | {"id": "STRICT", "fmr": 1e-4})
    assert policy.fmrs("identity_leak", Modality.FACE) == (1e-3, 1e-4)
    decision = decided(policy, bad=("STRICT",))
    assert {c.id: c.verdict for c in decision.controls} == {"T": Verdict.PASS, "STRICT": Verdict.FAIL}
    cells = plan_cells(policy, ToolClass.ANONYMISE, JUDGES, modality=Modality.FACE)
    only = tuple(
        result.model_copy(update={"estimates": tuple(figure(cell, 0.0, 1e-3) for cell in cells[:2])})
        for result in results_of(policy, cells)
    )
    lost = decided(policy, results=only)
    assert {c.id: c.verdict for c in lost.controls} == {"T": Verdict.PASS, "STRICT": Verdict.INCONCLUSIVE}


def test_modalities_a_control_does_not_name_have_no_cell() -> None:
    policy = read(TEST, TEST | {"id": "V", "modalities": ["voice"]})
    assert {c.control for c in plan_cells(policy, ToolClass.ANONYMISE, JUDGES, modality=Modality.FACE)} == {"T"}
    assert {c.control for c in plan_cells(policy, ToolClass.ANONYMISE, JUDGES, modality=Modality.VOICE)} == {"T", "V"}
    stated = read(TEST, STATED | {"modalities": ["voice"]})
    assert [control.id for control in decided(stated).controls] == ["T"]


def test_a_forecast_is_of_the_control_s_own_rate_and_marks_are_not_foreseen() -> None:
    looked = TEST | {"id": "M", "assessment": "detectability", "metric": "marked_share", "per_judge": False,
                     "limit": {"op": ">=", "value": 0.93, "on": "lower"}}  # fmt: skip
    policy = read(TEST | {"id": "STRICT", "fmr": 1e-4}, TEST, looked, STATED)
    cells = plan_cells(policy, ToolClass.ANONYMISE, JUDGES, modality=Modality.FACE)
    of = {control.id: [cell for cell in cells if cell.control == control.id] for control in policy.controls}
    estimates = [figure(cell, 0.0, 1e-3, people=70) for cell in of["T"]]
    estimates += [figure(cell, 0.0, 1e-4, people=50) for cell in of["STRICT"]]
    made = AssessmentResult(assessment="identity_leak", modality=Modality.FACE, estimates=tuple(estimates))
    decision = decided(policy, results=(made,))
    found = {one.control: one for one in forecast(policy, decision, Basis((made,), 70))}
    assert {name: one.people for name, one in found.items()} == {"T": 70, "STRICT": 50, "M": 0}
    assert found["M"].statement.startswith("not foreseen")


def test_the_baseline_stands_as_it_stood() -> None:
    """Its bytes are what seals of earlier runs name."""
    loaded = load_policy("baseline")
    assert loaded.digest == "9a7c27cd1eaadc58c6da3c610a5929b86601fddc2f09da62bda69ca9fc76d72c"
    assert all(c.kind is ControlKind.TEST and not c.basis and len(c.roles) == 2 for c in loaded.policy.controls)


def test_a_record_without_a_source_file_has_a_schema() -> None:
    made = create_model("Made", __base__=Record, limit=(float, ...))
    assert made.model_json_schema()["properties"]["limit"] == {"title": "Limit", "type": "number"}

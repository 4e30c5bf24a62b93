"""The shipped policies: whole in two languages, quoted word for word, of figures that exist, and each can be lost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
from measured import DETECTOR, JUDGES, cards, dataset, measured, results_of

from visavox.core.digest import sha256_bytes
from visavox.core.report import AttestationCard, Cell, ControlDecision, Decision
from visavox.core.terms import (
    AttestationVerdict,
    CacSection,
    Claim,
    ControlKind,
    DutyRole,
    Modality,
    Obligation,
    Severity,
    ToolClass,
    Verdict,
    Verified,
)
from visavox.policy.judge import Facts, judge, plan_cells
from visavox.policy.load import load_policy, names, parse_policy, rules_digest
from visavox.policy.records import Control, Duties, Policy

PACKS = ("cn-deep-synthesis", "eu-ai-act-50")
TOOLS = (ToolClass.ANONYMISE, ToolClass.SWAP, ToolClass.ATTRIBUTE, ToolClass.MORPH)
QUOTED = Path(__file__).parents[1] / "golden" / "quotations.sha256"
"""Digests of the passages, each compared with the text that was read when it was put in."""
CLAIMS = tuple(Claim)


@cache
def pack(name: str) -> Policy:
    return load_policy(name).policy


def everyone(text: str) -> list[Control]:
    return list(pack(text).controls)


# ---------------------------------------------------------------- what they say
def test_three_policies_are_shipped() -> None:
    assert names() == ["baseline", *PACKS]


@pytest.mark.parametrize("name", PACKS)
def test_titles_and_statements_are_in_both_languages(name: str) -> None:
    policy = pack(name)
    texts = [policy.title, *policy.not_measured, *(c.title for c in policy.controls)]
    texts += [c.statement for c in policy.controls if c.statement is not None]
    assert all(text.en.isascii() and any("\u4e00" <= sign <= "\u9fff" for sign in text.zh) for text in texts)
    assert policy.jurisdiction and policy.version and policy.min_judge_families == 2 and policy.require_consent


@pytest.mark.parametrize("name", PACKS)
def test_a_control_without_a_rule_says_that_it_is_the_project_s(name: str) -> None:
    for control in everyone(name):
        assert bool(control.basis) is (control.obligation is not Obligation.PROJECT_DEFAULT), control.id
        for basis in pack(name).basis(control):
            assert basis.instrument and basis.article and basis.read_on == "2026-11-21"
            assert (basis.verified is Verified.PRIMARY) is bool(basis.quotation), control.id


@pytest.mark.parametrize("name", PACKS)
def test_what_was_not_read_at_its_source_never_fails(name: str) -> None:
    for control in everyone(name):
        found = pack(name).basis(control)
        if found and not any(basis.verified is Verified.PRIMARY for basis in found):
            assert control.severity is not Severity.FAIL, control.id


def test_quotations_are_those_that_were_compared_with_the_texts() -> None:
    known = set(QUOTED.read_text().split())
    found = {c.quotation for name in PACKS for control in everyone(name) for c in control.basis if c.quotation}
    assert {sha256_bytes(quotation.encode()) for quotation in found} == known


@pytest.mark.parametrize("name", PACKS)
def test_no_limit_pretends_to_be_law(name: str) -> None:
    """No text that these packs cite sets a number for any of these figures; each limit says so in words."""
    for control in everyone(name):
        if control.limit is not None:
            assert control.limit.set_by is Obligation.PROJECT_DEFAULT
            assert "project default" in control.limit.source or "a line to read the figure by" in control.limit.source


def test_chinese_headings_cover_risks_of_every_gated_control() -> None:
    for control in everyone("cn-deep-synthesis"):
        assert control.cac_sections, control.id
        assert control.cac_risks or control.metric == "non_edited_share", control.id
    labels = [c.id for c in everyone("cn-deep-synthesis") if CacSection.LABELS in c.cac_sections]
    assert {"CN-LM-4-IMG", "CN-LM-4-AUD", "CN-LM-5-META"} <= set(labels)


# ---------------------------------------------------------------- every figure exists
@pytest.mark.parametrize("name", [*PACKS, "baseline"])
def test_every_figure_that_a_control_asks_for_is_one_that_an_assessment_makes(name: str) -> None:
    """A misspelt one would be INCONCLUSIVE for ever."""
    made = measured()
    asked = {(c.assessment, c.metric) for c in everyone(name) if c.is_tested}
    assert not {(of, metric) for of, metric in asked if metric not in made.get(of, ())}
    assert set(pack(name).requires) <= set(made)


# ---------------------------------------------------------------- every control can pass and can be lost
def planned(
    policy: Policy,
    tool: ToolClass,
    modality: Modality,
    duties: Duties = Duties(),  # noqa: B008 - immutable
) -> tuple[Cell, ...]:
    return plan_cells(policy, tool, JUDGES, CLAIMS, modality=modality, detectors=[DETECTOR], duties=duties)


def attested(policy: Policy, verdict: AttestationVerdict = AttestationVerdict.ATTESTED) -> tuple[AttestationCard, ...]:
    return tuple(
        AttestationCard(id=c.id, verdict=verdict, owner="Acme", date="2026-11-01", expires="2027-11-01", reason="why")
        for c in policy.controls
        if c.is_attested
    )


def decide(
    policy: Policy,
    tool: ToolClass,
    modality: Modality = Modality.FACE,
    *,
    bad: Sequence[str] = (),
    duties: Duties = Duties(),  # noqa: B008 - immutable
    statements: tuple[AttestationCard, ...] | None = None,
    consent: str = "granted",
) -> Decision:
    cells = planned(policy, tool, modality, duties)
    stated = attested(policy) if statements is None else statements
    results = results_of(policy, cells, bad)
    return judge(policy, cells, Facts(tool, results, cards(), dataset(consent), False, duties, stated))


def of(decision: Decision, control: str) -> ControlDecision:
    return next(one for one in decision.controls if one.id == control)


def worlds() -> Iterator[tuple[str, ToolClass, Modality]]:
    for name in PACKS:
        for tool in TOOLS:
            yield from ((name, tool, modality) for modality in (Modality.FACE, Modality.VOICE))


@pytest.mark.parametrize(("name", "tool", "modality"), list(worlds()))
def test_a_tool_that_does_all_passes_and_each_gated_control_can_be_lost(
    name: str, tool: ToolClass, modality: Modality
) -> None:
    policy = pack(name)
    clean = decide(policy, tool, modality)
    assert clean.verdict is Verdict.PASS, clean.reasons
    assert all(control.verdict is Verdict.PASS for control in clean.controls)
    by_id = {control.id: control for control in policy.controls}
    for control in clean.controls:
        if control.kind is ControlKind.ATTESTATION:
            continue
        lost = decide(policy, tool, modality, bad=[control.id])
        wanted = Verdict.FAIL if by_id[control.id].can_fail else Verdict.INCONCLUSIVE
        if control.severity is Severity.FAIL:
            assert (of(lost, control.id).verdict, lost.verdict) == (wanted, wanted), control.id
        else:
            assert of(lost, control.id).verdict is not Verdict.PASS, control.id
            same_metric = [c for c in by_id.values() if c.metric == by_id[control.id].metric and c.fmr is None]
            if all(c.severity is not Severity.FAIL for c in same_metric):
                assert lost.verdict is Verdict.PASS, control.id


@pytest.mark.parametrize("name", PACKS)
def test_every_gated_test_of_a_pack_binds_some_tool(name: str) -> None:
    bound = {control.id for of_name, tool, modality in worlds() if of_name == name
             for control in decide(pack(name), tool, modality).controls}  # fmt: skip
    assert bound == {control.id for control in everyone(name)}


@pytest.mark.parametrize("name", PACKS)
def test_one_judge_family_or_unstated_consent_is_no_pass(name: str) -> None:
    policy = pack(name)
    assert "the policy requires consent" in " ".join(decide(policy, ToolClass.SWAP, consent="unstated").reasons)
    cells = planned(policy, ToolClass.SWAP, Modality.FACE)
    twins = tuple(card.model_copy(update={"families": ("one",)}) for card in cards())
    facts = Facts(ToolClass.SWAP, results_of(policy, cells), twins, dataset(), False, Duties(), attested(policy))
    decision = judge(policy, cells, facts)
    assert decision.verdict is Verdict.INCONCLUSIVE and "1 judge families" in " ".join(decision.reasons)


def test_one_file_whose_label_breaks_a_rule_bars_a_pass_whatever_the_bound() -> None:
    policy = pack("cn-deep-synthesis")
    cells = planned(policy, ToolClass.SWAP, Modality.FACE)
    results = tuple(
        result.model_copy(
            update={
                "estimates": tuple(
                    e.model_copy(update={"value": 0.996}) if e.name == "aigc_label_compliant_share" else e
                    for e in result.estimates
                )
            }
        )
        for result in results_of(policy, cells)
    )
    facts = Facts(ToolClass.SWAP, results, cards(), dataset(), False, Duties(), attested(policy))
    found = of(judge(policy, cells, facts), "CN-LM-5-META")
    assert found.verdict is Verdict.INCONCLUSIVE and "0.40 % of them miss it" in found.reason


# ---------------------------------------------------------------- whom they bind
def bound(duties: Duties, tool: ToolClass = ToolClass.SWAP) -> set[str]:
    return {control.id for control in decide(pack("cn-deep-synthesis"), tool, duties=duties).controls}


def test_what_is_unsaid_binds() -> None:
    unsaid = bound(Duties())
    provider = bound(Duties(DutyRole.PROVIDER))
    supporter = bound(Duties(DutyRole.TECHNICAL_SUPPORTER))
    assert unsaid == provider | supporter == provider
    assert {"CN-LM-5-META", "CN-DSP-9-REALNAME", "CN-DSP-20-ASSESSMENT"} <= provider - supporter
    assert {"CN-DSP-14.2-PROMPT", "CN-DSP-19-FILE", "CN-DSP-15-HOST"} <= supporter
    without = bound(Duties(public_opinion_attribute=False))
    assert unsaid - without == {"CN-DSP-19-FILE", "CN-DSP-20-ASSESSMENT"}
    assert bound(Duties(public_opinion_attribute=True)) == unsaid


# ---------------------------------------------------------------- statements
@pytest.mark.parametrize("name", PACKS)
@pytest.mark.parametrize("verdict", [v for v in AttestationVerdict if v is not AttestationVerdict.ATTESTED])
def test_a_statement_that_does_not_stand_is_no_pass_and_no_fail(name: str, verdict: AttestationVerdict) -> None:
    policy = pack(name)
    decision = decide(policy, ToolClass.SWAP, statements=attested(policy, verdict))
    assert decision.verdict is Verdict.INCONCLUSIVE
    for control in decision.controls:
        if control.kind is ControlKind.ATTESTATION:
            assert control.verdict is Verdict.INCONCLUSIVE and verdict.value.replace("_", " ") in control.reason
            assert not control.cells and control.limit is None


def test_without_any_statement_each_says_that_it_is_missing() -> None:
    decision = decide(pack("cn-deep-synthesis"), ToolClass.SWAP, statements=())
    missing = [c for c in decision.controls if c.kind is ControlKind.ATTESTATION]
    assert len(missing) == 17 and all(c.attestations[0].verdict is AttestationVerdict.MISSING for c in missing)
    told = " ".join(decision.reasons)
    assert all(c.id in told for c in missing if c.severity is Severity.FAIL)


def test_what_is_attested_says_that_it_was_not_tested() -> None:
    found = of(decide(pack("cn-deep-synthesis"), ToolClass.SWAP), "CN-DSP-9-REALNAME")
    assert found.verdict is Verdict.PASS and found.kind is ControlKind.ATTESTATION
    assert found.reason.endswith("not tested") and "Acme" in found.reason


def test_rules_are_the_same_in_other_words_and_others_with_another_limit() -> None:
    text = load_policy("baseline").text
    first, commented, loosened = (
        rules_digest(parse_policy(one, what="it").policy)
        for one in (text, f"# another comment\n{text}", text.replace("value: 0.07", "value: 0.08", 1))
    )
    assert first == commented != loosened


def test_rules_under_another_name_or_in_another_order_are_the_same_rules() -> None:
    policy = pack("baseline")
    renamed = [one.model_copy(update={"id": f"x-{one.id}", "title": policy.title}) for one in policy.controls]
    other = policy.model_copy(update={"id": "mine", "version": "9", "controls": tuple(reversed(renamed))})
    fewer = policy.model_copy(update={"controls": policy.controls[1:]})
    assert rules_digest(other) == rules_digest(policy) != rules_digest(fewer)

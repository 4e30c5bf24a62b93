"""A control that rests on perturbations names them: a pack so mild that it leaves everything decides nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from measured import cards, dataset, figure
from pydantic import ValidationError

from visavox.core.config import read_yaml
from visavox.core.figures import AppliedPack, AssessmentResult
from visavox.core.report import CellDecision
from visavox.core.terms import Modality, Severity, ToolClass, Verdict
from visavox.policy.judge import Facts, judge, plan_cells
from visavox.policy.load import load_policy
from visavox.policy.records import Control, Policy
from visavox.ports.perturbation import Pack, load_pack

POLICY = """
id: after-chains
version: "1"
title: {{en: A layer is left}}
status: draft
face: {{fmr: 1.0e-2, competence: {{fmr: 1.0e-2, max_fnmr: 0.5}}}}
voice: {{fmr: 1.0e-2, competence: {{fmr: 1.0e-2, max_fnmr: 0.5}}}}
requires: [detectability]
controls:
  - id: LEFT
    title: {{en: A layer is left after chains}}
    assessment: detectability
    metric: one_layer_alive_after_chains_share
    per_judge: false
    tool_classes: [anonymise]
    limit: {{op: ">=", value: 0.9, on: lower}}
    packs: [{{{where}name: social-media, version: "1", digest: {digest}}}]
"""
METRIC = "one_layer_alive_after_chains_share"


@pytest.fixture(scope="module")
def shipped() -> Pack:
    return load_pack("social-media")


def decided(packs: tuple[Pack, ...], share: float, *, where: str = "", of: Modality = Modality.FACE) -> CellDecision:
    """The cell of a run whose media went through these packs, and of which that share bears a layer after them."""
    digest = load_pack("social-media").digest
    policy = Policy.model_validate(read_yaml(POLICY.format(digest=digest, where=where), what="the policy"))
    (cell,) = plan_cells(policy, ToolClass.ANONYMISE, ["judge"], modality=of)
    applied = tuple(AppliedPack(name=one.name, version=one.version, digest=one.digest) for one in packs)
    result = AssessmentResult(
        assessment="detectability", modality=of, estimates=(figure(cell, share, None),), packs=applied
    )
    decision = judge(policy, (cell,), Facts(ToolClass.ANONYMISE, (result,), cards(), dataset(), False))
    return decision.controls[0].cells[0]


def own(folder: Path, name: str) -> Pack:
    """A pack that leaves everything."""
    folder.mkdir(exist_ok=True)
    text = "summary: mild\nchains: [{name: feed, steps: [{operation: jpeg, strength: 99}], source: test}]\n"
    (folder / f"{name}.yaml").write_text(f"name: {name}\nversion: 1\n{text}")
    return load_pack(str(folder / f"{name}.yaml"))


@pytest.mark.parametrize(("share", "verdict"), [(1.0, Verdict.PASS), (0.0, Verdict.FAIL)])
def test_the_pack_that_is_asked_for_decides(shipped: Pack, share: float, verdict: Verdict, tmp_path: Path) -> None:
    assert decided((shipped,), share).verdict is verdict
    assert decided((own(tmp_path, "mild"), shipped), share).verdict is verdict  # another beside it harms nobody


@pytest.mark.parametrize("share", [1.0, 0.0])
@pytest.mark.parametrize("name", ["mild", "social-media"])
def test_a_mild_pack_of_ones_own_decides_nothing_whatever_its_name(name: str, share: float, tmp_path: Path) -> None:
    found = decided((own(tmp_path, name),), share)
    assert found.verdict is Verdict.INCONCLUSIVE and found.value == share
    assert "asked after the pack social-media 1 (02753cf6dbfc), and " in found.reason
    assert ("its social-media is another" in found.reason) is (name == "social-media")


def test_no_pack_at_all_decides_nothing() -> None:
    assert "the run did not apply it" in decided((), 1.0).reason


def test_a_pack_may_be_asked_of_one_kind_of_media(tmp_path: Path) -> None:
    where, mild = "modality: face, ", own(tmp_path, "mild")
    assert decided((mild,), 1.0, where=where).verdict is Verdict.INCONCLUSIVE
    assert decided((mild,), 1.0, where=where, of=Modality.VOICE).verdict is Verdict.PASS


@pytest.mark.parametrize("policy", ["cn-deep-synthesis", "eu-ai-act-50", "baseline"])
def test_shipped_policies_name_the_shipped_packs_wherever_they_rest_on_chains(policy: str) -> None:
    for control in load_policy(policy).policy.controls:
        assert bool(control.packs) is (control.metric == METRIC), control.id
        for pack in control.packs:
            current = load_pack(pack.name)
            assert (pack.version, pack.digest) == (current.version, current.digest), control.id
            assert pack.modality is not None and any(one.strength is None for one in current.of(pack.modality))
        if control.packs:
            assert {pack.modality for pack in control.packs} == set(control.modalities) - {Modality.VIDEO}


def test_only_figures_of_detectability_rest_on_packs() -> None:
    words = {
        "id": "X", "title": {"en": "x"}, "assessment": "ledger", "metric": "non_edited_share",
        "tool_classes": ["anonymise"], "limit": {"op": "<=", "value": 0.05}, "severity": Severity.FAIL,
        "packs": [{"name": "social-media", "version": "1", "digest": "0" * 64}],
    }  # fmt: skip
    with pytest.raises(ValidationError, match="packs are of figures of detectability"):
        Control.model_validate(words)

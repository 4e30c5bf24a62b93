"""Detectability by the main job: an editor marks a known share of its outputs, and a detector sees the mark."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import checkers
import numpy as np
import pyarrow.parquet as pq
import pytest
from pretend import PYTHON

from visavox import load_suite, run
from visavox.core.figures import AssessmentResult, Estimate, ResultTable
from visavox.core.report import Report
from visavox.core.terms import Direction, InstrumentState, Verdict
from visavox.media.image import encode_png

ENTRY = Path(checkers.__file__)
POLICY = """
id: detectable
version: "1"
title: {en: Detectable}
status: draft
face: {fmr: 1.0e-2, competence: {fmr: 1.0e-2, max_fnmr: 0.5}}
voice: {fmr: 1.0e-2, competence: {fmr: 1.0e-2, max_fnmr: 0.5}}
requires: [detectability]
controls:
  - id: FOUND
    title: {en: Outputs are found}
    assessment: detectability
    metric: tpr
    tool_classes: [anonymise]
    limit: {op: ">=", value: 0.8, on: lower}
"""
EXTRA = """detectors: {detectors}
execution: {{overlap: false, retention: all}}
"""


@pytest.fixture(scope="module", autouse=True)
def _detector() -> None:
    checkers.register()


@pytest.fixture
def go(pixels_suite: Callable[..., Path], register_folder: Path, tmp_path: Path) -> Callable[..., Report]:
    """Runs the marking editor on 64 pretend people."""
    rows = ["path,subject_id,modality"]
    for person, image in itertools.product(range(checkers.N_PEOPLE), range(4)):
        file = tmp_path / f"{person}-{image}.png"
        file.write_bytes(encode_png(checkers.picture(person, image)))
        rows.append(f"{file.name},person {person},face")
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("\n".join(rows) + "\n")
    pack = tmp_path / "mild.yaml"
    pack.write_text(
        "name: mild\nversion: 1\nsummary: blur and two chains\n"
        "ladders: [{name: blur, operation: blur, strengths: [0.3, 2], source: test}]\n"
        "chains:\n"
        "  - {name: kept, steps: [{operation: brightness, strength: 0.95}], source: test}\n"
        "  - {name: lost, steps: [{operation: blur, strength: 2}], source: test}\n"
    )

    def start(
        share: float,
        *,
        limit: float = 0.8,
        metric: str = "tpr",
        detectors: str = "[checkers]",
        name: str = "run",
        **params: Any,
    ) -> Report:
        policy = tmp_path / f"{name}-policy.yaml"
        policy.write_text(POLICY)
        editor = PYTHON.format(entry=f"{ENTRY}:load", params=json.dumps({"share": share, **params}))
        file = pixels_suite(manifest, editor, extra=EXTRA.format(detectors=detectors))
        text = file.read_text().replace("policy: baseline", f"policy: {policy}")
        text = text.replace(
            "identity_leak: {}",
            f"identity_leak: {{attackers: [ignorant]}}, detectability: {{perturbations: {pack}, most_perturbed: 192}}",
        )
        file.write_text(text)
        return run(load_suite(file), tmp_path / "run")

    return start


def result_of(report: Report) -> AssessmentResult:
    return next(result for result in report.results if result.assessment == "detectability")


def estimate(report: Report, name: str) -> Estimate:
    return next(one for one in result_of(report).estimates if one.name == name and one.group is None)


def table(report: Report, name: str) -> ResultTable:
    return next(one for one in result_of(report).tables if one.name == name)


def test_what_is_marked_is_found_by_strangers_models_and_what_kills_the_mark_is_named(
    go: Callable[..., Report], tmp_path: Path
) -> None:
    report = go(1.0)
    assert estimate(report, "tpr").value == 1.0
    assert estimate(report, "tpr").direction is Direction.HIGHER_IS_SAFER
    assert estimate(report, "apcer").value == 0.0
    assert estimate(report, "detector_auc").value == 1.0
    assert estimate(report, "realised_fpr").value < 0.12  # asked for 5 %, each threshold from some 84 pictures

    # Each model was fitted to a third of the people, and has met none of those whom it scored.
    uses = checkers.BUILT[-1].uses
    assert len(uses) == 3
    for use in uses:
        assert 15 <= len(use.fitted) <= 28 and len(use.scored) >= 30
        assert not use.fitted & use.scored
    assert set().union(*(use.scored for use in uses)) == set(range(64))
    rows = pq.read_table(tmp_path / "run" / "detection" / "people" / "part-0000.parquet").to_pylist()
    for turn in range(3):
        parts = [
            {r["person"] for r in rows if r["rotation"] == turn and r["part"] == p}
            for p in ("fitted", "calibrated", "judged")
        ]
        assert not parts[0] & parts[1] and not parts[0] & parts[2] and not parts[1] & parts[2]
        assert set().union(*parts) == set(range(64))
    assert [row[-1] for row in table(report, "folds_checkers").rows] == [0, 0, 0]

    # After what keeps the pattern it is still seen, after a blur it is not, at whatever threshold.
    after = {row[0]: row[1:] for row in table(report, "perturbed_checkers").rows}
    assert after["kept"][0] == 1.0 and after["blur/0.3"][0] == 1.0
    assert after["lost"][0] < 0.2 and after["lost"][3] < 0.2
    curve = result_of(report).survivals[0]
    assert [point.strength for point in curve.points] == [0.0, 0.3, 2.0]
    assert [point.tpr for point in curve.points][:2] == [1.0, 1.0] and curve.points[2].tpr < 0.2
    assert estimate(report, "one_layer_alive_share").value == 1.0
    assert estimate(report, "one_layer_alive_after_chains_share").value < 0.2
    assert [(pack.name, pack.version) for pack in result_of(report).packs] == [("mild", "1")]

    assert {item.state for item in result_of(report).instruments} == {InstrumentState.GREEN}
    control = report.decision.controls[0]
    assert control.cells[0].cell.recogniser == "checkers"
    assert control.verdict is Verdict.PASS, control.reason
    assert report.decision.verdict is Verdict.INCONCLUSIVE  # no judge was asked: a PASS of detectors says too little
    assert report.detectors[0].learns

    # A run that lost its report goes on where it was and ends the same, without a score made anew.
    (tmp_path / "run" / "report.json").unlink()
    assert go(1.0).results == report.results
    assert not any(use.scored for use in checkers.BUILT[-1].uses)


@pytest.mark.parametrize(("share", "verdict"), [(0.5, Verdict.FAIL), (0.0, Verdict.FAIL), (0.82, Verdict.INCONCLUSIVE)])
def test_a_known_share_is_found_and_judged(
    go: Callable[..., Report], share: float, verdict: Verdict, tmp_path: Path
) -> None:
    report = go(share)
    found = estimate(report, "tpr")
    cases = json.loads((tmp_path / "run" / "plan.json").read_text())["cases"]
    marked = float(np.mean([checkers.is_marked(case["id"], share) for case in cases]))
    false = estimate(report, "realised_fpr").value
    assert found.value == pytest.approx(marked + (1 - marked) * false, abs=0.03)
    assert report.decision.controls[0].verdict is verdict
    if share == 0.0:
        assert estimate(report, "detector_auc").value == 0.5 and found.upper < 0.1
    else:
        assert found.low <= marked + (1 - marked) * 0.05 <= found.high


def test_a_watermark_is_followed_without_detectors_and_detectors_are_missed(go: Callable[..., Report]) -> None:
    """A policy that asks for detection is not met by a suite without a detector: nothing passes that did not run."""
    report = go(1.0, detectors="[]\nwatermark: {kind: chequers, threshold: 1.5}")
    control = report.decision.controls[0]
    assert control.verdict is Verdict.INCONCLUSIVE and "no estimate was made" in control.reason
    assert not {"tpr", "detector_auc"} & {one.name for one in result_of(report).estimates}
    assert any("no passive detector was asked" in line for line in report.limitations)

    layers = {row[0]: row[1] for row in table(report, "layers").rows}
    assert layers == {"as they are": 1.0, "blur/0.3": 1.0, "blur/2": 0.0, "kept": 1.0, "lost": 0.0}
    alarms = {row[0]: row[2:4] for row in table(report, "marks_in_bona_fide").rows}
    assert alarms == {name: (192, 0.0) for name in ("blur/0.3", "blur/2", "kept", "lost")}
    assert estimate(report, "one_layer_alive_share").value == 1.0
    assert estimate(report, "one_layer_alive_after_chains_share").value == 0.0


def test_a_detector_that_may_have_read_the_format_passes_nothing(go: Callable[..., Report]) -> None:
    """A pattern that reaches the border is taken for a format: that is said, and no PASS stands on it."""
    report = go(1.0, to_the_border=True)
    cues = next(item for item in result_of(report).instruments if item.name == "format_cues")
    control = report.decision.controls[0]
    assert cues.state is InstrumentState.RED and cues.recogniser == "checkers"
    assert control.verdict is Verdict.INCONCLUSIVE and "format_cues" in control.reason

"""A small report of a swap, as a finished run leaves it, and the folder around it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from visavox.core.figures import AssessmentResult, CaseLedger, Estimate, NotMade, OperatingPoint
from visavox.core.records import Digest
from visavox.core.report import (
    Cell,
    CellDecision,
    Clock,
    ControlDecision,
    DatasetSummary,
    Decision,
    Environment,
    JudgeCard,
    Limit,
    PolicySummary,
    Report,
    Subject,
)
from visavox.core.terms import Attacker, Direction, Modality, Operation, Severity, Support, ToolClass, Verdict
from visavox.reporting.schema import report_bytes

SOMEBODY = "Zebedee Quux"
RUN_ID = "5e" * 16
DATASET = "d8" * 32


def point(fmr: float, kind: str = "original-edited", recogniser: str = "dlib") -> OperatingPoint:
    return OperatingPoint(
        recogniser=recogniser,
        kind=kind,
        target_fmr=fmr,
        threshold=0.3,
        n_non_mated=9000,
        n_people=60,
        fmr=fmr,
        fmr_low=0.0,
        fmr_high=2 * fmr,
        support=Support.FULL,
    )


def estimate(name: str, value: float, **more: Any) -> Estimate:
    """An estimate with an interval of ten per cent to both sides."""
    values: dict[str, Any] = {
        "low": value - 0.1,
        "high": value + 0.1,
        "lower": value - 0.08,
        "upper": value + 0.08,
        "method": "by hand",
        "n": 120,
        "n_eff": 60.0,
        "n_subjects": 30,
        "recogniser": "dlib",
    }
    return Estimate(name=name, value=value, **(values | more))


ESTIMATES = (
    estimate("subject_match_rate", 0.25, attacker=Attacker.IGNORANT, operating_point=point(1e-3)),
    estimate("subject_match_rate", 0.5, attacker=Attacker.LAZY_INFORMED, operating_point=point(1e-3)),
    estimate("subject_match_rate", 0.625, attacker=Attacker.LAZY_INFORMED, operating_point=point(2.5e-4)),
    estimate(
        "subject_match_rate",
        0.375,
        recogniser="mobileface",
        attacker=Attacker.LAZY_INFORMED,
        operating_point=point(1e-3),
    ),
    estimate("map_r1_c2", 0.75, group="sex=女 [a/b]", operating_point=point(1e-3)),
    estimate("stays_rate", 0.875, recogniser="r.low", direction=Direction.HIGHER_IS_SAFER),
    estimate("eer", 0.125, direction=Direction.NEITHER),
)


def _cell(number: int, verdict: Verdict, control: str = "T-SUBJECT") -> CellDecision:
    found = ESTIMATES[number]
    return CellDecision(
        cell=Cell(control=control, metric=found.name, recogniser=found.recogniser, attacker=found.attacker),
        verdict=verdict,
        value=found.value,
        bound=found.lower if control == "T-STAYS" else found.upper,
        reason="as measured",
    )


def a_report(**more: Any) -> Report:
    """FAIL of one control, PASS of another, one that was not made."""
    controls = (
        ControlDecision(
            id="T-SUBJECT",
            title="no leak",
            verdict=Verdict.FAIL,
            severity=Severity.FAIL,
            limit=Limit(op="<=", value=0.07),
            cells=(_cell(0, Verdict.INCONCLUSIVE), _cell(1, Verdict.FAIL), _cell(3, Verdict.FAIL)),
            reason="dlib, lazy_informed: as measured",
        ),
        ControlDecision(
            id="T-STAYS",
            title="stays",
            verdict=Verdict.PASS,
            severity=Severity.WARN,
            limit=Limit(op=">=", value=0.5, on="lower"),
            cells=(_cell(5, Verdict.PASS, "T-STAYS"),),
            reason="as measured",
        ),
    )
    values: dict[str, Any] = {
        "suite": Digest(sha256="a1" * 32),
        "seal": Digest(sha256="b2" * 32),
        "plan": Digest(sha256="c3" * 32),
        "decision": Decision(verdict=Verdict.FAIL, controls=controls, reasons=("T-SUBJECT: a | leak",)),
        "subject": Subject(
            name="acme-swap",
            version="2.4.0",
            kind="python",
            tool_class=ToolClass.SWAP,
            operation=Operation.FACE_SWAP,
            digest=Digest(sha256="e4" * 32),
        ),
        "judges": tuple(
            JudgeCard(
                id=name,
                name=name,
                digest="f5" * 32,
                detector="mtcnn",
                score="cosine",
                families=(name,),
                training_overlap="none",
            )
            for name in ("dlib", "mobileface")
        ),
        "results": (
            AssessmentResult(
                assessment="identity_leak",
                modality=Modality.FACE,
                estimates=ESTIMATES,
                not_made=(NotMade(name="d_sys", recogniser="dlib", reason="too few people"),),
            ),
            AssessmentResult(assessment="impersonation", modality=Modality.FACE, not_applicable="no donor"),
        ),
        "ledger": CaseLedger(attempted=120, edited=118, refused=2),
        "instruments": (),
        "dataset": DatasetSummary(
            kind="manifest",
            digest=Digest(sha256=DATASET),
            modality=Modality.FACE,
            n_subjects=40,
            n_samples=160,
            n_test_subjects=30,
            n_test_samples=120,
            consent=(("granted", 100), ("unstated", 20)),
        ),
        "policy": PolicySummary(id="baseline", digest=Digest(sha256="07" * 32)),
        "environment": Environment(visavox="0.1.0", python="3.11", platform="Linux", device="cpu"),
        "limitations": (),
        "not_made": (),
        "clock": Clock(
            run=RUN_ID,
            started="2026-03-01T10:00:00.000+00:00",
            finished="2026-03-01T10:05:00.500+00:00",
            duration_s=300.5,
        ),
    }
    return Report(**(values | more))


def finished_run(folder: Path, report: Report) -> Path:
    """The folder of a finished run, with what may be sent and what may not."""
    folder.mkdir(parents=True)
    (folder / "report.json").write_bytes(report_bytes(report))
    for name in ("report.html", "report.md", "report.xml"):
        (folder / name).write_text(f"the report as {name}")
    suite = {"name": "acme-release", "seed": 7, "dataset": {"path": f"/people/{SOMEBODY}/manifest.csv"}}
    (folder / "suite.yaml").write_text(json.dumps(suite))
    for name in ("worst.html", "people.parquet", "media/0.png", "templates/0.npy", "scores/0.parquet", "run.log"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(f"private: {SOMEBODY}")
    (folder / "charts").mkdir()
    (folder / "charts" / "identity_leak-rates-1.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    (folder / "charts" / "0.png").write_text(f"private: {SOMEBODY}")
    (folder / "charts" / "1.svg").symlink_to(folder / "worst.html")
    return folder

"""What the judge judges."""

from __future__ import annotations

from typing import NamedTuple

from visavox.core.figures import AssessmentResult
from visavox.core.report import AttestationCard, DatasetSummary, JudgeCard
from visavox.core.terms import Modality, ToolClass, Verdict

from .records import Duties

ORDER = {Verdict.FAIL: 0, Verdict.INCONCLUSIVE: 1, Verdict.PASS: 2}
"""Verdicts, the one that prevails first."""
PLURAL = {Modality.FACE: "faces", Modality.VOICE: "voices", Modality.VIDEO: "videos"}


class Facts(NamedTuple):
    """What the judge judges."""

    tool_class: ToolClass
    results: tuple[AssessmentResult, ...]
    judges: tuple[JudgeCard, ...]
    dataset: DatasetSummary
    smoke: bool
    duties: Duties = Duties()
    attestations: tuple[AttestationCard, ...] = ()

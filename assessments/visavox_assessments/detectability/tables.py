"""Tables of the assessment: detection after each perturbation, and who was in which fold."""

from __future__ import annotations

import re
from collections.abc import Sequence

from visavox.core.figures import ResultTable
from visavox.metrics.detector_points import DetectionRates
from visavox.metrics.intervals import bound_lower
from visavox.ports.assessment import AssessmentInput
from visavox.ports.detection import Detection, DetectorView

from .perturbed import After


def perturbation_table(
    data: AssessmentInput, view: DetectorView, after: Sequence[After], target: float
) -> list[ResultTable]:
    """TPR and realised FPR at the frozen threshold and TPR at a re-calibrated one, by perturbation."""
    if len(after) < 2:
        return []
    rows: list[tuple[str | int | float | None, ...]] = []
    for one in after:
        frozen, again = one.frozen, one.recalibrated
        cells: list[float | None] = [None, None, None]
        if isinstance(frozen, DetectionRates):
            cells = [frozen.tpr.p, bound_lower(frozen.tpr.basis, data.alpha), frozen.fpr.p]
        rows.append((one.name, *cells, again.tpr.p if isinstance(again, DetectionRates) else None))
    reasons = {one.recalibrated for one in after if isinstance(one.recalibrated, str)}
    return [
        ResultTable(
            name=_anchor("perturbed", view.id),
            title=f"{view.id} after each perturbation, thresholds set for an FPR of {target:.0%}",
            columns=("after", "TPR frozen", "at least", "FPR realised", "TPR re-calibrated"),
            rows=tuple(rows),
            shares=(1, 2, 3, 4),
            note="; ".join(["at least: one-sided bound of TPR frozen", *(f"none: {why}" for why in sorted(reasons))]),
        )
    ]


def rotation_table(found: Detection, view: DetectorView) -> ResultTable:
    """How many people each fold's detector was fitted to, calibrated on and judged by, and who was in two of these."""
    rows = []
    for number, turn in enumerate(view.rotations, start=1):
        shared = (turn.fitted & turn.calibrated) | (turn.fitted & turn.judged) | (turn.calibrated & turn.judged)
        rows.append((number, len(turn.fitted), len(turn.calibrated), len(turn.judged), len(shared)))
    return ResultTable(
        name=_anchor("folds", view.id),
        title=f"People behind {view.id}, counted from the media used",
        columns=("fold", "fitted", "threshold", "judged", "in two of these"),
        rows=tuple(rows),
    )


def _anchor(what: str, detector: str) -> str:
    return f"{what}_{re.sub('[^a-z0-9_]', '_', detector.lower())}"

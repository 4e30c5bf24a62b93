"""What is left of detection after media went through the internet: ladders of one operation, and chains.

Positives and negatives get the same perturbation. *Frozen* thresholds are those of clean bona fide media, as a deployed
detector's; the FPR that they became stands beside the TPR. *Re-calibrated* ones come from bona fide media that went the
same way (STATISTICS 5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import Survival, SurvivalPoint
from visavox.metrics.detector_points import DetectionRates, detection_rates
from visavox.metrics.intervals import bound_lower, bound_upper
from visavox.metrics.survival import Crossing, Reach, SurvivalCurve, survival_curve
from visavox.ports.assessment import AssessmentInput
from visavox.ports.detection import CLEAN, Detection, DetectorView
from visavox.ports.perturbation import Perturbation

from .folds import folds, followed


class After(NamedTuple):
    """One detector after one perturbation, or on the same media as they are.

    Attributes:
        row: of the scores; CLEAN for media as they are.
        frozen, recalibrated: rates at either threshold, or why there are none.
    """

    row: int
    name: str
    frozen: DetectionRates | str
    recalibrated: DetectionRates | str


def after_each(data: AssessmentInput, found: Detection, view: DetectorView, target: float) -> list[After]:
    """The detector on the media that went through perturbations, as they are first, then after each."""
    names = ["as they are", *(one.name for one in found.perturbations)]
    return [
        After(row, name, _rates(data, found, view, row, CLEAN, target), _rates(data, found, view, row, row, target))
        for row, name in enumerate(names)
    ]


def _rates(
    data: AssessmentInput, found: Detection, view: DetectorView, row: int, calibrated_on: int, target: float
) -> DetectionRates | str:
    try:
        parts = folds(data, found, view, followed(found), row=row, calibrated_on=calibrated_on)
        return detection_rates(parts, target)
    except UndefinedMetricError as error:
        return error.found or error.asked


def survivals(
    data: AssessmentInput, found: Detection, view: DetectorView, after: Sequence[After], target: float
) -> Iterator[Survival]:
    """A curve for every ladder of more than one rung on which the frozen detector has rates."""
    limit = data.options.crossing
    rungs = [(one, after[1 + n]) for n, one in enumerate(found.perturbations) if one.strength is not None]
    for ladder, group in groupby(rungs, key=lambda pair: pair[0].ladder):
        steps = list(group)
        if len(steps) < 2 or any(isinstance(rates.frozen, str) for _, rates in steps):
            continue
        yield _survival(data, view, ladder, steps, after[CLEAN], limit, target)


def _survival(
    data: AssessmentInput,
    view: DetectorView,
    ladder: str,
    steps: Sequence[tuple[Perturbation, After]],
    clean: After,
    limit: float,
    target: float,
) -> Survival:
    first = steps[0][0]
    places = [(float(one.strength or 0.0), rates) for one, rates in steps]
    if first.neutral is not None and first.neutral != first.strength:
        places.insert(0, (first.neutral, clean))
    frozen = [rates.frozen for _, rates in places if isinstance(rates.frozen, DetectionRates)]
    curve = survival_curve([place for place, _ in places], [one.tpr for one in frozen], limit, alpha=data.alpha)
    return Survival(
        detector=view.id,
        ladder=ladder,
        unit=first.steps[0].found().strength,
        target_fpr=target,
        limit=limit,
        points=tuple(_point(data, place, rates) for place, rates in places),
        crossing=_words(curve),
        area=curve.area,
    )


def _point(data: AssessmentInput, strength: float, rates: After) -> SurvivalPoint:
    frozen, again = rates.frozen, rates.recalibrated
    assert isinstance(frozen, DetectionRates)
    return SurvivalPoint(
        strength=strength,
        tpr=frozen.tpr.p,
        lower=bound_lower(frozen.tpr.basis, data.alpha),
        upper=bound_upper(frozen.tpr.basis, data.alpha),
        realised_fpr=frozen.fpr.p,
        tpr_recalibrated=None if isinstance(again, str) else again.tpr.p,
    )


def _words(curve: SurvivalCurve) -> str:
    def place(crossing: Crossing) -> str:
        if crossing.strength is not None:
            return f"{crossing.strength:.3g}"
        return "before the mildest" if crossing.reach is Reach.BEFORE_FIRST else "nowhere on this ladder"

    return f"{place(curve.crossing)} (earliest {place(curve.earliest)}, latest {place(curve.latest)})"

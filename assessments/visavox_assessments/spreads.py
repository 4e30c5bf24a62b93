"""How far the judges of one run are apart: shown beside the worst of them, never a figure to decide by."""

from __future__ import annotations

from collections.abc import Mapping

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import Estimate
from visavox.core.terms import Attacker
from visavox.metrics.spread import JudgeTrials, spread_interval
from visavox.ports.assessment import AssessmentInput
from visavox_assessments.estimates import displayed


def spread_estimate(
    name: str, data: AssessmentInput, judged: Mapping[str, JudgeTrials], attacker: Attacker | None = None
) -> Estimate | None:
    """The largest minus the smallest rate over judges, paired by people; None where fewer than two judged the same.

    Args:
        name: of the estimate.
        judged: decisions by recogniser id, each at the recogniser's own threshold.
        attacker: whose rate it is.
    """
    if len(judged) < 2:
        return None
    ids = list(judged)
    try:
        found = spread_interval([judged[i] for i in ids], alpha=data.alpha)
    except UndefinedMetricError:
        return None  # the rates themselves are there; a spread that cannot be made decides nothing
    interval = found.interval
    figures = ", ".join(f"{i} {figure:.6f}" for i, figure in zip(ids, found.figures, strict=True))
    return displayed(
        name,
        interval,
        recogniser="",
        method="largest minus smallest rate over judges, paired by people, delete-one-person jackknife",
        attacker=attacker,
        note=f"worst {ids[found.highest]}, best {ids[found.lowest]}; on the people all judged: {figures}",
    )

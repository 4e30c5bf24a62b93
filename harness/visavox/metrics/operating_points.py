"""Thresholds at a target FMR, and how much they rest on (STATISTICS 2)."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError
from visavox.core.terms import Support

from .arrays import finite_scores

FULL_PEOPLE, WEAK_PEOPLE, FEW_PEOPLE = 160, 40, 8
RULE_OF_30, RULE_OF_3 = 30, 3


class ThresholdResult(NamedTuple):
    """A threshold and the FMR it realises on the comparisons it was read from.

    Attributes:
        threshold: accept iff score >= threshold.
        fmr: share of the ``n`` non-mated scores >= threshold; never above the target.
        ties: no score reached the target; the threshold lies just above the largest score and ``fmr`` is 0.
        n: non-mated comparisons.
    """

    threshold: float
    fmr: float
    ties: bool
    n: int


def check_target(target_fmr: float) -> None:
    """A target FMR lies strictly between 0 and 1.

    Raises:
        UndefinedMetricError: it does not.
    """
    if not 0.0 < target_fmr < 1.0:
        raise UndefinedMetricError(
            "a threshold at a target FMR was asked for", found=f"target {target_fmr}", todo="a share in (0, 1)"
        )


def threshold_at_fmr(non_mated: npt.ArrayLike, target_fmr: float) -> ThresholdResult:
    """The smallest non-mated score whose FMR is at most the target.

    Where no score reaches the target (tied top scores, or fewer than 1 / target comparisons) the threshold is the next
    float32 above the largest score, so that a float32 score table cannot round it back onto that score.

    Args:
        non_mated: (n,) similarities.
        target_fmr: a share in (0, 1).

    >>> threshold_at_fmr([0.1, 0.2, 0.3, 0.4], 0.25)
    ThresholdResult(threshold=0.4, fmr=0.25, ties=False, n=4)
    >>> threshold_at_fmr([0.5, 0.5, 0.5, 0.5], 0.25).ties
    True

    Raises:
        UndefinedMetricError: no scores, scores that are not finite, or a target outside (0, 1).
    """
    check_target(target_fmr)
    scores = finite_scores(non_mated, "non-mated")
    n = scores.size
    allowed = allowed_matches(n, target_fmr)
    kept = np.partition(scores, n - allowed - 1)[n - allowed - 1 :]
    above = kept[kept > kept[0]]  # kept[0] is the largest score that is matched too often
    if above.size:
        return ThresholdResult(float(above.min()), above.size / n, ties=False, n=n)
    largest = float(kept.max())
    beyond = float(np.nextafter(np.float32(largest), np.float32(np.inf)))
    return ThresholdResult(beyond, 0.0, ties=True, n=n)


def allowed_matches(n: int, target_fmr: float) -> int:
    """The largest count whose share of n is at most the target, free of rounding."""
    count = math.floor(target_fmr * n)
    while (count + 1) / n <= target_fmr:
        count += 1
    while count / n > target_fmr:
        count -= 1
    return min(count, n - 1)


def support(n_people: int, n_comparisons: int, target_fmr: float) -> Support:
    """How much a threshold at the target FMR rests on.

    Full: 160 people and 30 / f comparisons. Weak: 40 and 3 / f. Few people: 8 to 39 and 3 / f. Else none. The rules of
    30 and 3 speak of independent trials (ISO/IEC 19795-1); comparisons share people, hence the people beside them.

    Args:
        n_people: people of the smallest part used.
        n_comparisons: non-mated comparisons.
        target_fmr: a share in (0, 1).

    >>> support(40, 3120, 1e-3)
    <Support.WEAK: 'weak'>

    Raises:
        UndefinedMetricError: a target outside (0, 1).
    """
    check_target(target_fmr)
    if n_people >= FULL_PEOPLE and meets_rule(RULE_OF_30, n_comparisons, target_fmr):
        return Support.FULL
    if n_people >= FEW_PEOPLE and meets_rule(RULE_OF_3, n_comparisons, target_fmr):
        return Support.WEAK if n_people >= WEAK_PEOPLE else Support.FEW_PEOPLE
    return Support.NONE


def meets_rule(events: int, n_comparisons: int, target_fmr: float) -> bool:
    """Whether the comparisons would show that many events at the target, rounding of 3 / f apart."""
    return n_comparisons * target_fmr >= events * (1 - 1e-12)

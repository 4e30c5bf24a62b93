"""Error rates of comparison scores: FMR, FNMR, FRR, FAR, failure to acquire (ISO/IEC 19795-1)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from .arrays import finite_scores, two_classes
from .operating_points import RULE_OF_3, meets_rule, threshold_at_fmr


class ErrorRates(NamedTuple):
    """FMR and FNMR at one threshold, with their counts."""

    fmr: float
    fnmr: float
    n_false_matches: int
    n_non_mated: int
    n_false_non_matches: int
    n_mated: int


class RateAtFmr(NamedTuple):
    """A rate of mated comparisons at the threshold for a target FMR.

    Attributes:
        rate: share of mated scores accepted (TPR) or rejected (FNMR).
        threshold: accept iff score >= threshold.
        fmr: realised, at most the target.
        ties: no score reached the target; the threshold lies above every non-mated score.
    """

    rate: float
    threshold: float
    fmr: float
    ties: bool


def fmr(non_mated: npt.ArrayLike, threshold: float) -> float:
    """False match rate: the share of non-mated scores >= threshold.

    >>> fmr([0.1, 0.4, 0.4, 0.9], 0.4)
    0.75

    Raises:
        UndefinedMetricError: no scores, or scores that are not finite.
    """
    scores = finite_scores(non_mated, "non-mated")
    return int(np.count_nonzero(scores >= threshold)) / scores.size


def fnmr(mated: npt.ArrayLike, threshold: float) -> float:
    """False non-match rate: the share of mated scores < threshold.

    >>> fnmr([0.1, 0.4, 0.4, 0.9], 0.4)
    0.25

    Raises:
        UndefinedMetricError: no scores, or scores that are not finite.
    """
    scores = finite_scores(mated, "mated")
    return int(np.count_nonzero(scores < threshold)) / scores.size


def error_rates(mated: npt.ArrayLike, non_mated: npt.ArrayLike, threshold: float) -> ErrorRates:
    """FMR and FNMR at one threshold; accept iff score >= threshold.

    Raises:
        UndefinedMetricError: no mated or no non-mated scores, or scores that are not finite.
    """
    positives, negatives = two_classes(mated, non_mated)
    false_matches = int(np.count_nonzero(negatives >= threshold))
    false_non_matches = int(np.count_nonzero(positives < threshold))
    return ErrorRates(
        fmr=false_matches / negatives.size,
        fnmr=false_non_matches / positives.size,
        n_false_matches=false_matches,
        n_non_mated=negatives.size,
        n_false_non_matches=false_non_matches,
        n_mated=positives.size,
    )


def fta_rate(n_failed: int, n_attempted: int) -> float:
    """Failure-to-acquire rate: samples that gave no template, of those attempted.

    Raises:
        UndefinedMetricError: nothing attempted, or more failed than attempted.
    """
    if n_attempted < 1 or not 0 <= n_failed <= n_attempted:
        raise UndefinedMetricError(
            "a failure-to-acquire rate was asked for", found=f"{n_failed} failed of {n_attempted} attempted"
        )
    return n_failed / n_attempted


def frr(fnmr_value: float, fta: float) -> float:
    """False reject rate of one attempt: FTA + (1 - FTA) FNMR.

    >>> frr(0.1, 0.2)
    0.28

    Raises:
        UndefinedMetricError: a rate outside [0, 1].
    """
    _shares(fnmr_value, fta)
    return fta + (1 - fta) * fnmr_value


def far(fmr_value: float, fta: float) -> float:
    """False accept rate of one attempt: FMR (1 - FTA).

    Raises:
        UndefinedMetricError: a rate outside [0, 1].
    """
    _shares(fmr_value, fta)
    return fmr_value * (1 - fta)


def _shares(*rates: float) -> None:
    if not all(0.0 <= rate <= 1.0 for rate in rates):
        raise UndefinedMetricError(
            "a rate of whole attempts was asked for",
            found=f"{rates}",
            todo="rates are shares in [0, 1]; percent exists in renderings alone",
        )


def tpr_at_fmr(mated: npt.ArrayLike, non_mated: npt.ArrayLike, target_fmr: float) -> RateAtFmr:
    """The share of mated scores accepted at the threshold for a target FMR (TAR@FAR, TPR@FPR).

    Raises:
        UndefinedMetricError: fewer than 3 / target non-mated scores (rule of 3), no mated scores, scores that are not
            finite, or a target outside (0, 1).
    """
    missed = fnmr_at_fmr(mated, non_mated, target_fmr)
    accepted = int(np.count_nonzero(np.asarray(mated) >= missed.threshold)) / np.asarray(mated).size
    return missed._replace(rate=accepted)


def fnmr_at_fmr(mated: npt.ArrayLike, non_mated: npt.ArrayLike, target_fmr: float) -> RateAtFmr:
    """The share of mated scores rejected at the threshold for a target FMR (FMR100, FMR1000 are those at 1e-2, 1e-3).

    Raises:
        UndefinedMetricError: fewer than 3 / target non-mated scores (rule of 3), no mated scores, scores that are not
            finite, or a target outside (0, 1).
    """
    positives, negatives = two_classes(mated, non_mated)
    point = threshold_at_fmr(negatives, target_fmr)
    if not meets_rule(RULE_OF_3, negatives.size, target_fmr):
        raise UndefinedMetricError(
            f"a rate at FMR {target_fmr:g} was asked for",
            found=f"{negatives.size} non-mated comparisons, at least {RULE_OF_3 / target_fmr:.0f} needed (rule of 3)",
            todo="add people or recordings, or ask for a larger FMR",
        )
    return RateAtFmr(fnmr(positives, point.threshold), point.threshold, point.fmr, point.ties)

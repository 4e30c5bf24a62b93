"""How sure the figures of ``disclosure`` are, and what they show where nobody's identity is linked.

The jackknife sees how minCllr and expected disclosure vary, not that PAV is fitted on the very scores: both intervals
lie on the side of less privacy, and miss the population's value more often than they say (docs/studies/evidence.md).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from .arrays import number_people, same_length, two_classes, two_people
from .disclosure import MOST_DISCLOSED_BIT, cllr_of, expected_disclosure_of, min_cllr_of
from .mean_intervals import MeanInterval
from .re_pairing import Placed, re_pairings
from .score_tables import PeopledScores, ScoreCounts, jackknife


class DisclosureNull(NamedTuple):
    """minCllr and expected disclosure where nobody's identity is linked: what PAV finds in chance.

    Attributes:
        min_cllr_mean, min_cllr_q05: mean and 5 % quantile under random re-pairings of people.
        expected_bit_mean, expected_bit_q95: the same of the expected disclosure, mean and 95 % quantile.
    """

    min_cllr_mean: float
    min_cllr_q05: float
    expected_bit_mean: float
    expected_bit_q95: float
    n_null: int


def cllr_interval(
    mated_llr: npt.ArrayLike,
    persons: npt.ArrayLike,
    non_mated_llr: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike | None,
    *,
    alpha: float = 0.05,
) -> MeanInterval:
    """Cllr with its delete-one-person jackknife, clipped at 0.

    Args:
        mated_llr: (n+,) natural-log ratios; persons: (n+,) their people.
        non_mated_llr: (n-,) natural-log ratios; first, second: (n-,) their two people; ``second`` None where a score
            has one person in either class (a detector's).
        alpha: of the one-sided bounds.

    Raises:
        UndefinedMetricError: as ``cllr``, fewer than three people, or one person who has all scores of a class.
    """
    classes = _peopled(mated_llr, persons, non_mated_llr, first, second)
    return jackknife(classes, cllr_of, alpha=alpha, maximum=math.inf)


def cllr_cal_interval(
    mated_llr: npt.ArrayLike,
    persons: npt.ArrayLike,
    non_mated_llr: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike | None,
    *,
    alpha: float = 0.05,
) -> MeanInterval:
    """Cllr - minCllr with its delete-one-person jackknife, clipped at 0; arguments as ``cllr_interval``.

    Raises:
        UndefinedMetricError: as ``cllr_interval``.
    """
    classes = _peopled(mated_llr, persons, non_mated_llr, first, second)
    return jackknife(classes, lambda c: max(0.0, cllr_of(c) - min_cllr_of(c)), alpha=alpha, maximum=math.inf)


def min_cllr_interval(
    mated: npt.ArrayLike,
    persons: npt.ArrayLike,
    non_mated: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike | None,
    *,
    alpha: float = 0.05,
) -> MeanInterval:
    """minCllr with its delete-one-person jackknife, PAV fitted anew without each person; clipped to [0, 1].

    Args:
        mated: (n+,) similarities; persons: (n+,) their people.
        non_mated: (n-,) similarities; first, second: (n-,) their two people; ``second`` None where a score has one.
        alpha: of the one-sided bounds.

    Raises:
        UndefinedMetricError: as ``min_cllr``, fewer than three people, or one person who has all scores of a class.
    """
    return jackknife(_peopled(mated, persons, non_mated, first, second), min_cllr_of, alpha=alpha)


def expected_disclosure_interval(
    mated: npt.ArrayLike,
    persons: npt.ArrayLike,
    non_mated: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike | None,
    *,
    alpha: float = 0.05,
) -> MeanInterval:
    """ZEBRA's expected disclosure with its delete-one-person jackknife, clipped to [0, 1 / ln 4]; bit.

    Arguments as ``min_cllr_interval``.

    Raises:
        UndefinedMetricError: as ``zebra``, fewer than three people, or one person who has all scores of a class.
    """
    classes = _peopled(mated, persons, non_mated, first, second)
    return jackknife(classes, expected_disclosure_of, alpha=alpha, maximum=MOST_DISCLOSED_BIT)


def _peopled(
    mated: npt.ArrayLike,
    persons: npt.ArrayLike,
    non_mated: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike | None,
) -> tuple[PeopledScores, PeopledScores]:
    positives, negatives = two_classes(mated, non_mated)
    both = (first,) if second is None else (first, second)
    return PeopledScores("mated", positives, (persons,)), PeopledScores("non-mated", negatives, both)


def disclosure_null(
    mated: npt.ArrayLike,
    persons: npt.ArrayLike,
    non_mated: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    n_null: int = 199,
    is_symmetric: bool = False,
) -> DisclosureNull:
    """minCllr and expected disclosure under random re-pairings of people (``re_pairing``), as D_sys has them.

    Args:
        mated: (n+,) similarities; persons: (n+,) their people.
        non_mated: (n-,) similarities; first: (n-,) the probe's person; second: (n-,) the reference's.
        rng: the source of the permutations.
        n_null: permutations; each costs one pass over all scores.
        is_symmetric: each pair of recordings was compared once (edited-edited): other people's pairs are found in both
            directions.

    Raises:
        UndefinedMetricError: as ``min_cllr``, fewer than three people, or re-pairings without comparisons.
    """
    positives, negatives = two_classes(mated, non_mated)
    labels = np.asarray(persons), np.asarray(first), np.asarray(second)
    same_length("mated comparisons", positives, labels[0])
    same_length("non-mated comparisons", negatives, *labels[1:])
    (owner, one, other), k = number_people(*labels)
    if k < 3 or n_null < 1:
        raise UndefinedMetricError("a permutation null was asked for", found=f"{k} people, {n_null} permutations")
    two_people(one, other, "non-mated comparisons")
    distinct, place = np.unique(np.concatenate([positives, negatives]), return_inverse=True)
    of_mated, of_non_mated = np.split(place.reshape(-1).astype(np.int64), [positives.size])
    placed = Placed(of_mated, owner, of_non_mated, one, other, distinct.size, k)
    found = []
    for drawn in re_pairings(placed, rng=rng, n_null=n_null, is_symmetric=is_symmetric):
        counts = ScoreCounts(distinct.astype(np.float64), np.stack(drawn).astype(np.int64))
        found.append((min_cllr_of(counts), expected_disclosure_of(counts)))
    if not found:
        raise UndefinedMetricError("a permutation null was asked for", found="no re-pairing has comparisons")
    costs, bits = np.array(found).T
    return DisclosureNull(
        float(costs.mean()),
        float(np.quantile(costs, 0.05)),
        float(bits.mean()),
        float(np.quantile(bits, 0.95)),
        len(found),
    )

"""D_sys, the global linkability of a system's scores, with its null and its interval; disclosed, never gated.

Gomez-Barrero, Galbally, Rathgeb, Busch, IEEE TIFS 13 (2018) 1406-1420. The histogram estimate is biased upwards: two
identical distributions of 1,000 scores give about .1, so the person-permutation null stands beside every value.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from .arrays import Floats, Ints, Scores, number_people, same_length, two_classes, two_people
from .mean_intervals import MeanInterval, jackknife_interval
from .re_pairing import Placed, re_pairings

LARGEST_BINS = 100
SCORES_PER_BIN = 10


class LinkabilityNull(NamedTuple):
    """D_sys beside what it is when nobody's identity is linked.

    Attributes:
        d_sys: of the data.
        null_mean, null_q95: mean and 95 % quantile under random re-pairings of people.
        p_value: (1 + #{null >= d_sys}) / (n_null + 1).
    """

    d_sys: float
    null_mean: float
    null_q95: float
    p_value: float
    n_null: int


class _Binned(NamedTuple):
    mated: Ints
    non_mated: Ints
    n_bins: int


def d_sys(mated: npt.ArrayLike, non_mated: npt.ArrayLike, *, omega: float = 1.0) -> float:
    """Global linkability in [0, 1]: 0 = no link can be told, 1 = every link can.

    D(s) = 2 w LR / (1 + w LR) - 1 where w LR > 1, else 0, with LR = p(s | mated) / p(s | non-mated); D_sys is its mean
    over mated scores. Densities are histograms of min(floor(n_mated / 10), 100) equal bins over the joint range,
    integrated by trapezoid at bin centres. Departure: the density falls to 0 one bin outside the range, so that the
    two outermost bins count in full and complete separation gives 1.

    Args:
        mated: (n+,) similarities, at least 20.
        non_mated: (n-,) similarities.
        omega: P(mated) / P(non-mated), > 0.

    >>> d_sys([0.9] * 50, [0.1] * 50)
    1.0

    Raises:
        UndefinedMetricError: fewer than 20 mated scores, no non-mated ones, scores that are not finite, or omega <= 0.
    """
    positives, negatives = two_classes(mated, non_mated)
    binned = _bin(positives, negatives, omega)
    return float(_from_counts(_counts(binned.mated, binned.n_bins), _counts(binned.non_mated, binned.n_bins), omega))


def _bin(positives: Scores, negatives: Scores, omega: float) -> _Binned:
    n_bins = min(positives.size // SCORES_PER_BIN, LARGEST_BINS)
    if n_bins < 2 or omega <= 0:
        raise UndefinedMetricError(
            "D_sys was asked for",
            found=f"{positives.size} mated scores, at least {2 * SCORES_PER_BIN} needed; omega {omega}, > 0 needed",
        )
    low = float(min(positives.min(), negatives.min()))
    high = float(max(positives.max(), negatives.max()))
    width = (high - low) / n_bins or 1.0

    def number(scores: Scores) -> Ints:
        return np.minimum((scores.astype(np.float64) - low) / width, n_bins - 1).astype(np.int64)

    return _Binned(number(positives), number(negatives), n_bins)


def _counts(bins: Ints, n_bins: int) -> Floats:
    return np.bincount(bins, minlength=n_bins).astype(np.float64)


def _from_counts(mated: Floats, non_mated: Floats, omega: float) -> Floats:
    """D_sys of histograms, bins on the last axis. With LR = a / b, 2 w LR / (1 + w LR) - 1 = (w a - b) / (w a + b)."""
    a = omega * mated / mated.sum(-1, keepdims=True)
    b = non_mated / non_mated.sum(-1, keepdims=True)
    both = a + b
    local = np.where(a > b, (a - b) / np.where(both > 0, both, 1.0), 0.0)
    return np.asarray((mated * local).sum(-1) / mated.sum(-1), np.float64)


def d_sys_interval(
    mated: npt.ArrayLike,
    persons: npt.ArrayLike,
    non_mated: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    omega: float = 1.0,
    alpha: float = 0.05,
) -> MeanInterval:
    """D_sys with its delete-one-person jackknife; the bins stay those of all people.

    Args:
        mated: (n+,) similarities; persons: (n+,) their people.
        non_mated: (n-,) similarities; first, second: (n-,) their two people.

    Raises:
        UndefinedMetricError: as ``d_sys``, or fewer than three people with mated scores.
    """
    positives, negatives = two_classes(mated, non_mated)
    (owner, one, other), n_people = _numbered(positives, persons, negatives, first, second)
    binned = _bin(positives, negatives, omega)
    table = (n_people, binned.n_bins)
    own = _counts(owner * binned.n_bins + binned.mated, n_people * binned.n_bins).reshape(table)
    cross = sum(
        _counts(column * binned.n_bins + binned.non_mated, n_people * binned.n_bins).reshape(table)
        for column in (one, other)
    )
    total_mated, total_non = own.sum(0), _counts(binned.non_mated, binned.n_bins)
    mated_left, non_left = total_mated - own, total_non - cross
    if n_people < 3 or (mated_left.sum(1) == 0).any() or (non_left.sum(1) == 0).any():
        raise UndefinedMetricError(
            "a jackknife over people was asked for", found=f"{n_people} people; without one of them no scores are left"
        )
    without = _from_counts(mated_left, non_left, omega)
    return jackknife_interval(without, float(_from_counts(total_mated, total_non, omega)), alpha=alpha)


def _numbered(
    positives: Scores, persons: npt.ArrayLike, negatives: Scores, first: npt.ArrayLike, second: npt.ArrayLike
) -> tuple[tuple[Ints, ...], int]:
    labels = np.asarray(persons), np.asarray(first), np.asarray(second)
    same_length("mated comparisons", positives, labels[0])
    same_length("non-mated comparisons", negatives, *labels[1:])
    people = number_people(*labels)
    two_people(people.columns[1], people.columns[2], "non-mated comparisons")
    return people


def d_sys_null(
    mated: npt.ArrayLike,
    persons: npt.ArrayLike,
    non_mated: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    *,
    rng: np.random.Generator,
    n_null: int = 999,
    omega: float = 1.0,
    is_symmetric: bool = False,
) -> LinkabilityNull:
    """D_sys under random re-pairings of people: what the estimate shows when no identity is linked.

    People are re-paired as ``re_pairing`` says. The bins stay those of the data.

    Args:
        mated: (n+,) similarities; persons: (n+,) their people.
        non_mated: (n-,) similarities; first: (n-,) the probe's person; second: (n-,) the reference's.
        rng: the source of the permutations.
        n_null: permutations; the cost of one is its mated comparisons, not all comparisons.
        is_symmetric: each pair of recordings was compared once (edited-edited): other people's pairs are found in both
            directions.

    Raises:
        UndefinedMetricError: as ``d_sys``, or fewer than three people.
    """
    positives, negatives = two_classes(mated, non_mated)
    (owner, one, other), k = _numbered(positives, persons, negatives, first, second)
    if k < 3 or n_null < 1:
        raise UndefinedMetricError("a permutation null was asked for", found=f"{k} people, {n_null} permutations")
    binned = _bin(positives, negatives, omega)
    placed = Placed(binned.mated, owner, binned.non_mated, one, other, binned.n_bins, k)
    drawn = re_pairings(placed, rng=rng, n_null=n_null, is_symmetric=is_symmetric)
    null = [float(_from_counts(found.mated, found.non_mated, omega)) for found in drawn]
    value = float(_from_counts(_counts(binned.mated, binned.n_bins), _counts(binned.non_mated, binned.n_bins), omega))
    if not null:
        raise UndefinedMetricError("a permutation null was asked for", found="no re-pairing has comparisons")
    p_value = (1 + sum(other_value >= value for other_value in null)) / (len(null) + 1)
    return LinkabilityNull(value, float(np.mean(null)), float(np.quantile(null, 0.95)), p_value, len(null))

"""Label permutation: does the attack find identities where there are none? (STATISTICS 6)

A derangement d of people calls the comparisons of (i, d(i)) mated. Nobody is called themself, so no attack may find a
link; an AUC above its null means that the harness leaks labels into scores.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from visavox.core.errors import UndefinedMetricError

from .arrays import Floats, Ints, finite_scores, same_length, two_people

LEAST_PEOPLE = 8
"""8 people have 14,833 derangements, 7 have 1,854: too few for p < .001 among 1,999 others."""


class PermutationResult(NamedTuple):
    """A label-permutation check.

    Attributes:
        auc0: AUC under the derangement the attack was fitted with.
        p_value: (1 + #{AUC_d >= AUC_0}) / (n_null + 1); 1 where not assessable.
        assessable: enough people and permutations to reach p < .001.
        null_mean, null_q999: mean and 99.9 % quantile of the AUC under other derangements.
        detectable_auc: the AUC the check would have caught with 80 % power.
    """

    auc0: float
    p_value: float
    assessable: bool
    null_mean: float
    null_q999: float
    detectable_auc: float


class _PairRanks(NamedTuple):
    """Per ordered pair (probe person, reference person): the sum of midranks and the number of comparisons."""

    rank_sums: Floats
    counts: Floats


def draw_derangement(n_people: int, rng: np.random.Generator) -> Ints:
    """A permutation of 0 .. n_people - 1 that leaves nobody in place, uniform over all such.

    Raises:
        UndefinedMetricError: fewer than two people.
    """
    if n_people < 2:
        raise UndefinedMetricError("a derangement of people was asked for", found=f"{n_people} people")
    people = np.arange(n_people)
    while True:
        drawn = rng.permutation(n_people)
        if (drawn != people).all():
            return drawn


def label_permutation_auc(
    scores: npt.ArrayLike,
    probe_persons: npt.ArrayLike,
    reference_persons: npt.ArrayLike,
    *,
    n_people: int,
    rng: np.random.Generator,
    n_null: int = 1999,
    derangement: npt.ArrayLike | None = None,
    is_symmetric: bool = False,
) -> PermutationResult:
    """AUC of one derangement's false labels against that of ``n_null`` others.

    Only non-mated comparisons enter: those of (i, d(i)) are the positives, the rest the negatives. Ranks are taken once
    and summed by pair of people, so that a derangement costs as many steps as there are people.

    Args:
        scores: (n,) similarities of non-mated comparisons.
        probe_persons, reference_persons: (n,) people numbered 0 .. n_people - 1, never equal in a row.
        n_people: all people of the check.
        rng: the source of the derangements.
        n_null: other derangements.
        derangement: (n_people,) the one the attack was fitted with; drawn here where nothing was fitted.
        is_symmetric: each pair of recordings was compared once (edited-edited): pairs count in both directions.

    Raises:
        UndefinedMetricError: scores that are not finite, a mated comparison among them, people outside the range, a
            derangement that is none, or one without any comparison.
    """
    similarities = finite_scores(scores, "non-mated")
    probes, references = np.asarray(probe_persons), np.asarray(reference_persons)
    same_length("comparisons", similarities, probes, references)
    two_people(probes, references, "non-mated comparisons")
    if min(probes.min(), references.min()) < 0 or max(probes.max(), references.max()) >= n_people:
        raise UndefinedMetricError(
            "people numbered from 0 were asked for", found=f"numbers outside 0 .. {n_people - 1}"
        )
    table = _pair_ranks(similarities, probes, references, n_people, is_symmetric)
    fitted = draw_derangement(n_people, rng) if derangement is None else _checked(derangement, n_people)
    auc0 = _auc(table, fitted)
    if auc0 is None:
        raise UndefinedMetricError("a label permutation was asked for", found="its pairs of people were never compared")
    assessable = n_people >= LEAST_PEOPLE and n_null >= 1000
    if not assessable:
        return PermutationResult(auc0, 1.0, False, 0.5, 1.0, 1.0)
    null = _null(table, fitted, rng, n_null)
    p_value = (1 + int(np.count_nonzero(null >= auc0))) / (null.size + 1)
    q999 = float(np.quantile(null, 0.999))
    detectable = min(1.0, q999 + float(special.ndtri(0.8)) * float(null.std(ddof=1)))
    return PermutationResult(auc0, p_value, True, float(null.mean()), q999, detectable)


def _pair_ranks(scores: npt.NDArray[np.floating], probes: Ints, references: Ints, k: int, both: bool) -> _PairRanks:
    ranks = _midranks(scores)
    cells = probes.astype(np.int64) * k + references
    rank_sums: Floats = np.bincount(cells, ranks, minlength=k * k).astype(np.float64).reshape(k, k)
    counts: Floats = np.bincount(cells, minlength=k * k).astype(np.float64).reshape(k, k)
    if both:  # a comparison counted from both ends: its doubled list has midranks 2 r - 1/2
        counts = counts + counts.T
        rank_sums = 2 * (rank_sums + rank_sums.T) - 0.5 * counts
    return _PairRanks(rank_sums, counts)


def _midranks(scores: npt.NDArray[np.floating]) -> Floats:
    """Ranks from 1; equal scores share the mean of theirs."""
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Floats = (last - 0.5 * (counts - 1))[place.reshape(-1)]
    return ranks


def _checked(derangement: npt.ArrayLike, n_people: int) -> Ints:
    drawn = np.asarray(derangement)
    people = np.arange(n_people)
    if drawn.shape != (n_people,) or (np.sort(drawn) != people).any() or (drawn == people).any():
        raise UndefinedMetricError("a derangement of all people was asked for", found="an array that is none")
    return drawn


def _auc(table: _PairRanks, derangement: Ints) -> float | None:
    """AUC from rank sums: (R+ - n+ (n+ + 1) / 2) / (n+ n-); None where a class is empty."""
    people = np.arange(derangement.size)
    n_total = float(table.counts.sum())
    n_positive = float(table.counts[people, derangement].sum())
    if not 0 < n_positive < n_total:
        return None
    rank_sum = float(table.rank_sums[people, derangement].sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * (n_total - n_positive))


def _null(table: _PairRanks, fitted: Ints, rng: np.random.Generator, n_null: int) -> Floats:
    values: list[float] = []
    while len(values) < n_null:
        drawn = draw_derangement(fitted.size, rng)
        value = None if (drawn == fitted).all() else _auc(table, drawn)
        if value is not None:
            values.append(value)
    return np.array(values)

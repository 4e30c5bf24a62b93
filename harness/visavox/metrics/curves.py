"""Curves over all thresholds and the figures read from them: DET, EER, AUC, with their intervals (STATISTICS 3d)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from . import effective_size as es
from .arrays import Floats, GroupTable, Ints, Scores, number_people, same_length, two_classes, two_people
from .rate_records import RateInterval, rate_record


class DetCurve(NamedTuple):
    """FMR and FNMR at every distinct score and just above the largest, thresholds ascending."""

    thresholds: Floats
    fmr: Floats
    fnmr: Floats


class EqualErrorRate(NamedTuple):
    """The equal error rate.

    Attributes:
        eer: (FMR + FNMR) / 2 where the two are closest.
        threshold, fmr, fnmr: of that point; the threshold is infinite where only rejecting all comes closest.
        is_above_half: the scores speak *against* identity: a wrong sign or an inverted identity, not privacy.
    """

    eer: float
    threshold: float
    fmr: float
    fnmr: float
    is_above_half: bool


class _Table(NamedTuple):
    """Mated scores of one person each, non-mated scores of one or two, people numbered together."""

    mated: Scores
    persons: Ints
    non_mated: Scores
    others: tuple[Ints, ...]
    n_people: int


def det_curve(mated: npt.ArrayLike, non_mated: npt.ArrayLike) -> DetCurve:
    """All points of the detection error trade-off.

    Args:
        mated: (n+,) similarities.
        non_mated: (n-,) similarities.

    Returns:
        thresholds ascending, the last one infinite (rejects all); FMR falls, FNMR rises.

    Raises:
        UndefinedMetricError: no mated or no non-mated scores, or scores that are not finite.
    """
    positives, negatives = map(np.sort, two_classes(mated, non_mated))
    thresholds = np.unique(np.concatenate([positives, negatives]).astype(np.float64))
    missed = np.append(np.searchsorted(positives, thresholds), positives.size) / positives.size
    matched = np.append(negatives.size - np.searchsorted(negatives, thresholds), 0) / negatives.size
    return DetCurve(np.append(thresholds, np.inf), matched, missed)


def eer(mated: npt.ArrayLike, non_mated: npt.ArrayLike) -> EqualErrorRate:
    """Equal error rate by the argmin rule: (FMR + FNMR) / 2 at the threshold where |FMR - FNMR| is smallest.

    Of two thresholds equally close the one with the smaller value counts. In identity leak .5 means no information.

    >>> eer([0.9, 0.8, 0.4], [0.5, 0.2, 0.1]).eer  # doctest: +ELLIPSIS
    0.333...

    Raises:
        UndefinedMetricError: no mated or no non-mated scores, or scores that are not finite.
    """
    positives, negatives = map(np.sort, two_classes(mated, non_mated))
    return _eer_of_sorted(positives, negatives)


def _eer_of_sorted(positives: Scores, negatives: Scores) -> EqualErrorRate:
    """FNMR - FMR strictly rises from one distinct score to the next: bisect for its change of sign."""
    n_mated, n_non = positives.size, negatives.size
    scores = np.sort(np.concatenate([positives, negatives]))

    def at(threshold: float) -> EqualErrorRate:
        fnmr = int(np.searchsorted(positives, threshold)) / n_mated
        fmr = (n_non - int(np.searchsorted(negatives, threshold))) / n_non
        return EqualErrorRate((fmr + fnmr) / 2, threshold, fmr, fnmr, (fmr + fnmr) / 2 > 0.5)

    low, high = 0, scores.size  # the first place with FNMR >= FMR; scores.size stands for the threshold above all
    while low < high:
        middle = (low + high) // 2
        point = at(float(scores[middle]))
        if point.fnmr >= point.fmr:
            high = middle
        else:
            low = middle + 1
    right = at(float(scores[low]) if low < scores.size else np.inf)
    left = at(float(scores[low - 1])) if low else right
    return min(left, right, key=lambda point: (round(abs(point.fmr - point.fnmr), 12), point.eer))


def auc(mated: npt.ArrayLike, non_mated: npt.ArrayLike) -> float:
    """Probability that a mated score exceeds a non-mated one, ties one half (Mann-Whitney U / (n+ n-)).

    >>> auc([0.9, 0.5], [0.5, 0.1])
    0.875

    Raises:
        UndefinedMetricError: no mated or no non-mated scores, or scores that are not finite.
    """
    positives, negatives = two_classes(mated, non_mated)
    return float(_share_below(positives, np.sort(negatives)).mean())


def _share_below(scores: Scores, ordered: Scores) -> Floats:
    """Share of the ordered scores below each score, ties one half."""
    ends = np.searchsorted(ordered, scores).astype(np.float64) + np.searchsorted(ordered, scores, side="right")
    return np.asarray(ends / (2.0 * ordered.size), np.float64)


def _table(
    mated: npt.ArrayLike,
    persons: npt.ArrayLike,
    non_mated: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike | None,
) -> _Table:
    positives, negatives = two_classes(mated, non_mated)
    labels = [np.asarray(column) for column in (persons, first, second) if column is not None]
    same_length("mated comparisons", positives, labels[0])
    same_length("non-mated comparisons", negatives, *labels[1:])
    columns, n_people = number_people(*labels)
    if len(columns) == 3:
        two_people(columns[1], columns[2], "non-mated comparisons")
    if n_people < 2:
        raise UndefinedMetricError("an interval over people was asked for", found=f"{n_people} person, 2 needed")
    return _Table(positives, columns[0], negatives, columns[1:], n_people)


def eer_interval(
    mated: npt.ArrayLike,
    persons: npt.ArrayLike,
    non_mated: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike | None = None,
) -> RateInterval:
    """The EER with its linearised variance over people, n = mated scores, floor 1.

    Linearised: (1 - w) FNMR + w FMR at the EER threshold, w = f_mated / (f_mated + f_non), densities f as the share of
    scores within .25 of the smaller standard deviation.

    Args:
        mated: (n+,) similarities; persons: (n+,) their people.
        non_mated: (n-,) similarities; first, second: (n-,) their two people. Without ``second`` a score has one person
            in either class, as a detector's has.

    Raises:
        UndefinedMetricError: empty or non-finite scores, or a non-mated comparison of a person with themself.
    """
    table = _table(mated, persons, non_mated, first, second)
    positives, negatives = np.sort(table.mated), np.sort(table.non_mated)
    point = _eer_of_sorted(positives, negatives)
    window = 0.25 * min(float(positives.std(dtype=np.float64)), float(negatives.std(dtype=np.float64)))
    density_mated = _share_within(positives, point.threshold, window)
    density_non = _share_within(negatives, point.threshold, window)
    w = density_mated / (density_mated + density_non)
    mated_residuals = (1 - w) * ((table.mated < point.threshold) - point.fnmr) / positives.size
    non_residuals = w * ((table.non_mated >= point.threshold) - point.fmr) / negatives.size
    return _linearised_record(point.eer, positives.size, mated_residuals, non_residuals, table)


def _share_within(ordered: Scores, centre: float, window: float) -> float:
    inside = int(np.searchsorted(ordered, centre + window, side="right")) - int(
        np.searchsorted(ordered, centre - window)
    )
    return max(inside, 1) / ordered.size


def auc_interval(
    mated: npt.ArrayLike,
    persons: npt.ArrayLike,
    non_mated: npt.ArrayLike,
    first: npt.ArrayLike,
    second: npt.ArrayLike | None = None,
) -> RateInterval:
    """The AUC with its linearised variance over people, n = the smaller class, floor 1.

    Residuals are the placements of each score in the other class (DeLong 1988), summed by person.

    Args:
        mated: (n+,) similarities; persons: (n+,) their people.
        non_mated: (n-,) similarities; first, second: (n-,) their two people. Without ``second`` a score has one person
            in either class, as a detector's has.

    Raises:
        UndefinedMetricError: empty or non-finite scores, or a non-mated comparison of a person with themself.
    """
    table = _table(mated, persons, non_mated, first, second)
    positives, negatives = np.sort(table.mated), np.sort(table.non_mated)
    below = _share_below(table.mated, negatives)
    area = float(below.mean())
    above = 1.0 - _share_below(table.non_mated, positives)
    size = min(positives.size, negatives.size)
    return _linearised_record(area, size, (below - area) / positives.size, (above - area) / negatives.size, table)


def _linearised_record(value: float, n: int, mated: Floats, non_mated: Floats, table: _Table) -> RateInterval:
    k = table.n_people
    sums = np.bincount(table.persons, mated, minlength=k)
    for column in table.others:
        sums += np.bincount(column, non_mated, minlength=k)
    squares = float(sums @ sums)
    if len(table.others) == 2:
        pairs = GroupTable(k)
        pairs.add(*table.others, weights=non_mated)
        squares -= pairs.sum_of_squares()
    variance = k / (k - 1) * max(0.0, squares)
    people = int(np.count_nonzero(np.bincount(table.persons, minlength=k)))
    rate = min(max(value, 0.0), 1.0)
    return rate_record(rate, n, k, float(es.design_effect(rate, n, variance, 1.0)), people)

"""Intervals and one-sided bounds: how sure a rate, a difference or a mean is (STATISTICS 3 and 4).

One method for all rates, the effective-size Clopper-Pearson interval of ``effective_size``; the cases differ in what
a trial touches:

    rate_interval                 a  trials of one person
    pair_rate_interval            b  comparisons of two people (FMR and its like)
    cross_rate_interval           c  donor x host, both from one pool of people
    eer_interval, auc_interval    d  in ``curves``
    rate_at_threshold_interval    e  a rate at a threshold estimated on the same people
    difference_bounds             f  output against unedited input

The judge and the planner call the same bounds. Reference: Korn and Graubard, Survey Methodology 24 (1998) 193-201;
departure: the design effect has a floor, since few events say nothing about the correlation within people.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import IntervalBasis

from . import effective_size as es
from .arrays import GroupTable, number_people, same_length, two_people, zero_one
from .mean_intervals import MeanInterval, jackknife_interval, mean_interval
from .rate_records import RateInterval, rate_record
from .threshold_intervals import Stratum, rate_at_threshold_interval

__all__ = [
    "Bounds",
    "MeanInterval",
    "RateInterval",
    "Stratum",
    "bound_lower",
    "bound_upper",
    "cross_rate_interval",
    "difference_bounds",
    "imputed",
    "jackknife_interval",
    "mean_interval",
    "p_value_fail",
    "pair_rate_interval",
    "rate_at_threshold_interval",
    "rate_interval",
    "upper_any_correlation",
]

SMALLEST_ALPHA = 1e-12
"""No p-value below this is told apart."""


class Bounds(NamedTuple):
    """Two one-sided bounds at the same alpha."""

    lower: float
    upper: float


def bound_lower(basis: IntervalBasis, alpha: float) -> float:
    """One-sided lower bound of a rate at ``alpha``, from ``p_low`` and ``n_eff_low``; 0 where the rate is 0.

    Raises:
        UndefinedMetricError: alpha outside (0, .5).
    """
    return float(es.lower_bounds(basis.p_low, basis.n_eff_low, basis.df, alpha))


def bound_upper(basis: IntervalBasis, alpha: float) -> float:
    """One-sided upper bound of a rate at ``alpha``, from ``p_high`` and ``n_eff_high``; 1 where the rate is 1.

    >>> none_of_400 = rate_interval([0] * 400, [i // 10 for i in range(400)])
    >>> round(bound_upper(none_of_400.basis, 0.05), 5), round(bound_upper(none_of_400.basis, 0.025), 5)
    (0.02075, 0.02549)

    Raises:
        UndefinedMetricError: alpha outside (0, .5).
    """
    return float(es.upper_bounds(basis.p_high, basis.n_eff_high, basis.df, alpha))


def difference_bounds(output: IntervalBasis, baseline: IntervalBasis, alpha: float) -> Bounds:
    """Case f: one-sided bounds of the rate of ``output`` minus that of ``baseline`` (the unedited input).

    upper = p1 - p2 + sqrt((u1 - p1)^2 + (p2 - l2)^2), lower alike (square-and-add, Newcombe 1998). Where failures are
    imputed, each end takes the rates unfavourable to itself. The two are treated as independent.

    Raises:
        UndefinedMetricError: alpha outside (0, .5).
    """
    up = math.hypot(bound_upper(output, alpha) - output.p_high, baseline.p_low - bound_lower(baseline, alpha))
    down = math.hypot(output.p_low - bound_lower(output, alpha), bound_upper(baseline, alpha) - baseline.p_high)
    return Bounds(output.p_low - baseline.p_high - down, output.p_high - baseline.p_low + up)


def p_value_fail(basis: tuple[IntervalBasis, ...], limit: float, *, lower_is_safer: bool = True) -> float:
    """The smallest alpha at which the favourable bound misses the limit: the p-value of a FAIL.

    Args:
        basis: one for a rate, two (output, unedited input) for a difference.
        limit: what the control allows.
        lower_is_safer: True: the lower bound must lie above the limit to miss; False: the upper bound below it.

    Returns:
        A value in [1e-12, .5], or 1 where no alpha below .5 misses.

    Raises:
        UndefinedMetricError: neither one nor two bases.
    """
    misses = _missing(basis, limit, lower_is_safer)
    low, high = math.log(SMALLEST_ALPHA), math.log(0.5 - 1e-6)  # nearer to .5 scipy's t quantile is 0 for 4 and 6
    if not misses(math.exp(high)):
        return 1.0
    if misses(SMALLEST_ALPHA):
        return SMALLEST_ALPHA
    while high - low > 1e-9:
        middle = 0.5 * (low + high)
        if misses(math.exp(middle)):
            high = middle
        else:
            low = middle
    return math.exp(high)


def _missing(basis: tuple[IntervalBasis, ...], limit: float, lower_is_safer: bool) -> Callable[[float], bool]:
    if len(basis) == 1:
        (rate,) = basis
        if lower_is_safer:
            return lambda alpha: bound_lower(rate, alpha) > limit
        return lambda alpha: bound_upper(rate, alpha) < limit
    if len(basis) == 2:
        output, baseline = basis
        if lower_is_safer:
            return lambda alpha: difference_bounds(output, baseline, alpha).lower > limit
        return lambda alpha: difference_bounds(output, baseline, alpha).upper < limit
    raise UndefinedMetricError("a p-value was asked for", found=f"{len(basis)} interval bases, 1 or 2 needed")


def rate_interval(hits: npt.ArrayLike, persons: npt.ArrayLike, *, n_people: int | None = None) -> RateInterval:
    """Case a: a rate of trials that each touch one person.

    Args:
        hits: (n,) 0/1 or bool, 1 = the event.
        persons: (n,) integer labels of any kind.
        n_people: people of the design where some of them have no trial; default: the people that occur.

    Raises:
        UndefinedMetricError: no trials, fewer than two people, or values other than 0 and 1.
    """
    successes = zero_one(hits)
    labels = np.asarray(persons)
    same_length("trials", successes, labels)
    (person,), occurring = number_people(labels)
    total = _people(occurring, n_people)
    by_person = es.clustered(
        np.bincount(person, successes, minlength=total), np.bincount(person, minlength=total).astype(np.float64)
    )
    return rate_record(float(by_person.p), successes.size, total, float(by_person.deff), int(by_person.touched))


def _people(occurring: int, stated: int | None) -> int:
    total = occurring if stated is None else stated
    if total < max(occurring, 2):
        raise UndefinedMetricError(
            "an interval over people was asked for",
            found=f"{occurring} people occur" + ("" if stated is None else f", {stated} are stated"),
            todo="at least two people are needed, and no fewer than occur",
        )
    return total


def pair_rate_interval(hits: npt.ArrayLike, first: npt.ArrayLike, second: npt.ArrayLike) -> RateInterval:
    """Case b: a rate of comparisons of two people, such as FMR; variance V+, floor q comparisons a pair.

    V+ = G / (G - 1) sum_i S_i^2 / n^2 (pairs not subtracted); q = sum q_ij^2 / sum q_ij over unordered pairs.

    Args:
        hits: (n,) 0/1, 1 = the event (a false match).
        first, second: (n,) integer labels of the two people.

    Raises:
        UndefinedMetricError: no comparisons, or one of a person with themself.
    """
    successes = zero_one(hits)
    one, other = np.asarray(first), np.asarray(second)
    same_length("comparisons", successes, one, other)
    (i, j), n_people = number_people(one, other)
    two_people(i, j, "comparisons")
    n, p = successes.size, float(successes.mean())
    trials = np.bincount(i, minlength=n_people) + np.bincount(j, minlength=n_people)
    events = np.bincount(i[successes], minlength=n_people) + np.bincount(j[successes], minlength=n_people)
    pairs = GroupTable(n_people)
    pairs.add(i, j)
    touched = es.touched_people(events, trials)
    variance = es.person_variance(events - p * trials, n, n_people)
    deff = es.design_effect(p, n, variance, es.pair_floor(touched, pairs.sum_of_squares() / n))
    return rate_record(p, n, n_people, float(deff), int(touched))


def cross_rate_interval(hits: npt.ArrayLike, donors: npt.ArrayLike, hosts: npt.ArrayLike) -> RateInterval:
    """Case c: a rate of donor x host trials from one pool of people; variance V, a person counted in either role.

    V = G / (G - 1) max(0, sum_i S_i^2 - sum_{i<j} P_ij^2) / n^2; floor 1 + 2 (m~ - 1) rho_f, m~ trials per host.

    Args:
        hits: (n,) 0/1, 1 = the event.
        donors, hosts: (n,) integer labels of the two people of a trial.

    Raises:
        UndefinedMetricError: no trials, or one whose donor is its host.
    """
    successes = zero_one(hits)
    one, other = np.asarray(donors), np.asarray(hosts)
    same_length("trials", successes, one, other)
    (donor, host), n_people = number_people(one, other)
    two_people(donor, host, "swap trials")
    data = es.crossed(successes, donor, host, n_people)
    return rate_record(float(data.p), successes.size, n_people, float(data.deff), int(data.touched))


def imputed(interval_low: RateInterval | IntervalBasis, interval_high: RateInterval | IntervalBasis) -> IntervalBasis:
    """A basis whose lower side counts failures to acquire one way and whose upper side the other way.

    Args:
        interval_low: failures at the value that makes the rate small; its rate is not above the other's.
        interval_high: failures at the value that makes the rate large.

    Raises:
        UndefinedMetricError: the low rate lies above the high one.
    """
    low = interval_low.basis if isinstance(interval_low, RateInterval) else interval_low
    high = interval_high.basis if isinstance(interval_high, RateInterval) else interval_high
    if low.p_low > high.p_high:
        raise UndefinedMetricError(
            "an interval with imputed failures was asked for",
            found=f"the low rate {low.p_low} lies above the high rate {high.p_high}",
            todo="give the interval with the small rate first",
        )
    return IntervalBasis(
        p_low=low.p_low,
        n_eff_low=low.n_eff_low,
        p_high=high.p_high,
        n_eff_high=high.n_eff_high,
        df=min(low.df, high.df),
    )


def upper_any_correlation(n_people: int, alpha: float) -> float:
    """The upper bound of a rate that no trial of ``n_people`` people showed, whatever the correlation: 1 - alpha^(1/k).

    Each person counts as one trial.

    >>> round(upper_any_correlation(40, 0.05), 4)
    0.0722

    Raises:
        UndefinedMetricError: no people, or alpha outside (0, .5).
    """
    es.check_alpha(alpha)
    if n_people < 1:
        raise UndefinedMetricError("a bound for 0 of k people was asked for", found=f"{n_people} people")
    return float(-math.expm1(math.log(alpha) / n_people))

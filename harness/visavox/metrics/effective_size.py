"""Effective-size Clopper-Pearson, the array forms: what the intervals, the planner and the simulation studies share.

Trials that share a person may depend on each other. Their variance, summed by person, is turned into an effective
number of trials, and the exact binomial interval of that size is taken (Korn and Graubard 1998). No resampling, no
seed, defined at 0 and at 1. Notation: p rate, n trials, deff design effect, n_eff = n / deff.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from visavox.core.errors import UndefinedMetricError

from .arrays import Floats, Ints, pair_keys

ASSUMED_CORRELATION = 0.2
"""Intra-person correlation assumed where the data cannot speak of it."""
TOUCHED_FULLY = 4.0
"""The assumption fades as 4 / touched, touched = people that carry information on the correlation."""
PAIRS_TOUCHED_FULLY = 20.0
"""The same for comparisons of two people."""


class Clustered(NamedTuple):
    """Case a for many data sets at once: one value per data set."""

    p: Floats
    n: Floats
    deff: Floats
    touched: Floats
    df: int


def check_alpha(alpha: float) -> None:
    """One-sided error rates lie between 0 and one half.

    Raises:
        UndefinedMetricError: alpha outside (0, .5).
    """
    if not 0.0 < alpha < 0.5:
        raise UndefinedMetricError("a bound was asked for", found=f"alpha {alpha}", todo="alpha lies in (0, .5)")


def small_sample_factor(df: npt.ArrayLike, alpha: float) -> Floats:
    """(z / t)^2: the price of a variance estimated from few people, in (0, 1]."""
    quantile = special.ndtri(alpha) / special.stdtrit(np.asarray(df, np.float64), alpha)
    return np.asarray(quantile * quantile, np.float64)


def _shrunk(p: Floats, n_eff: npt.ArrayLike, df: npt.ArrayLike, alpha: float) -> Floats:
    check_alpha(alpha)
    estimated = (p > 0) & (p < 1)
    return np.asarray(n_eff, np.float64) * np.where(estimated, small_sample_factor(df, alpha), 1.0)


def lower_bounds(p: npt.ArrayLike, n_eff: npt.ArrayLike, df: npt.ArrayLike, alpha: float) -> Floats:
    """One-sided lower bounds at ``alpha``; 0 where p is 0."""
    rate = np.asarray(p, np.float64)
    size = _shrunk(rate, n_eff, df, alpha)
    successes = np.where(rate > 0, rate * size, 1.0)
    failures = np.where(rate > 0, np.maximum(size - rate * size, 0.0), 1.0)
    return np.where(rate > 0, special.betaincinv(successes, failures + 1, alpha), 0.0)


def upper_bounds(p: npt.ArrayLike, n_eff: npt.ArrayLike, df: npt.ArrayLike, alpha: float) -> Floats:
    """One-sided upper bounds at ``alpha``; 1 where p is 1."""
    rate = np.asarray(p, np.float64)
    size = _shrunk(rate, n_eff, df, alpha)
    failures = np.where(rate < 1, size - rate * size, 1.0)
    return np.where(rate < 1, special.betainccinv(rate * size + 1, failures, alpha), 1.0)


def design_effect(p: npt.ArrayLike, n: npt.ArrayLike, variance: npt.ArrayLike, floor: npt.ArrayLike) -> Floats:
    """max(variance / binomial variance, floor, 1); at p in {0, 1}, where no variance is seen, max(floor, 1)."""
    rate, size = np.asarray(p, np.float64), np.asarray(n, np.float64)
    binomial = rate * (1 - rate) / size
    seen = binomial > 0
    ratio = np.where(seen, np.asarray(variance, np.float64) / np.where(seen, binomial, 1.0), 1.0)
    return np.maximum(np.maximum(ratio, np.asarray(floor, np.float64)), 1.0)


def assumed_correlation(touched: npt.ArrayLike) -> Floats:
    """min(.2, 4 / touched); .2 where nobody is touched. No step: one more person never widens the gap at once."""
    people = np.asarray(touched, np.float64)
    return np.minimum(ASSUMED_CORRELATION, TOUCHED_FULLY / np.maximum(people, 1.0))


def person_floor(touched: npt.ArrayLike, trials_each: npt.ArrayLike, *, roles: int = 1) -> Floats:
    """Cases a (one role) and c (two or three people a trial): 1 + roles (m~ - 1) rho_f."""
    return 1 + roles * (np.asarray(trials_each, np.float64) - 1) * assumed_correlation(touched)


def pair_floor(touched: npt.ArrayLike, comparisons_each: npt.ArrayLike) -> Floats:
    """Case b: 1 + (q - 1) min(1, 20 / touched)."""
    share = np.minimum(1.0, PAIRS_TOUCHED_FULLY / np.maximum(np.asarray(touched, np.float64), 1.0))
    return 1 + (np.asarray(comparisons_each, np.float64) - 1) * share


def size_weighted_mean(sizes: npt.ArrayLike) -> Floats:
    """m~ = sum n_i^2 / sum n_i over the last axis: the size of the cluster that a random trial is in."""
    counts = np.asarray(sizes, np.float64)
    return np.asarray((counts * counts).sum(-1) / counts.sum(-1), np.float64)


def touched_people(hits: npt.ArrayLike, trials: npt.ArrayLike) -> Floats:
    """min(people with a success, people with a failure) over the last axis."""
    successes, sizes = np.asarray(hits), np.asarray(trials)
    touched = np.minimum((successes > 0).sum(-1), (successes < sizes).sum(-1))
    return np.asarray(touched, np.float64)


def person_variance(residual_sums: npt.ArrayLike, n: npt.ArrayLike, n_people: int) -> Floats:
    """V of one-person trials: G / (G - 1) * sum_i S_i^2 / n^2 over the last axis."""
    sums = np.asarray(residual_sums, np.float64)
    return np.asarray(n_people / (n_people - 1) * (sums * sums).sum(-1) / np.asarray(n, np.float64) ** 2, np.float64)


def clustered(hits: npt.ArrayLike, trials: npt.ArrayLike) -> Clustered:
    """Case a, a rate of trials clustered by person: rates and design effects of many data sets at once.

    Args:
        hits, trials: successes and trials per person, people on the last axis (at least two of them).
    """
    successes, sizes = np.asarray(hits, np.float64), np.asarray(trials, np.float64)
    n_people, n = successes.shape[-1], sizes.sum(-1)
    p = successes.sum(-1) / n
    touched = touched_people(successes, sizes)
    floor = person_floor(touched, size_weighted_mean(sizes))
    variance = person_variance(successes - p[..., None] * sizes, n, n_people)
    return Clustered(p, n, design_effect(p, n, variance, floor), touched, n_people - 1)


def crossed(hits: npt.ArrayLike, donor: Ints, host: Ints, n_people: int) -> Clustered:
    """Case c, a rate of donor x host trials: rates and design effects of many data sets of one design at once.

    Args:
        hits: (..., n) 0/1, trials on the last axis.
        donor, host: (n,) people numbered 0 .. n_people - 1, never equal in a row.
        n_people: people that occur, at least two.
    """
    from scipy import sparse

    successes = np.asarray(hits, np.float64)
    n = successes.shape[-1]
    p = successes.mean(-1)
    _, pair = np.unique(pair_keys(donor, host, n_people), return_inverse=True)
    trial, ones = np.arange(n), np.ones(n)
    by_person = sparse.csr_matrix(
        (np.tile(ones, 2), (np.concatenate([donor, host]), np.tile(trial, 2))), shape=(n_people, n)
    )
    by_pair = sparse.csr_matrix((ones, (pair, trial)), shape=(int(pair.max()) + 1, n))
    residuals = (successes - p[..., None]).T
    squares = ((by_person @ residuals) ** 2).sum(0) - ((by_pair @ residuals) ** 2).sum(0)
    variance = n_people / (n_people - 1) * np.maximum(squares, 0.0) / n**2
    touched = touched_people((by_person @ successes.T).T, by_person @ ones)
    floor = person_floor(touched, size_weighted_mean(np.bincount(host)), roles=2)
    size = np.full(np.shape(p), float(n))
    return Clustered(p, size, design_effect(p, size, variance, floor), touched, n_people - 1)

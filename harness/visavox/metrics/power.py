"""Power before a run: how often a design would pass or fail a tool whose true rate is known (STATISTICS 7).

The bounds are the judge's own (``effective_size``). Where the threshold is estimated on the same people, its error is
part of the simulation as it is part of case e: it moves the rate, and it widens the bounds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import special

from visavox.core.figures import IntervalBasis

from . import effective_size as es
from .arrays import Floats
from .planning import MOST_PEOPLE, check_plan, least_people

SEED = 20260701
RUNS = 400
"""Of one simulation: the standard error of a share of 80 % is 2 %."""
LOOKS = 12
STRANGER_EFFECT = 0.05
"""Share of the variance of strangers' scores assumed to belong to each of the two people; STATISTICS 3e tries it."""
STEPS = 9
"""Halvings of a range of rates: to 1/512 of it."""


class Design(NamedTuple):
    """What the bounds of a rate rest on, as far as it is known before a run.

    Attributes:
        people: people of the trials.
        trials: n, spread evenly over them.
        floor: design effect assumed where no trial shows anything, 1 + roles (m~ - 1) 0.2 (STATISTICS 3); >= 1.
        non_mated: comparisons from which the threshold is read; 0 where the rate has no threshold, or a given one.
        fmr: the target FMR of that threshold.
    """

    people: int
    trials: float
    floor: float
    non_mated: float = 0.0
    fmr: float = 1e-3

    def of(self, people: int) -> Design:
        """The same design with other people: as many trials each, as many comparisons a pair of people."""
        share = people / self.people
        return self._replace(people=people, trials=self.trials * share, non_mated=self.non_mated * share * share)


class Shares(NamedTuple):
    """Shares of simulated runs whose upper bound meets the limit, and whose lower bound misses it."""

    passed: float
    failed: float


def shares(
    design: Design,
    limit: float,
    true_rate: float,
    *,
    icc: float = 0.2,
    alpha: float = 0.05,
    runs: int = RUNS,
    seed: int = SEED,
) -> Shares:
    """How often a rate passes and fails; at a true rate of 0 nothing is seen, and nothing is simulated.

    Beta-binomial people. Where the threshold is estimated, V grows by (p (1 - p) b)^2 times the variance of its log
    FMR, with b of ``threshold_slope``.

    Args:
        design: people, trials and comparisons.
        limit: largest rate allowed.
        true_rate: in [0, 1), at the threshold that realises the target FMR exactly.
        icc: intra-person correlation in [0, 1).
        alpha: of the one-sided bounds.
        runs, seed: of the simulation; equal seeds give the same people first.

    >>> shares(Design(people=24, trials=96, floor=1.6), 0.07, 0.0)
    Shares(passed=1.0, failed=0.0)
    """
    if true_rate == 0.0:
        upper = es.upper_bounds(0.0, design.trials / design.floor, design.people - 1, alpha)
        return Shares(float(upper <= limit), 0.0)
    data = _simulated(design, true_rate, icc, runs, seed)
    size = data.n / data.deff
    return Shares(
        float((es.upper_bounds(data.p, size, data.df, alpha) <= limit).mean()),
        float((es.lower_bounds(data.p, size, data.df, alpha) > limit).mean()),
    )


def people_to_pass(
    design: Design,
    limit: float,
    true_rate: float,
    *,
    power: float = 0.8,
    icc: float = 0.2,
    alpha: float = 0.05,
    runs: int = RUNS,
) -> int:
    """The least number of people with whom a design of this kind passes with the power asked for.

    Raises:
        UndefinedMetricError: a true rate at or above the limit, or more than 20,000 people needed.
    """
    check_plan(limit, true_rate, icc, 1, power)

    def reached(people: int) -> float:
        return shares(design.of(people), limit, true_rate, icc=icc, alpha=alpha, runs=runs).passed

    return least_people(reached, power, looks=LOOKS)


def threshold_slope(rate: float, fmr: float) -> float:
    """b = d logit(rate) / d log FMR where mated and non-mated scores are normal, of equal spread, and apart.

    Every output leaks a little then; where a share of them leaks wholly, the rate hardly moves with the threshold.

    >>> round(threshold_slope(0.0175, 1e-3), 2), round(threshold_slope(1e-3, 1e-3), 2)
    (0.75, 1.0)
    """
    density = math.exp(0.5 * (float(special.ndtri(fmr)) ** 2 - float(special.ndtri(rate)) ** 2))
    return density * fmr / (rate * (1 - rate))


def rate_at_other_fmr(rate: float, fmr: float, other: float) -> float:
    """The rate at another target FMR, scores as in ``threshold_slope``.

    >>> round(rate_at_other_fmr(0.5, 1e-3 / 3, 1e-3), 2)
    0.62
    """
    return float(special.ndtr(special.ndtri(rate) - special.ndtri(fmr) + special.ndtri(other)))


class DifferenceDesign(NamedTuple):
    """What the bounds of a difference between outputs and unedited inputs rest on (case f).

    Attributes:
        people: test people.
        sizes: effective trials of the outputs and of the inputs.
        chance: the rate of both where nothing leaks.
        over_pairs: trials are pairs of people; their number grows with the square of the people.
        against_everyone: a trial is a match with anyone at all; the chance grows with the people.
    """

    people: int
    sizes: tuple[float, float]
    chance: float
    over_pairs: bool = False
    against_everyone: bool = False

    def of(self, people: int) -> DifferenceDesign:
        """The same design with other people."""
        share = people / self.people
        grown = share * share if self.over_pairs else share
        chance = -math.expm1(share * math.log1p(-self.chance)) if self.against_everyone else self.chance
        return self._replace(people=people, sizes=(self.sizes[0] * grown, self.sizes[1] * grown), chance=chance)


def difference_shares(
    design: DifferenceDesign,
    limit: float,
    true_difference: float,
    *,
    alpha: float = 0.05,
    runs: int = RUNS,
    seed: int = SEED,
) -> Shares:
    """How often a difference passes and fails; arguments as in ``shares``, effective trials taken as known."""
    draws = np.random.default_rng(seed)
    ends = []
    for size, rate in zip(design.sizes, (design.chance + true_difference, design.chance), strict=True):
        whole = max(round(size), 1)
        p = draws.binomial(whole, min(rate, 1.0), runs) / whole
        df = design.people - 1
        ends.append((p, es.lower_bounds(p, size, df, alpha), es.upper_bounds(p, size, df, alpha)))
    (p, low, high), (base, base_low, base_high) = ends
    upper = p - base + np.hypot(high - p, base - base_low)
    lower = p - base - np.hypot(p - low, base_high - base)
    return Shares(float((upper <= limit).mean()), float((lower > limit).mean()))


def people_to_pass_difference(
    design: DifferenceDesign, limit: float, true_difference: float, *, power: float = 0.8, alpha: float = 0.05
) -> int:
    """The least number of people with whom a difference passes with the power asked for.

    Raises:
        UndefinedMetricError: a true difference at or above the limit, or more than 20,000 people needed.
    """
    check_plan(limit, true_difference, 0.0, 1, power)

    def reached(people: int) -> float:
        return difference_shares(design.of(people), limit, true_difference, alpha=alpha).passed

    return least_people(reached, power, looks=LOOKS)


def largest_rate(reached: Callable[[float], float], low: float, high: float, *, power: float = 0.8) -> float | None:
    """The largest rate in [low, high] at which a falling share is still at the power; None where not even at low."""
    if reached(low) < power:
        return None
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if reached(middle) >= power else (low, middle)
    return low


def smallest_rate(reached: Callable[[float], float], low: float, high: float, *, power: float = 0.8) -> float | None:
    """The smallest rate in [low, high] at which a rising share is at the power; None where not even at high."""
    if high <= low or reached(high) < power:
        return None
    for _ in range(STEPS):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if reached(middle) >= power else (middle, high)
    return high


def people_to_decide(
    basis: tuple[IntervalBasis, ...], bounds: Callable[[tuple[IntervalBasis, ...]], bool], n_people: int
) -> int | None:
    """The least number of people with whom an interval of the same rate is on one side of its limit.

    Effective trials and degrees of freedom grow in step with the people; every other one of such data sets decides.

    Args:
        basis: of the estimate.
        bounds: whether bounds computed from a basis decide.
        n_people: people of the estimate.

    Returns:
        None where 20,000 do not.
    """

    def decides(people: int) -> bool:
        share = people / n_people
        grown = tuple(
            one.model_copy(
                update={
                    "n_eff_low": one.n_eff_low * share,
                    "n_eff_high": one.n_eff_high * share,
                    "df": max(round((one.df + 1) * share) - 1, 1),
                }
            )
            for one in basis
        )
        return bounds(grown)

    low, high = n_people, 2 * n_people
    while not decides(high):
        low, high = high, 2 * high
        if low >= MOST_PEOPLE:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if decides(middle) else (middle, high)
    return high


def log_fmr_variance(design: Design) -> float:
    """Variance of the log of the FMR that a threshold really has, which is read at a target FMR f; 0 without one.

    1 / (f n_non) for as many independent comparisons, and 4 rho h^2 / people since they share people, each of whom
    brings rho of the variance of normal scores; h = phi(z_f) / f.

    >>> round(log_fmr_variance(Design(people=50, trials=600, floor=1.0, non_mated=19_600, fmr=1e-3)), 3)
    0.096
    """
    if not design.non_mated:
        return 0.0
    steepness = math.exp(-0.5 * float(special.ndtri(design.fmr)) ** 2) / math.sqrt(2 * math.pi) / design.fmr
    shared = 4 * STRANGER_EFFECT * steepness * steepness / design.people
    return 1.0 / (design.fmr * design.non_mated) + shared


class _Simulated(NamedTuple):
    p: Floats
    n: float
    deff: Floats
    df: int


def _simulated(design: Design, rate: float, icc: float, runs: int, seed: int) -> _Simulated:
    """Rates and design effects of many data sets of one design."""
    errors, people, draws = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3))
    slope, log_error = threshold_slope(rate, design.fmr), log_fmr_variance(design)
    moved = special.expit(special.logit(rate) + slope * math.sqrt(log_error) * errors.standard_normal(runs))
    rates = np.broadcast_to(moved, (design.people, runs))
    if icc > 0:
        spread = (1 - icc) / icc
        rates = people.beta(moved * spread, (1 - moved) * spread, (design.people, runs))
    sizes = np.diff(np.floor(np.arange(design.people + 1) * (design.trials / design.people) + 1e-9))
    hits = draws.binomial(sizes.astype(np.int64)[:, None], rates).T.astype(np.float64)
    n = float(sizes.sum())
    p = hits.sum(-1) / n
    touched = es.touched_people(hits, np.broadcast_to(sizes, hits.shape))
    variance = es.person_variance(hits - p[:, None] * sizes, n, design.people) + (p * (1 - p) * slope) ** 2 * log_error
    floor = 1 + (design.floor - 1) / es.ASSUMED_CORRELATION * es.assumed_correlation(touched)
    return _Simulated(p, n, es.design_effect(p, n, variance, floor), design.people - 1)

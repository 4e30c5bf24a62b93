"""How many people a PASS needs, by the judge's own bounds (STATISTICS 7).

Case a is simulated with common random numbers: the first k people of one seeded population are the data of size k.
At a true rate of 0 the rule at zero decides and nothing is simulated.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy import special

from visavox.core.errors import UndefinedMetricError

from . import effective_size as es
from .arrays import Floats

MOST_PEOPLE = 20_000


def people_needed(
    limit: float,
    true_rate: float,
    icc: float,
    trials_per_person: int,
    *,
    power: float = 0.8,
    alpha: float = 0.05,
    runs: int = 1500,
    seed: int = 20260701,
) -> int:
    """The least number of test people with whom the upper bound meets the limit with the power asked for (case a).

    Beta-binomial people, equal numbers of trials, threshold given. With the threshold estimated on the same people
    more are needed, see docs/studies.

    Args:
        limit: largest rate allowed, in (0, 1).
        true_rate: the rate the tool really has, below the limit.
        icc: intra-person correlation in [0, 1); without effect at a true rate of 0.
        trials_per_person: at least 1.
        power: probability of a PASS.
        alpha: of the one-sided bound.
        runs, seed: of the simulation.

    >>> people_needed(0.07, 0.0, 0.1, 4), people_needed(0.01, 0.0, 0.0, 10)
    (17, 84)

    Raises:
        UndefinedMetricError: a true rate at or above the limit, or more than 20,000 people needed.
    """
    _check(limit, true_rate, icc, trials_per_person, power)
    if true_rate == 0.0:
        return _least(lambda k: float(_bound_at_zero(k, trials_per_person, alpha) <= limit), power)

    stock: list[Floats] = []

    def reached(k: int) -> float:
        if not stock or stock[-1].shape[0] < k:
            stock.append(population(true_rate, icc, trials_per_person, 1 << (k - 1).bit_length(), runs, seed))
        hits = stock[-1][:k].T
        data = es.clustered(hits, np.full(hits.shape, float(trials_per_person)))
        return float((es.upper_bounds(data.p, data.n / data.deff, data.df, alpha) <= limit).mean())

    return _least(reached, power)


def people_needed_swap(
    limit: float,
    true_rate: float,
    donors_per_host: int,
    *,
    donor_effect: float = 0.2,
    host_effect: float = 0.2,
    power: float = 0.8,
    alpha: float = 0.05,
    runs: int = 800,
    seed: int = 20260701,
) -> int:
    """The same for donor x host trials (case c): every person is a host of ``donors_per_host`` trials.

    Args:
        limit, true_rate, power, alpha, runs, seed: as in ``people_needed``.
        donors_per_host: trials of one host, each with another donor.
        donor_effect, host_effect: shares of the latent (probit) variance that belong to the person; 0 = none.

    Raises:
        UndefinedMetricError: a true rate at or above the limit, or more than 20,000 people needed.
    """
    _check(limit, true_rate, max(donor_effect, host_effect), donors_per_host, power)
    if donor_effect + host_effect >= 1:
        raise UndefinedMetricError("a plan was asked for", found="person effects that leave no variance to the trial")
    least = donors_per_host + 2
    if true_rate == 0.0:
        return _least(lambda k: float(_bound_at_zero(k, donors_per_host, alpha, roles=2) <= limit), power, least)

    def reached(k: int) -> float:
        upper = swap_upper_bounds(true_rate, donors_per_host, k, donor_effect, host_effect, alpha, runs, seed)
        return float((upper <= limit).mean())

    return _least(reached, power, least)


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


def pass_share(
    design: Design,
    limit: float,
    true_rate: float,
    *,
    icc: float = 0.1,
    alpha: float = 0.05,
    runs: int = 600,
    seed: int = 20260701,
) -> float:
    """How often the upper bound of a rate meets the limit, by simulation; at a true rate of 0 it is 0 or 1.

    Beta-binomial people. Where the threshold is estimated, its error moves the rate and widens the bounds as in case e:
    V grows by (p (1 - p) b)^2 / (f n_non), with b of ``threshold_slope``.

    Args:
        design: people, trials and comparisons.
        limit: largest rate allowed.
        true_rate: in [0, 1), at the threshold that realises the target FMR exactly.
        icc: intra-person correlation in [0, 1).
        alpha: of the one-sided bound.
        runs, seed: of the simulation.

    >>> pass_share(Design(people=24, trials=96, floor=1.6), 0.07, 0.0)
    1.0
    """
    if true_rate == 0.0:
        upper = es.upper_bounds(0.0, design.trials / design.floor, design.people - 1, alpha)
        return float(upper <= limit)
    data = _simulated(design, true_rate, icc, runs, seed)
    return float((es.upper_bounds(data.p, data.n / data.deff, data.df, alpha) <= limit).mean())


def fail_share(
    design: Design,
    limit: float,
    true_rate: float,
    *,
    icc: float = 0.1,
    alpha: float = 0.05,
    runs: int = 600,
    seed: int = 20260701,
) -> float:
    """How often the lower bound of a rate misses the limit; arguments as in ``pass_share``."""
    if true_rate == 0.0:
        return 0.0
    data = _simulated(design, true_rate, icc, runs, seed)
    return float((es.lower_bounds(data.p, data.n / data.deff, data.df, alpha) > limit).mean())


def largest_rate_passed(
    design: Design, limit: float, *, power: float = 0.8, icc: float = 0.1, alpha: float = 0.05
) -> float | None:
    """The largest true rate at which a PASS has the power asked for; None where not even 0 passes."""
    if pass_share(design, limit, 0.0, icc=icc, alpha=alpha) < power:
        return None
    low, high = 0.0, limit
    while high - low > limit / 100:
        middle = 0.5 * (low + high)
        if pass_share(design, limit, middle, icc=icc, alpha=alpha) >= power:
            low = middle
        else:
            high = middle
    return low


def smallest_rate_failed(
    design: Design, limit: float, *, power: float = 0.8, icc: float = 0.1, alpha: float = 0.05
) -> float | None:
    """The smallest true rate at which a FAIL has the power asked for; None where not even .99 fails."""
    low, high = limit, 0.99
    if fail_share(design, limit, high, icc=icc, alpha=alpha) < power:
        return None
    while high - low > 0.002:
        middle = 0.5 * (low + high)
        if fail_share(design, limit, middle, icc=icc, alpha=alpha) >= power:
            high = middle
        else:
            low = middle
    return high


def people_to_pass(
    design: Design,
    limit: float,
    true_rate: float,
    *,
    power: float = 0.8,
    icc: float = 0.1,
    alpha: float = 0.05,
    runs: int = 600,
) -> int:
    """The least number of people with whom a design of this kind passes with the power asked for.

    Raises:
        UndefinedMetricError: a true rate at or above the limit, or more than 20,000 people needed.
    """
    _check(limit, true_rate, icc, 1, power)
    return _least(lambda k: pass_share(design.of(k), limit, true_rate, icc=icc, alpha=alpha, runs=runs), power)


def threshold_slope(rate: float, fmr: float) -> float:
    """b = d logit(rate) / d log FMR where mated and non-mated scores are normal, of equal spread, and apart.

    Every output leaks a little; where a share of them leaks wholly, the rate hardly moves with the threshold.

    >>> round(threshold_slope(0.0175, 1e-3), 2), round(threshold_slope(1e-3, 1e-3), 2)
    (0.76, 1.0)
    """
    density = math.exp(0.5 * (float(special.ndtri(fmr)) ** 2 - float(special.ndtri(rate)) ** 2))
    return density * fmr / (rate * (1 - rate))


class _Simulated(NamedTuple):
    p: Floats
    n: float
    deff: Floats
    df: int


def _simulated(design: Design, rate: float, icc: float, runs: int, seed: int) -> _Simulated:
    """Rates and design effects of many data sets of one design; equal seeds give the same people first."""
    errors, shares, draws = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(3))
    slope, log_error = 0.0, 0.0
    if design.non_mated:
        slope = threshold_slope(rate, design.fmr)
        log_error = 1.0 / (design.fmr * design.non_mated)
    moved = special.expit(special.logit(rate) + slope * math.sqrt(log_error) * errors.standard_normal(runs))
    rates = np.broadcast_to(moved, (design.people, runs))
    if icc > 0:
        spread = (1 - icc) / icc
        rates = shares.beta(moved * spread, (1 - moved) * spread, (design.people, runs))
    sizes = np.diff(np.floor(np.arange(design.people + 1) * (design.trials / design.people) + 1e-9))
    hits = draws.binomial(sizes.astype(np.int64)[:, None], rates).T.astype(np.float64)
    n = float(sizes.sum())
    p = hits.sum(-1) / n
    touched = es.touched_people(hits, np.broadcast_to(sizes, hits.shape))
    variance = es.person_variance(hits - p[:, None] * sizes, n, design.people) + (p * (1 - p) * slope) ** 2 * log_error
    floor = 1 + (design.floor - 1) / es.ASSUMED_CORRELATION * es.assumed_correlation(touched)
    return _Simulated(p, n, es.design_effect(p, n, variance, floor), design.people - 1)


def population(rate: float, icc: float, trials: int, n_people: int, runs: int, seed: int) -> Floats:
    """Successes of beta-binomial people, (people, runs); a larger population begins with the people of a smaller."""
    shares, draws = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
    rates = np.full((n_people, runs), rate)
    if icc > 0:
        spread = (1 - icc) / icc
        rates = shares.beta(rate * spread, (1 - rate) * spread, (n_people, runs))
    return draws.binomial(trials, rates).astype(np.float64)


def swap_upper_bounds(
    rate: float, donors: int, n_people: int, donor_effect: float, host_effect: float, alpha: float, runs: int, seed: int
) -> Floats:
    """Upper bounds of simulated donor x host trials: host i meets the ``donors`` people after it, on a circle."""
    rng = np.random.default_rng([seed, n_people])
    host = np.repeat(np.arange(n_people), donors)
    shifts = rng.choice(np.arange(1, n_people), donors, replace=False)
    donor = (host + np.tile(shifts, n_people)) % n_people
    threshold = -float(special.ndtri(rate))
    latent = np.sqrt(donor_effect) * rng.standard_normal((runs, n_people))[:, donor]
    latent += np.sqrt(host_effect) * rng.standard_normal((runs, n_people))[:, host]
    latent += np.sqrt(1 - donor_effect - host_effect) * rng.standard_normal((runs, host.size))
    data = es.crossed(latent > threshold, donor, host, n_people)
    return es.upper_bounds(data.p, data.n / data.deff, data.df, alpha)


def _check(limit: float, true_rate: float, icc: float, trials: int, power: float) -> None:
    if not (0 <= true_rate < limit < 1 and 0 <= icc < 1 and trials >= 1 and 0 < power < 1):
        raise UndefinedMetricError(
            "the number of people for a PASS was asked for",
            found=f"true rate {true_rate}, limit {limit}, correlation {icc}, {trials} trials a person, power {power}",
            todo="no number of people passes a tool whose true rate is not below the limit",
        )


def _bound_at_zero(n_people: int, trials: int, alpha: float, *, roles: int = 1) -> float:
    size = n_people * trials / float(es.person_floor(0, trials, roles=roles))
    return float(es.upper_bounds(0.0, size, n_people - 1, alpha))


def _least(reached: Callable[[int], float], power: float, start: int = 2) -> int:
    """The least number of people from which the power holds: double, bisect, then pass the dips behind it.

    Counts are whole, so the power climbs in teeth; up to a third more people are looked at for a dip.
    """
    low, high = start - 1, max(start, 8)
    while reached(high) < power:
        low, high = high, 2 * high
        if high > MOST_PEOPLE:
            raise UndefinedMetricError(
                "the number of people for a PASS was asked for", found=f"more than {MOST_PEOPLE}"
            )
    while high - low > 1:
        middle = (low + high) // 2
        if reached(middle) >= power:
            high = middle
        else:
            low = middle
    needed, size = high, high
    while size < 4 * needed // 3:
        size += max(1, size // 50)
        if reached(size) < power:
            needed = size + 1
    return needed

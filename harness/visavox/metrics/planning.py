"""How many people a PASS needs, by the judge's own bounds (STATISTICS 7).

Case a is simulated with common random numbers: the first k people of one seeded population are the data of size k.
At a true rate of 0 the rule at zero decides and nothing is simulated.
"""

from __future__ import annotations

from collections.abc import Callable

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
    more are needed: ``visavox.metrics.power`` has that error in it.

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
    check_plan(limit, true_rate, icc, trials_per_person, power)
    if true_rate == 0.0:
        return least_people(lambda k: float(_bound_at_zero(k, trials_per_person, alpha) <= limit), power)

    stock: list[Floats] = []

    def reached(k: int) -> float:
        if not stock or stock[-1].shape[0] < k:
            stock.append(population(true_rate, icc, trials_per_person, 1 << (k - 1).bit_length(), runs, seed))
        hits = stock[-1][:k].T
        data = es.clustered(hits, np.full(hits.shape, float(trials_per_person)))
        return float((es.upper_bounds(data.p, data.n / data.deff, data.df, alpha) <= limit).mean())

    return least_people(reached, power)


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
    check_plan(limit, true_rate, max(donor_effect, host_effect), donors_per_host, power)
    if donor_effect + host_effect >= 1:
        raise UndefinedMetricError("a plan was asked for", found="person effects that leave no variance to the trial")
    least = donors_per_host + 2
    if true_rate == 0.0:
        return least_people(lambda k: float(_bound_at_zero(k, donors_per_host, alpha, roles=2) <= limit), power, least)

    def reached(k: int) -> float:
        upper = swap_upper_bounds(true_rate, donors_per_host, k, donor_effect, host_effect, alpha, runs, seed)
        return float((upper <= limit).mean())

    return least_people(reached, power, least)


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


def check_plan(limit: float, true_rate: float, icc: float, trials: int, power: float) -> None:
    """A plan asks for a true rate below a limit, both shares.

    Raises:
        UndefinedMetricError: it does not.
    """
    if not (0 <= true_rate < limit < 1 and 0 <= icc < 1 and trials >= 1 and 0 < power < 1):
        raise UndefinedMetricError(
            "the number of people for a PASS was asked for",
            found=f"true rate {true_rate}, limit {limit}, correlation {icc}, {trials} trials a person, power {power}",
            todo="no number of people passes a tool whose true rate is not below the limit",
        )


def _bound_at_zero(n_people: int, trials: int, alpha: float, *, roles: int = 1) -> float:
    size = n_people * trials / float(es.person_floor(0, trials, roles=roles))
    return float(es.upper_bounds(0.0, size, n_people - 1, alpha))


def least_people(reached: Callable[[int], float], power: float, start: int = 2, *, looks: int = 50) -> int:
    """The least number of people from which the power holds: double, bisect, then pass the dips behind it.

    Counts are whole, so the power climbs in teeth; up to a third more people are looked at for a dip, in steps of one
    in ``looks`` of them.
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
        size += max(1, size // looks)
        if reached(size) < power:
            needed = size + 1
    return needed

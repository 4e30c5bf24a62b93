"""Simulated people with a known truth, shared by the studies."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy import optimize, special

Array = np.ndarray


@lru_cache(maxsize=256)
def latent_correlation(rate: float, icc: float) -> float:
    """Latent (probit) correlation that gives 0/1 trials of this rate the intra-person correlation ``icc``."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(120)
    weights = weights / weights.sum()

    def excess(latent: float) -> float:
        shares = special.ndtr((special.ndtri(rate) + np.sqrt(latent) * nodes) / np.sqrt(1 - latent))
        return float((weights * shares * shares).sum() - rate * rate - icc * rate * (1 - rate))

    return float(optimize.brentq(excess, 1e-6, 0.995))


def sizes(rng: np.random.Generator, runs: int, people: int, trials: int, unequal: bool) -> Array:
    """Trials per person (runs, people); unequal: m/4, m, m or 7m/4 with the same mean."""
    if not unequal:
        return np.full((runs, people), trials)
    small = max(1, trials // 4)
    return np.array([small, trials, trials, 2 * trials - small])[rng.integers(0, 4, (runs, people))]


def successes(rng: np.random.Generator, model: str, rate: float, icc: float, trials: Array) -> Array:
    """Successes per person: beta-binomial (``bb``) or probit-normal (``pn``) people."""
    if icc == 0:
        return rng.binomial(trials, rate)
    if model == "bb":
        spread = (1 - icc) / icc
        return rng.binomial(trials, rng.beta(rate * spread, (1 - rate) * spread, trials.shape))
    latent = latent_correlation(rate, icc)
    effect = np.sqrt(latent) * rng.standard_normal(trials.shape)
    return rng.binomial(trials, special.ndtr((special.ndtri(rate) + effect) / np.sqrt(1 - latent)))


def comparisons(people: int, each: int) -> tuple[Array, Array]:
    """Both people of every non-mated comparison, ``each`` comparisons a pair."""
    first, second = np.triu_indices(people, 1)
    return np.repeat(first, each), np.repeat(second, each)


def non_mated(rng: np.random.Generator, people: int, each: int, person_effect: float) -> Array:
    """Standard normal non-mated scores; each person's effect has the variance ``person_effect``."""
    first, second = comparisons(people, each)
    effect = np.sqrt(person_effect) * rng.standard_normal(people)
    scores: Array = effect[first] + effect[second] + np.sqrt(1 - 2 * person_effect) * rng.standard_normal(first.size)
    return scores

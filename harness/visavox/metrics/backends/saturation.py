"""Whether more training people would make the attacker stronger still (STATISTICS 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from ..arrays import number_people, same_length, zero_one

SHARES = (0.25, 0.5, 1.0)
"""Shares of the training people of the saturation curve."""


class Saturation(NamedTuple):
    """Match rates of the same trials by share of the training people.

    Attributes:
        shares: ascending.
        rates: the match rate at each.
        rise: of the last step.
        standard_error: of the rise, trials paired, clustered by person.
        is_rising: rise > standard_error: the attacker is not saturated, its match rate is a lower bound. A single hit
            more is exactly one standard error and no rise.
        n, n_people: trials and people.
    """

    shares: tuple[float, ...]
    rates: tuple[float, ...]
    rise: float
    standard_error: float
    is_rising: bool
    n: int
    n_people: int


def saturation(hits: Mapping[float, npt.ArrayLike], persons: npt.ArrayLike) -> Saturation:
    """Compares the last two shares, trial by trial.

    The variance of the mean difference sums residuals by person, as in STATISTICS 3a without a floor. Thresholds are
    read anew at each share; their own uncertainty is left out.

    Args:
        hits: share of the training people -> (n,) 0/1, each trial decided at the threshold of its kind at that share.
        persons: (n,) integer labels of the people of the trials.

    >>> saturation({0.5: [0, 0, 0, 1], 1.0: [1, 1, 0, 1]}, [0, 0, 1, 1]).rise
    0.5

    Raises:
        UndefinedMetricError: fewer than two shares or people, no trials, hits other than 0 and 1, or unequal lengths.
    """
    shares = tuple(sorted(hits))
    if len(shares) < 2:
        raise UndefinedMetricError("a saturation curve was asked for", found=f"{len(shares)} shares of people")
    decided = [zero_one(hits[share]) for share in shares]
    (people,), n_people = number_people(persons)
    same_length("trials at each share and their people", people, *decided)
    if n_people < 2:
        raise UndefinedMetricError("a standard error over people was asked for", found=f"{n_people} people")
    n = people.size
    difference = decided[-1].astype(np.float64) - decided[-2]
    rise = float(difference.mean())
    sums = np.bincount(people, difference - rise, minlength=n_people)
    error = float(np.sqrt(n_people / (n_people - 1) * (sums @ sums))) / n
    rates = tuple(float(row.mean()) for row in decided)
    return Saturation(shares, rates, rise, error, rise > error * (1 + 1e-9), n, n_people)

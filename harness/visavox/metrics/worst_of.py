"""The smallest of several rates with bounds that hold: no rate hides behind the others, and many do not make a FAIL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import IntervalBasis

from . import effective_size as es
from .intervals import bound_lower, bound_upper


class WorstRate(NamedTuple):
    """The smallest of k rates.

    Attributes:
        basis: lower side of the rate whose lower bound is the smallest; upper side of the one whose upper bound at
            alpha / k is, its effective size made smaller to pay for the k.
        lowest, uppermost: places of these two rates.
    """

    basis: IntervalBasis
    lowest: int
    uppermost: int


def smallest_rate(rates: Sequence[IntervalBasis], alpha: float) -> WorstRate:
    """Bounds of the smallest of several rates (higher is safer).

    Lower side: that all rates lie above a limit is shown where each one's bound does, each at its own alpha
    (intersection-union, Berger 1982). Upper side: that some rate lies below it is shown where one's bound at alpha / k
    does (Bonferroni). A basis is read at any alpha, so the upper side's effective size is that at which its bound at
    ``alpha`` equals the one at alpha / k of the whole size; below ``alpha`` it gives away a little more.

    Args:
        rates: one basis each.
        alpha: the policy's.

    >>> from visavox.metrics.intervals import rate_interval
    >>> all_of_60, none_of_60 = (rate_interval([hit] * 60, range(60)).basis for hit in (1, 0))
    >>> found = smallest_rate([all_of_60, none_of_60, all_of_60], 0.05)
    >>> found.lowest, found.uppermost, round(bound_upper(found.basis, 0.05), 3)
    (1, 1, 0.066)

    Raises:
        UndefinedMetricError: no rates, or alpha outside (0, .5).
    """
    if not rates:
        raise UndefinedMetricError("the smallest of several rates was asked for", found="no rate")
    k = len(rates)
    lowest = min(range(k), key=lambda i: (bound_lower(rates[i], alpha), rates[i].p_low))
    uppermost = min(range(k), key=lambda i: (bound_upper(rates[i], alpha / k), rates[i].p_high))
    low, high = rates[lowest], rates[uppermost]
    df = min(low.df, high.df)
    return WorstRate(
        IntervalBasis(
            p_low=low.p_low,
            n_eff_low=low.n_eff_low,
            p_high=high.p_high,
            n_eff_high=_paying_for(k, high, df, alpha),
            df=df,
        ),
        lowest,
        uppermost,
    )


def _paying_for(k: int, rate: IntervalBasis, df: int, alpha: float) -> float:
    """The effective size at which the upper bound at alpha equals that of the whole size at alpha / k, or is above."""
    wanted = bound_upper(rate, alpha / k)
    if k == 1 or wanted >= 1.0:
        return rate.n_eff_high
    low, high = rate.n_eff_high * 1e-9, rate.n_eff_high
    for _ in range(60):
        middle = 0.5 * (low + high)
        if float(es.upper_bounds(rate.p_high, middle, df, alpha)) < wanted:
            high = middle
        else:
            low = middle
    return low

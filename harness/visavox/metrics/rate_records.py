"""The record of a rate with its effective size."""

from __future__ import annotations

from typing import NamedTuple

from visavox.core.figures import IntervalBasis


class RateInterval(NamedTuple):
    """A rate and what its bounds are computed from.

    Attributes:
        p: the rate, in [0, 1].
        n: trials.
        n_people: people.
        deff: design effect >= 1; n / deff is the effective number of trials.
        touched: min(people with a success, people with a failure).
        basis: for ``bound_lower`` and ``bound_upper``.
    """

    p: float
    n: int
    n_people: int
    deff: float
    touched: int
    basis: IntervalBasis


def rate_record(p: float, n: int, n_people: int, deff: float, touched: int, *, df: int | None = None) -> RateInterval:
    """The record with its basis; ``df`` defaults to people - 1."""
    size = n / deff
    basis = IntervalBasis(p_low=p, n_eff_low=size, p_high=p, n_eff_high=size, df=n_people - 1 if df is None else df)
    return RateInterval(p, n, n_people, deff, touched, basis)

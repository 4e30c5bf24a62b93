"""Intervals of means over people, and of figures that only a jackknife reaches."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from visavox.core.errors import UndefinedMetricError

from .arrays import finite_scores
from .effective_size import check_alpha

DISPLAY_ALPHA = 0.025
"""Each end of the displayed two-sided 95 % interval."""


class MeanInterval(NamedTuple):
    """A figure with a t interval, clipped to the figure's range.

    Attributes:
        value: the figure.
        low, high: two-sided 95 % interval.
        lower, upper: one-sided bounds at ``alpha``.
        standard_error: of the figure.
        n_people: people it rests on; the t quantile has n_people - 1 degrees of freedom.
    """

    value: float
    low: float
    high: float
    lower: float
    upper: float
    alpha: float
    standard_error: float
    n_people: int


def mean_interval(
    values: npt.ArrayLike, *, alpha: float = 0.05, minimum: float = 0.0, maximum: float = 1.0
) -> MeanInterval:
    """The mean of one value per person, with Student's t.

    >>> mean_interval([0.1, 0.2, 0.3]).high  # doctest: +ELLIPSIS
    0.448...

    Raises:
        UndefinedMetricError: fewer than two people, a value that is not finite, or alpha outside (0, .5).
    """
    people = finite_scores(values, "per-person", at_least=2).astype(np.float64)
    error = float(people.std(ddof=1) / np.sqrt(people.size))
    return _t_interval(float(people.mean()), error, people.size, alpha, minimum, maximum)


def jackknife_interval(
    values_without_each_person: npt.ArrayLike,
    full: float,
    *,
    alpha: float = 0.05,
    minimum: float = 0.0,
    maximum: float = 1.0,
) -> MeanInterval:
    """A figure with its delete-one-person jackknife interval.

    Args:
        values_without_each_person: (k,) the figure computed without person 1, 2, ... k.
        full: the figure of all people; the interval is centred on it.
        alpha: of the one-sided bounds.
        minimum, maximum: the figure's range; the interval is clipped to it.

    Raises:
        UndefinedMetricError: fewer than two people, a value that is not finite, or alpha outside (0, .5).
    """
    values = finite_scores(values_without_each_person, "leave-one-out", at_least=2).astype(np.float64)
    k = values.size
    error = float(np.sqrt((k - 1) / k * ((values - values.mean()) ** 2).sum()))
    return _t_interval(float(finite_scores([full], "full")[0]), error, k, alpha, minimum, maximum)


def _t_interval(
    value: float, error: float, n_people: int, alpha: float, minimum: float, maximum: float
) -> MeanInterval:
    check_alpha(alpha)
    if not minimum <= value <= maximum:
        raise UndefinedMetricError(f"an interval in [{minimum}, {maximum}] was asked for", found=f"a figure of {value}")

    def end(tail: float, sign: int) -> float:
        return float(min(max(value - sign * special.stdtrit(n_people - 1, tail) * error, minimum), maximum))

    return MeanInterval(
        value, end(DISPLAY_ALPHA, -1), end(DISPLAY_ALPHA, 1), end(alpha, -1), end(alpha, 1), alpha, error, n_people
    )

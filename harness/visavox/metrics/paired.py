"""How much a figure changed between two runs on the same people, with an interval (STATISTICS 3f and 4).

change = B - A. Its ends come from each figure's own interval by square-and-add, less what the two have in common:

    lower = d - sqrt((b - l_b)^2 - 2 r (b - l_b) (u_a - a) + (u_a - a)^2)
    upper = d + sqrt((u_b - b)^2 - 2 r (u_b - b) (a - l_a) + (a - l_a)^2)

with a, b the figures, l and u their bounds at the same alpha, and r the correlation of what each person adds to the
two (linearised rates of case e: trials and thresholds). Defined at 0 and at 1. Without trials in common r = 0, which is
case f and too wide where the runs move together.

References: Newcombe, Statistics in Medicine 17 (1998) 2635-2650, method 10; Zou and Donner, Statistics in Medicine 27
(2008) 1693-1702. Departures: the bounds are effective-size Clopper-Pearson bounds over people instead of Wilson's; r is
over people instead of trials, shrunk by k / (k + 4), k the people who tell of it, and never below 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import IntervalBasis

from .arrays import Bools, Floats, Ints, number_people, same_length
from .intervals import SMALLEST_ALPHA, Bounds, bound_lower, bound_upper, difference_bounds
from .threshold_intervals import LinearPart, Stratum, linear_parts

Ends: TypeAlias = Callable[[float], Bounds]
"""One-sided bounds of a figure at an alpha."""
FEW_PEOPLE = 4.0
"""The correlation counts half where so many people tell of it."""


class PairedFigure(NamedTuple):
    """A figure of one run: its value and its bounds."""

    value: float
    ends: Ends


class FlipCounts(NamedTuple):
    """Trials of both runs that changed side.

    Attributes:
        n: trials in both runs.
        to_match, from_match: trials that match in B alone, in A alone.
        near: those of them whose score lay near the threshold in both runs.
    """

    n: int
    to_match: int
    from_match: int
    near: int


def figure_of_basis(value: float, basis: Sequence[IntervalBasis]) -> PairedFigure:
    """A rate (one basis), or a difference of two (output, unedited input).

    Raises:
        UndefinedMetricError: neither one nor two bases.
    """
    if len(basis) == 1:
        (rate,) = basis
        return PairedFigure(value, lambda alpha: Bounds(bound_lower(rate, alpha), bound_upper(rate, alpha)))
    if len(basis) == 2:
        return PairedFigure(value, lambda alpha: difference_bounds(basis[0], basis[1], alpha))
    raise UndefinedMetricError("a change was asked for", found=f"{len(basis)} interval bases, 1 or 2 needed")


def change_bounds(a: PairedFigure, b: PairedFigure, correlation: float, alpha: float) -> Bounds:
    """One-sided bounds of B - A at ``alpha``.

    >>> from visavox.metrics.intervals import rate_interval
    >>> few = rate_interval([0] * 380 + [1] * 20, [i // 10 for i in range(400)])
    >>> many = rate_interval([0] * 200 + [1] * 200, [i % 40 for i in range(400)])
    >>> a, b = (figure_of_basis(one.p, [one.basis]) for one in (few, many))
    >>> found = change_bounds(a, b, 0.0, 0.025)
    >>> round(found.lower, 3), round(found.upper, 3)
    (0.304, 0.535)

    Args:
        correlation: of what people add to the two, in [0, 1].

    Raises:
        UndefinedMetricError: alpha outside (0, .5), or a correlation outside [0, 1].
    """
    if not 0.0 <= correlation <= 1.0:
        raise UndefinedMetricError("a paired change was asked for", found=f"a correlation of {correlation}")
    low_a, high_a = a.ends(alpha)
    low_b, high_b = b.ends(alpha)
    change = b.value - a.value
    down = _reach(b.value - low_b, high_a - a.value, correlation)
    up = _reach(high_b - b.value, a.value - low_a, correlation)
    return Bounds(change - down, change + up)


def _reach(one: float, other: float, correlation: float) -> float:
    return math.sqrt(max(0.0, one * one - 2 * correlation * one * other + other * other))


def p_value_of_change(a: PairedFigure, b: PairedFigure, correlation: float) -> float:
    """Two-sided: the smallest alpha whose interval of level 1 - alpha leaves out 0.

    Returns:
        A value in [2e-12, 1]; 1 where no level leaves it out.
    """

    def leaves_out(alpha: float) -> bool:
        found = change_bounds(a, b, correlation, alpha)
        return found.lower > 0 or found.upper < 0

    low, high = math.log(SMALLEST_ALPHA), math.log(0.5 - 1e-6)
    if not leaves_out(math.exp(high)):
        return 1.0
    if leaves_out(SMALLEST_ALPHA):
        return 2 * SMALLEST_ALPHA
    while high - low > 1e-9:
        middle = 0.5 * (low + high)
        if leaves_out(math.exp(middle)):
            high = middle
        else:
            low = middle
    return 2 * math.exp(high)


def person_correlation(a: Sequence[Stratum], b: Sequence[Stratum]) -> float:
    """How far the same people make two rates large: of what each person adds to the two linearised rates.

    Args:
        a, b: the decided trials of each run; people bear the same labels in both.

    Returns:
        In [0, 1]; 0 where either rate is 0 or 1, which nobody moves.

    Raises:
        UndefinedMetricError: no trials in a run.
    """
    one, other = linear_parts(a), linear_parts(b)
    columns, n_people = number_people(*(column for part in (*one, *other) for column in part.people))
    rest = iter(columns)
    sums = [
        _by_person(parts, [[next(rest) for _ in part.people] for part in parts], n_people) for parts in (one, other)
    ]
    size = math.sqrt(float(sums[0] @ sums[0]) * float(sums[1] @ sums[1]))
    if size == 0.0:
        return 0.0
    told = min(int(np.count_nonzero(found)) for found in (_of_trials(a), _of_trials(b)))
    r = float(sums[0] @ sums[1]) / size * told / (told + FEW_PEOPLE)
    return min(max(r, 0.0), 1.0)


def _by_person(parts: Sequence[LinearPart], people: Sequence[Sequence[Ints]], n_people: int) -> Floats:
    sums: Floats = np.zeros(n_people)
    for part, columns in zip(parts, people, strict=True):
        for column in columns:
            sums += np.bincount(column, part.weights, minlength=n_people)
    return sums


def _of_trials(strata: Sequence[Stratum]) -> Bools:
    """Which people tell of a rate: those with the rarer outcome, a match or none."""
    hits = np.concatenate([np.asarray(s.scores) >= s.threshold for s in strata])
    (persons,), n_people = number_people(np.concatenate([np.asarray(s.persons) for s in strata]))
    sides = [np.bincount(persons[hits == side], minlength=n_people) > 0 for side in (True, False)]
    return min(sides, key=np.count_nonzero)


def flips(
    matches_a: npt.ArrayLike, matches_b: npt.ArrayLike, near_a: npt.ArrayLike, near_b: npt.ArrayLike
) -> FlipCounts:
    """Counts of trials that both runs decided, in the same order.

    Args:
        matches_a, matches_b: (n,) bool, each at its own run's threshold.
        near_a, near_b: (n,) bool: the score lay near that threshold.

    >>> flips([0, 0, 1, 1], [0, 1, 0, 1], [0, 1, 1, 0], [0, 1, 0, 0])
    FlipCounts(n=4, to_match=1, from_match=1, near=1)
    """
    a, b, near_one, near_other = (np.asarray(x, np.bool_) for x in (matches_a, matches_b, near_a, near_b))
    same_length("trials", a, b, near_one, near_other)
    changed = a != b
    near = changed & near_one & near_other
    return FlipCounts(a.size, int((changed & b).sum()), int((changed & a).sum()), int(near.sum()))


def expected_by_chance(fmr: npt.ArrayLike, persons: npt.ArrayLike) -> float:
    """How many people would have a match at all if every trial were a false match at its rate and nothing more.

    Args:
        fmr: (n,) false match rate at which each trial was decided.
        persons: (n,) whose it is.

    >>> round(expected_by_chance([0.5, 0.5, 0.1], [1, 1, 2]), 3)
    0.85
    """
    rates = np.asarray(fmr, np.float64)
    (person,), n_people = number_people(np.asarray(persons))
    same_length("trials", rates, person)
    none = np.zeros(n_people)
    np.add.at(none, person, np.log1p(-np.minimum(rates, 1 - 1e-12)))
    return float(-np.expm1(none).sum())

"""What survives on the way to a viewer: detection over a ladder of strengths, and layers still alive after a chain.

A ladder is read from its mildest rung to its hardest. The curve *crosses* a limit where it first falls below it, on the
straight line between two rungs; pointwise one-sided bounds of the rates give the earliest and the latest place that the
data allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError
from visavox.core.figures import IntervalBasis

from .arrays import Bools, Floats, finite_scores, same_length, zero_one
from .intervals import bound_lower, bound_upper, imputed, rate_interval
from .rate_records import RateInterval


class Reach(StrEnum):
    """Where a curve falls below its limit."""

    BEFORE_FIRST = "before_first"
    """At the mildest rung already."""
    WITHIN = "within"
    AFTER_LAST = "after_last"
    """At no rung of the ladder."""


class Crossing(NamedTuple):
    """The place where a curve first lies below a limit.

    Attributes:
        reach: within the ladder or not.
        strength: there, in the ladder's own unit; None where it is not within.
    """

    reach: Reach
    strength: float | None


class SurvivalCurve(NamedTuple):
    """Detection over a ladder.

    Attributes:
        strengths: mildest first; they rise or fall.
        rates: the share detected at each.
        lower, upper: one-sided bounds at ``alpha``, each rung by itself.
        limit: what the crossing is asked for.
        crossing: of the rates.
        earliest, latest: of the lower and of the upper bounds.
        area: mean rate over the ladder (trapezia over its strengths), None where there is one rung alone.
    """

    strengths: tuple[float, ...]
    rates: tuple[float, ...]
    lower: tuple[float, ...]
    upper: tuple[float, ...]
    alpha: float
    limit: float
    crossing: Crossing
    earliest: Crossing
    latest: Crossing
    area: float | None


class LayersAlive(NamedTuple):
    """The share of outputs on which at least so many layers are found.

    Attributes:
        at_least: layers.
        low: with every layer that could not be read counted as gone.
        high: with every such layer counted as there.
        basis: for ``bound_lower`` and ``bound_upper``; each side takes the count unfavourable to itself.
    """

    at_least: int
    low: RateInterval
    high: RateInterval
    basis: IntervalBasis


def survival_curve(
    strengths: npt.ArrayLike, rates: Sequence[RateInterval | IntervalBasis], limit: float, *, alpha: float = 0.05
) -> SurvivalCurve:
    """The curve of detection rates over a ladder, with the place where it falls below a limit.

    Args:
        strengths: (n,) mildest first, strictly rising or falling; the clean one may lead where it is finite.
        rates: (n,) one a rung, ``detection_rates(...).tpr`` for instance; a basis with imputed failures counts by its
            lower rate.
        limit: a share in (0, 1]; the curve is below it iff rate < limit.
        alpha: of the one-sided bounds.

    >>> people = list(range(40))
    >>> rungs = [rate_interval([1] * hits + [0] * (40 - hits), people) for hits in (40, 30, 10)]
    >>> survival_curve([0.1, 0.2, 0.3], rungs, 0.5).crossing.strength
    0.25

    Raises:
        UndefinedMetricError: no rungs, strengths that do not rise or fall, as many rates as not strengths, or a limit
            or alpha out of range.
    """
    places = finite_scores(strengths, "strength").astype(np.float64)
    steps = np.diff(places)
    if len(rates) != places.size or not ((steps > 0).all() or (steps < 0).all()) or not 0.0 < limit <= 1.0:
        raise UndefinedMetricError(
            "a survival curve was asked for",
            found=f"{places.size} strengths {places.tolist()}, {len(rates)} rates, limit {limit}",
            todo="one rate a strength, strengths that rise or fall, a limit in (0, 1]",
        )
    bases = [rate.basis if isinstance(rate, RateInterval) else rate for rate in rates]
    values = np.array([basis.p_low for basis in bases])
    lower = np.array([bound_lower(basis, alpha) for basis in bases])
    upper = np.array([bound_upper(basis, alpha) for basis in bases])
    area = float(np.trapezoid(values, places) / (places[-1] - places[0])) if places.size > 1 else None
    return SurvivalCurve(
        strengths=tuple(places.tolist()),
        rates=tuple(values.tolist()),
        lower=tuple(lower.tolist()),
        upper=tuple(upper.tolist()),
        alpha=alpha,
        limit=limit,
        crossing=_crossing(places, values, limit),
        earliest=_crossing(places, lower, limit),
        latest=_crossing(places, upper, limit),
        area=area,
    )


def _crossing(places: Floats, values: Floats, limit: float) -> Crossing:
    below = np.flatnonzero(values < limit)
    if below.size == 0:
        return Crossing(Reach.AFTER_LAST, None)
    after = int(below[0])
    if after == 0:
        return Crossing(Reach.BEFORE_FIRST, None)
    share = (values[after - 1] - limit) / (values[after - 1] - values[after])
    return Crossing(Reach.WITHIN, float(places[after - 1] + share * (places[after] - places[after - 1])))


def layers_alive(
    alive: npt.ArrayLike, persons: npt.ArrayLike, *, at_least: int, unknown: npt.ArrayLike | None = None
) -> LayersAlive:
    """The share of outputs on which at least ``at_least`` layers are found, clustered by people (case a).

    Args:
        alive: (n, layers) 0/1: an output's label, watermark, ... found after a chain.
        persons: (n,) integer labels.
        at_least: 1, 2, ... layers.
        unknown: (n, layers) 0/1: what could not be read (inconclusive); it is counted both ways.

    >>> found = layers_alive([[1, 1], [1, 0], [0, 0], [1, 1]], [1, 2, 3, 4], at_least=2)
    >>> found.low.p
    0.5

    Raises:
        UndefinedMetricError: no outputs, fewer than two people, values other than 0 and 1, more layers asked for than
            there are, or a layer both alive and unknown.
    """
    found = _table(alive, "alive")
    unread = np.zeros_like(found) if unknown is None else _table(unknown, "unknown")
    same_length("layers of outputs", found, unread)
    if not 1 <= at_least <= found.shape[1] or (found & unread).any():
        raise UndefinedMetricError(
            f"outputs with at least {at_least} layers were asked for",
            found=f"{found.shape[1]} layers, {int((found & unread).sum())} of them both found and unreadable",
            todo="ask for as many as there are at most; what could not be read is not found",
        )
    low = rate_interval(found.sum(axis=1) >= at_least, persons)
    high = rate_interval((found | unread).sum(axis=1) >= at_least, persons)
    return LayersAlive(at_least, low, high, imputed(low, high))


def _table(values: npt.ArrayLike, name: str) -> Bools:
    array = np.asarray(values)
    if array.ndim != 2 or array.size == 0:
        raise UndefinedMetricError(f"{name} layers of outputs were asked for", found=f"an array of shape {array.shape}")
    return zero_one(array.ravel(), name).reshape(array.shape)

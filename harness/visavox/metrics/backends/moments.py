"""What a back-end learns from: shrunk covariance within people, and the spread of people in the space it whitens."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from ..arrays import Floats, Ints

SPREAD_FLOOR = 1e-3
"""Differences below this share of a template's length are not amplified: recognisers differ by 1e-7 with the batch."""


class Moments(NamedTuple):
    """First and second moments of length-normalised templates, people apart.

    Attributes:
        mean: (d,) of all recordings.
        whitener: (d, d) W with x @ W of unit covariance within people, as far as the shrunk estimate is right.
        axes: (d, r) orthonormal axes of the whitened space in which people's means differ, widest first.
        spreads: (r,) sum over people of n_i (mean of i)^2 along each axis.
        spread_shrinkage: weight in [0, 1] with which the spreads are to be drawn toward their mean.
        levels: (r,) variance of the recordings at hand about their people's means, along each axis.
        level_mean: that along a whitened axis on average: at most 1.
        n_people: people.
        n_each: recordings a person, n_0 of an unbalanced one-way layout.
    """

    mean: Floats
    whitener: Floats
    axes: Floats
    spreads: Floats
    spread_shrinkage: float
    levels: Floats
    level_mean: float
    n_people: int
    n_each: float


def as_templates(templates: npt.ArrayLike) -> Floats:
    """Templates as float64 of shape (n, d).

    Raises:
        UndefinedMetricError: another shape, no dimension, or a value that is not finite.
    """
    array = np.asarray(templates, np.float64)
    if array.ndim != 2 or array.shape[1] == 0:
        raise UndefinedMetricError("templates were asked for, one row each", found=f"an array of shape {array.shape}")
    if not np.isfinite(array).all():
        raise UndefinedMetricError(
            "templates were asked for",
            found=f"{int((~np.isfinite(array)).any(1).sum())} of {len(array)} rows hold NaN or infinite values",
            todo="leave out what has no template; a template is made of finite numbers",
        )
    return array


def unit_length(templates: Floats) -> Floats:
    """Rows divided by their length; rows of length 0 stay 0."""
    largest = np.abs(templates).max(axis=1, keepdims=True, initial=0.0)
    scaled = np.divide(templates, largest, out=np.zeros_like(templates), where=largest > 0)
    lengths = np.linalg.norm(scaled, axis=1, keepdims=True)
    unit: Floats = np.divide(scaled, lengths, out=np.zeros_like(scaled), where=lengths > 0)
    return unit


def shrinkage(residuals: Floats, degrees_of_freedom: int) -> float:
    """Weight in [0, 1] of the isotropic target that minimises the expected error of the shrunk covariance.

    The estimator of Ledoit and Wolf (J. Multivariate Analysis 88, 2004). Residuals about people's own means are fewer
    independent draws than rows; their sampling error is scaled up by rows / degrees of freedom.

    Args:
        residuals: (n, d) rows about their mean (or means).
        degrees_of_freedom: n less the means taken out, >= 1.
    """
    n, d = residuals.shape
    gram = residuals @ residuals.T if n < d else residuals.T @ residuals
    squared = float((gram * gram).sum()) / n**2
    trace = float((residuals * residuals).sum()) / n
    distance = squared - trace**2 / d
    lengths = (residuals * residuals).sum(1)
    error = (float((lengths * lengths).sum()) / n - squared) / degrees_of_freedom
    return 1.0 if distance <= 0 else float(min(max(error, 0.0) / distance, 1.0))


def shrunk(covariance: Floats, weight: float) -> Floats:
    """(1 - weight) C + weight (trace C / d) I."""
    d = covariance.shape[0]
    mixed: Floats = (1 - weight) * covariance
    mixed[np.diag_indices(d)] += weight * float(np.trace(covariance)) / d
    return mixed


def whitening(covariance: Floats) -> Floats:
    """W with W^T C W = I, C floored so that nothing below ``SPREAD_FLOOR`` of a unit template is blown up."""
    from scipy import linalg

    d = covariance.shape[0]
    floored = covariance.copy()
    floored[np.diag_indices(d)] += SPREAD_FLOOR**2 / d
    lower = linalg.cholesky(floored, lower=True, check_finite=False)
    inverse: Floats = linalg.solve_triangular(lower, np.eye(d), lower=True, check_finite=False).T
    return inverse


def moments(vectors: Floats, people: Ints) -> Moments:
    """Moments of unit-length templates of people numbered 0 .. k - 1, each with at least one row.

    Where nobody has two rows, the covariance of all rows stands for that within people.
    """
    from scipy import linalg

    n = len(vectors)
    counts = np.bincount(people).astype(np.float64)
    k = counts.size
    mean = vectors.mean(axis=0)
    centred = vectors - mean
    means = _sums(centred, people, k) / counts[:, None]
    freedom = n - k if n > k else max(n - 1, 1)
    residuals = centred - means[people] if n > k else centred
    within = shrunk(residuals.T @ residuals / freedom, shrinkage(residuals, freedom))
    whitener = whitening(within)
    weighted = np.sqrt(counts)[:, None] * (means @ whitener)
    _, sizes, axes = linalg.svd(weighted, full_matrices=False, check_finite=False)
    kept = sizes > 1e-9 * max(1.0, float(sizes[0]))
    kept[max(k - 1, 0) :] = False
    n_each = (n - float(counts @ counts) / n) / (k - 1) if k > 1 else float(n)
    axes = np.ascontiguousarray(axes[kept].T)
    spread = residuals @ whitener
    levels = ((spread @ axes) ** 2).sum(0) / freedom
    level_mean = float((spread**2).sum()) / (freedom * mean.size)
    weight = shrinkage(weighted, max(k - 1, 1))
    return Moments(mean, whitener, axes, sizes[kept] ** 2, weight, levels, level_mean, k, n_each)


def _sums(rows: Floats, people: Ints, k: int) -> Floats:
    """Sums of rows by person."""
    order = np.argsort(people, kind="stable")
    starts = np.searchsorted(people[order], np.arange(k))
    return np.asarray(np.add.reduceat(rows[order], starts, axis=0), np.float64)

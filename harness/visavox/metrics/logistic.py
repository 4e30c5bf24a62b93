"""Logistic regression, small and exact: standardised features, balanced classes, a quadratic penalty."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

Floats = npt.NDArray[np.float64]

PENALTY: Final = 1.0
"""Half of it times the squared coefficients is added to the loss; scikit-learn's C = 1."""
_MAX_STEPS: Final = 100
_TOLERANCE: Final = 1e-9
_ROUNDING: Final = 1e-12  # of the loss: nearer to its minimum than this, steps are no longer told by it


class LogisticModel(NamedTuple):
    """A fitted model; its score is a natural-log odds at equal prior shares of both classes.

    Attributes:
        mean, scale: (d,) of the features it was fitted to.
        weights: (d,) of the standardised features.
        offset: added to the score.
    """

    mean: Floats
    scale: Floats
    weights: Floats
    offset: float

    def scores(self, features: npt.ArrayLike) -> Floats:
        """(n,) attack scores of (n, d) features."""
        standardised = (np.asarray(features, np.float64) - self.mean) / self.scale
        return np.asarray(standardised @ self.weights + self.offset, np.float64)


def fit_logistic(negatives: npt.ArrayLike, positives: npt.ArrayLike, *, penalty: float = PENALTY) -> LogisticModel:
    """The minimum of the penalised loss, by Newton's method (iteratively reweighted least squares).

    Each class weighs half of all media, whatever their numbers; the offset is not penalised. Features that do not
    vary get no weight.

    Args:
        negatives: (n, d) features of bona fide media.
        positives: (m, d) features of synthetic media.
        penalty: above 0, which also keeps separable classes finite.

    Raises:
        UndefinedMetricError: fewer than two media of a class, features that are not finite, or no convergence.
    """
    below, above = np.asarray(negatives, np.float64), np.asarray(positives, np.float64)
    if min(len(below), len(above)) < 2 or below.ndim != 2 or below.shape[1:] != above.shape[1:]:
        raise UndefinedMetricError(
            "a detector was to be fitted", found=f"features of shapes {below.shape} and {above.shape}, two rows of each"
        )
    features = np.concatenate([below, above])
    if not np.isfinite(features).all():
        raise UndefinedMetricError("a detector was to be fitted", found="features that are NaN or infinite")
    mean, scale = features.mean(axis=0), features.std(axis=0)
    constant = scale <= 1e-12 * np.maximum(np.abs(mean), 1.0)
    scale = np.where(constant, np.inf, scale)
    columns = np.column_stack([(features - mean) / scale, np.ones(len(features))])
    targets = np.repeat([0.0, 1.0], [len(below), len(above)])
    share = np.repeat([0.5 / len(below), 0.5 / len(above)], [len(below), len(above)]) * len(features)
    penalties = np.append(np.full(features.shape[1], penalty), 0.0)
    weights = _minimum(columns, targets, share, penalties)
    return LogisticModel(mean, scale, weights[:-1], float(weights[-1]))


def _minimum(columns: Floats, targets: Floats, share: Floats, penalties: Floats) -> Floats:
    def loss(weights: Floats) -> float:
        z = columns @ weights
        return float(share @ (np.logaddexp(0.0, z) - targets * z) + 0.5 * penalties @ weights**2)

    weights = np.zeros(columns.shape[1])
    now = loss(weights)
    for _ in range(_MAX_STEPS):
        p = 0.5 * (1.0 + np.tanh(0.5 * (columns @ weights)))
        slope = columns.T @ (share * (p - targets)) + penalties * weights
        if float(np.abs(slope).max()) < _TOLERANCE * len(targets):
            return weights
        curvature = (columns * (share * p * (1 - p))[:, None]).T @ columns + np.diag(penalties)
        curvature[-1, -1] += 1e-12
        step = np.linalg.solve(curvature, slope)
        size = 1.0
        while (after := loss(weights - size * step)) > now + _ROUNDING * abs(now) and size > 1e-8:
            size /= 2
        weights, now = weights - size * step, after
    raise UndefinedMetricError("a detector was to be fitted", found=f"no minimum after {_MAX_STEPS} steps")

"""The linear classifier behind ``in_loop``: a ridge discriminant whose penalty and calibration people apart choose.

Few media with many features each: a linear discriminant with a quadratic penalty does as well there as the ensembles of
discriminants that rich models were first used with, and everything it needs comes from one matrix of inner products.

References:
    Kodovský, Fridrich, Holub, Ensemble classifiers for steganalysis of digital media, IEEE TIFS 7 (2012);
    Cogranne, Sedighi, Fridrich, Pevný, Is ensemble classifier needed for steganalysis in high-dimensional feature
    spaces?, WIFS 2015 (a ridge discriminant in its place).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.metrics.left_out import left_out_folds

from .calibration import INNER_FOLDS, calibrated

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PENALTIES: Final = tuple(10.0 ** (k / 2) for k in range(-8, 5))
"""Tried in units of the features' mean squared length; of equally good ones the largest is taken."""


class RidgeModel(NamedTuple):
    """A fitted discriminant; its score is a natural-log odds at equal prior shares of both classes.

    Attributes:
        weights: (d,) of the features as they are.
        offset: added to the score.
        penalty: the one chosen, of ``PENALTIES``.
    """

    weights: Floats
    offset: float
    penalty: float

    def scores(self, features: npt.ArrayLike) -> Floats:
        """(n,) attack scores of (n, d) features."""
        rows = np.asarray(features, np.float64)
        return np.array([float((row * self.weights).sum()) + self.offset for row in rows])


def fit_ridge(negatives: Floats, positives: Floats, negative_persons: Ints, positive_persons: Ints) -> RidgeModel:
    """The discriminant of standardised features, each class weighing half, at the penalty that strangers prefer.

    For every penalty each medium is scored by a discriminant fitted without its person; a logistic regression of these
    scores gives the loss by which the penalty is chosen, and the scale of log odds. (Mean and deviation of features are
    taken over all people of the fit: they know no class.)

    Args:
        negatives, positives: (n, d), (m, d) features of bona fide and of synthetic media, finite.
        negative_persons, positive_persons: (n,), (m,) whose they are.

    Raises:
        UndefinedMetricError: people so few, or so divided over the classes, that nobody can be left out.
    """
    features = np.concatenate([negatives, positives])
    mean, scale = features.mean(axis=0), features.std(axis=0)
    scale = np.where(scale <= 1e-9 * np.maximum(np.abs(mean), 1.0), np.inf, scale)
    rows = (features - mean) / scale
    products = rows @ rows.T
    signs = np.repeat([-1.0, 1.0], [len(negatives), len(positives)])
    left_out = np.zeros((len(PENALTIES), len(rows)))
    for test in left_out_folds(np.concatenate([negative_persons, positive_persons]), signs > 0, INNER_FOLDS):
        train = ~test
        found = _discriminants(products[np.ix_(train, train)], signs[train])
        left_out[:, test] = (products[np.ix_(test, train)] @ found.weights + found.offsets).T
    choices = [calibrated(scores[signs < 0], scores[signs > 0]) for scores in left_out]
    losses = np.array([choice.loss for choice in choices])
    best = int(np.flatnonzero(losses <= losses.min() + 1e-9)[-1])
    everybody = _discriminants(products, signs)
    slope, offset = choices[best].slope, choices[best].offset
    weights = (everybody.weights[:, best] @ rows) * slope / scale
    start = slope * float(everybody.offsets[best]) + offset
    return RidgeModel(weights, start - float((weights * mean).sum()), PENALTIES[best])


class _Discriminants(NamedTuple):
    """One a penalty: weights of the training rows, (n, p), and offsets, (p,)."""

    weights: Floats
    offsets: Floats


def _discriminants(products: Floats, signs: Floats) -> _Discriminants:
    """Ridge regression of the signs on the rows whose inner products are given, in its dual form."""
    n = len(signs)
    shares = np.where(signs > 0, 0.5 / (signs > 0).sum(), 0.5 / (signs < 0).sum())
    roots = np.sqrt(shares * n)
    off_mean = products @ shares
    centred = products - off_mean[:, None] - off_mean[None, :] + float(shares @ off_mean)
    values, vectors = np.linalg.eigh(roots[:, None] * centred * roots[None, :])
    values = np.maximum(values, 0.0)
    size = max(float(values.sum()) / n, np.finfo(np.float64).tiny)
    along = vectors.T @ (roots * signs)
    shrunk = along[:, None] / (values[:, None] + size * np.array(PENALTIES)[None, :])
    weights = roots[:, None] * (vectors @ shrunk)
    weights -= shares[:, None] * weights.sum(axis=0)  # of rows from which the mean was taken, for rows as they are
    return _Discriminants(weights, -(off_mean @ weights))

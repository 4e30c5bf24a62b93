"""Gaussian mixtures with diagonal covariances: fitted by EM, adapted by MAP, as vectors of fixed length.

References:
    D. Reynolds, T. Quatieri, R. Dunn, Speaker verification using adapted Gaussian mixture models, Digital Signal
    Processing 10 (2000); W. Campbell, D. Sturim, D. Reynolds, Support vector machines using GMM supervectors for
    speaker verification, IEEE Signal Processing Letters 13 (2006).
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

_FLOOR: Final = 0.05  # of the variances, as a share of all frames' variance
_ROUNDS: Final = 6  # of EM between two splits
_LAST_ROUNDS: Final = 20
_SPLIT: Final = 0.5  # standard deviations by which the halves of a split component part
_MIN_COUNT: Final = 1e-6
_CHUNK: Final = 1 << 14


class Mixture(NamedTuple):
    """Weights (k,), means (k, d) and variances (k, d) of k components."""

    weights: Floats
    means: Floats
    variances: Floats


class Statistics(NamedTuple):
    """Frames that fall to each component, (k,), and their sums, (k, d)."""

    counts: Floats
    sums: Floats


def fit_mixture(frames: Floats, n_components: int) -> Mixture:
    """A mixture fitted to frames of shape (n, d) by EM; it starts from one component and splits all again and again.

    Nothing is drawn: the same frames give the same mixture.

    Args:
        n_components: a power of two.

    >>> frames = np.array([[0.0], [0.1], [-0.1], [5.0], [5.1], [4.9]])
    >>> fit_mixture(frames, 2).means.round(2).ravel().tolist()
    [0.0, 5.0]
    """
    floor = _FLOOR * frames.var(axis=0) + np.finfo(np.float64).tiny
    mixture = Mixture(np.ones(1), frames.mean(axis=0, keepdims=True), np.maximum(frames.var(axis=0), floor)[None])
    while len(mixture.weights) < n_components:
        step = _SPLIT * np.sqrt(mixture.variances)
        mixture = Mixture(
            np.tile(mixture.weights, 2) / 2.0,
            np.concatenate([mixture.means - step, mixture.means + step]),
            np.tile(mixture.variances, (2, 1)),
        )
        is_last = len(mixture.weights) >= n_components
        for _ in range(_LAST_ROUNDS if is_last else _ROUNDS):
            mixture = _em_round(frames, mixture, floor)
    return mixture


def log_likelihoods(frames: Floats, mixture: Mixture) -> Floats:
    """log(weight x density) of each frame under each component, shape (n, k)."""
    precisions = 1.0 / mixture.variances
    constant = np.log(mixture.weights) - 0.5 * (
        np.log(2.0 * np.pi * mixture.variances) + mixture.means**2 * precisions
    ).sum(axis=1)
    values: Floats = constant - 0.5 * (frames**2 @ precisions.T) + frames @ (mixture.means * precisions).T
    return values


def statistics(frames: Floats, mixture: Mixture) -> Statistics:
    """The statistics of order 0 and 1 of frames (n, d) under the components' posteriors."""
    shares = _posteriors(frames, mixture)
    return Statistics(shares.sum(axis=0), shares.T @ frames)


def supervector(frames: Floats, mixture: Mixture, *, relevance: float) -> Floats:
    """How MAP adaptation to the frames moves each mean, in the KL kernel's units; shape (k * d,).

    The inner product of two supervectors bounds the divergence of the two adapted mixtures (Campbell 2006, eq. 6).

    Args:
        relevance: frames at which a component's mean is half the frames' own (Reynolds 2000, eq. 14).
    """
    counts, sums = statistics(frames, mixture)
    trust = counts / (counts + relevance)
    moved = trust[:, None] * (sums / np.maximum(counts, _MIN_COUNT)[:, None] - mixture.means)
    vector: Floats = (np.sqrt(mixture.weights)[:, None] * moved / np.sqrt(mixture.variances)).ravel()
    return vector


def _posteriors(frames: Floats, mixture: Mixture) -> Floats:
    values = log_likelihoods(frames, mixture)
    shares = np.exp(values - values.max(axis=1, keepdims=True))
    posteriors: Floats = shares / shares.sum(axis=1, keepdims=True)
    return posteriors


def _em_round(frames: Floats, mixture: Mixture, floor: Floats) -> Mixture:
    counts = np.full(len(mixture.weights), _MIN_COUNT)
    sums, squares = np.zeros_like(mixture.means), np.zeros_like(mixture.means)
    for start in range(0, len(frames), _CHUNK):  # memory holds the posteriors of one chunk
        chunk = frames[start : start + _CHUNK]
        shares = _posteriors(chunk, mixture)
        counts += shares.sum(axis=0)
        sums += shares.T @ chunk
        squares += shares.T @ chunk**2
    means = sums / counts[:, None]
    return Mixture(counts / counts.sum(), means, np.maximum(squares / counts[:, None] - means**2, floor))

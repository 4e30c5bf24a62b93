"""Whether a detector's probabilities mean what they say: expected calibration error and Brier score.

Both take probabilities that a medium is synthetic. ECE here is the expected *calibration* error; the empirical
cross-entropy of the same initials is ``disclosure.ece_curve``, and Cllr with its calibration part ``disclosure``'s too.

References: Naeini et al., AAAI 2015 (ECE); Nguyen and O'Connor, EMNLP 2015 (bins of equal mass); Brier, Monthly Weather
Review 78 (1950) 1-3.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from .arrays import Floats, finite_scores
from .mean_intervals import MeanInterval
from .score_tables import ScoreCounts, counts_of, detector_classes, jackknife

BINS = 15


def brier_score(bona_fide: npt.ArrayLike, attacks: npt.ArrayLike) -> float:
    """Mean squared difference between probability and truth over all media, in [0, 1]; .25 for a constant .5.

    Args:
        bona_fide: (n,) probabilities of bona fide media to be synthetic.
        attacks: (m,) probabilities of synthetic media.

    >>> brier_score([0.0, 0.5], [1.0, 0.5])
    0.125

    Raises:
        UndefinedMetricError: no scores of a class, or values outside [0, 1].
    """
    return _brier(_counts(bona_fide, attacks))


def expected_calibration_error(bona_fide: npt.ArrayLike, attacks: npt.ArrayLike, *, bins: int = BINS) -> float:
    """Mean over bins of equal mass of |share of synthetic media - mean probability|, weighted by their media.

    A probability goes into bin floor(bins (rank - 1/2) / n), of equal ones all by their mean rank, so that no order
    decides. A perfectly calibrated detector has a small positive value, about sqrt(2 p (1 - p) bins / (pi n)).

    Args:
        bona_fide, attacks: probabilities to be synthetic.
        bins: how many; fewer are filled where many probabilities are equal.

    >>> expected_calibration_error([0.25] * 30, [0.25] * 10)
    0.0

    Raises:
        UndefinedMetricError: no scores of a class, values outside [0, 1], or fewer media than bins.
    """
    return _ece(_counts(bona_fide, attacks), bins)


def brier_score_interval(
    bona_fide: npt.ArrayLike,
    bona_fide_persons: npt.ArrayLike,
    attacks: npt.ArrayLike,
    attack_persons: npt.ArrayLike,
    *,
    alpha: float = 0.05,
) -> MeanInterval:
    """``brier_score`` with its delete-one-person jackknife; clipped to [0, 1].

    Raises:
        UndefinedMetricError: as ``brier_score``, fewer than three people, or one person who has all scores of a class.
    """
    return _interval(bona_fide, bona_fide_persons, attacks, attack_persons, _brier, alpha)


def expected_calibration_error_interval(
    bona_fide: npt.ArrayLike,
    bona_fide_persons: npt.ArrayLike,
    attacks: npt.ArrayLike,
    attack_persons: npt.ArrayLike,
    *,
    bins: int = BINS,
    alpha: float = 0.05,
) -> MeanInterval:
    """``expected_calibration_error`` with its delete-one-person jackknife, bins filled anew each time.

    Raises:
        UndefinedMetricError: as ``expected_calibration_error``, fewer than three people, or one person who has all
            scores of a class.
    """
    return _interval(bona_fide, bona_fide_persons, attacks, attack_persons, lambda counts: _ece(counts, bins), alpha)


def _probabilities(values: npt.ArrayLike, name: str) -> Floats:
    scores = finite_scores(values, name).astype(np.float64)
    if scores.min() < 0.0 or scores.max() > 1.0:
        raise UndefinedMetricError(
            f"the calibration of {name} probabilities was asked for",
            found=f"values from {scores.min():g} to {scores.max():g}",
            todo="give probabilities in [0, 1]; of scores that are none there is no calibration",
        )
    return scores


def _counts(bona_fide: npt.ArrayLike, attacks: npt.ArrayLike) -> ScoreCounts:
    return counts_of(_probabilities(bona_fide, "bona fide"), _probabilities(attacks, "attack"))


def _brier(counts: ScoreCounts) -> float:
    bona_fide, attacks = counts.counts
    errors = bona_fide * counts.scores**2 + attacks * (1.0 - counts.scores) ** 2
    return float(errors.sum() / counts.counts.sum())


def _ece(counts: ScoreCounts, bins: int) -> float:
    media = counts.counts.sum(axis=0)
    n = int(media.sum())
    if not 1 <= bins <= n:
        raise UndefinedMetricError(
            f"an expected calibration error over {bins} bins was asked for",
            found=f"{n} media",
            todo="one a bin at least",
        )
    middle = np.cumsum(media) - media / 2
    place = np.minimum((bins * middle / n).astype(np.int64), bins - 1)
    synthetic = np.bincount(place, counts.counts[1], minlength=bins)
    stated = np.bincount(place, media * counts.scores, minlength=bins)
    return float(np.abs(synthetic - stated).sum() / n)


def _interval(
    bona_fide: npt.ArrayLike,
    bona_fide_persons: npt.ArrayLike,
    attacks: npt.ArrayLike,
    attack_persons: npt.ArrayLike,
    figure: Callable[[ScoreCounts], float],
    alpha: float,
) -> MeanInterval:
    checked = _probabilities(bona_fide, "bona fide"), _probabilities(attacks, "attack")
    classes = detector_classes(checked[0], bona_fide_persons, checked[1], attack_persons)
    return jackknife(classes, figure, alpha=alpha)

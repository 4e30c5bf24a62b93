"""The classifier of ``in_loop`` for voices: two Gaussian mixtures of cepstra, and a discriminant of their shape.

The mixtures, one a class, judge each frame by itself: the likelihood ratio with which anti-spoofing challenges begin.
What a whole recording shows (how much its cepstra vary, how skewed they are, how alike frames that follow each other
are) they cannot see; a ridge discriminant of such statistics can. The score is the mean of both log odds.

References:
    Sahidullah, Kinnunen, Hanilçi, A comparison of features for synthetic speech detection, Interspeech 2015;
    Todisco et al., ASVspoof 2019: future horizons in spoofed and fake audio detection, Interspeech 2019 (baseline B02).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.adapters.recognisers.gmm import Mixture, fit_mixture, log_likelihoods
from visavox.metrics.left_out import left_out_folds

from .calibration import calibrated
from .ridge import RidgeModel, fit_ridge

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

COMPONENTS: Final = 32
TRAINING_FRAMES: Final = 12_000
"""Of each class that a mixture is fitted to, evenly over all recordings."""
MIXTURE_FOLDS: Final = 3
_LEVELS: Final = (5.0, 25.0, 50.0, 75.0, 95.0)


class VoiceModel(NamedTuple):
    """Both models; a score is a natural-log odds at equal prior shares of both classes.

    Attributes:
        bona_fide, edited: mixtures of frames.
        slope, offset: log odds of their mean log-likelihood ratio.
        shape: the discriminant of `recording_shape`.
    """

    bona_fide: Mixture
    edited: Mixture
    slope: float
    offset: float
    shape: RidgeModel

    def score(self, frames: Floats) -> float:
        """The attack score of one recording's frames, shape (n, d)."""
        by_frame = self.slope * likelihood_ratio(frames, self.bona_fide, self.edited) + self.offset
        return 0.5 * (by_frame + float(self.shape.scores(recording_shape(frames)[None])[0]))


def fit_voice_model(
    negatives: Sequence[Floats], positives: Sequence[Floats], negative_persons: Ints, positive_persons: Ints
) -> VoiceModel:
    """Fitted to the frames of bona fide and of synthetic recordings; nothing is drawn.

    Raises:
        UndefinedMetricError: people so few, or so divided over the classes, that nobody can be left out.
    """
    recordings = [*negatives, *positives]
    persons = np.concatenate([negative_persons, positive_persons])
    is_synthetic = np.repeat([False, True], [len(negatives), len(positives)])
    ratios = np.zeros(len(recordings))
    for test in left_out_folds(persons, is_synthetic, MIXTURE_FOLDS):
        pair = [
            _mixture([recordings[k] for k in np.flatnonzero(~test & kind)]) for kind in (~is_synthetic, is_synthetic)
        ]
        for k in np.flatnonzero(test):
            ratios[k] = likelihood_ratio(recordings[k], *pair)
    found = calibrated(ratios[~is_synthetic], ratios[is_synthetic])
    shapes = np.stack([recording_shape(frames) for frames in recordings])
    return VoiceModel(
        _mixture(negatives),
        _mixture(positives),
        found.slope,
        found.offset,
        fit_ridge(shapes[~is_synthetic], shapes[is_synthetic], negative_persons, positive_persons),
    )


def likelihood_ratio(frames: Floats, bona_fide: Mixture, edited: Mixture) -> float:
    """Mean over frames of ln p(frame | edited) - ln p(frame | bona fide)."""
    return float((_log_sums(frames, edited) - _log_sums(frames, bona_fide)).mean())


def recording_shape(frames: Floats) -> Floats:
    """Statistics of a recording's frames: mean, deviation, quantiles, and how alike neighbours are, (8 d,)."""
    mean, deviation = frames.mean(axis=0), np.maximum(frames.std(axis=0), 1e-9)
    quantiles = (np.percentile(frames, _LEVELS, axis=0) - mean) / deviation
    neighbours = ((frames[1:] - mean) * (frames[:-1] - mean)).mean(axis=0) / deviation**2
    return np.concatenate([mean, np.log(deviation), quantiles.ravel(), neighbours])


def _mixture(recordings: Sequence[Floats]) -> Mixture:
    frames = np.concatenate(recordings)
    return fit_mixture(frames[:: -(-len(frames) // TRAINING_FRAMES)], COMPONENTS)


def _log_sums(frames: Floats, mixture: Mixture) -> Floats:
    values = log_likelihoods(frames, mixture)
    largest = values.max(axis=1)
    return np.asarray(largest + np.log(np.exp(values - largest[:, None]).sum(axis=1)), np.float64)

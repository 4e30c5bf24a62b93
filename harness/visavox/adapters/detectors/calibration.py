"""Log odds from the scores of people who were left out of a fit.

Scores of a model's own training media lie too far apart: what a score of a stranger means is learnt from people that
were left out, a group at a time.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.metrics.logistic import fit_logistic

Floats = npt.NDArray[np.float64]

INNER_FOLDS: Final = 5
LEAST_SLOPE: Final = 0.01
"""Per standard deviation of the scores: one that misled within the fit keeps its order, and says next to nothing."""


class Calibration(NamedTuple):
    """log odds = slope x score + offset; ``loss`` is what it costs, each class weighing half, in nats."""

    slope: float
    offset: float
    loss: float


def calibrated(negatives: Floats, positives: Floats) -> Calibration:
    """Log odds by a logistic regression of the scores of bona fide and of synthetic media, shapes (n,) and (m,)."""
    model = fit_logistic(negatives[:, None], positives[:, None])
    slope = max(float(model.weights[0]), LEAST_SLOPE) / float(model.scale[0])
    offset = model.offset - slope * float(model.mean[0])
    loss = 0.5 * float(np.logaddexp(0.0, slope * negatives + offset).mean())
    loss += 0.5 * float(np.logaddexp(0.0, -(slope * positives + offset)).mean())
    return Calibration(slope, offset, loss)

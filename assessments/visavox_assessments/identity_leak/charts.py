"""What a reader wants to see of an attacker's scores: DET curves and distributions by link."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from visavox.core.figures import Curve, Histogram
from visavox.core.terms import Attacker
from visavox.metrics.operating_points import threshold_at_fmr
from visavox_assessments.histograms import link_histograms

from .trials import KindTrials

CURVE_POINTS = 200


def det_curves(recogniser: str, attacker: Attacker, trials: KindTrials) -> Iterator[Curve]:
    """The DET curve of the comparisons that the EER is of: FMR and FNMR over all thresholds, thinned."""
    kind = trials.whole
    if kind is None or kind.mated.size == 0 or kind.non_mated.size == 0:
        return
    non, mated = np.sort(kind.non_mated), np.sort(kind.mated)
    rates = np.geomspace(1.0 / non.size, 1.0, CURVE_POINTS)
    ranks = np.unique(np.clip(np.round(rates * non.size).astype(np.int64), 1, non.size))
    thresholds = non[non.size - ranks]
    fmr = 1.0 - np.searchsorted(non, thresholds, side="left") / non.size
    fnmr = np.searchsorted(mated, thresholds, side="left") / mated.size
    yield Curve(
        recogniser=recogniser,
        attacker=attacker,
        kind=kind.name,
        fmr=tuple(round(float(v), 8) for v in fmr),
        fnmr=tuple(round(float(v), 8) for v in fnmr),
    )


def histograms(recogniser: str, attacker: Attacker, trials: KindTrials, fmr: float) -> Iterator[Histogram]:
    """Mated and non-mated scores of the attacker's largest kind of comparison, in equal bins."""
    kind = trials.largest
    if kind is None or kind.mated.size == 0 or kind.non_mated.size == 0:
        return
    threshold = threshold_at_fmr(kind.non_mated, fmr).threshold
    shown = {"mated": kind.mated, "non-mated": kind.non_mated}
    yield from link_histograms(recogniser, attacker, kind.name, shown, threshold)

"""How much of the edited media a detector flags at a false positive rate, its threshold frozen or re-calibrated.

The threshold is read from bona fide media of people whom the detector neither was fitted on nor is judged by
(STATISTICS 1 and 5). *Frozen*: from clean ones, as a deployed detector's; under a perturbation its realised FPR then
stands beside its TPR, for a detector that flags everything blurred has found nothing. *Re-calibrated*: from bona fide
media that went through the same perturbation. Either way the threshold's own uncertainty is in the intervals (case e).

Scores are attack scores: higher = more synthetic; a medium is flagged iff ``score >= threshold``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from .arrays import finite_scores
from .intervals import rate_interval
from .operating_points import RULE_OF_3, ThresholdResult, meets_rule, threshold_at_fmr
from .rate_records import RateInterval
from .threshold_intervals import Stratum, rate_at_threshold_interval

USUAL_FPR = 0.01
FPR_OF_FEW = 0.05
ENOUGH_NEGATIVES = 300
"""Effective bona fide media from which the usual FPR is asked for: the rule of 3 at 1 %."""


class UsableFpr(NamedTuple):
    """The FPR that bona fide media can speak of.

    Attributes:
        fpr: 1 %, or 5 % of fewer than 300 effective negatives: then the intervals, which follow people and threshold,
            say how little the few tell; a design effect read from one or two flags would not.
        n_effective: negatives over their design effect at 1 %; media of one person are no independent trials.
    """

    fpr: float
    n_effective: float


class DetectorFold(NamedTuple):
    """Scores of one fitted detector: trials of people it was not fitted on, and what its threshold is read from.

    Attributes:
        attacks, bona_fide: (n,), (m,) attack scores of the media judged.
        attack_persons, bona_fide_persons: integer labels; of an output with two people the host.
        calibration: (k,) attack scores of other bona fide media, by the same detector, which was not fitted on these
            people either: scores of its own training media lie too low.
        calibration_persons: (k,) integer labels.
        attack_seconds: (n,) the donor of each output, in all folds or in none.
    """

    attacks: npt.ArrayLike
    attack_persons: npt.ArrayLike
    bona_fide: npt.ArrayLike
    bona_fide_persons: npt.ArrayLike
    calibration: npt.ArrayLike
    calibration_persons: npt.ArrayLike
    attack_seconds: npt.ArrayLike | None = None


class DetectionRates(NamedTuple):
    """TPR and realised FPR over all folds, each decided at its fold's threshold.

    Attributes:
        tpr: share of attacks flagged.
        fpr: share of the judged bona fide media flagged; what the target became.
        target_fpr: what the thresholds were set for.
        thresholds: one a fold; where ``ties``, no calibration score reached the target.
    """

    tpr: RateInterval
    fpr: RateInterval
    target_fpr: float
    thresholds: tuple[ThresholdResult, ...]

    @property
    def apcer(self) -> float:
        """Share of attacks passed, of all species together."""
        return 1.0 - self.tpr.p


def usable_fpr(calibration: npt.ArrayLike, persons: npt.ArrayLike) -> UsableFpr:
    """1 % where there are 300 effective negatives, else 5 %; the design effect is that of the flags at 1 %.

    Args:
        calibration: (k,) attack scores of bona fide media; persons: (k,) integer labels.

    >>> usable_fpr([k / 100 for k in range(100)], range(100)).fpr
    0.05

    Raises:
        UndefinedMetricError: fewer than 60 scores (rule of 3 at 5 %), fewer than two people, or scores that are not
            finite.
    """
    scores = finite_scores(calibration, "bona fide")
    flagged = scores >= threshold_at_fmr(scores, USUAL_FPR).threshold
    found = rate_interval(flagged, persons)
    own_factor = found.n_people / (found.n_people - 1)  # of V: without it 300 people with one medium each are not 300
    n_effective = min(float(found.n), found.n / found.deff * own_factor)
    if n_effective >= ENOUGH_NEGATIVES * (1 - 1e-9):
        return UsableFpr(USUAL_FPR, n_effective)
    if not meets_rule(RULE_OF_3, scores.size, FPR_OF_FEW):
        raise UndefinedMetricError(
            "a false positive rate that these bona fide media can speak of was asked for",
            found=f"{scores.size} bona fide scores",
            todo=f"at least {RULE_OF_3 / FPR_OF_FEW:.0f} (rule of 3 at {FPR_OF_FEW:g}): add people",
        )
    return UsableFpr(FPR_OF_FEW, n_effective)


def threshold_at_fpr(calibration: npt.ArrayLike, target_fpr: float) -> ThresholdResult:
    """The smallest calibration score that at most a share of bona fide media reaches; as ``threshold_at_fmr``.

    >>> threshold_at_fpr([float(k) for k in range(100)], 0.05).threshold
    95.0

    Raises:
        UndefinedMetricError: fewer than 3 / target scores (rule of 3), scores that are not finite, or a target outside
            (0, 1).
    """
    found = threshold_at_fmr(calibration, target_fpr)
    if not meets_rule(RULE_OF_3, found.n, target_fpr):
        raise UndefinedMetricError(
            f"a threshold at FPR {target_fpr:g} was asked for",
            found=f"{found.n} bona fide scores, at least {RULE_OF_3 / target_fpr:.0f} needed (rule of 3)",
            todo="add people or recordings, or ask for a larger FPR",
        )
    return found


def detection_rates(folds: Sequence[DetectorFold], target_fpr: float) -> DetectionRates:
    """TPR at an FPR and the FPR it became, pooled over folds; frozen or re-calibrated is what ``calibration`` holds.

    >>> clean, people, others = [k / 100 for k in range(100)], range(100), range(100, 200)
    >>> fold = DetectorFold([score + 0.5 for score in clean], people, clean, people, clean, others)
    >>> rates = detection_rates([fold], 0.05)
    >>> rates.tpr.p, rates.fpr.p
    (0.55, 0.05)

    Raises:
        UndefinedMetricError: no folds, no attacks or no bona fide media, fewer than two people, a fold whose
            calibration has fewer than 3 / target scores, or scores that are not finite.
    """
    thresholds = tuple(threshold_at_fpr(fold.calibration, target_fpr) for fold in folds)
    pairs = list(zip(folds, thresholds, strict=True))

    def stratum(fold: DetectorFold, point: ThresholdResult, *, of_attacks: bool) -> Stratum:
        return Stratum(
            scores=fold.attacks if of_attacks else fold.bona_fide,
            persons=fold.attack_persons if of_attacks else fold.bona_fide_persons,
            threshold=point.threshold,
            target_fmr=target_fpr,
            non_mated=fold.calibration,
            non_first=fold.calibration_persons,
            non_second=None,
            seconds=fold.attack_seconds if of_attacks else None,
        )

    tpr = rate_at_threshold_interval([stratum(*pair, of_attacks=True) for pair in pairs])
    fpr = rate_at_threshold_interval([stratum(*pair, of_attacks=False) for pair in pairs])
    return DetectionRates(tpr, fpr, target_fpr, thresholds)

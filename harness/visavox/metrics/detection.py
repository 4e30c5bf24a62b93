"""Detection costs of a detector of synthetic media: DCF as ASVspoof 5 counts it, at its best and at Bayes' threshold.

Scores are attack scores: higher = more synthetic; media are flagged iff ``score >= threshold``. ASVspoof's own files
score the other way (higher = bona fide): whoever reads them negates once. Its rule there, accept iff llr >= t, becomes
flag iff score > -t: the two differ on a score that equals the threshold alone.

Reference: ASVspoof 5 evaluation plan (2024), track 1.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from .arrays import Floats, finite_scores
from .mean_intervals import MeanInterval
from .score_tables import ScoreCounts, counts_of, detector_classes, jackknife


class DetectionCosts(NamedTuple):
    """What errors cost and how often attacks come; the defaults are ASVspoof 5's.

    Attributes:
        miss: cost of flagging bona fide media.
        false_alarm: cost of passing an attack.
        p_attack: prior probability of an attack, in (0, 1).
    """

    miss: float = 1.0
    false_alarm: float = 10.0
    p_attack: float = 0.05

    @property
    def weight_bona_fide(self) -> float:
        """Weight of the share of bona fide media flagged."""
        return self.miss * (1 - self.p_attack)

    @property
    def weight_attacks(self) -> float:
        """Weight of the share of attacks passed."""
        return self.false_alarm * self.p_attack

    @property
    def bayes_threshold(self) -> float:
        """Attack log-likelihood ratio from which flagging costs less; .6419 with the defaults."""
        return math.log(self.weight_bona_fide / self.weight_attacks)


class DetectionCost(NamedTuple):
    """A normalised detection cost and the point it is read at.

    Attributes:
        dcf: 1 = as dear as flagging all or nothing, whichever is cheaper.
        threshold: flag iff score >= threshold; infinite flags nothing.
        bona_fide_flagged: share of bona fide media with score >= threshold.
        attacks_passed: share of attacks with score < threshold, all species together.
    """

    dcf: float
    threshold: float
    bona_fide_flagged: float
    attacks_passed: float


ASVSPOOF5 = DetectionCosts()


def _check_costs(costs: DetectionCosts) -> None:
    if not (costs.miss > 0 and costs.false_alarm > 0 and 0 < costs.p_attack < 1):
        raise UndefinedMetricError(
            "a detection cost was asked for", found=f"{costs}", todo="costs > 0, prior in (0, 1)"
        )


def _cost(flagged: Floats, passed: Floats, costs: DetectionCosts) -> Floats:
    total = costs.weight_bona_fide * flagged + costs.weight_attacks * passed
    return np.asarray(total / min(costs.weight_bona_fide, costs.weight_attacks), np.float64)


def _cheapest(counts: ScoreCounts, costs: DetectionCosts) -> DetectionCost:
    bona_fide, passed = counts.below()
    flagged = 1.0 - bona_fide
    cost = _cost(flagged, passed, costs)
    best = int(cost.argmin())
    return DetectionCost(float(cost[best]), counts.threshold(best), float(flagged[best]), float(passed[best]))


def min_dcf(bona_fide: npt.ArrayLike, attacks: npt.ArrayLike, *, costs: DetectionCosts = ASVSPOOF5) -> DetectionCost:
    """The smallest normalised detection cost over all thresholds, in [0, 1]; of equal ones the lowest threshold.

    Args:
        bona_fide: (n,) attack scores of bona fide media.
        attacks: (m,) attack scores of synthetic media.
        costs: what is weighed.

    >>> min_dcf([0.1, 0.2], [0.8, 0.9]).dcf
    0.0

    Raises:
        UndefinedMetricError: no scores of a class, scores that are not finite, or costs out of range.
    """
    _check_costs(costs)
    return _cheapest(counts_of(finite_scores(bona_fide, "bona fide"), finite_scores(attacks, "attack")), costs)


def act_dcf(bona_fide: npt.ArrayLike, attacks: npt.ArrayLike, *, costs: DetectionCosts = ASVSPOOF5) -> DetectionCost:
    """The normalised detection cost at Bayes' threshold, for scores that are natural-log likelihood ratios.

    Args:
        bona_fide, attacks: ln p(score | attack) - ln p(score | bona fide), the sign of an attack score.
        costs: what is weighed; the threshold is ln(weight_bona_fide / weight_attacks).

    >>> act_dcf([-2.0, 0.0], [0.6, 3.0]).attacks_passed
    0.5

    Raises:
        UndefinedMetricError: no scores of a class, scores that are not finite, or costs out of range.
    """
    _check_costs(costs)
    return _actual(counts_of(finite_scores(bona_fide, "bona fide"), finite_scores(attacks, "attack")), costs)


def _actual(counts: ScoreCounts, costs: DetectionCosts) -> DetectionCost:
    threshold = costs.bayes_threshold
    is_below = counts.scores < threshold
    bona_fide, passed = (counts.counts * is_below).sum(axis=1) / counts.counts.sum(axis=1)
    flagged = 1.0 - float(bona_fide)
    cost = _cost(np.asarray(flagged), np.asarray(passed), costs)
    return DetectionCost(float(cost), threshold, flagged, float(passed))


def min_dcf_interval(
    bona_fide: npt.ArrayLike,
    bona_fide_persons: npt.ArrayLike,
    attacks: npt.ArrayLike,
    attack_persons: npt.ArrayLike,
    *,
    costs: DetectionCosts = ASVSPOOF5,
    alpha: float = 0.05,
) -> MeanInterval:
    """``min_dcf`` with its delete-one-person jackknife, the threshold chosen anew each time; clipped to [0, 1].

    Args:
        bona_fide, attacks: attack scores; bona_fide_persons, attack_persons: the person heard or seen in each.
        costs: what is weighed.
        alpha: of the one-sided bounds.

    Raises:
        UndefinedMetricError: as ``min_dcf``, fewer than three people, or one person who has all scores of a class.
    """
    _check_costs(costs)
    classes = detector_classes(bona_fide, bona_fide_persons, attacks, attack_persons)
    return jackknife(classes, lambda counts: _cheapest(counts, costs).dcf, alpha=alpha)


def act_dcf_interval(
    bona_fide: npt.ArrayLike,
    bona_fide_persons: npt.ArrayLike,
    attacks: npt.ArrayLike,
    attack_persons: npt.ArrayLike,
    *,
    costs: DetectionCosts = ASVSPOOF5,
    alpha: float = 0.05,
) -> MeanInterval:
    """``act_dcf`` with its delete-one-person jackknife, clipped at 0; arguments as ``min_dcf_interval``.

    Raises:
        UndefinedMetricError: as ``act_dcf``, fewer than three people, or one person who has all scores of a class.
    """
    _check_costs(costs)
    classes = detector_classes(bona_fide, bona_fide_persons, attacks, attack_persons)
    return jackknife(classes, lambda counts: _actual(counts, costs).dcf, alpha=alpha, maximum=math.inf)

"""Costs of a system that verifies people and detects synthetic media: a-DCF, t-DCF, t-EER.

``a_dcf`` judges one score that does both. ``t_dcf`` and ``t_eer`` judge a comparator (similarities: accepted iff score
>= threshold) behind a detector (attack scores, higher = more synthetic: flagged iff score >= threshold); what is
flagged is rejected, whatever the comparator says. Detector scores of ASVspoof's files are negated once by their reader.

References: Shim et al., Odyssey 2024 (a-DCF); Kinnunen et al., IEEE/ACM TASLP 28 (2020) 2195-2210 (t-DCF); Kinnunen et
al., IEEE TPAMI 46 (2024) 2622-2637 (t-EER); ASVspoof 5 evaluation plan (2024), track 2.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from .arrays import Floats, finite_scores, same_length
from .mean_intervals import MeanInterval
from .score_tables import PeopledScores, ScoreCounts, counts_of, jackknife


class TandemCosts(NamedTuple):
    """Costs and priors of the three kinds of trials; the defaults are ASVspoof 5's.

    Attributes:
        miss: cost of rejecting a mated trial.
        false_non_mated, false_attack: cost of accepting a non-mated trial, an attack.
        p_mated, p_non_mated, p_attack: priors, summing to 1.
    """

    miss: float = 1.0
    false_non_mated: float = 10.0
    false_attack: float = 10.0
    p_mated: float = 0.9405
    p_non_mated: float = 0.0095
    p_attack: float = 0.05

    @property
    def weights(self) -> tuple[float, float, float]:
        """Cost times prior of mated, non-mated and attack trials."""
        return (
            self.miss * self.p_mated,
            self.false_non_mated * self.p_non_mated,
            self.false_attack * self.p_attack,
        )


ASVSPOOF5 = TandemCosts()
A_DCF_PAPER = TandemCosts(1.0, 10.0, 20.0, 0.9, 0.05, 0.05)
"""The defaults of the a-DCF paper's own package."""


class ComparatorErrors(NamedTuple):
    """Error rates of the comparator at its fixed threshold; the defaults are ASVspoof 5's.

    Attributes:
        miss: share of mated trials rejected.
        false_non_mated, false_attack: share of non-mated trials, of attacks, accepted.
    """

    miss: float = 0.01880141010575793
    false_non_mated: float = 0.01881016557566423
    false_attack: float = 0.4607082907604729


ASVSPOOF5_COMPARATOR = ComparatorErrors()


class AgnosticCost(NamedTuple):
    """a-DCF and the point it is read at.

    Attributes:
        a_dcf: in [0, 1]; 1 = as dear as accepting or rejecting all, whichever is cheaper.
        threshold: accept iff score >= threshold; infinite rejects all.
        miss, false_non_mated, false_attack: error rates there.
    """

    a_dcf: float
    threshold: float
    miss: float
    false_non_mated: float
    false_attack: float


class TandemCost(NamedTuple):
    """t-DCF of a detector before a fixed comparator, and the point it is read at.

    Attributes:
        t_dcf: in [floor, 1].
        floor: what a perfect detector would show: the comparator's own errors.
        threshold: of the detector; flag iff attack score >= threshold.
        bona_fide_flagged, attacks_passed: error rates of the detector there.
    """

    t_dcf: float
    floor: float
    threshold: float
    bona_fide_flagged: float
    attacks_passed: float


class TandemConstants(NamedTuple):
    """t-DCF = c0 + c1 bona_fide_flagged + c2 attacks_passed, divided by c0 + min(c1, c2)."""

    c0: float
    c1: float
    c2: float

    @property
    def normaliser(self) -> float:
        """The cost of the better of two detectors: one that flags nothing, one that flags all."""
        return self.c0 + min(self.c1, self.c2)


class TandemEer(NamedTuple):
    """The concurrent tandem EER and the two thresholds it is read at.

    Attributes:
        t_eer: where the shares of mated trials lost, of non-mated trials and of attacks accepted are equal, so that no
            prior is needed: the mean of the first and of the other two's mean, as the data's steps leave them apart.
        comparator_threshold: accept iff similarity >= threshold.
        detector_threshold: flag iff attack score >= threshold.
        miss, false_non_mated, false_attack: the three shares there.
    """

    t_eer: float
    comparator_threshold: float
    detector_threshold: float
    miss: float
    false_non_mated: float
    false_attack: float


class TandemTrials(NamedTuple):
    """Trials of one kind with both scores, row by row: similarities (n,) and attack scores (n,)."""

    similarities: npt.ArrayLike
    attack_scores: npt.ArrayLike


def _check_costs(costs: TandemCosts) -> None:
    priors = (costs.p_mated, costs.p_non_mated, costs.p_attack)
    if min(costs.weights) < 0 or min(priors) < 0 or abs(sum(priors) - 1) > 1e-9 or costs.weights[0] <= 0:
        raise UndefinedMetricError(
            "a tandem cost was asked for", found=f"{costs}", todo="costs are not negative, the three priors sum to 1"
        )


def a_dcf(
    mated: npt.ArrayLike, non_mated: npt.ArrayLike, attacks: npt.ArrayLike, *, costs: TandemCosts = ASVSPOOF5
) -> AgnosticCost:
    """Architecture-agnostic detection cost of one score for all three kinds of trials, smallest over its threshold.

    C(t) = w_mated miss(t) + w_non_mated false_non_mated(t) + w_attack false_attack(t), divided by min(w_non_mated +
    w_attack, w_mated); .595 with ASVspoof 5's costs. Of equal costs the lowest threshold counts.

    Args:
        mated, non_mated, attacks: scores, higher = more surely the person, bona fide; accepted iff score >= threshold.
        costs: what is weighed.

    >>> a_dcf([3.0, 4.0], [0.0], [1.0]).a_dcf
    0.0

    Raises:
        UndefinedMetricError: no scores of a kind, scores that are not finite, or costs out of range.
    """
    _check_costs(costs)
    checked = [
        finite_scores(scores, name)
        for name, scores in (("mated", mated), ("non-mated", non_mated), ("attack", attacks))
    ]
    return _agnostic(counts_of(*checked), costs)


def _agnostic(counts: ScoreCounts, costs: TandemCosts) -> AgnosticCost:
    miss, non_mated_below, attacks_below = counts.below()
    weights = costs.weights
    total = weights[0] * miss + weights[1] * (1 - non_mated_below) + weights[2] * (1 - attacks_below)
    best = int(total.argmin())
    return AgnosticCost(
        float(total[best]) / min(weights[0], weights[1] + weights[2]),
        counts.threshold(best),
        float(miss[best]),
        float(1 - non_mated_below[best]),
        float(1 - attacks_below[best]),
    )


def a_dcf_interval(
    mated: PeopledScores,
    non_mated: PeopledScores,
    attacks: PeopledScores,
    *,
    costs: TandemCosts = ASVSPOOF5,
    alpha: float = 0.05,
) -> MeanInterval:
    """``a_dcf`` with its delete-one-person jackknife, the threshold chosen anew each time; clipped to [0, 1].

    Args:
        mated, non_mated, attacks: scores with their people; a trial goes when any of its people goes.
        costs: what is weighed.
        alpha: of the one-sided bounds.

    Raises:
        UndefinedMetricError: as ``a_dcf``, fewer than three people, or one person who has all scores of a kind.
    """
    _check_costs(costs)
    return jackknife((mated, non_mated, attacks), lambda counts: _agnostic(counts, costs).a_dcf, alpha=alpha)


def t_dcf_constants(
    comparator: ComparatorErrors = ASVSPOOF5_COMPARATOR, *, costs: TandemCosts = ASVSPOOF5
) -> TandemConstants:
    """What the comparator's fixed errors leave to the detector.

    >>> [round(c, 5) for c in t_dcf_constants()]
    [0.01947, 0.92103, 0.23035]

    Raises:
        UndefinedMetricError: rates outside [0, 1], costs out of range, or a comparator worse than rejecting all.
    """
    _check_costs(costs)
    if not all(0 <= rate <= 1 for rate in comparator):
        raise UndefinedMetricError("a t-DCF was asked for", found=f"{comparator}", todo="rates are shares in [0, 1]")
    mated, non_mated, attack = costs.weights
    c0 = mated * comparator.miss + non_mated * comparator.false_non_mated
    found = TandemConstants(c0, mated - c0, attack * comparator.false_attack)
    if found.c1 < 0 or found.normaliser <= 0:
        raise UndefinedMetricError(
            "a t-DCF was asked for",
            found=f"a comparator with {comparator}, whose own errors cost more than rejecting everybody",
            todo="take a comparator at a better threshold",
        )
    return found


def t_dcf(
    bona_fide: npt.ArrayLike,
    attacks: npt.ArrayLike,
    *,
    comparator: ComparatorErrors = ASVSPOOF5_COMPARATOR,
    costs: TandemCosts = ASVSPOOF5,
) -> TandemCost:
    """Tandem detection cost of a detector before a fixed comparator, smallest over the detector's threshold.

    [c0 + c1 bona_fide_flagged + c2 attacks_passed] / [c0 + min(c1, c2)], ASVspoof 5's form. Of equal costs the lowest
    threshold counts.

    Args:
        bona_fide: (n,) attack scores of bona fide trials, mated or not.
        attacks: (m,) attack scores of attacks.
        comparator: its error rates.
        costs: what is weighed.

    >>> round(t_dcf([0.1, 0.2], [0.8, 0.9]).t_dcf, 4)
    0.0779

    Raises:
        UndefinedMetricError: no scores of a kind, scores that are not finite, or as ``t_dcf_constants``.
    """
    constants = t_dcf_constants(comparator, costs=costs)
    return _tandem(counts_of(finite_scores(bona_fide, "bona fide"), finite_scores(attacks, "attack")), constants)


def _tandem(counts: ScoreCounts, constants: TandemConstants) -> TandemCost:
    bona_fide, passed = counts.below()
    flagged = 1.0 - bona_fide
    cost = (constants.c0 + constants.c1 * flagged + constants.c2 * passed) / constants.normaliser
    best = int(cost.argmin())
    floor = constants.c0 / constants.normaliser
    return TandemCost(float(cost[best]), floor, counts.threshold(best), float(flagged[best]), float(passed[best]))


def t_dcf_interval(
    bona_fide: PeopledScores,
    attacks: PeopledScores,
    *,
    comparator: ComparatorErrors = ASVSPOOF5_COMPARATOR,
    costs: TandemCosts = ASVSPOOF5,
    alpha: float = 0.05,
) -> MeanInterval:
    """``t_dcf`` with its delete-one-person jackknife, clipped to [floor, 1].

    Args:
        bona_fide, attacks: attack scores with their people.
        comparator: its error rates, taken as known.
        costs: what is weighed.
        alpha: of the one-sided bounds.

    Raises:
        UndefinedMetricError: as ``t_dcf``, fewer than three people, or one person who has all scores of a kind.
    """
    constants = t_dcf_constants(comparator, costs=costs)
    return jackknife(
        (bona_fide, attacks),
        lambda counts: _tandem(counts, constants).t_dcf,
        alpha=alpha,
        minimum=constants.c0 / constants.normaliser,
    )


def t_eer(mated: TandemTrials, non_mated: TandemTrials, attacks: TandemTrials) -> TandemEer:
    """The concurrent tandem EER: mated trials lost, non-mated and attacks accepted, all equal, whatever the priors.

    miss = flagged + (1 - flagged) rejected; false_non_mated = (1 - flagged) accepted; false_attack = passed accepted,
    the detector's shares over all bona fide trials. For each threshold of the comparator the detector's is set so that
    miss is closest to the mean of the two others (the path of equal priors); of these points the one counts where the
    three shares lie closest together. Departures: the paper compares ratios of the shares, which agree by chance where
    both are near 0; and it gives the share of attacks, which says nothing where the other two lie far from it.

    Args:
        mated, non_mated, attacks: similarities and attack scores of the trials.

    Raises:
        UndefinedMetricError: no trials of a kind, scores that are not finite, or of unequal length.
    """
    similarities = counts_of(*(_checked(t.similarities, t) for t in (mated, non_mated, attacks)))
    bona_fide = [_checked(t.attack_scores, t) for t in (mated, non_mated)]
    attack_scores = counts_of(np.concatenate(bona_fide), _checked(attacks.attack_scores, attacks))
    rejected, non_below, attacks_below = similarities.below()
    unflagged, passed = attack_scores.below()
    path = _path(rejected, 1 - non_below, 1 - attacks_below, unflagged, passed)
    rows, column = path[:, 0], path[:, 1]
    miss = 1 - unflagged[column] * (1 - rejected[rows])
    false_non = unflagged[column] * (1 - non_below[rows])
    false_attack = passed[column] * (1 - attacks_below[rows])
    shares = np.stack([miss, false_non, false_attack])
    best = int(np.round(shares.max(axis=0) - shares.min(axis=0), 12).argmin())
    lost, non_accepted, attacks_accepted = (float(share) for share in shares[:, best])
    return TandemEer(
        (lost + (non_accepted + attacks_accepted) / 2) / 2,
        similarities.threshold(int(rows[best])),
        attack_scores.threshold(int(column[best])),
        lost,
        non_accepted,
        attacks_accepted,
    )


def _checked(scores: npt.ArrayLike, trials: TandemTrials) -> npt.NDArray[np.floating]:
    same_length("tandem trials", np.asarray(trials.similarities), np.asarray(trials.attack_scores))
    return finite_scores(scores, "tandem")


def _path(
    rejected: Floats, accepted_non: Floats, accepted_attacks: Floats, unflagged: Floats, passed: Floats
) -> npt.NDArray[np.int64]:
    """(p, 2) places of the comparator's and the detector's thresholds on the path of equal priors.

    With the detector's threshold rising, fewer trials are flagged: miss falls and both false shares rise. The first
    place where miss no longer exceeds their mean is found by bisection, for all thresholds of the comparator at once.
    """
    rows = np.flatnonzero(rejected < (accepted_non + accepted_attacks) / 2)

    def excess(columns: npt.NDArray[np.int64]) -> Floats:
        kept = unflagged[columns]
        false = (kept * accepted_non[rows] + passed[columns] * accepted_attacks[rows]) / 2
        return np.asarray(1 - kept * (1 - rejected[rows]) - false, np.float64)

    low, high = np.zeros(rows.size, np.int64), np.full(rows.size, unflagged.size - 1, np.int64)
    while (low < high).any():
        middle = (low + high) // 2
        is_over = excess(middle) > 0
        low, high = np.where(is_over & (low < high), middle + 1, low), np.where(is_over, high, middle)
    before = np.maximum(low - 1, 0)
    nearest = np.where(np.abs(excess(before)) <= np.abs(excess(low)), before, low)
    return np.stack([rows, nearest], axis=1)

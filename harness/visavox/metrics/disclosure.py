"""What scores disclose, as evidence: calibration by PAV, Cllr and minCllr, the ECE curve, ZEBRA.

Evidence is a natural-log likelihood ratio, positive for the same person. Brummer and du Preez, Computer Speech and
Language 20 (2006) 230-275 (Cllr); Nautsch et al., Interspeech 2020, 1698-1702 (ZEBRA). Departures: equal scores get
equal evidence (the toolkits put tied non-mated scores first, which makes ties look informative), and nothing is added
to make the calibrated values strictly rise.

PAV is fitted on the scores that it is judged by, so minCllr errs low and expected disclosure high: scores of two
identical distributions show minCllr a little below 1 and a little disclosure; ``disclosure_intervals`` says how much.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from visavox.core.errors import UndefinedMetricError

from .arrays import Floats, Ints, two_classes
from .score_tables import ScoreCounts, counts_of

MOST_DISCLOSED_BIT = 1 / math.log(4)
"""Expected disclosure of complete separation: no privacy."""
TAGS = ((0.0, "0"), (1.0, "A"), (2.0, "B"), (4.0, "C"), (5.0, "D"), (6.0, "E"))
"""ZEBRA's categories by their upper ends; F beyond."""


class CalibratedLlrs(NamedTuple):
    """Natural-log likelihood ratios of the scores that went in, in their order; infinite where a class is alone."""

    mated: Floats
    non_mated: Floats


class Calibration(NamedTuple):
    """Cost of the evidence as given, at its best, and the difference: what calibration costs; bit per comparison."""

    cllr: float
    min_cllr: float
    cllr_cal: float


class Disclosure(NamedTuple):
    """ZEBRA's two figures.

    Attributes:
        expected_bit: over all prior probabilities, in [0, 1 / ln 4 = .7213]; 0 = perfect privacy.
        worst_log10: the strongest evidence on any single comparison, as a power of ten.
        tag: its category: ``0`` (none), ``A`` (up to 10 to 1), ``B``, ``C``, ``D``, ``E``, ``F`` (beyond a million).
    """

    expected_bit: float
    worst_log10: float
    tag: str


class _Blocks(NamedTuple):
    """PAV's blocks: mated and non-mated scores in each, and the first place of each among the distinct scores."""

    mated: Ints
    non_mated: Ints
    starts: Ints


def _pool(mated: Ints, non_mated: Ints) -> _Blocks:
    """Pool adjacent violators: whole falling runs at once until the share of mated scores rises from block to block."""
    hits, misses, starts = mated, non_mated, np.arange(mated.size)
    while True:
        rises = np.append(True, hits[1:] * misses[:-1] > hits[:-1] * misses[1:])
        if rises.all():
            return _Blocks(hits, misses, starts)
        first = np.flatnonzero(rises)
        hits, misses, starts = np.add.reduceat(hits, first), np.add.reduceat(misses, first), starts[first]


def _block_llrs(blocks: _Blocks, log_prior_odds: float) -> Floats:
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(blocks.mated) - np.log(blocks.non_mated) - log_prior_odds, np.float64)


def _optimal(counts: ScoreCounts) -> tuple[_Blocks, Floats]:
    """The blocks of the scores and their likelihood ratios."""
    mated, non_mated = counts.counts
    blocks = _pool(mated, non_mated)
    return blocks, _block_llrs(blocks, math.log(mated.sum() / non_mated.sum()))


def _with_laplace(counts: ScoreCounts) -> Floats:
    """Likelihood ratios per distinct score with one score of either class beyond each end, so that all are finite."""
    mated, non_mated = counts.counts
    padded = _pool(np.concatenate([[1, 0], mated, [1, 0]]), np.concatenate([[0, 1], non_mated, [0, 1]]))
    llrs = _block_llrs(padded, math.log(mated.sum() / non_mated.sum()))
    return _spread(padded, llrs, mated.size + 4)[2:-2]


def _spread(blocks: _Blocks, values: Floats, n: int) -> Floats:
    """A value per block as one per distinct score."""
    return np.repeat(values, np.diff(np.append(blocks.starts, n)))


def pav_llrs(mated: npt.ArrayLike, non_mated: npt.ArrayLike, *, laplace: bool = False) -> CalibratedLlrs:
    """The evidence that the scores would carry, calibrated as well as a rising map of them can be.

    LLR = logit(PAV) - ln(n+ / n-), PAV the isotonic regression of the class on the score.

    Args:
        mated: (n+,) similarities.
        non_mated: (n-,) similarities.
        laplace: one mated and one non-mated score are put beyond each end, so that no ratio is infinite.

    >>> pav_llrs([0.2, 0.9], [0.1, 0.2]).mated
    array([ 0., inf])

    Raises:
        UndefinedMetricError: no mated or no non-mated scores, or scores that are not finite.
    """
    positives, negatives = two_classes(mated, non_mated)
    counts = counts_of(positives, negatives)
    if laplace:
        llrs = _with_laplace(counts)
    else:
        blocks, of_blocks = _optimal(counts)
        llrs = _spread(blocks, of_blocks, counts.scores.size)
    places = (np.searchsorted(counts.scores, scores.astype(np.float64)) for scores in (positives, negatives))
    return CalibratedLlrs(*(llrs[place] for place in places))


def cllr(mated_llr: npt.ArrayLike, non_mated_llr: npt.ArrayLike) -> float:
    """Cost of log-likelihood ratios: 0 = perfect, 1 = no information, above 1 = misleading; bit.

    (mean over mated of log2(1 + e^-llr) + mean over non-mated of log2(1 + e^llr)) / 2, natural-log ratios.

    >>> cllr([0.0, 0.0], [0.0])
    1.0

    Raises:
        UndefinedMetricError: no mated or no non-mated ratios, or ratios that are not finite.
    """
    positives, negatives = two_classes(mated_llr, non_mated_llr)
    return cllr_of(counts_of(positives, negatives))


def cllr_of(counts: ScoreCounts) -> float:
    """``cllr`` of counted ratios, mated first."""
    return _cost(counts.counts, counts.scores)


def _cost(counts: Ints, llrs: Floats) -> float:
    """Cllr of ratios with counts; a class that is absent at an infinite ratio costs nothing."""
    mated, non_mated = counts
    means = [
        float(np.logaddexp(0.0, signed[count > 0]) @ count[count > 0]) / float(count.sum())
        for count, signed in ((mated, -llrs), (non_mated, llrs))
    ]
    return sum(means) / math.log(4)


def min_cllr(mated: npt.ArrayLike, non_mated: npt.ArrayLike) -> float:
    """Cllr of the scores after the best rising calibration (PAV on these scores): in [0, 1], 1 = nothing is linked.

    Raises:
        UndefinedMetricError: no mated or no non-mated scores, or scores that are not finite.
    """
    return min_cllr_of(counts_of(*two_classes(mated, non_mated)))


def min_cllr_of(counts: ScoreCounts) -> float:
    """``min_cllr`` of counted scores, mated first."""
    blocks, llrs = _optimal(counts)
    return min(1.0, _cost(np.stack([blocks.mated, blocks.non_mated]), llrs))


def calibration(mated_llr: npt.ArrayLike, non_mated_llr: npt.ArrayLike) -> Calibration:
    """Cllr, minCllr and their difference for scores that are natural-log likelihood ratios.

    Raises:
        UndefinedMetricError: no mated or no non-mated ratios, or ratios that are not finite.
    """
    counts = counts_of(*two_classes(mated_llr, non_mated_llr))
    actual, best = cllr_of(counts), min_cllr_of(counts)
    return Calibration(actual, best, max(0.0, actual - best))


def ece_curve(mated_llr: npt.ArrayLike, non_mated_llr: npt.ArrayLike, priors: npt.ArrayLike) -> Floats:
    """Empirical cross-entropy (not calibration error) at prior probabilities of a mated comparison; bit.

    Args:
        mated_llr, non_mated_llr: natural-log ratios; those of ``pav_llrs``, infinite ones too, give the best curve.
        priors: in (0, 1).

    Raises:
        UndefinedMetricError: no ratios of a class, a ratio that is NaN, or priors outside (0, 1).
    """
    positives, negatives = np.asarray(mated_llr, np.float64), np.asarray(non_mated_llr, np.float64)
    prior = np.asarray(priors, np.float64).reshape(-1)
    _check_ratios(positives, negatives)
    if not ((prior > 0) & (prior < 1)).all():
        raise UndefinedMetricError("a cross-entropy was asked for", found="prior probabilities outside (0, 1)")
    odds = (np.log(prior) - np.log1p(-prior))[:, None]
    of_mated = np.logaddexp(0.0, -(positives + odds)).mean(axis=1)
    of_non_mated = np.logaddexp(0.0, negatives + odds).mean(axis=1)
    return np.asarray((prior * of_mated + (1 - prior) * of_non_mated) / math.log(2), np.float64)


def _check_ratios(*classes: Floats) -> None:
    for ratios in classes:
        if ratios.ndim != 1 or ratios.size == 0 or np.isnan(ratios).any():
            raise UndefinedMetricError(
                "a figure over likelihood ratios was asked for", found="no ratios of a class, or NaN among them"
            )


def zebra(mated: npt.ArrayLike, non_mated: npt.ArrayLike) -> Disclosure:
    """Expected and worst-case disclosure of the scores, and ZEBRA's category.

    Expected: the area between no evidence and the best calibrated evidence over the prior probability, in its closed
    form. Worst case: max |llr| / ln 10 with Laplace's padding. It grows with the number of scores and speaks of this
    set alone, so it has no interval.

    >>> zebra([2.0, 3.0], [0.0, 1.0]).expected_bit  # doctest: +ELLIPSIS
    0.7213...

    Raises:
        UndefinedMetricError: no mated or no non-mated scores, or scores that are not finite.
    """
    counts = counts_of(*two_classes(mated, non_mated))
    worst = float(np.abs(_with_laplace(counts)).max()) / math.log(10)
    return Disclosure(expected_disclosure_of(counts), worst, disclosure_tag(worst))


def disclosure_tag(worst_log10: float) -> str:
    """ZEBRA's category of a worst case: 0, A (0, 1], B (1, 2], C (2, 4], D (4, 5], E (5, 6], F beyond 6.

    Raises:
        UndefinedMetricError: a negative number or NaN.
    """
    if not worst_log10 >= 0:
        raise UndefinedMetricError("a category of evidence was asked for", found=f"a strength of {worst_log10}")
    return next((tag for end, tag in TAGS if worst_log10 <= end), "F")


def expected_disclosure(mated_llr: npt.ArrayLike, non_mated_llr: npt.ArrayLike) -> float:
    """The area between H2(prior) and the ECE of the ratios, over prior probability in (0, 1); bit.

    [mean over mated of z(llr) + mean over non-mated of z(-llr)] / ln 2 with z(a) = 1/4 + (a - (e^a - 1)) / (2 (e^a -
    1)^2), z(0) = 0, z(inf) = 1/4. Ratios worse than none make it negative.

    Raises:
        UndefinedMetricError: no ratios of a class, or a ratio that is NaN.
    """
    positives, negatives = np.asarray(mated_llr, np.float64), np.asarray(non_mated_llr, np.float64)
    _check_ratios(positives, negatives)
    return float(_gain(positives).mean() + _gain(-negatives).mean()) / math.log(2)


def _gain(llrs: Floats) -> Floats:
    """z, each half in the form that does not overflow; the series where the fraction would cancel."""
    with np.errstate(all="ignore"):
        small, grown = np.exp(-llrs), np.expm1(llrs)
        shrunk = -np.expm1(-llrs)
        positive = 0.25 + 0.5 * (np.where(small > 0, llrs * small * small, 0.0) - small * shrunk) / shrunk**2
        negative = 0.25 + 0.5 * (llrs - grown) / grown**2
        series = llrs / 6 - llrs**2 / 24
    return np.where(np.abs(llrs) < 1e-4, series, np.where(llrs > 0, positive, negative))


def expected_disclosure_of(counts: ScoreCounts) -> float:
    """ZEBRA's expected disclosure of counted scores, mated first."""
    blocks, llrs = _optimal(counts)
    areas = [
        float(_gain(signed[count > 0]) @ count[count > 0]) / float(count.sum())
        for count, signed in ((blocks.mated, llrs), (blocks.non_mated, -llrs))
    ]
    return min(max(sum(areas) / math.log(2), 0.0), MOST_DISCLOSED_BIT)

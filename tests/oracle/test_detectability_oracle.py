"""Detector and watermark figures against SciPy, scikit-learn, and loops written from the definitions."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import brier_score_loss, roc_curve

from visavox.core.errors import UndefinedMetricError
from visavox.metrics import calibration_error, detector_points, intervals, presentation_attack, survival, watermark


def scores(seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Attack scores with ties of bona fide media and of two species."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, 90).round(1), {
        "one": rng.normal(1.2, 1, 45).round(1),
        "two": rng.normal(2.0, 1.5, 61).round(1),
    }


@pytest.mark.parametrize("n_bits", [1, 7, 16, 48, 100, 600])
def test_p_values_and_points_against_scipy(n_bits: int) -> None:
    matches = np.arange(n_bits + 1)
    theirs = stats.binom.sf(matches - 1, n_bits, 0.5)
    ours = [watermark.bit_test_p_value(int(k), n_bits) for k in matches]
    assert ours == pytest.approx(theirs, rel=1e-9)
    for target in (0.5, 0.1, 1e-2, 1e-3, 1e-6):
        reached = np.flatnonzero(theirs <= target * (1 + 1e-12))
        if reached.size:
            assert watermark.bits_needed(n_bits, target) == reached[0]
        else:
            with pytest.raises(UndefinedMetricError):
                watermark.bits_needed(n_bits, target)


@pytest.mark.parametrize("seed", range(4))
def test_the_null_test_against_scipy(seed: int) -> None:
    rng = np.random.default_rng(seed)
    table = rng.random((30, 16)) < rng.choice([0.5, 0.55])
    found = watermark.null_test(table)
    assert found.p_bias == pytest.approx(stats.binomtest(int(table.sum()), table.size, 0.5).pvalue)
    for axis, p_value in ((1, found.p_media), (0, found.p_positions)):
        counts, size = table.sum(axis=axis), table.shape[axis]
        statistic = sum((k - size / 2) ** 2 for k in counts) / (size / 4)
        assert p_value == pytest.approx(stats.chi2.sf(statistic, len(counts)))
    assert found.p_value == min(1.0, 3 * min(found[:3]))


def test_capacity_against_entropy() -> None:
    for accuracy in (0.0, 0.1, 0.5, 0.77, 1.0):
        bits = stats.entropy([accuracy, 1 - accuracy], base=2)
        assert watermark.capacity_bits(accuracy, 48) == pytest.approx(48 * (1 - bits))


@pytest.mark.parametrize("seed", range(6))
def test_points_against_every_threshold(seed: int) -> None:
    """The lowest BPCER over all thresholds that keep every species at the target; D-EER by scikit-learn's curve."""
    bona_fide, attacks = scores(seed)
    thresholds = np.unique(np.concatenate([bona_fide, *attacks.values(), [99.0]]))
    for target in (0.1, 0.2, 0.5):
        kept = [
            presentation_attack.presentation_errors(bona_fide, attacks, tau).bpcer
            for tau in thresholds
            if max((group < tau).mean() for group in attacks.values()) <= target
        ]
        found = presentation_attack.bpcer_at_apcer(bona_fide, attacks, target)
        assert found.bpcer == pytest.approx(min(kept))
        there = presentation_attack.presentation_errors(bona_fide, attacks, found.threshold)
        assert (there.bpcer, there.apcer) == (pytest.approx(found.bpcer), pytest.approx(found.apcer))
    by_species = []
    for group in attacks.values():
        labels = np.r_[np.ones(group.size), np.zeros(bona_fide.size)]
        fpr, tpr, _ = roc_curve(labels, np.r_[group, bona_fide], drop_intermediate=False)
        gap = np.abs(fpr - (1 - tpr))
        by_species.append(((fpr + 1 - tpr) / 2)[np.isclose(gap, gap.min())].min())
    worst = presentation_attack.d_eer(bona_fide, attacks)
    assert worst.d_eer == pytest.approx(max(by_species))
    assert worst.species == list(attacks)[int(np.argmax(by_species))]


@pytest.mark.parametrize("seed", range(4))
def test_calibration_against_scikit_learn_and_a_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    bona_fide, attacks = rng.beta(1, 3, 90), rng.beta(3, 1, 60)
    labels, stated = np.r_[np.zeros(90), np.ones(60)], np.r_[bona_fide, attacks]
    assert calibration_error.brier_score(bona_fide, attacks) == pytest.approx(brier_score_loss(labels, stated))
    order = np.argsort(stated)
    parts = np.split(order, 15)  # ten media a bin, no ties
    loop = sum(abs(labels[part].mean() - stated[part].mean()) * len(part) / 150 for part in parts)
    assert calibration_error.expected_calibration_error(bona_fide, attacks) == pytest.approx(loop)
    coarse = stated.round(1)
    shuffled = rng.permutation(150)
    first = calibration_error.expected_calibration_error(coarse[labels == 0], coarse[labels == 1])
    mixed, truth = coarse[shuffled], labels[shuffled]
    assert calibration_error.expected_calibration_error(mixed[truth == 0], mixed[truth == 1]) == pytest.approx(first)


def test_calibrated_probabilities_have_the_error_that_chance_alone_gives() -> None:
    rng = np.random.default_rng(5)
    found = []
    for _ in range(60):
        stated = np.full(600, 0.3) + rng.normal(0, 1e-6, 600)
        truth = rng.random(600) < 0.3
        found.append(calibration_error.expected_calibration_error(stated[~truth], stated[truth]))
    assert np.mean(found) == pytest.approx(math.sqrt(2 * 0.3 * 0.7 * 15 / (math.pi * 600)), rel=0.1)


@pytest.mark.parametrize(("seed", "n_folds"), list(itertools.product(range(4), (1, 3))))
def test_detection_rates_against_a_loop(seed: int, n_folds: int) -> None:
    """Case e from the text, with one person a score and one or three thresholds; effects so that variance decides."""
    rng = np.random.default_rng(seed)
    folds, hits, owners, terms = [], [], [], []
    for fold in range(n_folds):
        people, others = np.repeat(np.arange(12) + 20 * fold, 5), np.repeat(np.arange(16) + 300 + 20 * fold, 5)
        effect = rng.normal(0, 1.0, 600)
        attacks = 1.2 + effect[people] + rng.normal(0, 0.4, 60)
        bona_fide = effect[people] + rng.normal(0, 0.4, 60)
        calibration = effect[others] + rng.normal(0, 0.4, 80)
        folds.append(detector_points.DetectorFold(attacks, people, bona_fide, people, calibration, others))
        tau = np.sort(calibration)[-4]  # 4 of 80: 5 %
        hits.append(attacks >= tau)
        owners.append(people)
        p, n_all = hits[-1].mean(), 60 * n_folds

        def logit(k: int, attacks: np.ndarray = attacks, calibration: np.ndarray = calibration) -> float:
            above = np.count_nonzero(attacks >= np.sort(calibration)[-k]) + 0.5
            return math.log(above / (61 - above))

        slope = (logit(8) - logit(2)) / math.log(4)
        c = -(60 / n_all) * p * (1 - p) * slope / (0.05 * 80)
        terms += [(person, c * ((score >= tau) - 0.05)) for score, person in zip(calibration, others, strict=True)]
    found = detector_points.detection_rates(folds, 0.05)
    hit, owner = np.concatenate(hits), np.concatenate(owners)
    rate = hit.mean()
    terms += [(person, (y - rate) / hit.size) for y, person in zip(hit, owner, strict=True)]
    sums: dict[int, float] = {}
    for person, value in terms:
        sums[int(person)] = sums.get(int(person), 0.0) + value
    g = len(set(owner.tolist()))
    variance = g / (g - 1) * sum(value**2 for value in sums.values())
    assert found.tpr.p == pytest.approx(rate)
    deff = variance / (rate * (1 - rate) / hit.size)
    assert deff > 1 + 4 * 0.2
    assert found.tpr.deff == pytest.approx(deff)
    assert found.fpr.n == hit.size
    assert found.apcer == pytest.approx(1 - rate)


def test_the_fpr_of_few_people() -> None:
    rng = np.random.default_rng(1)
    many = detector_points.usable_fpr(rng.normal(size=400), np.arange(400))
    assert (many.fpr, many.n_effective) == (0.01, pytest.approx(400))
    assert detector_points.usable_fpr(rng.normal(size=300), np.arange(300)).fpr == 0.01
    assert detector_points.usable_fpr(rng.normal(size=299), np.arange(299)).fpr == 0.05
    same = detector_points.usable_fpr(np.repeat(rng.normal(size=100), 4), np.repeat(np.arange(100), 4))
    assert same.fpr == 0.05 and same.n_effective < 300
    with pytest.raises(UndefinedMetricError, match="50 bona fide scores"):
        detector_points.usable_fpr(rng.normal(size=50), np.arange(50))
    with pytest.raises(UndefinedMetricError, match="rule of 3"):
        detector_points.threshold_at_fpr(rng.normal(size=299), 0.01)


def test_a_frozen_threshold_shows_what_the_perturbation_did_to_the_negatives() -> None:
    """A detector that finds all blurred media synthetic: TPR 1 when frozen, at an FPR of 1; nothing re-calibrated."""
    rng = np.random.default_rng(2)
    people, others = np.repeat(np.arange(40), 4), np.repeat(np.arange(40, 80), 4)
    clean, blurred, edited = (rng.normal(mean, 1, 160) for mean in (0, 9, 9))
    calibration = rng.normal(0, 1, 160)
    frozen = detector_points.DetectorFold(edited, people, blurred, people, calibration, others)
    rates = detector_points.detection_rates([frozen], 0.05)
    assert (rates.tpr.p, rates.fpr.p) == (1.0, 1.0)
    again = detector_points.detection_rates([frozen._replace(calibration=calibration + 9)], 0.05)
    assert again.tpr.p < 0.15 and again.fpr.p < 0.15
    on_clean = detector_points.detection_rates([frozen._replace(bona_fide=clean)], 0.05)
    assert on_clean.fpr.p < 0.15


@pytest.mark.study
def test_the_bounds_of_a_detection_rate_hold() -> None:
    """One-sided errors at alpha .05 with 40 people judged, 40 others for the threshold, four media each."""
    rng = np.random.default_rng(3)
    people, others = np.repeat(np.arange(40), 4), np.repeat(np.arange(40, 80), 4)
    for effect in (0.0, 0.45):
        spread = math.sqrt(1 + effect**2)
        tau = stats.norm.isf(0.05) * spread
        truth = stats.norm.sf((tau - 2.0) / spread)
        above = below = 0
        for _ in range(300):
            shift = effect * rng.standard_normal(80)
            attacks = 2.0 + shift[people] + rng.standard_normal(160)
            bona_fide, calibration = (shift[who] + rng.standard_normal(160) for who in (people, others))
            fold = detector_points.DetectorFold(attacks, people, bona_fide, people, calibration, others)
            basis = detector_points.detection_rates([fold], 0.05).tpr.basis
            below += intervals.bound_upper(basis, 0.05) < truth
            above += intervals.bound_lower(basis, 0.05) > truth
        assert max(above, below) / 300 <= 0.09, (effect, above, below)


def test_a_curve_by_hand() -> None:
    people = np.arange(50)
    rates = [intervals.rate_interval(people < hits, people) for hits in (50, 45, 30, 10)]
    curve = survival.survival_curve([90, 70, 50, 30], rates, 0.7)
    assert curve.crossing == (survival.Reach.WITHIN, pytest.approx(70 - 20 * (0.9 - 0.7) / (0.9 - 0.6)))
    assert curve.area == pytest.approx((0.5 * 1.0 + 0.9 + 0.6 + 0.5 * 0.2) / 3)
    assert curve.lower[1] == pytest.approx(stats.beta.ppf(0.05, *_clopper(rates[1])))
    never = survival.survival_curve([90, 70], rates[:2], 0.5)
    assert never.crossing == (survival.Reach.AFTER_LAST, None)
    assert survival.survival_curve([30], rates[3:], 0.5).crossing.reach is survival.Reach.BEFORE_FIRST
    assert survival.survival_curve([30], rates[3:], 0.5).area is None


def _clopper(rate: intervals.RateInterval) -> tuple[float, float]:
    basis = rate.basis
    size = basis.n_eff_low * (stats.norm.ppf(0.05) / stats.t.ppf(0.05, basis.df)) ** 2
    return basis.p_low * size, size - basis.p_low * size + 1


def test_layers_that_could_not_be_read_count_both_ways() -> None:
    alive = np.array([[1, 0, 0], [0, 0, 0], [1, 1, 0], [0, 0, 1]])
    unknown = np.array([[0, 1, 0], [0, 0, 0], [0, 0, 0], [0, 0, 0]])
    two = survival.layers_alive(alive, np.arange(4), at_least=2, unknown=unknown)
    assert (two.low.p, two.high.p) == (0.25, 0.5)
    assert (two.basis.p_low, two.basis.p_high) == (0.25, 0.5)
    with pytest.raises(UndefinedMetricError, match="1 of them both"):
        survival.layers_alive(alive, np.arange(4), at_least=2, unknown=alive * [[1], [0], [0], [0]])
    with pytest.raises(UndefinedMetricError):
        survival.layers_alive(alive, np.arange(4), at_least=4)

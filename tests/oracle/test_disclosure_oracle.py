"""Disclosure, detection and tandem costs against scikit-learn, quadrature, mpmath and loops over every threshold."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest
from pyeer.eer_stats import calculate_roc, get_eer_values
from scipy import integrate, optimize, stats
from sklearn.isotonic import isotonic_regression

from visavox.metrics import curves, detection, disclosure, disclosure_intervals, tandem
from visavox.metrics.score_tables import PeopledScores


def two_classes(seed: int, *, ties: bool, shift: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mated, non_mated = rng.normal(shift, 1, rng.integers(5, 90)), rng.normal(0, 1, rng.integers(5, 300))
    return (mated.round(1), non_mated.round(1)) if ties else (mated, non_mated)


def sklearn_posteriors(mated: np.ndarray, non_mated: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """PAV posteriors of distinct scores by scikit-learn, ties as one weighted point."""
    scores = np.r_[mated, non_mated]
    labels = np.r_[np.ones(mated.size), np.zeros(non_mated.size)]
    distinct = np.array(sorted(set(scores.tolist())))
    share = np.array([labels[scores == s].mean() for s in distinct])
    weight = np.array([(scores == s).sum() for s in distinct], float)
    return distinct, isotonic_regression(share, sample_weight=weight)


@pytest.mark.parametrize(("seed", "ties"), list(itertools.product(range(10), (False, True))))
def test_pav_against_scikit_learn(seed: int, ties: bool) -> None:
    mated, non_mated = two_classes(seed, ties=ties)
    distinct, posterior = sklearn_posteriors(mated, non_mated)
    found = disclosure.pav_llrs(mated, non_mated)
    offset = math.log(mated.size / non_mated.size)
    for scores, llrs in ((mated, found.mated), (non_mated, found.non_mated)):
        expected = posterior[[int(np.flatnonzero(distinct == s)[0]) for s in scores]]
        assert np.allclose(1 / (1 + np.exp(-(llrs + offset))), expected, atol=1e-12)


def test_pav_of_many_scores_and_of_a_staircase_that_falls_late() -> None:
    rng = np.random.default_rng(1)
    long = rng.normal(0.3, 1, 4000), rng.normal(0, 1, 9000)
    steps = [(level, hits) for level, hits in enumerate([1, 2, 3, 4, 5, 6, 7])]
    late_mated = np.repeat([float(level) for level, _ in steps], [hits for _, hits in steps])
    late_non = np.r_[np.repeat([float(level) for level, _ in steps], 8), np.full(300, 9.0)]
    for mated, non_mated in (long, (late_mated, late_non)):
        distinct, posterior = np.unique(np.r_[mated, non_mated], return_inverse=True)
        share = np.bincount(posterior, np.r_[np.ones(mated.size), np.zeros(non_mated.size)]) / np.bincount(posterior)
        fitted = isotonic_regression(share, sample_weight=np.bincount(posterior).astype(float))
        llrs = disclosure.pav_llrs(mated, non_mated).mated + math.log(mated.size / non_mated.size)
        assert np.allclose(1 / (1 + np.exp(-llrs)), fitted[np.searchsorted(distinct, mated)], atol=1e-12)


@pytest.mark.parametrize(("seed", "ties"), list(itertools.product(range(6), (False, True))))
def test_laplace_against_four_more_labels(seed: int, ties: bool) -> None:
    """Two made-up points beyond each end: mated then non-mated."""
    mated, non_mated = two_classes(seed, ties=ties)
    wide_mated, wide_non = np.r_[-100.0, mated, 100.0], np.r_[-99.0, non_mated, 101.0]
    distinct, posterior = sklearn_posteriors(wide_mated, wide_non)
    logit = np.log(posterior / (1 - posterior)) - math.log(mated.size / non_mated.size)
    expected = logit[(distinct > -99) & (distinct < 100)]
    found = disclosure.pav_llrs(mated, non_mated, laplace=True)
    by_score = dict(zip(np.r_[mated, non_mated], np.r_[found.mated, found.non_mated], strict=True))
    assert [by_score[s] for s in distinct[2:-2]] == pytest.approx(expected.tolist(), abs=1e-9)
    assert disclosure.zebra(mated, non_mated).worst_log10 == pytest.approx(np.abs(expected).max() / math.log(10))


@pytest.mark.parametrize("seed", range(6))
def test_expected_disclosure_against_quadrature(seed: int) -> None:
    """The area between the entropy of the prior and the cross-entropy, integrated numerically."""
    mated, non_mated = two_classes(seed, ties=seed % 2 == 0)
    _, posterior = sklearn_posteriors(mated, non_mated)
    assert posterior.size > 2

    def entropy(prior: float) -> float:
        return -(prior * math.log2(prior) + (1 - prior) * math.log2(1 - prior))

    llrs = disclosure.pav_llrs(mated, non_mated)

    def cross_entropy(prior: float) -> float:
        odds = prior / (1 - prior)
        of_mated = np.mean([math.log2(1 + math.exp(-a) / odds) for a in llrs.mated])
        of_non = np.mean([math.log2(1 + math.exp(a) * odds) for a in llrs.non_mated])
        return float(prior * of_mated + (1 - prior) * of_non)

    area, error = integrate.quad(lambda p: entropy(p) - cross_entropy(p), 0, 1, limit=200)
    assert error < 1e-5
    assert disclosure.zebra(mated, non_mated).expected_bit == pytest.approx(area, abs=1e-5)
    assert disclosure.expected_disclosure(*llrs) == pytest.approx(area, abs=1e-5)
    priors = np.array([0.02, 0.3, 0.5, 0.9])
    assert disclosure.ece_curve(*llrs, priors) == pytest.approx([cross_entropy(p) for p in priors])


@pytest.mark.parametrize(
    "llr", [-700.0, -40.0, -3.0, -0.2, -2e-4, -9e-5, -1e-9, 1e-9, 9e-5, 2e-4, 0.2, 3.0, 40.0, 800.0]
)
def test_the_closed_form_keeps_its_digits(llr: float) -> None:
    with mpmath.workdps(60):
        grown = mpmath.exp(mpmath.mpf(llr)) - 1
        exact = mpmath.mpf(1) / 4 + (mpmath.mpf(llr) - grown) / grown**2 / 2
        expected = float(exact / mpmath.log(2))
    alone = disclosure.expected_disclosure([llr], [0.0])
    assert alone == pytest.approx(expected, rel=1e-7, abs=1e-13)


def test_cllr_against_its_definition() -> None:
    rng = np.random.default_rng(3)
    mated, non_mated = rng.normal(1, 2, 40).round(1), rng.normal(-1, 2, 70).round(1)
    of_mated = sum(math.log2(1 + math.exp(-x)) for x in mated) / 40
    of_non = sum(math.log2(1 + math.exp(x)) for x in non_mated) / 70
    assert disclosure.cllr(mated, non_mated) == pytest.approx((of_mated + of_non) / 2)


@pytest.mark.parametrize("seed", range(4))
def test_jackknives_against_leaving_people_out_by_hand(seed: int) -> None:
    """Every figure computed afresh without each person; a comparison goes with either of its people."""
    rng = np.random.default_rng(seed)
    k = 7
    owner, (i, j) = np.repeat(np.arange(k), 5), (np.repeat(side, 3) for side in np.triu_indices(k, 1))
    mated, non = rng.normal(1, 1, owner.size).round(1), rng.normal(0, 1, i.size).round(1)
    pairs = {
        "cllr": (disclosure_intervals.cllr_interval, disclosure.cllr),
        "cllr_cal": (disclosure_intervals.cllr_cal_interval, lambda m, n: disclosure.calibration(m, n).cllr_cal),
        "min_cllr": (disclosure_intervals.min_cllr_interval, disclosure.min_cllr),
        "zebra": (disclosure_intervals.expected_disclosure_interval, lambda m, n: disclosure.zebra(m, n).expected_bit),
        "min_dcf": (
            lambda m, o, n, i, j: detection.min_dcf_interval(n, i, m, o),
            lambda m, n: detection.min_dcf(n, m).dcf,
        ),
        "act_dcf": (
            lambda m, o, n, i, j: detection.act_dcf_interval(n, i, m, o),
            lambda m, n: detection.act_dcf(n, m).dcf,
        ),
        "t_dcf": (
            lambda m, o, n, i, j: tandem.t_dcf_interval(
                PeopledScores("bona fide", n, (i,)), PeopledScores("attack", m, (o,))
            ),
            lambda m, n: tandem.t_dcf(n, m).t_dcf,
        ),
    }
    for name, (interval, figure) in pairs.items():
        found = interval(mated, owner, non, i, j)
        one_person = name.endswith("dcf")
        left = [figure(mated[owner != x], non[(i != x) & ((j != x) | one_person)]) for x in range(k)]
        error = math.sqrt((k - 1) / k * sum((v - np.mean(left)) ** 2 for v in left))
        assert found.value == pytest.approx(figure(mated, non)), name
        assert found.standard_error == pytest.approx(error), name
        assert found.n_people == k
        low = found.value + stats.t.ppf(0.05, k - 1) * error
        if low > 0.08:
            assert found.lower == pytest.approx(low), name


@pytest.mark.parametrize(("seed", "ties"), list(itertools.product(range(6), (False, True))))
def test_detection_costs_against_every_threshold(seed: int, ties: bool) -> None:
    attacks, bona_fide = two_classes(seed, ties=ties)
    found = detection.min_dcf(bona_fide, attacks)
    costs = []
    for t in [*attacks, *bona_fide, math.inf]:
        flagged, passed = sum(s >= t for s in bona_fide) / bona_fide.size, sum(s < t for s in attacks) / attacks.size
        costs.append((0.95 * flagged + 0.5 * passed) / 0.5)
    assert found.dcf == pytest.approx(min(costs))
    assert found.bona_fide_flagged == pytest.approx(np.mean(bona_fide >= found.threshold))
    assert found.attacks_passed == pytest.approx(np.mean(attacks < found.threshold))
    actual = detection.act_dcf(bona_fide, attacks)
    as_asvspoof = -bona_fide, -attacks  # bona fide high, accepted iff llr >= -.6419
    miss, accepted = np.mean(as_asvspoof[0] < -0.6419), np.mean(as_asvspoof[1] >= -0.6419)
    assert actual.dcf == pytest.approx((0.95 * miss + 0.5 * accepted) / 0.5)


@pytest.mark.parametrize(("seed", "ties"), list(itertools.product(range(6), (False, True))))
def test_a_dcf_against_every_threshold(seed: int, ties: bool) -> None:
    mated, non_mated = two_classes(seed, ties=ties, shift=2)
    attacks = two_classes(seed + 50, ties=ties, shift=1)[0]
    for costs in (tandem.ASVSPOOF5, tandem.A_DCF_PAPER):
        totals = []
        for t in [*mated, *non_mated, *attacks, math.inf]:
            totals.append(
                costs.miss * costs.p_mated * np.mean(mated < t)
                + costs.false_non_mated * costs.p_non_mated * np.mean(non_mated >= t)
                + costs.false_attack * costs.p_attack * np.mean(attacks >= t)
            )
        flat = min(
            costs.miss * costs.p_mated,
            costs.false_non_mated * costs.p_non_mated + costs.false_attack * costs.p_attack,
        )
        found = tandem.a_dcf(mated, non_mated, attacks, costs=costs)
        assert found.a_dcf == pytest.approx(min(totals) / flat)
        assert found.miss == pytest.approx(np.mean(mated < found.threshold))
        assert found.false_attack == pytest.approx(np.mean(attacks >= found.threshold))


def trials(rng: np.random.Generator, n: int, similarity: float, attack: float) -> tandem.TandemTrials:
    return tandem.TandemTrials(rng.normal(similarity, 1, n).round(1), rng.normal(attack, 1, n).round(1))


@pytest.mark.parametrize("seed", range(8))
def test_t_eer_against_every_pair_of_thresholds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mated, non, attacks = trials(rng, 25, 2, 0), trials(rng, 30, 0, 0), trials(rng, 20, 1.2, 1.5)
    found = tandem.t_eer(mated, non, attacks)
    bona_fide = np.r_[mated.attack_scores, non.attack_scores]

    def shares(tau: float, cut: float) -> tuple[float, float, float]:
        unflagged = np.mean(bona_fide < cut)
        miss = 1 - unflagged * np.mean(mated.similarities >= tau)
        false_non = unflagged * np.mean(non.similarities >= tau)
        return miss, false_non, np.mean(attacks.attack_scores < cut) * np.mean(attacks.similarities >= tau)

    closest = math.inf
    for tau in [*sorted({*mated.similarities, *non.similarities, *attacks.similarities}), math.inf]:
        path = [shares(tau, cut) for cut in [*sorted({*bona_fide, *attacks.attack_scores}), math.inf]]
        if path[-1][0] < (path[-1][1] + path[-1][2]) / 2:
            gaps = [round(abs(m - (n + a) / 2), 12) for m, n, a in path]
            closest = min(closest, max(path[gaps.index(min(gaps))]) - min(path[gaps.index(min(gaps))]))
    at = shares(found.comparator_threshold, found.detector_threshold)
    assert at == pytest.approx((found.miss, found.false_non_mated, found.false_attack))
    assert found.t_eer == pytest.approx((at[0] + (at[1] + at[2]) / 2) / 2)
    assert max(at) - min(at) == pytest.approx(closest, abs=1e-9)


def test_t_eer_against_the_point_of_the_populations() -> None:
    """Gaussian scores, the two equations solved on the distribution functions."""
    rng = np.random.default_rng(2)
    n = 30_000

    def draw(similarity: float, attack: float) -> tandem.TandemTrials:
        return tandem.TandemTrials(rng.normal(similarity, 1, n), rng.normal(attack, 1, n))

    def gaps(x: np.ndarray) -> list[float]:
        tau, cut = x
        unflagged, passed = stats.norm.cdf(cut), stats.norm.cdf(cut - 2)
        miss = 1 - unflagged * stats.norm.sf(tau - 3)
        attack = passed * stats.norm.sf(tau - 2)
        return [miss - attack, unflagged * stats.norm.sf(tau) - attack]

    tau, cut = optimize.fsolve(gaps, [1.5, 1.5])
    expected = stats.norm.cdf(cut - 2) * stats.norm.sf(tau - 2)
    found = tandem.t_eer(draw(3, 0), draw(0, 0), draw(2, 2))
    assert found.t_eer == pytest.approx(expected, abs=0.004)
    assert found.miss == pytest.approx(found.false_attack, abs=0.002)
    assert found.false_non_mated == pytest.approx(found.t_eer, abs=0.002)


@pytest.mark.parametrize("seed", range(4))
def test_eer_against_pyeer(seed: int) -> None:
    """pyeer takes the interval rule: equal within one step of the smaller class."""
    mated, non_mated = two_classes(seed, ties=False)
    _, fmr, fnmr = calculate_roc(mated, non_mated)
    *_, other = get_eer_values(fmr, fnmr)
    found = curves.eer(mated, non_mated).eer
    assert found == pytest.approx(other, abs=1 / min(mated.size, non_mated.size))


@pytest.mark.parametrize(("seed", "figure"), list(itertools.product(range(4), ("eer", "auc"))))
def test_linearised_intervals_of_one_person_scores_against_loops(seed: int, figure: str) -> None:
    """A detector's scores: one person in either class, who may be in both."""
    rng = np.random.default_rng(seed)
    k = 9
    owner, speaker = np.repeat(np.arange(k), 6), np.repeat(np.arange(k), 5)
    effect = 2 * rng.standard_normal(k)
    attacks = 1 + effect[owner] + rng.normal(0, 0.3, owner.size)
    bona = -1 - effect[speaker] + rng.normal(0, 0.3, speaker.size)
    if figure == "eer":
        found, point = curves.eer_interval(attacks, owner, bona, speaker), curves.eer(attacks, bona)
        value, n, tau = point.eer, attacks.size, point.threshold
        window = 0.25 * min(np.std(attacks), np.std(bona))
        near = [max(1, sum(abs(s - tau) <= window for s in group)) / group.size for group in (attacks, bona)]
        w = near[0] / sum(near)
        of_attacks = (1 - w) * ((attacks < tau) - point.fnmr) / attacks.size
        of_bona = w * ((bona >= tau) - point.fmr) / bona.size
    else:
        found, value = curves.auc_interval(attacks, owner, bona, speaker), curves.auc(attacks, bona)
        n = min(attacks.size, bona.size)
        of_attacks = np.array([np.mean(bona < s) - value for s in attacks]) / attacks.size
        of_bona = np.array([np.mean(attacks > s) - value for s in bona]) / bona.size
    sums = [of_attacks[owner == x].sum() + of_bona[speaker == x].sum() for x in range(k)]
    deff = k / (k - 1) * sum(v * v for v in sums) / (value * (1 - value) / n)
    assert (found.p, found.n) == (pytest.approx(value), n)
    assert found.deff == pytest.approx(max(1.0, deff))

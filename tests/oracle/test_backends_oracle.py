"""Back-ends against scikit-learn, SciPy's multivariate normal density, and known populations."""

import itertools

import numpy as np
import pytest
from scipy.stats import multivariate_normal
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from visavox.metrics import backends, curves, operating_points
from visavox.metrics.backends import models, moments


def population(
    seed: int, k: int, m: int, d: int, signal: float, *, rank: int = 8, nuisance: float = 3.0
) -> tuple[np.ndarray, np.ndarray]:
    """People differ a little along every axis; the edit adds much along a few, which blinds plain cosine."""
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(k), m)
    loud = nuisance * rng.standard_normal((d, rank)) / np.sqrt(rank)
    own = signal * rng.standard_normal((k, d))
    rows = own[people] + rng.standard_normal((k * m, rank)) @ loud.T + rng.standard_normal((k * m, d))
    return (rows + 2 * rng.standard_normal(d)).astype(np.float32), people


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@pytest.mark.parametrize(("n", "d"), list(itertools.product((12, 60), (5, 40))))
def test_shrinkage_against_scikit_learn(n: int, d: int) -> None:
    rng = np.random.default_rng([n, d])
    rows = rng.standard_normal((n, d)) * np.linspace(0.3, 2, d)
    assert moments.shrinkage(rows, n) == pytest.approx(ledoit_wolf_shrinkage(rows, assume_centered=True))


@pytest.mark.parametrize(("k", "m", "d"), [(40, 5, 24), (20, 4, 60), (8, 3, 30)])
def test_lda_against_scikit_learn(k: int, m: int, d: int) -> None:
    """Shrinkage enters the oracle as data: pairs of pseudo-recordings that add the isotropic target to every class."""
    rows, people = population(k, k, m, d, 0.6)
    vectors = unit(rows.astype(np.float64))
    means = np.stack([vectors[people == c].mean(0) for c in range(k)])
    residuals = vectors - means[people]
    freedom = k * (m - 1)
    weight = min(1.0, ledoit_wolf_shrinkage(residuals, assume_centered=True) * k * m / freedom)
    target = weight * (residuals**2).sum() / freedom / d + moments.SPREAD_FLOOR**2 / d
    step = np.sqrt(freedom * target / ((1 - weight) * 2 * k))
    extra = (means[:, None, :] + step * np.vstack([np.eye(d), -np.eye(d)])).reshape(-1, d)
    oracle = LinearDiscriminantAnalysis(solver="eigen")
    oracle.fit(np.vstack([vectors, extra]), np.r_[people, np.repeat(np.arange(k), 2 * d)])
    for dims in (8, 16, 32):
        directions = oracle.scalings_[:, : min(dims, k - 1)]
        projected = unit((vectors - vectors.mean(0)) @ directions)
        found = backends.fit(f"lda_{dims}", rows, people).score(rows, rows)
        assert np.allclose(found, projected @ projected.T, atol=1e-5)


def test_whitening_against_mahalanobis_cosines() -> None:
    rows, people = population(3, 30, 4, 20, 0.5)
    vectors = unit(rows.astype(np.float64))
    residuals = vectors - np.stack([vectors[people == c].mean(0) for c in range(30)])[people]
    weight = ledoit_wolf_shrinkage(residuals, assume_centered=True) * 120 / 90
    within = (1 - weight) * residuals.T @ residuals / 90
    within += (weight * (residuals**2).sum() / 90 / 20 + moments.SPREAD_FLOOR**2 / 20) * np.eye(20)
    centred = vectors - vectors.mean(0)
    inner = centred @ np.linalg.solve(within, centred.T)
    expected = inner / np.sqrt(np.outer(np.diag(inner), np.diag(inner)))
    assert np.allclose(backends.fit("whitening", rows, people).score(rows, rows), expected, atol=1e-8)


def ratio(a: np.ndarray, b: np.ndarray, mean: np.ndarray, between: np.ndarray, within: np.ndarray) -> float:
    """Log-likelihood ratio from three normal densities."""
    total = between + within
    joint = np.block([[total, between], [between, total]])
    same = multivariate_normal(np.r_[mean, mean], joint).logpdf(np.r_[a, b])
    return float(same - multivariate_normal(mean, total).logpdf(a) - multivariate_normal(mean, total).logpdf(b))


@pytest.mark.parametrize("rank", [0, 2, 6])
def test_likelihood_ratio_of_known_parameters(rank: int) -> None:
    rng = np.random.default_rng(rank)
    mean, half = rng.standard_normal(6), rng.standard_normal((6, 6))
    basis = rng.standard_normal((6, rank))
    between, within = basis @ basis.T, half @ half.T + 0.1 * np.eye(6)
    first, second = 2 * rng.standard_normal((5, 6)), 2 * rng.standard_normal((4, 6))
    found = backends.two_covariance(mean, between, within).score(first, second)
    expected = [[ratio(a, b, mean, between, within) for b in second] for a in first]
    assert np.allclose(found, expected, atol=1e-8)


@pytest.mark.parametrize(("k", "m", "d"), [(30, 4, 8), (6, 3, 12)])
def test_fitted_likelihood_ratio_against_its_own_parameters(k: int, m: int, d: int) -> None:
    """With fewer people than dimensions the axes beyond the people's means take part as well."""
    rows, people = population(k + d, k, m, d, 0.9, rank=2)
    fitted = backends.fit("plda", rows, people)
    assert isinstance(fitted, models.LikelihoodRatio)
    unwhitened = np.linalg.inv(fitted.whitener)
    spread = fitted.variance_rest * np.eye(d)
    spread += fitted.axes @ np.diag(fitted.variances - fitted.variance_rest) @ fitted.axes.T
    between, within = unwhitened.T @ spread @ unwhitened, unwhitened.T @ unwhitened
    a, b = rows[:5].astype(np.float64), rows[5:9].astype(np.float64)
    expected = [[ratio(x, y, fitted.mean, between, within) for y in unit(b)] for x in unit(a)]
    assert np.allclose(fitted.score(a, b), expected, atol=1e-6)


@pytest.mark.parametrize("unequal", [False, True])
def test_moments_find_the_parameters_of_many_people(unequal: bool) -> None:
    rng = np.random.default_rng(5)
    k, d = 6000, 4
    counts = rng.integers(1, 6, k) if unequal else np.full(k, 3)
    people = np.repeat(np.arange(k), counts)
    half = 0.3 * rng.standard_normal((d, d)) + np.diag([1.0, 1.5, 2.0, 0.7])
    basis = rng.standard_normal((d, d))
    rows = rng.standard_normal((k, d))[people] @ basis.T + rng.standard_normal((people.size, d)) @ half.T
    learned = moments.moments(rows, people)
    unwhitened = np.linalg.inv(learned.whitener)
    assert np.allclose(unwhitened.T @ unwhitened, half @ half.T, atol=0.2)
    fitted = models._plda(learned)
    between = unwhitened.T @ fitted.axes @ np.diag(fitted.variances) @ fitted.axes.T @ unwhitened
    assert np.allclose(between, basis @ basis.T, atol=0.2)
    assert np.abs(basis @ basis.T).max() > 2 and np.abs(half @ half.T).max() > 2


def folds(seed: int, people: np.ndarray) -> np.ndarray:
    return np.random.default_rng(seed).permutation(int(people.max()) + 1)[people] % 3


def within_folds(found: backends.SemiInformed, people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mated scores, and the non-mated ones of the same kind."""
    mated = people[found.probe] == people[found.reference]
    return found.score[mated], found.score[~mated & found.is_within_fold]


def matched(mated: np.ndarray, non_mated: np.ndarray) -> int:
    return int((mated >= operating_points.threshold_at_fmr(non_mated, 1e-3).threshold).sum())


def test_a_planted_leak_that_only_training_finds() -> None:
    rows, people = population(1, 60, 4, 128, 0.5)
    vectors = unit(rows.astype(np.float64))
    i, j = np.triu_indices(len(rows), 1)
    lazy, is_mated = (vectors @ vectors.T)[i, j], people[i] == people[j]
    lazy_auc = curves.auc(lazy[is_mated], lazy[~is_mated])
    assert 0.45 < lazy_auc < 0.7
    found = backends.semi_informed_scores(rows, people, folds(1, people), rng=np.random.default_rng(1))
    mated, non_mated = within_folds(found, people)
    assert curves.auc(mated, non_mated) > 0.85
    assert curves.eer(mated, non_mated).eer < curves.eer(lazy[is_mated], lazy[~is_mated]).eer - 0.2
    assert matched(mated, non_mated) > 5 * matched(lazy[is_mated], lazy[~is_mated])


@pytest.mark.parametrize("name", ["whitening", "lda_32", "plda"])
def test_each_back_end_finds_the_planted_leak(name: str) -> None:
    rows, people = population(2, 60, 4, 48, 0.7)
    train, test = people < 40, people >= 40

    def area(which: str) -> float:
        scores = backends.fit(which, rows[train], people[train]).score(rows[test], rows[test])
        i, j = np.triu_indices(int(test.sum()), 1)
        same = people[test][i] == people[test][j]
        return curves.auc(scores[i, j][same], scores[i, j][~same])

    assert area(name) > area("none") + 0.1


@pytest.mark.study
def test_without_a_leak_the_protocol_makes_none() -> None:
    """The short form of docs/studies/semi_informed.md: matches at FMR 1e-3 within 99.9 % of their Poisson spread."""
    hits = n = 0
    for seed in range(20):
        rows, people = population(100 + seed, 48, 4, 48, 0.0)
        found = backends.semi_informed_scores(rows, people, folds(seed, people), rng=np.random.default_rng(seed))
        mated, non_mated = within_folds(found, people)
        hits, n = hits + matched(mated, non_mated), n + mated.size
    assert n == 20 * 48 * 6
    assert hits <= 17  # expected 5.76; people are shared, so the spread is a little wider than Poisson's

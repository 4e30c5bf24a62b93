"""Metrics against independent implementations: scikit-learn, SciPy, and loops written from the definitions."""

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, stats
from sklearn.metrics import roc_auc_score, roc_curve

from visavox.metrics import (
    curves,
    effective_size,
    error_rates,
    intervals,
    linkability,
    multiplicity,
    operating_points,
    permutation,
)


def scores(seed: int, *, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    mated, non_mated = rng.normal(0.8, 1, rng.integers(3, 80)), rng.normal(0, 1, rng.integers(3, 200))
    return (mated.round(1), non_mated.round(1)) if ties else (mated, non_mated)


@pytest.mark.parametrize(("seed", "ties"), list(itertools.product(range(12), (False, True))))
def test_det_auc_and_eer_against_scikit_learn(seed: int, ties: bool) -> None:
    mated, non_mated = scores(seed, ties=ties)
    labels = np.r_[np.ones(mated.size), np.zeros(non_mated.size)]
    fpr, tpr, thresholds = roc_curve(labels, np.r_[mated, non_mated], drop_intermediate=False)
    det = curves.det_curve(mated, non_mated)
    assert np.array_equal(det.thresholds[::-1], thresholds)
    assert np.allclose(det.fmr[::-1], fpr) and np.allclose(1 - det.fnmr[::-1], tpr)
    assert curves.auc(mated, non_mated) == pytest.approx(roc_auc_score(labels, np.r_[mated, non_mated]))
    gap = np.abs(fpr - (1 - tpr))
    closest = np.isclose(gap, gap.min())
    expected = ((fpr + 1 - tpr) / 2)[closest].min()
    assert curves.eer(mated, non_mated).eer == pytest.approx(expected)


@pytest.mark.parametrize(("seed", "figure"), list(itertools.product(range(6), ("eer", "auc"))))
def test_linearised_intervals_against_loops(seed: int, figure: str) -> None:
    """Case d from the text; people with strong effects, so that the variance and not the floor decides."""
    rng = np.random.default_rng(seed)
    k = 9
    owner, (i, j) = np.repeat(np.arange(k), 6), (np.repeat(side, 3) for side in np.triu_indices(k, 1))
    effect = 2 * rng.standard_normal(k)
    mated, non = 1 - effect[owner] + rng.normal(0, 0.3, owner.size), effect[i] + effect[j] + rng.normal(0, 0.3, i.size)
    if figure == "eer":
        found, point = curves.eer_interval(mated, owner, non, i, j), curves.eer(mated, non)
        value, n, tau = point.eer, mated.size, point.threshold
        window = 0.25 * min(np.std(mated), np.std(non))
        near = [max(1, sum(abs(s - tau) <= window for s in group)) / group.size for group in (mated, non)]
        w = near[0] / sum(near)
        of_mated = [(1 - w) * ((s < tau) - point.fnmr) / mated.size for s in mated]
        of_non = [w * ((s >= tau) - point.fmr) / non.size for s in non]
    else:
        found, value = curves.auc_interval(mated, owner, non, i, j), curves.auc(mated, non)
        n = min(mated.size, non.size)
        of_mated = [(np.mean(non < s) - value) / mated.size for s in mated]
        of_non = [(np.mean(mated > s) - value) / non.size for s in non]
    sums = [sum(r for r, o in zip(of_mated, owner, strict=True) if o == x) for x in range(k)]
    sums = [v + sum(r for r, a, b in zip(of_non, i, j, strict=True) if x in {a, b}) for x, v in enumerate(sums)]
    pairs = [
        sum(r for r, a, b in zip(of_non, i, j, strict=True) if (a, b) == pair) for pair in set(zip(i, j, strict=True))
    ]
    variance = k / (k - 1) * (sum(v * v for v in sums) - sum(v * v for v in pairs))
    deff = variance / (value * (1 - value) / n)
    assert deff > 1
    assert (found.p, found.n) == (pytest.approx(value), n)
    assert found.deff == pytest.approx(deff)


def test_target_that_floating_point_cannot_hold() -> None:
    assert 0.29 * 100 < 29
    assert operating_points.threshold_at_fmr(np.arange(100.0), 0.29).fmr == 0.29


@pytest.mark.parametrize("seed", range(6))
def test_auc_against_mann_whitney(seed: int) -> None:
    mated, non_mated = scores(seed, ties=True)
    u = stats.mannwhitneyu(mated, non_mated, method="asymptotic").statistic
    assert curves.auc(mated, non_mated) == pytest.approx(u / (mated.size * non_mated.size))


@pytest.mark.parametrize(("seed", "target"), list(itertools.product(range(8), (0.01, 0.07, 0.29, 0.5))))
def test_threshold_against_every_candidate(seed: int, target: float) -> None:
    _, non_mated = scores(seed, ties=seed % 2 == 0)
    found = operating_points.threshold_at_fmr(non_mated, target)
    allowed = [s for s in non_mated if sum(x >= s for x in non_mated) / non_mated.size <= target]
    if allowed:
        assert found.threshold == min(allowed) and not found.ties
        assert found.fmr == sum(x >= found.threshold for x in non_mated) / non_mated.size
    else:
        assert found.ties and found.fmr == 0.0 and found.threshold > non_mated.max()


@pytest.mark.parametrize(("hits", "n"), [(0, 30), (1, 30), (7, 40), (29, 30), (30, 30)])
def test_bounds_of_unclustered_trials_against_binomtest(hits: int, n: int) -> None:
    exact = stats.binomtest(hits, n).proportion_ci(0.95, method="exact")
    many = 10**9  # as many people as this: no price for an estimated variance
    assert effective_size.lower_bounds(hits / n, n, many, 0.025) == pytest.approx(exact.low, abs=1e-7)
    assert effective_size.upper_bounds(hits / n, n, many, 0.025) == pytest.approx(exact.high, abs=1e-7)


def naive_basis(p: float, n: int, deff: float, g: int, alpha: float) -> tuple[float, float]:
    size = n / deff
    if 0 < p < 1:
        size *= (stats.norm.isf(alpha) / stats.t.isf(alpha, g - 1)) ** 2
    low = 0.0 if p == 0 else stats.beta.ppf(alpha, p * size, size - p * size + 1)
    return low, (1.0 if p == 1 else stats.beta.ppf(1 - alpha, p * size + 1, size - p * size))


def naive_deff(hits: list[int], people: list[tuple[int, ...]], kind: str) -> tuple[float, float, int]:
    """The box of the specification, one loop per symbol."""
    n, p = len(hits), sum(hits) / len(hits)
    everyone = sorted({i for row in people for i in row})
    g = len(everyone)
    total = {i: sum(h - p for h, row in zip(hits, people, strict=True) if i in row) for i in everyone}
    pairs = {
        (i, j): sum(h - p for h, row in zip(hits, people, strict=True) if set(row) == {i, j})
        for i, j in itertools.combinations(everyone, 2)
    }
    squares = sum(v * v for v in total.values())
    if kind == "c":
        squares = max(0.0, squares - sum(v * v for v in pairs.values()))
    variance = g / (g - 1) * squares / n**2
    won = sum(any(h for h, row in zip(hits, people, strict=True) if i in row) for i in everyone)
    lost = sum(any(not h for h, row in zip(hits, people, strict=True) if i in row) for i in everyone)
    touched = min(won, lost)
    rho = 0.2 if touched == 0 else min(0.2, 4 / touched)
    if kind == "b":
        each = [sum(set(row) == {i, j} for row in people) for i, j in pairs]
        q = sum(c * c for c in each) / sum(each)
        floor = 1 + (q - 1) * (1 if touched == 0 else min(1, 20 / touched))
    else:
        each = [sum(row[-1] == i for row in people) for i in everyone]
        floor = 1 + (1 if kind == "a" else 2) * (sum(c * c for c in each) / sum(each) - 1) * rho
    deff = max(floor, 1) if p in {0, 1} else max(variance / (p * (1 - p) / n), floor, 1)
    return p, deff, touched


@pytest.mark.parametrize(("seed", "kind"), list(itertools.product(range(10), "abc")))
def test_interval_cases_against_loops(seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    g, n = int(rng.integers(3, 30)), int(rng.integers(20, 120))
    first = rng.integers(0, g, n)
    second = (first + rng.integers(1, g, n)) % g
    hits = (rng.random(n) < rng.choice([0.0, 0.05, 0.4, 1.0])).astype(int)
    labels = 1000 + 7 * np.arange(g)
    people = [(int(j),) if kind == "a" else (int(i), int(j)) for i, j in zip(first, second, strict=True)]
    p, deff, touched = naive_deff(hits.tolist(), people, kind)
    if kind == "a":
        found = intervals.rate_interval(hits, labels[second])
    elif kind == "b":
        found = intervals.pair_rate_interval(hits, labels[first], labels[second])
    else:
        found = intervals.cross_rate_interval(hits, labels[first], labels[second])
    assert (found.p, found.touched) == (pytest.approx(p), touched)
    assert found.deff == pytest.approx(deff)
    for alpha in (0.05, 0.025, 1e-4):
        low, high = naive_basis(p, n, deff, found.n_people, alpha)
        assert intervals.bound_lower(found.basis, alpha) == pytest.approx(low, abs=1e-9)
        assert intervals.bound_upper(found.basis, alpha) == pytest.approx(high, abs=1e-9)


def naive_threshold_variance(stratum: intervals.Stratum) -> float:
    """Case e, one stratum, from the text: V = G/(G-1) max(0, sum S^2 - sum P^2)."""
    trials, non = np.asarray(stratum.scores), np.asarray(stratum.non_mated)
    first, second = np.asarray(stratum.non_first), np.asarray(stratum.non_second)
    extra = [] if stratum.extra_hits is None else list(np.asarray(stratum.extra_hits))
    y = [float(s >= stratum.threshold) for s in trials] + [float(h) for h in extra]
    owners = list(np.asarray(stratum.persons)) + ([] if stratum.extra_persons is None else list(stratum.extra_persons))
    n, p = len(y), sum(y) / len(y)
    scored = sum(y[: trials.size]) / trials.size

    def logit(target: float) -> float:
        ordered = sorted(non, reverse=True)
        tau = min((s for s in ordered if sum(x >= s for x in ordered) / non.size <= target), default=math.inf)
        share = (sum(s >= tau for s in trials) + 0.5) / (trials.size + 1)
        return math.log(share / (1 - share))

    b = (logit(2 * stratum.target_fmr) - logit(stratum.target_fmr / 2)) / math.log(4)
    matches = [float(s >= stratum.threshold) for s in non]
    rate = sum(matches) / non.size
    c = -(trials.size / n) * scored * (1 - scored) * b / (rate * non.size)
    everyone = sorted(set(owners))
    sums = dict.fromkeys(everyone, 0.0)
    pairs: dict[tuple[int, int], float] = {}
    for hit, owner in zip(y, owners, strict=True):
        sums[owner] += (hit - p) / n
    for hit, i, j in zip(matches, first, second, strict=True):
        sums[i] += c * (hit - rate)
        sums[j] += c * (hit - rate)
        key = (min(i, j), max(i, j))
        pairs[key] = pairs.get(key, 0.0) + c * (hit - rate)
    g = len(everyone)
    return g / (g - 1) * max(0.0, sum(v * v for v in sums.values()) - sum(v * v for v in pairs.values()))


@pytest.mark.parametrize(("seed", "with_extra"), list(itertools.product(range(5), (False, True))))
def test_rate_at_threshold_against_loops(seed: int, with_extra: bool) -> None:
    rng = np.random.default_rng(seed)
    g, target = 12, 0.05
    i, j = (np.repeat(side, 3) for side in np.triu_indices(g, 1))
    effect = rng.normal(0, 0.8, g)
    non = effect[i] + effect[j] + rng.normal(0, 0.5, i.size)
    owners = np.repeat(np.arange(g), 6)
    trials = rng.normal(1.0, 1.0, owners.size)
    extra = ([1, 0, 1, 1], [0, 3, 3, 5]) if with_extra else (None, None)
    tau = operating_points.threshold_at_fmr(non, target).threshold
    stratum = intervals.Stratum(trials, owners, tau, target, non, i, j, *extra)
    found = intervals.rate_at_threshold_interval([stratum])
    binomial = found.p * (1 - found.p) / found.n
    variance = naive_threshold_variance(stratum)
    each = np.bincount(np.r_[owners, extra[1]] if extra[1] else owners)
    floor = 1 + ((each**2).sum() / each.sum() - 1) * min(0.2, 4 / found.touched)
    assert variance / binomial > 1
    assert found.deff == pytest.approx(max(variance / binomial, floor))


@pytest.mark.parametrize("is_symmetric", [False, True])
def test_label_permutation_auc_against_scikit_learn(is_symmetric: bool) -> None:
    rng = np.random.default_rng(3)
    k = 9
    i, j = np.nonzero(np.triu(np.ones((k, k)), 1) if is_symmetric else ~np.eye(k, dtype=bool))
    i, j = np.repeat(i, 2), np.repeat(j, 2)
    values = rng.normal(size=i.size).round(1)
    d = permutation.draw_derangement(k, rng)
    found = permutation.label_permutation_auc(
        values, i, j, n_people=k, rng=rng, derangement=d, is_symmetric=is_symmetric
    )
    if is_symmetric:
        i, j, values = np.r_[i, j], np.r_[j, i], np.r_[values, values]
    assert found.auc0 == pytest.approx(roc_auc_score(d[i] == j, values))


def test_d_sys_against_quadrature_of_known_densities() -> None:
    rng = np.random.default_rng(5)
    mated, non = rng.normal(1.5, 0.7, 300_000), rng.normal(0, 1.2, 300_000)
    a, b = stats.norm(1.5, 0.7), stats.norm(0, 1.2)

    def local(s: float) -> float:
        ratio = 0.5 * a.pdf(s) / b.pdf(s)
        return float(a.pdf(s) * (2 * ratio / (1 + ratio) - 1)) if ratio > 1 else 0.0

    expected = integrate.quad(local, -6, 8, limit=300)[0]
    assert linkability.d_sys(mated, non, omega=0.5) == pytest.approx(expected, abs=0.01)


def test_d_sys_jackknife_against_recounting() -> None:
    """Without person i the bins stay; the histogram estimate is otherwise taken afresh."""
    rng = np.random.default_rng(6)
    k = 8
    owners, (i, j) = np.repeat(np.arange(k), 5), np.triu_indices(k, 1)
    mated, non = rng.normal(1, 1, owners.size), rng.normal(0, 1, i.size)
    both = np.r_[mated, non]
    edges = np.linspace(both.min(), both.max(), min(mated.size // 10, 100) + 1)

    def value(m: np.ndarray, n: np.ndarray) -> float:
        p, q = np.histogram(m, edges)[0] / m.size, np.histogram(n, edges)[0] / n.size
        return float(
            sum(a * (1.0 if b == 0 else 2 * (a / b) / (1 + a / b) - 1) for a, b in zip(p, q, strict=True) if a > b)
        )

    without = np.array([value(mated[owners != x], non[(i != x) & (j != x)]) for x in range(k)])
    error = math.sqrt((k - 1) / k * ((without - without.mean()) ** 2).sum())
    found = linkability.d_sys_interval(mated, owners, non, i, j)
    assert found.value == pytest.approx(value(mated, non))
    assert found.standard_error == pytest.approx(error)
    assert found.high == pytest.approx(min(1, found.value + stats.t.isf(0.025, k - 1) * error))


def test_holm_against_the_definition() -> None:
    rng = np.random.default_rng(4)
    for _ in range(50):
        p = rng.random(6) ** 3
        expected, alive = [False] * 6, True
        for rank, index in enumerate(np.argsort(p)):
            alive = alive and p[index] <= 0.05 / (6 - rank)
            expected[index] = bool(alive)
        assert multiplicity.holm(p, 0.05).tolist() == expected


def test_rates_against_counting() -> None:
    mated, non_mated = scores(1, ties=True)
    found = error_rates.error_rates(mated, non_mated, 0.5)
    assert found.n_false_matches == sum(s >= 0.5 for s in non_mated)
    assert found.n_false_non_matches == sum(s < 0.5 for s in mated)
    assert found.fmr == error_rates.fmr(non_mated, 0.5) and found.fnmr == error_rates.fnmr(mated, 0.5)


def test_mean_interval_against_scipy() -> None:
    values = np.array([0.1, 0.4, 0.35, 0.2])
    low, high = stats.t.interval(0.95, 3, values.mean(), stats.sem(values))
    found = intervals.mean_interval(values, minimum=-1)
    assert (found.low, found.high) == (pytest.approx(low), pytest.approx(high))

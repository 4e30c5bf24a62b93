"""Morphing figures against double loops written from the published definitions.

MinMax- and ProdAvg-MMPMR: Scherhag et al., BIOSIG 2017 (with >= where they write >). MAP: Ferrara et al., 2022.
"""

import itertools
import math
from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats

from visavox.metrics import effective_size, error_rates, intervals, morphing, morphing_intervals, operating_points


class Morphs(NamedTuple):
    """scores[m][n]: similarities of morph m with the recordings of its n-th contributor."""

    contributors: list[list[int]]
    scores: list[list[list[float]]]

    def rows(self, rng: np.random.Generator) -> morphing.ContributorScores:
        flat = [
            (m, self.contributors[m][n], s)
            for m, by_contributor in enumerate(self.scores)
            for n, samples in enumerate(by_contributor)
            for s in samples
        ]
        order = rng.permutation(len(flat))
        columns = [np.array(column)[order] for column in zip(*flat, strict=True)]
        return morphing.ContributorScores(*columns, np.array(self.contributors))


def draw(rng: np.random.Generator, k: int, *, least: int = 1) -> Morphs:
    """Ties with the thresholds below occur: scores have one decimal."""
    people, n = 40 + 3 * np.arange(9), int(rng.integers(1, 25))
    chosen = [[int(x) for x in rng.permutation(people)[:k]] for _ in range(n)]
    lift = dict(zip(map(int, people), rng.normal(0, 0.5, people.size), strict=True))
    scores = [
        [[float(s) for s in (lift[x] + rng.normal(0, 1, rng.integers(least, 6))).round(1)] for x in row]
        for row in chosen
    ]
    return Morphs(chosen, scores)


@pytest.mark.parametrize(("seed", "k"), list(itertools.product(range(8), (1, 2, 3))))
def test_mmpmr_against_the_definition(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    morphs = draw(rng, k)
    rows = morphs.rows(rng)
    decisive = morphing.minmax_scores(rows)
    assert decisive.missing.size == 0
    for threshold in (-0.5, 0.0, 0.3, 1.0):
        successes, products = 0, 0.0
        for by_contributor in morphs.scores:
            smallest = math.inf
            product = 1.0
            for samples in by_contributor:
                smallest = min(smallest, max(samples))
                product *= sum(s >= threshold for s in samples) / len(samples)
            successes += smallest >= threshold
            products += product
        n = len(morphs.scores)
        assert morphing.mmpmr(decisive.scores, threshold) == successes / n
        assert morphing.prod_avg_mmpmr(rows, threshold) == pytest.approx(products / n)


def test_an_output_without_a_score_for_a_contributor_is_named_as_missing() -> None:
    rng = np.random.default_rng(1)
    for _ in range(30):
        morphs = draw(rng, 2, least=0)
        if not any(samples for row in morphs.scores for samples in row):
            continue
        found = morphing.minmax_scores(morphs.rows(rng))
        missing = [m for m, row in enumerate(morphs.scores) if not all(row)]
        assert found.missing.tolist() == missing
        assert found.outputs.tolist() == [m for m in range(len(morphs.scores)) if m not in missing]
        assert found.scores.tolist() == [min(max(s) for s in row) for row in morphs.scores if all(row)]


@pytest.mark.parametrize(
    ("seed", "k", "verifiers", "attempts"), list(itertools.product(range(4), (1, 2, 3), (1, 3), (1, 4)))
)
def test_map_against_the_definition(seed: int, k: int, verifiers: int, attempts: int) -> None:
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 12))
    accepted = rng.random((verifiers, n, k, attempts)) < rng.choice([0.3, 0.8])
    found = morphing.map_matrix(accepted.sum(axis=3), attempts)
    for r, c in itertools.product(range(1, attempts + 1), range(1, verifiers + 1)):
        share = []
        for m in range(n):
            agreeing = 0
            for v in range(verifiers):
                every = True
                for contributor in range(k):
                    if sum(bool(accepted[v, m, contributor, a]) for a in range(attempts)) < r:
                        every = False
                agreeing += every
            share.append(agreeing >= c)
        assert found.rates[r - 1, c - 1] == pytest.approx(sum(share) / n)
        assert found.successes[r - 1, c - 1].tolist() == share


def test_map_from_scores_of_two_verifiers_with_their_own_thresholds() -> None:
    """Two contributors with 3 and 4 recordings: three attempts of each count, the first in the order given."""
    contributors = [[7, 9]]
    person = np.array([9, 7, 9, 7, 9, 7, 9])
    scores = {"a": [0.9, 0.9, 0.1, 0.9, 0.9, 0.1, 0.9], "b": [30, 10, 10, 30, 30, 30, 30]}
    rows = {
        name: morphing.ContributorScores(np.zeros(7, int), person, np.array(s, float), contributors)
        for name, s in scores.items()
    }
    kept = {name: morphing.first_attempts(one, 3) for name, one in rows.items()}
    assert morphing.probe_attempts(rows["a"]).tolist() == [[3, 4]]
    assert morphing.probe_attempts(kept["a"]).tolist() == [[3, 3]]
    counts = [morphing.accepted_counts(kept[name], threshold).tolist() for name, threshold in (("a", 0.9), ("b", 30.0))]
    assert counts == [[[2, 2]], [[2, 2]]]
    assert morphing.map_matrix(counts, 3).rates.tolist() == [[1, 1], [1, 1], [0, 0]]


def test_attempts_of_a_case() -> None:
    rng = np.random.default_rng(2)
    case, scores = rng.integers(3, 9, 60), rng.normal(0, 1, 60).round(1)
    found, best = morphing.any_of_k(scores >= 1.0, case), morphing.best_of_k(scores, case)
    assert found.case.tolist() == best.case.tolist() == sorted(set(case.tolist()))
    for label, any_accepted, largest in zip(found.case, found.accepted, best.scores, strict=True):
        mine = [s for s, c in zip(scores, case, strict=True) if c == label]
        assert any_accepted == any(s >= 1.0 for s in mine) and largest == max(mine)


def test_relative_rates_restate_their_definitions() -> None:
    for rate, error in ((0.0, 0.0), (0.4, 0.1), (1.0, 0.25)):
        assert morphing.rmmr(rate, error) == pytest.approx(1 + (rate - (1 - error)))
        assert morphing.riapar(rate, error_rates.frr(error, 0.2)) == pytest.approx(
            1 + (rate - (1 - (0.2 + 0.8 * error)))
        )


def test_mmpmr_interval_against_loops() -> None:
    """Case e over contributors, on a circle of people: each in two morphs, whichever is named first."""
    rng = np.random.default_rng(7)
    g = 24
    contributors = np.stack([np.arange(g), (np.arange(g) + 1) % g], axis=1)
    contributors[::2] = contributors[::2, ::-1]
    effect = rng.normal(0, 1, g)
    first, second = (np.repeat(side, 2) for side in np.triu_indices(g, 1))
    non = effect[first] + effect[second] + rng.normal(0, 0.7, first.size)
    tau = operating_points.threshold_at_fmr(non, 0.05).threshold
    output, person = np.repeat(np.arange(g), 6), np.repeat(contributors, 3, axis=1).ravel()
    score = tau + 0.8 + effect[person] + rng.normal(0, 0.5, output.size)
    decisive = morphing.minmax_scores(morphing.ContributorScores(output, person, score, contributors))
    given = {"threshold": tau, "target_fmr": 0.05, "non_mated": non, "non_first": first, "non_second": second}
    frozen = morphing_intervals.mmpmr_interval(
        [morphing_intervals.mmpmr_stratum(decisive, contributors, **given, frozen=True)]
    )
    hits = decisive.scores >= tau
    p = morphing.mmpmr(decisive.scores, tau)
    people = [set(row) for row in contributors.tolist()]
    shared = sum(
        (hits[a] - p) * (hits[b] - p) for a, b in itertools.product(range(g), range(g)) if people[a] & people[b]
    )
    variance = g / (g - 1) * shared / g**2
    floor = 1 + 2 * (2 - 1) * float(effective_size.assumed_correlation(frozen.touched))
    assert (frozen.p, frozen.n, frozen.n_people) == (p, g, g)
    assert frozen.deff == pytest.approx(max(variance / (p * (1 - p) / g), floor))
    estimated = morphing_intervals.mmpmr_interval([morphing_intervals.mmpmr_stratum(decisive, contributors, **given)])
    assert estimated.p == p and estimated.deff > frozen.deff
    assert morphing_intervals.contributors_rate_interval(hits, contributors) == frozen
    turned = morphing_intervals.contributors_rate_interval(hits, contributors[:, ::-1])
    assert turned.deff == pytest.approx(frozen.deff)


def test_missing_outputs_widen_the_interval_to_both_sides() -> None:
    contributors = np.array([[0, 1], [1, 2], [2, 3], [3, 0], [0, 2]])
    rows = morphing.ContributorScores([0, 0, 1, 1, 2, 3, 3], [0, 1, 1, 2, 2, 3, 0], [1.0] * 7, contributors)
    decisive = morphing.minmax_scores(rows)
    assert decisive.missing.tolist() == [2, 4]
    non = np.linspace(0, 0.5, 6)
    first, second = np.triu_indices(4, 1)

    def interval(hit: bool) -> intervals.RateInterval:
        stratum = morphing_intervals.mmpmr_stratum(
            decisive,
            contributors,
            threshold=0.9,
            target_fmr=0.5,
            non_mated=non,
            non_first=first,
            non_second=second,
            missing_hit=hit,
        )
        return morphing_intervals.mmpmr_interval([stratum])

    low, high = interval(False), interval(True)
    assert (low.p, high.p, low.n) == (0.6, 1.0, 5)
    basis = intervals.imputed(low, high)
    assert intervals.bound_upper(basis, 0.05) == 1.0 and intervals.bound_lower(basis, 0.05) < 0.6


def test_prod_avg_jackknife_against_recounting() -> None:
    rng = np.random.default_rng(3)
    g = 10
    contributors = np.stack([np.arange(g), (np.arange(g) + 3) % g], axis=1)
    output, person = np.repeat(np.arange(g), 8), np.repeat(contributors, 4, axis=1).ravel()
    score = rng.normal(0, 1, output.size)
    rows = morphing.ContributorScores(output, person, score, contributors)
    without = []
    for x in range(g):
        kept = np.flatnonzero((contributors != x).all(axis=1))
        products = [
            math.prod(np.mean(score[(output == m) & (person == c)] >= 0.2) for c in contributors[m]) for m in kept
        ]
        without.append(np.mean(products))
    error = math.sqrt((g - 1) / g * ((np.array(without) - np.mean(without)) ** 2).sum())
    found = morphing_intervals.prod_avg_interval(rows, 0.2)
    assert found.value == morphing.prod_avg_mmpmr(rows, 0.2)
    assert found.standard_error == pytest.approx(error)
    assert found.high == pytest.approx(min(1, found.value + stats.t.isf(0.025, g - 1) * error))

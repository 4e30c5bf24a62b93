"""Properties of the impersonation figures, the spread over judges and the bands."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.metrics import bands, morphing, morphing_intervals
from visavox.metrics.intervals import bound_lower, bound_upper
from visavox.metrics.spread import JudgeTrials, spread_interval

seeds = st.integers(0, 2**32 - 1)
quick = settings(max_examples=40, deadline=None, derandomize=True)


def rows(seed: int, *, k: int | None = None) -> morphing.ContributorScores:
    """Every contributor of every output has at least one score; ties occur."""
    rng = np.random.default_rng(seed)
    k = int(rng.integers(1, 4)) if k is None else k
    n = int(rng.integers(5, 20))
    contributors = np.stack([rng.permutation(9)[:k] for _ in range(n)])
    each = rng.integers(1, 5, n * k)
    output = np.repeat(np.repeat(np.arange(n), k), each)
    person, order = np.repeat(contributors.ravel(), each), rng.permutation(output.size)
    score = rng.normal(0, 1, output.size).round(1)
    return morphing.ContributorScores(output[order], person[order], score, contributors)


def frozen(data: morphing.ContributorScores) -> morphing.ContributorScores:
    for column in data:
        np.asarray(column).flags.writeable = False
    return data


@quick
@given(seeds, st.floats(-2, 2))
def test_figures_are_ordered_shares_and_change_nothing(seed: int, threshold: float) -> None:
    data = frozen(rows(seed))
    before = [np.copy(column) for column in data]
    minmax = morphing.mmpmr(morphing.minmax_scores(data).scores, threshold)
    average = morphing.prod_avg_mmpmr(data, threshold)
    assert 0.0 <= average <= minmax <= 1.0
    assert all(np.array_equal(a, b) for a, b in zip(before, data, strict=True))
    assert morphing.mmpmr(morphing.minmax_scores(data).scores, threshold + 0.1) <= minmax
    assert morphing.prod_avg_mmpmr(data, threshold + 0.1) <= average
    for rate in (0.0, minmax):
        assert morphing.rmmr(minmax, rate) == pytest.approx(minmax + rate)


@quick
@given(seeds)
def test_order_and_names_do_not_matter(seed: int) -> None:
    data, rng = rows(seed), np.random.default_rng(seed)
    order = rng.permutation(np.asarray(data.output).size)
    number = rng.choice(1000, 9, replace=False)
    table = np.asarray(data.contributors)
    turned = morphing.ContributorScores(
        np.asarray(data.output)[order],
        number[np.asarray(data.person)[order]],
        np.asarray(data.score)[order],
        number[table[:, ::-1]],
    )
    assert np.array_equal(morphing.minmax_scores(turned).scores, morphing.minmax_scores(data).scores)
    assert morphing.prod_avg_mmpmr(turned, 0.2) == pytest.approx(morphing.prod_avg_mmpmr(data, 0.2))
    assert np.array_equal(morphing.accepted_counts(turned, 0.2)[:, ::-1], morphing.accepted_counts(data, 0.2))


@quick
@given(seeds, st.integers(1, 4), st.integers(1, 5))
def test_map_falls_in_both_directions_and_ignores_the_order_of_verifiers(seed: int, c: int, r: int) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.integers(0, r + 1, (c, int(rng.integers(1, 15)), int(rng.integers(1, 4))))
    counts.flags.writeable = False
    found = morphing.map_matrix(counts, r)
    assert found.rates.shape == (r, c) and found.successes.shape == (r, c, counts.shape[1])
    assert (np.diff(found.rates, axis=0) <= 0).all() and (np.diff(found.rates, axis=1) <= 0).all()
    assert ((found.rates >= 0) & (found.rates <= 1)).all()
    turned = counts[rng.permutation(c)][:, rng.permutation(counts.shape[1])]
    assert np.array_equal(morphing.map_matrix(turned, r).rates, found.rates)
    assert np.array_equal(found.rates, found.successes.mean(axis=2))


@quick
@given(seeds, st.floats(-2, 2))
def test_the_first_cell_of_one_verifier_is_mmpmr(seed: int, threshold: float) -> None:
    """One attempt or more of each contributor matches iff the best ones all do."""
    data = rows(seed)
    counts = morphing.accepted_counts(data, threshold)
    found = morphing.map_matrix(counts[None], int(morphing.probe_attempts(data).max()))
    decisive = morphing.minmax_scores(data).scores
    assert np.array_equal(found.successes[0, 0], decisive >= threshold)
    assert found.rates[0, 0] == pytest.approx(morphing.mmpmr(decisive, threshold))


@quick
@given(seeds, st.integers(1, 6))
def test_first_attempts_are_the_first_and_at_most_so_many(seed: int, attempts: int) -> None:
    data = rows(seed)
    kept = morphing.first_attempts(data, attempts)
    assert np.array_equal(morphing.probe_attempts(kept), np.minimum(morphing.probe_attempts(data), attempts))
    for output, person in set(zip(np.asarray(data.output).tolist(), np.asarray(data.person).tolist(), strict=True)):
        mine = (np.asarray(data.output) == output) & (np.asarray(data.person) == person)
        of_kept = (np.asarray(kept.output) == output) & (np.asarray(kept.person) == person)
        assert np.array_equal(np.asarray(kept.score)[of_kept], np.asarray(data.score)[mine][:attempts])


@quick
@given(seeds, st.integers(1, 3))
def test_intervals_over_contributors_stand_around_the_rate_whoever_is_named_first(seed: int, k: int) -> None:
    data = rows(seed, k=k)
    table = np.asarray(data.contributors)
    hits = morphing.minmax_scores(data).scores >= 0.2
    found = morphing_intervals.contributors_rate_interval(hits, table)
    assert bound_lower(found.basis, 0.05) <= hits.mean() <= bound_upper(found.basis, 0.05)
    turned = np.stack([np.random.default_rng([seed, m]).permutation(row) for m, row in enumerate(table)])
    again = morphing_intervals.contributors_rate_interval(hits, turned)
    assert (again.p, again.touched) == (found.p, found.touched)
    assert again.deff == pytest.approx(found.deff)


@quick
@given(seeds)
def test_any_attempt_is_the_largest_score(seed: int) -> None:
    rng = np.random.default_rng(seed)
    case, scores = rng.integers(0, 6, 30), rng.normal(0, 1, 30).round(1)
    best, found = morphing.best_of_k(scores, case), morphing.any_of_k(scores >= 0.5, case)
    assert np.array_equal(best.scores >= 0.5, found.accepted)
    assert found.accepted.mean() >= np.mean([(scores[case == c] >= 0.5).mean() for c in best.case])


@quick
@given(seeds)
def test_the_spread_is_a_share_that_ignores_the_order_of_judges(seed: int) -> None:
    rng = np.random.default_rng(seed)
    people = np.repeat(np.arange(10), 4)
    judges = [JudgeTrials(rng.random(40) < rate, people) for rate in rng.random(3)]
    found, back = spread_interval(judges), spread_interval(judges[::-1])
    assert 0.0 <= found.interval.low <= found.interval.value <= found.interval.high <= 1.0
    assert back.interval == found.interval
    assert found.figures[found.highest] - found.figures[found.lowest] == found.interval.value
    more = spread_interval([*judges, judges[0]])
    assert more.interval.value == found.interval.value


@quick
@given(st.floats(0, 1), st.floats(0, 1))
def test_a_band_holds_the_whole_interval_or_is_not_said(one: float, other: float) -> None:
    low, high = min(one, other), max(one, other)
    said = bands.band(low, high)
    inside = {
        "<= 7 %": high <= 0.07,
        "7-20 %": low > 0.07 and high <= 0.20,
        "> 20 %": low > 0.20,
        "": (low <= 0.07 < high) or (low <= 0.20 < high),
    }
    assert [name for name, holds in inside.items() if holds] == [said]
